//! The clocks and the processes that leases look at (I/O). Linux.

use std::fs;

use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use rustix::time::{ClockId, clock_gettime};

use crate::backend::lease::{Moment, Process};

/// What a lease needs to know of the machine; tests turn its clock themselves.
pub(super) trait Machine: Send + Sync {
    /// Returns the time by both clocks.
    fn now(&self) -> Moment;
    /// Returns the namespace in which process numbers count, where known.
    fn namespace(&self) -> Option<&str>;
    /// Whether a process of this boot and namespace is alive.
    fn is_alive(&self, process: &Process) -> bool;
}

/// The machine that we run on.
#[derive(Debug)]
pub(super) struct RealMachine {
    boot: String,
    namespace: Option<String>,
}

impl RealMachine {
    pub(super) fn new() -> Self {
        Self {
            boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default(),
            namespace: fs::read_link("/proc/self/ns/pid")
                .ok()
                .map(|link| link.to_string_lossy().into_owned()),
        }
    }
}

impl Machine for RealMachine {
    fn now(&self) -> Moment {
        let since_boot = clock_gettime(ClockId::Boottime);
        let milliseconds = since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1_000_000;
        Moment {
            boot: self.boot.clone(),
            since_boot_ms: u64::try_from(milliseconds).unwrap_or_default(),
            wall: Timestamp::now().to_string(),
        }
    }

    fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    fn is_alive(&self, process: &Process) -> bool {
        match Stat::read(process.pid) {
            Some(stat) => {
                !stat.is_dead && process.started.is_none_or(|start| start == stat.started)
            }
            // A mount option of /proc may hide the processes of others.
            None => i32::try_from(process.pid)
                .ok()
                .and_then(Pid::from_raw)
                .is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH)),
        }
    }
}

/// Returns this process, as others can tell it.
pub(super) fn this_process(machine: &dyn Machine) -> Process {
    let pid = std::process::id();
    Process {
        pid,
        started: Stat::read(pid).map(|stat| stat.started),
        namespace: machine.namespace().map(str::to_owned),
    }
}

/// Returns the machine's name.
pub(super) fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// What `/proc/<pid>/stat` says (`proc_pid_stat(5)`).
struct Stat {
    is_dead: bool,
    started: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // Field 2, the program's name in parentheses, may hold anything, `)` included.
        let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
        let state = fields.next()?; // field 3
        let started = fields.nth(18)?.parse().ok()?; // field 22
        Some(Self {
            // A killed process whose parent has not looked yet is a zombie: it writes no more.
            is_dead: matches!(state, "Z" | "X" | "x"),
            started,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_of_another_start_is_not() {
        let machine = RealMachine::new();
        let this = this_process(&machine);
        assert!(machine.is_alive(&this));
        let reused = Process {
            started: this.started.map(|start| start - 1),
            ..this
        };
        assert!(!machine.is_alive(&reused));
    }

    #[test]
    fn a_zombie_is_dead() {
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("/bin/true");
        let process = Process {
            pid: child.id(),
            started: None,
            namespace: None,
        };
        let machine = RealMachine::new();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while machine.is_alive(&process) && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(!machine.is_alive(&process));
        child.wait().expect("our child");
    }

    #[test]
    fn a_program_s_name_may_hold_anything() {
        let stat = "7 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        let stat = Stat::parse(stat).expect("complete");
        assert_eq!((stat.is_dead, stat.started), (false, 4242));
    }
}
