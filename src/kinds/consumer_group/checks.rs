//! What Kafka's view of a group says about its declaration: words, never obstacles. Pure.

use std::collections::BTreeSet;

use crate::kinds::{Check, CheckInput, Finding, Weight};

use super::ConsumerGroup;

/// The rules.
pub(super) const CHECKS: &[Check<ConsumerGroup>] = &[
    Check {
        code: "no-such-group",
        run: no_such_group,
    },
    Check {
        code: "reads-more",
        run: reads_more,
    },
];

type Input<'a> = CheckInput<'a, ConsumerGroup>;

/// A slip in the name would leave the real group's readers without a voice.
fn no_such_group(input: &Input<'_>) -> Vec<Finding> {
    if input.live.is_some() || input.spec.is_none() {
        return Vec::new();
    }
    let mut finding = Finding::new(
        "no-such-group",
        Weight::Note,
        format!("There is no group {:?} in Kafka so far", input.remote_id),
    )
    .detail("It appears there when its consumers join.");
    finding.hint.clone_from(&input.facts.similar);
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
    let more: Vec<String> = more.into_iter().map(|topic| format!("{topic:?}")).collect();
    vec![
        Finding::new(
            "reads-more",
            Weight::Warning,
            format!(
                "The group {:?} also reads {}",
                input.remote_id,
                more.join(", ")
            ),
        )
        .detail("Kafka shows members or committed offsets there; reads does not name it.")
        .hint("add it to reads, or delete the offsets that the group no longer needs")
        .on("reads"),
    ]
}
