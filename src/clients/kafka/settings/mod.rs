//! From the settings that a user gives, under Kafka's own names, to a typed configuration. Pure: files that the
//! settings name are read when a client is made.
//!
//! [`Settings::from_pairs`] is where to begin. A name that is not known, or known and not supported, is an error.

mod jaas;
mod names;
mod parse;

use std::fmt;
use std::time::Duration;

pub use crate::clients::tls::{Identity, TlsSettings};
pub use names::SETTINGS;
pub use parse::{SettingError, SettingErrors};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a resolved secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, for the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// Returns the address of a host and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Reaching a broker with TLS and login: `socket.connection.setup.timeout.ms`.
    pub connect: Duration,
    /// One answer: `request.timeout.ms`.
    pub request: Duration,
    /// One call with all its attempts: `default.api.timeout.ms`.
    pub call: Duration,
    /// An unused connection: `connections.max.idle.ms`.
    pub idle: Duration,
    /// The first pause between two attempts: `retry.backoff.ms`.
    pub backoff: Duration,
    /// The longest one: `retry.backoff.max.ms`.
    pub backoff_max: Duration,
    /// How often a call is tried again, unless until its time is up: `retries`.
    pub retries: Option<u32>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            call: Duration::from_mins(1),
            idle: Duration::from_mins(5),
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            retries: None,
        }
    }
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// RFC 7677.
    ScramSha256,
    /// RFC 5802 with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// Returns the name that SASL knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// The login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaslSettings {
    /// How it is proved.
    pub mechanism: Mechanism,
    /// The user.
    pub username: String,
    /// The password.
    pub password: Password,
}

/// How to reach a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The brokers to begin with; at least one.
    pub bootstrap: Vec<Address>,
    /// The name that brokers show.
    pub client_id: String,
    /// TLS, if connections are encrypted.
    pub tls: Option<TlsSettings>,
    /// The login, if there is one.
    pub sasl: Option<SaslSettings>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How many connections to one broker large reads may use.
    pub connections_per_broker: usize,
}

impl Settings {
    /// Returns the settings for brokers that ask for neither TLS nor a login.
    pub fn plaintext(bootstrap: Vec<Address>) -> Self {
        Self {
            bootstrap,
            client_id: "streamform".to_owned(),
            tls: None,
            sasl: None,
            timeouts: Timeouts::default(),
            connections_per_broker: 4,
        }
    }

    /// Resolves relative names of files against a folder.
    #[must_use]
    pub fn relative_to(mut self, folder: &std::path::Path) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.start_from(folder);
        }
        self
    }

    /// Returns Kafka's name of the security protocol.
    pub fn security_protocol(&self) -> &'static str {
        match (&self.tls, &self.sasl) {
            (None, None) => "PLAINTEXT",
            (Some(_), None) => "SSL",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        }
    }
}
