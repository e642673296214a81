//! Java stack traces, of which people need a line: what was thrown, and the innermost cause. Pure.
//!
//! A trace is what `Throwable.printStackTrace` writes: the exception, its frames, and a `Caused by:` for each
//! cause, the innermost last. What is indented is about frames, or about an exception that was suppressed.

use std::borrow::Cow;

/// What Flink writes before a trace of another of its processes.
const REMOTE: &str = "<Exception on server side:";

/// The words of a stack trace that say why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StackTrace {
    /// What was thrown at last: the first line; empty where the trace is.
    pub thrown: String,
    /// The innermost cause, where the trace names one.
    pub cause: Option<String>,
}

impl StackTrace {
    /// Reads a trace, or any other text, of which the first line counts. Exceptions lose their packages.
    pub fn read(text: &str) -> Self {
        let (mut thrown, mut cause) = (None, None);
        let mut is_first = true;
        for line in text.lines() {
            // What is thrown elsewhere stands behind the mark, or on the next line.
            for (part, is_remote) in parts(line) {
                is_first |= is_remote;
                if part.trim().is_empty() {
                    continue;
                }
                let caused = part.strip_prefix("Caused by: ");
                if is_first || caused.is_some() {
                    let words = plain(caused.unwrap_or(part));
                    match thrown {
                        None => thrown = Some(words),
                        Some(_) => cause = Some(words),
                    }
                }
                is_first = false;
            }
        }
        Self {
            thrown: thrown.unwrap_or_default(),
            cause,
        }
    }

    /// Returns the innermost cause; what was thrown where the trace names none.
    pub fn root(&self) -> &str {
        self.cause.as_deref().unwrap_or(&self.thrown)
    }
}

/// Splits a line at the mark of another process's trace.
fn parts(line: &str) -> impl Iterator<Item = (&str, bool)> {
    line.split(REMOTE)
        .zip(std::iter::once(false).chain(std::iter::repeat(true)))
}

/// What stands where a text was cut.
pub const CUT: char = '…';

/// Cuts a text after so many characters, and shows that it was cut.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}{CUT}", &text[..end]).into(),
        None => text.into(),
    }
}

/// Takes the package off an exception's name, and exceptions off that only repeat the one that they wrap:
/// `java.util.concurrent.CompletionException: java.io.IOException: no`.
fn plain(line: &str) -> String {
    let mut line = line.trim();
    while let Some((class, wrapped)) = line.split_once(": ")
        && is_class(class)
        && is_class(class_of(wrapped))
    {
        line = wrapped;
    }
    let class = class_of(line);
    if !is_class(class) {
        return line.to_owned();
    }
    let name = class.rsplit('.').next().unwrap_or(class);
    format!("{name}{}", &line[class.len()..])
}

/// Returns what stands where an exception is named.
fn class_of(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(class, _)| class)
}

/// Whether a text is the full name of a class: `java.io.IOException`, and no host's name.
fn is_class(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '$'))
    };
    text.rsplit_once('.').is_some_and(|(package, name)| {
        name.starts_with(char::is_uppercase) && is_word(name) && package.split('.').all(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> String {
        StackTrace::read(text).root().to_owned()
    }

    #[test]
    fn a_trace_is_told_by_what_was_thrown_and_its_innermost_cause() {
        let trace = "org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file '/no/x'\n\
             \tat a.b(C.java:1)\n\
             Caused by: java.lang.RuntimeException: in between\n\
             \tat a.b(C.java:2)\n\
             Caused by: java.nio.file.NoSuchFileException: /no/x\n\
             \tat sun\n\t... 8 more\n";
        let read = StackTrace::read(trace);
        assert_eq!(
            read.thrown,
            "ConnectException: Couldn't find or create file '/no/x'"
        );
        assert_eq!(read.root(), "NoSuchFileException: /no/x");
    }

    #[test]
    fn exceptions_that_only_wrap_another_are_left_out() {
        assert_eq!(
            root(
                "a.B: x\nCaused by: java.util.concurrent.CompletionException: org.apache.flink.util.FlinkException: no\n"
            ),
            "FlinkException: no"
        );
        assert_eq!(
            root("java.lang.RuntimeException: java.io.EOFException"),
            "EOFException"
        );
        // A host's name is no class.
        assert_eq!(
            root("java.net.UnknownHostException: db.example.com: Name or service not known"),
            "UnknownHostException: db.example.com: Name or service not known"
        );
    }

    #[test]
    fn what_was_suppressed_is_no_cause() {
        let trace = "a.b.Failed: open\n\tat x\n\tSuppressed: a.b.Closing: late\n\t\tat x\n\tCaused by: a.b.Socket: gone\n\
             Caused by: a.b.Refused: not you\n\tat x\n";
        assert_eq!(root(trace), "Refused: not you");
        assert_eq!(
            root("a.b.Failed: open\n\tSuppressed: a.b.C: x\n\tCaused by: a.b.D: y\n"),
            "Failed: open"
        );
    }

    #[test]
    fn a_trace_of_another_process_is_read_like_its_own() {
        let remote = "<Exception on server side:\norg.apache.calcite.sql.validate.SqlValidatorException: Object 'missing' not found\n\tat x\n\nEnd of exception on server side>";
        assert_eq!(
            root(remote),
            "SqlValidatorException: Object 'missing' not found"
        );
        // As the SQL gateway tells what its JobManager said.
        let nested = "org.apache.flink.table.api.TableException: Failed to execute sql\n\tat x\n\
             Caused by: org.apache.flink.runtime.rest.util.RestClientException: [Internal server error., <Exception on server side:\n\
             org.apache.flink.runtime.client.DuplicateApplicationSubmissionException: Application has already been submitted.\n\
             \tat y\n\nEnd of exception on server side>]\n\tat x\n";
        assert_eq!(
            root(nested),
            "DuplicateApplicationSubmissionException: Application has already been submitted."
        );
        assert_eq!(root("a.B: x <Exception on server side:a.C: y"), "C: y");
    }

    #[test]
    fn other_texts_are_told_by_their_first_line() {
        assert_eq!(
            root("Caused by: java.lang.NullPointerException\n"),
            "NullPointerException"
        );
        assert_eq!(root("a.b.Outer$Inner: no"), "Outer$Inner: no");
        assert_eq!(root("just words: 1.2\nand more"), "just words: 1.2");
        assert_eq!(root("1.2.3: a version"), "1.2.3: a version");
        assert_eq!(root("..: dots"), "..: dots");
        assert_eq!(root(" \n\n"), "");
        assert_eq!(StackTrace::read(""), StackTrace::default());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
    }
}
