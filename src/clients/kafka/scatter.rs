//! Many requests of one kind at once: spread over brokers and connections, a few in flight on each. Does I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::cluster::{Cluster, Target};
use super::error::{BrokerError, KafkaError};
use super::wire::Call;

/// How many requests are in flight on one connection. A broker works on one at a time; the second waits in its
/// socket, so that it is never idle.
const IN_FLIGHT: usize = 2;

impl Cluster {
    /// Sends requests that change nothing and returns what `read` took from each answer, in their order; the first
    /// error ends it. Requests to [`Target::Spread`] go to the brokers in turn.
    pub(super) async fn scatter<R, T, F>(
        self: &Arc<Self>,
        requests: Vec<(Target, R)>,
        least: i16,
        read: F,
    ) -> Result<Vec<T>, KafkaError>
    where
        R: Call,
        T: Send + 'static,
        F: Fn(R::Response) -> Result<T, BrokerError> + Send + Sync + 'static,
    {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let brokers = self.broker_ids().await?.len().max(1);
        let connections = self.settings.connections_per_broker.max(1);
        let workers = (connections * brokers * IN_FLIGHT).min(requests.len());
        let work = Arc::new((requests, AtomicUsize::new(0), read));
        let mut running = JoinSet::new();
        for worker in 0..workers {
            let (cluster, work) = (self.clone(), work.clone());
            // Workers take brokers in turn, and once every broker has one, its next connection.
            let slot = worker / brokers % connections;
            running.spawn(async move {
                let (requests, next, read) = &*work;
                let mut done = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((target, request)) = requests.get(index) else {
                        return Ok::<_, KafkaError>(done);
                    };
                    let target = match target {
                        Target::Spread(_) => Target::Spread(worker % brokers),
                        other => *other,
                    };
                    let value = cluster.call(target, slot, request, least, read).await?;
                    done.push((index, value));
                }
            });
        }
        let mut all = Vec::new();
        while let Some(finished) = running.join_next().await {
            match finished {
                Ok(done) => all.extend(done?),
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        all.sort_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, value)| value).collect())
    }
}
