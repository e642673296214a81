use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::compatibility::{Definition, Direction, ParseError};

fn definition(text: &str, references: &[(&str, &str)]) -> Definition {
    Definition {
        text: text.to_owned(),
        references: references
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    }
}

pub(super) fn schema(text: &str) -> Schema {
    parse(&definition(text, &[])).expect("the test's schema is one")
}

fn refused(text: &str, references: &[(&str, &str)]) -> ParseError {
    parse(&definition(text, references)).expect_err("the test's schema is none")
}

/// What a new schema that reads refuses.
fn backward(old: &str, new: &str) -> String {
    shown(&schema(new), &schema(old), Direction::Backward)
}

fn shown(reader: &Schema, writer: &Schema, direction: Direction) -> String {
    let mut text = String::new();
    for found in compare(reader, writer, direction) {
        let _ = writeln!(
            text,
            "{} reader {:?} writer {:?}: {}",
            found.rule, found.reader, found.writer, found.message
        );
    }
    text
}

#[test]
fn every_mismatch_is_found_with_both_places() {
    insta::assert_snapshot!(backward(
        r#"{"type": "object", "properties": {
            "id": {"type": "integer"},
            "size": {"type": "number", "maximum": 10},
            "tags": {"type": "array", "items": {"type": "string"}}
        }}"#,
        r#"{"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string"},
            "size": {"type": "number", "maximum": 5},
            "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
            "new": {"type": "string"}
        }}"#,
    ), @r#"
json-maximum-decreased reader "/properties/size/maximum" writer "/properties/size/maximum": maximum is 5 for the reader, maximum is 10 for the writer
json-min-length-added reader "/properties/tags/items/minLength" writer "/properties/tags/items": the reader has minLength 1, the writer has none
json-property-added-to-open-content-model reader "/properties/new" writer "": the reader declares "new", under which the writer may write anything as its content model is open
json-required-added reader "/required" writer "": the reader requires "id", the writer may leave it out
json-type-changed reader "/properties/id/type" writer "/properties/id/type": the writer may write integer, the reader accepts string
"#);
}

#[test]
fn advice_is_for_the_author_of_the_new_schema() {
    let (wide, narrow) = (
        schema(r#"{"enum": ["a", "b"]}"#),
        schema(r#"{"enum": ["a"]}"#),
    );
    let advice = |direction| compare(&narrow, &wide, direction).remove(0).advice;
    insta::assert_snapshot!(advice(Direction::Backward), @r"keep all the values that the old schema allows; values can be added, not taken away");
    insta::assert_snapshot!(advice(Direction::Forward), @r"write none but the values that the old schema lists; a new value needs new readers first, that is, level BACKWARD");
}

#[test]
fn content_models_decide_what_a_property_may_do() {
    let closed = r#"{"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}"#;
    let closed_two = r#"{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "additionalProperties": false}"#;
    let partial = r#"{"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}"#;
    let partial_two = r#"{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "additionalProperties": {"type": "string"}}"#;
    assert_eq!(backward(closed, closed_two), "");
    assert_eq!(backward(closed_two, partial), "");
    insta::assert_snapshot!(backward(closed_two, closed), @r#"json-property-removed-from-closed-content-model reader "/additionalProperties" writer "/properties/b": the reader's content model is closed and has no "b""#);
    insta::assert_snapshot!(backward(partial, partial_two), @r#"json-property-added-not-covered-by-partially-open-content-model reader "/properties/b" writer "/additionalProperties": the reader declares "b" narrower than what the writer may write under the name: the writer may write string, the reader accepts integer"#);
    insta::assert_snapshot!(backward(partial_two, partial), @r#"json-property-removed-not-covered-by-partially-open-content-model reader "/additionalProperties" writer "/properties/b": the reader does not declare "b", and its content model refuses it: the writer may write integer, the reader accepts string"#);
}

#[test]
fn a_property_may_become_required_with_a_default() {
    let optional = r#"{"type": "object", "properties": {"a": {"type": "string"}}}"#;
    let required =
        r#"{"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}"#;
    let with_default = r#"{"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "default": ""}}}"#;
    assert_eq!(backward(optional, with_default), "");
    insta::assert_snapshot!(backward(optional, required), @r#"json-required-added reader "/required" writer "": the reader requires "a", the writer may leave it out"#);
}

#[test]
fn alternatives_are_matched_one_to_one() {
    let two = r#"{"oneOf": [{"type": "string"}, {"type": "integer"}]}"#;
    let three = r#"{"oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}]}"#;
    assert_eq!(backward(two, three), "");
    insta::assert_snapshot!(backward(three, two), @r#"json-sum-type-narrowed reader "/oneOf" writer "/oneOf": the writer has 3 alternatives, the reader 2"#);
    insta::assert_snapshot!(backward(two, r#"{"oneOf": [{"type": "string"}, {"type": "boolean"}]}"#), @r#"json-combined-type-subschemas-changed reader "/oneOf" writer "/oneOf/1": an alternative of the writer fits none of the reader's; of the closest: the writer may write integer, the reader accepts boolean"#);
    insta::assert_snapshot!(backward(r#"{"anyOf": [{"type": "integer"}, {"type": "number"}]}"#, r#"{"type": "number"}"#), @r#"json-combined-type-changed reader "" writer "/anyOf": the writer has 2 alternatives in anyOf, the reader has one schema without: registries do not compare the two, even if all fit"#);
    insta::assert_snapshot!(backward(r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#, r#"{"oneOf": [{"type": "string"}, {"type": "null"}]}"#), @r#"json-combined-type-changed reader "/oneOf" writer "/anyOf": anyOf became oneOf, which refuses what several alternatives accept"#);
}

#[test]
fn an_alternative_that_allows_anything_is_not_overlooked() {
    assert_ne!(
        backward(
            r#"{"maxLength": 9, "anyOf": [{}, {"type": "string"}]}"#,
            r#"{"type": "string"}"#
        ),
        ""
    );
}

#[test]
fn a_list_that_contradicts_its_own_type_counts_by_its_type() {
    let nobody = r#"{"type": "string", "enum": [1]}"#;
    assert_eq!(backward(nobody, r#"{"type": "string"}"#), "");
    insta::assert_snapshot!(backward(nobody, r#"{"type": "string", "enum": [2]}"#), @r#"json-enum-narrowed reader "" writer "": the reader refuses 1"#);
    insta::assert_snapshot!(backward(nobody, r#"{"type": "integer"}"#), @r#"json-type-changed reader "/type" writer "/type": the writer may write string, the reader accepts integer"#);
}

#[test]
fn recursive_schemas_are_compared_once() {
    let tree = |leaf: &str| {
        format!(
            r##"{{"$ref": "#/definitions/tree", "definitions": {{"tree": {{"type": "object",
                "properties": {{"left": {{"$ref": "#/definitions/tree"}}, "right": {{"$ref": "#/definitions/tree"}}, "leaf": {leaf}}}}}}}}}"##
        )
    };
    let (number, integer) = (
        tree(r#"{"type": "number"}"#),
        tree(r#"{"type": "integer"}"#),
    );
    assert_eq!(backward(&integer, &number), "");
    insta::assert_snapshot!(backward(&number, &integer), @r#"json-type-narrowed reader "/definitions/tree/properties/leaf/type" writer "/definitions/tree/properties/leaf/type": the writer may write number, the reader accepts integer"#);
}

#[test]
fn references_are_found_by_name_identifier_and_anchor() {
    let address = r#"{"type": "object", "properties": {"street": {"type": "string"}}}"#;
    let by_name = parse(&definition(
        r#"{"type": "object", "properties": {"home": {"$ref": "address.json"}}}"#,
        &[("address.json", address)],
    ))
    .expect("the test's schema is one");
    let by_identifier = schema(
        r##"{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/person",
            "type": "object", "properties": {"home": {"$ref": "/address"}},
            "$defs": {"a": {"$id": "https://example.com/address", "type": "object",
                "properties": {"street": {"$ref": "#text"}}, "$defs": {"t": {"$anchor": "text", "type": "string"}}}}}"##,
    );
    assert_eq!(shown(&by_name, &by_identifier, Direction::Backward), "");
    assert_eq!(shown(&by_identifier, &by_name, Direction::Backward), "");
    let other = schema(
        r#"{"type": "object", "properties": {"home": {"type": "object", "properties": {"street": {"type": "integer"}}}}}"#,
    );
    insta::assert_snapshot!(shown(&by_name, &other, Direction::Backward), @r#"json-type-changed reader "address.json#/properties/street/type" writer "/properties/home/properties/street/type": the writer may write integer, the reader accepts string"#);
}

#[test]
fn errors_name_their_place() {
    let error = refused("{\"type\": \"é\" \"x\"}", &[]);
    insta::assert_snapshot!(format!("{error} {:?}", error.position), @r"it is no JSON: expected `,` or `}` Some((1, 14))");
    let error = refused(r#"{"properties": {"a/b": {"type": "text"}}}"#, &[]);
    insta::assert_snapshot!(format!("{error} {:?}", error.path), @r#""text" is no type: the types are null, boolean, object, array, string, number, integer Some("/properties/a~1b/type")"#);
    let error = refused(r#"{"minLength": -1}"#, &[]);
    insta::assert_snapshot!(format!("{error} {:?}", error.path), @r#"minLength has to be a whole number, 0 or more Some("/minLength")"#);
    let error = refused(
        r#"{"items": {"$ref": "other.json#/x"}}"#,
        &[("address.json", "{}")],
    );
    insta::assert_snapshot!(format!("{error} {:?}", error.path), @r#"$ref "other.json#/x" leads nowhere: nothing is called "other.json", its references are address.json Some("/items")"#);
    let error = refused(r##"{"$ref": "#/definitions/x"}"##, &[]);
    insta::assert_snapshot!(format!("{error} {:?}", error.path), @r##"$ref "#/definitions/x" leads nowhere: there is nothing at "/definitions/x" Some("")"##);
    let error = refused(r#"{"$ref": "a.json"}"#, &[("a.json", "[]")]);
    insta::assert_snapshot!(format!("{error} {:?} {:?}", error.reference, error.path), @r#"a schema is an object, `true` or `false` Some("a.json") Some("")"#);
    let error = refused(&format!("{}{}", "[".repeat(200), "]".repeat(200)), &[]);
    insta::assert_snapshot!(error, @r"it is no JSON: recursion limit exceeded");
}

#[test]
fn canonical_texts_differ_in_content_alone() {
    let one = schema("{ \"type\": \"object\",\n \"maxProperties\": 2 }");
    let other = schema(r#"{"maxProperties":2,"type":"object"}"#);
    assert_eq!(canonical(&one), canonical(&other));
    insta::assert_snapshot!(canonical(&one), @r#"{"maxProperties":2,"type":"object"}"#);
}

#[test]
fn a_chain_of_references_beyond_the_limit_is_a_mismatch_and_no_overflow() {
    let chain = |last: &str| {
        let mut text = r##"{"$ref": "#/definitions/n0", "definitions": {"##.to_owned();
        for index in 0..5_000 {
            let _ = write!(
                text,
                r##""n{index}": {{"type": "object", "properties": {{"next": {{"$ref": "#/definitions/n{}"}}}}}},"##,
                index + 1
            );
        }
        let _ = write!(text, r#""n5000": {last}}}}}"#);
        schema(&text)
    };
    let found = compare(
        &chain(r#"{"type": "number"}"#),
        &chain(r#"{"type": "integer"}"#),
        Direction::Backward,
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule, "json-too-complex");
}

#[test]
fn alternatives_of_alternatives_end_within_the_limit() {
    let nested = |bound: u32| {
        let parts: Vec<_> = (0..12)
            .map(|group| {
                let options: Vec<_> = (0..6)
                    .map(|option| {
                        format!(
                            r#"{{"properties": {{"p{group}": {{"maximum": {}}}}}}}"#,
                            option + bound
                        )
                    })
                    .collect();
                format!(r#"{{"anyOf": [{}]}}"#, options.join(","))
            })
            .collect();
        schema(&format!(
            r#"{{"type": "object", "allOf": [{}]}}"#,
            parts.join(",")
        ))
    };
    assert!(!compare(&nested(0), &nested(1), Direction::Backward).is_empty());
}

#[test]
fn of_many_sums_each_meets_its_own_first() {
    let sums = |title: &str| {
        let parts: Vec<_> = (0..25)
            .map(|index| {
                format!(
                    r#"{{"anyOf": [{{"properties": {{"a{index}": {{"type": "integer"}}}}}}, {{"required": ["b{index}"]}}, {{"properties": {{"c{index}": {{"maximum": 9}}}}}}]}}"#
                )
            })
            .collect();
        schema(&format!(
            r#"{{"title": {title:?}, "allOf": [{}]}}"#,
            parts.join(",")
        ))
    };
    assert_eq!(compare(&sums("new"), &sums("old"), Direction::Backward), []);
}

#[test]
fn a_large_schema_is_compared_in_one_go() {
    let large = |kind: &str| {
        let mut text = r#"{"type": "object", "properties": {"#.to_owned();
        for index in 0..20_000 {
            let _ = write!(
                text,
                r#""property_{index}": {{"type": ["{kind}", "null"], "description": "the property {index}", "maximum": {index}}},"#
            );
        }
        text.push_str(r#""last": {"type": "null"}}, "additionalProperties": false}"#);
        schema(&text)
    };
    let (narrow, wide) = (large("integer"), large("number"));
    assert_eq!(compare(&wide, &narrow, Direction::Backward), []);
    assert_eq!(compare(&narrow, &wide, Direction::Backward).len(), 20_000);
}

#[test]
fn nesting_as_deep_as_json_may_be_costs_little_stack() {
    for (open, close, depth) in [
        (r#"{"items": "#, "}", 125),
        (r#"{"not": "#, "}", 125),
        (r#"{"properties": {"a": "#, "}}", 62),
        (r#"{"anyOf": [{"type": "null"}, "#, "]}", 62),
        (r#"{"allOf": ["#, "]}", 62),
        (r#"{"dependentSchemas": {"a": "#, "}}", 62),
        (r#"{"if": {"const": 1}, "then": "#, "}", 125),
    ] {
        let nested = |leaf: &str| {
            let text = format!("{}{leaf}{}", open.repeat(depth), close.repeat(depth));
            schema(&text)
        };
        let (wide, narrow) = (
            nested(r#"{"type": "number"}"#),
            nested(r#"{"type": "integer"}"#),
        );
        let directions = [
            compare(&wide, &narrow, Direction::Backward),
            compare(&narrow, &wide, Direction::Backward),
        ];
        assert!(directions.iter().any(|found| !found.is_empty()), "{open}");
    }
}

#[test]
fn two_thousand_alternatives_end_within_the_limit() {
    let alternatives = |kind: &str| {
        let parts: Vec<_> = (0..2_000)
            .map(|index| {
                format!(
                    r#"{{"type": "object", "properties": {{"kind": {{"const": {index}}}, "value": {{"type": "{kind}"}}}}}}"#
                )
            })
            .collect();
        schema(&format!(r#"{{"oneOf": [{}]}}"#, parts.join(",")))
    };
    let (integer, number) = (alternatives("integer"), alternatives("number"));
    assert_eq!(compare(&number, &integer, Direction::Backward), []);
    assert_eq!(compare(&integer, &number, Direction::Backward).len(), 2_000);
}

#[test]
fn a_definition_reached_in_many_ways_is_reported_once() {
    let layered = |leaf: &str| {
        let mut text = r##"{"$ref": "#/definitions/n0", "definitions": {"##.to_owned();
        for index in 0..30 {
            let next = format!(r##"{{"$ref": "#/definitions/n{}"}}"##, index + 1);
            let _ = write!(
                text,
                r#""n{index}": {{"type": "object", "properties": {{"a": {next}, "b": {next}}}, "additionalProperties": {next}}},"#,
            );
        }
        let _ = write!(text, r#""n30": {leaf}}}}}"#);
        schema(&text)
    };
    let found = compare(
        &layered(r#"{"type": "integer"}"#),
        &layered(r#"{"type": "number"}"#),
        Direction::Backward,
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn definitions_that_all_refer_to_each_other_are_compared() {
    let meshed = |kind: &str| {
        let definitions: Vec<_> = (0..15)
            .map(|one| {
                let parts: Vec<_> = (0..15)
                    .map(|other| {
                        format!(
                            r##"{{"type": "object", "properties": {{"p{other}": {{"$ref": "#/definitions/d{other}"}}, "leaf": {{"type": "{kind}"}}}}}}"##
                        )
                    })
                    .collect();
                format!(r#""d{one}": {{"anyOf": [{}]}}"#, parts.join(","))
            })
            .collect();
        schema(&format!(
            r##"{{"$ref": "#/definitions/d0", "definitions": {{{}}}}}"##,
            definitions.join(",")
        ))
    };
    let (integer, number) = (meshed("integer"), meshed("number"));
    assert_eq!(compare(&number, &integer, Direction::Backward), []);
    assert_ne!(compare(&integer, &number, Direction::Backward), []);
}

#[test]
fn lint_says_what_will_hurt() {
    let found = lint(&schema(
        r#"{"type": "object", "properties": {"a b": {"enum": ["x", "y"]}},
            "definitions": {"unused": {"type": "string"}}}"#,
    ));
    let text: Vec<_> = found
        .iter()
        .map(|one| format!("{} {:?}: {}", one.rule, one.path, one.message))
        .collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
json-enum "/properties/a b": the values are listed: to add one is no forward compatible change, to remove one no backward compatible one
json-no-description "": the schema has no description
json-no-description "": these properties have no description: a b
json-no-dialect "": there is no $schema, so that the schema is read as draft 7
json-no-title "": the schema has no title, from which code is named
json-open-content-model "": the content model is open: to add a property is no backward compatible change later, as documents may hold anything under its name
json-property-name "": the property name "a b" is none in most languages
json-unused-definition "/definitions/unused": no $ref leads to the definition
"#);
}
