//! `streamform validate`: loads a project for every environment, without reaching anything outside.

use serde::Serialize;

use crate::address::EnvironmentName;
use crate::config::block::Block;
use crate::config::load::{UnsetVariables, environments};
use crate::config::project::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::graph;
use crate::kinds;
use crate::source::Snapshot;

use super::project::load;
use super::runtime::block_on;
use super::{Exit, Output, ProjectArgs, SourceArgs};

/// Check that a project is valid in every environment.
///
/// Nothing outside of the project is read. Variables without a value may be anything of their type.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    project: ProjectArgs,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// What was found: the JSON that is written.
#[derive(Debug, Default, Serialize)]
struct Report {
    valid: bool,
    environments: Vec<EnvironmentName>,
    errors: usize,
    warnings: usize,
    diagnostics: Diagnostics,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let report = match validate(args) {
        Ok(report) => report,
        Err(diagnostics) if args.json => Report::new(Vec::new(), diagnostics),
        Err(diagnostics) => return Err(diagnostics),
    };
    if args.json {
        let json = serde_json::to_string_pretty(&report).expect("a report is plain JSON");
        output.result(&format!("{json}\n"));
    } else {
        output.diagnostics(&report.diagnostics);
        if report.valid {
            output.result(&format!("The project is valid{}.\n", report.named()));
        }
    }
    Ok(if report.valid {
        Exit::Done
    } else {
        Exit::Error
    })
}

fn validate(args: &Args) -> Result<Report, Diagnostics> {
    let inputs = args.project.inputs()?;
    let snapshot = block_on(args.source.open())??;
    let names = match &args.project.env {
        Some(name) => vec![name.clone()],
        None => environments(&*snapshot.files, &snapshot.folder)?,
    };
    let mut diagnostics = Vec::new();
    if names.is_empty() {
        check(&snapshot, None, &inputs, &mut diagnostics);
    }
    for name in &names {
        check(&snapshot, Some(name), &inputs, &mut diagnostics);
    }
    Ok(Report::new(names, Diagnostics(diagnostics)))
}

/// Loads the project for one environment and reads its objects. What another environment has shown
/// already is not added again.
fn check(
    snapshot: &Snapshot,
    environment: Option<&EnvironmentName>,
    inputs: &Inputs,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let found = match load(snapshot, environment, inputs, UnsetVariables::Unknown) {
        Err(errors) => errors,
        Ok((mut project, _)) => {
            // What depends on a variable without a value can be anything.
            project
                .resources
                .retain(|_, resource| is_known(&resource.body));
            let mut found = std::mem::take(&mut project.warnings);
            let inferred = kinds::decode(&project).and_then(|mut desired| {
                graph::infer::infer(&mut desired).map_err(|cycle| cycle.diagnostic())?;
                Ok(kinds::groups::shared(&desired))
            });
            let (Ok(told) | Err(told)) = inferred;
            found.extend(project.sources.attach(told));
            found
        }
    };
    for diagnostic in found {
        if !diagnostics.contains(&diagnostic) {
            diagnostics.push(diagnostic);
        }
    }
}

fn is_known(block: &Block) -> bool {
    let mut attributes = block.attributes.values();
    attributes.all(|attribute| attribute.value.is_wholly_known())
        && block.blocks.iter().all(is_known)
}

impl Report {
    fn new(environments: Vec<EnvironmentName>, diagnostics: Diagnostics) -> Self {
        let count = |severity| {
            diagnostics
                .iter()
                .filter(|d| d.severity == severity)
                .count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        Self {
            valid: errors == 0,
            environments,
            errors,
            warnings,
            diagnostics,
        }
    }

    /// Returns ` in dev, staging`, or nothing for a project without environments.
    fn named(&self) -> String {
        let names: Vec<_> = self
            .environments
            .iter()
            .map(EnvironmentName::as_str)
            .collect();
        match names.as_slice() {
            [] => String::new(),
            names => format!(" in {}", names.join(", ")),
        }
    }
}
