//! The holder of a lease: the only way to write (I/O).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use crate::backend::lease::Holder;
use crate::backend::{BackendError, JournalInfo};
use crate::document::ContentHash;
use crate::state::State;
use crate::state::format;
use crate::state::journal::Record;

use super::Shared;
use super::atomic::{Durability, Staged, create_folder, remove_if_there, sync_folder};
use super::guard::Guard;
use super::journal::JournalFile;
use super::lease::{Heartbeat, Ticket};
use super::load::Stamp;

/// A lease that is held and renewed; given back when dropped.
pub(super) struct Held {
    pub(super) shared: Arc<Shared>,
    pub(super) ticket: Ticket,
    pub(super) holder: Holder,
    heartbeat: Heartbeat,
}

impl Held {
    pub(super) fn new(
        shared: Arc<Shared>,
        ticket: Ticket,
        holder: Holder,
    ) -> Result<Self, BackendError> {
        let heartbeat = match Heartbeat::start(Arc::clone(&shared), ticket.clone()) {
            Ok(heartbeat) => heartbeat,
            Err(error) => {
                // Without a heartbeat there is nobody to give the lease back.
                shared.release(&ticket)?;
                return Err(error);
            }
        };
        Ok(Self {
            shared,
            ticket,
            holder,
            heartbeat,
        })
    }

    /// Locks the guard and checks that nobody wrote since: lease, epoch and the state file, which is
    /// the very file whose lineage and serial we read.
    pub(super) fn enter(&self, stamp: Option<Stamp>) -> Result<Guard, BackendError> {
        let guard = Guard::lock(&self.shared.layout.guard)?;
        self.shared.check_lease(&self.ticket)?;
        if Stamp::of(&self.shared.layout.state)? != stamp {
            return Err(BackendError::Fenced {
                reason: format!(
                    "{} was replaced by somebody else",
                    self.shared.layout.state.display()
                ),
            });
        }
        Ok(guard)
    }

    /// Stores a state and its copy in the history; returns the new file's stamp. The journal stays.
    pub(super) fn store(
        &self,
        state: &State,
        hash: ContentHash,
        stamp: Option<Stamp>,
    ) -> Result<Option<Stamp>, BackendError> {
        let layout = &self.shared.layout;
        let bytes = format::encode(state);
        let write = |path: &Path| {
            Staged::write(path, &bytes, Durability::Disk).map_err(BackendError::io("write", path))
        };
        create_folder(&layout.history).map_err(BackendError::io("make", &layout.history))?;
        let copy_path = layout.copy(state.serial, hash);
        let copy = write(&copy_path)?;
        let file = write(&layout.state)?;
        let stamp = {
            let _guard = self.enter(stamp)?;
            copy.commit()
                .map_err(BackendError::io("write", &copy_path))?;
            file.commit()
                .map_err(BackendError::io("replace", &layout.state))?;
            Stamp::of(&layout.state)?
        };
        for folder in [&layout.history, &layout.folder] {
            sync_folder(folder).map_err(BackendError::io("sync", folder))?;
        }
        Ok(stamp)
    }

    /// Saves a state that could not be stored, in the first folder that takes it.
    pub(super) fn rescue(
        &self,
        state: State,
        base: ContentHash,
        error: BackendError,
    ) -> BackendError {
        if matches!(error, BackendError::Fenced { .. }) {
            return error;
        }
        let (state, hash) = state.next(base);
        let bytes = format::encode(&state);
        let name = format!(
            "rescue-{}-{:06}-{}.json",
            state.environment,
            state.serial,
            hash.short()
        );
        let folders = std::iter::once(&self.shared.layout.folder).chain(&self.shared.rescue);
        let saved = folders.map(|folder| folder.join(&name)).find(|path| {
            Staged::write(path, &bytes, Durability::Disk)
                .and_then(Staged::commit)
                .is_ok()
        });
        BackendError::Unsaved {
            environment: state.environment,
            rescue: saved,
            source: Box::new(error),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.shared.release(&self.ticket) {
            tracing::warn!(environment = %self.shared.environment, %error, "the lease was not given back; it runs out by itself");
        }
    }
}

/// The holder of an environment's lease, through whom its state changes.
///
/// An apply calls [`begin`](Self::begin), then [`append`](Self::append) before and after each effect,
/// then [`persist`](Self::persist) and [`release`](Self::release). Dropping it gives the lease back;
/// what is in the journal then waits for the next holder.
pub struct Writer {
    held: Held,
    base: ContentHash,
    stamp: Option<Stamp>,
    /// As after all records so far; serial and parent are those of the stored state.
    state: State,
    journal: Option<JournalFile>,
    plan: Option<ContentHash>,
    recovered: Option<JournalInfo>,
}

impl Writer {
    /// Reads the state under the lease and stores what a killed apply left in its journal.
    pub(super) fn open(held: Held) -> Result<Self, BackendError> {
        let loaded = held.shared.load()?;
        let mut writer = Self {
            held,
            base: loaded.base,
            stamp: loaded.stamp,
            state: loaded.state,
            journal: None,
            plan: None,
            recovered: None,
        };
        if loaded.has_journal {
            writer.store_and_clear()?;
            if loaded.journal != JournalInfo::default() {
                writer.recovered = Some(loaded.journal);
            }
        }
        Ok(writer)
    }

    /// Returns the state as it is after all records so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the content hash of the stored state; what a saved plan was bound to must equal it.
    pub fn stored_hash(&self) -> ContentHash {
        self.base
    }

    /// Returns what a killed apply had left, and is stored now.
    pub fn recovered(&self) -> Option<JournalInfo> {
        self.recovered
    }

    /// Returns who we are to others.
    pub fn holder(&self) -> &Holder {
        &self.held.holder
    }

    /// Returns the fencing epoch.
    pub fn epoch(&self) -> u64 {
        self.held.ticket.epoch
    }

    /// Returns a channel that turns true when the lease is lost: then start nothing more.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.held.heartbeat.lost()
    }

    /// Whether the lease is known to be lost.
    pub fn is_lost(&self) -> bool {
        *self.held.heartbeat.lost().borrow()
    }

    /// Begins an apply of the plan whose hash is given: the first record of a journal.
    pub async fn begin(&mut self, plan: ContentHash) -> Result<(), BackendError> {
        self.plan = Some(plan);
        self.found()?;
        self.open_journal(plan)
    }

    /// Writes records to disk, in one piece, and merges them into the state. After an
    /// error nothing more may be sent: unless the lease is lost, the state is saved aside, these
    /// records included.
    ///
    /// # Panics
    /// If no apply was begun.
    pub async fn append(&mut self, records: &[Record]) -> Result<(), BackendError> {
        let plan = self.plan.expect("begin() comes before append()");
        for record in records {
            self.state
                .merge(record)
                .map_err(|source| BackendError::Fold {
                    path: self.held.shared.layout.journal.clone(),
                    source,
                })?;
        }
        self.append_merged(plan, records)
            .map_err(|error| self.held.rescue(self.state.clone(), self.base, error))
    }

    /// Stores the state as it is now and starts over with an empty journal. The serial moves if the
    /// content moved.
    pub async fn persist(&mut self) -> Result<(), BackendError> {
        self.store_and_clear()
    }

    /// Stores a changed state, without an apply: `state mv`, `import`.
    ///
    /// # Panics
    /// If an apply was begun.
    pub async fn replace(&mut self, change: impl FnOnce(&mut State)) -> Result<(), BackendError> {
        assert!(
            self.journal.is_none(),
            "an apply changes the state by records"
        );
        self.found()?;
        change(&mut self.state);
        self.store_and_clear()
    }

    /// Gives the lease back.
    pub async fn release(self) -> Result<(), BackendError> {
        self.held.shared.release(&self.held.ticket)
    }

    /// Stores the very first state, which gives the environment its lineage.
    fn found(&mut self) -> Result<(), BackendError> {
        if self.stamp.is_some() {
            return Ok(());
        }
        self.state.lineage = uuid::Uuid::new_v4().to_string();
        self.base = self.state.content_hash();
        self.stamp = self.held.store(&self.state, self.base, None)?;
        Ok(())
    }

    fn open_journal(&mut self, plan: ContentHash) -> Result<(), BackendError> {
        let layout = &self.held.shared.layout;
        let begin = Record::Begin {
            lineage: self.state.lineage.clone(),
            serial: self.state.serial,
            epoch: self.held.ticket.epoch,
            plan,
        };
        let mut journal = {
            let _guard = self.held.enter(self.stamp)?;
            JournalFile::create(&layout.journal, self.base)
                .map_err(BackendError::io("make", &layout.journal))?
        };
        let written = journal.write(&[begin]).and_then(|()| journal.sync());
        self.journal = Some(journal);
        written
            .and_then(|()| sync_folder(&layout.folder))
            .map_err(BackendError::io("write", &layout.journal))
    }

    fn append_merged(&mut self, plan: ContentHash, records: &[Record]) -> Result<(), BackendError> {
        if self.journal.is_none() {
            self.open_journal(plan)?;
        }
        let path: &PathBuf = &self.held.shared.layout.journal;
        let journal = self.journal.as_mut().expect("just opened");
        {
            let _guard = self.held.enter(self.stamp)?;
            if !journal
                .is_untouched(path)
                .map_err(BackendError::io("read", path))?
            {
                return Err(BackendError::Fenced {
                    reason: format!("{} was changed by somebody else", path.display()),
                });
            }
            journal
                .write(records)
                .map_err(BackendError::io("write", path))?;
        }
        journal.sync().map_err(BackendError::io("sync", path))
    }

    fn store_and_clear(&mut self) -> Result<(), BackendError> {
        let cleared = self.try_store_and_clear();
        cleared.map_err(|error| self.held.rescue(self.state.clone(), self.base, error))
    }

    fn try_store_and_clear(&mut self) -> Result<(), BackendError> {
        let (next, hash) = self.state.clone().next(self.base);
        if hash != self.base {
            self.stamp = self.held.store(&next, hash, self.stamp)?;
            (self.state, self.base) = (next, hash);
        }
        self.clear_journal()
    }

    fn clear_journal(&mut self) -> Result<(), BackendError> {
        let layout = &self.held.shared.layout;
        let _guard = self.held.enter(self.stamp)?;
        self.journal = None;
        remove_if_there(&layout.journal).map_err(BackendError::io("remove", &layout.journal))
    }
}
