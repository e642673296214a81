//! A new schema against its subject's earlier versions, as a level demands. Pure.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::{Direction, Level, Mismatch, Schema, schema};

/// A mismatch with one earlier version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incompatibility {
    /// What the version is called.
    pub version: String,
    /// Who reads what whom wrote.
    pub direction: Direction,
    /// What is wrong.
    pub mismatch: Mismatch,
}

/// The same mismatch with all versions that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What the versions are called, in their order.
    pub versions: Vec<String>,
    /// Who reads what whom wrote.
    pub direction: Direction,
    /// What is wrong, with the places of the last of the versions.
    pub mismatch: Mismatch,
}

/// Holds a new schema against the versions that the level asks for, of all that are there, the oldest
/// first.
pub fn check<S: Borrow<Schema>>(
    level: Level,
    previous: &[(String, S)],
    new: &Schema,
) -> Vec<Incompatibility> {
    let first = if level.is_transitive() {
        0
    } else {
        previous.len().saturating_sub(1)
    };
    let mut found = Vec::new();
    for (version, old) in &previous[first..] {
        let mismatches = against(level, old.borrow(), new).into_iter();
        found.extend(mismatches.map(|(direction, mismatch)| Incompatibility {
            version: version.clone(),
            direction,
            mismatch,
        }));
    }
    found
}

/// Holds a new schema against one earlier version, in the directions of the level.
pub fn against(level: Level, old: &Schema, new: &Schema) -> Vec<(Direction, Mismatch)> {
    let mut found = Vec::new();
    for &direction in level.directions() {
        let mismatches = match direction {
            Direction::Backward => schema::compare(new, old, direction),
            Direction::Forward => schema::compare(old, new, direction),
        };
        found.extend(mismatches.into_iter().map(|mismatch| (direction, mismatch)));
    }
    found
}

/// Puts together what is the same with several versions: of one rule and direction, at one place of
/// the new schema, in the same words.
pub fn collapse(found: &[Incompatibility]) -> Vec<Finding> {
    let mut known: BTreeMap<(Direction, &str, &str, &str), usize> = BTreeMap::new();
    let mut findings: Vec<Finding> = Vec::new();
    for one in found {
        let Incompatibility {
            version,
            direction,
            mismatch,
        } = one;
        let new_place = direction.new_place(mismatch);
        let key = (
            *direction,
            mismatch.rule.as_str(),
            new_place,
            mismatch.message.as_str(),
        );
        let next = findings.len();
        let index = *known.entry(key).or_insert(next);
        if index == next {
            findings.push(Finding {
                versions: Vec::new(),
                direction: *direction,
                mismatch: mismatch.clone(),
            });
        }
        let finding = &mut findings[index];
        finding.mismatch = mismatch.clone();
        if finding.versions.last() != Some(version) {
            finding.versions.push(version.clone());
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

    use super::*;
    use crate::compatibility::{Definition, Format};

    /// An Avro record with fields of type int.
    fn record(fields: &str) -> Schema {
        let fields: Vec<String> = fields
            .split_whitespace()
            .map(|name| format!(r#"{{"name": "{name}", "type": "int"}}"#))
            .collect();
        let text = format!(
            r#"{{"type": "record", "name": "R", "fields": [{}]}}"#,
            fields.join(",")
        );
        let definition = Definition {
            text,
            ..Definition::default()
        };
        Schema::parse(Format::Avro, &definition).unwrap()
    }

    fn said(level: Level, previous: &[&str], new: &str) -> Vec<String> {
        let previous: Vec<(String, Schema)> = previous
            .iter()
            .enumerate()
            .map(|(index, fields)| (format!("v{}", index + 1), record(fields)))
            .collect();
        collapse(&check(level, &previous, &record(new)))
            .into_iter()
            .map(|finding| {
                format!(
                    "{:?} {} {}",
                    finding.direction,
                    finding.versions.join(","),
                    finding.mismatch.rule
                )
            })
            .collect()
    }

    #[test]
    fn the_latest_counts_unless_the_level_is_transitive() {
        let versions = ["a", "a", "a b"];
        let new = "a b";
        assert!(said(Level::Backward, &versions, new).is_empty());
        assert_eq!(
            said(Level::BackwardTransitive, &versions, new),
            ["Backward v1,v2 avro-field-without-default"]
        );
        assert!(said(Level::None, &versions, "x").is_empty());
        assert!(said(Level::FullTransitive, &[], "x").is_empty());
    }

    #[test]
    fn both_directions_are_told_apart() {
        assert_eq!(
            said(Level::Full, &["a"], "b"),
            [
                "Backward v1 avro-field-without-default",
                "Forward v1 avro-field-without-default"
            ]
        );
    }

    #[test]
    fn another_format_is_a_mismatch_in_every_direction() {
        let definition = Definition {
            text: "{}".to_owned(),
            ..Definition::default()
        };
        let json = Schema::parse(Format::Json, &definition).unwrap();
        let found = check(Level::Full, &[("v1".to_owned(), record("a"))], &json);
        assert_eq!(found.len(), 2);
        insta::assert_snapshot!(found[1].mismatch.message, @"the format changes from avro to json, and neither reads the other");
    }
}
