//! Puts a state from a file in the place of the stored one: after a failure to store, or to go back (I/O).

use crate::backend::lease::LeaseRequest;
use crate::backend::{BackendError, LocalBackend};
use crate::document::ContentHash;
use crate::state::State;

use super::atomic::remove_if_there;
use super::history;
use super::load::Stamp;
use super::writer::Held;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The stored state is that one already.
    Unchanged,
    /// The state was stored under this serial.
    Stored {
        /// The serial.
        serial: u64,
    },
}

/// What a pushed state is held against.
struct Current {
    serial: u64,
    hash: ContentHash,
    lineage: String,
    /// Whether the state file itself is whole; else this is the newest whole copy of the history.
    is_whole: bool,
}

impl LocalBackend {
    /// Stores a state that was saved aside, or the copy of the stored state where that was damaged.
    ///
    /// Refused unless it is the stored state itself or follows directly from it. `force` stores any
    /// state of this environment, as the content of the next serial: history only ever grows.
    pub async fn push(
        &self,
        state: State,
        force: bool,
        request: &LeaseRequest,
    ) -> Result<Pushed, BackendError> {
        let held = self.take_lease(request).await?;
        held.push(state, force)
    }
}

impl Held {
    fn push(&self, pushed: State, force: bool) -> Result<Pushed, BackendError> {
        let layout = &self.shared.layout;
        if pushed.environment != self.shared.environment {
            return Err(BackendError::PushRefused {
                reason: format!(
                    "it belongs to environment {:?}, not {:?}",
                    pushed.environment.as_str(),
                    self.shared.environment.as_str()
                ),
            });
        }
        if pushed.lineage.is_empty() {
            return Err(BackendError::PushRefused {
                reason: "it has no lineage".into(),
            });
        }
        let stamp = Stamp::of(&layout.state)?;
        let current = self.current()?;
        let hash = pushed.content_hash();
        let Some(current) = current else {
            self.store(&pushed, hash, stamp)?;
            return Ok(Pushed::Stored {
                serial: pushed.serial,
            });
        };
        if hash == current.hash {
            if current.is_whole {
                return Ok(Pushed::Unchanged);
            }
            // A journal that was begun on it goes on to be valid.
            self.store(&pushed, hash, stamp)?;
            return Ok(Pushed::Stored {
                serial: pushed.serial,
            });
        }
        let follows = pushed.lineage == current.lineage
            && pushed.serial == current.serial + 1
            && pushed.parent == Some(current.hash);
        let next = match (follows, force) {
            (true, _) => pushed,
            (false, true) => State {
                serial: pushed.serial.max(current.serial) + 1,
                parent: Some(current.hash),
                ..pushed
            },
            (false, false) => return Err(refusal(&pushed, &current)),
        };
        self.set_journal_aside(&current, stamp)?;
        self.store(&next, next.content_hash(), stamp)?;
        Ok(Pushed::Stored {
            serial: next.serial,
        })
    }

    /// Returns the stored state, or what stands for it where it is damaged or gone.
    fn current(&self) -> Result<Option<Current>, BackendError> {
        let error = match self.shared.load_stored() {
            Ok(stored) => {
                return Ok(stored.map(|stored| Current {
                    serial: stored.state.serial,
                    hash: stored.hash,
                    lineage: stored.state.lineage,
                    is_whole: true,
                }));
            }
            Err(error) => error,
        };
        let (BackendError::State { intact, .. } | BackendError::Vanished { intact, .. }) = &error
        else {
            return Err(error);
        };
        let Some(path) = intact else {
            return Ok(None);
        };
        let bytes = std::fs::read(path).map_err(BackendError::io("read", path))?;
        let (state, hash) = crate::state::format::decode_with_hash(&bytes).map_err(|source| {
            BackendError::State {
                path: path.clone(),
                intact: history::newest_intact(&self.shared.layout.history),
                source,
            }
        })?;
        Ok(Some(Current {
            serial: state.serial,
            hash,
            lineage: state.lineage,
            is_whole: false,
        }))
    }

    /// Keeps the journal of a state that is replaced, where nobody takes it for a valid one.
    fn set_journal_aside(
        &self,
        current: &Current,
        stamp: Option<Stamp>,
    ) -> Result<(), BackendError> {
        let layout = &self.shared.layout;
        if Stamp::of(&layout.journal)?.is_none() {
            return Ok(());
        }
        let kept = layout.void_journal(current.serial, current.hash);
        let _guard = self.enter(stamp)?;
        std::fs::copy(&layout.journal, &kept).map_err(BackendError::io("write", &kept))?;
        remove_if_there(&layout.journal).map_err(BackendError::io("remove", &layout.journal))
    }
}

fn refusal(pushed: &State, current: &Current) -> BackendError {
    let reason = if pushed.lineage == current.lineage {
        format!(
            "it is serial {} after {}, the stored state is serial {} with the hash {}; what was stored since would be lost (--force stores it nevertheless, as the next serial)",
            pushed.serial,
            pushed
                .parent
                .map_or_else(|| "nothing".into(), |hash| hash.to_string()),
            current.serial,
            current.hash
        )
    } else {
        format!(
            "its lineage is {}, the stored state's {}: they never were the same environment",
            pushed.lineage, current.lineage
        )
    };
    BackendError::PushRefused { reason }
}
