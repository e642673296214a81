//! How what was applied does, turn by turn: one look a turn, so that the looks tell a lag's trend. Does I/O.

use std::collections::BTreeMap;
use std::path::Path;

use crate::address::{Address, ProviderAddress};
use crate::backend::LocalBackend;
use crate::clients::Connections;
use crate::config::project::Provider;
use crate::document::ContentHash;
use crate::health::Checkup;
use crate::kinds::{Health, Verdict};
use crate::pipeline::Prepared;
use crate::refresh::Drivers;

use super::report::Reason;

/// How many objects a line of the log names.
const NAMED: usize = 5;

/// The looks at one environment. They begin anew where its state has changed.
pub(super) struct Rounds {
    backend: LocalBackend,
    providers: BTreeMap<ProviderAddress, Provider>,
    drivers: Drivers,
    checkup: Option<(ContentHash, Checkup)>,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ill {
    /// How many objects are unhealthy.
    pub(super) count: usize,
    /// Which, and why.
    pub(super) reason: Reason,
}

impl Rounds {
    /// Returns the looks at a project's environment; reaches nothing yet.
    pub(super) fn of(prepared: &Prepared, base: &Path) -> Self {
        let connections = Connections::new(&prepared.project.providers, base);
        Self {
            backend: prepared.backend.clone(),
            providers: prepared.project.providers.clone(),
            drivers: Drivers::new(connections),
            checkup: None,
        }
    }

    /// Whether they go through the providers of this project.
    pub(super) fn reach(&self, prepared: &Prepared) -> bool {
        self.providers == prepared.project.providers
    }

    /// Looks once. What cannot be read, be it the state, is told by the turn, and is no illness.
    pub(super) async fn look(&mut self) -> Option<Ill> {
        let snapshot = self.backend.read().await.ok()?;
        let known = self.checkup.take();
        let known = known.filter(|(state, _)| *state == snapshot.hash);
        let mut checkup = match known {
            Some((_, checkup)) => checkup,
            None => Checkup::of(&snapshot.state, &self.drivers, |_| true).ok()?,
        };
        checkup.look(&mut self.drivers).await;
        let found = checkup.findings();
        self.checkup = Some((snapshot.hash, checkup));
        let ill: Vec<(Address, Health)> = found
            .into_iter()
            .filter(|(_, health)| health.verdict == Verdict::Unhealthy)
            .collect();
        (!ill.is_empty()).then(|| told(&ill))
    }
}

fn told(ill: &[(Address, Health)]) -> Ill {
    let each = ill.iter().take(NAMED).map(|(address, health)| {
        let reasons: Vec<&str> = health.reasons().collect();
        format!("{address}: {}", reasons.join("; "))
    });
    let mut text = each.collect::<Vec<_>>().join("; ");
    if ill.len() > NAMED {
        text = format!("{text}; and {} more", ill.len() - NAMED);
    }
    let names: Vec<String> = ill.iter().map(|(address, _)| address.to_string()).collect();
    Ill {
        count: ill.len(),
        reason: Reason::keyed(text, names.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_objects_are_the_same_illness() {
        let ill = |count: usize, lag: u64| -> Vec<(Address, Health)> {
            let each = (0..count).map(|at| {
                let mut health = Health::new();
                health.unhealthy(format!("{lag} records behind"));
                (Address::root("job", format!("j{at}").as_str()), health)
            });
            each.collect()
        };
        assert!(told(&ill(2, 7)).reason.is_same(&told(&ill(2, 8)).reason));
        assert!(!told(&ill(2, 7)).reason.is_same(&told(&ill(3, 7)).reason));
        insta::assert_snapshot!(told(&ill(6, 7)).reason.text, @"job.j0: 7 records behind; job.j1: 7 records behind; job.j2: 7 records behind; job.j3: 7 records behind; job.j4: 7 records behind; and 1 more");
    }
}
