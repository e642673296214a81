//! Looks at how applied objects do, over time, in batches (I/O); what it means is [`crate::kinds::health`].
//!
//! A [`Checkup`] is made from a state; each [`Checkup::look`] reads the vitals of all its objects and the
//! offsets of all their groups at the same time, in a few requests for each provider; [`Checkup::findings`]
//! judges all looks so far. [`wait`] looks until everything does well, [`report`] shows what was found.

mod groups;
pub mod report;
pub mod wait;

pub use groups::Ahead;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::address::{Address, ProviderAddress};
use crate::document::Document;
use crate::kinds::driver::{DriverError, ErasedWanted};
use crate::kinds::entry::{Patient, Reads, WrongDocument};
use crate::kinds::health::{GroupLook, Groups, Health, Healthy, Look};
use crate::kinds::topic::Topic;
use crate::kinds::{self, Kind as _, KindEntry};
use crate::refresh::Drivers;
use crate::state::{ObjectState, State};

/// The provider that reads the offsets of groups.
const KAFKA: &str = "kafka";

/// The provider whose workers say which cluster they belong to.
const CONNECT: &str = "connect";

/// What is known of an object from earlier looks is forgotten after so long, unless it commits more seldom: it was
/// another time.
const MEMORY: Duration = Duration::from_mins(5);

/// Objects whose health is looked at, and what was seen so far.
pub struct Checkup {
    cases: Vec<Case>,
    started: Option<Instant>,
    looks: u32,
    window: Duration,
    /// What the first look need not ask for any more.
    ahead: Ahead,
}

/// One object.
struct Case {
    address: Address,
    patient: Box<dyn Patient>,
    /// What its driver reads it by, where there is something to be read.
    by_driver: Option<ByDriver>,
    /// The groups and topics that it reads by, and the provider that knows them.
    reads: Reads,
    kafka: Option<ProviderAddress>,
    /// Whether an operation on it never settled.
    interrupted: bool,
    /// Why the last look showed nothing.
    unread: Option<String>,
}

/// What an object is read by, as the state has it.
struct ByDriver {
    provider: ProviderAddress,
    kind: &'static KindEntry,
    remote_id: String,
    spec: Document,
    outcome: Option<Document>,
}

impl ByDriver {
    fn of(kind: &'static KindEntry, object: &ObjectState) -> Self {
        Self {
            provider: object.provider.clone(),
            kind,
            remote_id: object.remote_id.clone(),
            spec: object.spec.clone(),
            outcome: object.outcome.clone(),
        }
    }

    fn wanted(&self) -> ErasedWanted<'_> {
        ErasedWanted {
            remote_id: &self.remote_id,
            spec: Some(&self.spec),
            history: &[],
            outcome: self.outcome.as_ref(),
            notes: None,
        }
    }
}

/// A look at some objects of one provider and kind, under way.
type Vitals = (Vec<usize>, Result<Vec<Option<Document>>, DriverError>);

/// The groups of some providers, each as far as it exists, or why they could not be read.
type Read = BTreeMap<ProviderAddress, Result<groups::AllFound, String>>;

impl Checkup {
    /// Returns a checkup of those objects of a state whose kinds have a health and that are `chosen`; reaches
    /// nothing yet.
    pub fn of(
        state: &State,
        drivers: &Drivers,
        chosen: impl Fn(&Address) -> bool,
    ) -> Result<Self, WrongDocument> {
        let mut cases = Vec::new();
        for (address, object) in &state.objects {
            let Some(kind) = kinds::kind(&address.kind).filter(|kind| kind.has_health) else {
                continue;
            };
            if !chosen(address) {
                continue;
            }
            let outcome = object.outcome.as_ref();
            let patient = (kind.patient)(&object.spec, outcome, &object.remote_id)?;
            cases.push(Case {
                address: address.clone(),
                reads: patient.reads(),
                patient,
                by_driver: kind.has_vitals.then(|| ByDriver::of(kind, object)),
                kafka: kafka_of(object, state, drivers),
                interrupted: object.pending.is_some(),
                unread: None,
            });
        }
        Ok(Self {
            cases,
            started: None,
            looks: 0,
            window: Duration::ZERO,
            ahead: Ahead::default(),
        })
    }

    /// Gives it the groups that were asked for before it was made, for its first look.
    #[must_use]
    pub fn with(mut self, ahead: Ahead) -> Self {
        self.ahead = ahead;
        self
    }

    /// Whether nothing is looked at.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Returns how often it was looked, and how long the looks span.
    pub fn extent(&self) -> (u32, Duration) {
        (self.looks, self.window)
    }

    /// Whether some group was behind at the last look, so that another one would tell more.
    pub fn sees_lag(&self) -> bool {
        self.cases.iter().any(|case| {
            let last = case.patient.groups();
            last.is_some_and(|last| {
                let mut groups = case.reads.groups.iter();
                groups.any(|id| last.get(id).is_some_and(|group| group.lag() > 0))
            })
        })
    }

    /// Looks at all objects once. What cannot be read is a finding, no error.
    pub async fn look(&mut self, drivers: &mut Drivers) {
        let now = Instant::now();
        let at = now.duration_since(*self.started.get_or_insert(now));
        let (groups, vitals) = (self.read_groups(drivers), self.read_vitals(drivers));
        let (groups, vitals) = tokio::join!(groups, vitals);
        for (case, vitals) in self.cases.iter_mut().zip(vitals) {
            let saw = vitals.and_then(|vitals| {
                let groups = case.groups_of(&groups);
                let look = Look { at, vitals, groups };
                let saw = case.patient.saw(look, MEMORY);
                saw.map_err(|wrong| wrong.to_string())
            });
            case.unread = saw.err();
        }
        self.looks += 1;
        self.window = at;
    }

    /// Reads the vitals of all objects that have any: one batch for each provider and kind, all at the same time.
    fn read_vitals(
        &self,
        drivers: &mut Drivers,
    ) -> impl Future<Output = Vec<Result<Option<Document>, String>>> + use<> {
        let mut batches: BTreeMap<(&ProviderAddress, &str), Vec<(usize, &ByDriver)>> =
            BTreeMap::new();
        for (index, case) in self.cases.iter().enumerate() {
            if let Some(by_driver) = &case.by_driver {
                let batch = (&by_driver.provider, by_driver.kind.name);
                batches.entry(batch).or_default().push((index, by_driver));
            }
        }
        let mut all: Vec<Result<Option<Document>, String>> =
            self.cases.iter().map(|_| Ok(None)).collect();
        let mut running: JoinSet<Vitals> = JoinSet::new();
        for ((provider, _), batch) in batches {
            let Some(&(_, first)) = batch.first() else {
                continue;
            };
            let indexes = batch.iter().map(|&(index, _)| index).collect();
            match drivers.get(provider, first.kind) {
                Err(error) => settle(&mut all, indexes, Err(error)),
                Ok(driver) => {
                    let wanted: Vec<ErasedWanted<'_>> =
                        batch.iter().map(|(_, it)| it.wanted()).collect();
                    let answer = driver.vitals(&wanted);
                    running.spawn(async move { (indexes, answer.await) });
                }
            }
        }
        async move {
            while let Some(ended) = running.join_next().await {
                match ended {
                    Ok((indexes, answer)) => settle(&mut all, indexes, answer),
                    Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
                }
            }
            all
        }
    }

    /// Reads the offsets of all groups: one batch for each cluster, all at the same time.
    fn read_groups(&mut self, drivers: &Drivers) -> impl Future<Output = Read> + use<> {
        let mut wanted: BTreeMap<&ProviderAddress, groups::Wanted> = BTreeMap::new();
        for case in &self.cases {
            let Some(kafka) = &case.kafka else {
                continue;
            };
            if case.reads.groups.is_empty() {
                continue;
            }
            let wanted = wanted.entry(kafka).or_default();
            for group in &case.reads.groups {
                wanted.add(group, &case.reads.topics);
            }
        }
        let mut read = Read::new();
        let mut running = JoinSet::new();
        for (provider, wanted) in wanted {
            let provider = provider.clone();
            match drivers.connections().kafka(&provider) {
                Err(found) => {
                    read.insert(provider, Err(found.summaries()));
                }
                Ok(client) => {
                    let ahead = self.ahead.take(&provider);
                    running.spawn(async move {
                        let found = Box::pin(groups::read(&client, &wanted, ahead)).await;
                        (provider, found)
                    });
                }
            }
        }
        async move {
            while let Some(ended) = running.join_next().await {
                match ended {
                    Ok((provider, found)) => {
                        let found = found.map_err(|error| groups::words(&provider, &error));
                        read.insert(provider, found);
                    }
                    Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
                }
            }
            read
        }
    }

    /// Returns how each object does, by all looks so far.
    pub fn findings(&self) -> BTreeMap<Address, Health> {
        let each = self.cases.iter();
        each.map(|case| (case.address.clone(), case.health()))
            .collect()
    }

    /// Returns what it takes for each object to be healthy.
    pub fn criteria(&self) -> BTreeMap<Address, Healthy> {
        let each = self.cases.iter();
        each.map(|case| (case.address.clone(), case.patient.healthy()))
            .collect()
    }
}

impl Case {
    fn groups_of(&self, read: &Read) -> Groups {
        if self.reads.groups.is_empty() {
            return Groups::default();
        }
        let Some(kafka) = &self.kafka else {
            return Groups::Unread("the project has no provider kafka that could tell".into());
        };
        let found = match read.get(kafka) {
            Some(Ok(found)) => found,
            Some(Err(why)) => return Groups::Unread(why.clone()),
            None => return Groups::default(),
        };
        let mut mine: Vec<(Arc<str>, Arc<GroupLook>)> = Vec::new();
        for id in &self.reads.groups {
            match found.get_key_value(&**id) {
                None => {}
                Some((id, Ok(look))) => mine.push((Arc::clone(id), Arc::clone(look))),
                Some((_, Err(why))) => return Groups::Unread(why.clone()),
            }
        }
        Groups::Read(mine)
    }

    fn health(&self) -> Health {
        if let Some(why) = &self.unread {
            return Health::unread(why);
        }
        let mut health = self.patient.judge();
        if self.interrupted {
            health.progressing("an apply of it was interrupted; the next one goes on from there");
        }
        health
    }
}

/// Puts the answer to a batch where its objects stand.
fn settle(
    all: &mut [Result<Option<Document>, String>],
    indexes: Vec<usize>,
    answer: Result<Vec<Option<Document>>, DriverError>,
) {
    match answer {
        Ok(found) => {
            for (index, vitals) in indexes.into_iter().zip(found) {
                all[index] = Ok(vitals);
            }
        }
        Err(error) => {
            for index in indexes {
                all[index] = Err(error.to_string());
            }
        }
    }
}

/// Returns the cluster that knows an object's groups: its own, that which its workers are said to belong to, that of
/// the topics that it needs, else the project's default one or its only one.
fn kafka_of(object: &ObjectState, state: &State, drivers: &Drivers) -> Option<ProviderAddress> {
    if &*object.provider.kind == KAFKA {
        return Some(object.provider.clone());
    }
    if let Some(home) = home_of_workers(&object.provider, drivers) {
        return Some(home);
    }
    let needs = object.depends_on.iter();
    let topics = needs.filter(|address| &*address.kind == Topic::NAME);
    let of_topic = topics
        .filter_map(|address| state.objects.get(address))
        .map(|topic| topic.provider.clone())
        .next();
    of_topic.or_else(|| drivers.connections().default_of_kind(KAFKA).cloned())
}

/// Returns the cluster that a provider's workers are said to belong to, where it has workers and says so.
fn home_of_workers(provider: &ProviderAddress, drivers: &Drivers) -> Option<ProviderAddress> {
    if &*provider.kind != CONNECT {
        return None;
    }
    // Why there is no client is told by what reads the connectors.
    let client = drivers.connections().connect(provider).ok()?;
    client.kafka_provider().cloned()
}

#[cfg(test)]
mod tests;
