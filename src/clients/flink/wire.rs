//! What the `JobManager`'s REST API says and is told, as far as it is of interest. Fields that are missing
//! or unknown are borne.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much room a cluster has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Overview {
    /// Its slots.
    pub slots_total: u32,
    /// Those that no job has.
    pub slots_available: u32,
    /// Its version.
    pub flink_version: String,
}

/// What a cluster was started with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Config {
    /// How old an answer about a job may be, in milliseconds: `web.refresh-interval`.
    pub refresh_interval: i64,
    /// What it can do.
    pub features: Features,
}

/// What a cluster can do.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Features {
    /// Whether a job's parallelism can be changed while it runs: the adaptive scheduler.
    pub web_rescale: bool,
    /// Whether jars can be uploaded and run.
    pub web_submit: bool,
}

/// One job of the list of all.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobSummary {
    /// Its id.
    pub jid: String,
    /// Its name.
    pub name: String,
    /// Its state in Flink's words: `RUNNING`.
    pub state: String,
    /// When it was started, in milliseconds since 1970.
    #[serde(default)]
    pub start_time: i64,
}

/// One job.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// Its state in Flink's words.
    pub state: String,
    /// What gives it its slots: `Default`, `Adaptive`; not known while it is initialised.
    #[serde(default, rename = "schedulerType")]
    pub scheduler_type: Option<String>,
    /// The cluster's clock, in milliseconds since 1970.
    #[serde(default)]
    pub now: i64,
    /// When it ended, in milliseconds since 1970; below 1 where it has not.
    #[serde(default, rename = "end-time")]
    pub end_time: i64,
    /// What it is made of.
    #[serde(default)]
    pub vertices: Vec<Vertex>,
    /// How those hang together.
    #[serde(default)]
    pub plan: JobPlan,
}

impl Job {
    /// Returns how many vertices are as they should be while the job runs: one whose input has an end, as a table in
    /// a file has, is finished before the others. Where none runs, none is.
    pub fn running(&self) -> usize {
        let are = |status: &str| {
            let vertices = self.vertices.iter();
            vertices.filter(|vertex| vertex.status == status).count()
        };
        match are("RUNNING") {
            0 => 0,
            running => running + are("FINISHED"),
        }
    }
}

/// A chain of operators that run together.
#[derive(Debug, Clone, Deserialize)]
pub struct Vertex {
    /// Derived from the uid of the chain's first operator: what state is mapped by.
    pub id: String,
    /// Its operators' names.
    pub name: String,
    /// How many tasks it has.
    pub parallelism: u32,
    /// The state of its tasks.
    pub status: String,
}

/// A job's graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct JobPlan {
    /// The job's name.
    pub name: String,
    /// The chains.
    pub nodes: Vec<Node>,
}

/// A chain of operators in a job's graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// See [`Vertex::id`].
    pub id: String,
    /// How many tasks it has.
    pub parallelism: u32,
    /// Its operators, in HTML.
    pub description: String,
}

/// A job's checkpoints.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Checkpoints {
    /// How many there were.
    pub counts: CheckpointCounts,
    /// The newest of each sort.
    pub latest: LatestCheckpoints,
}

/// How many checkpoints a job had since it was started.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct CheckpointCounts {
    /// Restores.
    pub restored: u64,
    /// Completed checkpoints and savepoints.
    pub completed: u64,
    /// Failed ones; the first may fail because it comes before all tasks run.
    pub failed: u64,
}

/// The newest checkpoint of each sort.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LatestCheckpoints {
    /// The newest completed checkpoint.
    pub completed: Option<Checkpoint>,
    /// The newest savepoint.
    pub savepoint: Option<Checkpoint>,
    /// What the job was restored from last.
    pub restored: Option<Restored>,
}

/// A checkpoint or a savepoint.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Checkpoint {
    /// Its number.
    pub id: u64,
    /// Where it is.
    pub external_path: Option<String>,
    /// When it was begun, in milliseconds since 1970.
    pub trigger_timestamp: i64,
    /// Whether it is gone.
    pub discarded: bool,
}

impl Checkpoint {
    /// Returns where it is; nothing for one in the `JobManager`'s memory, which Flink shows as
    /// `<checkpoint-not-externally-addressable>`.
    pub fn place(self) -> Option<String> {
        self.external_path.filter(|path| !path.starts_with('<'))
    }
}

/// What a job was restored from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Restored {
    /// The number of the checkpoint or savepoint.
    pub id: u64,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
    /// Where it is.
    pub external_path: Option<String>,
}

/// How a job makes checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Checkpointing {
    /// How often one is begun, in milliseconds; of a job that makes none, the largest number there is.
    pub interval: i64,
    /// Which stay when it ends.
    pub externalization: Retention,
}

impl Checkpointing {
    /// Whether any is made by itself.
    pub fn has_any(&self) -> bool {
        self.interval != i64::MAX
    }
}

/// Which checkpoints of a job stay when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Retention {
    /// Whether any does.
    pub enabled: bool,
    /// Whether they are deleted when it is cancelled.
    pub delete_on_cancellation: bool,
}

impl Retention {
    /// Whether the newest checkpoint stays when the job is cancelled.
    pub fn outlives_cancellation(&self) -> bool {
        self.enabled && !self.delete_on_cancellation
    }
}

/// How an operation that was triggered is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Triggered {
    /// Under way.
    InProgress,
    /// Done, with the place of the savepoint where it made one.
    Done(Option<String>),
    /// It failed, and why.
    Failed(String),
}

/// What tells a jar's program how to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRequest {
    /// The class with `main`; the manifest's where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The arguments of `main`.
    pub program_args_list: Vec<String>,
    /// How many tasks an operator has that does not say itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// The id that the job will have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Whether state that no operator takes may be dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// Where its state comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// Who deletes that: `NO_CLAIM` leaves it to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_mode: Option<&'static str>,
    /// Flink's own settings.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flink_configuration: BTreeMap<String, String>,
}

/// The least and the most tasks of each vertex, by its id.
pub type Requirements = BTreeMap<String, Requirement>;

/// The least and the most tasks of a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The bounds.
    pub parallelism: Bounds,
}

/// Bounds of a number of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// The least.
    pub lower_bound: u32,
    /// The most.
    pub upper_bound: u32,
}
