//! What became of an apply: as text for people, as JSON for programs, as Markdown. Pure.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::address::{Address, EnvironmentName};
use crate::apply::ApplyOutcome;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::Skip;
use crate::health::report::{Objects, rows};
use crate::health::wait::Waited;
use crate::kinds::Action;
use crate::plan::render::markdown::{GITHUB_LIMIT, code, escaped};

/// Returns what went wrong, to be told.
pub(super) fn problems(outcome: &ApplyOutcome) -> Diagnostics {
    let failures = outcome.failed.iter().map(|(address, message)| {
        Diagnostic::error("apply", format!("{address} could not be applied"))
            .detail(message.clone())
    });
    let skips = outcome.skipped.iter().map(|(address, skip)| {
        Diagnostic::warning("skipped", format!("{address} was not begun")).detail(why(skip))
    });
    let abandoned = outcome.abandoned.iter().map(|address| {
        Diagnostic::warning("abandoned", format!("{address} was under way"))
            .detail("Its result is not known; it is recorded, and the next apply settles it.")
    });
    failures.chain(skips).chain(abandoned).collect()
}

fn why(skip: &Skip) -> String {
    match skip {
        Skip::Upstream { failed } => format!("It needs {failed}, which failed."),
        Skip::Cancelled => "The apply was stopped before it.".into(),
    }
}

/// Returns the line that counts what was done.
pub(super) fn text(outcome: &ApplyOutcome) -> String {
    let count = |action: Action| {
        outcome
            .applied
            .values()
            .filter(|done| **done == action)
            .count()
    };
    let mut text = format!(
        "{} {} created, {} updated, {} deleted",
        if outcome.is_complete() {
            "Apply complete:"
        } else {
            "Apply INCOMPLETE:"
        },
        count(Action::Create),
        count(Action::Update),
        count(Action::Delete)
    );
    for (action, word) in [
        (Action::Adopt, "adopted"),
        (Action::Forget, "forgotten"),
        (Action::Record, "recorded"),
    ] {
        if count(action) > 0 {
            let _ = write!(text, ", {} {word}", count(action));
        }
    }
    if !outcome.failed.is_empty() {
        let _ = write!(text, ", {} failed", outcome.failed.len());
    }
    if !outcome.skipped.is_empty() {
        let _ = write!(text, ", {} not begun", outcome.skipped.len());
    }
    text.push_str(".\n");
    text
}

/// Returns the document for programs.
pub(super) fn json(
    environment: &EnvironmentName,
    outcome: &ApplyOutcome,
    waited: Option<&Waited>,
) -> Json {
    let skipped: serde_json::Map<String, Json> = outcome
        .skipped
        .iter()
        .map(|(address, skip)| (address.to_string(), why(skip).into()))
        .collect();
    json!({
        "format_version": "1.0",
        "environment": environment,
        "complete": outcome.is_complete(),
        "interrupted": outcome.interrupted,
        "applied": outcome.applied,
        "failed": outcome.failed,
        "skipped": skipped,
        "abandoned": outcome.abandoned,
        "health": waited.map(health),
    })
}

fn health(waited: &Waited) -> Json {
    let late = waited.late.iter().map(|late| &late.address);
    json!({
        "healthy": waited.late.is_empty(),
        "late": late.collect::<Vec<&Address>>(),
        "took_ms": u64::try_from(waited.took.as_millis()).unwrap_or(u64::MAX),
        "objects": Objects(&waited.found),
    })
}

/// Returns the comment for a pull request or the summary of a CI job.
pub(super) fn markdown(
    environment: &EnvironmentName,
    outcome: &ApplyOutcome,
    waited: Option<&Waited>,
) -> String {
    let mut out = format!(
        "### Streamform: applied to `{environment}`\n\n{}",
        text(outcome)
    );
    for problem in &problems(outcome) {
        let words = format!("{}. {}", problem.summary, problem.detail);
        let _ = writeln!(out, "- :x: {}", escaped(words.trim_end()));
    }
    let Some(waited) = waited else { return out };
    let took = waited.took.as_secs_f64();
    let _ = match waited.late.as_slice() {
        [] => writeln!(out, "\nAll that was changed is healthy after {took:.1} s."),
        late => {
            let named = late.iter().map(|late| code(&late.address.to_string()));
            let named = named.collect::<Vec<_>>().join(", ");
            writeln!(out, "\n**Not healthy** after {took:.1} s: {named}.")
        }
    };
    rows(&mut out, &waited.found, GITHUB_LIMIT - 500);
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use crate::health::wait::Late;
    use crate::kinds::Health;

    use super::*;

    fn outcome() -> ApplyOutcome {
        let mut outcome = ApplyOutcome::default();
        let (sink, orders) = (
            Address::root("connector", "sink"),
            Address::root("topic", "orders"),
        );
        outcome.applied.insert(sink, Action::Create);
        outcome.applied.insert(orders, Action::Update);
        outcome
    }

    fn waited() -> Waited {
        let address = Address::root("connector", "sink");
        let mut health = Health::new();
        health.measure("tasks", 1_u64, "0/1 running");
        health.unhealthy("task 0 is FAILED: no such table <alerts>");
        Waited {
            found: BTreeMap::from([(address.clone(), health)]),
            late: vec![Late {
                address,
                within: Duration::from_mins(1),
            }],
            took: Duration::from_millis(60_300),
        }
    }

    #[test]
    fn a_comment_says_what_is_not_healthy() {
        let environment = EnvironmentName::default_environment();
        let text = markdown(&environment, &outcome(), Some(&waited()));
        insta::assert_snapshot!(text, @r#"
        ### Streamform: applied to `default`

        Apply complete: 1 created, 1 updated, 0 deleted.

        **Not healthy** after 60.3 s: `connector.sink`.

        | object | health | |
        |---|---|---|
        | `connector.sink` | **unhealthy** | tasks 0/1 running<br>task 0 is FAILED: no such table &lt;alerts&gt; |
        "#);
    }

    #[test]
    fn programs_get_what_was_done_and_how_it_does() {
        let environment = EnvironmentName::default_environment();
        let document = json(&environment, &outcome(), Some(&waited()));
        assert_eq!(document["applied"]["connector.sink"], "create");
        assert_eq!(document["health"]["healthy"], false);
        assert_eq!(document["health"]["late"][0], "connector.sink");
        let without = json(&environment, &outcome(), None);
        assert!(without["health"].is_null() && without["complete"] == true);
    }

    #[test]
    fn what_failed_and_what_was_left_is_counted() {
        let mut outcome = outcome();
        let users = Address::root("topic", "users");
        outcome.failed.insert(users.clone(), "away".into());
        let skip = Skip::Upstream { failed: users };
        outcome.skipped.insert(Address::root("job", "score"), skip);
        insta::assert_snapshot!(text(&outcome), @"Apply INCOMPLETE: 1 created, 1 updated, 0 deleted, 1 failed, 1 not begun.");
        assert_eq!(problems(&outcome).iter().count(), 2);
    }
}
