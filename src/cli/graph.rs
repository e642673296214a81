//! `streamform graph`: what needs what.

use clap::ValueEnum;

use crate::diagnostic::Diagnostics;
use crate::graph::Graph;
use crate::pipeline;

use super::runtime::block_on;
use super::{Exit, Output, ProjectArgs, SourceArgs, planning};

/// Print the project's objects and what each needs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    project: ProjectArgs,
    /// How to write it: text or dot (Graphviz).
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        default_value_t
    )]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Dot,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let request = block_on(planning::request(&args.source, &args.project))??;
    let project = pipeline::load_project(&request)?;
    output.diagnostics(&project.warnings);
    let graph = Graph::of(&project.resources);
    output.result(&match args.format {
        Format::Text => graph.text(),
        Format::Dot => graph.dot(),
    });
    match graph.cycle() {
        Some(cycle) => Err(cycle.diagnostic().into()),
        None => Ok(Exit::Done),
    }
}
