//! `streamform schema lint`: what a schema allows and its owner will regret.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::compatibility::Lint;
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::input::{LanguageArgs, Source};
use super::{Exit, Output};

/// Look for what will hurt later: missing documentation, enums without a default, unused references,
/// names; exit code 3 if there is any.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schemas.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    language: LanguageArgs,
    /// Leave out a rule, such as avro-doc-missing. May be repeated.
    #[arg(long = "allow", value_name = "RULE")]
    allowed: Vec<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let mut problems = Diagnostics::new();
    let linted: Vec<(Source, Vec<Lint>)> = args
        .files
        .iter()
        .filter_map(|path| problems.take(args.language.read(path)))
        .map(|source| {
            let mut found = source.schema.lint();
            found.retain(|lint| !args.allowed.contains(&lint.rule));
            (source, found)
        })
        .collect();
    if args.json && problems.is_empty() {
        output.result(&format!("{:#}\n", document(&linted)));
    } else if !args.json {
        output.result(&text(&linted));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let clean = linted.iter().all(|(_, found)| found.is_empty());
    Ok(if clean { Exit::Done } else { Exit::Refused })
}

fn document(linted: &[(Source, Vec<Lint>)]) -> Value {
    let schemas: Vec<Value> = linted
        .iter()
        .map(|(source, found)| {
            let findings: Vec<Value> = found.iter().map(|lint| finding(source, lint)).collect();
            json!({
                "file": source.name,
                "format": source.schema.format(),
                "findings": findings,
            })
        })
        .collect();
    json!({ "format_version": "1.0", "schemas": schemas })
}

fn finding(source: &Source, lint: &Lint) -> Value {
    let position = source.position(&lint.path);
    json!({
        "rule": lint.rule,
        "path": lint.path,
        "message": lint.message,
        "advice": lint.advice,
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
    })
}

fn text(linted: &[(Source, Vec<Lint>)]) -> String {
    let findings = linted.iter().flat_map(|(source, found)| {
        found.iter().map(|lint| {
            let mut diagnostic = Diagnostic::warning("lint", lint.message.clone())
                .detail(format!("rule {}", lint.rule))
                .hint(lint.advice.clone());
            diagnostic.code = lint.rule.clone().into();
            source.at(diagnostic, &lint.path)
        })
    });
    let findings: Diagnostics = findings.collect();
    findings.render()
}
