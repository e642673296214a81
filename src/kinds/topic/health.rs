//! How a topic does: whether its partitions can be read and written. Pure.

use serde::{Deserialize, Serialize};

use crate::kinds::health::{Health, Look};
use crate::kinds::quantity::share;

/// How many partitions are named.
const NAMED: usize = 10;

/// What one look shows of a topic's partitions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicVitals {
    /// How many there are.
    pub partitions: u32,
    /// Those without a leader: they can be neither read nor written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaderless: Vec<i32>,
    /// Those with fewer replicas in sync than `min.insync.replicas`: producers with `acks=all` are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below_minimum: Vec<i32>,
    /// Those with fewer replicas in sync than they have, but enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catching_up: Vec<i32>,
}

/// Judges the last look: partitions have no trend.
pub(super) fn judge(looks: &[Look<TopicVitals>]) -> Health {
    let Some(last) = looks.last() else {
        return Health::unread("it was not looked at");
    };
    let Some(vitals) = &last.vitals else {
        return Health::missing();
    };
    let mut health = Health::new();
    let some = |partitions: &[i32]| {
        let mut named: Vec<String> = partitions.iter().take(NAMED).map(i32::to_string).collect();
        if partitions.len() > NAMED {
            named.push("…".into());
        }
        (
            share(
                partitions.len() as u64,
                u64::from(vitals.partitions),
                "partition",
            ),
            named.join(", "),
        )
    };
    if !vitals.leaderless.is_empty() {
        let (count, named) = some(&vitals.leaderless);
        health.unhealthy(format!(
            "{count} cannot be read or written, without a leader: {named}"
        ));
    }
    if !vitals.below_minimum.is_empty() {
        let (count, named) = some(&vitals.below_minimum);
        health.unhealthy(format!(
            "{count} cannot be written with acks=all, fewer replicas in sync than min.insync.replicas: {named}"
        ));
    }
    if !vitals.catching_up.is_empty() {
        let (count, named) = some(&vitals.catching_up);
        health.progressing(format!("{count} with replicas out of sync: {named}"));
    }
    health
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::kinds::health::Groups;

    use super::*;

    fn told(vitals: Option<TopicVitals>) -> String {
        let health = judge(&[Look {
            at: Duration::ZERO,
            vitals,
            groups: Groups::default(),
        }]);
        let symptoms: Vec<&str> = health
            .symptoms
            .iter()
            .map(|symptom| &*symptom.text)
            .collect();
        format!("{} {symptoms:?}", health.verdict)
    }

    #[test]
    fn what_is_said_about_partitions() {
        let vitals = TopicVitals {
            partitions: 12,
            ..TopicVitals::default()
        };
        let cases = [
            told(Some(vitals.clone())),
            told(None),
            told(Some(TopicVitals {
                leaderless: vec![3],
                below_minimum: (0..12).collect(),
                ..vitals.clone()
            })),
            told(Some(TopicVitals {
                catching_up: vec![1, 2],
                ..vitals
            })),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r#"
        healthy []
        unhealthy ["it is not there"]
        unhealthy ["1 of 12 partitions cannot be read or written, without a leader: 3", "12 of 12 partitions cannot be written with acks=all, fewer replicas in sync than min.insync.replicas: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"]
        progressing ["2 of 12 partitions with replicas out of sync: 1, 2"]
        "#);
    }
}
