//! Reads the stored state and its journal (I/O), consistently while somebody writes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use crate::backend::{BackendError, JournalInfo, Snapshot};
use crate::document::ContentHash;
use crate::state::State;
use crate::state::format;
use crate::state::journal::{Record, fold};

use super::Shared;
use super::atomic::read_if_there;
use super::history;
use super::journal::{self, Parsed};

/// How often a read that a write came into is tried again.
const TRIES: u32 = 100;

/// Tells one version of a file from the next without reading it: a file that is replaced whole gets
/// a new inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Option<Self>, BackendError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackendError::io("read", path)(error)),
        }
    }
}

/// The stored state, verified.
pub(super) struct Stored {
    pub(super) state: State,
    /// Its content hash.
    pub(super) hash: ContentHash,
    pub(super) bytes: Vec<u8>,
}

/// The stored state with its journal folded in.
pub(super) struct Loaded {
    /// The content hash of the stored state.
    pub(super) base: ContentHash,
    /// Tells whether somebody else replaced the state file since.
    pub(super) stamp: Option<Stamp>,
    /// The state; serial and parent are those of the stored one.
    pub(super) state: State,
    /// Whether there is a journal file, void or not.
    pub(super) has_journal: bool,
    pub(super) journal: JournalInfo,
}

impl Shared {
    pub(super) fn read(&self) -> Result<Snapshot, BackendError> {
        let loaded = self.load()?;
        let (state, hash) = if loaded.journal.records == 0 {
            (loaded.state, loaded.base)
        } else {
            loaded.state.next(loaded.base)
        };
        Ok(Snapshot {
            hash,
            state,
            stored: loaded.stamp.is_some(),
            journal: loaded.journal,
            holder: self.holder()?,
        })
    }

    pub(super) fn pull(&self) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.load_stored()?.map(|stored| stored.bytes))
    }

    /// Reads the state file and verifies it; `None` if nothing was ever stored.
    pub(super) fn load_stored(&self) -> Result<Option<Stored>, BackendError> {
        let path = &self.layout.state;
        let Some(bytes) = read_if_there(path).map_err(BackendError::io("read", path))? else {
            return match self.left_over()? {
                Some(left) => Err(BackendError::Vanished {
                    path: path.clone(),
                    left,
                    intact: history::newest_intact(&self.layout.history),
                }),
                None => Ok(None),
            };
        };
        let (state, hash) =
            format::decode_with_hash(&bytes).map_err(|source| BackendError::State {
                path: path.clone(),
                intact: history::newest_intact(&self.layout.history),
                source,
            })?;
        if state.environment != self.environment {
            return Err(BackendError::OtherEnvironment {
                path: path.clone(),
                found: state.environment,
                expected: self.environment.clone(),
            });
        }
        Ok(Some(Stored { state, hash, bytes }))
    }

    /// Returns a file that can only be there if a state was stored once.
    fn left_over(&self) -> Result<Option<std::path::PathBuf>, BackendError> {
        let layout = &self.layout;
        if Stamp::of(&layout.journal)?.is_some() {
            return Ok(Some(layout.journal.clone()));
        }
        let entries =
            history::list(&layout.history).map_err(BackendError::io("list", &layout.history))?;
        // The first state's copy is written just before it: killed in between, nothing was stored.
        let first_only = entries.iter().all(|entry| {
            entry
                .content
                .as_ref()
                .is_ok_and(|content| content.serial == 0)
        });
        Ok(entries
            .into_iter()
            .next_back()
            .filter(|_| !first_only)
            .map(|entry| entry.path))
    }

    /// Reads state and journal such that both are of the same moment.
    pub(super) fn load(&self) -> Result<Loaded, BackendError> {
        for attempt in 0..TRIES {
            let before = Stamp::of(&self.layout.state)?;
            let read = self.load_once(before);
            if Stamp::of(&self.layout.state)? == before {
                return read;
            }
            std::thread::sleep(Duration::from_millis(u64::from(attempt.min(20))));
        }
        Err(BackendError::io(
            "read a quiet moment of",
            &self.layout.state,
        )(io::Error::other(
            "it was replaced at every attempt",
        )))
    }

    fn load_once(&self, stamp: Option<Stamp>) -> Result<Loaded, BackendError> {
        let path = &self.layout.journal;
        let journal = read_if_there(path).map_err(BackendError::io("read", path))?;
        let (state, base, stamp) = if let Some(stored) = self.load_stored()? {
            (stored.state, stored.hash, stamp)
        } else {
            let state = State::empty(self.environment.clone());
            let hash = state.content_hash();
            (state, hash, None)
        };
        let parsed = match &journal {
            Some(bytes) => self.parse_journal(bytes, &state, base)?,
            None => None,
        };
        let Some(parsed) = parsed else {
            return Ok(Loaded {
                base,
                stamp,
                state,
                has_journal: journal.is_some(),
                journal: JournalInfo::default(),
            });
        };
        let state = fold(state, &parsed.records).map_err(|source| BackendError::Fold {
            path: path.clone(),
            source,
        })?;
        Ok(Loaded {
            base,
            stamp,
            state,
            has_journal: true,
            journal: JournalInfo {
                records: parsed.records.len(),
                torn_bytes: parsed.torn_bytes,
            },
        })
    }

    /// Verifies a journal; `None` for one that was stored already.
    fn parse_journal(
        &self,
        bytes: &[u8],
        state: &State,
        base: ContentHash,
    ) -> Result<Option<Parsed>, BackendError> {
        if let Some(Record::Begin {
            lineage, serial, ..
        }) = journal::peek(bytes)
            && lineage == state.lineage
            && serial < state.serial
        {
            return Ok(None);
        }
        let damage = |line, reason| BackendError::Journal {
            path: self.layout.journal.clone(),
            line,
            reason,
        };
        let parsed =
            journal::parse(bytes, base).map_err(|found| damage(found.line, found.reason))?;
        Ok(Some(parsed))
    }
}
