//! What Kafka's view of a group says about its declaration: words, and obstacles to the steps that it asks for. Pure.

use std::collections::BTreeSet;

use crate::kinds::quantity::span;
use crate::kinds::{Check, CheckInput, Finding, Weight};

use super::spec::HandOver;
use super::{ConsumerGroup, ConsumerGroupSpec, Protocol, StepFacts, moves};

/// The rules, in the order in which their findings are shown.
pub(super) const CHECKS: &[Check<ConsumerGroup>] = &[
    Check {
        code: "no-such-group",
        run: no_such_group,
    },
    Check {
        code: "reads-more",
        run: reads_more,
    },
    Check {
        code: "step-done",
        run: step_done,
    },
    Check {
        code: "group-active",
        run: group_active,
    },
    Check {
        code: "streams-state",
        run: streams_state,
    },
    Check {
        code: "hand-over-active",
        run: hand_over_active,
    },
    Check {
        code: "nothing-to-hand-over",
        run: nothing_to_hand_over,
    },
    Check {
        code: "hand-over-in-part",
        run: hand_over_in_part,
    },
    Check {
        code: "offsets-impossible",
        run: impossible,
    },
    Check {
        code: "offsets-skip",
        run: moves::skips,
    },
    Check {
        code: "offsets-rewind",
        run: moves::rewinds,
    },
    Check {
        code: "offsets-start",
        run: moves::starts,
    },
    Check {
        code: "offsets-stay",
        run: moves::stays,
    },
];

pub(super) type Input<'a> = CheckInput<'a, ConsumerGroup>;

/// Returns what a step would do, where the change holds one.
pub(super) fn step<'a>(input: &'a Input<'_>) -> Option<(&'a ConsumerGroupSpec, &'a StepFacts)> {
    Some((input.spec?, input.facts.step.as_ref()?))
}

/// A step that only has to be recorded touches nobody, whoever is in the group by now.
fn step_done(input: &Input<'_>) -> Vec<Finding> {
    let stepped = input.live.is_some_and(|live| live.stepped);
    let Some(spec) = input.spec.filter(|_| stepped) else {
        return Vec::new();
    };
    vec![
        Finding::new(
            "step-done",
            Weight::Note,
            format!(
                "The offsets of the group {:?} were set by an earlier run",
                input.remote_id
            ),
        )
        .detail("It was ended before it could record that. They are not set again.")
        .on(block(spec)),
    ]
}

/// The block of the step.
pub(super) fn block(spec: &ConsumerGroupSpec) -> &'static str {
    if spec.hand_over.is_some() {
        "hand_over"
    } else {
        "offsets"
    }
}

/// A group that we may not see is neither there nor not.
pub(in crate::kinds) fn hidden(group: &str, why: &str) -> Finding {
    Finding::new(
        "hidden-group",
        Weight::Warning,
        format!("The group {group:?} cannot be seen: {why}"),
    )
    .detail("Whom a change concerns, and how far the group is, cannot be told.")
    .hint("allow the provider's user to describe it: DESCRIBE on the group, or on the cluster for all")
}

/// A slip in the name would leave the real group's readers without a voice.
fn no_such_group(input: &Input<'_>) -> Vec<Finding> {
    if input.live.is_some() || input.spec.is_none() {
        return Vec::new();
    }
    if let Some(why) = &input.facts.hidden {
        return vec![hidden(input.remote_id, why)];
    }
    let is_made = step(input).is_some();
    let mut finding = Finding::new(
        "no-such-group",
        Weight::Note,
        format!("There is no group {:?} in Kafka so far", input.remote_id),
    )
    .detail(if is_made {
        "It appears there with the offsets that are set."
    } else {
        "It appears there when its consumers join."
    });
    finding.hint = input.facts.similar.clone().filter(|_| !is_made);
    vec![finding]
}

/// A group is asked before its topics change: one that reads more than is declared is not asked for the rest.
fn reads_more(input: &Input<'_>) -> Vec<Finding> {
    let (Some(spec), Some(live)) = (input.spec, input.live) else {
        return Vec::new();
    };
    let more: BTreeSet<&str> = live
        .topics
        .iter()
        .chain(&input.facts.committed)
        .filter(|topic| !spec.reads.contains(*topic))
        .map(String::as_str)
        .collect();
    if more.is_empty() {
        return Vec::new();
    }
    vec![
        Finding::new(
            "reads-more",
            Weight::Warning,
            format!(
                "The group {:?} also reads {}",
                input.remote_id,
                quoted(more)
            ),
        )
        .detail("Kafka shows members or committed offsets there; reads does not name it.")
        .hint("add it to reads, or delete the offsets that the group no longer needs")
        .on("reads"),
    ]
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    names.join(", ")
}

const LEAVING: &str = "A consumer that is closed leaves at once; one that was killed is a member until its session \
                       times out (45 seconds where nothing else is set).";

/// Kafka refuses offsets of a group that somebody is in, and a consumer would overwrite them.
fn group_active(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, _)) = step(input) else {
        return Vec::new();
    };
    let Some(live) = input.live.filter(|live| live.is_active()) else {
        return Vec::new();
    };
    vec![
        Finding::new(
            "group-active",
            Weight::Error,
            format!(
                "The group {:?} is active ({}): its offsets are its members'",
                input.remote_id,
                live.words()
            ),
        )
        .detail(format!(
            "Kafka takes offsets from outside only while nobody is in a group. {LEAVING}"
        ))
        .hint(format!(
            "stop its application and plan again; or take the block {} away to leave it as it is",
            block(spec)
        ))
        .on(block(spec)),
    ]
}

/// Offsets are only a part of what a Kafka Streams application knows.
fn streams_state(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, facts)) = step(input) else {
        return Vec::new();
    };
    let source = facts.from.as_ref().and_then(|from| from.live.as_ref());
    let is_streams = |live: &super::ConsumerGroupLive| live.protocol == Protocol::Streams;
    if !input.live.into_iter().chain(source).any(is_streams) {
        return Vec::new();
    }
    vec![
        Finding::new(
            "streams-state",
            Weight::Warning,
            "A Kafka Streams application keeps state besides its offsets, which stays as it is",
        )
        .detail(
            "What is read again is counted again, what is left out stays uncounted; and under another application \
             id there is no state at all.",
        )
        .hint(
            "kafka-streams-application-reset deletes the internal topics too; the local state of the instances \
             is for KafkaStreams.cleanUp() to delete",
        )
        .on(block(spec)),
    ]
}

fn handing_over<'a>(input: &'a Input<'_>) -> Option<(&'a HandOver, &'a StepFacts)> {
    let (spec, facts) = step(input)?;
    Some((spec.hand_over.as_ref()?, facts))
}

/// What a group reads after its offsets were copied is read twice.
fn hand_over_active(input: &Input<'_>) -> Vec<Finding> {
    let Some((hand_over, facts)) = handing_over(input) else {
        return Vec::new();
    };
    let live = facts.from.as_ref().and_then(|from| from.live.as_ref());
    let Some(live) = live.filter(|live| live.is_active()) else {
        return Vec::new();
    };
    let summary = format!(
        "The group {:?}, which hands over, is active ({})",
        hand_over.from,
        live.words()
    );
    let finding = match hand_over.within_ms {
        None => Finding::new("hand-over-active", Weight::Error, summary)
            .detail(format!(
                "What it goes on reading would be read twice. {LEAVING}"
            ))
            .hint(
                "stop its application and plan again; or set within = \"5m\" to let the apply wait until \
                 it has stopped",
            ),
        Some(within) => Finding::new("hand-over-active", Weight::Warning, summary).detail(format!(
            "The apply waits up to {} for it to stop, and takes the offsets of then; those shown here are those of \
             now.",
            span(within)
        )),
    };
    vec![finding.on("hand_over")]
}

/// A hand-over of nothing lets the new group begin where `auto.offset.reset` says.
fn nothing_to_hand_over(input: &Input<'_>) -> Vec<Finding> {
    let Some((hand_over, facts)) = handing_over(input) else {
        return Vec::new();
    };
    let Some(from) = &facts.from else {
        return Vec::new();
    };
    let is_share = |live: &super::ConsumerGroupLive| live.protocol == Protocol::Share;
    if from.live.as_ref().is_some_and(is_share) || input.live.is_some_and(is_share) {
        return vec![
            Finding::new(
                "nothing-to-hand-over",
                Weight::Error,
                "A share group cannot hand over, nor take over",
            )
            .detail("It acknowledges records one by one: no offset says which of them are done.")
            .hint("set where the group begins with an offsets block")
            .on("hand_over"),
        ];
    }
    // What cannot be read is told by itself.
    if !facts.moves.is_empty() || !facts.impossible.is_empty() {
        return Vec::new();
    }
    let summary = match &from.live {
        None => format!(
            "There is no group {:?} that could hand over",
            hand_over.from
        ),
        Some(_) => format!(
            "The group {:?} committed nothing that could be handed over",
            hand_over.from
        ),
    };
    // In an environment that is new, nobody has read anything yet.
    let finding = if facts.records == 0 {
        Finding::new("nothing-to-hand-over", Weight::Note, summary)
            .detail("The topics hold no records: nothing is read twice or left out.")
    } else {
        Finding::new("nothing-to-hand-over", Weight::Error, summary)
            .detail("The new group would begin where its consumers' auto.offset.reset says.")
            .hint(from.similar.clone().unwrap_or_else(|| {
                "correct the name; or say where the group begins with an offsets block".to_owned()
            }))
    };
    vec![finding.on("hand_over")]
}

fn hand_over_in_part(input: &Input<'_>) -> Vec<Finding> {
    let Some((hand_over, facts)) = handing_over(input) else {
        return Vec::new();
    };
    let Some(from) = facts.from.as_ref().filter(|_| !facts.moves.is_empty()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if !from.others.is_empty() {
        let others = from.others.iter().map(String::as_str);
        found.push(
            Finding::new(
                "hand-over-in-part",
                Weight::Warning,
                format!(
                    "The group {:?} also committed offsets of {}, which are not handed over",
                    hand_over.from,
                    quoted(others)
                ),
            )
            .detail("reads does not name it.")
            .on("reads"),
        );
    }
    if from.uncommitted > 0 {
        found.push(
            Finding::new(
                "hand-over-in-part",
                Weight::Warning,
                format!(
                    "The group {:?} committed no offset of {} of the partitions",
                    hand_over.from, from.uncommitted
                ),
            )
            .detail("The new group begins there where its consumers' auto.offset.reset says.")
            .on("hand_over"),
        );
    }
    found
}

fn impossible(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, facts)) = step(input) else {
        return Vec::new();
    };
    let mut found: Vec<Finding> = facts
        .impossible
        .iter()
        .map(|why| Finding::new("offsets-impossible", Weight::Error, why.clone()).on(block(spec)))
        .collect();
    if !facts.missing.is_empty() {
        let names = quoted(facts.missing.iter().map(String::as_str));
        found.push(
            Finding::new(
                "offsets-impossible",
                Weight::Note,
                format!("There is no topic {names} so far"),
            )
            .detail("No offset is set there; a group begins with the first record of a topic that is new to it, or \
                     where auto.offset.reset says.")
            .on(block(spec)),
        );
    }
    found
}

#[cfg(test)]
mod tests;
