//! Metadata and rules of a schema, as HCL writes them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::config::block::Attribute;
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};

/// Tags and properties.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// Path into the schema → tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Vec<String>>,
    /// Name → value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// The properties whose values the registry encrypts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
}

/// Rules, each in the registry's own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSet {
    /// Applied when records move between versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migration_rules: Vec<Json>,
    /// Applied to each record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain_rules: Vec<Json>,
}

/// The fields of a rule: as HCL writes them, and as the registry names them (its API's documentation,
/// `Rule`).
const RULE: [(&str, &str); 11] = [
    ("name", "name"),
    ("doc", "doc"),
    ("kind", "kind"),
    ("mode", "mode"),
    ("type", "type"),
    ("tags", "tags"),
    ("params", "params"),
    ("expr", "expr"),
    ("on_success", "onSuccess"),
    ("on_failure", "onFailure"),
    ("disabled", "disabled"),
];

/// Reads `metadata`.
pub(super) fn metadata(given: &Attribute, found: &mut Diagnostics) -> Option<Metadata> {
    const FORM: &str = "write metadata = { properties = { owner = \"…\" }, tags = { \"Record.field\" = \
                        [\"PII\"] }, sensitive = [\"…\"] }";
    let read = read(given, "metadata", FORM, found)?;
    serde_json::from_value(read)
        .map_err(|error| found.push(refused(given, "metadata", &error.to_string(), FORM)))
        .ok()
}

/// Reads `rule_set`.
pub(super) fn rule_set(given: &Attribute, found: &mut Diagnostics) -> Option<RuleSet> {
    const FORM: &str = "write rule_set = { domain_rules = [{ name = \"…\", kind = \"CONDITION\", type = \
                        \"CEL\", mode = \"WRITE\", expr = \"…\" }] }";
    let read = read(given, "rule_set", FORM, found)?;
    let mut rules: RuleSet = serde_json::from_value(read)
        .map_err(|error| found.push(refused(given, "rule_set", &error.to_string(), FORM)))
        .ok()?;
    for rule in rules
        .domain_rules
        .iter_mut()
        .chain(&mut rules.migration_rules)
    {
        match renamed(rule) {
            Ok(named) => *rule = named,
            Err((problem, hint)) => {
                found.push(refused(given, "rule_set", &problem, FORM).hint_opt(hint));
            }
        }
    }
    Some(rules)
}

/// Returns a rule under the registry's names, without what is null.
fn renamed(rule: &Json) -> Result<Json, (String, Option<String>)> {
    let Json::Object(fields) = rule else {
        return Err(("a rule must be an object".to_owned(), None));
    };
    if !fields.get("name").is_some_and(Json::is_string) {
        return Err(("a rule must have a name".to_owned(), None));
    }
    let mut named = Map::new();
    for (field, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let known = RULE.iter().find(|(ours, _)| ours == field);
        let Some((_, theirs)) = known else {
            let hint = did_you_mean(field, RULE.iter().map(|(ours, _)| *ours));
            return Err((format!("a rule has no {field:?}"), hint));
        };
        named.insert((*theirs).to_owned(), value.clone());
    }
    Ok(Json::Object(named))
}

fn read(given: &Attribute, name: &str, form: &str, found: &mut Diagnostics) -> Option<Json> {
    match plain(&given.value) {
        Some(Json::Null) => None,
        Some(Json::Object(entries)) => {
            let set = entries.into_iter().filter(|(_, value)| !value.is_null());
            Some(Json::Object(set.collect()))
        }
        _ => {
            found.push(refused(
                given,
                name,
                "it must be an object without secrets",
                form,
            ));
            None
        }
    }
}

/// Returns a value as JSON; nothing where it holds what may not be written down.
fn plain(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => serde_json::from_str(&number.to_string()).ok()?,
        Value::String(text) => Json::String(text.to_string()),
        Value::List(items) | Value::Tuple(items) => {
            Json::Array(items.iter().map(plain).collect::<Option<_>>()?)
        }
        Value::Set(items) => Json::Array(items.iter().map(plain).collect::<Option<_>>()?),
        Value::Map(entries) | Value::Object(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(name, value)| Some((name.to_string(), plain(value)?)));
            Json::Object(entries.collect::<Option<_>>()?)
        }
        // A sensitive value would be shown by everybody's registry.
        _ => return None,
    })
}

fn refused(given: &Attribute, name: &str, problem: &str, form: &str) -> Diagnostic {
    Diagnostic::error("invalid-value", format!("{name} cannot be read"))
        .at(given.value_span.clone())
        .detail(format!("{problem}."))
        .hint(form)
}
