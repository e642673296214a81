//! `streamform watch`: keeps an environment as a branch says. See [`crate::reconcile`].

use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::reconcile::{Outcome, Stop};
use crate::source::git::CommitId;

use super::source::{folder_in_repository, open_repository};
use super::{Exit, Output, ProjectArgs, log};

/// Keep an environment as a branch says: apply its commits and put drift back, as the environment's
/// policies say.
///
/// Writes one line a turn. A failure is tried again after a while that grows up to 5 minutes.
/// SIGINT and SIGTERM end it after what is in flight; SIGHUP starts the next turn at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The git repository, a path or a URL.
    #[arg(long, value_name = "PATH_OR_URL")]
    repo: String,
    /// The branch to follow.
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: String,
    /// The project's folder in the repository.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The wait between two turns, such as 30s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = interval)]
    interval: Duration,
    /// Make one turn, and say in the exit code how it ended.
    #[arg(long)]
    once: bool,
    /// Follow the branch although it was rewritten, from this commit on.
    #[arg(long, value_name = "COMMIT")]
    accept_rewrite: Option<CommitId>,
    #[command(flatten)]
    project: ProjectArgs,
}

/// Reads an interval of a second to a day.
fn interval(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "expected a duration such as 30s or 5m".to_owned())?;
    let allowed = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
    Duration::try_from(span)
        .ok()
        .filter(|interval| allowed.contains(interval))
        .ok_or_else(|| "expected 1s to 24h".to_owned())
}
