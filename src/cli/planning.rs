//! What `plan`, `apply`, `destroy`, `drift` and `import` share: the arguments, the way to a plan, and how
//! refusals are told.

use std::time::Duration;

use crate::address::AddressPattern;
use crate::backend::{BackendError, Snapshot as StateSnapshot, Writer};
use crate::diagnostic::Diagnostics;
use crate::gate::{GateInput, Rejection};
use crate::past::Base;
use crate::pipeline::{self, PlanError, Prepared, Request};
use crate::plan::{Mode, Selection};

use super::backend::LeaseArgs;
use super::{Exit, Output, ProjectArgs, SourceArgs};

/// Which project, and which part of it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ScopeArgs {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Only this object, block or module, and what it needs.
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<AddressPattern>,
    /// Not this object, block or module, and not what needs it.
    #[arg(long, value_name = "ADDRESS")]
    exclude: Vec<AddressPattern>,
}

/// What this run may do besides.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PermissionArgs {
    /// Allow operations that lose data on this object, block or module.
    #[arg(long, value_name = "ADDRESS")]
    allow_destroy: Vec<AddressPattern>,
    /// Allow changes of this object, block or module that no order of upgrades makes safe.
    #[arg(long, value_name = "ADDRESS")]
    allow_breaking: Vec<AddressPattern>,
    /// The most deletions of one plan.
    #[arg(long, value_name = "COUNT")]
    max_deletions: Option<u64>,
}

impl ScopeArgs {
    /// Loads the project.
    pub(super) async fn prepare(&self) -> Result<Prepared, Diagnostics> {
        pipeline::prepare(&request(&self.source, &self.project).await?)
    }

    /// Loads the project, and meanwhile begins to read what there is.
    pub(super) async fn prepare_looking(&self) -> Result<Prepared, Diagnostics> {
        pipeline::prepare_looking(&request(&self.source, &self.project).await?)
    }

    /// The same, with a commit that stands in for what is away.
    pub(super) async fn prepare_looking_from(
        &self,
        base: Option<&str>,
    ) -> Result<(Prepared, Option<Base>), Diagnostics> {
        let request = request(&self.source, &self.project).await?;
        let base = base.map(|revision| self.source.base(revision, &request));
        let base = base.transpose()?;
        Ok((pipeline::prepare_looking(&request)?, base))
    }

    /// Returns what the plan is restricted to.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            targets: self.target.clone(),
            excludes: self.exclude.clone(),
        }
    }
}

/// Returns which project is meant, its files opened.
pub(super) async fn request(
    source: &SourceArgs,
    project: &ProjectArgs,
) -> Result<Request, Diagnostics> {
    Ok(Request {
        snapshot: source.open().await?,
        environment: project.env.clone(),
        inputs: project.inputs()?,
        base: source.state_base().to_owned(),
    })
}

impl PermissionArgs {
    /// Returns the gates' input: what the project permits and what the command line adds.
    pub(super) fn gates(&self, mut project: GateInput) -> GateInput {
        project
            .allow_destroy
            .extend(self.allow_destroy.iter().cloned());
        project
            .allow_breaking
            .extend(self.allow_breaking.iter().cloned());
        project.max_deletions = self.max_deletions.or(project.max_deletions);
        project
    }
}

/// Why a command ended without its work done.
pub(super) enum Stop {
    /// By SIGINT or SIGTERM, before anything was begun.
    Interrupted,
    /// With errors to be shown.
    Errors(Diagnostics),
}

impl From<Diagnostics> for Stop {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Errors(diagnostics)
    }
}

impl From<BackendError> for Stop {
    fn from(error: BackendError) -> Self {
        Self::Errors(error.into())
    }
}

impl From<PlanError> for Stop {
    fn from(error: PlanError) -> Self {
        Self::Errors(error.into())
    }
}

impl Stop {
    /// Shows the reason, and returns how the command ended.
    pub(super) fn tell(&self, output: &Output) -> Exit {
        match self {
            Self::Interrupted => {
                output.progress("Interrupted. Nothing was changed.");
                Exit::Interrupted
            }
            Self::Errors(diagnostics) => {
                output.diagnostics(diagnostics);
                Exit::of(diagnostics)
            }
        }
    }
}

/// Takes the lease of a project's environment.
pub(super) async fn acquire(
    prepared: &Prepared,
    lease: &LeaseArgs,
    operation: &str,
    output: &Output,
) -> Result<Writer, BackendError> {
    let request = lease.request(operation, prepared.commit.clone());
    let writer = prepared.backend.acquire(&request).await?;
    if let Some(recovered) = writer.recovered() {
        output.progress(&format!(
            "An earlier apply was interrupted: its {} journal records are merged into the state.",
            recovered.records
        ));
    }
    Ok(writer)
}

/// Tells what a reader of the state should know.
pub(super) fn announce(snapshot: &StateSnapshot, output: &Output) {
    if let Some(holder) = &snapshot.holder {
        output.progress(&format!("The environment is being changed now: {holder}."));
    } else if snapshot.journal.records > 0 {
        output.progress(
            "An earlier apply was interrupted; the next one goes on from what it recorded.",
        );
    }
}

/// Tells that the live system is being read, if that takes longer than a second.
pub(super) async fn with_patience<T>(output: &Output, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut seconds = 0;
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                seconds += 1;
                if seconds == 1 || seconds % 10 == 0 {
                    output.progress(&format!("Reading the live system … {seconds} s"));
                }
            }
        }
    }
}

/// Returns how a command ends whose plan was rejected.
pub(super) fn rejected(rejection: &Rejection) -> Exit {
    if rejection.is_infeasible() {
        Exit::Error
    } else {
        Exit::Refused
    }
}

/// Returns the word for a plan's mode.
pub(super) fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Apply => "apply",
        Mode::Destroy => "destroy",
    }
}
