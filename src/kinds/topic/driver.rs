//! Reaches topics through a Kafka cluster, in batches (I/O).
//!
//! [`observe`](Driver::observe) is here; `measure` answers what the checks ask, `change` makes changes and
//! reads them back, `moves` moves replicas, `users` finds the readers, `vitals` looks at the partitions.

mod change;
mod measure;
mod moves;
mod users;
mod vitals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;

use crate::address::ProviderAddress;
use crate::clients::kafka::{
    Client, ConfigEntry, ConfigSource, ConfigType, Described, Extras, KafkaError, Keys, Metadata,
    Mode, NewTopic, Resource, Topic as TopicMetadata, TopicPartition, TopicSelection,
};
use crate::clients::{Connections, kafka_diagnostic};
use crate::diagnostic::Diagnostic;
use crate::kinds::LiveUser;
use crate::kinds::driver::{Context, Driver, DriverError, Failure, Operation, Question, Wanted};

use super::health::TopicVitals;
use super::placement::{self, Racks};
use super::spec::TopicSpec;
use super::{EntryType, LiveEntry, Topic, TopicFacts, TopicLive};

/// How long a broker may take to know the configuration of a topic that it shows.
const CATCHING_UP: Duration = Duration::from_secs(10);

/// Reaches the topics of one cluster.
#[derive(Debug, Clone)]
pub struct TopicDriver {
    client: Client,
    provider: ProviderAddress,
}

impl Driver for TopicDriver {
    type Kind = Topic;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.kafka(provider).map_err(DriverError)?;
        Ok(Self {
            client,
            provider: provider.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<Topic>>,
    ) -> Result<Vec<Option<TopicLive>>, DriverError> {
        let names: Vec<Arc<str>> = wanted.iter().map(|w| Arc::from(&*w.remote_id)).collect();
        let questions = questions(&names, &wanted);
        // Both at once: a round trip saved is worth the configurations of topics that are not there.
        let (metadata, configs) = tokio::join!(
            self.client.metadata(TopicSelection::Named(&names)),
            self.client.describe_configs(&questions, Extras::default()),
        );
        let mut metadata = metadata.map_err(|error| self.error(&error))?;
        let mut configs = configs.map_err(|error| self.error(&error))?;
        let late = self.await_late_topics(&metadata, &wanted).await?;
        if !late.is_empty() {
            self.ask_again(&late, &questions, &mut metadata, &mut configs)
                .await?;
        }
        configs = self
            .await_late_configs(&metadata, &questions, configs)
            .await?;
        let moving = self.moves_under_way(&metadata, &wanted).await?;
        let racks = racks(&metadata);
        let topics: BTreeMap<&str, &TopicMetadata> = metadata
            .topics
            .iter()
            .map(|topic| (&*topic.name, topic))
            .collect();
        // What was asked and answered is freed on the way: there may be ten thousand.
        wanted
            .into_iter()
            .zip(configs)
            .map(|(wanted, config)| {
                let Some(topic) = topics
                    .get(wanted.remote_id.as_str())
                    .filter(|t| !t.is_missing())
                else {
                    return Ok(None);
                };
                if let Some(error) = &topic.error {
                    let failed = format!(
                        "The topic {:?} cannot be described: {error}",
                        wanted.remote_id
                    );
                    return Err(Diagnostic::error("kafka", failed).into());
                }
                live(topic, wanted.specs.first(), config, &moving, &racks).map(Some)
            })
            .collect()
    }

    async fn investigate(
        &self,
        questions: Vec<Question<Topic>>,
    ) -> Result<Vec<TopicFacts>, DriverError> {
        measure::measure(self, &questions).await
    }

    async fn users(&self, remote_ids: Vec<String>) -> Result<Vec<Vec<LiveUser>>, DriverError> {
        let found = users::users(&self.client, &remote_ids).await;
        found.map_err(|error| self.error(&error))
    }

    async fn vitals(
        &self,
        wanted: Vec<Wanted<Topic>>,
    ) -> Result<Vec<Option<TopicVitals>>, DriverError> {
        let names: Vec<Arc<str>> = wanted.iter().map(|w| Arc::from(&*w.remote_id)).collect();
        let found = vitals::vitals(&self.client, &names).await;
        found.map_err(|error| self.error(&error))
    }

    async fn apply(
        &self,
        operations: Vec<Operation<Topic>>,
        context: &Context,
    ) -> Vec<Result<Option<TopicLive>, Failure>> {
        let done = change::apply(self, &operations, context).await;
        // A topic is what it is called: the system gives nothing out that is to be remembered.
        done.into_iter()
            .map(|result| result.map(|()| None))
            .collect()
    }

    fn batch_limit(&self) -> usize {
        // The client splits it into requests that the controller takes.
        10_000
    }
}

impl TopicDriver {
    fn error(&self, error: &KafkaError) -> DriverError {
        kafka_diagnostic(&self.provider, error).into()
    }

    /// Waits for topics that we own and that brokers do not show although the controller has them: a run
    /// that was killed may have made them a moment ago. Returns which ones there were.
    async fn await_late_topics(
        &self,
        metadata: &Metadata,
        wanted: &[Wanted<Topic>],
    ) -> Result<BTreeSet<Arc<str>>, DriverError> {
        let missing: BTreeSet<&str> = metadata
            .topics
            .iter()
            .filter(|topic| topic.is_missing())
            .map(|topic| &*topic.name)
            .collect();
        let asked: Vec<NewTopic> = wanted
            .iter()
            .filter(|wanted| wanted.owned && missing.contains(wanted.remote_id.as_str()))
            .filter_map(|wanted| wanted.specs.first().map(measure::new_topic))
            .collect();
        if asked.is_empty() {
            return Ok(BTreeSet::new());
        }
        let names: Vec<Arc<str>> = asked.iter().map(|topic| topic.name.clone()).collect();
        let answers = self.client.create_topics(asked, Mode::Validate).await;
        let answers = answers.map_err(|error| self.error(&error))?;
        let late: BTreeMap<Arc<str>, usize> = names
            .into_iter()
            .zip(answers)
            .filter(|(_, answer)| change::exists(answer))
            .map(|(name, _)| (name, 1))
            .collect();
        if late.is_empty() {
            return Ok(BTreeSet::new());
        }
        let within = change::settling(late.len());
        let seen = self
            .client
            .await_topics_visible(&late, within, |_| {})
            .await;
        seen.map_err(|error| self.error(&error))?;
        Ok(late.into_keys().collect())
    }

    /// Asks for some topics once more, and puts the answers in the place of the earlier ones.
    async fn ask_again(
        &self,
        late: &BTreeSet<Arc<str>>,
        questions: &[(Resource, Keys)],
        metadata: &mut Metadata,
        configs: &mut [Described],
    ) -> Result<(), DriverError> {
        let is_late = |(resource, _): &(Resource, Keys)| matches!(resource, Resource::Topic(name) if late.contains(name));
        let indexes: Vec<usize> = (0..questions.len())
            .filter(|index| is_late(&questions[*index]))
            .collect();
        let again: Vec<_> = indexes
            .iter()
            .map(|index| questions[*index].clone())
            .collect();
        let names: Vec<Arc<str>> = late.iter().cloned().collect();
        let (topics, entries) = tokio::join!(
            self.client.metadata(TopicSelection::Named(&names)),
            self.client.describe_configs(&again, Extras::default()),
        );
        let topics = topics.map_err(|error| self.error(&error))?.topics;
        let entries = entries.map_err(|error| self.error(&error))?;
        metadata.topics.retain(|topic| !late.contains(&topic.name));
        metadata.topics.extend(topics);
        for (index, entries) in indexes.into_iter().zip(entries) {
            configs[index] = entries;
        }
        Ok(())
    }

    /// Asks again for configurations that a broker does not know yet although it shows the topic.
    async fn await_late_configs(
        &self,
        metadata: &Metadata,
        questions: &[(Resource, Keys)],
        configs: Vec<Described>,
    ) -> Result<Vec<Described>, DriverError> {
        let there: BTreeSet<&str> = metadata
            .topics
            .iter()
            .filter(|topic| topic.error.is_none())
            .map(|topic| &*topic.name)
            .collect();
        let is_late = |index: usize, config: &Described| {
            let (Resource::Topic(name), Err(error)) = (&questions[index].0, config) else {
                return false;
            };
            there.contains(&**name) && error.is(ResponseError::UnknownTopicOrPartition)
        };
        if !configs
            .iter()
            .enumerate()
            .any(|(index, config)| is_late(index, config))
        {
            return Ok(configs);
        }
        let known = |index: usize, config: &Described| !is_late(index, config);
        let configs = self
            .client
            .await_configs(questions, CATCHING_UP, known)
            .await;
        configs.map_err(|error| self.error(&error))
    }

    /// Returns the replicas that partitions will have once their moves are done: `Metadata` shows those
    /// of before and after together. Asked only where the number of replicas is not the one that is
    /// wanted.
    async fn moves_under_way(
        &self,
        metadata: &Metadata,
        wanted: &[Wanted<Topic>],
    ) -> Result<BTreeMap<TopicPartition, Vec<i32>>, DriverError> {
        let factors: BTreeMap<&str, usize> = wanted
            .iter()
            .filter_map(|w| {
                Some((
                    w.remote_id.as_str(),
                    w.specs.first()?.replication_factor? as usize,
                ))
            })
            .collect();
        let odd: Vec<TopicPartition> = metadata
            .topics
            .iter()
            .filter_map(|topic| Some((topic, *factors.get(&*topic.name)?)))
            .flat_map(|(topic, factor)| {
                let odd = topic
                    .partitions
                    .iter()
                    .filter(move |p| p.replicas.len() != factor);
                odd.map(|partition| TopicPartition::new(topic.name.clone(), partition.index))
            })
            .collect();
        if odd.is_empty() {
            return Ok(BTreeMap::new());
        }
        let moves = self.client.list_partition_reassignments(Some(&odd)).await;
        let moves = moves.map_err(|error| self.error(&error))?;
        Ok(moves
            .into_iter()
            .map(|(partition, ongoing)| (partition, ongoing.target()))
            .collect())
    }
}

fn live(
    topic: &TopicMetadata,
    spec: Option<&TopicSpec>,
    config: Described,
    moving: &BTreeMap<TopicPartition, Vec<i32>>,
    racks: &Racks,
) -> Result<TopicLive, DriverError> {
    let entries = config.map_err(|error| {
        let failed = format!(
            "The configuration of the topic {:?} cannot be read: {error}",
            &*topic.name
        );
        DriverError::from(Diagnostic::error("kafka", failed))
    })?;
    let placement = spec.and_then(|spec| spec.placement.as_ref());
    let (mut least, mut most) = (usize::MAX, 0);
    let mut is_moving = false;
    let mut misplaced = Vec::new();
    for partition in &topic.partitions {
        let target = if moving.is_empty() {
            None
        } else {
            moving.get(&TopicPartition::new(topic.name.clone(), partition.index))
        };
        is_moving |= target.is_some();
        let replicas = target.map_or(&*partition.replicas, |target| target);
        least = least.min(replicas.len());
        most = most.max(replicas.len());
        if placement.is_some_and(|placement| !placement::fits(replicas, placement, racks)) {
            misplaced.push(partition.index);
        }
    }
    Ok(TopicLive {
        partitions: narrow(topic.partitions.len()),
        replication_factor: narrow(least.min(most)),
        uneven_up_to: (most > least).then(|| narrow(most)),
        moving: is_moving,
        misplaced,
        config: entries.iter().map(live_entry).collect(),
    })
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn racks(metadata: &Metadata) -> Racks {
    metadata
        .brokers
        .iter()
        .map(|broker| (broker.id, broker.rack.as_deref().map(str::to_owned)))
        .collect()
}

/// Returns what to ask of each topic's configuration: the keys that any of its descriptions sets.
fn questions(names: &[Arc<str>], wanted: &[Wanted<Topic>]) -> Vec<(Resource, Keys)> {
    // Most topics set the same few keys: their list is made once.
    let mut shared: BTreeMap<BTreeSet<&str>, Arc<[Arc<str>]>> = BTreeMap::new();
    names
        .iter()
        .zip(wanted)
        .map(|(name, wanted)| {
            let keys: BTreeSet<&str> = wanted
                .specs
                .iter()
                .flat_map(|spec| spec.config.keys())
                .map(String::as_str)
                .collect();
            let list = shared
                .entry(keys)
                .or_insert_with_key(|keys| keys.iter().map(|key| Arc::from(*key)).collect());
            (Resource::Topic(name.clone()), Keys::Only(list.clone()))
        })
        .collect()
}

fn live_entry(entry: &ConfigEntry) -> (String, LiveEntry) {
    let r#type = match entry.config_type {
        ConfigType::Boolean => EntryType::Boolean,
        ConfigType::Int | ConfigType::Short | ConfigType::Long => EntryType::Integer,
        ConfigType::Double => EntryType::Decimal,
        ConfigType::List => EntryType::List,
        _ => EntryType::Text,
    };
    let live = LiveEntry {
        value: entry.value.as_deref().map(str::to_owned),
        overridden: entry.source == ConfigSource::Topic,
        r#type,
        read_only: entry.read_only,
    };
    (entry.name.to_string(), live)
}
