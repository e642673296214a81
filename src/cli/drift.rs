//! `streamform drift`: what was changed outside since the last apply.

use crate::diagnostic::Diagnostics;
use crate::pipeline::{self, Basis, PlanOptions};
use crate::plan::render::text::drifted;

use super::planning::{ScopeArgs, Stop, announce, with_patience};
use super::runtime::block_on;
use super::{Exit, Output};

/// Show what was changed outside of Streamform since the last apply; exit code 2 if anything was.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        Box::pin(drift(args, output))
            .await
            .unwrap_or_else(|stop| stop.tell(output))
    })
}

async fn drift(args: &Args, output: &Output) -> Result<Exit, Stop> {
    let mut prepared = args.scope.prepare_looking().await?;
    let snapshot = with_patience(output, prepared.read_state()).await?;
    announce(&snapshot, output);
    let options = PlanOptions {
        selection: args.scope.selection(),
        ..PlanOptions::default()
    };
    let planning = pipeline::plan_environment(prepared, Basis::from(snapshot), options);
    let plan = with_patience(output, planning).await?.plan;
    if args.json {
        let document = serde_json::json!({
            "format_version": "1.0",
            "environment": plan.basis.environment,
            "drift": plan.drift,
        });
        output.result(&format!("{document:#}\n"));
    } else if plan.drift.is_empty() {
        output.result("No drift: what was applied is what is there.\n");
    } else {
        let mut text = String::new();
        for drift in &plan.drift {
            drifted(&mut text, drift);
        }
        output.result(&text);
    }
    if !plan.unread.is_empty() {
        output.diagnostics(&plan.away);
        return Ok(Exit::Error);
    }
    Ok(if plan.drifted().next().is_some() {
        Exit::Changes
    } else {
        Exit::Done
    })
}
