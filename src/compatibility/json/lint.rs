//! What a schema allows and its owners will regret. Pure.

use std::collections::BTreeSet;

use regex::Regex;

use crate::compatibility::Lint;

use super::schema::{Keywords, NodeId, Schema, Shape, Types};

/// Finds what is allowed in a schema and makes it hard to read or to evolve.
#[expect(
    clippy::missing_panics_doc,
    reason = "the expression is constant, and identifiers were counted when they were made"
)]
pub fn lint(schema: &Schema) -> Vec<Lint> {
    let mut found = Vec::new();
    whole(schema, &mut found);
    unused(schema, &mut found);
    let odd = Regex::new("^[A-Za-z_][A-Za-z0-9_.-]*$").expect("a constant expression is valid");
    for index in 0..schema.nodes.len() {
        let id = NodeId(u32::try_from(index).expect("as many subschemas as identifiers"));
        // What a reference says is for its own subject to look at.
        if schema.node(id).document == 0
            && let Shape::Keywords(keywords) = &schema.node(id).shape
        {
            subschema(schema, id, keywords, &odd, &mut found);
        }
    }
    found.sort();
    found
}

fn add(found: &mut Vec<Lint>, rule: &str, path: String, message: String, advice: &str) {
    found.push(Lint {
        rule: rule.to_owned(),
        path,
        message,
        advice: advice.to_owned(),
    });
}

fn whole(schema: &Schema, found: &mut Vec<Lint>) {
    let place = schema.place(schema.root);
    let Shape::Keywords(keywords) = &schema.node(schema.root).shape else {
        add(
            found,
            "json-literal-schema",
            place,
            "the whole schema is a literal, which says nothing about documents".to_owned(),
            "describe the documents with an object of keywords",
        );
        return;
    };
    if schema.text().get("$schema").is_none() {
        add(
            found,
            "json-no-dialect",
            place.clone(),
            "there is no $schema, so that the schema is read as draft 7".to_owned(),
            "name the draft the schema is written for",
        );
    }
    if keywords.title.is_none() {
        add(
            found,
            "json-no-title",
            place.clone(),
            "the schema has no title, from which code is named".to_owned(),
            "add a title",
        );
    }
    if keywords.description.is_none() {
        add(
            found,
            "json-no-description",
            place,
            "the schema has no description".to_owned(),
            "say in a description what the documents are",
        );
    }
}

fn unused(schema: &Schema, found: &mut Vec<Lint>) {
    let targets: BTreeSet<_> = schema
        .referenced
        .iter()
        .map(|id| schema.node(*id))
        .filter(|node| node.document == 0)
        .map(|node| node.pointer.as_str())
        .collect();
    let definitions = schema
        .nodes
        .iter()
        .filter(|node| node.document == 0)
        .flat_map(|node| &node.definitions);
    for id in definitions {
        let pointer = schema.node(*id).pointer.as_str();
        let inside = format!("{pointer}/");
        let is_used = targets.contains(pointer)
            || targets
                .range(inside.as_str()..)
                .next()
                .is_some_and(|target| target.starts_with(&inside));
        if !is_used {
            add(
                found,
                "json-unused-definition",
                schema.place(*id),
                "no $ref leads to the definition".to_owned(),
                "remove it, or refer to it",
            );
        }
    }
    let used: BTreeSet<_> = schema
        .referenced
        .iter()
        .map(|id| schema.node(*id).document)
        .collect();
    for (index, document) in schema.documents.iter().enumerate().skip(1) {
        if !used.contains(&index) {
            let name = document.name.as_deref().unwrap_or("");
            add(
                found,
                "json-unused-reference",
                String::new(),
                format!("no $ref leads to the reference {name:?}"),
                "take it out of the references",
            );
        }
    }
}

fn subschema(schema: &Schema, id: NodeId, keywords: &Keywords, odd: &Regex, found: &mut Vec<Lint>) {
    let place = || schema.place(id);
    let is_open = keywords.additional.is_none()
        && keywords.unevaluated.is_none()
        && keywords.patterns.is_empty()
        && !keywords.properties.is_empty();
    if is_open {
        add(
            found,
            "json-open-content-model",
            place(),
            "the content model is open: to add a property is no backward compatible change later, as documents may hold anything under its name".to_owned(),
            "decide now: additionalProperties false lets optional properties be added (BACKWARD), an open model lets them be removed; a schema for additionalProperties allows both within it",
        );
    }
    if keywords
        .values
        .as_ref()
        .is_some_and(|values| values.len() > 1)
    {
        add(
            found,
            "json-enum",
            place(),
            "the values are listed: to add one is no forward compatible change, to remove one no backward compatible one".to_owned(),
            "use a plain type where values will come and go",
        );
    }
    for name in keywords
        .properties
        .keys()
        .filter(|name| !odd.is_match(name))
    {
        add(
            found,
            "json-property-name",
            place(),
            format!("the property name {name:?} is none in most languages"),
            "use letters, digits, - and _",
        );
    }
    let closes = keywords
        .additional
        .is_some_and(|id| matches!(schema.node(id).shape, Shape::Literal(false)));
    for name in keywords.required.iter().filter(|name| {
        closes && !keywords.properties.contains_key(*name) && keywords.patterns.is_empty()
    }) {
        add(
            found,
            "json-impossible-requirement",
            place(),
            format!("{name:?} is required, and the closed content model refuses it"),
            "declare the property, or do not require it",
        );
    }
    let undescribed: Vec<_> = keywords
        .properties
        .iter()
        .filter(|(_, id)| match &schema.node(**id).shape {
            Shape::Keywords(said) => said.description.is_none() && said.reference.is_none(),
            Shape::Literal(_) => false,
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if !undescribed.is_empty() {
        add(
            found,
            "json-no-description",
            place(),
            format!(
                "these properties have no description: {}",
                undescribed.join(", ")
            ),
            "say in a description what each is",
        );
    }
    if keywords.types.is_some_and(Types::is_empty) {
        add(
            found,
            "json-no-type",
            place(),
            "the list of types is empty, so that nothing is accepted".to_owned(),
            "name a type",
        );
    }
}
