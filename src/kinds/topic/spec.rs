//! What HCL says about a topic, typed. Takes an evaluated block, gives a [`TopicSpec`] or every problem.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::amount;
use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::names;

/// A topic as it is wanted. Attributes that are absent are not managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicSpec {
    /// The topic's name.
    pub name: String,
    /// How many partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
    /// How many replicas a partition has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
    /// Configuration by Kafka's own keys, with values in the text that Kafka stores.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Where replicas may stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// How replicas are moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reassignment: Option<Reassignment>,
    /// Whether it is an internal topic of Kafka Connect, Kafka Streams or the like.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
}

/// Where a partition's replicas may stand: each in another rack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The racks that may hold replicas; all where it is empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub racks: BTreeSet<String>,
}

/// How replicas are moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reassignment {
    /// Bytes per second that a broker may send and receive for the move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u64>,
    /// How long a move may take before the apply stops waiting, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
}

/// Reads an evaluated `topic` block.
pub(super) fn decode(block: &Block) -> Result<TopicSpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let name = match block.attributes.get("name") {
        Some(attribute) => name(attribute, &mut found),
        None => block.label(),
    };
    let internal = internal(block, &name, &mut found);
    let spec = TopicSpec {
        name,
        partitions: count(block, "partitions", &mut found),
        replication_factor: count(block, "replication_factor", &mut found),
        config: block
            .attributes
            .get("config")
            .map(|attribute| config(attribute, &mut found))
            .unwrap_or_default(),
        placement: block
            .nested("placement")
            .and_then(|block| placement(block, &mut found)),
        reassignment: block
            .nested("reassignment")
            .map(|block| reassignment(block, &mut found)),
        internal,
    };
    if spec.placement.is_some() && (spec.partitions.is_none() || spec.replication_factor.is_none())
    {
        found.push(
            Diagnostic::error(
                "incomplete-placement",
                "placement needs partitions and replication_factor",
            )
            .at(block.span.clone())
            .detail("Where replicas stand can be said only for a known number of them."),
        );
    }
    if found.has_errors() {
        Err(found)
    } else {
        Ok(spec)
    }
}

fn name(attribute: &Attribute, found: &mut Diagnostics) -> String {
    let Value::String(name) = &attribute.value else {
        found.push(wrong_type("name", "a string", attribute));
        return String::new();
    };
    if let Some(problem) = names::problem(name) {
        found.push(
            Diagnostic::error(
                "invalid-topic-name",
                format!("Not a topic's name: {:?}", &**name),
            )
            .at(attribute.value_span.clone())
            .detail(problem),
        );
    }
    name.to_string()
}

/// Reads what the block says about whose topic it is; it must say so where the name leaves that in doubt.
fn internal(block: &Block, name: &str, found: &mut Diagnostics) -> bool {
    if let Some(given) = block.attributes.get("internal") {
        match &given.value {
            Value::Bool(internal) => return *internal,
            Value::Null => {}
            _ => {
                found.push(wrong_type("internal", "true or false", given));
                return false;
            }
        }
    }
    if let Some(owner) = names::apparent_owner(name) {
        let place = block.attributes.get("name").map(|given| &given.value_span);
        found.push(
            Diagnostic::error(
                "internal-topic",
                format!("{name:?} looks like an internal topic of {owner}"),
            )
            .at(place.unwrap_or(&block.span).clone())
            .detail(format!(
                "{owner} makes such topics itself, and loses its state or stops when somebody else changes them."
            ))
            .hint(
                "set internal = true if it is one, and to be managed here all the same; internal = false \
                 if it only has such a name",
            ),
        );
    }
    false
}

fn count(block: &Block, attribute: &'static str, found: &mut Diagnostics) -> Option<u32> {
    let given = block.attributes.get(attribute)?;
    let most = if attribute == "partitions" {
        i64::from(i32::MAX)
    } else {
        i64::from(i16::MAX)
    };
    match &given.value {
        Value::Null => None,
        Value::Number(number) => match number.to_i64() {
            Some(number) if (1..=most).contains(&number) => u32::try_from(number).ok(),
            _ => {
                found.push(
                    Diagnostic::error(
                        "invalid-value",
                        format!("{attribute} must be a whole number from 1 to {most}"),
                    )
                    .at(given.value_span.clone())
                    .detail(format!("It is {number}."))
                    .hint(format!(
                        "leave {attribute} out to take the broker's default"
                    )),
                );
                None
            }
        },
        Value::String(text) => {
            // As Terraform does where a number is wanted.
            match text.parse::<i64>() {
                Ok(number) if (1..=most).contains(&number) => u32::try_from(number).ok(),
                _ => {
                    found.push(wrong_type(attribute, "a whole number", given));
                    None
                }
            }
        }
        _ => {
            found.push(wrong_type(attribute, "a whole number", given));
            None
        }
    }
}

fn wrong_type(name: &str, expected: &str, attribute: &Attribute) -> Diagnostic {
    wrong_type_at(name, expected, &attribute.value, &attribute.value_span)
}

fn wrong_type_at(name: &str, expected: &str, value: &Value, span: &Span) -> Diagnostic {
    let found = match value {
        Value::Secret(_) => "a secret".to_owned(),
        Value::Sensitive(_) => "a sensitive value".to_owned(),
        Value::Unknown(_) => "a value that is not known before apply".to_owned(),
        value => format!("a {}", value.type_of().noun()),
    };
    Diagnostic::error("wrong-type", format!("{name} must be {expected}"))
        .at(span.clone())
        .detail(format!("It is {found}."))
}

fn config(attribute: &Attribute, found: &mut Diagnostics) -> BTreeMap<String, String> {
    let entries = match &attribute.value {
        Value::Null => return BTreeMap::new(),
        Value::Object(entries) | Value::Map(entries) => entries,
        _ => {
            found.push(
                wrong_type(
                    "config",
                    "a map of Kafka's topic configuration keys",
                    attribute,
                )
                .hint("write config = { \"retention.ms\" = duration_ms(\"7d\") }"),
            );
            return BTreeMap::new();
        }
    };
    let mut config = BTreeMap::new();
    for (key, value) in entries.iter() {
        match config_value(value) {
            Ok(Some(text)) => {
                config.insert(key.to_string(), text);
            }
            Ok(None) => {}
            Err(()) => found.push(config_value_error(key, value, &attribute.value_span)),
        }
    }
    config
}

fn config_value_error(key: &str, value: &Value, span: &Span) -> Diagnostic {
    let name = format!("config[{key:?}]");
    let diagnostic = wrong_type_at(
        &name,
        "a string, a number, a boolean or a list of strings",
        value,
        span,
    );
    if matches!(value, Value::Secret(_) | Value::Sensitive(_)) {
        return diagnostic.hint(
            "Kafka shows a topic's configuration to everybody who may describe it: it is no place \
             for a secret",
        );
    }
    diagnostic
}

/// Returns the text that Kafka stores for a value; `None` for null, which is "not managed".
fn config_value(value: &Value) -> Result<Option<String>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Tuple(items) | Value::List(items) => join(items.iter()).map(Some),
        Value::Set(items) => join(items.iter()).map(Some),
        _ => Err(()),
    }
}

fn join<'a>(items: impl Iterator<Item = &'a Value>) -> Result<String, ()> {
    let texts: Result<Vec<String>, ()> = items
        .map(|item| match item {
            Value::String(text) => Ok(text.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => Err(()),
        })
        .collect();
    Ok(texts?.join(","))
}

fn placement(block: &Block, found: &mut Diagnostics) -> Option<Placement> {
    let strategy = block.attributes.get("strategy")?;
    match &strategy.value {
        Value::String(text) if &**text == "cross_rack" => {}
        _ => {
            found.push(
                Diagnostic::error("invalid-value", "strategy must be \"cross_rack\"")
                    .at(strategy.value_span.clone())
                    .hint("leave the placement block out to let Kafka place the replicas"),
            );
            return None;
        }
    }
    let mut racks = BTreeSet::new();
    if let Some(given) = block.attributes.get("racks") {
        let items: Vec<&Value> = match &given.value {
            Value::Null => Vec::new(),
            Value::Tuple(items) | Value::List(items) => items.iter().collect(),
            Value::Set(items) => items.iter().collect(),
            _ => {
                found.push(wrong_type("racks", "a list of strings", given));
                Vec::new()
            }
        };
        for item in items {
            match item {
                Value::String(rack) => {
                    racks.insert(rack.to_string());
                }
                _ => found.push(wrong_type("racks", "a list of strings", given)),
            }
        }
    }
    Some(Placement { racks })
}

fn reassignment(block: &Block, found: &mut Diagnostics) -> Reassignment {
    let throttle = block
        .attributes
        .get("throttle")
        .and_then(|given| match &given.value {
            Value::Null => None,
            Value::Number(number) if number.to_i64().is_some_and(|bytes| bytes > 0) => {
                number.to_i64().and_then(|bytes| u64::try_from(bytes).ok())
            }
            _ => {
                found.push(
                    wrong_type(
                        "throttle",
                        "a positive whole number of bytes per second",
                        given,
                    )
                    .hint("write throttle = bytes(\"50MiB\")"),
                );
                None
            }
        });
    let within_ms = block
        .attributes
        .get("within")
        .and_then(|given| match &given.value {
            Value::Null => None,
            Value::String(text) => match amount::milliseconds(text) {
                Ok(within) => u64::try_from(within).ok(),
                Err(error) => {
                    found.push(
                        Diagnostic::error(
                            "invalid-value",
                            "within must be a duration such as \"1h\"",
                        )
                        .at(given.value_span.clone())
                        .detail(format!("{:?}: {error}.", &**text)),
                    );
                    None
                }
            },
            _ => {
                found.push(wrong_type("within", "a duration such as \"1h\"", given));
                None
            }
        });
    Reassignment {
        throttle,
        within_ms,
    }
}
