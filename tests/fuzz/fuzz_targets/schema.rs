//! No text is read as a schema that cannot be compared, shown and linted; one is compatible with itself.
//!
//! An input is the letter of a format (`a`vro, `p`rotobuf, `j`son), an old schema, a zero and a new schema.

#![no_main]

use std::hint::black_box;

use libfuzzer_sys::fuzz_target;
use streamform::compatibility::{Definition, Direction, Format, Schema, cautions, compare};

fuzz_target!(|input: &str| {
    let Some((texts, format)) = input.get(1..).zip(input.chars().next()) else {
        return;
    };
    let format = match format {
        'a' => Format::Avro,
        'p' => Format::Protobuf,
        'j' => Format::Json,
        _ => return,
    };
    let (old, new) = texts.split_once('\0').unwrap_or((texts, texts));
    let read = |text: &str| {
        let definition = Definition {
            text: text.to_owned(),
            ..Definition::default()
        };
        Schema::parse_registered(format, &definition).ok()
    };
    let (Some(old_schema), new_schema) = (read(old), read(new)) else {
        return;
    };
    assert!(compare(&old_schema, &old_schema, Direction::Backward).is_empty());
    black_box((old_schema.canonical(), old_schema.lint()));
    let Some(new_schema) = new_schema else { return };
    black_box(cautions(&new_schema, &old_schema));
    for direction in [Direction::Backward, Direction::Forward] {
        for found in compare(&new_schema, &old_schema, direction) {
            black_box(new_schema.locate(new, &found.reader));
            black_box(old_schema.locate(old, &found.writer));
        }
    }
});
