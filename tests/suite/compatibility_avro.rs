//! Avro's compatibility against cases of other projects' tests, where the corpus is at hand.

use std::fs;

use serde::Deserialize;
use serde_json::Value;

use streamform::compatibility::{Definition, Direction, Level, avro};

use crate::support::servers::say_skipped;

#[derive(Deserialize)]
struct Case {
    id: String,
    level: Level,
    old: Value,
    new: Value,
    compatible: bool,
    /// Set where the label follows other rules than Java's.
    dialect: Option<String>,
}

/// The lines whose verdict is not ours, and why.
const MISSES: &[(&str, &str)] = &[];

/// The lines with a schema that no registry takes today, read as one of old.
const REFUSED_TODAY: &[(&str, &str)] = &[
    (
        "avro-java:TestSchemaCompatibility.validateSchemaNewField#1",
        "a record without a name",
    ),
    (
        "avro-java:TestSchemaCompatibility.validateSchemaPairAllFields#1",
        "a record without a name",
    ),
    (
        "avro-java:TestSchemaCompatibility.validateSchemaPairMissingSecondField#1",
        "a record without a name",
    ),
    (
        "avro-java:TestSchemaCompatibility.validateSchemaNewFieldWithDefault#1",
        "a record without a name",
    ),
    (
        "avro-java:TestSchemaCompatibility.validateSchemaPairMissingField#1",
        "a record without a name",
    ),
    (
        "karapace:karapace.test_schemaregistry_basic_backwards_compatibility#8",
        "an enum's default that is not among its symbols",
    ),
];

#[test]
fn verdicts_are_those_of_other_projects() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/corpora/compat-avro.jsonl"
    );
    let Ok(corpus) = fs::read_to_string(path) else {
        say_skipped("the corpus compat-avro.jsonl is not there");
        return;
    };
    let cases: Vec<Case> = corpus
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|case: &Case| case.dialect.is_none())
        .collect();
    let missed: Vec<&str> = cases
        .iter()
        .filter(|case| verdict(case) != case.compatible)
        .map(|case| case.id.as_str())
        .collect();
    let known: Vec<&str> = MISSES.iter().map(|(id, _)| *id).collect();
    assert_eq!(missed, known, "of {} cases", cases.len());
    assert!(cases.len() > 100);
    assert!(missed.len() * 50 <= cases.len(), "less than 98 % are right");

    let refused: Vec<&str> = cases
        .iter()
        .filter(|case| [&case.old, &case.new].into_iter().any(is_refused_today))
        .map(|case| case.id.as_str())
        .collect();
    let known: Vec<&str> = REFUSED_TODAY.iter().map(|(id, _)| *id).collect();
    assert_eq!(refused, known);
}

fn definition(schema: &Value) -> Definition {
    Definition {
        text: schema.to_string(),
        ..Definition::default()
    }
}

fn is_refused_today(schema: &Value) -> bool {
    avro::parse(&definition(schema)).is_err()
}

fn verdict(case: &Case) -> bool {
    let read = |schema| avro::parse_registered(&definition(schema)).unwrap();
    let (old, new) = (read(&case.old), read(&case.new));
    case.level.directions().iter().all(|direction| {
        let (reader, writer) = match direction {
            Direction::Backward => (&new, &old),
            Direction::Forward => (&old, &new),
        };
        avro::compare(reader, writer, *direction).is_empty()
    })
}
