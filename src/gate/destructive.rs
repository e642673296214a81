//! The gate `destructive`: what loses data needs permission, object by object; what is protected is not
//! deleted with any. Pure.

use crate::kinds::Weight;
use crate::plan::propose::PROTECTED;
use crate::plan::{Change, Plan};

use super::{GateInput, Refusal, refusal};

/// The gate's name.
pub const NAME: &str = "destructive";

/// Refuses destructive findings of objects that nobody allowed to be destroyed, and the deletion of those
/// that the state protects: `prevent_destroy` is lifted by an apply of the block, not by an option.
pub fn gate(plan: &Plan, input: &GateInput) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for change in &plan.changes {
        let is_allowed = is_allowed(change, input);
        let is_protected = change.findings.iter().any(|found| found.code == PROTECTED);
        for finding in &change.findings {
            let is_lifted = is_allowed && finding.code != PROTECTED;
            if finding.weight != Weight::Destructive || is_lifted {
                continue;
            }
            let mut refused = refusal(NAME, &change.address, finding);
            if !is_protected {
                let permission = permission(change);
                refused.hint = Some(match refused.hint {
                    Some(hint) => format!("{hint}\n{permission}"),
                    None => permission,
                });
            }
            refusals.push(refused);
        }
    }
    refusals
}

/// Says how a loss is allowed. A block that is gone can say nothing any more.
fn permission(change: &Change) -> String {
    let address = &change.address;
    let in_the_project = match change.desired {
        Some(_) => "allow_destroy = true in the block's lifecycle".to_owned(),
        None => "allow_destroy in the environment's block".to_owned(),
    };
    format!("if the loss is wanted: --allow-destroy '{address}', or {in_the_project}")
}

fn is_allowed(change: &Change, input: &GateInput) -> bool {
    change.allow_destroy
        || input
            .allow_destroy
            .iter()
            .any(|pattern| pattern.matches(&change.address))
}
