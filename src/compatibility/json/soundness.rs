//! Generated pairs: where a comparison finds nothing, no written value is refused.
//!
//! Left out of the generator is what the registry's rules accept though a value may be refused: a
//! default of a required property, schemas without a type, overlapping alternatives of `oneOf`, and
//! different patterns that match the same name.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::instance::{Steps, accepts};
use super::pattern::Patterns;
use super::tests::schema;
use super::{Schema, compare};
use crate::compatibility::{Direction, Mismatch};

fn limits() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), (0_u32..4).prop_map(Some)]
}

/// Returns an object of the keywords that have a value.
fn keywords(members: Vec<(&str, Option<Value>)>) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn scalar() -> impl Strategy<Value = Value> {
    let number =
        (prop::bool::ANY, limits(), limits(), limits()).prop_map(|(whole, least, most, step)| {
            keywords(vec![
                (
                    "type",
                    Some(json!(if whole { "integer" } else { "number" })),
                ),
                ("minimum", least.map(Into::into)),
                ("exclusiveMaximum", most.map(Into::into)),
                ("multipleOf", step.filter(|step| *step > 0).map(Into::into)),
            ])
        });
    let text = (limits(), limits()).prop_map(|(least, most)| {
        keywords(vec![
            ("type", Some(json!("string"))),
            ("minLength", least.map(Into::into)),
            ("maxLength", most.map(Into::into)),
        ])
    });
    let listed = prop::collection::vec(
        prop_oneof![Just(json!("a")), Just(json!(1)), Just(json!(null))],
        1..3,
    )
    .prop_map(|values| json!({ "enum": values }));
    prop_oneof![
        Just(json!({})),
        Just(json!(false)),
        Just(json!({"type": "null"})),
        Just(json!({"type": ["string", "null"]})),
        number,
        text,
        listed,
    ]
}

fn any_schema() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 12, 3, |inner| {
        let object = (
            prop::option::of(inner.clone()),
            prop::option::of(inner.clone()),
            prop::option::of(inner.clone()),
            prop::bool::ANY,
            limits(),
        )
            .prop_map(|(a, b, others, required, most)| {
                keywords(vec![
                    ("type", Some(json!("object"))),
                    ("properties", Some(keywords(vec![("a", a), ("b", b)]))),
                    ("additionalProperties", others),
                    ("required", required.then(|| json!(["a"]))),
                    ("maxProperties", most.map(Into::into)),
                ])
            });
        let array = (
            prop::option::of(inner.clone()),
            prop::option::of(inner.clone()),
            limits(),
        )
            .prop_map(|(first, rest, least)| {
                let is_tuple = first.is_some();
                keywords(vec![
                    ("$schema", None),
                    ("type", Some(json!("array"))),
                    (
                        "items",
                        first.map(|first| json!([first])).or_else(|| rest.clone()),
                    ),
                    ("additionalItems", rest.filter(|_| is_tuple)),
                    ("minItems", least.map(Into::into)),
                ])
            });
        let parts = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            object,
            array,
            parts.clone().prop_map(|parts| json!({ "anyOf": parts })),
            parts.prop_map(|parts| json!({ "allOf": parts })),
            inner.prop_map(|not| json!({ "not": not })),
        ]
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!("a")),
        Just(json!("")),
        Just(json!("abcd")),
        (-1_i32..6).prop_map(Value::from),
        Just(json!(0.5)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn takes(schema: &Schema, value: &Value) -> Option<bool> {
    let (patterns, steps) = (Patterns::default(), Steps::default());
    accepts(schema, &patterns, &steps, schema.root, value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn nothing_written_is_refused(
        writer in any_schema(),
        reader in any_schema(),
        values in prop::collection::vec(values(), 20),
    ) {
        let (reader, writer) = (schema(&reader.to_string()), schema(&writer.to_string()));
        if compare(&reader, &writer, Direction::Backward).is_empty() {
            for value in values {
                prop_assert!(
                    takes(&writer, &value) != Some(true) || takes(&reader, &value) != Some(false),
                    "{value} is written and refused"
                );
            }
        }
    }

    #[test]
    fn a_schema_reads_what_it_writes(one in any_schema()) {
        prop_assert_eq!(compared_with_itself(&one), []);
    }
}

/// The titles keep the comparison from stopping at equal texts.
fn compared_with_itself(one: &Value) -> Vec<Mismatch> {
    let titled = |title: &str| schema(&json!({ "title": title, "allOf": [one] }).to_string());
    compare(&titled("left"), &titled("right"), Direction::Forward)
}

#[test]
fn of_several_sums_of_the_writer_the_one_that_fits_counts() {
    let one = json!({ "allOf": [
        { "anyOf": [false, {}] },
        { "anyOf": [{ "type": "null" }, { "type": "number" }] },
    ] });
    assert_eq!(compared_with_itself(&one), []);
}
