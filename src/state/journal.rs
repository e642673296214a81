//! The journal of an apply: intent before the effect, result after it. Pure.
//!
//! A journal is a list of [`Record`]s that starts with [`Record::Begin`]. [`fold`] merges any prefix
//! of it into the state that it started from, so a program that was killed between two records is
//! understood by the next one: an object with an intent and no result is *pending*, and what it was
//! before is kept beside it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Address;
use crate::document::{ContentHash, Document};

use super::edit;
use super::{Begun, ObjectState, Pending, State};

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
    /// An apply begins. First record of every journal; the backend writes it.
    Begin {
        /// The lineage that it changes.
        lineage: String,
        /// The serial that it started from.
        serial: u64,
        /// The lease's fencing epoch.
        epoch: u64,
        /// The hash of the plan that is applied.
        plan: ContentHash,
    },
    /// An operation is about to be sent.
    Intent {
        /// The object; for [`Operation::Move`] its new address.
        address: Address,
        /// What will be done to it.
        operation: Operation,
        /// The object as it will be owned if the operation succeeds; needed to create, update and
        /// adopt. Its `pending` is not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object: Option<Box<ObjectState>>,
        /// For [`Operation::Move`]: the old address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Address>,
    },
    /// The driver wrote down something that a later run must know to settle the operation. Keys are
    /// merged into the notes that are there, `null` removes one.
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
        /// What the system gave out; absent where the intent says it already, or there is nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Document>,
    },
    /// The operation failed, and is known to have changed nothing that the state must remember.
    Failed {
        /// The object.
        address: Address,
        /// Why.
        message: String,
        /// What the system gave out on the way back to what was before; absent where nothing did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Document>,
    },
    /// All was done that could be done: the release counts as applied.
    Complete {
        /// The git commit, where the project came from git.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        /// The release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<ContentHash>,
    },
}

/// Why a record cannot follow the ones before it. The state is as it was before the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The journal was begun on another state.
    #[error(
        "the journal belongs to serial {serial} of lineage {lineage}, the state is serial {state_serial} of lineage {state_lineage}"
    )]
    OtherState {
        /// The journal's lineage.
        lineage: String,
        /// The journal's serial.
        serial: u64,
        /// The state's lineage.
        state_lineage: String,
        /// The state's serial.
        state_serial: u64,
    },
    /// An intent lacks what its operation needs.
    #[error("the intent for {address} lacks {missing}")]
    Incomplete {
        /// The object.
        address: Address,
        /// What is missing.
        missing: &'static str,
    },
    /// The state holds no object of that address.
    #[error("the state holds no {address}")]
    NotOwned {
        /// The object.
        address: Address,
    },
    /// A result or a note came without an intent before it.
    #[error("nothing was begun on {address}")]
    NotBegun {
        /// The object.
        address: Address,
    },
    /// The new address of a move is taken.
    #[error("{address} exists already")]
    Occupied {
        /// The new address.
        address: Address,
    },
}

/// Merges a journal's records into the state that they started from; serial and parent stay.
///
/// The records may come in one piece or in several: `fold(fold(s, a), b)` is `fold(s, a ++ b)`.
pub fn fold(mut state: State, records: &[Record]) -> Result<State, FoldError> {
    for record in records {
        state.merge(record)?;
    }
    Ok(state)
}

impl State {
    /// Merges one record.
    pub fn merge(&mut self, record: &Record) -> Result<(), FoldError> {
        match record {
            Record::Begin {
                lineage, serial, ..
            } => {
                if *lineage == self.lineage && *serial == self.serial {
                    return Ok(());
                }
                Err(FoldError::OtherState {
                    lineage: lineage.clone(),
                    serial: *serial,
                    state_lineage: self.lineage.clone(),
                    state_serial: self.serial,
                })
            }
            Record::Intent {
                address,
                operation: Operation::Move,
                from,
                ..
            } => self.begin_move(address, from.as_ref()),
            Record::Intent {
                address,
                operation,
                object,
                ..
            } => self.begin(address, *operation, object.as_deref()),
            Record::Note { address, notes } => self.note(address, notes),
            Record::Applied { address, outcome } => self.settle(address, outcome.as_ref()),
            Record::Failed {
                address, outcome, ..
            } => self.undo(address, outcome.as_ref()),
            Record::Complete { commit, release } => {
                self.commit.clone_from(commit);
                self.release = *release;
                Ok(())
            }
        }
    }

    fn begin(
        &mut self,
        address: &Address,
        action: Operation,
        object: Option<&ObjectState>,
    ) -> Result<(), FoldError> {
        let existing = self.objects.get(address).cloned().map(behind_move);
        let removes = matches!(action, Operation::Delete | Operation::Forget);
        let mut after = match (removes, object, &existing) {
            (false, Some(object), _) => object.clone(),
            (true, _, Some(existing)) => existing.clone(),
            (false, None, _) => {
                return Err(FoldError::Incomplete {
                    address: address.clone(),
                    missing: "the object",
                });
            }
            (true, _, None) => {
                return Err(FoldError::NotOwned {
                    address: address.clone(),
                });
            }
        };
        after.pending = Some(pending_after(existing, action));
        self.objects.insert(address.clone(), after);
        Ok(())
    }

    fn begin_move(&mut self, to: &Address, from: Option<&Address>) -> Result<(), FoldError> {
        let from = from.ok_or_else(|| FoldError::Incomplete {
            address: to.clone(),
            missing: "the old address",
        })?;
        if self.objects.contains_key(to) {
            return Err(FoldError::Occupied {
                address: to.clone(),
            });
        }
        let object =
            self.objects
                .remove(from)
                .map(behind_move)
                .ok_or_else(|| FoldError::NotOwned {
                    address: from.clone(),
                })?;
        let moved = ObjectState {
            pending: Some(Pending {
                action: Operation::Move,
                from: Some(from.clone()),
                previous: Some(Box::new(object.clone())),
                earlier: Vec::new(),
                notes: None,
            }),
            ..object
        };
        self.objects.insert(to.clone(), moved);
        edit::rename_references(self, |address| (address == from).then(|| to.clone()));
        Ok(())
    }

    fn note(&mut self, address: &Address, notes: &Document) -> Result<(), FoldError> {
        let pending =
            self.object_mut(address)?
                .pending
                .as_mut()
                .ok_or_else(|| FoldError::NotBegun {
                    address: address.clone(),
                })?;
        pending.notes = merge_notes(pending.notes.as_ref(), notes);
        Ok(())
    }

    /// The operation that is pending on an object succeeded.
    fn settle(&mut self, address: &Address, outcome: Option<&Document>) -> Result<(), FoldError> {
        match self.pending_action(address)? {
            Operation::Delete | Operation::Forget => {
                self.objects.remove(address);
            }
            Operation::Move => {
                let object = self.object_mut(address)?;
                *object = behind_move(object.clone());
            }
            Operation::Create | Operation::Update | Operation::Adopt => {
                let object = self.object_mut(address)?;
                object.pending = None;
                if let Some(outcome) = outcome {
                    object.outcome = Some(outcome.clone());
                }
            }
        }
        Ok(())
    }

    /// The operation that is pending on an object did not happen: it is what it was before, but for what the
    /// system gave out on the way back.
    fn undo(&mut self, address: &Address, outcome: Option<&Document>) -> Result<(), FoldError> {
        self.pending_action(address)?;
        let object = self
            .objects
            .remove(address)
            .expect("pending_action found it");
        let mut pending = object.pending.expect("pending_action found it");
        if let Some(from) = pending.from.take() {
            let previous = pending.previous.expect("a move keeps the object");
            self.objects.insert(from.clone(), *previous);
            edit::rename_references(self, |other| (other == address).then(|| from.clone()));
        } else if let Some(Begun { action, object }) = pending.earlier.pop() {
            // What was begun before is still not settled.
            let before = ObjectState {
                pending: Some(Pending { action, ..pending }),
                ..object
            };
            self.objects.insert(address.clone(), before);
        } else if let Some(previous) = pending.previous {
            self.objects.insert(address.clone(), *previous);
        }
        if let (Some(object), Some(outcome)) = (self.objects.get_mut(address), outcome) {
            object.outcome = Some(outcome.clone());
        }
        Ok(())
    }

    fn object_mut(&mut self, address: &Address) -> Result<&mut ObjectState, FoldError> {
        self.objects
            .get_mut(address)
            .ok_or_else(|| FoldError::NotOwned {
                address: address.clone(),
            })
    }

    fn pending_action(&mut self, address: &Address) -> Result<Operation, FoldError> {
        let pending = self.object_mut(address)?.pending.as_ref();
        pending
            .map(|pending| pending.action)
            .ok_or_else(|| FoldError::NotBegun {
                address: address.clone(),
            })
    }
}

/// Returns the object as it is once a move that is pending on it counts as done: a move has no
/// effect outside the state, so nothing about it can be unknown.
fn behind_move(object: ObjectState) -> ObjectState {
    match object.pending {
        Some(Pending {
            action: Operation::Move,
            previous: Some(previous),
            ..
        }) => *previous,
        pending => ObjectState { pending, ..object },
    }
}

/// Returns what is pending on an object when an operation begins on what it was.
fn pending_after(existing: Option<ObjectState>, action: Operation) -> Pending {
    let fresh = Pending {
        action,
        from: None,
        previous: None,
        earlier: Vec::new(),
        notes: None,
    };
    let Some(mut existing) = existing else {
        return fresh;
    };
    let Some(mut before) = existing.pending.take() else {
        return Pending {
            previous: Some(Box::new(existing)),
            ..fresh
        };
    };
    // A crash loop begins the same operation for ever: each is kept once.
    let begun = Begun {
        action: before.action,
        object: existing,
    };
    before.earlier.retain(|other| *other != begun);
    before.earlier.push(begun);
    Pending { action, ..before }
}

fn merge_notes(notes: Option<&Document>, new: &Document) -> Option<Document> {
    let merged = match (notes.map(Document::to_value), new.to_value()) {
        (Some(Value::Object(mut merged)), Value::Object(new)) => {
            merged.extend(new);
            Value::Object(merged)
        }
        (_, new) => new,
    };
    let kept = match merged {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).collect())
        }
        other => other,
    };
    let is_empty = kept.as_object().is_some_and(serde_json::Map::is_empty);
    (!is_empty).then(|| Document::from(kept))
}

#[cfg(test)]
mod tests;
