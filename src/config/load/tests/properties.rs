//! The loader never panics, whatever stands in the files.

use proptest::prelude::*;

use super::Case;

const PROJECT: &str = r#"
streamform { required_version = ">= 0.1" }
variable "n" {
  type    = number
  default = 2
  validation {
    condition     = var.n > 0
    error_message = "n is ${var.n}"
  }
}
locals {
  names = { for i in ["a", "b"] : i => "${i}-${var.n}" }
}
topic "each" {
  for_each   = local.names
  name       = each.value
  partitions = var.n
  dynamic "rule" {
    for_each = [1]
    labels   = ["x"]
    content { pattern = rule.value }
  }
  lifecycle { ignore_changes = [config["a"]] }
}
topic "one" {
  partitions = [for topic in topic.each : 2][0]
  config = {
    "x" = <<-EOT
      %{ for t in topic.each ~}
      ${t.name}
      %{ endfor ~}
    EOT
  }
}
module "m" {
  source = "./m"
  count  = 2
  name   = "${topic.one.name}${count.index}"
}
moved {
  from = topic.old
  to   = topic.one
}
import {
  to = topic.each["a"]
  id = "x"
}
output "all" { value = module.m[*].name }
"#;

const MODULE: &str = "variable \"name\" {}\ntopic \"t\" {\n  name = var.name\n  partitions = 1\n}\noutput \"name\" { value = topic.t.name }\n";

fn case(text: &str) -> Case {
    Case::new(text).file("m/main.hcl", MODULE)
}

#[test]
fn the_project_loads() {
    assert_eq!(case(PROJECT).project().resources.len(), 5);
}

/// Cuts, doubles and swaps pieces of a text.
fn mutate(text: &str, edits: &[(usize, usize, usize, u8)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, len, other, how) in edits {
        let at = at % text.len().max(1);
        let len = len % 12 + 1;
        let end = (at + len).min(text.len());
        let other = other % text.len().max(1);
        match how % 4 {
            0 => drop(text.drain(at..end)),
            1 => {
                let piece: Vec<char> = text[at..end].to_vec();
                text.splice(other..other, piece);
            }
            2 => {
                let signs = ['"', '{', '}', '[', ']', '$', '=', '\n', '(', ')', '0', 'ü'];
                text.insert(at.min(text.len()), signs[len % signs.len()]);
            }
            _ if !text.is_empty() => text.swap(at, other),
            _ => {}
        }
    }
    text.into_iter().collect()
}

proptest! {
    #[test]
    fn mutated_projects_do_not_panic(
        edits in prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>(), any::<u8>()), 1..6),
    ) {
        let text = mutate(PROJECT, &edits);
        if let Err(errors) = case(&text).load() {
            prop_assert!(errors.has_errors());
            prop_assert!(!errors.render().is_empty());
        }
    }

    /// Whole lines are left out: what remains mostly parses, and fails later.
    #[test]
    fn projects_without_some_lines_do_not_panic(keep in prop::collection::vec(prop::bool::weighted(0.95), 70)) {
        let lines = PROJECT.lines().zip(keep.iter().chain(std::iter::repeat(&true)));
        let kept: Vec<&str> = lines.filter(|(_, keep)| **keep).map(|(line, _)| line).collect();
        let text = kept.join("\n") + "\n";
        if let Err(errors) = case(&text).load() {
            prop_assert!(errors.has_errors());
        }
    }
}

/// The parser stops at a byte, which may be one inside of a letter.
#[test]
fn a_wide_letter_where_none_may_be_is_an_error() {
    for text in ["topic 㐍\u{fffd}ers\" {\n}\n", "topic 㐍", "é", "a = 😀 {"] {
        let errors = case(text).load().expect_err("no topic");
        assert!(
            errors.render().contains("main.hcl:1:"),
            "{}",
            errors.render()
        );
    }
}
