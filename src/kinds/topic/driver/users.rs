//! Who reads topics now: the groups whose members or committed offsets are there. Kafka does not tell who writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::clients::kafka::{Client, Committed, GroupDescription, KafkaError, ListedGroup};
use crate::kinds::consumer_group::ConsumerGroup;
use crate::kinds::{Kind as _, LiveUser, Role};

/// Returns the readers of each topic, in the order of their names.
pub(super) async fn users(
    client: &Client,
    topics: &[String],
) -> Result<Vec<Vec<LiveUser>>, KafkaError> {
    let groups = client.list_groups().await?;
    let (described, committed) = tokio::try_join!(
        client.describe_groups(&groups),
        client.committed_offsets(&groups)
    )?;
    let mut readers: BTreeMap<&str, Vec<LiveUser>> = topics
        .iter()
        .map(|topic| (topic.as_str(), Vec::new()))
        .collect();
    for ((group, description), committed) in groups.iter().zip(described).zip(committed) {
        let (description, committed) = (description?, committed?);
        for topic in read(description.as_ref(), &committed) {
            if let Some(found) = readers.get_mut(topic) {
                found.push(LiveUser {
                    role: Role::Reads,
                    kind: ConsumerGroup::NAME,
                    name: group.id.to_string(),
                    state: state(group, description.as_ref()),
                });
            }
        }
    }
    Ok(topics
        .iter()
        .map(|topic| readers.get(topic.as_str()).cloned().unwrap_or_default())
        .collect())
}

/// Returns the topics that a group has to do with.
fn read<'a>(
    description: Option<&'a GroupDescription>,
    committed: &'a Committed,
) -> BTreeSet<&'a str> {
    let topics = description.into_iter().flat_map(|group| &group.topics);
    topics
        .chain(committed.iter().map(|(partition, _)| &partition.topic))
        .map(|topic| &**topic)
        .collect()
}

fn state(group: &ListedGroup, description: Option<&GroupDescription>) -> String {
    match (description, &group.state) {
        (Some(GroupDescription { state, members, .. }), _) => match members {
            0 => format!("{state}, no members"),
            1 => format!("{state}, 1 member"),
            _ => format!("{state}, {members} members"),
        },
        (None, Some(state)) => state.to_string(),
        (None, None) => "there".to_owned(),
    }
}
