//! Where commands write: results to standard output, errors and progress to standard error.
//!
//! When the reader of standard output goes away (`| head`), the rest of the results is dropped and
//! the command runs to its end: an apply must not stop half-way because a pager was closed.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use clap::builder::StyledStr;
use serde_json::json;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, printable};

use super::exit::Exit;

/// How errors and progress are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The command's two streams.
pub struct Output {
    results: Mutex<Stream>,
    log: Mutex<Stream>,
    log_format: LogFormat,
    quiet: bool,
}

impl Output {
    /// Opens the process's streams. Colour is used on a terminal, unless `no_color` or the
    /// variable `NO_COLOR` (<https://no-color.org>) says otherwise.
    pub fn new(no_color: bool, log_format: LogFormat, quiet: bool) -> Self {
        let variable = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = !no_color && !variable;
        Self {
            results: Stream::new(io::stdout(), colour && io::stdout().is_terminal()),
            log: Stream::new(io::stderr(), colour && io::stderr().is_terminal()),
            log_format,
            quiet,
        }
    }

    /// Whether results are coloured.
    pub fn colour(&self) -> bool {
        with(&self.results, |stream| stream.colour)
    }

    /// Whether errors and progress are coloured.
    pub fn log_colour(&self) -> bool {
        with(&self.log, |stream| stream.colour)
    }

    /// How errors and progress are written.
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Whether there is no progress to be written.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a part of the result.
    pub fn result(&self, text: &str) {
        with(&self.results, |stream| stream.write(text));
    }

    /// Whether a result could not be written, as when its reader went away.
    pub(super) fn is_lost(&self) -> bool {
        with(&self.results, |stream| stream.failure.is_some())
    }

    /// Writes a line of progress, without its line feed.
    pub fn progress(&self, text: &str) {
        if !self.quiet {
            self.line("info", text);
        }
    }

    /// Writes a question, to be answered on the same line; also where progress is not wanted.
    pub(super) fn question(&self, text: &str) {
        match self.log_format {
            LogFormat::Text => with(&self.log, |stream| stream.write(text)),
            LogFormat::Json => self.line("question", text.trim()),
        }
    }

    /// Writes errors and warnings.
    pub fn diagnostics(&self, diagnostics: &Diagnostics) {
        for (index, diagnostic) in diagnostics.iter().enumerate() {
            match self.log_format {
                LogFormat::Text => with(&self.log, |stream| {
                    let gap = if index == 0 { "" } else { "\n" };
                    let text = rendered(diagnostic, stream.colour);
                    stream.write(&format!("{gap}{text}"));
                }),
                LogFormat::Json => {
                    let level = level(diagnostic.severity);
                    let line = json!({ "level": level, "diagnostic": diagnostic });
                    with(&self.log, |stream| stream.write(&format!("{line}\n")));
                }
            }
        }
    }

    /// Writes a text of the argument parser as a result.
    pub(super) fn result_help(&self, text: &StyledStr) {
        with(&self.results, |stream| stream.write_styled(text));
    }

    /// Writes a text of the argument parser as an error.
    pub(super) fn error_help(&self, text: &StyledStr) {
        with(&self.log, |stream| stream.write_styled(text));
    }

    /// Flushes and returns the exit code: an error where a result could not be written.
    pub(super) fn finish(&self, exit: Exit) -> Exit {
        let failure = with(&self.results, |stream| {
            stream.flush();
            stream.failure.take()
        });
        match failure {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                let text = format!("the result could not be written: {error}");
                self.line("error", &text);
                Exit::Error
            }
            _ => exit,
        }
    }

    fn line(&self, level: &str, text: &str) {
        let line = match self.log_format {
            LogFormat::Text => format!("{}\n", printable(text)),
            LogFormat::Json => format!("{}\n", json!({ "level": level, "message": text })),
        };
        with(&self.log, |stream| stream.write(&line));
    }
}

/// One stream; silent after its first failure.
struct Stream {
    to: Box<dyn Write + Send>,
    colour: bool,
    failure: Option<io::Error>,
}

impl Stream {
    fn new(to: impl Write + Send + 'static, colour: bool) -> Mutex<Self> {
        Mutex::new(Self {
            to: Box::new(to),
            colour,
            failure: None,
        })
    }

    fn write(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = self.to.write_all(text.as_bytes()).err();
        }
    }

    fn write_styled(&mut self, text: &StyledStr) {
        let text = if self.colour {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        self.write(text.trim_end());
        self.write("\n");
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.to.flush().err();
        }
    }
}

/// Locks a stream. A panic elsewhere leaves nothing half-done in it, so that poison is no matter.
fn with<T>(stream: &Mutex<Stream>, act: impl FnOnce(&mut Stream) -> T) -> T {
    act(&mut stream.lock().unwrap_or_else(PoisonError::into_inner))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Returns a diagnostic's text with its first word coloured.
fn rendered(diagnostic: &Diagnostic, colour: bool) -> String {
    let text = diagnostic.render();
    if !colour {
        return text;
    }
    let code = match diagnostic.severity {
        Severity::Error => "31",
        Severity::Warning => "33",
    };
    match text.split_once(':') {
        Some((word, rest)) => format!("\x1b[1;{code}m{word}\x1b[0m:{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with the given kind from the first byte on.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn failing(kind: ErrorKind) -> Output {
        Output {
            results: Stream::new(Failing(kind), false),
            log: Stream::new(io::sink(), false),
            log_format: LogFormat::Text,
            quiet: false,
        }
    }

    #[test]
    fn a_reader_that_went_away_changes_nothing() {
        let output = failing(ErrorKind::BrokenPipe);
        output.result("a");
        output.result("b");
        assert_eq!(output.finish(Exit::Changes), Exit::Changes);
    }

    #[test]
    fn a_result_that_was_lost_is_an_error() {
        let output = failing(ErrorKind::StorageFull);
        output.result("a");
        assert_eq!(output.finish(Exit::Done), Exit::Error);
    }

    #[test]
    fn colour_is_on_the_first_word_only() {
        let diagnostic = Diagnostic::error("x", "No: this");
        assert_eq!(
            rendered(&diagnostic, true),
            "\x1b[1;31mError\x1b[0m: No: this\n"
        );
        assert_eq!(rendered(&diagnostic, false), "Error: No: this\n");
    }
}
