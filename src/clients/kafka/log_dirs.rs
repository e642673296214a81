//! How much space replicas take on the brokers' disks (KIP-113, KIP-827), and which brokers there are. Does I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, DescribeLogDirsRequest,
    DescribeLogDirsResponse, TopicName,
};

use super::Client;
use super::cluster::Target;
use super::error::{BrokerError, KafkaError};
use super::metadata::Broker;
use super::offsets::TopicPartition;
use super::settings::Address;
use super::wire::{shared, text};

/// A folder of a broker that holds replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDir {
    /// The broker.
    pub broker: i32,
    /// The folder's path on that broker.
    pub path: Arc<str>,
    /// Why it cannot be used.
    pub error: Option<BrokerError>,
    /// The size of its volume in bytes, where the broker tells.
    pub total_bytes: Option<u64>,
    /// What is free of it in bytes, where the broker tells.
    pub usable_bytes: Option<u64>,
    /// Its replicas, of the partitions that were asked about.
    pub replicas: Vec<Replica>,
}

/// One copy of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The partition.
    pub partition: TopicPartition,
    /// What its segments take in bytes.
    pub bytes: u64,
    /// How many records it is behind.
    pub lag: i64,
    /// Whether it is a copy that will replace the one in another folder.
    pub future: bool,
}

/// The cluster as the controller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    /// The cluster's id.
    pub cluster_id: Arc<str>,
    /// The broker that requests to the controller are sent to.
    pub controller: Option<i32>,
    /// The brokers that are alive, by id.
    pub brokers: Vec<Broker>,
}

impl Client {
    /// Reads the folders of all brokers with the replicas of these partitions, or with all replicas.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn describe_log_dirs(
        &self,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Vec<LogDir>, KafkaError> {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for partition in partitions.unwrap_or_default() {
            topics
                .entry(&partition.topic)
                .or_default()
                .push(partition.index);
        }
        let topics = topics.into_iter().map(|(topic, indexes)| {
            DescribableLogDirTopic::default()
                .with_topic(TopicName(text(topic)))
                .with_partitions(indexes)
        });
        let topics: Vec<_> = topics.collect();
        let request = DescribeLogDirsRequest::default().with_topics(partitions.map(|_| topics));
        let brokers = self.cluster.broker_ids().await?;
        let requests = brokers
            .iter()
            .map(|&id| (Target::Broker(id), request.clone()));
        let answers = self
            .cluster
            .scatter(requests.collect(), 1, log_dirs)
            .await?;
        let each = brokers.into_iter().zip(answers);
        Ok(each
            .flat_map(|(broker, dirs)| dirs.into_iter().map(move |dir| LogDir { broker, ..dir }))
            .collect())
    }

    /// Reads the cluster's id and brokers.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, KafkaError> {
        let request = DescribeClusterRequest::default();
        self.cluster
            .call(Target::Any, 0, &request, 0, |answer| cluster(&answer))
            .await
    }
}

/// Reads the folders; the broker is filled in by the caller, who knows it.
fn log_dirs(answer: DescribeLogDirsResponse) -> Result<Vec<LogDir>, BrokerError> {
    if let Some(error) = BrokerError::from_code(answer.error_code, None) {
        return Err(error);
    }
    let dirs = answer.results.into_iter().map(|dir| {
        let mut replicas = Vec::new();
        for topic in &dir.topics {
            let name = shared(&topic.name);
            replicas.extend(topic.partitions.iter().map(|replica| Replica {
                partition: TopicPartition::new(name.clone(), replica.partition_index),
                bytes: u64::try_from(replica.partition_size).unwrap_or(0),
                lag: replica.offset_lag,
                future: replica.is_future_key,
            }));
        }
        LogDir {
            broker: -1,
            path: shared(&dir.log_dir),
            error: BrokerError::from_code(dir.error_code, None),
            // -1 where the broker does not know.
            total_bytes: u64::try_from(dir.total_bytes).ok(),
            usable_bytes: u64::try_from(dir.usable_bytes).ok(),
            replicas,
        }
    });
    Ok(dirs.collect())
}

fn cluster(answer: &DescribeClusterResponse) -> Result<ClusterDescription, BrokerError> {
    let said = answer.error_message.as_deref();
    if let Some(error) = BrokerError::from_code(answer.error_code, said) {
        return Err(error);
    }
    let mut brokers: Vec<Broker> = answer
        .brokers
        .iter()
        .filter_map(|broker| {
            let port = u16::try_from(broker.port).ok()?;
            Some(Broker {
                id: broker.broker_id.into(),
                address: Address::new(broker.host.as_str(), port),
                rack: broker.rack.as_ref().map(shared),
            })
        })
        .collect();
    brokers.sort_by_key(|broker| broker.id);
    let controller = i32::from(answer.controller_id);
    Ok(ClusterDescription {
        cluster_id: shared(&answer.cluster_id),
        controller: (controller >= 0).then_some(controller),
        brokers,
    })
}
