//! The gate `compatibility`: no version is registered that the subject's level does not permit. Pure.
//!
//! What is compatible is judged by the rules of the kind `schema`, offline and, where the registry was
//! in reach, by the registry itself. No permission helps: a weaker level does, which is then in the
//! plan for everybody to see.

use crate::kinds::Weight;
use crate::plan::Plan;

use super::{GateInput, Refusal, refusals};

/// The gate's name.
pub const NAME: &str = "compatibility";

/// Refuses incompatible versions, of objects that could not be read as well.
pub fn gate(plan: &Plan, _input: &GateInput) -> Vec<Refusal> {
    refusals(NAME, plan, Weight::Incompatible)
}
