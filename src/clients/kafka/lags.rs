//! How far groups are behind: what they committed, and where those partitions end. Does I/O.
//!
//! For any number of groups at once: a few `OffsetFetch` to each coordinator, and a `Metadata` of the topics with a
//! few `ListOffsets` to each leader, at the same time where it is known which topics matter. Which groups there are
//! tells [`Client::list_groups`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Client;
use super::error::KafkaError;
use super::groups::{Committed, GroupType, ListedGroup};
use super::metadata::{Metadata, TopicSelection};
use super::offsets::{OffsetSpec, TopicPartition};

/// How far a group is behind in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionLag {
    /// The next offset that it will read.
    pub committed: i64,
    /// The offset behind the last record; `None` where the partition is gone or has no leader.
    pub end: Option<i64>,
    /// The offset of the first transaction that is open, else the end; known of partitions in which somebody is
    /// behind.
    pub stable: Option<i64>,
}

impl PartitionLag {
    /// Returns how many offsets lie between: as many records, where none was compacted away or aborted.
    pub fn records(&self) -> Option<u64> {
        Some(u64::try_from(self.end? - self.committed).unwrap_or(0))
    }
}

/// How far a group is behind in each partition that it committed in, in the order of the partitions.
pub type GroupLag = Vec<(TopicPartition, PartitionLag)>;

/// Where partitions end, by topic and number; `None` where that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ends(BTreeMap<Arc<str>, BTreeMap<i32, Option<i64>>>);

impl Client {
    /// Reads what groups are to read next, in their order. A group that is gone has committed nothing; of a share
    /// group the first record counts that it may still be handed.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn positions(
        &self,
        groups: &[ListedGroup],
    ) -> Result<Vec<Result<Committed, KafkaError>>, KafkaError> {
        let (offsets, starts) =
            tokio::try_join!(self.committed_offsets(groups), self.share_starts(groups))?;
        let each = groups.iter().zip(offsets.into_iter().zip(starts));
        let each = each.map(|(group, (offsets, starts))| match group.r#type {
            GroupType::Share => starts,
            _ => offsets,
        });
        Ok(each.collect())
    }

    /// Reads where topics end, as far as they can be asked: why others cannot matters once somebody reads them.
    #[tracing::instrument(level = "debug", skip_all, fields(topics = topics.len()))]
    pub async fn ends(&self, topics: &[Arc<str>]) -> Result<Ends, KafkaError> {
        let mut ends = Ends::default();
        if topics.is_empty() {
            return Ok(ends);
        }
        let known = self.metadata(TopicSelection::Named(topics)).await?;
        for topic in known.topics.iter().filter(|topic| topic.error.is_none()) {
            let led = topic.partitions.iter().filter(|part| part.leader.is_some());
            let led = led.map(|part| (part.index, None)).collect();
            ends.0.insert(Arc::clone(&topic.name), led);
        }
        self.fill(&mut ends, known).await?;
        Ok(ends)
    }

    /// Returns how far groups are behind that are to read next what `positions` says, in their order. Where
    /// partitions end that are not among `ends` is asked for: many groups read the same ones.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = positions.len()))]
    pub async fn lags(
        &self,
        positions: Vec<Result<Committed, KafkaError>>,
        mut ends: Ends,
    ) -> Result<Vec<Result<GroupLag, KafkaError>>, KafkaError> {
        let mut missing = Ends::default();
        for of_topic in positions.iter().flatten().flat_map(by_topic) {
            let topic = &of_topic[0].0.topic;
            let known = ends.0.get(topic);
            let is_known = |index: &i32| known.is_some_and(|known| known.contains_key(index));
            let indexes = of_topic.iter().map(|(partition, _)| partition.index);
            let mut unknown = indexes.filter(|index| !is_known(index)).peekable();
            if unknown.peek().is_some() {
                let missing = missing.0.entry(Arc::clone(topic)).or_default();
                missing.extend(unknown.map(|index| (index, None)));
            }
        }
        self.fill(&mut missing, Metadata::default()).await?;
        for (topic, partitions) in missing.0 {
            ends.0.entry(topic).or_default().extend(partitions);
        }
        let lags = positions.into_iter();
        let mut lags: Vec<_> = lags.map(|it| Ok(lag(&it?, &ends))).collect();
        self.fill_stable(lags.iter_mut().flatten().flatten())
            .await?;
        Ok(lags)
    }

    /// Asks how far partitions are stable in which somebody is behind.
    async fn fill_stable(
        &self,
        lags: impl Iterator<Item = &mut (TopicPartition, PartitionLag)>,
    ) -> Result<(), KafkaError> {
        let behind = lags.filter(|(_, lag)| lag.records().is_some_and(|records| records > 0));
        let behind: Vec<&mut (TopicPartition, PartitionLag)> = behind.collect();
        let partitions: BTreeSet<&TopicPartition> =
            behind.iter().map(|(partition, _)| partition).collect();
        let partitions: Vec<TopicPartition> = partitions.into_iter().cloned().collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let found = self.stable_ends(partitions.clone()).await?;
        let stable: BTreeMap<TopicPartition, Option<i64>> = partitions
            .into_iter()
            .zip(found.into_iter().map(|found| found.ok()?.offset))
            .collect();
        for (partition, lag) in behind {
            lag.stable = stable.get(partition).copied().flatten();
        }
        Ok(())
    }

    /// Asks where partitions end; `known` may tell who leads them.
    async fn fill(&self, ends: &mut Ends, known: Metadata) -> Result<(), KafkaError> {
        let questions = ends.0.iter().flat_map(|(topic, partitions)| {
            let partitions = partitions.keys();
            partitions.map(|&index| TopicPartition::new(Arc::clone(topic), index))
        });
        let questions = questions.map(|partition| (partition, OffsetSpec::Latest));
        let found = self.list_offsets_at(questions.collect(), known).await?;
        let slots = ends.0.values_mut().flat_map(BTreeMap::values_mut);
        for (end, found) in slots.zip(found) {
            *end = found.ok().and_then(|found| found.offset);
        }
        Ok(())
    }
}

/// Returns what a group committed in each topic.
fn by_topic(committed: &Committed) -> impl Iterator<Item = &[(TopicPartition, i64)]> {
    committed.chunk_by(|(a, _), (b, _)| a.topic == b.topic)
}

/// Puts beside what a group committed where those partitions end.
fn lag(committed: &Committed, ends: &Ends) -> GroupLag {
    let mut lag = Vec::with_capacity(committed.len());
    for of_topic in by_topic(committed) {
        let ends = ends.0.get(&of_topic[0].0.topic);
        lag.extend(of_topic.iter().map(|(partition, committed)| {
            let end = ends.and_then(|ends| *ends.get(&partition.index)?);
            let committed = *committed;
            let lag = PartitionLag {
                committed,
                end,
                stable: None,
            };
            (partition.clone(), lag)
        }));
    }
    lag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_ahead_is_not_behind() {
        let lag = |committed, end| {
            let stable = None;
            let lag = PartitionLag {
                committed,
                end,
                stable,
            };
            lag.records()
        };
        assert_eq!(lag(5, Some(12)), Some(7));
        // A topic that was deleted and made again begins at 0.
        assert_eq!(lag(12, Some(5)), Some(0));
        assert_eq!(lag(5, None), None);
    }
}
