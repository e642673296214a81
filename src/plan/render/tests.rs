//! The renderings of plain plans.

use serde_json::json;

use crate::gate::tests::plan;
use crate::gate::{GateInput, review};
use crate::kinds::{Action, Delta, Finding, Weight};
use crate::plan::{Drift, Fate, Plan};

use super::*;

fn sample() -> Plan {
    let growth = Finding::new(
        "partition-growth",
        Weight::Warning,
        "Partitions grow from 3 to 6",
    )
    .hint("look at who reads it");
    let loss = Finding::new(
        "deletion",
        Weight::Destructive,
        "The topic \"old\" is deleted with its records",
    )
    .detail("It holds 12 records.");
    let mut plan = plan(
        vec![
            ("topic.new", Action::Create, vec![]),
            ("topic.old", Action::Delete, vec![loss]),
            ("topic.orders", Action::Update, vec![growth]),
        ],
        4,
    );
    let delta = |path: &str, before, after| Delta {
        path: path.into(),
        before,
        after,
        note: None,
        drift: false,
    };
    plan.changes[0].deltas = vec![delta("partitions", json!(null), json!(3))];
    plan.changes[2].deltas = vec![
        delta("partitions", json!(3), json!(6)),
        Delta {
            drift: true,
            ..delta(
                "config[\"retention.ms\"]",
                json!("60000"),
                json!("604800000"),
            )
        },
    ];
    plan.drift = vec![Drift {
        address: "topic.orders".parse().expect("an address"),
        remote_id: "orders".into(),
        deleted: false,
        deltas: vec![delta(
            "config[\"retention.ms\"]",
            json!("604800000"),
            json!("60000"),
        )],
        fate: Fate::Reverted,
    }];
    plan.unchanged = 2;
    plan
}

#[test]
fn the_text_ends_in_a_short_list() {
    insta::assert_snapshot!(text::render(&sample(), false), @r#"
    Changed outside of Streamform since the last apply:
      topic.orders was changed (an apply puts it back)
          config["retention.ms"]: "604800000" -> "60000"

    + topic.new will be created
        + partitions = 3

    - topic.old will be DELETED
        DESTRUCTIVE: The topic "old" is deleted with its records
          It holds 12 records.

    ~ topic.orders will be changed in place
        ~ partitions: 3 -> 6
        ~ config["retention.ms"]: "60000" -> "604800000"  (changed outside)
        warning: Partitions grow from 3 to 6
          hint: look at who reads it

      - topic.old  [DESTRUCTIVE]
      ~ topic.orders  [warning]
      + topic.new
    Plan: 1 to delete, 1 to update, 1 to create; 2 as wanted.
    "#);
}

#[test]
fn values_of_others_do_nothing_to_a_terminal() {
    let nested = json!({ "a": ["\u{1b}[2J", "\u{9b}", "\u{202e}ü"] });
    assert_eq!(
        value(&nested),
        r#"{"a":["\u001b[2J","\u{9b}","\u{202e}ü"]}"#
    );
    assert_eq!(value(&json!("\u{7f}\n")), r#""\u{7f}\n""#);
    let mut plan = sample();
    plan.changes[0].deltas[0].path = "config[\"\u{85}\"]".into();
    plan.changes[0].address = "topic.a[\"\u{1b}[2J\"]".parse().expect("an address");
    let refused = Finding::new("refused-by-broker", Weight::Error, "No").detail("\u{1b}c");
    plan.changes[0].findings = vec![refused];
    let text = text::render(&plan, false);
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn what_becomes_of_drift_is_said() {
    let mut plan = sample();
    let fates = [
        Fate::Reverted,
        Fate::Wanted,
        Fate::Ignored,
        Fate::Deleted,
        Fate::Forgotten,
    ];
    let mut drift = String::new();
    for fate in fates {
        plan.drift[0].fate = fate;
        plan.drift[0].deltas.clear();
        text::drifted(&mut drift, &plan.drift[0]);
    }
    insta::assert_snapshot!(drift, @"
    topic.orders was changed (an apply puts it back)
    topic.orders was changed (the project wants it so)
    topic.orders was changed (ignored by ignore_changes)
    topic.orders was changed (an apply deletes it)
    topic.orders was changed (no longer managed)
    ");
}

#[test]
fn nothing_to_do_is_one_line() {
    let mut empty = plan(vec![], 2);
    empty.unchanged = 2;
    assert_eq!(
        text::render(&empty, false),
        "No changes. 2 objects are as wanted.\n"
    );
}

#[test]
fn a_comment_keeps_its_limit_and_its_verdict() {
    let rejection = review(sample(), &GateInput::default()).expect_err("a loss");
    let whole = markdown::render(&rejection.plan, &rejection.refusals, markdown::GITHUB_LIMIT);
    insta::assert_snapshot!(whole.lines().take(11).collect::<Vec<_>>().join("\n"), @r#"
    ### Streamform: `default`

    1 to delete, 1 to update, 1 to create; 2 as wanted. The plan **may not be applied**.
    - :no_entry: `topic.old`: The topic "old" is deleted with its records. It holds 12 records.

    | | object | |
    |---|---|---|
    | `-` | `topic.old` | DESTRUCTIVE: The topic "old" is deleted with its records |
    | `~` | `topic.orders` | warning: Partitions grow from 3 to 6 |
    | `+` | `topic.new` |  |
    "#);
    for limit in [700, 900, 1200, 5000] {
        let cut = markdown::render(&rejection.plan, &rejection.refusals, limit);
        assert!(cut.len() <= limit, "{} > {limit}", cut.len());
        assert!(cut.contains("may not be applied"));
    }
}

#[test]
fn a_comment_of_many_reasons_keeps_its_limit() {
    let loss = || Finding::new("deletion", Weight::Destructive, "It is deleted");
    let many = (0..10_000)
        .map(|_| ("topic.old", Action::Delete, vec![loss()]))
        .collect();
    let rejection = review(plan(many, 10_000), &GateInput::default()).expect_err("losses");
    let limit = markdown::GITHUB_LIMIT;
    let cut = markdown::render(&rejection.plan, &rejection.refusals, limit);
    assert!(cut.len() <= limit, "{} > {limit}", cut.len());
    assert!(cut.contains("- :no_entry: … and "), "{cut}");
}

#[test]
fn the_json_says_what_the_gates_said() {
    let rejection = review(sample(), &GateInput::default()).expect_err("a loss");
    let document = json::render(&rejection.plan, &rejection.refusals);
    assert_eq!(document["verdict"]["allowed"], json!(false));
    assert_eq!(document["summary"]["delete"], json!(1));
    assert_eq!(
        document["changes"][1]["findings"][0]["weight"],
        json!("destructive")
    );
}
