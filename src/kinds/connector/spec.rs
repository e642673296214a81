//! What HCL says about a connector, typed. Takes an evaluated block, gives a [`ConnectorSpec`] or every
//! problem.

mod offsets;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::amount;
use crate::config::block::{Attribute, Block};
use crate::config::value::{SecretRef, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::kinds::Healthy;
use crate::kinds::attribute::{described, wrong_value};

pub(super) use offsets::words;
pub use offsets::{OffsetStep, Position};

/// A connector as it is wanted. What is absent is not managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorSpec {
    /// Its name.
    pub name: String,
    /// The plugin's class, or its short name.
    pub class: String,
    /// The most tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_max: Option<u32>,
    /// What is set, by the plugin's own names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Setting>,
    /// What it is to do.
    pub state: Target,
    /// What is done about what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Where records go that cannot be handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetter>,
    /// Where it is to go on from: done once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets: Option<OffsetStep>,
    /// What it takes to be healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Healthy>,
}

/// What a connector is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// It works.
    Running,
    /// Its tasks stay, and do nothing.
    Paused,
    /// It has no tasks (KIP-875).
    Stopped,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Running, Self::Paused, Self::Stopped];

    /// The word of HCL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// Kafka Connect's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }
}

/// What a key is set to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// A text.
    Text(String),
    /// A secret's text.
    Secret {
        /// Where it is found: `env:NAME` or `file:PATH`.
        secret: String,
    },
}

impl Setting {
    /// Returns the text, where it is no secret.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Secret { .. } => None,
        }
    }

    /// Returns where the secret is found, where it is one.
    pub fn secret(&self) -> Option<SecretRef> {
        match self {
            Self::Text(_) => None,
            // Written from a reference, in `setting` below.
            Self::Secret { secret } => secret.parse().ok(),
        }
    }
}

/// What is done about a connector or tasks that failed: only these are restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// How often.
    pub max_attempts: u32,
    /// The pause before each attempt but the first, which doubles, in milliseconds.
    pub backoff_ms: u64,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            backoff_ms: 10_000,
        }
    }
}

impl Restart {
    /// The longest pause.
    const LONGEST: Duration = Duration::from_mins(5);

    /// Returns the pause before an attempt, counted from 0.
    pub fn pause(&self, attempt: u32) -> Duration {
        let Some(doublings) = attempt.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let pause = Duration::from_millis(self.backoff_ms).checked_mul(factor);
        pause.unwrap_or(Self::LONGEST).min(Self::LONGEST)
    }
}

/// Where a sink's records go that cannot be converted, transformed or, by some plugins, written (KIP-298).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetter {
    /// The topic.
    pub topic: String,
    /// Whether the connector goes on; else it fails at the first such record.
    pub tolerate: bool,
    /// Whether headers tell what went wrong and where.
    pub context_headers: bool,
    /// How many replicas the topic gets where the connector makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
}

/// The keys of Kafka Connect that attributes stand for.
pub mod key {
    /// `class`.
    pub const CLASS: &str = "connector.class";
    /// `tasks_max`.
    pub const TASKS_MAX: &str = "tasks.max";
    /// `dead_letter.topic`.
    pub const DEAD_LETTER_TOPIC: &str = "errors.deadletterqueue.topic.name";
    /// `dead_letter.tolerance`.
    pub const TOLERANCE: &str = "errors.tolerance";
    /// `dead_letter.context_headers`.
    pub const CONTEXT_HEADERS: &str = "errors.deadletterqueue.context.headers.enable";
    /// `dead_letter.replication_factor`.
    pub const REPLICATION_FACTOR: &str = "errors.deadletterqueue.topic.replication.factor";

    /// Each key with its attribute.
    pub const ATTRIBUTES: [(&str, &str); 6] = [
        (CLASS, "class"),
        (TASKS_MAX, "tasks_max"),
        (DEAD_LETTER_TOPIC, "dead_letter.topic"),
        (TOLERANCE, "dead_letter.tolerance"),
        (CONTEXT_HEADERS, "dead_letter.context_headers"),
        (REPLICATION_FACTOR, "dead_letter.replication_factor"),
    ];
}

impl ConnectorSpec {
    /// Returns all that is set, by Kafka Connect's names.
    pub fn settings(&self) -> BTreeMap<&str, Setting> {
        let mut settings: BTreeMap<&str, Setting> = self
            .config
            .iter()
            .map(|(key, value)| (key.as_str(), value.clone()))
            .collect();
        let mut set = |key, text: String| settings.insert(key, Setting::Text(text));
        set(key::CLASS, self.class.clone());
        if let Some(tasks) = self.tasks_max {
            set(key::TASKS_MAX, tasks.to_string());
        }
        if let Some(letters) = &self.dead_letter {
            set(key::DEAD_LETTER_TOPIC, letters.topic.clone());
            let tolerance = if letters.tolerate { "all" } else { "none" };
            set(key::TOLERANCE, tolerance.to_owned());
            set(key::CONTEXT_HEADERS, letters.context_headers.to_string());
            if let Some(factor) = letters.replication_factor {
                set(key::REPLICATION_FACTOR, factor.to_string());
            }
        }
        settings
    }

    /// Returns the attribute that a key is written as: `class`, `config["file"]`.
    pub fn path(&self, key: &str) -> String {
        let attribute = key::ATTRIBUTES.iter().find(|(known, _)| *known == key);
        match attribute {
            Some((_, attribute)) if !self.config.contains_key(key) => (*attribute).to_owned(),
            _ => config_path(key),
        }
    }

    /// Returns a key's text, where it is set and no secret.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.config.get(key)?.text()
    }

    /// The class's shortest name.
    fn short_class(&self) -> &str {
        let own = self.class.rsplit('.').next().unwrap_or_default();
        own.strip_suffix("Connector").unwrap_or(own)
    }

    /// Whether it is one of `MirrorMaker`'s, which are sources and yet name topics as sinks do.
    pub fn is_mirror(&self) -> bool {
        self.is_mirror_source()
            || matches!(self.short_class(), "MirrorCheckpoint" | "MirrorHeartbeat")
    }

    /// Whether it is the one of `MirrorMaker`'s that copies records.
    pub fn is_mirror_source(&self) -> bool {
        self.short_class() == "MirrorSource"
    }

    /// Whether it takes records out of Kafka: each sink names topics so. Some sources name those so that they write
    /// to, as Camel's do; their classes say what they are.
    pub fn is_sink(&self) -> bool {
        let names = ["topics", "topics.regex"];
        let is_source = self.is_mirror() || self.short_class().ends_with("Source");
        !is_source && names.iter().any(|key| self.config.contains_key(*key))
    }

    /// Returns the group that a sink reads by; none for a source.
    pub fn group(&self) -> Option<String> {
        let own = || self.text("consumer.override.group.id").map(str::to_owned);
        self.is_sink()
            .then(|| own().unwrap_or_else(|| format!("connect-{}", self.name)))
    }

    /// Returns what is done about what failed.
    pub fn restarts(&self) -> Restart {
        self.restart.clone().unwrap_or_default()
    }
}

/// Returns the path of a key: `config["file"]`.
pub fn config_path(key: &str) -> String {
    format!("config[{}]", serde_json::json!(key))
}

/// Reads an evaluated `connector` block.
pub(super) fn decode(block: &Block) -> Result<ConnectorSpec, Diagnostics> {
    let mut found = Diagnostics::new();
    let spec = ConnectorSpec {
        name: name(block, &mut found).unwrap_or_else(|| block.label()),
        class: text(block, "class", &mut found).unwrap_or_default(),
        tasks_max: count(block, "tasks_max", &mut found),
        config: block
            .attributes
            .get("config")
            .map(|given| config(given, &mut found))
            .unwrap_or_default(),
        state: state(block, &mut found),
        restart: block
            .nested("restart")
            .map(|block| restart(block, &mut found)),
        dead_letter: block
            .nested("dead_letter")
            .and_then(|block| dead_letter(block, &mut found)),
        offsets: block
            .nested("offsets")
            .and_then(|block| offsets::decode(block, &mut found)),
        healthy: Healthy::decode(block, &mut found),
    };
    together(&spec, block, &mut found);
    if found.has_errors() {
        Err(found)
    } else {
        Ok(spec)
    }
}

/// Holds what is written in one place against what is written in another.
fn together(spec: &ConnectorSpec, block: &Block, found: &mut Diagnostics) {
    let place = block
        .attributes
        .get("config")
        .map_or(&block.span, |given| &given.value_span);
    let mut twice = |key: &str, attribute: &str| {
        if spec.config.contains_key(key) {
            found.push(
                Diagnostic::error(
                    "two-settings",
                    format!("{} is written as an attribute", config_path(key)),
                )
                .at(place.clone())
                .hint(format!("remove it, and set {attribute}")),
            );
        }
    };
    twice("name", "name, or the block's label");
    twice(key::CLASS, "class");
    twice(key::TASKS_MAX, "tasks_max");
    if spec.dead_letter.is_some() {
        for (key, attribute) in &key::ATTRIBUTES[2..] {
            twice(key, attribute);
        }
    }
    if let Some(step) = block.nested("offsets").filter(|_| spec.is_sink()) {
        offsets::check_of_sink(step, found);
    }
    if let Some(letters) = block.nested("dead_letter").filter(|_| !spec.is_sink()) {
        found.push(
            Diagnostic::error(
                "dead-letter-of-source",
                "dead_letter is for connectors that read topics",
            )
            .at(letters.span.clone())
            .detail(
                "Kafka Connect writes dead letters for sinks alone (KIP-298), and config names neither \
                 \"topics\" nor \"topics.regex\".",
            )
            .hint(
                "for a source, set \"errors.tolerance\" and \"errors.log.enable\" in config: what it cannot \
                 handle is then left out and logged",
            ),
        );
    }
}

fn wrong(name: &str, expected: &str, value: &Value, attribute: &Attribute) -> Diagnostic {
    wrong_value(name, expected, &described(value), attribute)
}

fn text(block: &Block, name: &str, found: &mut Diagnostics) -> Option<String> {
    let given = block.attributes.get(name)?;
    match &given.value {
        Value::Null => None,
        Value::String(text) if !text.is_empty() => Some(text.to_string()),
        value => {
            found.push(wrong(name, "a text that is not empty", value, given));
            None
        }
    }
}

fn name(block: &Block, found: &mut Diagnostics) -> Option<String> {
    let name = text(block, "name", found)?;
    // What `ConnectorConfig.validate` refuses.
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        let place = block.attributes.get("name").map(|given| &given.value_span);
        found.push(
            Diagnostic::error("invalid-value", format!("Not a connector's name: {name:?}"))
                .at(place.unwrap_or(&block.span).clone()),
        );
    }
    Some(name)
}

fn count(block: &Block, name: &str, found: &mut Diagnostics) -> Option<u32> {
    let given = block.attributes.get(name)?;
    let number = match &given.value {
        Value::Null => return None,
        Value::Number(number) => number.to_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let count = number
        .and_then(|number| u32::try_from(number).ok())
        .filter(|count| (1..=i32::MAX.unsigned_abs()).contains(count));
    if count.is_none() {
        let expected = "a whole number from 1";
        found.push(
            Diagnostic::error("invalid-value", format!("{name} must be {expected}"))
                .at(given.value_span.clone()),
        );
    }
    count
}

fn flag(block: &Block, name: &str, otherwise: bool, found: &mut Diagnostics) -> bool {
    let Some(given) = block.attributes.get(name) else {
        return otherwise;
    };
    match &given.value {
        Value::Null => otherwise,
        Value::Bool(flag) => *flag,
        value => {
            found.push(wrong(name, "true or false", value, given));
            otherwise
        }
    }
}

fn state(block: &Block, found: &mut Diagnostics) -> Target {
    let Some(word) = text(block, "state", found) else {
        return Target::Running;
    };
    let known = Target::ALL.into_iter().find(|target| target.name() == word);
    known.unwrap_or_else(|| {
        let place = block.attributes.get("state").map(|given| &given.value_span);
        let names = Target::ALL.map(Target::name);
        found.push(
            Diagnostic::error(
                "invalid-value",
                "state must be \"running\", \"paused\" or \"stopped\"",
            )
            .at(place.unwrap_or(&block.span).clone())
            .detail(format!("It is {word:?}."))
            .hint_opt(did_you_mean(&word.to_lowercase(), names)),
        );
        Target::Running
    })
}

fn restart(block: &Block, found: &mut Diagnostics) -> Restart {
    let usual = Restart::default();
    let backoff = text(block, "backoff", found).map(|text| amount::duration(&text));
    let backoff_ms = match backoff {
        None => usual.backoff_ms,
        Some(Ok(backoff)) => u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX),
        Some(Err(error)) => {
            let place = block.attributes.get("backoff");
            found.push(
                Diagnostic::error(
                    "invalid-value",
                    "backoff must be a duration such as \"30s\"",
                )
                .at(place.map_or(&block.span, |given| &given.value_span).clone())
                .detail(format!("{error}.")),
            );
            usual.backoff_ms
        }
    };
    Restart {
        max_attempts: count(block, "max_attempts", found).unwrap_or(usual.max_attempts),
        backoff_ms,
    }
}

fn dead_letter(block: &Block, found: &mut Diagnostics) -> Option<DeadLetter> {
    let given = block.attributes.get("topic")?;
    let topic = match setting(&given.value) {
        Ok(Some(Setting::Text(topic))) if !topic.is_empty() => Some(topic),
        _ => {
            found.push(
                wrong("topic", "a topic, or its name", &given.value, given)
                    .hint("write topic = topic.NAME"),
            );
            None
        }
    };
    let tolerance = text(block, "tolerance", found);
    if let Some(other) = tolerance
        .as_deref()
        .filter(|word| !matches!(*word, "all" | "none"))
    {
        let place = block.attributes.get("tolerance");
        found.push(
            Diagnostic::error("invalid-value", "tolerance must be \"all\" or \"none\"")
                .at(place.map_or(&block.span, |given| &given.value_span).clone())
                .detail(format!("It is {other:?}.")),
        );
    }
    Some(DeadLetter {
        topic: topic?,
        tolerate: tolerance.as_deref() != Some("none"),
        context_headers: flag(block, "context_headers", true, found),
        replication_factor: count(block, "replication_factor", found),
    })
}

fn config(given: &Attribute, found: &mut Diagnostics) -> BTreeMap<String, Setting> {
    let entries = match &given.value {
        Value::Null => return BTreeMap::new(),
        Value::Object(entries) | Value::Map(entries) => entries,
        value => {
            let expected = "a map of the plugin's settings";
            found.push(
                wrong("config", expected, value, given)
                    .hint("write config = { \"topics\" = topic.orders.name }"),
            );
            return BTreeMap::new();
        }
    };
    let mut config = BTreeMap::new();
    for (key, value) in entries.iter() {
        match setting(value) {
            Ok(Some(setting)) => {
                config.insert(key.to_string(), setting);
            }
            Ok(None) => {}
            Err(()) => {
                let expected = "a text, a number, a boolean, a secret or a list of texts";
                let path = config_path(key);
                let is_sensitive = value.contains_sensitive();
                found.push(wrong(&path, expected, value, given).hint_opt(is_sensitive.then(
                    || {
                        "the state would hold it: write secret(\"env:NAME\") or secret(\"file:PATH\") in its \
                         place"
                            .to_owned()
                    },
                )));
            }
        }
    }
    config
}

/// Returns what a value sets a key to; `None` for null, which is "not managed".
fn setting(value: &Value) -> Result<Option<Setting>, ()> {
    let join = |items: &mut dyn Iterator<Item = &Value>| {
        let texts: Option<Vec<String>> = items.map(word).collect();
        texts
            .map(|texts| Some(Setting::Text(texts.join(","))))
            .ok_or(())
    };
    match value {
        Value::Null => Ok(None),
        Value::Secret(secret) => Ok(Some(Setting::Secret {
            secret: secret.to_string(),
        })),
        Value::Tuple(items) | Value::List(items) => join(&mut items.iter()),
        Value::Set(items) => join(&mut items.iter()),
        value => word(value).map(|text| Some(Setting::Text(text))).ok_or(()),
    }
}

/// Returns a value's text. A topic's block stands for its name.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(entries) if entries.contains_key("partitions") => match entries.get("name") {
            Some(Value::String(name)) => Some(name.to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests;
