//! `streamform apply` and `streamform destroy`: plan under the lease, ask, and carry it out.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::apply::{ApplyError, ApplyOutcome, Interrupts};
use crate::backend::Writer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{ApprovedPlan, review};
use crate::graph::Skip;
use crate::kinds::Action;
use crate::pipeline::{self, Basis, PlanOptions, Planned, Prepared};
use crate::plan::{Mode, Plan, file};
use crate::refresh::Drivers;

use super::backend::LeaseArgs;
use super::plan::{Format, show};
use super::planning::{PermissionArgs, ScopeArgs, Stop, acquire, rejected, verb, with_patience};
use super::progress::{Progress, interrupts, unless_interrupted};
use super::runtime::block_on;
use super::{Exit, Output};

/// Make the live system what the project says.
///
/// Takes the environment's lease, plans, asks, and applies. The first interrupt finishes what is under
/// way and starts nothing more; the second leaves at once. Nothing is lost either way.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A plan that was saved by `plan --out`: applied as it was shown, without a question.
    #[arg(value_name = "PLANFILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Delete everything that the environment owns.
///
/// What holds data needs --allow-destroy for its address all the same.
#[derive(Debug, clap::Args)]
pub(super) struct DestroyArgs {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    permission: PermissionArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        let done = match &args.plan {
            Some(path) => saved(path, &args.common, output).await,
            None => fresh(&args.common, Mode::Apply, output).await,
        };
        done.unwrap_or_else(|stop| stop.tell(output))
    })
}

pub(super) fn run_destroy(args: &DestroyArgs, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        let done = fresh(&args.common, Mode::Destroy, output).await;
        done.unwrap_or_else(|stop| stop.tell(output))
    })
}

/// Plans under the lease, asks and applies.
async fn fresh(args: &Common, mode: Mode, output: &Output) -> Result<Exit, Stop> {
    let prepared = args.scope.prepare().await?;
    let interrupts = interrupts()?;
    let acquiring = acquire(&prepared, &args.lease, verb(mode), output);
    let mut writer = unless_interrupted(&interrupts, acquiring).await??;
    let options = PlanOptions {
        mode,
        selection: args.scope.selection(),
        ..PlanOptions::default()
    };
    let ended = under_lease(args, prepared, options, &mut writer, interrupts, output).await;
    release(writer, ended).await
}

async fn under_lease(
    args: &Common,
    prepared: Prepared,
    options: PlanOptions,
    writer: &mut Writer,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Exit, Stop> {
    let mode = options.mode;
    let basis = Basis::from(&*writer);
    let planning = Box::pin(pipeline::plan_environment(prepared, basis, options));
    let planned = unless_interrupted(&interrupts, with_patience(output, planning)).await??;
    let Planned {
        plan,
        mut drivers,
        gates,
        places,
        sources,
        ..
    } = planned;
    output.diagnostics(&plan.warnings);
    show(&plan, &[], Format::Text, output);
    let approved = match review(plan, &args.permission.gates(gates)) {
        Ok(approved) => approved,
        Err(rejection) => {
            output.diagnostics(&rejection.diagnostics(&places, &sources));
            return Ok(rejected(&rejection));
        }
    };
    if approved.plan().is_empty() && is_recorded(approved.plan(), writer) {
        return Ok(Exit::Done);
    }
    if !approved.plan().is_empty()
        && !args.auto_approve
        && !unless_interrupted(&interrupts, confirmed(mode, output)).await??
    {
        output.progress("Nothing was changed.");
        return Ok(Exit::Error);
    }
    carry_out(approved, writer, &mut drivers, interrupts, output).await
}

/// Whether the state names this release and commit already; after a destroy it names none.
fn is_recorded(plan: &Plan, writer: &Writer) -> bool {
    let state = writer.state();
    let (release, commit) = match plan.mode {
        Mode::Apply => (Some(plan.basis.release), plan.basis.commit.as_ref()),
        Mode::Destroy => (None, None),
    };
    !plan.selection.is_all() || (state.release == release && state.commit.as_ref() == commit)
}

/// Applies a saved plan, if it still belongs to the state and the project.
async fn saved(path: &Path, args: &Common, output: &Output) -> Result<Exit, Stop> {
    let plan = read(path)?;
    let mut prepared = args.scope.prepare().await?;
    let interrupts = interrupts()?;
    let acquiring = acquire(&prepared, &args.lease, "apply", output);
    let mut writer = unless_interrupted(&interrupts, acquiring).await??;
    let ended = apply_saved(plan, args, &mut prepared, &mut writer, interrupts, output).await;
    release(writer, ended).await
}

async fn apply_saved(
    plan: Plan,
    args: &Common,
    prepared: &mut Prepared,
    writer: &mut Writer,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Exit, Stop> {
    let stale = |why: String| {
        Diagnostics::from(
            Diagnostic::error("stale-plan", "The saved plan can no longer be applied")
                .detail(format!("{why}."))
                .hint("plan again, and look at what is different now"),
        )
    };
    let (hashes, gates) = pipeline::for_saved_plan(prepared)?;
    pipeline::check_basis(&plan, &Basis::from(&*writer), Some(hashes))
        .map_err(|reason| stale(reason.to_string()))?;
    show(&plan, &[], Format::Text, output);
    match review(plan, &args.permission.gates(gates)) {
        Ok(approved) => {
            carry_out(approved, writer, &mut prepared.drivers, interrupts, output).await
        }
        Err(rejection) => {
            let sources = &prepared.project.sources;
            output.diagnostics(&rejection.diagnostics(&prepared.desired, sources));
            Ok(rejected(&rejection))
        }
    }
}

fn read(path: &Path) -> Result<Plan, Diagnostics> {
    let failed = |why: String| {
        Diagnostic::error(
            "plan-file",
            format!("{} is no plan that can be applied", path.display()),
        )
        .detail(why)
        .hint("save one with: streamform plan --out FILE")
    };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    Ok(file::decode(&bytes).map_err(|error| failed(error.to_string()))?)
}

/// Gives the lease back whatever happened; a failure to do so is shown only if nothing else failed.
pub(super) async fn release(writer: Writer, ended: Result<Exit, Stop>) -> Result<Exit, Stop> {
    let released = writer.release().await;
    let exit = ended?;
    released?;
    Ok(exit)
}

/// Asks on a terminal; refuses to guess elsewhere. The answer is read on a thread of its own, which an
/// interrupt leaves behind.
async fn confirmed(mode: Mode, output: &Output) -> Result<bool, Diagnostics> {
    if !io::stdin().is_terminal() {
        return Err(Diagnostic::error("not-approved", "Nobody is here to approve the plan")
            .detail("Standard input is not a terminal.")
            .hint("pass --auto-approve, or save the plan with `plan --out FILE` and apply the file")
            .into());
    }
    output.question(&format!(
        "Do you want to {} this plan? Only \"yes\" is accepted: ",
        verb(mode)
    ));
    let (send, answer) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Nobody listens any more after an interrupt.
        drop(send.send(io::stdin().read_line(&mut line).map(|_| line)));
    });
    // The thread sends before it ends.
    let line = answer.await.map_err(io::Error::other).flatten();
    let line = line.map_err(|error| {
        Diagnostic::error("not-approved", "The answer cannot be read").detail(error.to_string())
    })?;
    Ok(line.trim() == "yes")
}

/// Carries a plan out and tells how it went.
pub(super) async fn carry_out(
    approved: ApprovedPlan,
    writer: &mut Writer,
    drivers: &mut Drivers,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Exit, Stop> {
    let is_empty = approved.plan().is_empty();
    let progress = Progress::new(approved.plan().changes.len(), output);
    let events = progress.events();
    let ended = pipeline::apply_plan(approved, writer, drivers, &events, interrupts).await;
    progress.finish();
    let outcome = ended.map_err(|error| match error {
        ApplyError::Backend(error) => Stop::Errors(error.into()),
        ApplyError::Refresh(error) => Stop::Errors(error.into()),
        ApplyError::Order(found) => Stop::Errors(found),
    })?;
    if !is_empty {
        report(&outcome, output);
    }
    Ok(if outcome.is_complete() {
        Exit::Done
    } else if outcome.interrupted {
        Exit::Interrupted
    } else {
        Exit::Error
    })
}

fn report(outcome: &ApplyOutcome, output: &Output) {
    let failures = outcome.failed.iter().map(|(address, message)| {
        Diagnostic::error("apply", format!("{address} could not be applied"))
            .detail(message.clone())
    });
    let skips = outcome.skipped.iter().map(|(address, skip)| {
        let why = match skip {
            Skip::Upstream { failed } => format!("It needs {failed}, which failed."),
            Skip::Cancelled => "The apply was stopped before it.".into(),
        };
        Diagnostic::warning("skipped", format!("{address} was not begun")).detail(why)
    });
    let abandoned = outcome.abandoned.iter().map(|address| {
        Diagnostic::warning("abandoned", format!("{address} was under way"))
            .detail("Its result is not known; it is recorded, and the next apply settles it.")
    });
    output.diagnostics(&failures.chain(skips).chain(abandoned).collect());
    let count = |action: Action| {
        outcome
            .applied
            .values()
            .filter(|done| **done == action)
            .count()
    };
    let mut text = format!(
        "{} {} created, {} updated, {} deleted",
        if outcome.is_complete() {
            "Apply complete:"
        } else {
            "Apply INCOMPLETE:"
        },
        count(Action::Create),
        count(Action::Update),
        count(Action::Delete)
    );
    for (action, word) in [
        (Action::Adopt, "adopted"),
        (Action::Forget, "forgotten"),
        (Action::Record, "recorded"),
    ] {
        if count(action) > 0 {
            let _ = write!(text, ", {} {word}", count(action));
        }
    }
    if !outcome.failed.is_empty() {
        let _ = write!(text, ", {} failed", outcome.failed.len());
    }
    if !outcome.skipped.is_empty() {
        let _ = write!(text, ", {} not begun", outcome.skipped.len());
    }
    output.result(&format!("{text}.\n"));
}
