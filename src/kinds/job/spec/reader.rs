//! Reads the attributes of one block, and notes what is wrong with them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::amount;
use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kinds::attribute::{described, topic, wrong_value};

/// A block being read.
pub(in crate::kinds::job) struct Reader<'a> {
    /// The block.
    pub(in crate::kinds::job) block: &'a Block,
    /// What is wrong with it.
    pub(in crate::kinds::job) found: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// Returns an attribute, unless it is null.
    pub(in crate::kinds::job) fn given(&self, name: &str) -> Option<Attribute> {
        let given = self.block.attributes.get(name)?;
        (given.value != Value::Null).then(|| given.clone())
    }

    /// Reads a text that is not empty.
    pub(in crate::kinds::job) fn text(&mut self, name: &str) -> Option<String> {
        let given = self.given(name)?;
        match &given.value {
            Value::String(text) if !text.is_empty() => Some(text.to_string()),
            _ => self.wrong(name, "a string that is not empty", &given),
        }
    }

    /// Reads a whole number of at least `least`.
    pub(in crate::kinds::job) fn number(&mut self, name: &str, least: i64) -> Option<u64> {
        let given = self.given(name)?;
        let number = match &given.value {
            Value::Number(number) => number.to_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if number >= least => u64::try_from(number).ok(),
            _ => self.wrong(name, &format!("a whole number from {least}"), &given),
        }
    }

    /// Reads a number of tasks.
    pub(in crate::kinds::job) fn parallelism(&mut self) -> Option<u32> {
        /// The most that Flink can have: `KeyGroupRangeAssignment.UPPER_BOUND_MAX_PARALLELISM`.
        const MOST: u64 = 32_768;
        let number = self.number("parallelism", 1)?;
        if number > MOST {
            let given = self.given("parallelism")?;
            return self.wrong("parallelism", &format!("at most {MOST}"), &given);
        }
        u32::try_from(number).ok()
    }

    /// Reads true or false.
    pub(in crate::kinds::job) fn truth(&mut self, name: &str) -> Option<bool> {
        let given = self.given(name)?;
        match &given.value {
            Value::Bool(value) => Some(*value),
            _ => self.wrong(name, "true or false", &given),
        }
    }

    /// Reads a span of time in milliseconds.
    pub(in crate::kinds::job) fn duration(&mut self, name: &str) -> Option<u64> {
        let given = self.given(name)?;
        let Value::String(text) = &given.value else {
            return self.wrong(name, "a duration such as \"5m\"", &given);
        };
        match amount::milliseconds(text) {
            Ok(ms) => u64::try_from(ms).ok(),
            Err(error) => {
                self.found.push(
                    Diagnostic::error(
                        "invalid-value",
                        format!("{name} must be a duration such as \"5m\""),
                    )
                    .at(given.value_span.clone())
                    .detail(format!("{:?}: {error}.", &**text)),
                );
                None
            }
        }
    }

    /// Reads one word of several.
    pub(in crate::kinds::job) fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let given = self.given(name)?;
        let found = given.value.as_str().and_then(|text| {
            let mut words = words.iter();
            words.find(|(word, _)| *word == text)
        });
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        self.wrong(name, &format!("one of {}", words.join(", ")), &given)
    }

    /// Reads a list of texts; numbers and booleans are written out.
    pub(in crate::kinds::job) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        const WANTED: &str = "a list of strings";
        let given = self.given(name)?;
        let Some(items) = given.value.as_elements() else {
            return self.wrong(name, WANTED, &given);
        };
        if let Some(other) = items.iter().find(|item| plain(item).is_none()) {
            let shown = Attribute {
                value: other.clone(),
                ..given.clone()
            };
            return self.wrong(&format!("each of {name}"), "a string", &shown);
        }
        items.iter().map(plain).collect()
    }

    /// Reads a map of texts; null is an entry that is not there.
    pub(in crate::kinds::job) fn map(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        let given = self.given(name)?;
        let Some(entries) = given.value.as_attributes() else {
            return self.wrong(name, "a map of strings", &given);
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            match plain(value) {
                Some(text) => {
                    map.insert(key.to_string(), text);
                }
                None if *value == Value::Null => {}
                None => {
                    let shown = Attribute {
                        value: value.clone(),
                        ..given.clone()
                    };
                    let name = format!("{name}[{key:?}]");
                    let _: Option<()> =
                        self.wrong(&name, "a string, a number or a boolean", &shown);
                }
            }
        }
        Some(map)
    }

    /// Reads a list of topics: blocks or names.
    pub(in crate::kinds::job) fn topics(&mut self, name: &str) -> BTreeSet<String> {
        const WANTED: &str = "a list of topics";
        let Some(given) = self.given(name) else {
            return BTreeSet::new();
        };
        let items: Vec<&Value> = match &given.value {
            Value::Tuple(items) | Value::List(items) => items.iter().collect(),
            Value::Set(items) => items.iter().collect(),
            _ => {
                let _: Option<()> = self.wrong(name, WANTED, &given);
                return BTreeSet::new();
            }
        };
        let mut topics = BTreeSet::new();
        for item in items {
            if let Some(topic) = topic(item) {
                topics.insert(topic);
            } else {
                let shown = Attribute {
                    value: item.clone(),
                    ..given.clone()
                };
                let _: Option<()> = self.wrong(
                    &format!("each of {name}"),
                    "a topic block, or a topic's name",
                    &shown,
                );
            }
        }
        topics
    }

    /// Notes that an attribute is something else than it must be.
    pub(in crate::kinds::job) fn wrong<T>(
        &mut self,
        name: &str,
        expected: &str,
        given: &Attribute,
    ) -> Option<T> {
        let is = match &given.value {
            Value::String(text) if !text.is_empty() => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            value => described(value),
        };
        let mut diagnostic = wrong_value(name, expected, &is, given);
        if matches!(given.value, Value::Secret(_) | Value::Sensitive(_)) {
            diagnostic = diagnostic.hint(
                "a cluster shows a job's arguments and settings to everybody who may look at it: they are \
                 no place for a secret",
            );
        }
        self.found.push(diagnostic);
        None
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
