//! How a connector does: its state and those of its tasks, and how far its group is behind. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kinds::health::lag::{self, Rule};
use crate::kinds::{Health, Look, Verdict};

use super::Failed;
use super::spec::{ConnectorSpec, Target};

/// How often a sink commits: the default of the workers' `offset.flush.interval.ms`.
const COMMITS: Duration = Duration::from_mins(1);

/// What one look shows of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorVitals {
    /// Its own state, in Kafka Connect's words; absent where that is not known yet.
    pub state: Option<String>,
    /// Those of its tasks.
    pub tasks: Vec<String>,
    /// What failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

/// See [`Kind::judge`](crate::kinds::Kind::judge).
pub(super) fn judge(spec: &ConnectorSpec, looks: &[Look<ConnectorVitals>]) -> Health {
    let Some(last) = looks.last() else {
        return Health::new();
    };
    let Some(vitals) = &last.vitals else {
        return Health::missing();
    };
    let mut health = Health::new();
    let state = vitals.state.as_deref();
    health.measure(
        "state",
        state.unwrap_or("UNKNOWN"),
        state.unwrap_or("not known yet").to_lowercase(),
    );
    parts(&mut health, spec, vitals);
    if spec.state == Target::Running
        && let Some(group) = spec.group()
    {
        let healthy = spec.healthy.unwrap_or_default();
        let rule = Rule {
            max_lag: healthy.max_lag,
            patience: healthy.patience(COMMITS),
        };
        lag::judge(&mut health, &group, looks, rule);
    }
    health
}

fn parts(health: &mut Health, spec: &ConnectorSpec, vitals: &ConnectorVitals) {
    let wanted = spec.state;
    for failed in &vitals.failed {
        // What is not to run may have failed before.
        let verdict = match wanted {
            Target::Running => Verdict::Unhealthy,
            Target::Paused | Target::Stopped => Verdict::Healthy,
        };
        let text = format!("{} is FAILED: {}", failed.subject(), failed.reason);
        health.symptom(verdict, text);
    }
    match vitals.state.as_deref() {
        Some("FAILED") => {}
        Some(state) if state == wanted.word() => {}
        Some(state @ ("RUNNING" | "PAUSED" | "STOPPED")) => {
            health.unhealthy(format!("it is {state}, not {}", wanted.word()));
        }
        Some(state) => health.progressing(format!("it is {state}")),
        None => health.progressing("its state is not known yet"),
    }
    let count = vitals.tasks.len();
    if wanted == Target::Stopped {
        if count > 0 {
            health.progressing(format!("{count} of its tasks are not stopped yet"));
        }
        return;
    }
    let there = vitals
        .tasks
        .iter()
        .filter(|state| *state == wanted.word())
        .count();
    let word = wanted.word().to_lowercase();
    health.measure("tasks", there as u64, format!("{there}/{count} {word}"));
    let failed = vitals
        .failed
        .iter()
        .filter(|failed| failed.task.is_some())
        .count();
    let moving = count - there - failed.min(count - there);
    if moving > 0 {
        health.progressing(format!("{moving} of its {count} tasks are not {word} yet"));
    }
    if count == 0 && wanted == Target::Running && vitals.state.as_deref() == Some("RUNNING") {
        health.note("it has no tasks: there is nothing for it to do, or it is starting");
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::{connector, decoded};
    use super::*;

    fn look(state: &str, tasks: &[&str], failed: &[Option<u32>]) -> Look<ConnectorVitals> {
        Look {
            at: Duration::ZERO,
            vitals: Some(ConnectorVitals {
                state: Some(state.into()),
                tasks: tasks.iter().map(ToString::to_string).collect(),
                failed: failed
                    .iter()
                    .map(|task| Failed {
                        task: *task,
                        reason: "no such file".into(),
                    })
                    .collect(),
            }),
            groups: crate::kinds::health::Groups::default(),
        }
    }

    fn told(body: &str, look: Look<ConnectorVitals>) -> String {
        let spec = decoded(&connector(body));
        let health = judge(&spec, &[look]);
        let reasons: Vec<&str> = health.reasons().collect();
        let measures: Vec<&str> = health.measures.iter().map(|m| m.text.as_str()).collect();
        format!(
            "{} [{}] {}",
            health.verdict,
            measures.join(", "),
            reasons.join("; ")
        )
    }

    #[test]
    fn failed_is_unhealthy_and_on_its_way_is_not() {
        let source = "class = \"S\"";
        insta::assert_snapshot!(told(source, look("RUNNING", &["RUNNING", "RUNNING"], &[])), @"healthy [running, 2/2 running] ");
        insta::assert_snapshot!(told(source, look("RUNNING", &["RUNNING", "FAILED"], &[Some(1)])), @"unhealthy [running, 1/2 running] task 1 is FAILED: no such file");
        insta::assert_snapshot!(told(source, look("FAILED", &[], &[None])), @"unhealthy [failed, 0/0 running] the connector itself is FAILED: no such file");
        insta::assert_snapshot!(told(source, look("RUNNING", &["UNASSIGNED", "RESTARTING"], &[])), @"progressing [running, 0/2 running] 2 of its 2 tasks are not running yet");
        insta::assert_snapshot!(told(source, look("UNASSIGNED", &[], &[])), @"progressing [unassigned, 0/0 running] it is UNASSIGNED");
        insta::assert_snapshot!(told(source, look("PAUSED", &["PAUSED"], &[])), @"unhealthy [paused, 0/1 running] it is PAUSED, not RUNNING");
    }

    #[test]
    fn what_is_wanted_stopped_is_judged_by_its_tasks_too() {
        let stopped = "class = \"S\"\nstate = \"stopped\"";
        insta::assert_snapshot!(told(stopped, look("STOPPED", &[], &[])), @"healthy [stopped] ");
        insta::assert_snapshot!(told(stopped, look("STOPPED", &["RUNNING"], &[])), @"progressing [stopped] 1 of its tasks are not stopped yet");
        insta::assert_snapshot!(told(stopped, look("RUNNING", &["RUNNING"], &[])), @"unhealthy [running] it is RUNNING, not STOPPED");
    }
}
