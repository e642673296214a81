//! Reaches the connectors of one Kafka Connect cluster (I/O).
//!
//! [`observe`](Driver::observe) is here: one request for all connectors, and a second one where some that we
//! own are not in the answer. `look` makes of an answer what leaves the driver, `measure` answers what the
//! checks ask, with `resume` for what names that were used before go on from; `change` makes changes, `settle`
//! waits until they have come about.

mod change;
mod look;
mod measure;
mod resume;
mod settle;

use std::collections::BTreeMap;

use crate::address::ProviderAddress;
use crate::clients::connect::{self, Client, Config, ConnectError};
use crate::clients::stack_trace::CUT;
use crate::clients::{Connections, Secrets, kafka};
use crate::config::value::SecretRef;
use crate::kinds::driver::{Context, Driver, DriverError, Failure, Operation, Question, Wanted};

use super::spec::ConnectorSpec;
use super::{Connector, ConnectorFacts, ConnectorLive, ConnectorVitals};

/// Reaches the connectors of one cluster of workers.
#[derive(Debug, Clone)]
pub struct ConnectorDriver {
    client: Client,
    provider: ProviderAddress,
    secrets: Secrets,
    /// The clusters whose topics and groups they may use.
    connections: Connections,
}

impl Driver for ConnectorDriver {
    type Kind = Connector;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.connect(provider).map_err(DriverError)?;
        Ok(Self {
            client,
            provider: provider.clone(),
            secrets: connections.secrets(),
            connections: connections.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<Connector>>,
    ) -> Result<Vec<Option<ConnectorLive>>, DriverError> {
        let all = self.all(&wanted).await?;
        let mut known = Known::new(&self.secrets);
        let lives = wanted.iter().map(|wanted| {
            let found = all.get(&wanted.remote_id)?;
            let sent = wanted
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.to().ok());
            look::live(wanted, found, &sent.unwrap_or_default(), &mut known)
        });
        Ok(lives.collect())
    }

    async fn investigate(
        &self,
        questions: Vec<Question<Connector>>,
    ) -> Result<Vec<ConnectorFacts>, DriverError> {
        measure::measure(self, questions)
            .await
            .map_err(|error| self.error(&error))
    }

    async fn vitals(
        &self,
        wanted: Vec<Wanted<Connector>>,
    ) -> Result<Vec<Option<ConnectorVitals>>, DriverError> {
        let all = self.all(&wanted).await?;
        let mut known = Known::new(&self.secrets);
        let vitals = wanted.iter().map(|wanted| {
            let found = all.get(&wanted.remote_id)?;
            Some(look::vitals(wanted, found, &mut known))
        });
        Ok(vitals.collect())
    }

    async fn apply(
        &self,
        operations: Vec<Operation<Connector>>,
        context: &Context,
    ) -> Vec<Result<Option<ConnectorLive>, Failure>> {
        change::apply(self, operations, context).await
    }

    fn batch_limit(&self) -> usize {
        // The client bounds how many requests are under way.
        10_000
    }
}

impl ConnectorDriver {
    fn error(&self, error: &ConnectError) -> DriverError {
        error.diagnostic(&self.provider).into()
    }

    /// Returns the cluster that holds the workers' own topics, or why it cannot be asked.
    fn home(&self) -> Result<kafka::Client, String> {
        let home = self.client.kafka_provider();
        match home.or_else(|| self.connections.default_of_kind("kafka")) {
            Some(home) => self.connections.cluster(home),
            None => Err("the project has no provider kafka that is the workers'".to_owned()),
        }
    }

    /// Returns the clusters that may hold the workers' groups, or why one cannot be asked: the one
    /// that the provider names, or all.
    fn homes(&self) -> Vec<Result<kafka::Client, String>> {
        match self.client.kafka_provider() {
            Some(home) => vec![self.connections.cluster(home)],
            None => self.connections.clusters(),
        }
    }

    /// Returns all connectors by name. One that was made a moment ago is left out of the list with its
    /// details, as long as its status is not known: those that we own are asked for by themselves.
    async fn all(
        &self,
        wanted: &[Wanted<Connector>],
    ) -> Result<BTreeMap<String, connect::Connector>, DriverError> {
        let found = self.client.connectors().await;
        let mut found = found.map_err(|error| self.error(&error))?;
        found.retain(|_, connector| connector.info.is_some());
        let missing: Vec<&str> = wanted
            .iter()
            .map(|wanted| wanted.remote_id.as_str())
            .filter(|name| !found.contains_key(*name))
            .collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let names = self.client.names().await;
        let names = names.map_err(|error| self.error(&error))?;
        for name in missing {
            if !names.iter().any(|there| there == name) {
                continue;
            }
            let info = self.client.info(name).await;
            let info = info.map_err(|error| self.error(&error))?;
            if info.is_some() {
                let status = None;
                found.insert(name.to_owned(), connect::Connector { info, status });
            }
        }
        Ok(found)
    }
}

/// The secrets that were read so far: each once for all connectors.
struct Known<'a> {
    secrets: &'a Secrets,
    read: BTreeMap<String, Result<String, (String, Option<String>)>>,
}

impl<'a> Known<'a> {
    fn new(secrets: &'a Secrets) -> Self {
        Self {
            secrets,
            read: BTreeMap::new(),
        }
    }

    /// Returns a secret's text, or why it cannot be read and what to do.
    fn get(&mut self, secret: &SecretRef) -> Result<&str, &(String, Option<String>)> {
        let read = self.read.entry(secret.to_string()).or_insert_with(|| {
            let read = self.secrets.read(secret);
            read.map_err(|error| (error.to_string(), error.hint()))
        });
        read.as_deref()
    }
}

/// A description's settings with the secrets in their places.
#[derive(Default)]
struct Resolved {
    config: Config,
    /// The secrets among them, by key.
    secrets: BTreeMap<String, String>,
    /// What was set at keys of secrets before, which words may repeat just as well.
    earlier: Vec<String>,
}

impl Resolved {
    /// Reads the secrets that a description names. Those that cannot be read are left out and told by key.
    fn of(
        spec: &ConnectorSpec,
        known: &mut Known<'_>,
    ) -> (Self, BTreeMap<String, (String, Option<String>)>) {
        let (mut config, mut secrets, mut unread) =
            (Config::new(), BTreeMap::new(), BTreeMap::new());
        for (key, setting) in spec.settings() {
            let Some(reference) = setting.secret() else {
                config.extend(setting.text().map(|text| (key.to_owned(), text.to_owned())));
                continue;
            };
            match known.get(&reference) {
                Ok(text) => {
                    config.insert(key.to_owned(), text.to_owned());
                    secrets.insert(key.to_owned(), text.to_owned());
                }
                Err(why) => {
                    unread.insert(key.to_owned(), why.clone());
                }
            }
        }
        let resolved = Self {
            config,
            secrets,
            earlier: Vec::new(),
        };
        (resolved, unread)
    }

    /// Takes the secrets out of Kafka Connect's words, which may repeat what they were sent.
    fn redacted(&self, text: &str) -> String {
        let secrets = self.secrets.values().chain(&self.earlier);
        redacted(text, secrets.map(String::as_str))
    }
}

/// What stands for a secret.
const REDACTED: &str = "(secret)";

/// How many characters of a secret's beginning tell something of it.
const LEAST_BEGUN: usize = 3;

fn redacted<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let mut text = text.to_owned();
    let mut secrets: Vec<&str> = secrets.filter(|secret| !secret.is_empty()).collect();
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in &secrets {
        text = text.replace(secret, REDACTED);
    }
    // Long words were cut, perhaps within a secret.
    let mut parts = text.split(CUT);
    let last = parts.next_back().unwrap_or_default().to_owned();
    let parts = parts.map(|part| {
        let begun = secrets.iter().filter_map(|secret| begun(part, secret));
        let half = begun.max().unwrap_or(0);
        let mark = if half > 0 { REDACTED } else { "" };
        format!("{}{mark}{CUT}", &part[..part.len() - half])
    });
    parts.collect::<String>() + &last
}

/// Returns how many bytes of the beginning of a secret a text ends with, where those tell something of it.
fn begun(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().map(|(at, _)| at).skip(LEAST_BEGUN);
    ends.filter(|&end| text.ends_with(&secret[..end])).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_secret_is_taken_out_first() {
        let secrets = ["pass", "pass-word", ""];
        let told = redacted("wrong: pass-word, pass", secrets.into_iter());
        assert_eq!(told, "wrong: (secret), (secret)");
    }

    #[test]
    fn the_half_of_a_secret_at_a_cut_is_taken_out() {
        let told = |text: &str| redacted(text, ["pass-wörd", "other"].into_iter());
        assert_eq!(told("it is pass-w…"), "it is (secret)…");
        assert_eq!(
            told("it is pass-wö…\nand oth…"),
            "it is (secret)…\nand (secret)…"
        );
        assert_eq!(told("a pass… of pass-wörd"), "a (secret)… of (secret)");
        assert_eq!(told("it is pa…, pass"), "it is pa…, pass");
    }
}
