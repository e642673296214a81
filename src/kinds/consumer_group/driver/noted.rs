//! What a run writes down about a step, so that one that is killed in the middle is finished by the next and not
//! done a second time. Pure.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::address::ProviderAddress;
use crate::clients::kafka::{Settled, TopicPartition};
use crate::document::Document;

use super::super::{ConsumerGroupSpec, Move, Moves};

/// What is known of a step that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Noted {
    /// Which one it is: its [`mark`].
    pub(super) step: String,
    /// What it moves.
    pub(super) moves: Moves,
    /// Whether Kafka has taken the offsets.
    pub(super) done: bool,
}

/// Returns what a step is told apart by: what its block asks for, of which group on which cluster.
pub(super) fn mark(spec: &ConsumerGroupSpec, provider: &ProviderAddress) -> String {
    let from = spec.hand_over.as_ref().map(|hand_over| &hand_over.from);
    let (group, provider) = (&spec.name, provider.to_string());
    let asked = json!({
        "group": group,
        "provider": provider,
        "offsets": spec.offsets,
        "from": from,
    });
    Document::from(asked).hash().to_string()
}

impl Noted {
    /// Reads what an earlier run wrote.
    pub(super) fn of(notes: Option<&Document>) -> Option<Self> {
        notes?.to().ok()
    }

    /// Whether the step was done: it was said to be, or the group is where nothing else can have brought it.
    /// An application that was started meanwhile may have read on from there.
    pub(super) fn was_done(&self, now: &Settled) -> bool {
        let all = self.moves.iter().flat_map(|(topic, partitions)| {
            let each = partitions.iter();
            each.map(move |(&index, it)| (TopicPartition::new(topic.as_str(), index), it))
        });
        let moved: Vec<(TopicPartition, &Move)> = all
            .filter(|(_, it)| it.before != Some(it.after.offset))
            .collect();
        let explains = |(partition, it): &(TopicPartition, &Move)| {
            let (after, now) = (it.after.offset, now.get(partition).map(|now| now.offset));
            match (it.before, now) {
                (_, None) => false,
                // No reader goes back: whoever is before where the group was has come from the step.
                (Some(before), Some(now)) if after < before => (after..before).contains(&now),
                // Who is past it would only read again.
                (Some(_), Some(now)) => now >= after,
                // A reader without offsets begins where it likes.
                (None, Some(now)) => now == after,
            }
        };
        self.done || !moved.is_empty() && moved.iter().all(explains)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::Place;
    use super::*;
    use crate::clients::kafka::CommittedOffset;

    /// Whether a step from `before` to `after` was done, by where the group is in each partition.
    fn was_done(partitions: &[(Option<i64>, i64, Option<i64>)]) -> bool {
        let mut noted = Noted::default();
        let mut now = Settled::new();
        let moves = noted.moves.entry("t".to_owned()).or_default();
        for (index, (before, after, is)) in (0..).zip(partitions) {
            let after = Place {
                offset: *after,
                epoch: None,
                metadata: String::new(),
            };
            let (before, first, end) = (*before, 0, 100);
            let it = Move {
                before,
                after,
                first,
                end,
            };
            moves.insert(index, it);
            let partition = TopicPartition::new("t", index);
            now.extend(is.map(|is| (partition, CommittedOffset::at(is))));
        }
        noted.was_done(&now)
    }

    #[test]
    fn a_step_was_done_where_nothing_else_explains_where_the_group_is() {
        let back = |is| was_done(&[(Some(8), 3, Some(is))]);
        assert!(back(3) && back(7), "done, and read on");
        assert!(!back(8), "not done yet");
        assert!(!back(9), "it may have read on from where it was");
        let ahead = |is| was_done(&[(Some(3), 8, Some(is))]);
        assert!(ahead(8) && ahead(9) && !ahead(3) && !ahead(7));
        let new = |is| was_done(&[(None, 3, is)]);
        assert!(new(Some(3)) && !new(None) && !new(Some(9)));
        // All partitions are committed by one request.
        assert!(!was_done(&[(Some(8), 3, Some(3)), (Some(8), 3, Some(8))]));
        assert!(was_done(&[(Some(8), 3, Some(5)), (Some(4), 4, Some(6))]));
        assert!(!was_done(&[(Some(4), 4, Some(4))]), "it tells nothing");
        let said = Noted {
            done: true,
            ..Noted::default()
        };
        assert!(said.was_done(&BTreeMap::new()));
    }
}
