//! Calls of services that answer in JSON: what they answered, or why there is nothing. Does I/O.
//!
//! What services have in common is here; a [`Service`] says what is its own: its name, how its refusals are
//! read, and what they mean beyond the HTTP status.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::address::ProviderAddress;
use crate::clients::AWAY;
use crate::diagnostic::{Diagnostic, capitalised};

use super::{Answer, Client, HttpError, Request};

/// A service that is called by HTTP.
pub trait Service: fmt::Debug + Copy + Default + Send + Sync + 'static {
    /// What it is called in a sentence: `the registry`.
    const NAME: &'static str;
    /// The code of diagnostics about it.
    const CODE: &'static str;
    /// What to do where it does not know who we are.
    const LOGIN: &'static str;

    /// Reads the words of a refusal.
    fn words(answer: &Answer) -> Words;

    /// Whether it says that there is no such thing as was asked for.
    fn is_absence(error: &CallError<Self>) -> bool;

    /// Returns what to do about an error of its own making.
    fn hint(error: &CallError<Self>) -> Option<&'static str>;
}

/// The words of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The service's own code, where it gave one.
    pub code: Option<u32>,
    /// What it says; empty where it says nothing.
    pub message: String,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError<S: Service> {
    /// There was no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The service says no.
    #[error("{call}: {} answers {status}{}: {message}", S::NAME, .code.map(|code| format!(" (code {code})")).unwrap_or_default())]
    Refused {
        /// The method and path.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The service's own code, where it gave one.
        code: Option<u32>,
        /// The service's words.
        message: String,
        /// Which service.
        service: S,
    },
    /// The answer is not what the documentation says.
    #[error("{call}: the answer cannot be read: {source}")]
    Unreadable {
        /// The method and path.
        call: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl<S: Service> CallError<S> {
    /// Returns what an answer that is no success means.
    pub(in crate::clients) fn refusal(call: String, answer: &Answer) -> Self {
        let Words { code, mut message } = S::words(answer);
        if message.is_empty() {
            reason(answer.status).clone_into(&mut message);
        }
        Self::Refused {
            call,
            status: answer.status,
            code,
            message,
            service: S::default(),
        }
    }

    /// Returns the HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether there is no such thing as was asked for.
    pub fn is_absence(&self) -> bool {
        S::is_absence(self)
    }

    /// Whether nothing can have changed: the service said no, or was not reached.
    pub fn is_harmless(&self) -> bool {
        match self {
            Self::Http(error) => error.is_unsent(),
            Self::Refused { status, .. } => *status < 500,
            Self::Unreadable { .. } => false,
        }
    }

    /// Whether the service is away for now, rather than refusing us. What stands before it says so, too,
    /// while it starts.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Http(error) => error.is_away(),
            Self::Refused { status, .. } => matches!(status, 429 | 502..=504),
            Self::Unreadable { .. } => false,
        }
    }

    /// Returns the service's words, or the whole error where it gave none.
    pub fn words(&self) -> String {
        match self {
            Self::Refused { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// Returns what to do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self.status() {
            Some(401) => Some(S::LOGIN),
            Some(403) => {
                Some("these credentials do not permit it: use others, or grant them the right")
            }
            Some(300..=399) => Some("the address leads elsewhere: set url to where it leads"),
            _ => S::hint(self),
        }
    }

    /// Returns what to tell about the failed call of a provider.
    pub fn diagnostic(&self, provider: &ProviderAddress) -> Diagnostic {
        let text = capitalised(&self.to_string());
        let code = if self.is_away() { AWAY } else { S::CODE };
        Diagnostic::error(code, format!("{text} (provider {provider})"))
            .hint_opt(self.hint().map(str::to_owned))
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        401 => "not authenticated",
        403 => "not permitted",
        404 => "not found",
        429 => "too many requests",
        _ => "without a reason",
    }
}

/// Returns the answer; `None` where there is no such thing as was asked for.
pub fn present<T, S: Service>(answer: Result<T, CallError<S>>) -> Result<Option<T>, CallError<S>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Client {
    /// Sends a request and reads the answer.
    pub async fn call<T: DeserializeOwned, S: Service>(
        &self,
        request: &Request,
    ) -> Result<T, CallError<S>> {
        let answer = self.send(request).await?;
        if !answer.is_success() {
            return Err(CallError::refusal(request.label(), &answer));
        }
        // An answer without content, 202 or 204, is one that says nothing.
        let body: &[u8] = if answer.body.is_empty() {
            b"null"
        } else {
            &answer.body
        };
        serde_json::from_slice(body).map_err(|source| CallError::Unreadable {
            call: request.label(),
            source,
        })
    }
}
