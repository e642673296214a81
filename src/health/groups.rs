//! Reads how far groups are, in a few requests for all of a cluster (I/O).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::ProviderAddress;
use crate::clients::kafka::{Client, GroupLag, KafkaError, ListedGroup};
use crate::clients::kafka_diagnostic;
use crate::kinds::health::{GroupLook, PartitionLook};

/// A group, or why it alone could not be read.
pub(super) type Found = Result<Arc<GroupLook>, String>;

/// Reads those groups that exist.
pub(super) async fn read(
    client: &Client,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, Found>, KafkaError> {
    let mut groups = client.list_groups().await?;
    groups.retain(|group| ids.contains(&*group.id));
    let lags = client.lags(&groups).await?;
    let each = groups.iter().zip(lags).map(|(group, lag)| {
        let look = match lag {
            Ok(lag) => Ok(Arc::new(look(group, &lag))),
            Err(error) => Err(error.to_string()),
        };
        (group.id.to_string(), look)
    });
    Ok(each.collect())
}

fn look(group: &ListedGroup, lag: &GroupLag) -> GroupLook {
    let partitions = lag.iter().filter_map(|(partition, lag)| {
        Some(PartitionLook {
            topic: partition.topic.clone(),
            index: partition.index,
            committed: lag.committed,
            // Offsets outlive a topic that was deleted; there is nothing to be behind of.
            end: lag.end?,
        })
    });
    GroupLook {
        state: group.state.clone().unwrap_or_else(|| "Unknown".into()),
        partitions: partitions.collect(),
    }
}

/// Returns why a cluster told nothing, in one line.
pub(super) fn words(provider: &ProviderAddress, error: &KafkaError) -> String {
    kafka_diagnostic(provider, error).summary
}
