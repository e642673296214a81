//! What HCL says about a group, typed. Takes an evaluated block, gives a [`ConsumerGroupSpec`] or every problem.

use std::collections::{BTreeMap, BTreeSet};
use std::num::ParseIntError;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::amount;
use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kinds::attribute::{group, text, topics, wrong};
use crate::kinds::health::criteria::{duration, whole_number};

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
    /// How many records it may be behind, all its topics together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lag: Option<u64>,
    /// How often its consumers commit, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_interval_ms: Option<u64>,
    /// Where it goes on reading, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Offsets>,
    /// Whose offsets it takes over, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<HandOver>,
}

/// Where a group goes on reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offsets {
    /// The place, as the block says it.
    pub to: To,
    /// The topics it is about; all that the group reads where it is empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub topics: BTreeSet<String>,
}

/// Offsets by topic and partition.
pub type ByPartition = BTreeMap<String, BTreeMap<i32, i64>>;

/// A place in topics as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum To {
    /// `earliest`, `latest`, a moment in RFC 3339, or a duration back.
    Place(String),
    /// A moment in milliseconds since 1970.
    Moment(i64),
    /// Offsets by topic and partition.
    Explicit(#[serde(deserialize_with = "by_partition")] ByPartition),
}

/// Reads the partitions' numbers from the keys: among several forms serde does not do so itself.
fn by_partition<'de, D: Deserializer<'de>>(input: D) -> Result<ByPartition, D::Error> {
    let read = BTreeMap::<String, BTreeMap<String, i64>>::deserialize(input)?;
    let each = read.into_iter().map(|(topic, offsets)| {
        let offsets = offsets.into_iter();
        let offsets = offsets.map(|(index, offset)| Ok((index.parse()?, offset)));
        Ok((topic, offsets.collect::<Result<_, ParseIntError>>()?))
    });
    each.collect::<Result<_, ParseIntError>>()
        .map_err(D::Error::custom)
}

/// A place in topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'a> {
    /// The first record that is kept.
    Earliest,
    /// Behind the last record.
    Latest,
    /// The first record that is not older than this, in milliseconds since 1970.
    Moment(i64),
    /// The first record that is not older than so many milliseconds.
    Back(i64),
    /// These offsets.
    Explicit(&'a ByPartition),
}

impl To {
    /// Returns what is meant, or why that cannot be told.
    pub fn target(&self) -> Result<Target<'_>, String> {
        let text = match self {
            Self::Explicit(offsets) => return Ok(Target::Explicit(offsets)),
            Self::Moment(milliseconds) => return Ok(Target::Moment(*milliseconds)),
            Self::Place(text) => text.as_str(),
        };
        match text {
            "earliest" => return Ok(Target::Earliest),
            "latest" => return Ok(Target::Latest),
            _ => {}
        }
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Ok(Target::Moment(moment.as_millisecond()));
        }
        let back = amount::milliseconds(text);
        back.map(Target::Back)
            .map_err(|error| format!("As a duration: {error}."))
    }
}

/// A group that stops for good, and whose offsets this one goes on at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The id of the group that stops.
    pub from: String,
    /// How long an apply waits for it to stop, in milliseconds; it must have stopped before where this is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
}

/// Reads an evaluated `consumer_group` block.
pub(super) fn decode(block: &Block) -> Result<ConsumerGroupSpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let reads = topics(block, "reads", &mut found);
    let name = text(block, "name", &mut found);
    let spec = ConsumerGroupSpec {
        name: name.unwrap_or_else(|| block.label()),
        owner: text(block, "owner", &mut found),
        max_lag: whole_number(block, "max_lag", &mut found),
        commit_interval_ms: duration(block, "commit_interval", &mut found),
        offsets: block
            .nested("offsets")
            .and_then(|inner| offsets(inner, &reads, &mut found)),
        hand_over: block
            .nested("hand_over")
            .and_then(|inner| hand_over(inner, &mut found)),
        reads,
    };
    if let (Some(_), Some(other)) = (block.nested("offsets"), block.nested("hand_over")) {
        found.push(
            Diagnostic::error(
                "contradiction",
                "offsets and hand_over both say where to go on",
            )
            .at(other.span.clone())
            .hint("keep one of the two"),
        );
    }
    if let Some(hand_over) = spec.hand_over.as_ref().filter(|it| it.from == spec.name) {
        found.push(
            Diagnostic::error(
                "invalid-value",
                format!(
                    "The group {:?} cannot take over from itself",
                    hand_over.from
                ),
            )
            .at(block.nested("hand_over").map(|inner| inner.span.clone())),
        );
    }
    if found.has_errors() {
        return Err(found);
    }
    Ok(spec)
}

fn offsets(block: &Block, reads: &BTreeSet<String>, found: &mut Diagnostics) -> Option<Offsets> {
    let listed = topics(block, "topics", found);
    let given = block.attributes.get("to")?;
    let to = to(given, found)?;
    let named: BTreeSet<&String> = match &to {
        To::Explicit(offsets) => offsets.keys().collect(),
        _ => listed.iter().collect(),
    };
    if matches!(to, To::Explicit(_)) && !listed.is_empty() {
        found.push(
            Diagnostic::error("contradiction", "to names the topics itself")
                .at(block.span.clone())
                .hint("leave topics out"),
        );
    }
    let strange: Vec<String> = named
        .into_iter()
        .filter(|topic| !reads.contains(*topic))
        .map(|topic| format!("{topic:?}"))
        .collect();
    if !strange.is_empty() && !reads.is_empty() {
        found.push(
            Diagnostic::error(
                "invalid-value",
                format!("The group does not read {}", strange.join(", ")),
            )
            .at(given.value_span.clone())
            .hint("add it to reads, or leave it out"),
        );
    }
    Some(Offsets { to, topics: listed })
}

const PLACES: &str = "\"earliest\", \"latest\", a moment as \"2026-11-01T00:00:00Z\" or in milliseconds since 1970, a \
                      duration back as \"2h\", or offsets as { \"topic\" = { \"0\" = 5 } }";

fn to(given: &Attribute, found: &mut Diagnostics) -> Option<To> {
    let to = match &given.value {
        Value::String(text) => Some(To::Place(text.to_string())),
        Value::Number(number) => number.to_i64().filter(|ms| *ms >= 0).map(To::Moment),
        Value::Object(topics) | Value::Map(topics) => {
            let each = topics.iter().map(|(topic, value)| {
                let partitions = partitions(value).filter(|them| !them.is_empty())?;
                Some((topic.to_string(), partitions))
            });
            let all: Option<ByPartition> = each.collect();
            all.filter(|all| !all.is_empty()).map(To::Explicit)
        }
        _ => None,
    };
    let Some(to) = to else {
        found.push(wrong("to", "a place in the topics", given).hint(format!("write {PLACES}")));
        return None;
    };
    if let Err(why) = to.target() {
        found.push(
            Diagnostic::error("invalid-value", "to is no place in a topic")
                .at(given.value_span.clone())
                .detail(why)
                .hint(format!("write {PLACES}")),
        );
        return None;
    }
    Some(to)
}

fn partitions(value: &Value) -> Option<BTreeMap<i32, i64>> {
    let (Value::Object(partitions) | Value::Map(partitions)) = value else {
        return None;
    };
    let each = partitions.iter().map(|(index, offset)| {
        let Value::Number(offset) = offset else {
            return None;
        };
        let index = index.parse().ok().filter(|index: &i32| *index >= 0)?;
        Some((index, offset.to_i64().filter(|offset| *offset >= 0)?))
    });
    each.collect()
}

fn hand_over(block: &Block, found: &mut Diagnostics) -> Option<HandOver> {
    let within = block.attributes.get("within");
    let within_ms = within.and_then(|given| match &given.value {
        Value::Null => None,
        Value::String(text) => match amount::milliseconds(text) {
            Ok(within) => u64::try_from(within).ok(),
            Err(error) => {
                found.push(
                    Diagnostic::error("invalid-value", "within must be a duration such as \"5m\"")
                        .at(given.value_span.clone())
                        .detail(format!("{:?}: {error}.", &**text)),
                );
                None
            }
        },
        _ => {
            found.push(wrong("within", "a duration such as \"5m\"", given));
            None
        }
    });
    let from = group(block, "from", found)?;
    Some(HandOver { from, within_ms })
}

#[cfg(test)]
mod tests {
    use crate::document::Document;

    use super::*;

    #[test]
    fn a_place_is_kept_as_it_was_written_and_understood_the_same_later() {
        let explicit = || ByPartition::from([("orders".to_owned(), [(0, 5), (11, 0)].into())]);
        let places = [
            (To::Place("earliest".into()), Target::Earliest),
            (To::Place("latest".into()), Target::Latest),
            (
                To::Place("2026-11-01T01:00:00+01:00".into()),
                Target::Moment(1_793_491_200_000),
            ),
            (
                To::Moment(1_793_491_200_000),
                Target::Moment(1_793_491_200_000),
            ),
            (To::Place("1h30m".into()), Target::Back(5_400_000)),
            (To::Explicit(explicit()), Target::Explicit(&explicit())),
        ];
        for (to, target) in places {
            let read: To = Document::of(&to).to().expect("reads what it wrote");
            assert_eq!((read.target(), &read), (Ok(target), &to));
        }
        let nowhere = To::Place("yesterday".into());
        nowhere.target().expect_err("no place");
    }
}
