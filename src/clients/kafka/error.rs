//! What can go wrong between us and a cluster, told once and in the user's words. Pure.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use thiserror::Error;

use super::settings::Address;

/// An error code that a broker answered, with what it said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerError {
    /// The protocol's number: <https://kafka.apache.org/protocol#protocol_error_codes>.
    pub code: i16,
    /// The broker's own sentence, where it sent one.
    pub message: Option<Arc<str>>,
}

impl BrokerError {
    /// Returns the error of a code, or `None` for 0, which is success.
    pub fn from_code(code: i16, message: Option<&str>) -> Option<Self> {
        (code != 0).then(|| Self {
            code,
            message: message.filter(|text| !text.is_empty()).map(Arc::from),
        })
    }

    /// Names what it is about, where its request was about several.
    pub(super) fn about(self, subject: &str) -> Self {
        let message = match &self.message {
            Some(said) => format!("{subject}: {said}"),
            None => subject.to_owned(),
        };
        Self {
            message: Some(message.into()),
            ..self
        }
    }

    /// Returns Kafka's name of the code: `TOPIC_ALREADY_EXISTS`.
    pub fn name(&self) -> String {
        match ResponseError::try_from_code(self.code) {
            None => "NONE".to_owned(),
            Some(ResponseError::Unknown(code)) => format!("error code {code}"),
            Some(known) => upper_snake(&known.to_string()),
        }
    }

    /// Whether it is this code.
    pub fn is(&self, code: ResponseError) -> bool {
        self.code == code.code()
    }

    /// Whether the same request may succeed a little later.
    ///
    /// Unlike the protocol's table this leaves out `UNKNOWN_TOPIC_OR_PARTITION` and its relatives: the table
    /// means producers with stale metadata, while an administrator needs to hear that there is no such topic.
    pub fn is_retriable(&self) -> bool {
        match ResponseError::try_from_code(self.code) {
            Some(
                ResponseError::UnknownTopicOrPartition
                | ResponseError::UnknownTopicId
                | ResponseError::InconsistentTopicId,
            )
            | None => false,
            Some(ResponseError::BrokerNotAvailable) => true,
            Some(known) => known.is_retriable(),
        }
    }

    /// Whether it says that the request went to the wrong broker, so that metadata must be read again.
    pub(super) fn is_misdirected(&self) -> bool {
        self.is(ResponseError::NotController)
            || self.is(ResponseError::NotLeaderOrFollower)
            || self.is(ResponseError::LeaderNotAvailable)
            || self.is(ResponseError::FencedLeaderEpoch)
            || self.is(ResponseError::UnknownLeaderEpoch)
            || self.is(ResponseError::NotCoordinator)
            || self.is(ResponseError::CoordinatorNotAvailable)
    }

    /// Whether the broker may have done, or may still do, what it could not confirm. A controller that steps
    /// down answers so to what it had begun, and its successor may find that done.
    pub(super) fn leaves_doubt(&self) -> bool {
        self.is(ResponseError::RequestTimedOut)
            || self.is(ResponseError::UnknownServerError)
            || self.is(ResponseError::NotController)
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for BrokerError {}

/// Turns `TopicAlreadyExists` into `TOPIC_ALREADY_EXISTS`.
fn upper_snake(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 8);
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// Why a connection could not be opened, or was lost.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Cause {
    /// Nothing listens on that port.
    #[error("connection refused")]
    Refused,
    /// Nobody answered in time.
    #[error("no answer within {}", seconds(.0))]
    TimedOut(Duration),
    /// The host name means nothing here.
    #[error("the host name cannot be resolved ({0})")]
    Resolve(Arc<str>),
    /// The TLS handshake failed; the text says why and what to set.
    #[error("{0}")]
    Tls(Arc<str>),
    /// The other side hung up.
    #[error(
        "the broker closed the connection during {during}: is security.protocol right for this port?"
    )]
    Closed {
        /// What was under way.
        during: Arc<str>,
    },
    /// Whatever answers there is not a Kafka broker, or not on this security protocol.
    #[error("{0}")]
    NotKafka(Arc<str>),
    /// The login failed.
    #[error("{0}")]
    Login(Arc<str>),
    /// The broker answered an error while the connection was being set up.
    #[error("{api} was answered with {error}")]
    Answer {
        /// The request.
        api: &'static str,
        /// The answer.
        error: BrokerError,
    },
    /// Another error of the operating system.
    #[error("{0}")]
    Io(Arc<str>),
}

fn seconds(duration: &Duration) -> String {
    if duration.as_millis() < 1000 {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs_f64())
    }
}

/// A broker that could not be reached, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// Where we tried.
    pub address: Address,
    /// Why it failed.
    pub cause: Cause,
}

/// Why a call did not give what it promised.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KafkaError {
    /// No broker could be reached: every address that was tried, each with its own cause.
    #[error("cannot reach {}", unreached(.brokers))]
    Unreachable {
        /// The brokers that were tried.
        brokers: Vec<Unreached>,
    },
    /// A broker that the cluster itself names cannot be reached although the cluster answers.
    #[error(
        "the cluster names {} as a broker's address, which cannot be reached: {}; check the broker's \
         advertised.listeners", .0.address, .0.cause
    )]
    AdvertisedUnreachable(Unreached),
    /// The broker refused the login.
    #[error("{broker} refused the login: {message}")]
    Authentication {
        /// The broker.
        broker: Address,
        /// Its own words, or ours where it has none.
        message: Arc<str>,
    },
    /// The broker and we have no version of a request in common.
    #[error("{broker} cannot do {api}: we speak versions {} to {}, it {}", .ours.0, .ours.1, offered(.theirs.as_ref()))]
    UnsupportedApi {
        /// The broker.
        broker: Address,
        /// The request.
        api: &'static str,
        /// The versions that we could use.
        ours: (i16, i16),
        /// The versions that the broker offers, if it knows the request at all.
        theirs: Option<(i16, i16)>,
    },
    /// The broker did not answer in time.
    #[error("{broker} did not answer {api} within {}", seconds(.after))]
    TimedOut {
        /// The broker.
        broker: Address,
        /// The request.
        api: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// The connection was lost while a request was under way.
    #[error("the request {api} to {broker} got no answer: {cause}")]
    Disconnected {
        /// The broker.
        broker: Address,
        /// The request.
        api: &'static str,
        /// Why.
        cause: Cause,
    },
    /// The answer makes no sense.
    #[error("{broker} answered {api} with something that is not valid: {problem}")]
    Malformed {
        /// The broker.
        broker: Address,
        /// The request.
        api: &'static str,
        /// What is wrong with it.
        problem: Arc<str>,
    },
    /// The broker answered an error for the whole request.
    #[error("{broker} answered {api} with {error}")]
    Answered {
        /// The broker.
        broker: Address,
        /// The request.
        api: &'static str,
        /// The code and the broker's message.
        error: BrokerError,
    },
    /// The broker answered an error for one item of a batch.
    #[error(transparent)]
    Item(#[from] BrokerError),
    /// A request that cannot be written in the protocol, such as a name that is too long for it.
    #[error("{api} cannot be sent: {problem}")]
    Unsendable {
        /// The request.
        api: &'static str,
        /// What is wrong with it.
        problem: Arc<str>,
    },
    /// The cluster has no broker with this id, or no controller.
    #[error("the cluster has no {0} at the moment")]
    NoSuchBroker(Arc<str>),
    /// The files that the security settings name cannot be used.
    #[error("{setting}: {problem}")]
    Security {
        /// The setting that names the file.
        setting: &'static str,
        /// What is wrong with it.
        problem: Arc<str>,
    },
    /// Something did not come about in time, although every request was answered.
    #[error("{what} did not come about within {}", seconds(.after))]
    NotInTime {
        /// What was awaited.
        what: Arc<str>,
        /// How long.
        after: Duration,
    },
    /// librdkafka, which reads records, failed.
    #[error("records cannot be read: {0}")]
    Data(Arc<str>),
}

impl KafkaError {
    /// Whether the same call may succeed a little later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { brokers } => brokers.iter().any(|b| b.cause.is_passing()),
            Self::AdvertisedUnreachable(unreached) => unreached.cause.is_passing(),
            Self::TimedOut { .. } | Self::NoSuchBroker(_) => true,
            Self::Disconnected { cause, .. } => cause.is_passing(),
            Self::Answered { error, .. } | Self::Item(error) => error.is_retriable(),
            Self::Authentication { .. }
            | Self::UnsupportedApi { .. }
            | Self::Malformed { .. }
            | Self::Unsendable { .. }
            | Self::Security { .. }
            | Self::NotInTime { .. }
            | Self::Data(_) => false,
        }
    }

    /// Whether the broker may have done what was asked although we did not hear so.
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Disconnected { .. } | Self::Malformed { .. } => true,
            Self::Answered { error, .. } | Self::Item(error) => error.leaves_doubt(),
            _ => false,
        }
    }

    /// Names the item that an answer's error is about.
    pub(super) fn about(self, subject: &str) -> Self {
        match self {
            Self::Item(error) => Self::Item(error.about(subject)),
            other => other,
        }
    }

    /// Returns the broker's error of an item, if it is one.
    pub fn broker_error(&self) -> Option<&BrokerError> {
        match self {
            Self::Item(error) | Self::Answered { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Whether no broker, or not the right one, could be reached.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::AdvertisedUnreachable(_)
        )
    }

    /// Whether it says that the request went to the wrong broker.
    pub(super) fn is_misdirected(&self) -> bool {
        self.is_unreachable()
            || matches!(self, Self::Disconnected { .. } | Self::NoSuchBroker(_))
            || self.broker_error().is_some_and(BrokerError::is_misdirected)
    }
}

impl Cause {
    /// Says what was under way when the other side hung up, where that is not known yet.
    pub(super) fn during(self, api: &str) -> Self {
        match self {
            Self::Closed { during } if during.is_empty() => Self::Closed { during: api.into() },
            other => other,
        }
    }

    /// Whether it may be otherwise a little later.
    fn is_passing(&self) -> bool {
        match self {
            Self::Refused | Self::TimedOut(_) | Self::Closed { .. } | Self::Io(_) => true,
            Self::Answer { error, .. } => error.is_retriable(),
            Self::Resolve(_) | Self::Tls(_) | Self::NotKafka(_) | Self::Login(_) => false,
        }
    }
}

fn unreached(brokers: &[Unreached]) -> String {
    let each: Vec<String> = brokers
        .iter()
        .map(|broker| format!("{}: {}", broker.address, broker.cause))
        .collect();
    match each.as_slice() {
        [one] => format!("the Kafka broker at {one}"),
        many => format!("any Kafka broker; {}", many.join("; ")),
    }
}

fn offered(versions: Option<&(i16, i16)>) -> String {
    match versions {
        Some((min, max)) => format!("speaks {min} to {max}"),
        None => "does not know it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kafkas_names_and_the_brokers_words() {
        let error = BrokerError::from_code(36, Some("Topic 'a' already exists.")).expect("not 0");
        assert_eq!(
            error.to_string(),
            "TOPIC_ALREADY_EXISTS: Topic 'a' already exists."
        );
        assert_eq!(BrokerError::from_code(0, None), None);
        let unknown = BrokerError::from_code(9999, Some("")).expect("not 0");
        assert_eq!(unknown.to_string(), "error code 9999");
        // Of several that were asked about it is told which.
        let named = |said| BrokerError::from_code(30, said).map(|it| it.about("group \"a\""));
        let told = |said| named(said).expect("not 0").to_string();
        assert_eq!(told(None), "GROUP_AUTHORIZATION_FAILED: group \"a\"");
        assert_eq!(
            told(Some("no")),
            "GROUP_AUTHORIZATION_FAILED: group \"a\": no"
        );
    }

    #[test]
    fn a_missing_topic_is_not_retried_but_a_moved_controller_is() {
        let code = |code| BrokerError::from_code(code, None).expect("not 0");
        assert!(!code(3).is_retriable());
        assert!(code(41).is_retriable() && code(41).is_misdirected());
        assert!(code(7).leaves_doubt() && code(41).leaves_doubt() && !code(3).leaves_doubt());
    }

    #[test]
    fn an_unreachable_cluster_names_every_address() {
        let error = KafkaError::Unreachable {
            brokers: vec![
                Unreached {
                    address: Address::new("a", 9092),
                    cause: Cause::Refused,
                },
                Unreached {
                    address: Address::new("b", 9092),
                    cause: Cause::TimedOut(Duration::from_secs(10)),
                },
            ],
        };
        insta::assert_snapshot!(error, @"cannot reach any Kafka broker; a:9092: connection refused; b:9092: no answer within 10 s");
        assert!(error.is_retriable() && !error.leaves_doubt());
    }

    #[test]
    fn an_unsupported_request_names_both_ranges() {
        let error = KafkaError::UnsupportedApi {
            broker: Address::new("a", 1),
            api: "DescribeConfigs",
            ours: (1, 4),
            theirs: None,
        };
        insta::assert_snapshot!(error, @"a:1 cannot do DescribeConfigs: we speak versions 1 to 4, it does not know it");
    }
}
