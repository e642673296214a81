//! May this plan be applied? One file a gate; all of them read the plan and nothing else. Pure.
//!
//! [`review`] is the only way to an [`ApprovedPlan`], and only an approved plan can be applied. What a
//! gate must know was measured while the plan was made and is in it.

pub mod compatibility;
pub mod deletions;
pub mod destructive;
pub mod feasible;
pub mod impact;
pub mod reach;

use std::collections::BTreeMap;

use crate::address::{Address, AddressPattern};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};
use crate::kinds::{Desired, Finding, Weight};
use crate::plan::Plan;

/// What was permitted for this run.
#[derive(Debug, Clone, Default)]
pub struct GateInput {
    /// Objects whose destructive operations are allowed: `--allow-destroy`, and `allow_destroy` of the
    /// environment. What a block's `lifecycle` allows is in the plan.
    pub allow_destroy: Vec<AddressPattern>,
    /// Objects whose changes are allowed although no order of upgrades makes them safe: `--allow-breaking`, and
    /// `allow_breaking` of the environment. What a block's `lifecycle` allows is in the plan.
    pub allow_breaking: Vec<AddressPattern>,
    /// The most deletions of one plan, where something else than the default was set.
    pub max_deletions: Option<u64>,
    /// Whether the plan is only looked at: one with objects that could not be read can be shown, not
    /// applied.
    pub only_looks: bool,
}

/// A plan that passed all gates. Only [`review`] makes one.
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// Returns the plan itself.
    pub fn into_plan(self) -> Plan {
        self.0
    }
}

/// One reason why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The gate's name: its file's.
    pub gate: &'static str,
    /// The object, where it is about one.
    pub address: Option<Address>,
    /// The rule's name.
    pub code: String,
    /// One line, a sentence without a full stop.
    pub summary: String,
    /// What was found and what it means.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    /// The attribute that it is about, where it is about one.
    pub path: Option<String>,
}

impl Refusal {
    /// Adds how a person can decide otherwise.
    fn unless(mut self, permission: String) -> Self {
        self.hint = Some(match self.hint {
            Some(hint) => format!("{hint}\n{permission}"),
            None => permission,
        });
        self
    }

    /// Returns what to tell the user, without a place in the source.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic {
            code: self.code.clone().into(),
            address: self.address.clone(),
            ..Diagnostic::error("refused", self.summary.clone())
                .detail(self.detail.clone())
                .hint_opt(self.hint.clone())
        }
    }
}

/// A plan that may not be applied, and every reason why.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The plan.
    pub plan: Box<Plan>,
    /// The reasons; never empty.
    pub refusals: Vec<Refusal>,
}

impl Rejection {
    /// Whether one of the reasons is that something cannot be done, which no permission changes, or
    /// cannot be known.
    pub fn is_infeasible(&self) -> bool {
        self.refusals
            .iter()
            .any(|refusal| matches!(refusal.gate, feasible::NAME | reach::NAME))
    }

    /// Returns the reasons as errors, each pointing at its place in the source where the project
    /// still holds the object.
    pub fn diagnostics(
        &self,
        places: &BTreeMap<Address, Desired>,
        sources: &SourceMap,
    ) -> Diagnostics {
        let told = self.refusals.iter().map(|refusal| {
            let desired = refusal.address.as_ref().and_then(|at| places.get(at));
            let span = desired.map(|desired| desired.place(refusal.path.as_deref()).clone());
            refusal.diagnostic().at(span)
        });
        sources.attach(told.collect())
    }
}

/// The gates, in the order in which their refusals are shown.
const GATES: &[fn(&Plan, &GateInput) -> Vec<Refusal>] = &[
    reach::gate,
    feasible::gate,
    compatibility::gate,
    destructive::gate,
    impact::gate,
    deletions::gate,
];

/// Holds a plan against every gate.
pub fn review(plan: Plan, input: &GateInput) -> Result<ApprovedPlan, Rejection> {
    let refusals: Vec<Refusal> = GATES.iter().flat_map(|gate| gate(&plan, input)).collect();
    if refusals.is_empty() {
        Ok(ApprovedPlan(plan))
    } else {
        Err(Rejection {
            plan: Box::new(plan),
            refusals,
        })
    }
}

/// Returns the refusals of all findings of a weight.
fn refusals(gate: &'static str, plan: &Plan, weight: Weight) -> Vec<Refusal> {
    let found = plan.findings().filter(|(_, found)| found.weight == weight);
    found
        .map(|(address, found)| refusal(gate, address, found))
        .collect()
}

/// Whether one of the patterns covers an object.
fn covers(patterns: &[AddressPattern], address: &Address) -> bool {
    patterns.iter().any(|pattern| pattern.matches(address))
}

/// Returns the refusal that a finding of a change stands for.
fn refusal(gate: &'static str, address: &Address, finding: &Finding) -> Refusal {
    Refusal {
        gate,
        address: Some(address.clone()),
        code: finding.code.clone(),
        summary: finding.summary.clone(),
        detail: finding.detail.clone(),
        hint: finding.hint.clone(),
        path: finding.path.clone(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
