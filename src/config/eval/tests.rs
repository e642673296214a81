//! Rules of the evaluator, one test each. The public corpus is in `console`'s tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::value::SecretRef;
use crate::diagnostic::SourceMap;

fn variables() -> BTreeMap<Arc<str>, Value> {
    let orders = Value::object([
        ("name", Value::from("orders")),
        ("partitions", Value::from(12)),
    ]);
    BTreeMap::from([
        ("topic".into(), Value::object([("orders", orders)])),
        ("unknown".into(), Value::Unknown(Type::Any)),
        ("hidden".into(), Value::from("x").mark(true)),
        (
            "password".into(),
            Value::Secret(SecretRef::Env("PASSWORD".into())),
        ),
        ("nothing".into(), Value::Null),
        (
            "list".into(),
            Value::list(vec![Value::from("a"), Value::from("b")]),
        ),
    ])
}

fn run(text: &str) -> Result<Value, Diagnostics> {
    let text = text.trim_end();
    let expr: Expression = text
        .parse()
        .unwrap_or_else(|error| unreachable!("{text}: {error}"));
    let file = Arc::from("main.hcl");
    evaluate(&expr, &Scope::new(&variables(), &file, text))
}

fn value(text: &str) -> Value {
    run(text).unwrap_or_else(|errors| unreachable!("{text}: {}", errors.render()))
}

fn failure(text: &str) -> String {
    let mut errors = run(text).expect_err("an error");
    let mut sources = SourceMap::default();
    sources.insert("main.hcl", text);
    for error in &mut errors.0 {
        assert!(error.span.is_some(), "every error has a place: {error:?}");
        error.excerpt = error.span.as_ref().and_then(|span| sources.excerpt(span));
    }
    errors.render()
}

#[test]
fn operators_convert_and_compute() {
    for (text, expected) in [
        ("\"1\" + 1", Value::from(2)),
        ("18446744073709551615 + 1", value("18446744073709551616")),
        ("1 + 2 * 3 - -1", Value::from(8)),
        ("- /* 9 */ 5", Value::from(-5)),
        ("0.1 + 0.2 == 0.3", Value::from(true)),
        ("1 == \"1\"", Value::from(false)),
        ("[1] == [1] && {a = 1} != {a = 2}", Value::from(true)),
        ("!(1 > 2) || false", Value::from(true)),
        ("null == nothing", Value::from(true)),
        ("password == null", Value::from(false)),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn one_side_decides_alone() {
    assert_eq!(value("nothing != null && nothing.x"), Value::from(false));
    assert_eq!(value("missing || true"), Value::from(true));
    assert_eq!(value("unknown && false"), Value::from(false));
    assert_eq!(value("unknown && list[9]"), Value::Unknown(Type::Bool));
    assert!(run("missing && true").is_err());
}

#[test]
fn only_the_chosen_branch_fails_but_both_decide_the_type() {
    assert_eq!(value("true ? 1 : missing"), Value::from(1));
    assert_eq!(value("true ? 1 : \"a\""), Value::from("1"));
    assert_eq!(value("false ? null : [1]"), value("[1]"));
    assert_eq!(value("true ? \"a\" : hidden"), Value::from("a").mark(true));
    assert_eq!(value("true ? password : \"none\""), value("password"));
    assert_eq!(value("unknown ? 1 : 2"), Value::Unknown(Type::Number));
}

#[test]
fn marks_go_everywhere() {
    for text in [
        "\"${hidden}-1\"",
        "hidden == \"x\"",
        "{ (hidden) = 1 }",
        "[1, 2][hidden == \"x\" ? 0 : 1]",
        "[for x in list : x if x == hidden]",
        "\"%{ if hidden == \"x\" }a%{ endif }\"",
        "max([1, 2]..., hidden == \"x\" ? 1 : 2)",
    ] {
        let text = if text.starts_with("max") {
            "max(1, hidden == \"x\" ? 1 : 2)"
        } else {
            text
        };
        assert!(value(text).is_sensitive(), "{text}");
    }
    assert!(!value("[hidden]").is_sensitive());
}

#[test]
fn traversals_reach_in() {
    for (text, expected) in [
        ("topic.orders.name", Value::from("orders")),
        ("topic[\"orders\"][\"partitions\"]", Value::from(12)),
        ("list[\"0\"]", Value::from("a")),
        ("list.1", Value::from("b")),
        ("[{a = {b = [7]}}].*.a.b", value("[[7]]")),
        ("[{a = [1, 2]}][*].a[1]", value("[2]")),
        ("nothing[*].x", value("[]")),
        ("topic.orders[*].name", value("[\"orders\"]")),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
    assert_eq!(value("list[*]"), value("list"));
}

#[test]
fn templates_and_heredocs() {
    assert_eq!(value("\"${12}\""), Value::from(12));
    assert_eq!(
        value("\"a${1}%{ for x in list }${x}%{ endfor }\""),
        Value::from("a1ab")
    );
    assert_eq!(
        value(
            "<<-EOT\n    a\n\n      \n    %{ if true }\n    b\n    %{ endif }\n   \n    c\n    EOT\n"
        ),
        // As printed by Terraform 1.11.
        Value::from("a\n\n      \n\nb\n\n   \nc\n")
    );
    assert_eq!(
        value("<<EOT\n${~ true ~}\n   indented\nEOT\n"),
        Value::from("true   indented\n")
    );
    assert_eq!(value("\"e\\u0301\" == \"\\u00e9\""), Value::from(true));
}

#[test]
fn mistakes_are_explained() {
    insta::assert_snapshot!(failure("topic.order.name"), @r#"
    Error: topic has no attribute "order"
     --> main.hcl:1:7
      |
    1 | topic.order.name
      |       ^^^^^
      The attributes: orders.
      hint: did you mean "orders"?
    "#);
    insta::assert_snapshot!(failure("topik.orders"), @r#"
    Error: There is no "topik" here
     --> main.hcl:1:1
      |
    1 | topik.orders
      | ^^^^^
      The names that can be used here: hidden, list, nothing, password, topic, unknown.
      hint: did you mean "topic"?
    "#);
    insta::assert_snapshot!(failure("1 / (2 - 2)"), @r"
    Error: The operation has no result
     --> main.hcl:1:1
      |
    1 | 1 / (2 - 2)
      | ^^^^^^^^^^^
      1 / 0: division by zero.
    ");
    insta::assert_snapshot!(failure("[missing, \"${nothing}\", list[2]]"), @r#"
    Error: There is no "missing" here
     --> main.hcl:1:2
      |
    1 | [missing, "${nothing}", list[2]]
      |  ^^^^^^^
      The names that can be used here: hidden, list, nothing, password, topic, unknown.

    Error: There is no element [2]
     --> main.hcl:1:29
      |
    1 | [missing, "${nothing}", list[2]]
      |                             ^^^
      The list has 2 elements: the last one is [1].
    "#);
    insta::assert_snapshot!(failure("list.name"), @r#"
    Error: A list has no attribute "name"
     --> main.hcl:1:6
      |
    1 | list.name
      |      ^^^^
      hint: for one element write [0].name, for all elements [*].name
    "#);
    insta::assert_snapshot!(failure("{ a.b = 1 }"), @r#"
    Error: Ambiguous attribute key
     --> main.hcl:1:3
      |
    1 | { a.b = 1 }
      |   ^^^
      Without parentheses it is not clear whether a name or the value of a reference is meant.
      hint: write (…) around a reference, or "…" around a name with dots
    "#);
    insta::assert_snapshot!(failure("uper(\"a\")"), @r#"
    Error: There is no function "uper"
     --> main.hcl:1:1
      |
    1 | uper("a")
      | ^^^^
      hint: did you mean "upper"?
    "#);
    insta::assert_snapshot!(failure("timestamp()"), @r"
    Error: timestamp() cannot be used
     --> main.hcl:1:1
      |
    1 | timestamp()
      | ^^^^^^^^^
      A plan is a function of its inputs: the same files and values make the same plan.
      hint: pass the time in as a variable
    ");
    insta::assert_snapshot!(failure("abs(\"x\")"), @r#"
    Error: Invalid argument "num" of abs()
     --> main.hcl:1:5
      |
    1 | abs("x")
      |     ^^^
      A number is required.
    "#);
    insta::assert_snapshot!(failure("true ? [1] : 2"), @r"
    Error: Inconsistent types of a conditional
     --> main.hcl:1:8
      |
    1 | true ? [1] : 2
      |        ^^^^^^^
      Both results must have one type, and these are tuple([number]) and number.
    ");
}

#[test]
fn a_secret_passes_whole_and_nothing_else() {
    for text in [
        "password",
        "[password]",
        "{ a = password }",
        "true ? password : null",
        "try(password, 1)",
    ] {
        assert!(value(text).contains_secret(), "{text}");
    }
    for text in [
        "\"user:${password}\"",
        "password + 1",
        "!password",
        "password == \"x\"",
        "abs(password)",
        "password.x",
        "password[0]",
        "[for x in password : x]",
        "{ (password) = 1 }",
        "password ? 1 : 2",
        "list[password]",
    ] {
        assert!(failure(text).contains("until the driver's call"), "{text}");
    }
    insta::assert_snapshot!(failure("\"user:${password}\""), @r#"
    Error: The value of a secret is not known here
     --> main.hcl:1:9
      |
    1 | "user:${password}"
      |         ^^^^^^^^
      A template needs the value, but a secret is a reference until the driver's call: neither plan nor state may hold it.
      hint: pass the secret on alone, or keep the whole text as one secret
    "#);
}

#[test]
fn what_the_parser_lets_through_does_not_overflow_the_stack() {
    let chain = format!("1{}", " + 1".repeat(127));
    assert_eq!(value(&chain), Value::from(128));
    for open_close in [
        ("(", ")"),
        ("[", "]"),
        ("\"${", "}\""),
        ("{ a = ", " }"),
        ("!", ""),
        ("abs(", ")"),
    ] {
        let nested = |depth: usize| {
            let text = format!(
                "{}1{}",
                open_close.0.repeat(depth),
                open_close.1.repeat(depth)
            );
            text.parse::<Expression>().is_ok().then(|| run(&text))
        };
        let deepest = (1..200).rev().find_map(nested);
        assert!(deepest.is_some(), "{open_close:?}");
        assert!(nested(10_000).is_none());
    }
}

#[test]
fn values_that_grow_without_end_are_refused() {
    let mut variables = BTreeMap::from([(Arc::from("x"), value("[1, 2]"))]);
    let file = Arc::from("main.hcl");
    let expr: Expression = "[x, x]".parse().expect("HCL");
    let error =
        (0..100).find_map(
            |_| match evaluate(&expr, &Scope::new(&variables, &file, "[x, x]")) {
                Ok(value) => {
                    variables.insert("x".into(), value);
                    None
                }
                Err(errors) => Some(errors.render()),
            },
        );
    assert!(error.expect("a limit").contains("The value is too large"));
}

/// Expressions to begin mutations with.
const SEEDS: [&str; 8] = [
    "[for k, v in topic : \"${k}-${v.name}\" if v.partitions > 3]",
    "{ for x in list : upper(x) => x... }",
    "\"%{ if unknown }a%{ else }${list[0]}%{ endif ~} b\"",
    "<<-EOT\n  a ${hidden}\n    b\n  EOT\n",
    "true ? topic.orders.*.name : [[1, 2], [3]][*][0]",
    "max(1, -2.5e3, [4, 5]...) % 3 == 0 || !(1 >= 2)",
    "try(list.x.y, { a = null, \"b-${1}\" : [password] })",
    "coalesce(nothing, cidrsubnet(\"10.0.0.0/8\", 8, 2), formatdate(\"YYYY\", \"2020-01-01T00:00:00Z\"))",
];

proptest! {
    #[test]
    fn no_text_panics(text in "[-a-z0-9 ${}%~()\\[\\]\"<>=!&|?:.,*\n]{0,40}") {
        if let Ok(expr) = text.parse::<Expression>() {
            let file = Arc::from("main.hcl");
            drop(evaluate(&expr, &Scope::new(&variables(), &file, &text)));
            references(&expr);
        }
    }

    #[test]
    fn no_mutation_panics(
        seed in 0..SEEDS.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), "[-a-z0-9 ${}%~()\\[\\]\"=.,*\n]{0,2}", 0..3usize), 1..5),
    ) {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for (place, new, removed) in edits {
            let start = place.index(text.len() + 1);
            let end = (start + removed).min(text.len());
            text.splice(start..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(expr) = text.parse::<Expression>() {
            let file = Arc::from("main.hcl");
            drop(evaluate(&expr, &Scope::new(&variables(), &file, &text)));
        }
    }
}
