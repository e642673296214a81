//! What the state machine of a change asks of an engine (I/O). Another engine implements [`Engine`]; nothing
//! else of the driver changes.

use std::future::Future;

use crate::kinds::job::memory::{Run, Version};

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
    /// How many of them run wholly.
    pub(super) running: usize,
    /// The most tasks that a part has.
    pub(super) parallelism: u32,
    /// How many times it was restarted since its start.
    pub(super) restarts: u64,
    /// How many checkpoints were completed since its start; absent where it makes none.
    pub(super) checkpoints: Option<u64>,
    /// What its state was restored from last.
    pub(super) restored: Option<String>,
    /// Why it last failed.
    pub(super) cause: Option<String>,
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

    /// Returns why there is no room for a graph once the job `instead` is gone.
    fn room(
        &self,
        graph: &Graph,
        instead: Option<&str>,
    ) -> impl Future<Output = Asked<Option<String>>> + Send;

    /// Returns what a job is made of that runs.
    fn graph(&self, id: &str) -> impl Future<Output = Asked<Option<Graph>>> + Send;

    /// Starts a version under the id of the run: a second time is [`EngineError::Duplicate`].
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

    /// Whether checkpoints of a job stay when it is cancelled.
    fn keeps_checkpoints(&self, id: &str) -> impl Future<Output = Asked<bool>> + Send;

    /// Returns where the newest state of a job is that has ended.
    fn source(&self, id: &str) -> impl Future<Output = Asked<Option<String>>> + Send;

    /// Whether a job's parallelism can be changed while it runs.
    fn rescales(&self) -> impl Future<Output = Asked<bool>> + Send;

    /// Begins to change a job's parallelism while it runs.
    fn rescale(&self, id: &str, from: u32, to: u32) -> impl Future<Output = Asked<()>> + Send;

    /// Deletes a savepoint; one that is gone already is no error.
    fn dispose(&self, path: &str) -> impl Future<Output = Asked<()>> + Send;

    /// Gives back what the engine keeps of a version.
    fn release(&self, version: &Version) -> impl Future<Output = Asked<()>> + Send;

    /// Returns the command with which a person starts a version from a savepoint.
    fn command(&self, version: &Version, from: Option<&str>) -> String;
}
