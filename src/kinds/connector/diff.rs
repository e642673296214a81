//! What differs between a connector as wanted, as last applied and as it is. Pure.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::kinds::Delta;

use super::spec::{ConnectorSpec, DeadLetter, Setting, Target, key};
use super::{ConnectorLive, Failed, Shown, Standing};

/// The path of a connector or task that failed begins so.
pub(super) const HEALTH: &str = "health";

/// See [`Kind::diff`](crate::kinds::Kind::diff).
pub(super) fn diff(
    spec: &ConnectorSpec,
    history: &[ConnectorSpec],
    live: &ConnectorLive,
) -> Vec<Delta> {
    let mut deltas = settings(spec, history, live);
    state(spec, history, live, &mut deltas);
    failures(spec, history, live, &mut deltas);
    offsets(spec, history, live, &mut deltas);
    deltas
}

/// See [`Kind::drift`](crate::kinds::Kind::drift).
pub(super) fn drift(prior: &ConnectorSpec, live: &ConnectorLive) -> Vec<Delta> {
    let mut seen = live.clone();
    for shown in seen.settings.values_mut() {
        // That a reference gives another value now was nobody's change of the connector.
        if *shown == Shown::Secret(Standing::Stale) {
            *shown = Shown::Secret(Standing::Current);
        }
    }
    let deltas = diff(prior, std::slice::from_ref(prior), &seen).into_iter();
    let turned = deltas.map(|delta| Delta {
        before: delta.after,
        after: delta.before,
        drift: true,
        ..delta
    });
    turned.collect()
}

/// Returns what was applied last; nothing where that never settled, when a difference says nothing about
/// others' changes.
fn settled(history: &[ConnectorSpec]) -> Option<&ConnectorSpec> {
    match history {
        [prior] => Some(prior),
        _ => None,
    }
}

fn settings(spec: &ConnectorSpec, history: &[ConnectorSpec], live: &ConnectorLive) -> Vec<Delta> {
    let prior = settled(history).map(ConnectorSpec::settings);
    let prior = prior.as_ref();
    let wanted = spec.settings();
    let mut deltas = Vec::new();
    for (key, setting) in &wanted {
        let was = prior.and_then(|prior| prior.get(key));
        let shown = live.settings.get(*key);
        if let Some((before, note)) = compare(setting, was, shown) {
            deltas.push(Delta {
                path: spec.path(key),
                before,
                after: after(setting),
                note: note.map(str::to_owned),
                drift: was.is_some_and(|was| compare(was, Some(was), as_sent(shown)).is_some()),
            });
        }
    }
    let earlier: Vec<_> = history.iter().map(|was| (was, was.settings())).collect();
    let dropped: BTreeSet<&str> = earlier
        .iter()
        .flat_map(|(_, settings)| settings.keys().copied())
        .filter(|key| !wanted.contains_key(key))
        .collect();
    for key in dropped {
        let writer = earlier
            .iter()
            .find(|(_, settings)| settings.contains_key(key));
        if let (Some((was, _)), Some(shown)) = (writer, live.settings.get(key)) {
            deltas.push(Delta {
                path: was.path(key),
                before: before(Some(shown)),
                after: Json::Null,
                note: Some("no longer set".into()),
                drift: false,
            });
        }
    }
    deltas
}

/// A secret that was sent is as it was applied, whatever its reference gives by now.
fn as_sent(shown: Option<&Shown>) -> Option<&Shown> {
    match shown {
        Some(Shown::Secret(Standing::Stale)) => Some(&Shown::Secret(Standing::Current)),
        other => other,
    }
}

/// Returns what a key is now and a word about it, if it is not what is wanted. `was` is what was sent.
fn compare(
    wanted: &Setting,
    was: Option<&Setting>,
    shown: Option<&Shown>,
) -> Option<(Json, Option<&'static str>)> {
    let as_it_was = was == Some(wanted);
    let note = match (wanted, shown) {
        (Setting::Text(wanted), Some(Shown::Text(text))) if wanted == text => return None,
        // What is a secret by now is not shown, and so cannot be held against the text that it was.
        (Setting::Text(_), Some(Shown::Masked | Shown::Secret(_)))
        | (Setting::Secret { .. }, Some(Shown::Masked | Shown::Secret(Standing::Unknown)))
            if as_it_was =>
        {
            return None;
        }
        (Setting::Secret { .. }, Some(Shown::Secret(Standing::Current))) => return None,
        (Setting::Secret { .. }, Some(Shown::Secret(Standing::Stale))) => {
            Some("the secret has another value now")
        }
        (Setting::Secret { .. }, Some(Shown::Secret(Standing::Foreign)))
            if matches!(was, Some(Setting::Secret { .. })) =>
        {
            Some("it is not what was sent")
        }
        _ => None,
    };
    Some((before(shown), note))
}

fn before(shown: Option<&Shown>) -> Json {
    match shown {
        None => Json::Null,
        Some(Shown::Text(text)) => json!(text),
        Some(Shown::Masked | Shown::Secret(_)) => json!("(not shown)"),
    }
}

fn after(setting: &Setting) -> Json {
    match setting {
        Setting::Text(text) => json!(text),
        Setting::Secret { secret } => json!(format!("(secret {secret})")),
    }
}

fn state(
    spec: &ConnectorSpec,
    history: &[ConnectorSpec],
    live: &ConnectorLive,
    deltas: &mut Vec<Delta>,
) {
    if let Some(state) = live.state.filter(|state| *state != spec.state) {
        deltas.push(Delta {
            path: "state".into(),
            before: json!(state),
            after: json!(spec.state),
            note: None,
            drift: settled(history).is_some_and(|prior| prior.state != state),
        });
    }
}

/// What failed differs from what runs; where nothing is to run, it is of no account.
fn failures(
    spec: &ConnectorSpec,
    history: &[ConnectorSpec],
    live: &ConnectorLive,
    deltas: &mut Vec<Delta>,
) {
    if spec.state != Target::Running || live.state.is_some_and(|state| state != spec.state) {
        return;
    }
    let was_running = settled(history).is_some_and(|prior| prior.state == Target::Running);
    deltas.extend(live.failed.iter().map(|failed| Delta {
        path: failed_path(failed),
        before: json!(format!("FAILED: {}", failed.reason)),
        after: json!("RUNNING"),
        note: None,
        drift: was_running,
    }));
}

fn failed_path(failed: &Failed) -> String {
    match failed.task {
        Some(task) => format!("{HEALTH}.task[{task}]"),
        None => format!("{HEALTH}.connector"),
    }
}

/// The step is done where what was applied holds the same.
fn offsets(
    spec: &ConnectorSpec,
    history: &[ConnectorSpec],
    live: &ConnectorLive,
    deltas: &mut Vec<Delta>,
) {
    let Some(step) = &spec.offsets else { return };
    let is_done = settled(history).is_some_and(|prior| prior.offsets.as_ref() == Some(step));
    if !is_done {
        let note = if live.stepped {
            "done by an earlier run, and only recorded now"
        } else {
            "done once, while the connector is stopped"
        };
        deltas.push(Delta {
            path: "offsets".into(),
            before: Json::Null,
            after: json!(step.words()),
            note: Some(note.into()),
            drift: false,
        });
    }
}

/// See [`Kind::adopt`](crate::kinds::Kind::adopt).
pub(super) fn adopt(spec: &ConnectorSpec, live: &ConnectorLive) -> ConnectorSpec {
    let text = |key: &str| match live.settings.get(key) {
        Some(Shown::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let config = spec.config.iter().filter_map(|(key, setting)| {
        let setting = match (setting, live.settings.get(key)?) {
            (Setting::Text(_), Shown::Text(text)) => Setting::Text(text.clone()),
            (setting, _) => setting.clone(),
        };
        Some((key.clone(), setting))
    });
    let dead_letter = spec.dead_letter.as_ref().and_then(|wanted| {
        Some(DeadLetter {
            topic: text(key::DEAD_LETTER_TOPIC)?,
            tolerate: text(key::TOLERANCE).as_deref() == Some("all"),
            context_headers: text(key::CONTEXT_HEADERS).as_deref() == Some("true"),
            replication_factor: wanted
                .replication_factor
                .and_then(|_| text(key::REPLICATION_FACTOR)?.parse().ok()),
        })
    });
    ConnectorSpec {
        class: text(key::CLASS).unwrap_or_else(|| spec.class.clone()),
        tasks_max: spec
            .tasks_max
            .and_then(|_| text(key::TASKS_MAX)?.parse().ok()),
        config: config.collect(),
        state: live.state.unwrap_or(spec.state),
        dead_letter,
        offsets: None,
        ..spec.clone()
    }
}

#[cfg(test)]
mod tests;
