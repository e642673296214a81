//! Measures what steps would do: where groups are, where they would be, and what lies between (I/O).
//!
//! Each kind of request is sent once for all steps: their groups, the groups that hand over, their topics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::clients::kafka::{
    Client, CommittedOffset, GroupType, KafkaError, ListedGroup, Metadata, OffsetSpec, Settled,
    TopicPartition, TopicSelection,
};
use crate::diagnostic::did_you_mean;

use super::super::spec::Target;
use super::super::{
    ConsumerGroupLive, ConsumerGroupSpec, Move, Moves, Place, Predecessor, StepFacts,
};
use super::{chosen, describe, hidden};

/// What is known of all groups and topics that steps are about.
struct Known<'a> {
    /// Every group of the cluster.
    all: &'a [ListedGroup],
    live: BTreeMap<Arc<str>, ConsumerGroupLive>,
    places: BTreeMap<Arc<str>, Settled>,
    /// The groups that we may not see, and why.
    hidden: BTreeMap<String, String>,
    metadata: Metadata,
    /// Where each partition begins and ends.
    bounds: BTreeMap<TopicPartition, (i64, i64)>,
    /// The first record at or after a moment, where there is one.
    moments: BTreeMap<(TopicPartition, i64), Option<i64>>,
}

/// Measures the steps of some groups, by their ids. `all` are the groups that there are.
pub(super) async fn measure(
    client: &Client,
    all: &[ListedGroup],
    asked: Vec<(&str, &ConsumerGroupSpec)>,
) -> Result<BTreeMap<String, StepFacts>, KafkaError> {
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let now = Timestamp::now().as_millisecond();
    let from = |spec: &'_ ConsumerGroupSpec| spec.hand_over.as_ref().map(|it| it.from.clone());
    let sources: Vec<String> = asked.iter().filter_map(|(_, spec)| from(spec)).collect();
    let mut ids: BTreeSet<&str> = asked.iter().map(|(group, _)| *group).collect();
    ids.extend(sources.iter().map(String::as_str));
    let groups = chosen(all, &ids);
    let live = describe(client, &groups).await?;
    let places = places(client, &groups, &live).await?;
    let hidden = hidden(client, all, &ids).await?;
    let topics: BTreeSet<Arc<str>> = asked
        .iter()
        .flat_map(|(_, spec)| topics(spec))
        .map(|topic| Arc::from(topic.as_str()))
        .collect();
    let topics: Vec<Arc<str>> = topics.into_iter().collect();
    let metadata = client.metadata(TopicSelection::Named(&topics)).await?;
    let bounds = bounds(client, &metadata).await?;
    let moments = moments(client, &metadata, &asked, now).await?;
    let known = Known {
        all,
        live,
        places,
        hidden,
        metadata,
        bounds,
        moments,
    };
    let facts = asked.into_iter().map(|(group, spec)| {
        let mut facts = match &spec.hand_over {
            Some(hand_over) => known.hand_over(group, spec, &hand_over.from),
            None => known.offsets(group, spec, now),
        };
        let from = spec.hand_over.as_ref().map(|it| it.from.as_str());
        for id in [Some(group), from].into_iter().flatten() {
            if let Some(why) = known.hidden.get(id) {
                let why = format!("The group {id:?} cannot be seen: {why}");
                facts.impossible.push(why);
            }
        }
        (group.to_owned(), facts)
    });
    Ok(facts.collect())
}

/// Returns the topics that a step is about.
fn topics(spec: &ConsumerGroupSpec) -> Vec<&String> {
    let Some(offsets) = &spec.offsets else {
        return spec.reads.iter().collect();
    };
    match offsets.to.target() {
        Ok(Target::Explicit(explicit)) => explicit.keys().collect(),
        _ if offsets.topics.is_empty() => spec.reads.iter().collect(),
        _ => offsets.topics.iter().collect(),
    }
}

/// Reads where groups are. What members may still commit is not waited for.
pub(super) async fn places(
    client: &Client,
    groups: &[ListedGroup],
    live: &BTreeMap<Arc<str>, ConsumerGroupLive>,
) -> Result<BTreeMap<Arc<str>, Settled>, KafkaError> {
    let is_active = |group: &ListedGroup| {
        live.get(&group.id)
            .is_some_and(ConsumerGroupLive::is_active)
    };
    let part = |holds: &dyn Fn(&ListedGroup) -> bool| -> Vec<ListedGroup> {
        groups
            .iter()
            .filter(|group| holds(group))
            .cloned()
            .collect()
    };
    let is_share = |group: &ListedGroup| group.r#type == GroupType::Share;
    let shares = part(&is_share);
    let busy = part(&|group| !is_share(group) && is_active(group));
    let idle = part(&|group| !is_share(group) && !is_active(group));
    let (starts, committed, settled) = tokio::try_join!(
        client.share_starts(&shares),
        client.committed_offsets(&busy),
        client.settled_offsets(&idle),
    )?;
    let mut places = BTreeMap::new();
    for (group, found) in shares
        .iter()
        .chain(&busy)
        .zip(starts.into_iter().chain(committed))
    {
        let at = |(partition, offset)| (partition, CommittedOffset::at(offset));
        places.insert(group.id.clone(), found?.into_iter().map(at).collect());
    }
    for (group, found) in idle.iter().zip(settled) {
        places.insert(group.id.clone(), found?);
    }
    Ok(places)
}

fn partitions(metadata: &Metadata) -> impl Iterator<Item = TopicPartition> {
    metadata.topics.iter().flat_map(|topic| {
        let each = topic.partitions.iter();
        each.map(|partition| TopicPartition::new(topic.name.clone(), partition.index))
    })
}

async fn find(
    client: &Client,
    questions: Vec<(TopicPartition, OffsetSpec)>,
) -> Result<Vec<Option<i64>>, KafkaError> {
    let found = client.list_offsets(questions).await?;
    let offsets = found.into_iter().map(|found| Ok(found?.offset));
    offsets.collect()
}

async fn bounds(
    client: &Client,
    metadata: &Metadata,
) -> Result<BTreeMap<TopicPartition, (i64, i64)>, KafkaError> {
    let at = |spec| {
        partitions(metadata)
            .map(|partition| (partition, spec))
            .collect()
    };
    let (first, end) = tokio::try_join!(
        find(client, at(OffsetSpec::Earliest)),
        find(client, at(OffsetSpec::Latest)),
    )?;
    let both = first.into_iter().zip(end);
    let both = both.map(|(first, end)| (first.unwrap_or(0), end.unwrap_or(0)));
    Ok(partitions(metadata).zip(both).collect())
}

/// Returns the moment that a step goes to.
fn moment(spec: &ConsumerGroupSpec, now: i64) -> Option<i64> {
    match spec.offsets.as_ref()?.to.target().ok()? {
        Target::Moment(moment) => Some(moment),
        Target::Back(back) => Some((now - back).max(0)),
        _ => None,
    }
}

async fn moments(
    client: &Client,
    metadata: &Metadata,
    asked: &[(&str, &ConsumerGroupSpec)],
    now: i64,
) -> Result<BTreeMap<(TopicPartition, i64), Option<i64>>, KafkaError> {
    let mut questions = BTreeSet::new();
    for (_, spec) in asked {
        let Some(moment) = moment(spec, now) else {
            continue;
        };
        let about = topics(spec);
        let about = |partition: &TopicPartition| about.iter().any(|it| **it == *partition.topic);
        let those = partitions(metadata).filter(about);
        questions.extend(those.map(|partition| (partition, moment)));
    }
    let specs = questions.iter().cloned();
    let specs = specs.map(|(partition, moment)| (partition, OffsetSpec::Timestamp(moment)));
    let found = find(client, specs.collect()).await?;
    Ok(questions.into_iter().zip(found).collect())
}

impl Known<'_> {
    /// Returns a topic's partitions, or notes why there are none.
    fn partitions(&self, facts: &mut StepFacts, topic: &str) -> Option<Vec<TopicPartition>> {
        let found = self.metadata.topic(topic);
        let Some(found) = found.filter(|found| !found.is_missing()) else {
            facts.missing.insert(topic.to_owned());
            return None;
        };
        if let Some(error) = &found.error {
            let why = format!("The topic {topic:?} cannot be read: {error}");
            facts.impossible.push(why);
            return None;
        }
        let each = found.partitions.iter();
        Some(
            each.map(|partition| TopicPartition::new(found.name.clone(), partition.index))
                .collect(),
        )
    }

    fn place(&self, group: &str, partition: &TopicPartition) -> Option<&CommittedOffset> {
        self.places.get(group)?.get(partition)
    }

    fn bounds(&self, partition: &TopicPartition) -> (i64, i64) {
        self.bounds.get(partition).copied().unwrap_or_default()
    }

    /// Adds the move of a group in one partition.
    fn add(&self, moves: &mut Moves, group: &str, partition: &TopicPartition, after: Place) {
        let (first, end) = self.bounds(partition);
        let it = Move {
            before: self.place(group, partition).map(|place| place.offset),
            after,
            first,
            end,
        };
        let topic = moves.entry(partition.topic.to_string()).or_default();
        topic.insert(partition.index, it);
    }

    fn offsets(&self, group: &str, spec: &ConsumerGroupSpec, now: i64) -> StepFacts {
        let mut facts = StepFacts::default();
        let target = spec.offsets.as_ref().map(|offsets| offsets.to.target());
        let Some(Ok(target)) = target else {
            return facts;
        };
        if let Target::Explicit(explicit) = target {
            for (topic, offsets) in explicit {
                for (&index, &offset) in offsets {
                    self.explicit(&mut facts, group, topic, index, offset);
                }
            }
            return facts;
        }
        for topic in topics(spec) {
            let partitions = self.partitions(&mut facts, topic);
            for partition in partitions.into_iter().flatten() {
                let (first, end) = self.bounds(&partition);
                let offset = match &target {
                    Target::Earliest => first,
                    Target::Latest => end,
                    _ => {
                        let moment = moment(spec, now).unwrap_or(now);
                        let found = self.moments.get(&(partition.clone(), moment));
                        found.copied().flatten().unwrap_or(end)
                    }
                };
                facts.records += records(first, end);
                self.add(&mut facts.moves, group, &partition, at(offset));
            }
        }
        facts
    }

    fn explicit(&self, facts: &mut StepFacts, group: &str, topic: &str, index: i32, offset: i64) {
        let Some(partitions) = self.partitions(facts, topic) else {
            if facts.missing.remove(topic) {
                let why = format!("There is no topic {topic:?}");
                facts.impossible.push(why);
            }
            return;
        };
        let Some(partition) = partitions.iter().find(|it| it.index == index) else {
            let why = format!("The topic {topic:?} has no partition {index}");
            facts.impossible.push(why);
            return;
        };
        let (first, end) = self.bounds(partition);
        if !(first..=end).contains(&offset) {
            facts.impossible.push(format!(
                "Partition {index} of {topic:?} begins at {first} and ends at {end}: {offset} is not in it"
            ));
            return;
        }
        facts.records += records(first, end);
        self.add(&mut facts.moves, group, partition, at(offset));
    }

    fn hand_over(&self, group: &str, spec: &ConsumerGroupSpec, from: &str) -> StepFacts {
        let mut facts = StepFacts::default();
        let live = self.live.get(from).cloned();
        let mut source = Predecessor {
            similar: match live {
                Some(_) => None,
                None => did_you_mean(from, self.all.iter().map(|group| &*group.id)),
            },
            live,
            ..Predecessor::default()
        };
        for topic in &spec.reads {
            let partitions = self.partitions(&mut facts, topic);
            for partition in partitions.into_iter().flatten() {
                let (first, end) = self.bounds(&partition);
                facts.records += records(first, end);
                match self.place(from, &partition) {
                    Some(place) => self.add(&mut facts.moves, group, &partition, exact(place)),
                    None => source.uncommitted += 1,
                }
            }
        }
        let committed = self.places.get(from).into_iter().flat_map(Settled::keys);
        let others = committed.filter(|partition| !spec.reads.contains(&*partition.topic));
        source.others = others
            .map(|partition| partition.topic.to_string())
            .collect();
        facts.from = Some(source);
        facts
    }
}

fn records(first: i64, end: i64) -> u64 {
    u64::try_from(end - first).unwrap_or(0)
}

fn at(offset: i64) -> Place {
    exact(&CommittedOffset::at(offset))
}

fn exact(place: &CommittedOffset) -> Place {
    Place {
        offset: place.offset,
        epoch: place.leader_epoch,
        metadata: place.metadata.to_string(),
    }
}
