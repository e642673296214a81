//! The kind `topic`: a Kafka topic with its partitions, replication factor, configuration and placement.
//!
//! Nothing is ever replaced because of a partition or replication change: partitions grow by
//! `CreatePartitions`, replicas move by `AlterPartitionReassignments` (KIP-455), both in place.

pub mod checks;
pub mod diff;
pub mod driver;
pub mod health;
pub(in crate::kinds) mod names;
pub mod placement;
pub mod spec;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema, NestedBlockSchema};
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::{Check, Delta, Health, Kind, Look, Relation, Role};

pub use health::TopicVitals;
pub use spec::TopicSpec;

const SCHEMA: KindSchema = KindSchema {
    keyword: "topic",
    provider: "kafka",
    name_attribute: Some("name"),
    files: &[],
    body: BlockSchema {
        attributes: &[
            AttributeSchema::optional(
                "name",
                "The topic's name; the block's label where it is not set.",
            ),
            AttributeSchema::optional(
                "partitions",
                "How many partitions; the broker's num.partitions where it is not set.",
            ),
            AttributeSchema::optional(
                "replication_factor",
                "How many replicas a partition has; the broker's default.replication.factor \
                      where it is not set.",
            ),
            AttributeSchema::optional(
                "config",
                "Topic configuration by Kafka's own keys; keys that are not set are not managed.",
            ),
            AttributeSchema::optional(
                "internal",
                "Whether it is an internal topic of Kafka Connect, Kafka Streams or the like; must be \
                      set where the topic's name looks like one.",
            ),
        ],
        blocks: &[
            NestedBlockSchema::once(
                "placement",
                BlockSchema::flat(&[
                    AttributeSchema::required(
                        "strategy",
                        "\"cross_rack\": the replicas of a partition stand in different racks.",
                    ),
                    AttributeSchema::optional(
                        "racks",
                        "The racks that may hold replicas; all where it is not set.",
                    ),
                ]),
            ),
            NestedBlockSchema::once(
                "reassignment",
                BlockSchema::flat(&[
                    AttributeSchema::optional(
                        "throttle",
                        "Bytes per second that a broker may send and receive while replicas \
                                  move; not throttled where it is not set.",
                    ),
                    AttributeSchema::optional(
                        "within",
                        "How long a move may take before the apply stops waiting for it, as \
                                  \"1h\"; one hour where it is not set.",
                    ),
                ]),
            ),
        ],
    },
};

/// The kind `topic`.
#[derive(Debug)]
pub struct Topic;

impl Topic {
    /// Returns what an object does with topics that it names.
    pub fn related(role: Role, topics: &BTreeSet<String>) -> impl Iterator<Item = Relation> {
        topics.iter().map(move |topic| Relation {
            role,
            kind: Self::NAME,
            name: topic.clone(),
        })
    }
}

/// A topic as the cluster shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicLive {
    /// How many partitions it has.
    pub partitions: u32,
    /// How many replicas its partitions have, once moves under way are done: the smallest number.
    pub replication_factor: u32,
    /// The largest number, where partitions differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uneven_up_to: Option<u32>,
    /// Whether replicas are being moved now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moving: bool,
    /// Which partitions break the placement that is wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misplaced: Vec<i32>,
    /// The configuration keys that were asked for, as far as the broker knows them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, LiveEntry>,
}

/// One configuration entry as `DescribeConfigs` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveEntry {
    /// The value; absent for a sensitive one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it is set on the topic itself (source `DYNAMIC_TOPIC_CONFIG`) rather than inherited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
    /// Its type, which decides how values compare.
    #[serde(default, skip_serializing_if = "is_text")]
    pub r#type: EntryType,
    /// Whether the broker refuses to change it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_text(r#type: &EntryType) -> bool {
    *r#type == EntryType::Text
}

/// How the values of a configuration key compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    /// As texts.
    #[default]
    Text,
    /// As integers.
    Integer,
    /// As floating-point numbers.
    Decimal,
    /// As booleans, whatever the case.
    Boolean,
    /// As sets of texts, separated by commas.
    List,
}

/// What the checks must know about a topic beside its live description.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TopicFacts {
    /// How many brokers the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brokers: Option<u32>,
    /// Keys that the broker does not know, with the nearest one that it knows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_keys: BTreeMap<String, Option<String>>,
    /// The live topic that keeps this one from being made: both have one name in metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collides_with: Option<String>,
    /// What the broker answered when it was asked to validate the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// How many records the topic holds: the sum of end offset minus start offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// How many bytes the topic holds on disk, one replica of each partition counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The age of the oldest record, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_age_ms: Option<u64>,
    /// How many records are older than the retention that is about to be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_expiring: Option<u64>,
    /// How many bytes are beyond the `retention.bytes` that is about to be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_expiring: Option<u64>,
    /// Of the newest records that were looked at: how many had a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyed: Option<Sample>,
    /// The policy in force now, inherited ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_policy: Option<String>,
    /// The value that a key takes when its override is removed, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inherited: BTreeMap<String, String>,
    /// Why something could not be measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<String>,
}

/// How many of some records had a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// How many were looked at.
    pub seen: u64,
    /// How many had it.
    pub having: u64,
}

impl Kind for Topic {
    const NAME: &'static str = "topic";
    const SCHEMA: KindSchema = SCHEMA;
    const HAS_HEALTH: bool = true;
    const HAS_VITALS: bool = true;
    type Spec = TopicSpec;
    type Live = TopicLive;
    type Facts = TopicFacts;
    type Vitals = TopicVitals;

    fn decode(block: &Block) -> Result<TopicSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &TopicSpec) -> String {
        spec.name.clone()
    }

    fn reserved(remote_id: &str) -> Option<&'static str> {
        names::reserved(remote_id)
    }

    fn second_name(remote_id: &str) -> Option<(String, &'static str)> {
        Some((names::in_metrics(remote_id), names::COLLIDES))
    }

    fn diff(spec: &TopicSpec, history: &[TopicSpec], live: &TopicLive) -> Vec<Delta> {
        diff::diff(spec, history, live)
    }

    fn adopt(spec: &TopicSpec, live: &TopicLive) -> TopicSpec {
        diff::adopt(spec, live)
    }

    fn judge(
        _spec: &TopicSpec,
        _outcome: Option<&Document>,
        looks: &[Look<TopicVitals>],
    ) -> Health {
        health::judge(looks)
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}
