//! Why a service did not answer.

use std::error::Error as _;

use url::Url;

use crate::clients::tls::{self, TlsError};

/// Why a service did not answer, or a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing was sent: there is no way to the service.
    #[error("cannot reach {url}: {problem}")]
    Unreached {
        /// The service's address.
        url: Url,
        /// What stands in the way.
        problem: String,
    },
    /// It may have been carried out: the answer did not come in time, or not whole.
    #[error("{url} did not answer: {problem}")]
    Unanswered {
        /// The service's address.
        url: Url,
        /// What happened.
        problem: String,
    },
    /// One side does not trust the other's certificate, or there is no TLS at all: nothing was carried out.
    #[error("no secure connection to {url}: {problem}")]
    Insecure {
        /// The service's address.
        url: Url,
        /// What stands in the way.
        problem: String,
    },
    /// The answer is larger than anything that is expected.
    #[error("{url} answered with more than {limit} bytes")]
    TooLarge {
        /// The service's address.
        url: Url,
        /// The limit.
        limit: usize,
    },
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Security(TlsError),
    /// A setting holds what no header can.
    #[error("{setting} holds a character that cannot be sent")]
    Unprintable {
        /// The setting.
        setting: &'static str,
    },
    /// The HTTP library refuses its settings.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

impl HttpError {
    pub(super) fn of(url: &Url, error: reqwest::Error) -> Self {
        let mut url = url.clone();
        // An address may carry a password.
        let _ = url.set_password(None);
        let error = error.without_url();
        let problem = problem(&error);
        let tls = tls_error(&error);
        if tls
            .is_some_and(|tls| error.is_connect() || matches!(tls, rustls::Error::AlertReceived(_)))
        {
            Self::Insecure { url, problem }
        } else if error.is_connect() || error.is_builder() {
            Self::Unreached { url, problem }
        } else {
            Self::Unanswered { url, problem }
        }
    }

    /// Whether the request is known not to have been carried out.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Unreached { .. } | Self::Insecure { .. })
    }

    /// Whether the service is away, rather than something wrong with how we ask.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unreached { .. } | Self::Unanswered { .. })
    }
}

/// Returns the innermost cause, in words.
fn problem(error: &reqwest::Error) -> String {
    if error.is_timeout() && error.is_connect() {
        return "it took too long to connect".to_owned();
    }
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    if let Some(error) = tls_error(error) {
        return tls::explain(error, "server");
    }
    let innermost = causes(error).last();
    innermost.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Returns what TLS says, where it is the cause.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// Returns all causes, also those that an error of the system holds and does not call its source.
fn causes<'a>(
    error: &'a reqwest::Error,
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause: &'a (dyn std::error::Error + 'static) = next?;
        let held = cause.downcast_ref::<std::io::Error>();
        next = match held.and_then(std::io::Error::get_ref) {
            Some(held) => Some(held),
            None => cause.source(),
        };
        Some(cause)
    })
}
