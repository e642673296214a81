//! Looks at the partitions of topics: one `Metadata` for all, and the configuration of those out of sync.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clients::kafka::{
    Client, Extras, KafkaError, Keys, Resource, Topic as TopicMetadata, TopicSelection,
};
use crate::kinds::topic::health::TopicVitals;

const MINIMUM: &str = "min.insync.replicas";

/// Reads how topics do, in the order of their names; `None` for one that is not there.
pub(super) async fn vitals(
    client: &Client,
    names: &[Arc<str>],
) -> Result<Vec<Option<TopicVitals>>, KafkaError> {
    let metadata = client.metadata(TopicSelection::Named(names)).await?;
    let topics: BTreeMap<&str, &TopicMetadata> = metadata
        .topics
        .iter()
        .map(|topic| (&*topic.name, topic))
        .collect();
    let minima = minima(client, topics.values().copied()).await?;
    names
        .iter()
        .map(|name| match topics.get(&**name) {
            None => Ok(None),
            Some(topic) if topic.is_missing() => Ok(None),
            Some(topic) => match &topic.error {
                Some(error) => Err(error.clone().into()),
                None => Ok(Some(seen(topic, minima.get(&**name).copied()))),
            },
        })
        .collect()
}

/// Returns how many replicas must be in sync of those topics that have some out of sync.
async fn minima(
    client: &Client,
    topics: impl Iterator<Item = &TopicMetadata>,
) -> Result<BTreeMap<Arc<str>, usize>, KafkaError> {
    let behind = topics.filter(|topic| {
        let mut partitions = topic.partitions.iter();
        partitions.any(|partition| partition.isr.len() < partition.replicas.len())
    });
    let keys: Arc<[Arc<str>]> = Arc::new([MINIMUM.into()]);
    let asked: Vec<(Resource, Keys)> = behind
        .map(|topic| {
            let resource = Resource::Topic(topic.name.clone());
            (resource, Keys::Only(Arc::clone(&keys)))
        })
        .collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let described = client.describe_configs(&asked, Extras::default()).await?;
    let mut minima = BTreeMap::new();
    for ((resource, _), described) in asked.into_iter().zip(described) {
        let value = described?
            .into_iter()
            .find_map(|entry| entry.value?.parse().ok());
        if let (Resource::Topic(name), Some(minimum)) = (resource, value) {
            minima.insert(name, minimum);
        }
    }
    Ok(minima)
}

fn seen(topic: &TopicMetadata, minimum: Option<usize>) -> TopicVitals {
    let mut vitals = TopicVitals {
        partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
        ..TopicVitals::default()
    };
    for partition in &topic.partitions {
        let in_sync = partition.isr.len();
        let list = if partition.leader.is_none() {
            &mut vitals.leaderless
        } else if minimum.is_some_and(|minimum| in_sync < minimum) {
            &mut vitals.below_minimum
        } else if in_sync < partition.replicas.len() {
            &mut vitals.catching_up
        } else {
            continue;
        };
        list.push(partition.index);
    }
    vitals
}
