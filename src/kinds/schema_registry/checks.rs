//! What a change of a registry's settings means to its subjects: one function a rule. Pure.

use crate::kinds::{Check, CheckInput, Finding, Weight};

use super::SchemaRegistry;

/// The rules, in the order in which their findings are shown.
pub(super) const CHECKS: &[Check<SchemaRegistry>] = &[Check {
    code: "all-subjects",
    run: all_subjects,
}];

/// The setting counts for every subject without one of its own, whoever manages it.
fn all_subjects(input: &CheckInput<'_, SchemaRegistry>) -> Vec<Finding> {
    if input.live.is_none() {
        return Vec::new();
    }
    let findings = input.deltas.iter().map(|delta| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("nothing").to_owned();
        let (what, consequence) = match delta.path.as_str() {
            "mode" => ("mode", "can be changed as that says"),
            _ => ("level", "is held against that from then on"),
        };
        Finding::new(
            "all-subjects",
            Weight::Warning,
            format!(
                "The registry's own {what} becomes {} for every subject without one of its own",
                text(&delta.after)
            ),
        )
        .detail(format!(
            "It is {} now. Each of them {consequence}, also those that this project does not manage.",
            text(&delta.before)
        ))
        .on(delta.path.clone())
    });
    findings.collect()
}
