//! Makes changes in batches, waits until the brokers show them, and reads them back (I/O).
//!
//! The controller answers before the brokers know: a topic exists when `Metadata` shows it with leaders,
//! a value is set when `DescribeConfigs` says so. Until then the change is under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use crate::clients::kafka::{KafkaError, Layout, Mode, Outcome, TopicSelection};
use crate::diagnostic::one_line;
use crate::kinds::Action;
use crate::kinds::driver::{Context, Driver as _, Failure, Operation, Wanted};
use crate::kinds::topic::placement::{self, Racks};
use crate::kinds::topic::{Topic, TopicLive, TopicSpec, diff};

use super::measure::{config_key, config_operations, more_partitions, new_topic};
use super::{TopicDriver, moves};

/// How long brokers may take to show what the controller accepted, for one topic.
const SETTLING: Duration = Duration::from_mins(1);

/// How much longer for each topic of a batch: a broker makes log folders one by one.
const SETTLING_EACH: Duration = Duration::from_millis(100);

/// How long a value may take to be read back.
const READ_BACK: Duration = Duration::from_secs(15);

/// The results of a batch: what went wrong so far with each operation.
pub(super) struct Results(Vec<Option<Failure>>);

impl Results {
    pub(super) fn fail(&mut self, index: usize, message: String, unchanged: bool) {
        // The first failure is the reason; a later one can only make the outcome less certain.
        match &mut self.0[index] {
            Some(failure) => failure.unchanged &= unchanged,
            empty => {
                *empty = Some(Failure {
                    message,
                    unchanged,
                    outcome: None,
                });
            }
        }
    }

    pub(super) fn is_fine(&self, index: usize) -> bool {
        self.0[index].is_none()
    }

    fn take<T>(
        &mut self,
        indexes: &[usize],
        outcomes: Result<Vec<Outcome<T>>, KafkaError>,
        clean: bool,
    ) {
        match outcomes {
            Ok(outcomes) => {
                for (index, outcome) in indexes.iter().zip(outcomes) {
                    if let Err(error) = outcome.result {
                        self.fail(*index, one_line(&error), clean && !error.leaves_doubt());
                    }
                }
            }
            // The call as a whole fails only where nothing can have changed.
            Err(error) => {
                for index in indexes {
                    self.fail(*index, one_line(&error), clean);
                }
            }
        }
    }
}

/// Makes the changes of a batch.
pub(super) async fn apply(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    context: &Context,
) -> Vec<Result<(), Failure>> {
    let mut results = Results(operations.iter().map(|_| None).collect());
    let of = |action: Action| -> Vec<usize> {
        (0..operations.len())
            .filter(|index| operations[*index].action == action)
            .collect()
    };
    let (creates, updates, deletes) = (of(Action::Create), of(Action::Update), of(Action::Delete));
    if !deletes.is_empty() {
        delete(driver, operations, &deletes, &mut results, context).await;
    }
    if !creates.is_empty() {
        create(driver, operations, &creates, &mut results, context).await;
    }
    if !updates.is_empty() {
        configure(driver, operations, &updates, &mut results).await;
        grow(driver, operations, &updates, &mut results, context).await;
        moves::rearrange(driver, operations, &updates, &mut results, context).await;
    }
    let changed: Vec<usize> = creates
        .into_iter()
        .chain(updates)
        .filter(|index| results.is_fine(*index))
        .collect();
    read_back(driver, operations, &changed, &mut results).await;
    results
        .0
        .into_iter()
        .map(|failure| failure.map_or(Ok(()), Err))
        .collect()
}

/// How long brokers may take to show what the controller accepted.
pub(super) fn settling(count: usize) -> Duration {
    SETTLING + SETTLING_EACH * u32::try_from(count).unwrap_or(u32::MAX)
}

async fn create(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
    context: &Context,
) {
    let racks = match racks_if_placed(driver, operations, indexes).await {
        Ok(racks) => racks,
        Err(error) => {
            results.take::<()>(indexes, Err(error), true);
            return;
        }
    };
    let mut topics = Vec::new();
    let mut sent = Vec::new();
    for index in indexes {
        let Some(spec) = &operations[*index].spec else {
            continue;
        };
        let mut topic = new_topic(spec);
        if let (Some(placement), Some(partitions), Some(factor)) =
            (&spec.placement, spec.partitions, spec.replication_factor)
        {
            let none = vec![Vec::new(); partitions as usize];
            match placement::assign(&none, factor as usize, Some(placement), &racks) {
                Ok(assigned) => topic.layout = Layout::Assigned(assigned),
                Err(error) => {
                    results.fail(*index, error.to_string(), true);
                    continue;
                }
            }
        }
        topics.push(topic);
        sent.push(*index);
    }
    let outcomes = driver.client.create_topics(topics, Mode::Apply).await;
    let outcomes = outcomes.map(|outcomes| outcomes.into_iter().map(accept_own_echo).collect());
    results.take(&sent, outcomes, true);
    let visible: BTreeMap<Arc<str>, usize> = sent
        .iter()
        .filter(|index| results.is_fine(**index))
        .map(|index| {
            let operation = &operations[*index];
            let partitions = operation
                .spec
                .as_ref()
                .and_then(|spec| spec.partitions)
                .unwrap_or(1);
            (Arc::from(operation.remote_id.as_str()), partitions as usize)
        })
        .collect();
    await_visible(driver, operations, &sent, visible, results, context).await;
}

/// "It exists already" is the echo of our own first attempt where that one was sent again.
fn accept_own_echo<T>(outcome: Outcome<T>) -> Outcome<()> {
    let echo = outcome.resent && exists(&outcome);
    let result = if echo {
        Ok(())
    } else {
        outcome.result.map(drop)
    };
    Outcome {
        result,
        resent: outcome.resent,
    }
}

/// Whether a topic was not created because it is there.
pub(super) fn exists<T>(outcome: &Outcome<T>) -> bool {
    let error = outcome.result.as_ref().err();
    error
        .and_then(KafkaError::broker_error)
        .is_some_and(|error| error.is(ResponseError::TopicAlreadyExists))
}

async fn racks_if_placed(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
) -> Result<Racks, KafkaError> {
    let placed = |index: &usize| {
        operations[*index]
            .spec
            .as_ref()
            .is_some_and(|spec| spec.placement.is_some())
    };
    if !indexes.iter().any(placed) {
        return Ok(Racks::new());
    }
    let cluster = driver.client.metadata(TopicSelection::Named(&[])).await?;
    Ok(super::racks(&cluster))
}

async fn await_visible(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    visible: BTreeMap<Arc<str>, usize>,
    results: &mut Results,
    context: &Context,
) {
    let (Some(first), count) = (indexes.first(), visible.len()) else {
        return;
    };
    if count == 0 {
        return;
    }
    let address = &operations[*first].address;
    let progress = |left: usize| {
        context.progress(
            address,
            format!("{} of {count} topics are there", count.saturating_sub(left)),
        );
    };
    if let Err(error) = driver
        .client
        .await_topics_visible(&visible, settling(count), progress)
        .await
    {
        for index in indexes {
            if results.is_fine(*index)
                && visible.contains_key(operations[*index].remote_id.as_str())
            {
                results.fail(
                    *index,
                    format!("accepted, but not seen yet: {}", one_line(&error)),
                    false,
                );
            }
        }
    }
}

async fn delete(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
    context: &Context,
) {
    for index in indexes {
        if let Some(notes) = &operations[*index].notes
            && let Err(reason) =
                moves::remove_leftovers(driver, &operations[*index], notes, context).await
        {
            results.fail(*index, reason, true);
        }
    }
    let sent: Vec<usize> = indexes
        .iter()
        .copied()
        .filter(|index| results.is_fine(*index))
        .collect();
    let names: Vec<Arc<str>> = sent
        .iter()
        .map(|index| operations[*index].remote_id.as_str().into())
        .collect();
    let outcomes = driver.client.delete_topics(names).await;
    let outcomes = outcomes.map(|outcomes| outcomes.into_iter().map(accept_absence).collect());
    results.take(&sent, outcomes, true);
    let gone: Vec<usize> = sent
        .into_iter()
        .filter(|index| results.is_fine(*index))
        .collect();
    let Some(first) = gone.first() else { return };
    let names: Vec<Arc<str>> = gone
        .iter()
        .map(|index| operations[*index].remote_id.as_str().into())
        .collect();
    let count = names.len();
    let address = &operations[*first].address;
    let progress = |left: usize| {
        context.progress(
            address,
            format!("{} of {count} topics are gone", count.saturating_sub(left)),
        );
    };
    if let Err(error) = driver
        .client
        .await_topics_gone(names, settling(count), progress)
        .await
    {
        for index in gone {
            results.fail(
                index,
                format!("accepted, but still there: {}", one_line(&error)),
                false,
            );
        }
    }
}

/// A topic that is not there is deleted.
fn accept_absence(outcome: Outcome<()>) -> Outcome<()> {
    let absent = outcome
        .result
        .as_ref()
        .err()
        .and_then(KafkaError::broker_error)
        .is_some_and(|error| error.is(ResponseError::UnknownTopicOrPartition));
    Outcome {
        result: if absent { Ok(()) } else { outcome.result },
        resent: outcome.resent,
    }
}

async fn configure(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
) {
    let (sent, changes): (Vec<usize>, Vec<_>) = indexes
        .iter()
        .filter_map(|index| {
            let operation = &operations[*index];
            Some((
                *index,
                config_operations(&operation.remote_id, &operation.deltas)?,
            ))
        })
        .unzip();
    if !changes.is_empty() {
        let outcomes = driver.client.alter_configs(changes, Mode::Apply).await;
        results.take(&sent, outcomes, true);
    }
}

async fn grow(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
    context: &Context,
) {
    let mut sent = Vec::new();
    let mut grown = Vec::new();
    let mut visible = BTreeMap::new();
    for index in indexes.iter().filter(|index| results.is_fine(**index)) {
        let operation = &operations[*index];
        let Some(spec) = &operation.spec else {
            continue;
        };
        let now = operation.live.as_ref().map_or(0, |live| live.partitions);
        if let Some(total) = spec.partitions.filter(|total| *total > now) {
            sent.push(*index);
            grown.push(more_partitions(spec, total));
            visible.insert(Arc::from(operation.remote_id.as_str()), total as usize);
        }
    }
    if grown.is_empty() {
        return;
    }
    let outcomes = driver.client.create_partitions(grown, Mode::Apply).await;
    // Its configuration may have been changed a moment ago: what failed is not as it was.
    let clean = !sent.iter().any(|index| sets_config(&operations[*index]));
    results.take(&sent, outcomes, clean);
    visible.retain(|topic, _| {
        sent.iter()
            .any(|index| *operations[*index].remote_id == **topic && results.is_fine(*index))
    });
    await_visible(driver, operations, &sent, visible, results, context).await;
}

/// Whether an operation changes the topic's configuration.
pub(super) fn sets_config(operation: &Operation<Topic>) -> bool {
    operation
        .deltas
        .iter()
        .any(|delta| delta.path.starts_with("config["))
}

/// Reads the changed topics until each is as wanted: a success that changed nothing is a failure.
async fn read_back(
    driver: &TopicDriver,
    operations: &[Operation<Topic>],
    indexes: &[usize],
    results: &mut Results,
) {
    let deadline = Instant::now() + READ_BACK;
    let mut pause = Duration::from_millis(25);
    let mut open: Vec<usize> = indexes.to_vec();
    while !open.is_empty() {
        let wanted = open
            .iter()
            .map(|index| Wanted {
                remote_id: operations[*index].remote_id.clone(),
                specs: specs(&operations[*index]),
                owned: false,
                unwanted: false,
                outcome: None,
                notes: None,
            })
            .collect();
        let seen = driver.observe(wanted).await;
        let mut late = Vec::new();
        let last = Instant::now() >= deadline;
        for (at, index) in open.iter().enumerate() {
            let problem = match &seen {
                Ok(lives) => mismatch(&operations[*index], lives[at].as_ref()),
                Err(error) => Some(format!("it cannot be read back: {error}")),
            };
            match problem {
                None => {}
                Some(problem) if last => {
                    results.fail(
                        *index,
                        format!("the broker accepted the change, but {problem}"),
                        false,
                    );
                }
                Some(_) => late.push(*index),
            }
        }
        open = if last { Vec::new() } else { late };
        if !open.is_empty() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

/// Returns what to read back: what is wanted, and the keys that were to be reset.
fn specs(operation: &Operation<Topic>) -> Vec<TopicSpec> {
    let Some(spec) = &operation.spec else {
        return Vec::new();
    };
    let reset: BTreeMap<String, String> = operation
        .deltas
        .iter()
        .filter(|delta| delta.after.is_null())
        .filter_map(|delta| Some((config_key(&delta.path)?, String::new())))
        .collect();
    let mut specs = vec![spec.clone()];
    if !reset.is_empty() {
        specs.push(TopicSpec {
            config: reset,
            ..spec.clone()
        });
    }
    specs
}

/// Says in what a topic is not as an operation was to make it.
fn mismatch(operation: &Operation<Topic>, live: Option<&TopicLive>) -> Option<String> {
    let specs = specs(operation);
    let (spec, history) = specs.split_first()?;
    let Some(live) = live else {
        return Some("the topic is not there".into());
    };
    let planned = |path: &str| {
        operation.action == Action::Create
            || operation.deltas.iter().any(|delta| delta.path == path)
    };
    let left = diff::diff(spec, history, live)
        .into_iter()
        .find(|delta| planned(&delta.path))?;
    Some(format!(
        "{} is {}, not {}",
        left.path, left.before, left.after
    ))
}
