//! Reads a few records with librdkafka, to see whether a topic's records have keys. Does I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as LibrdkafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::Client;
use super::error::KafkaError;
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

impl Client {
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
