//! The kind `consumer_group`: who reads which topics, as a declaration.
//!
//! A group appears in Kafka when its consumers join and goes with its last offset, so nothing is made or
//! deleted there: the block tells the other objects' plans whom a change concerns. What Kafka says about the
//! group is shown beside it and never a difference.

pub mod checks;
pub mod driver;
pub mod spec;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema};
use crate::diagnostic::Diagnostics;

use super::relation::{Relation, Role};
use super::topic::Topic;
use super::{Check, Delta, Kind, NoVitals};

pub use spec::ConsumerGroupSpec;

const SCHEMA: KindSchema = KindSchema {
    keyword: "consumer_group",
    provider: "kafka",
    name_attribute: Some("name"),
    files: &[],
    body: BlockSchema {
        attributes: &[
            AttributeSchema {
                name: "name",
                required: false,
                doc: "The group's id, as its consumers set group.id; the block's label where it is not set.",
            },
            AttributeSchema {
                name: "reads",
                required: true,
                doc: "The topics that it reads: topic blocks, or names.",
            },
            AttributeSchema {
                name: "owner",
                required: false,
                doc: "Whom to talk to before something changes that the group reads.",
            },
        ],
        blocks: &[],
    },
};

/// The kind `consumer_group`.
#[derive(Debug)]
pub struct ConsumerGroup;

/// A group as Kafka shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerGroupLive {
    /// Its state in Kafka's words, such as `Stable` or `Empty`.
    pub state: String,
    /// How its members agree: `classic`, `consumer` (KIP-848), `share` (KIP-932) or `streams` (KIP-1071).
    pub protocol: String,
    /// How many members it has, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
    /// The topics that its members subscribe to or are assigned.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub topics: BTreeSet<String>,
}

/// What the checks must know beside the live group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsumerGroupFacts {
    /// The topics that it committed offsets of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub committed: BTreeSet<String>,
    /// For a group that is not there: a proposal of one whose name is nearly the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
}

impl Kind for ConsumerGroup {
    const NAME: &'static str = "consumer_group";
    const SCHEMA: KindSchema = SCHEMA;
    const DECLARATION: bool = true;
    type Spec = ConsumerGroupSpec;
    type Live = ConsumerGroupLive;
    type Facts = ConsumerGroupFacts;
    type Vitals = NoVitals;

    fn decode(block: &Block) -> Result<ConsumerGroupSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &ConsumerGroupSpec) -> String {
        spec.name.clone()
    }

    fn relations(spec: &ConsumerGroupSpec) -> Vec<Relation> {
        let reads = spec.reads.iter().map(|topic| Relation {
            role: Role::Reads,
            kind: Topic::NAME,
            name: topic.clone(),
        });
        reads.collect()
    }

    fn owner(spec: &ConsumerGroupSpec) -> Option<&str> {
        spec.owner.as_deref()
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(
        _spec: &ConsumerGroupSpec,
        _history: &[ConsumerGroupSpec],
        _live: &ConsumerGroupLive,
    ) -> Vec<Delta> {
        Vec::new()
    }

    fn adopt(spec: &ConsumerGroupSpec, _live: &ConsumerGroupLive) -> ConsumerGroupSpec {
        spec.clone()
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}
