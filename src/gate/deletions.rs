//! The gate `deletions`: a brake on plans that delete much at once. Pure.
//!
//! A project that lost its files, or a wrong environment, shows as a plan that deletes nearly
//! everything. The brake does not look at what the objects hold: that is the gate `destructive`.

use crate::plan::{Mode, Plan};

use super::{GateInput, Refusal};

/// The gate's name.
pub const NAME: &str = "deletions";

/// The most deletions where nothing is set, in an environment of 50 objects or more.
const DEFAULT_MOST: u64 = 10;

/// The share of a smaller environment that may be deleted where nothing is set: one in five.
const DEFAULT_SHARE: u64 = 5;

/// What may be deleted in any environment where nothing is set.
const DEFAULT_LEAST: u64 = 3;

/// Returns the most deletions of one plan of an environment that owns some objects.
pub fn limit(input: &GateInput, owned: usize) -> u64 {
    let owned = owned as u64;
    input
        .max_deletions
        .unwrap_or_else(|| (owned / DEFAULT_SHARE).clamp(DEFAULT_LEAST, DEFAULT_MOST))
}

/// Refuses a plan that deletes more than [`limit`]. A plan of `destroy` says by itself what it is for.
pub fn gate(plan: &Plan, input: &GateInput) -> Vec<Refusal> {
    let deletions = plan.deletions() as u64;
    let limit = limit(input, plan.owned);
    if plan.mode == Mode::Destroy || deletions <= limit {
        return Vec::new();
    }
    vec![Refusal {
        gate: NAME,
        address: None,
        code: "too-many-deletions".into(),
        summary: format!("The plan deletes {deletions} of {} objects", plan.owned),
        detail: format!(
            "At most {limit} may be deleted at once here. More than that is often a project without \
             its files, or the wrong environment."
        ),
        hint: Some(format!(
            "if it is meant: --max-deletions {deletions}, or max_deletions in the environment's block"
        )),
        path: None,
    }]
}
