//! A Kafka client that shares nothing with Streamform's own: to prepare what a test meets and to see
//! what it left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a cluster.
pub(crate) struct Kafka {
    bootstrap: String,
    admin: AdminClient<DefaultClientContext>,
    consumer: BaseConsumer,
    runtime: Runtime,
}

impl Kafka {
    /// Connects without encryption.
    pub(crate) fn connect(bootstrap: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            bootstrap: bootstrap.to_owned(),
            admin: client(bootstrap).create().unwrap(),
            consumer: client(bootstrap).create().unwrap(),
            runtime,
        }
    }

    /// Creates a topic and waits until brokers know it.
    pub(crate) fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        let topic = config
            .iter()
            .fold(topic, |topic, (key, value)| topic.set(key, value));
        let created = self
            .runtime
            .block_on(self.admin.create_topics([&topic], &options()));
        created.unwrap().remove(0).unwrap();
        self.wait(|| self.partitions(name) == usize::try_from(partitions).ok());
    }

    /// Grows a topic.
    pub(crate) fn grow_topic(&self, name: &str, partitions: usize) {
        let growth = NewPartitions::new(name, partitions);
        let grown = self
            .runtime
            .block_on(self.admin.create_partitions([&growth], &options()));
        grown.unwrap().remove(0).unwrap();
        self.wait(|| self.partitions(name) == Some(partitions));
    }

    /// Deletes a topic and waits until brokers have forgotten it.
    pub(crate) fn delete_topic(&self, name: &str) {
        let deleted = self
            .runtime
            .block_on(self.admin.delete_topics(&[name], &options()));
        deleted.unwrap().remove(0).unwrap();
        self.wait(|| self.partitions(name).is_none());
    }

    /// Deletes topics without waiting until brokers have forgotten them.
    pub(crate) fn delete_topics(&self, names: &[String]) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for part in names.chunks(500) {
            let deleted = self
                .runtime
                .block_on(self.admin.delete_topics(part, &options()));
            for topic in deleted.unwrap() {
                topic.unwrap();
            }
        }
    }

    /// Returns the topics whose names begin with `prefix`, and how many partitions each has.
    pub(crate) fn topics(&self, prefix: &str) -> BTreeMap<String, usize> {
        let metadata = self.consumer.fetch_metadata(None, TIMEOUT).unwrap();
        let topics = metadata
            .topics()
            .iter()
            .filter(|topic| topic.name().starts_with(prefix));
        topics
            .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
            .collect()
    }

    /// Returns how many partitions a topic has; `None` where there is no such topic.
    pub(crate) fn partitions(&self, name: &str) -> Option<usize> {
        self.topics(name).get(name).copied()
    }

    /// Returns the replicas of each partition of a topic, in order.
    pub(crate) fn replicas(&self, name: &str) -> Vec<Vec<i32>> {
        let metadata = self.consumer.fetch_metadata(Some(name), TIMEOUT).unwrap();
        let topic = metadata.topics().first().unwrap();
        topic
            .partitions()
            .iter()
            .map(|partition| partition.replicas().to_vec())
            .collect()
    }

    /// Returns the configuration that was set on a topic itself.
    pub(crate) fn overrides(&self, name: &str) -> BTreeMap<String, String> {
        let resource = [ResourceSpecifier::Topic(name)];
        let described = self
            .runtime
            .block_on(self.admin.describe_configs(&resource, &options()));
        let entries = described.unwrap().remove(0).unwrap().entries;
        let own = entries
            .into_iter()
            .filter(|entry| entry.source == ConfigSource::DynamicTopic);
        own.map(|entry| (entry.name, entry.value.unwrap_or_default()))
            .collect()
    }

    /// Sets a key of a topic's configuration; `None` takes it away.
    pub(crate) fn set_config(&self, name: &str, key: &str, value: Option<&str>) {
        // The old form of the request, the only one that this client has, replaces every key.
        let mut overrides = self.overrides(name);
        match value {
            Some(value) => overrides.insert(key.to_owned(), value.to_owned()),
            None => overrides.remove(key),
        };
        let change = AlterConfig::new(ResourceSpecifier::Topic(name));
        let change = overrides
            .iter()
            .fold(change, |change, (key, value)| change.set(key, value));
        let altered = self
            .runtime
            .block_on(self.admin.alter_configs([&change], &options()));
        altered.unwrap().remove(0).unwrap();
        self.wait(|| self.overrides(name) == overrides);
    }

    /// Writes records with the given timestamp, in milliseconds since 1970, or the current time.
    pub(crate) fn produce(&self, topic: &str, records: usize, timestamp: Option<i64>) {
        let producer: ThreadedProducer<DefaultProducerContext> =
            client(&self.bootstrap).create().unwrap();
        for number in 0..records {
            let key = format!("key-{number}");
            let record = BaseRecord::to(topic).key(&key).payload("value");
            let record = match timestamp {
                Some(timestamp) => record.timestamp(timestamp),
                None => record,
            };
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        self.wait(|| self.records(topic) >= records as u64);
    }

    /// Returns how many records a topic holds.
    pub(crate) fn records(&self, topic: &str) -> u64 {
        let partitions = self.partitions(topic).unwrap_or_default();
        let count = |partition| {
            let marks = self.consumer.fetch_watermarks(topic, partition, TIMEOUT);
            let (low, high) = marks.unwrap();
            u64::try_from(high - low).unwrap()
        };
        (0..).take(partitions).map(count).sum()
    }

    /// Returns the offset behind the last record of a partition.
    pub(crate) fn end(&self, topic: &str, partition: i32) -> i64 {
        let marks = self.consumer.fetch_watermarks(topic, partition, TIMEOUT);
        marks.unwrap().1
    }

    /// Writes records that all have the same payload.
    pub(crate) fn produce_equal(&self, topic: &str, records: usize, payload: &str) {
        let producer: ThreadedProducer<DefaultProducerContext> =
            client(&self.bootstrap).create().unwrap();
        for _ in 0..records {
            let record = BaseRecord::<(), str>::to(topic).payload(payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
    }

    /// Writes records whose payloads are numbers.
    pub(crate) fn produce_numbers(&self, topic: &str, numbers: std::ops::Range<usize>) {
        let producer: ThreadedProducer<DefaultProducerContext> =
            client(&self.bootstrap).create().unwrap();
        for number in numbers {
            let number = number.to_string();
            let record = BaseRecord::to(topic).key(&number).payload(&number);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
    }

    /// Lets a consumer join a group, read so many records and commit them; returns their payloads. It begins at the
    /// end of the topic where nothing is committed.
    pub(crate) fn consume(
        &self,
        group: &str,
        topic: &str,
        protocol: &str,
        records: usize,
    ) -> Vec<String> {
        let mut config = client(&self.bootstrap);
        config
            .set("group.id", group)
            .set("group.protocol", protocol)
            .set("auto.offset.reset", "latest")
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let begin = Instant::now();
        let mut read = Vec::new();
        while read.len() < records {
            assert!(
                begin.elapsed() < TIMEOUT,
                "{group}: only {} records",
                read.len()
            );
            let Some(message) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let message = message.unwrap();
            let payload = message.payload().unwrap_or_default();
            read.push(String::from_utf8(payload.to_vec()).unwrap());
            consumer.store_offset_from_message(&message).unwrap();
        }
        consumer.commit_consumer_state(CommitMode::Sync).unwrap();
        read
    }

    /// Returns what a group committed in each partition of a topic.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> Vec<Option<i64>> {
        let mut config = client(&self.bootstrap);
        config.set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut asked = TopicPartitionList::new();
        for (index, _) in (0..).zip(0..self.partitions(topic).unwrap_or_default()) {
            asked.add_partition(topic, index);
        }
        let found = consumer.committed_offsets(asked, TIMEOUT).unwrap();
        let elements = found.elements();
        let each = elements.iter().map(|element| match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        });
        each.collect()
    }

    /// Lets a consumer join a group and read a topic, and waits until it has partitions. `protocol` is `classic`
    /// or `consumer` (KIP-848).
    pub(crate) fn join(&self, group: &str, topic: &str, protocol: &str) -> Member {
        let mut config = client(&self.bootstrap);
        config
            .set("group.id", group)
            .set("group.protocol", protocol)
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let (joined, stop) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (has_joined, stops) = (Arc::clone(&joined), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stops.load(Ordering::Relaxed) {
                drop(consumer.poll(Duration::from_millis(50)));
                let assigned = consumer.assignment().unwrap().count() > 0;
                has_joined.fetch_or(assigned, Ordering::Relaxed);
            }
        });
        self.wait(|| joined.load(Ordering::Relaxed));
        Member {
            stop,
            thread: Some(thread),
        }
    }

    /// Lets a consumer read a topic and commit twice a second, with a pause after each record.
    pub(crate) fn read(&self, group: &str, topic: &str, pause: Duration) -> Member {
        let mut config = client(&self.bootstrap);
        config
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("auto.commit.interval.ms", "500");
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let (read, stop) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (has_read, stops) = (Arc::clone(&read), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stops.load(Ordering::Relaxed) {
                if matches!(consumer.poll(Duration::from_millis(50)), Some(Ok(_))) {
                    has_read.store(true, Ordering::Relaxed);
                    thread::sleep(pause);
                }
            }
        });
        self.wait(|| read.load(Ordering::Relaxed));
        Member {
            stop,
            thread: Some(thread),
        }
    }

    /// Commits an offset of partition 0 for a group that has no members.
    pub(crate) fn commit(&self, group: &str, topic: &str, offset: i64) {
        let mut config = client(&self.bootstrap);
        config.set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, 0, Offset::Offset(offset))
            .unwrap();
        consumer.commit(&offsets, CommitMode::Sync).unwrap();
    }

    /// Returns the ids of the groups that begin with `prefix`.
    pub(crate) fn groups(&self, prefix: &str) -> Vec<String> {
        let groups = self.consumer.fetch_group_list(None, TIMEOUT).unwrap();
        let ids = groups.groups().iter().map(|group| group.name().to_owned());
        ids.filter(|id| id.starts_with(prefix)).collect()
    }

    /// Waits until something holds: what a broker answers spreads with a little delay.
    #[track_caller]
    pub(crate) fn wait(&self, holds: impl Fn() -> bool) {
        let begin = Instant::now();
        while !holds() {
            assert!(
                begin.elapsed() < TIMEOUT,
                "{} does not get there",
                self.bootstrap
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A member of a group. It leaves when the value goes away.
pub(crate) struct Member {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A consumer that panicked has said so.
            drop(thread.join());
        }
    }
}

/// Returns a prefix of topic names that no other test and no other run uses.
pub(crate) fn unique_prefix(test: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{test}-{}.", &id[..8])
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("allow.auto.create.topics", "false");
    config
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(TIMEOUT))
        .operation_timeout(Some(TIMEOUT))
}
