//! Whom a change concerns, as lines of text. Pure.

use crate::compatibility::level::Rollout;
use crate::diagnostic::printable;
use crate::kinds::Role;
use crate::plan::impact::{Impact, Party, Step, When};

/// Returns the lines; those of a party are indented.
pub(super) fn lines(impact: &Impact) -> Vec<String> {
    let order = match impact.rollout {
        Rollout::ReadersFirst => "readers first",
        Rollout::WritersFirst => "writers first",
        Rollout::AnyOrder => "in any order",
        Rollout::NoSafeOrder => "no order is safe",
        Rollout::NobodyStays => "readers and writers have to leave first",
    };
    let mut lines = vec![format!("rollout: {order} ({})", printable(&impact.reason))];
    let steps = impact.steps();
    if matches!(
        impact.rollout,
        Rollout::AnyOrder | Rollout::NoSafeOrder | Rollout::NobodyStays
    ) {
        list(&mut lines, impact, Role::Reads);
        list(&mut lines, impact, Role::Writes);
        return lines;
    }
    let mut number = 0;
    let mut numbered = |text: &str| {
        number += 1;
        format!("  {number}. {text}")
    };
    for step in steps.iter().filter(|step| step.when == When::Before) {
        lines.push(numbered("before this apply, upgrade") + &who(impact, step));
        members(&mut lines, step);
    }
    lines.push(numbered("this apply"));
    for step in steps.iter().filter(|step| step.when == When::Within) {
        lines.push(format!("     upgrades{}", who(impact, step)));
        members(&mut lines, step);
    }
    for step in steps.iter().filter(|step| step.when == When::After) {
        lines.push(numbered("after it, upgrade") + &who(impact, step));
        members(&mut lines, step);
    }
    lines
}

fn who(impact: &Impact, step: &Step<'_>) -> String {
    let end = if step.parties.is_empty() {
        ": nobody is known"
    } else {
        ":"
    };
    format!(
        " the {} of {}{end}",
        noun(step.role),
        printable(&impact.channel())
    )
}

fn noun(role: Role) -> &'static str {
    match role {
        Role::Reads => "readers",
        Role::Writes => "writers",
        Role::Describes | Role::Obeys => "descriptions",
    }
}

fn members(lines: &mut Vec<String>, step: &Step<'_>) {
    lines.extend(
        step.parties
            .iter()
            .map(|one| format!("       - {}", party(one))),
    );
}

fn list(lines: &mut Vec<String>, impact: &Impact, role: Role) {
    let parties = impact.parties(role);
    let end = if parties.is_empty() {
        ": nobody is known"
    } else {
        ":"
    };
    lines.push(format!(
        "  {} of {}{end}",
        noun(role),
        printable(&impact.channel())
    ));
    lines.extend(parties.iter().map(|one| format!("    - {}", party(one))));
}

/// Returns the words for somebody: `consumer_group.billing ("billing-app", owner team-billing, Stable, 2 members)`.
pub(super) fn party(party: &Party) -> String {
    let name = format!("{:?}", party.name);
    let mut about = Vec::new();
    let who = if let Some(address) = &party.address {
        about.push(name);
        address.to_string()
    } else {
        about.push("not declared".to_owned());
        format!("{} {name}", party.kind)
    };
    about.extend(party.owner.iter().map(|owner| format!("owner {owner}")));
    about.extend(party.live.clone());
    printable(&format!("{who} ({})", about.join("; "))).into_owned()
}
