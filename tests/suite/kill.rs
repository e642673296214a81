//! `kill -9` in the middle of an apply: the next apply finishes the work, without a human.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::estate::{Estate, topic};

/// How many topics the project has at the end.
const TOPICS: usize = 1000;
/// How many kills meet the creation of all topics.
const KILLS_OF_CREATIONS: usize = 3;
/// How many kills meet updates of every topic.
const KILLS_OF_UPDATES: usize = 17;

#[test]
fn an_apply_that_is_killed_is_finished_by_the_next() {
    let Some(estate) = Estate::new("kill") else {
        return;
    };
    let mut moments = Moments::new();
    declare(&estate, TOPICS, 0);
    let mut creation = timed(&estate);
    for _ in 0..KILLS_OF_CREATIONS {
        declare(&estate, 0, 0);
        let most = TOPICS.to_string();
        estate.apply(&["--max-deletions", &most]).expect(0);
        assert_eq!(estate.kafka.topics(&estate.prefix).len(), 0);
        declare(&estate, TOPICS, 0);
        creation = moments.kill(&estate, creation);
        estate.apply(&[]).expect(0);
        estate.expect_empty_plan();
        assert_eq!(estate.kafka.topics(&estate.prefix).len(), TOPICS);
    }

    declare(&estate, TOPICS, 1);
    let mut update = timed(&estate);
    for round in 0..KILLS_OF_UPDATES {
        declare(&estate, TOPICS, round + 2);
        update = moments.kill(&estate, update);
        estate.apply(&[]).expect(0);
        estate.expect_empty_plan();
    }
    let last = (KILLS_OF_UPDATES + 1).to_string();
    for sample in ["t0", "t500", "t999"] {
        let value = estate.value(sample, "segment.jitter.ms");
        assert_eq!(value.as_ref(), Some(&last));
    }
    let kills = KILLS_OF_CREATIONS + KILLS_OF_UPDATES;
    assert!(
        moments.met * 2 >= kills,
        "only {} of {kills} kills met an apply that was under way",
        moments.met
    );
}

/// Declares so many topics, each with a setting of this round.
fn declare(estate: &Estate, topics: usize, round: usize) {
    let config = format!("\"segment.jitter.ms\" = {round}");
    let mut blocks = String::new();
    for number in 0..topics {
        writeln!(blocks, "{}", topic(&format!("t{number}"), 1, &config)).unwrap();
    }
    estate.declare(&blocks);
}

/// Applies to the end and returns how long it took.
fn timed(estate: &Estate) -> Duration {
    let begin = Instant::now();
    estate.apply(&[]).expect(0);
    begin.elapsed()
}

/// Random moments, another series in every run.
struct Moments {
    /// The last number of a xorshift generator.
    last: u64,
    /// How many kills met an apply that was under way.
    met: usize,
}

impl Moments {
    fn new() -> Self {
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            last: seed | 1,
            met: 0,
        }
    }

    /// Starts an apply and kills it at a moment within the time that one takes. Returns what the next one
    /// may take: less where this one was faster than the kill.
    fn kill(&mut self, estate: &Estate, takes: Duration) -> Duration {
        self.last ^= self.last << 13;
        self.last ^= self.last >> 7;
        self.last ^= self.last << 17;
        let longest = u64::try_from(takes.as_millis()).unwrap().max(1);
        let moment = Duration::from_millis(self.last % longest);
        let apply = estate
            .project
            .program(&Estate::apply_arguments(&[]))
            .start();
        thread::sleep(moment);
        apply.signal(Signal::KILL);
        let code = apply.wait().code;
        let met = code.is_none();
        assert!(met || code == Some(0), "it ended before the kill: {code:?}");
        self.met += usize::from(met);
        // What is stored is whole, whatever the moment was.
        let verify = ["state", "verify", "--env", "dev"];
        estate.project.run(&verify).expect(0);
        if met { takes } else { moment }
    }
}
