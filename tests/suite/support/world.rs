//! A Kafka cluster in memory: a model of what the topic driver reads, measures and changes.
//!
//! Plans are functions of what a driver says, so their tests need no broker: they give a world as data.
//! That the real driver says the same of real brokers is what the tests of `topic_driver` are for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use streamform::address::ProviderAddress;
use streamform::clients::Connections;
use streamform::diagnostic::{Diagnostic, did_you_mean};
use streamform::kinds::driver::{
    Context, Driver, DriverError, ErasedDriver, Failure, Operation, Question, Wanted, erased,
};
use streamform::kinds::topic::diff::config_path;
use streamform::kinds::topic::{
    EntryType, LiveEntry, Sample, Topic, TopicFacts, TopicLive, TopicSpec,
};
use streamform::kinds::{Action, Delta};

/// The topic settings that the brokers know: key, type, default.
const KEYS: [(&str, EntryType, &str); 10] = [
    ("cleanup.policy", EntryType::List, "delete"),
    ("compression.type", EntryType::Text, "producer"),
    ("max.message.bytes", EntryType::Integer, "1048588"),
    ("min.cleanable.dirty.ratio", EntryType::Decimal, "0.5"),
    ("min.insync.replicas", EntryType::Integer, "1"),
    ("preallocate", EntryType::Boolean, "false"),
    ("retention.bytes", EntryType::Integer, "-1"),
    ("retention.ms", EntryType::Integer, "604800000"),
    ("segment.bytes", EntryType::Integer, "1073741824"),
    ("segment.ms", EntryType::Integer, "604800000"),
];

/// A cluster and its topics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct World {
    /// How many brokers it has.
    pub(crate) brokers: u32,
    /// The topics by name.
    #[serde(default)]
    pub(crate) topics: BTreeMap<String, WorldTopic>,
    /// Topics whose changes the brokers fail, for tests of what happens then.
    #[serde(default)]
    pub(crate) broken: BTreeSet<String>,
    /// What the driver was asked to do.
    #[serde(skip)]
    pub(crate) calls: Vec<Call>,
    #[serde(skip)]
    batches: usize,
}

/// One operation that the driver was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The number of the batch that it came in: those of one batch may run at the same time.
    pub(crate) batch: usize,
    /// What was asked for.
    pub(crate) action: Action,
    /// The topic.
    pub(crate) topic: String,
}

/// One topic of a world.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorldTopic {
    /// How many partitions it has.
    pub(crate) partitions: u32,
    /// How many replicas each of them has.
    pub(crate) replication_factor: u32,
    /// What was set on the topic itself.
    #[serde(default)]
    pub(crate) config: BTreeMap<String, String>,
    /// What it holds.
    #[serde(default)]
    pub(crate) held: Vec<Held>,
}

/// Some records of one age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    records: u64,
    bytes: u64,
    age_ms: u64,
    /// How many of them have a key.
    #[serde(default)]
    keyed: u64,
}

impl World {
    /// Returns an empty cluster.
    pub(crate) fn new(brokers: u32) -> Self {
        Self {
            brokers,
            ..Self::default()
        }
    }

    fn observe(&self, wanted: &Wanted<Topic>) -> Option<TopicLive> {
        let topic = self.topics.get(&wanted.remote_id)?;
        let keys = wanted.specs.iter().flat_map(|spec| spec.config.keys());
        let entries = keys.filter_map(|key| Some((key.clone(), topic.entry(key)?)));
        Some(TopicLive {
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            uneven_up_to: None,
            moving: false,
            misplaced: Vec::new(),
            config: entries.collect(),
        })
    }

    fn investigate(&self, question: &Question<Topic>) -> TopicFacts {
        let mut facts = TopicFacts::default();
        let changes = |path: &str| question.deltas.iter().any(|delta| delta.path == path);
        if question.action == Action::Create || changes("replication_factor") {
            facts.brokers = Some(self.brokers);
        }
        for key in question.spec.iter().flat_map(|spec| spec.config.keys()) {
            if known(key).is_none() {
                let nearest = did_you_mean(key, KEYS.iter().map(|(name, ..)| *name));
                facts.unknown_keys.insert(key.clone(), nearest);
            }
        }
        facts.refused = question.spec.as_ref().and_then(refusal);
        for delta in question.deltas.iter().filter(|delta| delta.after.is_null()) {
            for (key, _, default) in KEYS.iter().filter(|(k, ..)| config_path(k) == delta.path) {
                facts
                    .inherited
                    .insert((*key).to_owned(), (*default).to_owned());
            }
        }
        if let Some(topic) = self.topics.get(&question.remote_id) {
            topic.measure(question, &mut facts);
        }
        facts
    }

    fn apply(&mut self, operation: &Operation<Topic>) -> Result<(), Failure> {
        let failed = |message: &str| Failure::unchanged(message);
        if self.broken.contains(&operation.remote_id) {
            return Err(failed("the brokers are broken"));
        }
        match (operation.action, &operation.spec) {
            (Action::Delete, _) => {
                let gone = self.topics.remove(&operation.remote_id);
                gone.map(drop).ok_or_else(|| failed("there is none"))
            }
            (Action::Create, Some(spec)) => {
                if self.topics.contains_key(&spec.name) {
                    return Err(failed("it exists"));
                }
                self.topics.insert(spec.name.clone(), created(spec));
                Ok(())
            }
            (_, Some(_)) => {
                let topic = self.topics.get_mut(&operation.remote_id);
                let topic = topic.ok_or_else(|| failed("there is none"))?;
                operation.deltas.iter().for_each(|delta| topic.set(delta));
                Ok(())
            }
            (_, None) => Err(failed("nothing is wanted")),
        }
    }
}

impl WorldTopic {
    fn entry(&self, key: &str) -> Option<LiveEntry> {
        let (r#type, default) = known(key)?;
        let own = self.config.get(key);
        Some(LiveEntry {
            value: Some(own.map_or(default, String::as_str).to_owned()),
            overridden: own.is_some(),
            r#type,
            read_only: false,
        })
    }

    fn measure(&self, question: &Question<Topic>, facts: &mut TopicFacts) {
        let sum = |of: fn(&Held) -> u64| self.held.iter().map(of).sum::<u64>();
        let limit = |key: &str| {
            let path = config_path(key);
            let delta = question.deltas.iter().find(|delta| delta.path == path)?;
            let then = delta.after.as_str();
            let then = then.or_else(|| facts.inherited.get(key).map(String::as_str));
            then?.parse::<u64>().ok()
        };
        let (age, size) = (limit("retention.ms"), limit("retention.bytes"));
        facts.records = Some(sum(|held| held.records));
        facts.bytes = Some(sum(|held| held.bytes));
        facts.oldest_age_ms = self.held.iter().map(|held| held.age_ms).max();
        facts.records_expiring = age.map(|limit| {
            let older = self.held.iter().filter(|held| held.age_ms > limit);
            older.map(|held| held.records).sum()
        });
        facts.bytes_expiring = size.map(|limit| {
            let kept = limit.saturating_mul(u64::from(self.partitions));
            sum(|held| held.bytes).saturating_sub(kept)
        });
        if question.action != Action::Delete {
            facts.cleanup_policy = self.entry("cleanup.policy").and_then(|entry| entry.value);
        }
        if question.deltas.iter().any(|d| d.path == "partitions") && !self.held.is_empty() {
            facts.keyed = Some(Sample {
                seen: sum(|held| held.records),
                having: sum(|held| held.keyed),
            });
        }
    }

    fn set(&mut self, delta: &Delta) {
        let number = |value: &serde_json::Value| value.as_u64().unwrap().try_into().unwrap();
        match delta.path.as_str() {
            "partitions" => {
                let wanted: u32 = number(&delta.after);
                assert!(wanted > self.partitions, "no partition is ever taken away");
                self.partitions = wanted;
            }
            "replication_factor" => self.replication_factor = number(&delta.after),
            path => {
                let key = KEYS.iter().find(|(key, ..)| config_path(key) == path);
                let key = key.unwrap().0.to_owned();
                match delta.after.as_str() {
                    Some(value) => self.config.insert(key, value.to_owned()),
                    None => self.config.remove(&key),
                };
            }
        }
    }
}

fn created(spec: &TopicSpec) -> WorldTopic {
    WorldTopic {
        partitions: spec.partitions.unwrap_or(1),
        replication_factor: spec.replication_factor.unwrap_or(1),
        config: spec.config.clone(),
        held: Vec::new(),
    }
}

fn known(key: &str) -> Option<(EntryType, &'static str)> {
    let found = KEYS.iter().find(|(name, ..)| *name == key);
    found.map(|(_, r#type, default)| (*r#type, *default))
}

/// Returns a broker's words about a value that is of the wrong type.
fn refusal(spec: &TopicSpec) -> Option<String> {
    spec.config.iter().find_map(|(key, value)| {
        let wrong = match known(key)?.0 {
            EntryType::Integer => value.parse::<i64>().is_err(),
            EntryType::Boolean => value.to_lowercase().parse::<bool>().is_err(),
            EntryType::Decimal => value.parse::<f64>().is_err(),
            EntryType::Text | EntryType::List => false,
        };
        wrong.then(|| format!("Invalid value {value} for configuration {key}: Not a number"))
    })
}

/// Reaches a world that a test still holds.
struct WorldDriver(Arc<Mutex<World>>);

/// Returns the driver of a world.
pub(crate) fn driver(world: &Arc<Mutex<World>>) -> Arc<dyn ErasedDriver> {
    erased(WorldDriver(Arc::clone(world)))
}

impl Driver for WorldDriver {
    type Kind = Topic;

    fn connect(_: &Connections, provider: &ProviderAddress) -> Result<Self, DriverError> {
        // The test hands the driver over; nothing connects to it.
        let error = Diagnostic::error("no-world", format!("{provider} is no world"));
        Err(DriverError(error.into()))
    }

    async fn observe(
        &self,
        wanted: Vec<Wanted<Topic>>,
    ) -> Result<Vec<Option<TopicLive>>, DriverError> {
        let world = self.0.lock().unwrap();
        Ok(wanted.iter().map(|wanted| world.observe(wanted)).collect())
    }

    async fn investigate(
        &self,
        questions: Vec<Question<Topic>>,
    ) -> Result<Vec<TopicFacts>, DriverError> {
        let world = self.0.lock().unwrap();
        Ok(questions.iter().map(|q| world.investigate(q)).collect())
    }

    async fn apply(
        &self,
        operations: Vec<Operation<Topic>>,
        _: &Context,
    ) -> Vec<Result<Option<TopicLive>, Failure>> {
        let mut world = self.0.lock().unwrap();
        world.batches += 1;
        let batch = world.batches;
        world.calls.extend(operations.iter().map(|operation| Call {
            batch,
            action: operation.action,
            topic: operation.remote_id.clone(),
        }));
        let done = operations.iter().map(|operation| world.apply(operation));
        done.map(|result| result.map(|()| None)).collect()
    }

    fn batch_limit(&self) -> usize {
        10_000
    }
}
