//! Where the values of variables come from.

use super::{Case, UnsetVariables, output, show};
use crate::config::project::InputArgument;

const TEXT: &str = r#"
variable "x" { default = "default" }
output "x" { value = var.x }
"#;

#[test]
fn later_places_win() {
    let mut case = Case::new(TEXT);
    let value = |case: &Case| show(&output(&case.project(), "x"));
    assert_eq!(value(&case), "\"default\"");
    case.inputs
        .environment_variables
        .insert("x".into(), "variable".into());
    case.inputs
        .environment_variables
        .insert("other".into(), "unused".into());
    assert_eq!(value(&case), "\"variable\"");
    case = case
        .file("b.auto.vars.hcl", "x = \"auto b\"")
        .file("a.auto.vars.hcl", "x = \"auto a\"");
    assert_eq!(value(&case), "\"auto b\"");
    case = case
        .file("env/dev.vars.hcl", "x = \"environment\"")
        .file(
            "environments.hcl",
            "environment \"dev\" { values = \"env/dev.vars.hcl\" }",
        )
        .environment("dev");
    assert_eq!(value(&case), "\"environment\"");
    case = case.var("x", "argument");
    assert_eq!(value(&case), "\"argument\"");
    case.inputs.arguments.push(InputArgument::File(
        "extra.vars.hcl".into(),
        "x = \"file\"".into(),
    ));
    assert_eq!(value(&case), "\"file\"");
    assert_eq!(value(&case.var("x", "last")), "\"last\"");
}

#[test]
fn texts_are_read_by_type() {
    let project = Case::new(
        r#"
variable "text" { type = string }
variable "any" {}
variable "number" { type = number }
variable "list" { type = list(string) }
variable "object" { type = object({ a = string, b = optional(number, 3) }) }
output "all" { value = [var.text, var.any, var.number, var.list, var.object] }
"#,
    )
    .var("text", "[1]")
    .var("any", "12")
    .var("number", "12")
    .var("list", "[\"a\", \"b\"]")
    .var("object", "{ a = 1 }")
    .project();
    assert_eq!(
        show(&output(&project, "all")),
        r#"["[1]", "12", 12, ["a", "b"], {a: "1", b: 3}]"#
    );
}

#[test]
fn null_and_sensitive_variables() {
    let project = Case::new(
        r#"
variable "a" {
  default  = "x"
  nullable = false
}
variable "b" { default = null }
variable "c" {
  default   = "secret"
  sensitive = true
}
output "a" { value = var.a }
output "b" { value = var.b }
output "c" {
  value     = "${var.c}!"
  sensitive = true
}
"#,
    )
    .file("x.auto.vars.hcl", "a = null\nb = null\n")
    .project();
    let all = ["a", "b", "c"].map(|name| show(&output(&project, name)));
    assert_eq!(all, ["\"x\"", "null", "sensitive(\"secret!\")"]);
}

#[test]
fn a_project_is_checked_without_values() {
    let mut case = Case::new(
        r#"
variable "n" { type = number }
variable "all" { type = set(string) }
topic "a" { partitions = var.n }
topic "b" {
  for_each   = var.all
  name       = each.key
  partitions = 1
}
output "b" { value = [for t in topic.b : t.name] }
"#,
    );
    case.unset = UnsetVariables::Unknown;
    assert_eq!(case.project().resources.len(), 2);
}

#[test]
fn a_value_of_no_variable_is_a_warning() {
    let project = Case::new(TEXT).file("x.auto.vars.hcl", "y = 1\n").project();
    insta::assert_snapshot!(project.warnings.render(), @r#"
    Warning: There is no variable "y"
     --> x.auto.vars.hcl:1:1
      |
    1 | y = 1
      | ^
      The value is not used.
      hint: did you mean "x"?
    "#);
}

#[test]
fn bad_values_say_where_they_come_from() {
    let case = Case::new(
        r#"
variable "number" { type = number }
variable "list" { type = list(string) }
variable "word" { type = bool }
variable "missing" {}
variable "small" {
  type = number
  validation {
    condition     = var.small < 10
    error_message = "small must be below 10"
  }
  validation {
    condition     = var.small > -1
    error_message = "small must not be negative"
  }
}
variable "default" {
  type    = number
  default = "x"
}
"#,
    )
    .file(
        "x.auto.vars.hcl",
        "number = [\n  1\n]\nother {\n}\nsmall = 12\n",
    )
    .var("list", "[")
    .var("word", "yes")
    .var("lst", "x");
    insta::assert_snapshot!(case.errors(), @r#"
    Error: --var: there is no variable "lst"
      hint: did you mean "list"?

    Error: Invalid value of the variable "list"
     --> main.hcl:3:1
      |
    3 | variable "list" { type = list(string) }
      | ^^^^^^^^^^^^^^^
      It is no expression: invalid expression; expected `"`, `[`, `{`, `-`, `!`, `(`, `_`, `<`, letter or digit.
      It comes from --var list=….

    Error: Invalid value of the variable "word"
     --> main.hcl:4:1
      |
    4 | variable "word" { type = bool }
      | ^^^^^^^^^^^^^^^
      It is the bare word yes.
      It comes from --var word=….

    Error: The variable "missing" has no value
     --> main.hcl:5:1
      |
    5 | variable "missing" {}
      | ^^^^^^^^^^^^^^^^^^
      hint: give it with --var missing=VALUE, in a file of values, as STREAMFORM_VAR_missing, or with a default

    Error: Invalid value of the variable "small"
     --> main.hcl:9:21
      |
    9 |     condition     = var.small < 10
      |                     ^^^^^^^^^^^^^^
      small must be below 10
      The value comes from x.auto.vars.hcl.

    Error: The default of "default" is not of its type
      --> main.hcl:19:13
       |
    19 |   default = "x"
       |             ^^^
      A number is required.

    Error: Invalid value of the variable "number"
     --> x.auto.vars.hcl:1:10
      |
    1 | number = [
      |          ^
      A number is required.
      It comes from x.auto.vars.hcl.

    Error: A file of values holds no blocks
     --> x.auto.vars.hcl:4:1
      |
    4 | other {
      | ^^^^^
      hint: write NAME = VALUE
    "#);
}

#[test]
fn a_values_file_that_is_not_there() {
    let case = Case::new(
        "environment \"dev\" { values = \"../dev.vars.hcl\" }\nenvironment \"b\" { values = \"no.vars.hcl\" }\n",
    );
    insta::assert_snapshot!(case.environment("dev").errors(), @r#"
    Error: Cannot read "../dev.vars.hcl"
     --> main.hcl:1:30
      |
    1 | environment "dev" { values = "../dev.vars.hcl" }
      |                              ^^^^^^^^^^^^^^^^^
      The path leads out of the project.
    "#);
}
