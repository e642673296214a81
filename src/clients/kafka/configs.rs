//! The configuration of topics and brokers: read it, and change single keys (KIP-339). Does I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::Client;
use super::batch::{Answers, Batch, Mode, Outcome};
use super::cluster::Target;
use super::error::{BrokerError, KafkaError};
use super::wire::{shared, text};

/// How many resources are asked about in one request. Larger ones are not faster, and take more memory.
const CHUNK: usize = 250;

/// What has a configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A topic.
    Topic(Arc<str>),
    /// A broker.
    Broker(i32),
    /// What holds for every broker that has no value of its own.
    AllBrokers,
}

/// Which keys are asked for. Asking for a few is several times faster than for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// All of them.
    All,
    /// These.
    Only(Arc<[Arc<str>]>),
}

/// What to tell about each key besides its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras {
    /// The values at every level, the one in force first.
    pub synonyms: bool,
    /// Kafka's own text about it.
    pub documentation: bool,
}

/// Where a value comes from (`DescribeConfigsResponse.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on the broker at run time.
    DynamicBroker,
    /// Set for all brokers at run time.
    DynamicDefaultBroker,
    /// In the broker's file.
    StaticBroker,
    /// Kafka's default.
    Default,
    /// Any other: the protocol's number.
    Other(i8),
}

impl ConfigSource {
    fn from_code(code: i8) -> Self {
        match code {
            1 => Self::Topic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicDefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            other => Self::Other(other),
        }
    }
}

/// What a value may be (`DescribeConfigsResponse.ConfigType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Kafka's")]
pub enum ConfigType {
    Unknown,
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl ConfigType {
    fn from_code(code: i8) -> Self {
        match code {
            1 => Self::Boolean,
            2 => Self::String,
            3 => Self::Int,
            4 => Self::Short,
            5 => Self::Long,
            6 => Self::Double,
            7 => Self::List,
            8 => Self::Class,
            9 => Self::Password,
            _ => Self::Unknown,
        }
    }
}

/// One key of a configuration. Equal names and values share their memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: Arc<str>,
    /// The value; `None` where there is none, or where it is sensitive.
    pub value: Option<Arc<str>>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// What the value may be.
    pub config_type: ConfigType,
    /// Whether it cannot be changed.
    pub read_only: bool,
    /// Whether the broker keeps its value to itself.
    pub sensitive: bool,
    /// What was asked for besides.
    pub extras: Option<Box<ConfigExtras>>,
}

/// What [`Extras`] asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigExtras {
    /// The values at every level, the one in force first.
    pub synonyms: Vec<ConfigSynonym>,
    /// Kafka's own text about it.
    pub documentation: Option<Arc<str>>,
}

/// A value at one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key at that level: `log.retention.ms` for a topic's `retention.ms`.
    pub name: Arc<str>,
    /// The value.
    pub value: Option<Arc<str>>,
    /// The level.
    pub source: ConfigSource,
}

/// The change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigOperation {
    /// Sets it.
    Set(Arc<str>),
    /// Removes what was set, so that the level below holds.
    Delete,
}

/// The changes of one resource, which happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// What is configured.
    pub resource: Resource,
    /// The changes by key.
    pub operations: Vec<(Arc<str>, ConfigOperation)>,
}

impl Resource {
    fn code(&self) -> i8 {
        match self {
            Self::Topic(_) => 2,
            Self::Broker(_) | Self::AllBrokers => 4,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Topic(name) => name.to_string(),
            Self::Broker(id) => id.to_string(),
            Self::AllBrokers => String::new(),
        }
    }
}

/// What a broker answered about one resource's configuration: entries by key, or why there are none.
pub type Described = Result<Vec<ConfigEntry>, BrokerError>;

impl Client {
    /// Reads configurations, in the order of the resources.
    #[tracing::instrument(level = "debug", skip_all, fields(resources = resources.len()))]
    pub async fn describe_configs(
        &self,
        resources: &[(Resource, Keys)],
        extras: Extras,
    ) -> Result<Vec<Described>, KafkaError> {
        let mut groups: BTreeMap<Option<i32>, Vec<usize>> = BTreeMap::new();
        for (index, (resource, keys)) in resources.iter().enumerate() {
            // A broker takes an empty list of keys for all of them.
            if !matches!(keys, Keys::Only(keys) if keys.is_empty()) {
                let broker = match resource {
                    Resource::Broker(id) => Some(*id),
                    Resource::Topic(_) | Resource::AllBrokers => None,
                };
                groups.entry(broker).or_default().push(index);
            }
        }
        let mut chunks = Vec::new();
        let mut requests = Vec::new();
        for (broker, indexes) in &groups {
            for chunk in indexes.chunks(CHUNK) {
                let target = broker.map_or(Target::Spread(0), Target::Broker);
                requests.push((target, request(resources, chunk, extras)));
                chunks.push(chunk);
            }
        }
        let texts = Arc::new(Texts::default());
        let read = move |answer| Ok(read(answer, extras, &texts));
        let answers = self.cluster.scatter(requests, 1, read).await?;
        let mut all: Vec<Described> = resources.iter().map(|_| Ok(Vec::new())).collect();
        for (chunk, mut answer) in chunks.into_iter().zip(answers) {
            for &index in chunk {
                let resource = &resources[index].0;
                let key = (resource.code(), resource.name());
                all[index] = answer.remove(&key).unwrap_or_else(|| Err(unmentioned()));
            }
        }
        Ok(all)
    }

    /// Sets and removes single keys.
    #[tracing::instrument(level = "debug", skip_all, fields(resources = changes.len()))]
    pub async fn alter_configs(
        &self,
        changes: Vec<ConfigChange>,
        mode: Mode,
    ) -> Result<Vec<Outcome<()>>, KafkaError> {
        self.cluster.change(Alter(mode), changes).await
    }
}

/// A resource that was asked about twice, or that the broker passed over.
fn unmentioned() -> BrokerError {
    BrokerError {
        code: kafka_protocol::error::ResponseError::UnknownServerError.code(),
        message: Some("the answer does not mention it".into()),
    }
}

fn request(
    resources: &[(Resource, Keys)],
    chunk: &[usize],
    extras: Extras,
) -> DescribeConfigsRequest {
    let resources = chunk.iter().map(|&index| {
        let (resource, keys) = &resources[index];
        let keys = match keys {
            Keys::All => None,
            Keys::Only(keys) => Some(keys.iter().map(|key| text(key)).collect()),
        };
        DescribeConfigsResource::default()
            .with_resource_type(resource.code())
            .with_resource_name(text(&resource.name()))
            .with_configuration_keys(keys)
    });
    DescribeConfigsRequest::default()
        .with_resources(resources.collect())
        .with_include_synonyms(extras.synonyms)
        .with_include_documentation(extras.documentation)
}

type Chunk = BTreeMap<(i8, String), Described>;

fn read(answer: DescribeConfigsResponse, extras: Extras, texts: &Texts) -> Chunk {
    let results = answer.results.into_iter();
    results
        .map(|result| {
            let key = (result.resource_type, result.resource_name.to_string());
            (key, read_result(&result, extras, texts))
        })
        .collect()
}

fn read_result(result: &DescribeConfigsResult, extras: Extras, texts: &Texts) -> Described {
    let error = BrokerError::from_code(result.error_code, result.error_message.as_deref());
    if let Some(error) = error {
        return Err(error);
    }
    let mut entries: Vec<ConfigEntry> = result
        .configs
        .iter()
        .map(|config| read_entry(config, extras, texts))
        .collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn read_entry(
    config: &DescribeConfigsResourceResult,
    extras: Extras,
    texts: &Texts,
) -> ConfigEntry {
    let wanted = extras.synonyms || extras.documentation;
    ConfigEntry {
        name: texts.share(&config.name),
        value: config.value.as_ref().map(|value| texts.share(value)),
        source: ConfigSource::from_code(config.config_source),
        config_type: ConfigType::from_code(config.config_type),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
        extras: wanted.then(|| {
            let synonyms = config.synonyms.iter().map(|synonym| ConfigSynonym {
                name: texts.share(&synonym.name),
                value: synonym.value.as_ref().map(|value| texts.share(value)),
                source: ConfigSource::from_code(synonym.source),
            });
            Box::new(ConfigExtras {
                synonyms: synonyms.collect(),
                documentation: config.documentation.as_ref().map(|text| texts.share(text)),
            })
        }),
    }
}

/// The texts seen so far. Topics have the same keys, and mostly the same values.
#[derive(Default)]
struct Texts(std::sync::Mutex<BTreeSet<Arc<str>>>);

impl Texts {
    fn share(&self, text: &kafka_protocol::protocol::StrBytes) -> Arc<str> {
        let mut seen = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = seen.get(text.as_str()) {
            return known.clone();
        }
        let text = shared(text);
        seen.insert(text.clone());
        text
    }
}

struct Alter(Mode);

impl Batch for Alter {
    type Item = ConfigChange;
    type Key = (i8, String);
    type Value = ();
    type Request = IncrementalAlterConfigsRequest;
    const LEAST: i16 = 0;
    const MOST_ITEMS: usize = 1_000;
    // A record for each key; the controller's limit is that of creating topics.
    const MOST_WEIGHT: usize = 5_000;

    fn key(item: &ConfigChange) -> (i8, String) {
        (item.resource.code(), item.resource.name())
    }

    fn weight(item: &ConfigChange) -> usize {
        item.operations.len()
    }

    fn target(&self, item: &ConfigChange) -> Target {
        match item.resource {
            // A broker checks its own changes before it passes them on.
            Resource::Broker(id) => Target::Broker(id),
            Resource::Topic(_) | Resource::AllBrokers => Target::Controller,
        }
    }

    fn request(&self, items: &[&ConfigChange], _limit: Duration) -> IncrementalAlterConfigsRequest {
        let resources = items.iter().map(|change| {
            let configs = change.operations.iter().map(|(key, operation)| {
                let (code, value) = match operation {
                    ConfigOperation::Set(value) => (0, Some(text(value))),
                    ConfigOperation::Delete => (1, None),
                };
                AlterableConfig::default()
                    .with_name(text(key))
                    .with_config_operation(code)
                    .with_value(value)
            });
            AlterConfigsResource::default()
                .with_resource_type(change.resource.code())
                .with_resource_name(text(&change.resource.name()))
                .with_configs(configs.collect())
        });
        IncrementalAlterConfigsRequest::default()
            .with_resources(resources.collect())
            .with_validate_only(self.0 == Mode::Validate)
    }

    fn read(
        &self,
        response: IncrementalAlterConfigsResponse,
    ) -> Result<Answers<Self>, BrokerError> {
        let resources = response.responses.into_iter().map(|resource| {
            let key = (resource.resource_type, resource.resource_name.to_string());
            let said = resource.error_message.as_deref();
            let error = BrokerError::from_code(resource.error_code, said);
            (key, error.map_or(Ok(()), Err))
        });
        Ok(resources.collect())
    }
}
