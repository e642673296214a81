//! `streamform state`: looks at an environment's state and repairs it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::address::{Address, AddressPattern, EnvironmentName};
use crate::backend::local::{HistoryEntry, Pushed};
use crate::backend::{LocalBackend, Snapshot};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::document::Document;
use crate::state::edit::EditError;
use crate::state::format::{self, FormatError};
use crate::state::{ObjectState, State};

use super::backend::{self, LeaseArgs};
use super::runtime::block_on;
use super::{Exit, Output, SourceArgs};

/// Look at the state of an environment, and repair it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// Which state.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    source: SourceArgs,
    /// The environment.
    #[arg(long, value_name = "NAME")]
    env: Option<EnvironmentName>,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(ListArgs),
    Show(ShowArgs),
    Mv(MvArgs),
    Rm(RmArgs),
    Pull(PullArgs),
    Push(PushArgs),
    Verify(VerifyArgs),
    History(HistoryArgs),
    Unlock(UnlockArgs),
}

/// List the objects that the environment owns.
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Only these: an object, a block with its instances, or a module.
    #[arg(value_name = "ADDRESS")]
    patterns: Vec<AddressPattern>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Show what the state says of one object, as JSON.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// The object.
    #[arg(value_name = "ADDRESS")]
    address: Address,
}

/// Rename an object, a block with its instances, or a module, in the state only.
///
/// A `moved` block does the same for all environments, and is reviewed with the change.
#[derive(Debug, clap::Args)]
struct MvArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    lock: LeaseArgs,
    /// The old address.
    #[arg(value_name = "FROM")]
    from: AddressPattern,
    /// The new address.
    #[arg(value_name = "TO")]
    to: AddressPattern,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// Forget objects without deleting them.
#[derive(Debug, clap::Args)]
struct RmArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    lock: LeaseArgs,
    /// What to forget: objects, blocks with their instances, modules.
    #[arg(value_name = "ADDRESS", required = true)]
    patterns: Vec<AddressPattern>,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// Print the stored state file as it is.
#[derive(Debug, clap::Args)]
struct PullArgs {
    #[command(flatten)]
    place: Place,
}

/// Store a state from a file: one that was saved aside, or one of the history.
///
/// It must be the stored state itself, where that is damaged, or follow directly from it.
#[derive(Debug, clap::Args)]
struct PushArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    lock: LeaseArgs,
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Store it whatever was stored since, as the content of the next serial.
    #[arg(long)]
    force: bool,
}

/// Check the stored state and every state before it.
#[derive(Debug, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    place: Place,
}

/// List the states that were ever stored, the newest first.
#[derive(Debug, clap::Args)]
struct HistoryArgs {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Take the environment's lease from whoever holds it.
///
/// Only for a holder that is surely gone: if it is not, its next write is refused, and what it is
/// just doing to the live system goes on.
#[derive(Debug, clap::Args)]
struct UnlockArgs {
    #[command(flatten)]
    place: Place,
    /// The lease's id, as the error that named the holder shows it.
    #[arg(value_name = "LEASE_ID")]
    id: String,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    block_on(async {
        match &args.action {
            Action::List(args) => list(args, output).await,
            Action::Show(args) => show(args, output).await,
            Action::Mv(args) => mv(args, output).await,
            Action::Rm(args) => rm(args, output).await,
            Action::Pull(args) => pull(args, output).await,
            Action::Push(args) => push(args, output).await,
            Action::Verify(args) => verify(args, output).await,
            Action::History(args) => history(args, output).await,
            Action::Unlock(args) => unlock(args, output).await,
        }
    })?
}

impl Place {
    async fn backend(&self) -> Result<LocalBackend, Diagnostics> {
        backend::open(&self.source, self.env.as_ref()).await
    }

    /// Reads the state and says what is going on with it.
    async fn read(&self, output: &Output) -> Result<Snapshot, Diagnostics> {
        let snapshot = self.backend().await?.read().await?;
        if let Some(holder) = &snapshot.holder {
            output.progress(&format!("This is a state on the way: {holder}."));
        } else if snapshot.journal.records > 0 {
            output.progress("An apply was killed here; the next one goes on from this state.");
        }
        Ok(snapshot)
    }
}

async fn list(args: &ListArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let state = args.place.read(output).await?.state;
    let selected = state.objects.iter().filter(|(address, _)| {
        args.patterns.is_empty() || args.patterns.iter().any(|pattern| pattern.matches(address))
    });
    let mut text = String::new();
    if args.json {
        let objects: Vec<_> = selected
            .map(|(address, object)| summary(address, object))
            .collect();
        let list = json!({
            "environment": state.environment,
            "lineage": state.lineage,
            "serial": state.serial,
            "objects": objects,
        });
        text = pretty(&Document::from(list));
    } else {
        for (address, _) in selected {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{address}");
        }
    }
    output.result(&text);
    Ok(Exit::Done)
}

fn summary(address: &Address, object: &ObjectState) -> serde_json::Value {
    json!({
        "address": address,
        "provider": object.provider,
        "remote_id": object.remote_id,
        "protected": object.protected,
        "pending": object.pending.as_ref().map(|pending| pending.action),
    })
}

async fn show(args: &ShowArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let state = args.place.read(output).await?.state;
    let Some(object) = state.objects.get(&args.address) else {
        return Err(unknown(&state, &args.address.to_string()).into());
    };
    output.result(&pretty(&Document::of(object)));
    Ok(Exit::Done)
}

fn unknown(state: &State, address: &str) -> Diagnostic {
    let known: Vec<String> = state.objects.keys().map(ToString::to_string).collect();
    let environment = &state.environment;
    Diagnostic::error(
        "not-in-state",
        format!("The state holds nothing that {address} names"),
    )
    .detail(format!(
        "The environment {environment} owns {} objects.",
        known.len()
    ))
    .hint("`streamform state list` shows them")
    .hint_opt(did_you_mean(address, known.iter().map(String::as_str)))
}

async fn mv(args: &MvArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let rename = |state: &mut State| {
        let renamed = state.rename(&args.from, &args.to)?;
        let lines = renamed
            .iter()
            .map(|(old, new)| format!("{old} is now {new}\n"));
        Ok(lines.collect())
    };
    edit(
        &args.place,
        &args.lock,
        "state mv",
        args.dry_run,
        output,
        rename,
    )
    .await
}

async fn rm(args: &RmArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let forget = |state: &mut State| {
        let mut lines = String::new();
        for pattern in &args.patterns {
            for (address, object) in state.forget(pattern)? {
                let _ = writeln!(
                    lines,
                    "{address} is forgotten; {} is left as it is",
                    object.remote_id
                );
            }
        }
        Ok(lines)
    };
    edit(
        &args.place,
        &args.lock,
        "state rm",
        args.dry_run,
        output,
        forget,
    )
    .await
}

/// Changes the state under the lease, as a whole or not at all.
async fn edit(
    place: &Place,
    lock: &LeaseArgs,
    operation: &str,
    dry_run: bool,
    output: &Output,
    change: impl FnOnce(&mut State) -> Result<String, EditError>,
) -> Result<Exit, Diagnostics> {
    let backend = place.backend().await?;
    let refuse = |state: &State, error: &EditError| match error {
        EditError::NoMatch { pattern } => unknown(state, &pattern.to_string()),
        other => Diagnostic::error("state-edit", "The state cannot be changed so")
            .detail(other.to_string()),
    };
    if dry_run {
        let mut state = backend.read().await?.state;
        let told = change(&mut state).map_err(|error| refuse(&state, &error))?;
        output.result(&told);
        output.progress("Nothing was changed.");
        return Ok(Exit::Done);
    }
    let mut writer = backend.acquire(&lock.request(operation, None)).await?;
    let mut state = writer.state().clone();
    let told = change(&mut state).map_err(|error| refuse(writer.state(), &error))?;
    writer
        .replace(|stored| stored.objects = state.objects)
        .await?;
    output.result(&told);
    output.progress(&format!("Stored as serial {}.", writer.state().serial));
    writer.release().await?;
    Ok(Exit::Done)
}

async fn pull(args: &PullArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let backend = args.place.backend().await?;
    let bytes = backend.pull().await?.ok_or_else(nothing_stored)?;
    let text = String::from_utf8(bytes).expect("a state file that was verified is JSON");
    output.result(&text);
    Ok(Exit::Done)
}

fn nothing_stored() -> Diagnostic {
    Diagnostic::error("no-state", "Nothing was stored yet")
        .detail("The environment was never applied.")
}

async fn push(args: &PushArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let state = read_state(&args.file)?;
    let backend = args.place.backend().await?;
    let request = args.lock.request("state push", None);
    match backend.push(state, args.force, &request).await? {
        Pushed::Unchanged => output.progress("The stored state is this one already."),
        Pushed::Stored { serial } => output.progress(&format!("Stored as serial {serial}.")),
    }
    Ok(Exit::Done)
}

fn read_state(path: &Path) -> Result<State, Diagnostics> {
    let refuse = |error: &dyn std::error::Error| {
        let summary = format!("Cannot use the state in {}", path.display());
        Diagnostic::error("bad-state", summary).caused_by(error)
    };
    let bytes = std::fs::read(path).map_err(|error| refuse(&error))?;
    format::decode(&bytes).map_err(|error: FormatError| refuse(&error).into())
}

async fn verify(args: &VerifyArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let backend = args.place.backend().await?;
    // The journal is verified by reading it.
    backend.read().await?;
    let found = backend.verify().await?.ok_or_else(nothing_stored)?;
    for path in &found.aside {
        output.progress(&format!(
            "{} was written but never made the state: the program was killed at that moment",
            path.display()
        ));
    }
    if let Some(fault) = found.fault {
        let summary = "The history of the state is broken";
        return Err(Diagnostic::error("broken-history", summary)
            .detail(format!(
                "{fault}\nThe stored state, serial {}, is whole; {} states were verified back to there.",
                found.serial, found.verified
            ))
            .into());
    }
    output.result(&format!(
        "Serial {} with the hash {} is whole, and so are all {} states of its history.\n",
        found.serial, found.hash, found.verified
    ));
    Ok(Exit::Done)
}

async fn history(args: &HistoryArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let mut entries = args.place.backend().await?.history().await?;
    entries.reverse();
    if args.json {
        let entries: Vec<_> = entries.iter().map(entry_json).collect();
        output.result(&pretty(&Document::from(json!(entries))));
        return Ok(Exit::Done);
    }
    for HistoryEntry { path, content } in &entries {
        let line = match content {
            Ok(state) => {
                let commit: String = state
                    .commit
                    .iter()
                    .flat_map(|c| c.chars())
                    .take(10)
                    .collect();
                format!(
                    "{:>6}  {}  {:>6} objects  {commit:10}  {}\n",
                    state.serial,
                    state.hash.short(),
                    state.objects,
                    path.display()
                )
            }
            Err(reason) => format!("damaged: {}: {reason}\n", path.display()),
        };
        output.result(&line);
    }
    Ok(Exit::Done)
}

fn entry_json(entry: &HistoryEntry) -> serde_json::Value {
    match &entry.content {
        Ok(state) => json!({
            "path": entry.path,
            "serial": state.serial,
            "hash": state.hash,
            "parent": state.parent,
            "commit": state.commit,
            "release": state.release,
            "objects": state.objects,
        }),
        Err(reason) => json!({ "path": entry.path, "damaged": reason }),
    }
}

async fn unlock(args: &UnlockArgs, output: &Output) -> Result<Exit, Diagnostics> {
    let backend = args.place.backend().await?;
    let holder = backend.break_lease(&args.id, &backend::who()).await?;
    output.progress(&format!("The lease was taken from: {holder}."));
    Ok(Exit::Done)
}

fn pretty(document: &Document) -> String {
    let text = serde_json::to_string_pretty(&document.to_value()).expect("a document is JSON");
    text + "\n"
}
