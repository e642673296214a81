//! What differs between a topic as wanted, as last applied and as it is. Pure.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::kinds::Delta;

use super::spec::TopicSpec;
use super::{EntryType, LiveEntry, TopicLive};

/// Returns the path of a configuration key: `config["retention.ms"]`.
pub fn config_path(key: &str) -> String {
    format!("config[{}]", json!(key))
}

/// See [`Kind::diff`](crate::kinds::Kind::diff).
pub(super) fn diff(spec: &TopicSpec, history: &[TopicSpec], live: &TopicLive) -> Vec<Delta> {
    // Where the last operation never settled, a difference says nothing about others' changes.
    let prior = match history {
        [prior] => Some(prior),
        _ => None,
    };
    let mut deltas = Vec::new();
    if let Some(wanted) = spec.partitions
        && wanted != live.partitions
    {
        deltas.push(number(
            "partitions",
            live.partitions,
            wanted,
            prior.and_then(|p| p.partitions),
        ));
    }
    if let Some(wanted) = spec.replication_factor {
        let uneven = live.uneven_up_to.filter(|most| *most != wanted);
        if wanted != live.replication_factor || uneven.is_some() {
            let mut delta = number(
                "replication_factor",
                live.replication_factor,
                wanted,
                prior.and_then(|p| p.replication_factor),
            );
            delta.note = uneven.map(|most| {
                format!(
                    "partitions have {} to {most} replicas",
                    live.replication_factor
                )
            });
            deltas.push(delta);
        }
    }
    if spec.placement.is_some() && !live.misplaced.is_empty() {
        deltas.push(Delta {
            path: "placement".into(),
            before: json!(format!(
                "{} partitions not in different racks",
                live.misplaced.len()
            )),
            after: json!("cross_rack"),
            note: None,
            drift: prior.is_some_and(|prior| prior.placement == spec.placement),
        });
    }
    for (key, wanted) in &spec.config {
        // A key that the broker did not return is one that it does not know: the checks say so.
        let entry = live.config.get(key);
        if entry.is_some_and(|entry| entry.overridden && same(entry, wanted)) {
            continue;
        }
        deltas.push(changed_key(key, wanted, entry, prior));
    }
    let dropped: BTreeSet<&String> = history
        .iter()
        .flat_map(|was| was.config.keys())
        .filter(|key| !spec.config.contains_key(*key))
        .collect();
    for key in dropped {
        if let Some(entry) = live.config.get(key).filter(|entry| entry.overridden) {
            deltas.push(Delta {
                path: config_path(key),
                before: text(entry.value.as_deref()),
                after: Json::Null,
                note: Some("back to its default".into()),
                drift: false,
            });
        }
    }
    deltas
}

fn number(path: &str, live: u32, wanted: u32, prior: Option<u32>) -> Delta {
    Delta {
        path: path.into(),
        before: json!(live),
        after: json!(wanted),
        note: None,
        drift: prior.is_some_and(|prior| prior != live),
    }
}

fn changed_key(
    key: &str,
    wanted: &str,
    entry: Option<&LiveEntry>,
    prior: Option<&TopicSpec>,
) -> Delta {
    let overridden = entry.filter(|entry| entry.overridden);
    let inherited = entry
        .filter(|entry| !entry.overridden)
        .and_then(|entry| entry.value.as_deref());
    let was = prior.and_then(|prior| prior.config.get(key));
    Delta {
        path: config_path(key),
        before: text(overridden.and_then(|entry| entry.value.as_deref())),
        after: json!(wanted),
        note: inherited.map(|value| format!("inherited so far: {value}")),
        drift: was.is_some_and(|was| !overridden.is_some_and(|entry| same(entry, was))),
    }
}

fn text(value: Option<&str>) -> Json {
    value.map_or(Json::Null, |value| json!(value))
}

/// Whether a live entry's value means the same as a text.
pub fn same(entry: &LiveEntry, wanted: &str) -> bool {
    let Some(value) = entry.value.as_deref() else {
        return false;
    };
    if value == wanted {
        return true;
    }
    match entry.r#type {
        EntryType::Text => false,
        EntryType::Integer => {
            matches!((value.trim().parse::<i64>(), wanted.trim().parse::<i64>()), (Ok(a), Ok(b)) if a == b)
        }
        EntryType::Decimal => {
            matches!((value.trim().parse::<f64>(), wanted.trim().parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
        }
        EntryType::Boolean => value.trim().eq_ignore_ascii_case(wanted.trim()),
        EntryType::List => items(value) == items(wanted),
    }
}

/// The order of a topic's list settings (`cleanup.policy`, throttled replicas) means nothing.
fn items(list: &str) -> BTreeSet<&str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

/// See [`Kind::adopt`](crate::kinds::Kind::adopt).
pub(super) fn adopt(spec: &TopicSpec, live: &TopicLive) -> TopicSpec {
    TopicSpec {
        partitions: spec.partitions.map(|_| live.partitions),
        replication_factor: spec.replication_factor.map(|_| live.replication_factor),
        config: spec
            .config
            .keys()
            .filter_map(|key| {
                let entry = live.config.get(key).filter(|entry| entry.overridden)?;
                Some((key.clone(), entry.value.clone()?))
            })
            .collect(),
        ..spec.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &str, overridden: bool, r#type: EntryType) -> LiveEntry {
        LiveEntry {
            value: Some(value.into()),
            overridden,
            r#type,
            read_only: false,
        }
    }

    fn spec(config: &[(&str, &str)]) -> TopicSpec {
        TopicSpec {
            name: "orders".into(),
            partitions: Some(6),
            replication_factor: Some(3),
            config: config
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            placement: None,
            reassignment: None,
            internal: false,
        }
    }

    fn live(config: &[(&str, LiveEntry)]) -> TopicLive {
        TopicLive {
            partitions: 6,
            replication_factor: 3,
            uneven_up_to: None,
            moving: false,
            misplaced: Vec::new(),
            config: config
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
        }
    }

    #[test]
    fn values_compare_by_meaning() {
        for (r#type, a, b, expected) in [
            (EntryType::Integer, "604800000", "0604800000", true),
            (EntryType::Integer, "1", "2", false),
            (EntryType::List, "compact,delete", "delete, compact", true),
            (EntryType::List, "compact,delete", "delete", false),
            (EntryType::Boolean, "true", "TRUE", true),
            (EntryType::Decimal, "0.5", "0.50", true),
            (EntryType::Text, "lz4", "LZ4", false),
        ] {
            assert_eq!(
                same(&entry(a, true, r#type), b),
                expected,
                "{type:?} {a} {b}"
            );
        }
    }

    #[test]
    fn an_inherited_value_is_no_override_even_when_it_is_equal() {
        let live = live(&[(
            "retention.ms",
            entry("604800000", false, EntryType::Integer),
        )]);
        let deltas = diff(&spec(&[("retention.ms", "604800000")]), &[], &live);
        assert_eq!(deltas.len(), 1);
        assert_eq!(deltas[0].before, Json::Null);
        assert_eq!(
            deltas[0].note.as_deref(),
            Some("inherited so far: 604800000")
        );
    }

    #[test]
    fn a_key_that_hcl_does_not_set_is_not_managed() {
        let live = live(&[("segment.ms", entry("1", true, EntryType::Integer))]);
        assert_eq!(diff(&spec(&[]), &[], &live), Vec::new());
        assert_eq!(diff(&spec(&[]), &[spec(&[])], &live), Vec::new());
    }

    #[test]
    fn a_key_that_was_set_before_goes_back_to_its_default() {
        let live = live(&[("segment.ms", entry("1", true, EntryType::Integer))]);
        let deltas = diff(&spec(&[]), &[spec(&[("segment.ms", "1")])], &live);
        assert_eq!(deltas.len(), 1);
        assert_eq!((&deltas[0].after, deltas[0].drift), (&Json::Null, false));
    }

    #[test]
    fn a_change_from_outside_is_drift_and_a_new_wish_is_not() {
        let live = live(&[("retention.ms", entry("60000", true, EntryType::Integer))]);
        let prior = spec(&[("retention.ms", "604800000")]);
        assert!(diff(&prior, std::slice::from_ref(&prior), &live)[0].drift);
        let live = self::live(&[("retention.ms", entry("604800000", true, EntryType::Integer))]);
        assert!(!diff(&spec(&[("retention.ms", "60000")]), &[prior], &live)[0].drift);
    }

    #[test]
    fn uneven_replicas_are_a_difference() {
        let mut live = live(&[]);
        live.uneven_up_to = Some(4);
        let deltas = diff(&spec(&[]), &[], &live);
        assert_eq!(
            deltas[0].note.as_deref(),
            Some("partitions have 3 to 4 replicas")
        );
    }
}
