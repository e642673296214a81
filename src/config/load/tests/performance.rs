//! Large projects: the work grows with the size, not with its square.

use std::fmt::Write as _;

use super::Case;

fn topics(count: usize) -> String {
    let mut text =
        String::from("variable \"replication\" { default = 3 }\nlocals { week = 604800000 }\n");
    for i in 0..count {
        writeln!(
            text,
            "topic \"topic_{i}\" {{\n  name               = \"team-{}.topic-{i}\"\n  partitions         = {} + 1\n  replication_factor = var.replication\n  config = {{\n    \"retention.ms\"   = local.week\n    \"cleanup.policy\" = var.replication > 2 ? \"delete\" : \"compact\"\n  }}\n}}\n",
            i % 10,
            i % 48,
        )
        .unwrap();
    }
    text
}

#[test]
fn ten_thousand_topics_load() {
    let project = Case::new(&topics(10_000)).project();
    assert_eq!(project.resources.len(), 10_000);
}

#[test]
fn a_long_chain_of_locals_does_not_fill_the_stack() {
    let mut text = String::from("locals {\n  l0 = 1\n");
    // Backwards, so that the search goes all the way down before it comes back.
    for i in (1..20_000).rev() {
        writeln!(text, "  l{i} = local.l{}", i - 1).unwrap();
    }
    text.push_str("}\noutput \"last\" { value = local.l19999 }\n");
    let project = Case::new(&text).project();
    assert_eq!(super::show(&super::output(&project, "last")), "1");
}
