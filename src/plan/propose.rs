//! With the live objects: an action and the differing attributes for each object, and the drift. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::kinds::entry::WrongDocument;
use crate::kinds::{Action, Around, Delta, Desired, Finding, Weight};
use crate::state::ObjectState;
use crate::state::journal::Operation;

use super::survey::Item;
use super::{Change, Drift, Fate, Survey, Unread};

/// The finding about an object that the state protects: only another apply of its block lifts that.
pub const PROTECTED: &str = "protected";

/// What the live system said about the objects of a survey: `None` where there is no such object,
/// nothing at all where it could not be asked.
pub type Observed = BTreeMap<Address, Option<Document>>;

/// What would be done, before its consequences are known.
pub struct Proposal {
    /// What the plan is about.
    pub survey: Survey,
    /// What changes, in the order of the addresses, without facts and findings of the kinds.
    pub changes: Vec<Change>,
    /// What was changed outside.
    pub drift: Vec<Drift>,
    /// Objects that could not be read.
    pub unread: Vec<Unread>,
    /// How many objects are as wanted.
    pub unchanged: usize,
}

/// Compares what is wanted, what was applied and what is there.
pub fn propose(survey: Survey, observed: &Observed) -> Result<Proposal, Diagnostics> {
    let mut changes = Vec::new();
    let mut drift = Vec::new();
    let mut unread = Vec::new();
    let mut unchanged = 0;
    let mut wrong = Diagnostics::new();
    for (address, item) in &survey.items {
        let Some(live) = observed.get(address).map(Option::as_ref) else {
            unread.push(unseen(address, item));
            continue;
        };
        let compared = compare(address, item, live);
        match compared {
            Ok((drifted, change)) => {
                if let Some(mut found) = drifted {
                    found.fate = fate(item, &found, change.as_ref());
                    drift.push(found);
                }
                match change {
                    Some(change) => changes.push(change),
                    None => unchanged += 1,
                }
            }
            Err(error) => wrong.push(
                Diagnostic::error("wrong-document", format!("{address} cannot be compared"))
                    .on(address)
                    .detail(error.to_string()),
            ),
        }
    }
    if wrong.has_errors() {
        return Err(wrong);
    }
    Ok(Proposal {
        survey,
        changes,
        drift,
        unread,
        unchanged,
    })
}

/// Returns an object that the live system said nothing about.
fn unseen(address: &Address, item: &Item) -> Unread {
    Unread {
        address: address.clone(),
        provider: item.provider.clone(),
        remote_id: item.remote_id.clone(),
        desired: item.desired.as_ref().map(|desired| desired.spec.clone()),
        prior: item.owned.as_ref().and_then(prior).cloned(),
        facts: None,
        findings: Vec::new(),
        impact: None,
        allow_breaking: item
            .desired
            .as_ref()
            .is_some_and(|desired| desired.lifecycle.allow_breaking),
    }
}

/// Returns what was changed outside, and what has to be done.
fn compare(
    address: &Address,
    item: &Item,
    live: Option<&Document>,
) -> Result<(Option<Drift>, Option<Change>), WrongDocument> {
    let drifted = drift_of(address, item, live)?;
    // Most objects are as they were applied, and wanted so: that was seen just now.
    let is_settled = !item.kind.meaning_varies && is_wanted_as_applied(item);
    if drifted.is_none() && live.is_some() && is_settled {
        return Ok((None, None));
    }
    Ok((drifted, change_of(address, item, live)?))
}

fn is_wanted_as_applied(item: &Item) -> bool {
    match (&item.desired, &item.owned) {
        (Some(desired), Some(owned)) => {
            item.moved_from.is_none() && is_recorded(desired.spec == owned.spec, desired, owned)
        }
        _ => false,
    }
}

fn change_of(
    address: &Address,
    item: &Item,
    live: Option<&Document>,
) -> Result<Option<Change>, WrongDocument> {
    match (&item.desired, &item.owned) {
        (Some(desired), owned) => wanted(address, item, desired, owned.as_ref(), live),
        (None, Some(owned)) => Ok(Some(unwanted(address, item, owned, live))),
        (None, None) => Ok(None),
    }
}

fn blank(address: &Address, item: &Item, live: Option<&Document>) -> Change {
    Change {
        address: address.clone(),
        action: Action::NoOp,
        moved_from: item.moved_from.clone(),
        provider: item.provider.clone(),
        remote_id: item.remote_id.clone(),
        deltas: Vec::new(),
        desired: item.desired.as_ref().map(|desired| desired.spec.clone()),
        prior: item.owned.as_ref().and_then(prior).cloned(),
        live: live.cloned(),
        facts: None,
        findings: Vec::new(),
        around: Around::default(),
        impact: None,
        follows: BTreeSet::new(),
        needs: item
            .desired
            .as_ref()
            .map(|d| d.depends_on.clone())
            .unwrap_or_default(),
        protected: item
            .desired
            .as_ref()
            .is_some_and(|d| d.lifecycle.prevent_destroy),
        allow_destroy: item
            .desired
            .as_ref()
            .is_some_and(|d| d.lifecycle.allow_destroy),
        allow_breaking: item
            .desired
            .as_ref()
            .is_some_and(|d| d.lifecycle.allow_breaking),
    }
}

/// Returns what was last applied: nothing for an object that we only began to make.
fn prior(owned: &ObjectState) -> Option<&Document> {
    match &owned.pending {
        Some(pending) if pending.action == Operation::Create => {
            pending.previous.as_ref().map(|previous| &previous.spec)
        }
        _ => Some(&owned.spec),
    }
}

fn wanted(
    address: &Address,
    item: &Item,
    desired: &Desired,
    owned: Option<&ObjectState>,
    live: Option<&Document>,
) -> Result<Option<Change>, WrongDocument> {
    let mut change = blank(address, item, live);
    if item.kind.declaration {
        return declared(change, item, desired, owned, live);
    }
    let Some(live) = live else {
        change.action = Action::Create;
        change.deltas = described(None, &desired.spec);
        return Ok(Some(change));
    };
    let history = item.history();
    let deltas = (item.kind.diff)(&desired.spec, &history, live, &item.remote_id)?;
    change.deltas = deltas
        .into_iter()
        .filter(|delta| !ignores(desired, &delta.path))
        .collect();
    let Some(owned) = owned else {
        change.action = Action::Adopt;
        if let Some(why) = (item.kind.cannot_adopt)(live, &item.remote_id)? {
            change.findings.push(why);
        } else if !item.import {
            change.findings.push(not_ours(address, item));
        }
        return Ok(Some(change));
    };
    // Notes are what a killed run left behind in the live system, such as a throttle: the driver
    // sees to them even where nothing differs.
    let left_behind = owned
        .pending
        .as_ref()
        .is_some_and(|pending| pending.notes.is_some());
    let is_equivalent = (item.kind.equivalent)(&owned.spec, &desired.spec, &item.remote_id)?;
    change.action = if !change.deltas.is_empty() || left_behind {
        Action::Update
    } else if change.moved_from.is_some() || !is_recorded(is_equivalent, desired, owned) {
        Action::Record
    } else {
        return Ok(None);
    };
    Ok(Some(change))
}

/// A declaration is only recorded, whether its object is there or not, unless something of one that is there
/// has to change, or the block asks for something that is not done yet.
fn declared(
    mut change: Change,
    item: &Item,
    desired: &Desired,
    owned: Option<&ObjectState>,
    live: Option<&Document>,
) -> Result<Option<Change>, WrongDocument> {
    if let Some(live) = live {
        let deltas = (item.kind.diff)(&desired.spec, &item.history(), live, &item.remote_id)?;
        change.deltas = deltas
            .into_iter()
            .filter(|delta| !ignores(desired, &delta.path))
            .collect();
    }
    // What was done to another group, or on another cluster, says nothing about this one.
    let same =
        owned.filter(|owned| owned.remote_id == item.remote_id && owned.provider == item.provider);
    let settled = same.and_then(ObjectState::settled);
    let asked = described(settled, &desired.spec)
        .into_iter()
        .filter(|delta| !ignores(desired, &delta.path));
    let acts = (item.kind.acts)(&desired.spec, settled, &item.remote_id)?;
    if acts {
        change.deltas.extend(asked);
    }
    change.action = if !change.deltas.is_empty() {
        Action::Update
    } else if change.moved_from.is_none()
        && owned.is_some_and(|owned| is_recorded(owned.spec == desired.spec, desired, owned))
    {
        return Ok(None);
    } else {
        Action::Record
    };
    if change.action == Action::Record {
        change.deltas = described(owned.map(|owned| &owned.spec), &desired.spec);
    }
    Ok(Some(change))
}

/// Whether the state says already what it would say after an apply.
fn is_recorded(is_same: bool, desired: &Desired, owned: &ObjectState) -> bool {
    owned.pending.is_none()
        && is_same
        && owned.protected == desired.lifecycle.prevent_destroy
        && owned.depends_on == desired.depends_on
}

fn not_ours(address: &Address, item: &Item) -> Finding {
    let (kind, id) = (item.kind.name, &item.remote_id);
    Finding::new(
        "not-ours",
        Weight::Error,
        format!("The {kind} {id:?} exists already and is not in the state"),
    )
    .detail("Streamform changes only what it made or was told to take over.")
    .hint(format!(
        "to take it over as the block says, add\n\
         import {{\n  to = {address}\n  id = {id:?}\n}}\n\
         or first record it as it is: streamform import '{address}' {id}"
    ))
}

fn ignores(desired: &Desired, path: &str) -> bool {
    let lifecycle = &desired.lifecycle;
    lifecycle.ignore_all_changes
        || lifecycle.ignore_changes.iter().any(|ignored| {
            path == &**ignored
                || path
                    .strip_prefix(&**ignored)
                    .is_some_and(|rest| rest.starts_with(['[', '.']))
        })
}

fn unwanted(
    address: &Address,
    item: &Item,
    owned: &ObjectState,
    live: Option<&Document>,
) -> Change {
    let mut change = blank(address, item, live);
    change.protected = owned.protected;
    if item.forget || item.kind.declaration || live.is_none() {
        change.action = Action::Forget;
        return change;
    }
    change.action = Action::Delete;
    if owned.protected {
        change.findings.push(
            Finding::new(
                PROTECTED,
                Weight::Destructive,
                format!("{address} is protected against being destroyed"),
            )
            .detail("It was applied with prevent_destroy, and the state keeps that.")
            .hint(
                "to delete it: first apply its block with prevent_destroy = false, then remove the \
                     block; to keep it and no longer manage it: write a removed block with \
                     lifecycle { destroy = false }",
            ),
        );
    }
    change
}

/// Returns the attributes in which a description differs from an earlier one, or from nothing.
fn described(before: Option<&Document>, after: &Document) -> Vec<Delta> {
    let mut sides: BTreeMap<String, (Json, Json)> = BTreeMap::new();
    for (path, value) in before.into_iter().flat_map(attributes) {
        sides.entry(path).or_default().0 = value;
    }
    for (path, value) in attributes(after) {
        sides.entry(path).or_default().1 = value;
    }
    sides
        .into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|(path, (before, after))| Delta {
            path,
            before,
            after,
            note: None,
            drift: false,
        })
        .collect()
}

/// Returns a description's attributes by path, those of maps one by one.
fn attributes(spec: &Document) -> Vec<(String, Json)> {
    let mut attributes = Vec::new();
    if let Json::Object(described) = spec.to_value() {
        for (name, value) in described {
            match value {
                Json::Object(entries) => attributes.extend(
                    entries
                        .into_iter()
                        .map(|(key, value)| (format!("{name}[{}]", json!(key)), value)),
                ),
                value => attributes.push((name, value)),
            }
        }
    }
    attributes
}

/// Returns what was changed outside since the last apply, which is known only where that one settled.
fn drift_of(
    address: &Address,
    item: &Item,
    live: Option<&Document>,
) -> Result<Option<Drift>, WrongDocument> {
    let Some(owned) = &item.owned else {
        return Ok(None);
    };
    if item.kind.declaration && live.is_none() {
        return Ok(None);
    }
    let begun = owned.pending.as_ref().map(|pending| pending.action);
    if begun.is_some_and(|action| action != Operation::Move) {
        return Ok(None);
    }
    let mut drift = Drift {
        address: address.clone(),
        remote_id: item.remote_id.clone(),
        deleted: live.is_none(),
        deltas: Vec::new(),
        fate: Fate::Reverted,
    };
    if let Some(live) = live {
        let outcome = owned.outcome.as_ref();
        drift.deltas = (item.kind.drift)(&owned.spec, outcome, live, &item.remote_id)?;
        if drift.deltas.is_empty() {
            return Ok(None);
        }
    }
    Ok(Some(drift))
}

fn fate(item: &Item, drift: &Drift, change: Option<&Change>) -> Fate {
    if let Some(desired) = &item.desired
        && !drift.deleted
        && drift
            .deltas
            .iter()
            .all(|delta| ignores(desired, &delta.path))
    {
        return Fate::Ignored;
    }
    let reverts = change.is_some_and(|change| {
        drift.deleted && change.action == Action::Create
            || change.deltas.iter().any(|delta| {
                drift
                    .deltas
                    .iter()
                    .any(|drifted| drifted.path == delta.path)
            })
    });
    match change.map(|change| change.action) {
        Some(Action::Delete) => Fate::Deleted,
        Some(Action::Forget) => Fate::Forgotten,
        _ if reverts => Fate::Reverted,
        // Nobody asked for it, and yet there is nothing to do about it.
        None => Fate::Stays,
        Some(_) => Fate::Wanted,
    }
}
