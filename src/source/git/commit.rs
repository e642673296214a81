//! What a commit is to the rest of the program. Pure.

use std::fmt;
use std::str::FromStr;

/// The longest summary that is kept, in characters.
const MAX_SUMMARY: usize = 200;

/// A commit's identity: 40 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(git2::Oid);

impl CommitId {
    /// Returns the first ten digits, for people.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(10);
        text
    }

    pub(super) fn oid(self) -> git2::Oid {
        self.0
    }
}

impl From<git2::Oid> for CommitId {
    fn from(oid: git2::Oid) -> Self {
        Self(oid)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The text is not a commit's full identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the 40 hexadecimal digits of a commit")]
pub struct ParseCommitIdError;

impl FromStr for CommitId {
    type Err = ParseCommitIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 40 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseCommitIdError);
        }
        git2::Oid::from_str(text)
            .map(Self)
            .map_err(|_| ParseCommitIdError)
    }
}

/// A commit, as far as messages and records need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its identity.
    pub id: CommitId,
    /// The first line of its message, without control characters.
    pub summary: String,
    /// The author's name, without control characters.
    pub author: String,
    /// When it was committed.
    pub time: jiff::Timestamp,
}

impl Commit {
    pub(super) fn of(commit: &git2::Commit<'_>) -> Self {
        let author = commit.author();
        Self {
            id: commit.id().into(),
            summary: printable(commit.summary_bytes().unwrap_or_default()),
            author: printable(author.name_bytes()),
            time: jiff::Timestamp::from_second(commit.time().seconds()).unwrap_or_default(),
        }
    }
}

/// How a branch moved since a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It did not.
    Unchanged,
    /// Commits were added to it.
    FastForward {
        /// The commit that was known.
        from: CommitId,
        /// The branch's commit now.
        to: CommitId,
    },
    /// The known commit is no longer a part of it: it was reset, rebased or replaced.
    Rewritten {
        /// The commit that was known.
        from: CommitId,
        /// The branch's commit now.
        to: CommitId,
    },
}

/// Whoever wrote a commit chose these bytes: they must not move a terminal's cursor or start a line of
/// their own in a log.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .take(MAX_SUMMARY)
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect()
}

/// Control characters and those that reorder or hide text are not plain.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_cannot_write_on_the_terminal() {
        assert_eq!(
            printable(b"fix\x1b[2Jall\r\xff \xe2\x80\xae"),
            "fix\u{fffd}[2Jall\u{fffd}\u{fffd} \u{fffd}"
        );
        assert_eq!(printable("größer".as_bytes()), "größer");
        assert_eq!(printable(&[b'a'; 5000]).len(), MAX_SUMMARY);
    }

    #[test]
    fn only_full_identities_parse() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(
            text.parse::<CommitId>().map(|id| id.to_string()),
            Ok(text.into())
        );
        assert_eq!(
            text.parse::<CommitId>().map(|id| id.short()),
            Ok("0123456789".into())
        );
        for bad in [
            "",
            "0123456",
            "g123456789abcdef0123456789abcdef01234567",
            "HEAD",
        ] {
            assert_eq!(bad.parse::<CommitId>(), Err(ParseCommitIdError), "{bad}");
        }
    }
}
