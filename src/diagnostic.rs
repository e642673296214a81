//! What the user is told: errors and warnings with a place, an excerpt and a hint. Pure.
//!
//! Functions of the pure core return [`Diagnostics`], a list, so that one run reports every problem
//! it can find. A diagnostic carries a [`Span`] (file and byte range); [`SourceMap`] turns spans into
//! excerpts before the list leaves the configuration's loader.

mod mask;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The command cannot do what was asked.
    Error,
    /// The command goes on; the user should know.
    Warning,
}

/// A range of bytes in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The file's path, relative to the project.
    pub file: Arc<str>,
    /// The first byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

impl Span {
    /// Returns the span of a range of bytes in a file.
    pub fn new(file: impl Into<Arc<str>>, range: std::ops::Range<usize>) -> Self {
        Self {
            file: file.into(),
            start: range.start,
            end: range.end,
        }
    }
}

/// The source lines that a diagnostic is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The file's path, relative to the project.
    pub file: Arc<str>,
    /// The line of the span's first byte, from 1.
    pub line: usize,
    /// The column of the span's first byte in characters, from 1.
    pub column: usize,
    /// The text of that line.
    pub text: String,
    /// How many characters of that line the span covers, at least 1.
    pub width: usize,
}

/// One error or warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for programs, such as `unknown-attribute`.
    pub code: Cow<'static, str>,
    /// One line, a sentence without a full stop.
    pub summary: String,
    /// What was found and what was expected.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The object it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The place in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The source text at that place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Returns an error.
    pub fn error(code: &'static str, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            summary: summary.into(),
            detail: String::new(),
            address: None,
            span: None,
            excerpt: None,
            hint: None,
        }
    }

    /// Returns an error that says what an error of the program says: its first line as the summary, the
    /// rest and its causes as the detail.
    pub fn of(code: &'static str, error: &dyn Error) -> Self {
        let text = capitalised(&causes(error).join("\n"));
        let (summary, rest) = text.split_once('\n').unwrap_or((&text, ""));
        Self::error(code, summary).detail(rest)
    }

    /// Returns a warning.
    pub fn warning(code: &'static str, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, summary)
        }
    }

    /// Adds what was found and what was expected.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds an error and its causes as the detail, one a line.
    #[must_use]
    pub fn caused_by(self, error: &dyn Error) -> Self {
        self.detail(causes(error).join("\n"))
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
        self.span = span.into();
        self
    }

    /// Adds the object.
    #[must_use]
    pub fn on(mut self, address: &Address) -> Self {
        self.address = Some(address.clone());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a hint only where there is one, as from [`did_you_mean`].
    #[must_use]
    pub fn hint_opt(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Returns the text for people: several lines, the last one ending in a line feed.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let severity = match self.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{severity}: {}", printable(&self.summary));
        if let Some(excerpt) = &self.excerpt {
            let number = excerpt.line.to_string();
            let margin = " ".repeat(number.len());
            let _ = writeln!(
                out,
                "{margin}--> {}:{}:{}",
                excerpt.file, excerpt.line, excerpt.column
            );
            let _ = writeln!(out, "{margin} |");
            // One character stays one, so that the caret stands below the right one.
            let text = excerpt.text.replace(is_hidden, "\u{fffd}");
            let _ = writeln!(out, "{number} | {text}");
            // Tabs stay tabs for the same reason.
            let before: String = excerpt
                .text
                .chars()
                .take(excerpt.column - 1)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let _ = writeln!(out, "{margin} | {before}{}", "^".repeat(excerpt.width));
        } else if let Some(span) = &self.span {
            let _ = writeln!(out, "  --> {}", span.file);
        }
        if let Some(address) = &self.address {
            let _ = writeln!(out, "  on {}", printable(&address.to_string()));
        }
        for line in self.detail.lines() {
            let _ = writeln!(out, "  {}", printable(line));
        }
        if let Some(hint) = &self.hint {
            let mut lines = hint.lines();
            let _ = writeln!(
                out,
                "  hint: {}",
                printable(lines.next().unwrap_or_default())
            );
            for line in lines {
                let _ = writeln!(out, "        {}", printable(line));
            }
        }
        out
    }
}

/// A list of errors and warnings, in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns an iterator over them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Returns `value`, or the list where it holds an error; warnings are kept in `warnings`.
    pub fn finish<T>(self, value: T, warnings: &mut Self) -> Result<T, Self> {
        if self.has_errors() {
            return Err(self);
        }
        warnings.extend(self);
        Ok(value)
    }

    /// Takes a result's value, or adds its diagnostics and returns `None`.
    pub fn take<T>(&mut self, result: Result<T, impl Into<Self>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(diagnostics) => {
                self.extend(diagnostics.into());
                None
            }
        }
    }

    /// Returns the summaries on one line.
    pub fn summaries(&self) -> String {
        let summaries: Vec<&str> = self.iter().map(|found| found.summary.as_str()).collect();
        summaries.join("; ")
    }

    /// Returns the text for people, one blank line between two diagnostics.
    pub fn render(&self) -> String {
        self.0
            .iter()
            .map(Diagnostic::render)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Returns a text with escapes for what does something to a terminal instead of being shown: control
/// characters, but for tabs and line feeds, and those that turn the direction of writing.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// The marks of direction are those of Unicode's property `Bidi_Control`.
fn is_hidden(c: char) -> bool {
    let is_directing = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    is_directing || c.is_control() && c != '\t' && c != '\n'
}

/// Returns what an error and each of its causes say, the outermost first.
fn causes(error: &dyn Error) -> Vec<String> {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect()
}

/// Returns an error and its causes on one line.
pub fn one_line(error: &dyn Error) -> String {
    causes(error).join(": ")
}

/// Returns a fragment with its first letter in upper case, as a sentence begins.
pub fn capitalised(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// Returns a fragment, as the messages of errors are, as a sentence.
pub fn sentence(fragment: &dyn std::fmt::Display) -> String {
    let mut sentence = capitalised(&fragment.to_string());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

/// The texts of a project's files, to make excerpts of.
#[derive(Debug, Clone, Default)]
pub struct SourceMap(BTreeMap<Arc<str>, Arc<str>>);

impl SourceMap {
    /// Adds a file's text.
    pub fn insert(&mut self, file: impl Into<Arc<str>>, text: impl Into<Arc<str>>) {
        self.0.insert(file.into(), text.into());
    }

    /// Returns a file's text.
    pub fn text(&self, file: &str) -> Option<&Arc<str>> {
        self.0.get(file)
    }

    /// Returns the excerpt of a span whose file is known.
    pub fn excerpt(&self, span: &Span) -> Option<Excerpt> {
        let text = self.0.get(&span.file)?;
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Some(Excerpt {
            file: span.file.clone(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: mask::masked(text[line_start..line_end].trim_end_matches('\r')).into_owned(),
            width: text[start..end.min(line_end)].chars().count().max(1),
        })
    }

    /// Fills in the excerpts of all diagnostics that have a span.
    #[must_use]
    pub fn attach(&self, mut diagnostics: Diagnostics) -> Diagnostics {
        for diagnostic in &mut diagnostics.0 {
            if diagnostic.excerpt.is_none() {
                diagnostic.excerpt = diagnostic.span.as_ref().and_then(|span| self.excerpt(span));
            }
        }
        diagnostics
    }
}

/// Returns "did you mean …?" for the candidate nearest to `given`, if one is near enough to be a slip.
pub fn did_you_mean<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let most = (given.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(given, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| format!("did you mean {candidate:?}?"))
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two texts
/// (optimal string alignment), ignoring case.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_place_and_a_hint() {
        let mut sources = SourceMap::default();
        sources.insert("main.hcl", "topic \"a\" {\n  partition = 3\n}\n");
        let diagnostics = sources.attach(
            Diagnostic::error("unknown-attribute", "Unknown attribute \"partition\"")
                .at(Span::new("main.hcl", 14..23))
                .on(&Address::root("topic", "a"))
                .detail("A topic has no such attribute.")
                .hint_opt(did_you_mean("partition", ["partitions", "config"]))
                .into(),
        );
        insta::assert_snapshot!(diagnostics.render(), @r#"
        Error: Unknown attribute "partition"
         --> main.hcl:2:3
          |
        2 |   partition = 3
          |   ^^^^^^^^^
          on topic.a
          A topic has no such attribute.
          hint: did you mean "partitions"?
        "#);
    }

    #[test]
    fn what_others_wrote_does_nothing_to_a_terminal() {
        let mut sources = SourceMap::default();
        sources.insert("main.hcl", "a = \"\u{1b}[31m\"\n");
        let diagnostics = sources.attach(
            Diagnostic::error("x", "No \u{9b}31m")
                .at(Span::new("main.hcl", 9..10))
                .detail("one\r\ntwo\u{202e}\x07")
                .hint("\u{7f}")
                .into(),
        );
        insta::assert_snapshot!(diagnostics.render(), @r#"
        Error: No \u{9b}31m
         --> main.hcl:1:10
          |
        1 | a = "�[31m"
          |          ^
          one
          two\u{202e}\u{7}
          hint: \u{7f}
        "#);
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = Diagnosed(std::io::Error::other("disk full"));
        let of = Diagnostic::of("state", &error);
        assert_eq!(
            (&*of.summary, &*of.detail),
            ("Failed to write", "at all\ndisk full")
        );
        assert_eq!(one_line(&error), "failed to write\nat all: disk full");
        assert_eq!(sentence(&"öffnen"), "Öffnen.");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("failed to write\nat all")]
    struct Diagnosed(#[source] std::io::Error);

    #[test]
    fn a_far_name_is_not_suggested() {
        assert_eq!(did_you_mean("zzz", ["partitions"]), None);
        assert_eq!(
            did_you_mean("retnetion.ms", ["retention.ms", "segment.ms"]),
            Some("did you mean \"retention.ms\"?".into())
        );
    }

    #[test]
    fn spans_outside_a_text_do_not_panic() {
        let mut sources = SourceMap::default();
        sources.insert("a", "ü");
        assert_eq!(
            sources
                .excerpt(&Span::new("a", 1..900))
                .map(|e| (e.line, e.column)),
            Some((1, 1))
        );
    }
}
