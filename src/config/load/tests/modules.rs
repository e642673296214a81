//! Modules: nested, repeated, with providers.

use super::{Case, output, show, summary};

fn nested() -> Case {
    Case::new(
        r#"
provider "kafka" {
  alias             = "east"
  bootstrap_servers = "east:9092"
}
module "streams" {
  source     = "./modules/pair"
  for_each   = toset(["orders", "refunds"])
  name       = each.key
  partitions = 3
  providers  = { kafka = kafka.east }
}
topic "copy" {
  name       = module.streams["orders"].names[0]
  partitions = [for stream in module.streams : 2][0]
}
topic "of_one" {
  name       = "${module.streams["orders"].names[0]}.copy"
  partitions = 1
}
output "all" { value = { for key, stream in module.streams : key => stream.names } }
"#,
    )
    .file(
        "modules/pair/main.hcl",
        r#"
variable "name" { type = string }
variable "partitions" {
  type    = number
  default = 1
}
module "dead" {
  source = "../single"
  count  = 1
  name   = "${var.name}.dead"
}
topic "main" {
  name       = var.name
  partitions = var.partitions
  depends_on = [module.dead]
}
output "names" { value = [topic.main.name, module.dead[0].topic.name] }
output "path" { value = path.module }
"#,
    )
    .file(
        "modules/single/main.hcl",
        r#"
variable "name" {}
topic "this" {
  name       = var.name
  partitions = 1
}
output "topic" { value = topic.this }
"#,
    )
}

#[test]
fn modules_nest_and_repeat() {
    let project = nested().project();
    insta::assert_snapshot!(summary(&project), @r#"
    topic.copy (kafka) name="orders" partitions=2
      after module.streams["orders"].topic.main
      after module.streams["orders"].module.dead[0].topic.this
      after module.streams["refunds"].topic.main
      after module.streams["refunds"].module.dead[0].topic.this
    topic.of_one (kafka) name="orders.copy" partitions=1
      after module.streams["orders"].topic.main
      after module.streams["orders"].module.dead[0].topic.this
    module.streams["orders"].topic.main (kafka.east) name="orders" partitions=3
      after module.streams["orders"].module.dead[0].topic.this
    module.streams["orders"].module.dead[0].topic.this (kafka.east) name="orders.dead" partitions=1
    module.streams["refunds"].topic.main (kafka.east) name="refunds" partitions=3
      after module.streams["refunds"].module.dead[0].topic.this
    module.streams["refunds"].module.dead[0].topic.this (kafka.east) name="refunds.dead" partitions=1
    "#);
    assert_eq!(
        show(&output(&project, "all")),
        r#"{orders: ["orders", "orders.dead"], refunds: ["refunds", "refunds.dead"]}"#
    );
}

#[test]
fn inputs_and_outputs_of_two_modules_may_cross() {
    // a.first → b.second → a.third is no cycle, although the modules refer to each other.
    let project = Case::new(
        r#"
module "a" {
  source = "./m"
  one    = "1"
  two    = module.b.one
}
module "b" {
  source = "./m"
  one    = module.a.one
  two    = "2"
}
output "x" { value = module.a.two }
"#,
    )
    .file(
        "m/main.hcl",
        "variable \"one\" {}\nvariable \"two\" {}\noutput \"one\" { value = var.one }\noutput \"two\" { value = var.two }\n",
    )
    .project();
    assert_eq!(show(&output(&project, "x")), "\"1\"");
}

#[test]
fn a_module_comes_after_what_it_depends_on() {
    let project = Case::new(
        r#"
topic "first" { partitions = 1 }
topic "given" { partitions = 1 }
module "m" {
  source     = "./m"
  name       = topic.given.name
  depends_on = [topic.first]
}
topic "last" {
  partitions = 1
  depends_on = [module.m]
}
"#,
    )
    .file(
        "m/main.hcl",
        "variable \"name\" {}\ntopic \"inner\" { partitions = 1 }\ntopic \"named\" {\n  name = \"${var.name}-2\"\n  partitions = 1\n}\nmoved {\n  from = topic.old\n  to = topic.inner\n}\n",
    )
    .project();
    insta::assert_snapshot!(summary(&project), @r#"
    topic.first (kafka) name="first" partitions=1
    topic.given (kafka) name="given" partitions=1
    topic.last (kafka) name="last" partitions=1
      after module.m.topic.inner
      after module.m.topic.named
    module.m.topic.inner (kafka) name="inner" partitions=1
      after topic.first
    module.m.topic.named (kafka) name="given-2" partitions=1
      after topic.first
      after topic.given
    "#);
    assert_eq!(project.moved[0].from.to_string(), "module.m.topic.old");
}

#[test]
fn a_root_below_the_tree() {
    let mut case = Case::default()
        .file(
            "examples/a/main.hcl",
            "provider \"kafka\" { bootstrap_servers = \"x\" }\nmodule \"m\" { source = \"../../modules/m\" }\noutput \"p\" { value = [path.root, path.module, module.m.path] }\n",
        )
        .file("modules/m/main.hcl", "output \"path\" { value = path.module }\n");
    case.root = "examples/a";
    let project = case.project();
    assert_eq!(
        show(&output(&project, "p")),
        r#"[".", ".", "../../modules/m"]"#
    );
}

#[test]
fn bad_calls() {
    let case = Case::new(
        r#"
module "self" { source = "./loop" }
module "x" {
  source = "./m"
  nmae   = "a"
  inner { }
}
output "x" { value = module.x.tpoic }
"#,
    )
    .file("loop/main.hcl", "module \"again\" { source = \"../loop\" }\n")
    .file("m/main.hcl", "variable \"name\" {}\noutput \"topic\" { value = 1 }\nprovider \"kafka\" { bootstrap_servers = \"x\" }\nenvironment \"dev\" {}\nstreamform {\n  required_version = \">= 0.1\"\n  max_deletions = 1\n}\n");
    insta::assert_snapshot!(case.errors(), @r#"
    Error: The module "again" calls itself
     --> loop/main.hcl:1:1
      |
    1 | module "again" { source = "../loop" }
      | ^^^^^^^^^^^^^^
      It is called from within the folder that it names.

    Error: A called module holds no provider block
     --> m/main.hcl:3:1
      |
    3 | provider "kafka" { bootstrap_servers = "x" }
      | ^^^^^^^^^^^^^^^^
      Such a block belongs in the project's own folder.
      hint: pass a provider with providers = { … } in the module block

    Error: A called module holds no environment block
     --> m/main.hcl:4:1
      |
    4 | environment "dev" {}
      | ^^^^^^^^^^^^^^^^^
      Such a block belongs in the project's own folder.
      hint: give the module variables

    Error: A called module holds no streamform block
     --> m/main.hcl:5:1
      |
    5 | streamform {
      | ^^^^^^^^^^
      Such a block belongs in the project's own folder.
      hint: only required_version may stand there

    Error: The module "x" needs a value of "name"
     --> main.hcl:3:1
      |
    3 | module "x" {
      | ^^^^^^^^^^
      The variable is declared at m/main.hcl:1 without a default.

    Error: The module "x" has no variable "nmae"
     --> main.hcl:5:3
      |
    5 |   nmae   = "a"
      |   ^^^^
      hint: did you mean "name"?

    Error: Unknown block "inner"
     --> main.hcl:6:3
      |
    6 |   inner { }
      |   ^^^^^
      A module block holds attributes only.

    Error: The module "x" has no output "tpoic"
     --> main.hcl:8:22
      |
    8 | output "x" { value = module.x.tpoic }
      |                      ^^^^^^^^^^^^^^
      hint: did you mean "topic"?
    "#);
}

#[test]
fn bad_sources() {
    let case = Case::new(
        r#"
module "a" { source = "../../outside" }
module "b" { source = "registry/module" }
module "c" { source = var.x }
module "d" { }
module "e" { source = "./nowhere" }
"#,
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: The module's source leads out of the project
     --> main.hcl:2:23
      |
    2 | module "a" { source = "../../outside" }
      |                       ^^^^^^^^^^^^^^^

    Error: A module's source is a folder of this project
     --> main.hcl:3:23
      |
    3 | module "b" { source = "registry/module" }
      |                       ^^^^^^^^^^^^^^^^^
      It begins with "./" or "../".

    Error: A module's source is a plain text
     --> main.hcl:4:23
      |
    4 | module "c" { source = var.x }
      |                       ^^^^^
      Which files belong to a project is known before anything is evaluated.

    Error: A module needs a source
     --> main.hcl:5:1
      |
    5 | module "d" { }
      | ^^^^^^^^^^
      hint: write source = "./FOLDER"

    Error: Cannot read the folder "nowhere"
     --> main.hcl:6:1
      |
    6 | module "e" { source = "./nowhere" }
      | ^^^^^^^^^^
      No such file.
    "#);
}

#[test]
fn bad_providers() {
    let case = Case::new(
        r#"
topic "a" {
  partitions = 1
  provider   = kafka.est
}
topic "b" {
  partitions = 1
  provider   = registry
}
schema "c" { subject = "x" }
provider "kafka" {
  alias             = "east"
  bootstrap_servers = "x"
}
provider "kakfa" {}
provider "registry" {
  alias = "other"
  url   = topic.d.name
}
topic "d" { partitions = 1 }
module "m" { source = "./m" }
"#,
    )
    .file(
        "m/main.hcl",
        "topic \"x\" {\n  partitions = 1\n  provider = kafka.west\n}\n",
    );
    insta::assert_snapshot!(case.errors(), @r#"
    Error: The module "m" is given no provider kafka.west
     --> m/main.hcl:3:14
      |
    3 |   provider = kafka.west
      |              ^^^^^^^^^^
      hint: write providers = { "kafka.west" = … } in the module block

    Error: There is no provider kafka.est
     --> main.hcl:4:16
      |
    4 |   provider   = kafka.est
      |                ^^^^^^^^^
      hint: did you mean "kafka.east"?

    Error: A topic needs a provider "kafka"
     --> main.hcl:8:16
      |
    8 |   provider   = registry
      |                ^^^^^^^^
      registry is a provider of another kind.
      hint: write kafka or kafka.ALIAS

    Error: There is no provider registry
      --> main.hcl:10:1
       |
    10 | schema "c" { subject = "x" }
       | ^^^^^^^^^^
      hint: declare provider "registry" { … } in the root module

    Error: Unknown provider "kakfa"
      --> main.hcl:15:1
       |
    15 | provider "kakfa" {}
       | ^^^^^^^^^^^^^^^^
      The providers are: kafka, registry.
      hint: did you mean "kafka"?

    Error: A provider's settings cannot come from objects
      --> main.hcl:16:1
       |
    16 | provider "registry" {
       | ^^^^^^^^^^^^^^^^^^^
      The provider is needed to read the objects.
    "#);
}
