//! What holds on every registry: each test runs on the stand-in and on a real one.

use crate::support::registry::StandIn;
use crate::support::servers;

use super::{Office, record, schema};

/// Runs a test on both registries; the real one may be missing, which is said.
fn on_both(test: &str, run: impl Fn(&Office)) {
    let stand_in = StandIn::start();
    run(&Office::at(&stand_in.url(), test));
    if let Some(url) = servers::registry() {
        run(&Office::at(&url, test));
    }
}

const ONE: &[(&str, Option<&str>)] = &[("id", None)];
const TWO: &[(&str, Option<&str>)] = &[("id", None), ("note", Some("-"))];
/// A field without a default: readers of it cannot read what was written before.
const BROKEN: &[(&str, Option<&str>)] = &[("id", None), ("owner", None)];

#[test]
fn a_schema_is_registered_and_evolves_by_versions() {
    on_both("evolve", |office| {
        let subject = office.name("a");
        office.project.write("a.avsc", &record(ONE));
        office.declare(&schema("a", "  compatibility = \"FULL\""));
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        assert_eq!(office.registry.versions(&subject), [1]);
        assert_eq!(office.registry.level(&subject).as_deref(), Some("FULL"));
        let state = office.state("schema.a");
        assert_eq!(state["outcome"]["version"], 1, "{state}");
        assert_eq!(
            state["outcome"]["id"],
            office.registry.version(&subject, "1")["id"]
        );

        // White space and the order of keys are no difference.
        let spaced = r#"{ "fields": [ { "type":"string",
            "name":"id" } ], "namespace": "shop", "name": "Order", "type": "record" }"#;
        office.project.write("a.avsc", spaced);
        office.expect_empty_plan();

        office.project.write("a.avsc", &record(TWO));
        let plan = office.run("plan", &[]).expect(0).stdout;
        assert!(
            plan.contains("A version is added after version 1; no version is deleted"),
            "{plan}"
        );
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        assert_eq!(office.registry.versions(&subject), [1, 2]);
        assert_eq!(office.state("schema.a")["outcome"]["version"], 2);
    });
}

#[test]
fn content_that_was_registered_before_is_its_old_version() {
    on_both("back", |office| {
        let subject = office.name("a");
        office.project.write("a.avsc", &record(ONE));
        office.declare(&schema("a", ""));
        office.apply(&[]).expect(0);
        office.project.write("a.avsc", &record(TWO));
        office.apply(&[]).expect(0);

        office.project.write("a.avsc", &record(ONE));
        let plan = office.run("plan", &[]).expect(0).stdout;
        assert!(
            plan.contains("version 1 holds this content already: no new version is made"),
            "{plan}"
        );
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        assert_eq!(office.registry.versions(&subject), [1, 2]);
        let outcome = &office.state("schema.a")["outcome"];
        assert_eq!(
            (&outcome["version"], &outcome["latest"]),
            (&1.into(), &2.into())
        );
    });
}

#[test]
fn an_incompatible_schema_is_refused_and_nothing_changes_anywhere() {
    on_both("refused", |office| {
        let (a, b) = (office.name("a"), office.name("b"));
        office.project.write("a.avsc", &record(ONE));
        office.project.write("b.avsc", &record(ONE));
        office.declare(&schema("a", ""));
        office.apply(&[]).expect(0);

        office.project.write("a.avsc", &record(BROKEN));
        office.declare(&[schema("a", ""), schema("b", "")].concat());
        for command in ["plan", "apply"] {
            let run = match command {
                "apply" => office.apply(&[]),
                _ => office.run("plan", &[]),
            };
            let run = run.expect(3);
            assert!(run.stdout.contains("INCOMPATIBLE"), "{}", run.stdout);
            assert!(run.stderr.contains("BACKWARD"), "{}", run.stderr);
        }
        assert_eq!(office.registry.versions(&a), [1]);
        assert_eq!(office.registry.versions(&b), [0; 0]);

        // A weaker level is in the plan, and is set before the version is registered.
        office.declare(&schema("a", "  compatibility = \"NONE\""));
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        assert_eq!(office.registry.versions(&a), [1, 2]);
    });
}

#[test]
fn a_tighter_level_counts_for_the_version_that_comes_with_it() {
    on_both("tighter", |office| {
        office.project.write("a.avsc", &record(TWO));
        office.declare(&schema("a", "  compatibility = \"NONE\""));
        office.apply(&[]).expect(0);
        // The registry's level lets this pass; the one that the block sets does not.
        office.project.write("a.avsc", &record(BROKEN));
        office.declare(&schema("a", "  compatibility = \"BACKWARD\""));
        office.run("plan", &[]).expect(3);
        office.apply(&[]).expect(3);
        let subject = office.name("a");
        assert_eq!(office.registry.level(&subject).as_deref(), Some("NONE"));
        assert_eq!(office.registry.versions(&subject), [1]);
    });
}

#[test]
fn references_are_registered_first_and_followed_when_they_change() {
    on_both("refs", |office| {
        let common = |field: &str| {
            format!(
                r#"{{"type": "record", "name": "Common", "namespace": "shop", "fields": [
                {{"name": "id", "type": "string"}}{field}]}}"#
            )
        };
        office.project.write("common.avsc", &common(""));
        office.project.write(
            "order.avsc",
            r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
                {"name": "common", "type": "shop.Common"}]}"#,
        );
        let blocks = [
            schema(
                "order",
                "  references = { \"shop.Common\" = schema.common }",
            ),
            schema("common", ""),
        ]
        .concat();
        office.declare(&blocks);
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        let (order, common_name) = (office.name("order"), office.name("common"));
        let version = |number: &str| office.registry.version(&order, number);
        assert_eq!(version("latest")["references"][0]["version"], 1);
        assert_eq!(
            version("latest")["references"][0]["subject"],
            common_name.as_str()
        );

        // A new version of what is referred to is a new version of what refers to it.
        let field = r#", {"name": "note", "type": "string", "default": ""}"#;
        office.project.write("common.avsc", &common(field));
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        assert_eq!(version("latest")["references"][0]["version"], 2);
        assert_eq!(office.registry.versions(&order), [1, 2]);

        // What is referred to cannot go alone, though it can go with what refers to it.
        office.declare("");
        let both = [
            "--allow-destroy",
            "schema.common",
            "--allow-destroy",
            "schema.order",
        ];
        office.apply(&[
            "--exclude",
            "schema.order",
            "--allow-destroy",
            "schema.common",
        ]);
        assert_eq!(office.registry.versions(&common_name), [1, 2]);
        office.apply(&both).expect(0);
        assert_eq!(office.registry.kept(&order), [0; 0]);
        assert_eq!(office.registry.kept(&common_name), [0; 0]);
    });
}

#[test]
fn a_deletion_needs_permission_and_is_for_good() {
    on_both("delete", |office| {
        let subject = office.name("a");
        office.project.write("a.avsc", &record(ONE));
        office.declare(&schema("a", ""));
        office.apply(&[]).expect(0);
        office.declare("");
        let refused = office.apply(&[]).expect(3);
        assert!(
            refused.stderr.contains("is deleted with 1 version"),
            "{}",
            refused.stderr
        );
        assert_eq!(office.registry.versions(&subject), [1]);
        office.apply(&["--allow-destroy", "schema.a"]).expect(0);
        assert_eq!(office.registry.kept(&subject), [0; 0]);
        office.expect_empty_plan();
    });
}

#[test]
fn a_deletion_that_was_cut_short_is_finished() {
    on_both("half", |office| {
        let subject = office.name("a");
        office.project.write("a.avsc", &record(ONE));
        office.declare(&schema("a", ""));
        office.apply(&[]).expect(0);
        // As a run leaves it that was killed between the two steps.
        office
            .registry
            .call("DELETE", &format!("/subjects/{subject}"), None);
        office.declare("");
        office.apply(&["--allow-destroy", "schema.a"]).expect(0);
        assert_eq!(office.registry.kept(&subject), [0; 0]);
    });
}

#[test]
fn what_others_change_is_drift() {
    on_both("drift", |office| {
        let subject = office.name("a");
        office.project.write("a.avsc", &record(ONE));
        office.declare(&schema("a", "  compatibility = \"FULL\""));
        office.apply(&[]).expect(0);
        office.run("drift", &[]).expect(0);

        office.registry.set_level(&subject, "NONE");
        let drift = office.run("drift", &[]).expect(2).stdout;
        assert!(
            drift.contains("compatibility: \"FULL\" -> \"NONE\""),
            "{drift}"
        );
        office.apply(&[]).expect(0);
        assert_eq!(office.registry.level(&subject).as_deref(), Some("FULL"));

        // A version that somebody registered stays: it can be seen, not taken back.
        office.registry.register(&subject, &record(TWO));
        let drift = office.run("drift", &[]).expect(2).stdout;
        assert!(drift.contains("newest version: 1 -> 2"), "{drift}");
        office.expect_empty_plan();
        office.project.write("a.avsc", &record(TWO));
        office.apply(&[]).expect(0);
        office.run("drift", &[]).expect(0);
        assert_eq!(office.registry.versions(&subject), [1, 2]);

        office.registry.delete(&subject);
        office.run("drift", &[]).expect(2);
        let again = office.apply(&[]).expect(0);
        assert!(
            again.stdout.contains("is registered again"),
            "{}",
            again.stdout
        );
        office.expect_empty_plan();
    });
}

#[test]
fn a_subject_that_is_there_is_taken_over_by_an_import_only() {
    on_both("import", |office| {
        let subject = office.name("a");
        office.registry.register(&subject, &record(ONE));
        office.project.write("a.avsc", &record(ONE));
        office.declare(&schema("a", ""));
        let refused = office.apply(&[]).expect(1);
        assert!(
            refused.stderr.contains("is not in the state"),
            "{}",
            refused.stderr
        );
        let import = format!("import {{\n  to = schema.a\n  id = \"{subject}\"\n}}\n");
        office.declare(&[schema("a", ""), import].concat());
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
        assert_eq!(office.registry.versions(&subject), [1]);
        assert_eq!(office.state("schema.a")["outcome"]["version"], 1);
    });
}

#[test]
fn protobuf_and_json_are_registered_too() {
    on_both("formats", |office| {
        let proto = "syntax = \"proto3\";\npackage shop;\n\nmessage Order {\n  string id = 1;\n}\n";
        office.project.write("p.proto", proto);
        let json = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
            "properties": {"id": {"type": "string"}}, "additionalProperties": false}"#;
        office.project.write("j.json", json);
        office.declare(
            "schema \"p\" {\n  subject = \"P.p\"\n  format = \"protobuf\"\n  \
             definition = file(\"p.proto\")\n}\n\
             schema \"j\" {\n  subject = \"P.j\"\n  format = \"json\"\n  \
             definition = file(\"j.json\")\n}\n",
        );
        office.apply(&[]).expect(0);
        office.expect_empty_plan();
    });
}
