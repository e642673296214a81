//! The names of the files in an environment's folder.
//!
//! ```text
//! <root>/<environment>/
//!   state.json       the state
//!   journal.jsonl    what the running apply, or one that was killed, did since
//!   lease.json       who may write
//!   guard            locked (flock) for the moment of each check-and-write; always empty
//!   history/         every state that was ever stored: <serial>-<12 digits of its hash>.json
//!   unlocks.jsonl    leases that a person broke
//! ```

use std::path::{Path, PathBuf};

use crate::address::EnvironmentName;
use crate::document::ContentHash;

/// The files of one environment.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    pub(super) state: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) lease: PathBuf,
    pub(super) guard: PathBuf,
    pub(super) history: PathBuf,
    pub(super) unlocks: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path, environment: &EnvironmentName) -> Self {
        let folder = root.join(environment.as_str());
        Self {
            state: folder.join("state.json"),
            journal: folder.join("journal.jsonl"),
            lease: folder.join("lease.json"),
            guard: folder.join("guard"),
            history: folder.join("history"),
            unlocks: folder.join("unlocks.jsonl"),
            folder,
        }
    }

    /// Returns where a state is kept for ever. The serial's zeros make names sort by age.
    pub(super) fn copy(&self, serial: u64, hash: ContentHash) -> PathBuf {
        self.history
            .join(format!("{serial:06}-{}.json", hash.short()))
    }

    /// Returns where a journal is kept that a forced push made void.
    pub(super) fn void_journal(&self, serial: u64, hash: ContentHash) -> PathBuf {
        self.history
            .join(format!("{serial:06}-{}.journal.jsonl", hash.short()))
    }
}
