//! `streamform status`: how what was applied does now.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};

use crate::address::{Address, AddressPattern};
use crate::backend::{BackendError, LocalBackend, Snapshot};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::health::report::{Report, json, markdown, text};
use crate::health::{Ahead, Checkup};
use crate::kinds::Verdict;
use crate::kinds::entry::WrongDocument;
use crate::pipeline;
use crate::refresh::Drivers;
use crate::state::State;

use super::backend::duration;
use super::plan::Format;
use super::planning::{Stop, announce, request, with_patience};
use super::runtime::block_on;
use super::{Exit, Output, ProjectArgs, SourceArgs};

/// The wait before a second look, where a group is behind and nothing else is said.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// The wait between the looks of `--watch-for`.
const PAUSE: Duration = Duration::from_secs(1);

/// Show how what was applied does: connectors, jobs, groups and their lag, topics.
///
/// Of the definitions only that is read which tells where the environment is and which objects there are, so that
/// a mistake within an object's block is seldom a hindrance. Takes no lease. Ends with exit code 2 where something
/// is unhealthy, with 1 where something could not be looked at, as when a system is away. What is only on its way,
/// such as a group that catches up, is neither.
///
/// Lag is judged by its trend. Where a group is behind, a second look after 2 seconds shows whether it catches
/// up; that it does not can only be told by looking longer, with --watch-for.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    project: ProjectArgs,
    /// Only this object, block or module.
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<AddressPattern>,
    /// Look again and again for so long, such as 30s, to tell how lag moves; 0s looks once.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    watch_for: Option<Duration>,
    /// How to write it: text, json or markdown.
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        default_value_t
    )]
    format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        status(args, output)
            .await
            .unwrap_or_else(|stop| stop.tell(output))
    })
}

async fn status(args: &Args, output: &Output) -> Result<Exit, Stop> {
    let request = request(&args.source, &args.project).await?;
    let (reached, reaching) = oneshot::channel();
    let locating = spawn_blocking(move || {
        pipeline::locate_telling(&request, |backend, drivers| {
            drop(reached.send((backend, drivers)));
        })
    });
    let locating = async { locating.await.unwrap_or_else(resume).map_err(Stop::from) };
    let looking = async {
        let Ok((backend, drivers)) = reaching.await else {
            return Ok(None);
        };
        let looked = first_look(backend, drivers, &args.target);
        let looked = with_patience(output, looked).await?;
        Ok::<_, Stop>(Some(looked))
    };
    let (addresses, looked) = tokio::try_join!(locating, looking)?;
    let Looked {
        snapshot,
        checkup,
        mut drivers,
    } = looked.expect("the addresses come after how the environment is reached");
    announce(&snapshot, output);
    let state = snapshot.state;
    let chosen = |address: &Address| is_chosen(&args.target, address);
    all_select_something(&args.target, &state, &addresses)?;
    let checkup = checkup.map_err(unreadable)?;
    let looking = look(checkup, &mut drivers, args.watch_for);
    let checkup = with_patience(output, looking).await;
    let found = checkup.findings();
    let (looks, window) = checkup.extent();
    let owned = state
        .objects
        .keys()
        .filter(|address| chosen(address))
        .count();
    let wanted = addresses.iter().filter(|address| chosen(address));
    let report = Report {
        environment: state.environment.clone(),
        serial: state.serial,
        others: owned - found.len(),
        found,
        unapplied: wanted
            .filter(|address| !state.objects.contains_key(address))
            .cloned()
            .collect(),
        looks,
        window,
    };
    let format = if args.json { Format::Json } else { args.format };
    output.result(&match format {
        Format::Text => text(&report, output.colour()),
        Format::Json => json(&report),
        Format::Markdown => markdown(&report),
    });
    let exit = exit(report.worst());
    // The program ends next. To free what describes thousands of objects piece by piece would only take time.
    std::mem::forget((report, checkup, state, addresses));
    Ok(exit)
}

/// What is read while the definitions are.
struct Looked {
    snapshot: Snapshot,
    /// After its first look.
    checkup: Result<Checkup, WrongDocument>,
    drivers: Drivers,
}

/// Reads the state, and looks at the objects of it that are chosen.
async fn first_look(
    backend: LocalBackend,
    mut drivers: Drivers,
    targets: &[AddressPattern],
) -> Result<Looked, BackendError> {
    // With targets it takes the state to know which clusters are meant.
    let ahead = if targets.is_empty() {
        Ahead::ask(drivers.connections())
    } else {
        Ahead::default()
    };
    let snapshot = backend.read().await?;
    let chosen = |address: &Address| is_chosen(targets, address);
    let checkup = Checkup::of(&snapshot.state, &drivers, chosen);
    let mut checkup = checkup.map(|checkup| checkup.with(ahead));
    if let Ok(checkup) = &mut checkup {
        checkup.look(&mut drivers).await;
    }
    Ok(Looked {
        snapshot,
        checkup,
        drivers,
    })
}

fn is_chosen(targets: &[AddressPattern], address: &Address) -> bool {
    targets.is_empty() || targets.iter().any(|pattern| pattern.matches(address))
}

/// Goes on with a panic of a task, which nothing else ends.
fn resume<T>(ended: JoinError) -> T {
    std::panic::resume_unwind(ended.into_panic())
}

/// Looks as often as is asked for, or a second time where that tells more.
async fn look(mut checkup: Checkup, drivers: &mut Drivers, watch: Option<Duration>) -> Checkup {
    match watch {
        None if checkup.sees_lag() => {
            tokio::time::sleep(SECOND_LOOK).await;
            checkup.look(drivers).await;
        }
        None => {}
        Some(watch) => {
            while checkup.extent().1 < watch {
                let left = watch.saturating_sub(checkup.extent().1);
                tokio::time::sleep(PAUSE.min(left)).await;
                checkup.look(drivers).await;
            }
        }
    }
    checkup
}

fn exit(worst: Option<Verdict>) -> Exit {
    match worst {
        Some(Verdict::Unhealthy) => Exit::Unhealthy,
        Some(Verdict::Unknown) => Exit::Error,
        Some(Verdict::Progressing | Verdict::Healthy) | None => Exit::Done,
    }
}

/// A pattern that selects nothing is a slip more often than a wish.
fn all_select_something(
    targets: &[AddressPattern],
    state: &State,
    declared: &BTreeSet<Address>,
) -> Result<(), Diagnostics> {
    let known = |pattern: &AddressPattern| {
        let mut all = state.objects.keys().chain(declared);
        all.any(|address| pattern.matches(address))
    };
    let unknown = targets.iter().filter(|pattern| !known(pattern));
    let unknown: Diagnostics = unknown
        .map(|pattern| {
            Diagnostic::error(
                "no-such-object",
                format!("--target {pattern} selects nothing"),
            )
            .detail("Neither the project nor the state holds such an object.")
            .hint("`streamform state list` prints the addresses")
        })
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(unknown)
    }
}

/// Returns what to tell about a state that this version cannot read.
#[expect(clippy::needless_pass_by_value, reason = "what map_err calls")]
pub(super) fn unreadable(error: WrongDocument) -> Diagnostics {
    Diagnostic::of("wrong-document", &error)
        .hint(
            "the state was written by another version of Streamform: use that one, or import the object again",
        )
        .into()
}
