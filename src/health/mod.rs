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
use crate::kinds::entry::{Reads, WrongDocument};
use crate::kinds::health::{GroupLook, Groups, Health, Healthy, Look};
use crate::kinds::topic::Topic;
use crate::kinds::{self, Kind as _, KindEntry};
use crate::refresh::Drivers;
use crate::state::{ObjectState, State};

/// The provider that reads the offsets of groups.
const KAFKA: &str = "kafka";

/// What is known of an object from earlier looks is forgotten after so long: it was another time.
const MEMORY: Duration = Duration::from_mins(5);

/// Objects whose health is looked at, and what was seen so far.
pub struct Checkup {
    patients: Vec<Patient>,
    started: Option<Instant>,
    looks: u32,
    window: Duration,
    /// What the first look need not ask for any more.
    ahead: Ahead,
}

/// One object.
struct Patient {
    address: Address,
    kind: &'static KindEntry,
    object: ObjectState,
    /// The groups and topics that it reads by, and the provider that knows them.
    reads: Reads,
    kafka: Option<ProviderAddress>,
    looks: Vec<Look<Document>>,
    /// Why the last look showed nothing.
    unread: Option<String>,
}

/// A look at some objects of one provider and kind, under way.
type Vitals = (Vec<usize>, Result<Vec<Option<Document>>, DriverError>);

/// The groups of some providers, each as far as it exists, or why they could not be read.
type Read = BTreeMap<ProviderAddress, Result<BTreeMap<String, groups::Found>, String>>;

impl Checkup {
    /// Returns a checkup of those objects of a state whose kinds have a health and that are `chosen`; reaches
    /// nothing yet.
    pub fn of(
        state: &State,
        drivers: &Drivers,
        chosen: impl Fn(&Address) -> bool,
    ) -> Result<Self, WrongDocument> {
        let mut patients = Vec::new();
        for (address, object) in &state.objects {
            let Some(kind) = kinds::kind(&address.kind).filter(|kind| kind.has_health) else {
                continue;
            };
            if !chosen(address) {
                continue;
            }
            let outcome = object.outcome.as_ref();
            patients.push(Patient {
                address: address.clone(),
                kind,
                object: object.clone(),
                reads: (kind.reads)(&object.spec, outcome, &object.remote_id)?,
                kafka: kafka_of(object, state, drivers),
                looks: Vec::new(),
                unread: None,
            });
        }
        Ok(Self {
            patients,
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
        self.patients.is_empty()
    }

    /// Returns how often it was looked, and how long the looks span.
    pub fn extent(&self) -> (u32, Duration) {
        (self.looks, self.window)
    }

    /// Whether some group was behind at the last look, so that another one would tell more.
    pub fn sees_lag(&self) -> bool {
        self.patients.iter().any(|patient| {
            let last = patient.looks.last();
            last.is_some_and(|look| {
                let mut groups = patient.reads.groups.iter();
                groups.any(|id| look.groups.get(id).is_some_and(|group| group.lag() > 0))
            })
        })
    }

    /// Looks at all objects once. What cannot be read is a finding, no error.
    pub async fn look(&mut self, drivers: &mut Drivers) {
        let now = Instant::now();
        let at = now.duration_since(*self.started.get_or_insert(now));
        let (groups, vitals) = (self.read_groups(drivers), self.read_vitals(drivers));
        let (groups, vitals) = tokio::join!(groups, vitals);
        for (patient, vitals) in self.patients.iter_mut().zip(vitals) {
            match vitals {
                Ok(vitals) => patient.saw(Look {
                    at,
                    vitals,
                    groups: patient.groups_of(&groups),
                }),
                Err(why) => patient.unread = Some(why),
            }
        }
        self.looks += 1;
        self.window = at;
    }

    /// Reads the vitals of all objects: one batch for each provider and kind, all at the same time.
    fn read_vitals(
        &self,
        drivers: &mut Drivers,
    ) -> impl Future<Output = Vec<Result<Option<Document>, String>>> + use<> {
        let mut batches: BTreeMap<(&ProviderAddress, &str), Vec<usize>> = BTreeMap::new();
        for (index, patient) in self.patients.iter().enumerate() {
            let batch = (&patient.object.provider, patient.kind.name);
            batches.entry(batch).or_default().push(index);
        }
        let mut all: Vec<Result<Option<Document>, String>> =
            self.patients.iter().map(|_| Ok(None)).collect();
        let mut running: JoinSet<Vitals> = JoinSet::new();
        for ((provider, _), indexes) in batches {
            let Some(&first) = indexes.first() else {
                continue;
            };
            match drivers.get(provider, self.patients[first].kind) {
                Err(error) => settle(&mut all, indexes, Err(error)),
                Ok(driver) => {
                    let answer = driver.vitals(&self.wanted(&indexes));
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

    fn wanted(&self, indexes: &[usize]) -> Vec<ErasedWanted<'_>> {
        let wanted = indexes.iter().map(|&index| {
            let object = &self.patients[index].object;
            ErasedWanted {
                remote_id: &object.remote_id,
                spec: Some(&object.spec),
                history: &[],
                outcome: object.outcome.as_ref(),
                notes: None,
            }
        });
        wanted.collect()
    }

    /// Reads the offsets of all groups: one batch for each cluster, all at the same time.
    fn read_groups(&mut self, drivers: &Drivers) -> impl Future<Output = Read> + use<> {
        let mut wanted: BTreeMap<ProviderAddress, groups::Wanted> = BTreeMap::new();
        for patient in &self.patients {
            let Some(kafka) = &patient.kafka else {
                continue;
            };
            for group in &patient.reads.groups {
                let wanted = wanted.entry(kafka.clone()).or_default();
                let topics = wanted.entry(group.clone()).or_default();
                topics.extend(patient.reads.topics.iter().cloned());
            }
        }
        let mut read = Read::new();
        let mut running = JoinSet::new();
        for (provider, wanted) in wanted {
            match drivers.connections().kafka(&provider) {
                Err(found) => {
                    read.insert(provider, Err(found.summaries()));
                }
                Ok(client) => {
                    let ahead = self.ahead.take(&provider);
                    running.spawn(async move {
                        let found = groups::read(&client, &wanted, ahead).await;
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
    pub fn findings(&self) -> Result<BTreeMap<Address, Health>, WrongDocument> {
        let each = self.patients.iter();
        each.map(|patient| Ok((patient.address.clone(), patient.health()?)))
            .collect()
    }

    /// Returns what it takes for each object to be healthy.
    pub fn criteria(&self) -> Result<BTreeMap<Address, Healthy>, WrongDocument> {
        let each = self.patients.iter().map(|patient| {
            let object = &patient.object;
            let healthy = (patient.kind.healthy)(&object.spec, &object.remote_id)?;
            Ok((patient.address.clone(), healthy))
        });
        each.collect()
    }
}

impl Patient {
    fn saw(&mut self, look: Look<Document>) {
        let now = look.at;
        self.looks
            .retain(|earlier| now.saturating_sub(earlier.at) <= MEMORY);
        self.looks.push(look);
        self.unread = None;
    }

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
        let mut mine: BTreeMap<String, Arc<GroupLook>> = BTreeMap::new();
        for id in &self.reads.groups {
            match found.get(id) {
                None => {}
                Some(Ok(look)) => {
                    mine.insert(id.clone(), Arc::clone(look));
                }
                Some(Err(why)) => return Groups::Unread(why.clone()),
            }
        }
        Groups::Read(mine)
    }

    fn health(&self) -> Result<Health, WrongDocument> {
        if let Some(why) = &self.unread {
            return Ok(Health::unread(why));
        }
        let object = &self.object;
        let outcome = object.outcome.as_ref();
        let mut health = (self.kind.judge)(&object.spec, outcome, &self.looks, &object.remote_id)?;
        if object.pending.is_some() {
            health.progressing("an apply of it was interrupted; the next one goes on from there");
        }
        Ok(health)
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

/// Returns the cluster that knows an object's groups: its own, that of the topics that it needs, else the
/// project's default one or its only one.
fn kafka_of(object: &ObjectState, state: &State, drivers: &Drivers) -> Option<ProviderAddress> {
    if &*object.provider.kind == KAFKA {
        return Some(object.provider.clone());
    }
    let needs = object.depends_on.iter();
    let topics = needs.filter(|address| &*address.kind == Topic::NAME);
    let of_topic = topics
        .filter_map(|address| state.objects.get(address))
        .map(|topic| topic.provider.clone())
        .next();
    of_topic.or_else(|| drivers.connections().default_of_kind(KAFKA).cloned())
}

#[cfg(test)]
mod tests;
