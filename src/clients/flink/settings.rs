//! From the settings of `provider "flink"` to how the cluster is reached. Logins, certificates and times
//! have the names that they have for a registry. Pure: files that the settings name are read when a client
//! is made.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clients::http;
use crate::clients::http::settings::{Given, WrongSetting};
use crate::config::schema::AttributeSchema;

/// The settings of `provider "flink"`.
pub const SETTINGS: &[AttributeSchema] = &AttributeSchema::all_optional([
    (
        "url",
        "Where the JobManager's REST API is, `http://host:8081`; several separated by commas, or a list.",
    ),
    (
        "sql_gateway_url",
        "Where the SQL gateway's REST API is; needed by jobs with flink_sql.",
    ),
    (
        "preview",
        "Whether a plan may have the cluster run a jar's main method, or the declarations of SQL, to see the graph; false where it is not set, since that runs what a pull request brings.",
    ),
    (
        "basic_auth_user_info",
        "The login as `user:password`, at the JobManager and at the gateway.",
    ),
    (
        "basic_auth_username",
        "The login's user, where the password stands alone.",
    ),
    ("basic_auth_password", "The login's password."),
    ("bearer_auth_token", "The token of a login by OAuth."),
    (
        "request_timeout_ms",
        "How long Flink may take for one answer, in milliseconds; a jar's main method runs within one.",
    ),
    (
        "retries",
        "How often a request that can be repeated is tried again.",
    ),
    (
        "requests_at_once",
        "How many requests may be under way at once; 16 where it is not set.",
    ),
    (
        "ssl_ca_location",
        "A PEM file of the certificates that Flink's is checked against.",
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

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its `JobManager`.
    pub jobmanager: http::Settings,
    /// Its SQL gateway, where it has one.
    pub gateway: Option<http::Settings>,
    /// Whether a plan may run a jar's `main` on the cluster.
    pub preview: bool,
}

impl Settings {
    /// Lets relative paths of certificates start from a folder.
    pub fn start_from(&mut self, base: &std::path::Path) {
        self.jobmanager.tls.start_from(base);
        if let Some(gateway) = &mut self.gateway {
            gateway.tls.start_from(base);
        }
    }
}

/// Reads the settings. Secrets must be resolved; what is not known was refused by the loader.
pub fn read(mut pairs: BTreeMap<String, String>) -> Result<Settings, Vec<WrongSetting>> {
    // A jar is uploaded and its main method runs within one request.
    pairs
        .entry("request_timeout_ms".into())
        .or_insert_with(|| Duration::from_mins(1).as_millis().to_string());
    let mut given = Given::new(pairs);
    let preview = given.truth("preview").unwrap_or(false);
    let has_gateway = given.has("sql_gateway_url");
    let gateway = if has_gateway {
        given.urls("sql_gateway_url", "gateway")
    } else {
        Vec::new()
    };
    let jobmanager = given.service("JobManager");
    let gateway = has_gateway.then(|| http::Settings {
        urls: gateway,
        ..jobmanager.clone()
    });
    given.finish(Settings {
        jobmanager,
        gateway,
        preview,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        super::read(pairs.collect()).map_err(|wrong| {
            let lines = wrong
                .iter()
                .map(|wrong| format!("{}: {}", wrong.name, wrong.problem));
            lines.collect::<Vec<_>>().join("; ")
        })
    }

    #[test]
    fn the_gateway_shares_the_login() {
        let settings = read(&[
            ("url", "http://a:8081"),
            ("sql_gateway_url", "http://a:8083"),
            ("bearer_auth_token", "t"),
        ])
        .expect("read");
        let gateway = settings.gateway.expect("a gateway");
        assert!(matches!(gateway.auth, http::Auth::Bearer(token) if token == "t"));
        assert_eq!(gateway.urls[0].as_str(), "http://a:8083/");
        assert!(!settings.preview);
        assert_eq!(settings.jobmanager.request, Duration::from_mins(1));
        let alone = read(&[("url", "http://a:8081"), ("preview", "true")]).expect("read");
        assert!(alone.gateway.is_none() && alone.preview);
    }

    #[test]
    fn every_mistake_is_named() {
        insta::assert_snapshot!(
            read(&[("sql_gateway_url", "a"), ("preview", "yes")]).expect_err("refused"),
            @r#"preview: "yes" is neither true nor false; sql_gateway_url: "a" is no address: relative URL without a base; url: it must be set"#
        );
    }
}
