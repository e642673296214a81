//! Reads Kafka Streams applications from a Kafka cluster, in batches (I/O). Changes nothing there.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::ProviderAddress;
use crate::clients::kafka::{Client, KafkaError, ListedGroup, TopicSelection};
use crate::clients::{Connections, kafka_diagnostic};
use crate::diagnostic::did_you_mean;
use crate::kinds::consumer_group::driver::{chosen, committed_topics, describe, hidden};
use crate::kinds::driver::{Context, Driver, DriverError, Failure, Operation, Question, Wanted};
use crate::kinds::topic::names;

use super::{KafkaStreams, KafkaStreamsFacts, KafkaStreamsLive};

/// Reads the applications of one cluster.
#[derive(Debug, Clone)]
pub struct KafkaStreamsDriver {
    client: Client,
    provider: ProviderAddress,
}

impl Driver for KafkaStreamsDriver {
    type Kind = KafkaStreams;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.kafka(provider).map_err(DriverError)?;
        Ok(Self {
            client,
            provider: provider.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<KafkaStreams>>,
    ) -> Result<Vec<Option<KafkaStreamsLive>>, DriverError> {
        let ids: BTreeSet<&str> = wanted.iter().map(|wanted| &*wanted.remote_id).collect();
        let (groups, metadata) = tokio::try_join!(
            self.client.list_groups(),
            self.client.metadata(TopicSelection::All),
        )
        .map_err(|error| self.error(&error))?;
        let described = describe(&self.client, &chosen(&groups, &ids)).await;
        let mut described = described.map_err(|error| self.error(&error))?;
        let mut internal: BTreeMap<&str, BTreeMap<String, u32>> = BTreeMap::new();
        for topic in &metadata.topics {
            let of = |id: &&&str| names::is_of_application(&topic.name, id);
            // Of `orders` and `orders-v2` the longer one is meant.
            if let Some(id) = ids.iter().filter(of).max_by_key(|id| id.len()) {
                let partitions = u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX);
                let topics = internal.entry(id).or_default();
                topics.insert(topic.name.to_string(), partitions);
            }
        }
        let found = wanted.iter().map(|wanted| {
            let id = wanted.remote_id.as_str();
            let live = KafkaStreamsLive {
                group: described.remove(id),
                internal: internal.remove(id).unwrap_or_default(),
            };
            (live.group.is_some() || !live.internal.is_empty()).then_some(live)
        });
        Ok(found.collect())
    }

    async fn investigate(
        &self,
        questions: Vec<Question<KafkaStreams>>,
    ) -> Result<Vec<KafkaStreamsFacts>, DriverError> {
        let all = self.client.list_groups().await;
        let all: Vec<ListedGroup> = all.map_err(|error| self.error(&error))?;
        let asked: BTreeSet<&str> = questions.iter().map(|it| &*it.remote_id).collect();
        let groups = chosen(&all, &asked);
        let topics = committed_topics(&self.client, &groups).await;
        let mut topics = topics.map_err(|error| self.error(&error))?;
        let hidden = hidden(&self.client, &all, &asked).await;
        let mut hidden = hidden.map_err(|error| self.error(&error))?;
        let facts = questions.iter().map(|question| {
            let id = question.remote_id.as_str();
            let committed = topics.remove(id);
            KafkaStreamsFacts {
                similar: match committed {
                    Some(_) => None,
                    None => did_you_mean(id, all.iter().map(|group| &*group.id)),
                },
                committed: committed.unwrap_or_default(),
                hidden: hidden.remove(id),
            }
        });
        Ok(facts.collect())
    }

    async fn apply(
        &self,
        operations: Vec<Operation<KafkaStreams>>,
        _context: &Context,
    ) -> Vec<Result<Option<KafkaStreamsLive>, Failure>> {
        // A declaration that asks for nothing never differs from what is there, so no plan comes here.
        let refused = operations.iter().map(|operation| {
            Err(Failure::unchanged(format!(
                "the application {:?} is only declared: nothing of it can be changed",
                operation.remote_id
            )))
        });
        refused.collect()
    }

    fn batch_limit(&self) -> usize {
        10_000
    }
}

impl KafkaStreamsDriver {
    fn error(&self, error: &KafkaError) -> DriverError {
        kafka_diagnostic(&self.provider, error).into()
    }
}
