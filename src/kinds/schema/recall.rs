//! What is known of a subject while its registry is away: its level and its versions, from the state and from the
//! project's own history. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compatibility::Level;
use crate::config::block::Attribute;
use crate::diagnostic::Diagnostics;
use crate::kinds::schema::spec::Content;
use crate::kinds::{Action, CheckInput, Finding, Memory, Recall, Weight};

use super::offline::{Earlier, Origin};
use super::spec::{self, Mode, SchemaSpec};
use super::{Committed, Schema, SchemaFacts, content};

/// The level of a registry that nobody set: that of Confluent's documentation.
pub(super) const DEFAULT: Level = Level::Backward;

/// See [`Kind::memory`](crate::kinds::Kind::memory).
pub(super) fn memory(spec: &SchemaSpec, settings: &BTreeMap<Arc<str>, Attribute>) -> Memory {
    let level = spec.compatibility.or_else(|| level_of(settings));
    match level.unwrap_or(DEFAULT) {
        Level::None => Memory::Nothing,
        level if level.is_transitive() => Memory::All,
        _ => Memory::Latest,
    }
}

/// See [`Kind::recall`](crate::kinds::Kind::recall).
pub(super) fn recall(spec: &SchemaSpec, recall: Recall<'_, SchemaSpec>) -> SchemaFacts {
    let mut committed: Vec<Committed> = Vec::new();
    for past in recall.past {
        let content = past.spec.content();
        if !committed
            .iter()
            .any(|known| content::same(&known.content, &content))
        {
            committed.push(Committed {
                commit: past.commit,
                content,
            });
        }
    }
    SchemaFacts {
        level: spec.compatibility.or_else(|| level_of(recall.settings)),
        base: recall.base.map(str::to_owned),
        committed,
        ..SchemaFacts::default()
    }
}

/// Returns the level that a provider's settings give the registry itself. What is wrong with it is told where the
/// registry's own object is read.
pub(super) fn level_of(settings: &BTreeMap<Arc<str>, Attribute>) -> Option<Level> {
    spec::level(settings.get("compatibility")?, &mut Diagnostics::new())
}

/// Returns the mode that a provider's settings give the registry itself.
pub(super) fn mode_of(settings: &BTreeMap<Arc<str>, Attribute>) -> Option<Mode> {
    spec::mode(settings.get("mode")?, &mut Diagnostics::new())
}

/// Returns the versions that a level compares with, the oldest first: what was applied, and what the project said
/// where the state does not know enough.
pub(super) fn earlier(input: &CheckInput<'_, Schema>, level: Level) -> Vec<Earlier> {
    let applied = input.prior.map(SchemaSpec::content);
    let mut earlier = Vec::new();
    if applied.is_none() || level.is_transitive() {
        let most = if level.is_transitive() { usize::MAX } else { 1 };
        let others = input.facts.committed.iter().take(most).filter(|known| {
            let applied = applied.as_ref();
            applied.is_none_or(|applied| !content::same(applied, &known.content))
        });
        earlier.extend(others.rev().map(|known| {
            let origin = Origin::Commit(known.commit.clone());
            of_content(origin, &known.content)
        }));
    }
    earlier.extend(applied.map(|applied| of_content(Origin::Applied, &applied)));
    earlier
}

fn of_content(origin: Origin, content: &Content) -> Earlier {
    (origin, content.format, content.definition(&BTreeMap::new()))
}

/// Says where the versions come from that a subject's content is held against while its registry is away.
pub(super) fn sources(input: &CheckInput<'_, Schema>) -> Vec<Finding> {
    let (None, Some(spec), Action::Update) = (input.live, input.spec, input.action) else {
        return Vec::new();
    };
    let facts = input.facts;
    let level = facts.level.or(spec.compatibility);
    if level == Some(Level::None) {
        return Vec::new();
    }
    if input.prior.is_none() && facts.committed.is_empty() {
        return vec![unknown(facts.base.as_deref())];
    }
    if super::checks::becomes_version(input).is_none() {
        return Vec::new();
    }
    let from = told(&earlier(input, level.unwrap_or(DEFAULT)));
    let mut detail = match level {
        Some(level) => format!("The level is {level}."),
        None => format!(
            "The level is not known here: {DEFAULT} is taken, which registries begin with. Set compatibility in the \
             block to have it known."
        ),
    };
    let is_transitive = level.unwrap_or(DEFAULT).is_transitive();
    let mut weight = Weight::Note;
    if is_transitive && facts.base.is_none() {
        weight = Weight::Warning;
        detail.push_str(" It counts for all versions, and the state knows the last one only.");
    }
    let finding = Finding::new(
        "compared-without-registry",
        weight,
        format!("The registry is away: the new version is held against {from}"),
    )
    .detail(detail)
    .on("definition");
    vec![if weight == Weight::Warning {
        finding.hint("--base COMMIT compares with what the project said in its git history, too")
    } else {
        finding
    }]
}

/// Returns the finding of a subject of which no version is known.
fn unknown(base: Option<&str>) -> Finding {
    match base {
        Some(base) => Finding::new(
            "compared-without-registry",
            Weight::Note,
            format!(
                "The registry is away, and neither the state nor the project at {base} has this subject: it is \
                 taken for a new one"
            ),
        ),
        None => Finding::new(
            "not-checked-offline",
            Weight::Warning,
            "The registry is away, and the state knows no version: what the schema breaks is not known",
        )
        .hint("--base COMMIT compares with what the project said in its git history"),
    }
    .on("definition")
}

/// Returns the words for where versions come from.
fn told(earlier: &[Earlier]) -> String {
    let commits: Vec<&str> = earlier
        .iter()
        .filter_map(|(origin, ..)| match origin {
            Origin::Commit(commit) => Some(commit.as_str()),
            Origin::Version(_) | Origin::Applied => None,
        })
        .collect();
    let is_applied = earlier
        .iter()
        .any(|(origin, ..)| *origin == Origin::Applied);
    let git = match commits[..] {
        [] => None,
        [one] => Some(format!("the content of git commit {one}")),
        _ => Some(format!(
            "the contents of git commits {}",
            commits.join(", ")
        )),
    };
    match (git, is_applied) {
        (None, _) => "what the state says was applied last".to_owned(),
        (Some(git), false) => git,
        (Some(git), true) => format!("{git} and what the state says was applied last"),
    }
}
