//! A schema of any format, with the functions that every format has. Pure.

use std::ops::Range;

use super::{
    Definition, Direction, Format, Lint, Mismatch, ParseError, avro, json, pointer, protobuf,
};

/// A parsed schema.
#[derive(Debug, Clone)]
pub enum Schema {
    /// Of Apache Avro.
    Avro(Box<avro::Schema>),
    /// Of Protocol Buffers.
    Protobuf(Box<protobuf::Schema>),
    /// Of JSON Schema.
    Json(Box<json::Schema>),
}

impl Schema {
    /// Reads a new schema.
    pub fn parse(format: Format, definition: &Definition) -> Result<Self, ParseError> {
        let schema = Self::parse_registered(format, definition)?;
        match schema.faults().first() {
            Some(fault) => Err(fault.clone()),
            None => Ok(schema),
        }
    }

    /// Reads a schema that a registry has taken, which may have been laxer than it is today; what it
    /// would refuse is in [`faults`](Self::faults).
    pub fn parse_registered(format: Format, definition: &Definition) -> Result<Self, ParseError> {
        Ok(match format {
            Format::Avro => Self::Avro(Box::new(avro::parse_registered(definition)?)),
            Format::Protobuf => Self::Protobuf(Box::new(protobuf::parse(definition)?)),
            Format::Json => Self::Json(Box::new(json::parse(definition)?)),
        })
    }

    /// Returns the language it is written in.
    pub fn format(&self) -> Format {
        match self {
            Self::Avro(_) => Format::Avro,
            Self::Protobuf(_) => Format::Protobuf,
            Self::Json(_) => Format::Json,
        }
    }

    /// Returns what registries refuse in a new schema, though it can be read.
    pub fn faults(&self) -> &[ParseError] {
        match self {
            Self::Avro(schema) => schema.faults(),
            Self::Protobuf(_) | Self::Json(_) => &[],
        }
    }

    /// Returns the text that equal schemas share.
    pub fn canonical(&self) -> String {
        match self {
            Self::Avro(schema) => avro::canonical(schema),
            Self::Protobuf(schema) => protobuf::canonical(schema),
            Self::Json(schema) => json::canonical(schema),
        }
    }

    /// Returns the byte range in a text of the schema that a path of a mismatch or a lint names.
    pub fn locate(&self, text: &str, path: &str) -> Option<Range<usize>> {
        match self {
            Self::Avro(_) | Self::Json(_) => pointer::locate(text, path),
            Self::Protobuf(_) => protobuf::locate(text, path),
        }
    }

    /// Returns what is allowed and will hurt later.
    pub fn lint(&self) -> Vec<Lint> {
        match self {
            Self::Avro(schema) => avro::lint(schema),
            Self::Protobuf(schema) => protobuf::lint(schema),
            Self::Json(schema) => json::lint(schema),
        }
    }
}

/// Returns all that the reader's schema expects and data of the writer's does not give.
pub fn compare(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Mismatch> {
    match (reader, writer) {
        (Schema::Avro(reader), Schema::Avro(writer)) => avro::compare(reader, writer, direction),
        (Schema::Protobuf(reader), Schema::Protobuf(writer)) => {
            protobuf::compare(reader, writer, direction)
        }
        (Schema::Json(reader), Schema::Json(writer)) => json::compare(reader, writer, direction),
        (reader, writer) => {
            let (new, old) = match direction {
                Direction::Backward => (reader, writer),
                Direction::Forward => (writer, reader),
            };
            vec![other_format(new.format(), old.format())]
        }
    }
}

/// Returns what changes from an earlier schema to a new one, is no mismatch, and may hurt all the same.
pub fn cautions(new: &Schema, old: &Schema) -> Vec<Lint> {
    match (new, old) {
        (Schema::Protobuf(new), Schema::Protobuf(old)) => protobuf::cautions(new, old),
        // What hurts in the other formats is a mismatch.
        _ => Vec::new(),
    }
}

/// Returns the mismatch of a schema whose format is not the earlier one's.
pub fn other_format(new: Format, old: Format) -> Mismatch {
    Mismatch {
        rule: "format-changed".to_owned(),
        reader: String::new(),
        writer: String::new(),
        message: format!("the format changes from {old} to {new}, and neither reads the other"),
        advice: "register the new format under a subject of its own".to_owned(),
    }
}
