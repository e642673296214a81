//! One turn: the branch's commit → plan → decision → apply. I/O happens in the [`World`] alone.
//!
//! A head that may not be applied (refused by a gate, wrong, waiting, rewritten) does not leave the
//! environment alone: its *baseline*, the commit that was applied last, is still in force, and drift
//! from it is dealt with on the same beat.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::source::git::{Commit, CommitId, Update};

use super::decide::{Action, Cause, Policies, Role, decide};
use super::report::{Outcome, Reason, Report};
use super::rounds::Ill;
use super::stop::Stop;

/// Everything that a turn reads and changes.
pub(super) trait World {
    /// What [`World::apply`] needs of a plan.
    type Plan;

    /// Fetches and returns the branch's commit.
    async fn head(&mut self) -> Result<Commit, Failure>;

    /// Returns the commit that was applied last, as the state says that the head names.
    async fn applied(&mut self, head: &Commit) -> Result<Option<CommitId>, Failure>;

    /// Says how the branch got from one commit to another.
    fn compare(&self, from: CommitId, to: CommitId) -> Result<Update, Failure>;

    /// Plans a commit without some objects, and lets the gates review the plan.
    async fn plan(
        &mut self,
        commit: &Commit,
        exclude: &BTreeSet<Address>,
    ) -> Result<Planned<Self::Plan>, Failure>;

    /// Finds a commit of the repository.
    fn commit(&self, id: CommitId) -> Result<Commit, Failure>;

    /// Applies a plan that passed. When asked to stop, it finishes what is in flight.
    async fn apply(&mut self, plan: Self::Plan, stop: &Stop) -> Result<Applied, Failure>;

    /// Looks how what was applied does, once; `None` where nothing is known to be unhealthy.
    async fn look(&mut self) -> Option<Ill>;
}

/// A reviewed plan.
pub(super) struct Planned<P> {
    /// The policies of the commit's environment.
    pub(super) policies: Policies,
    /// The objects that it changes.
    pub(super) changes: BTreeMap<Address, Cause>,
    /// The plan, or why a gate refused it.
    pub(super) verdict: Result<P, Reason>,
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// Operations that succeeded.
    pub(super) done: usize,
    /// Why others did not.
    pub(super) failed: Option<Reason>,
    /// Whether it was stopped before its end.
    pub(super) stopped: bool,
}

/// Why a step of a turn did not come to a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may work later: a broker or a git server is away.
    Transient(Reason),
    /// The commit's configuration is wrong, and stays so.
    Invalid(Reason),
    /// Somebody else holds the lease.
    Leased(Reason),
    /// A signal asked to stop.
    Stopped,
}

/// What one turn leaves for the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last commit that nothing remained to do for.
    settled: Option<CommitId>,
    /// The rewritten commit that the user accepts.
    accepted: Option<CommitId>,
}

impl Memory {
    pub(super) fn new(accepted: Option<CommitId>) -> Self {
        Self {
            settled: None,
            accepted,
        }
    }
}

/// Makes one turn.
pub(super) async fn turn<W: World>(world: &mut W, memory: &mut Memory, stop: &Stop) -> Report {
    let head = match interruptible(stop, world.head()).await {
        Ok(head) => head,
        Err(failure) => return failed(None, failure),
    };
    let mut turn = Turn {
        world,
        memory,
        stop,
        head,
    };
    match turn.run().await {
        Ok(report) => report,
        Err(failure) => failed(Some(turn.head), failure),
    }
}

fn failed(commit: Option<Commit>, failure: Failure) -> Report {
    let (outcome, reason) = match failure {
        Failure::Transient(reason) => (Outcome::Failed, Some(reason)),
        Failure::Invalid(reason) => (Outcome::Invalid, Some(reason)),
        Failure::Leased(reason) => (Outcome::Leased, Some(reason)),
        Failure::Stopped => (Outcome::Stopped, None),
    };
    Report {
        reason,
        ..Report::new(commit, outcome)
    }
}

/// Runs a step that only reads, and drops it when asked to stop.
async fn interruptible<T>(
    stop: &Stop,
    reading: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = stop.requested() => Err(Failure::Stopped),
        result = reading => result,
    }
}

struct Turn<'a, W> {
    world: &'a mut W,
    memory: &'a mut Memory,
    stop: &'a Stop,
    head: Commit,
}

impl<W: World> Turn<'_, W> {
    async fn run(&mut self) -> Result<Report, Failure> {
        let head = self.head.clone();
        let applied = match interruptible(self.stop, self.world.applied(&head)).await {
            Ok(applied) => applied,
            // Where the state is, is a part of what is wrong.
            Err(Failure::Invalid(reason)) => return self.invalid(reason, None).await,
            Err(failure) => return Err(failure),
        };
        if let Some(from) = self.rewritten_from(applied)? {
            let reason = format!(
                "the branch no longer contains {}, which was applied; look at what replaced it, then \
                 start again with --accept-rewrite {}",
                from.short(),
                head.id,
            );
            let report = self.report(Outcome::Held).reason(Reason::new(reason));
            return self.with_baseline(report, applied).await;
        }
        let none = BTreeSet::new();
        let planned = match self.plan(&head, &none).await {
            Ok(planned) => planned,
            Err(Failure::Invalid(reason)) => return self.invalid(reason, applied).await,
            Err(failure) => return Err(failure),
        };
        let report = self.counted(&planned.changes);
        match decide(Role::Head, planned.policies, &planned.changes) {
            Action::Rest => Ok(self.settled(report, Outcome::UpToDate)),
            Action::Report => Ok(self.settled(report, Outcome::Drifted)),
            Action::Await => {
                let reason = planned.verdict.err();
                let report = Report {
                    outcome: Outcome::Awaiting,
                    reason,
                    ..report
                };
                self.with_baseline(report, applied).await
            }
            Action::Apply { exclude } => {
                let planned = self.without(&head, planned, &exclude).await?;
                match planned.verdict {
                    Ok(plan) => self.apply(report, plan).await,
                    Err(reason) => {
                        let report = Report {
                            outcome: Outcome::Refused,
                            ..report
                        }
                        .reason(reason);
                        self.with_baseline(report, applied).await
                    }
                }
            }
        }
    }

    /// Returns the commit that history was rewritten from, where that happened and is not accepted.
    ///
    /// What counts is what was applied, not what was seen: a commit that was refused may be dropped
    /// from the branch by the same means.
    fn rewritten_from(&self, applied: Option<CommitId>) -> Result<Option<CommitId>, Failure> {
        let mut from = None;
        let known = [self.memory.accepted, applied, self.memory.settled];
        for known in known.into_iter().flatten() {
            match self.world.compare(known, self.head.id)? {
                Update::Unchanged | Update::FastForward { .. } => return Ok(None),
                // The commit to accept is not one that was applied.
                Update::Rewritten { .. } if Some(known) == self.memory.accepted => {}
                Update::Rewritten { .. } => from = from.or(Some(known)),
            }
        }
        Ok(from)
    }

    async fn plan(
        &mut self,
        commit: &Commit,
        exclude: &BTreeSet<Address>,
    ) -> Result<Planned<W::Plan>, Failure> {
        interruptible(self.stop, self.world.plan(commit, exclude)).await
    }

    /// Plans again where some objects are to be left alone.
    async fn without(
        &mut self,
        commit: &Commit,
        planned: Planned<W::Plan>,
        exclude: &BTreeSet<Address>,
    ) -> Result<Planned<W::Plan>, Failure> {
        if exclude.is_empty() {
            return Ok(planned);
        }
        self.plan(commit, exclude).await
    }

    async fn apply(&mut self, report: Report, plan: W::Plan) -> Result<Report, Failure> {
        let applied = self.world.apply(plan, self.stop).await?;
        let only_drift = report.changes == 0;
        let outcome = match (&applied.failed, applied.stopped) {
            (Some(_), _) => Outcome::Failed,
            (None, true) => Outcome::Stopped,
            (None, false) if only_drift => Outcome::Reverted,
            (None, false) => Outcome::Applied,
        };
        if matches!(outcome, Outcome::Applied | Outcome::Reverted) {
            self.memory.settled = Some(self.head.id);
        }
        Ok(Report {
            outcome,
            reverted: if only_drift { applied.done } else { 0 },
            reason: applied.failed,
            ..report
        })
    }

    /// Deals with drift from the commit that is in force, and adds to the head's report.
    async fn with_baseline(
        &mut self,
        mut report: Report,
        applied: Option<CommitId>,
    ) -> Result<Report, Failure> {
        let baseline = self.baseline(applied)?;
        let Some(baseline) = baseline.filter(|id| *id != self.head.id) else {
            return Ok(report);
        };
        let baseline = match self.world.commit(baseline) {
            Ok(commit) => commit,
            // History was replaced, and the mirror is younger than that.
            Err(Failure::Invalid(_)) => return Ok(without_baseline(report, baseline)),
            Err(failure) => return Err(failure),
        };
        let planned = match self.plan(&baseline, &BTreeSet::new()).await {
            Ok(planned) => planned,
            // A newer version of the program may refuse what an older one applied.
            Err(Failure::Invalid(_)) => return Ok(without_baseline(report, baseline.id)),
            Err(failure) => return Err(failure),
        };
        report.drift = drifted(&planned.changes);
        let Action::Apply { exclude } = decide(Role::Baseline, planned.policies, &planned.changes)
        else {
            return Ok(report);
        };
        let planned = self.without(&baseline, planned, &exclude).await?;
        // Where a gate refuses to put drift back, the drift stays in the report.
        if let Ok(plan) = planned.verdict {
            let applied = self.world.apply(plan, self.stop).await?;
            report.reverted = applied.done;
            if let Some(reason) = applied.failed {
                return Err(Failure::Transient(reason));
            }
        }
        Ok(report)
    }

    /// Returns the newest commit that is known to be in force: the state names the one that was applied
    /// last, and nothing had to be applied for those after it that changed no object.
    fn baseline(&self, applied: Option<CommitId>) -> Result<Option<CommitId>, Failure> {
        let (Some(applied), Some(settled)) = (applied, self.memory.settled) else {
            return Ok(applied.or(self.memory.settled));
        };
        let newer = matches!(
            self.world.compare(applied, settled)?,
            Update::FastForward { .. }
        );
        Ok(Some(if newer { settled } else { applied }))
    }

    async fn invalid(
        &mut self,
        reason: Reason,
        applied: Option<CommitId>,
    ) -> Result<Report, Failure> {
        let report = self.report(Outcome::Invalid).reason(reason);
        self.with_baseline(report, applied).await
    }

    fn report(&self, outcome: Outcome) -> Report {
        Report::new(Some(self.head.clone()), outcome)
    }

    fn counted(&self, changes: &BTreeMap<Address, Cause>) -> Report {
        let drift = drifted(changes);
        Report {
            changes: changes.len() - drift,
            drift,
            ..self.report(Outcome::UpToDate)
        }
    }

    fn settled(&mut self, report: Report, outcome: Outcome) -> Report {
        self.memory.settled = Some(self.head.id);
        Report { outcome, ..report }
    }
}

/// Says that drift is not looked at.
fn without_baseline(report: Report, baseline: CommitId) -> Report {
    let here = format!(
        "drift from {} is not looked at: it cannot be read",
        baseline.short()
    );
    let text = match &report.reason {
        Some(reason) => format!("{}; {here}", reason.text),
        None => here,
    };
    report.reason(Reason::new(text))
}

fn drifted(changes: &BTreeMap<Address, Cause>) -> usize {
    changes
        .values()
        .filter(|cause| **cause == Cause::Drift)
        .count()
}

#[cfg(test)]
mod tests;
