//! With what was measured: what the kinds' rules find in each change, and the finished plan. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::diagnostic::Diagnostics;
use crate::document::Document;
use crate::kinds::entry::WrongDocument;
use crate::kinds::{self, Action, Finding, ObjectName};

use super::{Change, Plan, Proposal, Unread, cannot_be_checked};

/// What was measured for changes.
pub type Facts = BTreeMap<Address, Document>;

/// Whether a change has consequences that must be measured and checked.
pub fn needs_facts(change: &Change) -> bool {
    match change.action {
        Action::Create | Action::Update | Action::Delete => true,
        Action::Adopt | Action::Record => !change.deltas.is_empty(),
        Action::Forget | Action::NoOp => false,
    }
}

/// Whether an object is taken over that another object of the project makes for itself.
fn is_anothers(change: &Change) -> bool {
    matches!(change.action, Action::Adopt | Action::Record) && change.around.belongs_to.is_some()
}

/// Holds every change against its kind's rules.
///
/// `away` says why objects could not be read: they are judged by what HCL and the state say.
pub fn conclude(
    proposal: Proposal,
    mut facts: Facts,
    away: Diagnostics,
) -> Result<Plan, Diagnostics> {
    let Proposal {
        survey,
        mut changes,
        drift,
        mut unread,
        unchanged,
    } = proposal;
    let mut wrong = Diagnostics::new();
    for change in &mut changes {
        change.facts = facts.remove(&change.address);
        if !needs_facts(change) && !is_anothers(change) {
            continue;
        }
        let Some(kind) = kinds::kind(&change.address.kind) else {
            continue;
        };
        match (kind.check)(&change.erased()) {
            Ok(found) => change.findings.extend(found),
            Err(error) => wrong.push(cannot_be_checked(&change.address, &error)),
        }
    }
    for object in &mut unread {
        match judge(object) {
            Ok(found) => object.findings = found,
            Err(error) => wrong.push(cannot_be_checked(&object.address, &error)),
        }
    }
    if wrong.has_errors() {
        return Err(wrong);
    }
    drop_void(&mut changes);
    Ok(Plan {
        unread,
        away,
        basis: survey.basis,
        mode: survey.mode,
        selection: survey.selection,
        changes,
        drift,
        unchanged,
        left_out: survey.left_out,
        warnings: survey.warnings,
        owned: survey.owned,
    })
}

/// Holds an object that could not be read against its kind's rules, as far as they can judge.
fn judge(object: &Unread) -> Result<Vec<Finding>, WrongDocument> {
    let kind = kinds::kind(&object.address.kind).filter(|kind| kind.plans_unread);
    let Some(kind) = kind else {
        return Ok(Vec::new());
    };
    (kind.check)(&object.erased())
}

/// Drops findings that are about other objects, all of which the plan deletes as well, or that are about the
/// want of one that it makes.
fn drop_void(changes: &mut [Change]) {
    let named = |of: fn(Action) -> bool| -> BTreeSet<ObjectName> {
        let those = changes.iter().filter(|change| of(change.action));
        those
            .map(|change| ObjectName {
                kind: change.address.kind.to_string(),
                remote_id: change.remote_id.clone(),
            })
            .collect()
    };
    let deleted = named(Action::deletes);
    let made = named(|action| action == Action::Create);
    let is_void = |finding: &Finding| {
        let are_gone = !finding.while_there.is_empty()
            && finding
                .while_there
                .iter()
                .all(|name| deleted.contains(name));
        are_gone
            || finding
                .unless_made
                .as_ref()
                .is_some_and(|name| made.contains(name))
    };
    for change in changes {
        change.findings.retain(|finding| !is_void(finding));
    }
}
