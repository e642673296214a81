//! How a job does: every part runs, checkpoints are completed, nothing is restarted, its group keeps up. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kinds::health::lag::{self, CONSUMER_COMMITS, Rule};
use crate::kinds::health::{Health, Look};
use crate::kinds::quantity::{count, share, span};

use super::spec::{JobSpec, WantedState};

/// How many checkpoints may be missed before that is a symptom.
const MISSED: u64 = 3;
/// The least time after which a checkpoint is missed, in milliseconds: jobs with an interval of a second are
/// not unwell after three.
const LEAST_PATIENCE: u64 = 60_000;

/// One look at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobVitals {
    /// How it is, in the engine's word.
    pub state: String,
    /// Whether it runs or is on its way.
    pub active: bool,
    /// How many parts it has.
    pub parts: u64,
    /// How many of them run wholly, or have come to the end of their input while others run.
    pub running: u64,
    /// How often it was restarted since its start.
    pub restarts: u64,
    /// Its checkpoints; absent where it begins none by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointVitals>,
    /// Why it last failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// One look at a job's checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointVitals {
    /// How many were completed since its start.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
    /// How long ago the newest one was begun, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How often one is begun, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
}

/// See [`Kind::judge`](crate::kinds::Kind::judge).
pub(super) fn judge(spec: &JobSpec, looks: &[Look<JobVitals>]) -> Health {
    let mut health = Health::new();
    if spec.state == WantedState::Suspended {
        health.note("it is suspended");
        return health;
    }
    let Some(look) = looks.last() else {
        return health;
    };
    let Some(vitals) = &look.vitals else {
        return Health::missing();
    };
    state(&mut health, vitals);
    restarts(&mut health, vitals, looks);
    checkpoints(&mut health, vitals, spec);
    if let Some(group) = &spec.group {
        let interval = vitals.checkpoints.and_then(|found| found.interval_ms);
        // A job commits its offsets with its checkpoints.
        let interval = Duration::from_millis(interval.unwrap_or(0));
        let rule = Rule {
            max_lag: spec.healthy.max_lag,
            patience: spec.healthy.patience(interval.max(CONSUMER_COMMITS)),
        };
        lag::judge(&mut health, group, looks, rule);
    }
    health
}

fn because(vitals: &JobVitals) -> String {
    match &vitals.cause {
        Some(cause) => format!(": {cause}"),
        None => String::new(),
    }
}

fn state(health: &mut Health, vitals: &JobVitals) {
    let parts = share(vitals.running, vitals.parts, "part");
    health.measure(
        "state",
        &*vitals.state,
        format!("{}, {parts} running", vitals.state),
    );
    if !vitals.active {
        health.unhealthy(format!("it is {}{}", vitals.state, because(vitals)));
    } else if vitals.parts == 0 || vitals.running < vitals.parts {
        health.progressing(format!("{parts} running ({})", vitals.state));
    }
}

fn restarts(health: &mut Health, vitals: &JobVitals, looks: &[Look<JobVitals>]) {
    if vitals.restarts == 0 {
        return;
    }
    let times = count(vitals.restarts, "restart");
    health.measure("restarts", vitals.restarts, times.clone());
    let first = looks.iter().find_map(|look| look.vitals.as_ref());
    if first.is_some_and(|first| first.restarts < vitals.restarts) {
        health.unhealthy(format!("it is being restarted{}", because(vitals)));
    } else {
        health.note(format!("{times} since its start{}", because(vitals)));
    }
}

fn checkpoints(health: &mut Health, vitals: &JobVitals, spec: &JobSpec) {
    let Some(found) = vitals.checkpoints else {
        if spec.healthy.checkpoints.is_some_and(|wanted| wanted > 0) {
            health
                .unhealthy("it makes no checkpoints: execution.checkpointing.interval is not set");
        }
        return;
    };
    let text = match found.age_ms {
        Some(age) => format!(
            "{} completed, the newest {} ago",
            found.completed,
            span(age)
        ),
        None => format!("{} completed", found.completed),
    };
    health.measure("checkpoints", found.completed, text);
    let wanted = spec.healthy.checkpoints.unwrap_or(1);
    if found.completed < wanted {
        health.progressing(format!(
            "{} of {} completed since its start",
            found.completed,
            count(wanted, "checkpoint")
        ));
        return;
    }
    if let (Some(age), Some(interval)) = (found.age_ms, found.interval_ms)
        && age > (interval.saturating_mul(MISSED)).max(LEAST_PATIENCE)
    {
        health.unhealthy(format!(
            "no checkpoint was completed for {}, and one is due every {}",
            span(age),
            span(interval)
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::kinds::health::{Groups, Verdict};
    use crate::kinds::job::spec::tests::job;

    use super::*;

    fn vitals() -> JobVitals {
        JobVitals {
            state: "RUNNING".into(),
            active: true,
            parts: 2,
            running: 2,
            restarts: 0,
            checkpoints: Some(CheckpointVitals {
                completed: 3,
                failed: 1,
                age_ms: Some(2_000),
                interval_ms: Some(10_000),
            }),
            cause: None,
        }
    }

    fn verdict(looks: &[JobVitals]) -> (Verdict, String) {
        let looks: Vec<Look<JobVitals>> = (0..)
            .zip(looks)
            .map(|(second, vitals)| Look {
                at: Duration::from_secs(second),
                vitals: Some(vitals.clone()),
                groups: Groups::default(),
            })
            .collect();
        let health = judge(&job(), &looks);
        (
            health.verdict,
            health.reasons().collect::<Vec<_>>().join("; "),
        )
    }

    #[test]
    fn a_job_is_well_when_all_runs_and_checkpoints_are_completed() {
        assert_eq!(verdict(&[vitals()]), (Verdict::Healthy, String::new()));
        let starting = JobVitals {
            running: 1,
            ..vitals()
        };
        let (verdict_, reason) = verdict(&[starting]);
        insta::assert_snapshot!(format!("{verdict_}: {reason}"), @"progressing: 1 of 2 parts running (RUNNING)");
    }

    #[test]
    fn a_failed_job_and_one_that_is_restarted_are_unwell() {
        let failed = JobVitals {
            state: "FAILED".into(),
            active: false,
            cause: Some("NullPointerException".into()),
            ..vitals()
        };
        let (verdict_, reason) = verdict(&[failed]);
        insta::assert_snapshot!(format!("{verdict_}: {reason}"), @"unhealthy: it is FAILED: NullPointerException");
        let restarted = |restarts| JobVitals {
            restarts,
            ..vitals()
        };
        // One of long ago is only noted.
        assert_eq!(verdict(&[restarted(2)]).0, Verdict::Healthy);
        assert_eq!(verdict(&[restarted(2), restarted(3)]).0, Verdict::Unhealthy);
    }

    #[test]
    fn checkpoints_that_do_not_come_are_a_symptom() {
        let with = |completed, age| JobVitals {
            checkpoints: Some(CheckpointVitals {
                completed,
                failed: 0,
                age_ms: Some(age),
                interval_ms: Some(30_000),
            }),
            ..vitals()
        };
        assert_eq!(verdict(&[with(0, 0)]).0, Verdict::Progressing);
        let (verdict_, reason) = verdict(&[with(9, 200_000)]);
        insta::assert_snapshot!(format!("{verdict_}: {reason}"), @"unhealthy: no checkpoint was completed for 3 min 20 s, and one is due every 30 s");
    }
}
