//! What becomes of a job's state when the job is changed.

use crate::support::servers;

use super::counter::{Counter, Said};
use super::gate;

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
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
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
fn a_stop_to_a_bad_directory_leaves_the_job_running() {
    let Some(job) = Counter::new("directory") else {
        return;
    };
    let _shared = servers::flink_shared();
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    let id = job.expect_one();
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
    job.apply(&[]).expect(0);
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
    for condition in ["v <> 'a'", "v <> 'b'"] {
        job.declare_sql(condition);
        job.apply(&[]).expect(0);
        job.produce(20);
        job.expect_count();
        job.expect_one();
        job.plan(0);
    }
    // What is no SQL is seen before anything is touched.
    let id = job.expect_one();
    job.declare_sql("nothing = 1");
    let told = job.apply(&[]).expect(1).stderr;
    assert!(told.contains("Column 'nothing' not found"), "{told}");
    assert_eq!(job.expect_one(), id);
}
