//! What is said of schemas, and what holds of all of them.

#![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::compatibility::{Definition, Direction, Mismatch};

fn definition(text: impl Into<String>) -> Definition {
    Definition {
        text: text.into(),
        ..Definition::default()
    }
}

fn schema(value: &Value) -> Schema {
    parse(&definition(value.to_string())).unwrap()
}

/// The same with a field for each pair of a name and a type.
fn order(fields: &[Value]) -> Value {
    json!({"type": "record", "name": "Order", "namespace": "shop", "fields": fields})
}

fn render(mismatches: &[Mismatch]) -> String {
    let mut out = String::new();
    for found in mismatches {
        let _ = writeln!(
            out,
            "{} reader {:?} writer {:?}",
            found.rule, found.reader, found.writer
        );
        let _ = writeln!(out, "  {}", found.message);
        let _ = writeln!(out, "  → {}", found.advice);
    }
    out
}

fn backward(old: &Value, new: &Value) -> String {
    render(&compare(&schema(new), &schema(old), Direction::Backward))
}

fn forward(old: &Value, new: &Value) -> String {
    render(&compare(&schema(old), &schema(new), Direction::Forward))
}

fn error(text: &str) -> String {
    let error = parse(&definition(text)).unwrap_err();
    let place = match (error.position, &error.path) {
        (Some((line, column)), Some(path)) => format!("{line}:{column} {path:?}"),
        (Some((line, column)), None) => format!("{line}:{column}"),
        (None, path) => format!("{path:?}"),
    };
    format!("{place}: {error}")
}

fn lints(value: &Value) -> String {
    let found = lint(&schema(value));
    let line = |lint: &crate::compatibility::Lint| {
        format!("{} {}: {}\n", lint.rule, lint.path, lint.message)
    };
    found.iter().map(line).collect()
}

#[test]
fn an_added_field_needs_a_default_to_read_earlier_data() {
    let old = order(&[json!({"name": "id", "type": "string"})]);
    let new = order(&[
        json!({"name": "id", "type": "string"}),
        json!({"name": "amount", "type": "double"}),
        json!({"name": "note", "type": ["null", "string"]}),
        json!({"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A"], "default": "A"}}),
        json!({"name": "ids", "type": "string"}),
    ]);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-field-without-default reader "/fields/1" writer ""
      shop.Order.amount is new and has no default: data of the earlier schema, which lacks it, cannot be read
      → add a "default" to the field "amount"
    avro-field-without-default reader "/fields/2" writer ""
      shop.Order.note is new and has no default: data of the earlier schema, which lacks it, cannot be read
      → add "default": null to the field "note"
    avro-field-without-default reader "/fields/3" writer ""
      shop.Order.state is new and has no default: data of the earlier schema, which lacks it, cannot be read
      → add a "default" (that of the enum is for unknown symbols alone) to the field "state"
    avro-field-without-default reader "/fields/4" writer ""
      shop.Order.ids is new and has no default: data of the earlier schema, which lacks it, cannot be read
      → add a "default" to the field "ids"
    "#);
    insta::assert_snapshot!(forward(&old, &new), @"");
}

#[test]
fn a_removed_field_is_missed_by_earlier_readers() {
    let old = order(&[
        json!({"name": "id", "type": "string"}),
        json!({"name": "amount", "type": "double"}),
    ]);
    let new = order(&[json!({"name": "id", "type": "string"})]);
    insta::assert_snapshot!(backward(&old, &new), @"");
    insta::assert_snapshot!(forward(&old, &new), @r#"
    avro-field-without-default reader "/fields/1" writer ""
      shop.Order.amount is gone, and has no default in the earlier schema: its readers cannot do without it
      → keep the field "amount"; to remove it, first give it a default in a version that all readers take up
    "#);
}

#[test]
fn a_renamed_field_is_one_with_an_alias() {
    let old = order(&[json!({"name": "orderId", "type": "string"})]);
    let new = order(&[json!({"name": "order_id", "type": "string"})]);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-field-without-default reader "/fields/0" writer ""
      shop.Order.order_id is new and has no default: data of the earlier schema, which lacks it, cannot be read
      → add a "default" to the field "order_id", or "aliases": ["orderId"] if it was called "orderId" before
    "#);
    let new = order(&[json!({"name": "order_id", "type": "string", "aliases": ["orderId"]})]);
    assert_eq!(backward(&old, &new), "");
}

#[test]
fn types_are_read_as_wider_ones() {
    let old = order(&[json!({"name": "n", "type": "long"})]);
    let new = order(&[json!({"name": "n", "type": "int"})]);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-type-mismatch reader "/fields/0/type" writer "/fields/0/type"
      shop.Order.n: the new schema reads int, and data of the earlier one holds long
      → keep the type long, or one that reads it (float, double); for other content add a new field with a default
    "#);
    assert_eq!(forward(&old, &new), "");
    assert_eq!(backward(&new, &old), "");
    insta::assert_snapshot!(forward(&new, &old), @r#"
    avro-type-mismatch reader "/fields/0/type" writer "/fields/0/type"
      shop.Order.n: the earlier schema reads int, and data of the new one holds long
      → keep the type int; for other content add a new field
    "#);
}

#[test]
fn null_has_to_be_read() {
    let old = order(&[json!({"name": "n", "type": "long"})]);
    let new = order(&[json!({"name": "n", "type": ["null", "long"], "default": null})]);
    assert_eq!(backward(&old, &new), "");
    insta::assert_snapshot!(forward(&old, &new), @r#"
    avro-type-mismatch reader "/fields/0/type" writer "/fields/0/type/0"
      shop.Order.n: the earlier schema reads long and no null, and data of the new one may hold null
      → do not write null here: keep the type long, or make it nullable in a version for readers first
    "#);
    insta::assert_snapshot!(backward(&new, &old), @r#"
    avro-type-mismatch reader "/fields/0/type" writer "/fields/0/type/0"
      shop.Order.n: the new schema reads long and no null, and data of the earlier one may hold null
      → keep it nullable: a union of "null" and long
    "#);
}

#[test]
fn a_union_needs_a_branch_for_everything_written() {
    let old = order(&[json!({"name": "n", "type": ["null", "int", "string"]})]);
    let new = order(&[json!({"name": "n", "type": ["null", "int"]})]);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-union-branch-missing reader "/fields/0/type" writer "/fields/0/type/2"
      shop.Order.n: the new schema reads null or int, and data of the earlier one may hold string
      → keep a branch that reads string in the union
    "#);
    insta::assert_snapshot!(forward(&new, &old), @r#"
    avro-union-branch-missing reader "/fields/0/type" writer "/fields/0/type/2"
      shop.Order.n: the earlier schema reads null or int, and data of the new one may hold string
      → write no string here, or add it to the union in a version for readers first
    "#);
}

#[test]
fn what_is_wrong_within_a_branch_is_said_there() {
    let with = |fields: Value| {
        order(&[json!({
            "name": "items",
            "type": ["null", {"type": "array", "items": {"type": "record", "name": "Item", "fields": fields}}],
        })])
    };
    let old = with(json!([{"name": "sku", "type": "string"}]));
    let new = with(json!([{"name": "sku", "type": "int"}]));
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-type-mismatch reader "/fields/0/type/1/items/fields/0/type" writer "/fields/0/type/1/items/fields/0/type"
      shop.Item.sku: the new schema reads int, and data of the earlier one holds string
      → keep the type string, or one that reads it (bytes); for other content add a new field with a default
    "#);
}

#[test]
fn enums_names_and_sizes() {
    let with = |symbols: Value, name: &str, size: u32| {
        order(&[
            json!({"name": "e", "type": {"type": "enum", "name": "State", "symbols": symbols}}),
            json!({"name": "f", "type": {"type": "fixed", "name": name, "size": size}}),
            json!({"name": "g", "type": {"type": "map", "values": "State"}}),
        ])
    };
    let old = with(json!(["OPEN", "PAID"]), "Md5", 16);
    let new = with(json!(["OPEN", "SHIPPED"]), "Sha1", 20);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-enum-symbol-missing reader "/fields/0/type/symbols" writer "/fields/0/type/symbols"
      enum shop.State: the new schema does not know PAID, which data of the earlier one may hold
      → keep PAID, or give the enum a "default" for symbols that it does not know
    avro-name-mismatch reader "/fields/1/type/name" writer "/fields/1/type/name"
      shop.Order.f: the new schema calls the fixed shop.Sha1, and the earlier one shop.Md5
      → keep the name, or add "aliases": ["shop.Md5"] to shop.Sha1
    avro-fixed-size-mismatch reader "/fields/1/type/size" writer "/fields/1/type/size"
      fixed shop.Sha1: the new schema reads 20 bytes, and data of the earlier one has 16
      → keep the size 16; for another add a new field of a fixed type with a name of its own
    "#);
    insta::assert_snapshot!(forward(&old, &new), @r#"
    avro-enum-symbol-missing reader "/fields/0/type/symbols" writer "/fields/0/type/symbols"
      enum shop.State: the earlier schema does not know SHIPPED, which data of the new one may hold
      → write SHIPPED only when no reader is left on the earlier schema: its enum has no "default" to fall back on
    avro-name-mismatch reader "/fields/1/type/name" writer "/fields/1/type/name"
      shop.Order.f: the earlier schema calls the fixed shop.Md5, and the new one shop.Sha1
      → keep the name shop.Md5: readers of the earlier schema know no other, and an alias in the new one does not reach them
    avro-fixed-size-mismatch reader "/fields/1/type/size" writer "/fields/1/type/size"
      fixed shop.Md5: the earlier schema reads 16 bytes, and data of the new one has 20
      → keep the size 16; for another add a new field of a fixed type with a name of its own
    "#);
}

#[test]
fn an_alias_counts_for_the_reader_alone() {
    let old = order(&[]);
    let mut new = order(&[]);
    new["name"] = json!("Purchase");
    new["aliases"] = json!(["Order"]);
    assert_eq!(backward(&old, &new), "");
    insta::assert_snapshot!(forward(&old, &new), @r#"
    avro-name-mismatch reader "/name" writer "/name"
      the earlier schema calls the record shop.Order, and the new one shop.Purchase
      → keep the name shop.Order: readers of the earlier schema know no other, and an alias in the new one does not reach them
    "#);
}

#[test]
fn aliases_that_name_two_fields_are_no_choice() {
    let old = order(&[
        json!({"name": "a", "type": "int"}),
        json!({"name": "b", "type": "int"}),
    ]);
    let new = order(&[json!({"name": "a", "type": "int", "aliases": ["b"]})]);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-field-ambiguous reader "/fields/0" writer ""
      shop.Order.a: by its name and aliases the new schema takes it from more than one field of the earlier one: a, b
      → remove the aliases that name other fields of the earlier schema
    "#);
}

#[test]
fn a_field_with_its_own_name_as_an_alias_is_found_twice() {
    let old = order(&[json!({"name": "a", "type": "int"})]);
    let new = order(&[json!({"name": "a", "type": "int", "aliases": ["a"]})]);
    insta::assert_snapshot!(backward(&old, &new), @r#"
    avro-field-ambiguous reader "/fields/0" writer ""
      shop.Order.a: the new schema has the field's own name as an alias, and Java finds it twice
      → remove the alias "a"
    "#);
    insta::assert_snapshot!(forward(&new, &old), @r#"
    avro-field-ambiguous reader "/fields/0" writer ""
      shop.Order.a: the earlier schema has the field's own name as an alias, and Java finds it twice
      → no schema with the field can follow the earlier one, which has to stay as it is: lower the subject's level for one version without the alias "a"
    "#);
    assert_eq!(backward(&new, &new), "", "it is registered already");
}

#[test]
fn what_a_reference_holds_may_differ_under_one_text() {
    let order = |r#type: &str| {
        let item =
            json!({"type": "record", "name": "Item", "fields": [{"name": "a", "type": r#type}]});
        let definition = Definition {
            text: r#"{"type": "array", "items": "Item"}"#.to_owned(),
            references: [("Item".to_owned(), item.to_string())].into(),
        };
        parse(&definition).unwrap()
    };
    let found = compare(&order("int"), &order("long"), Direction::Backward);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_namespace_alone_is_no_difference() {
    let old = order(&[json!({"name": "a", "type": "int"})]);
    let mut new = old.clone();
    new["namespace"] = json!("store");
    assert_eq!(backward(&old, &new), "", "as Java has it");
}

#[test]
fn recursive_types_are_compared() {
    let list = |value: &str| {
        json!({"type": "record", "name": "List", "fields": [
            {"name": "value", "type": value},
            {"name": "next", "type": ["null", "List"], "default": null},
        ]})
    };
    assert_eq!(backward(&list("int"), &list("long")), "");
    insta::assert_snapshot!(backward(&list("long"), &list("int")), @r#"
    avro-type-mismatch reader "/fields/0/type" writer "/fields/0/type"
      List.value: the new schema reads int, and data of the earlier one holds long
      → keep the type long, or one that reads it (float, double); for other content add a new field with a default
    "#);
}

#[test]
fn types_of_references_have_a_place_in_their_text() {
    let money = |amount: &str| json!({"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "amount", "type": amount}]});
    let with = |amount: &str| {
        let definition = Definition {
            text: order(&[json!({"name": "total", "type": "Money"})]).to_string(),
            references: [("shop.Money".to_owned(), money(amount).to_string())].into(),
        };
        parse(&definition).unwrap()
    };
    let found = compare(&with("int"), &with("long"), Direction::Backward);
    insta::assert_snapshot!(render(&found), @r#"
    avro-type-mismatch reader "shop.Money#/fields/0/type" writer "shop.Money#/fields/0/type"
      shop.Money.amount: the new schema reads int, and data of the earlier one holds long
      → keep the type long, or one that reads it (float, double); for other content add a new field with a default
    "#);
    assert_eq!(
        canonical(&with("int")),
        canonical(&with("long")),
        "a reference is a name"
    );
}

#[test]
fn a_reference_may_need_another() {
    let definition = Definition {
        text: r#"["b.B", "a.A"]"#.to_owned(),
        references: [
            (
                "a.A".to_owned(),
                r#"{"type": "record", "name": "a.A", "fields": [{"name": "b", "type": "b.B"}]}"#
                    .to_owned(),
            ),
            (
                "b.B".to_owned(),
                r#"{"type": "fixed", "name": "b.B", "size": 1}"#.to_owned(),
            ),
        ]
        .into(),
    };
    assert_eq!(lint(&parse(&definition).unwrap()), []);
}

#[test]
fn mistakes_are_named_with_their_place() {
    insta::assert_snapshot!(error("{\"type\": \"record\",\n \"name\" }"), @"2:9: not JSON: expected `:`");
    insta::assert_snapshot!(error(""), @"1:1: not JSON: EOF while parsing a value");
    insta::assert_snapshot!(error("nul"), @"1:3: not JSON: EOF while parsing a value");
    insta::assert_snapshot!(error(&"[".repeat(10_000)), @"1:128: nested more than 127 levels deep");
    insta::assert_snapshot!(error("12"), @r#"1:1 "": a type is a name, an object or a list of types, and this is the number 12"#);
    insta::assert_snapshot!(error(r#"{"fields": []}"#), @r#"1:1 "": no "type"; with "fields" it would be "type": "record""#);
    insta::assert_snapshot!(error(r#"{"type": "recrod", "name": "A"}"#), @r#"1:1 "": unknown type "recrod"; did you mean "record"?"#);
    insta::assert_snapshot!(error(r#"{"type": "array", "items": "strnig"}"#), @r#"1:28 "/items": unknown type "strnig"; did you mean "string"?"#);
    insta::assert_snapshot!(error(r#"{"type": "array", "items": "record"}"#), @r#"1:28 "/items": "record" needs an object that describes it, or a list for a union"#);
    insta::assert_snapshot!(error(r#"{"type": "map", "value": "int"}"#), @r#"1:1 "": the map has no "values""#);
    insta::assert_snapshot!(error(r#"["int", ["null"]]"#), @r#"1:9 "/1": a union stands directly in a union: make it one list"#);
    insta::assert_snapshot!(error(r#"["int", "null", {"type": "int", "logicalType": "date"}]"#), @r#"1:17 "/2": the union has int twice"#);
    insta::assert_snapshot!(error(r#"{"type": "record", "fields": []}"#), @r#"1:1 "": the type has no "name""#);
    insta::assert_snapshot!(error(r#"{"type": "fixed", "name": "F", "size": "4"}"#), @r#"1:1 "": fixed F has no whole number as "size""#);
    insta::assert_snapshot!(error(r#"{"type": "enum", "name": "E", "symbols": ["A", "a b"]}"#), @r#"1:48 "/symbols/1": the symbol "a b" must consist of the letters A to Z and a to z, digits and underscores, and not start with a digit"#);
    insta::assert_snapshot!(error(r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#), @r#"1:60 "/default": the default "B" is not among the symbols"#);
    insta::assert_snapshot!(error(r#"{"type": "enum", "name": "1E", "symbols": ["A"]}"#), @r#"1:26 "/name": the name "1E", or a part of it, must consist of the letters A to Z and a to z, digits and underscores, and not start with a digit"#);
    insta::assert_snapshot!(
        error("{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n  {\"name\": \"a\", \"type\": \"int\",\n   \"default\": \"1\"}\n]}"),
        @r#"3:15 "/fields/0/default": the default of "a" is the text "1", and has to be of type int"#
    );
    insta::assert_snapshot!(
        error(r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}"#),
        @r#"1:83 "/fields/1/name": record R has two fields "a""#
    );
    insta::assert_snapshot!(
        error(r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "R"], "default": 5}]}"#),
        @r#"1:92 "/fields/0/default": the default of "a" is the number 5, and has to be one of null, record R"#
    );
    insta::assert_snapshot!(
        error(r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": {"type": "int"}}}]}"#),
        @r#"1:75 "/fields/0/type/type": a type stands in an object of its own: write it in the place of that object"#
    );
    insta::assert_snapshot!(
        error(r#"[{"type": "array", "items": "F"}, {"type": "fixed", "name": "F", "size": 1}]"#),
        @r#"1:29 "/0/items": "F" is used before it is defined; define it here"#
    );
    insta::assert_snapshot!(
        error(r#"[{"type": "fixed", "name": "F", "size": 1}, {"type": "array", "items": {"type": "fixed", "name": "F", "size": 2}}]"#),
        @r#"1:72 "/1/items": "F" is defined twice, and differently"#
    );
}

#[test]
fn a_mistake_in_a_reference_is_named_there() {
    let definition = Definition {
        text: r#""a.A""#.to_owned(),
        references: [(
            "a.A".to_owned(),
            r#"{"type": "fixed", "name": "a.A"}"#.to_owned(),
        )]
        .into(),
    };
    let error = parse(&definition).unwrap_err();
    assert_eq!(error.reference.as_deref(), Some("a.A"));
    insta::assert_snapshot!(error, @r#"fixed a.A has no whole number as "size""#);
}

#[test]
fn what_registries_once_took_is_still_read() {
    for text in [
        r#"{"type": "record", "fields": []}"#,
        r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#,
        r#"{"type": "record", "name": "R-1", "fields": [{"name": "a b", "type": "int", "default": "x"}]}"#,
        r#"[{"type": "array", "items": "F"}, {"type": "fixed", "name": "F", "size": 1}]"#,
    ] {
        let registered = parse_registered(&definition(text)).unwrap();
        assert!(!registered.faults().is_empty(), "{text}");
        assert_eq!(
            compare(&registered, &registered, Direction::Backward),
            [],
            "{text}"
        );
        parse(&definition(text)).unwrap_err();
    }
}

#[test]
fn equal_schemas_share_a_text() {
    let one = r#"{ "name": "Order", "namespace": "shop", "type": "record", "doc": "",
        "fields": [{"type": {"type": "string"}, "name": "id", "order": "ascending", "aliases": []},
                   {"name": "price", "type": "double", "default": 1},
                   {"name": "sum", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 0}},
                   {"name": "next", "type": "Order", "owner": {"b": 1, "a": 2}}]}"#;
    let other = r#"{"type":"record","name":"shop.Order",
        "fields": [{"name": "id", "type": "string"},
                   {"name": "price", "type": "double", "default": 1.0},
                   {"name": "sum", "type": {"precision": 4, "type": "bytes", "logicalType": "decimal"}},
                   {"name": "next", "type": "shop.Order", "owner": {"a": 2, "b": 1}}]}"#;
    let text = |text: &str| canonical(&parse(&definition(text)).unwrap());
    assert_eq!(text(one), text(other));
    insta::assert_snapshot!(text(one), @r#"{"fields":[{"name":"id","type":"string"},{"default":1.0,"name":"price","type":"double"},{"name":"sum","type":{"logicalType":"decimal","precision":4,"type":"bytes"}},{"name":"next","owner":{"a":2,"b":1},"type":"shop.Order"}],"name":"shop.Order","type":"record"}"#);
}

#[test]
fn what_counts_stays_in_the_text() {
    let base = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#;
    let text = |text: &str| canonical(&parse(&definition(text)).unwrap());
    for other in [
        r#"{"type": "record", "name": "R", "doc": "d", "fields": [{"name": "a", "type": "int"}]}"#,
        r#"{"type": "record", "name": "n.R", "fields": [{"name": "a", "type": "int"}]}"#,
        r#"{"type": "record", "name": "R", "aliases": ["S"], "fields": [{"name": "a", "type": "int"}]}"#,
        r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": 0}]}"#,
        r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "order": "ignore"}]}"#,
        r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}], "owner": "x"}"#,
        r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "int", "logicalType": "date"}}]}"#,
    ] {
        assert_ne!(text(base), text(other), "{other}");
    }
}

#[test]
fn what_will_hurt_is_found() {
    let found = lints(&json!({
        "type": "record", "name": "Order", "doc": "An order.", "fields": [
            {"name": "Id", "type": "string", "doc": "Its id."},
            {"name": "class", "type": {"type": "enum", "name": "Class", "doc": "A class.", "symbols": ["A"]}, "doc": "Its class."},
            {"name": "note", "type": ["null", "string"]},
            {"name": "count", "type": ["int", "null"], "default": null, "doc": "How many."},
            {"name": "sum", "type": {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}, "doc": "In euros."},
            {"name": "day", "type": {"type": "string", "logicalType": "date"}, "doc": "The day."},
            {"name": "at", "type": "long", "logicalType": "timestamp-millis", "doc": "When."},
        ],
    }));
    insta::assert_snapshot!(found, @r#"
    avro-namespace-missing : record Order has no namespace
    avro-field-name /fields/0/name: Order.Id starts with a capital letter
    avro-reserved-name /fields/1/name: Order.class is a reserved word in generated code
    avro-doc-missing /fields/2: Order.note has no "doc"
    avro-nullable-without-default /fields/2: Order.note may be null and has no default
    avro-default-of-later-branch /fields/3/default: Order.count has a default that is not of the first branch, int
    avro-logical-type-ignored /fields/6/logicalType: Order.at has the logical type "timestamp-millis" beside its type, where it is ignored
    avro-enum-without-default /fields/1/type: enum Class has no "default"
    avro-logical-type-ignored /fields/4/type/logicalType: Order.sum: the logical type "decimal" is ignored: its "scale" is not between 0 and its "precision"
    avro-logical-type-ignored /fields/5/type/logicalType: Order.day: the logical type "date" is ignored: it is for int, and this is string
    "#);
}

#[test]
fn a_reference_that_nothing_uses_is_found() {
    let definition = Definition {
        text: r#"{"type": "array", "items": "a.A"}"#.to_owned(),
        references: [
            (
                "a.A".to_owned(),
                r#"{"type": "fixed", "name": "a.A", "size": 1}"#.to_owned(),
            ),
            (
                "b.B".to_owned(),
                r#"{"type": "fixed", "name": "b.B", "size": 1}"#.to_owned(),
            ),
        ]
        .into(),
    };
    let found = lint(&parse(&definition).unwrap());
    assert_eq!(found.len(), 1);
    insta::assert_snapshot!(found[0].message, @r#"the reference "b.B" is not used"#);
}

/// A schema of some 2 MB: records within a union, each of the ones before it.
fn large(default: bool) -> String {
    let mut text = String::from("[");
    for record in 0..1_000 {
        let comma = if record > 0 { "," } else { "" };
        let _ = write!(
            text,
            "{comma}{{\"type\":\"record\",\"name\":\"big.R{record}\",\"fields\":["
        );
        for field in 0..25 {
            let r#type = if record > 0 && field == 0 {
                format!("\"big.R{}\"", record - 1)
            } else {
                "[\"null\",\"string\",{\"type\":\"array\",\"items\":\"long\"}]".to_owned()
            };
            let comma = if field > 0 { "," } else { "" };
            let _ = write!(text, "{comma}{{\"name\":\"f{field}\",\"type\":{type}");
            if default && field > 0 {
                text.push_str(",\"default\":null");
            }
            text.push('}');
        }
        text.push_str("]}");
    }
    text + "]"
}

#[test]
fn a_large_schema_takes_little_time() {
    let text = large(true);
    let started = std::time::Instant::now();
    assert!(text.len() > 1_900_000, "{}", text.len());
    let schema = parse(&definition(text)).unwrap();
    assert_eq!(compare(&schema, &schema, Direction::Backward), []);
    assert!(canonical(&schema).len() > 1_000_000);
    // Far above what it takes, and far below what anything quadratic would.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_long_chain_of_types_costs_no_stack() {
    // Reading a list that contains itself from data whose types contain each other, 20,000 deep.
    let mut chain = String::from(r#"[{"type":"record","name":"n0.T","fields":[]}"#);
    for link in 1..20_000 {
        let before = link - 1;
        let _ = write!(
            chain,
            r#",{{"type":"record","name":"n{link}.T","fields":[{{"name":"next","type":"n{before}.T"}}]}}"#
        );
    }
    let wrap = |types: &str, last: &str| {
        format!(
            r#"{{"type":"record","name":"Top","fields":[{{"name":"all","type":{types}}},{{"name":"last","type":"{last}"}}]}}"#
        )
    };
    let writer = parse(&definition(wrap(&(chain + "]"), "n19999.T"))).unwrap();
    let reader = parse(&definition(
        r#"{"type":"record","name":"Top","fields":[{"name":"last","type":{"type":"record","name":"T","fields":[{"name":"next","type":"T"}]}}]}"#,
    ))
    .unwrap();
    let found = compare(&reader, &writer, Direction::Backward);
    assert_eq!(found.len(), 1, "{}", render(&found));
    assert_eq!(found[0].rule, "avro-field-without-default");
}

#[test]
fn unions_of_thousands_of_one_name_are_given_up() {
    let types: Vec<String> = (0..3_000)
        .map(|n| format!(r#"{{"type":"fixed","name":"n{n}.T","size":{n}}}"#))
        .collect();
    let types = types.join(",");
    let old = parse(&definition(format!("[{types}]"))).unwrap();
    let new = parse(&definition(format!(r#"[{types},"null"]"#))).unwrap();
    let found = compare(&new, &old, Direction::Backward);
    assert_eq!(found[0].rule, "avro-too-complex");
    assert_eq!(compare(&old, &old, Direction::Backward), []);
}

/// Defaults below unions of records would be tried once for every way to them.
#[test]
fn nested_defaults_take_little_time() {
    let mut default = json!(1);
    for _ in 0..60 {
        default = json!({"x": default});
    }
    let text = json!([{"type": "record", "name": "A", "fields": [
        {"name": "x", "type": ["A", {"type": "record", "name": "B", "fields": [{"name": "x", "type": ["A", "B"]}]}], "default": default}
    ]}]);
    let error = parse(&definition(text.to_string())).unwrap_err();
    insta::assert_snapshot!(error, @r#"the default of "x" is an object, and has to be one of record A, record B"#);
}

#[test]
fn many_faults_take_little_time() {
    let records: Vec<Value> = (0..3_000)
        .map(|index| {
            let next = format!("R{}", (index + 1) % 3_000);
            json!({"type": "record", "name": format!("R{index}"), "fields": [{"name": "next", "type": next}]})
        })
        .collect();
    let registered = parse_registered(&definition(json!(records).to_string())).unwrap();
    assert_eq!(registered.faults().len(), 100);
}

/// Any valid schema: names are numbered in the order of definition.
fn arbitrary_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!("null")),
        Just(json!("int")),
        Just(json!("long")),
        Just(json!("double")),
        Just(json!("string")),
        Just(json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2})),
        Just(json!({"type": "enum", "name": "?", "symbols": ["A", "B"], "default": "A"})),
        Just(json!({"type": "fixed", "name": "?", "size": 8})),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|items| json!({"type": "array", "items": items})),
            inner
                .clone()
                .prop_map(|values| json!({"type": "map", "values": values})),
            inner.clone().prop_map(|other| match other {
                Value::Array(_) => other,
                other if other == json!("null") => json!(["null"]),
                other => json!(["null", other]),
            }),
            prop::collection::vec(inner, 0..4).prop_map(|types| {
                let fields: Vec<Value> = types
                    .into_iter()
                    .enumerate()
                    .map(|(index, r#type)| json!({"name": format!("f{index}"), "type": r#type}))
                    .collect();
                json!({"type": "record", "name": "?", "fields": fields})
            }),
        ]
    });
    tree.prop_map(|mut tree| {
        number_names(&mut tree, &mut 0);
        tree
    })
}

fn number_names(value: &mut Value, next: &mut usize) {
    match value {
        Value::Object(object) => {
            if object.get("name") == Some(&json!("?")) {
                object.insert("name".to_owned(), json!(format!("n{}.T{next}", *next % 2)));
                *next += 1;
            }
            object
                .values_mut()
                .for_each(|value| number_names(value, next));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| number_names(value, next)),
        _ => {}
    }
}

/// Text that is nearly a schema: an edit anywhere.
fn damaged(text: &str, at: usize, with: &str) -> String {
    let mut start = at % (text.len() + 1);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (start + with.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    format!("{}{with}{}", &text[..start], &text[end..])
}

proptest! {
    #[test]
    fn a_schema_is_compatible_with_itself(value in arbitrary_schema()) {
        let schema = schema(&value);
        prop_assert_eq!(compare(&schema, &schema, Direction::Backward), []);
        let again = parse(&definition(canonical(&schema))).unwrap();
        prop_assert_eq!(canonical(&again), canonical(&schema));
        prop_assert_eq!(compare(&again, &schema, Direction::Forward), []);
    }

    /// A mismatch is where its pointers say.
    #[test]
    fn pointers_lead_to_something(old in arbitrary_schema(), new in arbitrary_schema()) {
        for found in compare(&schema(&new), &schema(&old), Direction::Backward) {
            prop_assert!(new.pointer(&found.reader).is_some(), "{} in {new}", found.reader);
            prop_assert!(old.pointer(&found.writer).is_some(), "{} in {old}", found.writer);
        }
    }

    #[test]
    fn damage_is_survived(
        value in arbitrary_schema(),
        other in arbitrary_schema(),
        at in any::<usize>(),
        with in r#"[\[\]{}",:a-z0-9]{0,6}|"(type|name|fields|T0|n1\.T1|record|default|aliases)""#,
    ) {
        let text = damaged(&value.to_string(), at, &with);
        if let Ok(damaged) = parse_registered(&definition(text)) {
            let other = schema(&other);
            let read = compare(&damaged, &other, Direction::Backward);
            let written = compare(&other, &damaged, Direction::Forward);
            prop_assert!(read.iter().chain(&written).all(|found| !found.advice.is_empty()));
            prop_assert!(lint(&damaged).len() >= damaged.faults().len());
            prop_assert!(!canonical(&damaged).is_empty());
            prop_assert_eq!(compare(&damaged, &damaged, Direction::Backward), []);
        }
    }
}
