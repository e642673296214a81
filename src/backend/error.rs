//! What can go wrong with state and lease, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::address::EnvironmentName;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::state::format::FormatError;
use crate::state::journal::FoldError;

use super::lease::Holder;

/// The code of the diagnostic that says that the lease is held by somebody else.
pub const LEASE_HELD: &str = "lease-held";

/// Why state or lease could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The file system refused.
    #[error("failed to {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A state file is not what was written.
    #[error("the state file {} cannot be used", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// The newest copy in the history that is whole.
        intact: Option<PathBuf>,
        /// What is wrong.
        source: FormatError,
    },
    /// The state file is gone, but its journal or its history are there.
    #[error("the state file {} is missing, but {} is there", path.display(), left.display())]
    Vanished {
        /// The file.
        path: PathBuf,
        /// What is left of it.
        left: PathBuf,
        /// The newest copy in the history that is whole.
        intact: Option<PathBuf>,
    },
    /// A state file of another environment.
    #[error("the state file {} belongs to environment \"{found}\", not \"{expected}\"", path.display())]
    OtherEnvironment {
        /// The file.
        path: PathBuf,
        /// The environment in the file.
        found: EnvironmentName,
        /// The environment that was asked for.
        expected: EnvironmentName,
    },
    /// A journal was damaged before its end.
    #[error("line {line} of the journal {} is damaged: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A journal's records do not follow from the state.
    #[error("the journal {} does not fit the state", path.display())]
    Fold {
        /// The file.
        path: PathBuf,
        /// The first record that does not.
        source: FoldError,
    },
    /// The lease is held by somebody else.
    #[error("environment \"{environment}\" is being changed: {holder}")]
    LeaseHeld {
        /// The environment.
        environment: EnvironmentName,
        /// Who, where, since when, for what.
        holder: Box<Holder>,
    },
    /// A write was refused because the lease is no longer ours or the state moved.
    #[error("the write was refused, nothing was changed: {reason}")]
    Fenced {
        /// What is not as it was.
        reason: String,
    },
    /// Another process has stopped while it holds the guard file.
    #[error(
        "another process has held {} for {seconds} seconds: it has stopped in the middle of a write",
        path.display()
    )]
    GuardBusy {
        /// The guard file.
        path: PathBuf,
        /// How long we waited.
        seconds: u64,
    },
    /// The lease file is not what was written.
    #[error("the lease file {} is damaged", path.display())]
    LeaseDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The lease to break is not the one that is held.
    #[error("no lease {id} is held on environment \"{environment}\"{}", held_instead(holder.as_deref()))]
    NoSuchLease {
        /// The lease that was named.
        id: String,
        /// The environment.
        environment: EnvironmentName,
        /// Who holds it.
        holder: Option<Box<Holder>>,
    },
    /// Locks of this file system do not exclude.
    #[error("the folder {} cannot hold state: {reason}", path.display())]
    NotExclusive {
        /// The folder.
        path: PathBuf,
        /// What did not exclude.
        reason: &'static str,
    },
    /// The state could not be stored.
    #[error("failed to store the state of environment \"{environment}\"{}", saved_instead(rescue.as_deref()))]
    Unsaved {
        /// The environment.
        environment: EnvironmentName,
        /// Where the state is instead.
        rescue: Option<PathBuf>,
        /// Why it failed.
        source: Box<BackendError>,
    },
    /// A pushed state does not follow from the stored one.
    #[error("the pushed state was refused: {reason}")]
    PushRefused {
        /// What does not fit.
        reason: String,
    },
}

impl BackendError {
    /// Returns a function that turns an I/O error into one that says what was tried on what.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }

    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::State { intact, source, .. } if !matches!(source, FormatError::Newer { .. }) => Some(restore(intact.as_deref())),
            Self::Vanished { intact, .. } => Some(restore(intact.as_deref())),
            Self::Journal { path, .. } | Self::Fold { path, .. } => Some(format!(
                "move {} away to go on from the state file alone: what the journal says of the last apply is then unknown, and the next plan shows it as drift or as objects to import",
                path.display()
            )),
            Self::LeaseHeld { holder, .. } => Some(format!(
                "wait for it with --lock-timeout 5m; if it is surely gone: streamform state unlock {}",
                holder.id
            )),
            Self::Fenced { .. } => {
                Some("run the command again: it goes on from what is recorded and what is live".into())
            }
            Self::GuardBusy { .. } => Some("let that process go on, or end it".into()),
            Self::LeaseDamaged { path, .. } => Some(format!(
                "remove {} once you are sure that no apply is running",
                path.display()
            )),
            Self::NotExclusive { .. } => {
                Some("put the state on a file system with working locks".into())
            }
            Self::Unsaved {
                environment,
                rescue: Some(rescue),
                ..
            } => Some(format!(
                "make room or repair the folder, then: streamform state push --env {environment} {}",
                rescue.display()
            )),
            Self::Unsaved { rescue: None, .. } => Some(
                "what was recorded in the journal is safe; the next run reads the live system for the rest".into(),
            ),
            // A newer format: the error itself says to upgrade.
            Self::State { .. }
            | Self::NoSuchLease { .. }
            | Self::OtherEnvironment { .. }
            | Self::Io { .. }
            | Self::PushRefused { .. } => None,
        }
    }
}

impl From<BackendError> for Diagnostic {
    fn from(error: BackendError) -> Self {
        let (code, summary) = match &error {
            BackendError::LeaseHeld { .. } => (LEASE_HELD, "The environment is being changed"),
            BackendError::Fenced { .. } => ("fenced", "The lease on the environment is lost"),
            BackendError::Unsaved { .. } => ("unsaved", "The state could not be stored"),
            BackendError::PushRefused { .. } => ("push-refused", "The state was not pushed"),
            BackendError::NoSuchLease { .. } => ("no-such-lease", "There is no such lease"),
            _ => ("backend", "The state cannot be used"),
        };
        Self::error(code, summary)
            .caused_by(&error)
            .hint_opt(error.hint())
    }
}

impl From<BackendError> for Diagnostics {
    fn from(error: BackendError) -> Self {
        Diagnostic::from(error).into()
    }
}

fn held_instead(holder: Option<&Holder>) -> String {
    holder
        .map(|h| format!("; it is held by lease {}: {h}", h.id))
        .unwrap_or_default()
}

fn saved_instead(rescue: Option<&Path>) -> String {
    match rescue {
        Some(path) => format!("; it was saved in {} instead", path.display()),
        None => "; it could not be saved anywhere else either".into(),
    }
}

fn restore(intact: Option<&Path>) -> String {
    match intact {
        Some(copy) => format!(
            "put the last whole copy back: streamform state push {}",
            copy.display()
        ),
        None => "no whole copy is left in the history: bring the file back from a backup, or remove the folder and import the objects again".into(),
    }
}
