//! A plan as Markdown for a pull request's comment, within a number of bytes. Pure.
//!
//! The forges cut or refuse long comments (GitHub at 65,536 characters), so the verdict and the list of
//! addresses come first, and the details are dropped from the end when they do not fit.

use std::fmt::Write as _;

use crate::gate::Refusal;
use crate::plan::{Plan, Selection};

use super::{counts, grouped, impact, label, objects, text};

/// The most bytes of a comment on GitHub.
pub const GITHUB_LIMIT: usize = 65_536;

/// Returns the comment: at most `limit` bytes, if the first lines fit.
pub fn render(plan: &Plan, refusals: &[Refusal], limit: usize) -> String {
    let mut out = String::new();
    let verdict = if refusals.is_empty() {
        "may be applied"
    } else {
        "**may not be applied**"
    };
    let _ = writeln!(out, "### Streamform: `{}`\n", plan.basis.environment);
    if plan.is_empty() {
        let wanted = objects(plan.unchanged, "is", "are");
        let _ = writeln!(out, "No changes. {wanted} as wanted.");
    } else {
        let _ = writeln!(
            out,
            "{}; {} as wanted. The plan {verdict}.",
            counts(plan),
            plan.unchanged
        );
    }
    if !plan.selection.is_all() {
        let _ = writeln!(
            out,
            "\n**Partial plan:** {} left out.",
            objects(plan.left_out.len(), "was", "were")
        );
    }
    if !plan.unread.is_empty() {
        let names: Vec<String> = plan
            .unread
            .iter()
            .map(|object| code(&object.address.to_string()))
            .collect();
        let _ = writeln!(
            out,
            "\n**Unknown**, since they could not be read: {}.",
            names.join(", ")
        );
    }
    reasons(&mut out, refusals, limit / 2);
    table(&mut out, plan, limit);
    rollouts(&mut out, plan, limit);
    details(&mut out, plan, limit);
    out
}

/// Room that is kept for the line that says what was left out.
const RESERVE: usize = 200;

/// Writes why the plan may not be applied.
fn reasons(out: &mut String, refusals: &[Refusal], limit: usize) {
    for (at, refusal) in refusals.iter().enumerate() {
        let line = reason(refusal);
        if out.len() + line.len() + RESERVE > limit {
            let left = refusals.len() - at;
            let _ = writeln!(out, "- :no_entry: … and {left} more");
            return;
        }
        out.push_str(&line);
    }
}

fn reason(refusal: &Refusal) -> String {
    let address = refusal.address.as_ref();
    let address = address.map(|address| format!("{}: ", code(&address.to_string())));
    let detail = match refusal.detail.as_str() {
        "" => String::new(),
        detail => format!(". {}", escaped(detail)),
    };
    format!(
        "- :no_entry: {}{}{detail}\n",
        address.unwrap_or_default(),
        escaped(&refusal.summary)
    )
}

fn table(out: &mut String, plan: &Plan, limit: usize) {
    if plan.is_empty() {
        return;
    }
    out.push_str("\n| | object | |\n|---|---|---|\n");
    let mut left = plan.changes.len();
    for change in grouped(plan) {
        let worst = change.findings.iter().max_by_key(|finding| finding.weight);
        let words = worst
            .map(|finding| format!("{}: {}", label(finding.weight), escaped(&finding.summary)))
            .unwrap_or_default();
        let line = format!(
            "| {} | {} | {words} |\n",
            code(change.action.sign()),
            code(&change.address.to_string())
        );
        if out.len() + line.len() + RESERVE > limit {
            let _ = writeln!(out, "\n… and {left} more: the comment would be too long.");
            return;
        }
        out.push_str(&line);
        left -= 1;
    }
}

/// Whom the changes concern stands outside of the details: somebody may have to act before.
fn rollouts(out: &mut String, plan: &Plan, limit: usize) {
    let changes = grouped(plan).map(|change| (&change.address, &change.impact));
    let unread = plan.unread.iter();
    let unread = unread.map(|object| (&object.address, &object.impact));
    for (address, impact) in changes.chain(unread) {
        let Some(impact) = impact else { continue };
        let lines = impact::lines(impact).join("\n");
        let fence = fence(&lines);
        let text = format!(
            "\nWho follows {}:\n\n{fence}text\n{lines}\n{fence}\n",
            code(&address.to_string())
        );
        if out.len() + text.len() + RESERVE > limit {
            out.push_str(
                "\nWho follows the other changes is left out: the comment would be too long.\n",
            );
            return;
        }
        out.push_str(&text);
    }
}

fn details(out: &mut String, plan: &Plan, limit: usize) {
    let mut whole = plan.clone();
    whole.selection = Selection::default();
    let text = text::render(&whole, false);
    if plan.is_empty() && plan.drift.is_empty() {
        return;
    }
    let fence = fence(&text);
    let open = format!("\n<details><summary>Details</summary>\n\n{fence}text\n");
    let close = format!("{fence}\n\n</details>\n");
    let room = limit.saturating_sub(out.len() + open.len() + close.len() + RESERVE);
    if text.len() <= room {
        let _ = write!(out, "{open}{text}{close}");
        return;
    }
    let fits = text.floor_char_boundary(room);
    let end = text[..fits].rfind('\n').map_or(0, |at| at + 1);
    if end > 0 {
        let _ = write!(out, "{open}{}{close}", &text[..end]);
    }
    out.push_str("\nThe rest of the details is left out: the comment would be too long.\n");
}

/// Returns a fence longer than any run of backticks in a text.
fn fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat((longest + 1).max(3))
}

/// Returns a text as inline code in a table's cell.
pub(crate) fn code(text: &str) -> String {
    format!(
        "`{}`",
        text.replace('`', "'")
            .replace('|', "\\|")
            .replace('\n', " ")
    )
}

/// Returns a text in which Markdown and HTML mean nothing.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '@' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
