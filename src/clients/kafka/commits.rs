//! What an administrator changes in groups that nobody is in: their offsets, and whether they exist. Does I/O.
//!
//! These requests go to a group's coordinator, which is looked for by `FindCoordinator`: the group need not exist
//! yet. A broker refuses them while the group has members.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::alter_share_group_offsets_request::{
    AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, DeleteGroupsRequest,
    DeleteGroupsResponse, FindCoordinatorRequest, GroupId, OffsetCommitRequest,
    OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::Client;
use super::batch::{Answers, Batch, Outcome};
use super::cluster::Target;
use super::error::{BrokerError, KafkaError};
use super::groups::Settled;
use super::offsets::TopicPartition;
use super::retry::Retry;
use super::wire::{shared, text};

/// How many coordinators are asked for in one request.
const CHUNK: usize = 1_000;

impl Client {
    /// Commits offsets for groups without members, which may not exist yet; one outcome per group. The broker
    /// refuses it with `UNKNOWN_MEMBER_ID` where somebody is in the group.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = commits.len()))]
    pub async fn commit_offsets(
        &self,
        commits: Vec<(Arc<str>, Settled)>,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.as_administrator(commits, Commit).await
    }

    /// Sets the first offset that a share group is handed (KIP-932); one outcome per group. The broker refuses it
    /// with `NON_EMPTY_GROUP` where somebody is in the group.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = starts.len()))]
    pub async fn alter_share_starts(
        &self,
        starts: Vec<(Arc<str>, BTreeMap<TopicPartition, i64>)>,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.as_administrator(starts, AlterStarts).await
    }

    /// Deletes what groups committed in some partitions; one outcome per group. The broker refuses it with
    /// `GROUP_SUBSCRIBED_TO_TOPIC` where a member reads the topic.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = deletions.len()))]
    pub async fn delete_offsets(
        &self,
        deletions: Vec<(Arc<str>, Vec<TopicPartition>)>,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.as_administrator(deletions, DeleteOffsets).await
    }

    /// Deletes groups and all that they committed. The broker refuses it with `NON_EMPTY_GROUP` where somebody is
    /// in the group.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn delete_groups(
        &self,
        groups: Vec<Arc<str>>,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        let items = groups.into_iter().map(|group| (group, ()));
        self.as_administrator(items.collect(), DeleteGroups).await
    }

    /// Sends each item to its group's coordinator, and again to the new one where the coordinator has moved.
    async fn as_administrator<B, W>(
        &self,
        items: Vec<(Arc<str>, W)>,
        batch: B,
    ) -> Result<Vec<Outcome<()>>, KafkaError>
    where
        W: Clone,
        B: Batch<Item = At<W>, Value = ()> + Copy,
    {
        let mut retry = Retry::new(&self.cluster.settings.timeouts);
        let mut outcomes: Vec<Option<Outcome<()>>> = items.iter().map(|_| None).collect();
        let mut pending: Vec<usize> = (0..items.len()).collect();
        while !pending.is_empty() {
            let some: Vec<&(Arc<str>, W)> = pending.iter().map(|&at| &items[at]).collect();
            let is_first = outcomes.iter().all(Option::is_none);
            let round = match self.once_as_administrator(&some, batch).await {
                Ok(round) => round,
                Err(error) if is_first && !error.is_misdirected() => return Err(error),
                // What was done in an earlier round, or may have been, is not forgotten for it.
                Err(error) => pending.iter().map(|_| failed(error.clone())).collect(),
            };
            for (&at, mut outcome) in pending.iter().zip(round) {
                outcome.resent |= outcomes[at].as_ref().is_some_and(in_doubt);
                outcomes[at] = Some(outcome);
            }
            let moved = |at: usize| match &outcomes[at].as_ref()?.result {
                Err(error) if error.is_misdirected() => Some(error.clone()),
                _ => None,
            };
            pending.retain(|&at| moved(at).is_some());
            let Some(error) = pending.first().and_then(|&at| moved(at)) else {
                break;
            };
            if !self.cluster.again(&error, &mut retry).await {
                break;
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Sends each item to its group's coordinator of now. Fails as a whole only where nothing was sent.
    async fn once_as_administrator<B, W>(
        &self,
        items: &[&(Arc<str>, W)],
        batch: B,
    ) -> Result<Vec<Outcome<()>>, KafkaError>
    where
        W: Clone,
        B: Batch<Item = At<W>, Value = ()> + Copy,
    {
        let names: Vec<Arc<str>> = items.iter().map(|(group, _)| group.clone()).collect();
        let coordinators = self.coordinators(&names).await?;
        let sent = items.iter().zip(coordinators);
        let sent = sent.map(|((group, what), coordinator)| At {
            group: group.clone(),
            coordinator,
            what: what.clone(),
        });
        self.cluster.change(batch, sent.collect()).await
    }

    /// Returns the broker that coordinates each group, whether it exists or not. On a cluster that never had a
    /// group this makes the topic `__consumer_offsets`.
    async fn coordinators(&self, groups: &[Arc<str>]) -> Result<Vec<i32>, KafkaError> {
        // Version 4 is the first that takes several groups.
        let requests = groups.chunks(CHUNK).map(|some| {
            let keys = some.iter().map(|group| text(group)).collect();
            let request = FindCoordinatorRequest::default().with_coordinator_keys(keys);
            (Target::Any, request)
        });
        let answers = self
            .cluster
            .scatter(requests.collect(), 4, |answer| {
                let found = answer.coordinators.iter().map(|found| {
                    let said = found.error_message.as_deref();
                    match BrokerError::from_code(found.error_code, said) {
                        Some(error) => Err(error),
                        None => Ok((shared(&found.key), i32::from(found.node_id))),
                    }
                });
                found.collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let found: BTreeMap<Arc<str>, i32> = answers.into_iter().flatten().collect();
        let each = groups.iter().map(|group| {
            let missing = || KafkaError::NoSuchBroker(format!("coordinator of {group:?}").into());
            found.get(group).copied().ok_or_else(missing)
        });
        each.collect()
    }
}

fn failed(error: KafkaError) -> Outcome<()> {
    Outcome {
        result: Err(error),
        resent: false,
    }
}

fn in_doubt(outcome: &Outcome<()>) -> bool {
    let doubt = outcome.result.as_ref().is_err_and(KafkaError::leaves_doubt);
    outcome.resent || doubt
}

/// What is asked of a group's coordinator.
struct At<W> {
    group: Arc<str>,
    coordinator: i32,
    what: W,
}

/// Returns partitions as the protocol groups them, each as `one` writes it.
fn by_topic<'a, V: 'a, P>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, V)>,
    one: impl Fn(i32, V) -> P,
) -> Vec<(TopicName, Vec<P>)> {
    let mut topics: BTreeMap<&str, Vec<P>> = BTreeMap::new();
    for (partition, value) in partitions {
        let written = one(partition.index, value);
        topics.entry(&partition.topic).or_default().push(written);
    }
    let topics = topics.into_iter();
    topics
        .map(|(topic, partitions)| (TopicName(text(topic)), partitions))
        .collect()
}

/// Returns the outcome of a request whose answer tells of one partition after the other: the first error, which
/// names its partition. A passing error comes first, so that the whole is tried again.
fn of_partitions<'a>(
    answered: impl IntoIterator<Item = (&'a TopicName, i32, i16, Option<&'a str>)>,
) -> Result<(), BrokerError> {
    let errors = answered
        .into_iter()
        .filter_map(|(topic, index, code, said)| {
            let partition = format!("{}-{index}", topic.as_str());
            let said = match said {
                Some(said) => format!("{partition}: {said}"),
                None => partition,
            };
            BrokerError::from_code(code, Some(&said))
        });
    let errors: Vec<BrokerError> = errors.collect();
    let passing = errors.iter().find(|error| error.is_retriable());
    match passing.or(errors.first()) {
        Some(error) => Err(error.clone()),
        None => Ok(()),
    }
}

/// What every request about one group has in common: its answer does not name the group, so nothing else is asked
/// with it.
macro_rules! of_one_group {
    ($what:ty, $request:ty, $least:expr) => {
        type Item = At<$what>;
        type Key = ();
        type Value = ();
        type Request = $request;
        const LEAST: i16 = $least;
        const MOST_ITEMS: usize = 1;
        const ONLY_LEADERS: bool = true;

        fn key(_: &At<$what>) {}

        fn target(&self, at: &At<$what>) -> Target {
            Target::Broker(at.coordinator)
        }
    };
}

/// Returns the id of the only group of a request.
fn only<'a, W>(items: &[&'a At<W>]) -> (GroupId, &'a W) {
    let at = items.first().expect("a request is made of one group");
    (GroupId(text(&at.group)), &at.what)
}

#[derive(Clone, Copy)]
struct Commit;

impl Batch for Commit {
    of_one_group!(Settled, OffsetCommitRequest, 2);

    fn request(&self, items: &[&Self::Item], _limit: Duration) -> OffsetCommitRequest {
        let (group, offsets) = only(items);
        let topics = by_topic(offsets, |index, offset| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset.offset)
                .with_committed_leader_epoch(offset.leader_epoch.unwrap_or(-1))
                .with_committed_metadata(Some(text(&offset.metadata)))
        });
        let topics = topics.into_iter().map(|(name, partitions)| {
            OffsetCommitRequestTopic::default()
                .with_name(name)
                .with_partitions(partitions)
        });
        // Generation -1 and no member: how somebody commits who is not in the group (KIP-496, KIP-848).
        OffsetCommitRequest::default()
            .with_group_id(group)
            .with_generation_id_or_member_epoch(-1)
            .with_member_id(StrBytes::default())
            .with_topics(topics.collect())
    }

    fn read(&self, answer: OffsetCommitResponse) -> Result<Answers<Self>, BrokerError> {
        let each = answer.topics.iter().flat_map(|topic| {
            let parts = topic.partitions.iter();
            parts.map(|part| (&topic.name, part.partition_index, part.error_code, None))
        });
        Ok(vec![((), of_partitions(each))])
    }
}

#[derive(Clone, Copy)]
struct AlterStarts;

impl Batch for AlterStarts {
    of_one_group!(BTreeMap<TopicPartition, i64>, AlterShareGroupOffsetsRequest, 0);

    fn request(&self, items: &[&Self::Item], _limit: Duration) -> AlterShareGroupOffsetsRequest {
        let (group, starts) = only(items);
        let topics = by_topic(starts, |index, start| {
            AlterShareGroupOffsetsRequestPartition::default()
                .with_partition_index(index)
                .with_start_offset(*start)
        });
        let topics = topics.into_iter().map(|(name, partitions)| {
            AlterShareGroupOffsetsRequestTopic::default()
                .with_topic_name(name)
                .with_partitions(partitions)
        });
        AlterShareGroupOffsetsRequest::default()
            .with_group_id(group)
            .with_topics(topics.collect())
    }

    fn read(&self, answer: AlterShareGroupOffsetsResponse) -> Result<Answers<Self>, BrokerError> {
        let said = answer.error_message.as_deref();
        if let Some(error) = BrokerError::from_code(answer.error_code, said) {
            return Ok(vec![((), Err(error))]);
        }
        let each = answer.responses.iter().flat_map(|topic| {
            let parts = topic.partitions.iter();
            parts.map(|part| {
                let said = part.error_message.as_deref();
                (
                    &topic.topic_name,
                    part.partition_index,
                    part.error_code,
                    said,
                )
            })
        });
        Ok(vec![((), of_partitions(each))])
    }
}

#[derive(Clone, Copy)]
struct DeleteOffsets;

impl Batch for DeleteOffsets {
    of_one_group!(Vec<TopicPartition>, OffsetDeleteRequest, 0);

    fn request(&self, items: &[&Self::Item], _limit: Duration) -> OffsetDeleteRequest {
        let (group, partitions) = only(items);
        let partitions = partitions.iter().map(|partition| (partition, ()));
        let topics = by_topic(partitions, |index, ()| {
            OffsetDeleteRequestPartition::default().with_partition_index(index)
        });
        let topics = topics.into_iter().map(|(name, partitions)| {
            OffsetDeleteRequestTopic::default()
                .with_name(name)
                .with_partitions(partitions)
        });
        OffsetDeleteRequest::default()
            .with_group_id(group)
            .with_topics(topics.collect())
    }

    fn read(&self, answer: OffsetDeleteResponse) -> Result<Answers<Self>, BrokerError> {
        if let Some(error) = BrokerError::from_code(answer.error_code, None) {
            return Ok(vec![((), Err(error))]);
        }
        let each = answer.topics.iter().flat_map(|topic| {
            let parts = topic.partitions.iter();
            parts.map(|part| (&topic.name, part.partition_index, part.error_code, None))
        });
        Ok(vec![((), of_partitions(each))])
    }
}

#[derive(Clone, Copy)]
struct DeleteGroups;

impl Batch for DeleteGroups {
    type Item = At<()>;
    type Key = Arc<str>;
    type Value = ();
    type Request = DeleteGroupsRequest;
    const LEAST: i16 = 0;
    const MOST_ITEMS: usize = 1_000;
    const ONLY_LEADERS: bool = true;

    fn key(at: &At<()>) -> Arc<str> {
        at.group.clone()
    }

    fn target(&self, at: &At<()>) -> Target {
        Target::Broker(at.coordinator)
    }

    fn request(&self, items: &[&At<()>], _limit: Duration) -> DeleteGroupsRequest {
        let names = items.iter().map(|at| GroupId(text(&at.group)));
        DeleteGroupsRequest::default().with_groups_names(names.collect())
    }

    fn read(&self, answer: DeleteGroupsResponse) -> Result<Answers<Self>, BrokerError> {
        let each = answer.results.iter().map(|result| {
            let error = BrokerError::from_code(result.error_code, None);
            (shared(&result.group_id), error.map_or(Ok(()), Err))
        });
        Ok(each.collect())
    }
}
