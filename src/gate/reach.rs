//! The gate `reach`: what is applied was read before. Pure.
//!
//! A plan can be made while a system is away, and says which objects it knows nothing about. It can be
//! looked at; an apply of it would change some objects without knowing what the others are.

use crate::plan::Plan;

use super::{GateInput, Refusal};

/// The gate's name.
pub const NAME: &str = "reach";

/// Refuses a plan with objects that could not be read, unless it is only looked at.
pub fn gate(plan: &Plan, input: &GateInput) -> Vec<Refusal> {
    if input.only_looks || plan.unread.is_empty() {
        return Vec::new();
    }
    let count = plan.unread.len();
    let objects = if count == 1 {
        "1 object".to_owned()
    } else {
        format!("{count} objects")
    };
    let reasons: Vec<String> = plan
        .away
        .iter()
        .map(|diagnostic| format!("{}.", diagnostic.summary))
        .collect();
    vec![Refusal {
        gate: NAME,
        address: None,
        path: None,
        code: "unread".into(),
        summary: format!("{objects} could not be read: nothing is changed"),
        detail: reasons.join("\n"),
        hint: Some("try again when the system answers".into()),
    }]
}
