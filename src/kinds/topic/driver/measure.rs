//! Measures what the checks must know about changes: a few requests for all of them (I/O).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clients::kafka::{
    ConfigChange, ConfigOperation, ConfigSource, Extras, FoundOffset, KafkaError, Keys, Layout,
    Mode, MorePartitions, NewTopic, OffsetSpec, Resource, TopicPartition, TopicSelection,
};
use crate::diagnostic::did_you_mean;
use crate::kinds::Action;
use crate::kinds::driver::{DriverError, Question};
use crate::kinds::topic::checks::is_tighter;
use crate::kinds::topic::diff::config_path;
use crate::kinds::topic::{Sample, Topic, TopicFacts, TopicSpec, names};

use super::TopicDriver;

/// How many growing topics are looked into for keys.
const MOST_SAMPLES: usize = 20;

/// How long looking for keys may take in all.
const SAMPLING: Duration = Duration::from_secs(3);

/// How many records of a partition are looked at.
const SAMPLE: u32 = 20;

/// The keys of Kafka 4.3's documentation (<https://kafka.apache.org/documentation/#topicconfigs>): a
/// cluster without a topic cannot be asked for the ones that it knows, and a slip is proposed a key
/// all the same.
const DOCUMENTED_KEYS: [&str; 33] = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
];

/// Measures all changes of a plan.
pub(super) async fn measure(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
) -> Result<Vec<TopicFacts>, DriverError> {
    let mut facts: Vec<TopicFacts> = questions.iter().map(|_| TopicFacts::default()).collect();
    count_brokers(driver, questions, &mut facts).await?;
    find_unknown_keys(driver, questions, &mut facts).await?;
    ask_the_broker(driver, questions, &mut facts).await?;
    find_effective(driver, questions, &mut facts).await?;
    let held = hold(driver, questions, &mut facts).await?;
    measure_expiry(driver, questions, &mut facts, &held).await?;
    sample_keys(driver, questions, &mut facts).await;
    Ok(facts)
}

fn changes(question: &Question<Topic>, path: &str) -> bool {
    question.deltas.iter().any(|delta| delta.path == path)
}

fn grows(question: &Question<Topic>) -> bool {
    question.live.is_some() && changes(question, "partitions")
}

/// Whether what the topic holds matters for the change.
fn needs_content(question: &Question<Topic>) -> bool {
    question.live.is_some()
        && (question.action == Action::Delete
            || grows(question)
            || changes(question, &config_path("cleanup.policy"))
            || ["retention.ms", "retention.bytes"]
                .iter()
                .any(|key| may_tighten(question, key)))
}

/// Whether a change may make a limit tighter. What a key is reset to is not known yet.
fn may_tighten(question: &Question<Topic>, key: &str) -> bool {
    let path = config_path(key);
    let Some(delta) = question.deltas.iter().find(|delta| delta.path == path) else {
        return false;
    };
    let entry = question.live.as_ref().and_then(|live| live.config.get(key));
    let now = entry.and_then(|entry| entry.value.as_deref());
    let then = delta.after.as_str();
    then.is_none_or(|then| is_tighter(now, then))
}

async fn count_brokers(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
) -> Result<(), DriverError> {
    let asks = |question: &Question<Topic>| {
        question.action == Action::Create || changes(question, "replication_factor")
    };
    if !questions.iter().any(asks) {
        return Ok(());
    }
    let cluster = driver
        .client
        .describe_cluster()
        .await
        .map_err(|error| driver.error(&error))?;
    let count = super::narrow(cluster.brokers.len());
    for (question, facts) in questions.iter().zip(facts) {
        facts.brokers = asks(question).then_some(count);
    }
    Ok(())
}

/// A key that was asked for and not returned is one that the broker does not know.
async fn find_unknown_keys(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
) -> Result<(), DriverError> {
    let mut unknown = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        let (Some(spec), Some(live)) = (&question.spec, &question.live) else {
            continue;
        };
        unknown.extend(
            spec.config
                .keys()
                .filter(|key| !live.config.contains_key(*key))
                .map(|key| (index, key.clone())),
        );
    }
    let Some((index, _)) = unknown.first() else {
        return Ok(());
    };
    let known = known_keys(
        driver,
        std::iter::once(questions[*index].remote_id.as_str()),
    )
    .await?;
    for (index, key) in unknown {
        let hint = did_you_mean(&key, known.iter().map(|known| &**known));
        facts[index].unknown_keys.insert(key, hint);
    }
    Ok(())
}

/// Returns the keys that the broker knows, read off some topics: one of them may be gone meanwhile.
async fn known_keys(
    driver: &TopicDriver,
    topics: impl Iterator<Item = &str>,
) -> Result<BTreeSet<Arc<str>>, DriverError> {
    let all: Vec<_> = topics
        .map(|topic| (Resource::Topic(topic.into()), Keys::All))
        .collect();
    let described = driver
        .client
        .describe_configs(&all, Extras::default())
        .await;
    let described = described.map_err(|error| driver.error(&error))?;
    let entries = described.into_iter().filter_map(Result::ok).flatten();
    Ok(entries.map(|entry| entry.name).collect())
}

/// Lets the broker check the changes without making them (KIP-4, `validateOnly`).
async fn ask_the_broker(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
) -> Result<(), DriverError> {
    let mut creates = (Vec::new(), Vec::new());
    let mut grown = (Vec::new(), Vec::new());
    let mut altered = (Vec::new(), Vec::new());
    for (index, question) in questions.iter().enumerate() {
        let Some(spec) = &question.spec else { continue };
        let Some(live) = &question.live else {
            creates.0.push(index);
            creates.1.push(new_topic(spec));
            continue;
        };
        if let Some(total) = spec.partitions.filter(|total| *total > live.partitions) {
            grown.0.push(index);
            grown.1.push(more_partitions(spec, total));
        }
        if facts[index].unknown_keys.is_empty()
            && let Some(change) = config_change(question)
        {
            altered.0.push(index);
            altered.1.push(change);
        }
    }
    if !creates.1.is_empty() {
        let outcomes = driver.client.create_topics(creates.1, Mode::Validate).await;
        let outcomes = outcomes.map_err(|error| driver.error(&error))?;
        note_refusals(
            &creates.0,
            outcomes.into_iter().map(|o| o.result.map(drop)),
            facts,
        );
        explain_unknown_keys(driver, questions, &creates.0, facts).await?;
        explain_collisions(driver, questions, &creates.0, facts).await?;
    }
    if !grown.1.is_empty() {
        let outcomes = driver
            .client
            .create_partitions(grown.1, Mode::Validate)
            .await;
        let outcomes = outcomes.map_err(|error| driver.error(&error))?;
        note_refusals(&grown.0, outcomes.into_iter().map(|o| o.result), facts);
    }
    if !altered.1.is_empty() {
        let outcomes = driver.client.alter_configs(altered.1, Mode::Validate).await;
        let outcomes = outcomes.map_err(|error| driver.error(&error))?;
        note_refusals(&altered.0, outcomes.into_iter().map(|o| o.result), facts);
    }
    Ok(())
}

fn note_refusals(
    indexes: &[usize],
    results: impl Iterator<Item = Result<(), KafkaError>>,
    facts: &mut [TopicFacts],
) {
    for (index, result) in indexes.iter().zip(results) {
        if let Err(error) = result {
            let message = error
                .broker_error()
                .and_then(|error| error.message.as_deref().map(str::to_owned));
            facts[*index].refused = Some(message.unwrap_or_else(|| error.to_string()));
        }
    }
}

/// A new topic's keys cannot be asked for one by one: the broker names the unknown one in its words.
async fn explain_unknown_keys(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    creates: &[usize],
    facts: &mut [TopicFacts],
) -> Result<(), DriverError> {
    const WORDS: &str = "Unknown topic config name: ";
    let unknown: Vec<(usize, String)> = creates
        .iter()
        .filter_map(|index| {
            let refused = facts[*index].refused.as_deref()?;
            let (_, key) = refused.split_once(WORDS)?;
            let set = &questions[*index].spec.as_ref()?.config;
            set.contains_key(key.trim())
                .then(|| (*index, key.trim().to_owned()))
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let all = driver
        .client
        .metadata(TopicSelection::All)
        .await
        .map_err(|error| driver.error(&error))?;
    let there = all.topics.iter().filter(|topic| topic.error.is_none());
    let mut known = known_keys(driver, there.map(|topic| &*topic.name).take(8)).await?;
    if known.is_empty() {
        known.extend(DOCUMENTED_KEYS.iter().map(|key| Arc::from(*key)));
    }
    for (index, key) in unknown {
        let hint = did_you_mean(&key, known.iter().map(|known| &**known));
        facts[index].refused = None;
        facts[index].unknown_keys.insert(key, hint);
    }
    Ok(())
}

/// Names the topic that a refused one collides with, which the broker does only in its words.
async fn explain_collisions(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    creates: &[usize],
    facts: &mut [TopicFacts],
) -> Result<(), DriverError> {
    let is_possible = |name: &str| name.contains(['.', '_']);
    let refused: Vec<usize> = creates
        .iter()
        .copied()
        .filter(|index| {
            facts[*index].refused.is_some() && is_possible(&questions[*index].remote_id)
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let all = driver.client.metadata(TopicSelection::All).await;
    let all = all.map_err(|error| driver.error(&error))?;
    let there: BTreeMap<String, &str> = all
        .topics
        .iter()
        .map(|topic| (names::in_metrics(&topic.name), &*topic.name))
        .collect();
    for index in refused {
        let name = questions[index].remote_id.as_str();
        let other = there.get(&names::in_metrics(name));
        if let Some(other) = other.filter(|other| **other != name) {
            facts[index].refused = None;
            facts[index].collides_with = Some((*other).to_owned());
        }
    }
    Ok(())
}

/// Returns the request's item for a new topic whose replicas the cluster places.
pub(super) fn new_topic(spec: &TopicSpec) -> NewTopic {
    NewTopic {
        name: spec.name.as_str().into(),
        layout: Layout::Counts {
            partitions: spec.partitions.and_then(|count| i32::try_from(count).ok()),
            replication_factor: spec
                .replication_factor
                .and_then(|count| i16::try_from(count).ok()),
        },
        configs: spec
            .config
            .iter()
            .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
            .collect(),
    }
}

/// Returns the request's item for a topic that grows and whose new replicas the cluster places.
pub(super) fn more_partitions(spec: &TopicSpec, total: u32) -> MorePartitions {
    MorePartitions {
        topic: spec.name.as_str().into(),
        total: i32::try_from(total).unwrap_or(i32::MAX),
        assignments: None,
    }
}

/// Returns the request's item for the configuration keys that a change sets and resets.
fn config_change(question: &Question<Topic>) -> Option<ConfigChange> {
    config_operations(&question.remote_id, &question.deltas)
}

/// Returns the key of a configuration path: the inverse of [`config_path`].
pub(super) fn config_key(path: &str) -> Option<String> {
    let quoted = path.strip_prefix("config[")?.strip_suffix(']')?;
    serde_json::from_str(quoted).ok()
}

/// Returns the request's item for the configuration keys among some differences.
pub(super) fn config_operations(
    topic: &str,
    deltas: &[crate::kinds::Delta],
) -> Option<ConfigChange> {
    let operations: Vec<_> = deltas
        .iter()
        .filter_map(|delta| {
            let key = config_key(&delta.path)?;
            let operation = match delta.after.as_str() {
                Some(value) => ConfigOperation::Set(value.into()),
                None => ConfigOperation::Delete,
            };
            Some((key.as_str().into(), operation))
        })
        .collect();
    (!operations.is_empty()).then(|| ConfigChange {
        resource: Resource::Topic(topic.into()),
        operations,
    })
}

/// Reads the cleanup policy in force, and the values that keys take when they are reset.
async fn find_effective(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
) -> Result<(), DriverError> {
    let mut indexes = Vec::new();
    let mut asked = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        let mut keys: BTreeSet<Arc<str>> = BTreeSet::new();
        if needs_content(question) && question.action != Action::Delete {
            keys.insert("cleanup.policy".into());
        }
        if question.live.is_some() {
            for change in config_change(question)
                .into_iter()
                .flat_map(|change| change.operations)
            {
                if change.1 == ConfigOperation::Delete {
                    keys.insert(change.0);
                }
            }
        }
        if !keys.is_empty() {
            indexes.push(index);
            let keys = Keys::Only(keys.into_iter().collect());
            asked.push((Resource::Topic(question.remote_id.as_str().into()), keys));
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    let extras = Extras {
        synonyms: true,
        documentation: false,
    };
    let described = driver.client.describe_configs(&asked, extras).await;
    let described = described.map_err(|error| driver.error(&error))?;
    for (index, entries) in indexes.into_iter().zip(described) {
        for entry in entries.into_iter().flatten() {
            if &*entry.name == "cleanup.policy" {
                facts[index].cleanup_policy = entry.value.as_deref().map(str::to_owned);
            }
            let below = entry.extras.iter().flat_map(|extras| &extras.synonyms);
            let mut below = below.filter(|synonym| synonym.source != ConfigSource::Topic);
            if let Some(value) = below.find_map(|s| s.value.as_deref()) {
                facts[index]
                    .inherited
                    .insert(entry.name.to_string(), value.to_owned());
            }
        }
    }
    Ok(())
}

/// What the partitions of a topic hold.
#[derive(Debug, Default)]
struct Held {
    /// Partition → first and next offset.
    offsets: BTreeMap<i32, (i64, i64)>,
    /// Partition → bytes of its largest replica.
    bytes: BTreeMap<i32, u64>,
}

/// Measures records, bytes and ages of the topics whose content matters.
async fn hold(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
) -> Result<BTreeMap<usize, Held>, DriverError> {
    let mut held: BTreeMap<usize, Held> = BTreeMap::new();
    let mut partitions: BTreeMap<TopicPartition, usize> = BTreeMap::new();
    for (index, question) in questions
        .iter()
        .enumerate()
        .filter(|(_, q)| needs_content(q))
    {
        held.insert(index, Held::default());
        let count = question.live.as_ref().map_or(0, |live| live.partitions);
        for partition in 0..count {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            partitions.insert(
                TopicPartition::new(question.remote_id.as_str(), partition),
                index,
            );
        }
    }
    if partitions.is_empty() {
        return Ok(held);
    }
    let list: Vec<TopicPartition> = partitions.keys().cloned().collect();
    let specs = [
        OffsetSpec::Earliest,
        OffsetSpec::Latest,
        OffsetSpec::Timestamp(0),
    ];
    let asked = list
        .iter()
        .flat_map(|p| specs.map(|spec| (p.clone(), spec)))
        .collect();
    let (offsets, dirs) = tokio::join!(
        driver.client.list_offsets(asked),
        driver.client.describe_log_dirs(Some(&list))
    );
    let offsets = offsets.map_err(|error| driver.error(&error))?;
    let now = now_ms();
    for (partition, answers) in list.iter().zip(offsets.chunks(specs.len())) {
        let index = partitions[partition];
        match answers {
            [Ok(first), Ok(next), Ok(oldest)] => {
                let range = (first.offset.unwrap_or(0), next.offset.unwrap_or(0));
                held.entry(index)
                    .or_default()
                    .offsets
                    .insert(partition.index, range);
                let records = u64::try_from(range.1 - range.0).unwrap_or(0);
                *facts[index].records.get_or_insert(0) += records;
                if records > 0 {
                    let age = oldest
                        .timestamp
                        .map(|at| u64::try_from(now - at).unwrap_or(0));
                    facts[index].oldest_age_ms = facts[index].oldest_age_ms.max(age);
                }
            }
            answers => {
                let reason = answers.iter().find_map(|answer| answer.as_ref().err());
                let reason = reason.map(ToString::to_string).unwrap_or_default();
                facts[index]
                    .unmeasured
                    .push(format!("partition {}: {reason}", partition.index));
            }
        }
    }
    // Sizes need a right of their own (KIP-113); without them the checks take a loss as possible.
    let dirs = dirs.unwrap_or_else(|error| {
        tracing::warn!(%error, "the size of topics cannot be measured");
        Vec::new()
    });
    for replica in dirs
        .iter()
        .flat_map(|dir| &dir.replicas)
        .filter(|replica| !replica.future)
    {
        if let Some(held) = partitions
            .get(&replica.partition)
            .and_then(|index| held.get_mut(index))
        {
            let bytes = held.bytes.entry(replica.partition.index).or_default();
            *bytes = replica.bytes.max(*bytes);
        }
    }
    for (index, held) in &held {
        facts[*index].bytes = (!held.bytes.is_empty()).then(|| held.bytes.values().sum());
    }
    Ok(held)
}

fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Measures how much lies beyond the limits that are about to be set.
async fn measure_expiry(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
    held: &BTreeMap<usize, Held>,
) -> Result<(), DriverError> {
    let mut indexes = Vec::new();
    let mut asked = Vec::new();
    let now = now_ms();
    for (index, held) in held {
        let question = &questions[*index];
        if let Some(limit) = limit(question, &facts[*index], "retention.bytes") {
            let over = held
                .bytes
                .values()
                .map(|bytes| bytes.saturating_sub(limit))
                .sum();
            facts[*index].bytes_expiring = Some(over);
        }
        if let Some(limit) = limit(question, &facts[*index], "retention.ms") {
            let until = now
                .saturating_sub(i64::try_from(limit).unwrap_or(i64::MAX))
                .max(0);
            facts[*index].records_expiring = Some(0);
            for partition in held.offsets.keys() {
                indexes.push((*index, *partition));
                let partition = TopicPartition::new(question.remote_id.as_str(), *partition);
                asked.push((partition, OffsetSpec::Timestamp(until)));
            }
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    let found = driver
        .client
        .list_offsets(asked)
        .await
        .map_err(|error| driver.error(&error))?;
    for ((index, partition), found) in indexes.into_iter().zip(found) {
        let (first, next) = held[&index].offsets[&partition];
        match found {
            // No record is young enough to stay: all of them go.
            Ok(FoundOffset { offset, .. }) => {
                let lost = u64::try_from(offset.unwrap_or(next) - first).unwrap_or(0);
                *facts[index].records_expiring.get_or_insert(0) += lost;
            }
            Err(error) => facts[index]
                .unmeasured
                .push(format!("partition {partition}: {error}")),
        }
    }
    Ok(())
}

/// Returns the limit that a change sets, if it sets one at all: -1 is none.
fn limit(question: &Question<Topic>, facts: &TopicFacts, key: &str) -> Option<u64> {
    let path = config_path(key);
    let delta = question.deltas.iter().find(|delta| delta.path == path)?;
    // A key that is reset takes the value of the level below.
    let value = delta
        .after
        .as_str()
        .or_else(|| facts.inherited.get(key).map(String::as_str))?;
    value.trim().parse().ok()
}

/// Looks at the newest records of growing topics: do they have keys?
async fn sample_keys(
    driver: &TopicDriver,
    questions: &[Question<Topic>],
    facts: &mut [TopicFacts],
) {
    let growing: Vec<usize> = questions
        .iter()
        .enumerate()
        .filter(|(index, question)| {
            grows(question) && facts[*index].records.is_some_and(|count| count > 0)
        })
        .map(|(index, _)| index)
        .collect();
    let mut running = tokio::task::JoinSet::new();
    for (count, index) in growing.into_iter().enumerate() {
        if count >= MOST_SAMPLES {
            facts[index]
                .unmeasured
                .push(format!("keys: only {MOST_SAMPLES} topics are looked into"));
            continue;
        }
        let client = driver.client.clone();
        let topic = questions[index].remote_id.clone();
        let partitions = questions[index]
            .live
            .as_ref()
            .map_or(0, |live| live.partitions);
        let partitions: Vec<i32> = (0..i32::try_from(partitions).unwrap_or(i32::MAX)).collect();
        running.spawn(async move {
            (
                index,
                client
                    .sample_keys(&topic, &partitions, SAMPLE, SAMPLING)
                    .await,
            )
        });
    }
    while let Some(ended) = running.join_next().await {
        let Ok((index, sample)) = ended else { continue };
        match sample {
            Ok(sample) if sample.records > 0 => {
                facts[index].keyed = Some(Sample {
                    seen: sample.records as u64,
                    having: sample.keyed as u64,
                });
            }
            Ok(_) => facts[index]
                .unmeasured
                .push("keys: no record could be read in time".into()),
            Err(error) => facts[index].unmeasured.push(format!("keys: {error}")),
        }
    }
}
