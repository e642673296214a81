//! Changes in batches: one outcome per item, whatever happens to the requests that carry them. Does I/O.
//!
//! A request may be lost after the broker has begun to act on it. Its items are then sent again and their outcomes
//! say so ([`Outcome::resent`]), since "it exists already" may be the echo of our own first attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::protocol::Request;
use tokio::task::JoinSet;

use super::cluster::{Cluster, Target};
use super::error::{BrokerError, KafkaError};
use super::retry::Retry;
use super::wire::{Call, api_name};

/// Whether a change is made or only checked by the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The broker checks it as if it were to be made.
    Validate,
    /// It is made.
    Apply,
}

/// What became of one item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<T> {
    /// The result, or why there is none.
    pub result: Result<T, KafkaError>,
    /// Whether an earlier attempt of ours may have taken effect without our hearing so.
    pub resent: bool,
}

/// One kind of change.
pub(super) trait Batch: Send + Sync + 'static {
    /// What is changed.
    type Item: Send + Sync + 'static;
    /// What an answer names an item by.
    type Key: Ord + Send;
    /// What an answer tells about an item that went well.
    type Value: Send + 'static;
    /// The request.
    type Request: Call;

    /// The oldest version that can carry it.
    const LEAST: i16;
    /// The most items of one request.
    const MOST_ITEMS: usize;
    /// The most weight of one request.
    const MOST_WEIGHT: usize = usize::MAX;

    /// Whether only a partition's leader or a group's coordinator can do it, so that the caller must find out who
    /// that is.
    const ONLY_LEADERS: bool = false;
    /// Which connections to a broker its requests take in turn. A broker answers those of one connection in their
    /// order, so that others would wait behind what takes long.
    const CONNECTIONS: Range<usize> = 0..AT_ONCE;

    /// Returns what the answer will name an item by.
    fn key(item: &Self::Item) -> Self::Key;
    /// Returns how much of a request an item takes up.
    fn weight(_item: &Self::Item) -> usize {
        1
    }
    /// Returns which broker an item is sent to. Not [`Target::Spread`].
    fn target(&self, _item: &Self::Item) -> Target {
        Target::Controller
    }
    /// Returns the request for some items, which the broker may take so long for.
    fn request(&self, items: &[&Self::Item], limit: Duration) -> Self::Request;
    /// Reads the outcome of each item, or an error of the whole request.
    fn read(
        &self,
        response: <Self::Request as Request>::Response,
    ) -> Result<Answers<Self>, BrokerError>;
}

/// The outcomes that an answer holds.
pub(super) type Answers<B> = Vec<(<B as Batch>::Key, Result<<B as Batch>::Value, BrokerError>)>;

/// How many requests that change something are under way to one broker.
const AT_ONCE: usize = 2;

impl Cluster {
    /// Makes the changes and returns their outcomes in the order of the items.
    ///
    /// Fails as a whole only where nothing can have been changed: no request reached a broker.
    pub(super) async fn change<B: Batch>(
        self: &Arc<Self>,
        batch: B,
        items: Vec<B::Item>,
    ) -> Result<Vec<Outcome<B::Value>>, KafkaError> {
        let mut run = Run::new(self.clone(), batch, items);
        while !run.pending.is_empty() {
            if let Some(error) = run.round().await
                && !self.again(&error, &mut run.retry).await
            {
                break;
            }
        }
        run.finish()
    }
}

/// A batch on its way.
struct Run<B: Batch> {
    cluster: Arc<Cluster>,
    shared: Arc<(B, Vec<B::Item>)>,
    outcomes: Vec<Option<Result<B::Value, KafkaError>>>,
    resent: Vec<bool>,
    pending: Vec<usize>,
    reached: bool,
    retry: Retry,
}

/// The items of one request, by index.
struct Chunk<K> {
    target: Target,
    weight: usize,
    indexes: Vec<usize>,
    keys: BTreeSet<K>,
}

/// What came back of one request: the indexes of its items, and the answer.
type Reply<B> = (Vec<usize>, Result<Answers<B>, KafkaError>);

impl<B: Batch> Run<B> {
    fn new(cluster: Arc<Cluster>, batch: B, items: Vec<B::Item>) -> Self {
        let count = items.len();
        Self {
            retry: Retry::new(&cluster.settings.timeouts),
            cluster,
            shared: Arc::new((batch, items)),
            outcomes: (0..count).map(|_| None).collect(),
            resent: vec![false; count],
            pending: (0..count).collect(),
            reached: false,
        }
    }

    /// Sends every pending item once. Returns an error that may pass, if one was met.
    async fn round(&mut self) -> Option<KafkaError> {
        let mut chunks = self.chunks().into_iter().enumerate();
        let mut running: JoinSet<Reply<B>> = JoinSet::new();
        let mut passing = None;
        self.pending.clear();
        loop {
            while running.len() < AT_ONCE * 4
                && let Some((number, chunk)) = chunks.next()
            {
                let slot = B::CONNECTIONS.start + number % B::CONNECTIONS.len();
                self.send(&mut running, chunk.target, slot, chunk.indexes);
            }
            match running.join_next().await {
                None => break,
                Some(Ok((chunk, answer))) => passing = self.settle(chunk, answer).or(passing),
                Some(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        passing
    }

    /// Splits the pending items by broker and by the limits of a request, none of which names anything twice.
    fn chunks(&self) -> Vec<Chunk<B::Key>> {
        let (batch, items) = &*self.shared;
        let mut open: Vec<Chunk<B::Key>> = Vec::new();
        let mut full = Vec::new();
        for &index in &self.pending {
            let item = &items[index];
            let (target, key, weight) = (batch.target(item), B::key(item), B::weight(item));
            let fits = |chunk: &Chunk<B::Key>| chunk.target == target && !chunk.keys.contains(&key);
            if let Some(at) = open.iter().position(fits) {
                let chunk = &mut open[at];
                if chunk.indexes.len() < B::MOST_ITEMS && chunk.weight + weight <= B::MOST_WEIGHT {
                    chunk.weight += weight;
                    chunk.indexes.push(index);
                    chunk.keys.insert(key);
                    continue;
                }
                full.push(open.swap_remove(at));
            }
            open.push(Chunk {
                target,
                weight,
                indexes: vec![index],
                keys: BTreeSet::from([key]),
            });
        }
        full.extend(open);
        full
    }

    fn send(
        &self,
        running: &mut JoinSet<Reply<B>>,
        target: Target,
        slot: usize,
        chunk: Vec<usize>,
    ) {
        let (cluster, shared) = (self.cluster.clone(), self.shared.clone());
        let limit = self.retry.request_timeout();
        running.spawn(async move {
            let (batch, items) = &*shared;
            let some: Vec<&B::Item> = chunk.iter().map(|&index| &items[index]).collect();
            let request = batch.request(&some, limit);
            let read = |response| batch.read(response);
            let answer = cluster
                .once(target, slot, &request, B::LEAST, limit, read)
                .await;
            (chunk, answer)
        });
    }

    /// Notes the outcomes of one request. Returns its error where that may pass.
    fn settle(
        &mut self,
        chunk: Vec<usize>,
        answer: Result<Answers<B>, KafkaError>,
    ) -> Option<KafkaError> {
        let answers = match answer {
            Ok(answers) => answers,
            Err(error) => {
                self.reached |= error.leaves_doubt();
                for index in chunk {
                    self.note(index, Err(error.clone()));
                }
                return Self::may_pass(&error).then_some(error);
            }
        };
        self.reached = true;
        let mut answers: BTreeMap<B::Key, Result<B::Value, BrokerError>> =
            answers.into_iter().collect();
        let mut passing = None;
        for index in chunk {
            // No request names an item twice.
            let result = match answers.remove(&B::key(&self.shared.1[index])) {
                Some(result) => result.map_err(KafkaError::Item),
                None => Err(KafkaError::Unsendable {
                    api: api_name::<B::Request>(),
                    problem: "the answer does not mention it".into(),
                }),
            };
            if let Err(error) = &result
                && Self::may_pass(error)
            {
                passing = Some(error.clone());
            } else {
                self.retry.progress();
            }
            self.note(index, result);
        }
        passing
    }

    /// Whether the same item may go well at the same broker a little later.
    fn may_pass(error: &KafkaError) -> bool {
        error.is_retriable() && !(B::ONLY_LEADERS && error.is_misdirected())
    }

    fn note(&mut self, index: usize, result: Result<B::Value, KafkaError>) {
        if let Err(error) = &result
            && Self::may_pass(error)
        {
            self.resent[index] |= error.leaves_doubt();
            self.pending.push(index);
        }
        self.outcomes[index] = Some(result);
    }

    fn finish(self) -> Result<Vec<Outcome<B::Value>>, KafkaError> {
        let mut outcomes = Vec::with_capacity(self.outcomes.len());
        for (outcome, resent) in self.outcomes.into_iter().zip(self.resent) {
            let result = outcome.expect("every item was sent in the first round");
            match result {
                Err(error) if !self.reached => return Err(error),
                result => outcomes.push(Outcome { result, resent }),
            }
        }
        Ok(outcomes)
    }
}
