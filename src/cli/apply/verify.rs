//! `apply --wait`: waits until what was changed does well, or says why it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::apply::{ApplyOutcome, Interrupts};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::health::Checkup;
use crate::health::wait::{Waited, wait};
use crate::kinds::quantity::{count, span};
use crate::kinds::{Action, Health, Verdict};
use crate::refresh::Drivers;
use crate::state::State;

use super::super::Output;
use super::super::planning::Stop;
use super::super::progress::unless_interrupted;
use super::super::status::unreadable;

/// The same words are said again after so long.
const REPEAT: Duration = Duration::from_secs(10);

/// How many objects a line of progress names.
const NAMED: usize = 3;

/// How the wait ended.
pub(super) enum Verified {
    /// Nothing that was changed has a health.
    Nothing,
    /// Everything was healthy, or something was not in its time.
    Looked(Waited),
    /// The user does not want to wait any longer.
    Interrupted,
}

/// Waits until what an apply changed is healthy; `within` is how long each object may take, whatever its
/// block says.
pub(super) async fn verify(
    outcome: &ApplyOutcome,
    state: &State,
    drivers: &mut Drivers,
    within: Option<Duration>,
    interrupts: &Interrupts,
    output: &Output,
) -> Result<Verified, Diagnostics> {
    let changed = changed(outcome);
    let chosen = |address: &Address| changed.contains(address);
    let mut checkup = Checkup::of(state, drivers, chosen).map_err(unreadable)?;
    if checkup.is_empty() {
        return Ok(Verified::Nothing);
    }
    let mut said = Said::new(output);
    said.say("Looking how what was changed does …");
    let waiting = wait(&mut checkup, drivers, within, |found, took| {
        said.look(found, took);
    });
    match unless_interrupted(interrupts, waiting).await {
        Ok(waited) => Ok(Verified::Looked(waited)),
        Err(Stop::Interrupted) => Ok(Verified::Interrupted),
        Err(Stop::Errors(errors)) => Err(errors),
    }
}

/// Returns what an apply did something to.
fn changed(outcome: &ApplyOutcome) -> BTreeSet<&Address> {
    let acted = outcome
        .applied
        .iter()
        .filter(|(_, action)| matches!(action, Action::Create | Action::Update | Action::Adopt));
    acted.map(|(address, _)| address).collect()
}

/// What was said last about the wait, so that it is not said every second.
struct Said<'a> {
    output: &'a Output,
    text: String,
    at: Instant,
}

impl<'a> Said<'a> {
    fn new(output: &'a Output) -> Self {
        Self {
            output,
            text: String::new(),
            at: Instant::now(),
        }
    }

    fn look(&mut self, found: &BTreeMap<Address, Health>, took: Duration) {
        let text = words(found);
        if text != self.text || self.at.elapsed() >= REPEAT {
            self.say(&format!("{text} ({} s)", took.as_secs()));
            self.text = text;
        }
    }

    fn say(&mut self, text: &str) {
        self.output.progress(text);
        self.at = Instant::now();
    }
}

/// Returns who is waited for, and why, in one line.
fn words(found: &BTreeMap<Address, Health>) -> String {
    let ill: Vec<(&Address, &Health)> = found
        .iter()
        .filter(|(_, health)| health.verdict != Verdict::Healthy)
        .collect();
    if ill.is_empty() {
        return format!("{} healthy, looking once more", found.len());
    }
    let named = ill.iter().take(NAMED).map(|(address, health)| {
        let reason = health.reasons().next().unwrap_or_default();
        format!("{address} is {}: {reason}", health.verdict)
    });
    let mut text = named.collect::<Vec<_>>().join("; ");
    if ill.len() > NAMED {
        let _ = write!(text, "; and {} more", ill.len() - NAMED);
    }
    text
}

/// Returns the line that says that all is well.
pub(super) fn healthy(waited: &Waited) -> String {
    let objects = count(waited.found.len() as u64, "object");
    let took = u64::try_from(waited.took.as_millis()).unwrap_or(u64::MAX);
    format!("Healthy after {}: {objects}.\n", span(took))
}

/// Returns an error for each object that was not healthy in its time.
pub(super) fn late(waited: &Waited) -> Diagnostics {
    let each = waited.late.iter().map(|late| {
        let within = u64::try_from(late.within.as_millis()).unwrap_or(u64::MAX);
        let summary = format!("{} is not healthy after {}", late.address, span(within));
        let health = waited.found.get(&late.address);
        let reasons = health.into_iter().flat_map(Health::reasons);
        let reasons: Vec<String> = reasons.map(|reason| format!("{reason}.")).collect();
        Diagnostic::error("unhealthy", summary)
            .detail(reasons.join("\n"))
            .hint("it was applied, and stays so; `streamform status` shows how it does")
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_waited_for_are_named() {
        let mut found = BTreeMap::from([(Address::root("topic", "fine"), Health::new())]);
        assert_eq!(words(&found), "1 healthy, looking once more");
        for name in ["a", "b", "c", "d"] {
            let mut health = Health::new();
            health.progressing("0 of 1 checkpoints have completed");
            found.insert(Address::root("job", name), health);
        }
        insta::assert_snapshot!(words(&found), @"job.a is progressing: 0 of 1 checkpoints have completed; job.b is progressing: 0 of 1 checkpoints have completed; job.c is progressing: 0 of 1 checkpoints have completed; and 1 more");
    }

    #[test]
    fn only_what_was_acted_on_is_waited_for() {
        let mut outcome = ApplyOutcome::default();
        for (name, action) in [
            ("made", Action::Create),
            ("noted", Action::Record),
            ("gone", Action::Delete),
        ] {
            outcome.applied.insert(Address::root("topic", name), action);
        }
        let made = Address::root("topic", "made");
        assert_eq!(changed(&outcome), BTreeSet::from([&made]));
    }
}
