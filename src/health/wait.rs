//! Looks until every object does well, or one had its time (I/O).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::address::Address;
use crate::kinds::health::{Health, Healthy, Verdict};
use crate::refresh::Drivers;

use super::Checkup;

/// How long an object may take to become healthy where nothing says so.
pub const DEFAULT: Duration = Duration::from_mins(5);

/// The wait between two looks, at first and later.
const PAUSE: Duration = Duration::from_secs(1);
const LONGER_PAUSE: Duration = Duration::from_secs(3);

/// After so long the looks become rarer.
const EAGER: Duration = Duration::from_secs(30);

/// How many looks in a row must find everything well: a task that fails at once was running for a moment.
const IN_A_ROW: u32 = 2;

/// How a wait ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Waited {
    /// How the objects did at the end.
    pub found: BTreeMap<Address, Health>,
    /// Which of them were not healthy when their time was over.
    pub late: Vec<Late>,
    /// How long it took.
    pub took: Duration,
}

/// An object that did not become healthy in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// The object.
    pub address: Address,
    /// How long it had.
    pub within: Duration,
}

/// Waits until all objects are healthy. `within` is how long each may take; without it each one's `healthy`
/// block says so, and else [`DEFAULT`]. `tell` hears of every look.
///
/// Ends with the first object whose time is over, since what depends on it will not do better.
pub async fn wait(
    checkup: &mut Checkup,
    drivers: &mut Drivers,
    within: Option<Duration>,
    mut tell: impl FnMut(&BTreeMap<Address, Health>, Duration),
) -> Waited {
    let criteria = checkup.criteria();
    let limits: BTreeMap<&Address, Duration> = criteria
        .iter()
        .map(|(address, healthy)| (address, limit(healthy, within)))
        .collect();
    let started = Instant::now();
    let mut well = 0;
    loop {
        checkup.look(drivers).await;
        let found = checkup.findings();
        let took = started.elapsed();
        let all = found
            .values()
            .all(|health| health.verdict == Verdict::Healthy);
        well = if all { well + 1 } else { 0 };
        let late = late(&found, &limits, took);
        if well >= IN_A_ROW || !late.is_empty() {
            return Waited { found, late, took };
        }
        tell(&found, took);
        tokio::time::sleep(if took < EAGER { PAUSE } else { LONGER_PAUSE }).await;
    }
}

fn limit(healthy: &Healthy, within: Option<Duration>) -> Duration {
    within.or(healthy.within()).unwrap_or(DEFAULT)
}

fn late(
    found: &BTreeMap<Address, Health>,
    limits: &BTreeMap<&Address, Duration>,
    took: Duration,
) -> Vec<Late> {
    let ill = found
        .iter()
        .filter(|(_, health)| health.verdict != Verdict::Healthy);
    ill.filter_map(|(address, _)| {
        let within = *limits.get(address)?;
        (took >= within).then(|| Late {
            address: address.clone(),
            within,
        })
    })
    .collect()
}
