//! Reaches the subjects of one schema registry (I/O).
//!
//! [`observe`](Driver::observe) is here: two requests for each subject, its newest version and its level,
//! and a third where the newest version is not what is wanted. `resolve` finds the versions that
//! references lead to, `measure` answers what the checks ask, `change` makes changes and reads them back.

mod change;
mod measure;
mod resolve;

use crate::address::ProviderAddress;
use crate::clients::Connections;
use crate::clients::registry::{Client, RegistryError, Version};
use crate::compatibility::{Format, Level};
use crate::kinds::driver::{
    Context, Driver, DriverError, Failure, Operation, Question, Wanted, at_once,
};

use super::spec::{Metadata, Mode, RuleSet, SchemaSpec};
use super::{Schema, SchemaFacts, SchemaLive, VersionLive, recall};

use resolve::Resolver;

/// Reaches the subjects of one registry.
#[derive(Debug, Clone)]
pub struct SchemaDriver {
    client: Client,
    provider: ProviderAddress,
    /// The level that the registry itself is to have, where the project says so.
    own_level: Option<Level>,
    /// The mode, likewise.
    own_mode: Option<Mode>,
    /// The clusters whose topics the subjects may describe.
    connections: Connections,
}

impl Driver for SchemaDriver {
    type Kind = Schema;

    fn connect(connections: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        let client = connections.registry(provider).map_err(DriverError)?;
        let settings = connections.provider_settings(provider);
        Ok(Self {
            client,
            provider: provider.clone(),
            own_level: settings.and_then(recall::level_of),
            own_mode: settings.and_then(recall::mode_of),
            connections: connections.clone(),
        })
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<Schema>>,
    ) -> Result<Vec<Option<SchemaLive>>, DriverError> {
        self.look(&wanted).await.map_err(|error| self.error(&error))
    }

    async fn investigate(
        &self,
        questions: Vec<Question<Schema>>,
    ) -> Result<Vec<SchemaFacts>, DriverError> {
        measure::measure(self, questions)
            .await
            .map_err(|error| self.error(&error))
    }

    async fn apply(
        &self,
        operations: Vec<Operation<Schema>>,
        context: &Context,
    ) -> Vec<Result<Option<SchemaLive>, Failure>> {
        change::apply(self, operations, context).await
    }

    fn batch_limit(&self) -> usize {
        // The client bounds how many requests are under way.
        10_000
    }
}

/// What one subject answered.
struct Seen {
    latest: Option<Version>,
    compatibility: Option<Level>,
    mode: Option<String>,
    /// Whether versions are left that are deleted softly only.
    remains: bool,
}

impl SchemaDriver {
    fn error(&self, error: &RegistryError) -> DriverError {
        error.diagnostic(&self.provider).into()
    }

    async fn look(
        &self,
        wanted: &[Wanted<Schema>],
    ) -> Result<Vec<Option<SchemaLive>>, RegistryError> {
        let seen = at_once(wanted.iter().map(|wanted| {
            let client = self.client.clone();
            let subject = wanted.remote_id.clone();
            let with_level = wanted.specs.iter().any(|spec| spec.compatibility.is_some());
            let with_mode = wanted.specs.iter().any(|spec| spec.mode.is_some());
            let may_remain = wanted.owned && wanted.unwanted;
            async move { see(&client, &subject, with_level, with_mode, may_remain).await }
        }))
        .await
        .into_iter()
        .collect::<Result<Vec<Seen>, _>>()?;
        let mut lives: Vec<Option<SchemaLive>> = seen.into_iter().map(live).collect();
        let specs: Vec<Option<&SchemaSpec>> =
            wanted.iter().map(|wanted| wanted.specs.first()).collect();
        let held = Resolver::new(&self.client).hold(&specs, &lives).await?;
        for (live, held) in lives.iter_mut().zip(held) {
            if let Some(live) = live {
                live.holds = held;
            }
        }
        Ok(lives)
    }
}

async fn see(
    client: &Client,
    subject: &str,
    with_level: bool,
    with_mode: bool,
    may_remain: bool,
) -> Result<Seen, RegistryError> {
    let level = async {
        if with_level {
            client.level(Some(subject)).await
        } else {
            Ok(None)
        }
    };
    let mode = async {
        if with_mode {
            client.mode(Some(subject), false).await
        } else {
            Ok(None)
        }
    };
    let (latest, level, mode) = tokio::try_join!(client.latest(subject), level, mode)?;
    let remains =
        latest.is_none() && may_remain && !client.versions(subject, true).await?.is_empty();
    Ok(Seen {
        latest,
        // A level that is not known here is none of those that can be wanted.
        compatibility: level.and_then(|level| level.parse().ok()),
        mode,
        remains,
    })
}

fn live(seen: Seen) -> Option<SchemaLive> {
    if seen.latest.is_none() && !seen.remains {
        return None;
    }
    Some(SchemaLive {
        latest: seen.latest.map(version),
        holds: None,
        compatibility: seen.compatibility,
        mode: seen.mode,
    })
}

fn version(version: Version) -> VersionLive {
    let metadata = version.metadata.map(|found| Metadata {
        tags: found.tags,
        properties: found.properties,
        sensitive: found.sensitive,
    });
    let rule_set = version.rule_set.map(|found| RuleSet {
        migration_rules: found.migration_rules,
        domain_rules: found.domain_rules,
    });
    VersionLive {
        version: version.version,
        id: version.id,
        format: format(version.schema_type.as_deref()),
        schema: version.schema,
        references: version
            .references
            .into_iter()
            .map(|reference| (reference.name, (reference.subject, reference.version)))
            .collect(),
        metadata: metadata.filter(|metadata| *metadata != Metadata::default()),
        rule_set: rule_set.filter(|rules| *rules != RuleSet::default()),
    }
}

/// Returns the format of a version: Avro where the registry does not say.
fn format(name: Option<&str>) -> Format {
    name.and_then(|name| name.parse().ok())
        .unwrap_or(Format::Avro)
}
