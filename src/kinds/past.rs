//! What may be known of a wanted object while its system is away: from the project and its git history. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::block::Attribute;

/// How far back the project's history counts for a kind's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Memory {
    /// Not at all.
    Nothing,
    /// What the project said last.
    Latest,
    /// All that it ever said.
    All,
}

/// What the project said of an object in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past<S> {
    /// What people call the commit: its first digits.
    pub commit: String,
    /// What it said.
    pub spec: S,
}

/// What there is to go by.
#[derive(Debug)]
pub struct Recall<'a, S> {
    /// The settings of the object's provider.
    pub settings: &'a BTreeMap<Arc<str>, Attribute>,
    /// What people call the commit that the history ends with, where one was named.
    pub base: Option<&'a str>,
    /// What the project said there and before that, the newest first; what did not change stands once.
    pub past: Vec<Past<S>>,
}
