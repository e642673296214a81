//! How long to wait after a failure. Pure, but for the random numbers that it is given.

use std::time::Duration;

use rand::Rng;

/// The wait after the first failure, before jitter.
const FIRST: Duration = Duration::from_secs(2);

/// The longest wait: 5 minutes.
const MOST: Duration = Duration::from_mins(5);

/// Doubles the wait with each failure in a row, up to 5 minutes. Half of each wait is random, so that
/// many reconcilers whose broker comes back do not all ask it at once.
#[derive(Debug)]
pub(super) struct Backoff<R> {
    failures: u32,
    random: R,
}

impl<R: Rng> Backoff<R> {
    pub(super) fn new(random: R) -> Self {
        Self {
            failures: 0,
            random,
        }
    }

    /// Notes a failure and returns how long to wait.
    pub(super) fn failed(&mut self) -> Duration {
        let whole = 2_u32
            .checked_pow(self.failures)
            .map_or(MOST, |factor| FIRST.saturating_mul(factor))
            .min(MOST);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        half + half.mul_f64(self.random.random::<f64>())
    }

    /// Notes a success: the next failure waits as long as the first one.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn waits_double_to_five_minutes_and_start_again() {
        let mut backoff = Backoff::new(StdRng::seed_from_u64(1));
        for whole in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300_u64] {
            let wait = backoff.failed();
            let whole = Duration::from_secs(whole);
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.failures = u32::MAX;
        assert!(backoff.failed() >= MOST / 2);
        backoff.succeeded();
        assert!(backoff.failed() <= FIRST);
    }

    #[test]
    fn two_reconcilers_do_not_keep_step() {
        let waits = |seed| {
            let mut backoff = Backoff::new(StdRng::seed_from_u64(seed));
            [(); 5].map(|()| backoff.failed())
        };
        assert_eq!(waits(1), waits(1));
        assert!(waits(1).iter().zip(waits(2)).all(|(a, b)| *a != b));
    }
}
