//! `streamform schema diff`: what changes from one schema to another, and whom it would break.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use similar::TextDiff;

use crate::compatibility::{Direction, Level, Lint, Mismatch, Schema, cautions, compare};
use crate::diagnostic::Diagnostics;

use super::input::{LanguageArgs, Source};
use super::{Exit, Output};

/// Show what changes from one schema to another and whom it would break; exit code 2 if they differ.
///
/// Compared are the canonical forms: white space, the order of keys and comments are no difference.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The earlier schema.
    old: PathBuf,
    /// The new schema.
    new: PathBuf,
    #[command(flatten)]
    language: LanguageArgs,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Two schemas and what lies between them.
struct Difference {
    old: Source,
    new: Source,
    /// The canonical forms' lines, as a unified diff; empty where they are equal.
    lines: String,
    /// What the new schema cannot read of the earlier one's data.
    backward: Vec<Mismatch>,
    /// What the earlier schema cannot read of the new one's data.
    forward: Vec<Mismatch>,
    cautions: Vec<Lint>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let mut problems = Diagnostics::new();
    let old = problems.take(args.language.read(&args.old));
    let new = problems.take(args.language.read(&args.new));
    let (Some(old), Some(new)) = (old, new) else {
        return Err(problems);
    };
    let difference = Difference::between(old, new);
    output.result(&if args.json {
        format!("{:#}\n", difference.json())
    } else {
        difference.text()
    });
    Ok(if difference.lines.is_empty() {
        Exit::Done
    } else {
        Exit::Changes
    })
}

impl Difference {
    fn between(old: Source, new: Source) -> Self {
        let (before, after) = (printed(&old.schema), printed(&new.schema));
        let lines = if before == after {
            String::new()
        } else {
            TextDiff::from_lines(&before, &after)
                .unified_diff()
                .header(&old.name, &new.name)
                .to_string()
        };
        Self {
            backward: compare(&new.schema, &old.schema, Direction::Backward),
            forward: compare(&old.schema, &new.schema, Direction::Forward),
            cautions: cautions(&new.schema, &old.schema),
            old,
            new,
            lines,
        }
    }

    /// Returns the strongest level that takes the change, seen from these two schemas alone.
    fn strongest(&self) -> Level {
        Level::kept(self.backward.is_empty(), self.forward.is_empty())
    }

    fn json(&self) -> Value {
        json!({
            "format_version": "1.0",
            "old": self.old.name,
            "new": self.new.name,
            "equal": self.lines.is_empty(),
            "strongest_level": self.strongest(),
            "backward": self.backward,
            "forward": self.forward,
            "cautions": self.cautions,
            "diff": self.lines,
        })
    }

    fn text(&self) -> String {
        let mut out = self.lines.clone();
        if self.lines.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "The schemas are the same.");
            return out;
        }
        let (old, new) = (&self.old.name, &self.new.name);
        side(&mut out, &self.backward, Direction::Backward, new, old);
        side(&mut out, &self.forward, Direction::Forward, old, new);
        for caution in &self.cautions {
            let Lint { path, message, .. } = caution;
            let _ = writeln!(out, "Caution: {message}, at {path}\n  {}", caution.advice);
        }
        let _ = writeln!(
            out,
            "The strongest level that takes it is {}.",
            self.strongest()
        );
        out
    }
}

/// Says what a reader cannot read of what a writer writes.
fn side(
    out: &mut String,
    mismatches: &[Mismatch],
    direction: Direction,
    reader: &str,
    writer: &str,
) {
    // Writing to a String cannot fail.
    if mismatches.is_empty() {
        let _ = writeln!(out, "{reader} reads data of {writer}.");
        return;
    }
    let _ = writeln!(out, "{reader} cannot read data of {writer}:");
    for mismatch in mismatches {
        let place = match direction.new_place(mismatch) {
            "" => "the root",
            place => place,
        };
        let _ = writeln!(
            out,
            "- {}, at {place} ({})\n  {}",
            mismatch.message, mismatch.rule, mismatch.advice
        );
    }
}

/// Returns the canonical form with a line for each thing in it.
fn printed(schema: &Schema) -> String {
    let canonical = schema.canonical();
    match serde_json::from_str::<Value>(&canonical) {
        Ok(value) => format!("{value:#}\n"),
        // Protobuf's canonical form has lines of its own.
        Err(_) => canonical,
    }
}
