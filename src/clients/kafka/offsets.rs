//! Where partitions begin and end, and cutting off their beginnings: requests to each partition's leader. Does I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{
    BrokerId, DeleteRecordsRequest, DeleteRecordsResponse, ListOffsetsRequest, ListOffsetsResponse,
    TopicName,
};

use tokio::time::Instant;

use super::batch::{Answers, Batch, Outcome};
use super::cluster::Target;
use super::error::{BrokerError, KafkaError};
use super::metadata::TopicSelection;
use super::retry::Retry;
use super::wire::{milliseconds, shared, text};
use super::{Client, Metadata};

/// One partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub index: i32,
}

impl TopicPartition {
    /// Returns the partition of a topic.
    pub fn new(topic: impl Into<Arc<str>>, index: i32) -> Self {
        Self {
            topic: topic.into(),
            index,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.index)
    }
}

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OffsetSpec {
    /// The first record that is kept.
    Earliest,
    /// Behind the last record.
    Latest,
    /// The first record that is not older than this, in milliseconds since 1970.
    Timestamp(i64),
    /// The record with the greatest timestamp (KIP-734).
    MaxTimestamp,
}

impl OffsetSpec {
    /// Returns the number that the protocol has for it.
    fn timestamp(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::MaxTimestamp => -3,
            Self::Timestamp(milliseconds) => milliseconds.max(0),
        }
    }
}

/// A place in a partition as the leader gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundOffset {
    /// The offset; `None` where no record is at or behind the timestamp.
    pub offset: Option<i64>,
    /// The timestamp of the record there, where it was asked for by timestamp.
    pub timestamp: Option<i64>,
}

impl Client {
    /// Finds places in partitions, in the order of the questions.
    #[tracing::instrument(level = "debug", skip_all, fields(partitions = questions.len()))]
    pub async fn list_offsets(
        &self,
        questions: Vec<(TopicPartition, OffsetSpec)>,
    ) -> Result<Vec<Result<FoundOffset, KafkaError>>, KafkaError> {
        self.list_offsets_at(questions, Metadata::default()).await
    }

    /// The same, where the metadata of some of the topics is known.
    pub(super) async fn list_offsets_at(
        &self,
        questions: Vec<(TopicPartition, OffsetSpec)>,
        known: Metadata,
    ) -> Result<Vec<Result<FoundOffset, KafkaError>>, KafkaError> {
        let newest = questions
            .iter()
            .any(|(_, spec)| *spec == OffsetSpec::MaxTimestamp);
        let outcomes = if newest {
            // Version 7 is the first that knows the greatest timestamp.
            self.at_leaders(questions, Find::<7>(Isolation::Uncommitted), known)
                .await?
        } else {
            self.at_leaders(questions, Find::<1>(Isolation::Uncommitted), known)
                .await?
        };
        Ok(outcomes.into_iter().map(|outcome| outcome.result).collect())
    }

    /// Returns how far partitions can be read by a consumer that leaves out what is not committed: up to the first
    /// transaction that is open, else to the end. In the order of the partitions.
    pub(super) async fn stable_ends(
        &self,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<Result<FoundOffset, KafkaError>>, KafkaError> {
        let each = partitions.into_iter();
        let questions = each.map(|partition| (partition, OffsetSpec::Latest));
        // Version 2 is the first that knows transactions.
        let find = Find::<2>(Isolation::Committed);
        let outcomes = self.at_leaders(questions.collect(), find, Metadata::default());
        let outcomes = outcomes.await?.into_iter();
        Ok(outcomes.map(|outcome| outcome.result).collect())
    }

    /// Deletes the records before an offset of each partition; -1 stands for the end. Each outcome tells the offset
    /// of the first record that is left.
    #[tracing::instrument(level = "debug", skip_all, fields(partitions = cuts.len()))]
    pub async fn delete_records(
        &self,
        cuts: Vec<(TopicPartition, i64)>,
    ) -> Result<Vec<Outcome<i64>>, KafkaError> {
        self.at_leaders(cuts, Cut, Metadata::default()).await
    }

    /// Sends each item to its partition's leader, and again to the new one where the leader has moved.
    async fn at_leaders<K: AtLeader>(
        &self,
        items: Vec<(TopicPartition, K::What)>,
        kind: K,
        known: Metadata,
    ) -> Result<Vec<Outcome<K::Value>>, KafkaError> {
        let begin = Instant::now();
        let mut retry = Retry::new(&self.cluster.settings.timeouts);
        let mut outcomes: Vec<Option<Outcome<K::Value>>> = items.iter().map(|_| None).collect();
        let mut pending: Vec<usize> = (0..items.len()).collect();
        let mut known = Some(known);
        for attempt in 0.. {
            let names = pending.iter().map(|&index| &items[index].0);
            // What was known is the past once a leader has moved.
            let known = known.take().unwrap_or_default();
            let leaders = self.leaders(names, known).await?;
            let mut led = Vec::new();
            for &index in &pending {
                match leaders.of(&items[index].0) {
                    Ok(leader) => led.push((index, leader)),
                    Err(error) => outcomes[index] = Some(failed(error.into())),
                }
            }
            let batch = led.iter().map(|&(index, leader)| Led {
                partition: items[index].0.clone(),
                what: items[index].1,
                leader,
            });
            let round = match self.cluster.change(kind, batch.collect()).await {
                Err(error) if !error.is_misdirected() => return Err(error),
                Err(error) => led.iter().map(|_| failed(error.clone())).collect(),
                Ok(round) => round,
            };
            for ((index, _), outcome) in led.into_iter().zip(round) {
                outcomes[index] = Some(in_time(outcome));
            }
            pending.retain(|&index| moved(outcomes[index].as_ref()).is_some());
            // A dead leader is waited for until the cluster has chosen another; a partition without any
            // leader may stay so for long.
            let errors = || {
                pending
                    .iter()
                    .filter_map(|&index| moved(outcomes[index].as_ref()))
            };
            let dead = errors().find(|error| error.is_unreachable());
            // A broker that is to lead a thousand new partitions makes their folders one by one.
            let late = errors().find(|error| {
                let answer = error.broker_error();
                answer.is_some_and(|answer| answer.is(ResponseError::NotLeaderOrFollower))
            });
            let late = late.filter(|_| begin.elapsed() < TAKING_OVER);
            let few = errors().next().filter(|_| attempt < MOVES);
            let Some(error) = dead.or(late).or(few) else {
                break;
            };
            if !self.cluster.again(error, &mut retry).await {
                break;
            }
        }
        let outcomes: Vec<Outcome<K::Value>> = outcomes.into_iter().flatten().collect();
        // One error for a cluster that is away as a whole.
        match outcomes.first().map(|outcome| &outcome.result) {
            Some(Err(error)) if outcomes.iter().all(unreached) => Err(error.clone()),
            _ => Ok(outcomes),
        }
    }

    /// Returns who leads the partitions; `known` may tell it of some topics.
    async fn leaders(
        &self,
        partitions: impl Iterator<Item = &TopicPartition>,
        mut known: Metadata,
    ) -> Result<Leaders, KafkaError> {
        let mut names: Vec<Arc<str>> = partitions
            .map(|partition| partition.topic.clone())
            .collect();
        names.sort();
        names.dedup();
        names.retain(|name| known.topic(name).is_none());
        if !names.is_empty() {
            let metadata = self.metadata(TopicSelection::Named(&names)).await?;
            known.topics.extend(metadata.topics);
            known.topics.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(Leaders(known))
    }
}

fn failed<T>(error: KafkaError) -> Outcome<T> {
    Outcome {
        result: Err(error),
        resent: false,
    }
}

/// Brokers hear of a new topic one after the other. Where the metadata names a leader, that one's word that
/// there is no such partition means that it does not lead it yet; where there is none any more, the next
/// metadata says so.
fn in_time<T>(mut outcome: Outcome<T>) -> Outcome<T> {
    let unheard_of = |error: &KafkaError| {
        let answer = error.broker_error();
        answer.is_some_and(|answer| answer.is(ResponseError::UnknownTopicOrPartition))
    };
    if outcome.result.as_ref().is_err_and(unheard_of) {
        let error = BrokerError {
            code: ResponseError::NotLeaderOrFollower.code(),
            message: Some("the partition's leader has not heard of it yet".into()),
        };
        outcome.result = Err(error.into());
    }
    outcome
}

/// Returns the error of an item that another broker may answer.
fn moved<T>(outcome: Option<&Outcome<T>>) -> Option<&KafkaError> {
    let error = outcome?.result.as_ref().err()?;
    error.is_misdirected().then_some(error)
}

fn unreached<T>(outcome: &Outcome<T>) -> bool {
    outcome
        .result
        .as_ref()
        .is_err_and(KafkaError::is_unreachable)
}

/// How often new leaders are asked for where there is none.
const MOVES: u32 = 3;

/// How long a broker may take to lead a partition that the metadata says it leads.
const TAKING_OVER: Duration = Duration::from_secs(10);

/// Who leads which partition, as the metadata has it.
struct Leaders(Metadata);

impl Leaders {
    fn of(&self, partition: &TopicPartition) -> Result<i32, BrokerError> {
        let code = |code: ResponseError, message: &str| BrokerError {
            code: code.code(),
            message: Some(message.into()),
        };
        let topic = self.0.topic(&partition.topic).ok_or_else(|| {
            code(
                ResponseError::UnknownTopicOrPartition,
                "there is no such topic",
            )
        })?;
        if let Some(error) = &topic.error {
            return Err(error.clone());
        }
        let found = topic.partitions.iter().find(|p| p.index == partition.index);
        let found = found.ok_or_else(|| {
            code(
                ResponseError::UnknownTopicOrPartition,
                "there is no such partition",
            )
        })?;
        found.leader.ok_or_else(|| {
            code(
                ResponseError::LeaderNotAvailable,
                "the partition has no leader at the moment",
            )
        })
    }
}

/// Something that a partition's leader is asked for.
trait AtLeader:
    Batch<Item = Led<<Self as AtLeader>::What>, Value = <Self as AtLeader>::Answer> + Copy
{
    type What: Copy + Send + Sync;
    type Answer: Clone + Send;
}

/// An item and the broker that leads its partition.
struct Led<W> {
    partition: TopicPartition,
    what: W,
    leader: i32,
}

fn by_topic<W, P>(items: &[&Led<W>], partition: impl Fn(&Led<W>) -> P) -> Vec<(TopicName, Vec<P>)> {
    let mut topics: BTreeMap<&str, Vec<P>> = BTreeMap::new();
    for item in items {
        topics
            .entry(&item.partition.topic)
            .or_default()
            .push(partition(item));
    }
    let topics = topics.into_iter();
    topics
        .map(|(topic, partitions)| (TopicName(text(topic)), partitions))
        .collect()
}

/// What counts as the end of a partition, in the protocol's numbers.
#[derive(Clone, Copy)]
enum Isolation {
    /// Its last record.
    Uncommitted = 0,
    /// The last record before the first transaction that is open.
    Committed = 1,
}

#[derive(Clone, Copy)]
struct Find<const LEAST: i16>(Isolation);

impl<const LEAST: i16> AtLeader for Find<LEAST> {
    type What = OffsetSpec;
    type Answer = FoundOffset;
}

impl<const LEAST: i16> Batch for Find<LEAST> {
    type Item = Led<OffsetSpec>;
    type Key = TopicPartition;
    type Value = FoundOffset;
    type Request = ListOffsetsRequest;
    const LEAST: i16 = LEAST;
    const MOST_ITEMS: usize = 2_000;
    const ONLY_LEADERS: bool = true;

    fn key(item: &Led<OffsetSpec>) -> TopicPartition {
        item.partition.clone()
    }

    fn target(&self, item: &Led<OffsetSpec>) -> Target {
        Target::Broker(item.leader)
    }

    fn request(&self, items: &[&Led<OffsetSpec>], _limit: Duration) -> ListOffsetsRequest {
        let topics = by_topic(items, |item| {
            ListOffsetsPartition::default()
                .with_partition_index(item.partition.index)
                .with_timestamp(item.what.timestamp())
        });
        let topics = topics.into_iter().map(|(name, partitions)| {
            ListOffsetsTopic::default()
                .with_name(name)
                .with_partitions(partitions)
        });
        ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(self.0 as i8)
            .with_topics(topics.collect())
    }

    fn read(&self, response: ListOffsetsResponse) -> Result<Answers<Self>, BrokerError> {
        let mut all = Vec::new();
        for topic in response.topics {
            let name = shared(&topic.name);
            all.extend(topic.partitions.iter().map(|partition| {
                let found = FoundOffset {
                    offset: (partition.offset >= 0).then_some(partition.offset),
                    timestamp: (partition.timestamp >= 0).then_some(partition.timestamp),
                };
                let error = BrokerError::from_code(partition.error_code, None);
                let key = TopicPartition::new(name.clone(), partition.partition_index);
                (key, error.map_or(Ok(found), Err))
            }));
        }
        Ok(all)
    }
}

#[derive(Clone, Copy)]
struct Cut;

impl AtLeader for Cut {
    type What = i64;
    type Answer = i64;
}

impl Batch for Cut {
    type Item = Led<i64>;
    type Key = TopicPartition;
    type Value = i64;
    type Request = DeleteRecordsRequest;
    const LEAST: i16 = 0;
    const MOST_ITEMS: usize = 2_000;
    const ONLY_LEADERS: bool = true;

    fn key(item: &Led<i64>) -> TopicPartition {
        item.partition.clone()
    }

    fn target(&self, item: &Led<i64>) -> Target {
        Target::Broker(item.leader)
    }

    fn request(&self, items: &[&Led<i64>], limit: Duration) -> DeleteRecordsRequest {
        let topics = by_topic(items, |item| {
            DeleteRecordsPartition::default()
                .with_partition_index(item.partition.index)
                .with_offset(item.what)
        });
        let topics = topics.into_iter().map(|(name, partitions)| {
            DeleteRecordsTopic::default()
                .with_name(name)
                .with_partitions(partitions)
        });
        DeleteRecordsRequest::default()
            .with_topics(topics.collect())
            .with_timeout_ms(milliseconds(limit))
    }

    fn read(&self, response: DeleteRecordsResponse) -> Result<Answers<Self>, BrokerError> {
        let mut all = Vec::new();
        for topic in response.topics {
            let name = shared(&topic.name);
            all.extend(topic.partitions.iter().map(|partition| {
                let error = BrokerError::from_code(partition.error_code, None);
                let key = TopicPartition::new(name.clone(), partition.partition_index);
                (key, error.map_or(Ok(partition.low_watermark), Err))
            }));
        }
        Ok(all)
    }
}
