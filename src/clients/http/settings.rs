//! What the settings of providers that are reached by HTTP have in common: addresses, logins,
//! certificates and times, under the names of Confluent's clients. Pure: files that the settings name are
//! read when a client is made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::clients::tls::Identity;

use super::{Auth, Settings};

/// What is wrong with one setting. Never holds a value that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongSetting {
    /// The setting.
    pub name: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// The settings of one provider that were not read yet, and what is wrong with those that were.
#[derive(Debug)]
pub struct Given {
    pairs: BTreeMap<String, String>,
    wrong: Vec<WrongSetting>,
}

impl Given {
    /// Returns settings to be read. Secrets must be resolved.
    pub fn new(pairs: BTreeMap<String, String>) -> Self {
        Self {
            pairs,
            wrong: Vec::new(),
        }
    }

    /// Returns what was made of the settings, or all that is wrong with them.
    pub fn finish<T>(self, made: T) -> Result<T, Vec<WrongSetting>> {
        if self.wrong.is_empty() {
            Ok(made)
        } else {
            Err(self.wrong)
        }
    }

    /// Reads how a service is reached: its addresses, login, certificates and times. `noun` is what the
    /// service is called.
    pub fn service(&mut self, noun: &str) -> Settings {
        let mut settings = Settings::new(self.urls("url", noun));
        settings.auth = self.auth();
        settings.tls.trust = self.file("ssl_ca_location", "ssl.ca.location");
        settings.tls.identity = self.identity();
        settings.tls.any_host_name = self.any_host_name();
        if let Some(time) = self.number("request_timeout_ms", 1) {
            settings.request = Duration::from_millis(time);
        }
        if let Some(retries) = self.number("retries", 0) {
            settings.retries = u32::try_from(retries).unwrap_or(u32::MAX);
        }
        if let Some(at_once) = self.number("requests_at_once", 1) {
            settings.at_once = usize::try_from(at_once).unwrap_or(usize::MAX).min(1024);
        }
        settings
    }

    /// Whether a setting is there that was not read yet.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.contains_key(name)
    }

    /// Reads a setting that is true or false.
    pub fn truth(&mut self, name: &'static str) -> Option<bool> {
        let text = self.take(name)?;
        match text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.wrong(name, format!("{text:?} is neither true nor false"));
                None
            }
        }
    }

    /// Returns a setting's text.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.pairs.remove(name)
    }

    /// Notes what is wrong with a setting.
    pub fn wrong(&mut self, name: &'static str, problem: impl Into<String>) {
        self.wrong.push(WrongSetting {
            name,
            problem: problem.into(),
        });
    }

    /// Reads addresses, separated by commas; there must be one. `noun` is what is reached there.
    pub fn urls(&mut self, name: &'static str, noun: &str) -> Vec<Url> {
        let Some(list) = self.take(name) else {
            self.wrong(name, "it must be set");
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
                    self.wrong(name, "it must begin with http:// or https://");
                }
                Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                    self.wrong(name, "it may hold neither ? nor #");
                }
                // A password there would be shown with the address.
                Ok(url) if url.password().is_some() || !url.username().is_empty() => {
                    self.wrong(name, "it may hold no login: set basic_auth_user_info");
                }
                Ok(url) => urls.push(url),
                Err(error) => self.wrong(name, format!("{text:?} is no address: {error}")),
            }
        }
        if urls.is_empty() && self.wrong.is_empty() {
            self.wrong(name, format!("it names no {noun}"));
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

    /// Reads a whole number.
    pub fn number(&mut self, name: &'static str, least: u64) -> Option<u64> {
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
