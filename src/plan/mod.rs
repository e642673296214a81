//! Desired × prior × live → what will be done, and why. Pure.
//!
//! The path, in the order in which `pipeline.rs` walks it:
//!
//! 1. [`survey`](survey::survey): the project's objects and the state's, side by side → [`Survey`],
//!    which says what has to be read
//! 2. [`propose`](propose::propose): with the live objects → [`Proposal`]: an action and the
//!    differing attributes for each object, and the drift
//! 3. [`conclude`](conclude::conclude): with what was measured → [`Plan`], with what the kinds'
//!    rules find in each change
//! 4. [`impact`]: with who uses what: whom each change concerns, and who follows first
//!
//! The plan is a value: the same inputs give the same bytes ([`mod@file`]). Whether it may be applied is
//! decided by the gates, which read it and nothing else.

pub mod around;
pub mod conclude;
pub mod file;
pub mod impact;
pub mod propose;
pub mod render;
pub mod select;
pub mod survey;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::address::{Address, EnvironmentName, ProviderAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{ContentHash, Document};
use crate::kinds::entry::{ErasedChange, WrongDocument};
use crate::kinds::{Action, Around, Delta, Finding};

pub use impact::Impact;
pub use propose::Proposal;
pub use select::Selection;
pub use survey::Survey;

/// What a plan belongs to: what must still hold when it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// The version of the program that made it.
    pub tool: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// The state's lineage; empty where nothing was ever applied.
    pub lineage: String,
    /// The state's serial.
    pub serial: u64,
    /// The state's content hash.
    pub state: ContentHash,
    /// The release: the hash of what decides the outcome, the environment's values excluded.
    pub release: ContentHash,
    /// The hash of the objects as wanted, the environment's values included.
    pub desired: ContentHash,
    /// The git commit, where the project came from git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What the plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The live system becomes what the project says.
    Apply,
    /// Everything that the state owns is deleted.
    Destroy,
}

/// What will be done, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it belongs to.
    pub basis: Basis,
    /// What it is for.
    pub mode: Mode,
    /// Which objects it was restricted to; a partial plan says so everywhere.
    #[serde(default, skip_serializing_if = "Selection::is_all")]
    pub selection: Selection,
    /// What changes, in the order of the addresses.
    pub changes: Vec<Change>,
    /// What was changed outside since the last apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Objects that could not be read, so that what becomes of them is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Why they could not be read.
    #[serde(default, skip_serializing_if = "Diagnostics::is_empty")]
    pub away: Diagnostics,
    /// How many objects are as wanted.
    pub unchanged: usize,
    /// Objects that the selection left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Address>,
    /// Warnings of the project and of the plan.
    #[serde(default, skip_serializing_if = "Diagnostics::is_empty")]
    pub warnings: Diagnostics,
    /// How many objects the state owns: what the brake on deletions compares with.
    pub owned: usize,
}

/// What is done to one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The object.
    pub address: Address,
    /// What is done.
    pub action: Action,
    /// Its address in the state so far, where a `moved` block renames it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Address>,
    /// The provider that reaches it.
    pub provider: ProviderAddress,
    /// Its name in the live system.
    pub remote_id: String,
    /// The attributes that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deltas: Vec<Delta>,
    /// What HCL says; absent for deletions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Document>,
    /// What was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Document>,
    /// What the system said: apply reads again and refuses if it says something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Document>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Document>,
    /// What the project says around the object: whose it is, and who reads it.
    #[serde(default, skip_serializing_if = "Around::is_empty")]
    pub around: Around,
    /// What the kind's rules found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Whom it concerns besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// What it needs, as the project says.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<Address>,
    /// The changes of this plan that come first so that nobody breaks on the way.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub follows: BTreeSet<Address>,
    /// `prevent_destroy`, as it will be kept in the state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// Whether the project allows destructive operations on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_destroy: bool,
    /// Whether the project allows it to be changed although no order of upgrades is safe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_breaking: bool,
}

/// An object that could not be read: its system is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// The object.
    pub address: Address,
    /// The provider that would reach it.
    pub provider: ProviderAddress,
    /// Its name in the live system.
    pub remote_id: String,
    /// What HCL says; absent where only the state holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Document>,
    /// What was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Document>,
    /// What is known of it without its system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Document>,
    /// What the kind's rules found in what HCL and the state say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Whom its change would concern besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// Whether the project allows it to be changed although no order of upgrades is safe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_breaking: bool,
}

impl Change {
    /// Returns the change as its kind's rules see it.
    fn erased(&self) -> ErasedChange<'_> {
        ErasedChange {
            action: self.action,
            remote_id: &self.remote_id,
            spec: self.desired.as_ref(),
            prior: self.prior.as_ref(),
            live: self.live.as_ref(),
            deltas: &self.deltas,
            facts: self.facts.as_ref(),
            around: &self.around,
        }
    }
}

/// What is around an object that could not be read does not matter: its rules judge by what HCL and the state say.
static ALONE: Around = Around {
    belongs_to: None,
    readers: Vec::new(),
};

impl Unread {
    /// Returns the object as its kind's rules see it: what would be done is not known for sure.
    fn erased(&self) -> ErasedChange<'_> {
        ErasedChange {
            action: match self.desired {
                Some(_) => Action::Update,
                None => Action::Delete,
            },
            remote_id: &self.remote_id,
            spec: self.desired.as_ref(),
            prior: self.prior.as_ref(),
            live: None,
            deltas: &[],
            facts: self.facts.as_ref(),
            around: &ALONE,
        }
    }
}

/// Returns what to tell where a kind cannot read what it is asked about.
pub(crate) fn cannot_be_checked(address: &Address, error: &WrongDocument) -> Diagnostic {
    Diagnostic::error("wrong-document", format!("{address} cannot be checked"))
        .on(address)
        .detail(error.to_string())
}

/// An object whose live form is not what was last applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// The object.
    pub address: Address,
    /// Its name in the live system.
    pub remote_id: String,
    /// Whether it was deleted outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The attributes that were changed outside: `before` is what was applied, `after` what is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deltas: Vec<Delta>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// This plan puts it back.
    Reverted,
    /// The project wants what is there now.
    Wanted,
    /// This plan deletes the object.
    Deleted,
    /// This plan drops the object from the state and leaves it as it is.
    Forgotten,
    /// `ignore_changes` covers it.
    Ignored,
    /// It can neither be put back nor does the project want it: a version that was registered stays.
    Stays,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.unread.is_empty()
    }

    /// Returns the hash that an approval binds to: of everything in the plan.
    pub fn hash(&self) -> ContentHash {
        Document::of(self).hash()
    }

    /// Returns what was found, of objects that could not be read as well.
    pub fn findings(&self) -> impl Iterator<Item = (&Address, &Finding)> {
        let changed = self.changes.iter().map(|it| (&it.address, &it.findings));
        let unread = self.unread.iter().map(|it| (&it.address, &it.findings));
        let all = changed.chain(unread);
        all.flat_map(|(address, findings)| findings.iter().map(move |found| (address, found)))
    }

    /// How many changes have an action.
    pub fn count(&self, action: Action) -> usize {
        self.changes
            .iter()
            .filter(|change| change.action == action)
            .count()
    }

    /// How many live objects it deletes.
    pub fn deletions(&self) -> usize {
        self.changes
            .iter()
            .filter(|change| change.action.deletes())
            .count()
    }

    /// Returns the drift that `ignore_changes` does not cover.
    pub fn drifted(&self) -> impl Iterator<Item = &Drift> {
        self.drift
            .iter()
            .filter(|drift| drift.fate != Fate::Ignored)
    }
}
