//! The kind `connector`: a connector of a Kafka Connect cluster with its configuration, its state and, as a
//! step that is done once, where it goes on from.
//!
//! What was sent is what counts: a secret's value is compared in the driver and only its digest remembered, so
//! that neither a password nor the stars that some services show in its place are ever a difference. A
//! connector or task that failed is one; one that is on its way is none.

pub mod checks;
pub mod diff;
mod digest;
pub mod driver;
pub mod health;
mod relations;
mod schema;
pub mod spec;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::config::schema::KindSchema;
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::{Check, Delta, Health, Healthy, Kind, Look, Relation};

pub use health::ConnectorVitals;
pub use spec::{ConnectorSpec, Position, Target};

/// The kind `connector`.
#[derive(Debug)]
pub struct Connector;

/// A connector as Kafka Connect shows it. What changes by itself, such as where a task runs, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorLive {
    /// Which way its records go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// The keys that some description of it sets, as far as they are set.
    pub settings: BTreeMap<String, Shown>,
    /// What it does; absent while that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Target>,
    /// What failed of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
    /// The digests of the secrets that it was sent, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<String, String>,
    /// Whether the step that the block asks for was done by a run that was ended before it could record that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stepped: bool,
}

/// Which way a connector's records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Into Kafka.
    Source,
    /// Out of Kafka.
    Sink,
}

impl Way {
    /// Returns what Kafka Connect's word means.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "source" => Some(Self::Source),
            "sink" => Some(Self::Sink),
            _ => None,
        }
    }

    /// Kafka Connect's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }
}

/// A key's value as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// A text.
    Text(String),
    /// Stars: what it is cannot be told.
    Masked,
    /// That of a key that a description sets to a secret.
    Secret(Standing),
}

/// How a secret that is set compares with those that we know. The value itself never leaves the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is what the reference gives now.
    Current,
    /// It is what was sent, and the reference gives another value now.
    Stale,
    /// It is neither.
    Foreign,
    /// It cannot be told.
    Unknown,
}

/// A connector or task that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The task's number; absent for the connector itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// Why: the first line of the trace.
    pub reason: String,
}

impl Failed {
    /// Returns what failed, as people read it.
    pub fn subject(&self) -> String {
        match self.task {
            Some(task) => format!("task {task}"),
            None => "the connector itself".to_owned(),
        }
    }
}

/// What the state remembers of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sent {
    /// The digests of the secrets that it was sent, by key.
    pub secrets: BTreeMap<String, String>,
}

/// What the checks must know about a connector beside what is live.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorFacts {
    /// The workers do not have the plugin: the nearest name, and all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_plugin: Option<NoPlugin>,
    /// Which way records go by the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// The class of the plugin that it was, where it becomes another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_class: Option<String>,
    /// What the plugin finds wrong, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, FieldErrors>,
    /// Keys that the plugin does not know, though they are nearly those of others: with these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
    /// Keys that the plugin takes for passwords, and that are written as texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plain_passwords: Vec<String>,
    /// Why the plugin could not say what it thinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unvalidated: Option<String>,
    /// Secrets that cannot be read here, by key: why, and what to do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub no_secret: BTreeMap<String, (String, Option<String>)>,
    /// Topics that it reads and that no cluster has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_topic: Vec<String>,
    /// How far it has come, where that is about to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Vec<Position>>,
    /// Why something could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<String>,
}

/// A plugin that the workers do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoPlugin {
    /// A proposal of one that they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
    /// All that they have.
    pub known: Vec<String>,
}

/// What a plugin finds wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldErrors {
    /// Its words.
    pub messages: Vec<String>,
    /// What may stand there, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permitted: Vec<String>,
}

impl Kind for Connector {
    const NAME: &'static str = "connector";
    const SCHEMA: KindSchema = schema::SCHEMA;
    const HAS_HEALTH: bool = true;
    const HAS_VITALS: bool = true;
    const MEANING_VARIES: bool = true;
    type Spec = ConnectorSpec;
    type Live = ConnectorLive;
    type Facts = ConnectorFacts;
    type Vitals = ConnectorVitals;

    fn decode(block: &Block) -> Result<ConnectorSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &ConnectorSpec) -> String {
        spec.name.clone()
    }

    fn relations(spec: &ConnectorSpec) -> Vec<Relation> {
        relations::of(spec)
    }

    fn patterns(spec: &ConnectorSpec) -> Vec<Relation> {
        relations::patterns(spec)
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(spec: &ConnectorSpec, history: &[ConnectorSpec], live: &ConnectorLive) -> Vec<Delta> {
        diff::diff(spec, history, live)
    }

    fn drift(
        prior: &ConnectorSpec,
        _outcome: Option<&Document>,
        live: &ConnectorLive,
    ) -> Vec<Delta> {
        diff::drift(prior, live)
    }

    fn is_unmoved(seen: &ConnectorLive, now: &ConnectorLive) -> bool {
        // Workers restart connectors, and their tasks fail and recover: what is planned sees to both, whenever it
        // was seen. `None` is a state that is changing.
        let states = seen.state.zip(now.state);
        let comparable = |live: &ConnectorLive| ConnectorLive {
            state: None,
            failed: Vec::new(),
            ..live.clone()
        };
        states.is_none_or(|(seen, now)| seen == now) && comparable(seen) == comparable(now)
    }

    fn outcome(live: &ConnectorLive) -> Option<Document> {
        let secrets = live.digests.clone();
        (!secrets.is_empty()).then(|| Document::of(&Sent { secrets }))
    }

    fn adopt(spec: &ConnectorSpec, live: &ConnectorLive) -> ConnectorSpec {
        diff::adopt(spec, live)
    }

    fn groups(spec: &ConnectorSpec, _outcome: Option<&Document>) -> Vec<String> {
        spec.group().into_iter().collect()
    }

    fn healthy(spec: &ConnectorSpec) -> Healthy {
        spec.healthy.unwrap_or_default()
    }

    fn judge(
        spec: &ConnectorSpec,
        _outcome: Option<&Document>,
        looks: &[Look<ConnectorVitals>],
    ) -> Health {
        health::judge(spec, looks)
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_by_itself_moves_no_connector() {
        let live = |state, file: &str, failed: &[&str]| ConnectorLive {
            way: Some(Way::Sink),
            settings: BTreeMap::from([("file".to_owned(), Shown::Text(file.to_owned()))]),
            state,
            failed: failed
                .iter()
                .map(|reason| Failed {
                    task: Some(0),
                    reason: (*reason).to_owned(),
                })
                .collect(),
            digests: BTreeMap::new(),
            stepped: false,
        };
        let seen = live(Some(Target::Running), "a", &[]);
        let unmoved = |now: &ConnectorLive| Connector::is_unmoved(&seen, now);
        assert!(unmoved(&live(None, "a", &[])), "it is being restarted");
        assert!(unmoved(&live(Some(Target::Running), "a", &["no space"])));
        assert!(!unmoved(&live(Some(Target::Paused), "a", &[])));
        assert!(!unmoved(&live(Some(Target::Running), "b", &[])));
    }
}
