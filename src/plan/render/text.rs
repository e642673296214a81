//! A plan as text for people: what changes, then a short list of addresses. Pure.

use std::fmt::Write as _;

use crate::address::Address;
use crate::diagnostic::printable;
use crate::kinds::{Action, Delta, Finding, Weight};
use crate::plan::{Change, Drift, Fate, Mode, Plan};

use super::{counts, grouped, impact, label, objects, value};

/// From so many changes on, what is created without a finding stands in the list only.
const COMPACT_FROM: usize = 50;

/// Returns the text; coloured with ANSI sequences if asked for.
pub fn render(plan: &Plan, colour: bool) -> String {
    // Writing to a String cannot fail.
    let mut out = String::new();
    head(&mut out, plan);
    unread(&mut out, plan);
    drift(&mut out, plan);
    let compact = plan.changes.len() >= COMPACT_FROM;
    for change in &plan.changes {
        if compact && change.action == Action::Create && change.findings.is_empty() {
            continue;
        }
        details(&mut out, change, colour);
    }
    list(&mut out, plan, colour);
    out
}

fn head(out: &mut String, plan: &Plan) {
    if plan.mode == Mode::Destroy {
        let _ = writeln!(
            out,
            "This plan DESTROYS what the environment {} owns.\n",
            plan.basis.environment
        );
    }
    if !plan.selection.is_all() {
        let _ = writeln!(
            out,
            "This plan is PARTIAL: {} left out by --target or --exclude.\n",
            objects(plan.left_out.len(), "was", "were")
        );
    }
}

fn unread(out: &mut String, plan: &Plan) {
    if plan.unread.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "Could not be read, so what becomes of them is UNKNOWN:"
    );
    for object in &plan.unread {
        let _ = writeln!(out, "? {}", object.address);
        object
            .findings
            .iter()
            .for_each(|finding| found(out, finding));
        for line in object.impact.iter().flat_map(impact::lines) {
            let _ = writeln!(out, "    {line}");
        }
    }
    for reason in &plan.away {
        let _ = writeln!(out, "  ({})", reason.summary);
    }
    out.push('\n');
}

fn drift(out: &mut String, plan: &Plan) {
    if plan.drift.is_empty() {
        return;
    }
    let _ = writeln!(out, "Changed outside of Streamform since the last apply:");
    for drift in &plan.drift {
        drifted(out, drift);
    }
    out.push('\n');
}

/// Writes one object's drift.
pub fn drifted(out: &mut String, drift: &Drift) {
    let fate = match drift.fate {
        Fate::Reverted => "an apply puts it back",
        Fate::Wanted => "the project wants it so",
        Fate::Deleted => "an apply deletes it",
        Fate::Forgotten => "no longer managed",
        Fate::Ignored => "ignored by ignore_changes",
        Fate::Stays => "it stays; the project wants something else",
    };
    let what = if drift.deleted {
        "was deleted"
    } else {
        "was changed"
    };
    let _ = writeln!(out, "  {} {what} ({fate})", shown(&drift.address));
    for delta in &drift.deltas {
        let _ = writeln!(
            out,
            "      {}: {} -> {}",
            printable(&delta.path),
            value(&delta.before),
            value(&delta.after)
        );
    }
}

fn details(out: &mut String, change: &Change, colour: bool) {
    let sign = painted(change.action, colour);
    let address = shown(&change.address);
    let _ = writeln!(out, "{sign} {address} {}", sentence(change));
    if let Some(from) = &change.moved_from {
        let _ = writeln!(out, "    moved from {}", shown(from));
    }
    for delta in &change.deltas {
        attribute(out, change.action, delta);
    }
    for finding in &change.findings {
        found(out, finding);
    }
    for line in change.impact.iter().flat_map(impact::lines) {
        let _ = writeln!(out, "    {line}");
    }
    out.push('\n');
}

fn found(out: &mut String, finding: &Finding) {
    let _ = writeln!(
        out,
        "    {}: {}",
        label(finding.weight),
        printable(&finding.summary)
    );
    for line in finding.detail.lines() {
        let _ = writeln!(out, "      {}", printable(line));
    }
    let mut lead = "hint: ";
    for line in finding.hint.iter().flat_map(|hint| hint.lines()) {
        let _ = writeln!(out, "      {lead}{}", printable(line));
        lead = "      ";
    }
}

fn sentence(change: &Change) -> &'static str {
    let is_there = change.live.is_some();
    match change.action {
        Action::Create => "will be created",
        Action::Update => "will be changed in place",
        Action::Delete => "will be DELETED",
        Action::Adopt if is_infeasible(change) => "exists and cannot be taken over",
        Action::Adopt => "exists and will be taken over",
        Action::Forget if is_there => "will no longer be managed; the live object stays",
        Action::Forget => "is gone already; only the state forgets it",
        Action::Record if !change.deltas.is_empty() => {
            "is declared; it is recorded, and nothing else is changed"
        }
        Action::Record => "is as wanted; only the state is brought up to date",
        Action::NoOp => "stays as it is",
    }
}

fn is_infeasible(change: &Change) -> bool {
    let mut findings = change.findings.iter();
    findings.any(|finding| finding.weight == Weight::Error)
}

fn attribute(out: &mut String, action: Action, delta: &Delta) {
    let path = printable(&delta.path);
    if action == Action::Create || action == Action::Record && delta.before.is_null() {
        let _ = writeln!(out, "    + {path} = {}", value(&delta.after));
        return;
    }
    let sign = match (delta.before.is_null(), delta.after.is_null()) {
        (true, _) => '+',
        (_, true) => '-',
        _ => '~',
    };
    let _ = write!(
        out,
        "    {sign} {path}: {} -> {}",
        value(&delta.before),
        value(&delta.after)
    );
    if let Some(note) = &delta.note {
        let _ = write!(out, "  ({})", printable(note));
    }
    if delta.drift {
        out.push_str("  (changed outside)");
    }
    out.push('\n');
}

fn list(out: &mut String, plan: &Plan, colour: bool) {
    if plan.changes.is_empty() && !plan.unread.is_empty() {
        let _ = writeln!(
            out,
            "Plan: {} unknown; {} as wanted.",
            plan.unread.len(),
            plan.unchanged
        );
        return;
    }
    if plan.is_empty() {
        let wanted = objects(plan.unchanged, "is", "are");
        let _ = writeln!(out, "No changes. {wanted} as wanted.");
        return;
    }
    for change in grouped(plan) {
        let worst = change.findings.iter().map(|finding| finding.weight).max();
        let mark = worst
            .map(|weight| format!("  [{}]", label(weight)))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "  {} {}{mark}",
            painted(change.action, colour),
            shown(&change.address)
        );
    }
    let _ = writeln!(out, "Plan: {}; {} as wanted.", counts(plan), plan.unchanged);
}

/// Returns an address as it is shown: the key of an instance may be any text.
fn shown(address: &Address) -> String {
    printable(&address.to_string()).into_owned()
}

fn painted(action: Action, colour: bool) -> String {
    let sign = action.sign();
    let code = match action {
        Action::Create | Action::Adopt => "32",
        Action::Update => "33",
        Action::Delete => "31",
        Action::Forget | Action::Record | Action::NoOp => "36",
    };
    if colour {
        format!("\u{1b}[{code}m{sign}\u{1b}[0m")
    } else {
        sign.to_owned()
    }
}
