//! What was last applied: the model, its format versions, and the journal that is merged into it. Pure.
//!
//! [`State`] is the snapshot; [`journal::Record`]s written since then are folded into it by
//! [`journal::fold`]; [`mod@format`] turns it into a file's bytes and back. Reading and writing both is
//! the backend's work.

pub mod edit;
pub mod format;
pub mod journal;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::{Address, EnvironmentName, ProviderAddress};
use crate::document::{ContentHash, Document};

/// One environment's state. What reads it is its [`format`](mod@format), which verifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// Names this line of states for ever: a random UUID, given when the first state is stored.
    /// Empty for an environment that was never applied.
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

impl State {
    /// Returns the state of an environment that was never applied.
    pub fn empty(environment: EnvironmentName) -> Self {
        Self {
            lineage: String::new(),
            serial: 0,
            parent: None,
            environment,
            commit: None,
            release: None,
            objects: BTreeMap::new(),
        }
    }

    /// Returns the SHA-256 of the canonical body, which is what the next state names as its parent.
    pub fn content_hash(&self) -> ContentHash {
        format::hash(self)
    }

    /// Whether the content differs, serial and parent aside.
    pub fn content_changed(&self, before: &Self) -> bool {
        let Self {
            lineage,
            serial: _,
            parent: _,
            environment,
            commit,
            release,
            objects,
        } = self;
        *lineage != before.lineage
            || *environment != before.environment
            || *commit != before.commit
            || *release != before.release
            || *objects != before.objects
    }

    /// Returns the state to store after the one whose hash is `base`, from which this one was made
    /// by changing its content only: the same one if nothing moved, else one with the next serial. Its
    /// content hash is returned too.
    #[must_use]
    pub fn next(self, base: ContentHash) -> (Self, ContentHash) {
        if self.content_hash() == base {
            return (self, base);
        }
        let next = Self {
            serial: self.serial + 1,
            parent: Some(base),
            ..self
        };
        let hash = next.content_hash();
        (next, hash)
    }
}

/// One object that we own. The fields stand in the order of their names, as in its canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectState {
    /// The objects it needs, directly; decides the order of deletion when the block is gone. An
    /// address that the state no longer holds means nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub depends_on: BTreeSet<Address>,
    /// What the system gave out when it was applied, in the kind's own words: a schema's id and
    /// version. Never carried to another environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Document>,
    /// An operation whose result is not known: it was under way when the program ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// `prevent_destroy` as it was last applied; outlives the block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The provider that reaches it.
    pub provider: ProviderAddress,
    /// Its name in the live system: its identity.
    pub remote_id: String,
    /// The kind's canonical description of what was last applied. No secrets: only their digests.
    pub spec: Document,
}

impl ObjectState {
    /// Returns the description that is known for sure to have been applied, whatever was begun since then.
    pub fn settled(&self) -> Option<&Document> {
        match &self.pending {
            None => Some(&self.spec),
            Some(pending) => pending.previous.as_deref().and_then(Self::settled),
        }
    }

    /// Returns what an operation that never settled noted.
    pub fn notes(&self) -> Option<&Document> {
        self.pending
            .as_ref()
            .and_then(|pending| pending.notes.as_ref())
    }

    /// Returns every description that may be in effect in the live system, the latest first: what a
    /// key was set by, if it was set by us, even where an operation never settled.
    pub fn specs(&self) -> impl Iterator<Item = &Document> {
        let pending = self.pending.as_ref();
        let earlier = pending.into_iter().flat_map(|p| p.earlier.iter().rev());
        let previous = pending.and_then(|p| p.previous.as_deref());
        std::iter::once(&self.spec)
            .chain(earlier.map(|begun| &begun.object.spec))
            .chain(previous.into_iter().flat_map(|object| {
                // Only the object behind a move can be pending itself, and that one is no move.
                let inner = object.pending.as_ref();
                std::iter::once(&object.spec)
                    .chain(
                        inner
                            .into_iter()
                            .flat_map(|p| p.earlier.iter().rev())
                            .map(|begun| &begun.object.spec),
                    )
                    .chain(
                        inner
                            .and_then(|p| p.previous.as_deref())
                            .map(|object| &object.spec),
                    )
            }))
    }
}

/// An operation that was begun and whose result is not known.
///
/// The object around it is what it will be if the operation succeeds (for a deletion: what it was).
/// The fields stand in the order of their names, as in its canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// What was begun.
    pub action: journal::Operation,
    /// Operations begun before this one that never settled either, oldest first, each only once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Begun>,
    /// For [`journal::Operation::Move`]: the address that it is moved from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Address>,
    /// What the driver must know to settle it, in the kind's own words (a throttle that it set).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Document>,
    /// The object as it was when it was last known for sure; absent where we did not own it. Never
    /// pending itself, except behind a move, which leaves what was pending as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Box<ObjectState>>,
}

/// One operation of several on an object that never settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// What was begun.
    pub action: journal::Operation,
    /// The object as it would have been; not pending.
    pub object: ObjectState,
}
