//! Compatibility levels: what a new schema is held against, and who upgrades first. Pure.
//!
//! The meaning of the seven levels, and the order of upgrades that follows from each, are those of
//! Confluent's documentation, "Schema Evolution and Compatibility for Schema Registry".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Mismatch;

/// How far a new schema of a subject must get along with earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Anything goes.
    None,
    /// The new schema reads what the latest one wrote.
    Backward,
    /// The new schema reads what any earlier one wrote.
    BackwardTransitive,
    /// The latest schema reads what the new one writes.
    Forward,
    /// Every earlier schema reads what the new one writes.
    ForwardTransitive,
    /// Both ways with the latest schema.
    Full,
    /// Both ways with every earlier schema.
    FullTransitive,
}

/// Who reads what whom wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The new schema reads what an earlier one wrote.
    Backward,
    /// An earlier schema reads what the new one writes.
    Forward,
}

/// Who has to run the new schema before the other side may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollout {
    /// Readers before writers.
    ReadersFirst,
    /// Writers before readers.
    WritersFirst,
    /// Any order is safe.
    AnyOrder,
    /// No order is known to be safe.
    NoSafeOrder,
    /// Nobody goes on: the schema goes away.
    NobodyStays,
}

impl Direction {
    /// Returns a mismatch's place in the new schema.
    pub fn new_place(self, mismatch: &Mismatch) -> &str {
        match self {
            Self::Backward => &mismatch.reader,
            Self::Forward => &mismatch.writer,
        }
    }
}

impl Level {
    /// All levels, the weakest first.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// Returns the strongest level that two versions keep: whether the new one reads what the earlier one
    /// wrote, and whether the earlier one reads what the new one writes.
    pub const fn kept(backward: bool, forward: bool) -> Self {
        match (backward, forward) {
            (true, true) => Self::Full,
            (true, false) => Self::Backward,
            (false, true) => Self::Forward,
            (false, false) => Self::None,
        }
    }

    /// The registry's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// The directions in which schemas are compared.
    pub const fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }

    /// Whether every earlier version counts, not the latest alone.
    pub const fn is_transitive(self) -> bool {
        matches!(
            self,
            Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive
        )
    }

    /// Who upgrades first.
    pub const fn rollout(self) -> Rollout {
        match self {
            Self::None => Rollout::NoSafeOrder,
            Self::Backward | Self::BackwardTransitive => Rollout::ReadersFirst,
            Self::Forward | Self::ForwardTransitive => Rollout::WritersFirst,
            Self::Full | Self::FullTransitive => Rollout::AnyOrder,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a compatibility level: {names}", names = Level::ALL.map(Level::name).join(", "))]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| text == level.name())
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_written_as_it_is_read() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(
                serde_json::to_value(level).ok(),
                Some(serde_json::Value::from(level.name()))
            );
        }
    }

    #[test]
    fn another_word_is_refused_with_the_choices() {
        let error = UnknownLevel("backward".to_owned());
        assert_eq!("backward".parse::<Level>(), Err(error.clone()));
        insta::assert_snapshot!(
            error,
            @r#""backward" is not a compatibility level: NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE"#
        );
    }
}
