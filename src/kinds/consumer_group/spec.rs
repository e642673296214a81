//! What HCL says about a group, typed. Takes an evaluated block, gives a [`ConsumerGroupSpec`] or every problem.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// A group and what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerGroupSpec {
    /// Its id.
    pub name: String,
    /// The names of the topics that it reads.
    pub reads: BTreeSet<String>,
    /// Whom to talk to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Reads an evaluated `consumer_group` block.
pub(super) fn decode(block: &Block) -> Result<ConsumerGroupSpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let mut text = |name: &str| {
        let attribute = block.attributes.get(name)?;
        match &attribute.value {
            Value::Null => None,
            Value::String(text) if !text.is_empty() => Some(text.to_string()),
            _ => {
                found.push(wrong(name, "a string that is not empty", attribute));
                None
            }
        }
    };
    let (name, owner) = (text("name"), text("owner"));
    let reads = block
        .attributes
        .get("reads")
        .map(|attribute| reads(attribute, &mut found))
        .unwrap_or_default();
    if found.has_errors() {
        return Err(found);
    }
    let label = || block.labels.first().map(ToString::to_string);
    Ok(ConsumerGroupSpec {
        name: name.or_else(label).unwrap_or_default(),
        reads,
        owner,
    })
}

fn reads(attribute: &Attribute, found: &mut Diagnostics) -> BTreeSet<String> {
    const WANTED: &str = "a list of topics";
    let items: Vec<&Value> = match &attribute.value {
        Value::Tuple(items) | Value::List(items) => items.iter().collect(),
        Value::Set(items) => items.iter().collect(),
        Value::Object(entries) | Value::Map(entries) if entries.values().all(is_topic) => {
            found.push(
                wrong("reads", WANTED, attribute)
                    .hint("for all topics of a block with for_each: reads = values(topic.NAME)"),
            );
            return BTreeSet::new();
        }
        _ => {
            found.push(wrong("reads", WANTED, attribute).hint("write reads = [topic.NAME, …]"));
            return BTreeSet::new();
        }
    };
    let mut topics = BTreeSet::new();
    let mut others = 0;
    for item in items {
        match item {
            Value::String(name) if !name.is_empty() => {
                topics.insert(name.to_string());
            }
            Value::Object(entries) if is_topic(item) => {
                if let Some(Value::String(name)) = entries.get("name") {
                    topics.insert(name.to_string());
                }
            }
            _ => others += 1,
        }
    }
    if others > 0 {
        found.push(
            Diagnostic::error("wrong-type", "reads must be a list of topics")
                .at(attribute.value_span.clone())
                .detail(format!("{others} of its elements are something else."))
                .hint("an element is a topic block, such as topic.orders, or a topic's name"),
        );
    } else if topics.is_empty() {
        found.push(
            Diagnostic::error("invalid-value", "reads names no topic")
                .at(attribute.value_span.clone())
                .detail("A group is declared so that others know what it reads."),
        );
    }
    topics
}

/// Whether a value is what a reference to a topic's block gives: no other kind has such attributes.
fn is_topic(value: &Value) -> bool {
    match value {
        Value::Object(entries) => ["name", "partitions", "replication_factor"]
            .iter()
            .all(|attribute| entries.contains_key(*attribute)),
        _ => false,
    }
}

fn wrong(name: &str, expected: &str, attribute: &Attribute) -> Diagnostic {
    let found = match &attribute.value {
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::Secret(_) => "a secret".to_owned(),
        Value::Sensitive(_) => "a sensitive value".to_owned(),
        Value::Unknown(_) => "a value that is not known before apply".to_owned(),
        value => format!("of type {}", value.type_of().noun()),
    };
    Diagnostic::error("wrong-type", format!("{name} must be {expected}"))
        .at(attribute.value_span.clone())
        .detail(format!("It is {found}."))
}
