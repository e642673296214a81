//! Moves replicas, in place, with a throttle that is always taken away again (I/O).
//!
//! A throttle is rates on brokers and a mark on topics. Before it is set, the journal notes it; a run
//! that was killed meanwhile is followed by one that finds the note and removes what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use crate::clients::kafka::{
    ConfigChange, ConfigOperation, ConfigSource, Extras, KafkaError, Keys, Mode, Reassignment,
    Resource, TopicPartition, TopicSelection,
};
use crate::document::Document;
use crate::kinds::driver::{Context, Operation};
use crate::kinds::topic::{Topic, placement};

use super::TopicDriver;
use super::change::{Results, sentence, sets_config};

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
    /// Broker → rates that it had before, by key; null where it had none of its own.
    brokers: BTreeMap<i32, BTreeMap<String, Option<String>>>,
}

/// The key of the note.
const NOTE: &str = "throttle";

fn note(throttle: Option<&Throttle>) -> Document {
    Document::from(json!({ NOTE: throttle }))
}

fn noted(notes: &Document) -> Option<Throttle> {
    serde_json::from_value(notes.as_value().get(NOTE)?.clone()).ok()
}

/// One topic's moves.
struct Move {
    index: usize,
    targets: BTreeMap<TopicPartition, Vec<i32>>,
    brokers: BTreeSet<i32>,
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
    for index in indexes
        .iter()
        .filter(|index| results.is_fine(**index))
        .copied()
        .collect::<Vec<_>>()
    {
        if let Some(notes) = &operations[index].notes
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
    let moves = match targets(driver, operations, &rearranged, results).await {
        Ok(moves) => moves,
        Err(error) => {
            for index in rearranged {
                results.fail(index, sentence(&error), !sets_config(&operations[index]));
            }
            return;
        }
    };
    // One topic after the other would take as many round trips; a throttle belongs to each topic.
    let mut begun = Vec::new();
    for one in moves {
        match begin(driver, &operations[one.index], &one, context).await {
            Ok(throttle) => begun.push((one, throttle)),
            Err(reason) => results.fail(one.index, reason, false),
        }
    }
    for (one, throttle) in begun {
        let operation = &operations[one.index];
        let ended = finish(driver, operation, &one, context).await;
        let cleaned = match throttle {
            Some(throttle) => unthrottle(driver, operation, &throttle, context).await,
            None => Ok(()),
        };
        if let Err(reason) = ended.and(cleaned) {
            results.fail(one.index, reason, false);
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
                let mut one = Move {
                    index: *index,
                    targets: BTreeMap::new(),
                    brokers: BTreeSet::new(),
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

/// Sets the throttle, if one is wanted, and begins a topic's moves.
async fn begin(
    driver: &TopicDriver,
    operation: &Operation<Topic>,
    one: &Move,
    context: &Context,
) -> Result<Option<Throttle>, String> {
    let wanted = operation
        .spec
        .as_ref()
        .and_then(|spec| spec.reassignment.as_ref()?.throttle);
    let throttle = match wanted {
        Some(rate) if !one.targets.is_empty() => {
            Some(set_throttle(driver, operation, one, rate, context).await?)
        }
        _ => None,
    };
    let moves = one
        .targets
        .iter()
        .map(|(partition, target)| Reassignment {
            partition: partition.clone(),
            replicas: Some(target.clone()),
        })
        .collect();
    let outcomes = driver.client.alter_partition_reassignments(moves).await;
    let refused = match outcomes {
        Ok(outcomes) => outcomes
            .into_iter()
            .find_map(|outcome| outcome.result.err()),
        Err(error) => Some(error),
    };
    let Some(error) = refused else {
        return Ok(throttle);
    };
    if let Some(throttle) = throttle {
        unthrottle(driver, operation, &throttle, context).await?;
    }
    Err(format!(
        "the replicas cannot be moved: {}",
        sentence(&error)
    ))
}

/// Waits until a topic's moves are done. The controller's list goes empty before the brokers know: both
/// must agree.
async fn finish(
    driver: &TopicDriver,
    operation: &Operation<Topic>,
    one: &Move,
    context: &Context,
) -> Result<(), String> {
    let reassignment = operation
        .spec
        .as_ref()
        .and_then(|spec| spec.reassignment.as_ref());
    let within = reassignment
        .and_then(|r| r.within_ms)
        .map_or(WITHIN, Duration::from_millis);
    let deadline = Instant::now() + within;
    let partitions: Vec<TopicPartition> = one.targets.keys().cloned().collect();
    let name: Arc<str> = operation.remote_id.as_str().into();
    let mut pause = Duration::from_millis(100);
    while !partitions.is_empty() {
        let left = unfinished(driver, &name, one, &partitions)
            .await
            .map_err(|error| sentence(&error))?;
        if left == 0 {
            return Ok(());
        }
        context.progress(
            &operation.address,
            format!(
                "replicas of {} of {} partitions are moving",
                left,
                partitions.len()
            ),
        );
        if Instant::now() >= deadline {
            return Err(format!(
                "replicas of {left} partitions are still moving after {} s; the cluster goes on with it: \
                 apply again later, or allow more time with reassignment {{ within = … }}",
                within.as_secs()
            ));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
    Ok(())
}

async fn unfinished(
    driver: &TopicDriver,
    name: &Arc<str>,
    one: &Move,
    partitions: &[TopicPartition],
) -> Result<usize, KafkaError> {
    let names = [name.clone()];
    let (ongoing, metadata) = tokio::join!(
        driver.client.list_partition_reassignments(Some(partitions)),
        driver.client.metadata(TopicSelection::Named(&names)),
    );
    let (ongoing, metadata) = (ongoing?, metadata?);
    let shown: BTreeMap<i32, BTreeSet<i32>> = metadata
        .topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .map(|partition| {
            (
                partition.index,
                partition.replicas.iter().copied().collect(),
            )
        })
        .collect();
    let is_done = |partition: &&TopicPartition| {
        let target: BTreeSet<i32> = one.targets[*partition].iter().copied().collect();
        !ongoing.contains_key(*partition) && shown.get(&partition.index) == Some(&target)
    };
    Ok(partitions.len() - partitions.iter().filter(is_done).count())
}

async fn set_throttle(
    driver: &TopicDriver,
    operation: &Operation<Topic>,
    one: &Move,
    rate: u64,
    context: &Context,
) -> Result<Throttle, String> {
    let keys: Arc<[Arc<str>]> = RATES.iter().map(|key| Arc::from(*key)).collect();
    let asked: Vec<_> = one
        .brokers
        .iter()
        .map(|id| (Resource::Broker(*id), Keys::Only(keys.clone())))
        .collect();
    let described = driver
        .client
        .describe_configs(&asked, Extras::default())
        .await;
    let described = described.map_err(|error| sentence(&error))?;
    let mut throttle = Throttle {
        brokers: BTreeMap::new(),
    };
    for (broker, entries) in one.brokers.iter().zip(described) {
        let mut former: BTreeMap<String, Option<String>> =
            RATES.iter().map(|key| ((*key).to_owned(), None)).collect();
        for entry in entries.map_err(|error| error.to_string())? {
            if entry.source == ConfigSource::DynamicBroker {
                former.insert(
                    entry.name.to_string(),
                    entry.value.as_deref().map(str::to_owned),
                );
            }
        }
        throttle.brokers.insert(*broker, former);
    }
    let written = context
        .note(&operation.address, note(Some(&throttle)))
        .await;
    written.map_err(|error| error.to_string())?;
    let rate: Arc<str> = rate.to_string().into();
    let set = |keys: &[&str], value: &Arc<str>| -> Vec<_> {
        keys.iter()
            .map(|key| (Arc::from(*key), ConfigOperation::Set(value.clone())))
            .collect()
    };
    let mut changes: Vec<ConfigChange> = one
        .brokers
        .iter()
        .map(|id| ConfigChange {
            resource: Resource::Broker(*id),
            operations: set(&RATES, &rate),
        })
        .collect();
    changes.push(ConfigChange {
        resource: Resource::Topic(operation.remote_id.as_str().into()),
        operations: set(&MARKS, &Arc::from("*")),
    });
    if let Err(reason) = alter(driver, changes).await {
        unthrottle(driver, operation, &throttle, context).await?;
        return Err(format!("the throttle cannot be set: {reason}"));
    }
    Ok(throttle)
}

/// Removes what a killed run noted.
pub(super) async fn remove_leftovers(
    driver: &TopicDriver,
    operation: &Operation<Topic>,
    notes: &Document,
    context: &Context,
) -> Result<(), String> {
    match noted(notes) {
        Some(throttle) => unthrottle(driver, operation, &throttle, context).await,
        None => Ok(()),
    }
}

/// Puts the brokers' rates back, removes the topic's marks, and then the note.
async fn unthrottle(
    driver: &TopicDriver,
    operation: &Operation<Topic>,
    throttle: &Throttle,
    context: &Context,
) -> Result<(), String> {
    let mut changes: Vec<ConfigChange> = throttle
        .brokers
        .iter()
        .map(|(id, former)| ConfigChange {
            resource: Resource::Broker(*id),
            operations: former
                .iter()
                .map(|(key, value)| {
                    let operation = match value {
                        Some(value) => ConfigOperation::Set(value.as_str().into()),
                        None => ConfigOperation::Delete,
                    };
                    (Arc::from(key.as_str()), operation)
                })
                .collect(),
        })
        .collect();
    changes.push(ConfigChange {
        resource: Resource::Topic(operation.remote_id.as_str().into()),
        operations: MARKS
            .iter()
            .map(|key| (Arc::from(*key), ConfigOperation::Delete))
            .collect(),
    });
    alter(driver, changes).await.map_err(|reason| {
        format!(
            "the replication throttle could not be removed, the next apply tries again: {reason}"
        )
    })?;
    context
        .note(&operation.address, note(None))
        .await
        .map_err(|error| error.to_string())
}

async fn alter(driver: &TopicDriver, changes: Vec<ConfigChange>) -> Result<(), String> {
    let outcomes = driver.client.alter_configs(changes, Mode::Apply).await;
    let outcomes = outcomes.map_err(|error| sentence(&error))?;
    match outcomes
        .into_iter()
        .find_map(|outcome| outcome.result.err())
    {
        Some(error) => Err(sentence(&error)),
        None => Ok(()),
    }
}
