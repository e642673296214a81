//! A plan as text for people, as JSON for programs, as Markdown for pull requests. Pure.

mod impact;
pub mod json;
pub mod markdown;
pub mod text;

use serde_json::Value as Json;

use crate::diagnostic::printable;
use crate::kinds::quantity::count;
use crate::kinds::{Action, Weight};

use super::{Change, Plan};

/// The actions in the order in which they are counted and listed, with the word for each.
const ACTIONS: [(Action, &str); 6] = [
    (Action::Delete, "to delete"),
    (Action::Forget, "to forget"),
    (Action::Update, "to update"),
    (Action::Create, "to create"),
    (Action::Adopt, "to adopt"),
    (Action::Record, "to record"),
];

/// The longest value that is shown whole.
const LONGEST_VALUE: usize = 120;

/// Returns the line that counts the changes: `1 to update, 2 to create`.
fn counts(plan: &Plan) -> String {
    let mut counted: Vec<String> = ACTIONS
        .iter()
        .map(|(action, words)| (plan.count(*action), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if !plan.unread.is_empty() {
        counted.push(format!("{} unknown", plan.unread.len()));
    }
    counted.join(", ")
}

/// Returns a number of objects with the verb: `1 object is`, `2 objects are`.
fn objects(number: usize, one: &str, many: &str) -> String {
    let verb = if number == 1 { one } else { many };
    format!("{} {verb}", count(number as u64, "object"))
}

/// Returns the changes, deletions first.
fn grouped(plan: &Plan) -> impl Iterator<Item = &Change> {
    ACTIONS.iter().flat_map(|(action, _)| {
        plan.changes
            .iter()
            .filter(move |change| change.action == *action)
    })
}

/// Returns a value as it stands in a line.
fn value(value: &Json) -> String {
    if value.is_null() {
        return "(not set)".into();
    }
    let text = printable(&value.to_string()).into_owned();
    if text.chars().count() <= LONGEST_VALUE {
        return text;
    }
    let mut cut: String = text.chars().take(LONGEST_VALUE).collect();
    cut.push('…');
    cut
}

/// Returns the word in front of a finding.
fn label(weight: Weight) -> &'static str {
    match weight {
        Weight::Note => "note",
        Weight::Warning => "warning",
        Weight::Breaking => "BREAKING",
        Weight::Incompatible => "INCOMPATIBLE",
        Weight::Destructive => "DESTRUCTIVE",
        Weight::Error => "ERROR",
    }
}

#[cfg(test)]
mod tests;
