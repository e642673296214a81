//! What the state machine of a change asks of an engine (I/O). Another engine implements [`Engine`]; nothing
//! else of the driver changes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use crate::kinds::job::memory::{Memory, Run, Step, Version};

/// Why an engine did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EngineError {
    /// It says no, and did nothing.
    #[error("{0}")]
    Refused(String),
    /// The id was given to a job before.
    #[error("{0}")]
    Duplicate(String),
    /// It did not answer, or not so that one could tell: it may have done it.
    #[error("{0}")]
    Away(String),
}

/// A result of an engine.
pub(super) type Asked<T> = Result<T, EngineError>;

/// A version that can be started.
#[derive(Debug)]
pub(super) struct Ready<P> {
    /// In the engine's own form.
    pub(super) prepared: P,
    /// The version, with what the engine keeps of it.
    pub(super) version: Version,
    /// What it is made of, where the engine can tell before it runs.
    pub(super) graph: Option<Graph>,
}

/// What a job is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Graph {
    /// Chains of operators: the id that state is mapped by, and what people call it.
    pub(super) parts: Vec<(String, String)>,
    /// How many slots it takes.
    pub(super) slots: u32,
}

/// How a job is, in the large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It runs, or is on its way: starting, restarting, stopping.
    Active,
    /// It failed for good.
    Failed,
    /// It was ended without a savepoint.
    Canceled,
    /// It came to its end, or was stopped with a savepoint.
    Finished,
}

/// How a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// How it is, in the large.
    pub(super) phase: Phase,
    /// The same in the engine's word.
    pub(super) word: String,
    /// How many parts it has.
    pub(super) parts: usize,
    /// How many of them run wholly, or have come to the end of their input while others run.
    pub(super) running: usize,
    /// How many tasks each part has, by its id.
    pub(super) tasks: BTreeMap<String, u32>,
    /// How many tasks a part has and is to have, where it has fewer for want of room.
    pub(super) short_of: Option<(u32, u32)>,
    /// How many times it was restarted since its start because something failed.
    pub(super) restarts: u64,
    /// How many checkpoints were completed since its start; absent where it begins none by itself.
    pub(super) checkpoints: Option<u64>,
    /// Whether it has state of its own: a checkpoint or savepoint that was completed since its start.
    pub(super) has_own: bool,
    /// What its state was restored from last.
    pub(super) restored: Option<String>,
    /// Whether that is state of its own, as after a rescaling.
    pub(super) resumed: bool,
    /// Why it last failed.
    pub(super) cause: Option<String>,
}

/// Where the state of a job is that does not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// The newest that is known.
    pub(super) at: Option<String>,
    /// Where newer state may be that cannot be read from here.
    pub(super) unseen: Option<String>,
}

impl From<Option<String>> for Source {
    fn from(at: Option<String>) -> Self {
        Self { at, unseen: None }
    }
}

/// How a stop with a savepoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stopping {
    /// Under way.
    InProgress,
    /// The savepoint is there.
    Done(String),
    /// It failed.
    Failed(String),
    /// The engine knows of no such stop, or no longer.
    Unknown,
}

/// Returns where the newest state is of a job that does not run: by the step that a change of it was in, by
/// what the engine has of it, and else by what is remembered. The plan names it, and the change starts from it.
pub(super) async fn source<E: Engine>(
    engine: &E,
    memory: &Memory,
    step: Option<&Step>,
    savepoints: Option<&str>,
) -> Asked<Source> {
    // What a job was to take up is all that there is where it has nothing of its own.
    let mut given = None;
    match step {
        Some(Step::Stopped { from: Some(from) }) => return Ok(Some(from.clone()).into()),
        Some(Step::Stopping { trigger }) => {
            if let Some(run) = &memory.run
                && let Stopping::Done(path) = engine.stopping(&run.id, trigger).await?
            {
                return Ok(Some(path).into());
            }
        }
        Some(Step::Starting { run, given_up, .. }) => {
            // It may have run for long before it ended, or was forgotten.
            if !given_up {
                let left = engine.source(run, savepoints).await?;
                if left.at.is_some() {
                    return Ok(left);
                }
            }
            if let Some(from) = run.inherited() {
                return Ok(Some(from.to_owned()).into());
            }
            given = run.from.clone();
        }
        _ => {}
    }
    let left = match &memory.run {
        Some(run) if !memory.suspended => engine.source(run, savepoints).await?,
        _ => Source::default(),
    };
    Ok(Source {
        at: left
            .at
            .or_else(|| memory.newest().map(str::to_owned))
            .or(given),
        unseen: left.unseen,
    })
}

/// Starts, stops and looks at jobs.
pub(super) trait Engine: Send + Sync {
    /// A version in the engine's own form.
    type Prepared: Send + Sync;

    /// Makes a version ready to be started and checks what can be checked, without touching any job.
    fn prepare(
        &self,
        name: &str,
        version: &Version,
    ) -> impl Future<Output = Asked<Ready<Self::Prepared>>> + Send;

    /// Gives up a version that was made ready and will not be started.
    fn discard(&self, prepared: Self::Prepared) -> impl Future<Output = ()> + Send;

    /// Returns what `instead` and a new version are made of, in words that can be compared, and leaves nothing
    /// behind; without `instead` the version is only checked.
    fn preview(
        &self,
        name: &str,
        version: &Version,
        instead: Option<&str>,
    ) -> impl Future<Output = Asked<Option<(Graph, Graph)>>> + Send;

    /// Returns why there is no room for a graph once the job `instead` is gone.
    fn room(
        &self,
        graph: &Graph,
        instead: Option<&str>,
    ) -> impl Future<Output = Asked<Option<String>>> + Send;

    /// Starts a version under the id of the run: a second time is [`EngineError::Duplicate`]. However it ends, what
    /// was made ready may be used up: another start makes it ready again.
    fn start(
        &self,
        prepared: &Self::Prepared,
        run: &Run,
        may_drop_state: bool,
    ) -> impl Future<Output = Asked<()>> + Send;

    /// Returns how a job is in the large; nothing where the engine does not know it.
    fn phase(&self, id: &str) -> impl Future<Output = Asked<Option<Phase>>> + Send;

    /// Returns how a job does.
    fn look(&self, id: &str) -> impl Future<Output = Asked<Option<Look>>> + Send;

    /// Begins to stop a job with a savepoint; a second time with the same trigger is the same stop.
    fn stop(
        &self,
        id: &str,
        trigger: &str,
        directory: Option<&str>,
    ) -> impl Future<Output = Asked<()>> + Send;

    /// Returns how a stop is.
    fn stopping(&self, id: &str, trigger: &str) -> impl Future<Output = Asked<Stopping>> + Send;

    /// Begins to end a job without a savepoint.
    fn cancel(&self, id: &str) -> impl Future<Output = Asked<()>> + Send;

    /// Whether a running job has completed a checkpoint that stays when it is cancelled, or why none ever will.
    fn retained(&self, id: &str) -> impl Future<Output = Asked<Result<bool, String>>> + Send;

    /// Returns where the newest state is that a run left which has ended, or which the engine has forgotten.
    /// `savepoints` is where savepoints of it go, unless that is the engine's to say.
    fn source(
        &self,
        run: &Run,
        savepoints: Option<&str>,
    ) -> impl Future<Output = Asked<Source>> + Send;

    /// Whether a job's parallelism can be changed while it runs.
    fn rescales(&self) -> impl Future<Output = Asked<bool>> + Send;

    /// Returns the ids of a running job's parts that are to have so many tasks.
    fn parts_of(
        &self,
        id: &str,
        tasks: u32,
    ) -> impl Future<Output = Asked<BTreeSet<String>>> + Send;

    /// Begins to give parts of a job so many tasks while it runs. What is no such part keeps what it has.
    fn rescale(
        &self,
        id: &str,
        parts: &BTreeSet<String>,
        to: u32,
    ) -> impl Future<Output = Asked<()>> + Send;

    /// Deletes a savepoint; one that is gone already is no error.
    fn dispose(&self, path: &str) -> impl Future<Output = Asked<()>> + Send;

    /// Gives back what the engine keeps of a version.
    fn release(&self, version: &Version) -> impl Future<Output = Asked<()>> + Send;

    /// Returns the command with which a person starts a version from a savepoint.
    fn command(&self, version: &Version, from: Option<&str>) -> String;
}
