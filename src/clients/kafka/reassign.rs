//! Moves of replicas between brokers: begin, cancel, and see what is under way (KIP-455). Does I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, BrokerId,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
};

use super::Client;
use super::batch::{Answers, Batch, Outcome};
use super::cluster::Target;
use super::error::{BrokerError, KafkaError};
use super::offsets::TopicPartition;
use super::wire::{milliseconds, shared, text};

/// How many partitions are asked about in one request.
const CHUNK: usize = 5_000;

/// Where one partition's replicas are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassignment {
    /// The partition.
    pub partition: TopicPartition,
    /// The brokers that are to hold it, the preferred leader first; `None` cancels a move that is under way.
    pub replicas: Option<Vec<i32>>,
}

/// A move that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OngoingReassignment {
    /// The brokers that hold the partition at the moment: those of before and those of after.
    pub replicas: Vec<i32>,
    /// The brokers that are being added.
    pub adding: Vec<i32>,
    /// The brokers that will be removed.
    pub removing: Vec<i32>,
}

impl OngoingReassignment {
    /// Returns the brokers that will hold the partition when the move is done.
    pub fn target(&self) -> Vec<i32> {
        let stays = |broker: &i32| !self.removing.contains(broker);
        self.replicas.iter().copied().filter(stays).collect()
    }
}

impl Client {
    /// Begins or cancels moves. They go on after the answer: see [`Client::list_partition_reassignments`].
    #[tracing::instrument(level = "debug", skip_all, fields(partitions = moves.len()))]
    pub async fn alter_partition_reassignments(
        &self,
        moves: Vec<Reassignment>,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.cluster.change(Reassign, moves).await
    }

    /// Returns the moves that are under way, of these partitions or of all.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_partition_reassignments(
        &self,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<BTreeMap<TopicPartition, OngoingReassignment>, KafkaError> {
        let limit = self.cluster.settings.timeouts.request;
        let request = |topics| {
            let request = ListPartitionReassignmentsRequest::default()
                .with_timeout_ms(milliseconds(limit))
                .with_topics(topics);
            (Target::Controller, request)
        };
        let requests = match partitions {
            None => vec![request(None)],
            Some(partitions) => partitions
                .chunks(CHUNK)
                .map(|chunk| request(Some(by_topic(chunk))))
                .collect(),
        };
        let parts = self.cluster.scatter(requests, 0, ongoing).await?;
        Ok(parts.into_iter().flatten().collect())
    }
}

fn by_topic(partitions: &[TopicPartition]) -> Vec<ListPartitionReassignmentsTopics> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics
            .entry(&partition.topic)
            .or_default()
            .push(partition.index);
    }
    topics
        .into_iter()
        .map(|(topic, indexes)| {
            ListPartitionReassignmentsTopics::default()
                .with_name(TopicName(text(topic)))
                .with_partition_indexes(indexes)
        })
        .collect()
}

fn ongoing(
    answer: ListPartitionReassignmentsResponse,
) -> Result<Vec<(TopicPartition, OngoingReassignment)>, BrokerError> {
    if let Some(error) = BrokerError::from_code(answer.error_code, answer.error_message.as_deref())
    {
        return Err(error);
    }
    let numbers = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let mut all = Vec::new();
    for topic in answer.topics {
        let name: Arc<str> = shared(&topic.name);
        all.extend(topic.partitions.iter().map(|partition| {
            let moving = OngoingReassignment {
                replicas: numbers(&partition.replicas),
                adding: numbers(&partition.adding_replicas),
                removing: numbers(&partition.removing_replicas),
            };
            (
                TopicPartition::new(name.clone(), partition.partition_index),
                moving,
            )
        }));
    }
    Ok(all)
}

struct Reassign;

impl Batch for Reassign {
    type Item = Reassignment;
    type Key = TopicPartition;
    type Value = ();
    type Request = AlterPartitionReassignmentsRequest;
    const LEAST: i16 = 0;
    // Each partition is a record; the controller's limit is that of creating topics.
    const MOST_ITEMS: usize = 5_000;

    fn key(item: &Reassignment) -> TopicPartition {
        item.partition.clone()
    }

    fn request(
        &self,
        items: &[&Reassignment],
        limit: Duration,
    ) -> AlterPartitionReassignmentsRequest {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for item in items {
            let replicas = item.replicas.as_ref();
            let replicas = replicas.map(|ids| ids.iter().copied().map(BrokerId).collect());
            let partition = ReassignablePartition::default()
                .with_partition_index(item.partition.index)
                .with_replicas(replicas);
            topics
                .entry(&item.partition.topic)
                .or_default()
                .push(partition);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            ReassignableTopic::default()
                .with_name(TopicName(text(topic)))
                .with_partitions(partitions)
        });
        AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(milliseconds(limit))
            .with_topics(topics.collect())
    }

    fn read(
        &self,
        response: AlterPartitionReassignmentsResponse,
    ) -> Result<Answers<Self>, BrokerError> {
        let said = response.error_message.as_deref();
        if let Some(error) = BrokerError::from_code(response.error_code, said) {
            return Err(error);
        }
        let mut all = Vec::new();
        for topic in response.responses {
            let name = shared(&topic.name);
            all.extend(topic.partitions.iter().map(|partition| {
                let said = partition.error_message.as_deref();
                let error = BrokerError::from_code(partition.error_code, said);
                let key = TopicPartition::new(name.clone(), partition.partition_index);
                (key, error.map_or(Ok(()), Err))
            }));
        }
        Ok(all)
    }
}
