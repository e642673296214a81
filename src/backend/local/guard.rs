//! The guard file, locked for the moment of each check-and-write (I/O).
//!
//! Nothing slow is done under it (new files are written and synced before, the folder after), so that
//! a process which is stopped at a random moment hardly ever stops here. flock(2) locks belong to the
//! open file and vanish with the process, kill -9 included.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::backend::BackendError;

/// How long to wait for the guard before giving up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The guard, held until dropped.
pub(super) struct Guard {
    _file: File,
}

impl Guard {
    /// Waits for the guard.
    pub(super) fn lock(path: &Path) -> Result<Self, BackendError> {
        let file = open(path)?;
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(BackendError::io("lock", path)(error.into())),
            }
            if start.elapsed() > PATIENCE {
                return Err(BackendError::GuardBusy {
                    path: path.to_owned(),
                    seconds: PATIENCE.as_secs(),
                });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

fn open(path: &Path) -> Result<File, BackendError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(BackendError::io("open", path))
}

/// Proves that locks and exclusive creation exclude in a folder; some network and user-space file
/// systems accept both and exclude nobody.
pub(super) fn prove_exclusion(folder: &Path) -> Result<(), BackendError> {
    let path = folder.join(format!(".probe.{}.tmp", uuid::Uuid::new_v4()));
    let result = probe(folder, &path);
    super::atomic::remove_if_there(&path).map_err(BackendError::io("remove", &path))?;
    result
}

fn probe(folder: &Path, path: &Path) -> Result<(), BackendError> {
    let not_exclusive = |reason| BackendError::NotExclusive {
        path: folder.to_owned(),
        reason,
    };
    let create = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    };
    let first = create().map_err(BackendError::io("create", path))?;
    if create().is_ok() {
        return Err(not_exclusive("a file was created twice (O_EXCL)"));
    }
    flock(&first, FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| BackendError::io("lock", path)(error.into()))?;
    let second = open(path)?;
    if flock(&second, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK) {
        return Err(not_exclusive("a file was locked twice (flock)"));
    }
    drop(first);
    flock(&second, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| not_exclusive("a lock outlived the file that held it (flock)"))
}
