//! Reads pairs of names and values into [`Settings`], collecting every mistake. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};

use super::names::{SETTINGS, is_known, refusal};
use super::{
    Address, Identity, Mechanism, Password, SaslSettings, Settings, Timeouts, TlsSettings, jaas,
};

/// What is wrong with one setting. Never holds a setting's value where that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The setting's name, as it was given.
    pub name: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Everything that is wrong with the settings; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingErrors(pub Vec<SettingError>);

impl SettingErrors {
    /// Returns what is wrong with one setting, known by its dotted name.
    pub fn of(setting: &str, problem: impl Into<String>) -> Self {
        Self(vec![SettingError {
            name: setting.replace('.', "_"),
            problem: problem.into(),
            hint: None,
        }])
    }

    /// Returns diagnostics; `place` finds where a setting of that name was written.
    pub fn into_diagnostics(self, place: impl Fn(&str) -> Option<Span>) -> Diagnostics {
        self.0
            .into_iter()
            .map(|error| {
                Diagnostic::error(
                    "kafka-setting",
                    format!("The setting {:?} cannot be used", error.name),
                )
                .detail(error.problem)
                .hint_opt(error.hint)
                .at(place(&error.name))
            })
            .collect()
    }
}

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", error.name, error.problem)?;
            if let Some(hint) = &error.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for SettingErrors {}

impl Settings {
    /// Reads settings by Kafka's names, with dots or with underscores.
    ///
    /// Secrets must be resolved. Relative names of files stay as they are: see [`Settings::relative_to`].
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, SettingErrors>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        let mut given = Given::default();
        for (name, value) in pairs {
            given.insert(name.as_ref(), value.into());
        }
        let settings = given.settings();
        if given.errors.is_empty() {
            Ok(settings)
        } else {
            Err(SettingErrors(given.errors))
        }
    }
}

/// The settings that were given and what was found wrong with them.
#[derive(Default)]
struct Given {
    /// By dotted name: the name as it was given, and the value.
    values: BTreeMap<String, (String, String)>,
    errors: Vec<SettingError>,
}

impl Given {
    fn insert(&mut self, name: &str, value: String) {
        let dotted = name.replace('_', ".");
        if !is_known(&dotted) {
            let (problem, hint) = match refusal(&dotted) {
                Some(why) => (
                    format!("this setting of Kafka's clients is not taken here: {why}"),
                    None,
                ),
                None => ("there is no such setting".to_owned(), suggestion(name)),
            };
            self.fail(name, problem, hint);
        } else if self
            .values
            .get(&dotted)
            .is_some_and(|(_, other)| *other != value)
        {
            self.fail(name, "it is given twice with different values".into(), None);
        } else {
            self.values.insert(dotted, (name.to_owned(), value));
        }
    }

    fn fail(&mut self, name: &str, problem: String, hint: Option<String>) {
        self.errors.push(SettingError {
            name: name.to_owned(),
            problem,
            hint,
        });
    }

    /// Notes a mistake in a setting that was given.
    fn wrong(&mut self, dotted: &str, problem: impl Into<String>) {
        let name = self
            .values
            .get(dotted)
            .map_or(dotted, |(name, _)| name)
            .to_owned();
        self.fail(&name, problem.into(), None);
    }

    fn take(&mut self, dotted: &str) -> Option<String> {
        self.values.get(dotted).map(|(_, value)| value.clone())
    }

    fn settings(&mut self) -> Settings {
        let bootstrap = self.bootstrap();
        let (tls, sasl) = self.security_protocol();
        Settings {
            bootstrap,
            client_id: self
                .take("client.id")
                .unwrap_or_else(|| "streamform".into()),
            tls: self.tls(tls),
            sasl: self.sasl(sasl),
            timeouts: self.timeouts(),
            connections_per_broker: 4,
        }
    }

    fn bootstrap(&mut self) -> Vec<Address> {
        let Some(list) = self.take("bootstrap.servers") else {
            if !self
                .errors
                .iter()
                .any(|e| e.name.replace('_', ".") == "bootstrap.servers")
            {
                self.fail("bootstrap_servers", "it must be set".into(), None);
            }
            return Vec::new();
        };
        let mut addresses = Vec::new();
        for item in list
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            match address(item) {
                Ok(address) => addresses.push(address),
                Err(problem) => self.wrong("bootstrap.servers", format!("{item:?}: {problem}")),
            }
        }
        if addresses.is_empty() && self.errors.is_empty() {
            self.wrong("bootstrap.servers", "it names no broker");
        }
        addresses
    }

    /// Returns whether there is TLS and whether there is a login.
    fn security_protocol(&mut self) -> (bool, bool) {
        let Some(given) = self.take("security.protocol") else {
            return (false, false);
        };
        match given.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => (false, false),
            "SSL" => (true, false),
            "SASL_PLAINTEXT" => (false, true),
            "SASL_SSL" => (true, true),
            _ => {
                self.wrong(
                    "security.protocol",
                    format!("{given:?} is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
                );
                // Whatever was meant: no complaints about the settings that it needs.
                let has_login = self.values.keys().any(|name| name.starts_with("sasl."));
                (true, has_login)
            }
        }
    }

    fn tls(&mut self, wanted: bool) -> Option<TlsSettings> {
        if !wanted {
            self.refuse_all(
                "ssl.",
                "security.protocol is not SSL or SASL_SSL, so it has no effect",
            );
            return None;
        }
        for (kind, location) in [
            ("ssl.truststore.type", "ssl.truststore.location"),
            ("ssl.keystore.type", "ssl.keystore.location"),
        ] {
            if let Some(given) = self
                .take(kind)
                .filter(|given| !given.eq_ignore_ascii_case("PEM"))
            {
                self.wrong(
                    kind,
                    format!("{given} files cannot be read; {location} must be a PEM file"),
                );
            }
        }
        let trust = self.one_path(&["ssl.ca.location", "ssl.truststore.location"]);
        let any_host_name = self
            .take("ssl.endpoint.identification.algorithm")
            .is_some_and(|given| match given.to_ascii_lowercase().as_str() {
                "" | "none" => true,
                "https" => false,
                _ => {
                    self.wrong(
                        "ssl.endpoint.identification.algorithm",
                        format!("{given:?} is neither \"https\" nor empty"),
                    );
                    false
                }
            });
        Some(TlsSettings {
            trust,
            identity: self.identity(),
            any_host_name,
        })
    }

    fn identity(&mut self) -> Option<Identity> {
        let certificate = self.one_path(&["ssl.certificate.location", "ssl.keystore.location"]);
        let key = self.one_path(&["ssl.key.location", "ssl.keystore.location"]);
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (Some(_), None) => {
                self.wrong(
                    "ssl.certificate.location",
                    "ssl.key.location must be set with it",
                );
                None
            }
            (None, Some(_)) => {
                self.wrong(
                    "ssl.key.location",
                    "ssl.certificate.location must be set with it",
                );
                None
            }
            (None, None) => None,
        }
    }

    fn sasl(&mut self, wanted: bool) -> Option<SaslSettings> {
        if !wanted {
            self.refuse_all(
                "sasl.",
                "security.protocol is not SASL_PLAINTEXT or SASL_SSL, so it has no effect",
            );
            return None;
        }
        let mechanism = self.mechanism();
        let (username, password) = if let Some(line) = self.take("sasl.jaas.config") {
            self.jaas(&line, mechanism)?
        } else {
            let login = (self.needed("sasl.username"), self.needed("sasl.password"));
            (login.0?, login.1?)
        };
        Some(SaslSettings {
            mechanism: mechanism?,
            username,
            password: Password::new(password),
        })
    }

    fn mechanism(&mut self) -> Option<Mechanism> {
        let names = ["sasl.mechanism", "sasl.mechanisms"];
        let mut given = names
            .into_iter()
            .filter_map(|name| Some((name, self.take(name)?)));
        let (first, other) = (given.next(), given.next());
        drop(given);
        if let (Some((name, one)), Some((twin, two))) = (&first, &other)
            && !one.eq_ignore_ascii_case(two)
        {
            self.wrong(
                twin,
                format!("{name} is {one:?}, which means the same setting"),
            );
        }
        let (name, given) = first.or_else(|| {
            self.needed("sasl.mechanism");
            None
        })?;
        let known = [
            Mechanism::Plain,
            Mechanism::ScramSha256,
            Mechanism::ScramSha512,
        ];
        let found = known
            .into_iter()
            .find(|m| m.name().eq_ignore_ascii_case(&given));
        if found.is_none() {
            self.wrong(
                name,
                format!("{given:?} is not supported; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are"),
            );
        }
        found
    }

    fn jaas(&mut self, line: &str, mechanism: Option<Mechanism>) -> Option<(String, String)> {
        for name in ["sasl.username", "sasl.password"] {
            if self.values.contains_key(name) {
                self.wrong(name, "sasl.jaas.config is set too, which holds the same");
            }
        }
        match jaas::login(line) {
            Err(problem) => self.wrong("sasl.jaas.config", problem),
            Ok((module, username, password)) => {
                let fits = (module == "PlainLoginModule") == (mechanism? == Mechanism::Plain);
                if fits {
                    return Some((username, password));
                }
                self.wrong(
                    "sasl.jaas.config",
                    format!("{module} does not fit sasl.mechanism"),
                );
            }
        }
        None
    }

    fn timeouts(&mut self) -> Timeouts {
        let default = Timeouts::default();
        let timeouts = Timeouts {
            connect: self.milliseconds("socket.connection.setup.timeout.ms", default.connect),
            request: self.milliseconds("request.timeout.ms", default.request),
            call: self.milliseconds("default.api.timeout.ms", default.call),
            idle: self.milliseconds("connections.max.idle.ms", default.idle),
            backoff: self.milliseconds("retry.backoff.ms", default.backoff),
            backoff_max: self.milliseconds("retry.backoff.max.ms", default.backoff_max),
            retries: self
                .number("retries")
                .map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        };
        let both = ["retry.backoff.ms", "retry.backoff.max.ms"];
        let both = both.iter().all(|name| self.values.contains_key(*name));
        if both && timeouts.backoff > timeouts.backoff_max {
            self.wrong(
                "retry.backoff.max.ms",
                "it is less than retry.backoff.ms, the first pause",
            );
        }
        timeouts
    }

    fn milliseconds(&mut self, dotted: &str, default: Duration) -> Duration {
        match self.number(dotted) {
            Some(0) => {
                self.wrong(dotted, "it must be at least 1");
                default
            }
            Some(number) => Duration::from_millis(number),
            None => default,
        }
    }

    fn number(&mut self, dotted: &str) -> Option<u64> {
        let given = self.take(dotted)?;
        let number = given.trim().parse::<i32>().ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        if number.is_none() {
            let problem = format!("{given:?} is not a whole number from 0 to 2147483647");
            self.wrong(dotted, problem);
        }
        number
    }

    fn needed(&mut self, dotted: &'static str) -> Option<String> {
        let value = self.take(dotted).filter(|value| !value.is_empty());
        if value.is_none() {
            let problem = "it must be set, since security.protocol asks for a login".to_owned();
            self.fail(&dotted.replace('.', "_"), problem, None);
        }
        value
    }

    /// Returns the path of the first of several names for the same thing.
    fn one_path(&mut self, names: &[&'static str]) -> Option<(&'static str, PathBuf)> {
        let mut found = names
            .iter()
            .filter_map(|name| Some((*name, self.take(name).filter(|v| !v.is_empty())?)));
        let first = found.next();
        let other = found.next().map(|(name, _)| name);
        drop(found);
        let (name, path) = first?;
        if let Some(other) = other {
            self.wrong(other, format!("{name} is set too, which means the same"));
        }
        Some((name, PathBuf::from(path)))
    }

    fn refuse_all(&mut self, beginning: &str, problem: &str) {
        let names: Vec<String> = self
            .values
            .keys()
            .filter(|name| name.starts_with(beginning))
            .cloned()
            .collect();
        for name in names {
            self.wrong(&name, problem);
        }
    }
}

/// Reads `host:port` or `[v6]:port`, with or without a listener's name before it.
fn address(text: &str) -> Result<Address, String> {
    let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing")?;
    let host = match host.strip_prefix('[').map(|h| h.strip_suffix(']')) {
        Some(Some(v6)) => v6,
        Some(None) => return Err("a closing bracket is missing".into()),
        None if host.contains(':') => return Err("an IPv6 address needs brackets".into()),
        None => host,
    };
    if host.is_empty() {
        return Err("a host is missing".into());
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Address::new(host, port)),
        _ => Err(format!("{port:?} is not a port")),
    }
}

/// Suggests a name in the notation that was used.
fn suggestion(name: &str) -> Option<String> {
    let dotted = name.contains('.');
    let names: Vec<String> = SETTINGS
        .iter()
        .map(|s| {
            if dotted {
                s.name.replace('_', ".")
            } else {
                s.name.to_owned()
            }
        })
        .collect();
    did_you_mean(name, names.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(pairs: &[(&str, &str)]) -> String {
        Settings::from_pairs(pairs.iter().copied())
            .expect_err("must not be taken")
            .to_string()
    }

    #[test]
    fn names_are_taken_with_dots_and_with_underscores() {
        let settings = Settings::from_pairs([
            ("bootstrap_servers", "a:1, PLAINTEXT://b:2,[::1]:3"),
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanisms", "SCRAM-SHA-512"),
            ("sasl_username", "u"),
            ("sasl_password", "hunter2"),
            ("ssl.truststore.location", "ca.pem"),
            ("ssl.truststore.type", "PEM"),
            ("ssl_endpoint_identification_algorithm", ""),
            ("request.timeout.ms", "1500"),
        ])
        .expect("valid");
        assert_eq!(settings.bootstrap.len(), 3);
        assert_eq!(settings.bootstrap[2].to_string(), "[::1]:3");
        assert_eq!(settings.security_protocol(), "SASL_SSL");
        assert_eq!(settings.timeouts.request, Duration::from_millis(1500));
        let debug = format!("{settings:?}");
        assert!(!debug.contains("hunter2") && debug.contains("(sensitive)"));
        let tls = settings.relative_to("/project".as_ref()).tls.expect("TLS");
        assert!(tls.any_host_name);
        assert_eq!(
            tls.trust.expect("trust").1,
            PathBuf::from("/project/ca.pem")
        );
    }

    #[test]
    fn a_jaas_line_carries_the_login() {
        let settings = Settings::from_pairs([
            ("bootstrap.servers", "a:1"),
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            (
                "sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"p\";",
            ),
        ])
        .expect("valid");
        let sasl = settings.sasl.expect("a login");
        assert_eq!((sasl.username.as_str(), sasl.password.reveal()), ("u", "p"));
    }

    #[test]
    fn unknown_and_unsupported_settings_are_errors() {
        insta::assert_snapshot!(errors(&[("bootstrap_severs", "a:1")]), @r#"bootstrap_severs: there is no such setting (did you mean "bootstrap_servers"?); bootstrap_servers: it must be set"#);
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a:1"), ("ssl.keystore.password", "x")]), @"ssl.keystore.password: this setting of Kafka's clients is not taken here: only PEM files are supported, which need no password");
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a:1"), ("acks", "all")]), @"acks: this setting of Kafka's clients is not taken here: it is a setting of producers");
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a:1"), ("ssl.ca.location", "ca.pem")]), @"ssl.ca.location: security.protocol is not SSL or SASL_SSL, so it has no effect");
    }

    #[test]
    fn bad_values_are_named_and_passwords_are_not_shown() {
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a, b:x"), ("retries", "many")]), @r#"bootstrap.servers: "a": a port is missing; bootstrap.servers: "b:x": "x" is not a port; retries: "many" is not a whole number from 0 to 2147483647"#);
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a:1"), ("security.protocol", "SASL_SSL"), ("sasl.mechanism", "GSSAPI")]), @r#"sasl.mechanism: "GSSAPI" is not supported; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are; sasl_username: it must be set, since security.protocol asks for a login; sasl_password: it must be set, since security.protocol asks for a login"#);
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a:1"), ("security.protocol", "TLS")]), @r#"security.protocol: "TLS" is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"#);
        insta::assert_snapshot!(errors(&[("bootstrap.servers", "a:1"), ("security.protocol", "SSL"), ("ssl.keystore.type", "JKS"), ("ssl.key.location", "k")]), @"ssl.keystore.type: JKS files cannot be read; ssl.keystore.location must be a PEM file; ssl.key.location: ssl.certificate.location must be set with it");
        let twice = errors(&[
            ("bootstrap.servers", "a:1"),
            ("sasl.password", "hunter2"),
            ("sasl_password", "hunter3"),
        ]);
        assert!(!twice.contains("hunter"), "{twice}");
    }
}
