//! What a change of a connector cannot do, may break, or leaves behind: one function a rule. Pure.

use serde_json::Value as Json;

use crate::kinds::topic::Topic;
use crate::kinds::{Action, Check, CheckInput, Finding, Kind as _, Weight};

use super::spec::{OffsetStep, config_path, words};
use super::{Connector, Way};

type Input<'a> = CheckInput<'a, Connector>;

/// The rules of connectors.
pub(super) const CHECKS: &[Check<Connector>] = &[
    Check {
        code: "no-plugin",
        run: no_plugin,
    },
    Check {
        code: "connector-config",
        run: field_errors,
    },
    Check {
        code: "not-validated",
        run: not_validated,
    },
    Check {
        code: "unknown-key",
        run: unknown_key,
    },
    Check {
        code: "plain-password",
        run: plain_password,
    },
    Check {
        code: "no-secret",
        run: no_secret,
    },
    Check {
        code: "no-topic",
        run: no_topic,
    },
    Check {
        code: "other-way",
        run: other_way,
    },
    Check {
        code: "other-class",
        run: other_class,
    },
    Check {
        code: "offsets",
        run: offsets,
    },
    Check {
        code: "unmeasured",
        run: unmeasured,
    },
];

fn no_plugin(input: &Input<'_>) -> Vec<Finding> {
    let Some((missing, spec)) = input.facts.no_plugin.as_ref().zip(input.spec) else {
        return Vec::new();
    };
    let summary = format!("The workers have no plugin {:?}", spec.class);
    let finding = Finding::new("no-plugin", Weight::Error, summary)
        .on("class")
        .detail(format!("They have: {}.", missing.known.join(", ")));
    vec![match &missing.similar {
        Some(similar) => finding.hint(similar.clone()),
        None => {
            finding.hint("install it in a folder of plugin.path on every worker, and restart them")
        }
    }]
}

fn field_errors(input: &Input<'_>) -> Vec<Finding> {
    let each = input.facts.errors.iter().map(|(key, errors)| {
        let path = input
            .spec
            .map_or_else(|| config_path(key), |spec| spec.path(key));
        let summary = format!("The plugin refuses {path}");
        let mut finding = Finding::new("connector-config", Weight::Error, summary)
            .on(path)
            .detail(errors.messages.join("\n"));
        if !errors.permitted.is_empty() {
            finding = finding.hint(format!("it may be: {}", errors.permitted.join(", ")));
        }
        finding
    });
    each.collect()
}

fn not_validated(input: &Input<'_>) -> Vec<Finding> {
    let why = input.facts.unvalidated.iter();
    why.map(|why| {
        Finding::new(
            "not-validated",
            Weight::Warning,
            "The plugin could not say whether it takes this configuration",
        )
        .detail(why.clone())
        .hint(
            "plugins fail so where they cannot reach their own system, as Debezium where it does not reach its \
             database: look whether the workers reach it. An apply may be refused for the same reason",
        )
    })
    .collect()
}

fn unknown_key(input: &Input<'_>) -> Vec<Finding> {
    let each = input.facts.unknown.iter().map(|(key, similar)| {
        Finding::new(
            "unknown-key",
            Weight::Warning,
            format!("The plugin does not know {}", config_path(key)),
        )
        .on(config_path(key))
        .detail("Kafka Connect says nothing about such keys and ignores them.")
        .hint(similar.clone())
    });
    each.collect()
}

fn plain_password(input: &Input<'_>) -> Vec<Finding> {
    let each = input.facts.plain_passwords.iter().map(|key| {
        Finding::new(
            "plain-password",
            Weight::Warning,
            format!("{} is a password in plain text", config_path(key)),
        )
        .on(config_path(key))
        .detail("The project, the state and plans hold it.")
        .hint("write secret(\"env:NAME\"), or \"$${provider:path:key}\" for a config provider of the workers")
    });
    each.collect()
}

fn no_secret(input: &Input<'_>) -> Vec<Finding> {
    let each = input.facts.no_secret.iter().map(|(key, (why, hint))| {
        let summary = format!("The secret of {} cannot be read", config_path(key));
        let finding = Finding::new("no-secret", Weight::Error, summary)
            .on(config_path(key))
            .detail(format!("{why}."));
        match hint {
            Some(hint) => finding.hint(hint.clone()),
            None => finding,
        }
    });
    each.collect()
}

fn no_topic(input: &Input<'_>) -> Vec<Finding> {
    let each = input.facts.no_topic.iter().map(|topic| {
        Finding::new(
            "no-topic",
            Weight::Warning,
            format!("There is no topic {topic:?}, which the connector reads"),
        )
        .on(config_path("topics"))
        .detail("It waits for the topic, and reads nothing until somebody makes it.")
        .unless_made(Topic::NAME, topic)
    });
    each.collect()
}

fn other_way(input: &Input<'_>) -> Vec<Finding> {
    let before = input.live.and_then(|live| live.way);
    match (before, input.facts.way) {
        (Some(before), Some(after)) if before != after => {
            let summary = format!("A {} cannot become a {}", before.word(), after.word());
            vec![
                Finding::new("other-way", Weight::Error, summary)
                    .on("class")
                    .hint("give the connector another name: it is another one"),
            ]
        }
        _ => Vec::new(),
    }
}

/// Offsets follow the name, whatever plugin it stands for.
fn other_class(input: &Input<'_>) -> Vec<Finding> {
    let Some(before) = &input.facts.other_class else {
        return Vec::new();
    };
    let is_step = input.deltas.iter().any(|delta| delta.path == "offsets");
    let finding = match input.facts.way {
        // What is done about the offsets is said there.
        _ if is_step => return Vec::new(),
        Some(Way::Sink) => Finding::new(
            "other-class",
            Weight::Note,
            "The connector becomes another plugin, which reads on where its group is",
        )
        .detail(format!("It was {before}.")),
        _ => {
            let at = match input.facts.offsets.as_deref() {
                Some([]) => return Vec::new(),
                Some(positions) => format!(" They are: {}.", words(positions)),
                None => String::new(),
            };
            Finding::new(
                "other-class",
                Weight::Warning,
                "The connector becomes another plugin, to which its offsets may mean nothing",
            )
            .detail(format!(
                "It was {before}. Kafka Connect keeps its offsets under the name: a plugin that calls its places by \
                 other names begins anew.{at}"
            ))
            .hint(
                "to keep the old one until the new one has taken over, give the new one another name; to forget its \
                 offsets, write offsets { reset = true }",
            )
        }
    };
    vec![finding.on("class")]
}

/// What becomes of how far it has come.
fn offsets(input: &Input<'_>) -> Vec<Finding> {
    let known = input.facts.offsets.as_deref();
    let shown = known.map(words);
    match input.action {
        Action::Delete => vec![left_behind(input, shown)],
        Action::Create => resumed(input).into_iter().collect(),
        _ => step(input, shown).into_iter().collect(),
    }
}

fn left_behind(input: &Input<'_>, offsets: Option<String>) -> Finding {
    let way = input.live.and_then(|live| live.way);
    let name = input.remote_id;
    let at = offsets.map(|offsets| format!(" It is at {offsets}."));
    let at = at.unwrap_or_default();
    match way {
        Some(Way::Sink) => Finding::new(
            "offsets-stay",
            Weight::Note,
            format!("The offsets of the sink {name:?} stay in its group"),
        )
        .detail(format!(
            "A connector of the same name goes on from there while the group keeps them.{at}"
        )),
        _ => Finding::new(
            "offsets-stay",
            Weight::Warning,
            format!("Kafka Connect keeps the offsets of {name:?}"),
        )
        .detail(format!(
            "A connector of the same name goes on from there, however much later. What it has set up in its \
             own system, such as a replication slot of a database, stays there too and may hold disk \
             space.{at}"
        ))
        .hint(
            "to forget them, apply offsets { reset = true } before the block is removed",
        ),
    }
}

fn resumed(input: &Input<'_>) -> Option<Finding> {
    let spec = input.spec?;
    let name = input.remote_id;
    let known = match &spec.offsets {
        None => input.facts.offsets.clone(),
        // What is forgotten is resumed by nobody.
        Some(OffsetStep::Reset) => return None,
        Some(OffsetStep::Set(set)) => {
            let mut known = input.facts.offsets.clone().unwrap_or_default();
            known.retain(|position| !set.iter().any(|set| set.partition == position.partition));
            Some(known)
        }
    };
    match known.as_deref() {
        Some(positions) if !positions.is_empty() => {
            let summary = match spec.group() {
                Some(group) => {
                    format!("The connector goes on from where the group {group:?} is")
                }
                None => format!("There was a connector {name:?} before, and this one goes on from its offsets"),
            };
            Some(
                Finding::new("offsets-resumed", Weight::Warning, summary)
                    .on("name")
                    .detail(format!("Offsets follow the name. They are: {}.", words(positions)))
                    .hint("to begin anew, write offsets { reset = true }, or take another name"),
            )
        }
        Some(_) => None,
        None if spec.is_sink() => None,
        None => Some(
            Finding::new(
                "offsets-resumed",
                Weight::Note,
                format!("If there was a connector {name:?} before, this one goes on from its offsets"),
            )
            .detail("Kafka Connect keeps the offsets of deleted sources and shows them for none that is not there.")
            .hint(
                "a plan reads them where provider \"connect\" sets offset_storage_topic; to be sure to begin anew, \
                 write offsets { reset = true }",
            ),
        ),
    }
}

fn step(input: &Input<'_>, before: Option<String>) -> Option<Finding> {
    let delta = input.deltas.iter().find(|delta| delta.path == "offsets")?;
    let step = input.spec?.offsets.as_ref()?;
    if input.live.is_some_and(|live| live.stepped) {
        return Some(
            Finding::new(
                "offsets-set",
                Weight::Note,
                "The offsets were set by an earlier run, which was ended before it could record that",
            )
            .on("offsets")
            .detail("They are not set again."),
        );
    }
    let before = before.unwrap_or_else(|| "not known".to_owned());
    let after = match &delta.after {
        Json::String(words) => words.as_str(),
        _ => "",
    };
    let (weight, summary) = match step {
        OffsetStep::Reset => (
            Weight::Warning,
            "The connector forgets how far it has come, and handles everything again",
        ),
        OffsetStep::Set(_) => (
            Weight::Warning,
            "The connector goes on from other offsets: what lies between is left out or handled again",
        ),
    };
    Some(
        Finding::new("offsets-set", weight, summary)
            .on("offsets")
            .detail(format!("Before: {before}. After: {after}.")),
    )
}

fn unmeasured(input: &Input<'_>) -> Vec<Finding> {
    let each = input.facts.unmeasured.iter();
    each.map(|why| {
        Finding::new(
            "unmeasured",
            Weight::Note,
            "Something about the change could not be found out",
        )
        .detail(why.clone())
    })
    .collect()
}

#[cfg(test)]
mod tests;
