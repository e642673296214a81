//! What objects have to do with each other by name: who reads, writes and describes what. Pure.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::compatibility::level::Rollout;

use super::Desired;

/// What an object does with another one that its settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It reads what the other one holds.
    Reads,
    /// It writes what the other one holds.
    Writes,
    /// It is judged by what the other one is set to.
    Obeys,
    /// It says what the other one's content looks like: who reads or writes that is concerned by its changes.
    Describes,
}

/// One object named in another one's settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// What is done with it.
    pub role: Role,
    /// The named object's kind, by keyword.
    pub kind: &'static str,
    /// Its name in the live system.
    pub name: String,
}

/// Somebody who uses an object now, as the system itself shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveUser {
    /// What it does with the object.
    pub role: Role,
    /// The kind that would declare or manage it, by keyword.
    pub kind: &'static str,
    /// Its name in the live system.
    pub name: String,
    /// How it is, in a few words: `Stable, 2 members`.
    pub state: String,
}

/// What the project says around an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Around {
    /// The object that makes it and deletes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub belongs_to: Option<Neighbour>,
    /// Who reads it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<Neighbour>,
}

impl Around {
    /// Whether the project says nothing.
    pub fn is_empty(&self) -> bool {
        self.belongs_to.is_none() && self.readers.is_empty()
    }
}

/// Another object of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// Its block.
    pub address: Address,
    /// Its name in the live system.
    pub name: String,
    /// Whom to talk to about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// See [`Kind::FITS_PARTITIONS`](super::Kind::FITS_PARTITIONS).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fits_partitions: bool,
}

impl Neighbour {
    /// Returns it as people know it: `kafka_streams.fraud ("fraud-app"; owner team-fraud)`.
    pub fn words(&self) -> String {
        let (address, name) = (&self.address, &self.name);
        match &self.owner {
            Some(owner) => format!("{address} ({name:?}; owner {owner})"),
            None => format!("{address} ({name:?})"),
        }
    }
}

/// What a change means to those who read and write what the object describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ripple {
    /// Who of them has to follow first.
    pub rollout: Rollout,
    /// Where that comes from, a clause: `the level is BACKWARD`.
    pub reason: String,
}

/// Returns the relations to objects of a project that patterns match. An expression that is not one here, as
/// Java has some of its own, matches nothing: what it names is then not known.
pub(super) fn matched(
    patterns: &[Relation],
    desired: &BTreeMap<Address, Desired>,
) -> Vec<Relation> {
    let mut matched = Vec::new();
    for pattern in patterns {
        let Ok(expression) = Regex::new(&format!("^(?:{})$", pattern.name)) else {
            continue;
        };
        let names = desired
            .iter()
            .filter(|(address, object)| {
                *address.kind == *pattern.kind && expression.is_match(&object.remote_id)
            })
            .map(|(_, object)| object.remote_id.clone());
        matched.extend(names.map(|name| Relation {
            name,
            ..pattern.clone()
        }));
    }
    matched
}
