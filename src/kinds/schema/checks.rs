//! What a change of a subject would break or destroy: one function a rule. Pure.

use similar::{ChangeTag, TextDiff};

use crate::compatibility::{Direction, Format, Level};
use crate::kinds::quantity::count;
use crate::kinds::{Action, Check, CheckInput, Finding, Weight};

use super::offline::{self, Break, Offline, Origin};
use super::spec::{Mode, SchemaSpec, topic_of};
use super::{Opinion, Schema, content, recall};

/// The rules, in the order in which their findings are shown.
pub(super) const CHECKS: &[Check<Schema>] = &[
    Check {
        code: "new-version",
        run: new_version,
    },
    Check {
        code: "compared-without-registry",
        run: recall::sources,
    },
    Check {
        code: "read-only",
        run: read_only,
    },
    Check {
        code: "incompatible",
        run: content_of_version,
    },
    Check {
        code: "level-not-kept",
        run: level_not_kept,
    },
    Check {
        code: "registered-again",
        run: registered_again,
    },
    Check {
        code: "deletion",
        run: deletion,
    },
    Check {
        code: "referenced",
        run: referenced,
    },
    Check {
        code: "topic-holds-records",
        run: topic_holds_records,
    },
];

type Input<'a> = CheckInput<'a, Schema>;

/// The most lines of a difference between two texts that are shown.
const MOST_LINES: usize = 60;

fn changes(input: &Input<'_>, path: &str) -> bool {
    input.deltas.iter().any(|delta| delta.path == path)
}

/// Returns what is wanted where it will be a new version of a subject that has some, as far as is known.
pub(super) fn becomes_version<'a>(input: &CheckInput<'a, Schema>) -> Option<&'a SchemaSpec> {
    let spec = input.spec?;
    match (input.live, input.prior) {
        (Some(live), _) => (live.holds.is_none() && live.latest.is_some()).then_some(spec),
        // The registry is away: what was applied, or else what the project said last, is what is known.
        (None, prior) if input.action == Action::Update => {
            let last = match (prior, input.facts.committed.first()) {
                (Some(prior), _) => prior.content(),
                (None, Some(committed)) => committed.content.clone(),
                (None, None) => return None,
            };
            (!content::same(&spec.content(), &last)).then_some(spec)
        }
        _ => None,
    }
}

/// Returns the level that a new version is held against, as far as is known.
pub(super) fn level(input: &CheckInput<'_, Schema>, spec: &SchemaSpec) -> Option<Level> {
    input.facts.level.or(spec.compatibility)
}

fn new_version(input: &Input<'_>) -> Vec<Finding> {
    let (Some(spec), Some(latest)) = (
        becomes_version(input),
        input.live.and_then(|live| live.latest.as_ref()),
    ) else {
        return Vec::new();
    };
    let (old, new) = (
        legible(latest.format, &latest.schema),
        legible(spec.format, &spec.definition),
    );
    vec![
        Finding::new(
            "new-version",
            Weight::Note,
            format!(
                "A version is added after version {}; no version is deleted",
                latest.version
            ),
        )
        .detail(difference(&old, &new))
        .on("definition"),
    ]
}

/// Returns a text with one thing a line.
fn legible(format: Format, text: &str) -> String {
    match format {
        Format::Avro | Format::Json => serde_json::from_str::<serde_json::Value>(text)
            .map_or_else(|_| text.to_owned(), |json| format!("{json:#}")),
        Format::Protobuf => text.to_owned(),
    }
}

/// Returns the lines that differ, with those around them.
fn difference(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(2) {
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end()));
        }
    }
    if lines.len() > MOST_LINES {
        let left = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(format!("… {left} more lines"));
    }
    lines.join("\n")
}

fn read_only(input: &Input<'_>) -> Vec<Finding> {
    let (Some(mode), Some(spec)) = (&input.facts.read_only, input.spec) else {
        return Vec::new();
    };
    let opens = spec.mode == Some(Mode::ReadWrite) && changes(input, "mode");
    let closes_only = input.deltas.iter().all(|delta| delta.path == "mode");
    if opens || (closes_only && input.live.is_some()) {
        return Vec::new();
    }
    vec![
        Finding::new(
            "read-only",
            Weight::Error,
            format!("The subject cannot be changed: its mode is {mode}"),
        )
        .hint("set mode = \"READWRITE\" in the block, or open the registry")
        .on("mode"),
    ]
}

/// What speaks against the content of a new version: that it cannot be read, or what it breaks.
fn content_of_version(input: &Input<'_>) -> Vec<Finding> {
    let judged = judged(input);
    let mut findings: Vec<Finding> = invalid(input, judged.as_ref()).into_iter().collect();
    if let Some((level, offline)) = judged {
        findings.extend(incompatible(input, level, &offline));
    }
    findings
}

/// What the registry, or the reader of the format, cannot read.
fn invalid(input: &Input<'_>, judged: Option<&(Level, Offline)>) -> Option<Finding> {
    let spec = input.spec?;
    let finding = |weight, detail: String| {
        Finding::new(
            "invalid-schema",
            weight,
            format!("This is no {} schema", spec.format),
        )
        .detail(detail)
        .on("definition")
    };
    if let Some(refused) = &input.facts.refused {
        let says = format!("The registry says: {refused}");
        return Some(finding(Weight::Error, says));
    }
    match judged {
        Some((_, Offline::Invalid(error))) if input.facts.verdict.is_none() => {
            Some(finding(Weight::Error, error.to_string()))
        }
        Some((_, Offline::Invalid(error))) => {
            let takes =
                format!("{error}\nThe registry takes it, and it is the registry that decides.");
            Some(finding(Weight::Warning, takes))
        }
        _ => None,
    }
}

/// Returns the level and what the offline check says of a new version.
fn judged(input: &Input<'_>) -> Option<(Level, Offline)> {
    let spec = becomes_version(input)?;
    let level = match input.live {
        Some(_) => level(input, spec)?,
        None => level(input, spec).unwrap_or(recall::DEFAULT),
    };
    let earlier = match input.live {
        Some(_) => offline::known(&input.facts.versions),
        None => recall::earlier(input, level),
    };
    let verdict = offline::check(&spec.content(), &input.facts.texts, level, &earlier);
    Some((level, verdict))
}

/// What the level does not permit: found here, by the registry, or by both. Where they differ the
/// registry decides, since it is the one that registers.
fn incompatible(input: &Input<'_>, level: Level, offline: &Offline) -> Vec<Finding> {
    let opinion = input.facts.verdict.as_ref();
    let mut findings = Vec::new();
    match offline {
        Offline::Checked(breaks) => {
            let overruled = opinion.is_some_and(|opinion| opinion.compatible);
            findings.extend(breaks.iter().map(|found| broken(level, found, overruled)));
        }
        Offline::Unchecked(why) => findings.push(
            Finding::new(
                "not-checked-offline",
                Weight::Warning,
                "The new version could not be checked without the registry",
            )
            .detail(format!("{why}."))
            .on("definition"),
        ),
        // Said by a rule of its own.
        Offline::Invalid(_) => {}
    }
    if let Some(opinion) = opinion {
        findings.extend(said(level, opinion, offline));
    }
    for why in &input.facts.unmeasured {
        findings.push(Finding::new(
            "not-asked",
            Weight::Note,
            format!("The registry's own verdict is missing: {why}"),
        ));
    }
    findings
}

fn broken(level: Level, found: &Break, overruled: bool) -> Finding {
    let version = &found.earlier;
    let (weight, verdict) = if overruled {
        (
            Weight::Warning,
            "\nThe registry takes it, and it is the registry that decides.",
        )
    } else {
        (Weight::Incompatible, "")
    };
    let who = match found.direction {
        Direction::Backward => format!("Readers of the new schema meet records of {version}"),
        Direction::Forward => format!("Readers of {version} meet records of the new schema"),
    };
    let mismatch = &found.mismatch;
    let place = |path: &str| {
        if path.is_empty() {
            "/".to_owned()
        } else {
            path.to_owned()
        }
    };
    Finding::new("incompatible", weight, mismatch.message.clone())
        .detail(format!(
            "{who} ({level}): {} for the reader, {} for the writer, rule {}.{verdict}",
            place(&mismatch.reader),
            place(&mismatch.writer),
            mismatch.rule
        ))
        .hint(mismatch.advice.clone())
        .on("definition")
}

/// Returns what the registry says, where that adds something to what was found here.
fn said(level: Level, opinion: &Opinion, offline: &Offline) -> Option<Finding> {
    let words = if opinion.messages.is_empty() {
        "It gives no reasons.".to_owned()
    } else {
        opinion.messages.join("\n")
    };
    let found = match offline {
        Offline::Checked(breaks) => Some(breaks.len()),
        Offline::Invalid(_) | Offline::Unchecked(_) => None,
    };
    if opinion.compatible {
        return None;
    }
    let detail = match found {
        Some(0) => format!("{words}\nNothing was found here; it is the registry that decides."),
        _ => words,
    };
    let finding = Finding::new(
        "refused-by-registry",
        Weight::Incompatible,
        format!("The registry refuses the new version ({level})"),
    );
    Some(
        finding
            .detail(detail)
            .hint("change the schema so that it is compatible, or weaken the subject's level")
            .on("definition"),
    )
}

/// A tighter level says nothing about versions that are there: it is set, and they stay as they are.
fn level_not_kept(input: &Input<'_>) -> Vec<Finding> {
    let (Some(spec), Some(live)) = (input.spec, input.live) else {
        return Vec::new();
    };
    if live.holds.is_none() || !changes(input, "compatibility") {
        return Vec::new();
    }
    let Some(level) = level(input, spec) else {
        return Vec::new();
    };
    let earlier: Vec<_> = offline::known(&input.facts.versions)
        .into_iter()
        .filter(|(origin, ..)| match origin {
            Origin::Version(number) => Some(*number) < live.holds,
            Origin::Applied | Origin::Commit(_) => true,
        })
        .collect();
    match offline::check(&spec.content(), &input.facts.texts, level, &earlier) {
        Offline::Checked(breaks) if !breaks.is_empty() => vec![
            Finding::new(
                "level-not-kept",
                Weight::Warning,
                format!("The versions that are there do not keep {level}"),
            )
            .detail(
                breaks
                    .iter()
                    .map(|found| format!("{}: {}", found.earlier, found.mismatch.message))
                    .collect::<Vec<_>>()
                    .join("\n"),
            )
            .on("compatibility"),
        ],
        _ => Vec::new(),
    }
}

fn registered_again(input: &Input<'_>) -> Vec<Finding> {
    if input.action != Action::Create || input.prior.is_none() {
        return Vec::new();
    }
    vec![
        Finding::new(
            "registered-again",
            Weight::Warning,
            "The subject was deleted outside and is registered again",
        )
        .detail(
            "Its earlier versions are gone; the new one may get another id than records carry.",
        ),
    ]
}

fn deletion(input: &Input<'_>) -> Vec<Finding> {
    if input.action != Action::Delete || input.live.is_none() {
        return Vec::new();
    }
    let facts = input.facts;
    let mut detail =
        "It is deleted softly, then for good: records that carry its ids can no longer be \
                      read."
            .to_owned();
    if let Some(topic) = topic_of(input.remote_id) {
        detail.push(' ');
        let held = match (facts.records, facts.unmeasured.first()) {
            (Some(records), _) => {
                format!("The topic {topic:?} holds {}.", count(records, "record"))
            }
            (None, Some(why)) => {
                format!("What the topic {topic:?} holds could not be measured ({why}).")
            }
            (None, None) => format!("No topic {topic:?} is known."),
        };
        detail.push_str(&held);
    }
    vec![
        Finding::new(
            "deletion",
            Weight::Destructive,
            format!(
                "The subject {:?} is deleted with {}",
                input.remote_id,
                count(facts.count, "version")
            ),
        )
        .detail(detail),
    ]
}

fn referenced(input: &Input<'_>) -> Vec<Finding> {
    let facts = input.facts;
    if input.action != Action::Delete || facts.referenced_by.is_empty() {
        return Vec::new();
    }
    vec![
        Finding::new(
            "referenced",
            Weight::Error,
            format!(
                "The subject {:?} cannot be deleted: others refer to it",
                input.remote_id
            ),
        )
        .detail(format!("{}.", facts.referenced_by.join(", ")))
        .hint("delete those first, or with it")
        .while_there("schema", facts.referenced_by.iter().map(String::as_str)),
    ]
}

fn topic_holds_records(input: &Input<'_>) -> Vec<Finding> {
    let (Action::Delete, Some(records), Some(topic)) =
        (input.action, input.facts.records, topic_of(input.remote_id))
    else {
        return Vec::new();
    };
    if records == 0 {
        return Vec::new();
    }
    vec![
        Finding::new(
            "topic-holds-records",
            Weight::Error,
            format!(
                "The subject {:?} cannot be deleted: the topic {topic:?} holds {}",
                input.remote_id,
                count(records, "record")
            ),
        )
        .hint(format!(
            "delete the topic first, or with it; to keep the subject and no longer manage it, write a \
             removed block with lifecycle {{ destroy = false }} for it instead of deleting {topic:?}"
        ))
        .while_there("topic", [topic]),
    ]
}

#[cfg(test)]
mod tests;
