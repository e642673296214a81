//! Topics on one real broker: every call of their life, with what an independent client sees.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use streamform::clients::kafka::{
    ConfigChange, ConfigOperation, ConfigSource, Described, Extras, KafkaError, Keys, Layout, Mode,
    MorePartitions, NewTopic, OffsetSpec, Resource, TopicPartition, TopicSelection,
};

use super::{client, create, delete, error_name, names, run, topic};
use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::servers;

#[test]
fn a_thousand_topics_live_and_die() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let prefix = unique_prefix("thousand");
    let names = names(&prefix, 1_000);
    run(async {
        let client = client(&bootstrap);
        create(&client, names.iter().map(|name| topic(name, 1)).collect()).await;

        let changes = names.iter().map(|name| ConfigChange {
            resource: Resource::Topic(name.clone()),
            operations: vec![("retention.ms".into(), ConfigOperation::Set("60000".into()))],
        });
        let altered = client
            .alter_configs(changes.collect(), Mode::Apply)
            .await
            .unwrap();
        assert!(altered.iter().all(|outcome| outcome.result.is_ok()));

        let keys: Arc<[Arc<str>]> = ["retention.ms", "cleanup.policy"].map(Arc::from).into();
        let questions: Vec<_> = names
            .iter()
            .map(|name| (Resource::Topic(name.clone()), Keys::Only(keys.clone())))
            .collect();
        // The controller has answered; the broker that is asked hears of it a little later.
        let set = |_: usize, described: &Described| {
            let mut entries = described.iter().flatten();
            entries.any(|entry| entry.source == ConfigSource::Topic)
        };
        let within = Duration::from_secs(30);
        let described = client.await_configs(&questions, within, set).await.unwrap();
        assert_eq!(described.len(), 1_000);
        for entries in described {
            let entries = entries.unwrap();
            assert_eq!(entries.len(), 2, "two keys were asked for");
            let (policy, retention) = (&entries[0], &entries[1]);
            assert_eq!(policy.source, ConfigSource::Default);
            assert_eq!(retention.value.as_deref(), Some("60000"));
            assert_eq!(retention.source, ConfigSource::Topic);
        }

        let more = names.iter().map(|name| MorePartitions {
            topic: name.clone(),
            total: 2,
            assignments: None,
        });
        let grown = client
            .create_partitions(more.collect(), Mode::Apply)
            .await
            .unwrap();
        assert!(grown.iter().all(|outcome| outcome.result.is_ok()));
        let two: BTreeMap<Arc<str>, usize> = names.iter().map(|name| (name.clone(), 2)).collect();
        let mut looks = Vec::new();
        let within = Duration::from_mins(2);
        client
            .await_topics_visible(&two, within, |left| looks.push(left))
            .await
            .unwrap();
        assert_eq!(looks.last(), Some(&0));
        delete(&client, &names).await;
    });
    assert!(Kafka::connect(&bootstrap).topics(&prefix).is_empty());
}

#[test]
fn every_topic_of_a_batch_has_its_own_outcome() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let prefix = unique_prefix("outcomes");
    let name = |end: &str| -> Arc<str> { format!("{prefix}{end}").into() };
    let kafka = Kafka::connect(&bootstrap);
    kafka.create_topic(&name("old"), 2, &[]);
    let bad = NewTopic {
        configs: vec![("no.such".into(), "1".into())],
        ..topic(&name("bad"), 1)
    };
    let wide = NewTopic {
        layout: Layout::Counts {
            partitions: None,
            replication_factor: Some(3),
        },
        ..topic(&name("wide"), 1)
    };
    let assigned = NewTopic {
        layout: Layout::Assigned(vec![vec![1], vec![1]]),
        ..topic(&name("assigned"), 1)
    };
    let (old, new) = (topic(&name("old"), 1), topic(&name("new"), 1));
    let batch = vec![old, new, bad, wide, assigned];
    run(async {
        let client = client(&bootstrap);
        let checked = client.create_topics(batch.clone(), Mode::Validate).await;
        assert!(checked.unwrap()[1].result.is_ok());
        assert_eq!(
            kafka.partitions(&name("new")),
            None,
            "it was only to be checked"
        );
        let created = client.create_topics(batch, Mode::Apply).await.unwrap();
        assert_eq!(error_name(&created[0]), "TOPIC_ALREADY_EXISTS");
        assert!(!created[0].resent);
        assert_eq!(created[1].result.as_ref().unwrap().partitions, Some(1));
        assert_eq!(error_name(&created[2]), "INVALID_CONFIG");
        assert_eq!(error_name(&created[3]), "INVALID_REPLICATION_FACTOR");
        assert_eq!(created[4].result.as_ref().unwrap().partitions, Some(2));

        let fewer = MorePartitions {
            topic: name("old"),
            total: 1,
            assignments: None,
        };
        let outcomes = client.create_partitions(vec![fewer], Mode::Validate).await;
        assert_eq!(error_name(&outcomes.unwrap()[0]), "INVALID_PARTITIONS");

        let names = ["old", "new", "assigned", "nowhere"].map(name).to_vec();
        let deleted = client.delete_topics(names).await.unwrap();
        assert!(deleted[..3].iter().all(|outcome| outcome.result.is_ok()));
        assert_eq!(error_name(&deleted[3]), "UNKNOWN_TOPIC_OR_PARTITION");
    });
}

#[test]
fn keys_are_set_and_taken_away_again() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let prefix = unique_prefix("keys");
    let name = |end: &str| -> Arc<str> { format!("{prefix}{end}").into() };
    let change = |end: &str, operation| ConfigChange {
        resource: Resource::Topic(name(end)),
        operations: vec![("retention.ms".into(), operation)],
    };
    let set = |end: &str, value: &str| change(end, ConfigOperation::Set(value.into()));
    let keys = Keys::Only(["retention.ms".into()].into());
    let question = [(Resource::Topic(name("here")), keys)];
    let within = Duration::from_secs(30);
    let first = |described: &Described| described.as_ref().ok().map(|entries| entries[0].clone());
    run(async {
        let client = client(&bootstrap);
        create(&client, vec![topic(&name("here"), 1)]).await;
        let changes = vec![set("here", "1000"), set("nowhere", "1000")];
        let altered = client.alter_configs(changes, Mode::Apply).await.unwrap();
        assert_eq!(altered[0].result, Ok(()));
        assert_eq!(error_name(&altered[1]), "UNKNOWN_TOPIC_OR_PARTITION");
        let is_set = |_: usize, described: &Described| {
            first(described).is_some_and(|entry| entry.value.as_deref() == Some("1000"))
        };
        let described = client
            .await_configs(&question, within, is_set)
            .await
            .unwrap();
        assert!(is_set(0, &described[0]), "{described:?}");

        let soon = vec![set("here", "soon")];
        let altered = client.alter_configs(soon, Mode::Validate).await.unwrap();
        assert_eq!(error_name(&altered[0]), "INVALID_CONFIG");
        let unset = vec![change("here", ConfigOperation::Delete)];
        client.alter_configs(unset, Mode::Apply).await.unwrap();
        let is_default = |_: usize, described: &Described| {
            first(described).is_some_and(|entry| entry.source == ConfigSource::Default)
        };
        let described = client
            .await_configs(&question, within, is_default)
            .await
            .unwrap();
        assert!(is_default(0, &described[0]), "{described:?}");
        delete(&client, &[name("here")]).await;
    });
}

#[test]
fn a_missing_topic_is_told_and_not_created() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    run(async {
        let client = client(&bootstrap);
        let name: Arc<str> = unique_prefix("missing").into();
        let selection = [name.clone()];
        let metadata = client
            .metadata(TopicSelection::Named(&selection))
            .await
            .unwrap();
        assert!(metadata.topics[0].is_missing());
        assert!(metadata.cluster_id.is_some() && metadata.controller.is_some());
        let questions = [(Resource::Topic(name.clone()), Keys::All)];
        let described = client
            .describe_configs(&questions, Extras::default())
            .await
            .unwrap();
        assert_eq!(
            described[0].as_ref().unwrap_err().name(),
            "UNKNOWN_TOPIC_OR_PARTITION"
        );
        let place = (TopicPartition::new(name.clone(), 0), OffsetSpec::Latest);
        let offsets = client.list_offsets(vec![place]).await.unwrap();
        assert!(
            matches!(&offsets[0], Err(KafkaError::Item(_))),
            "{offsets:?}"
        );
        assert_eq!(
            client.describe_configs(&[], Extras::default()).await,
            Ok(Vec::new())
        );
        assert_eq!(client.delete_topics(Vec::new()).await, Ok(Vec::new()));
    });
}

#[test]
fn brokers_tell_their_configuration_with_its_levels_and_texts() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    run(async {
        let client = client(&bootstrap);
        let keys: Arc<[Arc<str>]> = ["log.retention.ms", "num.partitions"].map(Arc::from).into();
        let questions = [(Resource::Broker(1), Keys::Only(keys))];
        let extras = Extras {
            synonyms: true,
            documentation: true,
        };
        let described = client.describe_configs(&questions, extras).await.unwrap();
        let entries = described[0].as_ref().unwrap();
        assert_eq!(entries.len(), 2);
        let partitions = entries[1].extras.as_ref().unwrap();
        assert!(partitions.documentation.is_some() && !partitions.synonyms.is_empty());
        let cluster = client.describe_cluster().await.unwrap();
        assert_eq!(cluster.brokers.len(), 1);
    });
}

#[test]
fn records_are_counted_found_sampled_and_cut_off() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let name = format!("{}t", unique_prefix("records"));
    let kafka = Kafka::connect(&bootstrap);
    kafka.create_topic(&name, 1, &[]);
    kafka.produce(&name, 10, Some(1_700_000_000_000));
    run(async {
        let client = client(&bootstrap);
        let partition = TopicPartition::new(name.as_str(), 0);
        let specs = [
            OffsetSpec::Earliest,
            OffsetSpec::Latest,
            OffsetSpec::Timestamp(1_700_000_000_000),
            OffsetSpec::Timestamp(1_800_000_000_000),
            OffsetSpec::MaxTimestamp,
        ];
        let questions = specs.map(|spec| (partition.clone(), spec)).to_vec();
        let found = client.list_offsets(questions).await.unwrap();
        let offsets: Vec<Option<i64>> = found.iter().map(|f| f.as_ref().unwrap().offset).collect();
        // All records have the same timestamp; which of them is the greatest is the broker's choice.
        assert_eq!(offsets[..4], [Some(0), Some(10), Some(0), None]);
        assert_eq!(
            found[4].as_ref().unwrap().timestamp,
            Some(1_700_000_000_000)
        );

        let sample = client
            .sample_keys(&name, &[0], 5, Duration::from_secs(20))
            .await
            .unwrap();
        assert_eq!(
            (sample.records, sample.keyed, sample.cut_short),
            (5, 5, false)
        );

        let read_through = async |topic: &str, within| {
            let keys = Vec::new();
            let see = |keys: &mut Vec<String>, key: Option<&[u8]>, value: Option<&[u8]>| {
                assert_eq!(value, Some(&b"value"[..]));
                keys.push(String::from_utf8(key.unwrap().to_vec()).unwrap());
            };
            client.read_through(topic, within, keys, see).await.unwrap()
        };
        let (keys, extent) = read_through(&name, Duration::from_secs(20)).await.unwrap();
        assert_eq!((extent.records, extent.unread), (10, 0));
        assert_eq!((keys[0].as_str(), keys[9].as_str()), ("key-0", "key-9"));
        let (_, extent) = read_through(&name, Duration::ZERO).await.unwrap();
        assert_eq!((extent.records, extent.unread), (0, 10));
        assert!(read_through("absent", Duration::ZERO).await.is_none());

        let cut = client
            .delete_records(vec![(partition.clone(), 4)])
            .await
            .unwrap();
        assert_eq!(cut[0].result, Ok(4));
        let beyond = client
            .delete_records(vec![(partition.clone(), 99)])
            .await
            .unwrap();
        assert_eq!(error_name(&beyond[0]), "OFFSET_OUT_OF_RANGE");

        let dirs = client
            .describe_log_dirs(Some(std::slice::from_ref(&partition)))
            .await
            .unwrap();
        let replicas: Vec<_> = dirs.iter().flat_map(|dir| &dir.replicas).collect();
        assert_eq!(replicas.len(), 1);
        assert!(replicas[0].bytes > 0 && replicas[0].partition == partition);
        let empty = client
            .sample_keys(&name, &[0], 5, Duration::ZERO)
            .await
            .unwrap();
        assert!(empty.cut_short);
        delete(&client, &[name.as_str().into()]).await;
    });
}
