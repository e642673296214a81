//! What goes over the wire, as the REST API's documentation names it. Unknown fields are ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A connector with its configuration and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Connector {
    /// Its configuration.
    pub info: Option<Info>,
    /// How it does.
    pub status: Option<Status>,
}

/// What a connector is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    /// All that is set, its name included. A worker shows passwords as they were sent; some services show
    /// stars.
    pub config: BTreeMap<String, Option<String>>,
    /// `source`, `sink`, or `unknown`.
    pub r#type: String,
}

/// How a connector does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The connector itself.
    pub connector: Part,
    /// Its tasks; none while it is stopped.
    pub tasks: Vec<Part>,
}

/// How a connector or a task does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    /// The task's number.
    pub id: u32,
    /// `RUNNING`, `PAUSED`, `STOPPED`, `FAILED`, `UNASSIGNED`, `RESTARTING`.
    pub state: String,
    /// Where it runs.
    pub worker_id: String,
    /// Why it failed: a stack trace.
    pub trace: Option<String>,
}

/// A plugin of the workers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plugin {
    /// Its class.
    pub class: String,
    /// `source`, `sink`, and others.
    #[serde(default)]
    pub r#type: String,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
}

/// What a plugin says of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Validation {
    /// How many errors it found.
    #[serde(default)]
    pub error_count: u32,
    /// What it knows of each key.
    #[serde(default)]
    pub configs: Vec<Validated>,
}

/// What a plugin says of one key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Validated {
    /// What the key is for; absent for one that it does not know.
    #[serde(default)]
    pub definition: Option<Definition>,
    /// The value, and what is wrong with it.
    #[serde(default)]
    pub value: Option<ValidatedValue>,
}

/// What a key is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Definition {
    /// The key.
    pub name: String,
    /// Its type: `STRING`, `INT`, `PASSWORD`, …
    #[serde(default)]
    pub r#type: String,
    /// Whether it must be set.
    #[serde(default)]
    pub required: bool,
}

/// A value, and what is wrong with it. The value itself is never read: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ValidatedValue {
    /// The key.
    pub name: String,
    /// What is wrong.
    #[serde(default)]
    pub errors: Vec<String>,
    /// What may stand there, where that is known.
    #[serde(default)]
    pub recommended_values: Vec<Json>,
}

/// A place in a source or in a topic, and how far a connector has come there: objects of the connector's own
/// making; for a sink `kafka_topic`, `kafka_partition` and `kafka_offset` (KIP-875).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The place.
    pub partition: Map<String, Json>,
    /// How far; null for one that is to be forgotten.
    pub offset: Option<Map<String, Json>>,
}

/// How far a connector has come.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Offsets {
    #[serde(default)]
    pub(super) offsets: Vec<Position>,
}

/// How a connector is that was made a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It has done nothing.
    Stopped,
    /// It was started at once.
    Running,
}

/// A state that a connector is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// It works.
    Resume,
    /// Its tasks stay, and do nothing.
    Pause,
    /// It has no tasks (KIP-875, Kafka 3.5).
    Stop,
}

impl Move {
    /// The last part of the call's path.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Pause => "pause",
            Self::Stop => "stop",
        }
    }
}
