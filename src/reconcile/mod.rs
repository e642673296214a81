//! The reconciler: follows a branch and keeps one environment as its commits say. Does I/O.
//!
//! Open [`watch()`] first, which leads to the loop; then `turn`, which is one turn of it:
//!
//! ```text
//! head (I/O) → rewritten? → plan (I/O) → decide (pure) → apply (I/O) → report, and a look at the health (I/O)
//! ```
//!
//! A turn takes what it needs from a `World`, so that what it decides is tested without a broker.
//! Webhooks only wake the loop up; what they say is not believed, but fetched.

mod backoff;
mod decide;
mod report;
mod rounds;
mod stop;
mod turn;
mod watch;
mod world;

use std::path::PathBuf;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::Notify;

use crate::address::EnvironmentName;
use crate::config::project::Inputs;
use crate::source::git::{CommitId, Repository};

use self::turn::Memory;
use self::watch::Beat;
use self::world::Environment;

pub use report::{Outcome, Reason, Report};
pub use stop::{Stop, Stopper};

/// What is kept as what says.
#[derive(Debug)]
pub struct Settings {
    /// The repository.
    pub repository: Repository,
    /// The branch to follow.
    pub branch: String,
    /// The project's folder in the repository.
    pub folder: String,
    /// The environment; `None` where the project declares none.
    pub environment: Option<EnvironmentName>,
    /// Values of variables from outside.
    pub inputs: Inputs,
    /// The folder that relative paths outside of the repository start from: of the local state, of
    /// certificates, of secrets.
    pub base: PathBuf,
    /// Who asks for the lease.
    pub who: String,
    /// The wait between two turns.
    pub interval: Duration,
    /// Whether there is one turn only.
    pub once: bool,
    /// A commit of a rewritten branch that is followed all the same.
    pub accept_rewrite: Option<CommitId>,
}

/// Makes turns until `stop` is asked for, and returns the last one's report. `wake` ends a wait early.
///
/// Each turn writes one line to `tracing`.
pub async fn watch(settings: Settings, wake: &Notify, stop: &Stop) -> Report {
    let Settings {
        repository,
        branch,
        folder,
        environment,
        inputs,
        base,
        who,
        interval,
        once,
        accept_rewrite,
    } = settings;
    let mut world = Environment {
        repository,
        branch,
        folder,
        name: environment,
        inputs,
        base,
        who,
        loaded: None,
        rounds: None,
    };
    let mut memory = Memory::new(accept_rewrite);
    let beat = Beat {
        interval,
        once,
        wake,
        stop,
    };
    watch::run(&mut world, &mut memory, &beat, StdRng::from_os_rng()).await
}
