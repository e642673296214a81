//! Topics: create, delete, and add partitions. Does I/O.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use uuid::Uuid;

use super::Client;
use super::batch::{Answers, Batch, Mode, Outcome};
use super::error::{BrokerError, KafkaError};
use super::wire::{milliseconds, text};

/// The most records that one request may make the controller write. It refuses a batch of more than 10,000
/// (`QuorumController.MAX_RECORDS_PER_USER_OP`); half of that leaves room for what it adds by itself.
const MOST_RECORDS: usize = 5_000;

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions and replicas, or where each replica goes.
    pub layout: Layout,
    /// The configuration to set on it.
    pub configs: Vec<(Arc<str>, Arc<str>)>,
}

/// Where a new topic's replicas go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Placed by the cluster; `None` is the cluster's default.
    Counts {
        /// How many partitions.
        partitions: Option<i32>,
        /// How many replicas of each.
        replication_factor: Option<i16>,
    },
    /// The brokers of each partition, the preferred leader first.
    Assigned(Vec<Vec<i32>>),
}

/// What the cluster tells about a topic that it created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id; nil where the broker is too old to tell, or only checked.
    pub id: Uuid,
    /// How many partitions it has, where the broker tells.
    pub partitions: Option<i32>,
    /// How many replicas each has, where the broker tells.
    pub replication_factor: Option<i16>,
}

/// A topic that is to have more partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MorePartitions {
    /// The topic.
    pub topic: Arc<str>,
    /// How many it is to have in all.
    pub total: i32,
    /// The brokers of each new partition, where the cluster is not to choose.
    pub assignments: Option<Vec<Vec<i32>>>,
}

impl Client {
    /// Creates topics. A topic's outcome does not mean that its partitions have leaders yet: see
    /// [`Client::await_topics_visible`].
    #[tracing::instrument(level = "debug", skip_all, fields(topics = topics.len()))]
    pub async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        mode: Mode,
    ) -> Result<Vec<Outcome<CreatedTopic>>, KafkaError> {
        self.cluster.change(Create(mode), topics).await
    }

    /// Deletes topics by name.
    #[tracing::instrument(level = "debug", skip_all, fields(topics = names.len()))]
    pub async fn delete_topics(
        &self,
        names: Vec<Arc<str>>,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.cluster.change(Delete, names).await
    }

    /// Adds partitions to topics.
    #[tracing::instrument(level = "debug", skip_all, fields(topics = topics.len()))]
    pub async fn create_partitions(
        &self,
        topics: Vec<MorePartitions>,
        mode: Mode,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.cluster.change(Grow(mode), topics).await
    }
}

struct Create(Mode);

impl Batch for Create {
    type Item = NewTopic;
    type Key = String;
    type Value = CreatedTopic;
    type Request = CreateTopicsRequest;
    // Version 4 is the first in which -1 stands for the cluster's defaults (KIP-464).
    const LEAST: i16 = 4;
    const MOST_ITEMS: usize = 1_000;
    const MOST_WEIGHT: usize = MOST_RECORDS;

    fn key(item: &NewTopic) -> String {
        item.name.to_string()
    }

    fn weight(item: &NewTopic) -> usize {
        let partitions = match &item.layout {
            Layout::Counts { partitions, .. } => {
                usize::try_from(partitions.unwrap_or(1)).unwrap_or(1)
            }
            Layout::Assigned(assignments) => assignments.len(),
        };
        1 + partitions + item.configs.len()
    }

    fn request(&self, items: &[&NewTopic], limit: Duration) -> CreateTopicsRequest {
        CreateTopicsRequest::default()
            .with_topics(items.iter().map(|item| creatable(item)).collect())
            .with_timeout_ms(milliseconds(limit))
            .with_validate_only(self.0 == Mode::Validate)
    }

    fn read(&self, response: CreateTopicsResponse) -> Result<Answers<Self>, BrokerError> {
        let topics = response.topics.into_iter().map(|topic| {
            let created = CreatedTopic {
                id: topic.topic_id,
                partitions: (topic.num_partitions > 0).then_some(topic.num_partitions),
                replication_factor: (topic.replication_factor > 0)
                    .then_some(topic.replication_factor),
            };
            let error = BrokerError::from_code(topic.error_code, topic.error_message.as_deref());
            (topic.name.to_string(), error.map_or(Ok(created), Err))
        });
        Ok(topics.collect())
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.configs.iter().map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
    });
    let creatable = CreatableTopic::default()
        .with_name(TopicName(text(&topic.name)))
        .with_configs(configs.collect());
    match &topic.layout {
        Layout::Counts {
            partitions,
            replication_factor,
        } => creatable
            .with_num_partitions(partitions.unwrap_or(-1))
            .with_replication_factor(replication_factor.unwrap_or(-1)),
        Layout::Assigned(assignments) => creatable
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(
                (0..)
                    .zip(assignments)
                    .map(|(index, brokers)| {
                        CreatableReplicaAssignment::default()
                            .with_partition_index(index)
                            .with_broker_ids(ids(brokers))
                    })
                    .collect(),
            ),
    }
}

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

struct Delete;

impl Batch for Delete {
    type Item = Arc<str>;
    type Key = String;
    type Value = ();
    type Request = DeleteTopicsRequest;
    const LEAST: i16 = 1;
    const MOST_ITEMS: usize = 1_000;

    fn key(item: &Arc<str>) -> String {
        item.to_string()
    }

    fn request(&self, items: &[&Arc<str>], limit: Duration) -> DeleteTopicsRequest {
        let names = items.iter().map(|name| TopicName(text(name)));
        DeleteTopicsRequest::default()
            .with_topics(
                names
                    .map(|name| DeleteTopicState::default().with_name(Some(name)))
                    .collect(),
            )
            .with_timeout_ms(milliseconds(limit))
    }

    fn read(&self, response: DeleteTopicsResponse) -> Result<Answers<Self>, BrokerError> {
        let topics = response.responses.into_iter().map(|topic| {
            let name = topic.name.map(|name| name.to_string()).unwrap_or_default();
            let error = BrokerError::from_code(topic.error_code, topic.error_message.as_deref());
            (name, error.map_or(Ok(()), Err))
        });
        Ok(topics.collect())
    }
}

struct Grow(Mode);

impl Batch for Grow {
    type Item = MorePartitions;
    type Key = String;
    type Value = ();
    type Request = CreatePartitionsRequest;
    const LEAST: i16 = 0;
    const MOST_ITEMS: usize = 1_000;
    const MOST_WEIGHT: usize = MOST_RECORDS;

    fn key(item: &MorePartitions) -> String {
        item.topic.to_string()
    }

    fn weight(item: &MorePartitions) -> usize {
        usize::try_from(item.total).unwrap_or(1)
    }

    fn request(&self, items: &[&MorePartitions], limit: Duration) -> CreatePartitionsRequest {
        let topics = items.iter().map(|item| {
            let assignments = item.assignments.as_ref().map(|assignments| {
                assignments
                    .iter()
                    .map(|brokers| {
                        CreatePartitionsAssignment::default().with_broker_ids(ids(brokers))
                    })
                    .collect()
            });
            CreatePartitionsTopic::default()
                .with_name(TopicName(text(&item.topic)))
                .with_count(item.total)
                .with_assignments(assignments)
        });
        CreatePartitionsRequest::default()
            .with_topics(topics.collect())
            .with_timeout_ms(milliseconds(limit))
            .with_validate_only(self.0 == Mode::Validate)
    }

    fn read(&self, response: CreatePartitionsResponse) -> Result<Answers<Self>, BrokerError> {
        let topics = response.results.into_iter().map(|topic| {
            let error = BrokerError::from_code(topic.error_code, topic.error_message.as_deref());
            (topic.name.to_string(), error.map_or(Ok(()), Err))
        });
        Ok(topics.collect())
    }
}
