//! Groups of real consumers: by either protocol, with members and without, and what they committed.

use std::collections::BTreeSet;

use streamform::clients::kafka::{Client, GroupType, ListedGroup, TopicPartition};

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
        assert_eq!(committed[2], [(first, 7)].into());
    });
    drop(members);
    kafka.delete_topic(&topic);
}
