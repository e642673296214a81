//! How objects do: looks at them over time → a [`Health`]. Pure.
//!
//! A kind says what one look shows ([`Kind::Vitals`](super::Kind::Vitals), read by its driver for all objects
//! at once) and what looks mean ([`Kind::judge`](super::Kind::judge)). What is common to kinds is here:
//! - [`criteria`]: the `healthy` block, what it takes
//! - [`lag`]: how far groups of consumers are behind, and whether they come nearer

pub mod criteria;
pub mod lag;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use criteria::Healthy;
pub use lag::{GroupLook, PartitionLook};

/// How an object does. The order is the order of concern: the worst of several is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does what it is there for.
    Healthy,
    /// It is on its way: starting, catching up, being moved.
    Progressing,
    /// It cannot be told: a system is away, or says too little.
    Unknown,
    /// It does not do what it is there for, and waiting alone is no remedy.
    Unhealthy,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Progressing => "progressing",
            Self::Unknown => "unknown",
            Self::Unhealthy => "unhealthy",
        })
    }
}

/// Something that was seen, and how much it weighs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// What the object would be if this were all; [`Verdict::Healthy`] for what is only good to know.
    pub verdict: Verdict,
    /// What was seen: a sentence without a full stop.
    pub text: String,
}

/// A number or a word about an object, such as its lag or its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// What is measured, in one word: `lag`, `tasks`.
    pub name: &'static str,
    /// For programs.
    pub value: Value,
    /// For people: `2/2 running`.
    pub text: String,
}

/// What was measured. Thousands of objects have some, so it is no tree of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// How many.
    Number(u64),
    /// In the system's words.
    Word(String),
    /// How far a group is behind, and where that goes.
    Lag(lag::Numbers),
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

/// How an object does, by what, and the numbers behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The worst of the symptoms; healthy without any.
    pub verdict: Verdict,
    /// What was seen.
    pub symptoms: Vec<Symptom>,
    /// What was measured, in the order in which it is shown.
    pub measures: Vec<Measure>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            verdict: Verdict::Healthy,
            symptoms: Vec::new(),
            measures: Vec::new(),
        }
    }
}

impl Health {
    /// Returns the health of something that shows no symptom so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the health of an object that is not there, though it was applied.
    pub fn missing() -> Self {
        let mut health = Self::new();
        health.unhealthy("it is not there");
        health
    }

    /// Returns the health of an object that could not be looked at, and why.
    pub fn unread(why: impl Into<String>) -> Self {
        let mut health = Self::new();
        health.unknown(why);
        health
    }

    /// Adds what is only good to know.
    pub fn note(&mut self, text: impl Into<String>) {
        self.symptom(Verdict::Healthy, text);
    }

    /// Adds what will pass by itself.
    pub fn progressing(&mut self, text: impl Into<String>) {
        self.symptom(Verdict::Progressing, text);
    }

    /// Adds what cannot be told.
    pub fn unknown(&mut self, text: impl Into<String>) {
        self.symptom(Verdict::Unknown, text);
    }

    /// Adds what is wrong.
    pub fn unhealthy(&mut self, text: impl Into<String>) {
        self.symptom(Verdict::Unhealthy, text);
    }

    /// Adds a symptom.
    pub fn symptom(&mut self, verdict: Verdict, text: impl Into<String>) {
        let text = text.into();
        self.verdict = self.verdict.max(verdict);
        self.symptoms.push(Symptom { verdict, text });
    }

    /// Adds a measure, with its text for people.
    pub fn measure(
        &mut self,
        name: &'static str,
        value: impl Into<Value>,
        text: impl Into<String>,
    ) {
        self.measures.push(Measure {
            name,
            value: value.into(),
            text: text.into(),
        });
    }

    /// Returns the symptoms that made the verdict, those that weigh most.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        let heavy = self.symptoms.iter();
        heavy
            .filter(|symptom| symptom.verdict == self.verdict)
            .map(|symptom| symptom.text.as_str())
    }
}

/// What one look showed of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<V> {
    /// When it was: the time since the first look.
    pub at: Duration,
    /// How the object was; `None` where it was not there, and for kinds whose drivers read nothing.
    pub vitals: Option<V>,
    /// The groups that [`Kind::groups`](super::Kind::groups) names, as far as they exist.
    pub groups: Groups,
}

/// What a look showed of an object's groups, of which it has few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// Those that exist, each with its id.
    Read(Vec<(Arc<str>, Arc<GroupLook>)>),
    /// They could not be read, and why.
    Unread(String),
}

impl Default for Groups {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

impl Groups {
    /// Returns a group; `None` where it does not exist or could not be read.
    pub fn get(&self, id: &str) -> Option<&GroupLook> {
        match self {
            Self::Read(groups) => {
                let found = groups.iter().find(|(known, _)| &**known == id);
                found.map(|(_, group)| &**group)
            }
            Self::Unread(_) => None,
        }
    }
}

/// The vitals of kinds whose drivers read nothing to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoVitals {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_symptom_is_the_verdict() {
        let mut health = Health::new();
        assert_eq!(health.verdict, Verdict::Healthy);
        health.note("one task was restarted");
        assert_eq!(health.verdict, Verdict::Healthy);
        health.unhealthy("task 1 is FAILED");
        health.progressing("task 0 is starting");
        assert_eq!(health.verdict, Verdict::Unhealthy);
        assert_eq!(health.reasons().collect::<Vec<_>>(), ["task 1 is FAILED"]);
    }
}
