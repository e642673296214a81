//! What the state remembers of a job, and what the journal does while it is changed. Pure.
//!
//! A job's id cannot be wanted: an engine refuses one that has ended, so each start has another one, derived
//! from the name, the program and a generation that counts up. [`Memory`] is the job's outcome; [`Progress`]
//! is what is noted before each step, so that a later run knows what may have been done.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::document::{ContentHash, Document};

use super::program::Program;

/// What is remembered of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The highest generation that was given to a start.
    pub generation: u64,
    /// What runs, or ran last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// Whether it was stopped on purpose, its state kept in the newest savepoint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// The savepoints that we took, and the checkpoints that we started from, as far as we did not delete them;
    /// newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub savepoints: Vec<Savepoint>,
}

/// One start of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The job's id in the engine.
    pub id: String,
    /// Its generation; 0 for a job that was taken over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u64,
    /// What runs; absent for a job that was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Where its state came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whether that was asked for by a `restore` block, and is not what the run before it left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
}

impl Run {
    /// Returns where its state came from, if that is what the run before it left.
    pub fn inherited(&self) -> Option<&str> {
        self.from.as_deref().filter(|_| !self.restored)
    }
}

/// A program, and what it takes to start it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The program.
    pub program: Program,
    /// What the engine keeps of it, in the engine's words: the ids of jars, the texts of files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
}

/// A savepoint of ours, or a checkpoint that became one: a version was started from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Savepoint {
    /// Where it is.
    pub path: String,
    /// The generation whose state it holds.
    pub generation: u64,
    /// The content of the program whose state it holds, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentHash>,
}

/// What may have been done when a run ended in the middle of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// The job that runs was told to stop with a savepoint.
    Stopping {
        /// What the engine knows the stop by: a second one with it is the same.
        trigger: String,
    },
    /// The job that runs was told to end without a savepoint.
    Cancelling,
    /// It does not run; its state is where `from` says, or lost on purpose.
    Stopped {
        /// Where the state is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// Another run was told to start.
    Starting {
        /// That run.
        run: Run,
        /// Why the one before it failed, where this one is the way back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        back: Option<String>,
        /// Whether it did not prove itself and was told to end: what it did in that time is not gone on from.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        given_up: bool,
    },
    /// Nothing: the change failed, and the job is as what is remembered says. Noted before that failure is
    /// recorded, since a pending operation of an earlier run keeps its notes.
    Settled,
    /// The job that runs was told to have another parallelism.
    Rescaling {
        /// What runs then.
        version: Version,
    },
}

/// What is noted before each step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// What was known then.
    pub memory: Memory,
    /// What was about to be done.
    pub step: Step,
}

/// The key of the notes that holds the [`Progress`].
const NOTE: &str = "job";

impl Progress {
    /// Returns the note that says it.
    pub fn note(&self) -> Document {
        Document::from(json!({ NOTE: self }))
    }

    /// Reads it from the notes of an earlier run.
    pub fn read(notes: &Document) -> Result<Option<Self>, serde_json::Error> {
        let mut notes = notes.to_value();
        match notes.get_mut(NOTE).map(serde_json::Value::take) {
            Some(progress) => serde_json::from_value(progress).map(Some),
            None => Ok(None),
        }
    }
}

impl Memory {
    /// Returns what is remembered: what the last apply left, or what a cut one noted, and its last step.
    pub fn recall(
        outcome: Option<&Document>,
        notes: Option<&Document>,
    ) -> Result<(Self, Option<Step>), serde_json::Error> {
        let progress = notes.map(Progress::read).transpose()?.flatten();
        if let Some(progress) = progress {
            return Ok((progress.memory, Some(progress.step)));
        }
        let memory = outcome.map(Document::to).transpose()?.unwrap_or_default();
        Ok((memory, None))
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the program that runs, or ran last, where it is known.
    pub fn program(&self) -> Option<&Program> {
        let version = self.run.as_ref()?.version.as_ref()?;
        Some(&version.program)
    }

    /// Returns the next start of a program: its generation is counted here, its id is new.
    pub fn next_run(&mut self, name: &str, version: Version, from: Option<String>) -> Run {
        self.generation += 1;
        Run {
            id: id(name, &version.program, self.generation),
            generation: self.generation,
            version: Some(version),
            from,
            restored: false,
        }
    }

    /// Returns where the newest state is that is remembered of what runs, or ran last: a savepoint of it, or
    /// what it came from. What is older was given up on purpose.
    pub fn newest(&self) -> Option<&str> {
        let savepoint = self.savepoints.first();
        let Some(run) = &self.run else {
            return savepoint.map(|savepoint| &*savepoint.path);
        };
        let own = savepoint.filter(|savepoint| savepoint.generation >= run.generation);
        own.map(|savepoint| &*savepoint.path)
            .or(run.from.as_deref())
    }

    /// Adds a savepoint of what ran last, or a checkpoint that it left; one that is there already is the same.
    pub fn keep(&mut self, path: &str) {
        if self.savepoints.iter().any(|known| known.path == path) {
            return;
        }
        let savepoint = Savepoint {
            path: path.to_owned(),
            generation: self.generation,
            content: self.program().map(Program::content),
        };
        self.savepoints.insert(0, savepoint);
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Returns a job's id: 32 hexadecimal digits, the same for the same start.
pub fn id(name: &str, program: &Program, generation: u64) -> String {
    let (content, generation) = (program.content().hex(), generation.to_string());
    let hash = ContentHash::of_parts(["job", name, &content, &generation]);
    hash.hex()[..32].to_owned()
}

/// Returns what an engine knows the stop of a run by.
pub fn trigger(run: &str, purpose: &str) -> String {
    ContentHash::of_parts(["trigger", run, purpose]).hex()[..32].to_owned()
}
