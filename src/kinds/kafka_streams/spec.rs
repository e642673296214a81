//! What HCL says about an application, typed. Takes an evaluated block, gives a [`KafkaStreamsSpec`] or every problem.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::diagnostic::Diagnostics;
use crate::kinds::attribute::{text, topics};
use crate::kinds::health::criteria::{duration, whole_number};

/// An application and what it reads and writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaStreamsSpec {
    /// Its `application.id`.
    pub application_id: String,
    /// The names of the topics that it reads.
    pub reads: BTreeSet<String>,
    /// The names of the topics that it writes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub writes: BTreeSet<String>,
    /// Whom to talk to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How many records it may be behind, all its topics together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lag: Option<u64>,
    /// How often it commits, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_interval_ms: Option<u64>,
}

/// Reads an evaluated `kafka_streams` block.
pub(super) fn decode(block: &Block) -> Result<KafkaStreamsSpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let application_id = text(block, "application_id", &mut found);
    let spec = KafkaStreamsSpec {
        application_id: application_id.unwrap_or_else(|| block.label()),
        reads: topics(block, "reads", &mut found),
        writes: topics(block, "writes", &mut found),
        owner: text(block, "owner", &mut found),
        max_lag: whole_number(block, "max_lag", &mut found),
        commit_interval_ms: duration(block, "commit_interval", &mut found),
    };
    if found.has_errors() {
        return Err(found);
    }
    Ok(spec)
}
