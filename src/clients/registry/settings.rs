//! From the settings of `provider "schema_registry"`, under the names of Confluent's clients, to how the
//! registry is reached. Pure: files that the settings name are read when a client is made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::clients::http::{Auth, Settings};
use crate::clients::tls::Identity;
use crate::config::schema::AttributeSchema;

macro_rules! settings {
    ($($name:literal: $doc:literal),* $(,)?) => {
        /// The settings of `provider "schema_registry"`. The names are those of Confluent's clients,
        /// with underscores for dots.
        pub const SETTINGS: &[AttributeSchema] = &[
            $(AttributeSchema { name: $name, required: false, doc: $doc }),*
        ];
    };
}

settings! {
    "url": "Where the registry's API is, `https://host:port`; several separated by commas, or a list.",
    "basic_auth_user_info": "The login as `user:password`.",
    "basic_auth_username": "The login's user, where the password stands alone.",
    "basic_auth_password": "The login's password.",
    "bearer_auth_token": "The token of a login by OAuth.",
    "bearer_auth_logical_cluster": "The logical cluster that the token is for (`target-sr-cluster`).",
    "bearer_auth_identity_pool_id": "The identity pool that the token is for.",
    "request_timeout_ms": "How long the registry may take for one answer, in milliseconds.",
    "retries": "How often a request that can be repeated is tried again.",
    "requests_at_once": "How many requests may be under way at once; 16 where it is not set.",
    "ssl_ca_location": "A PEM file of the certificates that the registry's is checked against.",
    "ssl_certificate_location": "A PEM file of our certificate and its chain.",
    "ssl_endpoint_identification_algorithm": "`https`, or an empty text, which stops host names from being checked.",
    "ssl_key_location": "A PEM file of our certificate's private key, not encrypted.",
}

/// What is wrong with one setting. Never holds a value that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongSetting {
    /// The setting.
    pub name: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// Reads the settings. Secrets must be resolved; what is not known was refused by the loader.
pub fn read(pairs: BTreeMap<String, String>) -> Result<Settings, Vec<WrongSetting>> {
    let mut given = Given {
        pairs,
        wrong: Vec::new(),
    };
    let mut settings = Settings::new(given.urls());
    settings.auth = given.auth();
    settings.headers = given.headers();
    settings.tls.trust = given.file("ssl_ca_location", "ssl.ca.location");
    settings.tls.identity = given.identity();
    settings.tls.any_host_name = given.any_host_name();
    if let Some(time) = given.number("request_timeout_ms", 1) {
        settings.request = Duration::from_millis(time);
    }
    if let Some(retries) = given.number("retries", 0) {
        settings.retries = u32::try_from(retries).unwrap_or(u32::MAX);
    }
    if let Some(at_once) = given.number("requests_at_once", 1) {
        settings.at_once = usize::try_from(at_once).unwrap_or(usize::MAX).min(1024);
    }
    if given.wrong.is_empty() {
        Ok(settings)
    } else {
        Err(given.wrong)
    }
}

struct Given {
    pairs: BTreeMap<String, String>,
    wrong: Vec<WrongSetting>,
}

impl Given {
    fn take(&mut self, name: &str) -> Option<String> {
        self.pairs.remove(name)
    }

    fn wrong(&mut self, name: &'static str, problem: impl Into<String>) {
        self.wrong.push(WrongSetting {
            name,
            problem: problem.into(),
        });
    }

    fn urls(&mut self) -> Vec<Url> {
        let Some(list) = self.take("url") else {
            self.wrong("url", "it must be set");
            return Vec::new();
        };
        let mut urls = Vec::new();
        for text in list
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            match Url::parse(text) {
                Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                    self.wrong("url", "it must begin with http:// or https://");
                }
                Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                    self.wrong("url", "it may hold neither ? nor #");
                }
                // A password there would be shown with the address.
                Ok(url) if url.password().is_some() || !url.username().is_empty() => {
                    self.wrong("url", "it may hold no login: set basic_auth_user_info");
                }
                Ok(url) => urls.push(url),
                Err(error) => self.wrong("url", format!("{text:?} is no address: {error}")),
            }
        }
        if urls.is_empty() && self.wrong.is_empty() {
            self.wrong("url", "it names no registry");
        }
        urls
    }

    fn auth(&mut self) -> Auth {
        let info = self.take("basic_auth_user_info");
        let user = self.take("basic_auth_username");
        let password = self.take("basic_auth_password");
        let token = self.take("bearer_auth_token");
        let logins = [
            info.is_some(),
            user.is_some() || password.is_some(),
            token.is_some(),
        ];
        if logins.into_iter().filter(|set| *set).count() > 1 {
            let name = if token.is_some() {
                "bearer_auth_token"
            } else {
                "basic_auth_user_info"
            };
            self.wrong(name, "another login is set too");
        }
        if let Some(token) = token {
            return Auth::Bearer(token);
        }
        match (info, user, password) {
            (Some(info), ..) => {
                if let Some((user, password)) = info.split_once(':') {
                    return Auth::Basic {
                        user: user.to_owned(),
                        password: password.to_owned(),
                    };
                }
                self.wrong("basic_auth_user_info", "it is written user:password");
                Auth::None
            }
            (None, Some(user), Some(password)) => Auth::Basic { user, password },
            (None, Some(_), None) => {
                self.wrong(
                    "basic_auth_username",
                    "basic_auth_password must be set with it",
                );
                Auth::None
            }
            (None, None, Some(_)) => {
                self.wrong(
                    "basic_auth_password",
                    "basic_auth_username must be set with it",
                );
                Auth::None
            }
            (None, None, None) => Auth::None,
        }
    }

    fn headers(&mut self) -> Vec<(&'static str, String)> {
        [
            ("bearer_auth_logical_cluster", "target-sr-cluster"),
            ("bearer_auth_identity_pool_id", "confluent-identity-pool-id"),
        ]
        .into_iter()
        .filter_map(|(setting, header)| Some((header, self.take(setting)?)))
        .collect()
    }

    fn file(&mut self, name: &str, dotted: &'static str) -> Option<(&'static str, PathBuf)> {
        self.take(name).map(|path| (dotted, PathBuf::from(path)))
    }

    fn identity(&mut self) -> Option<Identity> {
        let certificate = self.file("ssl_certificate_location", "ssl.certificate.location");
        let key = self.file("ssl_key_location", "ssl.key.location");
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (Some(_), None) => {
                self.wrong(
                    "ssl_certificate_location",
                    "ssl_key_location must be set with it",
                );
                None
            }
            (None, Some(_)) => {
                self.wrong(
                    "ssl_key_location",
                    "ssl_certificate_location must be set with it",
                );
                None
            }
            (None, None) => None,
        }
    }

    fn any_host_name(&mut self) -> bool {
        let name = "ssl_endpoint_identification_algorithm";
        match self.take(name).as_deref() {
            None | Some("https") => false,
            Some("" | "none") => true,
            Some(other) => {
                self.wrong(name, format!("{other:?} is neither \"https\" nor empty"));
                false
            }
        }
    }

    fn number(&mut self, name: &'static str, least: u64) -> Option<u64> {
        let text = self.take(name)?;
        match text.parse::<u64>() {
            Ok(number) if number >= least => Some(number),
            _ => {
                self.wrong(name, format!("{text:?} is not a whole number from {least}"));
                None
            }
        }
    }
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
