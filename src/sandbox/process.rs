//! Processes that outlive the command that started them: detached, known again safely, stopped. I/O.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde::{Deserialize, Serialize};

/// How long a server gets for an orderly shutdown before it is killed.
const GRACE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// How to stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// An orderly shutdown, and a kill where that takes more than 15 seconds.
    Gracefully,
    /// At once, as a crash would.
    Kill,
}

/// A process, told apart from a later one with the same id by when it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The process id.
    pub pid: u32,
    /// When it started, in the system's own terms; only ever compared.
    started: String,
}

impl Process {
    /// Starts a command in a process group of its own, without standard input, its output appended to `log`.
    pub(super) fn spawn_detached(command: &mut Command, log: &File) -> io::Result<Self> {
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .spawn()?;
        let pid = child.id();
        // Gone already: no later process can be taken for it, since no start is the empty one.
        let started = start_of(pid).unwrap_or_default();
        Ok(Self { pid, started })
    }

    /// Returns whether this very process still runs.
    pub fn is_running(&self) -> bool {
        // Reaps it where it is a child of this process; for any other the call fails, which is as well.
        let _ = self.id().map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        start_of(self.pid).is_some_and(|started| started == self.started)
    }

    /// Sends a signal, unless the process has ended.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(pid) = self.id().filter(|_| self.is_running()) else {
            return Ok(());
        };
        match kill_process(pid, signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            result => Ok(result?),
        }
    }

    fn id(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.pid).ok()?)
    }
}

/// Stops processes together and returns when they have ended, or which of them did not and why.
pub(super) fn stop(processes: &[&Process], how: Stop) -> Result<(), (usize, io::Error)> {
    let signal_all = |signal| {
        processes
            .iter()
            .enumerate()
            .try_for_each(|(at, process)| process.signal(signal).map_err(|error| (at, error)))
    };
    let running = || processes.iter().position(|process| process.is_running());
    let wait = || {
        let begin = Instant::now();
        loop {
            match running() {
                Some(at) if begin.elapsed() > GRACE => return Some(at),
                Some(_) => thread::sleep(POLL),
                None => return None,
            }
        }
    };
    if how == Stop::Gracefully {
        signal_all(Signal::TERM)?;
        if wait().is_none() {
            return Ok(());
        }
    }
    signal_all(Signal::KILL)?;
    match wait() {
        Some(at) => Err((at, io::ErrorKind::TimedOut.into())),
        None => Ok(()),
    }
}

/// Returns when the running process with that id started; `None` where there is none, or only a zombie.
fn start_of(pid: u32) -> Option<String> {
    if !fs::exists("/proc/self/stat").unwrap_or(false) {
        return start_by_ps(pid);
    }
    // Ticks count from boot, hence the boot's id: a record may be older than the machine's last start.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let ticks = start_ticks(&stat)?;
    Some(format!("{}+{ticks}", boot.trim()))
}

/// Reads the start time (field 22 of proc(5)'s `stat`) of a process that is neither zombie nor dead. A zombie whose
/// other threads (field 20) have not ended still has its sockets.
fn start_ticks(stat: &str) -> Option<&str> {
    // The second field is the program's name, which may hold spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let (state, threads, started) = (fields.first()?, fields.get(17)?, fields.get(19)?);
    let ended = match *state {
        "Z" => matches!(*threads, "0" | "1"),
        state => matches!(state, "X" | "x"),
    };
    (!ended).then_some(started)
}

/// The same on systems without `/proc`, such as macOS.
fn start_by_ps(pid: u32) -> Option<String> {
    let output = Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, started) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| started.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_is_known_and_an_ended_or_other_one_is_not() -> io::Result<()> {
        let log = tempfile::tempfile()?;
        let sleeper = Process::spawn_detached(Command::new("sleep").arg("60"), &log)?;
        assert!(sleeper.is_running());
        // The same id with another start is another process: it is neither seen nor killed.
        let recycled = Process {
            started: "another boot+1".to_owned(),
            ..sleeper.clone()
        };
        assert!(!recycled.is_running());
        recycled.signal(Signal::KILL)?;
        assert!(sleeper.is_running());
        sleeper.signal(Signal::KILL)?;
        while sleeper.is_running() {
            std::thread::yield_now();
        }
        sleeper.signal(Signal::KILL)?;
        Ok(())
    }

    #[test]
    fn the_start_is_read_unless_all_threads_have_ended() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2";
        assert_eq!(start_ticks(stat), Some("987654"));
        let zombie = stat.replace(" S ", " Z ");
        assert_eq!(start_ticks(&zombie), None);
        let with_threads = zombie.replace(" 20 0 1 ", " 20 0 2 ");
        assert_eq!(start_ticks(&with_threads), Some("987654"));
    }
}
