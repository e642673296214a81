//! The gate `feasible`: nothing in the plan is known to be impossible or forbidden for good. Pure.

use crate::kinds::Weight;
use crate::plan::Plan;

use super::{GateInput, Refusal, refusals};

/// The gate's name.
pub const NAME: &str = "feasible";

/// Refuses every finding that no permission helps.
pub fn gate(plan: &Plan, _input: &GateInput) -> Vec<Refusal> {
    refusals(NAME, plan, Weight::Error)
}
