//! What no registry that can be had does as Confluent documents it, and what must be counted.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::registry::{Answer, StandIn};

use super::{Office, record, schema};

const ONE: &[(&str, Option<&str>)] = &[("id", None)];
const BROKEN: &[(&str, Option<&str>)] = &[("id", None), ("owner", None)];

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Answer {
        status,
        headers: headers.collect(),
        body: body.to_owned(),
    }
}

#[test]
fn the_registrys_own_reasons_are_shown() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "reasons");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema("a", ""));
    office.apply(&[]).expect(0);
    office.project.write("a.avsc", &record(BROKEN));
    let plan = office.run("plan", &[]).expect(3);
    assert!(
        plan.stdout
            .contains("READER_FIELD_MISSING_DEFAULT_VALUE: the field 'owner'"),
        "{}",
        plan.stdout
    );
}

#[test]
fn a_plan_without_changes_takes_two_requests_a_subject() {
    const SUBJECTS: usize = 200;
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "count");
    office.project.write("a.avsc", &record(ONE));
    office.declare(
        "schema \"a\" {\n  for_each = toset([for n in range(200) : \"s${n}\"])\n  \
         subject = \"P.${each.key}\"\n  format = \"avro\"\n  definition = file(\"a.avsc\")\n  \
         compatibility = \"FULL\"\n}\n",
    );
    office.apply(&[]).expect(0);
    stand_in.requests();
    let before = stand_in.connections();
    office.expect_empty_plan();
    let requests = stand_in.requests();
    // A few more than are in use at once: one that was begun while another became free is kept too.
    let made = stand_in.connections() - before;
    assert!(made <= 64, "{made} connections are not kept");
    assert!(
        requests.len() <= 2 * SUBJECTS,
        "{} requests",
        requests.len()
    );
    assert!(
        stand_in.most_at_once() <= 16,
        "{} at once",
        stand_in.most_at_once()
    );
}

#[test]
fn a_registry_that_asks_to_wait_is_waited_for() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "wait");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema("a", ""));
    stand_in.force(3, &answer(429, &[("retry-after", "1")], "slow down"));
    let begin = Instant::now();
    office.apply(&[]).expect(0);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    office.expect_empty_plan();
}

#[test]
fn a_registry_that_is_away_leaves_a_plan_that_knows_what_it_does_not_know() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "away");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema("a", "  compatibility = \"BACKWARD\""));
    office.apply(&[]).expect(0);

    stand_in.stop();
    let plan = office.run("plan", &[]).expect(0);
    assert!(plan.stdout.contains("UNKNOWN"), "{}", plan.stdout);
    assert!(plan.stdout.contains("? schema.a"), "{}", plan.stdout);
    office.run("plan", &["--detailed-exitcode"]).expect(2);
    office.run("drift", &[]).expect(1);
    let apply = office.apply(&[]).expect(1);
    assert!(
        apply.stderr.contains("nothing is changed"),
        "{}",
        apply.stderr
    );

    // What the state remembers is enough to see that this breaks.
    office.project.write("a.avsc", &record(BROKEN));
    let plan = office.run("plan", &[]).expect(3);
    assert!(plan.stdout.contains("INCOMPATIBLE"), "{}", plan.stdout);

    stand_in.resume();
    office.project.write("a.avsc", &record(ONE));
    office.expect_empty_plan();
}

#[test]
fn a_subject_that_is_read_only_is_told_before_anything_is_tried() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "mode");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema("a", "  mode = \"READONLY\""));
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
    let subject = office.name("a");
    let (_, mode) = office
        .registry
        .call("GET", &format!("/mode/{subject}"), None);
    assert_eq!(mode["mode"], "READONLY");

    let two = [("id", None), ("note", Some("-"))];
    office.project.write("a.avsc", &record(&two));
    let refused = office.run("plan", &[]).expect(1);
    assert!(
        refused.stderr.contains("its mode is READONLY"),
        "{}",
        refused.stderr
    );
    office.declare(&schema("a", "  mode = \"READWRITE\""));
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
    assert_eq!(office.registry.versions(&subject), [1, 2]);
}

#[test]
fn metadata_and_rules_belong_to_a_version() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "governed");
    office.project.write("a.avsc", &record(ONE));
    let governed = |owner: &str| {
        schema(
            "a",
            &format!(
                "  metadata = {{ properties = {{ owner = \"{owner}\" }} }}\n  \
                 rule_set = {{ domain_rules = [{{ name = \"short\", kind = \"CONDITION\", \
                 type = \"CEL\", mode = \"WRITE\", expr = \"size(message.id) < 9\", \
                 on_failure = \"DLQ\" }}] }}"
            ),
        )
    };
    office.declare(&governed("team-a"));
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
    office.declare(&governed("team-b"));
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
    let latest = office.registry.version(&office.name("a"), "latest");
    assert_eq!(latest["metadata"]["properties"]["owner"], "team-b");
    assert_eq!(latest["ruleSet"]["domainRules"][0]["onFailure"], "DLQ");
    assert_eq!(latest["version"], 2);
}

#[test]
fn a_registry_that_forgets_metadata_is_found_out() {
    let stand_in = StandIn::start();
    stand_in.forget_metadata();
    let office = Office::at(&stand_in.url(), "forgets");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema(
        "a",
        "  metadata = { properties = { owner = \"a\" } }",
    ));
    let failed = office.apply(&[]).expect(1);
    let said = [failed.stdout, failed.stderr].concat();
    assert!(
        said.contains("this registry does not keep metadata"),
        "{said}"
    );
}

#[test]
fn credentials_reach_the_registry_and_nothing_else() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "login");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema("a", ""));
    stand_in.require("Basic YWxpY2U6aHVudGVyMg==");
    let refused = office.run("plan", &[]).expect(1);
    assert!(refused.stderr.contains("401"), "{}", refused.stderr);
    let text = office.project.read("main.hcl").replace(
        "retries = 0",
        "retries = 0\n  basic_auth_user_info = secret(\"env:REGISTRY_LOGIN\")",
    );
    office.project.write("main.hcl", &text);
    let apply = office
        .project
        .program(&["apply", "--env", "dev", "--auto-approve"])
        .env("REGISTRY_LOGIN", "alice:hunter2");
    let run = apply.run().expect(0);
    for text in [
        run.stdout,
        run.stderr,
        office.project.read(".streamform/dev/state.json"),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    stand_in.require("Bearer t");
    let text = text.replace("basic_auth_user_info", "bearer_auth_token");
    office.project.write("main.hcl", &text);
    let plan = office
        .project
        .program(&["plan", "--env", "dev", "--detailed-exitcode"])
        .env("REGISTRY_LOGIN", "t");
    plan.run().expect(0);
}

#[test]
fn several_registries_are_reached_by_aliases() {
    let (here, there) = (StandIn::start(), StandIn::start());
    let mut office = Office::at(&here.url(), "alias");
    office.head = format!(
        "environment \"dev\" {{}}\nprovider \"schema_registry\" {{\n  alias = \"eu\"\n  \
         url = \"{}\"\n}}",
        there.url()
    );
    office.project.write("a.avsc", &record(ONE));
    office.project.write("b.avsc", &record(ONE));
    let eu = schema("b", "  provider = schema_registry.eu");
    office.declare(&[schema("a", ""), eu].concat());
    office.apply(&[]).expect(0);
    office.expect_empty_plan();
    assert_eq!(here.client().subjects(&office.prefix), [office.name("a")]);
    assert_eq!(there.client().subjects(&office.prefix), [office.name("b")]);
}

#[test]
fn answers_that_are_no_json_and_lists_that_are_null_are_borne() {
    let stand_in = StandIn::start();
    let office = Office::at(&stand_in.url(), "odd");
    office.project.write("a.avsc", &record(ONE));
    office.declare(&schema("a", ""));
    stand_in.force(1, &answer(500, &[], "<html>oops</html>"));
    let failed = office.run("plan", &[]).expect(1);
    assert!(
        failed.stderr.contains("<html>oops</html>"),
        "{}",
        failed.stderr
    );
    let bare = json!({ "version": 3, "id": 9, "schema": record(ONE), "references": null });
    stand_in.force(1, &answer(200, &[], &bare.to_string()));
    let plan = office.run("plan", &[]).expect(1);
    assert!(
        plan.stderr.contains("is not in the state"),
        "{}",
        plan.stderr
    );
}
