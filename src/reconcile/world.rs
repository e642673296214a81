//! What turns read and change: a branch, an environment's state, its live systems. Does I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::address::{Address, AddressPattern, EnvironmentName};
use crate::apply::{ApplyError, ApplyOutcome, Events};
use crate::backend::{BackendError, LeaseRequest, LocalBackend};
use crate::config::project::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, one_line};
use crate::gate::{ApprovedPlan, Refusal, Rejection, review};
use crate::kinds::Action;
use crate::pipeline::{
    Basis, PlanError, PlanOptions, Prepared, Request, apply_plan, check_basis, plan_environment,
    prepare,
};
use crate::plan::{Change, Fate, Plan, Selection};
use crate::refresh::Drivers;
use crate::source::Snapshot;
use crate::source::git::{Commit, CommitId, GitError, Repository, Update};

use super::decide::{Cause, Policies};
use super::report::Reason;
use super::rounds::{Ill, Rounds};
use super::stop::Stop;
use super::turn::{Applied, Failure, Planned, World};

/// How many failures of an apply a line of the log names.
const MOST_FAILURES: usize = 5;

/// One environment of a project on a branch.
pub(super) struct Environment {
    pub(super) repository: Repository,
    pub(super) branch: String,
    /// The project's folder in the repository.
    pub(super) folder: String,
    pub(super) name: Option<EnvironmentName>,
    pub(super) inputs: Inputs,
    /// The folder that relative paths outside of the repository start from.
    pub(super) base: PathBuf,
    /// Who asks for the lease.
    pub(super) who: String,
    /// The commit that was loaded last, until it is planned.
    pub(super) loaded: Option<(CommitId, Prepared)>,
    /// The looks at what was applied.
    pub(super) rounds: Option<Rounds>,
}

/// A plan that passed its gates, and what it takes to apply it.
pub(super) struct Ready {
    approved: ApprovedPlan,
    drivers: Drivers,
    backend: LocalBackend,
    commit: CommitId,
}

impl Environment {
    fn load(&self, commit: &Commit) -> Result<Prepared, Failure> {
        let snapshot = Snapshot::of_commit(&self.repository, commit.clone(), &self.folder)
            .map_err(|error| invalid(Diagnostic::from(error)))?;
        let request = Request {
            snapshot,
            environment: self.name.clone(),
            inputs: self.inputs.clone(),
            base: self.base.clone(),
        };
        prepare(&request).map_err(invalid)
    }

    /// Loads a commit, or takes it where it was loaded already.
    fn take(&mut self, commit: &Commit) -> Result<Prepared, Failure> {
        match self.loaded.take() {
            Some((id, prepared)) if id == commit.id => Ok(prepared),
            _ => self.load(commit),
        }
    }
}

impl World for Environment {
    type Plan = Ready;

    async fn head(&mut self) -> Result<Commit, Failure> {
        self.repository.fetch().await.map_err(unfetched)?;
        self.repository.branch(&self.branch).map_err(unfetched)
    }

    async fn applied(&mut self, head: &Commit) -> Result<Option<CommitId>, Failure> {
        let prepared = self.take(head)?;
        let snapshot = prepared.backend.read().await;
        self.loaded = Some((head.id, prepared));
        let commit = snapshot.map_err(|error| stateless(&error))?.state.commit;
        // A project that was applied from a folder has none.
        Ok(commit.and_then(|commit| commit.parse().ok()))
    }

    fn compare(&self, from: CommitId, to: CommitId) -> Result<Update, Failure> {
        self.repository.compare(from, to).map_err(unfetched)
    }

    fn commit(&self, id: CommitId) -> Result<Commit, Failure> {
        let found = self.repository.resolve(&id.to_string());
        found.map_err(|error| invalid(Diagnostic::from(error)))
    }

    async fn plan(
        &mut self,
        commit: &Commit,
        exclude: &BTreeSet<Address>,
    ) -> Result<Planned<Ready>, Failure> {
        let prepared = self.take(commit)?;
        let known = self.rounds.take().filter(|rounds| rounds.reach(&prepared));
        self.rounds = Some(known.unwrap_or_else(|| Rounds::of(&prepared, &self.base)));
        let backend = prepared.backend.clone();
        let basis = backend.read().await.map_err(|error| stateless(&error))?;
        let excludes = exclude
            .iter()
            .cloned()
            .map(AddressPattern::Object)
            .collect();
        let selection = Selection {
            targets: Vec::new(),
            excludes,
        };
        let options = PlanOptions {
            selection,
            ..PlanOptions::default()
        };
        let planning = Box::pin(plan_environment(prepared, Basis::from(basis), options));
        let planned = planning.await;
        let planned = planned.map_err(unplanned)?;
        if !planned.plan.unread.is_empty() {
            return Err(transient(planned.plan.away));
        }
        let policies = Policies {
            apply: planned.environment.apply,
            drift: planned.environment.drift,
        };
        let changes = causes(&planned.plan);
        let verdict = review(planned.plan, &planned.gates)
            .map(|approved| Ready {
                approved,
                drivers: planned.drivers,
                backend,
                commit: commit.id,
            })
            .map_err(|rejection| refused(&rejection));
        Ok(Planned {
            policies,
            changes,
            verdict,
        })
    }

    async fn apply(&mut self, plan: Ready, stop: &Stop) -> Result<Applied, Failure> {
        let Ready {
            approved,
            mut drivers,
            backend,
            commit,
        } = plan;
        let request = LeaseRequest {
            operation: "watch".into(),
            who: self.who.clone(),
            commit: Some(commit.to_string()),
            wait: std::time::Duration::ZERO,
        };
        let mut writer = backend
            .acquire(&request)
            .await
            .map_err(|error| stateless(&error))?;
        // Somebody may have applied between the plan and the lease.
        let fresh = check_basis(approved.plan(), &Basis::from(&writer), None);
        let outcome = match fresh {
            Ok(()) => {
                let interrupts = stop.interrupts();
                apply_plan(
                    approved,
                    &mut writer,
                    &mut drivers,
                    &Events::ignore(),
                    interrupts,
                )
                .await
                .map_err(unapplied)
            }
            Err(stale) => Err(Failure::Transient(Reason::new(stale.to_string()))),
        };
        // What was done is stored already; a lease that cannot be released runs out.
        let released = writer.release().await;
        let applied = done(&outcome?);
        released.map_err(|error| stateless(&error))?;
        Ok(applied)
    }

    async fn look(&mut self) -> Option<Ill> {
        self.rounds.as_mut()?.look().await
    }
}

/// Says for each change of a plan what it comes from.
fn causes(plan: &Plan) -> BTreeMap<Address, Cause> {
    let reverted: BTreeSet<&Address> = plan
        .drift
        .iter()
        .filter(|drift| drift.fate == Fate::Reverted)
        .map(|drift| &drift.address)
        .collect();
    let cause = |change: &Change| {
        let same = change.desired == change.prior && change.moved_from.is_none();
        let puts_back = matches!(change.action, Action::Create | Action::Update);
        if same && puts_back && reverted.contains(&change.address) {
            Cause::Drift
        } else {
            Cause::Configuration
        }
    };
    plan.changes
        .iter()
        .map(|change| (change.address.clone(), cause(change)))
        .collect()
}

fn refused(rejection: &Rejection) -> Reason {
    Reason::of(&rejection.refusals.iter().map(Refusal::diagnostic).collect())
}

fn done(outcome: &ApplyOutcome) -> Applied {
    let failed: Vec<String> = outcome
        .failed
        .iter()
        .map(|(address, why)| format!("{address}: {why}"))
        .collect();
    let failed = match failed.len() {
        0 if outcome.is_complete() || outcome.interrupted => None,
        0 => Some(format!(
            "{} operations were not begun",
            outcome.skipped.len()
        )),
        count if count > MOST_FAILURES => {
            let named = failed[..MOST_FAILURES].join("; ");
            Some(format!("{named}; and {} more", count - MOST_FAILURES))
        }
        _ => Some(failed.join("; ")),
    };
    Applied {
        done: outcome.applied.len(),
        failed: failed.map(Reason::new),
        stopped: outcome.interrupted && !outcome.is_complete(),
    }
}

fn invalid(diagnostics: impl Into<Diagnostics>) -> Failure {
    Failure::Invalid(Reason::of(&diagnostics.into()))
}

fn transient(diagnostics: impl Into<Diagnostics>) -> Failure {
    Failure::Transient(Reason::of(&diagnostics.into()))
}

fn unfetched(error: GitError) -> Failure {
    transient(Diagnostic::from(error))
}

/// Whoever holds the lease is named; anything else about the state may be repaired while we wait.
fn stateless(error: &BackendError) -> Failure {
    let reason = Reason::new(one_line(error));
    match error {
        BackendError::LeaseHeld { .. } => Failure::Leased(reason),
        _ => Failure::Transient(reason),
    }
}

/// What only another commit can mend is not tried again for the same one.
fn unplanned(error: PlanError) -> Failure {
    match error {
        PlanError::Project(found) => invalid(found),
        PlanError::Outside(found) => transient(found),
    }
}

fn unapplied(error: ApplyError) -> Failure {
    match error {
        ApplyError::Backend(error) => stateless(&error),
        ApplyError::Refresh(error) => transient(error),
        ApplyError::Order(found) => invalid(found),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::document::ContentHash;
    use crate::plan::Drift;

    use super::*;

    fn address(name: &str) -> Address {
        Address::root("topic", name)
    }

    /// A change of `topic.NAME`, from what was applied to what is wanted.
    fn change(name: &str, action: Action, prior: Option<u8>, desired: Option<u8>) -> Change {
        let document = |number: u8| json!({ "partitions": number });
        let change = json!({
            "address": address(name),
            "action": action,
            "provider": "kafka",
            "remote_id": name,
            "prior": prior.map(document),
            "desired": desired.map(document),
        });
        serde_json::from_value(change).expect("a change")
    }

    fn plan(changes: Vec<Change>, drifted: &[&str]) -> Plan {
        let drift = drifted.iter().map(|name| Drift {
            address: address(name),
            remote_id: (*name).to_owned(),
            deleted: false,
            deltas: Vec::new(),
            fate: Fate::Reverted,
        });
        let hash = ContentHash::of(b"");
        let basis = json!({
            "tool": "", "environment": "dev", "lineage": "", "serial": 0,
            "state": hash, "release": hash, "desired": hash,
        });
        let plan = json!({
            "basis": basis, "mode": "apply", "changes": [], "unchanged": 0, "owned": 0,
        });
        Plan {
            changes,
            drift: drift.collect(),
            ..serde_json::from_value(plan).expect("a plan")
        }
    }

    #[test]
    fn a_change_comes_from_drift_where_the_project_says_what_was_applied() {
        let mut moved = change("moved", Action::Update, Some(1), Some(1));
        moved.moved_from = Some(address("old"));
        let changes = vec![
            change("changed", Action::Update, Some(1), Some(1)),
            change("deleted", Action::Create, Some(1), Some(1)),
            change("new", Action::Create, None, Some(1)),
            change("grown", Action::Update, Some(1), Some(2)),
            change("both", Action::Update, Some(1), Some(2)),
            change("gone", Action::Delete, Some(1), None),
            // Begun by an apply that was killed: not known to be drift.
            change("pending", Action::Update, Some(1), Some(1)),
            moved,
        ];
        let causes = causes(&plan(
            changes,
            &["changed", "deleted", "both", "gone", "moved"],
        ));
        let from = |cause| -> Vec<&str> {
            let of = causes.iter().filter(|(_, c)| **c == cause);
            of.map(|(address, _)| &*address.name).collect()
        };
        assert_eq!(from(Cause::Drift), ["changed", "deleted"]);
        assert_eq!(
            from(Cause::Configuration),
            ["both", "gone", "grown", "moved", "new", "pending"]
        );
    }

    #[test]
    fn an_apply_names_a_few_of_its_failures() {
        let mut outcome = ApplyOutcome::default();
        assert_eq!(done(&outcome).failed, None);
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            outcome.failed.insert(address(name), "away".into());
        }
        insta::assert_snapshot!(done(&outcome).failed.expect("failures").text, @"topic.a: away; topic.b: away; topic.c: away; topic.d: away; topic.e: away; and 2 more");
    }
}
