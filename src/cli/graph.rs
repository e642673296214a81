//! `streamform graph`: what needs what.

use clap::ValueEnum;

use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, infer};
use crate::{kinds, pipeline};

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
    let mut desired = kinds::decode(&project)?;
    // A cycle is drawn like anything else, and told at the end.
    let inferred = infer::infer(&mut desired);
    let graph = Graph::of(&desired);
    output.result(&match args.format {
        Format::Text => graph.text(),
        Format::Dot => graph.dot(),
    });
    match inferred {
        Err(cycle) => Err(cycle.diagnostic().into()),
        Ok(()) => Ok(Exit::Done),
    }
}
