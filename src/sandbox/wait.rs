//! Waiting for several servers at once. I/O.

use std::thread;
use std::time::{Duration, Instant};

use super::Progress;

const POLL: Duration = Duration::from_millis(50);
/// How often people are told what is waited for.
const LINE: Duration = Duration::from_secs(5);

/// Asks each of what is pending again and again until all are ready, or one will not be. `is_ready` is told how
/// long it was waited; `names` says what is still pending.
pub(super) fn wait<T, E>(
    mut pending: Vec<T>,
    progress: Progress<'_>,
    mut is_ready: impl FnMut(&mut T, Duration) -> Result<bool, E>,
    names: impl Fn(&[T]) -> String,
) -> Result<(), E> {
    let begin = Instant::now();
    let mut next_line = LINE;
    loop {
        let waited = begin.elapsed();
        let mut waiting = Vec::new();
        for mut one in pending {
            if !is_ready(&mut one, waited)? {
                waiting.push(one);
            }
        }
        pending = waiting;
        if pending.is_empty() {
            return Ok(());
        }
        if waited >= next_line {
            let seconds = waited.as_secs();
            progress(&format!("waiting for {} ({seconds} s)", names(&pending)));
            next_line += LINE;
        }
        thread::sleep(POLL);
    }
}
