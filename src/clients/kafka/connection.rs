//! One connection to one broker: TCP or TLS, login, and several requests in flight. Does I/O.
//!
//! Two tasks own the two halves of the socket, so a caller that goes away in the middle of a request leaves the
//! stream intact. Kafka answers the requests of a connection in their order.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::error::{Cause, KafkaError};
use super::settings::{Address, SaslSettings, Timeouts};
use super::tls::{self, Tls};
use super::versions::Versions;
use super::wire::{self, Call, MAX_FRAME, api_name};
use super::{handshake, sasl};

/// How many requests may wait to be written.
const OUTGOING: usize = 16;

/// What every connection of a client needs.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) client_id: String,
    pub(super) timeouts: Timeouts,
    pub(super) tls: Option<Tls>,
    pub(super) sasl: Option<SaslSettings>,
}

/// Why one exchange failed.
#[derive(Debug)]
pub(super) enum Failure {
    Lost(Cause),
    TimedOut(Duration),
    Malformed(String),
    Unsendable(String),
}

/// An open connection, logged in.
#[derive(Debug)]
pub(super) struct Connection {
    broker: Address,
    client_id: String,
    outgoing: mpsc::Sender<Outgoing>,
    shared: Arc<Shared>,
    next: AtomicI32,
    versions: Arc<Versions>,
    expires: Option<Instant>,
    idle: Duration,
    used: Mutex<Instant>,
    tasks: [AbortHandle; 2],
}

struct Outgoing {
    frame: Bytes,
    waiting: Waiting,
}

/// A request that was sent and whose answer is awaited.
struct Waiting {
    correlation: i32,
    api: &'static str,
    reply: oneshot::Sender<Result<Bytes, Cause>>,
}

/// What both tasks and the callers see.
struct Shared {
    state: Mutex<State>,
}

enum State {
    Open(VecDeque<Waiting>),
    Closed(Cause),
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Connection {
    /// Opens a connection: TCP, TLS, versions unless they are known already, login.
    pub(super) async fn open(
        broker: &Address,
        transport: &Transport,
        versions: Option<Arc<Versions>>,
    ) -> Result<Self, Cause> {
        let limit = transport.timeouts.connect;
        let started = Instant::now();
        let opened = timeout(limit, Self::set_up(broker, transport, versions)).await;
        let result = opened.unwrap_or(Err(Cause::TimedOut(limit)));
        let took_ms = started.elapsed().as_millis();
        match &result {
            Ok(_) => tracing::debug!(%broker, took_ms, "connected"),
            Err(cause) => tracing::debug!(%broker, took_ms, %cause, "cannot connect"),
        }
        result
    }

    async fn set_up(
        broker: &Address,
        transport: &Transport,
        versions: Option<Arc<Versions>>,
    ) -> Result<Self, Cause> {
        let stream = TcpStream::connect((broker.host.as_str(), broker.port))
            .await
            .map_err(|error| connect_cause(&error))?;
        stream
            .set_nodelay(true)
            .map_err(|error| connect_cause(&error))?;
        let mut connection = match &transport.tls {
            None => Self::over(stream, broker, transport),
            Some(tls) => Self::over(tls.handshake(broker, stream).await?, broker, transport),
        };
        connection.versions = match versions {
            Some(known) => known,
            None => Arc::new(handshake::versions(&connection).await?),
        };
        if let Some(login) = &transport.sasl {
            connection.expires = sasl::authenticate(&connection, login).await?;
        }
        Ok(connection)
    }

    fn over<S>(stream: S, broker: &Address, transport: &Transport) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (input, output) = tokio::io::split(stream);
        let (outgoing, queue) = mpsc::channel(OUTGOING);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Open(VecDeque::new())),
        });
        let tasks = [
            tokio::spawn(read_all(input, shared.clone())).abort_handle(),
            tokio::spawn(write_all(output, queue, shared.clone())).abort_handle(),
        ];
        Self {
            broker: broker.clone(),
            client_id: transport.client_id.clone(),
            outgoing,
            shared,
            next: AtomicI32::new(0),
            versions: Arc::default(),
            expires: None,
            idle: transport.timeouts.idle,
            used: Mutex::new(Instant::now()),
            tasks,
        }
    }

    /// Returns the versions that the broker offers.
    pub(super) fn versions(&self) -> &Arc<Versions> {
        &self.versions
    }

    /// Returns the version in which a request is sent: the newest in common, at least `least`.
    pub(super) fn version_of<R: Request>(&self, least: i16) -> Result<i16, KafkaError> {
        self.versions.choose::<R>(least, &self.broker)
    }

    /// Whether new requests can be sent: it is open, was used lately, and its login does not run out.
    pub(super) fn is_usable(&self) -> bool {
        let now = Instant::now();
        matches!(*lock(&self.shared.state), State::Open(_))
            && self.expires.is_none_or(|expires| now < expires)
            && now.duration_since(*lock(&self.used)) < self.idle
    }

    /// Sends a request in the newest version in common, at least `least`, and returns the answer.
    pub(super) async fn exchange<R: Call>(
        &self,
        request: &R,
        least: i16,
        limit: Duration,
    ) -> Result<R::Response, KafkaError> {
        let version = self.version_of::<R>(least)?;
        let api = api_name::<R>();
        let broker = || self.broker.clone();
        let adapted = request.in_version(version);
        self.attempt(adapted.as_ref().unwrap_or(request), version, limit)
            .await
            .map_err(|failure| match failure {
                Failure::Lost(cause) => KafkaError::Disconnected {
                    broker: broker(),
                    api,
                    cause,
                },
                Failure::TimedOut(after) => KafkaError::TimedOut {
                    broker: broker(),
                    api,
                    after,
                },
                Failure::Malformed(problem) => KafkaError::Malformed {
                    broker: broker(),
                    api,
                    problem: problem.into(),
                },
                Failure::Unsendable(problem) => KafkaError::Unsendable {
                    api,
                    problem: problem.into(),
                },
            })
    }

    /// Sends a request in a given version and returns the answer.
    pub(super) async fn attempt<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, Failure> {
        let api = api_name::<R>();
        let started = Instant::now();
        *lock(&self.used) = started;
        let correlation = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = wire::encode(request, version, correlation, &self.client_id)
            .map_err(Failure::Unsendable)?;
        let sent = frame.len();
        let arrived = timeout(limit, self.round_trip(api, correlation, frame)).await;
        let Ok(answer) = arrived else {
            // The answer may still come; nobody could tell it from the next one's delay.
            self.shared.close(&Cause::TimedOut(limit));
            return Err(Failure::TimedOut(limit));
        };
        let answer = answer.map_err(Failure::Lost)?;
        let took_ms = started.elapsed().as_millis();
        tracing::debug!(broker = %self.broker, api, version, sent, received = answer.len(), took_ms, "answered");
        wire::decode::<R>(answer, version).map_err(|problem| {
            self.shared.close(&Cause::NotKafka(problem.as_str().into()));
            Failure::Malformed(problem)
        })
    }

    async fn round_trip(
        &self,
        api: &'static str,
        correlation: i32,
        frame: Bytes,
    ) -> Result<Bytes, Cause> {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            correlation,
            api,
            reply,
        };
        let outgoing = Outgoing { frame, waiting };
        let unsent = self.outgoing.send(outgoing).await;
        if unsent.is_err() {
            return Err(self.shared.cause().during(api));
        }
        answer
            .await
            .unwrap_or_else(|_| Err(self.shared.cause().during(api)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    /// Notes a request that is about to be written; tells it at once where the connection is closed.
    fn expect(&self, waiting: Waiting) -> bool {
        match &mut *lock(&self.state) {
            State::Open(queue) => {
                queue.push_back(waiting);
                true
            }
            State::Closed(cause) => {
                waiting.fail(cause);
                false
            }
        }
    }

    /// Gives a frame to the request that it answers, which is the oldest.
    fn deliver(&self, frame: Bytes) -> Result<(), Cause> {
        let State::Open(queue) = &mut *lock(&self.state) else {
            return Ok(());
        };
        let correlation = i32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
        match queue.pop_front() {
            Some(waiting) if waiting.correlation == correlation => {
                // Whoever asked may have gone away.
                drop(waiting.reply.send(Ok(frame)));
                Ok(())
            }
            Some(waiting) => {
                let wrong = format!(
                    "the answer has correlation id {correlation} where {} was due",
                    waiting.correlation
                );
                queue.push_front(waiting);
                Err(Cause::NotKafka(wrong.into()))
            }
            None => Err(Cause::NotKafka(
                "an answer came that nobody asked for".into(),
            )),
        }
    }

    /// Closes the connection for everybody; the first cause stays.
    fn close(&self, cause: &Cause) {
        let mut state = lock(&self.state);
        if let State::Open(queue) = &mut *state {
            for waiting in std::mem::take(queue) {
                waiting.fail(cause);
            }
            *state = State::Closed(cause.clone());
        }
    }

    fn cause(&self) -> Cause {
        match &*lock(&self.state) {
            State::Closed(cause) => cause.clone(),
            State::Open(_) => Cause::Closed { during: "".into() },
        }
    }
}

impl Waiting {
    fn fail(self, cause: &Cause) {
        let cause = cause.clone().during(self.api);
        drop(self.reply.send(Err(cause)));
    }
}

/// Reads answers until the connection ends.
async fn read_all(input: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut input = BufReader::with_capacity(16 * 1024, input);
    let cause = loop {
        match read_frame(&mut input).await {
            Ok(frame) => {
                if let Err(cause) = shared.deliver(frame) {
                    break cause;
                }
            }
            Err(cause) => break cause,
        }
    };
    shared.close(&cause);
}

/// Reads one frame: four bytes of length, then so many bytes. Memory grows only with what has arrived.
async fn read_frame(input: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, Cause> {
    let mut head = [0; 4];
    let read = input.read_exact(&mut head).await;
    read.map_err(|error| lost_cause(&error))?;
    let length = i32::from_be_bytes(head);
    let length = usize::try_from(length)
        .ok()
        .filter(|length| (4..=MAX_FRAME).contains(length))
        .ok_or_else(|| foreign(head))?;
    let mut frame = BytesMut::new();
    let mut rest = input.take(length as u64);
    while frame.len() < length {
        frame.reserve((length - frame.len()).min(frame.len().max(64 * 1024)));
        let read = rest.read_buf(&mut frame).await;
        if read.map_err(|error| lost_cause(&error))? == 0 {
            return Err(Cause::Closed { during: "".into() });
        }
    }
    Ok(frame.freeze())
}

/// Writes requests as they come until nobody can send any more.
async fn write_all(
    mut output: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Outgoing>,
    shared: Arc<Shared>,
) {
    while let Some(Outgoing { frame, waiting }) = queue.recv().await {
        if !shared.expect(waiting) {
            continue;
        }
        let written = async {
            output.write_all(&frame).await?;
            output.flush().await
        };
        if let Err(error) = written.await {
            // The other side may have said why before it hung up: let that be read first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            shared.close(&lost_cause(&error));
        }
    }
}

/// Says what it may be that answers with such bytes.
fn foreign(head: [u8; 4]) -> Cause {
    let text = match head {
        [0x15 | 0x16, 3, ..] => {
            "the port speaks TLS: set security.protocol to SSL or SASL_SSL".to_owned()
        }
        [b'H', b'T', b'T', b'P'] => "an HTTP server answers there, not a Kafka broker".to_owned(),
        _ => format!(
            "an answer of {} bytes is announced, which no broker sends: is it a Kafka broker, and is \
             security.protocol right?",
            i32::from_be_bytes(head)
        ),
    };
    Cause::NotKafka(text.into())
}

/// Says why a connection could not be made.
fn connect_cause(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut => Cause::Io("the operating system gave up connecting".into()),
        // The resolver's errors have no code of the operating system.
        _ if error.raw_os_error().is_none() => Cause::Resolve(error.to_string().into()),
        _ => Cause::Io(error.to_string().into()),
    }
}

/// Says why an open connection ended.
fn lost_cause(error: &io::Error) -> Cause {
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<rustls::Error>());
    if let Some(error) = inner {
        return tls::explain(error);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Cause::Closed { during: "".into() },
        _ => Cause::Io(error.to_string().into()),
    }
}

/// Locks a mutex whose data is whole after every statement, so that a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
