//! What a job runs, for the engine that runs it: one nested block of [`ENGINES`] each. Pure.
//!
//! Another engine is one more variant, its folder beside `flink`, and its part of the driver.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::config::block::Block;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{ContentHash, Document};
use crate::kinds::Delta;

use super::flink::{FlinkJar, FlinkSql, Origin};
use super::spec::Reader;

/// The keywords of the blocks that say what a job runs.
pub(super) const ENGINES: &[&str] = &["flink_jar", "flink_sql"];

/// What a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A jar on a Flink cluster.
    FlinkJar(FlinkJar),
    /// SQL on a Flink cluster.
    FlinkSql(FlinkSql),
}

impl Program {
    /// Returns the keyword of its block.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::FlinkJar(_) => "flink_jar",
            Self::FlinkSql(_) => "flink_sql",
        }
    }

    /// Returns the hash of all that decides what runs; where a jar was had is no part of it.
    pub fn content(&self) -> ContentHash {
        let mut content = self.clone();
        if let Self::FlinkJar(jar) = &mut content {
            jar.jar = Origin::File(String::new());
        }
        Document::of(&content).hash()
    }

    /// Returns how many tasks an operator has that does not say itself.
    pub fn parallelism(&self) -> Option<u32> {
        match self {
            Self::FlinkJar(jar) => jar.parallelism,
            Self::FlinkSql(sql) => sql.parallelism,
        }
    }

    /// Returns it with another parallelism.
    #[must_use]
    pub fn at(mut self, parallelism: Option<u32>) -> Self {
        match &mut self {
            Self::FlinkJar(jar) => jar.parallelism = parallelism,
            Self::FlinkSql(sql) => sql.parallelism = parallelism,
        }
        self
    }

    /// Whether nothing but the parallelism differs.
    pub fn is_scaled(&self, other: &Self) -> bool {
        let unscaled = |program: &Self| program.clone().at(None).content();
        self.parallelism() != other.parallelism() && unscaled(self) == unscaled(other)
    }

    /// Returns what has to change so that this one becomes `wanted`.
    pub fn deltas(&self, wanted: &Self) -> Vec<Delta> {
        if self.content() == wanted.content() {
            return Vec::new();
        }
        let (before, after) = (self.attributes(), wanted.attributes());
        let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        let side = |side: &serde_json::Map<String, Json>, path: &str| {
            side.get(path).cloned().unwrap_or(Json::Null)
        };
        paths
            .into_iter()
            .map(|path| (path, side(&before, path), side(&after, path)))
            .filter(|(_, before, after)| before != after)
            .map(|(path, before, after)| Delta {
                path: path.clone(),
                before,
                after,
                note: None,
                drift: false,
            })
            .collect()
    }

    /// Returns its attributes by path.
    fn attributes(&self) -> serde_json::Map<String, Json> {
        let shown = match self {
            Self::FlinkJar(jar) => jar.shown(),
            Self::FlinkSql(sql) => sql.shown(),
        };
        let mut attributes = serde_json::Map::new();
        for (name, value) in shown {
            match value {
                Json::Object(entries) => {
                    attributes.extend(entries.into_iter().map(|(key, value)| {
                        (format!("{}.{name}[{}]", self.keyword(), json!(key)), value)
                    }));
                }
                Json::Null => {}
                value => {
                    attributes.insert(format!("{}.{name}", self.keyword()), value);
                }
            }
        }
        attributes
    }
}

/// Reads the block that says what a job runs: exactly one must be there.
pub(super) fn decode(block: &Block, found: &mut Diagnostics) -> Option<Program> {
    let engines: Vec<&Block> = block
        .blocks
        .iter()
        .filter(|nested| ENGINES.contains(&&*nested.keyword))
        .collect();
    let [engine] = engines.as_slice() else {
        let (summary, place) = match engines.get(1) {
            Some(second) => ("A job runs one thing", &second.span),
            None => ("The job does not say what it runs", &block.span),
        };
        found.push(
            Diagnostic::error("job-program", summary)
                .at(place.clone())
                .hint(format!("write one block of {}", ENGINES.join(", "))),
        );
        return None;
    };
    let mut reader = Reader {
        block: engine,
        found,
    };
    match &*engine.keyword {
        "flink_jar" => FlinkJar::decode(&mut reader).map(Program::FlinkJar),
        _ => FlinkSql::decode(&mut reader).map(Program::FlinkSql),
    }
}
