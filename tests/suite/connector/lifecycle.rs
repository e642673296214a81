//! From nothing to a pipe and back, on a real worker.

use serde_json::json;

use super::{PIPE, Plant, SECRET};

#[test]
fn a_file_goes_through_a_topic_into_a_file() {
    let Some(plant) = Plant::real("pipe") else {
        return;
    };
    plant.declare(PIPE);
    plant.write_lines("in", &["one", "two"]);
    let apply = plant.apply().expect(0);
    assert!(apply.stdout.contains("3 created"), "{}", apply.stdout);
    plant.expect_lines("out", &["one", "two"]);
    plant.write_lines("in", &["three"]);
    plant.expect_lines("out", &["one", "two", "three"]);
    plant.expect_empty_plan();
    let (input, output) = (plant.name("in"), plant.name("out"));
    assert_eq!(plant.connect.config(&input)["a.password"], SECRET);
    let state = plant.state("connector.in");
    assert_eq!(
        state["spec"]["config"]["a.password"],
        json!({ "secret": "env:TEST_CONNECT_SECRET" })
    );
    let digest = &state["outcome"]["secrets"]["a.password"];
    assert!(digest.as_str().unwrap().starts_with("pbkdf2:"), "{state}");

    // Another file, and a key that is no longer set.
    plant.declare(
        &PIPE
            .replace("@/out", "@/other")
            .replace("  tasks_max = 1\n", ""),
    );
    let plan = plant.run("plan", &[]).expect(0);
    assert!(plan.stdout.contains("config[\"file\"]"), "{}", plan.stdout);
    assert!(plan.stdout.contains("tasks_max"), "{}", plan.stdout);
    plant.apply().expect(0);
    plant.write_lines("in", &["four"]);
    plant.expect_lines("other", &["four"]);
    assert!(plant.connect.config(&input)["tasks.max"].is_null());
    plant.expect_empty_plan();

    // What somebody changes by hand is drift; what nobody set before is nobody's.
    plant.connect.patch(
        &output,
        &json!({ "file": "/tmp/elsewhere", "errors.log.enable": "true" }),
    );
    plant.connect.bring(&input, "pause");
    plant.connect.wait_for(&input, "PAUSED [PAUSED]");
    let drift = plant.run("drift", &[]).expect(2);
    for part in ["/tmp/elsewhere", "paused"] {
        assert!(drift.stdout.contains(part), "{}", drift.stdout);
    }
    plant.apply().expect(0);
    plant.expect_empty_plan();
    assert_eq!(plant.connect.config(&output)["errors.log.enable"], "true");
    assert_eq!(plant.connect.state(&input), "RUNNING [RUNNING]");

    // Another value of the secret is a change, and no drift.
    let other = "hunter3-11aa";
    let drift = plant.run_with("drift", &[], other).expect(0);
    assert!(!drift.stdout.contains("a.password"), "{}", drift.stdout);
    let plan = plant
        .run_with("plan", &["--detailed-exitcode"], other)
        .expect(2);
    assert!(plan.stdout.contains("another value now"), "{}", plan.stdout);
    plant
        .run_with("apply", &["--auto-approve"], other)
        .expect(0);
    assert_eq!(plant.connect.config(&input)["a.password"], other);
    plant
        .run_with("plan", &["--detailed-exitcode"], other)
        .expect(0);

    plant.declare("");
    let plan = plant.run_with("plan", &[], other);
    assert!(plan.stdout.contains("stay in its group"), "{}", plan.stdout);
    let gone = plant.run_with(
        "apply",
        &["--auto-approve", "--allow-destroy", "topic.lines"],
        other,
    );
    gone.expect(0);
    assert!(!plant.connect.has(&input) && !plant.connect.has(&output));
}

#[test]
fn a_connector_is_made_in_the_state_that_is_wanted() {
    let Some(plant) = Plant::real("states") else {
        return;
    };
    let with_state = |state: &str| {
        PIPE.replace(
            "class     = \"FileStreamSource\"",
            &format!("class     = \"FileStreamSource\"\n  state     = \"{state}\""),
        )
    };
    plant.declare(&with_state("stopped"));
    plant.write_lines("in", &["one"]);
    plant.apply().expect(0);
    let name = plant.name("in");
    assert_eq!(plant.connect.state(&name), "STOPPED []");
    assert_eq!(plant.kafka().records(&plant.name("lines")), 0);
    plant.expect_empty_plan();
    plant.declare(&with_state("paused"));
    plant.apply().expect(0);
    // What was stopped gets its tasks only when it runs.
    assert_eq!(plant.connect.state(&name), "PAUSED []");
    plant.expect_empty_plan();
    plant.declare(&with_state("running"));
    plant.apply().expect(0);
    plant.expect_lines("out", &["one"]);
    plant.declare(&with_state("stopped"));
    plant.apply().expect(0);
    assert_eq!(plant.connect.state(&name), "STOPPED []");
    plant.expect_empty_plan();
}

#[test]
fn what_is_there_is_taken_over_as_it_is_or_as_the_block_says() {
    let Some(plant) = Plant::real("import") else {
        return;
    };
    let name = plant.name("taken");
    let topic = plant.name("lines");
    plant.kafka().create_topic(&topic, 1, &[]);
    plant.connect.create(
        &name,
        &json!({
            "connector.class": "FileStreamSource", "file": "/tmp/nowhere", "topic": topic,
            "tasks.max": "1", "a.password": SECRET,
        }),
    );
    plant.connect.wait_for(&name, "RUNNING [RUNNING]");
    let block = r#"
connector "taken" {
  name  = "P.taken"
  class = "FileStreamSource"
  config = {
    "file"       = "/tmp/nowhere-else"
    "topic"      = "P.lines"
    "a.password" = secret("env:TEST_CONNECT_SECRET")
  }
}
"#;
    plant.declare(block);
    plant.run("plan", &[]).expect(1);
    plant.run("import", &["connector.taken", &name]).expect(0);
    let plan = plant.run("plan", &["--detailed-exitcode"]).expect(2);
    assert!(plan.stdout.contains("/tmp/nowhere-else"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("a.password"), "{}", plan.stdout);
    plant.apply().expect(0);
    plant.expect_empty_plan();
    assert_eq!(plant.connect.config(&name)["tasks.max"], "1");
    // What is ignored stays as somebody left it.
    plant.declare(&block.replace(
        "  config = {",
        "  lifecycle { ignore_changes = [config[\"file\"], state] }\n  config = {",
    ));
    plant
        .connect
        .patch(&name, &json!({ "file": "/tmp/by-hand" }));
    plant.connect.bring(&name, "stop");
    plant.connect.wait_for(&name, "STOPPED []");
    plant.expect_empty_plan();
}
