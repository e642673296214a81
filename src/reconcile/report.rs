//! What a turn came to, and its line in the log. Writes to `tracing` and nowhere else.

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::git::Commit;

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    UpToDate,
    /// The commit was applied.
    Applied,
    /// Drift was put back.
    Reverted,
    /// There is drift, which the policy only reports.
    Drifted,
    /// The commit waits for somebody to apply it.
    Awaiting,
    /// A gate refused the plan.
    Refused,
    /// The branch no longer contains what was applied; nothing is applied from it.
    Held,
    /// The commit's configuration is wrong.
    Invalid,
    /// Somebody else holds the environment's lease.
    Leased,
    /// Something failed that may work later.
    Failed,
    /// The turn was stopped by a signal.
    Stopped,
}

impl Outcome {
    /// Returns the word of the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up-to-date",
            Self::Applied => "applied",
            Self::Reverted => "reverted",
            Self::Drifted => "drifted",
            Self::Awaiting => "awaiting",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Invalid => "invalid",
            Self::Leased => "leased",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether somebody should look.
    fn is_warning(self) -> bool {
        match self {
            Self::Drifted | Self::Refused | Self::Held | Self::Invalid | Self::Failed => true,
            Self::UpToDate
            | Self::Applied
            | Self::Reverted
            | Self::Awaiting
            | Self::Leased
            | Self::Stopped => false,
        }
    }
}

/// Why a turn ended as it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// For people.
    pub text: String,
    /// The same for the same cause, though the text may count seconds or records.
    key: String,
}

impl Reason {
    /// Returns a reason whose text never varies.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            key: text.clone(),
            text,
        }
    }

    /// Returns a reason that is the same for the same key.
    pub(super) fn keyed(text: String, key: String) -> Self {
        Self { text, key }
    }

    /// Whether both have the same cause.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Puts diagnostics on one line.
    pub(super) fn of(diagnostics: &Diagnostics) -> Self {
        let each = |line: fn(&Diagnostic) -> String| {
            diagnostics.iter().map(line).collect::<Vec<_>>().join("; ")
        };
        Self {
            text: each(one_line),
            key: each(cause),
        }
    }
}

fn one_line(diagnostic: &Diagnostic) -> String {
    let mut line = diagnostic.summary.clone();
    if let Some(address) = &diagnostic.address
        && !line.contains(&address.to_string())
    {
        line = format!("{address}: {line}");
    }
    if let Some(excerpt) = &diagnostic.excerpt {
        line = format!("{}:{}: {line}", excerpt.file, excerpt.line);
    }
    let detail = diagnostic.detail.lines().collect::<Vec<_>>().join(" ");
    if !detail.is_empty() {
        line = format!("{line}: {detail}");
    }
    if let Some(hint) = &diagnostic.hint {
        let hint = hint.lines().collect::<Vec<_>>().join(" ");
        line = format!("{line} ({hint})");
    }
    line
}

fn cause(diagnostic: &Diagnostic) -> String {
    let address = diagnostic.address.as_ref();
    let address = address.map_or(String::new(), ToString::to_string);
    format!("{} {address}", diagnostic.code)
}

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The branch's commit, where it is known.
    pub commit: Option<Commit>,
    /// How it ended.
    pub outcome: Outcome,
    /// Objects that the configuration changes or would change.
    pub changes: usize,
    /// Objects that drifted.
    pub drift: usize,
    /// Objects whose drift was put back.
    pub reverted: usize,
    /// Why, where that needs words.
    pub reason: Option<Reason>,
    /// Objects that are unhealthy.
    pub unhealthy: usize,
    /// Which, and why.
    pub illness: Option<Reason>,
}

impl Report {
    /// Returns a report without changes.
    pub fn new(commit: Option<Commit>, outcome: Outcome) -> Self {
        Self {
            commit,
            outcome,
            changes: 0,
            drift: 0,
            reverted: 0,
            reason: None,
            unhealthy: 0,
            illness: None,
        }
    }

    /// Adds why.
    #[must_use]
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Whether another report says the same thing, so that its reason need not be said again.
    fn repeats(&self, last: &Self) -> bool {
        let commit = |report: &Self| report.commit.as_ref().map(|commit| commit.id);
        let key = |report: &Self| report.reason.as_ref().map(|reason| reason.key.clone());
        self.outcome == last.outcome && commit(self) == commit(last) && key(self) == key(last)
    }

    /// Writes the turn's line. A reason that the line before gave already is not given again.
    pub fn log(&self, last: Option<&Self>, duration: Duration, next_in: Option<Duration>) {
        let commit = self.commit.as_ref().map(|commit| commit.id.to_string());
        let commit = commit.as_deref();
        let outcome = self.outcome.as_str();
        let reason = self.reason.as_ref().map(|reason| match last {
            Some(last) if self.repeats(last) => "as before",
            _ => reason.text.as_str(),
        });
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let next_in = next_in.map(|wait| format!("{:.1}s", wait.as_secs_f64()));
        let next_in = next_in.as_deref();
        // Counts that are zero say nothing.
        let some = |count: usize| Some(count).filter(|count| *count > 0);
        let unhealthy = some(self.unhealthy);
        let illness = self.illness.as_ref().map(|illness| {
            let before = last.and_then(|last| last.illness.as_ref());
            match before {
                Some(before) if illness.is_same(before) => "as before",
                _ => illness.text.as_str(),
            }
        });
        let (changes, drift, reverted) = (self.changes, some(self.drift), some(self.reverted));
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    commit,
                    outcome,
                    changes,
                    drift,
                    reverted,
                    duration_ms,
                    next_in,
                    reason,
                    unhealthy,
                    illness,
                    "turn"
                )
            };
        }
        if self.outcome.is_warning() || self.unhealthy > 0 {
            line!(warn);
        } else {
            line!(info);
        }
    }
}
