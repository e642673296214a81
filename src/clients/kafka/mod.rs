//! Administration of a Kafka cluster in its own protocol, in batches. Does I/O.
//!
//! [`Settings::from_pairs`] turns what the user wrote into [`Settings`]; [`Client`] holds the calls: each takes many
//! items and returns one answer or [`Outcome`] per item, however the items were spread over requests, connections
//! and brokers. A broker that cannot be reached is one [`KafkaError`], not one per item.
//!
//! From the outside in: `metadata`, `configs`, `topics`, `reassign`, `offsets`, `groups`, `commits` and `log_dirs` hold
//! the calls; `lags` puts two of them together, and tells of any number of groups how far they are behind
//! ([`Client::lags`]); `visible` waits for what the calls set off, and `data` reads records, which is left to
//! librdkafka; `scatter` (reads) and `batch` (changes) split them into requests; `cluster` knows the brokers and tries
//! again (`retry`); `node` is one broker with its connections; `connection` is one socket with its set-up in
//! `handshake`, `tls`, `sasl` and `scram`; `wire` turns messages into bytes.

mod batch;
mod cluster;
mod commits;
mod configs;
mod connection;
mod data;
mod error;
mod groups;
mod handshake;
mod lags;
mod log_dirs;
mod metadata;
mod node;
mod offsets;
mod reassign;
mod retry;
mod sasl;
mod scatter;
mod scram;
pub mod settings;
mod tls;
mod topics;
mod versions;
mod visible;
mod wire;

use std::sync::Arc;

pub use batch::{Mode, Outcome};
pub use configs::{
    ConfigChange, ConfigEntry, ConfigExtras, ConfigOperation, ConfigSource, ConfigSynonym,
    ConfigType, Described, Extras, Keys, Resource,
};
pub use data::{Extent, KeySample};
pub use error::{BrokerError, Cause, KafkaError, Unreached};
pub use groups::{Committed, CommittedOffset, GroupDescription, GroupType, ListedGroup, Settled};
pub use lags::{Ends, GroupLag, PartitionLag};
pub use log_dirs::{ClusterDescription, LogDir, Replica};
pub use metadata::{Broker, Metadata, Partition, Topic, TopicSelection};
pub use offsets::{FoundOffset, OffsetSpec, TopicPartition};
pub use reassign::{OngoingReassignment, Reassignment};
pub use settings::{Address, Password, SETTINGS, Settings};
pub use topics::{CreatedTopic, Layout, MorePartitions, NewTopic};

use cluster::Cluster;

/// A client of one cluster. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    cluster: Arc<Cluster>,
}

impl Client {
    /// Returns a client that connects at its first call. Reads the files that the settings name.
    pub fn new(settings: Settings) -> Result<Self, KafkaError> {
        let cluster = Arc::new(Cluster::new(settings)?);
        Ok(Self { cluster })
    }

    /// Returns a client that has reached its cluster.
    pub async fn connect(settings: Settings) -> Result<Self, KafkaError> {
        let client = Self::new(settings)?;
        client.cluster.broker_ids().await?;
        Ok(client)
    }
}
