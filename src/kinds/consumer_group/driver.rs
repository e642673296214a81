//! Reaches groups of a Kafka cluster, in batches (I/O).
//!
//! [`observe`](Driver::observe) is here; `measure` answers what the checks ask about steps that are done once,
//! `step` does them, and `noted` knows those that an earlier run began.

mod measure;
mod noted;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::ProviderAddress;
use crate::clients::kafka::{
    Client, Committed, GroupDescription, GroupType, KafkaError, ListedGroup,
};
use crate::clients::{Connections, kafka_diagnostic};
use crate::diagnostic::did_you_mean;
use crate::kinds::Action;
use crate::kinds::driver::{Context, Driver, DriverError, Failure, Operation, Question, Wanted};

use super::spec::ByPartition;
use super::{
    ConsumerGroup, ConsumerGroupFacts, ConsumerGroupLive, ConsumerGroupSpec, Protocol, remembered,
};

use noted::{Noted, mark};

/// Reaches the groups of one cluster.
#[derive(Debug, Clone)]
pub struct ConsumerGroupDriver {
    client: Client,
    provider: ProviderAddress,
}

impl Driver for ConsumerGroupDriver {
    type Kind = ConsumerGroup;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.kafka(provider).map_err(DriverError)?;
        Ok(Self {
            client,
            provider: provider.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<ConsumerGroup>>,
    ) -> Result<Vec<Option<ConsumerGroupLive>>, DriverError> {
        let all = self.list().await?;
        let ids: BTreeSet<&str> = wanted.iter().map(|wanted| &*wanted.remote_id).collect();
        let groups = chosen(&all, &ids);
        let mut live = describe(&self.client, &groups).await;
        let live = live.as_mut().map_err(|error| self.error(error))?;
        let mut moved_on = self.moved_on(&all, &wanted).await?;
        let stepped = self.stepped(&groups, live, &wanted).await?;
        let found = wanted.iter().map(|wanted| {
            let mut found = live.remove(wanted.remote_id.as_str())?;
            found.moved_on = moved_on.remove(&wanted.remote_id).unwrap_or_default();
            found.stepped = stepped.contains(&wanted.remote_id);
            Some(found)
        });
        Ok(found.collect())
    }

    async fn investigate(
        &self,
        questions: Vec<Question<ConsumerGroup>>,
    ) -> Result<Vec<ConsumerGroupFacts>, DriverError> {
        let all = self.list().await?;
        let asked: BTreeSet<&str> = questions.iter().map(|it| &*it.remote_id).collect();
        let groups = chosen(&all, &asked);
        let topics = committed_topics(&self.client, &groups).await;
        let mut topics = topics.map_err(|error| self.error(&error))?;
        let steps = questions
            .iter()
            .filter_map(|question| Some((question.remote_id.as_str(), asking(question)?)));
        let mut hidden = hidden(&self.client, &all, &asked)
            .await
            .map_err(|error| self.error(&error))?;
        let mut steps = measure::measure(&self.client, &all, steps.collect())
            .await
            .map_err(|error| self.error(&error))?;
        let facts = questions.iter().map(|question| {
            let id = question.remote_id.as_str();
            let committed = topics.remove(id);
            let similar = match committed {
                Some(_) => None,
                None => did_you_mean(id, all.iter().map(|group| &*group.id)),
            };
            ConsumerGroupFacts {
                committed: committed.unwrap_or_default(),
                similar,
                hidden: hidden.remove(id),
                step: steps.remove(id),
            }
        });
        Ok(facts.collect())
    }

    async fn apply(
        &self,
        operations: Vec<Operation<ConsumerGroup>>,
        context: &Context,
    ) -> Vec<Result<Option<ConsumerGroupLive>, Failure>> {
        step::apply(&self.client, &self.provider, &operations, context).await
    }

    fn batch_limit(&self) -> usize {
        10_000
    }
}

impl ConsumerGroupDriver {
    async fn list(&self) -> Result<Vec<ListedGroup>, DriverError> {
        let listed = self.client.list_groups().await;
        listed.map_err(|error| self.error(&error))
    }

    fn error(&self, error: &KafkaError) -> DriverError {
        DriverError(kafka_diagnostic(&self.provider, error).into())
    }

    /// Returns the groups whose step was done by a run that was ended before it could record that.
    async fn stepped(
        &self,
        groups: &[ListedGroup],
        live: &BTreeMap<Arc<str>, ConsumerGroupLive>,
        wanted: &[Wanted<ConsumerGroup>],
    ) -> Result<BTreeSet<String>, DriverError> {
        let begun = wanted.iter().filter_map(|wanted| {
            let noted = Noted::of(wanted.notes.as_ref())?;
            let is_asked_for = noted.step == mark(wanted.specs.first()?, &self.provider);
            is_asked_for.then_some((wanted.remote_id.as_str(), noted))
        });
        let begun: BTreeMap<&str, Noted> = begun.collect();
        if begun.is_empty() {
            return Ok(BTreeSet::new());
        }
        let groups = chosen(groups, &begun.keys().copied().collect());
        let places = measure::places(&self.client, &groups, live).await;
        let places = places.map_err(|error| self.error(&error))?;
        let done = begun.into_iter().filter(|(group, noted)| {
            let now = places.get(*group);
            now.is_some_and(|now| noted.was_done(now))
        });
        Ok(done.map(|(group, _)| group.to_owned()).collect())
    }

    /// Returns where groups went on after they handed over, by the group that took over.
    async fn moved_on(
        &self,
        all: &[ListedGroup],
        wanted: &[Wanted<ConsumerGroup>],
    ) -> Result<BTreeMap<String, ByPartition>, DriverError> {
        let handed_over = wanted.iter().filter_map(|wanted| {
            let hand_over = wanted.specs.first()?.hand_over.as_ref()?;
            let taken_over = remembered(wanted.outcome.as_ref()).taken_over;
            Some((&wanted.remote_id, hand_over.from.as_str(), taken_over))
        });
        let handed_over: Vec<_> = handed_over.filter(|(_, _, it)| !it.is_empty()).collect();
        if handed_over.is_empty() {
            return Ok(BTreeMap::new());
        }
        let from = handed_over.iter().map(|&(_, from, _)| from).collect();
        let groups = chosen(all, &from);
        let committed = self.client.committed_offsets(&groups).await;
        let committed = committed.map_err(|error| self.error(&error))?;
        let mut now = BTreeMap::new();
        for (group, committed) in groups.iter().zip(committed) {
            let committed = committed.map_err(|error| self.error(&error))?;
            now.insert(&*group.id, committed);
        }
        let moved = handed_over.into_iter().filter_map(|(group, from, was)| {
            let moved = moved(&was, now.get(from)?);
            Some((group.clone(), moved))
        });
        Ok(moved.collect())
    }
}

/// Returns the offsets that are not those of before.
fn moved(was: &ByPartition, now: &Committed) -> ByPartition {
    let mut moved = ByPartition::new();
    for (partition, offset) in now {
        let (partition, offset) = (partition, *offset);
        let before = was.get(&*partition.topic);
        let before = before.and_then(|partitions| partitions.get(&partition.index));
        if before.is_some_and(|&before| before != offset) {
            let topic = moved.entry(partition.topic.to_string()).or_default();
            topic.insert(partition.index, offset);
        }
    }
    moved
}

/// Returns the description of a group where a step of it is to be done.
fn asking(question: &Question<ConsumerGroup>) -> Option<&ConsumerGroupSpec> {
    let spec = question.spec.as_ref()?;
    let block = match (&spec.offsets, &spec.hand_over) {
        (Some(_), _) => "offsets[",
        (None, Some(_)) => "hand_over[",
        (None, None) => return None,
    };
    let mut deltas = question.deltas.iter();
    let asked = deltas.any(|delta| delta.path.starts_with(block));
    let stepped = question.live.as_ref().is_some_and(|live| live.stepped);
    (asked && !stepped && question.action == Action::Update).then_some(spec)
}

pub(in crate::kinds) fn chosen(all: &[ListedGroup], ids: &BTreeSet<&str>) -> Vec<ListedGroup> {
    let chosen = all.iter().filter(|group| ids.contains(&*group.id));
    chosen.cloned().collect()
}

/// Returns which of some groups we may not see, and why.
pub(in crate::kinds) async fn hidden(
    client: &Client,
    all: &[ListedGroup],
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<String, String>, KafkaError> {
    let hidden = client.hidden_groups(all, ids.iter().copied()).await?;
    let hidden = hidden.into_iter();
    Ok(hidden
        .map(|(id, error)| (id.to_string(), error.to_string()))
        .collect())
}

/// Describes groups, by their ids.
pub(in crate::kinds) async fn describe(
    client: &Client,
    groups: &[ListedGroup],
) -> Result<BTreeMap<Arc<str>, ConsumerGroupLive>, KafkaError> {
    let described = client.describe_groups(groups).await?;
    let each = groups.iter().zip(described).map(|(group, description)| {
        let live = live_group(group, description?.as_ref());
        Ok((group.id.clone(), live))
    });
    each.collect()
}

/// Returns a group as it is shown; what could not be described is as it was listed.
fn live_group(group: &ListedGroup, description: Option<&GroupDescription>) -> ConsumerGroupLive {
    let state = description.map(|description| &description.state);
    let state = state.or(group.state.as_ref());
    ConsumerGroupLive {
        state: state.map_or("Unknown", |state| &**state).to_owned(),
        protocol: match group.r#type {
            GroupType::Classic => Protocol::Classic,
            GroupType::Consumer => Protocol::Consumer,
            GroupType::Share => Protocol::Share,
            GroupType::Streams => Protocol::Streams,
        },
        members: description.map(|description| description.members),
        topics: description
            .map(|description| description.topics.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        taken_over: ByPartition::new(),
        moved_on: ByPartition::new(),
        stepped: false,
    }
}

/// Returns the topics that groups committed offsets of, by their ids.
pub(in crate::kinds) async fn committed_topics(
    client: &Client,
    groups: &[ListedGroup],
) -> Result<BTreeMap<Arc<str>, BTreeSet<String>>, KafkaError> {
    let committed = client.committed_offsets(groups).await?;
    let each = groups.iter().zip(committed).map(|(group, committed)| {
        let committed = committed?;
        let topics: BTreeSet<&Arc<str>> = committed.iter().map(|(part, _)| &part.topic).collect();
        let topics = topics.into_iter().map(ToString::to_string).collect();
        Ok((group.id.clone(), topics))
    });
    each.collect()
}
