//! Attributes that several kinds have in common, read from an evaluated block: texts, topics, references to
//! groups. Pure. Each function tells what is wrong in `found` and goes on.

use std::collections::BTreeSet;

use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Returns a text that is not empty, where it is set.
pub(super) fn text(block: &Block, name: &str, found: &mut Diagnostics) -> Option<String> {
    let attribute = block.attributes.get(name)?;
    match &attribute.value {
        Value::Null => None,
        Value::String(text) if !text.is_empty() => Some(text.to_string()),
        _ => {
            found.push(wrong(name, "a string that is not empty", attribute));
            None
        }
    }
}

/// Returns the names of the topics that a list holds: blocks, or names. One that is set names at least one.
pub(super) fn topics(block: &Block, name: &str, found: &mut Diagnostics) -> BTreeSet<String> {
    let Some(attribute) = block.attributes.get(name) else {
        return BTreeSet::new();
    };
    let wanted = "a list of topics";
    let items: Vec<&Value> = match &attribute.value {
        Value::Null => return BTreeSet::new(),
        Value::Tuple(items) | Value::List(items) => items.iter().collect(),
        Value::Set(items) => items.iter().collect(),
        Value::Object(entries) | Value::Map(entries) if entries.values().all(is_topic) => {
            let hint =
                format!("for all topics of a block with for_each: {name} = values(topic.NAME)");
            found.push(wrong(name, wanted, attribute).hint(hint));
            return BTreeSet::new();
        }
        _ => {
            let hint = format!("write {name} = [topic.NAME, …]");
            found.push(wrong(name, wanted, attribute).hint(hint));
            return BTreeSet::new();
        }
    };
    let named: Vec<Option<String>> = items.into_iter().map(topic).collect();
    let others = named.iter().filter(|name| name.is_none()).count();
    let topics: BTreeSet<String> = named.into_iter().flatten().collect();
    if others > 0 {
        found.push(
            Diagnostic::error("wrong-type", format!("{name} must be {wanted}"))
                .at(attribute.value_span.clone())
                .detail(format!("{others} of its elements are something else."))
                .hint("an element is a topic block, such as topic.orders, or a topic's name"),
        );
    } else if topics.is_empty() {
        found.push(
            Diagnostic::error("invalid-value", format!("{name} names no topic"))
                .at(attribute.value_span.clone())
                .detail("A group is declared so that others know what it reads."),
        );
    }
    topics
}

/// Returns the name of a topic: a text, or what a reference to a topic's block gives.
pub(super) fn topic(value: &Value) -> Option<String> {
    match value {
        Value::String(name) if !name.is_empty() => Some(name.to_string()),
        Value::Object(entries) if is_topic(value) => match entries.get("name") {
            Some(Value::String(name)) => Some(name.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value is what a reference to a topic's block gives: no other kind has such attributes.
fn is_topic(value: &Value) -> bool {
    has(value, &["name", "partitions", "replication_factor"])
}

/// Returns the name of a group: that of a reference to its block, or a text.
pub(super) fn group(block: &Block, name: &str, found: &mut Diagnostics) -> Option<String> {
    let attribute = block.attributes.get(name)?;
    match &attribute.value {
        Value::String(text) if !text.is_empty() => return Some(text.to_string()),
        Value::Object(entries) if has(&attribute.value, &["name", "reads", "max_lag"]) => {
            if let Some(Value::String(text)) = entries.get("name") {
                return Some(text.to_string());
            }
        }
        _ => {}
    }
    found.push(
        wrong(name, "a group", attribute)
            .hint("a consumer_group block, such as consumer_group.billing, or a group's name"),
    );
    None
}

fn has(value: &Value, attributes: &[&str]) -> bool {
    match value {
        Value::Object(entries) => attributes
            .iter()
            .all(|attribute| entries.contains_key(*attribute)),
        _ => false,
    }
}

/// Returns the error about an attribute that is of another type.
pub(super) fn wrong(name: &str, expected: &str, attribute: &Attribute) -> Diagnostic {
    let is = match &attribute.value {
        Value::Number(number) => number.to_string(),
        value => described(value),
    };
    wrong_value(name, expected, &is, attribute)
}

/// Returns the error about a part of an attribute that `is` something else than it must be.
pub(super) fn wrong_value(
    name: &str,
    expected: &str,
    is: &str,
    attribute: &Attribute,
) -> Diagnostic {
    Diagnostic::error("wrong-type", format!("{name} must be {expected}"))
        .at(attribute.value_span.clone())
        .detail(format!("It is {is}."))
}

/// Returns what a value is, without showing it.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::Secret(_) => "a secret".to_owned(),
        Value::Sensitive(_) => "a sensitive value".to_owned(),
        Value::Unknown(_) => "a value that is not known before apply".to_owned(),
        value => format!("of type {}", value.type_of().noun()),
    }
}
