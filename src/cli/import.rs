//! `streamform import`: takes an existing object into the state without changing it.

use crate::address::{Address, AddressPattern};
use crate::apply::Interrupts;
use crate::backend::Writer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::{GateInput, review};
use crate::kinds::entry::WrongDocument;
use crate::kinds::{self, Action};
use crate::pipeline::{self, Basis, PlanOptions, Planned, Prepared};
use crate::plan::{Plan, Selection};

use super::apply::{carry_out, release};
use super::backend::LeaseArgs;
use super::planning::{Stop, acquire, rejected, with_patience};
use super::progress::{interrupts, unless_interrupted};
use super::runtime::block_on;
use super::{Exit, Output, ProjectArgs, SourceArgs, planning};

/// Take an existing object over as a block of the project, without changing it.
///
/// The next plan shows where the object differs from its block.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    /// The block's address, such as topic.orders.
    address: Address,
    /// The object's name in the live system.
    id: String,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        import(args, output)
            .await
            .unwrap_or_else(|stop| stop.tell(output))
    })
}

async fn import(args: &Args, output: &Output) -> Result<Exit, Stop> {
    let request = planning::request(&args.source, &args.project).await?;
    let prepared = pipeline::prepare(&request)?;
    let interrupts = interrupts()?;
    let acquiring = acquire(&prepared, &args.lease, "import", output);
    let mut writer = unless_interrupted(&interrupts, acquiring).await??;
    let options = PlanOptions {
        imports: vec![(args.address.clone(), args.id.clone())],
        selection: Selection {
            targets: vec![AddressPattern::Object(args.address.clone())],
            excludes: Vec::new(),
        },
        ..PlanOptions::default()
    };
    let ended = adopt(args, prepared, options, &mut writer, interrupts, output).await;
    release(writer, ended).await
}

/// Plans under the lease and takes the object over.
async fn adopt(
    args: &Args,
    prepared: Prepared,
    options: PlanOptions,
    writer: &mut Writer,
    interrupts: Interrupts,
    output: &Output,
) -> Result<Exit, Stop> {
    let basis = Basis::from(&*writer);
    let planning = Box::pin(pipeline::plan_environment(prepared, basis, options));
    let planned = unless_interrupted(&interrupts, with_patience(output, planning)).await??;
    let Planned {
        plan,
        drivers,
        places,
        sources,
        ..
    } = planned;
    let plan = adoption(plan, &args.address).map_err(Diagnostics::from)?;
    match review(plan, &GateInput::default()) {
        Ok(approved) => carry_out(approved, writer, drivers, interrupts, output).await,
        Err(rejection) => {
            output.diagnostics(&rejection.diagnostics(&places, &sources));
            Ok(rejected(&rejection))
        }
    }
}

/// Reduces a plan to the adoption of one object as it is.
fn adoption(mut plan: Plan, address: &Address) -> Result<Plan, Diagnostic> {
    plan.changes.retain(|change| change.address == *address);
    let Some(change) = plan.changes.first_mut() else {
        return Err(
            Diagnostic::error("import-done", format!("{address} is managed already")).on(address),
        );
    };
    if change.action == Action::Create {
        return Err(Diagnostic::error(
            "no-such-object",
            format!(
                "There is no {} {:?} to import",
                change.address.kind, change.remote_id
            ),
        )
        .on(address)
        .hint("an apply would create it"));
    }
    if change.action != Action::Adopt {
        return Err(
            Diagnostic::error("import-done", format!("{address} is managed already")).on(address),
        );
    }
    let adopted =
        kinds::kind(&change.address.kind).zip(change.desired.as_ref().zip(change.live.as_ref()));
    let mut kept = None;
    if let Some((kind, (desired, live))) = adopted {
        let wrong = |error: WrongDocument| {
            Diagnostic::error("wrong-document", error.to_string()).on(address)
        };
        kept = (kind.cannot_adopt)(live, &change.remote_id).map_err(wrong)?;
        let spec = (kind.adopt)(desired, live, &change.remote_id).map_err(wrong)?;
        change.desired = Some(spec);
    }
    change.deltas.clear();
    // What it would mean to make it as its block says does not matter; whether it can be taken over does.
    change.findings.clear();
    change.findings.extend(kept);
    Ok(plan)
}
