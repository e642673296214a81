//! Reaches the jobs of one engine (I/O).
//!
//! [`observe`](Driver::observe) is here: one request for all jobs, since whether a job runs is in the list, and
//! what it runs is remembered. [`change`] is the state machine of a change, `measure` answers what the checks
//! ask, `vitals` looks at how jobs do, `flink` is one engine.

mod change;
mod engine;
mod flink;
mod measure;
mod vitals;

use std::collections::{BTreeMap, BTreeSet};

use crate::address::ProviderAddress;
use crate::clients::Connections;
use crate::clients::flink::{FlinkError, JobSummary};
use crate::document::Document;
use crate::kinds::Action;
use crate::kinds::driver::{
    Context, Driver, DriverError, Failure, Operation, Question, Wanted, at_once,
};

use super::diff::{RESTORE, STATE};
use super::memory::{Memory, Run, Step};
use super::spec::{Upgrade, WantedState};
use super::{Job, JobFacts, JobLive, JobVitals, LiveState};

use change::{Change, Halt};
use engine::Phase;
use flink::Flink;

/// Reaches the jobs of one Flink cluster.
#[derive(Debug, Clone)]
pub struct JobDriver {
    engine: Flink,
    provider: ProviderAddress,
}

impl Driver for JobDriver {
    type Kind = Job;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.flink(provider).map_err(DriverError)?;
        Ok(Self {
            engine: Flink::new(client, connections.files().clone()),
            provider: provider.clone(),
        })
    }

    async fn observe(&self, wanted: Vec<Wanted<Job>>) -> Result<Vec<Option<JobLive>>, DriverError> {
        let jobs = Jobs::list(self).await?;
        wanted
            .iter()
            .map(|wanted| {
                let (outcome, notes) = (wanted.outcome.as_ref(), wanted.notes.as_ref());
                let (memory, step) = Self::recall(&wanted.remote_id, outcome, notes)?;
                let live = jobs.live(&wanted.remote_id, memory, step, wanted.owned);
                Ok(live.map(|live| JobLive {
                    upgrade: last_upgrade(wanted),
                    ..live
                }))
            })
            .collect()
    }

    async fn investigate(
        &self,
        questions: Vec<Question<Job>>,
    ) -> Result<Vec<JobFacts>, DriverError> {
        measure::measure(self, questions).await
    }

    async fn vitals(
        &self,
        wanted: Vec<Wanted<Job>>,
    ) -> Result<Vec<Option<JobVitals>>, DriverError> {
        vitals::read(self, wanted).await
    }

    async fn apply(
        &self,
        operations: Vec<Operation<Job>>,
        context: &Context,
    ) -> Vec<Result<Option<JobLive>, Failure>> {
        at_once(operations.into_iter().map(|operation| {
            let (driver, context) = (self.clone(), context.clone());
            async move { driver.change(&operation, &context).await }
        }))
        .await
    }

    fn batch_limit(&self) -> usize {
        // What needs another job is in a later batch; the client bounds the requests.
        64
    }
}

impl JobDriver {
    fn error(&self, error: &FlinkError) -> DriverError {
        error.diagnostic(&self.provider).into()
    }

    fn recall(
        name: &str,
        outcome: Option<&Document>,
        notes: Option<&Document>,
    ) -> Result<(Memory, Option<Step>), DriverError> {
        Memory::recall(outcome, notes).map_err(|error| {
            crate::diagnostic::Diagnostic::error(
                "wrong-document",
                format!("What the state remembers of the job {name:?} cannot be read"),
            )
            .detail(error.to_string())
            .into()
        })
    }

    /// Makes one change.
    async fn change(
        &self,
        operation: &Operation<Job>,
        context: &Context,
    ) -> Result<Option<JobLive>, Failure> {
        let (outcome, notes) = (operation.outcome.as_ref(), operation.notes.as_ref());
        let (mut memory, step) = Self::recall(&operation.remote_id, outcome, notes)
            .map_err(|error| Failure::unsettled(error.to_string()))?;
        let live = operation.live.as_ref();
        if let Some(live) = live.filter(|_| memory.is_empty()) {
            // A job that is taken over is known by what was seen.
            memory = live.memory.clone();
        }
        let upgrade = match &operation.spec {
            Some(spec) => spec.upgrade.clone(),
            None => live
                .and_then(|live| live.upgrade.clone())
                .unwrap_or_default(),
        };
        let mut change = Change {
            engine: &self.engine,
            address: &operation.address,
            name: &operation.remote_id,
            upgrade,
            healthy: operation
                .spec
                .as_ref()
                .map(|spec| spec.healthy)
                .unwrap_or_default(),
            context,
            differs: operation
                .deltas
                .iter()
                .any(|delta| ![RESTORE, STATE].contains(&&*delta.path)),
            restore: restore(operation),
            planned: operation
                .facts
                .as_ref()
                .and_then(|facts| facts.source.clone()),
            memory,
        };
        let done = match (operation.action, &operation.spec) {
            (Action::Delete, _) | (_, None) => change.delete(step).await,
            (_, Some(spec)) if spec.state == WantedState::Suspended => change.suspend(step).await,
            (_, Some(spec)) => change.run(&spec.program, step).await,
        };
        let done = match done {
            Ok(()) => Ok(()),
            Err(halt) => Err(change.close(halt).await),
        };
        let memory = change.memory;
        match done {
            Ok(()) if operation.action == Action::Delete => Ok(None),
            Ok(()) => Ok(Some(settled(memory))),
            Err(Halt::AsBefore(message)) => Err(Failure {
                outcome: (!memory.is_empty()).then(|| Document::of(&memory)),
                ..Failure::unchanged(message)
            }),
            Err(Halt::Unsettled(message)) => Err(Failure::unsettled(message)),
        }
    }
}

/// Returns what a job is to take up instead of its own state, where that is not done yet.
fn restore(operation: &Operation<Job>) -> Option<String> {
    let is_pending = match operation.action {
        Action::Create => true,
        _ => operation.deltas.iter().any(|delta| delta.path == RESTORE),
    };
    let restore = operation.spec.as_ref()?.restore.as_ref();
    restore.filter(|_| is_pending).map(|it| it.from.clone())
}

/// Returns a job as it is after a change.
fn settled(memory: Memory) -> JobLive {
    JobLive {
        state: if memory.suspended {
            LiveState::Suspended
        } else {
            LiveState::Running
        },
        memory,
        step: None,
        foreign: Vec::new(),
        upgrade: None,
    }
}

/// How a job that is no longer wanted was last wanted to be changed.
fn last_upgrade(wanted: &Wanted<Job>) -> Option<Upgrade> {
    let last = wanted.specs.first().filter(|_| wanted.unwanted)?;
    Some(last.upgrade.clone())
}

/// All jobs that the cluster knows.
struct Jobs {
    /// How each is, by its id.
    phases: BTreeMap<String, Phase>,
    /// Those that run or are on their way, by name.
    active: BTreeMap<String, BTreeSet<String>>,
}

impl Jobs {
    async fn list(driver: &JobDriver) -> Result<Self, DriverError> {
        let listed = driver.engine.client().jobs().await;
        Ok(Self::of(listed.map_err(|error| driver.error(&error))?))
    }

    fn of(listed: Vec<JobSummary>) -> Self {
        let mut jobs = Self {
            phases: BTreeMap::new(),
            active: BTreeMap::new(),
        };
        for job in listed {
            let phase = flink::phase(&job.state);
            if phase == Phase::Active {
                let named = jobs.active.entry(job.name).or_default();
                named.insert(job.jid.clone());
            }
            jobs.phases.insert(job.jid, phase);
        }
        jobs
    }

    /// Returns the ids of jobs that run under a name and are not among `ours`.
    fn foreign(&self, name: &str, ours: &[&str]) -> Vec<String> {
        let named = self.active.get(name).into_iter().flatten();
        named
            .filter(|id| !ours.contains(&id.as_str()))
            .cloned()
            .collect()
    }

    /// Returns how a job is, by what is remembered of it.
    fn live(
        &self,
        name: &str,
        memory: Memory,
        step: Option<Step>,
        is_owned: bool,
    ) -> Option<JobLive> {
        let begun = match &step {
            Some(Step::Starting { run, .. }) => Some(run.id.as_str()),
            _ => None,
        };
        let ran = memory.run.as_ref().map(|run| run.id.as_str());
        let ours: Vec<&str> = begun.into_iter().chain(ran).collect();
        let foreign = self.foreign(name, &ours);
        let begun = begun.and_then(|id| self.phases.get(id));
        if !is_owned && memory.is_empty() {
            return found(foreign);
        }
        let state = match (begun, ran) {
            (Some(phase), _) => shown(Some(phase)),
            (None, _) if memory.suspended => LiveState::Suspended,
            (None, Some(id)) => shown(self.phases.get(id)),
            // It never ran.
            (None, None) => return None,
        };
        Some(JobLive {
            state,
            memory,
            step,
            foreign,
            upgrade: None,
        })
    }
}

/// Returns a job that is not ours as one that could be taken over, if no other has the name.
fn found(mut ids: Vec<String>) -> Option<JobLive> {
    let id = ids.pop()?;
    Some(JobLive {
        state: LiveState::Running,
        memory: Memory {
            run: Some(Run {
                id,
                generation: 0,
                version: None,
                from: None,
                restored: false,
            }),
            ..Memory::default()
        },
        step: None,
        foreign: ids,
        upgrade: None,
    })
}

fn shown(phase: Option<&Phase>) -> LiveState {
    match phase {
        Some(Phase::Active) => LiveState::Running,
        Some(Phase::Failed) => LiveState::Failed,
        Some(Phase::Canceled) => LiveState::Canceled,
        Some(Phase::Finished) => LiveState::Finished,
        None => LiveState::Missing,
    }
}

#[cfg(test)]
mod tests;
