//! One broker: topics are read, measured, created, changed, grown and deleted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use streamform::kinds::topic::{EntryType, Sample};
use streamform::kinds::{Action, Delta};

use super::{Driven, spec};
use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::servers;

#[test]
fn a_topic_is_read_with_the_keys_of_interest_only() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let (kafka, driven) = (Kafka::connect(&bootstrap), Driven::new(&bootstrap));
    let name = format!("{}t", unique_prefix("observe"));
    let wanted = spec(
        &name,
        2,
        &[
            ("retention.ms", "1"),
            ("cleanup.policy", "x"),
            ("no.such", "1"),
        ],
    );
    assert_eq!(driven.observe(&wanted), None);

    kafka.create_topic(
        &name,
        2,
        &[("retention.ms", "60000"), ("segment.ms", "70000")],
    );
    let live = driven.observe(&wanted).unwrap();
    assert_eq!((live.partitions, live.replication_factor), (2, 1));
    let keys: Vec<&str> = live.config.keys().map(String::as_str).collect();
    assert_eq!(keys, ["cleanup.policy", "retention.ms"]);
    let retention = &live.config["retention.ms"];
    assert_eq!(retention.value.as_deref(), Some("60000"));
    assert!(retention.overridden && retention.r#type == EntryType::Integer);
    let policy = &live.config["cleanup.policy"];
    assert!(!policy.overridden && policy.r#type == EntryType::List);
}

#[test]
fn the_broker_is_asked_before_anything_changes() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let (kafka, driven) = (Kafka::connect(&bootstrap), Driven::new(&bootstrap));
    let prefix = unique_prefix("refused");
    let (there, new) = (format!("{prefix}there"), format!("{prefix}new"));
    kafka.create_topic(&there, 1, &[]);

    for name in [&there, &new] {
        let action = if name == &there {
            Action::Update
        } else {
            Action::Create
        };
        let facts = driven.investigate(action, &spec(name, 1, &[("retnetion.ms", "1000")]));
        let hint = facts.unknown_keys["retnetion.ms"].as_deref().unwrap();
        assert!(hint.contains("retention.ms"), "{hint}");

        let facts = driven.investigate(action, &spec(name, 1, &[("retention.ms", "soon")]));
        let refused = facts.refused.unwrap();
        assert!(refused.contains("retention.ms"), "{refused}");

        let fine = driven.investigate(action, &spec(name, 2, &[("retention.ms", "1000")]));
        assert_eq!(fine.refused, None);
    }
    let mut wide = spec(&new, 1, &[]);
    wide.replication_factor = Some(3);
    assert_eq!(driven.investigate(Action::Create, &wide).brokers, Some(1));
    assert_eq!(kafka.topics(&prefix).len(), 1, "nothing is created");
    assert!(kafka.overrides(&there).is_empty(), "nothing is set");
}

#[test]
fn what_a_change_destroys_is_measured() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let (kafka, driven) = (Kafka::connect(&bootstrap), Driven::new(&bootstrap));
    let name = format!("{}t", unique_prefix("measure"));
    kafka.create_topic(&name, 2, &[("retention.ms", "864000000")]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let two_hours_ago = now.checked_sub(Duration::from_hours(2)).unwrap();
    let old = i64::try_from(two_hours_ago.as_millis()).unwrap();
    kafka.produce(&name, 30, Some(old));
    kafka.produce(&name, 12, None);

    let facts = driven.investigate(Action::Delete, &spec(&name, 2, &[]));
    assert_eq!(facts.records, Some(42));
    assert!(facts.bytes.is_some_and(|bytes| bytes > 42), "{facts:?}");
    let age = facts.oldest_age_ms.unwrap();
    assert!((7_200_000..7_500_000).contains(&age), "{age}");

    let cut = spec(&name, 2, &[("retention.ms", "3600000")]);
    let facts = driven.investigate(Action::Update, &cut);
    assert_eq!(facts.records_expiring, Some(30), "{facts:?}");
    assert_eq!(facts.unmeasured, Vec::<String>::new());

    let cut = spec(&name, 2, &[("retention.bytes", "10")]);
    let facts = driven.investigate(Action::Update, &cut);
    let (over, all) = (facts.bytes_expiring.unwrap(), facts.bytes.unwrap());
    assert!(over > 0 && over < all, "{over} of {all}");

    let facts = driven.investigate(Action::Update, &spec(&name, 3, &[]));
    let Some(Sample { seen, having }) = facts.keyed else {
        unreachable!("keys are looked for: {facts:?}");
    };
    assert!(seen > 0 && seen == having, "{having} of {seen}");
    assert_eq!(facts.cleanup_policy.as_deref(), Some("delete"));
}

#[test]
fn topics_are_created_changed_and_deleted() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let (kafka, driven) = (Kafka::connect(&bootstrap), Driven::new(&bootstrap));
    let name = format!("{}t", unique_prefix("life"));
    let first = spec(
        &name,
        1,
        &[("retention.ms", "60000"), ("segment.ms", "70000")],
    );
    let create = || driven.operation(Action::Create, &first, &[]);
    assert_eq!(driven.apply(vec![create()]), [Ok(())]);
    assert_eq!(kafka.partitions(&name), Some(1));

    let again = driven.apply(vec![create()]).remove(0).unwrap_err();
    assert!(
        again.unchanged && again.message.contains("already exists"),
        "{again:?}"
    );

    // One key is changed, one is reset, partitions are added.
    let second = spec(&name, 3, &[("retention.ms", "90000")]);
    let update = driven.operation(Action::Update, &second, std::slice::from_ref(&first));
    let paths: Vec<&str> = update
        .deltas
        .iter()
        .map(|delta: &Delta| &*delta.path)
        .collect();
    assert_eq!(
        paths,
        [
            "partitions",
            "config[\"retention.ms\"]",
            "config[\"segment.ms\"]"
        ]
    );
    assert_eq!(driven.apply(vec![update]), [Ok(())]);
    assert_eq!(kafka.partitions(&name), Some(3));
    let overrides: Vec<_> = kafka.overrides(&name).into_iter().collect();
    assert_eq!(overrides, [("retention.ms".to_owned(), "90000".to_owned())]);

    let delete = || driven.operation(Action::Delete, &second, &[]);
    assert_eq!(driven.apply(vec![delete()]), [Ok(())]);
    assert_eq!(kafka.partitions(&name), None);
    assert_eq!(
        driven.apply(vec![delete()]),
        [Ok(())],
        "gone is as good as deleted"
    );
}

#[test]
fn one_bad_operation_leaves_the_others_alone() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let (kafka, driven) = (Kafka::connect(&bootstrap), Driven::new(&bootstrap));
    let prefix = unique_prefix("mixed");
    let good = spec(&format!("{prefix}good"), 1, &[]);
    let bad = spec(&format!("{prefix}bad"), 1, &[("retention.ms", "soon")]);
    let operations = [&bad, &good].map(|spec| driven.operation(Action::Create, spec, &[]));
    let mut results = driven.apply(operations.into());
    assert_eq!(results.pop(), Some(Ok(())));
    let failure = results.remove(0).unwrap_err();
    assert!(
        failure.unchanged && failure.message.contains("retention.ms"),
        "{failure:?}"
    );
    let there: Vec<String> = kafka.topics(&prefix).into_keys().collect();
    assert_eq!(there, [good.name]);
}
