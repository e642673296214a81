//! The rules on plain values.

use std::collections::BTreeMap;

use serde_json::json;

use crate::document::Document;
use crate::kinds::{Action, Around};

use super::super::{ConsumerGroupFacts, ConsumerGroupLive, Move, Place};
use super::*;

fn spec(steps: &serde_json::Value) -> ConsumerGroupSpec {
    let mut spec = json!({"name": "app", "reads": ["orders"]});
    if let (Some(spec), Some(steps)) = (spec.as_object_mut(), steps.as_object()) {
        spec.extend(steps.clone());
    }
    Document::from(spec).to().expect("a description")
}

fn group(state: &str, members: u32) -> ConsumerGroupLive {
    let live = json!({"state": state, "protocol": "consumer", "members": members});
    Document::from(live).to().expect("a live group")
}

fn at(before: Option<i64>, after: i64) -> Move {
    Move {
        before,
        after: Place {
            offset: after,
            epoch: None,
            metadata: String::new(),
        },
        first: 10,
        end: 100,
    }
}

fn moving(moves: impl IntoIterator<Item = Move>) -> StepFacts {
    let partitions: BTreeMap<i32, Move> = (0..).zip(moves).collect();
    StepFacts {
        moves: [("orders".to_owned(), partitions)].into(),
        records: 90,
        ..StepFacts::default()
    }
}

fn find(spec: &ConsumerGroupSpec, live: Option<&ConsumerGroupLive>, step: StepFacts) -> String {
    let facts = ConsumerGroupFacts {
        step: Some(step),
        ..ConsumerGroupFacts::default()
    };
    let input = CheckInput {
        action: Action::Update,
        remote_id: "app",
        spec: Some(spec),
        prior: None,
        live,
        deltas: &[],
        facts: &facts,
        around: &Around::default(),
    };
    let findings = CHECKS.iter().flat_map(|check| {
        let found = (check.run)(&input);
        let fits = found.iter().all(|finding| finding.code == check.code);
        assert!(fits, "{}", check.code);
        found
    });
    let lines: Vec<String> = findings
        .map(|f| format!("{:?}: {}. {}", f.weight, f.summary, f.detail))
        .collect();
    lines.join("\n")
}

#[test]
fn what_is_never_read_and_what_is_read_again_are_told_apart() {
    let spec = spec(&json!({"offsets": {"to": "2h"}}));
    let idle = group("Empty", 0);
    let moves = [
        at(Some(20), 50),
        at(Some(50), 20),
        // What was deleted before it was read is not skipped by this step, nor read again.
        at(Some(5), 10),
        at(Some(40), 2),
        // A topic that was made anew ends before what was committed.
        at(Some(500), 40),
        at(None, 90),
    ];
    insta::assert_snapshot!(find(&spec, Some(&idle), moving(moves)), @r#"
    Destructive: The group "app" will never read 30 records. "orders": partition 0: 20 -> 50
    Warning: The group "app" will read 120 records again. "orders": partition 1: 50 -> 20, partition 3: 40 -> 2, partition 4: 500 -> 40
    Note: The group "app" will begin there: 10 records to read. "orders": partition 5: nothing -> 90
    "#);
    let there = moving([at(Some(20), 20)]);
    insta::assert_snapshot!(find(&spec, Some(&idle), there), @r#"Note: The group "app" is there already. "#);
}

#[test]
fn many_partitions_are_summed_up() {
    let spec = spec(&json!({"offsets": {"to": "earliest"}}));
    let moves = (0..12).map(|index| at(Some(20 + index), 10));
    insta::assert_snapshot!(find(&spec, Some(&group("Empty", 0)), moving(moves)), @r#"Warning: The group "app" will read 186 records again. "orders": 12 partitions, in all 306 -> 120"#);
}

#[test]
fn nobody_may_be_in_a_group_whatever_its_protocol_calls_it() {
    let spec = spec(&json!({"offsets": {"to": "earliest"}}));
    for state in [
        "Stable",
        "Assigning",
        "Reconciling",
        "PreparingRebalance",
        "NotReady",
        "Unknown",
    ] {
        let text = find(&spec, Some(&group(state, 1)), moving([at(Some(20), 10)]));
        assert!(
            text.contains("Error: The group \"app\" is active"),
            "{state}: {text}"
        );
    }
    for state in ["Empty", "Dead"] {
        let text = find(&spec, Some(&group(state, 0)), moving([at(Some(20), 10)]));
        assert!(!text.contains("Error"), "{state}: {text}");
    }
}

#[test]
fn a_hand_over_of_some_partitions_and_by_a_share_group() {
    let spec = spec(&json!({"hand_over": {"from": "old"}}));
    let mut step = moving([at(None, 30)]);
    step.from = Some(super::super::Predecessor {
        live: Some(group("Empty", 0)),
        others: ["audit".to_owned()].into(),
        uncommitted: 2,
        ..Default::default()
    });
    insta::assert_snapshot!(find(&spec, None, step.clone()), @r#"
    Note: There is no group "app" in Kafka so far. It appears there with the offsets that are set.
    Warning: The group "old" also committed offsets of "audit", which are not handed over. reads does not name it.
    Warning: The group "old" committed no offset of 2 of the partitions. The new group begins there where its consumers' auto.offset.reset says.
    Note: The group "app" takes over from "old": 70 records to read. "orders": partition 0: nothing -> 30
    "#);
    let share = Document::from(json!({"state": "Empty", "protocol": "share"}));
    step.from = Some(super::super::Predecessor {
        live: Some(share.to().expect("a live group")),
        ..Default::default()
    });
    let text = find(&spec, None, step.clone());
    assert!(
        text.contains("Error: A share group cannot hand over"),
        "{text}"
    );
    let streams = Document::from(json!({"state": "Empty", "protocol": "streams"}));
    step.from = Some(super::super::Predecessor {
        live: Some(streams.to().expect("a live group")),
        ..Default::default()
    });
    let text = find(&spec, None, step);
    assert!(
        text.contains("Warning: A Kafka Streams application keeps state"),
        "{text}"
    );
}
