//! The gate `destructive`: what loses data needs permission, object by object. Pure.

use crate::kinds::Weight;
use crate::plan::{Change, Plan};

use super::{GateInput, Refusal, refusal};

/// The gate's name.
pub const NAME: &str = "destructive";

/// Refuses destructive findings of objects that nobody allowed to be destroyed.
pub fn gate(plan: &Plan, input: &GateInput) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for change in plan
        .changes
        .iter()
        .filter(|change| !is_allowed(change, input))
    {
        for finding in &change.findings {
            if finding.weight == Weight::Destructive {
                let mut refused = refusal(NAME, &change.address, finding);
                let permission = format!(
                    "if the loss is wanted: --allow-destroy '{}', or allow_destroy = true in the \
                     block's lifecycle",
                    change.address
                );
                refused.hint = Some(match refused.hint {
                    Some(hint) => format!("{hint}\n{permission}"),
                    None => permission,
                });
                refusals.push(refused);
            }
        }
    }
    refusals
}

fn is_allowed(change: &Change, input: &GateInput) -> bool {
    change.allow_destroy
        || input
            .allow_destroy
            .iter()
            .any(|pattern| pattern.matches(&change.address))
}
