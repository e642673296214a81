//! The lease file and the heartbeat that keeps a lease (I/O).

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::backend::BackendError;
use crate::backend::lease::{Holder, LeaseFile, LeaseRequest};

use super::Shared;
use super::atomic::{Durability, Staged, read_if_there, sync_folder};
use super::clock::{host, this_process};
use super::guard::Guard;

/// What a holder shows at each write: its lease's id and epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) id: String,
    pub(super) epoch: u64,
}

/// Reads the lease file; one that is not there is held by nobody and starts at epoch 0.
pub(super) fn read(path: &Path) -> Result<LeaseFile, BackendError> {
    let Some(bytes) = read_if_there(path).map_err(BackendError::io("read", path))? else {
        return Ok(LeaseFile::default());
    };
    serde_json::from_slice(&bytes).map_err(|source| BackendError::LeaseDamaged {
        path: path.to_owned(),
        source,
    })
}

/// Writes the lease file; the caller holds the guard.
fn write(path: &Path, lease: &LeaseFile, durability: Durability) -> Result<(), BackendError> {
    let mut bytes = serde_json::to_vec_pretty(lease).expect("text keys, finite numbers");
    bytes.push(b'\n');
    Staged::write(path, &bytes, durability)
        .and_then(Staged::commit)
        .map_err(BackendError::io("write", path))
}

impl Shared {
    /// Returns who holds the lease now.
    pub(super) fn holder(&self) -> Result<Option<Holder>, BackendError> {
        let file = read(&self.layout.lease)?;
        Ok(self.live(&file).cloned())
    }

    fn live<'a>(&self, file: &'a LeaseFile) -> Option<&'a Holder> {
        let machine = &*self.machine;
        file.live_holder(&machine.now(), machine.namespace(), |process| {
            machine.is_alive(process)
        })
    }

    /// Takes the lease if nobody holds it; else says who does.
    pub(super) fn try_acquire(
        &self,
        request: &LeaseRequest,
    ) -> Result<Result<(Ticket, Holder), Holder>, BackendError> {
        let _guard = Guard::lock(&self.layout.guard)?;
        let file = read(&self.layout.lease)?;
        if let Some(holder) = self.live(&file) {
            return Ok(Err(holder.clone()));
        }
        let now = self.machine.now();
        let holder = Holder {
            id: uuid::Uuid::new_v4().to_string(),
            operation: request.operation.clone(),
            who: request.who.clone(),
            commit: request.commit.clone(),
            host: host(),
            process: this_process(&*self.machine),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            since: now.wall.clone(),
            renewed: now,
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
        };
        let ticket = Ticket {
            id: holder.id.clone(),
            epoch: file.epoch + 1,
        };
        let taken = LeaseFile {
            epoch: ticket.epoch,
            holder: Some(holder.clone()),
        };
        // The epoch must not go back after a power cut.
        write(&self.layout.lease, &taken, Durability::Disk)?;
        sync_folder(&self.layout.folder).map_err(BackendError::io("sync", &self.layout.folder))?;
        Ok(Ok((ticket, holder)))
    }

    /// Checks that a lease is still good; the caller holds the guard.
    pub(super) fn check_lease(&self, ticket: &Ticket) -> Result<LeaseFile, BackendError> {
        let file = read(&self.layout.lease)?;
        file.check(&ticket.id, ticket.epoch, &self.machine.now())
            .map_err(|reason| BackendError::Fenced { reason })?;
        Ok(file)
    }

    /// Renews a lease that is still good.
    pub(super) fn renew(&self, ticket: &Ticket) -> Result<(), BackendError> {
        let _guard = Guard::lock(&self.layout.guard)?;
        let mut file = self.check_lease(ticket)?;
        if let Some(holder) = &mut file.holder {
            holder.renewed = self.machine.now();
        }
        write(&self.layout.lease, &file, Durability::Memory)
    }

    /// Gives a lease back, if it is still ours.
    pub(super) fn release(&self, ticket: &Ticket) -> Result<(), BackendError> {
        let _guard = Guard::lock(&self.layout.guard)?;
        let mut file = read(&self.layout.lease)?;
        let ours = file.epoch == ticket.epoch
            && file
                .holder
                .as_ref()
                .is_some_and(|holder| holder.id == ticket.id);
        if !ours {
            return Ok(());
        }
        file.holder = None;
        write(&self.layout.lease, &file, Durability::Memory)
    }

    /// Takes the lease `id` from its holder, whoever that is.
    pub(super) fn break_lease(&self, id: &str) -> Result<Holder, BackendError> {
        if !self.layout.folder.is_dir() {
            return Err(BackendError::NoSuchLease {
                id: id.to_owned(),
                environment: self.environment.clone(),
                holder: None,
            });
        }
        let _guard = Guard::lock(&self.layout.guard)?;
        let file = read(&self.layout.lease)?;
        let holder = match file.holder {
            Some(holder) if holder.id == id => holder,
            other => {
                return Err(BackendError::NoSuchLease {
                    id: id.to_owned(),
                    environment: self.environment.clone(),
                    holder: other.map(Box::new),
                });
            }
        };
        let free = LeaseFile {
            epoch: file.epoch + 1,
            holder: None,
        };
        write(&self.layout.lease, &free, Durability::Disk)?;
        Ok(holder)
    }
}

/// Renews a lease in the background, from a thread of its own: a busy or blocked runtime must not
/// cost the lease.
pub(super) struct Heartbeat {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    lost: watch::Receiver<bool>,
}

impl Heartbeat {
    pub(super) fn start(shared: Arc<Shared>, ticket: Ticket) -> Result<Self, BackendError> {
        let (stop, stopped) = mpsc::channel();
        let (tell, lost) = watch::channel(false);
        let folder = shared.layout.folder.clone();
        let thread = std::thread::Builder::new()
            .name("lease".into())
            .spawn(move || beat(&shared, &ticket, &stopped, &tell))
            .map_err(BackendError::io("start the heartbeat of", &folder))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
            lost,
        })
    }

    /// Returns a channel that turns true when the lease is lost.
    pub(super) fn lost(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread ends at once; it does not panic, and its result is empty.
            drop(thread.join());
        }
    }
}

/// Renews three times in the lease's time; after a failure sooner, until the lease ran out.
fn beat(
    shared: &Shared,
    ticket: &Ticket,
    stopped: &mpsc::Receiver<()>,
    tell: &watch::Sender<bool>,
) {
    let mut pause = shared.ttl / 3;
    let mut renewed = Instant::now();
    loop {
        match stopped.recv_timeout(pause.max(Duration::from_millis(1))) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
        pause = match shared.renew(ticket) {
            Ok(()) => {
                renewed = Instant::now();
                shared.ttl / 3
            }
            Err(error)
                if matches!(error, BackendError::Fenced { .. })
                    || renewed.elapsed() > shared.ttl =>
            {
                tracing::error!(environment = %shared.environment, %error, "the lease is lost");
                tell.send_replace(true);
                return;
            }
            Err(error) => {
                tracing::warn!(environment = %shared.environment, %error, "the lease was not renewed");
                shared.ttl / 15
            }
        };
    }
}
