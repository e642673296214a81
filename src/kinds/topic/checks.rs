//! What a change of a topic would break or destroy: one function a rule. Pure.

use crate::kinds::quantity::{bytes, count, grouped, share, span};
use crate::kinds::{Action, BREAKS_READERS, Check, CheckInput, Finding, Loss, Neighbour, Weight};

use super::diff::config_path;
use super::{Topic, TopicFacts, TopicSpec, names};

/// The rules, in the order in which their findings are shown.
pub(super) const CHECKS: &[Check<Topic>] = &[
    Check {
        code: "unknown-key",
        run: unknown_key,
    },
    Check {
        code: "read-only-key",
        run: read_only_key,
    },
    Check {
        code: "name-collision",
        run: name_collision,
    },
    Check {
        code: "refused-by-broker",
        run: refused_by_broker,
    },
    Check {
        code: "partition-decrease",
        run: partition_decrease,
    },
    Check {
        code: "partition-growth",
        run: partition_growth,
    },
    Check {
        code: BREAKS_READERS,
        run: breaks_readers,
    },
    Check {
        code: "belongs-to",
        run: belongs_to,
    },
    Check {
        code: "too-few-brokers",
        run: too_few_brokers,
    },
    Check {
        code: "fewer-replicas",
        run: fewer_replicas,
    },
    Check {
        code: "min-insync-replicas",
        run: min_insync_replicas,
    },
    Check {
        code: "retention-cut",
        run: retention_cut,
    },
    Check {
        code: "size-cut",
        run: size_cut,
    },
    Check {
        code: "cleanup-policy",
        run: cleanup_policy,
    },
    Check {
        code: "deletion",
        run: deletion,
    },
    Check {
        code: "recreation",
        run: recreation,
    },
];

type Input<'a> = CheckInput<'a, Topic>;

fn changes(input: &Input<'_>, path: &str) -> bool {
    input.deltas.iter().any(|delta| delta.path == path)
}

/// Returns the text that a change sets a key to; `None` where it is not set by the change.
fn sets<'a>(input: &'a Input<'_>, key: &str) -> Option<&'a str> {
    let path = config_path(key);
    let delta = input.deltas.iter().find(|delta| delta.path == path)?;
    delta
        .after
        .as_str()
        .or_else(|| input.facts.inherited.get(key).map(String::as_str))
}

/// Returns the value of a key in force now, inherited ones included.
fn in_force<'a>(input: &'a Input<'_>, key: &str) -> Option<&'a str> {
    input.live?.config.get(key)?.value.as_deref()
}

fn unknown_key(input: &Input<'_>) -> Vec<Finding> {
    input
        .facts
        .unknown_keys
        .iter()
        .map(|(key, hint)| {
            let finding = Finding::new(
                "unknown-key",
                Weight::Error,
                format!("The broker knows no topic setting {key:?}"),
            )
            .on(config_path(key));
            match hint {
                Some(hint) => finding.hint(hint.clone()),
                None => finding.hint(
                    "see the topic configuration of the broker's version in Kafka's documentation",
                ),
            }
        })
        .collect()
}

fn read_only_key(input: &Input<'_>) -> Vec<Finding> {
    let Some(live) = input.live else {
        return Vec::new();
    };
    live.config
        .iter()
        .filter(|(key, entry)| entry.read_only && changes(input, &config_path(key)))
        .map(|(key, _)| {
            Finding::new(
                "read-only-key",
                Weight::Error,
                format!("The broker does not let {key:?} be changed"),
            )
            .on(config_path(key))
        })
        .collect()
}

/// Kafka makes no topic whose name is another one's but for `.` and `_`: metrics could not tell them apart.
fn name_collision(input: &Input<'_>) -> Vec<Finding> {
    let Some(other) = &input.facts.collides_with else {
        return Vec::new();
    };
    vec![
        Finding::new(
            "name-collision",
            Weight::Error,
            format!(
                "The name {:?} collides with that of the topic {other:?}",
                input.remote_id
            ),
        )
        .detail(names::COLLIDES)
        .hint("give the topic another name; or delete the other one first, in an apply of its own")
        .on("name"),
    ]
}

/// What the broker itself said when it was asked to check the change.
fn refused_by_broker(input: &Input<'_>) -> Vec<Finding> {
    let Some(refused) = &input.facts.refused else {
        return Vec::new();
    };
    // Said better by a rule of its own.
    let explained = !partition_decrease(input).is_empty() || !too_few_brokers(input).is_empty();
    if explained {
        return Vec::new();
    }
    let path = input
        .spec
        .into_iter()
        .flat_map(|spec| spec.config.keys())
        .find(|key| refused.contains(key.as_str()))
        .map(|key| config_path(key));
    let mut finding = Finding::new(
        "refused-by-broker",
        Weight::Error,
        "The broker refuses this change",
    )
    .detail(format!("It says: {refused}"));
    finding.path = path;
    vec![finding]
}

fn wanted_partitions(input: &Input<'_>) -> Option<(u32, u32)> {
    let live = input.live?;
    let wanted = input.spec?.partitions?;
    changes(input, "partitions").then_some((live.partitions, wanted))
}

fn partition_decrease(input: &Input<'_>) -> Vec<Finding> {
    match wanted_partitions(input) {
        Some((now, wanted)) if wanted < now => vec![
            Finding::new("partition-decrease", Weight::Error, format!("Partitions cannot shrink from {now} to {wanted}"))
                .detail("Kafka only adds partitions; fewer of them would be another topic, and this one would be lost.")
                .hint(format!(
                    "keep partitions = {now}; or declare a new topic with {wanted} partitions, copy the \
                     records over, move readers and writers, and delete this topic last"
                ))
                .on("partitions"),
        ],
        _ => Vec::new(),
    }
}

/// The default partitioner takes `hash(key) % partitions`, and old records stay where they are.
fn partition_growth(input: &Input<'_>) -> Vec<Finding> {
    let Some((now, wanted)) = wanted_partitions(input).filter(|(now, wanted)| wanted > now) else {
        return Vec::new();
    };
    let facts = input.facts;
    let summary = format!("Partitions grow from {now} to {wanted}");
    let finding = |weight, detail: String| {
        vec![
            Finding::new("partition-growth", weight, summary.clone())
                .detail(detail)
                .on("partitions"),
        ]
    };
    if input.spec.is_some_and(|spec| spec.internal) {
        return finding(
            Weight::Breaking,
            "The topic is internal: Kafka Streams and Kafka Connect chose its partitions, and refuse to \
             start when there are others."
                .into(),
        );
    }
    if facts.records == Some(0) {
        return finding(
            Weight::Note,
            "The topic holds no records: nothing moves.".into(),
        );
    }
    if facts
        .cleanup_policy
        .as_deref()
        .is_some_and(|policy| policy.contains("compact"))
    {
        return finding(
            Weight::Breaking,
            "The topic is compacted. A key's new records may go to another partition than its old ones: \
             the old value then stays for ever beside the new one."
                .into(),
        );
    }
    match facts.keyed {
        Some(sample) if sample.having == 0 => finding(
            Weight::Warning,
            format!(
                "None of the newest {} has a key: no order by key is lost.",
                count(sample.seen, "record")
            ),
        ),
        Some(sample) => finding(
            Weight::Breaking,
            format!(
                "{} of the newest {} have keys. A key's new records may go to another partition than its \
                 old ones: readers see them out of order until the old ones are consumed.",
                grouped(sample.having),
                count(sample.seen, "record")
            ),
        ),
        None => finding(
            Weight::Breaking,
            format!(
                "Whether the records have keys could not be found out{}. If they do, a key's new records \
                 may go to another partition than its old ones.",
                because(facts)
            ),
        ),
    }
}

/// Kafka Streams derives its repartition and changelog topics from the partitions of its inputs when it first
/// starts, and refuses to start when they no longer fit (`InternalTopicManager`).
fn breaks_readers(input: &Input<'_>) -> Vec<Finding> {
    let Some((now, wanted)) = wanted_partitions(input).filter(|(now, wanted)| wanted > now) else {
        return Vec::new();
    };
    let readers = input.around.readers.iter();
    let broken: Vec<String> = readers
        .filter(|reader| reader.fits_partitions)
        .map(Neighbour::words)
        .collect();
    if broken.is_empty() {
        return Vec::new();
    }
    vec![
        Finding::new(
            BREAKS_READERS,
            Weight::Breaking,
            format!(
                "More partitions than {now} break {}",
                broken.join(", ")
            ),
        )
        .detail(
            "Kafka Streams made its internal topics to fit the partitions of now, and stops: \"Existing internal \
             topic … has invalid partitions\". What it joins must have as many partitions (co-partitioning), and a \
             key that goes to another partition leaves its state behind.",
        )
        .hint(format!(
            "let it read a new topic with {wanted} partitions; or stop it, let kafka-streams-application-reset \
             delete its internal topics, clean the local state of its instances, and let it read all again"
        ))
        .on("partitions"),
    ]
}

/// An application's own topics are made, changed and deleted by it.
fn belongs_to(input: &Input<'_>) -> Vec<Finding> {
    let Some(owner) = &input.around.belongs_to else {
        return Vec::new();
    };
    let (topic, owner) = (input.remote_id, owner.words());
    let internal = input.spec.is_some_and(|spec| spec.internal);
    let grows = changes(input, "partitions") && input.live.is_some();
    let finding = match input.action {
        Action::Forget | Action::NoOp => return Vec::new(),
        Action::Delete => Finding::new(
            "belongs-to",
            Weight::Error,
            format!("The topic {topic:?} belongs to {owner}: deleting it loses its state"),
        )
        .detail("It is an internal topic: state that is counted in it, or records between two steps.")
        .hint(
            "to manage it no longer, write a removed block with lifecycle { destroy = false }; when the \
             application is stopped for good, kafka-streams-application-reset deletes its internal topics",
        ),
        _ if !internal => Finding::new(
            "belongs-to",
            Weight::Error,
            format!("The topic {topic:?} belongs to {owner}, which makes it itself"),
        )
        .detail("It is an internal topic of that application, by its name.")
        .hint("take the block away; or set internal = true, if it has to be made by hand (KIP-698)")
        .on("internal"),
        _ if grows => Finding::new(
            "belongs-to",
            Weight::Error,
            format!("The topic {topic:?} belongs to {owner}, which chose its partitions"),
        )
        .detail("With another number it stops: \"Existing internal topic … has invalid partitions\".")
        .hint("keep the partitions as they are")
        .on("partitions"),
        _ => Finding::new(
            "belongs-to",
            Weight::Note,
            format!("The topic {topic:?} belongs to {owner}"),
        ),
    };
    vec![finding]
}

fn because(facts: &TopicFacts) -> String {
    facts
        .unmeasured
        .first()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default()
}

fn too_few_brokers(input: &Input<'_>) -> Vec<Finding> {
    let (Some(brokers), Some(wanted)) = (
        input.facts.brokers,
        input.spec.and_then(|spec| spec.replication_factor),
    ) else {
        return Vec::new();
    };
    if wanted <= brokers {
        return Vec::new();
    }
    vec![
        Finding::new(
            "too-few-brokers",
            Weight::Error,
            format!(
                "{} cannot stand on {}",
                count(u64::from(wanted), "replica"),
                count(u64::from(brokers), "broker")
            ),
        )
        .hint(format!(
            "set replication_factor to {brokers} or less, or start more brokers"
        ))
        .on("replication_factor"),
    ]
}

fn fewer_replicas(input: &Input<'_>) -> Vec<Finding> {
    let (Some(live), Some(wanted)) = (
        input.live,
        input.spec.and_then(|spec| spec.replication_factor),
    ) else {
        return Vec::new();
    };
    let now = live.uneven_up_to.unwrap_or(live.replication_factor);
    if wanted >= now || !changes(input, "replication_factor") {
        return Vec::new();
    }
    let detail = if wanted == 1 {
        "A broker that is lost takes the only copy of its partitions with it.".to_owned()
    } else {
        format!(
            "A partition outlives the loss of {} instead of {}.",
            count(u64::from(wanted - 1), "broker"),
            now - 1
        )
    };
    vec![
        Finding::new(
            "fewer-replicas",
            Weight::Warning,
            format!("Replicas are reduced from {now} to {wanted}"),
        )
        .detail(detail)
        .on("replication_factor"),
    ]
}

/// With more required than there are, every write with `acks=all` fails.
fn min_insync_replicas(input: &Input<'_>) -> Vec<Finding> {
    let Some(spec) = input.spec else {
        return Vec::new();
    };
    let least = spec
        .config
        .get("min.insync.replicas")
        .and_then(|text| text.parse::<u32>().ok());
    let replicas = spec
        .replication_factor
        .or_else(|| input.live.map(|live| live.replication_factor));
    match (least, replicas) {
        (Some(least), Some(replicas)) if least > replicas => vec![
            Finding::new(
                "min-insync-replicas",
                Weight::Breaking,
                format!(
                    "min.insync.replicas is {least}, and a partition has {}",
                    count(u64::from(replicas), "replica")
                ),
            )
            .detail("Every write with acks=all will fail.")
            .on(config_path("min.insync.replicas")),
        ],
        _ => Vec::new(),
    }
}

/// Whether a limit gets tighter: -1 is none.
pub(super) fn is_tighter(now: Option<&str>, then: &str) -> bool {
    let limit = |text: &str| match text.trim().parse::<i64>() {
        Ok(limit) if limit >= 0 => Some(limit),
        _ => None,
    };
    match (now.and_then(limit), limit(then)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(now), Some(then)) => then < now,
    }
}

fn retention_cut(input: &Input<'_>) -> Vec<Finding> {
    let key = "retention.ms";
    let Some(then) = sets(input, key) else {
        return Vec::new();
    };
    if input.live.is_none() || !is_tighter(in_force(input, key), then) {
        return Vec::new();
    }
    let facts = input.facts;
    let words = then.trim().parse().map_or_else(|_| then.to_owned(), span);
    let summary = format!("Retention is cut to {words}");
    // Time alone does not delete from a topic that is only compacted.
    let compacted = facts.cleanup_policy.as_deref() == Some("compact");
    if compacted || (facts.records_expiring == Some(0) && facts.unmeasured.is_empty()) {
        let why = if compacted {
            "The topic is compacted: age deletes nothing from it."
        } else {
            "No record is older than that."
        };
        return vec![
            Finding::new("retention-cut", Weight::Note, summary)
                .detail(why)
                .on(config_path(key)),
        ];
    }
    let detail = match facts.records_expiring {
        Some(records) => format!(
            "{} are older and will be deleted soon{}.",
            facts.records.map_or_else(
                || count(records, "record"),
                |all| share(records, all, "record")
            ),
            facts
                .oldest_age_ms
                .map(|age| format!("; the oldest is {} old", span(age)))
                .unwrap_or_default()
        ),
        None => format!(
            "How many records are older could not be measured{}.",
            because(facts)
        ),
    };
    vec![
        Finding::new("retention-cut", Weight::Destructive, summary)
            .detail(detail)
            .on(config_path(key))
            .loses(Loss {
                records: facts.records_expiring,
                bytes: None,
                oldest_age_ms: facts.oldest_age_ms,
            }),
    ]
}

fn size_cut(input: &Input<'_>) -> Vec<Finding> {
    let key = "retention.bytes";
    let Some(then) = sets(input, key) else {
        return Vec::new();
    };
    if input.live.is_none() || !is_tighter(in_force(input, key), then) {
        return Vec::new();
    }
    let facts = input.facts;
    let words = then.trim().parse().map_or_else(|_| then.to_owned(), bytes);
    let summary = format!("A partition's size is cut to {words}");
    if facts.bytes_expiring == Some(0) && facts.bytes.is_some() {
        return vec![
            Finding::new("size-cut", Weight::Note, summary)
                .detail("No partition is larger than that.")
                .on(config_path(key)),
        ];
    }
    let detail = match (facts.bytes_expiring, facts.bytes) {
        (Some(over), Some(all)) => format!(
            "{} of {} lie beyond it and will be deleted soon.",
            bytes(over),
            bytes(all)
        ),
        _ => "How many bytes lie beyond it could not be measured.".into(),
    };
    vec![
        Finding::new("size-cut", Weight::Destructive, summary)
            .detail(detail)
            .on(config_path(key))
            .loses(Loss {
                records: None,
                bytes: facts.bytes_expiring,
                oldest_age_ms: None,
            }),
    ]
}

fn cleanup_policy(input: &Input<'_>) -> Vec<Finding> {
    let key = "cleanup.policy";
    let (Some(then), Some(_)) = (sets(input, key), input.live) else {
        return Vec::new();
    };
    let now = input
        .facts
        .cleanup_policy
        .as_deref()
        .or_else(|| in_force(input, key))
        .unwrap_or("delete");
    let has = |policy: &str, word: &str| policy.split(',').any(|item| item.trim() == word);
    let mut findings = Vec::new();
    if has(then, "compact") && !has(now, "compact") {
        findings.push(
            Finding::new("cleanup-policy", Weight::Breaking, "The topic becomes compacted")
                .detail("Records without a key are refused from then on, and of each key only the newest record is kept.")
                .on(config_path(key)),
        );
        if input.facts.records != Some(0) {
            findings.push(lost_by_policy(
                input,
                "Older records of a key are deleted by compaction.",
            ));
        }
    }
    if has(then, "delete") && !has(now, "delete") && input.facts.records != Some(0) {
        findings.push(lost_by_policy(
            input,
            "Records are deleted by age from then on; in a compacted topic they may be the only copy.",
        ));
    }
    findings
}

fn lost_by_policy(input: &Input<'_>, detail: &str) -> Finding {
    let facts = input.facts;
    let held = facts
        .records
        .map_or("an unknown number of records".into(), |records| {
            count(records, "record")
        });
    Finding::new(
        "cleanup-policy",
        Weight::Destructive,
        "The new cleanup policy deletes records",
    )
    .detail(format!("{detail} The topic holds {held}."))
    .on(config_path("cleanup.policy"))
    .loses(Loss {
        records: facts.records,
        bytes: facts.bytes,
        oldest_age_ms: facts.oldest_age_ms,
    })
}

fn deletion(input: &Input<'_>) -> Vec<Finding> {
    if input.action != Action::Delete || input.live.is_none() {
        return Vec::new();
    }
    let facts = input.facts;
    if facts.records == Some(0) && facts.unmeasured.is_empty() {
        return vec![Finding::new("deletion", Weight::Note, "The topic is empty")];
    }
    let held = match facts.records {
        Some(records) => {
            let size = facts
                .bytes
                .map(|size| format!(" ({})", bytes(size)))
                .unwrap_or_default();
            let age = facts
                .oldest_age_ms
                .map(|age| format!(", the oldest {} old", span(age)))
                .unwrap_or_default();
            format!("It holds {}{size}{age}.", count(records, "record"))
        }
        None => format!("What it holds could not be measured{}.", because(facts)),
    };
    vec![
        Finding::new(
            "deletion",
            Weight::Destructive,
            format!(
                "The topic {:?} is deleted with its records",
                input.remote_id
            ),
        )
        .detail(held)
        .loses(Loss {
            records: facts.records,
            bytes: facts.bytes,
            oldest_age_ms: facts.oldest_age_ms,
        }),
    ]
}

fn recreation(input: &Input<'_>) -> Vec<Finding> {
    let prior: Option<&TopicSpec> = input.prior;
    if input.action != Action::Create || prior.is_none() {
        return Vec::new();
    }
    vec![
        Finding::new(
            "recreation",
            Weight::Warning,
            "The topic was deleted outside and is made again, empty",
        )
        .detail("What it held is gone. Readers start over at offset 0."),
    ]
}

#[cfg(test)]
mod tests;
