//! `streamform schema`: what can be said of schemas without a registry.

mod check;
mod diff;
mod input;
mod lint;

use clap::Subcommand;

use crate::diagnostic::Diagnostics;

use super::{Exit, Output};

/// Check, compare and lint schemas (Avro, Protobuf, JSON Schema) without a registry.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(check::Args),
    Diff(diff::Args),
    Lint(lint::Args),
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    match &args.action {
        Action::Check(args) => check::run(args, output),
        Action::Diff(args) => diff::run(args, output),
        Action::Lint(args) => lint::run(args, output),
    }
}
