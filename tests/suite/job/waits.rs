//! `apply --wait`, and jobs that do not get well.

use rustix::process::Signal;

use crate::support::servers;

use super::counter::{Counter, Said};

#[test]
fn a_job_that_does_not_get_well_is_told_and_what_was_applied_is_kept() {
    let Some(job) = Counter::new("unwell") else {
        return;
    };
    let _shared = servers::flink_shared();
    // A first version has nothing to go back to: it is ended.
    job.declare("failing", &Said::default());
    let told = job.apply(&["--wait"]).expect(1).stderr;
    assert!(told.contains("it does not run: it was restarted"), "{told}");
    assert!(told.contains("this version of the job fails"), "{told}");
    assert!(job.running().is_empty());

    let impatient = Said {
        job: "healthy {\n    checkpoints = 1000\n    within = \"3s\"\n  }",
        ..Said::default()
    };
    job.declare("v1", &impatient);
    let told = job.apply(&["--wait"]).expect(1).stderr;
    assert!(told.contains("it was not well within 3 s: "), "{told}");
    assert!(told.contains(" of 1000 checkpoints completed"), "{told}");
    assert!(job.running().is_empty());

    // Nobody commits for this group, so that its lag stays.
    let group = format!("{}-nobody", job.name);
    job.produce(20);
    job.kafka.commit(&group, &format!("{}-in", job.name), 0);
    let lagging = format!("group = \"{group}\"\n  healthy {{\n    max_lag = 0\n  }}");
    job.declare(
        "v1",
        &Said {
            job: &lagging,
            ..Said::default()
        },
    );
    let late = job.apply(&["--wait=3s"]).expect(1).stderr;
    assert!(
        late.contains("job.counter is not healthy after 3 s"),
        "{late}"
    );
    let id = job.expect_one();
    job.plan(0);

    job.declare(
        "v2",
        &Said {
            job: &lagging,
            ..Said::default()
        },
    );
    let mut waiting = job
        .project
        .program(&Counter::apply_arguments(&["--wait"]))
        .start();
    waiting.wait_for("job.counter is ");
    waiting.signal(Signal::INT);
    let told = waiting.wait().expect(130).stderr;
    assert!(
        told.contains("Interrupted: what was applied stays so"),
        "{told}"
    );
    assert_ne!(job.expect_one(), id);
    job.produce(5);
    assert_eq!(job.expect_exact(), "v2");
    job.plan(0);
}
