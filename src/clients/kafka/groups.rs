//! Groups that read topics: which there are, who is in them and how far they have committed. Does I/O.
//!
//! A group is asked about at its coordinator. Every broker lists the groups that it coordinates, so one
//! `ListGroups` to each broker tells for every group its coordinator and its type, and with it the one request
//! that describes it. `FindCoordinator` would not do: a broker that is asked for a coordinator makes the topic
//! `__consumer_offsets` where there is none, and who only looks must change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, TryGetError};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse,
    GroupId, ListGroupsRequest, ListGroupsResponse, OffsetFetchRequest, OffsetFetchResponse,
    ShareGroupDescribeRequest, ShareGroupDescribeResponse, TopicName,
};

use tokio::task::JoinSet;

use super::Client;
use super::batch::{Answers, Batch};
use super::cluster::Target;
use super::error::{BrokerError, KafkaError};
use super::offsets::TopicPartition;
use super::retry::Retry;
use super::wire::{shared, text};

/// How many groups are asked about in one request.
const CHUNK: usize = 200;

/// How the members of a group agree on who reads what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupType {
    /// By a leader among them (the protocol before KIP-848).
    Classic,
    /// By the broker (KIP-848).
    Consumer,
    /// Not at all: records are handed out one by one (KIP-932).
    Share,
    /// By the broker, for Kafka Streams (KIP-1071).
    Streams,
}

/// A group that reads topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its id.
    pub id: Arc<str>,
    /// Its type.
    pub r#type: GroupType,
    /// Its state in Kafka's words, such as `Stable` or `Empty`; brokers before 2.6 do not tell.
    pub state: Option<Arc<str>>,
    /// Whether consumers have been members of it; else somebody only commits offsets there, without joining.
    pub has_protocol: bool,
    /// The broker that coordinates it.
    coordinator: i32,
}

/// A group and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its state in Kafka's words, such as `Stable` or `Empty`.
    pub state: Arc<str>,
    /// The name of the assignor that is in force; empty without members.
    pub assignor: Arc<str>,
    /// How many members it has.
    pub members: u32,
    /// The topics that a member subscribes to or is assigned.
    pub topics: BTreeSet<Arc<str>>,
}

/// The offsets that a group committed, each the next one to read, in the order of the partitions.
pub type Committed = Vec<(TopicPartition, i64)>;

/// One offset as it was committed, with all that its group keeps beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next record to read.
    pub offset: i64,
    /// The leader's epoch when the record before it was read (KIP-320).
    pub leader_epoch: Option<i32>,
    /// What the application wrote beside it; Kafka Streams keeps a partition's time there (KIP-360).
    pub metadata: Arc<str>,
}

/// The offsets that a group committed, with all that is kept beside each.
pub type Settled = BTreeMap<TopicPartition, CommittedOffset>;

impl CommittedOffset {
    /// Returns an offset with nothing beside it.
    pub fn at(offset: i64) -> Self {
        Self {
            offset,
            leader_epoch: None,
            metadata: Arc::default(),
        }
    }
}

impl Client {
    /// Lists the groups that read topics, by id: all that we may see. Workers of Kafka Connect and others that
    /// only use the protocol to find each other are left out.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_groups(&self) -> Result<Vec<ListedGroup>, KafkaError> {
        let mut retry = Retry::new(&self.cluster.settings.timeouts);
        let mut groups = loop {
            match self.list_groups_once(retry.request_timeout()).await {
                Ok(groups) => break groups,
                Err(error) if self.cluster.again(&error, &mut retry).await => {}
                Err(error) => return Err(error),
            }
        };
        // A group that moves while it is asked for may be listed twice.
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        groups.dedup_by(|a, b| a.id == b.id);
        Ok(groups)
    }

    /// Asks the brokers that there are now: the groups of one that has left the cluster are another's.
    async fn list_groups_once(&self, limit: Duration) -> Result<Vec<ListedGroup>, KafkaError> {
        let mut running = JoinSet::new();
        for coordinator in self.cluster.broker_ids().await? {
            let cluster = self.cluster.clone();
            running.spawn(async move {
                let (target, request) = (Target::Broker(coordinator), ListGroupsRequest::default());
                let read = |answer| listed(&answer, coordinator);
                cluster.once(target, 0, &request, 0, limit, read).await
            });
        }
        let mut groups = Vec::new();
        while let Some(answered) = running.join_next().await {
            match answered {
                Ok(listed) => groups.extend(listed?),
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        Ok(groups)
    }

    /// Returns those of some groups which we may not see, and the broker's words. They are not among those that were
    /// listed: a broker lists what its caller may describe, and says nothing of the rest. Any broker can tell, since
    /// that comes before the question which of them coordinates a group.
    pub async fn hidden_groups(
        &self,
        listed: &[ListedGroup],
        ids: impl IntoIterator<Item = &str>,
    ) -> Result<BTreeMap<Arc<str>, BrokerError>, KafkaError> {
        let listed: BTreeSet<&str> = listed.iter().map(|group| &*group.id).collect();
        let absent = ids.into_iter().filter(|id| !listed.contains(id));
        let absent: Vec<Arc<str>> = absent.map(Arc::from).collect();
        let requests = absent.chunks(CHUNK).map(|some| {
            let ids = some.iter().map(|id| GroupId(text(id)));
            let request = DescribeGroupsRequest::default().with_groups(ids.collect());
            (Target::Any, request)
        });
        let hidden = |answer: DescribeGroupsResponse| {
            let each = answer.groups.iter().filter_map(|group| {
                let said = group.error_message.as_deref();
                let error = BrokerError::from_code(group.error_code, said)?;
                let is_hidden = error.is(ResponseError::GroupAuthorizationFailed);
                is_hidden.then(|| (shared(&group.group_id), error))
            });
            Ok(each.collect::<Vec<_>>())
        };
        let answers = self.cluster.scatter(requests.collect(), 0, hidden).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// Describes groups, in their order; `None` for one that is gone, and for the type whose description we
    /// cannot ask for ([`GroupType::Streams`]).
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn describe_groups(
        &self,
        groups: &[ListedGroup],
    ) -> Result<Vec<Result<Option<GroupDescription>, KafkaError>>, KafkaError> {
        let of = |r#type| {
            let indexes = (0..groups.len()).filter(move |&at| groups[at].r#type == r#type);
            indexes.collect::<Vec<_>>()
        };
        let (classic, consumer, share) = (
            of(GroupType::Classic),
            of(GroupType::Consumer),
            of(GroupType::Share),
        );
        let (classics, consumers, shares) = tokio::try_join!(
            self.at_coordinators(some(groups, &classic), DescribeClassic),
            self.at_coordinators(some(groups, &consumer), DescribeConsumer),
            self.at_coordinators(some(groups, &share), DescribeShare),
        )?;
        let mut all: Vec<_> = groups.iter().map(|_| Ok(None)).collect();
        for (indexes, found) in [(classic, classics), (consumer, consumers), (share, shares)] {
            for (index, described) in indexes.into_iter().zip(found) {
                all[index] = present(described);
            }
        }
        Ok(all)
    }

    /// Reads what groups committed, in their order. Share groups commit records, not offsets, and have none.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn committed_offsets(
        &self,
        groups: &[ListedGroup],
    ) -> Result<Vec<Result<Committed, KafkaError>>, KafkaError> {
        let asked: Vec<usize> = (0..groups.len())
            .filter(|&at| groups[at].r#type != GroupType::Share)
            .collect();
        let found = self
            .at_coordinators(some(groups, &asked), FetchOffsets)
            .await?;
        let mut all: Vec<_> = groups.iter().map(|_| Ok(Committed::new())).collect();
        for (index, offsets) in asked.into_iter().zip(found) {
            all[index] = present(offsets).map(Option::unwrap_or_default);
        }
        Ok(all)
    }

    /// Reads what groups committed with all that is kept beside it, in their order. Waits for transactions that
    /// are about to commit more (KIP-447): what is returned is what a member that starts now would begin at.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn settled_offsets(
        &self,
        groups: &[ListedGroup],
    ) -> Result<Vec<Result<Settled, KafkaError>>, KafkaError> {
        let found = self.at_coordinators(groups.to_vec(), FetchSettled).await?;
        let found = found.into_iter();
        Ok(found
            .map(|offsets| present(offsets).map(Option::unwrap_or_default))
            .collect())
    }

    /// Reads the first offset that each share group may still be handed, in the order of the groups; nothing for
    /// those of other types.
    pub async fn share_starts(
        &self,
        groups: &[ListedGroup],
    ) -> Result<Vec<Result<Committed, KafkaError>>, KafkaError> {
        let asked: Vec<usize> = (0..groups.len())
            .filter(|&at| groups[at].r#type == GroupType::Share)
            .collect();
        let found = self
            .at_coordinators(some(groups, &asked), FetchStarts)
            .await?;
        let mut all: Vec<_> = groups.iter().map(|_| Ok(Committed::new())).collect();
        for (index, starts) in asked.into_iter().zip(found) {
            all[index] = present(starts).map(Option::unwrap_or_default);
        }
        Ok(all)
    }

    /// Sends each group to its coordinator, and again to the new one where the coordinator has moved.
    async fn at_coordinators<B>(
        &self,
        mut groups: Vec<ListedGroup>,
        batch: B,
    ) -> Result<Vec<Result<B::Value, KafkaError>>, KafkaError>
    where
        B: Batch<Item = ListedGroup> + Copy,
    {
        let mut retry = Retry::new(&self.cluster.settings.timeouts);
        let mut results: Vec<Option<Result<B::Value, KafkaError>>> =
            groups.iter().map(|_| None).collect();
        let mut pending: Vec<usize> = (0..groups.len()).collect();
        while !pending.is_empty() {
            let round = match self.cluster.change(batch, some(&groups, &pending)).await {
                Err(error) if !error.is_misdirected() => return Err(error),
                Err(error) => pending.iter().map(|_| Err(error.clone())).collect(),
                Ok(round) => round
                    .into_iter()
                    .map(|outcome| outcome.result)
                    .collect::<Vec<_>>(),
            };
            for (&index, result) in pending.iter().zip(round) {
                results[index] = Some(result);
            }
            let moved = |index: usize| match &results[index] {
                Some(Err(error)) if error.is_misdirected() => Some(error),
                _ => None,
            };
            pending.retain(|&index| moved(index).is_some());
            let Some(error) = pending.first().and_then(|&index| moved(index)) else {
                break;
            };
            if !self.cluster.again(error, &mut retry).await {
                break;
            }
            let now: BTreeMap<Arc<str>, i32> = self
                .list_groups()
                .await?
                .into_iter()
                .map(|group| (group.id, group.coordinator))
                .collect();
            for &index in &pending {
                let group = &mut groups[index];
                group.coordinator = now.get(&group.id).copied().unwrap_or(group.coordinator);
            }
        }
        let results = results.into_iter().flatten().zip(&groups);
        let named = results
            .map(|(result, group)| result.map_err(|it| it.about(&format!("group {:?}", group.id))));
        Ok(named.collect())
    }
}

fn some(groups: &[ListedGroup], indexes: &[usize]) -> Vec<ListedGroup> {
    indexes.iter().map(|&index| groups[index].clone()).collect()
}

/// Turns the error of a group that is gone into its absence.
fn present<T>(answer: Result<T, KafkaError>) -> Result<Option<T>, KafkaError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if error
                .broker_error()
                .is_some_and(|error| error.is(ResponseError::GroupIdNotFound)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads the groups of the broker that coordinates them.
fn listed(answer: &ListGroupsResponse, coordinator: i32) -> Result<Vec<ListedGroup>, BrokerError> {
    if let Some(error) = BrokerError::from_code(answer.error_code, None) {
        return Err(error);
    }
    let groups = answer.groups.iter().filter_map(|group| {
        // Before version 5 there is no type, and what is listed is classic. Offsets that were committed
        // without joining make a group without a protocol.
        let r#type = match group.group_type.to_ascii_lowercase().as_str() {
            "consumer" => GroupType::Consumer,
            "share" => GroupType::Share,
            "streams" => GroupType::Streams,
            _ if matches!(group.protocol_type.as_str(), "consumer" | "") => GroupType::Classic,
            _ => return None,
        };
        Some(ListedGroup {
            id: shared(&group.group_id),
            r#type,
            state: Some(shared(&group.group_state)).filter(|state| !state.is_empty()),
            has_protocol: !group.protocol_type.is_empty(),
            coordinator,
        })
    });
    Ok(groups.collect())
}

fn ids(groups: &[&ListedGroup]) -> Vec<GroupId> {
    let ids = groups.iter().map(|group| GroupId(text(&group.id)));
    ids.collect()
}

fn count<T>(members: &[T]) -> u32 {
    u32::try_from(members.len()).unwrap_or(u32::MAX)
}

fn names<'a>(names: impl Iterator<Item = &'a TopicName>) -> BTreeSet<Arc<str>> {
    names
        .filter(|name| !name.is_empty())
        .map(|name| shared(name))
        .collect()
}

/// What every request about groups has in common.
macro_rules! at_coordinator {
    ($value:ty, $request:ty, $least:expr) => {
        type Item = ListedGroup;
        type Key = Arc<str>;
        type Value = $value;
        type Request = $request;
        const LEAST: i16 = $least;
        const MOST_ITEMS: usize = CHUNK;
        const ONLY_LEADERS: bool = true;

        fn key(group: &ListedGroup) -> Arc<str> {
            group.id.clone()
        }

        fn target(&self, group: &ListedGroup) -> Target {
            Target::Broker(group.coordinator)
        }
    };
}

#[derive(Clone, Copy)]
struct DescribeClassic;

impl Batch for DescribeClassic {
    at_coordinator!(GroupDescription, DescribeGroupsRequest, 0);

    fn request(&self, groups: &[&ListedGroup], _limit: Duration) -> DescribeGroupsRequest {
        DescribeGroupsRequest::default().with_groups(ids(groups))
    }

    fn read(&self, answer: DescribeGroupsResponse) -> Result<Answers<Self>, BrokerError> {
        let described = answer.groups.iter().map(|group| {
            let said = group.error_message.as_deref();
            let result = match BrokerError::from_code(group.error_code, said) {
                Some(error) => Err(error),
                // Before version 6 a group that is not there is described as dead.
                None if group.group_state.as_str() == "Dead" => Err(gone()),
                None => Ok(GroupDescription {
                    state: shared(&group.group_state),
                    assignor: shared(&group.protocol_data),
                    members: count(&group.members),
                    topics: group
                        .members
                        .iter()
                        .flat_map(|member| {
                            subscribed(&member.member_metadata)
                                .into_iter()
                                .chain(assigned(&member.member_assignment))
                        })
                        .collect(),
                }),
            };
            (shared(&group.group_id), result)
        });
        Ok(described.collect())
    }
}

fn gone() -> BrokerError {
    BrokerError {
        code: ResponseError::GroupIdNotFound.code(),
        message: None,
    }
}

#[derive(Clone, Copy)]
struct DescribeConsumer;

impl Batch for DescribeConsumer {
    at_coordinator!(GroupDescription, ConsumerGroupDescribeRequest, 0);

    fn request(&self, groups: &[&ListedGroup], _limit: Duration) -> ConsumerGroupDescribeRequest {
        ConsumerGroupDescribeRequest::default().with_group_ids(ids(groups))
    }

    fn read(&self, answer: ConsumerGroupDescribeResponse) -> Result<Answers<Self>, BrokerError> {
        let described = answer.groups.iter().map(|group| {
            let said = group.error_message.as_deref();
            let error = BrokerError::from_code(group.error_code, said);
            let topics = group.members.iter().flat_map(|member| {
                let assigned = &member.assignment.topic_partitions;
                let assigned = assigned.iter().map(|part| &part.topic_name);
                member.subscribed_topic_names.iter().chain(assigned)
            });
            let description = GroupDescription {
                state: shared(&group.group_state),
                assignor: shared(&group.assignor_name),
                members: count(&group.members),
                topics: names(topics),
            };
            (shared(&group.group_id), error.map_or(Ok(description), Err))
        });
        Ok(described.collect())
    }
}

#[derive(Clone, Copy)]
struct DescribeShare;

impl Batch for DescribeShare {
    at_coordinator!(GroupDescription, ShareGroupDescribeRequest, 1);

    fn request(&self, groups: &[&ListedGroup], _limit: Duration) -> ShareGroupDescribeRequest {
        ShareGroupDescribeRequest::default().with_group_ids(ids(groups))
    }

    fn read(&self, answer: ShareGroupDescribeResponse) -> Result<Answers<Self>, BrokerError> {
        let described = answer.groups.iter().map(|group| {
            let said = group.error_message.as_deref();
            let error = BrokerError::from_code(group.error_code, said);
            let members = group.members.iter();
            let description = GroupDescription {
                state: shared(&group.group_state),
                assignor: shared(&group.assignor_name),
                members: count(&group.members),
                topics: names(members.flat_map(|member| &member.subscribed_topic_names)),
            };
            (shared(&group.group_id), error.map_or(Ok(description), Err))
        });
        Ok(described.collect())
    }
}

#[derive(Clone, Copy)]
struct FetchOffsets;

impl Batch for FetchOffsets {
    // Version 8 is the first that takes several groups.
    at_coordinator!(Committed, OffsetFetchRequest, 8);
    // What a thousand groups committed takes a broker ten times as long as anything else that is asked meanwhile.
    const CONNECTIONS: Range<usize> = 1..2;

    fn request(&self, groups: &[&ListedGroup], _limit: Duration) -> OffsetFetchRequest {
        all_offsets(groups)
    }

    fn read(&self, answer: OffsetFetchResponse) -> Result<Answers<Self>, BrokerError> {
        let fetched = answer.groups.iter().map(|group| {
            let topics = group.topics.iter().map(|topic| {
                let parts = topic.partitions.iter();
                let parts = parts.map(|part| (part.partition_index, part.committed_offset));
                (&topic.name, parts)
            });
            let committed = committed(topics);
            let error = BrokerError::from_code(group.error_code, None);
            (shared(&group.group_id), error.map_or(Ok(committed), Err))
        });
        Ok(fetched.collect())
    }
}

/// Takes a group's offsets out of an answer. A partition with an error, without a commit, or of which nothing was
/// handed out yet, has a negative one.
fn committed<'a>(
    topics: impl Iterator<Item = (&'a TopicName, impl Iterator<Item = (i32, i64)>)>,
) -> Committed {
    let mut topics: Vec<_> = topics.collect();
    topics.sort_unstable_by_key(|(name, _)| *name);
    let mut committed = Committed::new();
    for (name, parts) in topics {
        let name = shared(name);
        let mut parts: Vec<(i32, i64)> = parts.filter(|(_, offset)| *offset >= 0).collect();
        parts.sort_unstable();
        committed.extend(
            parts
                .into_iter()
                .map(|(index, offset)| (TopicPartition::new(Arc::clone(&name), index), offset)),
        );
    }
    committed
}

/// Returns the question for all that groups committed.
fn all_offsets(groups: &[&ListedGroup]) -> OffsetFetchRequest {
    let groups = groups.iter().map(|group| {
        OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(&group.id)))
            .with_topics(None)
    });
    OffsetFetchRequest::default().with_groups(groups.collect())
}

#[derive(Clone, Copy)]
struct FetchSettled;

impl Batch for FetchSettled {
    at_coordinator!(Settled, OffsetFetchRequest, 8);

    fn request(&self, groups: &[&ListedGroup], _limit: Duration) -> OffsetFetchRequest {
        all_offsets(groups).with_require_stable(true)
    }

    fn read(&self, answer: OffsetFetchResponse) -> Result<Answers<Self>, BrokerError> {
        let fetched = answer.groups.iter().map(|group| {
            let id = shared(&group.group_id);
            if let Some(error) = BrokerError::from_code(group.error_code, None) {
                return (id, Err(error));
            }
            let mut committed = BTreeMap::new();
            for topic in &group.topics {
                let name = shared(&topic.name);
                for part in &topic.partitions {
                    // A transaction that is not settled yet is UNSTABLE_OFFSET_COMMIT, which passes.
                    if let Some(error) = BrokerError::from_code(part.error_code, None) {
                        return (id, Err(error));
                    }
                    if part.committed_offset < 0 {
                        continue;
                    }
                    let offset = CommittedOffset {
                        offset: part.committed_offset,
                        leader_epoch: Some(part.committed_leader_epoch).filter(|&it| it >= 0),
                        metadata: part.metadata.as_ref().map(shared).unwrap_or_default(),
                    };
                    let partition = TopicPartition::new(name.clone(), part.partition_index);
                    committed.insert(partition, offset);
                }
            }
            (id, Ok(committed))
        });
        Ok(fetched.collect())
    }
}

#[derive(Clone, Copy)]
struct FetchStarts;

impl Batch for FetchStarts {
    at_coordinator!(Committed, DescribeShareGroupOffsetsRequest, 0);

    fn request(
        &self,
        groups: &[&ListedGroup],
        _limit: Duration,
    ) -> DescribeShareGroupOffsetsRequest {
        let groups = groups.iter().map(|group| {
            DescribeShareGroupOffsetsRequestGroup::default()
                .with_group_id(GroupId(text(&group.id)))
                .with_topics(None)
        });
        DescribeShareGroupOffsetsRequest::default().with_groups(groups.collect())
    }

    fn read(
        &self,
        answer: DescribeShareGroupOffsetsResponse,
    ) -> Result<Answers<Self>, BrokerError> {
        let fetched = answer.groups.iter().map(|group| {
            let topics = group.topics.iter().map(|topic| {
                let parts = topic.partitions.iter();
                let parts = parts.map(|part| (part.partition_index, part.start_offset));
                (&topic.topic_name, parts)
            });
            let starts = committed(topics);
            let said = group.error_message.as_deref();
            let error = BrokerError::from_code(group.error_code, said);
            (shared(&group.group_id), error.map_or(Ok(starts), Err))
        });
        Ok(fetched.collect())
    }
}

/// Returns the topics of a member's subscription (`ConsumerProtocolSubscription`, any version: they come first).
///
/// Members write these bytes, the broker does not look at them: what cannot be read says nothing.
fn subscribed(bytes: &Bytes) -> Vec<Arc<str>> {
    read_topics(bytes.clone(), |_| Ok(())).unwrap_or_default()
}

/// Returns the topics of a member's assignment (`ConsumerProtocolAssignment`, any version).
fn assigned(bytes: &Bytes) -> Vec<Arc<str>> {
    let skip_partitions = |bytes: &mut Bytes| {
        let count = usize::try_from(bytes.try_get_i32()?).unwrap_or(0);
        skip(bytes, count.saturating_mul(4))
    };
    read_topics(bytes.clone(), skip_partitions).unwrap_or_default()
}

fn read_topics(
    mut bytes: Bytes,
    rest: impl Fn(&mut Bytes) -> Result<(), TryGetError>,
) -> Result<Vec<Arc<str>>, TryGetError> {
    bytes.try_get_i16()?;
    let mut topics = Vec::new();
    // No room is reserved for what the number promises: the bytes end first if it lies.
    for _ in 0..bytes.try_get_i32()?.max(0) {
        let length = usize::try_from(bytes.try_get_i16()?).unwrap_or(0);
        let name = bytes.slice(..length.min(bytes.len()));
        skip(&mut bytes, length)?;
        topics.extend(std::str::from_utf8(&name).ok().map(Arc::from));
        rest(&mut bytes)?;
    }
    Ok(topics)
}

fn skip(bytes: &mut Bytes, count: usize) -> Result<(), TryGetError> {
    if bytes.len() < count {
        return Err(TryGetError {
            requested: count,
            available: bytes.len(),
        });
    }
    bytes.advance(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition as Assigned;
    use kafka_protocol::messages::list_groups_response::ListedGroup as Listed;
    use kafka_protocol::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
    use kafka_protocol::protocol::Encodable;
    use proptest::prelude::*;

    use super::*;

    fn versioned(message: &impl Encodable, version: i16) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.extend_from_slice(&version.to_be_bytes());
        message.encode(&mut bytes, version).expect("encodes");
        bytes.freeze()
    }

    #[test]
    fn topics_of_members_are_read_in_every_version() {
        let topics = ["orders", "audit"];
        for version in 0..=3 {
            let subscription = ConsumerProtocolSubscription::default()
                .with_topics(topics.iter().map(|topic| text(topic)).collect());
            let found = subscribed(&versioned(&subscription, version));
            assert_eq!(found, topics.map(Arc::from));
            let parts = topics.iter().map(|topic| {
                Assigned::default()
                    .with_topic(TopicName(text(topic)))
                    .with_partitions(vec![0, 7])
            });
            let assignment =
                ConsumerProtocolAssignment::default().with_assigned_partitions(parts.collect());
            let found = assigned(&versioned(&assignment, version));
            assert_eq!(found, topics.map(Arc::from));
        }
    }

    #[test]
    fn only_groups_that_read_topics_are_listed() {
        let group = |id: &'static str, protocol: &'static str, r#type: &'static str| {
            Listed::default()
                .with_group_id(GroupId(text(id)))
                .with_protocol_type(text(protocol))
                .with_group_type(text(r#type))
        };
        let answer = ListGroupsResponse::default().with_groups(vec![
            group("old", "consumer", ""),
            group("offsets-only", "", "Classic"),
            group("workers", "connect", "Classic"),
            group("new", "consumer", "Consumer"),
            group("queue", "share", "Share"),
            group("streams", "streams", "Streams"),
        ]);
        let groups = listed(&answer, 3).expect("no error");
        let found: Vec<_> = groups
            .iter()
            .map(|group| (&*group.id, group.r#type))
            .collect();
        assert_eq!(
            found,
            [
                ("old", GroupType::Classic),
                ("offsets-only", GroupType::Classic),
                ("new", GroupType::Consumer),
                ("queue", GroupType::Share),
                ("streams", GroupType::Streams),
            ]
        );
    }

    proptest! {
        #[test]
        fn what_members_write_makes_nothing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let bytes = Bytes::from(bytes);
            drop((subscribed(&bytes), assigned(&bytes)));
        }
    }
}
