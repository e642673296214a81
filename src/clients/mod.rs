//! Shared transports: the Kafka protocol for administration, librdkafka for data, HTTP for registries, Kafka
//! Connect and Flink.
//!
//! [`Connections`] holds the providers of a project and makes their clients when they are first needed.
//! It is the place where secrets are read, and no earlier one.

pub mod connect;
mod files;
pub mod flink;
pub mod http;
pub mod kafka;
pub mod registry;
pub mod stack_trace;
pub mod tls;

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::address::ProviderAddress;
use crate::clients::http::settings::WrongSetting;
use crate::clients::kafka::settings::SettingErrors;
use crate::config::block::Attribute;
use crate::config::files::Files;
use crate::config::project::Provider;
use crate::config::schema::ProviderSchema;
use crate::config::value::{SecretRef, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

pub use files::{ProjectFiles, UnreadFile};

/// The providers that a project may use.
pub const PROVIDERS: &[ProviderSchema] = &[
    ProviderSchema {
        name: "connect",
        settings: connect::SETTINGS,
    },
    ProviderSchema {
        name: "flink",
        settings: flink::SETTINGS,
    },
    ProviderSchema {
        name: "kafka",
        settings: kafka::SETTINGS,
    },
    ProviderSchema {
        name: "schema_registry",
        settings: registry::SETTINGS,
    },
];

/// A project's providers and their clients. Clones share the clients.
#[derive(Clone)]
pub struct Connections {
    providers: Arc<BTreeMap<ProviderAddress, Provider>>,
    base: PathBuf,
    files: ProjectFiles,
    clients: Arc<Clients>,
}

/// The clients that were made so far.
#[derive(Default)]
struct Clients {
    connect: Made<connect::Client>,
    flink: Made<flink::Client>,
    kafka: Made<kafka::Client>,
    registries: Made<registry::Client>,
}

type Made<C> = Mutex<BTreeMap<ProviderAddress, C>>;

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.providers.keys()).finish()
    }
}

impl Connections {
    /// Returns the connections of a project's providers; reaches nothing yet. Relative paths of
    /// certificates and secrets start from `base`.
    pub fn new(providers: &BTreeMap<ProviderAddress, Provider>, base: &Path) -> Self {
        Self {
            providers: Arc::new(providers.clone()),
            base: base.to_owned(),
            files: ProjectFiles::default(),
            clients: Arc::default(),
        }
    }

    /// Sets the files of the project, which drivers may have to hand over: a job's program.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Files>) -> Self {
        self.files = ProjectFiles::of(files);
        self
    }

    /// Returns the files of the project.
    pub fn files(&self) -> &ProjectFiles {
        &self.files
    }

    /// Returns the client of a `kafka` provider; reads its secrets and certificates the first time.
    pub fn kafka(&self, address: &ProviderAddress) -> Result<kafka::Client, Diagnostics> {
        kept(&self.clients.kafka, address, || {
            let provider = self.provider(address)?;
            let pairs = self.settings(provider)?;
            let told = |wrong: SettingErrors| {
                wrong.into_diagnostics(|name| Some(place(provider, &name.replace('.', "_"))))
            };
            let settings = kafka::Settings::from_pairs(pairs).map_err(told)?;
            kafka::Client::new(settings.relative_to(&self.base)).map_err(|error| match error {
                kafka::KafkaError::Security { setting, problem } => {
                    told(SettingErrors::of(setting, &*problem))
                }
                error => kafka_diagnostic(address, &error).into(),
            })
        })
    }

    /// Returns the client of a `schema_registry` provider; reads its secrets and certificates the first
    /// time.
    pub fn registry(&self, address: &ProviderAddress) -> Result<registry::Client, Diagnostics> {
        kept(&self.clients.registries, address, || {
            let provider = self.provider(address)?;
            let pairs = self.settings(provider)?;
            let mut settings = registry::settings::read(pairs)
                .map_err(|wrong| wrong_settings("registry-setting", provider, wrong))?;
            settings.tls.start_from(&self.base);
            registry::Client::new(settings)
                .map_err(|error| no_client("registry-setting", address, provider, &error))
        })
    }

    /// Returns what a provider's block says, evaluated.
    pub fn provider_settings(
        &self,
        address: &ProviderAddress,
    ) -> Option<&BTreeMap<Arc<str>, Attribute>> {
        let provider = self.providers.get(address);
        provider.map(|provider| &provider.settings)
    }

    /// Returns the client of a `connect` provider; reads its secrets and certificates the first time.
    pub fn connect(&self, address: &ProviderAddress) -> Result<connect::Client, Diagnostics> {
        kept(&self.clients.connect, address, || {
            let provider = self.provider(address)?;
            let pairs = self.settings(provider)?;
            let mut settings = connect::settings::read(pairs)
                .map_err(|wrong| wrong_settings("connect-setting", provider, wrong))?;
            settings.http.tls.start_from(&self.base);
            if let Some(wrong) = self.wrong_home(&settings) {
                return Err(wrong_settings("connect-setting", provider, vec![wrong]));
            }
            connect::Client::new(settings)
                .map_err(|error| no_client("connect-setting", address, provider, &error))
        })
    }

    /// Returns what is wrong with where the workers' own topics are said to be.
    fn wrong_home(&self, settings: &connect::Settings) -> Option<WrongSetting> {
        let (name, problem) = match (&settings.kafka_provider, &settings.offset_storage_topic) {
            (Some(home), _) if self.providers.contains_key(home) => return None,
            (Some(home), _) => {
                let problem = format!("the project has no provider {home}");
                ("kafka_provider", problem)
            }
            (None, Some(_)) if self.default_of_kind("kafka").is_none() => {
                let problem = match self.of_kind("kafka").next() {
                    None => "the project has no provider kafka that could read it",
                    Some(_) => {
                        "the project has several providers kafka: set kafka_provider to the one whose cluster \
                         holds it"
                    }
                };
                ("offset_storage_topic", problem.to_owned())
            }
            (None, _) => return None,
        };
        Some(WrongSetting { name, problem })
    }

    /// Returns what reads the secrets that objects' settings name.
    pub fn secrets(&self) -> Secrets {
        Secrets {
            base: self.base.clone(),
        }
    }

    /// Returns the client of a `flink` provider; reads its secrets and certificates the first time.
    pub fn flink(&self, address: &ProviderAddress) -> Result<flink::Client, Diagnostics> {
        kept(&self.clients.flink, address, || {
            let provider = self.provider(address)?;
            let pairs = self.settings(provider)?;
            let mut settings = flink::settings::read(pairs)
                .map_err(|wrong| wrong_settings("flink-setting", provider, wrong))?;
            settings.start_from(&self.base);
            flink::Client::new(settings)
                .map_err(|error| no_client("flink-setting", address, provider, &error))
        })
    }

    /// Returns the addresses of all providers of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &ProviderAddress> {
        self.providers
            .keys()
            .filter(move |address| &*address.kind == kind)
    }

    /// Returns the provider of a kind that is meant where none is named: the only one, or that without an alias.
    pub fn default_of_kind(&self, kind: &str) -> Option<&ProviderAddress> {
        let all: Vec<&ProviderAddress> = self.of_kind(kind).collect();
        match *all {
            [only] => Some(only),
            _ => all.into_iter().find(|address| address.alias.is_none()),
        }
    }

    /// Returns the client of a `kafka` provider, or why it cannot be made, in a line.
    pub fn cluster(&self, address: &ProviderAddress) -> Result<kafka::Client, String> {
        let client = self.kafka(address);
        client.map_err(|found| format!("provider {address}: {}", found.summaries()))
    }

    /// Returns the clients of all `kafka` providers, or why one cannot be made.
    pub fn clusters(&self) -> Vec<Result<kafka::Client, String>> {
        let addresses = self.of_kind("kafka");
        addresses.map(|address| self.cluster(address)).collect()
    }

    /// Returns the settings of a provider as texts, secrets resolved.
    fn settings(&self, provider: &Provider) -> Result<BTreeMap<String, String>, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut settings = BTreeMap::new();
        for (name, attribute) in &provider.settings {
            if let Some(Some(text)) = found.take(self.setting(name, attribute)) {
                settings.insert(name.to_string(), text);
            }
        }
        if found.has_errors() {
            Err(found)
        } else {
            Ok(settings)
        }
    }

    fn provider(&self, address: &ProviderAddress) -> Result<&Provider, Diagnostics> {
        self.providers.get(address).ok_or_else(|| {
            Diagnostic::error(
                "no-provider",
                format!("The project has no provider {address}"),
            )
            .detail("An object of the state is reached through it.")
            .hint(format!(
                "add a provider {:?} block to the project",
                &*address.kind
            ))
            .into()
        })
    }

    /// Returns a setting's text; `None` for null, which is not set.
    fn setting(&self, name: &str, attribute: &Attribute) -> Result<Option<String>, Diagnostic> {
        let wrong = || {
            Diagnostic::error(
                "wrong-type",
                format!("{name} must be a string, a number or a boolean"),
            )
            .at(attribute.value_span.clone())
        };
        match attribute.value.unmarked() {
            Value::Null => Ok(None),
            Value::Secret(secret) => self.secret(name, attribute, secret).map(Some),
            Value::List(items) | Value::Tuple(items) => {
                let texts: Option<Vec<String>> = items.iter().map(plain).collect();
                texts.map(|texts| Some(texts.join(","))).ok_or_else(wrong)
            }
            value => plain(value).map(Some).ok_or_else(wrong),
        }
    }

    fn secret(
        &self,
        name: &str,
        attribute: &Attribute,
        secret: &SecretRef,
    ) -> Result<String, Diagnostic> {
        self.secrets().read(secret).map_err(|error| {
            let hint = error.hint();
            Diagnostic::error(NO_SECRET, format!("The secret of {name} cannot be read"))
                .at(attribute.value_span.clone())
                .detail(format!("{error}."))
                .hint_opt(hint)
        })
    }
}

/// Reads secrets, at the moment when one is needed and no earlier.
#[derive(Debug, Clone)]
pub struct Secrets {
    base: PathBuf,
}

/// Why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{secret}: {why}")]
pub struct UnreadSecret {
    secret: SecretRef,
    why: String,
    is_unset: bool,
}

impl UnreadSecret {
    /// Returns what to do, where that is known.
    pub fn hint(&self) -> Option<String> {
        match &self.secret {
            SecretRef::Env(variable) if self.is_unset => {
                Some(format!("set {variable} for this command"))
            }
            _ => None,
        }
    }
}

impl Secrets {
    /// Returns a secret's text.
    pub fn read(&self, secret: &SecretRef) -> Result<String, UnreadSecret> {
        let unread = |why: &str, is_unset| UnreadSecret {
            secret: secret.clone(),
            why: why.to_owned(),
            is_unset,
        };
        match secret {
            SecretRef::Env(variable) => std::env::var(&**variable).map_err(|error| match error {
                VarError::NotPresent => unread("there is no such environment variable", true),
                VarError::NotUnicode(_) => unread("it is no UTF-8 text", false),
            }),
            SecretRef::File(path) => std::fs::read_to_string(self.base.join(&**path))
                .map(|text| without_line_end(&text).to_owned())
                .map_err(|error| unread(&error.to_string(), false)),
        }
    }
}

/// Returns the client that was made for a provider, or makes it.
fn kept<C: Clone>(
    clients: &Mutex<BTreeMap<ProviderAddress, C>>,
    address: &ProviderAddress,
    make: impl FnOnce() -> Result<C, Diagnostics>,
) -> Result<C, Diagnostics> {
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(address) {
        return Ok(client.clone());
    }
    let client = make()?;
    clients.insert(address.clone(), client.clone());
    Ok(client)
}

/// Returns what to tell about settings of a service that is reached by HTTP.
fn wrong_settings(
    code: &'static str,
    provider: &Provider,
    wrong: Vec<WrongSetting>,
) -> Diagnostics {
    let diagnostics = wrong.into_iter().map(|wrong| {
        Diagnostic::error(code, format!("The setting {:?} cannot be used", wrong.name))
            .detail(wrong.problem)
            .at(place(provider, wrong.name))
    });
    diagnostics.collect()
}

/// Returns what to tell where a client of such a service cannot be made: a certificate that cannot be used is a
/// setting's fault.
fn no_client<S: http::Service>(
    code: &'static str,
    address: &ProviderAddress,
    provider: &Provider,
    error: &http::CallError<S>,
) -> Diagnostics {
    let http::CallError::Http(http::HttpError::Security(error)) = error else {
        return error.diagnostic(address).into();
    };
    let setting = error.setting.replace('.', "_");
    Diagnostic::error(code, format!("The setting {setting:?} cannot be used"))
        .detail(error.problem.to_string())
        .at(place(provider, &setting))
        .into()
}

/// Returns the place of a setting, or of the block where it is not set.
fn place(provider: &Provider, setting: &str) -> Span {
    let attribute = provider.settings.get(setting);
    attribute
        .map_or(&provider.span, |found| &found.value_span)
        .clone()
}

/// Editors end a file's last line; what they add is no part of a secret.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn plain(value: &Value) -> Option<String> {
    match value.unmarked() {
        Value::String(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Returns what to tell about a failed call of a `kafka` provider, with all its causes.
pub fn kafka_diagnostic(provider: &ProviderAddress, error: &kafka::KafkaError) -> Diagnostic {
    let code = if error.is_unreachable() {
        AWAY
    } else {
        "kafka"
    };
    let mut diagnostic = Diagnostic::of(code, error);
    // Writing to a String cannot fail.
    let _ = write!(diagnostic.summary, " (provider {provider})");
    diagnostic
}

/// The code of a diagnostic that says that a system is away for now: what can be told without it may
/// still be told.
pub const AWAY: &str = "away";

/// The code of a diagnostic that says that a secret is not to be had here.
pub const NO_SECRET: &str = "no-secret";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_ends_where_its_line_ends() {
        for (text, secret) in [
            ("hunter2", "hunter2"),
            ("hunter2\n", "hunter2"),
            ("hunter2\r\n", "hunter2"),
            ("hunter2\n\n", "hunter2\n"),
            (" hunter2 \n", " hunter2 "),
            ("\n", ""),
        ] {
            assert_eq!(without_line_end(text), secret, "{text:?}");
        }
    }
}
