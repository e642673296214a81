//! Exit codes: the only place that knows them. Pure.

use std::process::ExitCode;

use crate::backend::error::LEASE_HELD;
use crate::diagnostic::Diagnostics;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// There was nothing to do, or it is done.
    Done,
    /// It could not be done.
    Error,
    /// There are changes (`plan --detailed-exitcode`) or there is drift.
    Changes,
    /// Something that was applied does not do well (`status`).
    Unhealthy,
    /// A gate said no; for `fmt --check`, a file is not formatted.
    Refused,
    /// Somebody else holds the environment's lease.
    Leased,
    /// The user interrupted it.
    Interrupted,
}

impl Exit {
    /// Returns how a command ended that could not do its work.
    pub fn of(errors: &Diagnostics) -> Self {
        if errors.iter().any(|error| error.code == LEASE_HELD) {
            Self::Leased
        } else {
            Self::Error
        }
    }

    /// Returns the process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes | Self::Unhealthy => 2,
            Self::Refused => 3,
            Self::Leased => 4,
            // As a shell reports a program that SIGINT (2) ended: 128 + 2.
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
