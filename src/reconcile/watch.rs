//! The loop: turns with waits between them, until somebody asks it to stop.

use std::time::Duration;

use rand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::report::{Outcome, Report};
use super::stop::Stop;
use super::turn::{Memory, World, turn};

/// When turns happen.
#[derive(Debug)]
pub(super) struct Beat<'a> {
    /// The wait between two turns that went well.
    pub(super) interval: Duration,
    /// Whether there is one turn only.
    pub(super) once: bool,
    /// Ends a wait early: something may have changed.
    pub(super) wake: &'a Notify,
    /// Ends the loop after the turn.
    pub(super) stop: &'a Stop,
}

/// Makes turns until it is asked to stop, and returns the last one's report.
pub(super) async fn run<W: World>(
    world: &mut W,
    memory: &mut Memory,
    beat: &Beat<'_>,
    random: impl Rng,
) -> Report {
    let mut backoff = Backoff::new(random);
    let mut last: Option<Report> = None;
    loop {
        let started = Instant::now();
        let mut report = turn(world, memory, beat.stop).await;
        // Who is asked to stop is not kept waiting by a look.
        let ill = tokio::select! {
            biased;
            () = beat.stop.requested() => None,
            ill = world.look() => ill,
        };
        if let Some(ill) = ill {
            report.unhealthy = ill.count;
            report.illness = Some(ill.reason);
        }
        let wait = if report.outcome == Outcome::Failed {
            backoff.failed()
        } else {
            backoff.succeeded();
            beat.interval
        };
        let ends = beat.once || beat.stop.is_requested();
        report.log(last.as_ref(), started.elapsed(), (!ends).then_some(wait));
        if ends {
            return report;
        }
        tokio::select! {
            biased;
            () = beat.stop.requested() => return report,
            () = beat.wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        last = Some(report);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use crate::address::Address;
    use crate::source::git::{Commit, CommitId, Update};

    use super::super::report::Reason;
    use super::super::rounds::Ill;
    use super::super::turn::{Applied, Failure, Planned};
    use super::*;

    /// A git server that is away: it notes when it was asked, and does something at each time.
    struct Away<F> {
        started: Instant,
        asked: RefCell<Vec<f64>>,
        then: F,
    }

    impl<F: Fn(usize) -> Failure> World for Away<F> {
        type Plan = ();

        async fn head(&mut self) -> Result<Commit, Failure> {
            let mut asked = self.asked.borrow_mut();
            asked.push(self.started.elapsed().as_secs_f64());
            Err((self.then)(asked.len()))
        }

        async fn applied(&mut self, _: &Commit) -> Result<Option<CommitId>, Failure> {
            unreachable!("there is no head")
        }

        fn compare(&self, _: CommitId, _: CommitId) -> Result<Update, Failure> {
            unreachable!("there is no head")
        }

        fn commit(&self, _: CommitId) -> Result<Commit, Failure> {
            unreachable!("there is no head")
        }

        async fn plan(
            &mut self,
            _: &Commit,
            _: &BTreeSet<Address>,
        ) -> Result<Planned<()>, Failure> {
            unreachable!("there is no head")
        }

        async fn apply(&mut self, (): (), _: &Stop) -> Result<Applied, Failure> {
            unreachable!("there is no head")
        }

        async fn look(&mut self) -> Option<Ill> {
            None
        }
    }

    fn failure(text: &str) -> Failure {
        Failure::Transient(Reason::new(text))
    }

    /// Runs the loop in paused time, and returns the seconds at which it made turns.
    async fn turns(then: impl Fn(usize) -> Failure, wake: &Notify, stop: &Stop) -> Vec<f64> {
        let mut world = Away {
            started: Instant::now(),
            asked: RefCell::default(),
            then,
        };
        let beat = Beat {
            interval: Duration::from_secs(30),
            once: false,
            wake,
            stop,
        };
        let random = StdRng::seed_from_u64(7);
        run(&mut world, &mut Memory::default(), &beat, random).await;
        world.asked.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn failures_back_off_and_a_success_starts_again() {
        let (stopper, stop) = Stop::new();
        let then = |count| match count {
            // Held by somebody else is not a failure: the beat goes on.
            6 | 7 => Failure::Leased(Reason::new("held")),
            9 => {
                stopper.ask();
                failure("away")
            }
            _ => failure("away"),
        };
        let asked = turns(then, &Notify::new(), &stop).await;
        let waits: Vec<f64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (wait, most) in waits[..5].iter().zip([2.0, 4.0, 8.0, 16.0, 32.0]) {
            assert!(*wait >= most / 2.0 && *wait <= most + 0.01, "{waits:?}");
        }
        assert!(
            (waits[5] - 30.0).abs() < 0.01 && (waits[6] - 30.0).abs() < 0.01,
            "{waits:?}"
        );
        assert!(waits[7] <= 2.01, "{waits:?}");
        assert_eq!(asked.len(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_ends_the_wait() {
        let (stopper, stop) = Stop::new();
        let wake = Notify::new();
        let then = |count| {
            match count {
                1 => wake.notify_one(),
                _ => stopper.ask(),
            }
            Failure::Leased(Reason::new("held"))
        };
        let asked = turns(then, &wake, &stop).await;
        assert!(asked[1] < 1.0, "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_to_stop_ends_the_wait() {
        let (stopper, stop) = Stop::new();
        let wake = Notify::new();
        let started = Instant::now();
        let asked = tokio::join!(
            turns(|_| Failure::Leased(Reason::new("held")), &wake, &stop),
            async {
                tokio::time::sleep(Duration::from_secs(10)).await;
                stopper.ask();
            }
        )
        .0;
        assert_eq!(asked.len(), 1);
        assert_eq!(started.elapsed().as_secs(), 10);
    }
}
