//! When two contents are the same: by what they mean, not by how they are written. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::compatibility::{Definition, Schema};

use super::VersionLive;
use super::spec::{Content, Metadata, Referenced, RuleSet, Which};

/// Whether two contents are the same, with all that they refer to.
pub fn same(a: &Content, b: &Content) -> bool {
    a.format == b.format
        && same_text(a, &b.definition)
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

/// Whether a text says what a content says. What both refer to is the same, and found by the caller.
fn same_text(content: &Content, text: &str) -> bool {
    if content.definition == *text {
        return true;
    }
    let definition = content.definition(&BTreeMap::new());
    let other = Definition {
        text: text.to_owned(),
        references: definition.references.clone(),
    };
    let read = |definition| Schema::parse_registered(content.format, definition);
    match (read(&definition), read(&other)) {
        (Ok(one), Ok(other)) => one.canonical() == other.canonical(),
        // What cannot be read here, perhaps for want of a reference's text, is compared as it is written.
        _ => as_json(&definition.text).is_some_and(|one| Some(one) == as_json(text)),
    }
}

fn as_json(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok()
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
        && same_text(content, &live.schema)
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
    use crate::compatibility::Format;

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
