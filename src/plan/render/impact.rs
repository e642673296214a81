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
    };
    let mut lines = vec![format!("rollout: {order} ({})", printable(&impact.reason))];
    let steps = impact.steps();
    if matches!(impact.rollout, Rollout::AnyOrder | Rollout::NoSafeOrder) {
        list(&mut lines, impact, Role::Reads);
        list(&mut lines, impact, Role::Writes);
        return lines;
    }
    let mut number = 0;
    let mut numbered = |text: String| {
        number += 1;
        format!("  {number}. {text}")
    };
    for step in steps.iter().filter(|step| step.when == When::Before) {
        lines.push(numbered(format!(
            "before this apply, upgrade {}:",
            who(impact, step)
        )));
        members(&mut lines, step);
    }
    lines.push(numbered("this apply".to_owned()));
    for step in steps.iter().filter(|step| step.when == When::Within) {
        lines.push(format!("     upgrades {}:", who(impact, step)));
        members(&mut lines, step);
    }
    for step in steps.iter().filter(|step| step.when == When::After) {
        lines.push(numbered(format!(
            "after it, upgrade {}:",
            who(impact, step)
        )));
        members(&mut lines, step);
    }
    lines.extend(nobody(impact));
    lines
}

fn who(impact: &Impact, step: &Step<'_>) -> String {
    format!("who {} {}", verb(step.role), printable(&impact.channel()))
}

fn verb(role: Role) -> &'static str {
    match role {
        Role::Reads => "reads",
        Role::Writes => "writes",
        Role::Describes => "describes",
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
    if parties.is_empty() {
        lines.push(format!(
            "  nobody is known who {} {}",
            verb(role),
            printable(&impact.channel())
        ));
        return;
    }
    lines.push(format!(
        "  who {} {}:",
        verb(role),
        printable(&impact.channel())
    ));
    lines.extend(parties.iter().map(|one| format!("    - {}", party(one))));
}

/// Says of which side nobody is known: that is no proof that there is nobody.
fn nobody(impact: &Impact) -> Option<String> {
    let missing: Vec<&str> = [Role::Reads, Role::Writes]
        .into_iter()
        .filter(|role| impact.parties(*role).is_empty())
        .map(verb)
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "  nobody is known who {} {}",
            missing.join(" or "),
            printable(&impact.channel())
        )
    })
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
