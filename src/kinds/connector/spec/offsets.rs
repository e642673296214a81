//! The `offsets` block: where a connector is to go on from, as a step that is done once. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::wrong;

/// A place in a source or in a topic, and how far a connector has come there: objects of the plugin's own
/// making; for a sink `kafka_topic`, `kafka_partition` and `kafka_offset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The place.
    pub partition: Map<String, Json>,
    /// How far; null where it is to be forgotten.
    pub offset: Option<Map<String, Json>>,
}

/// What is done with how far a connector has come (KIP-875).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OffsetStep {
    /// All is forgotten: it begins anew.
    Reset,
    /// These are set, the others stay.
    Set(Vec<Position>),
}

impl OffsetStep {
    /// Returns what people read: `reset`, or the positions.
    pub fn words(&self) -> String {
        match self {
            Self::Reset => "reset: from the beginning".to_owned(),
            Self::Set(positions) => words(positions),
        }
    }
}

/// Returns positions as people read them.
pub(in crate::kinds::connector) fn words(positions: &[Position]) -> String {
    /// The most that are shown.
    const SHOWN: usize = 8;
    let object = |object: &Map<String, Json>| {
        let entries = object.iter().map(|(name, value)| match value {
            Json::String(text) => format!("{name} {text}"),
            value => format!("{name} {value}"),
        });
        entries.collect::<Vec<_>>().join(", ")
    };
    let each = positions.iter().take(SHOWN).map(|position| {
        let at = match topic(&position.partition) {
            Some((topic, partition)) => format!("{topic}[{partition}]"),
            None => object(&position.partition),
        };
        match &position.offset {
            Some(offset) => match offset.get("kafka_offset") {
                Some(offset) => format!("{at}: {offset}"),
                None => format!("{at}: {}", object(offset)),
            },
            None => format!("{at}: forgotten"),
        }
    });
    let mut lines: Vec<String> = each.collect();
    if positions.len() > SHOWN {
        lines.push(format!("and {} more", positions.len() - SHOWN));
    }
    if lines.is_empty() {
        return "none".to_owned();
    }
    lines.join("; ")
}

/// Returns the topic and the partition that a sink's place is.
fn topic(place: &Map<String, Json>) -> Option<(&str, i64)> {
    let (topic, partition) = (place.get("kafka_topic")?, place.get("kafka_partition")?);
    Some((topic.as_str()?, partition.as_i64()?))
}

pub(super) fn decode(block: &Block, found: &mut Diagnostics) -> Option<OffsetStep> {
    let reset = super::flag(block, "reset", false, found);
    let positions: Vec<Position> = block
        .blocks
        .iter()
        .filter_map(|nested| position(nested, found))
        .collect();
    match (reset, block.blocks.is_empty()) {
        (true, true) => Some(OffsetStep::Reset),
        (false, false) => Some(OffsetStep::Set(positions)),
        (true, false) => {
            found.push(
                Diagnostic::error("two-settings", "reset and position cannot stand together")
                    .at(block.span.clone())
                    .hint("reset = true forgets all; a position with offset = null forgets one"),
            );
            None
        }
        (false, true) => {
            found.push(
                Diagnostic::error("invalid-value", "offsets says nothing")
                    .at(block.span.clone())
                    .hint("write reset = true, or a position block for each place; else remove the block"),
            );
            None
        }
    }
}

fn position(block: &Block, found: &mut Diagnostics) -> Option<Position> {
    let partition = block.attributes.get("partition")?;
    let partition = object(partition, "partition", found)?;
    let offset = match block.attributes.get("offset") {
        None => None,
        Some(given) if given.value.is_null() => None,
        Some(given) => Some(object(given, "offset", found)?),
    };
    Some(Position { partition, offset })
}

/// Holds the positions of a sink against what Kafka Connect takes for one
/// (`SinkUtils.parseSinkConnectorOffsets`): it would refuse them when the connector is stopped already.
pub(super) fn check_of_sink(block: &Block, found: &mut Diagnostics) {
    for position in &block.blocks {
        check_object(position, "partition", is_place_of_sink, PLACE, found);
        check_object(position, "offset", is_offset_of_sink, OFFSET, found);
    }
}

const PLACE: &str = "{ kafka_topic = \"orders\", kafka_partition = 0 }";
const OFFSET: &str = "{ kafka_offset = 4711 }";

fn check_object(
    position: &Block,
    name: &str,
    is_right: fn(&Map<String, Json>) -> bool,
    example: &str,
    found: &mut Diagnostics,
) {
    let Some(given) = position.attributes.get(name) else {
        return;
    };
    if entries(&given.value).is_some_and(|entries| !is_right(&entries)) {
        found.push(
            Diagnostic::error(
                "invalid-value",
                format!("{name} is none that Kafka Connect takes for a sink"),
            )
            .at(given.value_span.clone())
            .detail("A sink's offsets are those of its group: of a topic and the number of a partition.")
            .hint(format!("write {name} = {example}")),
        );
    }
}

fn is_place_of_sink(place: &Map<String, Json>) -> bool {
    let topic = place.get("kafka_topic").and_then(Json::as_str);
    place.len() == 2
        && topic.is_some_and(|topic| !topic.is_empty())
        && is_count(place.get("kafka_partition"), i64::from(i32::MAX))
}

fn is_offset_of_sink(offset: &Map<String, Json>) -> bool {
    offset.len() == 1 && is_count(offset.get("kafka_offset"), i64::MAX)
}

/// Whether a value is a whole number from 0, as such or as a text.
fn is_count(value: Option<&Json>, most: i64) -> bool {
    let number = match value {
        Some(Json::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
        None => None,
    };
    number.is_some_and(|number| (0..=most).contains(&number))
}

fn object(given: &Attribute, name: &str, found: &mut Diagnostics) -> Option<Map<String, Json>> {
    let read = entries(&given.value);
    if read.is_none() {
        let expected =
            "an object of texts, numbers and booleans, as GET /connectors/NAME/offsets shows it";
        found.push(wrong(name, expected, &given.value, given));
    }
    read
}

/// Returns what an object holds; `None` for what is none, or is empty.
fn entries(value: &Value) -> Option<Map<String, Json>> {
    let entries = match value {
        Value::Object(entries) | Value::Map(entries) if !entries.is_empty() => entries,
        _ => return None,
    };
    let each = entries.iter();
    each.map(|(name, value)| Some((name.to_string(), json(value)?)))
        .collect()
}

fn json(value: &Value) -> Option<Json> {
    match value {
        Value::Null => Some(Json::Null),
        Value::String(text) => Some(Json::from(&**text)),
        Value::Bool(flag) => Some(Json::from(*flag)),
        Value::Number(number) => match number.to_i64() {
            Some(whole) => Some(Json::from(whole)),
            None => number.to_string().parse::<f64>().ok().map(Json::from),
        },
        _ => None,
    }
}
