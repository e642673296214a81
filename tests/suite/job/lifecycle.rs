//! What becomes of a job's state when the job is changed.

use std::fs;
use std::path::Path;

use streamform::document::ContentHash;

use crate::support::servers;

use super::counter::{Counter, Said};
use super::gate::{self, Gate};
use super::shelf::Shelf;

#[test]
fn an_upgrade_and_the_way_back_lose_and_double_nothing() {
    let Some(job) = Counter::new("upgrade") else {
        return;
    };
    let _shared = servers::flink_shared();
    for version in ["v1", "v2", "v1"] {
        job.declare(version, &Said::default());
        job.apply(&[]).expect(0);
        job.produce(20);
        assert_eq!(job.expect_exact(), version);
        job.expect_one();
        job.plan(0);
    }

    // From the checkpoint that it left, which goes when it is old.
    let said = |upgrade| Said {
        upgrade,
        ..Said::default()
    };
    job.declare("v2", &said("mode = \"last_checkpoint\""));
    assert!(job.plan(2).contains("restarted from its newest checkpoint"));
    let told = job.apply(&[]).expect(0).stderr;
    assert!(told.contains("ending it without a savepoint"), "{told}");
    let checkpoint = job.restored_from();
    let is_kept = checkpoint.contains("/chk-") && Path::new(&checkpoint).exists();
    assert!(is_kept, "{checkpoint}");
    job.produce(20);
    assert_eq!(job.expect_exact(), "v2");
    job.plan(0);
    job.declare("v1", &said("keep_savepoints = 1"));
    job.apply(&[]).expect(0);
    job.produce(20);
    assert_eq!(job.expect_exact(), "v1");
    assert!(!Path::new(&checkpoint).exists(), "{checkpoint}");
    // Another way to write the same is none to start it again.
    let id = job.expect_one();
    job.declare(
        "v1",
        &Said {
            job: "owner = \"team\"",
            ..Said::default()
        },
    );
    job.apply(&[]).expect(0);
    assert_eq!(job.expect_one(), id);

    // Without its state only with permission: it counts from the beginning.
    job.declare("v2", &said("mode = \"stateless\""));
    let refused = job.apply(&[]).expect(3);
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(told.contains("The job starts empty"), "{told}");
    assert_eq!(job.expect_one(), id);
    job.apply(&["--allow-destroy", "job.counter"]).expect(0);
    assert_eq!(job.expect_counted(2), "v2");
    job.plan(0);

    job.project
        .run(&["destroy", "--env", "dev", "--auto-approve"])
        .expect(3);
    let allowed = [
        "destroy",
        "--env",
        "dev",
        "--auto-approve",
        "--allow-destroy",
        "job.counter",
    ];
    job.project.run(&allowed).expect(0);
    assert!(job.running().is_empty());
}

#[test]
fn a_version_that_does_not_prove_itself_is_turned_back() {
    let Some(job) = Counter::new("turned-back") else {
        return;
    };
    let _shared = servers::flink_shared();
    // The first comes from an address: what else it gives is not run.
    let jar = fs::read(job.project.path("jobs/counter-v1.jar")).unwrap();
    let hash = ContentHash::of(&jar).hex();
    let shelf = Shelf::of(jar);
    for (path, hash, told) in [
        (
            "/job.jar",
            "0".repeat(64),
            format!("its SHA-256 is {hash}, not 0000"),
        ),
        (
            "/missing.jar",
            hash.clone(),
            "the server answers 404".to_owned(),
        ),
        ("/latest.jar", hash, String::new()),
    ] {
        let url = shelf.url(path);
        job.declare(
            "",
            &Said {
                jar: &format!("jar = \"{url}\"\n    sha256 = \"{hash}\""),
                ..Said::default()
            },
        );
        let apply = job.apply(&[]).expect(i32::from(!told.is_empty()));
        assert!(apply.stderr.contains(&told), "{}", apply.stderr);
        assert_eq!(job.running().len(), usize::from(told.is_empty()));
    }
    // Where it is had is no part of what it is.
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
    // A plan shows operators that the new version does not have, and leaves nothing behind.
    job.declare(
        "v3",
        &Said {
            provider: "preview = true",
            ..Said::default()
        },
    );
    let plan = job.plan(2);
    assert!(
        plan.contains("These operators are gone or were renamed: count"),
        "{plan}"
    );
    let jars = gate::get(&job.flink, "/jars").to_string();
    assert!(!jars.contains("preview-"), "{jars}");
    // The state does not fit the one, which the adaptive scheduler tells by the job's failure alone; the other
    // restarts in a loop.
    for version in ["v3", "failing"] {
        job.declare(version, &Said::default());
        let told = job.apply(&[]).expect(1).stderr;
        assert!(told.contains("the new version failed: "), "{told}");
        assert!(
            told.contains("The version before it runs again as"),
            "{told}"
        );
        job.produce(10);
        assert_eq!(job.expect_exact(), "v1");
        job.expect_one();
    }
    job.declare("v1", &Said::default());
    job.plan(0);
}

#[test]
fn a_job_that_makes_no_checkpoints_is_upgraded_all_the_same() {
    let Some(job) = Counter::new("no-checkpoints") else {
        return;
    };
    let _shared = servers::flink_shared();
    let said = |healthy| Said {
        job: healthy,
        // What Flink takes for none: the cluster's own settings have one.
        interval: "9223372036854775807ms",
        ..Said::default()
    };
    job.declare("v1", &said(""));
    job.apply(&["--wait"]).expect(0);
    job.produce(20);
    job.declare("v2", &said(""));
    job.apply(&["--wait"]).expect(0);
    // What it writes is committed with its savepoints.
    assert_eq!(job.expect_exact(), "v1");
    job.produce(20);
    // What will never come is not waited for.
    job.declare("v1", &said("healthy {\n    checkpoints = 1\n  }"));
    let told = job.apply(&[]).expect(1).stderr;
    for part in [
        "it makes no checkpoints, of which its healthy block wants 1",
        "The version before it runs again as",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(job.expect_exact(), "v2");
    job.expect_one();
}

#[test]
fn a_stop_to_a_bad_directory_leaves_the_job_running() {
    let Some(job) = Counter::new("directory") else {
        return;
    };
    let _shared = servers::flink_shared();
    // There is not room for every version, which is seen before anything is touched.
    let wide = Said {
        parallelism: 99,
        ..Said::default()
    };
    let is_refused = || {
        let told = job.apply(&[]).expect(1).stderr;
        assert!(
            told.contains("it needs 99 slots, and the cluster has"),
            "{told}"
        );
    };
    job.declare("v1", &wide);
    is_refused();
    assert!(job.running().is_empty());
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    let id = job.expect_one();
    for version in ["v1", "v2"] {
        job.declare(version, &wide);
        is_refused();
        assert_eq!(job.expect_one(), id);
    }
    job.declare(
        "v2",
        &Said {
            upgrade: "savepoint_directory = \"file:///proc/none\"",
            ..Said::default()
        },
    );
    let told = job.apply(&[]).expect(1).stderr;
    assert!(told.contains("it runs on"), "{told}");
    assert_eq!(job.expect_one(), id);
    job.produce(20);
    assert_eq!(job.expect_exact(), "v1");
    job.declare("v2", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
    assert_eq!(job.expect_exact(), "v2");
}

#[test]
fn a_job_is_suspended_rescaled_and_put_back() {
    let Some(job) = Counter::new("suspended") else {
        return;
    };
    let _shared = servers::flink_shared();
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
    job.expect_exact();
    job.declare(
        "v1",
        &Said {
            job: "state = \"suspended\"",
            ..Said::default()
        },
    );
    job.apply(&[]).expect(0);
    assert!(job.running().is_empty());
    job.plan(0);
    job.produce(20);
    job.declare("v2", &Said::default());
    assert!(job.plan(2).contains("The job goes on from"));
    job.apply(&[]).expect(0);
    assert_eq!(job.expect_exact(), "v2");

    job.declare(
        "v2",
        &Said {
            parallelism: 2,
            ..Said::default()
        },
    );
    assert!(job.plan(2).contains("parallelism is changed"));
    job.apply(&["--wait"]).expect(0);
    // Flink counts it as a restart; nothing failed.
    let status = job.project.run(&["status", "--env", "dev", "--json"]);
    assert!(!status.expect(0).stdout.contains("restarts"));
    job.produce(20);
    job.expect_exact();
    job.plan(0);

    gate::cancel(&job.flink, &job.expect_one());
    while !job.running().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(job.plan(2).contains("changed outside"));
    job.project.run(&["status", "--env", "dev"]).expect(2);
    job.apply(&[]).expect(0);
    job.produce(20);
    job.expect_exact();
    job.plan(0);
}

#[test]
fn sql_is_upgraded_with_its_state() {
    let Some(job) = Counter::new("sql") else {
        return;
    };
    let _shared = servers::flink_shared();
    let gateway = Gate::listen(&job.gateway);
    let said = Said {
        provider: "preview = true",
        at: ["", gateway.url()],
        ..Said::default()
    };
    job.declare_sql("v <> 'a'", &said);
    assert!(!job.plan(2).contains("could not be found out"));
    for condition in ["v <> 'a'", "v <> 'b'"] {
        job.declare_sql(condition, &said);
        if job.running().len() == 1 {
            // A plan shows what the planner makes of it.
            let plan = job.plan(2);
            let gone = "gone or were renamed: Calc(select=[v], where=[(v <> 'a')]).";
            assert!(plan.contains(gone), "{plan}");
        }
        job.apply(&[]).expect(0);
        job.produce(20);
        job.expect_count();
        job.expect_one();
        job.plan(0);
    }
    // What is no SQL is seen before anything is touched.
    let id = job.expect_one();
    job.declare_sql("nothing = 1", &said);
    assert!(job.plan(2).contains("Column 'nothing' not found"));
    let told = job.apply(&[]).expect(1).stderr;
    assert!(told.contains("Column 'nothing' not found"), "{told}");
    assert_eq!(job.expect_one(), id);
    // So is that there is no room for it.
    job.declare_sql(
        "v <> 'c'",
        &Said {
            parallelism: 99,
            ..said
        },
    );
    let told = job.apply(&[]).expect(1).stderr;
    assert!(
        told.contains("it needs 99 slots, and the cluster has"),
        "{told}"
    );
    assert_eq!(job.expect_one(), id);
    // No session is left open.
    let passed = gateway.passed();
    let count = |is: fn(&&String) -> bool| passed.iter().filter(is).count();
    let opened = count(|line| line.starts_with("POST /v2/sessions HTTP"));
    let closed = count(|line| line.starts_with("DELETE ") && !line.contains("/operations/"));
    assert!(opened >= 7 && opened == closed, "{opened} {closed}");
}

#[test]
fn sql_with_an_input_that_has_an_end_is_upgraded_with_its_state() {
    let Some(job) = Counter::new("bounded") else {
        return;
    };
    let _shared = servers::flink_shared();
    for other in ["a", "b"] {
        let condition =
            format!("v <> '{other}' AND v IN (SELECT k FROM (VALUES ('x'), ('y')) AS known (k))");
        job.declare_sql(&condition, &Said::default());
        job.apply(&["--wait"]).expect(0);
        job.produce(20);
        job.expect_count();
        let running = gate::get(&job.flink, &format!("/jobs/{}", job.expect_one()));
        let parts = running["vertices"].as_array().unwrap();
        let has_ended = parts.iter().any(|part| part["status"] == "FINISHED");
        assert!(has_ended, "{running}");
        job.plan(0);
    }
}
