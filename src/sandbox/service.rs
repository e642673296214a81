//! The life of a server beside the brokers, whichever it is: started, awaited, stopped. I/O.
//!
//! What differs from one to another, its command and when it is ready, each server's own module says.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::Progress;
use super::broker::last_lines;
use super::log::Tail;
use super::process::{self, Process, Stop};
use super::server::{self, Server};
use super::wait::wait;

/// Why a server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be started, or a file of the server not be used.
    #[error("cannot start {server}")]
    Start {
        /// Which one.
        server: Server,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The server ended while it was starting.
    #[error("{server} ended while it was starting; the end of {}:\n{tail}", log.display())]
    Died {
        /// Which one.
        server: Server,
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The server did not get ready in time.
    #[error("{server} was not ready after {} s; the end of {}:\n{tail}", waited.as_secs(), log.display())]
    NotReady {
        /// Which one.
        server: Server,
        /// How long it was waited for.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The server could not be stopped.
    #[error("cannot stop {server}")]
    Stop {
        /// Which one.
        server: Server,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Returns what makes an error of starting that server.
    pub(super) fn start(server: Server) -> impl Fn(io::Error) -> Self + Copy {
        move |source| Self::Start { server, source }
    }
}

/// Tells whether a server does what it is there for.
type Ready = Box<dyn Fn() -> io::Result<()>>;

/// A server that is to be started.
pub(super) struct Service {
    pub(super) server: Server,
    pub(super) command: Command,
    /// The log, to which it is appended.
    pub(super) log: PathBuf,
    /// Where it answers, for people.
    pub(super) address: String,
    pub(super) ready: Ready,
}

/// A server whose process has been started.
pub(super) struct Launched {
    pub(super) server: Server,
    pub(super) process: Process,
    log: PathBuf,
    /// From where in the log this start begins, in bytes.
    offset: u64,
    address: String,
    ready: Ready,
}

/// Starts a server's process.
pub(super) fn launch(service: Service) -> Result<Launched, Error> {
    let Service {
        server,
        mut command,
        log,
        address,
        ready,
    } = service;
    let start = Error::start(server);
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).map_err(start)?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(start)?;
    let offset = file.metadata().map_err(start)?.len();
    let process = Process::spawn_detached(&mut command, &file).map_err(start)?;
    Ok(Launched {
        server,
        process,
        log,
        offset,
        address,
        ready,
    })
}

/// Waits until every server is ready.
pub(super) fn wait_until_ready(
    pending: Vec<Launched>,
    timeout: Duration,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let is_ready = |launched: &mut Launched, waited| {
        let is_ready = launched.is_ready(waited, timeout)?;
        if is_ready {
            progress(&format!(
                "{} is ready on {}",
                launched.server, launched.address
            ));
        }
        Ok(is_ready)
    };
    let names = |pending: &[Launched]| {
        let servers: Vec<Server> = pending.iter().map(|launched| launched.server).collect();
        server::names(&servers)
    };
    wait(pending, progress, is_ready, names)
}

impl Launched {
    fn is_ready(&self, waited: Duration, timeout: Duration) -> Result<bool, Error> {
        // Asked before the log is read, so that the last lines of one that ended are seen.
        let running = self.process.is_running();
        // Only while it runs: another server may have taken the port of one that ended.
        if running && (self.ready)().is_ok() {
            return Ok(true);
        }
        if running && waited <= timeout {
            return Ok(false);
        }
        let (server, log) = (self.server, self.log.clone());
        let lines = Tail::starting_at(&log, self.offset).read();
        let tail = last_lines(&lines.unwrap_or_default().join("\n"), 20);
        Err(if running {
            Error::NotReady {
                server,
                waited,
                log,
                tail,
            }
        } else {
            Error::Died { server, log, tail }
        })
    }
}

/// Stops servers together and returns when they have ended.
pub(super) fn stop(servers: &[(Server, &Process)], how: Stop) -> Result<(), Error> {
    let failed = |at: usize, source| Error::Stop {
        server: servers[at].0,
        source,
    };
    for (at, (server, process)) in servers.iter().enumerate() {
        if *server == Server::Postgres && how == Stop::Gracefully {
            // What it does on SIGTERM is to wait until every client has gone.
            process
                .signal(Signal::INT)
                .map_err(|source| failed(at, source))?;
        }
    }
    let processes: Vec<&Process> = servers.iter().map(|&(_, process)| process).collect();
    process::stop(&processes, how).map_err(|(at, source)| failed(at, source))
}
