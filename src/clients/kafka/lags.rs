//! How far groups are behind: what they committed, and where those partitions end. Does I/O.
//!
//! For any number of groups at once: an `OffsetFetch` to each coordinator, then one `Metadata` of the topics that
//! were committed in and a `ListOffsets` to each leader. Which groups there are tells [`Client::list_groups`].

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Client;
use super::error::KafkaError;
use super::groups::{Committed, GroupType, ListedGroup};
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

/// How far a group is behind in each partition that it committed in.
pub type GroupLag = BTreeMap<TopicPartition, PartitionLag>;

impl Client {
    /// Reads how far groups are behind, in their order. A group that is gone has committed nothing; of a share
    /// group the first record counts that it may still be handed.
    #[tracing::instrument(level = "debug", skip_all, fields(groups = groups.len()))]
    pub async fn lags(
        &self,
        groups: &[ListedGroup],
    ) -> Result<Vec<Result<GroupLag, KafkaError>>, KafkaError> {
        let (offsets, starts) =
            tokio::try_join!(self.committed_offsets(groups), self.share_starts(groups))?;
        let committed: Vec<Result<Committed, KafkaError>> = groups
            .iter()
            .zip(offsets.into_iter().zip(starts))
            .map(|(group, (offsets, starts))| match group.r#type {
                GroupType::Share => starts,
                _ => offsets,
            })
            .collect();
        let ends = self.ends(&committed).await?;
        let lags = committed.into_iter().map(|committed| {
            let each = committed?.into_iter().map(|(partition, committed)| {
                let end = ends.get(&partition).copied().flatten();
                (partition, PartitionLag { committed, end })
            });
            Ok(each.collect())
        });
        Ok(lags.collect())
    }

    /// Returns where every partition ends that somebody committed in. Many groups read the same topics.
    async fn ends(
        &self,
        committed: &[Result<Committed, KafkaError>],
    ) -> Result<HashMap<TopicPartition, Option<i64>>, KafkaError> {
        let all = committed.iter().flatten().flat_map(BTreeMap::keys);
        let different: HashSet<&TopicPartition> = all.collect();
        let mut partitions: Vec<TopicPartition> = different.into_iter().cloned().collect();
        partitions.sort_unstable();
        let questions = partitions.iter().cloned();
        let questions = questions.map(|partition| (partition, OffsetSpec::Latest));
        let found = self.list_offsets(questions.collect()).await?;
        let ends = partitions.into_iter().zip(found);
        Ok(ends
            .map(|(partition, found)| (partition, found.ok().and_then(|found| found.offset)))
            .collect())
    }
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
