//! The gate `destructive`: what loses data needs permission, object by object; what is protected is not
//! deleted with any. Pure.

use crate::kinds::Weight;
use crate::plan::propose::PROTECTED;
use crate::plan::{Change, Plan};

use super::{GateInput, Refusal, covers, refusal};

/// The gate's name.
pub const NAME: &str = "destructive";

/// Refuses destructive findings of objects that nobody allowed to be destroyed, and the deletion of those
/// that the state protects: `prevent_destroy` is lifted by an apply of the block, not by an option.
pub fn gate(plan: &Plan, input: &GateInput) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for change in &plan.changes {
        let is_allowed = change.allow_destroy || covers(&input.allow_destroy, &change.address);
        let is_protected = change.findings.iter().any(|found| found.code == PROTECTED);
        for finding in &change.findings {
            let is_lifted = is_allowed && finding.code != PROTECTED;
            if finding.weight != Weight::Destructive || is_lifted {
                continue;
            }
            let refused = refusal(NAME, &change.address, finding);
            refusals.push(if is_protected {
                refused
            } else {
                refused.unless(permission(change))
            });
        }
    }
    refusals
}

/// Says how a loss is allowed. A block that is gone can say nothing any more.
fn permission(change: &Change) -> String {
    let address = &change.address;
    let in_the_project = match change.desired {
        Some(_) => "allow_destroy = true in the block's lifecycle",
        None => "allow_destroy in the environment's block",
    };
    format!("if the loss is wanted: --allow-destroy '{address}', or {in_the_project}")
}
