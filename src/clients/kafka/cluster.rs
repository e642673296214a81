//! A cluster's brokers: how the first one is found, which ones there are, and which one a request goes to. Does I/O.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use tokio::task::JoinSet;

use super::connection::Transport;
use super::error::{BrokerError, Cause, KafkaError, Unreached};
use super::node::Node;
use super::retry::Retry;
use super::settings::{Address, Settings};
use super::tls::Tls;
use super::wire::{Call, api_name};

/// How long one bootstrap address is tried alone before the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// Version 4 is the first that can forbid the broker to create the topics that are asked about.
pub(super) const METADATA_LEAST: i16 = 4;

/// Which broker a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The one that answered first.
    Any,
    /// One of all, by number, to spread many requests.
    Spread(usize),
    /// The controller, or the broker that passes requests on to it.
    Controller,
    /// The broker with this id.
    Broker(i32),
}

/// A cluster and what we know of it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) settings: Settings,
    transport: Arc<Transport>,
    /// The broker that answered first. Locked while it is looked for.
    seed: tokio::sync::Mutex<Option<Arc<Node>>>,
    view: Mutex<View>,
    /// Whether a request was ever answered: before that nothing is tried again.
    proven: AtomicBool,
}

/// What the last metadata said.
#[derive(Debug, Default)]
struct View {
    nodes: BTreeMap<i32, Arc<Node>>,
    controller: Option<i32>,
    /// Whether an error showed it to be out of date.
    stale: bool,
}

impl Cluster {
    /// Prepares a cluster: reads the files that the settings name, and connects to nobody.
    pub(super) fn new(settings: Settings) -> Result<Self, KafkaError> {
        let transport = Arc::new(Transport {
            client_id: settings.client_id.clone(),
            timeouts: settings.timeouts.clone(),
            tls: settings.tls.as_ref().map(Tls::new).transpose()?,
            sasl: settings.sasl.clone(),
        });
        Ok(Self {
            settings,
            transport,
            seed: tokio::sync::Mutex::default(),
            view: Mutex::default(),
            proven: AtomicBool::new(false),
        })
    }

    /// Sends a request until it is answered with something that is not retriable, or time is up.
    ///
    /// For requests that change nothing. `read` takes what is needed out of the answer, so that the rest of it
    /// is freed at once.
    pub(super) async fn call<R: Call, T>(
        &self,
        target: Target,
        slot: usize,
        request: &R,
        least: i16,
        read: impl Fn(R::Response) -> Result<T, BrokerError>,
    ) -> Result<T, KafkaError> {
        let mut retry = Retry::new(&self.settings.timeouts);
        loop {
            let answer = self
                .once(target, slot, request, least, retry.request_timeout(), &read)
                .await;
            match answer {
                Ok(value) => return Ok(value),
                Err(error) if self.again(&error, &mut retry).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request once.
    pub(super) async fn once<R: Call, T>(
        &self,
        target: Target,
        slot: usize,
        request: &R,
        least: i16,
        limit: Duration,
        read: impl Fn(R::Response) -> Result<T, BrokerError>,
    ) -> Result<T, KafkaError> {
        let node = self.node(target).await?;
        let response = match node.send(slot, request, least, limit).await {
            Ok(response) => response,
            Err(error) => return Err(self.in_context(target, error)),
        };
        self.proven.store(true, Ordering::Relaxed);
        read(response).map_err(|error| KafkaError::Answered {
            broker: node.address.clone(),
            api: api_name::<R>(),
            error,
        })
    }

    /// Whether to try again after an error; sleeps, and forgets what the error shows to be out of date.
    pub(super) async fn again(&self, error: &KafkaError, retry: &mut Retry) -> bool {
        if error.is_unreachable() && !self.proven.load(Ordering::Relaxed) {
            return false;
        }
        if error.is_misdirected() {
            self.view().stale = true;
            *self.seed.lock().await = None;
        }
        retry.again(error).await
    }

    /// Returns the ids of all brokers.
    pub(super) async fn broker_ids(&self) -> Result<Vec<i32>, KafkaError> {
        self.know().await?;
        Ok(self.view().nodes.keys().copied().collect())
    }

    /// Takes in what an answer says about the brokers.
    pub(super) async fn learn(&self, response: &MetadataResponse) {
        let seed = self.seed.lock().await.clone();
        let mut view = self.view();
        let nodes = response.brokers.iter().filter_map(|broker| {
            let id = i32::from(broker.node_id);
            let port = u16::try_from(broker.port).ok()?;
            let address = Address::new(broker.host.as_str(), port);
            let kept = [view.nodes.get(&id), seed.as_ref()]
                .into_iter()
                .flatten()
                .find(|node| node.address == address)
                .cloned();
            Some((id, kept.unwrap_or_else(|| self.new_node(address))))
        });
        let nodes = nodes.collect();
        view.nodes = nodes;
        view.stale = false;
        let controller = i32::from(response.controller_id);
        view.controller = (controller >= 0).then_some(controller);
    }

    /// Returns the broker that a request goes to.
    async fn node(&self, target: Target) -> Result<Arc<Node>, KafkaError> {
        if target == Target::Any {
            return self.seed().await;
        }
        self.know().await?;
        let view = self.view();
        let missing = |what: String| KafkaError::NoSuchBroker(what.into());
        match target {
            Target::Any | Target::Spread(_) => {
                let index = if let Target::Spread(index) = target {
                    index
                } else {
                    0
                };
                let node = view.nodes.values().nth(index % view.nodes.len().max(1));
                node.ok_or_else(|| missing("broker".into()))
            }
            Target::Controller => view
                .controller
                .and_then(|id| view.nodes.get(&id))
                .ok_or_else(|| missing("controller".into())),
            Target::Broker(id) => view
                .nodes
                .get(&id)
                .ok_or_else(|| missing(format!("broker {id}"))),
        }
        .cloned()
    }

    /// Asks for the brokers where they are not known.
    async fn know(&self) -> Result<(), KafkaError> {
        {
            let view = self.view();
            if !view.nodes.is_empty() && !view.stale {
                return Ok(());
            }
        }
        let node = self.seed().await?;
        let request = MetadataRequest::default()
            .with_topics(Some(Vec::new()))
            .with_allow_auto_topic_creation(false);
        let limit = self.settings.timeouts.request;
        let answer = node.send(0, &request, METADATA_LEAST, limit).await;
        let response = answer.map_err(|error| self.in_context(Target::Any, error))?;
        self.proven.store(true, Ordering::Relaxed);
        self.learn(&response).await;
        Ok(())
    }

    /// Returns the broker that answered first, or looks for it.
    async fn seed(&self) -> Result<Arc<Node>, KafkaError> {
        let mut seed = self.seed.lock().await;
        if let Some(node) = &*seed {
            return Ok(node.clone());
        }
        let found = self.bootstrap().await?;
        Ok(seed.insert(found).clone())
    }

    /// Tries all addresses that we have, each a little later than the one before; the first answer wins.
    async fn bootstrap(&self) -> Result<Arc<Node>, KafkaError> {
        let mut candidates: Vec<Arc<Node>> = self.view().nodes.values().cloned().collect();
        for address in &self.settings.bootstrap {
            if !candidates.iter().any(|node| node.address == *address) {
                candidates.push(self.new_node(address.clone()));
            }
        }
        let mut waiting = candidates.into_iter().enumerate();
        let mut trying = JoinSet::new();
        let mut failed: BTreeMap<usize, Unreached> = BTreeMap::new();
        loop {
            let more = waiting.next().map(|(index, node)| {
                trying.spawn(async move { (index, node.connection(0).await.map(|_| ()), node) });
            });
            let finished = if more.is_some() {
                match tokio::time::timeout(STAGGER, trying.join_next()).await {
                    Ok(finished) => finished,
                    Err(_) => continue,
                }
            } else {
                trying.join_next().await
            };
            match finished {
                None => return Err(no_broker(failed.into_values().collect())),
                Some(Ok((_, Ok(()), node))) => return Ok(node),
                Some(Ok((index, Err(cause), node))) => {
                    let address = node.address.clone();
                    failed.insert(index, Unreached { address, cause });
                }
                Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
    }

    fn new_node(&self, address: Address) -> Arc<Node> {
        let slots = self.settings.connections_per_broker;
        Arc::new(Node::new(address, self.transport.clone(), slots))
    }

    /// Turns a broker's error into the one that helps: a first connection that is cut means wrong settings, and a
    /// broker whose address came from the cluster means wrong `advertised.listeners`.
    fn in_context(&self, target: Target, error: KafkaError) -> KafkaError {
        match error {
            KafkaError::Disconnected { broker, cause, .. }
                if !self.proven.load(Ordering::Relaxed) =>
            {
                no_broker(vec![Unreached {
                    address: broker,
                    cause,
                }])
            }
            KafkaError::Unreachable { mut brokers }
                if brokers.len() == 1
                    && target != Target::Any
                    && !self.settings.bootstrap.contains(&brokers[0].address) =>
            {
                KafkaError::AdvertisedUnreachable(brokers.remove(0))
            }
            other => other,
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the error of a cluster that cannot be reached: a refused login is the same at every broker.
fn no_broker(failed: Vec<Unreached>) -> KafkaError {
    let refused = failed.iter().find_map(|one| match &one.cause {
        Cause::Login(message) => Some(KafkaError::Authentication {
            broker: one.address.clone(),
            message: message.clone(),
        }),
        _ => None,
    });
    refused.unwrap_or(KafkaError::Unreachable { brokers: failed })
}
