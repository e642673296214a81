//! Finds out what new sources of names that were used before go on from (I/O).
//!
//! Kafka Connect tells how far a connector has come only while it is there, and keeps it when it is deleted. The
//! workers' topic of offsets, where the provider names it, tells of all names: its keys are `["NAME", {partition}]`,
//! its values `{offset}`, in JSON, and a value that is missing or null forgets the place (`OffsetStorageWriter`,
//! `OffsetUtils.processPartitionKey`). It is read once for all that a plan creates.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::clients::kafka::{self, Extent};
use crate::kinds::Action;
use crate::kinds::connector::spec::{ConnectorSpec, OffsetStep};
use crate::kinds::connector::{Connector, ConnectorFacts, Position};
use crate::kinds::driver::Question;
use crate::kinds::quantity::{count, grouped};

use super::ConnectorDriver;

/// How long one topic is read.
const WITHIN: Duration = Duration::from_secs(20);
/// The most places that are kept of one name.
const MOST: usize = 1_000;
/// The setting of a source that has its offsets in a topic of its own (KIP-618).
const OWN_TOPIC: &str = "offsets.storage.topic";

/// What was found of the names that were asked for.
#[derive(Debug, Default)]
pub(super) struct Resumed {
    names: BTreeMap<String, Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// Absent where the topic could not be read.
    places: Option<Places>,
    unmeasured: Vec<String>,
}

/// What a name goes on from, by the place's canonical text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Places {
    held: BTreeMap<String, Position>,
    /// Whether there were more than are kept.
    are_cut: bool,
}

impl Resumed {
    /// Puts what was found of a name among the facts.
    pub(super) fn tell(&self, name: &str, facts: &mut ConnectorFacts) {
        let Some(found) = self.names.get(name) else {
            return;
        };
        facts.unmeasured.extend(found.unmeasured.iter().cloned());
        let Some(places) = &found.places else {
            return;
        };
        if places.held.is_empty() && !found.unmeasured.is_empty() {
            // That there is nothing in a part says nothing about the rest.
            return;
        }
        facts.offsets = Some(places.held.values().cloned().collect());
    }
}

/// Reads what the sources that a plan creates go on from; nothing where the provider names no topic.
pub(super) async fn read(driver: &ConnectorDriver, questions: &[Question<Connector>]) -> Resumed {
    let mut resumed = Resumed::default();
    let Some(common) = driver.client.offset_storage_topic() else {
        return resumed;
    };
    let created = questions.iter().filter_map(|question| {
        let spec = question.spec.as_ref()?;
        let forgets = spec.offsets == Some(OffsetStep::Reset);
        let is_asked = question.action == Action::Create && spec.group().is_none() && !forgets;
        is_asked.then_some((question.remote_id.as_str(), spec))
    });
    let created: BTreeMap<&str, &ConnectorSpec> = created.collect();
    if created.is_empty() {
        return resumed;
    }
    let cluster = match driver.home() {
        Ok(cluster) => cluster,
        Err(why) => {
            for name in created.keys() {
                resumed.fail(name, why.clone());
            }
            return resumed;
        }
    };
    let all = created.keys().map(ToString::to_string).collect();
    resumed.take_in(common, read_topic(&cluster, common, all).await, true);
    let mut own: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, spec) in created {
        if let Some(topic) = spec.text(OWN_TOPIC).filter(|topic| *topic != common) {
            own.entry(topic).or_default().insert(name.to_owned());
        }
    }
    for (topic, names) in own {
        // It is asked first by the connector, and so counts more than what all have in common.
        resumed.take_in(topic, read_topic(&cluster, topic, names).await, false);
    }
    resumed
}

/// What a topic holds of some names; `None` where there is no such topic.
type Topic = Option<(BTreeMap<String, Places>, Extent)>;

async fn read_topic(
    cluster: &kafka::Client,
    topic: &str,
    names: BTreeSet<String>,
) -> (BTreeSet<String>, Result<Topic, String>) {
    let places = names.iter().map(|name| (name.clone(), Places::default()));
    let read = cluster.read_through(topic, WITHIN, places.collect(), see);
    let read = read
        .await
        .map_err(|error| format!("the topic {topic:?} cannot be read: {error}"));
    (names, read)
}

impl Resumed {
    fn fail(&mut self, name: &str, why: String) {
        let found = self.names.entry(name.to_owned()).or_default();
        found.unmeasured.push(why);
    }

    /// Adds what a topic holds. It must be there where all connectors have it in common.
    fn take_in(
        &mut self,
        topic: &str,
        (names, read): (BTreeSet<String>, Result<Topic, String>),
        must_be_there: bool,
    ) {
        let why = match read {
            Ok(Some((places, extent))) => return self.add(topic, places, extent),
            // The first connector that uses it makes it.
            Ok(None) if !must_be_there => return,
            Ok(None) => format!(
                "there is no topic {topic:?}, which offset_storage_topic names: it is to be the workers' \
                 offset.storage.topic, in the cluster of kafka_provider"
            ),
            Err(why) => why,
        };
        for name in names {
            self.fail(&name, why.clone());
        }
    }

    fn add(&mut self, topic: &str, places: BTreeMap<String, Places>, extent: Extent) {
        for (name, places) in places {
            let found = self.names.entry(name.clone()).or_default();
            if extent.unread > 0 {
                found.unmeasured.push(format!(
                    "the topic {topic:?} holds more than can be read in {} s: {} were read and up to {} were not, \
                     which may change what {name:?} goes on from",
                    WITHIN.as_secs(),
                    count(extent.records, "record"),
                    grouped(extent.unread)
                ));
            }
            if places.are_cut {
                found.unmeasured.push(format!(
                    "{name:?} has more than {} places in the topic {topic:?}: the others are not shown",
                    grouped(MOST as u64)
                ));
            }
            let all = found.places.get_or_insert_default();
            all.held.extend(places.held);
        }
    }
}

/// Takes in one record of the topic.
fn see(names: &mut BTreeMap<String, Places>, key: Option<&[u8]>, value: Option<&[u8]>) {
    let key = key.and_then(|key| serde_json::from_slice::<(String, &RawValue)>(key).ok());
    // Connect itself passes over keys of another form.
    let Some((name, partition)) = key else { return };
    let Some(places) = names.get_mut(&name) else {
        return;
    };
    let Ok(partition) = serde_json::from_str::<Map<String, Json>>(partition.get()) else {
        return;
    };
    let place = Json::from(partition.clone()).to_string();
    let offset = value.and_then(|value| serde_json::from_slice::<Map<String, Json>>(value).ok());
    match offset {
        None => {
            places.held.remove(&place);
        }
        Some(_) if places.held.len() >= MOST && !places.held.contains_key(&place) => {
            places.are_cut = true;
        }
        offset => {
            places.held.insert(place, Position { partition, offset });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::connector::spec::words;

    fn names(asked: &[&str]) -> BTreeMap<String, Places> {
        let each = asked.iter();
        each.map(|name| ((*name).to_owned(), Places::default()))
            .collect()
    }

    #[test]
    fn the_last_record_of_a_place_counts_and_a_tombstone_forgets_it() {
        let mut found = names(&["in", "never"]);
        let records: [(&str, Option<&str>); 9] = [
            (r#"["in",{"filename":"a"}]"#, Some(r#"{"position":3}"#)),
            (r#"["in",{"filename":"b"}]"#, Some(r#"{"position":1}"#)),
            (r#"["other",{"filename":"a"}]"#, Some(r#"{"position":9}"#)),
            (r#"["in",{"filename":"a"}]"#, Some(r#"{"position":8}"#)),
            (r#"["in",{"filename":"b"}]"#, None),
            // The same place, written in another order, and forgotten by the word for nothing.
            (r#"["in",{"a":1,"b":2}]"#, Some(r#"{"lsn":5}"#)),
            (r#"["in",{"b":2,"a":1}]"#, Some("null")),
            (r#"["in",null]"#, Some(r#"{"position":4}"#)),
            (r#"{"in":{}}"#, Some(r#"{"position":4}"#)),
        ];
        for (key, value) in records {
            see(&mut found, Some(key.as_bytes()), value.map(str::as_bytes));
        }
        see(&mut found, None, Some(b"{}"));
        see(&mut found, Some(b"\xff"), Some(b"{}"));
        let told = |name: &str| {
            let held: Vec<Position> = found[name].held.values().cloned().collect();
            words(&held)
        };
        insta::assert_snapshot!(told("in"), @"filename a: position 8");
        insta::assert_snapshot!(told("never"), @"none");
    }

    #[test]
    fn of_a_name_with_a_great_many_places_some_are_kept() {
        let mut found = names(&["in"]);
        for file in 0..=MOST {
            let key = format!("[\"in\",{{\"file\":{file}}}]");
            see(&mut found, Some(key.as_bytes()), Some(b"{\"line\":1}"));
        }
        let places = &found["in"];
        assert!(places.are_cut && places.held.len() == MOST);
    }

    #[test]
    fn a_part_of_a_topic_proves_nothing() {
        let told = |places: Places, unread| {
            let mut resumed = Resumed::default();
            let extent = Extent { records: 7, unread };
            resumed.add("t", BTreeMap::from([("in".to_owned(), places)]), extent);
            let mut facts = ConnectorFacts::default();
            resumed.tell("in", &mut facts);
            (facts.offsets.map(|all| words(&all)), facts.unmeasured)
        };
        let mut held = names(&["in"]);
        let key = br#"["in",{"file":1}]"#;
        see(&mut held, Some(key), Some(b"{\"line\":1}"));
        let held = held.remove("in").expect("it was asked for");
        assert_eq!(told(Places::default(), 0), (Some("none".into()), vec![]));
        assert_eq!(
            told(held.clone(), 0),
            (Some("file 1: line 1".into()), vec![])
        );
        let (offsets, unmeasured) = told(held, 5_000);
        assert_eq!(offsets.as_deref(), Some("file 1: line 1"));
        insta::assert_snapshot!(unmeasured.join("\n"), @r#"the topic "t" holds more than can be read in 20 s: 7 records were read and up to 5,000 were not, which may change what "in" goes on from"#);
        assert_eq!(told(Places::default(), 5_000).0, None);
    }
}
