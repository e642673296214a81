//! What a registry itself is set to, by the settings of its provider.

use crate::support::registry::{Registry, StandIn};
use crate::support::servers;

use super::{Office, record, schema};

const ONE: &[(&str, Option<&str>)] = &[("id", None)];
/// Gets along with the first one backwards, not forwards: its readers miss a field.
const FEWER: &[(&str, Option<&str>)] = &[];

fn level(registry: &Registry) -> String {
    let (_, config) = registry.call("GET", "/config", None);
    config["compatibilityLevel"].as_str().unwrap().to_owned()
}

fn set(registry: &Registry, level: &str) {
    let body = serde_json::json!({ "compatibility": level });
    let (status, _) = registry.call("PUT", "/config", Some(&body));
    assert_eq!(status, 200);
}

/// The registry's level is `before` and becomes `after`, others change it back, and it is left alone at the end.
fn goes_through_a_plan(office: &mut Office, before: &str, after: &str) {
    let registry = office.registry.clone();
    assert_eq!(level(&registry), before);
    office.settings = format!("compatibility = \"{after}\"");
    office.declare("");
    let plan = office
        .run("plan", &["--detailed-exitcode"])
        .expect(2)
        .stdout;
    let change = format!("~ compatibility: \"{before}\" -> \"{after}\"");
    assert!(
        plan.contains("~ schema_registry.default will be changed"),
        "{plan}"
    );
    assert!(plan.contains(&change), "{plan}");
    assert!(
        plan.contains("for every subject without one of its own"),
        "{plan}"
    );
    assert_eq!(level(&registry), before, "a plan changes nothing");
    office.apply(&[]).expect(0);
    assert_eq!(level(&registry), after);
    office.expect_empty_plan();

    set(&registry, before);
    let drift = office.run("drift", &[]).expect(2).stdout;
    assert!(
        drift.contains("schema_registry.default was changed"),
        "{drift}"
    );
    let plan = office
        .run("plan", &["--detailed-exitcode"])
        .expect(2)
        .stdout;
    assert!(plan.contains("(changed outside)"), "{plan}");
    assert_eq!(level(&registry), before);
    office.apply(&[]).expect(0);
    assert_eq!(level(&registry), after);

    office.settings.clear();
    office.declare("");
    let plan = office.run("plan", &[]).expect(0).stdout;
    assert!(plan.contains("no longer be managed"), "{plan}");
    office.apply(&[]).expect(0);
    assert_eq!(level(&registry), after, "it stays as it is");
    office.expect_empty_plan();
}

#[test]
fn the_registrys_own_level_is_set_by_an_apply_only() {
    let stand_in = StandIn::start();
    let mut office = Office::at(&stand_in.url(), "own");
    goes_through_a_plan(&mut office, "BACKWARD", "FULL_TRANSITIVE");
    if let Some(url) = servers::registry() {
        // Other tests use this one: for them the two levels are the same.
        let mut office = Office::at(&url, "own");
        goes_through_a_plan(&mut office, "BACKWARD", "BACKWARD_TRANSITIVE");
        set(&office.registry, "BACKWARD");
    }
}

#[test]
fn a_version_is_held_against_the_level_that_comes_with_it() {
    let stand_in = StandIn::start();
    let mut office = Office::at(&stand_in.url(), "inherits");
    let (free, own) = (
        schema("free", ""),
        schema("own", "  compatibility = \"BACKWARD\""),
    );
    let write = |office: &Office, name: &str, fields| {
        office
            .project
            .write(&format!("{name}.avsc"), &record(fields));
    };
    for name in ["free", "own"] {
        write(&office, name, ONE);
    }
    office.declare(&[&*free, &*own].concat());
    office.apply(&[]).expect(0);

    office.settings = "compatibility = \"FULL\"".into();
    office.declare(&[&*free, &*own].concat());
    write(&office, "own", FEWER);
    office.run("plan", &[]).expect(0);
    write(&office, "free", FEWER);
    let refused = office.run("plan", &[]).expect(3);
    assert!(refused.stderr.contains("schema.free"), "{}", refused.stderr);
    assert!(refused.stderr.contains("(FULL)"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("schema.own"), "{}", refused.stderr);
    assert_eq!(level(&office.registry), "BACKWARD");

    // Where the registry is away its level is known from there.
    stand_in.stop();
    let refused = office.run("plan", &[]).expect(3);
    assert!(refused.stderr.contains("(FULL)"), "{}", refused.stderr);
    stand_in.resume();
    office.settings = "compatibility = \"NONE\"".into();
    office.declare(&[&*free, &*own].concat());
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
    assert_eq!(office.registry.versions(&office.name("free")), [1, 2]);
}

#[test]
fn the_registrys_own_mode_closes_and_opens_it() {
    let stand_in = StandIn::start();
    let mut office = Office::at(&stand_in.url(), "closed");
    office.project.write("a.avsc", &record(ONE));
    office.settings = "mode = \"READONLY\"".into();
    office.declare("");
    office.apply(&[]).expect(0);
    let (_, mode) = office.registry.call("GET", "/mode", None);
    assert_eq!(mode["mode"], "READONLY");
    office.declare(&schema("a", ""));
    let refused = office.run("plan", &[]).expect(1);
    assert!(
        refused.stderr.contains("its mode is READONLY"),
        "{}",
        refused.stderr
    );
    // Opened and used in one plan.
    office.settings = "mode = \"READWRITE\"".into();
    office.declare(&schema("a", ""));
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
}

#[test]
fn a_setting_that_is_no_level_is_told_with_its_line() {
    let stand_in = StandIn::start();
    let mut office = Office::at(&stand_in.url(), "wrong");
    office.settings = "compatibility = \"BACKWARDS\"".into();
    office.declare("");
    let refused = office.run("plan", &[]).expect(1).stderr;
    assert!(
        refused.contains("\"BACKWARDS\" is not a compatibility level"),
        "{refused}"
    );
    assert!(refused.contains("main.hcl:4"), "{refused}");
    office.settings = String::new();
    office.declare("schema_registry \"a\" {\n}\n");
    office.run("plan", &[]).expect(1);
}
