//! `streamform apply` and `streamform destroy`: plan under the lease, ask, and carry it out.

mod report;
mod verify;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::apply::{ApplyError, ApplyOutcome, Interrupts};
use crate::backend::Writer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{ApprovedPlan, review};
use crate::pipeline::{self, Basis, PlanOptions, Planned, Prepared};
use crate::plan::{Mode, Plan, file};
use crate::refresh::Drivers;
use crate::state::State;

use super::backend::{LeaseArgs, duration};
use verify::Verified;

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
    /// Wait until what was changed is healthy; exit code 1 where it is not in time.
    ///
    /// Each object has as long as its healthy block says by `within`, else 5 minutes; a duration given here,
    /// such as --wait=90s, counts for all. The lease is given back before.
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        value_parser = duration
    )]
    #[expect(
        clippy::option_option,
        reason = "the option may be given with a value or without"
    )]
    wait: Option<Option<Duration>>,
    /// How to write the result: text, json or markdown; the last two do not show the plan.
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        default_value_t
    )]
    format: Format,
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
        let done = apply(args, output).await;
        done.unwrap_or_else(|stop| stop.tell(output))
    })
}

pub(super) fn run_destroy(args: &DestroyArgs, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        let asked = Asked {
            common: &args.common,
            format: Format::Text,
        };
        let interrupts = interrupts()?;
        let done = fresh(&asked, Mode::Destroy, interrupts, output).await;
        let done = done.map(|ended| ended.exit);
        Ok(done.unwrap_or_else(|stop| stop.tell(output)))
    })?
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    common: &'a Common,
    format: Format,
}

impl Asked<'_> {
    /// Shows a plan, where it is not to be a part of a document.
    fn show(&self, plan: &Plan, output: &Output) {
        if self.format == Format::Text {
            show(plan, &[], Format::Text, output);
        }
    }
}

/// How a plan ended.
struct Ended {
    exit: Exit,
    /// What was done; absent where the plan was refused.
    applied: Option<Applied>,
}

/// What was done, and what it takes to look at it.
struct Applied {
    outcome: ApplyOutcome,
    state: State,
    drivers: Drivers,
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self {
            exit,
            applied: None,
        }
    }
}

/// Applies, looks how that does where it is asked for, and writes the result.
async fn apply(args: &Args, output: &Output) -> Result<Exit, Stop> {
    let asked = Asked {
        common: &args.common,
        format: args.format,
    };
    asks_nobody(args)?;
    let interrupts = interrupts()?;
    let ended = match &args.plan {
        Some(path) => saved(path, &asked, interrupts.clone(), output).await?,
        None => fresh(&asked, Mode::Apply, interrupts.clone(), output).await?,
    };
    let Some(mut applied) = ended.applied else {
        return Ok(ended.exit);
    };
    let mut exit = ended.exit;
    let mut waited = None;
    if let Some(within) = args.wait
        && exit == Exit::Done
    {
        let (outcome, state) = (&applied.outcome, &applied.state);
        let drivers = &mut applied.drivers;
        match verify::verify(outcome, state, drivers, within, &interrupts, output).await? {
            Verified::Nothing => {}
            Verified::Looked(looked) => {
                if !looked.late.is_empty() {
                    output.diagnostics(&verify::late(&looked));
                    exit = Exit::Error;
                }
                waited = Some(looked);
            }
            Verified::Interrupted => {
                output
                    .progress("Interrupted: what was applied stays so; how it does is not known.");
                exit = Exit::Interrupted;
            }
        }
    }
    let environment = &applied.state.environment;
    let waited = waited.as_ref();
    match args.format {
        Format::Text => match waited {
            Some(waited) if waited.late.is_empty() => output.result(&verify::healthy(waited)),
            _ => {}
        },
        Format::Json => {
            let document = report::json(environment, &applied.outcome, waited);
            output.result(&format!("{document:#}\n"));
        }
        Format::Markdown => {
            output.result(&report::markdown(environment, &applied.outcome, waited));
        }
    }
    Ok(exit)
}

/// A document has no place for a plan that somebody approves.
fn asks_nobody(args: &Args) -> Result<(), Diagnostics> {
    if args.format == Format::Text || args.common.auto_approve || args.plan.is_some() {
        return Ok(());
    }
    Err(
        Diagnostic::error("not-approved", "The plan would not be shown")
            .detail("With --format json or markdown the result is all that is written.")
            .hint("pass --auto-approve, or save the plan with `plan --out FILE` and apply the file")
            .into(),
    )
}

/// Plans under the lease, asks and applies.
async fn fresh(
    asked: &Asked<'_>,
    mode: Mode,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Ended, Stop> {
    let args = asked.common;
    let prepared = args.scope.prepare().await?;
    let acquiring = acquire(&prepared, &args.lease, verb(mode), output);
    let mut writer = unless_interrupted(&interrupts, acquiring).await??;
    let options = PlanOptions {
        mode,
        selection: args.scope.selection(),
        ..PlanOptions::default()
    };
    let ended = under_lease(asked, prepared, options, &mut writer, interrupts, output).await;
    release(writer, ended).await
}

async fn under_lease(
    asked: &Asked<'_>,
    prepared: Prepared,
    options: PlanOptions,
    writer: &mut Writer,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Ended, Stop> {
    let mode = options.mode;
    let basis = Basis::from(&*writer);
    let planning = Box::pin(pipeline::plan_environment(prepared, basis, options));
    let planned = unless_interrupted(&interrupts, with_patience(output, planning)).await??;
    let Planned {
        plan,
        drivers,
        gates,
        places,
        sources,
        ..
    } = planned;
    output.diagnostics(&plan.warnings);
    asked.show(&plan, output);
    let args = asked.common;
    let approved = match review(plan, &args.permission.gates(gates)) {
        Ok(approved) => approved,
        Err(rejection) => {
            output.diagnostics(&rejection.diagnostics(&places, &sources));
            return Ok(rejected(&rejection).into());
        }
    };
    if approved.plan().is_empty() && is_recorded(approved.plan(), writer) {
        return Ok(nothing_to_do(writer, drivers));
    }
    if !approved.plan().is_empty()
        && !args.auto_approve
        && !unless_interrupted(&interrupts, confirmed(mode, output)).await??
    {
        output.progress("Nothing was changed.");
        return Ok(Exit::Error.into());
    }
    carry_out_as(asked.format, approved, writer, drivers, interrupts, output).await
}

fn nothing_to_do(writer: &Writer, drivers: Drivers) -> Ended {
    Ended {
        exit: Exit::Done,
        applied: Some(Applied {
            outcome: ApplyOutcome::default(),
            state: writer.state().clone(),
            drivers,
        }),
    }
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
async fn saved(
    path: &Path,
    asked: &Asked<'_>,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Ended, Stop> {
    let plan = read(path)?;
    let args = asked.common;
    let prepared = args.scope.prepare().await?;
    let acquiring = acquire(&prepared, &args.lease, "apply", output);
    let mut writer = unless_interrupted(&interrupts, acquiring).await??;
    let ended = apply_saved(plan, asked, prepared, &mut writer, interrupts, output).await;
    release(writer, ended).await
}

async fn apply_saved(
    plan: Plan,
    asked: &Asked<'_>,
    prepared: Prepared,
    writer: &mut Writer,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Ended, Stop> {
    let stale = |why: String| {
        Diagnostics::from(
            Diagnostic::error("stale-plan", "The saved plan can no longer be applied")
                .detail(format!("{why}."))
                .hint("plan again, and look at what is different now"),
        )
    };
    let (hashes, gates) = pipeline::for_saved_plan(&prepared)?;
    pipeline::check_basis(&plan, &Basis::from(&*writer), Some(hashes))
        .map_err(|reason| stale(reason.to_string()))?;
    asked.show(&plan, output);
    match review(plan, &asked.common.permission.gates(gates)) {
        Ok(approved) => {
            let drivers = prepared.drivers;
            carry_out_as(asked.format, approved, writer, drivers, interrupts, output).await
        }
        Err(rejection) => {
            let sources = &prepared.project.sources;
            output.diagnostics(&rejection.diagnostics(&prepared.desired, sources));
            Ok(rejected(&rejection).into())
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
pub(super) async fn release<T>(writer: Writer, ended: Result<T, Stop>) -> Result<T, Stop> {
    let released = writer.release().await;
    let ended = ended?;
    released?;
    Ok(ended)
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
    drivers: Drivers,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Exit, Stop> {
    let ended = carry_out_as(Format::Text, approved, writer, drivers, interrupts, output).await;
    Ok(ended?.exit)
}

/// Carries a plan out, and tells how it went where that is no part of a document.
async fn carry_out_as(
    format: Format,
    approved: ApprovedPlan,
    writer: &mut Writer,
    mut drivers: Drivers,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Ended, Stop> {
    let is_empty = approved.plan().is_empty();
    let progress = Progress::new(approved.plan().changes.len(), output);
    let events = progress.events();
    let ended = pipeline::apply_plan(approved, writer, &mut drivers, &events, interrupts).await;
    progress.finish();
    let outcome = ended.map_err(|error| match error {
        ApplyError::Backend(error) => Stop::Errors(error.into()),
        ApplyError::Refresh(error) => Stop::Errors(error.into()),
        ApplyError::Order(found) => Stop::Errors(found),
    })?;
    if !is_empty {
        output.diagnostics(&report::problems(&outcome));
        if format == Format::Text {
            output.result(&report::text(&outcome));
        }
    }
    let exit = if outcome.is_complete() {
        Exit::Done
    } else if outcome.interrupted {
        Exit::Interrupted
    } else {
        Exit::Error
    };
    let state = writer.state().clone();
    Ok(Ended {
        exit,
        applied: Some(Applied {
            outcome,
            state,
            drivers,
        }),
    })
}
