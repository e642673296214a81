//! The lease: who may write, until when, and when a lease counts as lost. Decides on values; no I/O.
//!
//! # Time
//! A lease says when it was renewed by two clocks. On the same boot of the same kernel (containers
//! of one machine share it) the time since boot decides, sleep included: no jump of the wall clock
//! ends a lease early or late. Elsewhere, on a folder shared between machines, only the wall clock is
//! common; it decides with [`SKEW`] on top. A clock that is further off could end a live lease early;
//! the epoch still keeps two writers apart.
//!
//! # A dead holder
//! Where a holder's process can be seen (same boot, same process namespace) and is gone, its lease is
//! free at once: a killed CI job blocks nobody. The process is known by its number *and* its start
//! time, so that a new process with an old number is not taken for the holder.
//!
//! # A late holder
//! A lease that ran out is never renewed or written with, even if nobody else took it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// By how much the wall clocks of two machines may differ.
pub const SKEW: Duration = Duration::from_mins(1);

/// What a holder says about itself, and how long it would wait.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// The command: `apply`, `state mv`.
    pub operation: String,
    /// Who asks: a user's name, a CI job's URL.
    pub who: String,
    /// The git commit that is applied.
    pub commit: Option<String>,
    /// How long to wait for somebody else's lease; zero for not at all.
    pub wait: Duration,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The lease's id: what `state unlock` takes.
    pub id: String,
    /// The command.
    pub operation: String,
    /// Who asked.
    pub who: String,
    /// The git commit that is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub process: Process,
    /// The program's version.
    pub tool: String,
    /// When it was taken: RFC 3339.
    pub since: String,
    /// When it was renewed last.
    pub renewed: Moment,
    /// How long it lasts without renewal, in milliseconds.
    pub ttl_ms: u64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} by {} on {} (process {}) since {}",
            self.operation, self.who, self.host, self.process.pid, self.since
        )?;
        match &self.commit {
            Some(commit) => write!(f, ", commit {commit}"),
            None => Ok(()),
        }
    }
}

/// A process, as others can tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its start in clock ticks since boot, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<u64>,
    /// The namespace in which its number counts, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A moment by both clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// The boot, a random id of the kernel's; empty where unknown.
    pub boot: String,
    /// Milliseconds since boot, sleep included.
    pub since_boot_ms: u64,
    /// The wall clock, RFC 3339.
    pub wall: String,
}

impl Moment {
    fn same_boot(&self, other: &Self) -> bool {
        !self.boot.is_empty() && self.boot == other.boot
    }
}

/// The lease file: the epoch outlives the holder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaseFile {
    /// Grows with each holder and each break; never goes back.
    pub(super) epoch: u64,
    /// Who holds it.
    pub(super) holder: Option<Holder>,
}

impl LeaseFile {
    /// Returns who holds the lease at `now`, given a way to see whether a process is alive.
    pub(super) fn live_holder(
        &self,
        now: &Moment,
        namespace: Option<&str>,
        is_alive: impl Fn(&Process) -> bool,
    ) -> Option<&Holder> {
        let holder = self.holder.as_ref()?;
        let visible = holder.renewed.same_boot(now)
            && namespace.is_some()
            && holder.process.namespace.as_deref() == namespace;
        let gone = visible && !is_alive(&holder.process);
        (!gone && !holder.remaining(now).is_zero()).then_some(holder)
    }

    /// Checks that the lease `id` of `epoch` is held and has not run out; says why not.
    pub(super) fn check(&self, id: &str, epoch: u64, now: &Moment) -> Result<(), String> {
        match &self.holder {
            Some(holder) if holder.id == id && self.epoch == epoch => {
                if holder.remaining(now).is_zero() {
                    return Err(format!(
                        "our lease ran out: it was renewed last at {}",
                        holder.renewed.wall
                    ));
                }
                Ok(())
            }
            Some(holder) => Err(format!("the lease went to another: {holder}")),
            None => Err("the lease was taken from us".into()),
        }
    }
}

impl Holder {
    /// Returns how long the lease still lasts at `now`; zero once it ran out.
    pub(super) fn remaining(&self, now: &Moment) -> Duration {
        let ttl = Duration::from_millis(self.ttl_ms);
        if self.renewed.same_boot(now) {
            let age = now.since_boot_ms.saturating_sub(self.renewed.since_boot_ms);
            return ttl.saturating_sub(Duration::from_millis(age));
        }
        let (Ok(renewed), Ok(now)) = (
            self.renewed.wall.parse::<Timestamp>(),
            now.wall.parse::<Timestamp>(),
        ) else {
            return ttl;
        };
        // A renewal in the future is a clock that is off: the lease counts as just renewed.
        let age = Duration::try_from(now.duration_since(renewed)).unwrap_or_default();
        (ttl + SKEW).saturating_sub(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(boot: &str, since_boot_ms: u64, wall_s: i64) -> Moment {
        Moment {
            boot: boot.into(),
            since_boot_ms,
            wall: Timestamp::from_second(wall_s)
                .expect("in range")
                .to_string(),
        }
    }

    fn held(renewed: Moment) -> LeaseFile {
        LeaseFile {
            epoch: 3,
            holder: Some(Holder {
                id: "one".into(),
                operation: "apply".into(),
                who: "root".into(),
                commit: None,
                host: "ci-1".into(),
                process: Process {
                    pid: 7,
                    started: Some(5),
                    namespace: Some("pid:[1]".into()),
                },
                tool: "0.1.0".into(),
                since: "2026-01-01T00:00:00Z".into(),
                renewed,
                ttl_ms: 30_000,
            }),
        }
    }

    fn is_held(file: &LeaseFile, now: &Moment, namespace: Option<&str>, alive: bool) -> bool {
        file.live_holder(now, namespace, |_| alive).is_some()
    }

    #[test]
    fn time_since_boot_decides_on_one_machine_whatever_the_wall_clock_says() {
        let file = held(moment("b", 1_000, 1_000));
        let ns = Some("pid:[1]");
        assert!(is_held(&file, &moment("b", 30_999, 900_000), ns, true));
        assert!(!is_held(&file, &moment("b", 31_000, 0), ns, true));
    }

    #[test]
    fn the_wall_clock_with_a_margin_decides_between_machines() {
        let file = held(moment("b", 1_000, 1_000));
        let ns = Some("pid:[1]");
        assert!(is_held(&file, &moment("c", 999_999, 1_089), ns, false));
        assert!(!is_held(&file, &moment("c", 0, 1_090), ns, false));
        // A holder whose clock is ahead holds on.
        assert!(is_held(&file, &moment("c", 0, 10), ns, false));
    }

    #[test]
    fn a_dead_process_frees_the_lease_only_where_it_can_be_seen() {
        let file = held(moment("b", 1_000, 1_000));
        let now = moment("b", 1_001, 1_000);
        assert!(!is_held(&file, &now, Some("pid:[1]"), false));
        assert!(is_held(&file, &now, Some("pid:[2]"), false));
        assert!(is_held(&file, &now, None, false));
    }

    #[test]
    fn a_late_holder_is_refused_with_the_reason() {
        let file = held(moment("b", 1_000, 1_000));
        let check = |id, epoch, at| file.check(id, epoch, &moment("b", at, 1_000));
        assert_eq!(check("one", 3, 2_000), Ok(()));
        insta::assert_snapshot!(check("one", 3, 31_000).expect_err("refused"), @"our lease ran out: it was renewed last at 1970-01-01T00:16:40Z");
        insta::assert_snapshot!(check("two", 3, 2_000).expect_err("refused"), @"the lease went to another: apply by root on ci-1 (process 7) since 2026-01-01T00:00:00Z");
        assert!(check("one", 2, 2_000).is_err());
        insta::assert_snapshot!(LeaseFile::default().check("one", 0, &moment("b", 0, 0)).expect_err("refused"), @"the lease was taken from us");
    }
}
