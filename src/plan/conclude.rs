//! With what was measured: what the kinds' rules find in each change, and the finished plan. Pure.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::kinds::entry::ErasedChange;
use crate::kinds::{self, Action};

use super::{Change, Plan, Proposal};

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

/// Holds every change against its kind's rules.
pub fn conclude(proposal: Proposal, mut facts: Facts) -> Result<Plan, Diagnostics> {
    let Proposal {
        survey,
        mut changes,
        drift,
        unchanged,
    } = proposal;
    let mut wrong = Diagnostics::new();
    for change in &mut changes {
        change.facts = facts.remove(&change.address);
        if !needs_facts(change) {
            continue;
        }
        let Some(kind) = kinds::kind(&change.address.kind) else {
            continue;
        };
        let found = (kind.check)(&ErasedChange {
            action: change.action,
            remote_id: &change.remote_id,
            spec: change.desired.as_ref(),
            prior: change.prior.as_ref(),
            live: change.live.as_ref(),
            deltas: &change.deltas,
            facts: change.facts.as_ref(),
        });
        match found {
            Ok(found) => change.findings.extend(found),
            Err(error) => wrong.push(
                Diagnostic::error(
                    "wrong-document",
                    format!("{} cannot be checked", change.address),
                )
                .on(&change.address)
                .detail(error.to_string()),
            ),
        }
    }
    if wrong.has_errors() {
        return Err(wrong);
    }
    Ok(Plan {
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
