//! Bad input of each kind: the messages.

#![expect(clippy::too_many_lines, reason = "long snapshots read better whole")]

use super::Case;

#[test]
fn several_syntax_errors_in_one_run() {
    let case = Case::new("topic \"a\" {\n  partitions = = 1\n}\n\ntopic \"b\" {\n  partitions = 1\n}\n\ntopic \"c\" {\n  partitions = [1,\n")
        .file("other.hcl", "topic \"d\" {\n  a = 1\n  a = 2\n}\n");
    insta::assert_snapshot!(case.errors(), @r#"
    Error: Invalid syntax
     --> main.hcl:2:16
      |
    2 |   partitions = = 1
      |                ^
      Invalid expression; expected `"`, `[`, `{`, `-`, `!`, `(`, `_`, `<`, letter or digit.

    Error: Invalid syntax
      --> main.hcl:10:19
       |
    10 |   partitions = [1,
       |                   ^
      Expected `]`.
      hint: the block may lack its closing brace

    Error: The attribute "a" is set twice
     --> other.hcl:3:3
      |
    3 |   a = 2
      |   ^
    "#);
}

#[test]
fn a_file_that_is_not_text() {
    let mut case = Case::new("");
    case.files
        .insert("bad.hcl", b"topic \"a\" {\n  # \xff\n}\n");
    insta::assert_snapshot!(case.errors(), @r#"
    Error: "bad.hcl" is not UTF-8 text
      Byte 0xff in line 2 begins no character.
      hint: save the file as UTF-8
    "#);
}

#[test]
fn an_empty_folder() {
    insta::assert_snapshot!(Case::default().errors(), @r#"
    Error: There is no project in "."
      The folder holds no file whose name ends in .hcl.
    "#);
}

#[test]
fn unknown_names_of_blocks_and_attributes() {
    let case = Case::new(
        r#"
topc "a" { partitions = 1 }
resource "topic" "a" {}
topic "b" {
  partition = 1
  owner     = 1
  config {}
  rul "x" { pattern = "y" }
  rule { pattern = "y" }
  owner {}
  owner { pattern = "x" }
  lifecycle { prevent_destory = true }
  zzz = 1
}
topic "c" "d" { partitions = 1 }
topic "1x" { partitions = 1 }
variable "v" { ephemeral = true }
stray = 1
streamform {
  state "local" { anything = 1 }
}
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: Unknown block "topc"
     --> main.hcl:2:1
      |
    2 | topc "a" { partitions = 1 }
      | ^^^^^^^^
      hint: did you mean "topic"?

    Error: Unknown block "resource"
     --> main.hcl:3:1
      |
    3 | resource "topic" "a" {}
      | ^^^^^^^^^^^^^^^^^^^^
      hint: write the kind as the keyword, such as topic "NAME" { … }

    Error: The attribute "partitions" is missing
     --> main.hcl:4:1
      |
    4 | topic "b" {
      | ^^^^^^^^^
      One of the test's attributes.

    Error: Unknown attribute "partition"
     --> main.hcl:5:3
      |
    5 |   partition = 1
      |   ^^^^^^^^^
      hint: did you mean "partitions"?

    Error: Unknown attribute "owner"
     --> main.hcl:6:3
      |
    6 |   owner     = 1
      |   ^^^^^
      hint: owner is a block: write owner { … }

    Error: Unknown block "config"
     --> main.hcl:7:3
      |
    7 |   config {}
      |   ^^^^^^
      hint: config is an attribute: write config = …

    Error: Unknown block "rul"
     --> main.hcl:8:3
      |
    8 |   rul "x" { pattern = "y" }
      |   ^^^^^^^
      hint: did you mean "rule"?

    Error: Wrong number of labels of a rule block
     --> main.hcl:9:3
      |
    9 |   rule { pattern = "y" }
      |   ^^^^
      It has 1, not 0.

    Error: The attribute "pattern" is missing
      --> main.hcl:10:3
       |
    10 |   owner {}
       |   ^^^^^
      One of the test's attributes.

    Error: More than one owner block
      --> main.hcl:11:3
       |
    11 |   owner { pattern = "x" }
       |   ^^^^^
      This block may stand once.

    Error: Unknown attribute "prevent_destory"
      --> main.hcl:12:15
       |
    12 |   lifecycle { prevent_destory = true }
       |               ^^^^^^^^^^^^^^^
      hint: did you mean "prevent_destroy"?

    Error: Unknown attribute "zzz"
      --> main.hcl:13:3
       |
    13 |   zzz = 1
       |   ^^^
      hint: expected one of name, partitions, replication_factor, config, for_each, count, depends_on, provider

    Error: Wrong number of labels of a topic block
      --> main.hcl:15:1
       |
    15 | topic "c" "d" { partitions = 1 }
       | ^^^^^^^^^^^^^
      It is written topic "NAME" { … }, with one label.

    Error: "1x" is not a name
      --> main.hcl:16:7
       |
    16 | topic "1x" { partitions = 1 }
       |       ^^^^
      A name is a letter or "_", then letters, digits, "_" and "-".

    Error: The variable "v" has no value
      --> main.hcl:17:1
       |
    17 | variable "v" { ephemeral = true }
       | ^^^^^^^^^^^^
      hint: give it with --var v=VALUE, in a file of values, as STREAMFORM_VAR_v, or with a default

    Error: Unknown attribute "ephemeral"
      --> main.hcl:17:16
       |
    17 | variable "v" { ephemeral = true }
       |                ^^^^^^^^^
      hint: expected one of type, default, description, sensitive, nullable

    Error: The attribute "stray" stands outside of a block
      --> main.hcl:18:1
       |
    18 | stray = 1
       | ^^^^^
      hint: values of variables belong in a file whose name ends in .vars.hcl
    "#);
}

#[test]
fn what_is_declared_twice() {
    let case = Case::new(
        "topic \"a\" { partitions = 1 }\nvariable \"v\" {}\nlocals { l = 1 }\nenvironment \"e\" {}\nprovider \"kafka\" { bootstrap_servers = \"b\" }\n",
    )
    .file(
        "again.hcl",
        "topic \"a\" { partitions = 1 }\nvariable \"v\" {}\nlocals { l = 1 }\nenvironment \"e\" {}\n",
    )
    .environment("e");
    insta::assert_snapshot!(case.errors(), @r#"
    Error: The variable "v" has no value
     --> again.hcl:2:1
      |
    2 | variable "v" {}
      | ^^^^^^^^^^^^
      hint: give it with --var v=VALUE, in a file of values, as STREAMFORM_VAR_v, or with a default

    Error: topic "a" is declared twice
     --> main.hcl:1:1
      |
    1 | topic "a" { partitions = 1 }
      | ^^^^^^^^^
      The first one is at again.hcl:1.

    Error: variable "v" is declared twice
     --> main.hcl:2:1
      |
    2 | variable "v" {}
      | ^^^^^^^^^^^^
      The first one is at again.hcl:2.

    Error: local "l" is declared twice
     --> main.hcl:3:10
      |
    3 | locals { l = 1 }
      |          ^
      The first one is at again.hcl:3.

    Error: environment "e" is declared twice
     --> main.hcl:4:1
      |
    4 | environment "e" {}
      | ^^^^^^^^^^^^^^^
      The first one is at again.hcl:4.

    Error: provider kafka is declared twice
     --> provider.hcl:1:1
      |
    1 | provider "kafka" { bootstrap_servers = "localhost:9092" }
      | ^^^^^^^^^^^^^^^^
      The first one is at main.hcl:5.
      hint: give one of them another alias
    "#);
}

#[test]
fn names_that_are_not_declared() {
    let case = Case::new(
        r#"
variable "replication" { default = 3 }
locals { retention = 1 }
topic "orders" { partitions = 1 }
topic "a" {
  partitions         = var.replicaton
  replication_factor = local.retnetion
  name               = topic.oders.name
  config = {
    a = retention
    b = each.key
    c = path.cwd
    d = var
    e = topic.orders.partitons
    f = self.name
    g = module.none.x
  }
}
topic "b" {
  for_each   = toset(["x"])
  name       = each.vlaue
  partitions = 1
}
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: There is no variable "replicaton"
     --> main.hcl:6:24
      |
    6 |   partitions         = var.replicaton
      |                        ^^^^^^^^^^^^^^
      var.replicaton is not declared in this module.
      hint: did you mean "replication"?

    Error: There is no local value "retnetion"
     --> main.hcl:7:24
      |
    7 |   replication_factor = local.retnetion
      |                        ^^^^^^^^^^^^^^^
      local.retnetion is not declared in this module.
      hint: did you mean "retention"?

    Error: There is no topic "oders"
     --> main.hcl:8:24
      |
    8 |   name               = topic.oders.name
      |                        ^^^^^^^^^^^^^^^^
      topic.oders is not declared in this module.
      hint: did you mean "orders"?

    Error: Unknown name "retention"
      --> main.hcl:10:9
       |
    10 |     a = retention
       |         ^^^^^^^^^
      An expression refers to var, local, module, path, environment or a kind of object.
      hint: write local.retention

    Error: each cannot be used here
      --> main.hcl:11:9
       |
    11 |     b = each.key
       |         ^^^^^^^^
      It belongs to the inside of a block with for_each.

    Error: path has no attribute "cwd"
      --> main.hcl:12:9
       |
    12 |     c = path.cwd
       |         ^^^^^^^^
      hint: write path.module or path.root

    Error: var is no value by itself
      --> main.hcl:13:9
       |
    13 |     d = var
       |         ^^^
      hint: write var.NAME

    Error: self cannot be used here
      --> main.hcl:15:9
       |
    15 |     f = self.name
       |         ^^^^^^^^^
      It is the object of a postcondition.

    Error: There is no module "none"
      --> main.hcl:16:9
       |
    16 |     g = module.none.x
       |         ^^^^^^^^^^^^^
      module.none is not declared in this module.

    Error: each has no attribute "vlaue"
      --> main.hcl:21:16
       |
    21 |   name       = each.vlaue
       |                ^^^^^^^^^^
      hint: did you mean "value"?
    "#);
}

#[test]
fn cycles_are_shown_whole() {
    let case = Case::new(
        r#"
locals {
  a = local.b
  b = "${local.c}x"
  c = local.a
  d = local.c
}
topic "x" {
  partitions = topic.y.partitions
}
topic "y" {
  partitions = 1
  depends_on = [topic.x]
}
topic "z" {
  name       = topic.z.name
  partitions = 1
}
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: 3 values refer to each other in a circle
     --> main.hcl:3:7
      |
    3 |   a = local.b
      |       ^^^^^^^
      local.a refers to local.b at main.hcl:3
      local.b refers to local.c at main.hcl:4
      local.c refers to local.a at main.hcl:5

    Error: 2 values refer to each other in a circle
     --> main.hcl:9:16
      |
    9 |   partitions = topic.y.partitions
      |                ^^^^^^^^^^^^^^^^^^
      topic.x refers to topic.y at main.hcl:9
      topic.y refers to topic.x at main.hcl:13

    Error: topic.z refers to itself
      --> main.hcl:16:16
       |
    16 |   name       = topic.z.name
       |                ^^^^^^^^^^^^
      topic.z refers to topic.z at main.hcl:16
    "#);
}

#[test]
fn what_cannot_be_repeated() {
    let case = Case::new(
        r#"
variable "secret" {
  default   = "a"
  sensitive = true
}
topic "list" {
  for_each   = ["a"]
  name       = each.key
  partitions = 1
}
topic "null" {
  for_each   = null
  name       = each.key
  partitions = 1
}
topic "sensitive" {
  for_each   = { (var.secret) = 1 }
  name       = each.key
  partitions = 1
}
topic "sensitive_element" {
  for_each   = toset([var.secret])
  name       = each.key
  partitions = 1
}
topic "numbers" {
  for_each   = toset([1])
  name       = each.key
  partitions = 1
}
topic "text" {
  for_each   = "a"
  name       = each.key
  partitions = 1
}
topic "negative" {
  count      = -1
  name       = "x"
  partitions = 1
}
topic "half" {
  count      = 1.5
  name       = "x"
  partitions = 1
}
topic "word" {
  count      = "two"
  name       = "x"
  partitions = 1
}
topic "many" {
  count      = 1000000000
  name       = "x"
  partitions = 1
}
topic "both" {
  count      = 1
  for_each   = {}
  name       = "x"
  partitions = 1
}
topic "nameless" {
  count      = 2
  partitions = 1
}
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: Invalid for_each
     --> main.hcl:7:16
      |
    7 |   for_each   = ["a"]
      |                ^^^^^
      It is a list, whose elements have no keys.
      hint: write toset([…]), or a map whose keys are names

    Error: Invalid for_each
      --> main.hcl:12:16
       |
    12 |   for_each   = null
       |                ^^^^
      It is null.
      hint: write {} for no instances

    Error: Invalid for_each
      --> main.hcl:17:16
       |
    17 |   for_each   = { (var.secret) = 1 }
       |                ^^^^^^^^^^^^^^^^^^^^
      It is sensitive, and its keys would be shown as parts of addresses.
      hint: take the keys with nonsensitive() where they are no secrets

    Error: Invalid for_each
      --> main.hcl:22:16
       |
    22 |   for_each   = toset([var.secret])
       |                ^^^^^^^^^^^^^^^^^^^
      It is sensitive, and its keys would be shown as parts of addresses.
      hint: take the keys with nonsensitive() where they are no secrets

    Error: Invalid for_each
      --> main.hcl:27:16
       |
    27 |   for_each   = toset([1])
       |                ^^^^^^^^^^
      A set must hold strings, and the type of one element is number.

    Error: Invalid for_each
      --> main.hcl:32:16
       |
    32 |   for_each   = "a"
       |                ^^^
      Its type is string, not a map or a set of strings.

    Error: Invalid count
      --> main.hcl:37:16
       |
    37 |   count      = -1
       |                ^^
      It must be a whole number from 0 on.

    Error: Invalid count
      --> main.hcl:42:16
       |
    42 |   count      = 1.5
       |                ^^^
      It must be a whole number from 0 on.

    Error: Invalid count
      --> main.hcl:47:16
       |
    47 |   count      = "two"
       |                ^^^^^
      A number is required.

    Error: Invalid count
      --> main.hcl:52:16
       |
    52 |   count      = 1000000000
       |                ^^^^^^^^^^
      A block may have 100000 instances.

    Error: A block has either for_each or count, not both
      --> main.hcl:57:3
       |
    57 |   count      = 1
       |   ^^^^^

    Error: The attribute "name" is missing
      --> main.hcl:62:1
       |
    62 | topic "nameless" {
       | ^^^^^^^^^^^^^^^^
      on topic.nameless[0]
      All instances of the block would have the same name.
      hint: write name = "…-${count.index}"
    "#);
}

#[test]
fn one_mistake_is_reported_once() {
    // What uses a value that failed is not looked at.
    let case = Case::new(
        r#"
locals {
  bad  = 1 + "x"
  uses = local.bad + 1
}
topic "a" {
  count      = 3
  name       = "a${count.index}"
  partitions = local.uses
}
topic "b" {
  for_each   = toset(["x", "y"])
  name       = each.key
  partitions = 1 + each.key
}
output "o" { value = [topic.a[0].name, topic.b["x"].name] }
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: Invalid operand
     --> main.hcl:3:14
      |
    3 |   bad  = 1 + "x"
      |              ^^^
      Here a number is required.

    Error: Invalid operand
      --> main.hcl:14:20
       |
    14 |   partitions = 1 + each.key
       |                    ^^^^^^^^
      on topic.b["x"]
      Here a number is required.
    "#);
}

#[test]
fn bad_lifecycles_and_conditions() {
    let case = Case::new(
        r#"
topic "a" {
  partitions = 1
  lifecycle {
    prevent_destroy = "maybe"
    ignore_changes  = [partition, 1]
    precondition {
      condition     = 1 > 2
      error_message = "one is not above two"
    }
    precondition {
      condition     = "x"
      error_message = "no"
    }
  }
}
topic "b" {
  partitions = null
  depends_on = [var.x, "topic.a", topic.nothing]
  lifecycle { ignore_changes = everything }
}
variable "x" { default = 1 }
check "empty" {}
output "shown" { value = var.hidden }
variable "hidden" {
  default   = 1
  sensitive = true
}
topic "c" {
  partitions = 1
  dynamic "owner" {
    for_each = [1, 2]
    content { pattern = owner.value }
  }
  dynamic "rule" {
    for_each = 3
    labels   = ["x"]
    content { pattern = "x" }
  }
  dynamic "rule" {
    for_each = [1]
    content { pattern = "x" }
  }
  dynamic "nothing" {
    for_each = []
    content {}
  }
}
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: true or false is needed here
     --> main.hcl:5:23
      |
    5 |     prevent_destroy = "maybe"
      |                       ^^^^^^^
      on topic.a

    Error: A topic has no attribute "partition"
     --> main.hcl:6:24
      |
    6 |     ignore_changes  = [partition, 1]
      |                        ^^^^^^^^^
      hint: did you mean "partitions"?

    Error: ignore_changes lists attributes of the object
     --> main.hcl:6:35
      |
    6 |     ignore_changes  = [partition, 1]
      |                                   ^
      hint: write [partitions, config["retention.ms"]]

    Error: A precondition of topic "a" does not hold
     --> main.hcl:8:23
      |
    8 |       condition     = 1 > 2
      |                       ^^^^^
      on topic.a
      one is not above two

    Error: A condition is true or false
      --> main.hcl:12:23
       |
    12 |       condition     = "x"
       |                       ^^^
      on topic.a

    Error: The attribute "partitions" is null
      --> main.hcl:18:16
       |
    18 |   partitions = null
       |                ^^^^
      on topic.b
      It must have a value.

    Error: depends_on names objects and modules only
      --> main.hcl:19:17
       |
    19 |   depends_on = [var.x, "topic.a", topic.nothing]
       |                 ^^^^^
      hint: write topic.NAME or module.NAME

    Error: depends_on names objects and modules only
      --> main.hcl:19:24
       |
    19 |   depends_on = [var.x, "topic.a", topic.nothing]
       |                        ^^^^^^^^^
      hint: write topic.NAME or module.NAME

    Error: There is no topic "nothing"
      --> main.hcl:19:35
       |
    19 |   depends_on = [var.x, "topic.a", topic.nothing]
       |                                   ^^^^^^^^^^^^^
      topic.nothing is not declared in this module.

    Error: ignore_changes is a list of attributes, or all
      --> main.hcl:20:32
       |
    20 |   lifecycle { ignore_changes = everything }
       |                                ^^^^^^^^^^
      hint: write [partitions, config["retention.ms"]] or all

    Error: A check needs an assert block
      --> main.hcl:23:1
       |
    23 | check "empty" {}
       | ^^^^^^^^^^^^^

    Error: The output "shown" would show a sensitive value
      --> main.hcl:24:26
       |
    24 | output "shown" { value = var.hidden }
       |                          ^^^^^^^^^^
      hint: add sensitive = true, or take nonsensitive() of what is no secret

    Error: More than one owner block
      --> main.hcl:31:3
       |
    31 |   dynamic "owner" {
       |   ^^^^^^^^^^^^^^^
      on topic.c
      This block may stand once, and there are 2.

    Error: Invalid for_each of a dynamic block
      --> main.hcl:36:16
       |
    36 |     for_each = 3
       |                ^
      on topic.c
      It must be a known collection that is not sensitive; its type is number.

    Error: Wrong number of labels of a rule block
      --> main.hcl:40:3
       |
    40 |   dynamic "rule" {
       |   ^^^^^^^^^^^^^^
      on topic.c
      It has 1, not 0.

    Error: Unknown block "nothing"
      --> main.hcl:44:11
       |
    44 |   dynamic "nothing" {
       |           ^^^^^^^^^
      hint: expected one of rule, owner, lifecycle
    "#);
}

#[test]
fn bad_settings() {
    let case = Case::new(
        r#"
streamform {
  required_version = ">= 9"
  max_deletions    = -1
  state "local" { path = var.x }
}
variable "x" { default = 1 }
environment "dev" {
  apply         = "automatic"
  drift         = "rever"
  promotes_from = "prod"
  allow_destroy = ["topic."]
  verify {
    soak  = "10"
    pause = 1
  }
}
environment "prod" { promotes_from = "dev" }
environment "next" { promotes_from = "stagin" }
"#,
    );
    insta::assert_snapshot!(case.environment("dev").errors(), @r#"
    Error: The project needs another version of streamform
     --> main.hcl:3:22
      |
    3 |   required_version = ">= 9"
      |                      ^^^^^^
      It requires >= 9, and this is 0.1.0.

    Error: Invalid value of max_deletions
     --> main.hcl:4:22
      |
    4 |   max_deletions    = -1
      |                      ^^
      It must be a whole number from 0 on.

    Error: var cannot be used here
     --> main.hcl:5:26
      |
    5 |   state "local" { path = var.x }
      |                          ^^^^^
      Settings are read before variables have values.

    Error: apply cannot be "automatic"
     --> main.hcl:9:19
      |
    9 |   apply         = "automatic"
      |                   ^^^^^^^^^^^
      It is one of auto, approval, manual.

    Error: drift cannot be "rever"
      --> main.hcl:10:19
       |
    10 |   drift         = "rever"
       |                   ^^^^^^^
      It is one of revert, report, ignore.
      hint: did you mean "revert"?

    Error: Environments promote in a circle
      --> main.hcl:11:19
       |
    11 |   promotes_from = "prod"
       |                   ^^^^^^
      It goes dev from prod from dev.

    Error: Invalid value of allow_destroy
      --> main.hcl:12:19
       |
    12 |   allow_destroy = ["topic."]
       |                   ^^^^^^^^^^
      "topic." is not an address such as topic.orders or module.orders: "" is not an identifier.

    Error: Invalid value of soak
      --> main.hcl:14:13
       |
    14 |     soak  = "10"
       |             ^^^^
      The unit is missing; the units are ms, s, m, h, d, w.

    Error: Unknown attribute "pause"
      --> main.hcl:15:5
       |
    15 |     pause = 1
       |     ^^^^^
      hint: expected one of soak

    Error: There is no environment "stagin"
      --> main.hcl:19:38
       |
    19 | environment "next" { promotes_from = "stagin" }
       |                                      ^^^^^^^^
    "#);
}

#[test]
fn an_environment_must_be_chosen() {
    let two = "environment \"dev\" {}\nenvironment \"prod\" {}\n";
    insta::assert_snapshot!(Case::new(two).errors(), @r#"
    Error: The project has several environments
      They are: dev, prod.
      hint: choose one with --env NAME
    "#);
    insta::assert_snapshot!(Case::new(two).environment("prd").errors(), @r#"
    Error: There is no environment "prd"
      The environments are: dev, prod.
      hint: did you mean "prod"?
    "#);
    insta::assert_snapshot!(Case::new("").environment("dev").errors(), @r#"
    Error: There is no environment "dev"
      The project declares none.
    "#);
}

#[test]
fn bad_address_blocks() {
    let case = Case::new(
        r#"
topic "a" { partitions = 1 }
moved {
  from = topic.a
  to   = topic.b
}
moved {
  from = topic.c
  to   = schema.c
}
moved {
  from = topic.d
  to   = topic.d
}
moved {
  from = topc.e
  to   = topic["e"]
}
removed { from = topic.f[var.x] }
import {
  to = module.m
  id = "x"
}
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: An object cannot become another kind of object
     --> main.hcl:7:1
      |
    7 | moved {
      | ^^^^^
      It moves topic.c to schema.c.

    Error: The old and the new address are the same
      --> main.hcl:11:1
       |
    11 | moved {
       | ^^^^^
      It moves topic.d to topic.d.

    Error: There is no kind "topc"
      --> main.hcl:16:10
       |
    16 |   from = topc.e
       |          ^^^^^^
      hint: did you mean "topic"?

    Error: This is not an address
      --> main.hcl:17:10
       |
    17 |   to   = topic["e"]
       |          ^^^^^^^^^^
      An address is a kind and a name, with a plain key: topic.orders or topic.orders["eu"].

    Error: This is not an address
      --> main.hcl:19:18
       |
    19 | removed { from = topic.f[var.x] }
       |                  ^^^^^^^^^^^^^^
      An address is a kind and a name, with a plain key: topic.orders or topic.orders["eu"].

    Error: This is not an address
      --> main.hcl:21:8
       |
    21 |   to = module.m
       |        ^^^^^^^^
      An address is a kind and a name, with a plain key: topic.orders or topic.orders["eu"].
    "#);
    let case = Case::new(
        "topic \"a\" { partitions = 1 }\nremoved { from = topic.a }\nimport {\n  to = topic.aa\n  id = \"x\"\n}\nmoved {\n  from = topic.a\n  to = topic.b\n}\nmoved {\n  from = topic.o\n  to = topic.b\n}\nmoved {\n  from = topic.o\n  to = topic.a\n}\n",
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: topic.a is still declared
     --> main.hcl:2:1
      |
    2 | removed { from = topic.a }
      | ^^^^^^^
      A removed block is for what the project no longer holds.

    Error: topic.aa is not declared
     --> main.hcl:3:1
      |
    3 | import {
      | ^^^^^^
      An import needs the object's own block.
      hint: did you mean "topic.a"?

    Error: topic.a is still declared
     --> main.hcl:7:1
      |
    7 | moved {
      | ^^^^^
      It cannot have moved to topic.b.

    Error: topic.o moves twice
      --> main.hcl:15:1
       |
    15 | moved {
       | ^^^^^
    "#);
}

#[test]
fn files_that_functions_cannot_read() {
    let case = Case::new(
        "topic \"a\" {\n  partitions = 1\n  config = {\n    a = file(\"../../etc/passwd\")\n    b = file(\"nothing.txt\")\n  }\n}\n",
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: Invalid argument "path" of file()
     --> main.hcl:4:14
      |
    4 |     a = file("../../etc/passwd")
      |              ^^^^^^^^^^^^^^^^^^
      on topic.a
      "../../etc/passwd": the path leads out of the project; only files of the project can be read.

    Error: Invalid argument "path" of file()
     --> main.hcl:5:14
      |
    5 |     b = file("nothing.txt")
      |              ^^^^^^^^^^^^^
      on topic.a
      "nothing.txt": no such file.
    "#);
}
