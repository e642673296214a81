//! What HCL says about a job, typed. Takes an evaluated block, gives a [`JobSpec`] or every problem. Pure.

mod reader;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kinds::health::Healthy;

use super::program::{self, Program};

pub(super) use reader::Reader;

/// A job as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Its name.
    pub name: String,
    /// What it runs.
    pub program: Program,
    /// Whether it runs.
    #[serde(default, skip_serializing_if = "WantedState::is_running")]
    pub state: WantedState,
    /// The topics that it reads.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reads: BTreeSet<String>,
    /// The topics that it writes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub writes: BTreeSet<String>,
    /// How it is changed.
    #[serde(default)]
    pub upgrade: Upgrade,
    /// When it is well.
    #[serde(default)]
    pub healthy: Healthy,
    /// The consumer group whose lag counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whom to talk to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The state that it takes up once, instead of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

/// State that a job takes up once: at its first start, or in the place of what it has gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// A savepoint or a checkpoint that was retained, as the cluster knows the place.
    pub from: String,
}

/// Whether a job is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedState {
    /// It runs.
    #[default]
    Running,
    /// It is stopped, its state kept in a savepoint.
    Suspended,
}

impl WantedState {
    /// Returns the word that HCL has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended => "suspended",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_running(&self) -> bool {
        *self == Self::Running
    }
}

/// Where a new version's state comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// From a savepoint that the old version is stopped with.
    #[default]
    Savepoint,
    /// From the newest checkpoint that the old version left when it was cancelled: works on jobs that
    /// cannot take a savepoint, and repeats what came after the checkpoint.
    LastCheckpoint,
    /// From nowhere: it is lost.
    Stateless,
}

/// How a job is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upgrade {
    /// Where state comes from.
    pub mode: Mode,
    /// Whether state that no operator of the new version takes may be dropped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_non_restored_state: bool,
    /// Where savepoints go; the cluster's own directory where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_directory: Option<String>,
    /// How long the stop, and then the start, may take, in milliseconds.
    pub timeout_ms: u64,
    /// How many savepoints of ours are kept, the newest; at least one.
    pub keep_savepoints: u64,
    /// Whether a last savepoint is taken when the job is deleted.
    pub final_savepoint: bool,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self {
            mode: Mode::Savepoint,
            allow_non_restored_state: false,
            savepoint_directory: None,
            timeout_ms: 5 * 60 * 1000,
            keep_savepoints: 3,
            final_savepoint: true,
        }
    }
}

impl Upgrade {
    /// Whether a last savepoint is taken when the job is deleted: not of one whose state is of no worth.
    pub fn has_final_savepoint(&self) -> bool {
        self.final_savepoint && self.mode != Mode::Stateless
    }
}

/// Reads an evaluated `job` block.
pub(super) fn decode(block: &Block) -> Result<JobSpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let program = program::decode(block, &mut found);
    let upgrade = block
        .nested("upgrade")
        .map(|block| upgrade(block, &mut found));
    let restore = block.nested("restore");
    let restore = restore.and_then(|block| self::restore(block, &mut found));
    let healthy = Healthy::decode(block, &mut found).unwrap_or_default();
    let mut reader = Reader {
        block,
        found: &mut found,
    };
    let states = [
        ("running", WantedState::Running),
        ("suspended", WantedState::Suspended),
    ];
    let name = reader.text("name").unwrap_or_else(|| block.label());
    let state = reader.word("state", &states).unwrap_or_default();
    let (reads, writes) = (reader.topics("reads"), reader.topics("writes"));
    let (group, owner) = (reader.text("group"), reader.text("owner"));
    if healthy.max_lag.is_some() && group.is_none() {
        found.push(
            Diagnostic::error("missing-group", "max_lag needs group")
                .at(block.span.clone())
                .detail("Lag is counted for a consumer group, and the block names none.")
                .hint("set group to the group.id that the job's source commits its offsets under"),
        );
    }
    match program {
        Some(program) if !found.has_errors() => Ok(JobSpec {
            name,
            program,
            state,
            reads,
            writes,
            upgrade: upgrade.unwrap_or_default(),
            healthy,
            group,
            owner,
            restore,
        }),
        _ => Err(found),
    }
}

fn restore(block: &Block, found: &mut Diagnostics) -> Option<Restore> {
    let from = Reader { block, found }.text("from")?;
    // Flink takes the file for its folder, and tells the folder.
    let folder = from.strip_suffix("/_metadata").unwrap_or(&from);
    Some(Restore {
        from: folder.trim_end_matches('/').to_owned(),
    })
}

fn upgrade(block: &Block, found: &mut Diagnostics) -> Upgrade {
    let default = Upgrade::default();
    let mut reader = Reader { block, found };
    let modes = [
        ("savepoint", Mode::Savepoint),
        ("last_checkpoint", Mode::LastCheckpoint),
        ("stateless", Mode::Stateless),
    ];
    Upgrade {
        mode: reader.word("mode", &modes).unwrap_or_default(),
        allow_non_restored_state: reader.truth("allow_non_restored_state").unwrap_or_default(),
        savepoint_directory: reader.text("savepoint_directory"),
        timeout_ms: reader.duration("timeout").unwrap_or(default.timeout_ms),
        keep_savepoints: reader
            .number("keep_savepoints", 1)
            .unwrap_or(default.keep_savepoints),
        final_savepoint: reader
            .truth("final_savepoint")
            .unwrap_or(default.final_savepoint),
    }
}

#[cfg(test)]
pub(super) mod tests;
