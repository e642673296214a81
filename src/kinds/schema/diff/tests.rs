use std::collections::BTreeMap;

use crate::compatibility::{Format, Level};
use crate::kinds::schema::VersionLive;

use super::*;

fn spec(text: &str, compatibility: Option<Level>) -> SchemaSpec {
    SchemaSpec {
        subject: "a".into(),
        format: Format::Avro,
        definition: text.into(),
        references: BTreeMap::new(),
        normalize: false,
        compatibility,
        mode: None,
        metadata: None,
        rule_set: None,
    }
}

fn live(version: u32, holds: Option<u32>, compatibility: Option<Level>) -> SchemaLive {
    SchemaLive {
        latest: Some(VersionLive {
            version,
            id: 7,
            format: Format::Avro,
            schema: "\"string\"".into(),
            references: BTreeMap::new(),
            metadata: None,
            rule_set: None,
        }),
        holds,
        compatibility,
        mode: None,
    }
}

fn paths(deltas: &[Delta]) -> Vec<&str> {
    deltas.iter().map(|delta| delta.path.as_str()).collect()
}

#[test]
fn the_level_stands_before_the_version() {
    let wanted = spec("\"bytes\"", Some(Level::Full));
    let deltas = diff(&wanted, &[], &live(1, None, Some(Level::None)));
    assert_eq!(paths(&deltas), ["compatibility", "definition"]);
}

#[test]
fn a_level_that_nobody_sets_is_not_managed_and_one_that_we_set_goes_back() {
    let (bare, set) = (
        spec("\"string\"", None),
        spec("\"string\"", Some(Level::Full)),
    );
    let live = live(1, Some(1), Some(Level::Full));
    assert_eq!(diff(&bare, std::slice::from_ref(&bare), &live), []);
    let deltas = diff(&bare, &[set], &live);
    assert_eq!(paths(&deltas), ["compatibility"]);
    assert_eq!(deltas[0].after, Json::Null);
}

#[test]
fn content_of_an_old_version_is_told_once() {
    let (old, newer) = (spec("\"string\"", None), spec("\"bytes\"", None));
    let live = live(2, Some(1), None);
    let deltas = diff(&old, std::slice::from_ref(&newer), &live);
    assert_eq!(paths(&deltas), ["definition"]);
    assert!(
        deltas[0]
            .note
            .as_deref()
            .is_some_and(|note| note.starts_with("version 1 holds"))
    );
    assert_eq!(diff(&old, std::slice::from_ref(&old), &live), []);
}

#[test]
fn another_newest_version_is_drift_that_nothing_is_done_about() {
    let prior = spec("\"string\"", None);
    let applied = Registration {
        version: 1,
        id: 7,
        latest: 1,
    };
    let live = live(2, Some(1), None);
    let drifted = drift(&prior, Some(applied), &live);
    assert_eq!(paths(&drifted), ["newest version"]);
    assert_eq!(
        (&drifted[0].before, &drifted[0].after),
        (&json!(1), &json!(2))
    );
    assert_eq!(diff(&prior, std::slice::from_ref(&prior), &live), []);
}
