//! When a failed call is tried again: only where that can help, with growing jittered pauses, until a deadline.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;

use super::error::KafkaError;
use super::settings::Timeouts;

/// The state of one call's attempts.
#[derive(Debug)]
pub(super) struct Retry {
    timeouts: Timeouts,
    deadline: Instant,
    unreachable_since: Option<Instant>,
    failures: u32,
}

impl Retry {
    /// Begins a call that may take as long as the settings allow.
    pub(super) fn new(timeouts: &Timeouts) -> Self {
        Self {
            timeouts: timeouts.clone(),
            deadline: Instant::now() + timeouts.call,
            unreachable_since: None,
            failures: 0,
        }
    }

    /// Returns how long one request may still take.
    pub(super) fn request_timeout(&self) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now())
            .min(self.timeouts.request)
            .max(Duration::from_millis(1))
    }

    /// Notes that something went well: the next failure is a first one.
    pub(super) fn progress(&mut self) {
        self.failures = 0;
        self.unreachable_since = None;
    }

    /// Sleeps before the next attempt; returns `false` where there should be none.
    pub(super) async fn again(&mut self, error: &KafkaError) -> bool {
        if !error.is_retriable() || self.timeouts.retries.is_some_and(|n| self.failures >= n) {
            return false;
        }
        let now = Instant::now();
        let mut deadline = self.deadline;
        if error.is_unreachable() {
            let since = *self.unreachable_since.get_or_insert(now);
            deadline = deadline.min(since + self.timeouts.connect);
        } else {
            self.unreachable_since = None;
        }
        let pause = backoff(&self.timeouts, self.failures);
        if now + pause >= deadline {
            return false;
        }
        self.failures += 1;
        tracing::debug!(%error, pause_ms = pause.as_millis(), "trying again");
        tokio::time::sleep(pause).await;
        true
    }
}

/// Returns the pause after so many failures: doubling, and 20 % more or less so that clients spread (KIP-580).
fn backoff(timeouts: &Timeouts, failures: u32) -> Duration {
    let doubled = timeouts.backoff.saturating_mul(1 << failures.min(16));
    doubled
        .min(timeouts.backoff_max)
        .mul_f64(rand::rng().random_range(0.8..1.2))
}

#[cfg(test)]
mod tests {
    use super::super::error::{BrokerError, Cause, Unreached};
    use super::super::settings::Address;
    use super::*;

    fn answered(code: i16) -> KafkaError {
        KafkaError::Item(BrokerError::from_code(code, None).expect("not 0"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_definite_answer_is_not_retried() {
        let mut retry = Retry::new(&Timeouts::default());
        assert!(!retry.again(&answered(37)).await);
        assert!(retry.again(&answered(41)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn retrying_ends_at_the_deadline() {
        let timeouts = Timeouts::default();
        let start = Instant::now();
        let mut retry = Retry::new(&timeouts);
        while retry.again(&answered(41)).await {}
        let took = start.elapsed();
        assert!(
            took <= timeouts.call && took > timeouts.call / 2,
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_broker_is_given_up_sooner() {
        let timeouts = Timeouts::default();
        let error = KafkaError::AdvertisedUnreachable(Unreached {
            address: Address::new("a", 1),
            cause: Cause::Refused,
        });
        let start = Instant::now();
        let mut retry = Retry::new(&timeouts);
        while retry.again(&error).await {}
        assert!(start.elapsed() <= timeouts.connect);
    }
}
