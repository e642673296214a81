//! Keeps a bare copy of a remote repository in the user's cache. Does I/O: file system and network.
//!
//! A mirror holds the remote's branches and tags and every object that was ever fetched. Readers need
//! no lock: objects are only added, and names are replaced one by one. Fetches of one mirror exclude
//! each other with a lock on a file beside it, which the system releases when a process dies.
//!
//! libgit2 waits for a silent server without end, and its own time-outs can only be set by unsafe
//! code. So a fetch runs on a thread of its own; when nothing arrives for too long it is abandoned:
//! the lock is released, and the thread, should it ever wake up, stops before it writes a name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use git2::{
    AutotagOption, ErrorClass, ErrorCode, FetchOptions, ProxyOptions, RemoteCallbacks,
    RemoteRedirect, RemoteUpdateFlags, Repository, RepositoryInitOptions,
};
use tokio::sync::oneshot;

use crate::document::ContentHash;

use super::credentials::{Attempts, Credentials};
use super::error::{GitError, Libgit2Error};
use super::location::Remote;

/// All branches and tags, also those that were rewritten.
const REFSPECS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// When a fetch is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// How long nothing may arrive.
    pub stalled: Duration,
    /// How long the whole fetch may take.
    pub total: Duration,
    /// How many bytes may arrive.
    pub bytes: usize,
}

impl Default for FetchLimits {
    /// A minute of silence, 15 minutes and 4 GiB.
    fn default() -> Self {
        Self {
            stalled: Duration::from_mins(1),
            total: Duration::from_mins(15),
            bytes: 4 << 30,
        }
    }
}

/// Returns the folder of a remote's mirror below the folder of all mirrors.
pub(super) fn folder(mirrors: &Path, remote: &Remote) -> PathBuf {
    mirrors.join(ContentHash::of(remote.url().as_bytes()).hex())
}

/// Fetches a remote's branches and tags into its mirror, which is made where there is none.
pub(super) async fn fetch(
    remote: &Remote,
    credentials: &Credentials,
    folder: &Path,
    limits: FetchLimits,
) -> Result<(), GitError> {
    let lock = Arc::new(open_lock(folder)?);
    let watched = Arc::new(Watched::default());
    let (done, result) = oneshot::channel();
    let job = Job {
        remote: remote.clone(),
        credentials: credentials.clone(),
        folder: folder.to_owned(),
        lock: Arc::clone(&lock),
        watched: Arc::clone(&watched),
        bytes: limits.bytes,
    };
    // Not a task of the runtime: an abandoned one would keep the runtime from shutting down.
    std::thread::Builder::new()
        .name("git-fetch".into())
        .spawn(move || {
            // A failure to send only says that nobody waits any more.
            drop(done.send(job.run()));
        })
        .map_err(|source| cache_error(folder, source))?;
    let result = watch(result, &watched, limits, remote).await;
    if result.is_err() {
        watched.abandoned.store(true, Ordering::Relaxed);
        // The lock is held by the open file, which the abandoned thread shares.
        drop(lock.unlock());
    }
    result
}

/// What the fetching thread and its watcher share.
#[derive(Default)]
struct Watched {
    /// Grows with everything that happens.
    events: AtomicU64,
    abandoned: AtomicBool,
}

impl Watched {
    /// Notes an event and returns whether to go on.
    fn goes_on(&self) -> bool {
        self.events.fetch_add(1, Ordering::Relaxed);
        !self.abandoned.load(Ordering::Relaxed)
    }
}

/// Waits for the thread's result as long as something happens.
async fn watch(
    mut result: oneshot::Receiver<Result<(), GitError>>,
    watched: &Watched,
    limits: FetchLimits,
    remote: &Remote,
) -> Result<(), GitError> {
    let started = Instant::now();
    let timed_out = |limit| GitError::TimedOut {
        location: remote.url().to_owned(),
        limit,
    };
    let mut seen = watched.events.load(Ordering::Relaxed);
    loop {
        match tokio::time::timeout(limits.stalled, &mut result).await {
            Ok(Ok(result)) => return result,
            // The thread ended without a result: it panicked.
            Ok(Err(_)) => return Err(timed_out(limits.total)),
            Err(_) => {}
        }
        let now = watched.events.load(Ordering::Relaxed);
        if now == seen {
            return Err(timed_out(limits.stalled));
        }
        if started.elapsed() >= limits.total {
            return Err(timed_out(limits.total));
        }
        seen = now;
    }
}

/// One fetch, on its own thread.
struct Job {
    remote: Remote,
    credentials: Credentials,
    folder: PathBuf,
    lock: Arc<File>,
    watched: Arc<Watched>,
    bytes: usize,
}

impl Job {
    fn run(&self) -> Result<(), GitError> {
        self.lock
            .lock()
            .map_err(|source| cache_error(&self.folder, source))?;
        if !self.watched.goes_on() {
            return Ok(());
        }
        let mirror = self.open()?;
        let mut too_large = false;
        let result = self.transfer(&mirror, &mut too_large);
        // The watcher may have released it already, and a later fetch may hold it.
        if !self.watched.abandoned.load(Ordering::Relaxed) {
            drop(self.lock.unlock());
        }
        result.map_err(|error| self.told(error, too_large))
    }

    /// Opens the mirror, and makes it where it is absent or was left half-made.
    fn open(&self) -> Result<Repository, GitError> {
        let opened = Repository::open_bare(&self.folder);
        let mirror = match opened {
            Err(error) if error.code() == ErrorCode::NotFound => {
                let mut options = RepositoryInitOptions::new();
                options
                    .bare(true)
                    .external_template(false)
                    .initial_head("main");
                Repository::init_opts(&self.folder, &options)
            }
            opened => opened,
        }
        .map_err(|source| GitError::Open {
            location: self.folder.display().to_string(),
            source: Libgit2Error(source),
        })?;
        remove_stale_locks(&self.folder).map_err(|source| cache_error(&self.folder, source))?;
        Ok(mirror)
    }

    fn transfer(&self, mirror: &Repository, too_large: &mut bool) -> Result<(), git2::Error> {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks(Some(too_large)))
            .proxy_options(self.proxy())
            // Credentials go to the host that was asked for, and to no other. This is why the
            // connection is left to `download`: one that was made before follows redirects.
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::None);
        let mut remote = mirror.remote_anonymous(self.remote.url())?;
        remote.download(&REFSPECS, Some(&mut options))?;
        drop(options);
        // A remote without commits has no branch that is the default.
        let default_branch = remote.default_branch().ok();
        // Before the update: a branch `a` that is gone stands in the way of a new `a/b`.
        remote.prune(Some(self.callbacks(None)))?;
        remote.update_tips(
            Some(&mut self.callbacks(None)),
            RemoteUpdateFlags::empty(),
            AutotagOption::None,
            None,
        )?;
        if let Some(name) = default_branch.as_ref().and_then(|name| name.as_str().ok()) {
            mirror.set_head(name)?;
        }
        Ok(())
    }

    /// Callbacks that note every event, and end the fetch when it was abandoned or got too large.
    fn callbacks<'a>(&'a self, too_large: Option<&'a mut bool>) -> RemoteCallbacks<'a> {
        let mut attempts = Attempts::new(&self.remote, &self.credentials);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(move |_, _, allowed| attempts.next(allowed));
        callbacks.sideband_progress(|_| self.watched.goes_on());
        callbacks.update_tips(|_, _, _| self.watched.goes_on());
        if let Some(too_large) = too_large {
            callbacks.transfer_progress(move |progress| {
                *too_large = progress.received_bytes() > self.bytes;
                self.watched.goes_on() && !*too_large
            });
        }
        // No callback for certificates: libgit2 then asks the system's authorities for HTTPS and
        // ~/.ssh/known_hosts for SSH, and takes no host that they do not know.
        callbacks
    }

    fn proxy(&self) -> ProxyOptions<'static> {
        let mut options = ProxyOptions::new();
        if !self.remote.is_loopback() {
            options.auto();
        }
        options
    }

    fn told(&self, source: git2::Error, too_large: bool) -> GitError {
        let location = self.remote.url().to_owned();
        let (code, class) = (source.code(), source.class());
        let source = Libgit2Error(source);
        match (code, class) {
            _ if too_large => GitError::TooLarge {
                location,
                limit: self.bytes,
            },
            (ErrorCode::Auth, _) => GitError::Authentication { location, source },
            (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => {
                GitError::Untrusted { location, source }
            }
            _ => GitError::Fetch { location, source },
        }
    }
}

/// Opens the file that excludes other fetches. It lies beside the mirror, so that it exists before it.
fn open_lock(folder: &Path) -> Result<File, GitError> {
    let path = folder.with_extension("lock");
    let open = || {
        if let Some(mirrors) = folder.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(mirrors)?;
        }
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
    };
    open().map_err(|source| cache_error(&path, source))
}

/// Removes the lock files of a process that was killed while it wrote names: libgit2 would refuse to
/// write them ever again. Whoever holds the mirror's lock is alone, so none of them is in use.
fn remove_stale_locks(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.join("refs")];
    for name in ["HEAD.lock", "packed-refs.lock", "config.lock"] {
        remove(&folder.join(name))?;
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|e| e == "lock") {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn cache_error(path: &Path, source: io::Error) -> GitError {
    GitError::Cache {
        path: path.to_owned(),
        source,
    }
}
