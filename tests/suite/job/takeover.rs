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
