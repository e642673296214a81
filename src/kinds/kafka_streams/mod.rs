//! The kind `kafka_streams`: a Kafka Streams application as a declaration that owns its application id.
//!
//! The application itself is deployed by others. The block tells what it reads and writes, and so whom other changes
//! concern; the internal topics that it makes (`<application.id>-…-changelog`, `-repartition`) are known as its own,
//! and are protected; its group's lag is observed. It fits its internal topics to the partitions of what it reads,
//! so that more partitions there break it.

pub mod checks;
pub mod driver;
pub mod spec;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::block::Block;
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema};
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::consumer_group::{ConsumerGroupLive, judge_group, rule};
use super::relation::{Relation, Role};
use super::topic::{Topic, names};
use super::{Check, Claims, Delta, Health, Healthy, Kind, Look, NoVitals};

pub use spec::KafkaStreamsSpec;

const SCHEMA: KindSchema = KindSchema {
    keyword: "kafka_streams",
    provider: "kafka",
    name_attribute: Some("application_id"),
    files: &[],
    body: BlockSchema::flat(&[
        AttributeSchema::optional(
            "application_id",
            "Its application.id, which is its group's id and the beginning of its internal topics' names; the \
                      block's label where it is not set.",
        ),
        AttributeSchema::required("reads", "The topics that it reads: topic blocks, or names."),
        AttributeSchema::optional(
            "writes",
            "The topics that it writes: topic blocks, or names.",
        ),
        AttributeSchema::optional(
            "owner",
            "Whom to talk to before something changes that it reads or writes.",
        ),
        AttributeSchema::optional(
            "max_lag",
            "How many records it may be behind, all its topics together, and still be healthy.",
        ),
        AttributeSchema::optional(
            "commit_interval",
            "Its commit.interval.ms, as \"10s\"; 30s where it is not set. After three times that without a commit it \
             is stalled.",
        ),
    ]),
};

/// How often an application commits: the default of `commit.interval.ms`, unless it processes exactly once, when
/// it commits every 100 ms (<https://kafka.apache.org/documentation/#streamsconfigs_commit.interval.ms>).
const COMMITS: Duration = Duration::from_secs(30);

/// The kind `kafka_streams`.
#[derive(Debug)]
pub struct KafkaStreams;

/// An application as Kafka shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaStreamsLive {
    /// Its group; absent where it never ran, or was reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<ConsumerGroupLive>,
    /// Its internal topics, and how many partitions each has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub internal: BTreeMap<String, u32>,
}

/// What the checks must know beside the live application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaStreamsFacts {
    /// The topics that its group committed offsets of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub committed: BTreeSet<String>,
    /// For an application that never ran: a proposal of a group whose name is nearly the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar: Option<String>,
    /// Why it cannot be told whether its group is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
}

/// The internal topics that an application makes, by their names.
fn claims(application: &str, kind: &str, name: &str) -> bool {
    kind == Topic::NAME && names::is_of_application(name, application)
}

impl Kind for KafkaStreams {
    const NAME: &'static str = "kafka_streams";
    const SCHEMA: KindSchema = SCHEMA;
    const DECLARATION: bool = true;
    const HAS_HEALTH: bool = true;
    const FITS_PARTITIONS: bool = true;
    const CLAIMS: Option<Claims> = Some(claims);
    type Spec = KafkaStreamsSpec;
    type Live = KafkaStreamsLive;
    type Facts = KafkaStreamsFacts;
    type Vitals = NoVitals;

    fn decode(block: &Block) -> Result<KafkaStreamsSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &KafkaStreamsSpec) -> String {
        spec.application_id.clone()
    }

    fn relations(spec: &KafkaStreamsSpec) -> Vec<Relation> {
        let reads = Topic::related(Role::Reads, &spec.reads);
        let writes = Topic::related(Role::Writes, &spec.writes);
        reads.chain(writes).collect()
    }

    fn owner(spec: &KafkaStreamsSpec) -> Option<&str> {
        spec.owner.as_deref()
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(
        _spec: &KafkaStreamsSpec,
        _history: &[KafkaStreamsSpec],
        _live: &KafkaStreamsLive,
    ) -> Vec<Delta> {
        Vec::new()
    }

    fn adopt(spec: &KafkaStreamsSpec, _live: &KafkaStreamsLive) -> KafkaStreamsSpec {
        spec.clone()
    }

    fn groups(spec: &KafkaStreamsSpec, _outcome: Option<&Document>) -> Vec<String> {
        vec![spec.application_id.clone()]
    }

    fn healthy(spec: &KafkaStreamsSpec) -> Healthy {
        Healthy {
            max_lag: spec.max_lag,
            commit_interval_ms: spec.commit_interval_ms,
            ..Healthy::default()
        }
    }

    fn judge(
        spec: &KafkaStreamsSpec,
        _outcome: Option<&Document>,
        looks: &[Look<NoVitals>],
    ) -> Health {
        let rule = rule(&Self::healthy(spec), COMMITS);
        judge_group(&spec.application_id, rule, looks)
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}
