//! What fails on a real worker: a task, a plugin's own system, the worker.

use std::fs;

use streamform::sandbox::{Options, Sandbox, Server, Stop};

use crate::support::servers;

use super::{PIPE, Plant};

#[test]
fn a_task_that_failed_is_told_restarted_and_drift() {
    let Some(plant) = Plant::real("failed") else {
        return;
    };
    let blocks = PIPE.replace("@/out", "@/missing/out").replace(
        "class = \"org.apache.kafka.connect.file.FileStreamSinkConnector\"",
        "class = \"FileStreamSink\"\n  restart {\n    max_attempts = 2\n    backoff = \"1s\"\n  }",
    );
    plant.declare(&blocks);
    plant.write_lines("in", &["one"]);
    let waiting = |within: &str| plant.run("apply", &["--auto-approve", within]);
    let apply = waiting("--wait=30s").expect(1);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    for part in ["task 0 is FAILED", "missing/out", "restarted 2 times"] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    fs::create_dir_all(plant.project.path("data/missing")).unwrap();
    let plan = plant.run("plan", &["--detailed-exitcode"]).expect(2);
    assert!(plan.stdout.contains("health.task[0]"), "{}", plan.stdout);
    let apply = waiting("--wait=60s").expect(0);
    assert!(apply.stdout.contains("Healthy after"), "{}", apply.stdout);
    plant.expect_lines("missing/out", &["one"]);
    plant.expect_empty_plan();

    // It fails again when it is begun anew without its folder: by hand, behind our back.
    fs::remove_dir_all(plant.project.path("data/missing")).unwrap();
    let name = plant.name("out");
    let restart = format!("/connectors/{name}/restart?includeTasks=true");
    plant.connect.call("POST", &restart, None);
    plant.connect.wait_for(&name, "RUNNING [FAILED]");
    let drift = plant.run("drift", &[]).expect(2);
    assert!(drift.stdout.contains("health.task[0]"), "{}", drift.stdout);
    let status = plant.run("status", &[]).expect(2);
    assert!(
        status.stdout.contains("task 0 is FAILED"),
        "{}",
        status.stdout
    );
    fs::create_dir_all(plant.project.path("data/missing")).unwrap();
    plant.apply().expect(0);
    assert_eq!(plant.connect.state(&name), "RUNNING [RUNNING]");
    plant.run("drift", &[]).expect(0);
}

#[test]
fn what_cannot_be_handled_goes_to_the_dead_letters() {
    let Some(plant) = Plant::real("letters") else {
        return;
    };
    let json = PIPE.replacen(
        "    \"topics\"          = [topic.lines]\n    \"value.converter\" = \"org.apache.kafka.connect.storage.StringConverter\"\n",
        "    \"topics\"          = [topic.lines]\n    \"value.converter\" = \"org.apache.kafka.connect.json.JsonConverter\"\n    \"value.converter.schemas.enable\" = false\n",
        1,
    );
    // Without them it fails at the first such record, which is there when it is made.
    let (before, _) = json.split_once("connector \"out\"").unwrap();
    plant.declare(before);
    plant.write_lines("in", &["{\"a\":1}", "no json", "{\"a\":2}"]);
    plant.apply().expect(0);
    let lines = plant.name("lines");
    plant.kafka().wait(|| plant.kafka().records(&lines) == 3);
    let judged = json.replace(
        "connector \"out\" {",
        "connector \"out\" {\n  healthy { max_lag = 0 }",
    );
    plant.declare(&judged);
    let apply = plant.run("apply", &["--auto-approve", "--wait=20s"]);
    let told = format!("{}{}", apply.stdout, apply.stderr);
    apply.expect(1);
    for part in ["task 0 is FAILED", "connector.out"] {
        assert!(told.contains(part), "{part}:\n{told}");
    }

    plant.declare(&judged.replace(
        "connector \"out\" {",
        "topic \"dead\" {\n  name = \"P.dead\"\n  partitions = 1\n  replication_factor = 1\n}\n\
         connector \"out\" {\n  dead_letter {\n    topic = topic.dead\n    replication_factor = 1\n  }",
    ));
    let apply = plant
        .run("apply", &["--auto-approve", "--wait=60s"])
        .expect(0);
    assert!(apply.stdout.contains("Healthy after"), "{}", apply.stdout);
    plant.expect_lines("out", &["{a=1}", "{a=2}"]);
    assert_eq!(plant.kafka().records(&plant.name("dead")), 1);
    plant.expect_empty_plan();
    let graph = plant.run("graph", &[]);
    assert!(graph.stdout.contains("topic.dead"), "{}", graph.stdout);
}

#[test]
fn a_database_that_is_away_is_told_by_the_plan() {
    let Some(plant) = Plant::real("debezium") else {
        return;
    };
    plant.declare(
        r#"
connector "db" {
  name  = "P.db"
  class = "io.debezium.connector.postgresql.PostgresConnector"
  config = {
    "database.hostname"  = "127.0.0.1"
    "database.port"      = 1
    "database.user"      = "u"
    "database.password"  = secret("env:TEST_CONNECT_SECRET")
    "database.dbname"    = "d"
    "topic.prefix"       = "P.db"
    "plugin.name"        = "pgoutput"
  }
}
"#,
    );
    let plan = plant.run("plan", &[]);
    if plan.stdout.contains("have no plugin") || plan.stderr.contains("have no plugin") {
        servers::say_skipped("the worker has no Debezium");
        return;
    }
    // The plugin says so of one field, or fails as a whole: that depends on what it gets to first.
    let told = format!("{}{}", plan.stdout, plan.stderr);
    if plan.code == Some(0) {
        assert!(told.contains("could not say"), "{told}");
    } else {
        plan.expect(1);
        assert!(told.contains("config[\"database.hostname\"]"), "{told}");
        assert!(told.contains("127.0.0.1:1 refused"), "{told}");
    }
    plant.apply().expect(1);
    assert!(!plant.connect.has(&plant.name("db")));
}

#[test]
fn a_worker_that_is_killed_loses_nothing() {
    let Some(plant) = Plant::real_alone("killed") else {
        return;
    };
    let Some(dir) = servers::kafka_dir() else {
        return;
    };
    let _alone = servers::connect_alone();
    plant.declare(PIPE);
    plant.write_lines("in", &["one"]);
    plant.apply().expect(0);
    plant.expect_lines("out", &["one"]);

    let mut sandbox = Sandbox::open(&dir).unwrap().unwrap();
    sandbox.stop_server(Server::Connect, Stop::Kill).unwrap();
    let plan = plant.run("plan", &[]).expect(1);
    assert!(plan.stderr.contains("annot reach"), "{}", plan.stderr);
    assert!(plan.stderr.contains("check url"), "{}", plan.stderr);
    plant.declare(&PIPE.replace("@/out", "@/other"));
    plant.apply().expect(1);
    plant.write_lines("in", &["two"]);
    sandbox
        .start_server(Server::Connect, &Options::new(&dir))
        .unwrap();

    // The worker goes on with what it had, and so does the next apply.
    plant.expect_lines_at_least_once("out", &["one", "two"]);
    plant.apply().expect(0);
    plant.write_lines("in", &["three"]);
    plant.expect_lines("other", &["three"]);
    plant.expect_empty_plan();
}
