//! Protobuf schemas that others wrote, and what their projects say of them.
//!
//! Ours follows Confluent's documentation; where another project judges otherwise by design, or a
//! line cannot be judged by what it shows, the line is listed with the reason.

#![expect(clippy::print_stderr, reason = "the figures, and why there are none")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::servers::say_skipped;
use serde_json::Value;
use streamform::compatibility::{Definition, Direction, Level, Lint, Mismatch, protobuf};

/// How many lines in a hundred have to be judged as their project does, listed ones left out.
const WANTED: usize = 95;

const NOT_PROTOBUF: &str = "field number 0, which protoc refuses";
const PACKAGE: &str = "Confluent: a changed package is incompatible (PACKAGE_CHANGED)";
const WHOLE_FOLDER: &str = "the label is that of a whole folder of files, and the change is in another of \
                            them: nothing that the line's texts have in common differs";
const RESERVED: &str = "Confluent: reservations do not count; told as a caution";
const LABEL: &str = "Confluent: strings may start and stop to repeat; told as a caution";
const RENUMBERED: &str = "Confluent: fields may be removed and added; told as a caution";
const RPC: &str = "Confluent: services are no data; told as a caution";

/// The lines that are judged otherwise, and why.
const LISTED: &[(&str, &str)] = &[
    ("karapace:test_compatibility_package", PACKAGE),
    (
        "karapace:test_compatibility_ordering_change_msg",
        NOT_PROTOBUF,
    ),
    ("buf:breaking_enum_same_json_format/3.proto", WHOLE_FOLDER),
    (
        "buf:breaking_enum_value_no_delete_unless_number_reserved/2.proto",
        WHOLE_FOLDER,
    ),
    (
        "buf:breaking_field_no_delete_unless_name_reserved/2.proto",
        WHOLE_FOLDER,
    ),
    ("buf:breaking_field_same_json_name/2.proto", WHOLE_FOLDER),
    (
        "buf:breaking_message_same_json_format/4.proto",
        WHOLE_FOLDER,
    ),
    ("buf:breaking_reserved_enum_no_delete/2.proto", WHOLE_FOLDER),
    ("apicurio:testUsingReservedFieldName#1", RESERVED),
    ("apicurio:testUsingReservedFieldId#1", RESERVED),
    ("apicurio:testFieldLabelChange#1", LABEL),
    (
        "apicurio:testBackwardCompatibility_FieldIdChanged_ReturnsDetailedError#1",
        RENUMBERED,
    ),
    (
        "apicurio:testBackwardCompatibility_ContextPath_IsExtracted#1",
        RENUMBERED,
    ),
    (
        "apicurio:testFullCompatibility_ReturnsDetailedError#1",
        RENUMBERED,
    ),
    (
        "apicurio:testRpcSignatureChanged_ReturnsDetailedError#1",
        RPC,
    ),
];

/// Which of our rules find what a rule of buf's wire-level categories finds.
const BUF: &[(&str, &[&str])] = &[
    ("ENUM_SAME_JSON_FORMAT", &["protobuf-json-format-loosened"]),
    (
        "MESSAGE_SAME_JSON_FORMAT",
        &["protobuf-json-format-loosened"],
    ),
    ("ENUM_VALUE_SAME_NAME", &["protobuf-enum-value-renamed"]),
    (
        "ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED",
        &["protobuf-enum-number-not-reserved"],
    ),
    (
        "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED",
        &[
            "protobuf-enum-name-not-reserved",
            "protobuf-enum-value-renumbered",
        ],
    ),
    (
        "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED",
        &["protobuf-field-number-not-reserved"],
    ),
    (
        "FIELD_NO_DELETE_UNLESS_NAME_RESERVED",
        &[
            "protobuf-field-name-not-reserved",
            "protobuf-field-renumbered",
        ],
    ),
    ("FIELD_SAME_NAME", &["protobuf-field-renamed"]),
    (
        "FIELD_SAME_JSON_NAME",
        &["protobuf-json-name-changed", "protobuf-field-renamed"],
    ),
    ("FIELD_SAME_DEFAULT", &["protobuf-default-changed"]),
    ("FIELD_SAME_ONEOF", &["protobuf-oneof-changed"]),
    (
        "FIELD_WIRE_COMPATIBLE_CARDINALITY",
        &[
            "protobuf-cardinality-changed",
            "protobuf-field-numeric-label-changed",
            "protobuf-required-field-added",
        ],
    ),
    (
        "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY",
        &[
            "protobuf-cardinality-changed",
            "protobuf-field-kind-changed",
            "protobuf-field-numeric-label-changed",
            "protobuf-required-field-added",
        ],
    ),
    (
        "FIELD_WIRE_COMPATIBLE_TYPE",
        &[
            "protobuf-bytes-became-string",
            "protobuf-enum-exchanged",
            "protobuf-enum-type-changed",
            "protobuf-field-kind-changed",
            "protobuf-field-named-type-changed",
            "protobuf-field-scalar-kind-changed",
        ],
    ),
    (
        "FIELD_WIRE_JSON_COMPATIBLE_TYPE",
        &[
            "protobuf-bytes-became-string",
            "protobuf-enum-exchanged",
            "protobuf-enum-type-changed",
            "protobuf-field-kind-changed",
            "protobuf-field-named-type-changed",
            "protobuf-field-scalar-kind-changed",
            "protobuf-number-type-changed",
            "protobuf-string-became-bytes",
        ],
    ),
    ("FILE_SAME_PACKAGE", &["protobuf-package-changed"]),
    (
        "MESSAGE_SAME_REQUIRED_FIELDS",
        &[
            "protobuf-cardinality-changed",
            "protobuf-field-numeric-label-changed",
            "protobuf-required-field-added",
            "protobuf-required-field-removed",
        ],
    ),
    (
        "RESERVED_ENUM_NO_DELETE",
        &["protobuf-enum-reservation-dropped"],
    ),
    (
        "RESERVED_MESSAGE_NO_DELETE",
        &["protobuf-message-reservation-dropped"],
    ),
    ("RPC_SAME_CLIENT_STREAMING", &["protobuf-rpc-changed"]),
    ("RPC_SAME_IDEMPOTENCY_LEVEL", &["protobuf-rpc-changed"]),
    ("RPC_SAME_REQUEST_TYPE", &["protobuf-rpc-changed"]),
    ("RPC_SAME_RESPONSE_TYPE", &["protobuf-rpc-changed"]),
    ("RPC_SAME_SERVER_STREAMING", &["protobuf-rpc-changed"]),
];

/// What we say of a line.
#[derive(Default)]
struct Verdict {
    refused: Vec<String>,
    mismatches: Vec<Mismatch>,
    cautions: Vec<Lint>,
}

impl Verdict {
    /// Whether the registry would take it.
    fn is_compatible(&self) -> bool {
        self.refused.is_empty() && self.mismatches.is_empty()
    }

    /// Whether none of buf's rules that the line names finds anything.
    fn passes(&self, rules: &[&str]) -> bool {
        let ours: Vec<&str> = rules
            .iter()
            .filter_map(|rule| BUF.iter().find(|(name, _)| name == rule))
            .flat_map(|(_, ours)| ours.iter().copied())
            .collect();
        let mismatches = self.mismatches.iter().map(|found| &found.rule);
        let cautions = self.cautions.iter().map(|found| &found.rule);
        self.refused.is_empty()
            && !mismatches
                .chain(cautions)
                .any(|rule| ours.contains(&rule.as_str()))
    }
}

/// The files of one side by name; a single one has none.
fn files(side: &Value) -> BTreeMap<String, String> {
    // A line continuation of the language that the test was written in, not Protobuf's.
    let text = |value: &Value| {
        let text = value.as_str().unwrap();
        text.strip_prefix("\\\n").unwrap_or(text).to_owned()
    };
    match side.get("files").and_then(Value::as_object) {
        Some(files) => files
            .iter()
            .map(|(name, file)| (name.clone(), text(file)))
            .collect(),
        None => BTreeMap::from([(String::new(), text(side))]),
    }
}

fn parse(name: &str, files: &BTreeMap<String, String>) -> Result<protobuf::Schema, String> {
    let mut references = files.clone();
    let text = references.remove(name).unwrap();
    let definition = Definition { text, references };
    protobuf::parse(&definition).map_err(|error| format!("{name}: {error}"))
}

/// Compares every file with every earlier one, since a message may have moved between them; what
/// concerns a file as a whole is taken from those of one name.
fn judge(line: &Value) -> Verdict {
    let (old, new) = (files(&line["old"]), files(&line["new"]));
    let level: Level = line["level"].as_str().unwrap().parse().unwrap();
    let mut verdict = Verdict::default();
    let mut parsed = |files: &BTreeMap<String, String>| -> Vec<(String, protobuf::Schema)> {
        let results = files.keys().map(|name| (name.clone(), parse(name, files)));
        let keep = |(name, result): (String, Result<_, String>)| match result {
            Ok(schema) => Some((name, schema)),
            Err(error) => {
                verdict.refused.push(error);
                None
            }
        };
        results.filter_map(keep).collect()
    };
    let (old, new) = (parsed(&old), parsed(&new));
    for ((new_name, new), (old_name, old)) in new
        .iter()
        .flat_map(|new| old.iter().map(move |old| (new, old)))
    {
        let found = level
            .directions()
            .iter()
            .flat_map(|direction| match direction {
                Direction::Backward => protobuf::compare(new, old, *direction),
                Direction::Forward => protobuf::compare(old, new, *direction),
            });
        verdict.mismatches.extend(found.filter(|found| {
            new_name == old_name
                || !["protobuf-package-changed", "protobuf-message-removed"].contains(&&*found.rule)
        }));
        verdict.cautions.extend(protobuf::cautions(new, old));
    }
    for (_, schema) in old.iter().chain(&new) {
        assert_eq!(protobuf::compare(schema, schema, Direction::Backward), []);
        protobuf::lint(schema);
        protobuf::canonical(schema);
    }
    verdict
}

/// Counts of one project's lines.
#[derive(Default)]
struct Score {
    right: usize,
    listed: Vec<String>,
    wrong: Vec<String>,
}

#[test]
fn others_judge_as_we_do() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/compat-protobuf.jsonl");
    let Ok(text) = fs::read_to_string(&path) else {
        say_skipped(&format!("there is no {}", path.display()));
        return;
    };
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let verdict = judge(&line);
        let (project, ours) = match line["semantics"].as_str().unwrap() {
            "buf" => {
                let rules = line["rules"].as_array().unwrap();
                let rules: Vec<&str> = rules.iter().filter_map(Value::as_str).collect();
                // What buf says of generated code is no matter of compatibility.
                if line["wire"] != true {
                    continue;
                }
                ("buf, wire level", verdict.passes(&rules))
            }
            "karapace" => ("Karapace", verdict.is_compatible()),
            "apicurio" => ("Apicurio", verdict.is_compatible()),
            other => unreachable!("whose rules are those of {other}?"),
        };
        let id = line["id"].as_str().unwrap();
        let listed = LISTED.iter().find(|(listed, _)| *listed == id);
        let score = scores.entry(project).or_default();
        match (line["compatible"] == ours, listed) {
            (true, None) => score.right += 1,
            (false, Some((_, reason))) => score.listed.push(format!("{id}: {reason}")),
            (true, Some(_)) => score.wrong.push(format!("{id}: listed, but judged alike")),
            (false, None) => score.wrong.push(format!("{id}: {:?}", verdict.refused)),
        }
    }
    for (
        project,
        Score {
            right,
            listed,
            wrong,
        },
    ) in &scores
    {
        let judged = right + wrong.len();
        eprintln!(
            "{project}: {right} of {} lines judged alike, {} otherwise for a reason:",
            judged + listed.len(),
            listed.len()
        );
        for line in listed {
            eprintln!("  {line}");
        }
        assert!(
            right * 100 >= judged * WANTED,
            "{project}: {right} of {judged} lines are judged alike, not {WANTED} %:\n{}",
            wrong.join("\n")
        );
    }
    assert_eq!(scores.len(), 3, "the corpus has lines of other projects");
}

/// Messages that refer to each other, as deep as protoc lets them nest, with options and comments.
fn two_megabytes() -> String {
    let mut text =
        "syntax = \"proto3\";\npackage p;\nimport \"confluent/meta.proto\";\n".to_owned();
    let mut number = 0;
    while text.len() < 2_000_000 {
        number += 1;
        let nested = if number % 100 == 0 { 31 } else { 1 };
        for depth in 0..nested {
            let field = format!(
                "// {}\nmessage M{number}N{depth} {{\n  repeated M{}N0 many = 1;\n  map<string, M{number}N{depth}> \
                 own = 2 [(confluent.field_meta).doc = \"d\"];\n",
                "é".repeat(20),
                number / 2 + 1
            );
            text.push_str(&field);
        }
        text.push_str(&"}\n".repeat(nested));
    }
    text
}

#[test]
fn two_megabytes_take_little_time_and_stack() {
    let compared = || {
        let definition = Definition {
            text: two_megabytes(),
            ..Definition::default()
        };
        let start = Instant::now();
        let schema = protobuf::parse(&definition).unwrap();
        let found = protobuf::compare(&schema, &schema, Direction::Backward);
        protobuf::canonical(&schema);
        protobuf::lint(&schema);
        protobuf::cautions(&schema, &schema);
        (found, start.elapsed())
    };
    // A quarter of what a worker thread has.
    let thread = thread::Builder::new().stack_size(512 * 1024);
    let (found, took) = thread.spawn(compared).unwrap().join().unwrap();
    assert_eq!(found, []);
    // About three seconds without optimisation; what is quadratic takes minutes.
    assert!(took < Duration::from_mins(1), "it took {took:?}");
}
