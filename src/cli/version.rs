//! `streamform version`: needs nothing but the program itself.

use serde_json::json;

use crate::diagnostic::Diagnostics;

use super::{Exit, Output};

/// Show the version.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all commands have the same signature"
)]
pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    if args.json {
        let document = json!({ "version": version, "platform": platform });
        output.result(&format!("{document:#}\n"));
    } else {
        output.result(&format!("streamform {version} on {platform}\n"));
    }
    Ok(Exit::Done)
}
