//! `kill -9` before and after each request of an upgrade that has an effect: the next apply finishes it.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::program::Run;
use crate::support::servers;

use super::counter::{Counter, Said};
use super::gate::{self, Gate, Side};

/// Applies, and kills that at the request that the gate holds: the request, or the apply that never met it.
fn killed(job: &Counter, gate: &Gate) -> Result<String, Run> {
    let mut held = None;
    let mut apply = job.project.program(&Counter::apply_arguments(&[])).start();
    while held.is_none() && !apply.has_ended() {
        held = gate.held();
        thread::sleep(Duration::from_millis(20));
    }
    let Some(request) = held else {
        return Err(apply.wait());
    };
    apply.signal(Signal::KILL);
    apply.wait();
    Ok(request)
}

/// Applies after a kill. What the killed run sent may arrive between the plan and the look before the change, which
/// then is not made: the next apply makes it.
fn finish(job: &Counter) -> Run {
    let run = job.apply(&[]);
    if run
        .stderr
        .contains("it was changed since the plan was made")
    {
        return job.apply(&[]);
    }
    run
}

/// Upgrades again and again, killed at another place each time, until one is not met any more. Returns the
/// requests that were.
fn kill_everywhere(
    job: &Counter,
    versions: [&str; 2],
    code: i32,
    survivor: Option<&str>,
) -> Vec<String> {
    let mut met = Vec::new();
    for cut in 0.. {
        let sides = [Side::Before, Side::After];
        for (side, version) in sides.into_iter().zip(versions) {
            let gate = Gate::open(&job.flink, (cut, side));
            job.declare(
                version,
                &Said {
                    at: [gate.url(), ""],
                    ..Said::default()
                },
            );
            let request = match killed(job, &gate) {
                Ok(request) => request,
                Err(ended) => {
                    ended.expect(code);
                    return met;
                }
            };
            met.push(request);
            job.declare(version, &Said::default());
            finish(job).expect(code);
            job.expect_one();
            job.produce(5);
            assert_eq!(job.expect_exact(), survivor.unwrap_or(version), "{met:?}");
        }
    }
    met
}

#[test]
fn an_upgrade_that_is_killed_anywhere_is_finished_by_the_next() {
    let Some(job) = Counter::new("killed") else {
        return;
    };
    let _shared = servers::flink_shared();
    job.declare("v2", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
    let met = kill_everywhere(&job, ["v1", "v2"], 0, None);
    for request in ["/jars/upload", "/stop", "/run"] {
        assert!(
            met.iter().any(|line| line.contains(request)),
            "{request}: {met:?}"
        );
    }
}

#[test]
fn a_way_back_that_is_killed_anywhere_is_finished_by_the_next() {
    let Some(job) = Counter::new("killed-back") else {
        return;
    };
    let _shared = servers::flink_shared();
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
    let met = kill_everywhere(&job, ["failing", "failing"], 1, Some("v1"));
    let runs = met.iter().filter(|line| line.contains("/run"));
    assert!(runs.count() >= 4, "{met:?}");
}

#[test]
fn a_version_that_ran_on_after_a_kill_is_not_set_back() {
    let Some(job) = Counter::new("ran-on") else {
        return;
    };
    let _shared = servers::flink_shared();
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    for (version, is_cancelled) in [("v2", false), ("v1", true)] {
        // After the jar and the stop comes the start, whose answer nobody hears.
        let gate = Gate::open(&job.flink, (2, Side::After));
        let said = |flink| Said {
            at: [flink, ""],
            // It never proves itself.
            job: "healthy {\n    checkpoints = 100000\n    within = \"3s\"\n  }",
            ..Said::default()
        };
        job.declare(version, &said(gate.url()));
        let request = killed(&job, &gate).unwrap();
        assert!(request.contains("/run"), "{request}");
        // What is committed is in a checkpoint of its own.
        job.produce(20);
        assert_eq!(job.expect_exact(), version);
        let id = job.expect_one();
        if is_cancelled {
            gate::cancel(&job.flink, &id);
            while !job.running().is_empty() {
                thread::sleep(Duration::from_millis(100));
            }
            job.declare(version, &Said::default());
            let plan = job.plan(2);
            assert!(plan.contains("/chk-"), "{plan}");
        } else {
            job.declare(version, &said(""));
        }
        finish(&job).expect(0);
        assert_eq!(job.expect_one() == id, !is_cancelled);
        job.produce(5);
        assert_eq!(job.expect_exact(), version);
        job.plan(0);
    }
}

#[test]
fn sql_that_is_killed_while_it_is_upgraded_is_finished_by_the_next() {
    let Some(job) = Counter::new("killed-sql") else {
        return;
    };
    let _shared = servers::flink_shared();
    job.declare_sql("v <> 'a'", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(20);
    job.expect_count();
    // The stop that nobody heard the end of; the INSERT that was never sent, and the one that was.
    for (number, (part, side)) in [
        ("/stop", Side::After),
        ("/statements", Side::Before),
        ("/statements", Side::After),
    ]
    .into_iter()
    .enumerate()
    {
        let condition = format!("v <> '{number}'");
        let is_stop = part == "/stop";
        let gate = Gate::open(if is_stop { &job.flink } else { &job.gateway }, (0, side));
        let at = if is_stop {
            [gate.url(), ""]
        } else {
            ["", gate.url()]
        };
        job.declare_sql(
            &condition,
            &Said {
                at,
                ..Said::default()
            },
        );
        let request = killed(&job, &gate).unwrap();
        assert!(request.contains(part), "{request}");
        job.declare_sql(&condition, &Said::default());
        finish(&job).expect(0);
        job.expect_one();
        job.produce(5);
        job.expect_count();
        job.plan(0);
    }
}
