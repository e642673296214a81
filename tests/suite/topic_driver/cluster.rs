//! Three brokers: replicas move in place, and no throttle is ever left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use streamform::clients::kafka::{
    Client, ConfigChange, ConfigOperation, ConfigSource, Extras, Keys, Mode, Resource, Settings,
};
use streamform::document::Document;
use streamform::kinds::Action;
use streamform::kinds::topic::TopicSpec;
use streamform::kinds::topic::spec::{Placement, Reassignment};

use super::{Driven, spec};
use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::servers;

const RATE: &str = "follower.replication.throttled.rate";

fn with_factor(name: &str, partitions: u32, factor: u32, throttle: Option<u64>) -> TopicSpec {
    let mut spec = spec(name, partitions, &[]);
    spec.replication_factor = Some(factor);
    spec.reassignment = throttle.map(|rate| Reassignment {
        throttle: Some(rate),
        within_ms: Some(60_000),
    });
    spec
}

/// Returns the replication rates that brokers 1 to 3 have of their own.
fn rates(driven: &Driven, client: &Client) -> BTreeMap<(i32, String), String> {
    let asked: Vec<_> = (1..=3)
        .map(|id| (Resource::Broker(id), Keys::All))
        .collect();
    let described = client.describe_configs(&asked, Extras::default());
    let described = driven.runtime.block_on(described).unwrap();
    let mut rates = BTreeMap::new();
    for (id, entries) in (1..).zip(described) {
        for entry in entries.unwrap() {
            if entry.source == ConfigSource::DynamicBroker && entry.name.ends_with("throttled.rate")
            {
                let value = entry.value.as_deref().unwrap_or_default().to_owned();
                rates.insert((id, entry.name.to_string()), value);
            }
        }
    }
    rates
}

/// Waits until the brokers' rates are these: a broker learns of its settings a moment later.
#[track_caller]
fn await_rates(driven: &Driven, client: &Client, expected: &BTreeMap<(i32, String), String>) {
    let begin = Instant::now();
    loop {
        let rates = rates(driven, client);
        if rates == *expected {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{rates:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn set_rate(driven: &Driven, client: &Client, broker: i32, rate: Option<&str>) {
    let operation = rate.map_or(ConfigOperation::Delete, |rate| {
        ConfigOperation::Set(rate.into())
    });
    let change = ConfigChange {
        resource: Resource::Broker(broker),
        operations: vec![(Arc::from(RATE), operation)],
    };
    let changed = client.alter_configs(vec![change], Mode::Apply);
    let outcome = driven.runtime.block_on(changed).unwrap().remove(0);
    outcome.result.unwrap();
}

fn client(bootstrap: &str) -> Client {
    Client::new(Settings::from_pairs([("bootstrap_servers", bootstrap)]).unwrap()).unwrap()
}

#[test]
fn replicas_are_added_and_removed_under_a_throttle_that_ends() {
    let Some(bootstrap) = servers::cluster() else {
        return;
    };
    // Alone: the rates of the brokers are looked at.
    let _alone = servers::cluster_alone();
    let (kafka, driven, client) = (
        Kafka::connect(&bootstrap),
        Driven::new(&bootstrap),
        client(&bootstrap),
    );
    let prefix = unique_prefix("replicas");
    let names: Vec<String> = ["a", "b", "c"]
        .iter()
        .map(|n| format!("{prefix}{n}"))
        .collect();
    let creates = names
        .iter()
        .map(|name| driven.operation(Action::Create, &with_factor(name, 4, 1, None), &[]));
    let made = driven.apply(creates.collect());
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    for name in &names {
        kafka.produce(name, 2_000, None);
    }
    let leaders: Vec<Vec<i32>> = kafka.replicas(&names[0]);
    // What somebody set before is there afterwards.
    set_rate(&driven, &client, 2, Some("123456789"));
    let before = BTreeMap::from([((2, RATE.to_owned()), "123456789".to_owned())]);
    await_rates(&driven, &client, &before);

    // Two of them share the brokers' rates, one is not throttled.
    let limits = [Some(10_000_000), Some(20_000_000), None];
    let wanted: Vec<TopicSpec> = names
        .iter()
        .zip(limits)
        .map(|(name, throttle)| with_factor(name, 4, 3, throttle))
        .collect();
    let updates = wanted
        .iter()
        .map(|spec| driven.operation(Action::Update, spec, &[]));
    let moved = driven.apply(updates.collect());
    assert_eq!(moved, [Ok(()), Ok(()), Ok(())]);
    await_rates(&driven, &client, &before);
    set_rate(&driven, &client, 2, None);
    await_rates(&driven, &client, &BTreeMap::new());

    for name in &names {
        let replicas = kafka.replicas(name);
        assert!(
            replicas.iter().all(|r| r.len() == 3),
            "{name}: {replicas:?}"
        );
        assert_eq!(kafka.records(name), 2_000);
        assert!(
            kafka.overrides(name).is_empty(),
            "{:?}",
            kafka.overrides(name)
        );
    }
    let first: Vec<i32> = kafka.replicas(&names[0]).iter().map(|r| r[0]).collect();
    assert_eq!(first, leaders.concat(), "preferred leaders stay");
    let notes = driven.notes.lock().unwrap();
    let told: Vec<bool> = notes
        .iter()
        .map(|(_, note)| note.to_value()["throttle"].is_null())
        .collect();
    assert_eq!(
        told,
        [false, false, true, true],
        "noted before, and taken back after: {notes:?}"
    );
    drop(notes);

    // And fewer of them again.
    let fewer = with_factor(&names[0], 4, 2, None);
    let update = driven.operation(Action::Update, &fewer, &[]);
    assert_eq!(driven.apply(vec![update]), [Ok(())]);
    assert!(kafka.replicas(&names[0]).iter().all(|r| r.len() == 2));
    for name in &names {
        kafka.delete_topic(name);
    }
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let Some(bootstrap) = servers::cluster() else {
        return;
    };
    let _alone = servers::cluster_alone();
    let (kafka, driven, client) = (
        Kafka::connect(&bootstrap),
        Driven::new(&bootstrap),
        client(&bootstrap),
    );
    let name = format!("{}t", unique_prefix("leftover"));
    let mark = ("follower.replication.throttled.replicas", "*");
    kafka.create_topic(&name, 1, &[mark]);
    let left = BTreeMap::from([((1, RATE.to_owned()), "1000".to_owned())]);
    set_rate(&driven, &client, 1, Some("1000"));
    await_rates(&driven, &client, &left);
    let note = Document::from(json!({ "throttle": { "brokers": { "1": { RATE: null } } } }));

    let mut update = driven.operation(Action::Update, &spec(&name, 1, &[]), &[]);
    update.notes = Some(note.clone());
    assert_eq!(driven.apply(vec![update]), [Ok(())]);
    await_rates(&driven, &client, &BTreeMap::new());
    assert!(kafka.overrides(&name).is_empty());

    // The topic may be gone by then.
    let mut delete = driven.operation(Action::Delete, &spec(&name, 1, &[]), &[]);
    kafka.delete_topic(&name);
    set_rate(&driven, &client, 1, Some("1000"));
    await_rates(&driven, &client, &left);
    delete.notes = Some(note);
    let deleted = driven.apply(vec![delete]);
    await_rates(&driven, &client, &BTreeMap::new());
    assert_eq!(deleted, [Ok(())]);
}

#[test]
fn replicas_stand_in_different_racks() {
    let Some(bootstrap) = servers::cluster() else {
        return;
    };
    let _running = servers::cluster_shared();
    let (kafka, driven) = (Kafka::connect(&bootstrap), Driven::new(&bootstrap));
    let name = format!("{}t", unique_prefix("racks"));
    let mut wanted = with_factor(&name, 3, 2, None);
    wanted.placement = Some(Placement {
        racks: BTreeSet::new(),
    });
    let create = driven.operation(Action::Create, &wanted, &[]);
    assert_eq!(driven.apply(vec![create]), [Ok(())]);
    let live = driven.observe(&wanted).unwrap();
    assert_eq!((live.misplaced, live.replication_factor), (Vec::new(), 2));

    wanted.placement = Some(Placement {
        racks: BTreeSet::from(["nowhere".to_owned()]),
    });
    let update = driven.operation(Action::Update, &wanted, &[]);
    let failure = driven.apply(vec![update]).remove(0).unwrap_err();
    assert!(
        failure.unchanged && failure.message.contains("0 may hold one"),
        "{failure:?}"
    );
    kafka.delete_topic(&name);
}
