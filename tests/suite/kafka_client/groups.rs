//! Groups of real consumers: by either protocol, with members and without, and what they committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use streamform::clients::kafka::{
    Client, CommittedOffset, Ends, GroupLag, GroupType, ListedGroup, PartitionLag, TopicPartition,
};

use super::{client, run};
use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::servers;

/// Returns the groups whose ids begin with a prefix.
async fn groups(client: &Client, prefix: &str) -> Vec<ListedGroup> {
    let mut groups = client.list_groups().await.unwrap();
    groups.retain(|group| group.id.starts_with(prefix));
    groups
}

#[test]
fn groups_are_listed_described_and_their_offsets_read() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    check(&bootstrap);
}

#[test]
fn each_group_is_asked_for_at_its_own_broker() {
    let Some(bootstrap) = servers::cluster() else {
        return;
    };
    let _running = servers::cluster_shared();
    check(&bootstrap);
}

fn check(bootstrap: &str) {
    let kafka = Kafka::connect(bootstrap);
    let prefix = unique_prefix("groups");
    let name = |suffix: &str| format!("{prefix}{suffix}");
    let topic = name("orders");
    kafka.create_topic(&topic, 2, &[]);
    let members = [
        kafka.join(&name("classic"), &topic, "classic"),
        kafka.join(&name("consumer"), &topic, "consumer"),
    ];
    kafka.commit(&name("offsets"), &topic, 7);
    run(async {
        let client = client(bootstrap);
        let found = groups(&client, &prefix).await;
        let types: Vec<_> = found
            .iter()
            .map(|group| (group.id.to_string(), group.r#type))
            .collect();
        assert_eq!(
            types,
            [
                (name("classic"), GroupType::Classic),
                (name("consumer"), GroupType::Consumer),
                (name("offsets"), GroupType::Classic),
            ]
        );
        let described = client.describe_groups(&found).await.unwrap();
        let described: Vec<_> = described.into_iter().map(|one| one.unwrap()).collect();
        for one in described[..2].iter().flatten() {
            assert_eq!((&*one.state, one.members), ("Stable", 1), "{one:?}");
            assert_eq!(one.topics, BTreeSet::from([topic.as_str().into()]));
        }
        let idle = described[2].as_ref().unwrap();
        assert_eq!((&*idle.state, idle.members), ("Empty", 0));
        let committed = client.committed_offsets(&found).await.unwrap();
        let committed: Vec<_> = committed.into_iter().map(|one| one.unwrap()).collect();
        assert!(committed[0].is_empty() && committed[1].is_empty());
        let first = TopicPartition::new(topic.as_str(), 0);
        assert_eq!(committed[2], [(first, 7)]);
    });
    drop(members);
    kafka.delete_topic(&topic);
}

/// Returns offsets of a topic's partitions, from 0 on.
fn offsets(topic: &str, each: &[i64]) -> BTreeMap<TopicPartition, CommittedOffset> {
    let each = (0..).zip(each);
    each.map(|(index, &offset)| {
        (
            TopicPartition::new(topic, index),
            CommittedOffset::at(offset),
        )
    })
    .collect()
}

#[test]
fn an_administrator_commits_for_groups_that_nobody_is_in() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    check_commits(&bootstrap);
}

#[test]
fn an_administrator_finds_every_group_s_own_broker() {
    let Some(bootstrap) = servers::cluster() else {
        return;
    };
    let _running = servers::cluster_shared();
    check_commits(&bootstrap);
}

fn check_commits(bootstrap: &str) {
    let kafka = Kafka::connect(bootstrap);
    let prefix = unique_prefix("commits");
    let name = |suffix: &str| format!("{prefix}{suffix}");
    let shared = |suffix: &str| Arc::<str>::from(name(suffix));
    let topic = name("orders");
    kafka.create_topic(&topic, 2, &[]);
    kafka.produce(&topic, 20, None);
    let ends: Vec<i64> = [0, 1].map(|index| kafka.end(&topic, index)).into();
    let members = ["classic", "consumer"].map(|kind| kafka.join(&name(kind), &topic, kind));
    run(async {
        let client = client(bootstrap);
        // Groups that are not there yet, enough of them for every coordinator.
        let many: Vec<Arc<str>> = (0..12).map(|at| shared(&format!("new-{at:02}"))).collect();
        let mut marked = offsets(&topic, &[1, 2]);
        let first = TopicPartition::new(topic.as_str(), 0);
        let exact = marked.get_mut(&first).unwrap();
        (exact.leader_epoch, exact.metadata) = (Some(0), "by hand".into());
        let commits = many.iter().map(|group| (group.clone(), marked.clone()));
        let done = client.commit_offsets(commits.collect()).await.unwrap();
        assert!(done.iter().all(|one| one.result.is_ok()), "{done:?}");
        let found = groups(&client, &name("new-")).await;
        assert_eq!(found.len(), many.len());
        for settled in client.settled_offsets(&found).await.unwrap() {
            assert_eq!(settled.unwrap(), marked);
        }
        let lag = |committed, end| PartitionLag {
            committed,
            end: Some(end),
            stable: Some(end),
        };
        let expected: GroupLag = vec![
            (first.clone(), lag(1, ends[0])),
            (TopicPartition::new(topic.as_str(), 1), lag(2, ends[1])),
        ];
        // Whether or not it is known before which topics they read, or supposed of one that is not there.
        let read = [Arc::from(&*topic), Arc::from("no-such-topic")];
        for likely in [&read[..], &[], &read[1..]] {
            let positions = client.positions(&found).await.unwrap();
            let ends = client.ends(likely).await.unwrap();
            for lags in client.lags(positions, ends).await.unwrap() {
                assert_eq!(lags.unwrap(), expected);
            }
        }

        let busy = ["classic", "consumer"].map(|kind| (shared(kind), offsets(&topic, &[0, 0])));
        let refused = client.commit_offsets(busy.into()).await.unwrap();
        for outcome in refused {
            let error = outcome.result.unwrap_err();
            assert!(error.to_string().contains("UNKNOWN_MEMBER_ID"), "{error}");
        }
        let nowhere = vec![(shared("lost"), offsets(&name("nowhere"), &[0]))];
        let refused = client.commit_offsets(nowhere).await.unwrap();
        let error = refused[0].result.as_ref().unwrap_err().to_string();
        assert!(error.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{error}");
        assert!(error.contains(&name("nowhere-0")), "{error}");

        let forgotten = vec![(many[0].clone(), vec![first.clone()])];
        let done = client.delete_offsets(forgotten).await.unwrap();
        assert_eq!(done[0].result, Ok(()));
        let left = client.committed_offsets(&found[..1]).await.unwrap();
        let second = TopicPartition::new(topic.as_str(), 1);
        assert_eq!(left[0].as_ref().unwrap(), &[(second, 2)]);

        let mut doomed = many.clone();
        doomed.push(shared("classic"));
        let done = client.delete_groups(doomed).await.unwrap();
        let (busy, gone) = done.split_last().unwrap();
        assert!(gone.iter().all(|one| one.result.is_ok()), "{gone:?}");
        let error = busy.result.as_ref().unwrap_err().to_string();
        assert!(error.contains("NON_EMPTY_GROUP"), "{error}");
        assert!(groups(&client, &name("new-")).await.is_empty());
    });
    drop(members);
    kafka.delete_topic(&topic);
}

#[test]
fn a_share_group_begins_where_it_is_told_to() {
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let kafka = Kafka::connect(&bootstrap);
    let prefix = unique_prefix("share");
    let (group, topic) = (format!("{prefix}app"), format!("{prefix}orders"));
    kafka.create_topic(&topic, 1, &[]);
    kafka.produce(&topic, 5, None);
    run(async {
        let client = client(&bootstrap);
        let first = TopicPartition::new(topic.as_str(), 0);
        let starts = vec![(Arc::from(&*group), [(first.clone(), 3)].into())];
        let done = client.alter_share_starts(starts).await.unwrap();
        assert_eq!(done[0].result, Ok(()));
        let found = groups(&client, &prefix).await;
        assert_eq!(found[0].r#type, GroupType::Share);
        let positions = client.positions(&found).await.unwrap();
        let lags = client.lags(positions, Ends::default()).await.unwrap();
        let expected = PartitionLag {
            committed: 3,
            end: Some(5),
            stable: Some(5),
        };
        assert_eq!(lags[0].as_ref().unwrap(), &[(first, expected)]);
        let done = client.delete_groups(vec![Arc::from(&*group)]).await;
        assert_eq!(done.unwrap()[0].result, Ok(()));
    });
    kafka.delete_topic(&topic);
}
