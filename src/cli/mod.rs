//! The command line: arguments → one command → an [`Exit`]. One file a command; does I/O.
//!
//! Results go to standard output, errors and progress to standard error (see [`Output`]). A command
//! that needs an async runtime starts it itself, so that the others answer at once.

mod apply;
mod backend;
mod console;
mod drift;
mod exit;
mod fmt;
mod graph;
mod import;
mod init;
mod log;
mod output;
mod plan;
mod planning;
mod progress;
mod project;
mod runtime;
mod sandbox;
mod schema;
mod source;
mod state;
mod status;
mod validate;
mod version;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

use crate::diagnostic::{Diagnostic, Diagnostics};

pub use exit::Exit;
pub use output::{LogFormat, Output};
pub use project::ProjectArgs;
pub use source::SourceArgs;

/// Plan, apply, promotion and drift detection for Kafka topics, schemas, connectors and stream jobs.
#[derive(Debug, Parser)]
#[command(
    name = "streamform",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Change to this folder first.
    #[arg(long, global = true, value_name = "DIR")]
    chdir: Option<PathBuf>,
    /// Do not colour the output; so does the variable `NO_COLOR`.
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    no_color: bool,
    /// How errors and progress are written: text or json.
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        default_value_t
    )]
    log_format: LogFormat,
    /// Write results, warnings and errors only, no progress.
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    quiet: bool,
}

/// The commands, in the order of `--help`.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Fmt(fmt::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Destroy(apply::DestroyArgs),
    Drift(drift::Args),
    Status(status::Args),
    Import(import::Args),
    Graph(graph::Args),
    Console(console::Args),
    State(state::Args),
    Schema(schema::Args),
    Sandbox(sandbox::Args),
    Version(version::Args),
    Watch(watch::Args),
}

impl Command {
    /// Runs the command. Errors are printed by the caller.
    fn run(&self, output: &Output) -> Result<Exit, Diagnostics> {
        match self {
            Self::Init(args) => init::run(args, output),
            Self::Fmt(args) => fmt::run(args, output),
            Self::Validate(args) => validate::run(args, output),
            Self::Plan(args) => plan::run(args, output),
            Self::Apply(args) => apply::run(args, output),
            Self::Destroy(args) => apply::run_destroy(args, output),
            Self::Drift(args) => drift::run(args, output),
            Self::Status(args) => status::run(args, output),
            Self::Import(args) => import::run(args, output),
            Self::Graph(args) => graph::run(args, output),
            Self::Console(args) => console::run(args, output),
            Self::State(args) => state::run(args, output),
            Self::Schema(args) => schema::run(args, output),
            Self::Sandbox(args) => sandbox::run(args, output),
            Self::Version(args) => version::run(args, output),
            Self::Watch(args) => watch::run(args, output),
        }
    }
}

/// Runs the command that the arguments, the program's name first, ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => return usage(&message),
    };
    let output = Output::new(cli.global.no_color, cli.global.log_format, cli.global.quiet);
    let outcome = enter(cli.global.chdir.as_ref()).and_then(|()| cli.command.run(&output));
    let exit = outcome.unwrap_or_else(|diagnostics| {
        output.diagnostics(&diagnostics);
        Exit::of(&diagnostics)
    });
    output.finish(exit)
}

/// Prints help and versions as results, and mistakes in the arguments as errors.
fn usage(message: &clap::Error) -> Exit {
    let output = Output::new(false, LogFormat::Text, false);
    if message.use_stderr() {
        output.error_help(&message.render());
        output.finish(Exit::Error)
    } else {
        output.result_help(&message.render());
        output.finish(Exit::Done)
    }
}

/// Makes the folder of `--chdir` the current one.
fn enter(folder: Option<&PathBuf>) -> Result<(), Diagnostics> {
    let Some(folder) = folder else { return Ok(()) };
    std::env::set_current_dir(folder).map_err(|error| {
        let summary = format!("Cannot change to the folder {}", folder.display());
        Diagnostic::error("no-folder", summary)
            .detail(error.to_string())
            .into()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_has_a_help_text() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
