//! `streamform watch`: keeps an environment as a branch says. See [`crate::reconcile`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::reconcile::{Outcome, Report, Settings, Stop, Stopper, watch};
use crate::source::git::CommitId;

use super::backend::{duration, who};
use super::runtime::block_on;
use super::source::{folder_in_repository, repository};
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
    let interval = duration(text)?;
    let allowed = Duration::from_secs(1)..=Duration::from_hours(24);
    if !allowed.contains(&interval) {
        return Err("expected 1s to 24h".to_owned());
    }
    Ok(interval)
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let settings = Settings {
        repository: repository(&args.repo)?,
        branch: args.branch.clone(),
        folder: folder_in_repository(args.path.as_deref())?.to_owned(),
        environment: args.project.env.clone(),
        inputs: args.project.inputs()?,
        base: PathBuf::from("."),
        who: who(),
        interval: args.interval,
        once: args.once,
        accept_rewrite: args.accept_rewrite,
    };
    log::start(output);
    block_on(async {
        let wake = Arc::new(Notify::new());
        let (stopper, stop) = Stop::new();
        listen(stopper, Arc::clone(&wake)).map_err(|error| {
            Diagnostic::error("signals", "Signals cannot be received").detail(error.to_string())
        })?;
        let report = Box::pin(watch(settings, &wake, &stop)).await;
        Ok(exit(&report, args.once))
    })?
}

/// Turns signals into requests for as long as the program runs.
fn listen(stopper: Stopper, wake: Arc<Notify>) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => stopper.ask(),
                _ = terminate.recv() => stopper.ask(),
                _ = hangup.recv() => wake.notify_one(),
            }
        }
    });
    Ok(())
}

/// A loop that was asked to stop has done its work, whatever its last turn came to.
fn exit(report: &Report, once: bool) -> Exit {
    if !once {
        return Exit::Done;
    }
    match report.outcome {
        Outcome::UpToDate | Outcome::Applied | Outcome::Reverted => Exit::Done,
        Outcome::Drifted | Outcome::Awaiting => Exit::Changes,
        Outcome::Refused | Outcome::Held => Exit::Refused,
        Outcome::Leased => Exit::Leased,
        Outcome::Invalid | Outcome::Failed => Exit::Error,
        Outcome::Stopped => Exit::Interrupted,
    }
}
