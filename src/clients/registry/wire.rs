//! What goes over the wire, as the API's documentation names it. Unknown fields are ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A name that a schema's text uses for a version of another subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The name: an Avro full name, a Protobuf import, a JSON Schema address.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The version; `-1` is the newest one.
    pub version: i64,
}

/// Tags and properties of a version, and of paths into its schema.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Path into the schema → tags.
    #[serde(
        deserialize_with = "or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub tags: BTreeMap<String, Vec<String>>,
    /// Name → value.
    #[serde(
        deserialize_with = "or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub properties: BTreeMap<String, String>,
    /// The properties whose values are encrypted.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
}

/// Rules of a version. Each rule is an object of the registry's own making.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuleSet {
    /// Applied when records move between versions.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub migration_rules: Vec<Json>,
    /// Applied to each record.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub domain_rules: Vec<Json>,
}

/// A version of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The version's number.
    pub version: u32,
    /// The schema's id.
    pub id: u64,
    /// The text.
    pub schema: String,
    /// `AVRO` where it is absent.
    #[serde(default, deserialize_with = "or_default")]
    pub schema_type: Option<String>,
    /// What the text refers to.
    #[serde(default, deserialize_with = "or_default")]
    pub references: Vec<Reference>,
    /// Tags and properties.
    #[serde(default)]
    pub metadata: Option<Metadata>,
    /// Rules.
    #[serde(default)]
    pub rule_set: Option<RuleSet>,
}

/// Content that is looked up, checked or registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSchema {
    /// The text.
    pub schema: String,
    /// `AVRO`, `PROTOBUF` or `JSON`.
    pub schema_type: &'static str,
    /// What the text refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// Tags and properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<RuleSet>,
}

/// What a registration gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Registered {
    /// The schema's id.
    pub id: u64,
    /// The version's number; only newer registries tell it.
    #[serde(default)]
    pub version: Option<u32>,
}

/// Whether content could follow a subject's versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verdict {
    /// Whether it could.
    pub is_compatible: bool,
    /// Why not; some registries give no reasons.
    #[serde(default, deserialize_with = "or_default")]
    pub messages: Vec<String>,
}

impl Verdict {
    /// Returns the verdict on what nothing speaks against.
    pub fn compatible() -> Self {
        Self {
            is_compatible: true,
            messages: Vec::new(),
        }
    }
}

/// A level, under the two names that it is answered by.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    #[serde(default)]
    compatibility_level: Option<String>,
    #[serde(default)]
    compatibility: Option<String>,
}

impl Config {
    pub(super) fn level(self) -> Option<String> {
        self.compatibility_level.or(self.compatibility)
    }
}

/// A mode.
#[derive(Debug, Deserialize)]
pub(super) struct Mode {
    pub(super) mode: String,
}

/// A version that holds a schema.
#[derive(Debug, Deserialize)]
pub(super) struct Holder {
    pub(super) subject: String,
    pub(super) version: u32,
}

/// Reads `null` as the default.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_null_is_empty_and_what_is_new_is_ignored() {
        let bare = r#"{"subject":"a","version":1,"id":7,"schema":"\"string\"","guid":"x"}"#;
        let full = r#"{"subject":"a","version":1,"id":7,"schema":"\"string\"","schemaType":null,
            "references":null,"metadata":null,"ruleSet":null}"#;
        let [bare, full] = [bare, full].map(|text| serde_json::from_str::<Version>(text).ok());
        assert!(bare.is_some());
        assert_eq!(bare, full);
        let verdict: Option<Verdict> =
            serde_json::from_str(r#"{"is_compatible":false,"messages":null}"#).ok();
        assert_eq!(verdict.map(|verdict| verdict.messages), Some(Vec::new()));
    }
}
