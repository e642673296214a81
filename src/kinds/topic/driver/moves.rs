//! Moves replicas, in place, with a throttle that is always taken away again (I/O).
//!
//! A throttle is rates on brokers and a mark on topics. Before it is set, the journal notes it; a run
//! that was killed meanwhile is followed by one that finds the note and removes what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use crate::clients::kafka::{
    ConfigChange, ConfigOperation, ConfigSource, Extras, KafkaError, Keys, Mode, Reassignment,
    Resource, TopicPartition, TopicSelection,
};
use crate::diagnostic::one_line;
use crate::document::Document;
use crate::kinds::driver::{Context, Operation};
use crate::kinds::topic::{Topic, placement};

use super::TopicDriver;
use super::change::{Results, sets_config};

/// How long a move may take where nothing is set.
const WITHIN: Duration = Duration::from_hours(1);

/// The brokers' rates, in bytes per second.
const RATES: [&str; 2] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
];

/// The topics' marks.
const MARKS: [&str; 2] = [
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
];

/// What is noted in the journal before a throttle is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Throttle {
    /// The rates of before.
    brokers: Rates,
}

/// Broker → rates that it has of its own, by key; null where it has none.
type Rates = BTreeMap<i32, BTreeMap<String, Option<String>>>;

/// The key of the note.
const NOTE: &str = "throttle";

fn note(throttle: Option<&Throttle>) -> Document {
    Document::from(json!({ NOTE: throttle }))
}

fn noted(notes: &Document) -> Option<Throttle> {
    serde_json::from_value(notes.to_value().get_mut(NOTE)?.take()).ok()
}

/// One topic's moves.
struct Move {
    index: usize,
    topic: Arc<str>,
    targets: BTreeMap<TopicPartition, Vec<i32>>,
    brokers: BTreeSet<i32>,
    /// The rate that is wanted, in bytes per second.
    throttle: Option<u64>,
    within: Duration,
}

/// Moves the replicas of all topics of a batch whose replication factor or placement changes, and
/// removes the throttles that killed runs left.
pub(super) async fn rearrange(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
    context: &Context,
) {
    for &index in indexes {
        if results.is_fine(index)
            && let Some(notes) = &operations[index].notes
            && let Err(reason) = remove_leftovers(driver, &operations[index], notes, context).await
        {
            results.fail(index, reason, false);
        }
    }
    let rearranged: Vec<usize> = indexes
        .iter()
        .copied()
        .filter(|index| results.is_fine(*index) && rearranges(&operations[*index]))
        .collect();
    if rearranged.is_empty() {
        return;
    }
    let mut moves = match targets(driver, operations, &rearranged, results).await {
        Ok(moves) => moves,
        Err(error) => {
            for index in rearranged {
                results.fail(index, one_line(&error), !sets_config(&operations[index]));
            }
            return;
        }
    };
    let throttles = match set_throttles(driver, operations, &moves, context).await {
        Ok(throttles) => throttles,
        Err(reason) => {
            for one in moves.extract_if(.., |one| one.throttle.is_some()) {
                results.fail(
                    one.index,
                    reason.clone(),
                    !sets_config(&operations[one.index]),
                );
            }
            BTreeMap::new()
        }
    };
    begin(driver, &moves, results).await;
    moves.retain(|one| results.is_fine(one.index));
    finish(driver, operations, moves, results, context).await;
    // Taken away when all moves are done: topics share the brokers' rates.
    if let Err(reason) = unthrottle(driver, operations, &throttles, context).await {
        for index in throttles.into_keys() {
            results.fail(index, reason.clone(), false);
        }
    }
}

fn rearranges(operation: &Operation<Topic>) -> bool {
    operation
        .deltas
        .iter()
        .any(|delta| matches!(delta.path.as_str(), "replication_factor" | "placement"))
}

/// Computes where the replicas of topics should stand.
async fn targets(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
) -> Result<Vec<Move>, KafkaError> {
    let names: Vec<Arc<str>> = indexes
        .iter()
        .map(|i| operations[*i].remote_id.as_str().into())
        .collect();
    let metadata = driver
        .client
        .metadata(TopicSelection::Named(&names))
        .await?;
    let racks = super::racks(&metadata);
    let partitions: Vec<TopicPartition> = metadata
        .topics
        .iter()
        .flat_map(|t| {
            t.partitions
                .iter()
                .map(|p| TopicPartition::new(t.name.clone(), p.index))
        })
        .collect();
    let ongoing = driver
        .client
        .list_partition_reassignments(Some(&partitions))
        .await?;
    let mut moves = Vec::new();
    for index in indexes {
        let operation = &operations[*index];
        let topic = metadata
            .topics
            .iter()
            .find(|topic| *topic.name == *operation.remote_id);
        let (Some(topic), Some(spec)) = (topic, &operation.spec) else {
            continue;
        };
        let current: Vec<Vec<i32>> = topic
            .partitions
            .iter()
            .map(|p| {
                let moving = ongoing.get(&TopicPartition::new(topic.name.clone(), p.index));
                moving.map_or_else(
                    || p.replicas.to_vec(),
                    crate::clients::kafka::OngoingReassignment::target,
                )
            })
            .collect();
        let least = current.iter().map(Vec::len).min().unwrap_or(0);
        let factor = spec
            .replication_factor
            .map_or(least, |factor| factor as usize);
        match placement::assign(&current, factor, spec.placement.as_ref(), &racks) {
            Ok(assigned) => {
                let how = spec.reassignment.as_ref();
                let within = how.and_then(|how| how.within_ms);
                let mut one = Move {
                    index: *index,
                    topic: topic.name.clone(),
                    targets: BTreeMap::new(),
                    brokers: BTreeSet::new(),
                    throttle: how.and_then(|how| how.throttle),
                    within: within.map_or(WITHIN, Duration::from_millis),
                };
                for ((partition, was), is) in topic.partitions.iter().zip(&current).zip(assigned) {
                    if *was != is {
                        one.brokers.extend(was.iter().chain(&is));
                        one.targets
                            .insert(TopicPartition::new(topic.name.clone(), partition.index), is);
                    }
                }
                moves.push(one);
            }
            Err(error) => results.fail(*index, error.to_string(), !sets_config(operation)),
        }
    }
    Ok(moves)
}

/// Begins the moves of all topics in one call.
async fn begin(driver: &TopicDriver, moves: &[Move], results: &mut Results) {
    let (owners, asked): (Vec<usize>, Vec<Reassignment>) = moves
        .iter()
        .flat_map(|one| {
            one.targets.iter().map(|(partition, target)| {
                let partition = partition.clone();
                let replicas = Some(target.clone());
                (
                    one.index,
                    Reassignment {
                        partition,
                        replicas,
                    },
                )
            })
        })
        .unzip();
    match driver.client.alter_partition_reassignments(asked).await {
        Ok(outcomes) => {
            for (index, outcome) in owners.into_iter().zip(outcomes) {
                if let Err(error) = outcome.result {
                    results.fail(index, refused(&error), false);
                }
            }
        }
        Err(error) => {
            for one in moves {
                results.fail(one.index, refused(&error), false);
            }
        }
    }
}

fn refused(error: &KafkaError) -> String {
    format!("the replicas cannot be moved: {}", one_line(error))
}

/// Waits until all moves are done, each as long as it may take.
async fn finish(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    mut moves: Vec<Move>,
    results: &mut Results,
    context: &Context,
) {
    let start = Instant::now();
    let mut pause = Duration::from_millis(100);
    while !moves.is_empty() {
        let left = match unfinished(driver, &moves).await {
            Ok(left) => left,
            Err(error) => {
                for one in moves {
                    let reason = one_line(&error);
                    results.fail(
                        one.index,
                        format!("the replicas are moving, but their way cannot be seen: {reason}"),
                        false,
                    );
                }
                return;
            }
        };
        moves.retain(|one| {
            let Some(&left) = left.get(&one.topic) else {
                return false;
            };
            let text = format!(
                "replicas of {left} of {} partitions are moving",
                one.targets.len()
            );
            context.progress(&operations[one.index].address, text);
            let in_time = start.elapsed() < one.within;
            if !in_time {
                results.fail(one.index, out_of_time(left, one.within), false);
            }
            in_time
        });
        if !moves.is_empty() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

fn out_of_time(left: usize, within: Duration) -> String {
    format!(
        "replicas of {left} partitions are still moving after {} s; the cluster goes on with it, not throttled: \
         apply again later, or allow more time with reassignment {{ within = … }}",
        within.as_secs_f64()
    )
}

/// Returns how many partitions of each topic are not where they should be. The controller's list goes
/// empty before the brokers know: both must agree.
async fn unfinished(
    driver: &TopicDriver,
    moves: &[Move],
) -> Result<BTreeMap<Arc<str>, usize>, KafkaError> {
    let names: Vec<Arc<str>> = moves.iter().map(|one| one.topic.clone()).collect();
    let partitions = moves.iter().flat_map(|one| one.targets.keys().cloned());
    let partitions: Vec<TopicPartition> = partitions.collect();
    let (ongoing, metadata) = tokio::join!(
        driver
            .client
            .list_partition_reassignments(Some(&partitions)),
        driver.client.metadata(TopicSelection::Named(&names)),
    );
    let (ongoing, metadata) = (ongoing?, metadata?);
    let mut shown: BTreeMap<TopicPartition, BTreeSet<i32>> = BTreeMap::new();
    for topic in &metadata.topics {
        for partition in &topic.partitions {
            let replicas = partition.replicas.iter().copied().collect();
            shown.insert(
                TopicPartition::new(topic.name.clone(), partition.index),
                replicas,
            );
        }
    }
    let mut left = BTreeMap::new();
    for one in moves {
        let open = one.targets.iter().filter(|(partition, target)| {
            let target: BTreeSet<i32> = target.iter().copied().collect();
            ongoing.contains_key(*partition) || shown.get(*partition) != Some(&target)
        });
        let open = open.count();
        if open > 0 {
            left.insert(one.topic.clone(), open);
        }
    }
    Ok(left)
}

/// The throttles of a batch, by the index of the operation.
type Throttles = BTreeMap<usize, Throttle>;

/// Throttles the moves that are to be throttled. Topics that share a broker share its rate, the lowest
/// one that is wanted; what the broker had before is read once, before any of them is set.
async fn set_throttles(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    moves: &[Move],
    context: &Context,
) -> Result<Throttles, String> {
    let moving = || moves.iter().filter(|one| !one.targets.is_empty());
    let mut rates: BTreeMap<i32, u64> = BTreeMap::new();
    for one in moving() {
        let Some(wanted) = one.throttle else { continue };
        for broker in &one.brokers {
            let rate = rates.entry(*broker).or_insert(wanted);
            *rate = wanted.min(*rate);
        }
    }
    if rates.is_empty() {
        return Ok(Throttles::new());
    }
    let former = former_rates(driver, rates.keys().copied()).await?;
    let mut throttles = Throttles::new();
    let mut changes: Vec<ConfigChange> = rates
        .into_iter()
        .map(|(broker, rate)| set(Resource::Broker(broker), &RATES, &rate.to_string()))
        .collect();
    for one in moving().filter(|one| one.throttle.is_some()) {
        let brokers = former
            .iter()
            .filter(|(broker, _)| one.brokers.contains(broker));
        let throttle = Throttle {
            brokers: brokers.map(|(id, was)| (*id, was.clone())).collect(),
        };
        let address = &operations[one.index].address;
        let noted = context.note(address, note(Some(&throttle))).await;
        noted.map_err(|error| error.to_string())?;
        throttles.insert(one.index, throttle);
        changes.push(set(Resource::Topic(one.topic.clone()), &MARKS, "*"));
    }
    if let Err(reason) = alter(driver, changes).await {
        unthrottle(driver, operations, &throttles, context).await?;
        return Err(format!("the throttle cannot be set: {reason}"));
    }
    Ok(throttles)
}

fn set(resource: Resource, keys: &[&str], value: &str) -> ConfigChange {
    let value: Arc<str> = value.into();
    let operations = keys
        .iter()
        .map(|key| (Arc::from(*key), ConfigOperation::Set(value.clone())));
    ConfigChange {
        resource,
        operations: operations.collect(),
    }
}

/// Returns the rates that brokers have of their own: null where there is none.
async fn former_rates(
    driver: &TopicDriver,
    brokers: impl Iterator<Item = i32>,
) -> Result<Rates, String> {
    let keys: Arc<[Arc<str>]> = RATES.iter().map(|key| Arc::from(*key)).collect();
    let brokers: Vec<i32> = brokers.collect();
    let asked: Vec<_> = brokers
        .iter()
        .map(|id| (Resource::Broker(*id), Keys::Only(keys.clone())))
        .collect();
    let described = driver
        .client
        .describe_configs(&asked, Extras::default())
        .await;
    let described = described.map_err(|error| one_line(&error))?;
    let mut rates = Rates::new();
    for (broker, entries) in brokers.into_iter().zip(described) {
        let own = rates.entry(broker).or_default();
        own.extend(RATES.iter().map(|key| ((*key).to_owned(), None)));
        for entry in entries.map_err(|error| error.to_string())? {
            if entry.source == ConfigSource::DynamicBroker {
                let value = entry.value.as_deref().map(str::to_owned);
                own.insert(entry.name.to_string(), value);
            }
        }
    }
    Ok(rates)
}

/// Removes what a killed run noted.
pub(super) async fn remove_leftovers(
    driver: &TopicDriver,
    operation: &Operation<Topic>,
    notes: &Document,
    context: &Context,
) -> Result<(), String> {
    match noted(notes) {
        Some(throttle) => {
            let throttles = Throttles::from([(0, throttle)]);
            unthrottle(driver, std::slice::from_ref(operation), &throttles, context).await
        }
        None => Ok(()),
    }
}

/// Puts the brokers' rates back, removes the topics' marks, and then the notes.
async fn unthrottle(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    throttles: &Throttles,
    context: &Context,
) -> Result<(), String> {
    if throttles.is_empty() {
        return Ok(());
    }
    let former: Rates = throttles
        .values()
        .flat_map(|throttle| throttle.brokers.clone())
        .collect();
    let mut changes: Vec<ConfigChange> = former
        .into_iter()
        .map(|(id, former)| ConfigChange {
            resource: Resource::Broker(id),
            operations: former
                .into_iter()
                .map(|(key, value)| {
                    let delete = ConfigOperation::Delete;
                    let operation =
                        value.map_or(delete, |value| ConfigOperation::Set(value.into()));
                    (Arc::from(key), operation)
                })
                .collect(),
        })
        .collect();
    changes.extend(throttles.keys().map(|index| {
        ConfigChange {
            resource: Resource::Topic(operations[*index].remote_id.as_str().into()),
            operations: MARKS
                .iter()
                .map(|key| (Arc::from(*key), ConfigOperation::Delete))
                .collect(),
        }
    }));
    alter(driver, changes).await.map_err(|reason| {
        format!(
            "the replication throttle could not be removed, the next apply tries again: {reason}"
        )
    })?;
    for index in throttles.keys() {
        let noted = context.note(&operations[*index].address, note(None)).await;
        noted.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Makes the changes. A topic that is gone has no marks to remove.
async fn alter(driver: &TopicDriver, changes: Vec<ConfigChange>) -> Result<(), String> {
    let outcomes = driver.client.alter_configs(changes, Mode::Apply).await;
    let outcomes = outcomes.map_err(|error| one_line(&error))?;
    let gone = |error: &KafkaError| {
        error
            .broker_error()
            .is_some_and(|error| error.is(ResponseError::UnknownTopicOrPartition))
    };
    let failed = outcomes
        .into_iter()
        .filter_map(|outcome| outcome.result.err());
    match failed.into_iter().find(|error| !gone(error)) {
        Some(error) => Err(one_line(&error)),
        None => Ok(()),
    }
}
