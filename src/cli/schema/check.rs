//! `streamform schema check`: can a schema follow earlier ones?

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::compatibility::history::{Finding, check, collapse};
use crate::compatibility::{Direction, Level, Schema};
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::input::{Base, LanguageArgs, Source};
use super::{Exit, Output};

/// Check that a schema is compatible with earlier ones; exit code 3 if it is not.
///
/// The last file is the new schema, those before it are its earlier versions, the oldest first. With
/// --base every file is a new schema, and its earlier version is what the commit holds at that path.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Earlier schemas, the oldest first, and the new one; with --base new ones alone.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The level: NONE, BACKWARD, FORWARD, FULL, or one of them with `_TRANSITIVE`.
    #[arg(long, value_name = "LEVEL", default_value = "BACKWARD", value_parser = level)]
    compatibility: Level,
    #[command(flatten)]
    language: LanguageArgs,
    /// Compare with the files of this commit, branch or tag of their git repository.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// The registry's words, in any case and also with hyphens.
fn level(text: &str) -> Result<Level, String> {
    let word = text.to_uppercase().replace('-', "_");
    word.parse::<Level>().map_err(|error| error.to_string())
}

/// One new schema and what was found.
struct Checked {
    new: Source,
    /// Its earlier versions in words; none where it is new.
    versions: Vec<String>,
    old: Vec<Source>,
    findings: Vec<Finding>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let checked = match &args.base {
        Some(revision) => against_commit(args, revision)?,
        None => vec![against_files(args)?],
    };
    for one in &checked {
        output.diagnostics(&one.new.refused());
    }
    let compatible = checked.iter().all(|one| one.findings.is_empty());
    if args.json {
        let document = json!({
            "format_version": "1.0",
            "compatibility": args.compatibility,
            "compatible": compatible,
            "schemas": checked.iter().map(Checked::json).collect::<Vec<_>>(),
        });
        output.result(&format!("{document:#}\n"));
    } else {
        output.result(&text(&checked, args.compatibility));
    }
    Ok(if compatible {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// Takes the last file as new and the others as its earlier versions.
fn against_files(args: &Args) -> Result<Checked, Diagnostics> {
    let (new, old) = args.files.split_last().expect("clap asks for one file");
    if old.is_empty() {
        let summary = "There is one schema, and nothing to check it against";
        let hint = "name its earlier versions before it, or a commit with --base";
        return Err(Diagnostic::error("usage", summary).hint(hint).into());
    }
    let mut problems = Diagnostics::new();
    let old: Vec<Source> = old
        .iter()
        .filter_map(|path| problems.take(args.language.read(path)))
        .collect();
    let new = problems.take(args.language.read(new));
    match new {
        Some(new) if problems.is_empty() => Ok(Checked::new(args.compatibility, old, new)),
        _ => Err(problems),
    }
}

/// Takes every file as new and what the commit has at its path as its earlier version.
fn against_commit(args: &Args, revision: &str) -> Result<Vec<Checked>, Diagnostics> {
    let mut base = Base::new(revision);
    let mut problems = Diagnostics::new();
    let mut checked = Vec::new();
    for path in &args.files {
        let old = problems.take(args.language.read_base(path, &mut base));
        let new = problems.take(args.language.read(path));
        if let (Some(old), Some(new)) = (old, new) {
            checked.push(Checked::new(
                args.compatibility,
                old.into_iter().collect(),
                new,
            ));
        }
    }
    if problems.is_empty() {
        Ok(checked)
    } else {
        Err(problems)
    }
}

impl Checked {
    fn new(level: Level, old: Vec<Source>, new: Source) -> Self {
        let versions: Vec<String> = old.iter().map(|source| source.name.clone()).collect();
        let previous: Vec<(String, &Schema)> = old
            .iter()
            .map(|source| (source.name.clone(), &source.schema))
            .collect();
        let findings = collapse(&check(level, &previous, &new.schema));
        Self {
            new,
            versions,
            old,
            findings,
        }
    }

    fn json(&self) -> Value {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                let mismatch = &finding.mismatch;
                let position = self.new.position(finding.direction.new_place(mismatch));
                json!({
                    "versions": finding.versions,
                    "direction": finding.direction,
                    "rule": mismatch.rule,
                    "reader": mismatch.reader,
                    "writer": mismatch.writer,
                    "message": mismatch.message,
                    "advice": mismatch.advice,
                    "line": position.map(|(line, _)| line),
                    "column": position.map(|(_, column)| column),
                })
            })
            .collect();
        let refused: Vec<String> = self
            .new
            .schema
            .faults()
            .iter()
            .map(ToString::to_string)
            .collect();
        json!({
            "file": self.new.name,
            "format": self.new.schema.format(),
            "versions": self.versions,
            "compatible": self.findings.is_empty(),
            "incompatibilities": findings,
            "refused": refused,
        })
    }

    /// Says what was found, each with the line of the new schema.
    fn text(&self, level: Level, out: &mut String) {
        for finding in &self.findings {
            let mismatch = &finding.mismatch;
            let (who, place) = match finding.direction {
                Direction::Backward => ("the new schema cannot read data of", &mismatch.writer),
                Direction::Forward => {
                    ("data of the new schema cannot be read by", &mismatch.reader)
                }
            };
            let versions = finding.versions.join(", ");
            let there = self
                .place_in_last(finding, place)
                .map_or_else(String::new, |line| format!(", line {line} there"));
            let mut diagnostic = Diagnostic::error("incompatible", mismatch.message.clone())
                .detail(format!(
                    "{level}: {who} {versions}{there}\nrule {}",
                    mismatch.rule
                ))
                .hint(mismatch.advice.clone());
            diagnostic.code = mismatch.rule.clone().into();
            let new_place = finding.direction.new_place(mismatch);
            let diagnostic = self.new.at(diagnostic, new_place);
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}", diagnostic.render());
        }
    }

    /// Returns the line of the earlier schema that a finding is about, the last of several.
    fn place_in_last(&self, finding: &Finding, place: &str) -> Option<usize> {
        let last = finding.versions.last()?;
        let old = self.old.iter().rfind(|source| source.name == *last)?;
        old.position(place).map(|(line, _)| line)
    }
}

fn text(checked: &[Checked], level: Level) -> String {
    let mut out = String::new();
    for one in checked {
        one.text(level, &mut out);
    }
    for one in checked {
        let name = &one.new.name;
        let versions = one.versions.len();
        // Writing to a String cannot fail.
        let _ = match (one.findings.len(), versions) {
            (0, 0) => writeln!(out, "{name}: new, there is nothing to be compatible with"),
            (0, 1) => writeln!(out, "{name}: compatible with {} ({level})", one.versions[0]),
            (0, _) => writeln!(out, "{name}: compatible with earlier versions ({level})"),
            (1, _) => writeln!(out, "{name}: not compatible ({level}), 1 mismatch"),
            (count, _) => writeln!(out, "{name}: not compatible ({level}), {count} mismatches"),
        };
    }
    out
}
