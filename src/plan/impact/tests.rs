//! The model on plain values; `plan::tests` walks the whole path with real kinds.

use crate::gate::tests::plan;
use crate::gate::{GateInput, review};
use crate::kinds::{Action, Ripple};
use crate::plan::render::{json, markdown, text};

use super::*;

fn provider(text: &str) -> ProviderAddress {
    text.parse().expect("a provider")
}

fn user(role: Role, address: &str, managed: bool) -> User {
    let address: Address = address.parse().expect("an address");
    User {
        role,
        provider: provider("kafka"),
        groups: Vec::new(),
        party: Party {
            kind: address.kind.to_string(),
            name: address.name.to_string(),
            address: Some(address),
            managed,
            owner: (!managed).then(|| "team-a".to_owned()),
            live: None,
        },
    }
}

fn live(name: &str, state: &str) -> LiveUser {
    LiveUser {
        role: Role::Reads,
        kind: "consumer_group",
        name: name.to_owned(),
        state: state.to_owned(),
    }
}

fn seen(found: Vec<LiveUser>) -> LiveUsers {
    let key = (provider("kafka"), "topic", "orders".to_owned());
    LiveUsers {
        found: [(key, found)].into(),
        unanswered: BTreeMap::new(),
    }
}

fn impact_of(rollout: Rollout, users: Vec<User>, live: &LiveUsers) -> Impact {
    let ripple = Ripple {
        rollout,
        reason: format!("the level is {rollout:?}"),
    };
    let described = Described {
        kind: "topic",
        name: "orders".to_owned(),
        providers: [provider("kafka")].into(),
    };
    impact(ripple, &[(described, users)], live)
}

/// A group that is declared and lives, one that only lives, one that is only declared, and a writer.
fn mixed(rollout: Rollout) -> Impact {
    let users = vec![
        user(Role::Reads, "consumer_group.billing", false),
        user(Role::Reads, "consumer_group.reports", false),
        user(Role::Writes, "consumer_group.shop", false),
    ];
    let live = seen(vec![
        live("audit", "Empty, no members"),
        live("billing", "Stable, 2 members"),
    ]);
    impact_of(rollout, users, &live)
}

fn with(impact: Impact) -> Plan {
    let mut plan = plan(vec![("topic.orders", Action::Update, findings(&impact))], 3);
    plan.changes[0].impact = Some(impact);
    plan.unchanged = 2;
    plan
}

fn shown(rollout: Rollout) -> String {
    text::render(&with(mixed(rollout)), false)
}

#[test]
fn readers_go_before_and_writers_after() {
    insta::assert_snapshot!(shown(Rollout::ReadersFirst), @r#"
    ~ topic.orders will be changed in place
        warning: 3 readers of topic "orders" have to be upgraded before this apply
        rollout: readers first (the level is ReadersFirst)
          1. before this apply, upgrade the readers of topic "orders":
               - consumer_group.billing ("billing"; owner team-a; Stable, 2 members)
               - consumer_group.reports ("reports"; owner team-a)
               - consumer_group "audit" (not declared; Empty, no members)
          2. this apply
          3. after it, upgrade the writers of topic "orders":
               - consumer_group.shop ("shop"; owner team-a)

      ~ topic.orders  [warning]
    Plan: 1 to update; 2 as wanted.
    "#);
}

#[test]
fn writers_go_after_the_apply_and_readers_last() {
    insta::assert_snapshot!(shown(Rollout::WritersFirst), @r#"
    ~ topic.orders will be changed in place
        rollout: writers first (the level is WritersFirst)
          1. this apply
          2. after it, upgrade the writers of topic "orders":
               - consumer_group.shop ("shop"; owner team-a)
          3. after it, upgrade the readers of topic "orders":
               - consumer_group.billing ("billing"; owner team-a; Stable, 2 members)
               - consumer_group.reports ("reports"; owner team-a)
               - consumer_group "audit" (not declared; Empty, no members)

      ~ topic.orders
    Plan: 1 to update; 2 as wanted.
    "#);
}

#[test]
fn in_any_order_everybody_is_only_told() {
    insta::assert_snapshot!(shown(Rollout::AnyOrder), @r#"
    ~ topic.orders will be changed in place
        rollout: in any order (the level is AnyOrder)
          readers of topic "orders":
            - consumer_group.billing ("billing"; owner team-a; Stable, 2 members)
            - consumer_group.reports ("reports"; owner team-a)
            - consumer_group "audit" (not declared; Empty, no members)
          writers of topic "orders":
            - consumer_group.shop ("shop"; owner team-a)

      ~ topic.orders
    Plan: 1 to update; 2 as wanted.
    "#);
}

#[test]
fn where_no_order_is_safe_everybody_is_named() {
    insta::assert_snapshot!(shown(Rollout::NoSafeOrder), @r#"
    ~ topic.orders will be changed in place
        BREAKING: No order of upgrades is safe for the readers and writers of topic "orders"
          The level is NoSafeOrder.
          hint: make the change in two steps that are compatible each, or write the new schema to a topic of its own and move its readers there
        rollout: no order is safe (the level is NoSafeOrder)
          readers of topic "orders":
            - consumer_group.billing ("billing"; owner team-a; Stable, 2 members)
            - consumer_group.reports ("reports"; owner team-a)
            - consumer_group "audit" (not declared; Empty, no members)
          writers of topic "orders":
            - consumer_group.shop ("shop"; owner team-a)

      ~ topic.orders  [BREAKING]
    Plan: 1 to update; 2 as wanted.
    "#);
}

#[test]
fn what_nobody_is_known_to_use_is_said_to_be_so() {
    let nobody = impact_of(Rollout::ReadersFirst, vec![], &seen(vec![]));
    insta::assert_snapshot!(text::render(&with(nobody), false), @r#"
    ~ topic.orders will be changed in place
        rollout: readers first (the level is ReadersFirst)
          1. before this apply, upgrade the readers of topic "orders": nobody is known
          2. this apply
          3. after it, upgrade the writers of topic "orders": nobody is known

      ~ topic.orders
    Plan: 1 to update; 2 as wanted.
    "#);
}

#[test]
fn a_break_is_refused_while_there_are_readers_and_a_person_can_allow_it() {
    let refused = |plan: Plan, input: &GateInput| review(plan, input).err();
    let plan = with(mixed(Rollout::NoSafeOrder));
    let rejection = refused(plan.clone(), &GateInput::default()).expect("refused");
    assert!(!rejection.is_infeasible(), "exit 3");
    let refusal = &rejection.refusals[0];
    insta::assert_snapshot!(
        format!("{}/{}: {}\n{}", refusal.gate, refusal.code, refusal.summary, refusal.hint.as_ref().expect("a hint")),
        @r#"
    impact/no-safe-order: No order of upgrades is safe for the readers and writers of topic "orders"
    make the change in two steps that are compatible each, or write the new schema to a topic of its own and move its readers there
    if the break is wanted: --allow-breaking 'topic.orders', or allow_breaking = true in the block's lifecycle
    "#
    );
    let allowed = GateInput {
        allow_breaking: vec!["topic.orders".parse().expect("a pattern")],
        ..GateInput::default()
    };
    assert!(refused(plan.clone(), &allowed).is_none());
    let destroy = GateInput {
        allow_destroy: vec!["topic.orders".parse().expect("a pattern")],
        ..GateInput::default()
    };
    assert!(
        refused(plan.clone(), &destroy).is_some(),
        "another permission"
    );
    let mut in_block = plan;
    in_block.changes[0].allow_breaking = true;
    assert!(refused(in_block, &GateInput::default()).is_none());

    let nobody = impact_of(Rollout::NoSafeOrder, vec![], &seen(vec![]));
    assert!(refused(with(nobody), &GateInput::default()).is_none());
    let away = LiveUsers {
        found: BTreeMap::new(),
        unanswered: [(provider("kafka"), "cannot reach kafka:9092".to_owned())].into(),
    };
    let unknown = with(impact_of(Rollout::NoSafeOrder, vec![], &away));
    insta::assert_snapshot!(text::render(&unknown, false), @r#"
    ~ topic.orders will be changed in place
        BREAKING: No order of upgrades is safe for the readers and writers of topic "orders"
          The level is NoSafeOrder.
          hint: make the change in two steps that are compatible each, or write the new schema to a topic of its own and move its readers there
        warning: The readers that topic "orders" has now could not be found out
          Cannot reach kafka:9092.
        rollout: no order is safe (the level is NoSafeOrder)
          readers of topic "orders": nobody is known
          writers of topic "orders": nobody is known

      ~ topic.orders  [BREAKING]
    Plan: 1 to update; 2 as wanted.
    "#);
    assert!(refused(unknown, &GateInput::default()).is_some());
}

/// A plan that changes a described object and two that an apply upgrades: a reader and a writer.
fn upgrading(rollout: Rollout) -> Plan {
    let users = vec![
        user(Role::Reads, "job.reader", true),
        user(Role::Writes, "job.writer", true),
        user(Role::Writes, "consumer_group.shop", false),
    ];
    let mut plan = plan(
        vec![
            ("job.reader", Action::Update, vec![]),
            ("job.writer", Action::Update, vec![]),
            ("topic.orders", Action::Update, vec![]),
        ],
        3,
    );
    plan.changes[2].impact = Some(impact_of(rollout, users, &seen(vec![])));
    order(&mut plan);
    plan
}

fn follows(plan: &Plan) -> Vec<String> {
    let changes = plan
        .changes
        .iter()
        .filter(|change| !change.follows.is_empty());
    changes
        .map(|change| {
            let earlier: Vec<String> = change.follows.iter().map(Address::to_string).collect();
            format!("{} after {}", change.address, earlier.join(", "))
        })
        .collect()
}

#[test]
fn what_the_plan_upgrades_follows_in_the_order_of_the_rollout() {
    assert_eq!(
        follows(&upgrading(Rollout::ReadersFirst)),
        [
            "job.reader after topic.orders",
            "job.writer after job.reader, topic.orders"
        ]
    );
    let writers_first = upgrading(Rollout::WritersFirst);
    assert_eq!(
        follows(&writers_first),
        [
            "job.reader after job.writer, topic.orders",
            "job.writer after topic.orders"
        ]
    );
    // A writer that others upgrade has to be there before the reader that this apply upgrades.
    let impact = writers_first.changes[2].impact.as_ref().expect("set");
    let steps = impact.steps();
    assert_eq!((steps[0].when, steps[0].role), (When::Before, Role::Writes));
    assert_eq!(
        follows(&upgrading(Rollout::AnyOrder)),
        [
            "job.reader after topic.orders",
            "job.writer after topic.orders"
        ]
    );
}

#[test]
fn rollouts_that_contradict_each_other_are_refused() {
    let mut plan = upgrading(Rollout::ReadersFirst);
    assert!(review(plan.clone(), &GateInput::default()).is_ok());
    let (reader, writer) = ("job.reader".parse().expect("an address"), 0);
    plan.changes[1].follows.insert(reader);
    let other: Address = "job.writer".parse().expect("an address");
    plan.changes[writer].follows.insert(other);
    let rejection = review(plan, &GateInput::default()).expect_err("a cycle");
    assert_eq!(
        rejection.refusals[0].summary,
        "Each would have to be upgraded before the next: job.reader, job.writer"
    );
}

#[test]
fn programs_and_pull_requests_are_told_the_same() {
    let plan = with(mixed(Rollout::ReadersFirst));
    let document = json::render(&plan, &[]);
    insta::assert_snapshot!(format!("{:#}", document["changes"][0]["impact"]), @r#"
    {
      "readers": [
        {
          "address": "consumer_group.billing",
          "kind": "consumer_group",
          "live": "Stable, 2 members",
          "name": "billing",
          "owner": "team-a"
        },
        {
          "address": "consumer_group.reports",
          "kind": "consumer_group",
          "name": "reports",
          "owner": "team-a"
        },
        {
          "kind": "consumer_group",
          "live": "Empty, no members",
          "name": "audit"
        }
      ],
      "reason": "the level is ReadersFirst",
      "rollout": "readers-first",
      "steps": [
        {
          "names": [
            "billing",
            "reports",
            "audit"
          ],
          "when": "before",
          "who": "readers"
        },
        {
          "names": [
            "shop"
          ],
          "when": "after",
          "who": "writers"
        }
      ],
      "through": [
        {
          "kind": "topic",
          "name": "orders"
        }
      ],
      "unknown": [],
      "writers": [
        {
          "address": "consumer_group.shop",
          "kind": "consumer_group",
          "name": "shop",
          "owner": "team-a"
        }
      ]
    }
    "#);
    let comment = markdown::render(&plan, &[], markdown::GITHUB_LIMIT);
    let (head, _) = comment.split_once("\n<details>").expect("details");
    insta::assert_snapshot!(head, @r#"
    ### Streamform: `default`

    1 to update; 2 as wanted. The plan may be applied.

    | | object | |
    |---|---|---|
    | `~` | `topic.orders` | warning: 3 readers of topic "orders" have to be upgraded before this apply |

    Who follows `topic.orders`:

    ```text
    rollout: readers first (the level is ReadersFirst)
      1. before this apply, upgrade the readers of topic "orders":
           - consumer_group.billing ("billing"; owner team-a; Stable, 2 members)
           - consumer_group.reports ("reports"; owner team-a)
           - consumer_group "audit" (not declared; Empty, no members)
      2. this apply
      3. after it, upgrade the writers of topic "orders":
           - consumer_group.shop ("shop"; owner team-a)
    ```
    "#);
    for limit in [600, 800, 1000] {
        let cut = markdown::render(&plan, &[], limit);
        assert!(cut.len() <= limit, "{} > {limit}", cut.len());
    }
}
