//! Reads everything that a plan needs, in batches: live objects, then facts about the changes and who uses
//! what they describe (I/O).
//!
//! Each provider's objects of one kind are one batch; the batches run at the same time. A provider
//! that cannot be reached is one error, not one per object.

mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::address::{Address, ProviderAddress};
use crate::clients::{Connections, NO_SECRET};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::kinds::driver::{Answer, DriverError, ErasedDriver, ErasedQuestion, ErasedWanted};
use crate::kinds::{self, KindEntry};
use crate::plan::conclude::{Facts, needs_facts};
use crate::plan::propose::Observed;
use crate::plan::survey::Item;
use crate::plan::{Change, Proposal, Survey};
use crate::state::{ObjectState, State};

pub use users::users;

/// Why something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RefreshError {
    /// Providers' settings are wrong: the project, or what it takes from its surroundings.
    #[error("{}", .0.summaries())]
    Settings(Diagnostics),
    /// A system cannot be reached, or refused us.
    #[error("{}", .0.summaries())]
    Unreached(Diagnostics),
}

impl From<RefreshError> for Diagnostics {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Settings(found) | RefreshError::Unreached(found) => found,
        }
    }
}

/// The drivers of a run, made when they are first needed.
pub struct Drivers {
    connections: Connections,
    made: BTreeMap<(ProviderAddress, &'static str), Arc<dyn ErasedDriver>>,
}

impl Drivers {
    /// Returns the drivers over some connections; reaches nothing yet.
    pub fn new(connections: Connections) -> Self {
        Self {
            connections,
            made: BTreeMap::new(),
        }
    }

    /// Sets the driver of a kind through a provider, in the place of the one that would be made.
    #[must_use]
    pub fn with(
        mut self,
        provider: ProviderAddress,
        kind: &'static str,
        driver: Arc<dyn ErasedDriver>,
    ) -> Self {
        self.made.insert((provider, kind), driver);
        self
    }

    /// Returns the connections that the drivers share.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Returns the driver of a kind through a provider.
    pub fn get(
        &mut self,
        provider: &ProviderAddress,
        kind: &'static KindEntry,
    ) -> Result<Arc<dyn ErasedDriver>, DriverError> {
        if let Some(driver) = self.made.get(&(provider.clone(), kind.name)) {
            return Ok(driver.clone());
        }
        let driver = (kind.connect)(&self.connections, provider)?;
        self.made
            .insert((provider.clone(), kind.name), driver.clone());
        Ok(driver)
    }
}

/// What may be left out of a reading where its system is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Nothing: what is applied was read before.
    Refused,
    /// Objects of kinds that can be planned unread.
    OfSomeKinds,
    /// All objects, also where a login for their system is missing here: the plan is only looked at, and another
    /// commit stands in for what is away.
    OfAllKinds,
}

impl Absence {
    fn covers(self, kind: &str) -> bool {
        match self {
            Self::Refused => false,
            Self::OfSomeKinds => kinds::kind(kind).is_some_and(|kind| kind.plans_unread),
            Self::OfAllKinds => true,
        }
    }
}

/// An object to be read: its address, its name there, what is wanted and what the state says.
struct Sight<'a> {
    address: &'a Address,
    remote_id: &'a str,
    spec: Option<&'a Document>,
    owned: Option<&'a ObjectState>,
}

type Batches<'a, T> = BTreeMap<(ProviderAddress, &'static str), Vec<T>>;

/// Reads the live objects that a state owns, before it is known what is wanted of them. Those whose last
/// operation never settled are left for later.
pub async fn observe_owned(drivers: &mut Drivers, state: &State) -> Result<Observed, RefreshError> {
    let mut batches: Batches<'_, Sight<'_>> = BTreeMap::new();
    for (address, owned) in &state.objects {
        let Some(kind) = kinds::kind(&address.kind).filter(|_| owned.pending.is_none()) else {
            continue;
        };
        batches
            .entry((owned.provider.clone(), kind.name))
            .or_default()
            .push(Sight {
                address,
                remote_id: &owned.remote_id,
                spec: None,
                owned: Some(owned),
            });
    }
    // What is away is asked again, and told then.
    let (observed, _) = read(drivers, batches, Absence::OfSomeKinds).await?;
    Ok(observed)
}

/// Reads the live objects of a survey. `early` is what [`observe_owned`] read of the same state: an answer
/// is taken from there where the question would be the same. Returns why objects are missing whose system
/// is away, where `absence` permits that.
pub async fn observe(
    drivers: &mut Drivers,
    survey: &Survey,
    mut early: Observed,
    absence: Absence,
) -> Result<(Observed, Diagnostics), RefreshError> {
    let mut batches: Batches<'_, Sight<'_>> = BTreeMap::new();
    let mut observed = Observed::new();
    for (address, item) in &survey.items {
        let known = early.remove(item.moved_from.as_ref().unwrap_or(address));
        if let Some(live) = known.filter(|_| is_as_owned(item)) {
            observed.insert(address.clone(), live);
            continue;
        }
        batches
            .entry((item.provider.clone(), item.kind.name))
            .or_default()
            .push(Sight {
                address,
                remote_id: &item.remote_id,
                spec: item.desired.as_ref().map(|desired| &desired.spec),
                owned: item.owned.as_ref(),
            });
    }
    let (seen, away) = read(drivers, batches, absence).await?;
    observed.extend(seen);
    Ok((observed, away))
}

/// Whether what is wanted of an object is what was applied: nothing else has to be asked about it.
fn is_as_owned(item: &Item) -> bool {
    item.owned.as_ref().is_some_and(|owned| {
        let wanted = item.desired.as_ref().map(|desired| &desired.spec);
        owned.pending.is_none() && wanted.is_none_or(|wanted| *wanted == owned.spec)
    })
}

/// Reads again the live objects of some changes.
pub async fn observe_again(
    drivers: &mut Drivers,
    changes: &[Change],
    owned: &BTreeMap<&Address, &ObjectState>,
) -> Result<Observed, RefreshError> {
    let mut batches: Batches<'_, Sight<'_>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.action.reaches_out()) {
        let Some(kind) = kinds::kind(&change.address.kind) else {
            continue;
        };
        batches
            .entry((change.provider.clone(), kind.name))
            .or_default()
            .push(Sight {
                address: &change.address,
                remote_id: &change.remote_id,
                spec: change.desired.as_ref(),
                owned: owned.get(&change.address).copied(),
            });
    }
    let (observed, _) = read(drivers, batches, Absence::Refused).await?;
    Ok(observed)
}

async fn read(
    drivers: &mut Drivers,
    batches: Batches<'_, Sight<'_>>,
    absence: Absence,
) -> Result<(Observed, Diagnostics), RefreshError> {
    let mut wrong = Diagnostics::new();
    let mut asked = Vec::new();
    let mut away = Diagnostics::new();
    for ((provider, kind), sights) in batches {
        let mut why = Diagnostics::new();
        let Some(driver) = driver(drivers, &provider, kind, &mut why) else {
            let all = absence == Absence::OfAllKinds && why.iter().all(|one| one.code == NO_SECRET);
            add(if all { &mut away } else { &mut wrong }, why);
            continue;
        };
        let histories: Vec<Vec<&Document>> = sights
            .iter()
            .map(|sight| {
                sight
                    .owned
                    .into_iter()
                    .flat_map(ObjectState::specs)
                    .collect()
            })
            .collect();
        let wanted: Vec<ErasedWanted<'_>> = sights
            .iter()
            .zip(&histories)
            .map(|(sight, history)| ErasedWanted {
                remote_id: sight.remote_id,
                spec: sight.spec,
                history,
                outcome: sight.owned.and_then(|owned| owned.outcome.as_ref()),
                notes: sight.owned.and_then(ObjectState::notes),
            })
            .collect();
        let addresses = sights.iter().map(|sight| sight.address.clone()).collect();
        let may_be_away = absence.covers(kind);
        asked.push(Asked {
            addresses,
            answer: driver.observe(&wanted),
            may_be_away,
        });
    }
    let (all, unanswered) = gather(asked, wrong).await?;
    add(&mut away, unanswered);
    Ok((all, away))
}

/// Adds what is not said yet: several kinds may have a provider in common.
fn add(told: &mut Diagnostics, more: Diagnostics) {
    for diagnostic in more {
        if !told.0.contains(&diagnostic) {
            told.push(diagnostic);
        }
    }
}

/// Measures what the kinds' rules must know about the proposed changes.
pub async fn investigate(
    drivers: &mut Drivers,
    proposal: &Proposal,
) -> Result<Facts, RefreshError> {
    let mut batches: Batches<'_, &Change> = BTreeMap::new();
    for change in proposal.changes.iter().filter(|change| needs_facts(change)) {
        let Some(kind) = kinds::kind(&change.address.kind) else {
            continue;
        };
        batches
            .entry((change.provider.clone(), kind.name))
            .or_default()
            .push(change);
    }
    let mut wrong = Diagnostics::new();
    let mut asked = Vec::new();
    for ((provider, kind), changes) in batches {
        let Some(driver) = driver(drivers, &provider, kind, &mut wrong) else {
            continue;
        };
        let questions: Vec<ErasedQuestion<'_>> = changes
            .iter()
            .map(|change| ErasedQuestion {
                action: change.action,
                remote_id: &change.remote_id,
                spec: change.desired.as_ref(),
                prior: change.prior.as_ref(),
                live: change.live.as_ref(),
                deltas: &change.deltas,
            })
            .collect();
        let addresses = changes
            .iter()
            .map(|change| change.address.clone())
            .collect();
        asked.push(Asked {
            addresses,
            answer: driver.investigate(&questions),
            may_be_away: false,
        });
    }
    let (facts, _) = gather(asked, wrong).await?;
    Ok(facts)
}

/// Returns a driver, or notes in `wrong` what keeps it from being made.
fn driver(
    drivers: &mut Drivers,
    provider: &ProviderAddress,
    kind: &'static str,
    wrong: &mut Diagnostics,
) -> Option<Arc<dyn ErasedDriver>> {
    let kind = kinds::kind(kind)?;
    match drivers.get(provider, kind) {
        Ok(driver) => Some(driver),
        Err(DriverError(found)) => {
            add(wrong, found);
            None
        }
    }
}

/// A question about the objects of a batch.
struct Asked<T> {
    addresses: Vec<Address>,
    /// The answer, which is under way.
    answer: Answer<Result<Vec<T>, DriverError>>,
    /// Whether the batch is left out where the system is away.
    may_be_away: bool,
}

/// Waits for all answers at the same time, and reports every provider that gave none beside those whose
/// settings are `wrong`. Returns why batches were left out, too.
async fn gather<T: Send + 'static>(
    asked: Vec<Asked<T>>,
    mut wrong: Diagnostics,
) -> Result<(BTreeMap<Address, T>, Diagnostics), RefreshError> {
    let mut running = JoinSet::new();
    for asked in asked {
        running.spawn(async move {
            let answer = asked.answer.await;
            let found = answer.map(|found| (asked.addresses, found));
            found.map_err(|error| (error, asked.may_be_away))
        });
    }
    let mut all = BTreeMap::new();
    let mut unreached = Diagnostics::new();
    let mut away = Diagnostics::new();
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok((addresses, found))) => all.extend(addresses.into_iter().zip(found)),
            Ok(Err((error, true))) if error.is_away() => away.extend(error.0),
            Ok(Err((DriverError(found), _))) => unreached.extend(found),
            Err(panic) => unreached.push(Diagnostic::error(
                "internal",
                format!("A driver ended unexpectedly: {panic}"),
            )),
        }
    }
    if wrong.has_errors() {
        wrong.extend(unreached);
        return Err(RefreshError::Settings(wrong));
    }
    if unreached.has_errors() {
        return Err(RefreshError::Unreached(unreached));
    }
    Ok((all, away))
}
