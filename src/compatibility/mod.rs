//! Whether one schema can follow others: Avro, Protobuf and JSON Schema, offline. Pure.
//!
//! Each format is a folder with the same functions: `parse` takes a [`Definition`], `canonical` gives
//! the text that equal schemas share, `compare` finds every [`Mismatch`] between what a reader expects
//! and what a writer wrote, `lint` finds what will hurt later; [`Schema`] is one of any format. What a
//! level asks for is [`level`]'s, and [`history`] holds a schema against its earlier versions. The
//! rules are those that Confluent's documentation of schema evolution states for each format.

pub mod avro;
pub mod history;
pub mod json;
pub mod level;
pub mod pointer;
pub mod position;
pub mod protobuf;
mod schema;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use level::{Direction, Level};
pub use schema::{Schema, cautions, compare, other_format};

/// The language that a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Avro.
    Avro,
    /// Protocol Buffers, proto2 and proto3.
    Protobuf,
    /// JSON Schema, drafts 4 to 2020-12.
    Json,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Avro, Self::Protobuf, Self::Json];

    /// The word for it in HCL and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
            Self::Json => "json",
        }
    }

    /// The word for it in the registry's requests, `schemaType`.
    pub const fn registry_name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a schema format: avro, protobuf or json")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    /// Reads either spelling, that of HCL or that of the registry.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| text == format.name() || text == format.registry_name())
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// A schema as it is written, with all that it refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its text.
    pub text: String,
    /// The texts of the schemas it refers to, directly or through others, by the name that the
    /// referring text uses: an Avro full name, a Protobuf import path, a JSON Schema `$ref` address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, String>,
}

/// A text that is no schema of its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, and what was expected.
    pub message: String,
    /// The reference whose text it is in; absent for the schema itself.
    pub reference: Option<String>,
    /// The line and the column in characters, from 1, where they are known.
    pub position: Option<(usize, usize)>,
    /// The path into the schema, where the text was readable but not what it says.
    pub path: Option<String>,
}

impl ParseError {
    /// Returns an error without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            reference: None,
            position: None,
            path: None,
        }
    }
}

/// One thing that a reader expects and a writer's data does not give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mismatch {
    /// The rule's name for programs, such as `avro-field-without-default`.
    pub rule: String,
    /// Where in the reader's schema: a JSON pointer (Avro, JSON Schema), or message and field
    /// (Protobuf).
    pub reader: String,
    /// Where in the writer's schema.
    pub writer: String,
    /// What is wrong, a sentence without a full stop.
    pub message: String,
    /// What to do instead, seen from whoever proposes the new schema.
    pub advice: String,
}

/// Something that is allowed and will hurt later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lint {
    /// The rule's name for programs, such as `avro-enum-without-default`.
    pub rule: String,
    /// Where in the schema, like [`Mismatch::reader`].
    pub path: String,
    /// What is found, a sentence without a full stop.
    pub message: String,
    /// What to do.
    pub advice: String,
}
