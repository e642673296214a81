//! One broker: a few connections to it, opened when they are needed, and its wish to be left alone. Does I/O.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Connection, Transport};
use super::error::{Cause, KafkaError, Unreached};
use super::settings::Address;
use super::versions::Versions;
use super::wire::{Call, api_name};

/// The longest silence that a broker can ask for; a longer one is not believed.
const MAX_THROTTLE: Duration = Duration::from_mins(1);

/// A broker's address and our connections to it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: Address,
    transport: Arc<Transport>,
    slots: Vec<tokio::sync::Mutex<Option<Arc<Connection>>>>,
    known: Mutex<Known>,
}

/// What was learnt about the broker.
#[derive(Debug, Default)]
struct Known {
    versions: Option<Arc<Versions>>,
    quiet_until: Option<Instant>,
}

impl Node {
    /// Returns a broker that is not connected yet and takes up to `slots` connections.
    pub(super) fn new(address: Address, transport: Arc<Transport>, slots: usize) -> Self {
        Self {
            address,
            transport,
            slots: (0..slots.max(1))
                .map(|_| tokio::sync::Mutex::default())
                .collect(),
            known: Mutex::default(),
        }
    }

    /// Returns the open connection of a slot, or opens it.
    pub(super) async fn connection(&self, slot: usize) -> Result<Arc<Connection>, Cause> {
        let mut slot = self.slots[slot % self.slots.len()].lock().await;
        if let Some(connection) = &*slot {
            if connection.is_usable() {
                return Ok(connection.clone());
            }
            // The broker may have been upgraded in between.
            self.known().versions = None;
        }
        *slot = None;
        let versions = self.known().versions.clone();
        let opened = Connection::open(&self.address, &self.transport, versions).await?;
        self.known().versions = Some(opened.versions().clone());
        Ok(slot.insert(Arc::new(opened)).clone())
    }

    /// Sends one request over the connection of a slot, once, in a version of at least `least`.
    pub(super) async fn send<R: Call>(
        &self,
        slot: usize,
        request: &R,
        least: i16,
        limit: Duration,
    ) -> Result<R::Response, KafkaError> {
        let connection = self
            .connection(slot)
            .await
            .map_err(|cause| self.unreached(cause))?;
        let quiet_until = self.known().quiet_until;
        if let Some(until) = quiet_until {
            tokio::time::sleep_until(until).await;
        }
        let response = connection.exchange(request, least, limit).await?;
        if let Ok(throttle @ 1..) = u64::try_from(R::throttle_ms(&response)) {
            let pause = Duration::from_millis(throttle).min(MAX_THROTTLE);
            tracing::debug!(broker = %self.address, api = api_name::<R>(), throttle, "throttled");
            self.known().quiet_until = Some(Instant::now() + pause);
        }
        Ok(response)
    }

    /// Returns the error of a broker that cannot be reached.
    pub(super) fn unreached(&self, cause: Cause) -> KafkaError {
        let address = self.address.clone();
        match cause {
            Cause::Login(message) => KafkaError::Authentication {
                broker: address,
                message,
            },
            cause => KafkaError::Unreachable {
                brokers: vec![Unreached { address, cause }],
            },
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
