//! The log of commands that run for long: one line an event, to standard error.

use std::io;

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Output;
use super::output::LogFormat;

/// Sends the program's events to standard error for the rest of the process.
pub(super) fn start(output: &Output) {
    let level = if output.is_quiet() {
        Level::WARN
    } else {
        Level::INFO
    };
    let colour = output.log_colour();
    // Only a second call fails, and a command makes one.
    drop(subscriber(output.log_format(), level, colour, io::stderr).try_init());
}

fn subscriber<W>(
    format: LogFormat,
    level: Level,
    colour: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(colour)
        .with_writer(writer);
    match format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use crate::reconcile::{Outcome, Reason, Report};
    use crate::source::git::Commit;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What three turns write: an apply, a refusal and the same refusal again.
    fn written(format: LogFormat, level: Level) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let subscriber = subscriber(format, level, false, move || to.clone());
        tracing::subscriber::with_default(subscriber, || {
            let commit = |digit: &str| Commit {
                id: digit.repeat(40).parse().unwrap(),
                summary: "grow".into(),
                author: "Dev".into(),
                time: jiff::Timestamp::UNIX_EPOCH,
            };
            let mut applied = Report::new(Some(commit("a")), Outcome::Applied);
            applied.changes = 2;
            let mut refused = Report::new(Some(commit("b")), Outcome::Refused)
                .reason(Reason::new("topic.orders: 12 records would be lost"));
            (refused.changes, refused.drift, refused.reverted) = (1, 3, 3);
            let (took, next) = (Duration::from_millis(41), Some(Duration::from_secs(30)));
            applied.log(None, took, next);
            refused.log(Some(&applied), took, next);
            refused.log(Some(&refused), took, None);
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_turn_is_one_line() {
        insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[TIME]")]}, {
            insta::assert_snapshot!(written(LogFormat::Text, Level::INFO), @r#"
            [TIME]  INFO turn commit="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" outcome="applied" changes=2 duration_ms=41 next_in="30.0s"
            [TIME]  WARN turn commit="bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" outcome="refused" changes=1 drift=3 reverted=3 duration_ms=41 next_in="30.0s" reason="topic.orders: 12 records would be lost"
            [TIME]  WARN turn commit="bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" outcome="refused" changes=1 drift=3 reverted=3 duration_ms=41 reason="as before"
            "#);
            insta::assert_snapshot!(written(LogFormat::Json, Level::INFO), @r#"
            {"timestamp":"[TIME]","level":"INFO","message":"turn","commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","outcome":"applied","changes":2,"duration_ms":41,"next_in":"30.0s"}
            {"timestamp":"[TIME]","level":"WARN","message":"turn","commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","outcome":"refused","changes":1,"drift":3,"reverted":3,"duration_ms":41,"next_in":"30.0s","reason":"topic.orders: 12 records would be lost"}
            {"timestamp":"[TIME]","level":"WARN","message":"turn","commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","outcome":"refused","changes":1,"drift":3,"reverted":3,"duration_ms":41,"reason":"as before"}
            "#);
        });
        assert_eq!(written(LogFormat::Text, Level::WARN).lines().count(), 2);
    }
}
