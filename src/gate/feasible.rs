//! The gate `feasible`: nothing in the plan is known to be impossible or forbidden for good. Pure.

use crate::kinds::Weight;
use crate::plan::Plan;

use super::{GateInput, Refusal, refusal};

/// The gate's name.
pub const NAME: &str = "feasible";

/// Refuses every finding that no permission helps.
pub fn gate(plan: &Plan, _input: &GateInput) -> Vec<Refusal> {
    let changed = plan.changes.iter().map(|c| (&c.findings, &c.address));
    let unread = plan.unread.iter().map(|u| (&u.findings, &u.address));
    let mut refusals = Vec::new();
    for (findings, address) in changed.chain(unread) {
        for finding in findings.iter().filter(|f| f.weight == Weight::Error) {
            refusals.push(refusal(NAME, address, finding));
        }
    }
    refusals
}
