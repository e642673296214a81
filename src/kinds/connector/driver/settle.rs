//! Waits until connectors are in the state that they were brought to (I/O).
//!
//! A batch has one board of statuses for all of its connectors: who waits reads it, and it is filled again when
//! somebody needs a newer one.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::clients::connect::{Client, ConnectError, Connector, Status};
use crate::kinds::connector::{Failed, Target};

use super::look;

/// How old a status on the board may be.
const FRESH: Duration = Duration::from_millis(200);
/// How many connectors are asked for one by one rather than all at once.
const FEW: usize = 4;

/// The statuses of a batch's connectors.
#[derive(Debug)]
pub(super) struct Board {
    client: Client,
    one_by_one: bool,
    seen: Mutex<Option<(Instant, BTreeMap<String, Connector>)>>,
}

impl Board {
    pub(super) fn new(client: Client, waiting: usize) -> Self {
        Self {
            client,
            one_by_one: waiting <= FEW,
            seen: Mutex::new(None),
        }
    }

    /// Returns a connector's status; `None` where it is not known yet.
    pub(super) async fn status(&self, name: &str) -> Result<Option<Status>, ConnectError> {
        if self.one_by_one {
            return self.client.status(name).await;
        }
        let mut seen = self.seen.lock().await;
        let is_fresh = seen.as_ref().is_some_and(|(at, _)| at.elapsed() < FRESH);
        if !is_fresh {
            let at = Instant::now();
            *seen = Some((at, self.client.connectors().await?));
        }
        let found = seen.as_ref().and_then(|(_, all)| all.get(name));
        Ok(found.and_then(|connector| connector.status.clone()))
    }
}

/// How far a connector is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It is there. One that runs may have no tasks yet, or none at all; one that was stopped and is paused
    /// gets them only when it runs.
    There {
        /// Whether it has tasks, or needs none.
        with_tasks: bool,
    },
    /// Parts of it failed.
    Failed(Vec<Failed>),
    /// It is not there yet, and what is missing.
    Under(String),
}

/// Returns how far a connector is from a state. It is judged by its tasks, too.
pub(super) fn way(status: Option<&Status>, target: Target) -> Way {
    let Some(status) = status else {
        return Way::Under("its status is not known yet".to_owned());
    };
    let failed = look::failed(status);
    let own = &status.connector.state;
    // One that failed can be stopped; it is paused only once it was restarted.
    let is_stuck = target == Target::Paused && own == "FAILED";
    if (target == Target::Running || is_stuck) && !failed.is_empty() {
        return Way::Failed(failed);
    }
    if own != target.word() {
        return Way::Under(format!("it is {}", or_unknown(own)));
    }
    let is_off = |state: &str| match target {
        Target::Running => state != "RUNNING",
        // A task that failed stays so until it is restarted.
        Target::Paused => !matches!(state, "PAUSED" | "FAILED"),
        Target::Stopped => true,
    };
    match status.tasks.iter().find(|task| is_off(&task.state)) {
        Some(task) => Way::Under(format!("task {} is {}", task.id, or_unknown(&task.state))),
        None => Way::There {
            with_tasks: target != Target::Running || !status.tasks.is_empty(),
        },
    }
}

fn or_unknown(state: &str) -> &str {
    if state.is_empty() { "UNKNOWN" } else { state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::connect::Part;

    fn status(own: &str, tasks: &[&str]) -> Status {
        let part = |state: &&str| Part {
            state: (*state).to_owned(),
            ..Part::default()
        };
        Status {
            connector: part(&own),
            tasks: tasks.iter().map(part).collect(),
        }
    }

    #[test]
    fn a_state_is_reached_by_the_tasks_too() {
        use Target::{Paused, Running, Stopped};
        let there = |own, tasks: &[&str], target| {
            matches!(way(Some(&status(own, tasks)), target), Way::There { .. })
        };
        assert!(there("RUNNING", &["RUNNING"], Running));
        assert!(!there("RUNNING", &["RUNNING", "UNASSIGNED"], Running));
        assert!(!there("UNASSIGNED", &["RUNNING"], Running));
        assert!(!there("STOPPED", &["RUNNING"], Stopped));
        assert!(there("STOPPED", &[], Stopped));
        assert!(there("PAUSED", &["PAUSED", "FAILED"], Paused));
        assert!(!there("PAUSED", &["RUNNING"], Paused));
        assert!(matches!(way(None, Running), Way::Under(_)));
    }

    #[test]
    fn what_failed_counts_where_it_is_to_run() {
        let failed = status("RUNNING", &["FAILED"]);
        assert!(matches!(
            way(Some(&failed), Target::Running),
            Way::Failed(_)
        ));
        assert!(matches!(way(Some(&failed), Target::Stopped), Way::Under(_)));
        let stuck = status("FAILED", &[]);
        assert!(matches!(way(Some(&stuck), Target::Paused), Way::Failed(_)));
        assert!(matches!(way(Some(&stuck), Target::Stopped), Way::Under(_)));
        let empty = way(Some(&status("RUNNING", &[])), Target::Running);
        assert_eq!(empty, Way::There { with_tasks: false });
    }
}
