//! Projects that load.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::Duration;

use super::{Case, output, show, summary};
use crate::address::EnvironmentName;
use crate::config::load::{environments, locate};
use crate::config::project::{ApplyPolicy, DriftPolicy};

#[test]
fn a_project_of_several_files() {
    let project = Case::default()
        .file(
            "a.hcl",
            "\u{feff}streamform {\r\n  required_version = \">= 0.1, < 2\"\r\n  max_deletions = 3\r\n  state \"local\" { path = \".state-${environment.name}\" }\r\n}\r\n",
        )
        .file("b.hcl", "provider \"kafka\" { bootstrap_servers = var.bootstrap }\n")
        .file(
            "c.hcl",
            r#"
variable "bootstrap" { type = string }
locals {
  week    = 7 * local.day
  day     = 86400000
  streams = { orders = 12, refunds = 3 }
}
topic "audit" {
  partitions = 1
  config = { "retention.ms" = local.week }
}
topic "stream" {
  for_each   = local.streams
  name       = "${each.key}.v1"
  partitions = each.value
  depends_on = [topic.audit]
}
topic "numbered" {
  count      = 2
  name       = "n-${count.index}"
  partitions = topic.audit.partitions
}
output "names" { value = [for key, topic in topic.stream : "${key}=${topic.name}"] }
output "factor" { value = topic.numbered[1].replication_factor }
"#,
        )
        .file("ignored.test.hcl", "not even HCL")
        .var("bootstrap", "localhost:9092")
        .project();
    insta::assert_snapshot!(summary(&project), @r#"
    topic.audit (kafka) config={retention.ms: 604800000} name="audit" partitions=1
    topic.numbered[0] (kafka) name="n-0" partitions=1
      after topic.audit
    topic.numbered[1] (kafka) name="n-1" partitions=1
      after topic.audit
    topic.stream["orders"] (kafka) name="orders.v1" partitions=12
      after topic.audit
    topic.stream["refunds"] (kafka) name="refunds.v1" partitions=3
      after topic.audit
    "#);
    assert_eq!(
        show(&output(&project, "names")),
        r#"["orders=orders.v1", "refunds=refunds.v1"]"#
    );
    assert_eq!(show(&output(&project, "factor")), "null");
    let state = project.settings.state.unwrap();
    assert_eq!(
        show(&state.attributes.get("path").unwrap().value),
        r#"".state-default""#
    );
    assert_eq!(project.settings.max_deletions, Some(3));
    assert_eq!(project.environment.name.as_str(), "default");
    assert!(project.warnings.is_empty());
}

#[test]
fn a_text_that_cannot_be_cut_is_parsed_whole() {
    // An interpolation over several lines: its brace seems to end the block.
    let text = "topic \"a\" {\n  name = \"${\n  \"x\"\n  }\"\n  partitions = 1\n}\ntopic \"b\" { partitions = 2 }\n";
    let project = Case::new(text).project();
    insta::assert_snapshot!(summary(&project), @r#"
    topic.a (kafka) name="x" partitions=1
    topic.b (kafka) name="b" partitions=2
    "#);
    // What follows looks like the block of another object.
    let text = "topic \"a\" {\n  partitions = \"${\n  1\n  }\"\n  topic \"b\" {\n  }\n}\n";
    insta::assert_snapshot!(Case::new(text).errors(), @r#"
    Error: Unknown block "topic"
     --> main.hcl:5:3
      |
    5 |   topic "b" {
      |   ^^^^^^^^^
      hint: expected one of rule, owner, lifecycle
    "#);
}

#[test]
fn environments_have_settings() {
    let case = Case::new(
        r#"
environment "prod" {
  promotes_from = "dev"
  apply         = "approval"
  drift         = "report"
  max_deletions = 0
  allow_destroy  = ["topic.old", "module.a"]
  allow_breaking = ["topic.a"]
  verify { soak = "1d12h" }
}
environment "dev" {}
"#,
    );
    let prod = case.environment("prod").project();
    assert_eq!(
        prod.environments
            .iter()
            .map(EnvironmentName::as_str)
            .collect::<Vec<_>>(),
        ["dev", "prod"]
    );
    let environment = prod.environment;
    assert_eq!(environment.apply, ApplyPolicy::Approval);
    assert_eq!(environment.drift, DriftPolicy::Report);
    assert_eq!(environment.max_deletions, Some(0));
    assert_eq!(environment.allow_destroy.len(), 2);
    assert_eq!(environment.allow_breaking.len(), 1);
    assert_eq!(environment.promotes_from.unwrap().as_str(), "dev");
    assert_eq!(
        environment.verify.unwrap().soak,
        Some(Duration::from_hours(36))
    );
}

#[test]
fn environments_are_listed_without_loading() {
    let case = Case::new(
        "environment \"b\" {}\nenvironment \"a\" {}\ntopic \"x\" { partitions = var.nothing }\n\
         topic \"y\" { partitions = }\n",
    );
    let names = environments(&case.files, "").unwrap();
    assert_eq!(
        names
            .iter()
            .map(EnvironmentName::as_str)
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn the_head_is_told_before_objects_are_looked_at() {
    let told = |case: &Case| {
        let seen = RefCell::new(Vec::new());
        let loaded = case.load_telling(Some(&|head| {
            let providers = head.providers.keys().map(ToString::to_string);
            seen.borrow_mut()
                .push((head.environment.to_string(), providers.collect::<Vec<_>>()));
        }));
        (seen.into_inner(), loaded.is_ok())
    };
    let head = vec![("default".to_owned(), vec!["kafka".to_owned()])];
    let right = Case::new("topic \"a\" { partitions = local.two }\nlocals { two = 2 }\n");
    assert_eq!(told(&right), (head.clone(), true));
    let wrong = Case::new("topic \"a\" { partitions = \"many\" + 1 }\n");
    assert_eq!(told(&wrong), (head, false));
    let unreachable = Case::default().file(
        "main.hcl",
        "provider \"kafka\" { bootstrap_servers = 1 / 0 }\ntopic \"a\" { partitions = 1 }\n",
    );
    assert_eq!(told(&unreachable), (Vec::new(), false));
}

#[test]
fn nested_blocks_and_dynamic_blocks() {
    let project = Case::new(
        r#"
topic "a" {
  partitions = 1
  owner { pattern = "x" }
  rule "first" { pattern = "p" }
  dynamic "rule" {
    for_each = { b = "B", c = "C" }
    iterator = it
    labels   = ["${it.key}-label"]
    content {
      pattern = it.value
    }
  }
  dynamic "rule" {
    for_each = []
    labels   = ["none"]
    content {
      pattern = rule.value
    }
  }
}
"#,
    )
    .project();
    let topic = project.resources.values().next().unwrap();
    let blocks: Vec<String> = topic
        .body
        .blocks
        .iter()
        .map(|b| {
            format!(
                "{} {:?} {}",
                b.keyword,
                b.labels,
                show(&b.attributes.get("pattern").unwrap().value)
            )
        })
        .collect();
    assert_eq!(
        blocks,
        [
            r#"owner [] "x""#,
            r#"rule ["first"] "p""#,
            r#"rule ["b-label"] "B""#,
            r#"rule ["c-label"] "C""#,
        ]
    );
}

#[test]
fn lifecycles_are_evaluated() {
    let project = Case::new(
        r#"
variable "safe" { default = true }
topic "a" {
  partitions = 1
  lifecycle {
    prevent_destroy = var.safe
    ignore_changes  = [partitions, config["retention.ms"]]
    precondition {
      condition     = var.safe
      error_message = "unsafe"
    }
    postcondition {
      condition     = self.partitions > 1
      error_message = "${self.name} has one partition"
    }
  }
}
topic "b" {
  partitions = 1
  lifecycle {
    allow_destroy  = true
    allow_breaking = true
    ignore_changes = all
  }
}
"#,
    )
    .project();
    let mut topics = project.resources.into_values();
    let a = topics.next().unwrap().lifecycle;
    assert!(a.prevent_destroy && !a.allow_destroy && !a.allow_breaking);
    assert!(!a.ignore_all_changes);
    assert_eq!(
        a.ignore_changes.join(" "),
        "partitions config[\"retention.ms\"]"
    );
    let check = &a.postconditions[0];
    assert_eq!(check.passed, Some(false));
    assert_eq!(&*check.message, "a has one partition");
    assert_eq!(&*check.name, "topic.a postcondition");
    let b = topics.next().unwrap().lifecycle;
    assert!(b.allow_destroy && b.allow_breaking && b.ignore_all_changes);
}

#[test]
fn dependencies_are_followed_through_values() {
    let project = Case::new(
        r#"
locals {
  name  = "${topic.a.name}-x"
  names = [local.name, topic.each["k"].name]
}
topic "a" { partitions = 1 }
topic "each" {
  for_each   = toset(["k", "l"])
  name       = each.key
  partitions = 1
}
topic "through_local" {
  partitions = 1
  config     = { x = local.name }
}
topic "one_instance" {
  partitions = [for name in local.names : 2][0]
}
topic "all_instances" {
  partitions = [for topic in topic.each : 2][0]
}
topic "same_instance" {
  for_each   = toset(["k", "l"])
  name       = "${topic.each[each.key].name}-2"
  partitions = 1
}
topic "chained" {
  for_each   = topic.each
  name       = "${each.value.name}-3"
  partitions = 1
}
topic "attribute" {
  name       = "${topic.a["name"]}-2"
  partitions = 1
}
topic "none" { partitions = 1 }
"#,
    )
    .project();
    insta::assert_snapshot!(summary(&project), @r#"
    topic.a (kafka) name="a" partitions=1
    topic.all_instances (kafka) name="all_instances" partitions=2
      after topic.each["k"]
      after topic.each["l"]
    topic.attribute (kafka) name="a-2" partitions=1
      after topic.a
    topic.chained["k"] (kafka) name="k-3" partitions=1
      after topic.each["k"]
    topic.chained["l"] (kafka) name="l-3" partitions=1
      after topic.each["l"]
    topic.each["k"] (kafka) name="k" partitions=1
    topic.each["l"] (kafka) name="l" partitions=1
    topic.none (kafka) name="none" partitions=1
    topic.one_instance (kafka) name="one_instance" partitions=2
      after topic.a
      after topic.each["k"]
    topic.same_instance["k"] (kafka) name="k-2" partitions=1
      after topic.each["k"]
    topic.same_instance["l"] (kafka) name="l-2" partitions=1
      after topic.each["l"]
    topic.through_local (kafka) config={x: "a-x"} name="through_local" partitions=1
      after topic.a
    "#);
}

#[test]
fn moved_import_and_removed() {
    let project = Case::new(
        r#"
topic "a" { partitions = 1 }
topic "b" {
  for_each   = toset(["x", "y"])
  name       = each.key
  partitions = 1
}
moved {
  from = topic.old
  to   = topic.b["x"]
}
moved {
  from = topic.b
  to   = topic.b["y"]
}
import {
  to = topic.a
  id = "live-a"
}
import {
  for_each = toset(["x", "y"])
  to       = topic.b[each.key]
  id       = "live-${each.key}"
}
removed {
  from = topic.gone
  lifecycle { destroy = false }
}
removed { from = module.gone }
"#,
    )
    .project();
    let mut lines = String::new();
    for moved in &project.moved {
        writeln!(lines, "{} → {}", moved.from, moved.to).unwrap();
    }
    for import in &project.imports {
        writeln!(lines, "{} ← {}", import.to, import.id).unwrap();
    }
    for removed in &project.removed {
        writeln!(lines, "- {} {}", removed.from, removed.destroy).unwrap();
    }
    insta::assert_snapshot!(lines, @r#"
    topic.old → topic.b["x"]
    topic.b → topic.b["y"]
    topic.a ← live-a
    topic.b["x"] ← live-x
    topic.b["y"] ← live-y
    - topic.gone false
    - module.gone true
    "#);
}

#[test]
fn a_failed_check_is_a_warning() {
    let project = Case::new(
        r#"
topic "a" { partitions = 1 }
check "spread" {
  assert {
    condition     = topic.a.partitions > 1
    error_message = "one partition only"
  }
  assert {
    condition     = topic.a.name == "a"
    error_message = "no"
  }
}
"#,
    )
    .project();
    let passed: Vec<_> = project
        .checks
        .iter()
        .map(|check| (&*check.name, check.passed))
        .collect();
    assert_eq!(
        passed,
        [("check.spread", Some(false)), ("check.spread", Some(true))]
    );
    insta::assert_snapshot!(project.warnings.render(), @r#"
    Warning: check.spread does not hold
     --> main.hcl:5:21
      |
    5 |     condition     = topic.a.partitions > 1
      |                     ^^^^^^^^^^^^^^^^^^^^^^
      one partition only
    "#);
}

#[test]
fn the_release_follows_content_only() {
    let text = "topic \"a\" {\n  partitions = 1\n  config = { a = 1 }\n}\nenvironment \"dev\" { values = \"dev.vars.hcl\" }\nvariable \"x\" { default = 1 }\n";
    let release = |text: &str, values: &str| {
        let case = Case::new(text)
            .file("dev.vars.hcl", values)
            .environment("dev");
        case.project().release
    };
    let first = release(text, "x = 1\n");
    assert_eq!(release(text, "x = 2 # other\n"), first);
    assert_eq!(
        release(
            &text.replace("\n  config", "\r\n\r\n # note\r\n  config"),
            "x = 1\n"
        ),
        first
    );
    assert_eq!(
        release(&text.replace("a = 1 }", "a: 1 }"), "x = 1\n"),
        first
    );
    assert_ne!(
        release(&text.replace("partitions = 1", "partitions = 2"), "x = 1\n"),
        first
    );
}

#[test]
fn the_release_follows_the_files_that_functions_read() {
    let text = "topic \"a\" {\n  partitions = length([file(\"modules/x.txt\")])\n}\nvariable \"x\" { default = 1 }\n";
    let release = |content: &str, values: &str| {
        let case = Case::new(text)
            .file("modules/x.txt", content)
            .file("unread.txt", content)
            .file("values.txt", values)
            .file("x.auto.vars.hcl", "x = file(\"values.txt\")\n");
        case.project().release
    };
    assert_ne!(release("a", "a"), release("b", "a"));
    // What the values of an environment read is not a part of it.
    assert_eq!(release("a", "a"), release("a", "b"));
}

#[test]
fn which_objects_there_are_is_known_in_spite_of_mistakes_within() {
    let case = Case::new(
        "topic \"a\" {\n  partitions = \"many\" +\n}\n\
         topic \"b\" {\n  for_each = toset([for n in [1, 2] : \"${n}-${topic.c.name}\"])\n  name = each.key\n  partitions = 1\n}\n\
         topic \"c\" {\n  partitions = 1\n}\n\
         topic \"d\" {\n  depends_on = [topic.a, topic.b]\n  nonsense = topic.c.name\n}\n",
    );
    assert!(case.load().is_err());
    let located = locate(&case.request(None)).expect("no more than the addresses is read");
    let addresses: Vec<String> = located.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        [
            "topic.a",
            "topic.b[\"1-c\"]",
            "topic.b[\"2-c\"]",
            "topic.c",
            "topic.d"
        ]
    );
    // What tells which there are is read as ever.
    let case =
        Case::new("topic \"a\" {\n  for_each = toset([var.nowhere])\n  name = each.key\n}\n");
    assert!(locate(&case.request(None)).is_err());
}
