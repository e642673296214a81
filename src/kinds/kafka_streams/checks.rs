//! What Kafka's view of an application says about its declaration: words, never obstacles. Pure.

use std::collections::BTreeSet;

use crate::kinds::consumer_group::checks::hidden;
use crate::kinds::quantity::count;
use crate::kinds::topic::names;
use crate::kinds::{Check, CheckInput, Finding, Weight};

use super::KafkaStreams;

/// The rules.
pub(super) const CHECKS: &[Check<KafkaStreams>] = &[
    Check {
        code: "no-such-application",
        run: no_such_application,
    },
    Check {
        code: "internal-topics",
        run: internal_topics,
    },
    Check {
        code: "reads-more",
        run: reads_more,
    },
];

type Input<'a> = CheckInput<'a, KafkaStreams>;

/// A slip in the id would leave the real application's topics without protection.
fn no_such_application(input: &Input<'_>) -> Vec<Finding> {
    if input.live.is_some() || input.spec.is_none() {
        return Vec::new();
    }
    if let Some(why) = &input.facts.hidden {
        return vec![hidden(input.remote_id, why)];
    }
    let mut finding = Finding::new(
        "no-such-application",
        Weight::Note,
        format!(
            "Kafka has neither a group {:?} nor internal topics of it so far",
            input.remote_id
        ),
    )
    .detail("They appear there when the application starts.");
    finding.hint.clone_from(&input.facts.similar);
    vec![finding]
}

/// Says which topics are the application's, and protected from now on.
fn internal_topics(input: &Input<'_>) -> Vec<Finding> {
    let Some(live) = input.live.filter(|live| !live.internal.is_empty()) else {
        return Vec::new();
    };
    let named: Vec<String> = live.internal.keys().take(SHOWN).cloned().collect();
    let more = live.internal.len().saturating_sub(SHOWN);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let topics = count(live.internal.len() as u64, "internal topic");
    vec![
        Finding::new(
            "internal-topics",
            Weight::Note,
            format!("{topics} of {:?} in Kafka", input.remote_id),
        )
        .detail(format!("{}{more}", named.join(", "))),
    ]
}

/// How many internal topics are named.
const SHOWN: usize = 5;

/// An application is asked before its topics change: one that reads more than is declared is not asked for the rest.
fn reads_more(input: &Input<'_>) -> Vec<Finding> {
    let (Some(spec), Some(live)) = (input.spec, input.live) else {
        return Vec::new();
    };
    let subscribed = live.group.iter().flat_map(|group| &group.topics);
    let more: BTreeSet<String> = subscribed
        .chain(&input.facts.committed)
        .filter(|topic| {
            !spec.reads.contains(*topic) && !names::is_of_application(topic, input.remote_id)
        })
        .map(|topic| format!("{topic:?}"))
        .collect();
    if more.is_empty() {
        return Vec::new();
    }
    let more: Vec<String> = more.into_iter().collect();
    vec![
        Finding::new(
            "reads-more",
            Weight::Warning,
            format!("{:?} also reads {}", input.remote_id, more.join(", ")),
        )
        .detail("Kafka shows members or committed offsets there; reads does not name it.")
        .hint("add it to reads")
        .on("reads"),
    ]
}
