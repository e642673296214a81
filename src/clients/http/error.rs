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
        if error.is_connect() || error.is_builder() {
            Self::Unreached { url, problem }
        } else {
            Self::Unanswered { url, problem }
        }
    }

    /// Whether the request is known not to have been carried out.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Unreached { .. })
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
    let mut last = None;
    let mut next = error.source();
    while let Some(cause) = next {
        let tls = cause.downcast_ref::<rustls::Error>().or_else(|| {
            let io = cause.downcast_ref::<std::io::Error>()?;
            io.get_ref()?.downcast_ref::<rustls::Error>()
        });
        if let Some(error) = tls {
            return tls::explain(error, "server");
        }
        last = Some(cause.to_string());
        next = cause.source();
    }
    last.unwrap_or_else(|| error.to_string())
}
