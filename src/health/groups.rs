//! Reads how far groups are, in a few requests for all of a cluster (I/O).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::address::ProviderAddress;
use crate::clients::kafka::{
    Client, FoundOffset, GroupDescription, GroupLag, KafkaError, ListedGroup, OffsetSpec,
    TopicPartition, TopicSelection,
};
use crate::clients::{Connections, kafka_diagnostic};
use crate::kinds::health::{GroupLook, PartitionLook, lag};

use super::KAFKA;

/// The groups to be read, each with the topics that it reads as far as that is known.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    groups: BTreeMap<String, Vec<Arc<str>>>,
    topics: BTreeSet<Arc<str>>,
}

impl Wanted {
    /// Adds a group, or what else it reads.
    pub(super) fn add(&mut self, group: &str, topics: &[String]) {
        let read = self.groups.entry(group.to_owned()).or_default();
        for topic in topics {
            let topic = shared(&mut self.topics, topic);
            if !read.contains(&topic) {
                read.push(topic);
            }
        }
    }
}

/// Returns the one copy of a name.
fn shared(names: &mut BTreeSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.get(name) {
        return Arc::clone(known);
    }
    let new: Arc<str> = name.into();
    names.insert(Arc::clone(&new));
    new
}

/// A group, or why it alone could not be read.
pub(super) type Found = Result<Arc<GroupLook>, String>;

/// The groups that there are, by their ids.
pub(super) type AllFound = BTreeMap<Arc<str>, Found>;

/// The groups of clusters, asked for before it is known which of them matter.
#[derive(Debug, Default)]
pub struct Ahead(BTreeMap<ProviderAddress, JoinHandle<Listed>>);

/// The groups of a cluster.
type Listed = Result<Vec<ListedGroup>, KafkaError>;

impl Ahead {
    /// Asks all clusters of a project for their groups. Call it on a runtime.
    pub fn ask(connections: &Connections) -> Self {
        let clusters = connections.of_kind(KAFKA).filter_map(|provider| {
            // Why there is no client is told when it is needed.
            let client = connections.kafka(provider).ok()?;
            let listing = tokio::spawn(async move { client.list_groups().await });
            Some((provider.clone(), listing))
        });
        Self(clusters.collect())
    }

    /// Takes out the answer of a cluster, to come.
    pub(super) fn take(&mut self, provider: &ProviderAddress) -> Option<JoinHandle<Listed>> {
        self.0.remove(provider)
    }
}

/// Reads how far those groups are that exist and who is in them, and those that do not but have nothing to read either.
pub(super) async fn read(
    client: &Client,
    wanted: &Wanted,
    ahead: Option<JoinHandle<Listed>>,
) -> Result<AllFound, KafkaError> {
    let ahead = match ahead {
        Some(listing) => listing.await.ok(),
        None => None,
    };
    let mut groups = match ahead {
        Some(listed) => listed?,
        None => client.list_groups().await?,
    };
    groups.retain(|group| wanted.groups.contains_key(&*group.id));
    let topics: Vec<Arc<str>> = wanted.topics.iter().cloned().collect();
    let (positions, ends, described, hidden) = tokio::try_join!(
        client.positions(&groups),
        client.ends(&topics),
        describe(client, &groups),
        client.hidden_groups(&groups, wanted.groups.keys().map(String::as_str)),
    )?;
    let lags = client.lags(positions, ends).await?;
    let each = groups.iter().zip(lags).map(|(group, lag)| {
        let look = match lag {
            Ok(lag) => {
                let described = described.get(&group.id);
                let reads = wanted.groups.get(&*group.id).map_or(&[][..], Vec::as_slice);
                Ok(Arc::new(look(group, lag, described, reads)))
            }
            Err(error) => Err(error.to_string()),
        };
        (Arc::clone(&group.id), look)
    });
    let mut found: AllFound = each.collect();
    let hidden = hidden.into_iter();
    found.extend(hidden.map(|(id, error)| (id, Err(error.to_string()))));
    fill_idle(client, wanted, &mut found).await?;
    Ok(found)
}

/// Describes those groups in which there is somebody.
async fn describe(
    client: &Client,
    groups: &[ListedGroup],
) -> Result<BTreeMap<Arc<str>, GroupDescription>, KafkaError> {
    let groups = groups.iter().filter(|group| !is_empty(group)).cloned();
    let groups: Vec<ListedGroup> = groups.collect();
    let described = client.describe_groups(&groups).await?;
    let found = groups.into_iter().zip(described);
    let found = found.filter_map(|(group, found)| Some((group.id, found.ok()??)));
    Ok(found.collect())
}

fn is_empty(group: &ListedGroup) -> bool {
    let state = group.state.as_deref();
    state.is_some_and(lag::is_empty)
}

/// Returns how far a group is that is to read the topics `reads`. Offsets outlive what was subscribed to: what its
/// members do not read any more, and is not to be read either, is no lag.
fn look(
    group: &ListedGroup,
    lag: GroupLag,
    described: Option<&GroupDescription>,
    reads: &[Arc<str>],
) -> GroupLook {
    let subscribed = described.map(|described| &described.topics);
    let subscribed = subscribed.filter(|topics| !topics.is_empty());
    let is_read = |topic: &Arc<str>| {
        subscribed.is_none_or(|topics| topics.contains(topic)) || reads.contains(topic)
    };
    let counts = lag
        .into_iter()
        .filter(|(partition, _)| is_read(&partition.topic));
    let partitions = counts.filter_map(|(partition, lag)| {
        Some(PartitionLook {
            topic: partition.topic,
            index: partition.index,
            committed: lag.committed,
            // Offsets outlive a topic that was deleted; there is nothing to be behind of.
            end: lag.end?,
            readable: lag.stable.or(lag.end)?,
        })
    });
    GroupLook {
        state: group.state.clone().unwrap_or_else(|| "Unknown".into()),
        members: if is_empty(group) {
            Some(0)
        } else {
            described.map(|described| described.members)
        },
        was_joined: group.has_protocol,
        partitions: partitions.collect(),
    }
}

/// Says of groups that committed nothing that they are not behind, where their topics hold no records: a
/// consumer commits nothing before it has read something.
async fn fill_idle(
    client: &Client,
    wanted: &Wanted,
    found: &mut AllFound,
) -> Result<(), KafkaError> {
    let committed_nothing = |group: &str| match found.get(group) {
        None => true,
        Some(Ok(look)) => look.partitions.is_empty(),
        Some(Err(_)) => false,
    };
    let idle: Vec<(&String, &Vec<Arc<str>>)> = wanted
        .groups
        .iter()
        .filter(|(group, topics)| !topics.is_empty() && committed_nothing(group))
        .collect();
    if idle.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&Arc<str>> = idle.iter().flat_map(|(_, topics)| *topics).collect();
    let names: Vec<Arc<str>> = names.into_iter().cloned().collect();
    let empty = empty_topics(client, &names).await?;
    for (group, topics) in idle {
        let partitions: Option<Vec<&[PartitionLook]>> = topics
            .iter()
            .map(|topic| empty.get(topic).map(Vec::as_slice))
            .collect();
        let Some(partitions) = partitions else {
            continue;
        };
        let look = match found.get(group.as_str()) {
            Some(Ok(look)) => GroupLook::clone(look),
            _ => GroupLook::absent(),
        };
        let look = GroupLook {
            partitions: partitions.concat(),
            ..look
        };
        found.insert(group.as_str().into(), Ok(Arc::new(look)));
    }
    Ok(())
}

/// Returns the partitions of those topics that hold no records, as a group at their end would show them.
async fn empty_topics(
    client: &Client,
    names: &[Arc<str>],
) -> Result<BTreeMap<Arc<str>, Vec<PartitionLook>>, KafkaError> {
    let metadata = client.metadata(TopicSelection::Named(names)).await?;
    let topics = metadata.topics.iter().filter(|topic| topic.error.is_none());
    let partitions: Vec<TopicPartition> = topics
        .flat_map(|topic| {
            let indexes = topic.partitions.iter().map(|partition| partition.index);
            indexes.map(|index| TopicPartition::new(topic.name.clone(), index))
        })
        .collect();
    let ask = |spec| {
        let questions = partitions.iter().cloned().map(move |part| (part, spec));
        client.list_offsets(questions.collect())
    };
    let (starts, ends) = tokio::try_join!(ask(OffsetSpec::Earliest), ask(OffsetSpec::Latest))?;
    let mut empty: BTreeMap<Arc<str>, Option<Vec<PartitionLook>>> = BTreeMap::new();
    for (partition, (start, end)) in partitions.iter().zip(starts.into_iter().zip(ends)) {
        let (start, end) = (offset(start), offset(end));
        let parts = empty
            .entry(Arc::clone(&partition.topic))
            .or_insert_with(|| Some(Vec::new()));
        match (parts.as_mut(), end) {
            (Some(parts), Some(end)) if start == Some(end) => parts.push(PartitionLook {
                topic: partition.topic.clone(),
                index: partition.index,
                committed: end,
                end,
                readable: end,
            }),
            _ => *parts = None,
        }
    }
    let empty = empty.into_iter();
    Ok(empty
        .filter_map(|(topic, parts)| Some((topic, parts?)))
        .collect())
}

fn offset(found: Result<FoundOffset, KafkaError>) -> Option<i64> {
    found.ok()?.offset
}

/// Returns why a cluster told nothing, in one line.
pub(super) fn words(provider: &ProviderAddress, error: &KafkaError) -> String {
    kafka_diagnostic(provider, error).summary
}
