//! What differs between a job as wanted, as last applied and as it is. Pure.

use serde_json::{Value as Json, json};

use crate::kinds::Delta;

use super::program::Program;
use super::spec::{JobSpec, WantedState};
use super::{JobLive, LiveState};

/// The path of the difference in whether it runs.
pub(super) const STATE: &str = "state";

/// The path of a state that is to be taken up and was not yet.
pub(super) const RESTORE: &str = "restore";

/// See [`Kind::diff`](crate::kinds::Kind::diff). What runs is known by what is remembered, not by what was
/// last wanted: a version that did not prove itself was turned back.
pub(super) fn diff(spec: &JobSpec, history: &[JobSpec], live: &JobLive) -> Vec<Delta> {
    // Where the last operation never settled, a difference says nothing about others' changes.
    let prior = match history {
        [prior] => Some(prior),
        _ => None,
    };
    let mut deltas = Vec::new();
    let is_as_wanted = match spec.state {
        WantedState::Running => live.state == LiveState::Running,
        WantedState::Suspended => live.state == LiveState::Suspended,
    };
    if !is_as_wanted {
        deltas.push(Delta {
            path: STATE.into(),
            before: json!(live.state.name()),
            after: json!(spec.state.name()),
            note: None,
            drift: prior.is_some_and(|prior| prior.state == spec.state),
        });
    }
    // What is suspended takes up another program when it runs again.
    if spec.state == WantedState::Running
        && let Some(program) = running(history, live)
    {
        deltas.extend(program.deltas(&spec.program));
    }
    // It is done where what was applied holds the same.
    if let Some(restore) = &spec.restore
        && prior.is_none_or(|prior| prior.restore.as_ref() != Some(restore))
    {
        deltas.push(Delta {
            path: RESTORE.into(),
            before: Json::Null,
            after: json!(restore.from),
            note: Some("done once".into()),
            drift: false,
        });
    }
    deltas
}

/// Returns the program that runs or ran last. Of a job that was taken over it is what the block said then.
pub(super) fn running<'a>(history: &'a [JobSpec], live: &'a JobLive) -> Option<&'a Program> {
    let known = live.memory.program();
    known.or_else(|| history.first().map(|prior| &prior.program))
}
