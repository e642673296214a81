//! The `streamform` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    streamform::cli::run(std::env::args_os()).into()
}
