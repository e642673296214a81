//! What HCL says about a schema, typed. Takes an evaluated block, gives a [`SchemaSpec`] or every problem.

mod governance;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compatibility::{Definition, Format, Level};
use crate::config::block::{Attribute, Block};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};

pub use governance::{Metadata, RuleSet};

/// A schema as it is wanted. What is absent is not managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaSpec {
    /// The subject.
    pub subject: String,
    /// Its language.
    pub format: Format,
    /// Its text, as it was written.
    pub definition: String,
    /// What the text refers to, by the name that it uses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, Referenced>,
    /// Whether the registry puts it into its normal form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalize: bool,
    /// The subject's own level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Level>,
    /// The subject's own mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Tags and properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<RuleSet>,
}

/// A schema's text and what it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Its language.
    pub format: Format,
    /// Its text, as it was written.
    pub definition: String,
    /// By the name that the text uses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, Referenced>,
    /// Whether the registry puts it into its normal form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalize: bool,
}

/// What a name in a schema's text stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referenced {
    /// The subject.
    pub subject: String,
    /// Which of its versions.
    pub which: Which,
}

/// Which version of a subject is referred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The one of this number, of a subject that the project does not manage.
    Version(u32),
    /// The one that holds this content: another block's.
    Content(Box<Content>),
}

/// What may be done with a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Everything.
    ReadWrite,
    /// Nothing but reading.
    ReadOnly,
}

impl Mode {
    /// The registry's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
        }
    }
}

impl SchemaSpec {
    /// Returns the schema itself.
    pub fn content(&self) -> Content {
        Content {
            format: self.format,
            definition: self.definition.clone(),
            references: self.references.clone(),
            normalize: self.normalize,
        }
    }
}

impl Content {
    /// Returns the text and those of all that it refers to, directly or through others, by name.
    /// `texts` gives those of versions by number; what it does not know is left out.
    pub fn definition(&self, texts: &BTreeMap<String, String>) -> Definition {
        let mut definition = Definition {
            text: self.definition.clone(),
            references: BTreeMap::new(),
        };
        collect(self, texts, &mut definition.references);
        definition
    }

    /// Returns the first reference whose text is not known here, if there is one.
    pub fn unknown_reference(&self, texts: &BTreeMap<String, String>) -> Option<&str> {
        self.references
            .iter()
            .find_map(|(name, referenced)| match &referenced.which {
                Which::Version(_) => (!texts.contains_key(name)).then_some(name.as_str()),
                Which::Content(content) => content.unknown_reference(texts),
            })
    }
}

fn collect(
    content: &Content,
    texts: &BTreeMap<String, String>,
    found: &mut BTreeMap<String, String>,
) {
    for (name, referenced) in &content.references {
        match &referenced.which {
            Which::Version(_) => {
                if let Some(text) = texts.get(name) {
                    found.insert(name.clone(), text.clone());
                }
            }
            Which::Content(inner) => {
                found.insert(name.clone(), inner.definition.clone());
                collect(inner, texts, found);
            }
        }
    }
}

/// Returns the topic whose keys or values a subject describes by `TopicNameStrategy`, the default of
/// Confluent's serializers.
pub fn topic_of(subject: &str) -> Option<&str> {
    // A context, `:.name:subject`, is no part of the name.
    let plain = match subject.strip_prefix(":.") {
        Some(rest) => rest.split_once(':')?.1,
        None => subject,
    };
    let topic = plain
        .strip_suffix("-value")
        .or_else(|| plain.strip_suffix("-key"))?;
    (!topic.is_empty()).then_some(topic)
}

/// Reads an evaluated `schema` block.
pub(super) fn decode(block: &Block) -> Result<SchemaSpec, Diagnostics> {
    let mut reader = Reader {
        found: Diagnostics::new(),
    };
    let attributes: BTreeMap<&str, &Value> = block
        .attributes
        .iter()
        .map(|(name, attribute)| (&**name, &attribute.value))
        .collect();
    let places = Places { block };
    let subject = reader.subject(&attributes, &places);
    let content = reader.content(&attributes, &places);
    let Content {
        format,
        definition,
        references,
        normalize,
    } = content.unwrap_or_else(|| Content {
        format: Format::Avro,
        definition: String::new(),
        references: BTreeMap::new(),
        normalize: false,
    });
    let spec = SchemaSpec {
        compatibility: reader.level(block),
        mode: reader.mode(block),
        metadata: block
            .attributes
            .get("metadata")
            .and_then(|given| governance::metadata(given, &mut reader.found)),
        rule_set: block
            .attributes
            .get("rule_set")
            .and_then(|given| governance::rule_set(given, &mut reader.found)),
        subject: subject.unwrap_or_default(),
        format,
        definition,
        references,
        normalize,
    };
    if reader.found.has_errors() {
        Err(reader.found)
    } else {
        Ok(spec)
    }
}

/// Where a block's attributes stand: what is wrong inside another block's value is shown at the
/// attribute that took it.
struct Places<'a> {
    block: &'a Block,
}

impl Places<'_> {
    fn of(&self, attribute: &str) -> Span {
        self.block
            .attributes
            .get(attribute)
            .map_or(&self.block.span, |given| &given.value_span)
            .clone()
    }
}

struct Reader {
    found: Diagnostics,
}

impl Reader {
    fn wrong(&mut self, name: &str, expected: &str, place: Span) -> &mut Self {
        self.found
            .push(Diagnostic::error("wrong-type", format!("{name} must be {expected}")).at(place));
        self
    }

    fn text(&mut self, name: &str, value: Option<&Value>, place: &Span) -> Option<String> {
        match value.map(Value::unmarked) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if !text.is_empty() => Some(text.to_string()),
            Some(_) => {
                self.wrong(name, "a text that is not empty", place.clone());
                None
            }
        }
    }

    /// The subject itself, or a topic's by `TopicNameStrategy`.
    fn subject(
        &mut self,
        attributes: &BTreeMap<&str, &Value>,
        places: &Places<'_>,
    ) -> Option<String> {
        let get = |name: &str| attributes.get(name).copied();
        let subject = self.text("subject", get("subject"), &places.of("subject"));
        let topic = match get("topic").map(Value::unmarked) {
            // A topic's block stands for its name.
            Some(Value::Object(entries)) => entries.get("name"),
            other => other,
        };
        let topic = self.text("topic", topic, &places.of("topic"));
        let part = self.text("part", get("part"), &places.of("part"));
        if let Some(other) = part
            .as_deref()
            .filter(|part| !matches!(*part, "key" | "value"))
        {
            self.found.push(
                Diagnostic::error("invalid-value", "part must be \"key\" or \"value\"")
                    .at(places.of("part"))
                    .detail(format!("It is {other:?}.")),
            );
        }
        let subject = match (subject, topic) {
            (Some(_), Some(_)) => {
                self.found.push(
                    Diagnostic::error("two-subjects", "subject and topic cannot be set together")
                        .at(places.of("topic"))
                        .hint("keep one of them: topic = t with part = \"value\" is the subject t-value"),
                );
                return None;
            }
            (None, None) => {
                if !self.found.has_errors() {
                    self.found.push(
                        Diagnostic::error(
                            "missing-attribute",
                            "The attribute \"subject\" is missing",
                        )
                        .at(places.block.span.clone())
                        .hint("write subject = \"…\", or topic = topic.NAME and part = \"value\""),
                    );
                }
                return None;
            }
            (Some(subject), None) => {
                if part.is_some() {
                    self.found.push(
                        Diagnostic::error("useless-part", "part says nothing without topic")
                            .at(places.of("part")),
                    );
                }
                subject
            }
            (None, Some(topic)) => format!("{topic}-{}", part.as_deref().unwrap_or("value")),
        };
        if matches!(subject.as_str(), "." | "..") || subject.chars().any(char::is_control) {
            self.found.push(
                Diagnostic::error(
                    "invalid-subject",
                    format!("Not a subject's name: {subject:?}"),
                )
                .at(places.of("subject")),
            );
        }
        Some(subject)
    }

    fn content(
        &mut self,
        attributes: &BTreeMap<&str, &Value>,
        places: &Places<'_>,
    ) -> Option<Content> {
        let get = |name: &str| attributes.get(name).copied();
        let format = self.text("format", get("format"), &places.of("format"));
        let format = match format.as_deref().map(str::parse::<Format>) {
            Some(Ok(format)) => Some(format),
            Some(Err(error)) => {
                let names = Format::ALL.iter().map(|format| format.name());
                self.found.push(
                    Diagnostic::error("invalid-value", error.to_string())
                        .at(places.of("format"))
                        .hint_opt(did_you_mean(&error.0, names)),
                );
                None
            }
            None => None,
        };
        let definition = self.text("definition", get("definition"), &places.of("definition"));
        let normalize = match get("normalize").map(Value::unmarked) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(normalize)) => *normalize,
            Some(_) => {
                self.wrong("normalize", "true or false", places.of("normalize"));
                false
            }
        };
        let references = self.references(get("references"), places);
        Some(Content {
            format: format?,
            definition: definition?,
            references,
            normalize,
        })
    }

    fn references(
        &mut self,
        value: Option<&Value>,
        places: &Places<'_>,
    ) -> BTreeMap<String, Referenced> {
        let entries = match value.map(Value::unmarked) {
            None | Some(Value::Null) => return BTreeMap::new(),
            Some(Value::Object(entries) | Value::Map(entries)) => entries,
            Some(_) => {
                self.wrong("references", "a map of schemas", places.of("references"));
                return BTreeMap::new();
            }
        };
        let mut references = BTreeMap::new();
        for (name, value) in entries.iter() {
            if let Some(referenced) = self.referenced(name, value, places) {
                references.insert(name.to_string(), referenced);
            }
        }
        references
    }

    /// Another `schema` block, or a subject and version that the project does not manage.
    fn referenced(&mut self, name: &str, value: &Value, places: &Places<'_>) -> Option<Referenced> {
        let Value::Object(entries) = value.unmarked() else {
            self.unknown_reference(name, places);
            return None;
        };
        let attributes: BTreeMap<&str, &Value> = entries
            .iter()
            .map(|(name, value)| (&**name, value))
            .collect();
        if attributes.contains_key("definition") {
            let subject = self.subject(&attributes, places);
            let content = self.content(&attributes, places);
            return Some(Referenced {
                subject: subject?,
                which: Which::Content(Box::new(content?)),
            });
        }
        let subject = match attributes.get("subject").map(|value| value.unmarked()) {
            Some(Value::String(subject)) if !subject.is_empty() => Some(subject.to_string()),
            _ => None,
        };
        let version = match attributes.get("version").map(|value| value.unmarked()) {
            Some(Value::Number(number)) => number
                .to_i64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| *number > 0),
            _ => None,
        };
        match (subject, version) {
            (Some(subject), Some(version)) if attributes.len() == 2 => Some(Referenced {
                subject,
                which: Which::Version(version),
            }),
            _ => {
                self.unknown_reference(name, places);
                None
            }
        }
    }

    fn unknown_reference(&mut self, name: &str, places: &Places<'_>) {
        self.found.push(
            Diagnostic::error(
                "wrong-type",
                format!("references[{name:?}] must be a schema"),
            )
            .at(places.of("references"))
            .hint(format!(
                "write references = {{ {name:?} = schema.NAME }}, or {{ subject = \"…\", version = 1 }} \
                 for a schema that the project does not manage"
            )),
        );
    }

    fn level(&mut self, block: &Block) -> Option<Level> {
        level(block.attributes.get("compatibility")?, &mut self.found)
    }

    fn mode(&mut self, block: &Block) -> Option<Mode> {
        mode(block.attributes.get("mode")?, &mut self.found)
    }
}

/// Reads a mode.
pub fn mode(given: &Attribute, found: &mut Diagnostics) -> Option<Mode> {
    let text = match given.value.unmarked() {
        Value::Null => return None,
        Value::String(text) => text.to_string(),
        _ => {
            found.push(
                Diagnostic::error("wrong-type", "mode must be a mode's name")
                    .at(given.value_span.clone()),
            );
            return None;
        }
    };
    let known = [Mode::ReadWrite, Mode::ReadOnly];
    let mode = known.into_iter().find(|mode| mode.name() == text);
    if mode.is_none() {
        let hint = match text.as_str() {
            "IMPORT" | "FORWARD" => Some(
                "that mode moves ids and versions between registries, which are never carried over \
                 here"
                    .to_owned(),
            ),
            _ => did_you_mean(&text, known.map(Mode::name)),
        };
        found.push(
            Diagnostic::error(
                "invalid-value",
                "mode must be \"READWRITE\" or \"READONLY\"",
            )
            .at(given.value_span.clone())
            .detail(format!("It is {text:?}."))
            .hint_opt(hint),
        );
    }
    mode
}

/// Reads a compatibility level.
pub fn level(given: &Attribute, found: &mut Diagnostics) -> Option<Level> {
    let text = match given.value.unmarked() {
        Value::Null => return None,
        Value::String(text) => text.to_string(),
        _ => {
            found.push(
                Diagnostic::error("wrong-type", "compatibility must be a level's name")
                    .at(given.value_span.clone()),
            );
            return None;
        }
    };
    text.parse()
        .map_err(|_| {
            let names = Level::ALL.map(Level::name);
            let wanted = text.to_uppercase();
            found.push(
                Diagnostic::error(
                    "invalid-value",
                    format!("{text:?} is not a compatibility level"),
                )
                .at(given.value_span.clone())
                .detail(format!("The levels are: {}.", names.join(", ")))
                .hint_opt(did_you_mean(&wanted, names)),
            );
        })
        .ok()
}

#[cfg(test)]
mod tests;
