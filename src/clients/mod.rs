//! Shared transports: the Kafka protocol for administration, librdkafka for data.

pub mod kafka;
