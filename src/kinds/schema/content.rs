//! When two contents are the same: by what they mean, not by how they are written. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::compatibility::{Definition, Format, avro, json, protobuf};

use super::VersionLive;
use super::spec::{Content, Metadata, Referenced, RuleSet, SchemaSpec, Which};

/// Returns the text that equal schemas share; of one that leads to others, or that cannot be read, the
/// text without what never counts.
pub fn canonical(format: Format, text: &str) -> String {
    let definition = Definition {
        text: text.to_owned(),
        references: BTreeMap::new(),
    };
    let whole = match format {
        Format::Avro => avro::parse_registered(&definition)
            .map(|schema| avro::canonical(&schema))
            .ok(),
        Format::Protobuf => protobuf::parse(&definition)
            .map(|schema| protobuf::canonical(&schema))
            .ok(),
        Format::Json => json::parse(&definition)
            .map(|schema| json::canonical(&schema))
            .ok(),
    };
    whole.unwrap_or_else(|| match serde_json::from_str::<Json>(text) {
        Ok(json) if format != Format::Protobuf => json.to_string(),
        _ => text.trim().to_owned(),
    })
}

/// Whether two contents are the same, with all that they refer to.
pub fn same(a: &Content, b: &Content) -> bool {
    a.format == b.format
        && same_text(a.format, &a.definition, &b.definition)
        && a.normalize == b.normalize
        && a.references.len() == b.references.len()
        && a.references
            .iter()
            .zip(&b.references)
            .all(|((name, one), (other_name, other))| {
                name == other_name && same_reference(one, other)
            })
}

fn same_reference(a: &Referenced, b: &Referenced) -> bool {
    a.subject == b.subject
        && match (&a.which, &b.which) {
            (Which::Version(a), Which::Version(b)) => a == b,
            (Which::Content(a), Which::Content(b)) => same(a, b),
            _ => false,
        }
}

fn same_text(format: Format, a: &str, b: &str) -> bool {
    a == b || canonical(format, a) == canonical(format, b)
}

/// Whether a version holds a wanted content, where its references lead to `versions` of their subjects.
pub fn is_held(
    content: &Content,
    versions: &BTreeMap<String, Option<u32>>,
    live: &VersionLive,
) -> bool {
    let leads = |(name, (subject, version)): (&String, &(String, i64))| {
        content.references.get(name).is_some_and(|referenced| {
            referenced.subject == *subject
                && versions
                    .get(name)
                    .is_some_and(|wanted| wanted.map(i64::from) == Some(*version))
        })
    };
    content.format == live.format
        && content.references.len() == live.references.len()
        && live.references.iter().all(leads)
        && same_text(content.format, &content.definition, &live.schema)
}

/// Whether a version carries the metadata and rules that are wanted; what is not set is not managed.
pub fn is_governed(spec: &SchemaSpec, live: &VersionLive) -> bool {
    carries(spec.metadata.as_ref(), live.metadata.as_ref())
        && carries_rules(spec.rule_set.as_ref(), live.rule_set.as_ref())
}

/// Whether a version has all tags and properties that are wanted.
pub fn carries(wanted: Option<&Metadata>, live: Option<&Metadata>) -> bool {
    wanted.is_none_or(|wanted| *wanted == live.cloned().unwrap_or_default())
}

/// Whether a version has the rules that are wanted, each with the fields that are set.
pub fn carries_rules(wanted: Option<&RuleSet>, live: Option<&RuleSet>) -> bool {
    let Some(wanted) = wanted else { return true };
    let live = live.cloned().unwrap_or_default();
    let same = |wanted: &[Json], live: &[Json]| {
        wanted.len() == live.len()
            && wanted.iter().zip(live).all(|(wanted, live)| {
                wanted
                    .as_object()
                    .into_iter()
                    .flatten()
                    .all(|(name, value)| live.get(name) == Some(value))
            })
    };
    same(&wanted.domain_rules, &live.domain_rules)
        && same(&wanted.migration_rules, &live.migration_rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Content {
        Content {
            format: Format::Avro,
            definition: text.into(),
            references: BTreeMap::new(),
            normalize: false,
        }
    }

    #[test]
    fn white_space_and_the_order_of_keys_mean_nothing() {
        let one = content(r#"{"type": "fixed", "name": "A", "size": 4}"#);
        let other = content("{\n  \"name\":\"A\",\"size\":4,\"type\":\"fixed\"}");
        assert!(same(&one, &other));
        assert!(!same(
            &one,
            &content(r#"{"type":"fixed","name":"A","size":5}"#)
        ));
    }

    #[test]
    fn another_version_of_what_is_referred_to_is_another_content() {
        let inner = |text: &str| Referenced {
            subject: "common".into(),
            which: Which::Content(Box::new(content(text))),
        };
        let mut one = content("\"a.B\"");
        one.references.insert("a.B".into(), inner("\"string\""));
        let mut other = one.clone();
        assert!(same(&one, &other));
        other.references.insert("a.B".into(), inner("\"bytes\""));
        assert!(!same(&one, &other));
        let live = VersionLive {
            version: 1,
            id: 1,
            format: Format::Avro,
            schema: " \"a.B\"".into(),
            references: [("a.B".into(), ("common".into(), 3))].into(),
            metadata: None,
            rule_set: None,
        };
        let leads = |version| BTreeMap::from([("a.B".to_owned(), version)]);
        assert!(is_held(&one, &leads(Some(3)), &live));
        assert!(!is_held(&one, &leads(Some(2)), &live));
        assert!(!is_held(&one, &leads(None), &live));
    }
}
