//! The pace that a server sets: nobody sends before the time that `Retry-After` named.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// When the next request may be sent; shared by all callers of a client.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Lets nobody send before a moment.
    pub(super) fn hold_until(&self, moment: Instant) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(held.map_or(moment, |earlier| earlier.max(moment)));
    }

    /// Waits until a request may be sent, but no longer than to a deadline.
    pub(super) async fn wait(&self, deadline: Instant) {
        let held = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(moment) = held {
            tokio::time::sleep_until(moment.min(deadline)).await;
        }
    }
}

/// Reads `Retry-After`, seconds or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = date.duration_since(Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        let later = retry_after("Fri, 31 Dec 2100 23:59:59 GMT");
        assert!(later > Some(Duration::from_hours(24)), "{later:?}");
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_let_through_before_the_latest_moment() {
        let pace = Pace::default();
        let start = Instant::now();
        pace.hold_until(start + Duration::from_secs(9));
        pace.hold_until(start + Duration::from_secs(3));
        pace.wait(start + Duration::from_mins(1)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(9));
        pace.hold_until(start + Duration::from_mins(5));
        pace.wait(start + Duration::from_secs(20)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(20));
    }
}
