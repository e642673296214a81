//! Jobs that somebody else started.

use crate::support::servers;

use super::counter::{Counter, Said};
use super::gate::{self, Gate};

#[test]
fn a_job_of_somebody_else_is_taken_over_as_it_runs() {
    let Some(job) = Counter::new("theirs") else {
        return;
    };
    let Some(jar) = servers::jar("counter-v1.jar") else {
        return;
    };
    let _shared = servers::flink_shared();
    let id = gate::submit(&job.flink, &jar, &job.arguments("out", &job.name));
    job.produce(20);
    assert_eq!(job.expect_exact(), "v1");
    job.declare("v1", &Said::default());
    let refused = job.apply(&[]).expect(1);
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        told.contains("exists already and is not in the state"),
        "{told}"
    );

    // One of two cannot be chosen.
    job.kafka
        .create_topic(&format!("{}-other", job.name), 1, &[]);
    let second = gate::submit(&job.flink, &jar, &job.arguments("other", "nobody"));
    let import = ["import", "--env", "dev", "job.counter", &job.name];
    let told = job.project.run(&import).expect(1).stderr;
    assert!(told.contains("2 jobs run under this name"), "{told}");
    assert!(told.contains(&id) && told.contains(&second), "{told}");
    gate::cancel(&job.flink, &second);
    while job.running().len() > 1 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }

    job.project.run(&import).expect(0);
    job.plan(0);
    assert_eq!(job.expect_one(), id);
    job.project.run(&["status", "--env", "dev"]).expect(0);
    job.declare("v2", &Said::default());
    let plan = job.plan(2);
    assert!(plan.contains("cannot be started again"), "{plan}");
    job.apply(&[]).expect(0);
    job.produce(20);
    assert_eq!(job.expect_exact(), "v2");
    job.plan(0);
    job.kafka.delete_topics(&[format!("{}-other", job.name)]);
}

#[test]
fn a_job_that_somebody_stopped_goes_on_from_their_savepoint_however_late_flink_tells() {
    let Some(job) = Counter::new("stopped") else {
        return;
    };
    let _shared = servers::flink_shared();
    let gate = Gate::late(&job.flink);
    let said = Said {
        at: [gate.url(), ""],
        ..Said::default()
    };
    job.declare("v1", &said);
    job.apply(&[]).expect(0);
    job.produce(20);
    assert_eq!(job.expect_exact(), "v1");
    gate::stop(&job.flink, &job.expect_one());
    while !job.running().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let plan = job.plan(2);
    assert!(
        plan.contains("is finished; it is started again from file:"),
        "{plan}"
    );
    job.apply(&[]).expect(0);
    job.produce(5);
    assert_eq!(job.expect_exact(), "v1");
    job.expect_one();
}

#[test]
fn a_state_that_is_not_its_own_is_taken_up_once() {
    let Some(job) = Counter::new("restored") else {
        return;
    };
    let Some(jar) = servers::jar("counter-v1.jar") else {
        return;
    };
    let _shared = servers::flink_shared();
    // Another tool's job is moved here.
    let theirs = gate::submit(&job.flink, &jar, &job.arguments("out", &job.name));
    job.produce(20);
    assert_eq!(job.expect_exact(), "v1");
    gate::stop(&job.flink, &theirs);
    while !job.running().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let moved = savepoint_of(&job.flink, &theirs);
    let restore = |from: &str| format!("restore {{ from = \"{from}\" }}");
    let declare = |version: &str, from: &str| {
        job.declare(
            version,
            &Said {
                job: &restore(from),
                ..Said::default()
            },
        );
    };
    // As people write it, and not as Flink tells it.
    declare("v1", &moved.replacen("file:", "file://", 1));
    let plan = job.plan(2);
    assert!(plan.contains("The job starts from file:"), "{plan}");
    job.apply(&[]).expect(0);
    assert_eq!(job.restored_from(), moved.trim_start_matches("file:"));
    job.produce(5);
    assert_eq!(job.expect_exact(), "v1");
    job.plan(0);
    // It was done once: an upgrade goes on from the job's own state.
    declare("v2", &moved.replacen("file:", "file://", 1));
    job.apply(&[]).expect(0);
    job.produce(5);
    assert_eq!(job.expect_exact(), "v2");
    let id = job.expect_one();

    // What it has gathered is given up only with permission, and not for what is not there.
    declare("v2", "file:/no/such/savepoint");
    let refused = job.apply(&[]).expect(3);
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(told.contains("is given up for that at"), "{told}");
    assert_eq!(job.expect_one(), id);
    let allowed = ["--allow-destroy", "job.counter"];
    let told = job.apply(&allowed).expect(1).stderr;
    assert!(told.contains("The version before it runs again"), "{told}");
    job.produce(5);
    assert_eq!(job.expect_exact(), "v2");

    // Back to where it was moved from: what came since is counted again.
    declare("v2", &moved);
    job.apply(&allowed).expect(0);
    assert_eq!(job.restored_from(), moved.trim_start_matches("file:"));
    job.plan(0);
    job.expect_one();
}

/// Returns where a job that was stopped left its savepoint, as Flink tells it: a moment after the stop.
fn savepoint_of(flink: &str, id: &str) -> String {
    let path = format!("/jobs/{id}/checkpoints");
    loop {
        let checkpoints = gate::get(flink, &path);
        let savepoint = &checkpoints["latest"]["savepoint"]["external_path"];
        if let Some(savepoint) = savepoint.as_str() {
            return savepoint.to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
