//! The gate `impact`: a change must leave its readers and writers an order in which nobody breaks. Pure.
//!
//! Where no order is safe a person can still decide to make the change, object by object: `--allow-breaking
//! ADDRESS`, or `allow_breaking` in the block's lifecycle or in the environment. The finding stays in the plan.
//! Other permissions do not cover it: nothing is lost that could be measured, somebody stops working.

use crate::graph::{Graph, Origin};
use crate::kinds::BREAKS_READERS;
use crate::plan::Plan;
use crate::plan::impact::NO_SAFE_ORDER;

use super::{GateInput, Refusal, covers, refusal};

/// The gate's name.
pub const NAME: &str = "impact";

/// Refuses changes that break somebody whatever is upgraded first, and rollouts that contradict each other.
pub fn gate(plan: &Plan, input: &GateInput) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let changes = plan.changes.iter();
    let changes = changes.map(|it| (&it.address, it.allow_breaking, &it.findings));
    let unread = plan.unread.iter();
    let unread = unread.map(|it| (&it.address, it.allow_breaking, &it.findings));
    for (address, allowed, findings) in changes.chain(unread) {
        if allowed || covers(&input.allow_breaking, address) {
            continue;
        }
        let breaking = findings.iter();
        for finding in breaking.filter(|it| it.code == NO_SAFE_ORDER || it.code == BREAKS_READERS) {
            let permission = format!(
                "if the break is wanted: --allow-breaking '{address}', or allow_breaking = true in the block's \
                 lifecycle"
            );
            refusals.push(refusal(NAME, address, finding).unless(permission));
        }
    }
    refusals.extend(contradiction(plan));
    refusals
}

/// Two rollouts can each ask for what the other forbids: A before B for one schema, B before A for another.
fn contradiction(plan: &Plan) -> Option<Refusal> {
    if plan.changes.iter().all(|change| change.follows.is_empty()) {
        return None;
    }
    let mut graph = Graph::default();
    for change in &plan.changes {
        for earlier in change.needs.union(&change.follows) {
            graph.add_edge(&change.address, earlier, Origin::Explicit);
        }
    }
    let cycle = graph.cycle()?;
    let addresses: Vec<String> = cycle
        .steps()
        .iter()
        .map(|(address, _)| address.to_string())
        .collect();
    Some(Refusal {
        gate: NAME,
        address: cycle.steps().first().map(|(address, _)| address.clone()),
        code: "rollout-cycle".into(),
        summary: format!(
            "Each would have to be upgraded before the next: {}",
            addresses.join(", ")
        ),
        detail: "The plan changes several things at once whose readers and writers are the same."
            .into(),
        path: None,
        hint: Some("apply the changes one after the other, with --target".into()),
    })
}
