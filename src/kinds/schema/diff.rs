//! What differs between a subject as wanted, as last applied and as it is. Pure.

use serde_json::{Value as Json, json};

use crate::kinds::Delta;

use super::content;
use super::spec::{Content, SchemaSpec};
use super::{Registration, SchemaLive};

/// See [`Kind::diff`](crate::kinds::Kind::diff).
pub(super) fn diff(spec: &SchemaSpec, history: &[SchemaSpec], live: &SchemaLive) -> Vec<Delta> {
    // Where the last operation never settled, a difference says nothing about others' changes.
    let prior = match history {
        [prior] => Some(prior),
        _ => None,
    };
    let mut deltas = Vec::new();
    level(spec, history, live, &mut deltas);
    mode(spec, history, live, &mut deltas);
    deltas.extend(definition(spec, history, live));
    governance(spec, live, &mut deltas);
    for delta in &mut deltas {
        delta.drift = prior.is_some_and(|prior| {
            let as_applied = match delta.path.as_str() {
                "compatibility" => live.compatibility == prior.compatibility,
                "mode" => live.mode.as_deref() == prior.mode.map(super::spec::Mode::name),
                // A version that was registered outside is told by `drift`.
                _ => true,
            };
            !as_applied
        });
    }
    deltas
}

fn delta(path: &str, before: Json, after: Json) -> Delta {
    Delta {
        path: path.to_owned(),
        before,
        after,
        note: None,
        drift: false,
    }
}

fn level(spec: &SchemaSpec, history: &[SchemaSpec], live: &SchemaLive, deltas: &mut Vec<Delta>) {
    match spec.compatibility {
        Some(wanted) if live.compatibility != Some(wanted) => {
            deltas.push(delta(
                "compatibility",
                json!(live.compatibility),
                json!(wanted),
            ));
        }
        None if live.compatibility.is_some()
            && history.iter().any(|was| was.compatibility.is_some()) =>
        {
            deltas.push(Delta {
                note: Some("back to the registry's own level".into()),
                ..delta("compatibility", json!(live.compatibility), Json::Null)
            });
        }
        _ => {}
    }
}

fn mode(spec: &SchemaSpec, history: &[SchemaSpec], live: &SchemaLive, deltas: &mut Vec<Delta>) {
    match spec.mode {
        Some(wanted) if live.mode.as_deref() != Some(wanted.name()) => {
            deltas.push(delta("mode", json!(live.mode), json!(wanted.name())));
        }
        None if live.mode.is_some() && history.iter().any(|was| was.mode.is_some()) => {
            deltas.push(Delta {
                note: Some("back to the registry's own mode".into()),
                ..delta("mode", json!(live.mode), Json::Null)
            });
        }
        _ => {}
    }
}

/// Returns the change of the content: a new version, or the old one that holds it already.
fn definition(spec: &SchemaSpec, history: &[SchemaSpec], live: &SchemaLive) -> Option<Delta> {
    let newest = live.latest.as_ref().map(|latest| latest.version);
    let before = newest.map_or(json!("no version"), |newest| {
        json!(format!("version {newest}"))
    });
    let Some(held) = live.holds else {
        return Some(delta("definition", before, json!("a new version")));
    };
    let is_new = !history
        .iter()
        .any(|was| content::same(&was.content(), &spec.content()));
    (is_new && newest != Some(held)).then(|| Delta {
        note: Some(format!(
            "version {held} holds this content already: no new version is made, and version {} \
             stays the newest",
            newest.unwrap_or(held)
        )),
        ..delta("definition", before, json!(format!("version {held}")))
    })
}

/// Metadata and rules belong to a version: others of them are a new version of the same content.
fn governance(spec: &SchemaSpec, live: &SchemaLive, deltas: &mut Vec<Delta>) {
    let Some(latest) = live
        .latest
        .as_ref()
        .filter(|latest| live.holds == Some(latest.version))
    else {
        return;
    };
    if !content::carries(spec.metadata.as_ref(), latest.metadata.as_ref()) {
        deltas.push(delta(
            "metadata",
            json!(latest.metadata),
            json!(spec.metadata),
        ));
    }
    if !content::carries_rules(spec.rule_set.as_ref(), latest.rule_set.as_ref()) {
        deltas.push(delta(
            "rule_set",
            json!(latest.rule_set),
            json!(spec.rule_set),
        ));
    }
}

/// See [`Kind::drift`](crate::kinds::Kind::drift). `before` is what was applied, `after` what is now.
pub(super) fn drift(
    prior: &SchemaSpec,
    applied: Option<Registration>,
    live: &SchemaLive,
) -> Vec<Delta> {
    let mut deltas = Vec::new();
    let mut changed = |path: &str, before: Json, after: Json| {
        deltas.push(Delta {
            drift: true,
            ..delta(path, before, after)
        });
    };
    if let Some(level) = prior.compatibility
        && live.compatibility != Some(level)
    {
        changed("compatibility", json!(level), json!(live.compatibility));
    }
    if let Some(mode) = prior.mode
        && live.mode.as_deref() != Some(mode.name())
    {
        changed("mode", json!(mode.name()), json!(live.mode));
    }
    let newest = live.latest.as_ref().map(|latest| latest.version);
    if let Some(applied) = applied
        && newest != Some(applied.latest)
    {
        changed("newest version", json!(applied.latest), json!(newest));
    }
    deltas
}

/// Whether two descriptions mean the same, however their texts are written.
pub(super) fn equivalent(a: &SchemaSpec, b: &SchemaSpec) -> bool {
    let (one, other): (Content, Content) = (a.content(), b.content());
    content::same(&one, &other)
        && a.subject == b.subject
        && a.compatibility == b.compatibility
        && a.mode == b.mode
        && a.metadata == b.metadata
        && a.rule_set == b.rule_set
}

/// See [`Kind::adopt`](crate::kinds::Kind::adopt).
pub(super) fn adopt(spec: &SchemaSpec, live: &SchemaLive) -> SchemaSpec {
    let mut adopted = spec.clone();
    if let Some(latest) = live.latest.as_ref().filter(|_| live.holds.is_none()) {
        adopted.format = latest.format;
        adopted.definition.clone_from(&latest.schema);
    }
    adopted.compatibility = spec.compatibility.and(live.compatibility);
    adopted
}

#[cfg(test)]
mod tests;
