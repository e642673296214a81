//! Whether a content can follow the versions that are known, without asking anybody. Pure.

use std::collections::BTreeMap;

use crate::compatibility::history::against;
use crate::compatibility::{
    Definition, Direction, Format, Level, Mismatch, ParseError, Schema, other_format,
};

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
    let new = match Schema::parse(content.format, &content.definition(texts)) {
        Ok(new) => new,
        Err(error) => return Offline::Invalid(error),
    };
    let mut breaks = Vec::new();
    for (version, format, old) in earlier {
        let found = |direction: Direction, mismatch: Mismatch| Break {
            version: *version,
            direction,
            mismatch,
        };
        if *format != content.format {
            let first = level.directions().first();
            breaks.extend(first.map(|first| found(*first, other_format(content.format, *format))));
            continue;
        }
        let old = match Schema::parse_registered(*format, old) {
            Ok(old) => old,
            Err(error) => {
                let version = version.map_or("the version that was applied".to_owned(), |number| {
                    format!("version {number}")
                });
                return Offline::Unchecked(format!("{version} cannot be read: {error}"));
            }
        };
        let mismatches = against(level, &old, &new).into_iter();
        breaks.extend(mismatches.map(|(direction, one)| found(direction, one)));
    }
    Offline::Checked(breaks)
}
