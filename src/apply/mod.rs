//! Runs an approved plan: batches, the journal, events, interrupts (I/O).
//!
//! Start reading at [`apply`]. One loop owns the schedule and the journal; drivers run as tasks beside
//! it and talk to it by messages. For each batch, in this order: the intents are on disk, the driver
//! acts and reads back, the results are on disk. What is skipped and why is told at the end.

pub mod event;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::address::{Address, ProviderAddress};
use crate::backend::{BackendError, Writer};
use crate::diagnostic::Diagnostics;
use crate::document::Document;
use crate::gate::ApprovedPlan;
use crate::graph::{Outcome, Schedule, Skip, Task};
use crate::kinds::driver::{Context, ErasedOperation, Failure, NoteRequest};
use crate::kinds::{self, Action};
use crate::plan::{Change, Mode, Plan};
use crate::refresh::{self, Drivers, RefreshError};
use crate::state::ObjectState;
use crate::state::journal::{Operation, Record};

pub use event::{Event, Events};

/// How often the user asked to stop: once to finish what is under way, twice to leave now.
pub type Interrupts = watch::Receiver<u8>;

/// What became of a plan.
#[derive(Debug, Default)]
pub struct ApplyOutcome {
    /// What was done.
    pub applied: BTreeMap<Address, Action>,
    /// What failed, and why.
    pub failed: BTreeMap<Address, String>,
    /// What was not begun, and why.
    pub skipped: BTreeMap<Address, Skip>,
    /// What was still under way when the user asked to leave at once: its result is not known.
    pub abandoned: BTreeSet<Address>,
    /// Whether the user interrupted.
    pub interrupted: bool,
}

impl ApplyOutcome {
    /// Whether everything was done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.abandoned.is_empty()
    }
}

/// Why an apply ended before its plan.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state or its journal could not be written: nothing more was begun.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The live objects could not be read again: nothing was changed.
    #[error("the live objects could not be read again; nothing was changed")]
    Refresh(#[source] RefreshError),
    /// The objects of the plan wait for each other.
    #[error("{}", .0.summaries())]
    Order(Diagnostics),
}

/// Runs a plan under the lease that `writer` holds.
///
/// Every object is read again first: one that is not as the plan saw it fails, and the rest goes on.
pub async fn apply(
    approved: ApprovedPlan,
    writer: &mut Writer,
    drivers: &mut Drivers,
    events: &Events,
    interrupts: Interrupts,
) -> Result<ApplyOutcome, ApplyError> {
    let plan = approved.into_plan();
    let moved = moved_since(&plan, writer, drivers).await?;
    let schedule = schedule(&plan, writer)?;
    writer.begin(plan.hash()).await?;
    writer.append(&move_records(&plan)).await?;
    let (notes, requests) = mpsc::channel(64);
    let mut run = Run {
        changes: plan
            .changes
            .iter()
            .map(|change| (&change.address, change))
            .collect(),
        moved,
        schedule,
        writer,
        drivers,
        events,
        interrupts,
        context: Context::new(events.progress(), notes),
        requests,
        running: JoinSet::new(),
        under_way: BTreeMap::new(),
        outcome: ApplyOutcome::default(),
    };
    let ended = run.finish().await;
    let mut outcome = std::mem::take(&mut run.outcome);
    outcome.skipped = run.schedule.skipped().clone();
    outcome.abandoned = std::mem::take(&mut run.under_way).into_keys().collect();
    drop(run);
    ended?;
    for (address, skip) in &outcome.skipped {
        events.send(&Event::Skipped { address, skip });
    }
    if outcome.is_complete() && plan.selection.is_all() {
        writer.append(&[complete(&plan)]).await?;
    }
    writer.persist().await?;
    Ok(outcome)
}

/// After everything was deleted no release is in force.
fn complete(plan: &Plan) -> Record {
    match plan.mode {
        Mode::Apply => Record::Complete {
            commit: plan.basis.commit.clone(),
            release: Some(plan.basis.release),
        },
        Mode::Destroy => Record::Complete {
            commit: None,
            release: None,
        },
    }
}

/// Reads the plan's objects again, and says which are not as the plan saw them.
async fn moved_since(
    plan: &Plan,
    writer: &Writer,
    drivers: &mut Drivers,
) -> Result<BTreeSet<Address>, ApplyError> {
    let owned: BTreeMap<&Address, &ObjectState> = plan
        .changes
        .iter()
        .filter_map(|change| Some((&change.address, owned(change, writer)?)))
        .collect();
    let now = refresh::observe_again(drivers, &plan.changes, &owned)
        .await
        .map_err(ApplyError::Refresh)?;
    Ok(plan
        .changes
        .iter()
        .filter(|change| {
            now.get(&change.address)
                .is_some_and(|live| has_moved(change, live.as_ref()))
        })
        .map(|change| change.address.clone())
        .collect())
}

fn has_moved(change: &Change, now: Option<&Document>) -> bool {
    let (Some(seen), Some(now)) = (&change.live, now) else {
        return change.live.as_ref() != now;
    };
    let kind = kinds::kind(&change.address.kind);
    // Where one of the two cannot be read, it is not known to be as it was.
    !kind.is_some_and(|kind| (kind.is_unmoved)(seen, now, &change.remote_id).unwrap_or(false))
}

/// Returns what the state holds for a change, under its address so far.
fn owned<'a>(change: &Change, writer: &'a Writer) -> Option<&'a ObjectState> {
    let objects = &writer.state().objects;
    objects
        .get(change.moved_from.as_ref().unwrap_or(&change.address))
        .or_else(|| objects.get(&change.address))
}

fn schedule(plan: &Plan, writer: &Writer) -> Result<Schedule, ApplyError> {
    let tasks = plan.changes.iter().map(|change| Task {
        address: change.address.clone(),
        removes: matches!(change.action, Action::Delete | Action::Forget),
        needs: change.needs.union(&change.follows).cloned().collect(),
        needed: owned(change, writer)
            .map(|owned| owned.depends_on.clone())
            .unwrap_or_default(),
    });
    Schedule::new(tasks).map_err(|cycle| ApplyError::Order(cycle.diagnostic().into()))
}

/// Renames come first: everything after them speaks of the new addresses.
fn move_records(plan: &Plan) -> Vec<Record> {
    plan.changes
        .iter()
        .filter_map(|change| Some((change.moved_from.clone()?, change.address.clone())))
        .flat_map(|(from, address)| {
            [
                Record::Intent {
                    address: address.clone(),
                    operation: Operation::Move,
                    object: None,
                    from: Some(from),
                },
                Record::Applied {
                    address,
                    outcome: None,
                },
            ]
        })
        .collect()
}

/// The results of one batch: each object's, or why the batch gave none.
type Done = (Vec<Address>, Vec<Result<Option<Document>, Failure>>);

/// One run of a plan.
struct Run<'a> {
    changes: BTreeMap<&'a Address, &'a Change>,
    /// Objects that are not as the plan saw them.
    moved: BTreeSet<Address>,
    schedule: Schedule,
    writer: &'a mut Writer,
    drivers: &'a mut Drivers,
    events: &'a Events,
    interrupts: Interrupts,
    context: Context,
    requests: mpsc::Receiver<NoteRequest>,
    running: JoinSet<Done>,
    /// When each object was begun that is under way.
    under_way: BTreeMap<Address, Instant>,
    outcome: ApplyOutcome,
}

impl Run<'_> {
    async fn finish(&mut self) -> Result<(), ApplyError> {
        let mut lost = self.writer.lost();
        loop {
            if *self.interrupts.borrow() > 0 && !self.outcome.interrupted {
                self.outcome.interrupted = true;
                self.schedule.cancel();
                self.events.send(&Event::Interrupted {
                    under_way: self.under_way.len(),
                });
            }
            if *self.interrupts.borrow() > 1 {
                self.running.abort_all();
                return Ok(());
            }
            if *lost.borrow() {
                self.schedule.cancel();
            }
            let ready = self.schedule.ready();
            if !ready.is_empty() {
                self.start(ready).await?;
                continue;
            }
            if self.running.is_empty() {
                if self.under_way.is_empty() {
                    return Ok(());
                }
                self.fail_the_unreported();
                continue;
            }
            tokio::select! {
                Some(ended) = self.running.join_next() => match ended {
                    Ok(done) => self.settle(done).await?,
                    Err(error) => tracing::error!(%error, "a driver ended unexpectedly"),
                },
                Some((address, notes, written)) = self.requests.recv() => {
                    self.writer.append(&[Record::Note { address, notes }]).await?;
                    // The driver may have been aborted meanwhile; the note is on disk all the same.
                    let _sent = written.send(());
                }
                Ok(()) = self.interrupts.changed() => {}
                Ok(()) = lost.changed() => {}
            }
        }
    }

    /// Begins everything that may begin: one journal entry for all, one call for each batch.
    async fn start(&mut self, ready: Vec<Address>) -> Result<(), ApplyError> {
        let mut records = Vec::new();
        let mut at_once = Vec::new();
        let mut batches: BTreeMap<(ProviderAddress, Arc<str>), Vec<ErasedOperation>> =
            BTreeMap::new();
        for address in ready {
            let change = self.changes[&address];
            if self.moved.contains(&address) {
                self.fail(
                    &address,
                    "it was changed since the plan was made: plan again".into(),
                );
                continue;
            }
            self.events.send(&Event::Started {
                address: &address,
                action: change.action,
            });
            let (operation, acts) = operation(change);
            records.push(Record::Intent {
                address: address.clone(),
                operation,
                object: object(change, owned(change, self.writer), acts).map(Box::new),
                from: None,
            });
            if acts {
                let key = (change.provider.clone(), change.address.kind.clone());
                batches
                    .entry(key)
                    .or_default()
                    .push(self.erased(change, operation));
                self.under_way.insert(address, Instant::now());
            } else {
                records.push(Record::Applied {
                    address: address.clone(),
                    outcome: None,
                });
                at_once.push((address, change.action));
            }
        }
        self.writer.append(&records).await?;
        for (address, action) in at_once {
            self.succeed(&address, action, Duration::ZERO);
        }
        for ((provider, kind), operations) in batches {
            self.spawn(&provider, &kind, &operations);
        }
        Ok(())
    }

    fn erased(&self, change: &Change, operation: Operation) -> ErasedOperation {
        let owned = self.writer.state().objects.get(&change.address);
        let pending = owned.and_then(|owned| owned.pending.as_ref());
        ErasedOperation {
            address: change.address.clone(),
            action: match operation {
                Operation::Create => Action::Create,
                Operation::Delete => Action::Delete,
                _ => Action::Update,
            },
            remote_id: change.remote_id.clone(),
            spec: change.desired.clone(),
            live: change.live.clone(),
            deltas: change.deltas.clone(),
            outcome: owned.and_then(|owned| owned.outcome.clone()),
            notes: pending.and_then(|pending| pending.notes.clone()),
            facts: change.facts.clone(),
        }
    }

    fn spawn(&mut self, provider: &ProviderAddress, kind: &str, operations: &[ErasedOperation]) {
        let addresses = |batch: &[ErasedOperation]| -> Vec<Address> {
            batch
                .iter()
                .map(|operation| operation.address.clone())
                .collect()
        };
        let driver = match kinds::kind(kind).map(|kind| self.drivers.get(provider, kind)) {
            Some(Ok(driver)) => driver,
            Some(Err(error)) => {
                let failure = Failure::unchanged(error.to_string());
                let done = (addresses(operations), vec![Err(failure); operations.len()]);
                self.running.spawn(async move { done });
                return;
            }
            None => unreachable!("the survey refuses kinds that are not in the table"),
        };
        for batch in operations.chunks(driver.batch_limit()) {
            let names = addresses(batch);
            let answer = driver.clone().apply(batch.to_vec(), self.context.clone());
            self.running.spawn(async move { (names, answer.await) });
        }
    }

    /// Writes down the results of a batch.
    async fn settle(&mut self, (addresses, results): Done) -> Result<(), ApplyError> {
        let mut records = Vec::new();
        for (address, result) in addresses.iter().zip(&results) {
            match result {
                Ok(outcome) => records.push(Record::Applied {
                    address: address.clone(),
                    outcome: outcome.clone(),
                }),
                // An operation that may have done something stays pending: the next plan sees to it.
                Err(failure) if failure.unchanged => records.push(Record::Failed {
                    address: address.clone(),
                    message: failure.message.clone(),
                    outcome: failure.outcome.clone(),
                }),
                Err(_) => {}
            }
        }
        self.writer.append(&records).await?;
        for (address, result) in addresses.iter().zip(results) {
            let begun = self.under_way.remove(address);
            let took = begun.map(|begun| begun.elapsed()).unwrap_or_default();
            match result {
                Ok(_) => self.succeed(address, self.changes[address].action, took),
                Err(failure) => self.fail(address, failure.message),
            }
        }
        Ok(())
    }

    /// A driver panicked: nobody will report what it had begun, and its results are not known.
    fn fail_the_unreported(&mut self) {
        for address in std::mem::take(&mut self.under_way).into_keys() {
            self.fail(
                &address,
                "the driver ended unexpectedly; the result is not known".into(),
            );
        }
    }

    fn succeed(&mut self, address: &Address, action: Action, took: Duration) {
        self.schedule.complete(address, Outcome::Done);
        self.outcome.applied.insert(address.clone(), action);
        self.events.send(&Event::Applied {
            address,
            action,
            took,
        });
    }

    fn fail(&mut self, address: &Address, message: String) {
        self.schedule.complete(address, Outcome::Failed);
        self.events.send(&Event::Failed {
            address,
            message: &message,
        });
        self.outcome.failed.insert(address.clone(), message);
    }
}

/// Returns the journal's word for a change, and whether a driver has to act.
fn operation(change: &Change) -> (Operation, bool) {
    match change.action {
        Action::Create => (Operation::Create, true),
        Action::Update => (Operation::Update, true),
        Action::Adopt => (Operation::Adopt, !change.deltas.is_empty()),
        Action::Delete => (Operation::Delete, true),
        Action::Forget => (Operation::Forget, false),
        Action::Record | Action::NoOp => (Operation::Update, false),
    }
}

/// Returns the object as the state will hold it; nothing for what is deleted or forgotten. Where a driver
/// acts, it tells the outcome later.
fn object(change: &Change, owned: Option<&ObjectState>, acts: bool) -> Option<ObjectState> {
    let known = owned.and_then(|owned| owned.outcome.clone());
    let seen = || {
        let kind = kinds::kind(&change.address.kind)?;
        // The plan has read this very document as the kind's.
        (kind.outcome)(change.live.as_ref()?, &change.remote_id).ok()?
    };
    Some(ObjectState {
        provider: change.provider.clone(),
        remote_id: change.remote_id.clone(),
        spec: change.desired.clone()?,
        protected: change.protected,
        depends_on: change.needs.clone(),
        outcome: if acts { known } else { seen().or(known) },
        pending: None,
    })
}
