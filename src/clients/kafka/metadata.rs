//! Which brokers and topics there are, and where the topics' partitions live. Does I/O.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use uuid::Uuid;

use super::Client;
use super::cluster::{METADATA_LEAST, Target};
use super::error::{BrokerError, KafkaError};
use super::settings::Address;
use super::wire::{shared, text};

/// How many topics are asked about in one request.
const CHUNK: usize = 1_000;

/// A cluster's brokers and topics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The cluster's id.
    pub cluster_id: Option<Arc<str>>,
    /// The broker that is the controller, or that passes requests on to it.
    pub controller: Option<i32>,
    /// The brokers that are alive, by id.
    pub brokers: Vec<Broker>,
    /// The topics that were asked about, by name. A topic that does not exist has an error.
    pub topics: Vec<Topic>,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// Where clients reach it.
    pub address: Address,
    /// Its rack or availability zone.
    pub rack: Option<Arc<str>>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// Its id; nil where the broker does not tell.
    pub id: Uuid,
    /// Whether Kafka itself owns it, such as `__consumer_offsets`.
    pub internal: bool,
    /// Why nothing is known about it.
    pub error: Option<BrokerError>,
    /// Its partitions, by index.
    pub partitions: Vec<Partition>,
}

/// A partition. Lists of replicas that are equal share their memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub index: i32,
    /// The broker that leads it, if there is one.
    pub leader: Option<i32>,
    /// The brokers that are to hold it, the preferred leader first.
    pub replicas: Arc<[i32]>,
    /// The brokers whose copies are in sync.
    pub isr: Arc<[i32]>,
    /// The brokers whose copies are offline.
    pub offline: Arc<[i32]>,
    /// Why it cannot be used at the moment.
    pub error: Option<BrokerError>,
}

impl Topic {
    /// Whether it does not exist.
    pub fn is_missing(&self) -> bool {
        let missing = kafka_protocol::error::ResponseError::UnknownTopicOrPartition;
        self.error.as_ref().is_some_and(|error| error.is(missing))
    }
}

impl Metadata {
    /// Returns a topic that was asked about.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        let at = self
            .topics
            .binary_search_by(|topic| (*topic.name).cmp(name));
        at.ok().map(|at| &self.topics[at])
    }
}

/// Which topics are asked about.
#[derive(Debug, Clone, Copy)]
pub enum TopicSelection<'a> {
    /// All that we may see.
    All,
    /// These, whether they exist or not.
    Named(&'a [Arc<str>]),
}

impl Client {
    /// Reads the brokers and the topics.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn metadata(&self, topics: TopicSelection<'_>) -> Result<Metadata, KafkaError> {
        let (first, rest) = match topics {
            TopicSelection::All => (request(None), &[][..]),
            TopicSelection::Named(names) => {
                let (first, rest) = names.split_at(names.len().min(CHUNK));
                (request(Some(first)), rest)
            }
        };
        let answer = self
            .cluster
            .call(Target::Any, 0, &first, METADATA_LEAST, check)
            .await?;
        self.cluster.learn(&answer).await;
        let mut metadata = read(answer);
        let rest = rest
            .chunks(CHUNK)
            .map(|chunk| (Target::Spread(0), request(Some(chunk))))
            .collect();
        let parts = self
            .cluster
            .scatter(rest, METADATA_LEAST, |answer| {
                Ok(read(check(answer)?).topics)
            })
            .await?;
        metadata.topics.extend(parts.into_iter().flatten());
        metadata.topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(metadata)
    }
}

fn request(names: Option<&[Arc<str>]>) -> MetadataRequest {
    let topics = names.map(|names| {
        names
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(TopicName(text(name)))))
            .collect()
    });
    MetadataRequest::default()
        .with_topics(topics)
        .with_allow_auto_topic_creation(false)
}

/// Refuses an answer that is an error as a whole (since version 13).
fn check(answer: MetadataResponse) -> Result<MetadataResponse, BrokerError> {
    BrokerError::from_code(answer.error_code, None).map_or(Ok(answer), Err)
}

fn read(answer: MetadataResponse) -> Metadata {
    let mut lists = Lists::default();
    let controller = i32::from(answer.controller_id);
    let mut brokers: Vec<Broker> = answer.brokers.iter().filter_map(broker).collect();
    brokers.sort_by_key(|broker| broker.id);
    Metadata {
        cluster_id: answer.cluster_id.as_ref().map(shared),
        controller: (controller >= 0).then_some(controller),
        brokers,
        topics: answer
            .topics
            .into_iter()
            .map(|topic| read_topic(topic, &mut lists))
            .collect(),
    }
}

fn broker(broker: &MetadataResponseBroker) -> Option<Broker> {
    Some(Broker {
        id: broker.node_id.into(),
        address: Address::new(broker.host.as_str(), u16::try_from(broker.port).ok()?),
        rack: broker.rack.as_ref().map(shared),
    })
}

fn read_topic(topic: MetadataResponseTopic, lists: &mut Lists) -> Topic {
    let mut partitions: Vec<Partition> = topic
        .partitions
        .iter()
        .map(|partition| read_partition(partition, lists))
        .collect();
    partitions.sort_by_key(|partition| partition.index);
    Topic {
        name: topic.name.map(|name| shared(&name.0)).unwrap_or_default(),
        id: topic.topic_id,
        internal: topic.is_internal,
        error: BrokerError::from_code(topic.error_code, None),
        partitions,
    }
}

fn read_partition(partition: &MetadataResponsePartition, lists: &mut Lists) -> Partition {
    let leader = i32::from(partition.leader_id);
    Partition {
        index: partition.partition_index,
        leader: (leader >= 0).then_some(leader),
        replicas: lists.share(&partition.replica_nodes),
        isr: lists.share(&partition.isr_nodes),
        offline: lists.share(&partition.offline_replicas),
        error: BrokerError::from_code(partition.error_code, None),
    }
}

/// The lists of replicas seen so far: a cluster has few different ones.
#[derive(Default)]
struct Lists(BTreeSet<Arc<[i32]>>);

impl Lists {
    fn share(&mut self, brokers: &[BrokerId]) -> Arc<[i32]> {
        let list: Vec<i32> = brokers.iter().map(|id| id.0).collect();
        if let Some(known) = self.0.get(list.as_slice()) {
            return known.clone();
        }
        let list: Arc<[i32]> = list.into();
        self.0.insert(list.clone());
        list
    }
}
