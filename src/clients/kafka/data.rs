//! Reads records with librdkafka: a few, to see whether a topic's records have keys, or all of a topic that holds
//! what a system remembers. Does I/O.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as LibrdkafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::Client;
use super::error::KafkaError;
use super::metadata::TopicSelection;
use super::offsets::{OffsetSpec, TopicPartition};
use super::settings::Settings;

/// What a sample of a topic's newest records showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySample {
    /// How many records were read.
    pub records: usize,
    /// How many of them have a key.
    pub keyed: usize,
    /// Whether time ran out before the sample was whole.
    pub cut_short: bool,
}

/// How far the reading of a whole topic came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// How many records were read.
    pub records: u64,
    /// How many offsets were still ahead when the time was over: as many records, or fewer in a topic that is
    /// compacted.
    pub unread: u64,
}

impl Client {
    /// Reads a topic from its beginning to where it ended when the reading began, and shows each record's key and
    /// value to `see`, the records of a partition in their order. Of transactions only what was committed is
    /// read. Returns what `see` made of `seen`, and how far it came; `None` where there is no such topic.
    ///
    /// Joins no group and commits nothing.
    #[tracing::instrument(level = "debug", skip(self, seen, see))]
    pub async fn read_through<T: Send + 'static>(
        &self,
        topic: &str,
        within: Duration,
        seen: T,
        see: impl Fn(&mut T, Option<&[u8]>, Option<&[u8]>) + Send + 'static,
    ) -> Result<Option<(T, Extent)>, KafkaError> {
        let name: Arc<str> = topic.into();
        let metadata = self
            .metadata(TopicSelection::Named(std::slice::from_ref(&name)))
            .await?;
        let Some(found) = metadata.topics.iter().find(|found| found.name == name) else {
            return Ok(None);
        };
        match &found.error {
            _ if found.is_missing() => return Ok(None),
            Some(error) => return Err(error.clone().into()),
            None => {}
        }
        let asked = found.partitions.iter().flat_map(|partition| {
            [OffsetSpec::Earliest, OffsetSpec::Latest]
                .map(|spec| (TopicPartition::new(name.clone(), partition.index), spec))
        });
        let offsets = self.list_offsets(asked.collect()).await?;
        let mut ahead = BTreeMap::new();
        for (partition, pair) in found.partitions.iter().zip(offsets.chunks(2)) {
            let mut bounds = Vec::new();
            for bound in pair {
                bounds.push(bound.clone()?.offset.unwrap_or_default());
            }
            if let [first, end] = *bounds
                && first < end
            {
                ahead.insert(partition.index, first..end);
            }
        }
        let settings = self.cluster.settings.clone();
        let reading = tokio::task::spawn_blocking(move || {
            through(&settings, &name, ahead, within, seen, see)
                .map_err(|error| KafkaError::Data(error.to_string().into()))
        });
        let read = reading.await;
        read.map_err(|error| KafkaError::Data(Arc::from(error.to_string())))?
            .map(Some)
    }

    /// Reads up to `per_partition` of the newest records of each partition and counts those with keys.
    ///
    /// Joins no group and commits nothing.
    #[tracing::instrument(level = "debug", skip(self))]
    pub async fn sample_keys(
        &self,
        topic: &str,
        partitions: &[i32],
        per_partition: u32,
        within: Duration,
    ) -> Result<KeySample, KafkaError> {
        let settings = self.cluster.settings.clone();
        let (topic, partitions) = (topic.to_owned(), partitions.to_vec());
        let sampling = tokio::task::spawn_blocking(move || {
            sample(&settings, &topic, &partitions, per_partition, within)
                .map_err(|error| KafkaError::Data(error.to_string().into()))
        });
        sampling
            .await
            .map_err(|error| KafkaError::Data(Arc::from(error.to_string())))?
    }
}

fn sample(
    settings: &Settings,
    topic: &str,
    partitions: &[i32],
    per_partition: u32,
    within: Duration,
) -> Result<KeySample, LibrdkafkaError> {
    let deadline = Instant::now() + within;
    let consumer: BaseConsumer = config(settings).create()?;
    let mut list = TopicPartitionList::new();
    for &partition in partitions {
        let tail = Offset::OffsetTail(per_partition.into());
        list.add_partition_offset(topic, partition, tail)?;
    }
    consumer.assign(&list)?;
    // What is still wanted of each partition.
    let mut wanted: BTreeMap<i32, u32> = partitions.iter().map(|&p| (p, per_partition)).collect();
    let mut sample = KeySample::default();
    while !wanted.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            sample.cut_short = true;
            break;
        }
        match consumer.poll(left) {
            None => {}
            Some(Err(LibrdkafkaError::PartitionEOF(partition))) => {
                wanted.remove(&partition);
            }
            Some(Err(error)) => return Err(error),
            Some(Ok(record)) => {
                sample.records += 1;
                sample.keyed += usize::from(record.key().is_some());
                if let Some(left) = wanted.get_mut(&record.partition()) {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        wanted.remove(&record.partition());
                    }
                }
            }
        }
    }
    Ok(sample)
}

/// Reads what lies ahead of each partition.
fn through<T>(
    settings: &Settings,
    topic: &str,
    mut ahead: BTreeMap<i32, Range<i64>>,
    within: Duration,
    mut seen: T,
    see: impl Fn(&mut T, Option<&[u8]>, Option<&[u8]>),
) -> Result<(T, Extent), LibrdkafkaError> {
    let deadline = Instant::now() + within;
    let mut extent = Extent::default();
    let consumer: BaseConsumer = config(settings).create()?;
    let mut list = TopicPartitionList::new();
    for (&partition, ahead) in &ahead {
        list.add_partition_offset(topic, partition, Offset::Offset(ahead.start))?;
    }
    consumer.assign(&list)?;
    while !ahead.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let unread = ahead.values().map(|ahead| ahead.end - ahead.start);
            extent.unread = u64::try_from(unread.sum::<i64>()).unwrap_or(0);
            break;
        }
        match consumer.poll(left) {
            None => {}
            // What ends a partition may be no record: a marker of a transaction, or one that was compacted away.
            Some(Err(LibrdkafkaError::PartitionEOF(partition))) => {
                ahead.remove(&partition);
            }
            Some(Err(error)) => return Err(error),
            Some(Ok(record)) => {
                let partition = record.partition();
                let Some(left) = ahead.get_mut(&partition) else {
                    continue;
                };
                // Written since the reading began.
                if record.offset() >= left.end {
                    ahead.remove(&partition);
                    continue;
                }
                extent.records += 1;
                see(&mut seen, record.key(), record.payload());
                left.start = record.offset() + 1;
                if left.is_empty() {
                    ahead.remove(&partition);
                }
            }
        }
    }
    Ok((seen, extent))
}

/// Translates our settings into librdkafka's.
fn config(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    let brokers: Vec<String> = settings.bootstrap.iter().map(ToString::to_string).collect();
    config
        .set("bootstrap.servers", brokers.join(","))
        .set("client.id", &settings.client_id)
        .set("security.protocol", settings.security_protocol())
        // librdkafka wants a name even of a consumer that joins no group.
        .set("group.id", format!("{}-sample", settings.client_id))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        // What was to be read first may be deleted by then.
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("queued.max.messages.kbytes", "16384");
    let connect = settings.timeouts.connect.as_millis().clamp(1_000, 300_000);
    config.set("socket.connection.setup.timeout.ms", connect.to_string());
    if let Some(tls) = &settings.tls {
        if let Some((_, path)) = &tls.trust {
            config.set("ssl.ca.location", path.to_string_lossy());
        }
        if let Some(identity) = &tls.identity {
            config.set(
                "ssl.certificate.location",
                identity.certificate.1.to_string_lossy(),
            );
            config.set("ssl.key.location", identity.key.1.to_string_lossy());
        }
        let check = if tls.any_host_name { "none" } else { "https" };
        config.set("ssl.endpoint.identification.algorithm", check);
    }
    if let Some(sasl) = &settings.sasl {
        config
            .set("sasl.mechanism", sasl.mechanism.name())
            .set("sasl.username", &sasl.username)
            .set("sasl.password", sasl.password.reveal());
    }
    config
}
