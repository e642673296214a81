//! `kill -9` before and after each request of an upgrade that has an effect: the next apply finishes it.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::servers;

use super::counter::{Counter, Said};
use super::gate::{Gate, Side};

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
            job.declare_at(gate.url(), version, &Said::default());
            let mut held = None;
            let mut apply = job.project.program(&Counter::apply_arguments(&[])).start();
            while held.is_none() && !apply.has_ended() {
                held = gate.held();
                thread::sleep(Duration::from_millis(20));
            }
            let Some(request) = held else {
                apply.wait().expect(code);
                return met;
            };
            apply.signal(Signal::KILL);
            apply.wait();
            met.push(request);
            job.declare(version, &Said::default());
            job.apply(&[]).expect(code);
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
