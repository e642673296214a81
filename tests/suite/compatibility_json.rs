//! JSON Schema pairs from other projects' tests: the verdicts of registries, and ours.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;
use streamform::compatibility::{Definition, Direction, json};

/// The lines on which we say something else, and why.
const MISSES: &[(&str, &str)] = &[
    (
        "apicurio:Basic: true#1:B",
        "the literal true as a whole schema: Karapace refuses it to anything but objects, Apicurio does not",
    ),
    (
        "karapace:test_boolean_schemas_are_backward_compatible#1",
        "Karapace lets true become false, which accepts nothing; Confluent's rules do not",
    ),
    (
        "karapace:test_true_and_false_schemas#9",
        "Karapace refuses to let false become not {}, though nothing was ever written; Confluent accepts anything after false",
    ),
];

#[test]
fn the_verdicts_are_those_of_registries() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/compat-json.jsonl");
    let Ok(text) = fs::read_to_string(&corpus) else {
        // Past the test harness, which keeps what a passing test prints to itself.
        writeln!(
            std::io::stderr(),
            "SKIPPED: the corpus of JSON Schema pairs is absent"
        )
        .unwrap();
        return;
    };
    let mut lines = 0;
    let mut missed = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        lines += 1;
        if verdict(&line) != line["compatible"].as_bool() {
            missed.push(line["id"].as_str().unwrap().to_owned());
        }
    }
    let known: Vec<_> = MISSES.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(missed, known, "of {lines} lines");
    assert!(
        missed.len() * 100 <= lines * 7,
        "{} of {lines}",
        missed.len()
    );
}

fn verdict(line: &Value) -> Option<bool> {
    let schema = |key: &str| {
        json::parse(&Definition {
            text: line[key].to_string(),
            ..Definition::default()
        })
        .ok()
    };
    let (old, new) = (schema("old")?, schema("new")?);
    let found = match line["level"].as_str()? {
        "BACKWARD" => json::compare(&new, &old, Direction::Backward),
        "FORWARD" => json::compare(&old, &new, Direction::Forward),
        level => unreachable!("the corpus has no level {level}"),
    };
    Some(found.is_empty())
}
