//! A plan as JSON for programs. Pure.
//!
//! The document, whose `format_version` moves its first number when a reader must change:
//!
//! ```text
//! format_version  "1.0"
//! environment, commit (or null), release, mode ("apply" | "destroy"), partial (true | false)
//! state           { lineage, serial, hash }
//! changes         [ { address, kind, action, remote_id, moved_from (or null),
//!                     deltas   [ { path, before, after, note?, drift? } ],
//!                     findings [ { code, weight, summary, detail?, hint?, path?, loss? } ],
//!                     impact   null, or { rollout ("readers-first" | "writers-first" | "any-order" |
//!                              "no-safe-order" | "nobody-stays"), reason, through [ { kind, name } ],
//!                              readers, writers [ { kind, name, address?, managed?, owner?, live? } ],
//!                              unknown [ text ], steps [ { when ("before" | "within" | "after"),
//!                              who ("readers" | "writers"), names [ text ] } ] } } ]
//! unread          [ { address, remote_id, findings [ … ], impact } ], where a system is away
//! drift           [ { address, remote_id, deleted?, deltas?, fate } ]
//! summary         { create, update, delete, adopt, forget, record, unchanged }
//! verdict         { allowed, refusals [ { gate, address (or null), code, summary, detail,
//!                     hint (or null) } ] }
//! ```

use serde_json::{Value as Json, json};

use crate::gate::Refusal;
use crate::kinds::{Action, Role};
use crate::plan::{Impact, Plan};

/// The version of the document.
pub const FORMAT_VERSION: &str = "1.0";

/// Returns the document of a plan and of what its gates said.
pub fn render(plan: &Plan, refusals: &[Refusal]) -> Json {
    let changes: Vec<Json> = plan
        .changes
        .iter()
        .map(|change| {
            json!({
                "address": change.address,
                "kind": &*change.address.kind,
                "action": change.action,
                "remote_id": change.remote_id,
                "moved_from": change.moved_from,
                "deltas": change.deltas,
                "findings": change.findings,
                "impact": change.impact.as_ref().map(impact),
            })
        })
        .collect();
    let refused: Vec<Json> = refusals
        .iter()
        .map(|refusal| {
            json!({
                "gate": refusal.gate,
                "address": refusal.address,
                "code": refusal.code,
                "summary": refusal.summary,
                "detail": refusal.detail,
                "hint": refusal.hint,
            })
        })
        .collect();
    let unread: Vec<Json> = plan
        .unread
        .iter()
        .map(|object| {
            json!({
                "address": object.address,
                "remote_id": object.remote_id,
                "findings": object.findings,
                "impact": object.impact.as_ref().map(impact),
            })
        })
        .collect();
    let mut document = json!({
        "format_version": FORMAT_VERSION,
        "environment": plan.basis.environment,
        "commit": plan.basis.commit,
        "release": plan.basis.release,
        "mode": plan.mode,
        "partial": !plan.selection.is_all(),
        "state": {
            "lineage": plan.basis.lineage,
            "serial": plan.basis.serial,
            "hash": plan.basis.state,
        },
        "changes": changes,
        "drift": plan.drift,
        "summary": {
            "create": plan.count(Action::Create),
            "update": plan.count(Action::Update),
            "delete": plan.count(Action::Delete),
            "adopt": plan.count(Action::Adopt),
            "forget": plan.count(Action::Forget),
            "record": plan.count(Action::Record),
            "unchanged": plan.unchanged,
        },
        "verdict": { "allowed": refusals.is_empty(), "refusals": refused },
    });
    if !unread.is_empty() {
        document["unread"] = unread.into();
    }
    document
}

fn impact(impact: &Impact) -> Json {
    let steps: Vec<Json> = impact
        .steps()
        .iter()
        .map(|step| {
            let who = if step.role == Role::Reads {
                "readers"
            } else {
                "writers"
            };
            let names: Vec<&str> = step.parties.iter().map(|party| &*party.name).collect();
            json!({ "when": step.when, "who": who, "names": names })
        })
        .collect();
    json!({
        "rollout": impact.rollout,
        "reason": impact.reason,
        "through": impact.through,
        "readers": impact.readers,
        "writers": impact.writers,
        "unknown": impact.unknown,
        "steps": steps,
    })
}
