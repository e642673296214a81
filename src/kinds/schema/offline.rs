//! Whether a content can follow the versions that are known, without asking anybody. Pure.

use std::collections::BTreeMap;
use std::fmt;

use crate::compatibility::history::against;
use crate::compatibility::{
    Definition, Direction, Format, Level, Mismatch, ParseError, Schema, other_format,
};

use super::Known;
use super::spec::Content;

/// What speaks against a content, with the version that it does not get along with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The version.
    pub earlier: Origin,
    /// Who reads what whom wrote.
    pub direction: Direction,
    /// What is wrong.
    pub mismatch: Mismatch,
}

/// Where an earlier version is known from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The registry, by its number.
    Version(u32),
    /// The state: it was applied last.
    Applied,
    /// The project's git history, by the commit's first digits.
    Commit(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(number) => write!(f, "version {number}"),
            Self::Applied => f.write_str("the version that was applied last"),
            Self::Commit(commit) => write!(f, "the version of git commit {commit}"),
        }
    }
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

/// An earlier version.
pub type Earlier = (Origin, Format, Definition);

/// Returns the versions that facts hold.
pub fn known(versions: &[Known]) -> Vec<Earlier> {
    let earlier = versions.iter().map(|known| {
        let definition = Definition {
            text: known.schema.clone(),
            references: known.references.clone(),
        };
        (Origin::Version(known.version), known.format, definition)
    });
    earlier.collect()
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
    for (origin, format, old) in earlier {
        let found = |direction: Direction, mismatch: Mismatch| Break {
            earlier: origin.clone(),
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
            Err(error) => return Offline::Unchecked(format!("{origin} cannot be read: {error}")),
        };
        let mismatches = against(level, &old, &new).into_iter();
        breaks.extend(mismatches.map(|(direction, one)| found(direction, one)));
    }
    Offline::Checked(breaks)
}
