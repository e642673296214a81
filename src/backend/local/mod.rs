//! The local backend: an environment's state and lease in a folder (I/O).
//!
//! Start reading at [`LocalBackend::read`] and [`Writer`]. What is in the folder: `layout.rs`.
//!
//! The functions are async because other backends' will be; these files are small, and a call blocks
//! for a write and its fsync, not longer. Only [`LocalBackend::acquire`] waits, and does so asleep.
//!
//! # Crashes
//! State is stored in the order: copy in the history, `state.json`, removal of the journal. Killed
//! after the first step, the copy lies aside and means nothing; after the second, the journal names
//! an older serial and is void; at no moment is the journal gone before what it says is stored.

#![expect(
    clippy::unused_async,
    reason = "the methods are shaped as those of backends that do wait"
)]

mod atomic;
mod clock;
mod guard;
mod history;
mod journal;
mod layout;
mod lease;
mod load;
mod push;
mod writer;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::address::EnvironmentName;

use super::lease::{Holder, LeaseRequest};
use super::{BackendError, Snapshot};

pub use self::atomic::write_private;
pub use history::{ChainFault, HistoryContent, HistoryEntry, Verification};
pub use push::Pushed;
pub use writer::Writer;

use clock::{Machine, RealMachine};
use layout::Layout;

/// How long a lease lasts without being renewed.
pub const LEASE_TTL: Duration = Duration::from_secs(30);

/// The first and the longest pause between two looks at somebody else's lease.
const POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(16));

/// One environment's state and lease in a folder.
#[derive(Clone)]
pub struct LocalBackend {
    shared: Arc<Shared>,
}

/// What the backend and its writers share.
struct Shared {
    environment: EnvironmentName,
    layout: Layout,
    ttl: Duration,
    rescue: Vec<PathBuf>,
    machine: Box<dyn Machine>,
}

impl LocalBackend {
    /// Returns the backend of an environment below `root`; does no I/O on the folder.
    ///
    /// `rescue` are the folders in which a state that cannot be stored is saved, best first, after
    /// the environment's own.
    pub fn new(root: &Path, environment: EnvironmentName, rescue: Vec<PathBuf>) -> Self {
        Self::on_machine(
            root,
            environment,
            rescue,
            LEASE_TTL,
            Box::new(RealMachine::new()),
        )
    }

    /// Returns the same backend with leases of another duration.
    #[must_use]
    pub fn with_lease_ttl(&self, ttl: Duration) -> Self {
        let Shared {
            environment,
            layout,
            ttl: _,
            rescue,
            machine: _,
        } = &*self.shared;
        Self {
            shared: Arc::new(Shared {
                environment: environment.clone(),
                layout: layout.clone(),
                ttl,
                rescue: rescue.clone(),
                machine: Box::new(RealMachine::new()),
            }),
        }
    }

    fn on_machine(
        root: &Path,
        environment: EnvironmentName,
        rescue: Vec<PathBuf>,
        ttl: Duration,
        machine: Box<dyn Machine>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                layout: Layout::new(root, &environment),
                environment,
                ttl,
                rescue,
                machine,
            }),
        }
    }

    /// Returns the environment's folder.
    pub fn folder(&self) -> &Path {
        &self.shared.layout.folder
    }

    /// Makes the environment's folder if needed and proves that locks exclude there.
    pub async fn init(&self) -> Result<(), BackendError> {
        self.shared.init()
    }

    /// Reads the state with the journal folded in, without a lease and without waiting for one.
    pub async fn read(&self) -> Result<Snapshot, BackendError> {
        self.shared.read()
    }

    /// Reads the state file's bytes as they are, verified; `None` if nothing was ever stored. What a
    /// journal says is not in them.
    pub async fn pull(&self) -> Result<Option<Vec<u8>>, BackendError> {
        self.shared.pull()
    }

    /// Takes the lease, waiting for it as long as the request says, and stores what an apply that
    /// was killed left in its journal.
    pub async fn acquire(&self, request: &LeaseRequest) -> Result<Writer, BackendError> {
        Writer::open(self.take_lease(request).await?)
    }

    async fn take_lease(&self, request: &LeaseRequest) -> Result<writer::Held, BackendError> {
        self.shared.init()?;
        let start = tokio::time::Instant::now();
        let (mut pause, longest) = POLL;
        loop {
            let holder = match self.shared.try_acquire(request)? {
                Ok((ticket, holder)) => {
                    atomic::sweep(&self.shared.layout.folder);
                    atomic::sweep(&self.shared.layout.history);
                    return writer::Held::new(Arc::clone(&self.shared), ticket, holder);
                }
                Err(holder) => holder,
            };
            let left = request.wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(BackendError::LeaseHeld {
                    environment: self.shared.environment.clone(),
                    holder: Box::new(holder),
                });
            }
            tracing::info!(environment = %self.shared.environment, %holder, "waiting for the lease");
            // A lease that is about to run out is looked at right then.
            let rest = holder.remaining(&self.shared.machine.now()) + Duration::from_millis(10);
            tokio::time::sleep(pause.min(rest).min(left)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Returns who holds the lease now.
    pub async fn holder(&self) -> Result<Option<Holder>, BackendError> {
        self.shared.holder()
    }

    /// Takes the lease `id` from its holder, whose next write is refused; `who` is written down.
    pub async fn break_lease(&self, id: &str, who: &str) -> Result<Holder, BackendError> {
        let holder = self.shared.break_lease(id)?;
        tracing::warn!(environment = %self.shared.environment, %holder, who, "the lease was broken");
        self.shared.log_unlock(&holder, who)?;
        Ok(holder)
    }

    /// Lists the states that were ever stored, oldest first.
    pub async fn history(&self) -> Result<Vec<HistoryEntry>, BackendError> {
        let folder = &self.shared.layout.history;
        history::list(folder).map_err(BackendError::io("list", folder))
    }

    /// Walks the chain from the stored state back to the first one; `None` if nothing was ever stored.
    pub async fn verify(&self) -> Result<Option<Verification>, BackendError> {
        let Some(stored) = self.shared.load_stored()? else {
            return Ok(None);
        };
        let entries = self.history().await?;
        Ok(Some(history::verify(&stored.state, &entries)))
    }
}

impl Shared {
    fn init(&self) -> Result<(), BackendError> {
        let Layout {
            folder, history, ..
        } = &self.layout;
        let is_new = !folder.is_dir();
        atomic::create_folder(history).map_err(BackendError::io("make", history))?;
        guard::prove_exclusion(folder)?;
        if is_new && let Some(root) = folder.parent() {
            atomic::sync_folder(root).map_err(BackendError::io("sync", root))?;
        }
        Ok(())
    }

    fn log_unlock(&self, holder: &Holder, who: &str) -> Result<(), BackendError> {
        let path = &self.layout.unlocks;
        let entry = serde_json::json!({
            "at": self.machine.now().wall,
            "by": who,
            "lease": holder,
        });
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{entry}\n").as_bytes()))
            .map_err(BackendError::io("write", path))
    }
}

#[cfg(test)]
mod tests;
