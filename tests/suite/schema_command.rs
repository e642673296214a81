//! `streamform schema`: checks, differences and lints of schema files, as a pre-commit hook uses them.

use std::process::Command;

use serde_json::Value;

use crate::support::project::Project;

const ORDER: &str = r#"{
  "type": "record",
  "name": "Order",
  "doc": "An order.",
  "fields": [
    {"name": "id", "type": "long", "doc": "Its number."}
  ]
}
"#;

/// With a field that old data does not have.
const PRICED: &str = r#"{
  "type": "record",
  "name": "Order",
  "doc": "An order.",
  "fields": [
    {"name": "id", "type": "long", "doc": "Its number."},
    {"name": "price", "type": "int", "doc": "In cents."}
  ]
}
"#;

/// The same content as [`ORDER`], written otherwise.
const ORDER_OTHERWISE: &str = r#"{"name": "Order", "type": "record", "doc": "An order.",
 "fields": [{"type": {"type": "long"}, "name": "id", "doc": "Its number."}]}
"#;

fn project() -> Project {
    Project::new()
        .file("v1.avsc", ORDER)
        .file("v2.avsc", PRICED)
        .file("v1-again.avsc", ORDER_OTHERWISE)
}

#[test]
fn what_is_compatible_passes() {
    let project = project();
    let run = project
        .run(&["schema", "check", "v1.avsc", "v1-again.avsc"])
        .expect(0);
    assert_eq!(
        run.stdout,
        "v1-again.avsc: compatible with v1.avsc (BACKWARD)\n"
    );
    project
        .run(&[
            "schema",
            "check",
            "--compatibility",
            "forward",
            "v1.avsc",
            "v2.avsc",
        ])
        .expect(0);
}

#[test]
fn what_is_not_compatible_is_refused_with_the_place_and_what_to_do() {
    let project = project();
    let run = project
        .run(&[
            "schema",
            "check",
            "--compatibility",
            "FULL",
            "v1.avsc",
            "v2.avsc",
        ])
        .expect(3);
    insta::assert_snapshot!(run.stdout, @r#"
    Error: Order.price is new and has no default: data of the earlier schema, which lacks it, cannot be read
     --> v2.avsc:7:5
      |
    7 |     {"name": "price", "type": "int", "doc": "In cents."}
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      FULL: the new schema cannot read data of v1.avsc, line 1 there
      rule avro-field-without-default
      hint: add a "default" to the field "price"

    v2.avsc: not compatible (FULL), 1 mismatch
    "#);
}

#[test]
fn a_protobuf_file_is_shown_with_its_lines_too() {
    let shop = |field: &str| {
        format!(
            "syntax = \"proto3\";\n\npackage shop;\n\nmessage Order {{\n  message Item {{\n{field}  }}\n\n  \
             repeated Item items = 1;\n}}\n"
        )
    };
    let project = Project::new()
        .file("v1.proto", &shop("    int64 price = 1;\n"))
        .file(
            "v2.proto",
            &shop("    // In words.\n    string price = 1;\n"),
        );
    let run = project
        .run(&["schema", "check", "v1.proto", "v2.proto"])
        .expect(3);
    insta::assert_snapshot!(run.stdout, @r"
    Error: the reader takes string for what the writer wrote as int64, which goes with int32, int64, uint32, uint64, bool and enums
     --> v2.proto:8:12
      |
    8 |     string price = 1;
      |            ^^^^^
      BACKWARD: the new schema cannot read data of v1.proto, line 7 there
      rule protobuf-field-scalar-kind-changed
      hint: keep the field as it was and mark it deprecated, and add a field with a new number; readers take whichever is set

    v2.proto: not compatible (BACKWARD), 1 mismatch
    ");
    let run = project
        .run(&["schema", "check", "--json", "v1.proto", "v2.proto"])
        .expect(3);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = &verdict["schemas"][0]["incompatibilities"][0];
    assert_eq!((&found["line"], &found["column"]), (&8.into(), &12.into()));
}

#[test]
fn the_verdict_is_json_where_that_is_asked_for() {
    let project = project();
    let run = project
        .run(&["schema", "check", "--json", "v1.avsc", "v2.avsc"])
        .expect(3);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(verdict["compatible"], false);
    let found = &verdict["schemas"][0]["incompatibilities"][0];
    assert_eq!(found["rule"], "avro-field-without-default");
    assert_eq!(found["line"], 7);
}

#[test]
fn transitive_levels_look_at_every_version() {
    let project = project();
    let files = ["v1.avsc", "v2.avsc", "v2.avsc"];
    let check = |level| {
        let mut arguments = vec!["schema", "check", "--compatibility", level];
        arguments.extend(files);
        project.run(&arguments)
    };
    check("BACKWARD").expect(0);
    let run = check("BACKWARD_TRANSITIVE").expect(3);
    assert!(run.stdout.contains("v1.avsc"), "{}", run.stdout);
}

#[test]
fn a_file_is_compared_with_what_a_commit_holds() {
    let project = Project::new().file("schemas/order.avsc", ORDER);
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(project.path("."))
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let project = project.file("schemas/order.avsc", PRICED);
    let run = project
        .run(&["schema", "check", "--base", "main", "schemas/order.avsc"])
        .expect(3);
    assert!(
        run.stdout.contains("main:schemas/order.avsc"),
        "{}",
        run.stdout
    );
    let run = project
        .run(&[
            "schema",
            "check",
            "--base",
            "no-such-branch",
            "schemas/order.avsc",
        ])
        .expect(1);
    assert!(run.stderr.contains("no-such-branch"), "{}", run.stderr);
}

#[test]
fn references_are_read_by_name() {
    let project = Project::new()
        .file("money.avsc", r#"{"type": "record", "name": "Money", "fields": []}"#)
        .file(
            "order.avsc",
            r#"{"type": "record", "name": "Order", "fields": [{"name": "price", "type": "Money"}]}"#,
        );
    let files = ["order.avsc", "order.avsc"];
    let with = |reference: &'static str| {
        let mut arguments = vec!["schema", "check", "--reference", reference];
        arguments.extend(files);
        project.run(&arguments)
    };
    with("Money=money.avsc").expect(0);
    with("Money=nowhere.avsc").expect(1);
    let run = project
        .run(&["schema", "check", "order.avsc", "order.avsc"])
        .expect(1);
    assert!(run.stderr.contains("Money"), "{}", run.stderr);
}

#[test]
fn what_is_no_schema_is_an_error_with_its_line() {
    let project = project().file(
        "broken.avsc",
        "{\n  \"type\": \"enum\"\n  \"name\": \"E\"\n}\n",
    );
    let run = project
        .run(&["schema", "check", "v1.avsc", "broken.avsc"])
        .expect(1);
    insta::assert_snapshot!(run.stderr, @r#"
    Error: The avro schema broken.avsc cannot be read
     --> broken.avsc:3:3
      |
    3 |   "name": "E"
      |   ^
      not JSON: expected `,` or `}`
    "#);
    let run = project.run(&["schema", "check", "v1.avsc"]).expect(1);
    assert!(run.stderr.contains("--base"), "{}", run.stderr);
}

#[test]
fn a_difference_says_whom_it_breaks() {
    let project = project();
    let run = project
        .run(&["schema", "diff", "v1.avsc", "v2.avsc"])
        .expect(2);
    insta::assert_snapshot!(run.stdout, @r#"
    --- v1.avsc
    +++ v2.avsc
    @@ -5,6 +5,11 @@
           "doc": "Its number.",
           "name": "id",
           "type": "long"
    +    },
    +    {
    +      "doc": "In cents.",
    +      "name": "price",
    +      "type": "int"
         }
       ],
       "name": "Order",
    v2.avsc cannot read data of v1.avsc:
    - Order.price is new and has no default: data of the earlier schema, which lacks it, cannot be read, at /fields/1 (avro-field-without-default)
      add a "default" to the field "price"
    v1.avsc reads data of v2.avsc.
    The strongest level that takes it is FORWARD.
    "#);
    let run = project
        .run(&["schema", "diff", "v1.avsc", "v1-again.avsc"])
        .expect(0);
    assert_eq!(run.stdout, "The schemas are the same.\n");
    let run = project
        .run(&["schema", "diff", "--json", "v1.avsc", "v2.avsc"])
        .expect(2);
    let difference: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(difference["strongest_level"], "FORWARD");
}

#[test]
fn what_will_hurt_later_is_told_and_can_be_allowed() {
    let project = Project::new().file(
        "color.avsc",
        r#"{"type": "enum", "name": "shop.Color", "doc": "A colour.", "symbols": ["RED"]}"#,
    );
    let run = project.run(&["schema", "lint", "color.avsc"]).expect(3);
    insta::assert_snapshot!(run.stdout, @r#"
    Warning: enum shop.Color has no "default"
     --> color.avsc:1:1
      |
    1 | {"type": "enum", "name": "shop.Color", "doc": "A colour.", "symbols": ["RED"]}
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      rule avro-enum-without-default
      hint: add a symbol such as UNKNOWN and make it the "default": readers need it when a later version adds symbols
    "#);
    project
        .run(&[
            "schema",
            "lint",
            "--allow",
            "avro-enum-without-default",
            "color.avsc",
        ])
        .expect(0);
}
