//! Does what groups ask for once: sets their offsets, each checked right before and read back after (I/O).
//!
//! What is committed is what the plan showed, and written down before and after. A hand-over that waits for the other group to stop takes that group's
//! offsets of then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use crate::address::ProviderAddress;
use crate::clients::kafka::{
    Client, CommittedOffset, KafkaError, Outcome, Settled, TopicPartition,
};
use crate::document::Document;
use crate::kinds::driver::{Context, Failure, Operation};
use crate::kinds::quantity::span;

use super::super::spec::{ByPartition, HandOver};
use super::super::{
    ConsumerGroup, ConsumerGroupLive, ConsumerGroupSpec, Moves, Place, Protocol, StepFacts,
};
use super::noted::{Noted, mark};
use super::{chosen, describe, measure};

type Done = Result<Option<ConsumerGroupLive>, Failure>;

/// How long to wait between two looks at a group that is to stop.
const PAUSE: Duration = Duration::from_millis(500);

/// One step, ready to be done.
struct Ready<'a> {
    at: usize,
    operation: &'a Operation<ConsumerGroup>,
    spec: &'a ConsumerGroupSpec,
    moves: Moves,
    protocol: Option<Protocol>,
}

/// Does the steps, in their order.
pub(super) async fn apply(
    client: &Client,
    provider: &ProviderAddress,
    operations: &[Operation<ConsumerGroup>],
    context: &Context,
) -> Vec<Done> {
    let mut done: Vec<Option<Done>> = operations.iter().map(finished).collect();
    let left: Vec<&Operation<ConsumerGroup>> = operations
        .iter()
        .zip(&done)
        .filter(|(_, done)| done.is_none())
        .map(|(operation, _)| operation)
        .collect();
    await_stopped(client, &left, context).await;
    let ready = match prepare(client, operations, &mut done).await {
        Ok(ready) => ready,
        Err(error) => return all_failed(operations, &error, Failure::unchanged),
    };
    let noted = note(context, provider, &ready, false).await;
    let ready = keep(ready, noted, &mut done);
    let committed = commit(client, &ready).await;
    let ready = keep(ready, committed, &mut done);
    let noted = note(context, provider, &ready, true).await;
    let ready = keep(ready, noted, &mut done);
    match read_back(client, &ready).await {
        Ok(found) => {
            for (ready, found) in ready.iter().zip(found) {
                done[ready.at] = Some(found);
            }
        }
        Err(error) => {
            for ready in &ready {
                done[ready.at] = Some(Err(Failure::unsettled(format!(
                    "the offsets of the group {:?} could not be read back: {error}",
                    ready.operation.remote_id
                ))));
            }
        }
    }
    let nothing = || Err(Failure::unchanged("it has no step to do"));
    done.into_iter()
        .map(|done| done.unwrap_or_else(nothing))
        .collect()
}

/// Returns the result of a step that an earlier run did.
fn finished(operation: &Operation<ConsumerGroup>) -> Option<Done> {
    let mut live = operation.live.clone().filter(|live| live.stepped)?;
    if hand_over(operation).is_some() {
        let noted = Noted::of(operation.notes.as_ref())?;
        live.taken_over = taken_over(&noted.moves);
    }
    Some(Ok(Some(live)))
}

/// Writes down what is about to be done, or that it was.
async fn note(
    context: &Context,
    provider: &ProviderAddress,
    ready: &[Ready<'_>],
    done: bool,
) -> Vec<Result<(), Failure>> {
    let mut results = Vec::new();
    for ready in ready {
        let step = Noted {
            step: mark(ready.spec, provider),
            moves: ready.moves.clone(),
            done,
        };
        let address = &ready.operation.address;
        let written = context.note(address, Document::of(&step)).await;
        results.push(written.map_err(|error| {
            if done {
                Failure::unsettled(error.to_string())
            } else {
                Failure::unchanged(error.to_string())
            }
        }));
    }
    results
}

fn all_failed(
    operations: &[Operation<ConsumerGroup>],
    error: &KafkaError,
    failure: impl Fn(String) -> Failure,
) -> Vec<Done> {
    let each = operations.iter().map(|operation| {
        Err(failure(format!(
            "the offsets of the group {:?} could not be set: {error}",
            operation.remote_id
        )))
    });
    each.collect()
}

fn hand_over(operation: &Operation<ConsumerGroup>) -> Option<&HandOver> {
    operation.spec.as_ref()?.hand_over.as_ref()
}

/// Waits for the groups that hand over, as long as their steps allow; whether they did stop is looked at later.
async fn await_stopped(
    client: &Client,
    operations: &[&Operation<ConsumerGroup>],
    context: &Context,
) {
    let begin = Instant::now();
    let mut told: BTreeMap<&str, String> = BTreeMap::new();
    loop {
        let waiting = operations.iter().copied().filter_map(|operation| {
            let hand_over = hand_over(operation)?;
            let within = Duration::from_millis(hand_over.within_ms?);
            (begin.elapsed() < within).then_some((operation, hand_over, within))
        });
        let waiting: Vec<_> = waiting.collect();
        if waiting.is_empty() {
            return;
        }
        let ids = waiting.iter().map(|(_, it, _)| it.from.as_str()).collect();
        // What cannot be read now may be a moment later; what never can is told before anything is done.
        let Ok(live) = look(client, &ids).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut active = false;
        for (operation, hand_over, within) in waiting {
            let Some(live) = live.get(&*hand_over.from).filter(|live| live.is_active()) else {
                continue;
            };
            active = true;
            let text = format!(
                "waiting for the group {:?} to stop ({}; up to {})",
                hand_over.from,
                live.words(),
                span(u64::try_from(within.as_millis()).unwrap_or(u64::MAX))
            );
            let before = told.insert(&operation.remote_id, text.clone());
            if before.as_ref() != Some(&text) {
                context.progress(&operation.address, text);
            }
        }
        if !active {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(
    client: &Client,
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<Arc<str>, ConsumerGroupLive>, KafkaError> {
    let all = client.list_groups().await?;
    describe(client, &chosen(&all, ids)).await
}

/// Looks again at all that the steps depend on, and returns those that may be done.
async fn prepare<'a>(
    client: &Client,
    operations: &'a [Operation<ConsumerGroup>],
    done: &mut [Option<Done>],
) -> Result<Vec<Ready<'a>>, KafkaError> {
    let all = client.list_groups().await?;
    let mut ids: BTreeSet<&str> = operations.iter().map(|it| &*it.remote_id).collect();
    let sources = operations.iter().filter_map(hand_over);
    ids.extend(sources.map(|hand_over| hand_over.from.as_str()));
    let live = describe(client, &chosen(&all, &ids)).await?;
    let asked = operations
        .iter()
        .filter_map(|it| Some((it.remote_id.as_str(), it.spec.as_ref()?)));
    let mut now = measure::measure(client, &all, asked.collect()).await?;
    let mut ready = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        if done[at].is_some() {
            continue;
        }
        let (Some(spec), Some(now)) = (&operation.spec, now.remove(&operation.remote_id)) else {
            continue;
        };
        let moves = still_there(operation, spec, &live).and_then(|()| {
            let planned = operation.facts.as_ref().and_then(|it| it.step.as_ref());
            let planned = planned.ok_or("the plan measured nothing: plan again")?;
            moves(spec, planned, now)
        });
        match moves {
            Ok(moves) => ready.push(Ready {
                at,
                operation,
                spec,
                moves,
                protocol: live.get(&*operation.remote_id).map(|live| live.protocol),
            }),
            Err(why) => done[at] = Some(Err(Failure::unchanged(why))),
        }
    }
    Ok(ready)
}

/// Checks that nobody is in a group, nor in the one that hands over.
fn still_there(
    operation: &Operation<ConsumerGroup>,
    spec: &ConsumerGroupSpec,
    live: &BTreeMap<Arc<str>, ConsumerGroupLive>,
) -> Result<(), String> {
    let source = spec.hand_over.as_ref().map(|hand_over| &hand_over.from);
    for id in [Some(&operation.remote_id), source].into_iter().flatten() {
        if let Some(live) = live.get(&**id).filter(|live| live.is_active()) {
            return Err(format!(
                "the group {id:?} is active ({}): no offset was changed",
                live.words()
            ));
        }
    }
    Ok(())
}

/// Returns what to commit: what was planned, where everything is still so.
fn moves(spec: &ConsumerGroupSpec, planned: &StepFacts, now: StepFacts) -> Result<Moves, String> {
    if let Some(why) = now.impossible.first() {
        return Err(format!("{why}: no offset was changed"));
    }
    let from = planned.from.as_ref().and_then(|from| from.live.as_ref());
    let waited = spec
        .hand_over
        .as_ref()
        .is_some_and(|it| it.within_ms.is_some())
        && from.is_some_and(ConsumerGroupLive::is_active);
    let before = |moves: &Moves| offsets(moves, |it| it.before);
    if waited {
        // The other group went on until it stopped; partitions that it had not committed yet are new here.
        let was = before(&planned.moves);
        let is = before(&now.moves);
        let differs = |(at, offset): (&(String, i32), &Option<i64>)| {
            was.get(at).is_some_and(|was| was != offset)
        };
        if is.iter().any(differs) {
            return Err("the group's offsets moved since the plan was made: plan again".to_owned());
        }
        if let Some((topic, index)) = was.keys().find(|at| !is.contains_key(at)) {
            return Err(format!(
                "the group that hands over has no offset of partition {index} of {topic:?} any more: plan again"
            ));
        }
        return Ok(now.moves);
    }
    if spec.hand_over.is_some() {
        let after = |moves: &Moves| offsets(moves, |it| Some(it.after.offset));
        if before(&planned.moves) != before(&now.moves)
            || after(&planned.moves) != after(&now.moves)
        {
            return Err("the groups' offsets moved since the plan was made: plan again".to_owned());
        }
        return Ok(now.moves);
    }
    for (topic, partitions) in &planned.moves {
        for (index, planned) in partitions {
            let now = now.moves.get(topic).and_then(|now| now.get(index));
            let Some(now) = now else {
                return Err(format!(
                    "partition {index} of {topic:?} is gone: plan again"
                ));
            };
            if now.before != planned.before {
                return Err(
                    "the group's offsets moved since the plan was made: plan again".to_owned(),
                );
            }
            if !(now.first..=now.end).contains(&planned.after.offset) {
                return Err(format!(
                    "partition {index} of {topic:?} now begins at {} and ends at {}: plan again",
                    now.first, now.end
                ));
            }
        }
    }
    Ok(planned.moves.clone())
}

fn offsets(
    moves: &Moves,
    of: impl Fn(&super::super::Move) -> Option<i64>,
) -> BTreeMap<(String, i32), Option<i64>> {
    let each = moves.iter().flat_map(|(topic, partitions)| {
        let of = &of;
        partitions
            .iter()
            .map(move |(&index, it)| ((topic.clone(), index), of(it)))
    });
    each.collect()
}

/// Returns the places of a step as they are committed.
fn settled(moves: &Moves) -> Settled {
    let each = moves.iter().flat_map(|(topic, partitions)| {
        let topic: Arc<str> = topic.as_str().into();
        partitions.iter().map(move |(&index, it)| {
            let Place {
                offset,
                epoch,
                metadata,
            } = &it.after;
            let place = CommittedOffset {
                offset: *offset,
                leader_epoch: *epoch,
                metadata: metadata.as_str().into(),
            };
            (TopicPartition::new(topic.clone(), index), place)
        })
    });
    each.collect()
}

/// Commits what is ready; the outcomes are in the order of the steps.
async fn commit(client: &Client, ready: &[Ready<'_>]) -> Vec<Result<(), Failure>> {
    let group = |ready: &Ready<'_>| Arc::<str>::from(ready.operation.remote_id.as_str());
    let is_share = |ready: &&Ready<'_>| ready.protocol == Some(Protocol::Share);
    let has_moves = |ready: &&Ready<'_>| !ready.moves.is_empty();
    let shares: Vec<&Ready<'_>> = ready.iter().filter(has_moves).filter(is_share).collect();
    let others = ready
        .iter()
        .filter(has_moves)
        .filter(|ready| !is_share(ready));
    let others: Vec<&Ready<'_>> = others.collect();
    let starts = shares.iter().map(|ready| {
        let places = settled(&ready.moves).into_iter();
        let starts = places.map(|(partition, place)| (partition, place.offset));
        (group(ready), starts.collect())
    });
    let commits = others
        .iter()
        .map(|ready| (group(ready), settled(&ready.moves)));
    let (starts, commits) = tokio::join!(
        client.alter_share_starts(starts.collect()),
        client.commit_offsets(commits.collect()),
    );
    let mut done: BTreeMap<usize, Result<(), Failure>> = BTreeMap::new();
    for (those, outcomes) in [(shares, starts), (others, commits)] {
        match outcomes {
            Ok(outcomes) => {
                let each = those.iter().zip(outcomes);
                done.extend(each.map(|(ready, outcome)| (ready.at, result(ready, outcome))));
            }
            Err(error) => {
                let failed = |ready: &&Ready<'_>| {
                    let group = &ready.operation.remote_id;
                    let why =
                        format!("the offsets of the group {group:?} could not be set: {error}");
                    (ready.at, Err(Failure::unchanged(why)))
                };
                done.extend(those.iter().map(failed));
            }
        }
    }
    let each = ready.iter();
    each.map(|ready| done.remove(&ready.at).unwrap_or(Ok(())))
        .collect()
}

/// Turns the outcome of a commit into that of its step.
fn result(ready: &Ready<'_>, outcome: Outcome<()>) -> Result<(), Failure> {
    let Err(error) = outcome.result else {
        return Ok(());
    };
    let group = &ready.operation.remote_id;
    let refused = [
        ResponseError::UnknownMemberId,
        ResponseError::NonEmptyGroup,
        ResponseError::GroupAuthorizationFailed,
        ResponseError::InconsistentGroupProtocol,
    ];
    let answered = error.broker_error();
    let is_whole = answered.is_some_and(|error| refused.iter().any(|code| error.is(*code)));
    let joined = answered.is_some_and(|error| {
        error.is(ResponseError::UnknownMemberId) || error.is(ResponseError::NonEmptyGroup)
    });
    let why = if joined {
        format!("somebody joined the group {group:?}: Kafka took no offset ({error})")
    } else {
        format!("the offsets of the group {group:?} could not be set: {error}")
    };
    // What was not answered, and was not sent anywhere either, was not done.
    let is_unsent = answered.is_none() && !error.leaves_doubt();
    Err(if (is_whole || is_unsent) && !outcome.resent {
        Failure::unchanged(why)
    } else {
        Failure::unsettled(why)
    })
}

/// Notes what failed, and returns the rest.
fn keep<'a>(
    ready: Vec<Ready<'a>>,
    committed: Vec<Result<(), Failure>>,
    done: &mut [Option<Done>],
) -> Vec<Ready<'a>> {
    let mut kept = Vec::new();
    for (ready, result) in ready.into_iter().zip(committed) {
        match result {
            Ok(()) => kept.push(ready),
            Err(failure) => done[ready.at] = Some(Err(failure)),
        }
    }
    kept
}

/// Reads the groups again: a success that changed nothing is a failure.
async fn read_back(client: &Client, ready: &[Ready<'_>]) -> Result<Vec<Done>, KafkaError> {
    let all = client.list_groups().await?;
    let ids = ready
        .iter()
        .map(|ready| &*ready.operation.remote_id)
        .collect();
    let groups = chosen(&all, &ids);
    let live = describe(client, &groups).await?;
    let places = measure::places(client, &groups, &live).await?;
    let each = ready.iter().map(|ready| {
        let id = ready.operation.remote_id.as_str();
        let found = places.get(id);
        for (partition, wanted) in settled(&ready.moves) {
            let is = found.and_then(|found| found.get(&partition));
            if is.map(|is| is.offset) != Some(wanted.offset) {
                let is = is.map_or("nothing".to_owned(), |is| is.offset.to_string());
                return Err(Failure::unsettled(format!(
                    "the group {id:?} was set to {} of {partition}, and is at {is}",
                    wanted.offset
                )));
            }
        }
        let mut live = live.get(id).cloned();
        if let Some(live) = live.as_mut().filter(|_| ready.spec.hand_over.is_some()) {
            live.taken_over = taken_over(&ready.moves);
        }
        Ok(live)
    });
    Ok(each.collect())
}

fn taken_over(moves: &Moves) -> ByPartition {
    let each = moves.iter().map(|(topic, partitions)| {
        let offsets = partitions
            .iter()
            .map(|(&index, it)| (index, it.after.offset));
        (topic.clone(), offsets.collect())
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use crate::kinds::consumer_group::{Move, Predecessor};

    use super::*;

    /// A step that moves a group to these offsets, in partitions from 0.
    fn facts(offsets: &[i64]) -> StepFacts {
        let moves = (0..).zip(offsets).map(|(index, &offset)| {
            let after = Place {
                offset,
                epoch: None,
                metadata: String::new(),
            };
            let it = Move {
                before: None,
                after,
                first: 0,
                end: 9,
            };
            (index, it)
        });
        StepFacts {
            moves: Moves::from([("orders".to_owned(), moves.collect())]),
            ..StepFacts::default()
        }
    }

    #[test]
    fn a_hand_over_that_waits_takes_what_is_there_then_and_misses_nothing() {
        let spec = ConsumerGroupSpec {
            name: "new".into(),
            reads: ["orders".to_owned()].into(),
            owner: None,
            max_lag: None,
            commit_interval_ms: None,
            offsets: None,
            hand_over: Some(HandOver {
                from: "old".into(),
                within_ms: Some(1_000),
            }),
        };
        let active = ConsumerGroupLive {
            state: "Stable".into(),
            protocol: Protocol::Classic,
            members: Some(1),
            topics: BTreeSet::new(),
            taken_over: ByPartition::new(),
            moved_on: ByPartition::new(),
            stepped: false,
        };
        let planned = StepFacts {
            from: Some(Predecessor {
                live: Some(active),
                ..Predecessor::default()
            }),
            ..facts(&[3, 4])
        };
        let went_on = moves(&spec, &planned, facts(&[5, 4, 1]));
        assert_eq!(went_on, Ok(facts(&[5, 4, 1]).moves));
        // Its offsets were deleted while it was waited for.
        let told = moves(&spec, &planned, facts(&[5])).expect_err("one is missing");
        insta::assert_snapshot!(told, @r#"the group that hands over has no offset of partition 1 of "orders" any more: plan again"#);
        let unreadable = StepFacts {
            impossible: vec!["The topic \"orders\" cannot be read: it is hidden".into()],
            ..facts(&[5, 4])
        };
        moves(&spec, &planned, unreadable).expect_err("it is hidden");
    }
}
