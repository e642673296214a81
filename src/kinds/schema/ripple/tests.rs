//! A version is added to a subject whose topic is read: what the plan says about it.

use serde_json::json;

use crate::compatibility::Level;
use crate::gate::{GateInput, review};
use crate::plan::render::text;
use crate::plan::tests::World;
use crate::plan::{Impact, Plan};

const V1: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;

/// Gets along with [`V1`] both ways.
const WITH_DEFAULT: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"note","type":"string","default":""}]}"#;

/// Cannot read what [`V1`] wrote; [`V1`] reads what it writes.
const WITHOUT_DEFAULT: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"note","type":"string"}]}"#;

/// Reads what [`V1`] wrote; [`V1`] cannot read what it writes.
const FEWER: &str = r#"{"type":"record","name":"Order","fields":[]}"#;

/// Neither reads what the other wrote.
const OTHER: &str = r#"{"type":"record","name":"Order","fields":[{"name":"number","type":"int"}]}"#;

fn project(definition: &str) -> String {
    format!(
        r#"
topic "orders" {{ partitions = 1 }}
schema "orders" {{
  topic      = topic.orders
  format     = "avro"
  definition = jsonencode({definition})
}}
consumer_group "billing" {{
  name  = "billing-app"
  reads = [topic.orders]
  owner = "team-billing"
}}
"#
    )
}

/// Returns the plan of another definition at a level, once the first one was applied.
fn planned(level: Level, definition: &str, readers: &[(&str, &str)]) -> Plan {
    let version = json!({"version": 1, "id": 7, "format": "avro", "schema": V1});
    let mut world = World::new();
    let first = world.plan(&project(V1));
    world.apply(&first);
    let world = world
        .with(
            "topic.orders",
            json!({"partitions": 1, "replication_factor": 1}),
        )
        .with(
            "schema.orders",
            json!({ "latest": version, "holds": (definition == V1).then_some(1) }),
        )
        .measured(
            "schema.orders",
            json!({"level": level, "versions": [{"version": 1, "format": "avro", "schema": V1}]}),
        )
        .read_by("orders", readers);
    world.plan(&project(definition))
}

const READERS: [(&str, &str); 2] = [
    ("audit", "Empty, no members"),
    ("billing-app", "Stable, 2 members"),
];

fn rollout(level: Level, definition: &str) -> String {
    let plan = planned(level, definition, &READERS);
    text::render(&plan, false)
        .lines()
        .skip_while(|line| !line.contains("rollout:"))
        .take_while(|line| !line.is_empty())
        .flat_map(|line| [line.strip_prefix("    ").unwrap_or(line), "\n"])
        .collect()
}

fn impact(level: Level, definition: &str) -> Impact {
    let plan = planned(level, definition, &READERS);
    let change = plan.changes.iter().find(|change| change.impact.is_some());
    change
        .and_then(|change| change.impact.clone())
        .expect("somebody is concerned")
}

#[test]
fn the_level_says_who_goes_first() {
    insta::assert_snapshot!(rollout(Level::Backward, WITH_DEFAULT), @r#"
    rollout: readers first (the level is BACKWARD)
      1. before this apply, upgrade the readers of topic "orders":
           - consumer_group.billing ("billing-app"; owner team-billing; Stable, 2 members)
           - consumer_group "audit" (not declared; Empty, no members)
      2. this apply
      3. after it, upgrade the writers of topic "orders": nobody is known
    "#);
    insta::assert_snapshot!(rollout(Level::ForwardTransitive, WITH_DEFAULT), @r#"
    rollout: writers first (the level is FORWARD_TRANSITIVE)
      1. this apply
      2. after it, upgrade the writers of topic "orders": nobody is known
      3. after it, upgrade the readers of topic "orders":
           - consumer_group.billing ("billing-app"; owner team-billing; Stable, 2 members)
           - consumer_group "audit" (not declared; Empty, no members)
    "#);
    insta::assert_snapshot!(rollout(Level::Full, WITH_DEFAULT), @r#"
    rollout: in any order (the level is FULL)
      readers of topic "orders":
        - consumer_group.billing ("billing-app"; owner team-billing; Stable, 2 members)
        - consumer_group "audit" (not declared; Empty, no members)
      writers of topic "orders": nobody is known
    "#);
}

#[test]
fn where_the_level_promises_nothing_the_versions_tell() {
    insta::assert_snapshot!(rollout(Level::None, FEWER), @r#"
    rollout: readers first (the level is NONE, and version 1 cannot read records of the new version)
      1. before this apply, upgrade the readers of topic "orders":
           - consumer_group.billing ("billing-app"; owner team-billing; Stable, 2 members)
           - consumer_group "audit" (not declared; Empty, no members)
      2. this apply
      3. after it, upgrade the writers of topic "orders": nobody is known
    "#);
    insta::assert_snapshot!(rollout(Level::None, OTHER), @r#"
    rollout: no order is safe (the level is NONE, and the new version and version 1 cannot read each other's records)
      readers of topic "orders":
        - consumer_group.billing ("billing-app"; owner team-billing; Stable, 2 members)
        - consumer_group "audit" (not declared; Empty, no members)
      writers of topic "orders": nobody is known
    "#);
    let said = |level, definition| {
        let Impact {
            rollout, reason, ..
        } = impact(level, definition);
        format!("{rollout:?}: {reason}")
    };
    insta::assert_snapshot!(said(Level::None, WITHOUT_DEFAULT), @"WritersFirst: the level is NONE, and the new version cannot read records of version 1");
    insta::assert_snapshot!(said(Level::None, WITH_DEFAULT), @"AnyOrder: the level is NONE, and the new version and version 1 read each other's records");
    insta::assert_snapshot!(said(Level::Backward, WITHOUT_DEFAULT), @"WritersFirst: the level is BACKWARD, and the new version cannot read records of version 1");
    insta::assert_snapshot!(said(Level::Full, OTHER), @"NoSafeOrder: the level is FULL, and the new version and version 1 cannot read each other's records");
}

#[test]
fn what_no_order_makes_safe_is_refused_while_somebody_reads() {
    let refused = |readers: &[(&str, &str)]| {
        let plan = planned(Level::None, OTHER, readers);
        let rejection = review(plan, &GateInput::default()).expect_err("refused");
        let codes = rejection
            .refusals
            .iter()
            .map(|refusal| refusal.code.clone());
        codes.collect::<Vec<_>>()
    };
    assert_eq!(refused(&READERS), ["no-safe-order"]);
    assert_eq!(refused(&[]), ["no-safe-order"], "a group is declared");
    let allowed = GateInput {
        allow_breaking: vec!["schema.orders".parse().expect("a pattern")],
        ..GateInput::default()
    };
    assert!(review(planned(Level::None, OTHER, &READERS), &allowed).is_ok());
    let safe = planned(Level::None, FEWER, &READERS);
    assert!(review(safe, &GateInput::default()).is_ok());
}

#[test]
fn a_subject_that_goes_concerns_all_who_are_there() {
    let version = json!({"version": 1, "id": 7, "format": "avro", "schema": V1});
    let mut world = World::new();
    let first = world.plan(&project(V1));
    world.apply(&first);
    let world = world
        .with(
            "topic.orders",
            json!({"partitions": 1, "replication_factor": 1}),
        )
        .with("schema.orders", json!({ "latest": version, "holds": 1 }))
        .measured("schema.orders", json!({ "count": 1 }))
        .read_by("orders", &READERS);
    let text = project(V1);
    let schema = text.find("schema").expect("a schema");
    let group = text.find("consumer_group").expect("a group");
    let plan = world.plan(&[&text[..schema], &text[group..]].concat());
    insta::assert_snapshot!(text::render(&plan, false), @r#"
    - schema.orders will be DELETED
        DESTRUCTIVE: The subject "orders-value" is deleted with 1 version
          It is deleted softly, then for good: records that carry its ids can no longer be read. No topic "orders" is known.
        BREAKING: 2 readers of topic "orders" need what goes away
        rollout: readers and writers have to leave first (the subject is deleted, and records that carry its ids cannot be read after that)
          readers of topic "orders":
            - consumer_group.billing ("billing-app"; owner team-billing; Stable, 2 members)
            - consumer_group "audit" (not declared; Empty, no members)
          writers of topic "orders": nobody is known

      - schema.orders  [DESTRUCTIVE]
    Plan: 1 to delete; 2 as wanted.
    "#);
}

#[test]
fn what_adds_no_version_concerns_nobody() {
    let plan = planned(Level::Backward, V1, &READERS);
    assert!(plan.changes.iter().all(|change| change.impact.is_none()));
}
