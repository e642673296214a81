//! The kind `consumer_group`: who reads which topics, and where it goes on reading, as a declaration.
//!
//! A group appears in Kafka when its consumers join and goes with its last offset, so the block by itself makes and
//! deletes nothing there: it tells the other objects' plans whom a change concerns. What Kafka says about the group is
//! shown beside it and never a difference.
//!
//! Two blocks ask for a step that is done once, while nobody is in the group: `offsets` sets where it goes on, and
//! `hand_over` takes over the offsets of a group that stopped. A step is done when the state holds the same block.

pub mod checks;
pub mod driver;
mod moves;
pub mod spec;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::block::Block;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, NestedBlockSchema};
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::health::lag::{self, CONSUMER_COMMITS, Rule, Trend};
use super::health::{GroupLook, Groups};
use super::quantity::count;
use super::relation::{Relation, Role};
use super::topic::Topic;
use super::{Check, Delta, Health, Healthy, Kind, Look, NoVitals};

pub use spec::ConsumerGroupSpec;

const SCHEMA: KindSchema = KindSchema {
    keyword: "consumer_group",
    provider: "kafka",
    name_attribute: Some("name"),
    files: &[],
    body: BlockSchema {
        attributes: &[
            AttributeSchema::optional(
                "name",
                "The group's id, as its consumers set group.id; the block's label where it is not set.",
            ),
            AttributeSchema::required("reads", "The topics that it reads: topic blocks, or names."),
            AttributeSchema::optional(
                "owner",
                "Whom to talk to before something changes that the group reads.",
            ),
            AttributeSchema::optional(
                "max_lag",
                "How many records it may be behind, all its topics together, and still be healthy.",
            ),
            AttributeSchema::optional(
                "commit_interval",
                "How often its consumers commit, as \"1m\"; 5s where it is not set. After three times that without a \
                 commit it is stalled.",
            ),
        ],
        blocks: &[
            NestedBlockSchema::once(
                "offsets",
                BlockSchema::flat(&[
                    AttributeSchema::required(
                        "to",
                        "Where the group goes on: \"earliest\", \"latest\", a moment (RFC 3339, or milliseconds \
                         since 1970), a duration back such as \"2h\", or offsets by topic and partition.",
                    ),
                    AttributeSchema::optional(
                        "topics",
                        "The topics it is about; all that the group reads where it is not set.",
                    ),
                ]),
            ),
            NestedBlockSchema::once(
                "hand_over",
                BlockSchema::flat(&[
                    AttributeSchema::required(
                        "from",
                        "The group that stops, and whose offsets this one goes on at: a block, or a name.",
                    ),
                    AttributeSchema::optional(
                        "within",
                        "How long an apply waits for that group to stop, as \"5m\"; it must have stopped before \
                         where it is not set.",
                    ),
                ]),
            ),
        ],
    },
};

/// The kind `consumer_group`.
#[derive(Debug)]
pub struct ConsumerGroup;

/// A group as Kafka shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerGroupLive {
    /// Its state in Kafka's words, such as `Stable` or `Empty`.
    pub state: String,
    /// How its members agree.
    pub protocol: Protocol,
    /// How many members it has, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
    /// The topics that its members subscribe to or are assigned.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub topics: BTreeSet<String>,
    /// The offsets that were handed over to it, right after that was done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken_over: spec::ByPartition,
    /// Where the group that handed over went on all the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved_on: spec::ByPartition,
    /// Whether the step that the block asks for was done by a run that was ended before it could record that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stepped: bool,
}

/// How the members of a group agree on who reads what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// By a leader among them.
    Classic,
    /// By the broker (KIP-848).
    Consumer,
    /// Not at all: records are handed out one by one (KIP-932).
    Share,
    /// By the broker, for Kafka Streams (KIP-1071).
    Streams,
}

impl ConsumerGroupLive {
    /// Whether somebody is in it. Kafka takes no offsets from outside then.
    pub fn is_active(&self) -> bool {
        !lag::is_empty(&self.state)
    }

    /// Returns how it is, in a few words: `Stable, 2 members`.
    pub fn words(&self) -> String {
        match self.members {
            Some(1) => format!("{}, 1 member", self.state),
            Some(members) => format!("{}, {members} members", self.state),
            None => self.state.clone(),
        }
    }
}

/// What the checks must know beside the live group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsumerGroupFacts {
    /// The topics that it committed offsets of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub committed: BTreeSet<String>,
    /// For a group that is not there: a proposal of one whose name is nearly the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
    /// Why it cannot be told whether it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// Where a step that is done once would leave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepFacts>,
}

/// What a step that is done once would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepFacts {
    /// What moves, by topic and partition.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: Moves,
    /// The topics that are not there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<String>,
    /// What cannot be done, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub impossible: Vec<String>,
    /// How many records the topics hold.
    pub records: u64,
    /// The group that hands over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Predecessor>,
}

/// What moves, by topic and partition.
pub type Moves = BTreeMap<String, BTreeMap<i32, Move>>;

/// How a group moves in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// What will be.
    pub after: Place,
    /// The first offset that is kept.
    pub first: i64,
    /// The offset behind the last record.
    pub end: i64,
}

/// A committed offset with what its group keeps beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The next record to read.
    pub offset: i64,
    /// The leader's epoch when the record before it was read (KIP-320).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
    /// What the application wrote beside it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
}

/// A group that hands over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Predecessor {
    /// What Kafka shows of it; absent where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<ConsumerGroupLive>,
    /// Where it is not there: a proposal of one whose name is nearly the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
    /// Topics that it committed offsets of and that the other one does not read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<String>,
    /// How many partitions it committed no offset of.
    pub uncommitted: usize,
}

/// What the state remembers of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The offsets that were handed over to it.
    pub taken_over: spec::ByPartition,
}

impl Kind for ConsumerGroup {
    const NAME: &'static str = "consumer_group";
    const SCHEMA: KindSchema = SCHEMA;
    const DECLARATION: bool = true;
    const HAS_HEALTH: bool = true;
    type Spec = ConsumerGroupSpec;
    type Live = ConsumerGroupLive;
    type Facts = ConsumerGroupFacts;
    type Vitals = NoVitals;

    fn decode(block: &Block) -> Result<ConsumerGroupSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &ConsumerGroupSpec) -> String {
        spec.name.clone()
    }

    fn relations(spec: &ConsumerGroupSpec) -> Vec<Relation> {
        Topic::related(Role::Reads, &spec.reads).collect()
    }

    fn owner(spec: &ConsumerGroupSpec) -> Option<&str> {
        spec.owner.as_deref()
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(
        _spec: &ConsumerGroupSpec,
        _history: &[ConsumerGroupSpec],
        _live: &ConsumerGroupLive,
    ) -> Vec<Delta> {
        Vec::new()
    }

    fn acts(spec: &ConsumerGroupSpec, applied: Option<&ConsumerGroupSpec>) -> bool {
        let offsets = applied.and_then(|applied| applied.offsets.as_ref());
        let hand_over = applied.and_then(|applied| applied.hand_over.as_ref());
        // Another time to wait is no other step.
        let from = |step: Option<&spec::HandOver>| step.map(|step| step.from.clone());
        spec.offsets.is_some() && spec.offsets.as_ref() != offsets
            || spec.hand_over.is_some() && from(spec.hand_over.as_ref()) != from(hand_over)
    }

    fn drift(
        prior: &ConsumerGroupSpec,
        outcome: Option<&Document>,
        live: &ConsumerGroupLive,
    ) -> Vec<Delta> {
        if prior.hand_over.is_none() || live.moved_on.is_empty() {
            return Vec::new();
        }
        let taken_over = remembered(outcome).taken_over;
        let delta = |(topic, now): (&String, &BTreeMap<i32, i64>)| Delta {
            path: format!("hand_over.from[{topic:?}]"),
            before: json!(taken_over.get(topic)),
            after: json!(now),
            note: Some("the group that handed over went on reading".to_owned()),
            drift: true,
        };
        live.moved_on.iter().map(delta).collect()
    }

    fn outcome(live: &ConsumerGroupLive) -> Option<Document> {
        (!live.taken_over.is_empty()).then(|| {
            Document::of(&Remembered {
                taken_over: live.taken_over.clone(),
            })
        })
    }

    fn adopt(spec: &ConsumerGroupSpec, _live: &ConsumerGroupLive) -> ConsumerGroupSpec {
        spec.clone()
    }

    fn groups(spec: &ConsumerGroupSpec, _outcome: Option<&Document>) -> Vec<String> {
        vec![spec.name.clone()]
    }

    fn healthy(spec: &ConsumerGroupSpec) -> Healthy {
        Healthy {
            max_lag: spec.max_lag,
            commit_interval_ms: spec.commit_interval_ms,
            ..Healthy::default()
        }
    }

    fn judge(
        spec: &ConsumerGroupSpec,
        _outcome: Option<&Document>,
        looks: &[Look<NoVitals>],
    ) -> Health {
        let rule = rule(&Self::healthy(spec), CONSUMER_COMMITS);
        judge_group(&spec.name, rule, looks)
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}

/// Returns what the state remembers of a group.
fn remembered(outcome: Option<&Document>) -> Remembered {
    outcome
        .and_then(|outcome| outcome.to().ok())
        .unwrap_or_default()
}

/// Returns what the lag of a group is held against whose consumers commit so often, unless the block says otherwise.
pub(in crate::kinds) fn rule(healthy: &Healthy, commits: Duration) -> Rule {
    Rule {
        max_lag: healthy.max_lag,
        patience: healthy.patience(commits),
    }
}

/// Returns how a group does that is only declared: by its lag, and by whether its consumers left it.
///
/// That nobody is in a group may be as it should be, and is only noted: it has nothing to read, or no more than
/// `max_lag`, which for an application that runs now and then says how much may gather until then; or no consumer
/// ever joined it, since it is to begin there later, or commits without joining. A group whose consumers all left
/// it, over the whole patience as far as it was looked at, with more than that to read, is unhealthy.
pub(in crate::kinds) fn judge_group(name: &str, rule: Rule, looks: &[Look<NoVitals>]) -> Health {
    let mut health = Health::new();
    let Some(last) = looks.last() else {
        return health;
    };
    if let Groups::Unread(why) = &last.groups {
        health.unknown(why);
        return health;
    }
    let group = last.groups.get(name);
    if let Some(members) = group.map_or(Some(0), |group| group.members) {
        health.measure("members", members, members.to_string());
    }
    let lag = lag::judge(&mut health, name, looks, rule);
    if !group.is_none_or(GroupLook::is_empty) {
        return health;
    }
    let mut recent = looks
        .iter()
        .filter(|look| last.at.saturating_sub(look.at) <= rule.patience);
    let was_left = recent.all(|look| look.groups.get(name).is_some_and(GroupLook::was_left));
    let lag = lag.filter(|lag| {
        was_left && lag.trend != Trend::CaughtUp && lag.least > rule.max_lag.unwrap_or(0)
    });
    match lag {
        Some(lag) => {
            let records = count(lag.records, "record");
            health.unhealthy(format!(
                "nobody is in the group {name:?} any more to read the {records} that it is behind"
            ));
        }
        None => health.note(format!("nobody is in the group {name:?}")),
    }
    health
}

#[cfg(test)]
mod tests;
