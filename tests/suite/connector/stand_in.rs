//! What a real worker does only now and then, and what must be counted.

use std::collections::BTreeMap;
use std::fs;

use crate::support::connect::StandIn;
use crate::support::program::Run;

use super::{Plant, SECRET};

const SINK: &str = r#"
connector "out" {
  name  = "P.out"
  class = "FileStreamSink"
  config = {
    "file"         = "/tmp/out"
    "topics"       = "orders"
    "the.password" = secret("env:TEST_CONNECT_SECRET")
  }
}
"#;

#[test]
fn a_rebalance_is_waited_for() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "rebalance");
    plant.declare(SINK);
    let busy = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)";
    stand_in.force(2, "POST /connectors", 409, busy);
    stand_in.force(2, "PUT /connectors", 409, busy);
    plant.apply().expect(0);
    plant.expect_empty_plan();
}

#[test]
fn stars_are_no_difference_and_another_secret_is_one() {
    let stand_in = StandIn::start();
    stand_in.arrange(|workers| workers.masks = true);
    let plant = Plant::at(&stand_in.url(), "masked");
    plant.declare(SINK);
    plant.apply().expect(0);
    plant.expect_empty_plan();
    plant.run("drift", &[]).expect(0);
    let plan = plant
        .run_with("plan", &["--detailed-exitcode"], "other-91c2")
        .expect(2);
    assert!(plan.stdout.contains("another value now"), "{}", plan.stdout);
    plant
        .run_with("apply", &["--auto-approve"], "other-91c2")
        .expect(0);
    assert_eq!(
        stand_in.config(&plant.name("out"))["the.password"],
        "other-91c2"
    );
    plant
        .run_with("plan", &["--detailed-exitcode"], "other-91c2")
        .expect(0);
    // Another key is sent without the stars of the password.
    plant.declare(&SINK.replace("/tmp/out", "/tmp/other"));
    plant
        .run_with("apply", &["--auto-approve"], "other-91c2")
        .expect(0);
    assert_eq!(
        stand_in.config(&plant.name("out"))["the.password"],
        "other-91c2"
    );
}

#[test]
fn older_workers_take_the_whole_configuration_and_what_others_set_stays() {
    let stand_in = StandIn::start();
    stand_in.arrange(|workers| workers.is_old = true);
    let plant = Plant::at(&stand_in.url(), "old");
    plant.declare(&SINK.replace("    \"topics\"", "    \"batch\"        = 3\n    \"topics\""));
    plant.apply().expect(0);
    let name = plant.name("out");
    stand_in.arrange(|workers| {
        let body = serde_json::json!({
            "connector.class": "FileStreamSink", "file": "/tmp/out", "topics": "orders",
            "the.password": SECRET, "batch": "3", "by.hand": "yes",
        });
        workers.set(&name, &body);
    });
    plant.declare(&SINK.replace("/tmp/out", "/tmp/other"));
    plant.apply().expect(0);
    let config = stand_in.config(&name);
    assert_eq!(config["file"], "/tmp/other");
    assert_eq!(config["by.hand"], "yes");
    assert!(config["batch"].is_null(), "{config}");
    plant.expect_empty_plan();
}

#[test]
fn older_workers_start_what_they_make_and_it_is_brought_to_its_state() {
    let stand_in = StandIn::start();
    stand_in.arrange(|workers| workers.is_old = true);
    let moment = "ran for a moment";
    for (state, shown) in [
        ("stopped", "STOPPED []"),
        ("paused", "PAUSED [PAUSED]"),
        ("running", "RUNNING [RUNNING]"),
    ] {
        let plant = Plant::at(&stand_in.url(), &format!("old_{state}"));
        let state_set = format!("  state = \"{state}\"\n  config = {{");
        plant.declare(&SINK.replace("  config = {", &state_set));
        let apply = plant.apply().expect(0);
        let told = format!("{}{}", apply.stdout, apply.stderr);
        assert_eq!(told.contains(moment), state != "running", "{told}");
        assert_eq!(plant.connect.state(&plant.name("out")), shown);
        plant.expect_empty_plan();
    }
    // What they refuse for another reason is not sent again.
    let plant = Plant::at(&stand_in.url(), "old_refused");
    plant.declare(SINK);
    stand_in.requests();
    stand_in.force(1, "POST /connectors", 400, "initial_state: no");
    plant.apply().expect(1);
    let requests = stand_in.requests();
    let made = requests
        .iter()
        .filter(|request| *request == "POST /connectors");
    assert_eq!(made.count(), 1);
}

#[test]
fn what_is_ignored_stays_through_a_change_of_something_else() {
    for is_old in [false, true] {
        let stand_in = StandIn::start();
        stand_in.arrange(|workers| workers.is_old = is_old);
        let plant = Plant::at(&stand_in.url(), "ignored");
        let ignoring = SINK.replace(
            "  config = {",
            "  lifecycle {\n    ignore_changes = [config[\"file\"], config[\"the.password\"], state]\n  }\n  \
             config = {",
        );
        plant.declare(&ignoring);
        plant.apply().expect(0);
        let name = plant.name("out");
        let by_hand = serde_json::json!({
            "connector.class": "FileStreamSink", "file": "/tmp/by-hand", "topics": "orders",
            "the.password": SECRET,
        });
        stand_in.arrange(|workers| workers.set(&name, &by_hand));
        plant.connect.bring(&name, "stop");
        plant.expect_empty_plan();

        // The reference gives another value by now, which is ignored, too.
        let other = "other-91c2";
        plant.declare(&ignoring.replace("\"orders\"", "\"payments\""));
        plant
            .run_with("apply", &["--auto-approve"], other)
            .expect(0);
        let config = stand_in.config(&name);
        assert_eq!(config["topics"], "payments");
        assert_eq!(config["file"], "/tmp/by-hand");
        assert_eq!(config["the.password"], SECRET);
        assert_eq!(plant.connect.state(&name), "STOPPED []");
        plant
            .run_with("plan", &["--detailed-exitcode"], other)
            .expect(0);
        plant.connect.bring(&name, "pause");
        plant.declare(&ignoring);
        plant.apply().expect(0);
        assert_eq!(plant.connect.state(&name), "PAUSED [PAUSED]");
        plant.expect_empty_plan();
    }
}

#[test]
fn words_that_repeat_a_secret_are_told_without_it() {
    let stand_in = StandIn::start();
    stand_in.arrange(|workers| {
        let message = "Invalid value VALUE for configuration the.password".to_owned();
        workers.refused.insert("the.password".into(), message);
    });
    let plant = Plant::at(&stand_in.url(), "words");
    plant.declare(SINK);
    let plan = plant.run("plan", &[]).expect(1);
    let told = format!("{}{}", plan.stdout, plan.stderr);
    assert!(told.contains("Invalid value (secret)"), "{told}");
    // So does a trace, and the error of a call.
    stand_in.arrange(|workers| {
        workers.refused.clear();
        workers.failures = 9;
    });
    let apply = plant.apply().expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    assert!(told.contains("wrong password (secret)"), "{told}");
    let drift = plant.run("plan", &[]).expect(0);
    assert!(
        drift.stdout.contains("wrong password (secret)"),
        "{}",
        drift.stdout
    );
}

#[test]
fn a_password_that_becomes_a_secret_is_no_drift_and_is_not_shown() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "to_secret");
    let known = "plain-5d1e";
    let secret = "secret(\"env:TEST_CONNECT_SECRET\")";
    plant.declare(&SINK.replace(secret, &format!("\"{known}\"")));
    plant.apply().expect(0);
    plant.declare(SINK);
    plant.run("drift", &[]).expect(0);
    let plan = plant.run("plan", &["--detailed-exitcode"]).expect(2);
    assert!(plan.stdout.contains("the.password"), "{}", plan.stdout);
    let apply = plant.apply().expect(0);
    for text in [plan.stdout, apply.stdout, apply.stderr] {
        assert!(!text.contains(known) && !text.contains("outside"), "{text}");
    }
    assert_eq!(stand_in.config(&plant.name("out"))["the.password"], SECRET);
    plant.expect_empty_plan();

    // The secret that the reference gives may be the password that is set: then it is only recorded.
    plant.declare(&SINK.replace(secret, &format!("\"{known}\"")));
    plant.apply().expect(0);
    plant.declare(SINK);
    stand_in.requests();
    plant
        .run_with("apply", &["--auto-approve"], known)
        .expect(0);
    let requests = stand_in.requests();
    let changes = requests
        .iter()
        .filter(|request| request.starts_with("PATCH"));
    assert_eq!(changes.count(), 0, "{requests:?}");
    plant
        .run_with("plan", &["--detailed-exitcode"], known)
        .expect(0);
}

#[test]
fn words_that_repeat_an_earlier_secret_are_told_without_it() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "earlier_words");
    plant.declare(SINK);
    plant.apply().expect(0);
    let name = plant.name("out");
    stand_in.arrange(|workers| workers.fail(&name, 9));
    let expect_hidden = |run: &Run| {
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(told.contains("wrong password (secret)"), "{told}");
        assert!(!told.contains(SECRET), "{told}");
    };
    // The reference gives nothing here.
    for command in ["drift", "status"] {
        let run = plant.project.run(&[command, "--env", "dev"]).expect(2);
        expect_hidden(&run);
    }
    // It gives another value: the words are those of the one that was sent.
    let other = "other-91c2";
    let plan = plant.run_with("plan", &["--out", "saved.plan"], other);
    expect_hidden(&plan.expect(0));
    let saved = fs::read(plant.project.path("saved.plan")).unwrap();
    let saved = String::from_utf8_lossy(&saved);
    assert!(!saved.contains(SECRET), "{saved}");
    let apply = plant.run_with("apply", &["saved.plan"], other);
    expect_hidden(&apply.expect(1));
    assert_eq!(stand_in.config(&name)["the.password"], other);
}

#[test]
fn a_plugin_that_answers_500_breaks_no_plan() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "five_hundred");
    plant.declare(SINK);
    let words = format!("Cannot invoke ConfigValueInfo.errors() with {SECRET}");
    stand_in.force(1, "PUT /connector-plugins", 500, &words);
    let plan = plant.run("plan", &[]).expect(0);
    assert!(plan.stdout.contains("Cannot invoke"), "{}", plan.stdout);
    stand_in.force(1, "PUT /connector-plugins", 500, &words);
    stand_in.force(1, "POST /connectors", 500, &words);
    let apply = plant.apply().expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    assert!(told.contains("cannot reach their own system"), "{told}");
    // It is not known whether it was made: the next run finds out.
    plant.apply().expect(0);
    plant.expect_empty_plan();
}

#[test]
fn a_step_that_is_refused_leaves_the_connector_as_it_was() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "refused_step");
    plant.declare(SINK);
    plant.apply().expect(0);
    let name = plant.name("out");
    let moved = SINK.replace(
        "  config = {",
        "  offsets {\n    position {\n      partition = { kafka_topic = \"orders\", kafka_partition = 0 }\n      \
         offset    = { kafka_offset = 1 }\n    }\n  }\n  config = {",
    );
    plant.declare(&moved);
    // Workers before Kafka 3.6 do not know the call; a plugin may refuse the offsets.
    let old = "which takes Kafka 3.6";
    for (refusal, words) in [(None, old), (Some("no such topic"), "no such topic")] {
        if let Some(message) = refusal {
            stand_in.force(1, "PATCH /connectors", 400, message);
        }
        let apply = plant.apply().expect(1);
        let told = format!("{}{}", apply.stdout, apply.stderr);
        for part in [words, "the connector is running as before"] {
            assert!(told.contains(part), "{part}:\n{told}");
        }
        assert_eq!(plant.connect.state(&name), "RUNNING [RUNNING]");
    }
    plant.declare(SINK);
    plant.expect_empty_plan();

    // Where it cannot be brought back, or where it is not known what was done, it is told to be stopped.
    plant.declare(&moved);
    stand_in.force(1, &format!("PUT /connectors/{name}/resume"), 400, "no");
    let apply = plant.apply().expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    let stopped = "the connector is stopped, and cannot be brought back";
    assert!(told.contains(stopped), "{told}");
    assert_eq!(plant.connect.state(&name), "STOPPED []");
    stand_in.force(1, "PATCH /connectors", 500, "the group is busy");
    let apply = plant.apply().expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    let again = "the connector is stopped, and the next apply does the step again";
    assert!(told.contains(again), "{told}");
    plant.declare(SINK);
    plant.apply().expect(0);
    assert_eq!(plant.connect.state(&name), "RUNNING [RUNNING]");
    plant.expect_empty_plan();
}

#[test]
fn a_restart_helps_as_often_as_the_block_says() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "restarts");
    let with = |attempts: u32| {
        let block = format!(
            "restart {{\n    max_attempts = {attempts}\n    backoff = \"10ms\"\n  }}\n  config = {{"
        );
        SINK.replace("config = {", &block)
    };
    plant.declare(&with(3));
    plant.apply().expect(0);
    let name = plant.name("out");
    stand_in.arrange(|workers| workers.fail(&name, 2));
    stand_in.requests();
    plant.apply().expect(0);
    let restarts = stand_in.requests();
    let restarts = restarts
        .iter()
        .filter(|request| request.ends_with("/restart"));
    assert_eq!(restarts.count(), 2);
    stand_in.arrange(|workers| workers.fail(&name, 9));
    let apply = plant.apply().expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    assert!(told.contains("restarted 3 times"), "{told}");
}

#[test]
fn what_a_change_mends_is_not_restarted() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "mended");
    plant.declare(SINK);
    plant.apply().expect(0);
    let name = plant.name("out");
    let restarts = || {
        let requests = stand_in.requests();
        let restarts = requests
            .iter()
            .filter(|request| request.ends_with("/restart"));
        restarts.count()
    };
    stand_in.arrange(|workers| workers.fail_until_changed(&name, 3));
    plant.declare(&SINK.replace("/tmp/out", "/tmp/other"));
    plant.apply().expect(0);
    assert_eq!(restarts(), 0);
    // What the change does not mend is restarted as ever.
    stand_in.arrange(|workers| workers.fail(&name, 1));
    plant.declare(SINK);
    plant.apply().expect(0);
    assert_eq!(restarts(), 1);
    stand_in.arrange(|workers| workers.fail(&name, 9));
    plant.declare(&SINK.replace("/tmp/out", "/tmp/other"));
    let apply = plant.apply().expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    assert!(told.contains("restarted once"), "{told}");
}

#[test]
fn a_plan_without_changes_takes_one_request_for_all_connectors() {
    const CONNECTORS: usize = 500;
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "count");
    plant.declare(
        r#"
connector "out" {
  for_each = toset([for n in range(500) : "c${n}"])
  name     = "P.${each.key}"
  class    = "FileStreamSink"
  config   = { "file" = "/tmp/${each.key}", "topics" = "orders" }
}
"#,
    );
    plant.apply().expect(0);
    stand_in.requests();
    plant.expect_empty_plan();
    let requests = stand_in.requests();
    assert_eq!(requests, ["GET /connectors"], "{CONNECTORS} connectors");
}

#[test]
fn workers_that_are_away_are_told_with_what_to_do() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "away");
    plant.declare(SINK);
    stand_in.force(9, "GET /connectors", 503, "no worker");
    let plan = plant.run("plan", &[]).expect(1);
    assert!(plan.stderr.contains("503"), "{}", plan.stderr);
    let nowhere = Plant::at("http://127.0.0.1:1", "nowhere");
    nowhere.declare(SINK);
    let plan = nowhere.run("plan", &[]).expect(1);
    assert!(plan.stderr.contains("check url"), "{}", plan.stderr);
}

#[test]
fn a_connector_that_was_made_a_moment_ago_is_found() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "moment");
    plant.declare(SINK);
    plant.apply().expect(0);
    // Left out of the list with its details, as long as its status is not known.
    stand_in.arrange(|workers| workers.hides = true);
    plant.expect_empty_plan();
    let empty = BTreeMap::new();
    stand_in.arrange(|workers| workers.add("nobodys", empty));
    plant.expect_empty_plan();
}

#[test]
fn a_connector_that_is_restarted_between_plan_and_apply_is_no_obstacle() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "between");
    plant.declare(SINK);
    plant.apply().expect(0);
    let name = plant.name("out");
    plant.declare(&SINK.replace("/tmp/out", "/tmp/other"));
    plant.run("plan", &["--out", "saved.plan"]).expect(0);
    // Seen so before the change, and after it.
    stand_in.arrange(|workers| workers.restart(&name, 3));
    plant.run("apply", &["saved.plan"]).expect(0);
    assert_eq!(stand_in.config(&name)["file"], "/tmp/other");
    plant.expect_empty_plan();
    // So is one that fails meanwhile.
    plant.declare(SINK);
    plant.run("plan", &["--out", "saved.plan"]).expect(0);
    stand_in.arrange(|workers| workers.fail(&name, 1));
    plant.run("apply", &["saved.plan"]).expect(0);
    plant.expect_empty_plan();
}

#[test]
fn a_connector_that_is_deleted_between_plan_and_apply_is_not_made_by_a_change() {
    let stand_in = StandIn::start();
    let plant = Plant::at(&stand_in.url(), "deleted");
    plant.declare(SINK);
    plant.apply().expect(0);
    let name = plant.name("out");
    plant.declare(&SINK.replace("/tmp/out", "/tmp/other"));
    plant.run("plan", &["--out", "saved.plan"]).expect(0);
    stand_in.arrange(|workers| workers.delete(&name));
    let run = plant.run("apply", &["saved.plan"]).expect(1);
    assert!(
        run.stderr.contains("changed since the plan"),
        "{}",
        run.stderr
    );
    let drift = plant.run("drift", &[]).expect(2);
    assert!(drift.stdout.contains("deleted"), "{}", drift.stdout);
    let run = plant.apply().expect(0);
    assert!(run.stdout.contains("1 created"), "{}", run.stdout);
    plant.expect_empty_plan();

    // Nothing is left of it that a deletion could delete.
    plant.declare("");
    plant.run("plan", &["--out", "saved.plan"]).expect(0);
    stand_in.arrange(|workers| workers.delete(&name));
    plant.run("apply", &["saved.plan"]).expect(1);
    let run = plant.apply().expect(0);
    assert!(run.stdout.contains("1 forgotten"), "{}", run.stdout);
    plant.expect_empty_plan();
}
