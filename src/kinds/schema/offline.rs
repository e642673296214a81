//! Whether a content can follow the versions that are known, without asking anybody. Pure.

use std::collections::BTreeMap;

use crate::compatibility::{Definition, Direction, Format, Level, Mismatch, ParseError};
use crate::compatibility::{avro, json, protobuf};

use super::Known;
use super::spec::{Content, SchemaSpec};

/// What speaks against a content, with the version that it does not get along with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The version's number; absent for what the state remembers.
    pub version: Option<u32>,
    /// Who reads what whom wrote.
    pub direction: Direction,
    /// What is wrong.
    pub mismatch: Mismatch,
}

/// What was found out without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offline {
    /// The content was held against all versions that count.
    Checked(Vec<Break>),
    /// The content cannot be read.
    Invalid(ParseError),
    /// It cannot be judged, and why.
    Unchecked(String),
}

/// An earlier version, with its number where that is known.
pub type Earlier = (Option<u32>, Format, Definition);

/// Returns the versions that facts hold.
pub fn known(versions: &[Known]) -> Vec<Earlier> {
    let earlier = versions.iter().map(|known| {
        let definition = Definition {
            text: known.schema.clone(),
            references: known.references.clone(),
        };
        (Some(known.version), known.format, definition)
    });
    earlier.collect()
}

/// Returns what the state remembers as the one version that is known.
pub fn remembered(prior: &SchemaSpec) -> Vec<Earlier> {
    let definition = prior.content().definition(&BTreeMap::new());
    vec![(None, prior.format, definition)]
}

/// Holds a content against earlier versions, as a level demands.
pub fn check(
    content: &Content,
    texts: &BTreeMap<String, String>,
    level: Level,
    earlier: &[Earlier],
) -> Offline {
    if let Some(name) = content.unknown_reference(texts) {
        return Offline::Unchecked(format!("the text of its reference {name:?} is not known"));
    }
    let new = content.definition(texts);
    let mut breaks = Vec::new();
    for (version, format, old) in earlier {
        if *format != content.format {
            if level != Level::None {
                breaks.extend(level.directions().first().map(|direction| Break {
                    version: *version,
                    direction: *direction,
                    mismatch: other_format(content.format, *format),
                }));
            }
            continue;
        }
        for direction in level.directions() {
            match compare(content.format, &new, old, *direction) {
                Ok(found) => breaks.extend(found.into_iter().map(|mismatch| Break {
                    version: *version,
                    direction: *direction,
                    mismatch,
                })),
                Err(Unreadable::New(error)) => return Offline::Invalid(error),
                Err(Unreadable::Old(error)) => {
                    let version = version.map_or("the version that was applied".to_owned(), |v| {
                        format!("version {v}")
                    });
                    return Offline::Unchecked(format!("{version} cannot be read: {error}"));
                }
            }
        }
    }
    Offline::Checked(breaks)
}

/// Which of two schemas cannot be read.
enum Unreadable {
    New(ParseError),
    Old(ParseError),
}

/// Holds one content against one earlier version, in one direction.
fn compare(
    format: Format,
    new: &Definition,
    old: &Definition,
    direction: Direction,
) -> Result<Vec<Mismatch>, Unreadable> {
    macro_rules! with {
        ($format:ident, $parse_old:ident) => {{
            let new = $format::parse(new).map_err(Unreadable::New)?;
            let old = $format::$parse_old(old).map_err(Unreadable::Old)?;
            Ok(match direction {
                Direction::Backward => $format::compare(&new, &old, direction),
                Direction::Forward => $format::compare(&old, &new, direction),
            })
        }};
    }
    match format {
        Format::Avro => with!(avro, parse_registered),
        Format::Protobuf => with!(protobuf, parse),
        Format::Json => with!(json, parse),
    }
}

fn other_format(new: Format, old: Format) -> Mismatch {
    Mismatch {
        rule: "format".into(),
        reader: String::new(),
        writer: String::new(),
        message: format!("the format changes from {old} to {new}"),
        advice: "register the new format under a subject of its own".into(),
    }
}
