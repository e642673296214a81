//! What was last applied: the model, its format versions, and the journal that is merged into it. Pure.
//!
//! [`State`] is the snapshot; [`journal::Record`]s written since then are folded into it by
//! [`journal::fold`]. Reading and writing both is the backend's work.

pub mod journal;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::{Address, EnvironmentName, ProviderAddress};
use crate::document::{ContentHash, Document};

/// One environment's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Names this line of states for ever: a random UUID, given when the first state is made.
    pub lineage: String,
    /// Counts the contents: moves by one when, and only when, the content moves.
    pub serial: u64,
    /// The content hash of the state before this one.
    pub parent: Option<ContentHash>,
    /// The environment it belongs to.
    pub environment: EnvironmentName,
    /// The git commit that was applied last, where the project came from git.
    pub commit: Option<String>,
    /// The release that was applied last.
    pub release: Option<ContentHash>,
    /// The objects that this environment owns.
    pub objects: BTreeMap<Address, ObjectState>,
}

/// One object that we own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectState {
    /// The provider that reaches it.
    pub provider: ProviderAddress,
    /// Its name in the live system: its identity.
    pub remote_id: String,
    /// The kind's canonical description of what was last applied. No secrets: only their digests.
    pub spec: Document,
    /// `prevent_destroy` as it was last applied; outlives the block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The objects it needs, directly; decides the order of deletion when the block is gone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub depends_on: BTreeSet<Address>,
    /// An operation whose result is not known: it was under way when the program ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// An operation that was begun and whose result is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// What was begun.
    pub action: journal::Operation,
    /// What the driver must know to settle it, in the kind's own words (a throttle that it set).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Document>,
}
