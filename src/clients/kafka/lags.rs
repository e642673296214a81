//! How far groups are behind: what they committed, and where those partitions end. Does I/O.
//!
//! For any number of groups at once: an `OffsetFetch` to each coordinator and a `Metadata` of the topics, then a
//! `ListOffsets` to each leader. Which groups there are tells [`Client::list_groups`].

use std::collections::BTreeMap;
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
type Ends = BTreeMap<Arc<str>, BTreeMap<i32, Option<i64>>>;

impl Client {
    /// Reads how far groups are behind, in their order. A group that is gone has committed nothing; of a share
    /// group the first record counts that it may still be handed. The leaders of the `likely` topics are asked for
    /// while the groups are; which topics the groups read need not be known.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn lags(
        &self,
        groups: &[ListedGroup],
        likely: &[Arc<str>],
    ) -> Result<Vec<Result<GroupLag, KafkaError>>, KafkaError> {
        let (offsets, starts, known) = tokio::try_join!(
            self.committed_offsets(groups),
            self.share_starts(groups),
            self.known(likely)
        )?;
        let committed: Vec<Result<Committed, KafkaError>> = groups
            .iter()
            .zip(offsets.into_iter().zip(starts))
            .map(|(group, (offsets, starts))| match group.r#type {
                GroupType::Share => starts,
                _ => offsets,
            })
            .collect();
        let ends = self.ends(&committed, known).await?;
        let lags = committed
            .into_iter()
            .map(|committed| Ok(lag(committed?, &ends)));
        Ok(lags.collect())
    }

    async fn known(&self, topics: &[Arc<str>]) -> Result<Metadata, KafkaError> {
        if topics.is_empty() {
            return Ok(Metadata::default());
        }
        self.metadata(TopicSelection::Named(topics)).await
    }

    /// Returns where every partition ends that somebody committed in. Many groups read the same topics.
    async fn ends(
        &self,
        committed: &[Result<Committed, KafkaError>],
        known: Metadata,
    ) -> Result<Ends, KafkaError> {
        let mut ends = Ends::new();
        for group in committed.iter().flatten() {
            let partitions: Vec<&TopicPartition> = group.keys().collect();
            for partitions in partitions.chunk_by(|a, b| a.topic == b.topic) {
                let of_topic = ends.entry(Arc::clone(&partitions[0].topic)).or_default();
                of_topic.extend(partitions.iter().map(|partition| (partition.index, None)));
            }
        }
        let questions = ends.iter().flat_map(|(topic, partitions)| {
            let partitions = partitions.keys();
            partitions.map(|&index| TopicPartition::new(Arc::clone(topic), index))
        });
        let questions = questions.map(|partition| (partition, OffsetSpec::Latest));
        let found = self.list_offsets_at(questions.collect(), known).await?;
        let slots = ends.values_mut().flat_map(BTreeMap::values_mut);
        for (end, found) in slots.zip(found) {
            *end = found.ok().and_then(|found| found.offset);
        }
        Ok(ends)
    }
}

/// Puts beside what a group committed where those partitions end.
fn lag(committed: Committed, ends: &Ends) -> GroupLag {
    let committed: Vec<(TopicPartition, i64)> = committed.into_iter().collect();
    let mut lag = Vec::with_capacity(committed.len());
    for of_topic in committed.chunk_by(|(a, _), (b, _)| a.topic == b.topic) {
        let ends = ends.get(&of_topic[0].0.topic);
        lag.extend(of_topic.iter().map(|(partition, committed)| {
            let end = ends.and_then(|ends| *ends.get(&partition.index)?);
            let committed = *committed;
            (partition.clone(), PartitionLag { committed, end })
        }));
    }
    lag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_ahead_is_not_behind() {
        let lag = |committed, end| PartitionLag { committed, end }.records();
        assert_eq!(lag(5, Some(12)), Some(7));
        // A topic that was deleted and made again begins at 0.
        assert_eq!(lag(12, Some(5)), Some(0));
        assert_eq!(lag(5, None), None);
    }
}
