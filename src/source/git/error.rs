//! What can go wrong with a repository, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, did_you_mean};

use super::commit::CommitId;

/// What libgit2 says, without the numbers that it adds.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message())]
pub struct Libgit2Error(pub(super) git2::Error);

/// Why a repository, a revision or a tree cannot be read. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The location is refused.
    #[error("git repository {location:?} is refused: {reason}")]
    Location {
        /// What the user wrote, its user information masked.
        location: String,
        /// Why.
        reason: &'static str,
    },
    /// There is no repository at the path, or it cannot be opened.
    #[error("git repository {location} cannot be opened")]
    Open {
        /// The repository.
        location: String,
        /// The cause.
        #[source]
        source: Libgit2Error,
    },
    /// The remote wants credentials, or refused those that it got.
    #[error("git repository {location} refuses the credentials")]
    Authentication {
        /// The repository.
        location: String,
        /// The cause.
        #[source]
        source: Libgit2Error,
    },
    /// The remote cannot prove to be the host that was asked for.
    #[error("git repository {location}: the host's key or certificate is not trusted")]
    Untrusted {
        /// The repository.
        location: String,
        /// The cause.
        #[source]
        source: Libgit2Error,
    },
    /// Fetching failed for another reason.
    #[error("git repository {location} cannot be fetched")]
    Fetch {
        /// The repository.
        location: String,
        /// The cause.
        #[source]
        source: Libgit2Error,
    },
    /// The remote stopped sending, or the whole fetch took too long.
    #[error("git repository {location} did not answer within {} s", .limit.as_secs_f32())]
    TimedOut {
        /// The repository.
        location: String,
        /// The limit that was reached.
        limit: Duration,
    },
    /// The remote sends more than the limit.
    #[error("git repository {location} is larger than {limit} bytes")]
    TooLarge {
        /// The repository.
        location: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The mirror's folder in the cache cannot be used.
    #[error("git mirror {}: cannot be used", .path.display())]
    Cache {
        /// The mirror or its lock.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// There is no folder for caches.
    #[error("there is no folder for git mirrors: neither XDG_CACHE_HOME nor HOME is set")]
    NoCache,
    /// The revision is not a name or a number of a commit.
    #[error("revision {revision:?} is refused: {reason}")]
    Revision {
        /// What the user wrote.
        revision: String,
        /// Why.
        reason: &'static str,
    },
    /// There is no such revision.
    #[error("git repository {location} has no revision {revision:?}")]
    NotFound {
        /// The repository.
        location: String,
        /// What the user wrote.
        revision: String,
        /// The branches and tags that exist.
        known: Vec<String>,
    },
    /// A branch and a tag have the same name, or several commits begin with the same digits.
    #[error("revision {revision:?} of git repository {location} is ambiguous")]
    Ambiguous {
        /// The repository.
        location: String,
        /// What the user wrote.
        revision: String,
    },
    /// The revision is there, but it is a tag of a file or of a tree.
    #[error("revision {revision:?} of git repository {location} is not a commit")]
    NotACommit {
        /// The repository.
        location: String,
        /// What the user wrote.
        revision: String,
    },
    /// An object of the repository cannot be read.
    #[error("commit {commit} of git repository {location} cannot be read")]
    Read {
        /// The repository.
        location: String,
        /// The commit.
        commit: CommitId,
        /// The cause.
        #[source]
        source: Libgit2Error,
    },
}

impl GitError {
    /// Whether a later attempt may succeed without a change to the configuration.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Fetch { .. } | Self::TimedOut { .. } | Self::Cache { .. }
        )
    }

    /// Returns what to do about it, where that is known.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Location { .. } => {
                Some("expected a path, https://…, ssh://… or user@host:path".into())
            }
            Self::Open { source, .. } if source.0.code() == git2::ErrorCode::Owner => Some(
                "the repository belongs to another user; if that is meant, run \
                 `git config --global --add safe.directory PATH`"
                    .into(),
            ),
            Self::Authentication { .. } => Some(
                "for https set STREAMFORM_GIT_TOKEN (and STREAMFORM_GIT_USERNAME), for ssh start an agent \
                 or set STREAMFORM_GIT_SSH_KEY to the private key's path"
                    .into(),
            ),
            Self::Untrusted { .. } => Some(
                "for ssh, add the host's key to ~/.ssh/known_hosts after comparing its fingerprint with a \
                 trusted source"
                    .into(),
            ),
            Self::NotFound { known, .. } if known.is_empty() => {
                Some("the repository has no branch or tag yet".into())
            }
            Self::NotFound { revision, known, .. } => {
                did_you_mean(revision, known.iter().map(String::as_str)).or_else(|| Some(some_of(known)))
            }
            Self::Ambiguous { revision, .. } => Some(format!(
                "write refs/heads/{revision} or refs/tags/{revision}, or more digits of the commit"
            )),
            _ => None,
        }
    }
}

/// The first names of a list that may be long.
fn some_of(known: &[String]) -> String {
    const MOST: usize = 5;
    let names = known[..known.len().min(MOST)].join(", ");
    let more = if known.len() > MOST { ", …" } else { "" };
    format!("it has {names}{more}")
}

impl From<GitError> for Diagnostic {
    fn from(error: GitError) -> Self {
        let code = match error {
            GitError::Location { .. } => "git-location",
            GitError::Revision { .. }
            | GitError::NotFound { .. }
            | GitError::Ambiguous { .. }
            | GitError::NotACommit { .. } => "git-revision",
            GitError::Authentication { .. } => "git-authentication",
            GitError::Untrusted { .. } => "git-untrusted",
            _ => "git",
        };
        Self::of(code, &error).hint_opt(error.hint())
    }
}
