//! `streamform plan`: says what an apply would do, and whether it may.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{GateInput, Refusal, review};
use crate::pipeline::{self, Basis, PlanOptions, Planned};
use crate::plan::render::{json, markdown, text};
use crate::plan::{Mode, Plan, file};

use super::planning::{PermissionArgs, ScopeArgs, Stop, announce, rejected, with_patience};
use super::runtime::block_on;
use super::{Exit, Output};

/// Show what an apply would change, what that breaks or loses, and whether it may be applied.
///
/// Takes no lease. A refused plan ends with exit code 3, one that cannot be carried out with 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    permission: PermissionArgs,
    /// Plan the deletion of everything that the environment owns.
    #[arg(long)]
    destroy: bool,
    /// What the project said at this commit, branch or tag stands in for what is away.
    ///
    /// Schemas whose registry cannot be reached are held against what the state says was applied, else against
    /// what the project said at the commit, and before it where their level counts for all versions. A plan is
    /// then made without a broker and without logins, too: for the job that checks a pull request.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Save the plan for `streamform apply FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to write the plan: text, json or markdown.
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        default_value_t
    )]
    format: Format,
    /// End with exit code 2 where there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a pull request's comment.
    Markdown,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        Box::pin(plan(args, output))
            .await
            .unwrap_or_else(|stop| stop.tell(output))
    })
}

async fn plan(args: &Args, output: &Output) -> Result<Exit, Stop> {
    let (mut prepared, base) = args
        .scope
        .prepare_looking_from(args.base.as_deref())
        .await?;
    let snapshot = with_patience(output, prepared.read_state()).await?;
    announce(&snapshot, output);
    let options = PlanOptions {
        mode: if args.destroy {
            Mode::Destroy
        } else {
            Mode::Apply
        },
        selection: args.scope.selection(),
        imports: Vec::new(),
        base,
    };
    let basis = Basis::from(snapshot);
    let planning = pipeline::plan_environment(prepared, basis, options);
    let Planned {
        plan,
        gates,
        places,
        sources,
        ..
    } = with_patience(output, planning).await?;
    if let Some(path) = &args.out {
        save(path, &plan)?;
    }
    let gates = GateInput {
        only_looks: true,
        ..args.permission.gates(gates)
    };
    let reviewed = review(plan, &gates);
    let (plan, refused) = match &reviewed {
        Ok(approved) => (approved.plan(), &[][..]),
        Err(rejection) => (&*rejection.plan, &rejection.refusals[..]),
    };
    output.diagnostics(&plan.warnings);
    show(plan, refused, args.format, output);
    let exit = match &reviewed {
        Err(rejection) => {
            output.diagnostics(&rejection.diagnostics(&places, &sources));
            rejected(rejection)
        }
        Ok(_) if args.detailed_exitcode && !plan.is_empty() => Exit::Changes,
        Ok(_) => Exit::Done,
    };
    Ok(exit)
}

/// Writes a plan as a result.
pub(super) fn show(plan: &Plan, refused: &[Refusal], format: Format, output: &Output) {
    let text = match format {
        Format::Text => text::render(plan, output.colour()),
        Format::Json => format!("{:#}\n", json::render(plan, refused)),
        Format::Markdown => markdown::render(plan, refused, markdown::GITHUB_LIMIT),
    };
    output.result(&text);
}

/// Saves a plan, whole or not at all, readable by its owner only.
fn save(path: &Path, plan: &Plan) -> Result<(), Diagnostics> {
    crate::backend::local::write_private(path, &file::encode(plan)).map_err(|error| {
        Diagnostic::error(
            "plan-file",
            format!("The plan cannot be saved to {}", path.display()),
        )
        .detail(error.to_string())
        .into()
    })
}
