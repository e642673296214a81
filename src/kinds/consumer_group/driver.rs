//! Reads groups from a Kafka cluster, in batches (I/O). Changes nothing there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::ProviderAddress;
use crate::clients::kafka::{
    Client, Committed, GroupDescription, GroupType, KafkaError, ListedGroup,
};
use crate::clients::{Connections, kafka_diagnostic};
use crate::diagnostic::did_you_mean;
use crate::kinds::driver::{Context, Driver, DriverError, Failure, Operation, Question, Wanted};

use super::{ConsumerGroup, ConsumerGroupFacts, ConsumerGroupLive};

/// Reads the groups of one cluster.
#[derive(Debug, Clone)]
pub struct ConsumerGroupDriver {
    client: Client,
    provider: ProviderAddress,
}

impl Driver for ConsumerGroupDriver {
    type Kind = ConsumerGroup;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.kafka(provider).map_err(DriverError)?;
        Ok(Self {
            client,
            provider: provider.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<ConsumerGroup>>,
    ) -> Result<Vec<Option<ConsumerGroupLive>>, DriverError> {
        let mut groups = self.list().await?;
        let ids: BTreeSet<&str> = wanted.iter().map(|wanted| &*wanted.remote_id).collect();
        groups.retain(|group| ids.contains(&*group.id));
        let described = self.client.describe_groups(&groups).await;
        let described = described.map_err(|error| self.error(&error))?;
        let mut live = BTreeMap::new();
        for (group, description) in groups.iter().zip(described) {
            let description = description.map_err(|error| self.error(&error))?;
            live.insert(group.id.clone(), live_group(group, description.as_ref()));
        }
        let found = wanted
            .iter()
            .map(|wanted| live.get(wanted.remote_id.as_str()).cloned());
        Ok(found.collect())
    }

    async fn investigate(
        &self,
        questions: Vec<Question<ConsumerGroup>>,
    ) -> Result<Vec<ConsumerGroupFacts>, DriverError> {
        let all = self.list().await?;
        let asked: BTreeSet<&str> = questions
            .iter()
            .map(|question| question.remote_id.as_str())
            .collect();
        let groups: Vec<ListedGroup> = all
            .iter()
            .filter(|group| asked.contains(&*group.id))
            .cloned()
            .collect();
        let committed = self.client.committed_offsets(&groups).await;
        let committed = committed.map_err(|error| self.error(&error))?;
        let mut topics = BTreeMap::new();
        for (group, committed) in groups.iter().zip(committed) {
            let committed = committed.map_err(|error| self.error(&error))?;
            topics.insert(group.id.clone(), committed_topics(&committed));
        }
        let facts = questions.into_iter().map(|question| {
            let id = question.remote_id.as_str();
            match topics.remove(id) {
                Some(committed) => ConsumerGroupFacts {
                    committed,
                    similar: None,
                },
                None => ConsumerGroupFacts {
                    committed: BTreeSet::new(),
                    similar: did_you_mean(id, all.iter().map(|group| &*group.id)),
                },
            }
        });
        Ok(facts.collect())
    }

    async fn apply(
        &self,
        operations: Vec<Operation<ConsumerGroup>>,
        _context: &Context,
    ) -> Vec<Result<Option<ConsumerGroupLive>, Failure>> {
        // A declaration never differs from what is there, so no plan comes here.
        let refused = operations.iter().map(|operation| {
            Err(Failure::unchanged(format!(
                "the group {:?} is only declared: nothing of it can be changed",
                operation.remote_id
            )))
        });
        refused.collect()
    }

    fn batch_limit(&self) -> usize {
        10_000
    }
}

impl ConsumerGroupDriver {
    async fn list(&self) -> Result<Vec<ListedGroup>, DriverError> {
        let listed = self.client.list_groups().await;
        listed.map_err(|error| self.error(&error))
    }

    fn error(&self, error: &KafkaError) -> DriverError {
        DriverError(kafka_diagnostic(&self.provider, error).into())
    }
}

/// Returns a group as it is shown; what could not be described is as it was listed.
fn live_group(group: &ListedGroup, description: Option<&GroupDescription>) -> ConsumerGroupLive {
    let state = description.map(|description| &description.state);
    let state = state.or(group.state.as_ref());
    ConsumerGroupLive {
        state: state.map_or("Unknown", |state| &**state).to_owned(),
        protocol: protocol(group.r#type).to_owned(),
        members: description.map(|description| description.members),
        topics: description
            .map(|description| description.topics.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
    }
}

fn protocol(r#type: GroupType) -> &'static str {
    match r#type {
        GroupType::Classic => "classic",
        GroupType::Consumer => "consumer",
        GroupType::Share => "share",
        GroupType::Streams => "streams",
    }
}

fn committed_topics(committed: &Committed) -> BTreeSet<String> {
    let topics: BTreeSet<&Arc<str>> = committed.keys().map(|part| &part.topic).collect();
    topics.into_iter().map(ToString::to_string).collect()
}
