//! The kind `job`: a long-running program with state of its own, on an engine such as Flink.
//!
//! Changing it without losing that state is what the kind is for: the old version is stopped with a
//! savepoint, the new one starts from it and must prove itself, and where it does not the old one goes on
//! from the same savepoint ([`driver`]). What belongs to one engine only is in a folder of its own: `flink`
//! here and in the driver.

pub mod checks;
pub mod diff;
pub mod driver;
pub mod flink;
pub mod health;
pub mod memory;
pub mod program;
pub mod spec;

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, NestedBlockSchema};
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::health::criteria::WITH_CHECKPOINTS;
use super::health::{Health, Healthy, Look};
use super::relation::{Relation, Role};
use super::topic::Topic;
use super::{Check, Delta, Finding, Kind, Weight};

pub use health::JobVitals;
pub use spec::JobSpec;

use memory::{Memory, Step};
use spec::{Upgrade, WantedState};

const SCHEMA: KindSchema = KindSchema {
    keyword: "job",
    provider: "flink",
    name_attribute: Some("name"),
    files: &["flink_jar.jar", "flink_sql.files"],
    body: BlockSchema {
        attributes: &[
            AttributeSchema::optional(
                "name",
                "The job's name; the block's label where it is not set.",
            ),
            AttributeSchema::optional(
                "state",
                "\"running\", the default, or \"suspended\": stopped, its state kept in a savepoint.",
            ),
            AttributeSchema::optional("reads", "The topics that it reads: topic blocks, or names."),
            AttributeSchema::optional(
                "writes",
                "The topics that it writes: topic blocks, or names.",
            ),
            AttributeSchema::optional(
                "group",
                "The consumer group that its source commits its offsets under: its lag counts.",
            ),
            AttributeSchema::optional("owner", "Whom to talk to about it."),
        ],
        blocks: &[
            flink::BLOCKS[0],
            flink::BLOCKS[1],
            UPGRADE,
            RESTORE,
            WITH_CHECKPOINTS,
        ],
    },
};

const UPGRADE: NestedBlockSchema = NestedBlockSchema::once(
    "upgrade",
    BlockSchema::flat(&[
        AttributeSchema::optional(
            "mode",
            "Where a new version's state comes from: \"savepoint\", the default, \"last_checkpoint\" or \
                      \"stateless\".",
        ),
        AttributeSchema::optional(
            "allow_non_restored_state",
            "Whether state that no operator of the new version takes may be dropped.",
        ),
        AttributeSchema::optional(
            "savepoint_directory",
            "Where savepoints go, as the cluster knows the place; its own default where it is not set.",
        ),
        AttributeSchema::optional(
            "timeout",
            "How long the stop may take, and how long the new version may take to prove itself; 5m \
                      where it is not set.",
        ),
        AttributeSchema::optional(
            "keep_savepoints",
            "How many savepoints, and checkpoints that a version was started from, are kept, the newest; older \
                      ones are deleted. 3 where it is not set.",
        ),
        AttributeSchema::optional(
            "final_savepoint",
            "Whether a last savepoint is taken when the job is deleted; true where it is not set.",
        ),
    ]),
);

const RESTORE: NestedBlockSchema = NestedBlockSchema::once(
    "restore",
    BlockSchema::flat(&[AttributeSchema::required(
        "from",
        "The savepoint or retained checkpoint that the job takes up once, instead of its own state; as the cluster \
         knows the place.",
    )]),
);

/// The kind `job`.
#[derive(Debug)]
pub struct Job;

/// A job as its engine shows it. What changes by itself, such as numbers of checkpoints, is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobLive {
    /// How it is.
    pub state: LiveState,
    /// What is remembered of it.
    #[serde(default, skip_serializing_if = "Memory::is_empty")]
    pub memory: Memory,
    /// The last step of a change that was cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The ids of jobs that run under its name and are not ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
    /// How it was last wanted to be changed, where it is no longer wanted at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveState {
    /// It runs, or is on its way: being started or restarted.
    Running,
    /// We stopped it and kept its state.
    Suspended,
    /// It failed and is not restarted any more.
    Failed,
    /// Somebody else ended it.
    Canceled,
    /// It came to its end, or somebody else stopped it.
    Finished,
    /// The engine does not know it any more.
    Missing,
}

impl LiveState {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Finished => "finished",
            Self::Missing => "missing",
        }
    }
}

/// What the checks must know about a job beside what is live.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobFacts {
    /// The ids of jobs that run under its name and are not ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
    /// How the graph changes, where that could be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphChange>,
    /// Whether the parallelism can be changed while it runs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rescales_in_place: bool,
    /// Where the state of a job that does not run is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where newer state of it may be that cannot be read from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
    /// Why something could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<String>,
}

/// How a job's graph changes: state is mapped by the operators' ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GraphChange {
    /// Chains of operators that the new version does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Chains of operators that only the new version has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<String>,
}

impl Kind for Job {
    const NAME: &'static str = "job";
    const SCHEMA: KindSchema = SCHEMA;
    const HAS_HEALTH: bool = true;
    const HAS_VITALS: bool = true;
    type Spec = JobSpec;
    type Live = JobLive;
    type Facts = JobFacts;
    type Vitals = JobVitals;

    fn decode(block: &Block) -> Result<JobSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &JobSpec) -> String {
        spec.name.clone()
    }

    fn relations(spec: &JobSpec) -> Vec<Relation> {
        let reads = Topic::related(Role::Reads, &spec.reads);
        reads
            .chain(Topic::related(Role::Writes, &spec.writes))
            .collect()
    }

    fn owner(spec: &JobSpec) -> Option<&str> {
        spec.owner.as_deref()
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(spec: &JobSpec, history: &[JobSpec], live: &JobLive) -> Vec<Delta> {
        diff::diff(spec, history, live)
    }

    fn outcome(live: &JobLive) -> Option<Document> {
        (!live.memory.is_empty()).then(|| Document::of(&live.memory))
    }

    fn adopt(spec: &JobSpec, live: &JobLive) -> JobSpec {
        let state = match live.state {
            LiveState::Suspended => WantedState::Suspended,
            _ => WantedState::Running,
        };
        JobSpec {
            state,
            restore: None,
            ..spec.clone()
        }
    }

    fn cannot_adopt(live: &JobLive) -> Option<Finding> {
        // The one that was chosen is no other's.
        let run = live.memory.run.iter().map(|run| &run.id);
        let ids: Vec<&str> = run.chain(&live.foreign).map(String::as_str).collect();
        (ids.len() > 1).then(|| {
            Finding::new(
                "several-jobs",
                Weight::Error,
                format!("{} jobs run under this name: {}", ids.len(), ids.join(", ")),
            )
            .detail("A job is taken over by its name, and one of several cannot be chosen.")
            .hint("end those that are not meant, or give them other names")
        })
    }

    fn groups(spec: &JobSpec, _outcome: Option<&Document>) -> Vec<String> {
        spec.group.iter().cloned().collect()
    }

    fn healthy(spec: &JobSpec) -> Healthy {
        spec.healthy
    }

    fn judge(spec: &JobSpec, _outcome: Option<&Document>, looks: &[Look<JobVitals>]) -> Health {
        health::judge(spec, looks)
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}
