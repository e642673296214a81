//! The client of `clients::kafka`, against real brokers and against servers that are none.

mod cluster;
mod groups;
mod hostile;
mod round_trips;
mod secured;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use streamform::clients::kafka::{
    Client, KafkaError, Layout, Mode, NewTopic, Outcome, Settings, TopicSelection,
};

/// Runs a test's future.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Returns a client for brokers without TLS or login.
fn client(bootstrap: &str) -> Client {
    let settings = Settings::from_pairs([("bootstrap_servers", bootstrap)]).unwrap();
    Client::new(settings).unwrap()
}

/// Returns so many names of topics.
fn names(prefix: &str, count: usize) -> Vec<Arc<str>> {
    (0..count)
        .map(|number| format!("{prefix}{number:05}").into())
        .collect()
}

/// Returns a topic with a number of partitions and the cluster's own replication.
fn topic(name: &str, partitions: i32) -> NewTopic {
    NewTopic {
        name: name.into(),
        layout: Layout::Counts {
            partitions: Some(partitions),
            replication_factor: None,
        },
        configs: Vec::new(),
    }
}

/// Creates topics and waits for their leaders.
async fn create(client: &Client, topics: Vec<NewTopic>) {
    let expected: BTreeMap<Arc<str>, usize> =
        topics.iter().map(|topic| (topic.name.clone(), 1)).collect();
    for outcome in client.create_topics(topics, Mode::Apply).await.unwrap() {
        outcome.result.unwrap();
    }
    let within = Duration::from_mins(2);
    let visible = client.await_topics_visible(&expected, within, |_| {}).await;
    visible.unwrap();
}

/// Deletes topics and waits until they are gone.
async fn delete(client: &Client, names: &[Arc<str>]) {
    for outcome in client.delete_topics(names.to_vec()).await.unwrap() {
        outcome.result.unwrap();
    }
    let within = Duration::from_mins(2);
    let gone = client
        .await_topics_gone(names.to_vec(), within, |_| {})
        .await;
    gone.unwrap();
    let metadata = client.metadata(TopicSelection::Named(names)).await.unwrap();
    assert!(
        metadata
            .topics
            .iter()
            .all(streamform::clients::kafka::Topic::is_missing)
    );
}

/// Returns the broker's name of an item's error.
fn error_name<T: std::fmt::Debug>(outcome: &Outcome<T>) -> String {
    let error: &KafkaError = outcome.result.as_ref().unwrap_err();
    error.broker_error().unwrap().name()
}
