//! The kind `schema`: a subject of a schema registry with its level, its mode and the content of its
//! newest version.
//!
//! A version, once registered, is never deleted to make room: other content is a new version, content
//! that was registered before is the version that holds it already. The level counts before the content
//! does, so it is set first. What a registry gives out, ids and numbers of versions, is recorded and
//! never wanted: another environment's registry gives out others.

pub mod checks;
pub mod content;
pub mod diff;
pub mod driver;
pub mod offline;
mod recall;
mod ripple;
pub mod spec;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::compatibility::{Format, Level};
use crate::config::block::{Attribute, Block};
use crate::config::schema::{AttributeSchema, BlockSchema, KindSchema};
use crate::diagnostic::Diagnostics;
use crate::document::Document;

use super::relation::{Relation, Ripple, Role};
use super::schema_registry::{REGISTRY, SchemaRegistry};
use super::topic::Topic;
use super::{Check, CheckInput, Delta, Kind, Memory, NoVitals, Recall};

pub use spec::SchemaSpec;

use spec::{Content, Metadata, RuleSet};

const SCHEMA: KindSchema = KindSchema {
    keyword: "schema",
    provider: "schema_registry",
    name_attribute: None,
    files: &[],
    body: BlockSchema::flat(&[
        AttributeSchema::optional(
            "subject",
            "The subject; where it is not set, that of topic and part.",
        ),
        AttributeSchema::optional(
            "topic",
            "The topic whose records it describes: a topic block, or a name.",
        ),
        AttributeSchema::optional(
            "part",
            "What of the topic's records it describes: \"value\", the default, or \"key\".",
        ),
        AttributeSchema::required("format", "\"avro\", \"protobuf\" or \"json\"."),
        AttributeSchema::required("definition", "The schema's text, as file(\"…\") reads it."),
        AttributeSchema::optional(
            "references",
            "What the text refers to, by the name that it uses: schema blocks.",
        ),
        AttributeSchema::optional(
            "compatibility",
            "The level that new versions are held against; the registry's own where it is not set.",
        ),
        AttributeSchema::optional(
            "mode",
            "\"READWRITE\" or \"READONLY\"; the registry's own where it is not set. Where it is set, each look at the subject costs a request more.",
        ),
        AttributeSchema::optional(
            "normalize",
            "Whether the registry puts the schema into its normal form before it compares.",
        ),
        AttributeSchema::optional(
            "metadata",
            "Tags, properties and the names of sensitive properties, where the registry keeps them.",
        ),
        AttributeSchema::optional(
            "rule_set",
            "Rules for records and migrations, where the registry keeps them.",
        ),
    ]),
};

/// The kind `schema`.
#[derive(Debug)]
pub struct Schema;

/// A subject as the registry shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaLive {
    /// Its newest version; absent where all of them are deleted softly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<VersionLive>,
    /// The version that holds the wanted content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<u32>,
    /// Its own level. Some registries show their own where the subject has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Level>,
    /// Its own mode. Some registries show their own where the subject has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// A version of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionLive {
    /// Its number.
    pub version: u32,
    /// The schema's id.
    pub id: u64,
    /// Its language.
    pub format: Format,
    /// Its text, as the registry gives it.
    pub schema: String,
    /// What the text refers to: name → subject and version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, (String, i64)>,
    /// Tags and properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<RuleSet>,
}

/// What the state remembers of a subject: what the registry gave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The number of the version that holds the content.
    pub version: u32,
    /// The id of the newest version's schema.
    pub id: u64,
    /// The number of the newest version.
    pub latest: u32,
}

/// What the checks must know about a subject beside what is live.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaFacts {
    /// The level that will be in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// The versions that the content is held against, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Known>,
    /// The texts of versions of subjects that the project does not manage, by the name that the
    /// content uses for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
    /// What the registry itself says of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Opinion>,
    /// Why the registry cannot read the content at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// How many versions a deletion takes away.
    #[serde(skip_serializing_if = "is_zero")]
    pub count: u64,
    /// The mode in force, where it keeps the change from being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<String>,
    /// The subjects that refer to this one's versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referenced_by: Vec<String>,
    /// How many records the topic holds that the subject describes; absent where there is no such
    /// topic, or where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Why something could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<String>,
    /// What people call the commit whose project stands in for a registry that is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What the project said there and before that, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub committed: Vec<Committed>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A version with all that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Its number.
    pub version: u32,
    /// Its language.
    pub format: Format,
    /// Its text.
    pub schema: String,
    /// The texts of what it refers to, directly or through others, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, String>,
}

/// A content that the project held in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// What people call the commit: its first digits.
    pub commit: String,
    /// The content.
    pub content: Content,
}

/// What the registry itself says of some content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// Whether it would take it.
    pub compatible: bool,
    /// Why not, where it gives reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
}

impl Kind for Schema {
    const NAME: &'static str = "schema";
    const SCHEMA: KindSchema = SCHEMA;
    const PLANS_UNREAD: bool = true;
    type Spec = SchemaSpec;
    type Live = SchemaLive;
    type Facts = SchemaFacts;
    type Vitals = NoVitals;

    fn decode(block: &Block) -> Result<SchemaSpec, Diagnostics> {
        spec::decode(block)
    }

    fn identity(spec: &SchemaSpec) -> String {
        spec.subject.clone()
    }

    fn relations(spec: &SchemaSpec) -> Vec<Relation> {
        let topic = spec::topic_of(&spec.subject).map(|topic| Relation {
            role: Role::Describes,
            kind: Topic::NAME,
            name: topic.to_owned(),
        });
        // What a subject does not set itself is the registry's.
        let inherits = spec.compatibility.is_none() || spec.mode.is_none();
        let registry = inherits.then(|| Relation {
            role: Role::Obeys,
            kind: SchemaRegistry::NAME,
            name: REGISTRY.to_owned(),
        });
        topic.into_iter().chain(registry).collect()
    }

    fn reserved(_remote_id: &str) -> Option<&'static str> {
        None
    }

    fn diff(spec: &SchemaSpec, history: &[SchemaSpec], live: &SchemaLive) -> Vec<Delta> {
        diff::diff(spec, history, live)
    }

    fn drift(prior: &SchemaSpec, outcome: Option<&Document>, live: &SchemaLive) -> Vec<Delta> {
        diff::drift(prior, outcome.and_then(|outcome| outcome.to().ok()), live)
    }

    fn equivalent(a: &SchemaSpec, b: &SchemaSpec) -> bool {
        diff::equivalent(a, b)
    }

    fn outcome(live: &SchemaLive) -> Option<Document> {
        let latest = live.latest.as_ref()?;
        Some(Document::of(&Registration {
            version: live.holds?,
            id: latest.id,
            latest: latest.version,
        }))
    }

    fn adopt(spec: &SchemaSpec, live: &SchemaLive) -> SchemaSpec {
        diff::adopt(spec, live)
    }

    fn memory(spec: &SchemaSpec, settings: &BTreeMap<Arc<str>, Attribute>) -> Memory {
        recall::memory(spec, settings)
    }

    fn recall(spec: &SchemaSpec, recall: Recall<'_, SchemaSpec>) -> SchemaFacts {
        recall::recall(spec, recall)
    }

    fn ripple(change: &CheckInput<'_, Self>) -> Option<Ripple> {
        ripple::ripple(change)
    }

    fn checks() -> &'static [Check<Self>] {
        checks::CHECKS
    }
}
