//! Kafka Connect by its REST API, as Apache Kafka documents it. Does I/O.
//!
//! What is borne (each seen on real workers): 409 while the workers share out their work, which is asked again
//! until it passes; a connector that was made a moment ago and is left out of the list, or whose status is not
//! there yet; a status that outlives its connector; validation that answers 500 for what is an error of
//! one field.

mod error;
pub mod settings;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::address::ProviderAddress;
use crate::clients::http::{self, Method, Request, present};

pub use error::ConnectError;
pub use settings::{SETTINGS, Settings};
pub use wire::{
    Connector, Definition, Info, Move, Part, Plugin, Position, Start, Status, Validated,
    ValidatedValue, Validation,
};

/// How long a rebalance is waited for.
const REBALANCE: Duration = Duration::from_mins(1);
/// The first pause while there is one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// What is set of a connector, by Kafka Connect's flat names.
pub type Config = BTreeMap<String, String>;

/// A client of one cluster of workers. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: http::Client,
    ready: Duration,
    kafka_provider: Option<ProviderAddress>,
    offset_storage_topic: Option<Arc<str>>,
}

impl Client {
    /// Returns a client that connects at its first call. Reads the files that the settings name.
    pub fn new(settings: Settings) -> Result<Self, ConnectError> {
        Ok(Self {
            http: http::Client::new(settings.http)?,
            ready: settings.ready,
            kafka_provider: settings.kafka_provider,
            offset_storage_topic: settings.offset_storage_topic.map(Arc::from),
        })
    }

    /// Returns how long a connector may take to reach its state.
    pub fn ready(&self) -> Duration {
        self.ready
    }

    /// Returns the provider of the cluster that holds the workers' own topics, where it is named.
    pub fn kafka_provider(&self) -> Option<&ProviderAddress> {
        self.kafka_provider.as_ref()
    }

    /// Returns the workers' `offset.storage.topic`, where it is named.
    pub fn offset_storage_topic(&self) -> Option<&str> {
        self.offset_storage_topic.as_deref()
    }

    /// Returns all connectors with what is set and how they do, in one request.
    pub async fn connectors(&self) -> Result<BTreeMap<String, Connector>, ConnectError> {
        let request = Request::get(["connectors"])
            .parameter("expand", "info")
            .parameter("expand", "status");
        self.call(&request).await
    }

    /// Returns the names of all connectors, those too that were made a moment ago.
    pub async fn names(&self) -> Result<Vec<String>, ConnectError> {
        self.call(&Request::get(["connectors"])).await
    }

    /// Returns what is set of a connector; `None` where it is not there.
    pub async fn info(&self, name: &str) -> Result<Option<Info>, ConnectError> {
        self.optional(&Request::get(["connectors", name])).await
    }

    /// Returns how a connector does; `None` where that is not known yet. It outlives the connector.
    pub async fn status(&self, name: &str) -> Result<Option<Status>, ConnectError> {
        self.optional(&Request::get(["connectors", name, "status"]))
            .await
    }

    /// Makes a connector that is stopped (KIP-980, Kafka 3.7). Older workers refuse the field for that, and make
    /// one that is started at once. Fails where the name is taken.
    pub async fn create(&self, name: &str, config: &Config) -> Result<Start, ConnectError> {
        let body = json!({ "name": name, "config": config, "initial_state": "STOPPED" });
        let request = Request::new(Method::POST, ["connectors"]).body(body);
        match self.call::<Json>(&request).await {
            Err(error) if error.is_unknown_field("initial_state") => {}
            other => return other.map(|_| Start::Stopped),
        }
        let body = json!({ "name": name, "config": config });
        let request = Request::new(Method::POST, ["connectors"]).body(body);
        self.call::<Json>(&request).await.map(|_| Start::Running)
    }

    /// Sets all that is set of a connector.
    pub async fn replace(&self, name: &str, config: &Config) -> Result<(), ConnectError> {
        let request = Request::new(Method::PUT, ["connectors", name, "config"])
            .body(json!(config))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Sets some keys of a connector; `None` removes one (KIP-477, Kafka 3.8).
    pub async fn patch(
        &self,
        name: &str,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(), ConnectError> {
        let request = Request::new(Method::PATCH, ["connectors", name, "config"])
            .body(json!(changes))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Brings a connector to a state. It is not there yet when this returns.
    pub async fn bring(&self, name: &str, to: Move) -> Result<(), ConnectError> {
        let request = Request::new(Method::PUT, ["connectors", name, to.verb()]).repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Restarts a connector and its tasks, or only those that failed (KIP-745).
    pub async fn restart(&self, name: &str, only_failed: bool) -> Result<(), ConnectError> {
        let request = Request::new(Method::POST, ["connectors", name, "restart"])
            .query("includeTasks", true)
            .query("onlyFailed", only_failed)
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Returns how far a connector has come; `None` where it is not there.
    pub async fn offsets(&self, name: &str) -> Result<Option<Vec<Position>>, ConnectError> {
        let found: Option<wire::Offsets> = self
            .optional(&Request::get(["connectors", name, "offsets"]))
            .await?;
        Ok(found.map(|found| found.offsets))
    }

    /// Sets how far a connector has come. It must be stopped.
    pub async fn set_offsets(
        &self,
        name: &str,
        positions: &[Position],
    ) -> Result<(), ConnectError> {
        let request = Request::new(Method::PATCH, ["connectors", name, "offsets"])
            .body(json!({ "offsets": positions }))
            .repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Forgets how far a connector has come. It must be stopped.
    pub async fn reset_offsets(&self, name: &str) -> Result<(), ConnectError> {
        let request = Request::new(Method::DELETE, ["connectors", name, "offsets"]).repeatable();
        self.call::<Json>(&request).await.map(drop)
    }

    /// Deletes a connector. One that is not there is no error.
    pub async fn delete(&self, name: &str) -> Result<(), ConnectError> {
        let request = Request::new(Method::DELETE, ["connectors", name]).repeatable();
        match self.call::<Json>(&request).await {
            Err(error) if error.is_absence() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Returns the connectors that the worker can run.
    pub async fn plugins(&self) -> Result<Vec<Plugin>, ConnectError> {
        self.call(&Request::get(["connector-plugins"])).await
    }

    /// Asks a plugin what it thinks of a configuration.
    pub async fn validate(&self, class: &str, config: &Config) -> Result<Validation, ConnectError> {
        let path = ["connector-plugins", class, "config", "validate"];
        let request = Request::new(Method::PUT, path)
            .body(json!(config))
            .repeatable();
        self.call(&request).await
    }

    /// Returns the answer; `None` where there is no such thing.
    async fn optional<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Option<T>, ConnectError> {
        present(self.call(request).await)
    }

    /// Sends a request; again while the workers share out their work.
    async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ConnectError> {
        let deadline = Instant::now() + REBALANCE;
        let mut pause = PAUSES.0;
        loop {
            match self.http.call(request).await {
                Err(error)
                    if ConnectError::is_rebalance(&error) && Instant::now() + pause < deadline =>
                {
                    tracing::debug!(request = request.label(), ?pause, "workers rebalance");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                other => return other,
            }
        }
    }
}
