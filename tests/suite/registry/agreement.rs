//! What is found offline against what a real registry says, on pairs of schemas that nobody chose.
//!
//! Pairs are made up from a fixed seed: a schema, and the same one after one or two edits that people make.
//! Where the two verdicts differ a rule of ours must name the reason; the list below holds all of them.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use streamform::compatibility::{Definition, Direction, Format, Schema, cautions, compare};

use crate::support::kafka::unique_prefix;
use crate::support::registry::Registry;
use crate::support::servers;

/// How many pairs of each format.
const PAIRS: usize = 300;

/// What Apicurio refuses and Confluent's rules permit: told as a caution.
const STRICTER: [&str; 5] = [
    "protobuf-field-name-not-reserved",
    "protobuf-field-number-not-reserved",
    "protobuf-number-type-changed",
    "protobuf-presence-changed",
    "protobuf-string-became-bytes",
];

/// A field of a made-up record: its name, its number, its type (an index) and whether it may be absent.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    number: usize,
    kind: usize,
    optional: bool,
}

/// A made-up record, written in each format.
#[derive(Debug, Clone)]
struct Record {
    fields: Vec<Field>,
    symbols: Vec<String>,
}

const AVRO: [&str; 6] = ["int", "long", "string", "bytes", "double", "boolean"];
const PROTOBUF: [&str; 6] = ["int32", "int64", "string", "bytes", "double", "bool"];
const JSON: [&str; 6] = ["integer", "number", "string", "array", "object", "boolean"];

impl Record {
    fn any(random: &mut StdRng) -> Self {
        let count = random.random_range(1..5);
        let fields = (1..=count).map(|number| Field {
            name: format!("field_{number}"),
            number,
            kind: random.random_range(0..6),
            optional: random.random_bool(0.5),
        });
        Self {
            fields: fields.collect(),
            symbols: ["A", "B", "C"].map(String::from).to_vec(),
        }
    }

    /// Makes one edit as people make them.
    fn edit(&mut self, random: &mut StdRng) {
        let next = self.fields.iter().map(|f| f.number).max().unwrap_or(0) + 1;
        match random.random_range(0..6) {
            0 => self.fields.push(Field {
                name: format!("field_{next}"),
                number: next,
                kind: random.random_range(0..6),
                optional: random.random_bool(0.5),
            }),
            1 if self.fields.len() > 1 => {
                let at = random.random_range(0..self.fields.len());
                self.fields.remove(at);
            }
            2 => {
                let at = random.random_range(0..self.fields.len());
                self.fields[at].kind = random.random_range(0..6);
            }
            3 => {
                let at = random.random_range(0..self.fields.len());
                self.fields[at].optional = !self.fields[at].optional;
            }
            4 => self.symbols.push(format!("S{}", self.symbols.len())),
            _ if self.symbols.len() > 1 => {
                let gone = self.symbols.choose(random).cloned();
                self.symbols.retain(|symbol| Some(symbol) != gone.as_ref());
            }
            _ => {}
        }
    }

    fn written(&self, format: Format) -> String {
        match format {
            Format::Avro => self.avro().to_string(),
            Format::Protobuf => self.protobuf(),
            Format::Json => self.json().to_string(),
        }
    }

    fn avro(&self) -> Value {
        let fields = self.fields.iter().map(|field| {
            let kind = AVRO[field.kind];
            if field.optional {
                json!({"name": field.name, "type": ["null", kind], "default": null})
            } else {
                json!({"name": field.name, "type": kind})
            }
        });
        let symbols = json!({
            "name": "state",
            "type": {"type": "enum", "name": "State", "symbols": self.symbols},
        });
        let fields: Vec<Value> = fields.chain([symbols]).collect();
        json!({"type": "record", "name": "Made", "namespace": "up", "fields": fields})
    }

    fn protobuf(&self) -> String {
        use std::fmt::Write as _;

        let mut text = String::from("syntax = \"proto3\";\npackage up;\n\nmessage Made {\n");
        for field in &self.fields {
            let label = if field.optional { "optional " } else { "" };
            let kind = PROTOBUF[field.kind];
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {label}{kind} {} = {};", field.name, field.number);
        }
        text + "}\n"
    }

    fn json(&self) -> Value {
        let properties: serde_json::Map<String, Value> = self
            .fields
            .iter()
            .map(|field| (field.name.clone(), json!({"type": JSON[field.kind]})))
            .chain([("state".to_owned(), json!({"enum": self.symbols}))])
            .collect();
        let required: Vec<&str> = self
            .fields
            .iter()
            .filter(|field| !field.optional)
            .map(|field| &*field.name)
            .collect();
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

fn parsed(format: Format, text: &str) -> Schema {
    let definition = Definition {
        text: text.to_owned(),
        ..Definition::default()
    };
    Schema::parse(format, &definition).unwrap()
}

/// Asks the registry whether `new` may follow `old`.
fn asked(registry: &Registry, subject: &str, format: Format, old: &str, new: &str) -> Value {
    let body = |text: &str| json!({"schema": text, "schemaType": format.registry_name()});
    let path = format!("/subjects/{subject}/versions");
    let (status, answer) = registry.call("POST", &path, Some(&body(old)));
    assert_eq!(status, 200, "{answer} {old}");
    let path = format!("/compatibility/subjects/{subject}/versions/latest");
    let (status, answer) = registry.call("POST", &path, Some(&body(new)));
    assert_eq!(status, 200, "{answer} {new}");
    registry.delete(subject);
    answer["is_compatible"].clone()
}

fn agree(format: Format) {
    let Some(url) = servers::registry() else {
        return;
    };
    let registry = Registry::at(&url);
    let prefix = unique_prefix("agreement");
    let mut random = StdRng::seed_from_u64(4711);
    let mut differing = Vec::new();
    for pair in 0..PAIRS {
        let old = Record::any(&mut random);
        let mut new = old.clone();
        for _ in 0..random.random_range(1..3) {
            new.edit(&mut random);
        }
        let (old, new) = (old.written(format), new.written(format));
        let (reader, writer) = (parsed(format, &new), parsed(format, &old));
        let ours = compare(&reader, &writer, Direction::Backward);
        let theirs = asked(&registry, &format!("{prefix}{pair}"), format, &old, &new);
        let told = cautions(&reader, &writer);
        let explained = theirs == false && told.iter().any(|c| STRICTER.contains(&&*c.rule));
        if ours.is_empty() != theirs && !explained {
            let rules: Vec<&str> = ours.iter().map(|mismatch| &*mismatch.rule).collect();
            let told: Vec<&str> = told.iter().map(|caution| &*caution.rule).collect();
            differing.push(format!("{rules:?} {told:?} {theirs}\n{old}\n{new}"));
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {PAIRS} differ:\n{}",
        differing.len(),
        differing.join("\n\n")
    );
}

#[test]
fn avro_pairs_are_judged_as_the_registry_judges_them() {
    agree(Format::Avro);
}

#[test]
fn protobuf_pairs_are_judged_as_the_registry_judges_them() {
    agree(Format::Protobuf);
}

#[test]
fn json_pairs_are_judged_as_the_registry_judges_them() {
    agree(Format::Json);
}
