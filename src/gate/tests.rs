//! The gates on plain plans.

use std::collections::BTreeSet;

use crate::address::EnvironmentName;
use crate::diagnostic::Diagnostics;
use crate::document::ContentHash;
use crate::kinds::{Action, Around, Finding, Weight};
use crate::plan::propose::PROTECTED;
use crate::plan::{Basis, Change, Mode, Plan, Selection};

use super::*;

/// Returns a plan of some changes: address, action, findings.
pub(crate) fn plan(changes: Vec<(&str, Action, Vec<Finding>)>, owned: usize) -> Plan {
    Plan {
        basis: Basis {
            tool: "0.0.0".into(),
            environment: EnvironmentName::default_environment(),
            lineage: "lineage".into(),
            serial: 1,
            state: ContentHash::of(b"state"),
            release: ContentHash::of(b"release"),
            desired: ContentHash::of(b"desired"),
            commit: None,
        },
        mode: Mode::Apply,
        selection: Selection::default(),
        changes: changes
            .into_iter()
            .map(|(address, action, findings)| Change {
                address: address.parse().expect("an address"),
                action,
                moved_from: None,
                provider: "kafka".parse().expect("a provider"),
                remote_id: address.rsplit('.').next().expect("a name").to_owned(),
                deltas: Vec::new(),
                desired: None,
                prior: None,
                live: None,
                facts: None,
                findings,
                around: Around::default(),
                impact: None,
                needs: BTreeSet::new(),
                follows: BTreeSet::new(),
                protected: false,
                allow_destroy: false,
                allow_breaking: false,
            })
            .collect(),
        drift: Vec::new(),
        unread: Vec::new(),
        away: Diagnostics::new(),
        unchanged: 0,
        left_out: Vec::new(),
        warnings: Diagnostics::new(),
        owned,
    }
}

fn loss() -> Finding {
    Finding::new("deletion", Weight::Destructive, "12 records are deleted")
}

fn codes(result: Result<ApprovedPlan, Rejection>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection
            .refusals
            .into_iter()
            .map(|r| format!("{}/{}", r.gate, r.code))
            .collect(),
    }
}

#[test]
fn a_plan_without_findings_passes() {
    let warned = Finding::new("partition-growth", Weight::Breaking, "keys move");
    let plan = plan(vec![("topic.a", Action::Update, vec![warned])], 1);
    assert_eq!(
        codes(review(plan, &GateInput::default())),
        Vec::<String>::new()
    );
}

#[test]
fn a_loss_needs_permission_for_that_object() {
    let plan = plan(
        vec![
            ("topic.a", Action::Delete, vec![loss()]),
            ("topic.b", Action::Delete, vec![loss()]),
        ],
        9,
    );
    assert_eq!(
        codes(review(plan.clone(), &GateInput::default())),
        ["destructive/deletion", "destructive/deletion"]
    );
    let mut input = GateInput {
        allow_destroy: vec!["topic.a".parse().expect("a pattern")],
        ..GateInput::default()
    };
    assert_eq!(
        codes(review(plan.clone(), &input)),
        ["destructive/deletion"]
    );
    input
        .allow_destroy
        .push("topic.b".parse().expect("a pattern"));
    assert_eq!(codes(review(plan, &input)), Vec::<String>::new());
}

#[test]
fn no_option_lifts_a_protection() {
    let protected = Finding::new(PROTECTED, Weight::Destructive, "it is protected").hint("apply");
    let plan = plan(
        vec![("topic.a", Action::Delete, vec![protected, loss()])],
        9,
    );
    let rejection = review(plan.clone(), &GateInput::default()).expect_err("refused");
    assert!(!rejection.is_infeasible());
    let hints: Vec<Option<&str>> = rejection
        .refusals
        .iter()
        .map(|r| r.hint.as_deref())
        .collect();
    assert_eq!(hints, [Some("apply"), None]);
    let input = GateInput {
        allow_destroy: vec!["topic.a".parse().expect("a pattern")],
        ..GateInput::default()
    };
    assert_eq!(codes(review(plan, &input)), ["destructive/protected"]);
}

#[test]
fn what_a_block_allows_needs_no_option() {
    let mut plan = plan(vec![("topic.a", Action::Update, vec![loss()])], 1);
    plan.changes[0].allow_destroy = true;
    assert_eq!(
        codes(review(plan, &GateInput::default())),
        Vec::<String>::new()
    );
}

#[test]
fn no_permission_makes_the_impossible_possible() {
    let impossible = Finding::new(
        "partition-decrease",
        Weight::Error,
        "partitions never shrink",
    );
    let plan = plan(vec![("topic.a", Action::Update, vec![impossible])], 1);
    let input = GateInput {
        allow_destroy: vec!["topic.a".parse().expect("a pattern")],
        ..GateInput::default()
    };
    let rejection = review(plan, &input).expect_err("refused");
    assert!(rejection.is_infeasible());
}

#[test]
fn the_brake_grows_with_the_environment_and_has_an_end() {
    for (owned, expected) in [(1, 3), (10, 3), (30, 6), (50, 10), (10_000, 10)] {
        assert_eq!(
            deletions::limit(&GateInput::default(), owned),
            expected,
            "{owned} objects"
        );
    }
    let many = (0..4)
        .map(|_| ("topic.a", Action::Delete, vec![]))
        .collect();
    let mut plan = plan(many, 10);
    assert_eq!(
        codes(review(plan.clone(), &GateInput::default())),
        ["deletions/too-many-deletions"]
    );
    let input = GateInput {
        max_deletions: Some(4),
        ..GateInput::default()
    };
    assert_eq!(codes(review(plan.clone(), &input)), Vec::<String>::new());
    plan.mode = Mode::Destroy;
    assert_eq!(
        codes(review(plan, &GateInput::default())),
        Vec::<String>::new()
    );
}
