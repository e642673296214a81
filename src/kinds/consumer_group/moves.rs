//! What it means that a group goes on elsewhere: records that it never reads, or reads again. Pure.

use crate::kinds::quantity::{count, grouped};
use crate::kinds::{Finding, Loss, Weight};

use super::checks::{Input, block, step};
use super::{Move, Moves};

/// How many partitions of a topic are shown one by one.
const SHOWN: usize = 4;

impl Move {
    /// Returns how many records the group will never read; nothing where it never committed, since then nobody
    /// knows where it would have begun.
    fn skipped(&self) -> u64 {
        let from = self.before.map(|before| before.max(self.first));
        from.map_or(0, |from| distance(from, self.after.offset))
    }

    /// Returns how many records the group will read once more.
    fn again(&self) -> u64 {
        let to = self.after.offset.max(self.first);
        self.before
            .map_or(0, |before| distance(to, before.min(self.end)))
    }
}

fn distance(from: i64, to: i64) -> u64 {
    u64::try_from(to - from).unwrap_or(0)
}

/// Returns the moves for which something holds.
fn those(moves: &Moves, holds: impl Fn(&Move) -> bool) -> Vec<(&str, Vec<(i32, &Move)>)> {
    let each = moves.iter().map(|(topic, partitions)| {
        let chosen = partitions.iter().filter(|(_, it)| holds(it));
        let chosen = chosen.map(|(&index, it)| (index, it)).collect();
        (topic.as_str(), chosen)
    });
    each.filter(|(_, partitions): &(_, Vec<_>)| !partitions.is_empty())
        .collect()
}

/// Returns before and after by topic, a line each: of each partition where they are few, else of all together.
fn lines(chosen: &[(&str, Vec<(i32, &Move)>)]) -> String {
    let place = |before: Option<i64>| match before {
        Some(before) => grouped(u64::try_from(before).unwrap_or(0)),
        None => "nothing".to_owned(),
    };
    let lines = chosen.iter().map(|(topic, partitions)| {
        let arrow = |before: Option<i64>, after: i64| {
            format!("{} -> {}", place(before), place(Some(after)))
        };
        if partitions.len() <= SHOWN {
            let each: Vec<String> = partitions
                .iter()
                .map(|(index, it)| {
                    format!("partition {index}: {}", arrow(it.before, it.after.offset))
                })
                .collect();
            return format!("{topic:?}: {}", each.join(", "));
        }
        let before: Option<i64> = partitions.iter().map(|(_, it)| it.before).sum();
        let after = partitions.iter().map(|(_, it)| it.after.offset).sum();
        let all = count(partitions.len() as u64, "partition");
        format!("{topic:?}: {all}, in all {}", arrow(before, after))
    });
    lines.collect::<Vec<String>>().join("\n")
}

pub(super) fn skips(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, facts)) = step(input) else {
        return Vec::new();
    };
    let chosen = those(&facts.moves, |it| it.skipped() > 0);
    if chosen.is_empty() {
        return Vec::new();
    }
    let records = sum(&chosen, Move::skipped);
    vec![
        Finding::new(
            "offsets-skip",
            Weight::Destructive,
            format!(
                "The group {:?} will never read {}",
                input.remote_id,
                count(records, "record")
            ),
        )
        .detail(lines(&chosen))
        .on(block(spec))
        .loses(Loss {
            records: Some(records),
            bytes: None,
            oldest_age_ms: None,
        }),
    ]
}

pub(super) fn rewinds(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, facts)) = step(input) else {
        return Vec::new();
    };
    let chosen = those(&facts.moves, |it| it.again() > 0);
    if chosen.is_empty() {
        return Vec::new();
    }
    let records = sum(&chosen, Move::again);
    vec![
        Finding::new(
            "offsets-rewind",
            Weight::Warning,
            format!(
                "The group {:?} will read {} again",
                input.remote_id,
                count(records, "record")
            ),
        )
        .detail(lines(&chosen))
        .on(block(spec)),
    ]
}

pub(super) fn starts(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, facts)) = step(input) else {
        return Vec::new();
    };
    let chosen = those(&facts.moves, |it| it.before.is_none());
    if chosen.is_empty() {
        return Vec::new();
    }
    let left = sum(&chosen, |it| distance(it.after.offset, it.end));
    let summary = match &spec.hand_over {
        Some(hand_over) => format!(
            "The group {:?} takes over from {:?}: {} to read",
            input.remote_id,
            hand_over.from,
            count(left, "record")
        ),
        None => format!(
            "The group {:?} will begin there: {} to read",
            input.remote_id,
            count(left, "record")
        ),
    };
    vec![
        Finding::new("offsets-start", Weight::Note, summary)
            .detail(lines(&chosen))
            .on(block(spec)),
    ]
}

/// A step that changes nothing is told, since the block asks for one.
pub(super) fn stays(input: &Input<'_>) -> Vec<Finding> {
    let Some((spec, facts)) = step(input).filter(|(_, facts)| !facts.moves.is_empty()) else {
        return Vec::new();
    };
    let moved = those(&facts.moves, |it| it.before != Some(it.after.offset));
    if !moved.is_empty() {
        return Vec::new();
    }
    let summary = format!("The group {:?} is there already", input.remote_id);
    vec![Finding::new("offsets-stay", Weight::Note, summary).on(block(spec))]
}

fn sum(chosen: &[(&str, Vec<(i32, &Move)>)], of: impl Fn(&Move) -> u64) -> u64 {
    let moves = chosen.iter().flat_map(|(_, partitions)| partitions);
    moves.map(|(_, it)| of(it)).sum()
}
