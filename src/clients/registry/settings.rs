//! From the settings of `provider "schema_registry"`, under the names of Confluent's clients, to how the
//! registry is reached. Pure: files that the settings name are read when a client is made.

use std::collections::BTreeMap;

use crate::clients::http::Settings;
use crate::clients::http::settings::{Given, WrongSetting};
use crate::config::schema::AttributeSchema;

/// The settings of `provider "schema_registry"`. The names are those of Confluent's clients,
/// with underscores for dots.
pub const SETTINGS: &[AttributeSchema] = &AttributeSchema::all_optional([
    (
        "url",
        "Where the registry's API is, `https://host:port`; several separated by commas, or a list.",
    ),
    ("basic_auth_user_info", "The login as `user:password`."),
    (
        "basic_auth_username",
        "The login's user, where the password stands alone.",
    ),
    ("basic_auth_password", "The login's password."),
    ("bearer_auth_token", "The token of a login by OAuth."),
    (
        "compatibility",
        "The registry's own level, of subjects that have none; set by an apply where it differs, and left as it is where this goes.",
    ),
    (
        "mode",
        "The registry's own mode, of subjects that have none: \"READWRITE\" or \"READONLY\"; set and left like the level.",
    ),
    (
        "bearer_auth_logical_cluster",
        "The logical cluster that the token is for (`target-sr-cluster`).",
    ),
    (
        "bearer_auth_identity_pool_id",
        "The identity pool that the token is for.",
    ),
    (
        "request_timeout_ms",
        "How long the registry may take for one answer, in milliseconds.",
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
        "A PEM file of the certificates that the registry's is checked against.",
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

/// Reads the settings. Secrets must be resolved; what is not known was refused by the loader.
pub fn read(pairs: BTreeMap<String, String>) -> Result<Settings, Vec<WrongSetting>> {
    let mut given = Given::new(pairs);
    let mut settings = given.service("registry");
    settings.headers = headers(&mut given);
    given.finish(settings)
}

fn headers(given: &mut Given) -> Vec<(&'static str, String)> {
    [
        ("bearer_auth_logical_cluster", "target-sr-cluster"),
        ("bearer_auth_identity_pool_id", "confluent-identity-pool-id"),
    ]
    .into_iter()
    .filter_map(|(setting, header)| Some((header, given.take(setting)?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::clients::http::Auth;

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

    fn problems(pairs: &[(&str, &str)]) -> String {
        read(pairs).expect_err("refused")
    }

    #[test]
    fn a_login_is_taken_in_each_form() {
        let basic = |pairs: &[(&str, &str)]| match read(pairs).map(|settings| settings.auth) {
            Ok(Auth::Basic { user, password }) => (user, password),
            other => unreachable!("{other:?}"),
        };
        let url = ("url", "http://a,https://b/apis/ccompat/v7");
        let whole = basic(&[url, ("basic_auth_user_info", "alice:a:b")]);
        let parts = [
            url,
            ("basic_auth_username", "alice"),
            ("basic_auth_password", "a:b"),
        ];
        assert_eq!(whole, basic(&parts));
        assert_eq!(whole, ("alice".to_owned(), "a:b".to_owned()));
        let settings = read(&[url, ("bearer_auth_token", "t")]).expect("read");
        assert!(matches!(settings.auth, Auth::Bearer(token) if token == "t"));
        assert_eq!(settings.urls.len(), 2);
    }

    #[test]
    fn every_mistake_is_named_and_no_secret_shown() {
        insta::assert_snapshot!(problems(&[]), @"url: it must be set");
        insta::assert_snapshot!(
            problems(&[("url", "ftp://a, b"), ("retries", "-1"), ("ssl_key_location", "k")]),
            @r#"url: it must begin with http:// or https://; url: "b" is no address: relative URL without a base; ssl_key_location: ssl_certificate_location must be set with it; retries: "-1" is not a whole number from 0"#
        );
        insta::assert_snapshot!(
            problems(&[("url", "http://u:hunter2@a"), ("basic_auth_user_info", "hunter2")]),
            @"url: it may hold no login: set basic_auth_user_info; basic_auth_user_info: it is written user:password"
        );
        insta::assert_snapshot!(
            problems(&[("url", "http://a"), ("bearer_auth_token", "t"), ("basic_auth_password", "p")]),
            @"bearer_auth_token: another login is set too"
        );
    }
}
