//! From the settings of `provider "connect"`, under the names that the registry's have, to how the workers
//! are reached. Pure: files that the settings name are read when a client is made.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::address::ProviderAddress;
use crate::clients::http;
use crate::clients::http::settings::{Given, WrongSetting};
use crate::config::schema::AttributeSchema;

/// The settings of `provider "connect"`.
pub const SETTINGS: &[AttributeSchema] = &AttributeSchema::all_optional([
    (
        "url",
        "Where the workers' REST API is, `https://host:port`; several separated by commas, or a list.",
    ),
    ("basic_auth_user_info", "The login as `user:password`."),
    (
        "basic_auth_username",
        "The login's user, where the password stands alone.",
    ),
    ("basic_auth_password", "The login's password."),
    ("bearer_auth_token", "The token of a login by OAuth."),
    (
        "kafka_provider",
        "The provider of the cluster that the workers keep their own topics in, as `kafka` or `kafka.east`; the project's default or only one where it is not set.",
    ),
    (
        "offset_storage_topic",
        "The workers' `offset.storage.topic`: a plan reads there what a new connector of a name that was used before goes on from.",
    ),
    (
        "ready_timeout_ms",
        "How long a connector may take to reach its state, in milliseconds; six minutes where it is not set, longer than Connect's scheduled.rebalance.max.delay.ms.",
    ),
    (
        "request_timeout_ms",
        "How long a worker may take for one answer, in milliseconds; 100 seconds where it is not set, longer than a worker itself waits.",
    ),
    (
        "retries",
        "How often a request that can be repeated is tried again.",
    ),
    (
        "requests_at_once",
        "How many requests may be under way at once; 8 where it is not set.",
    ),
    (
        "ssl_ca_location",
        "A PEM file of the certificates that the workers' are checked against.",
    ),
    (
        "ssl_certificate_location",
        "A PEM file of our certificate and its chain.",
    ),
    (
        "ssl_endpoint_identification_algorithm",
        "`https`, or an empty text, which stops host names from being checked.",
    ),
    (
        "ssl_key_location",
        "A PEM file of our certificate's private key, not encrypted.",
    ),
]);

/// How long a connector may take to reach its state: a minute more than tasks of a lost worker stay
/// unassigned (`scheduled.rebalance.max.delay.ms`, 5 minutes).
const READY: Duration = Duration::from_mins(6);

/// A worker gives up after 90 seconds and says so (`RestServer`'s request timeout).
const REQUEST: Duration = Duration::from_secs(100);

/// How a cluster of workers is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The REST API.
    pub http: http::Settings,
    /// How long a connector may take to reach its state.
    pub ready: Duration,
    /// The provider of the cluster that holds the workers' own topics, where it is named.
    pub kafka_provider: Option<ProviderAddress>,
    /// The topic that holds how far sources have come, where it is named.
    pub offset_storage_topic: Option<String>,
}

/// Reads the settings. Secrets must be resolved; what is not known was refused by the loader.
pub fn read(pairs: BTreeMap<String, String>) -> Result<Settings, Vec<WrongSetting>> {
    let has = |name: &str| pairs.contains_key(name);
    let (own_time, own_limit) = (has("request_timeout_ms"), has("requests_at_once"));
    let mut given = Given::new(pairs);
    let mut http = given.service("worker");
    if !own_time {
        http.request = REQUEST;
    }
    if !own_limit {
        // The workers' herder does one thing after the other.
        http.at_once = 8;
    }
    http.call = http.call.max(http.request * 2);
    let ready = given.number("ready_timeout_ms", 1);
    let ready = ready.map_or(READY, Duration::from_millis);
    let kafka_provider = kafka_provider(&mut given);
    let offset_storage_topic = given.take("offset_storage_topic");
    if offset_storage_topic.as_ref().is_some_and(String::is_empty) {
        given.wrong("offset_storage_topic", "it names no topic");
    }
    given.finish(Settings {
        http,
        ready,
        kafka_provider,
        offset_storage_topic,
    })
}

fn kafka_provider(given: &mut Given) -> Option<ProviderAddress> {
    const NAME: &str = "kafka_provider";
    let text = given.take(NAME)?;
    match text.parse::<ProviderAddress>() {
        Ok(address) if &*address.kind == "kafka" => Some(address),
        _ => {
            let problem =
                format!("{text:?} is no provider of Kafka: write \"kafka\" or \"kafka.ALIAS\"");
            given.wrong(NAME, problem);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_worker_is_given_more_time_than_it_takes_itself() {
        let settings = read(pairs(&[("url", "http://a,https://b")])).expect("read");
        assert_eq!(settings.http.request, REQUEST);
        assert_eq!(settings.http.urls.len(), 2);
        assert!(settings.http.call > settings.http.request);
        let own = [
            ("url", "http://a"),
            ("request_timeout_ms", "5"),
            ("ready_timeout_ms", "7"),
        ];
        let settings = read(pairs(&own)).expect("read");
        assert_eq!(settings.http.request, Duration::from_millis(5));
        assert_eq!(settings.ready, Duration::from_millis(7));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let given = [
            ("ready_timeout_ms", "soon"),
            ("kafka_provider", "connect.east"),
            ("offset_storage_topic", ""),
        ];
        let wrong = read(pairs(&given)).expect_err("refused");
        let wrong = wrong.iter().map(|w| format!("{}: {}", w.name, w.problem));
        insta::assert_snapshot!(wrong.collect::<Vec<_>>().join("\n"), @r#"
        url: it must be set
        ready_timeout_ms: "soon" is not a whole number from 1
        kafka_provider: "connect.east" is no provider of Kafka: write "kafka" or "kafka.ALIAS"
        offset_storage_topic: it names no topic
        "#);
    }
}
