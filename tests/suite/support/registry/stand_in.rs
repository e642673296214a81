//! A registry in this process that answers as Confluent's documentation says: modes that count, messages
//! of `verbose=true`, metadata and rules that are kept, its own error codes. For what no real server
//! that can be had does, and for counting requests.

use std::collections::{BTreeMap, VecDeque};
use std::io::BufReader;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::http::{self, Request};
use super::subjects::Subjects;
use super::{Registry, Value};

/// An answer that is given instead of what would be right.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The server; stops with the value.
pub(crate) struct StandIn {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    subjects: Mutex<Subjects>,
    /// Requests by method and path, in the order in which they came.
    requests: Mutex<Vec<String>>,
    forced: Mutex<VecDeque<Answer>>,
    connections: Mutex<Vec<TcpStream>>,
    /// The largest number of requests that were under way at once, and how many are now.
    under_way: Mutex<(usize, usize)>,
    authorization: Mutex<Option<String>>,
    closed: AtomicBool,
}

impl StandIn {
    /// Starts an empty registry.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        serve(listener, &shared);
        Self { port, shared }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns a plain client.
    pub(crate) fn client(&self) -> Registry {
        Registry::at(&self.url())
    }

    /// Gives this answer to the next requests instead of the right one.
    pub(crate) fn force(&self, times: usize, answer: &Answer) {
        lock(&self.shared.forced).extend(std::iter::repeat_n(answer.clone(), times));
    }

    /// Asks for this `Authorization` from now on.
    pub(crate) fn require(&self, authorization: &str) {
        *lock(&self.shared.authorization) = Some(authorization.to_owned());
    }

    /// Gives versions back without their metadata and rules from now on, as some registries do.
    pub(crate) fn forget_metadata(&self) {
        lock(&self.shared.subjects).forgets_metadata = true;
    }

    /// Returns the requests since the last call: method and path.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared.requests))
    }

    /// Returns how many requests were under way at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        lock(&self.shared.under_way).0
    }

    /// Returns how many connections were made.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.shared.connections).len()
    }

    /// Stops listening and breaks every connection.
    pub(crate) fn stop(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it ends and the port is free.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        for connection in lock(&self.shared.connections).drain(..) {
            // Fails where the connection has ended already.
            drop(connection.shutdown(Shutdown::Both));
        }
        while TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            thread::yield_now();
        }
    }

    /// Listens again on the same port, with the same content.
    pub(crate) fn resume(&self) {
        self.shared.closed.store(false, Ordering::SeqCst);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        serve(listener, &self.shared);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if !self.shared.closed.load(Ordering::SeqCst) {
            self.shared.closed.store(true, Ordering::SeqCst);
            drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(listener: TcpListener, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            if shared.closed.load(Ordering::SeqCst) {
                return;
            }
            stream.set_nodelay(true).unwrap();
            lock(&shared.connections).push(stream.try_clone().unwrap());
            let shared = Arc::clone(&shared);
            thread::spawn(move || answer_all(stream, &shared));
        }
    });
}

fn answer_all(mut stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = http::read(&mut reader) {
        lock(&shared.requests).push(format!("{} /{}", request.method, request.path.join("/")));
        {
            let mut under_way = lock(&shared.under_way);
            under_way.1 += 1;
            under_way.0 = under_way.0.max(under_way.1);
        }
        let answer = answer(&request, shared);
        lock(&shared.under_way).1 -= 1;
        let sent = http::write(&mut stream, answer.status, &answer.headers, &answer.body);
        if sent.is_err() || request.is_last {
            // The copy that `stop` holds would keep the connection open.
            drop(stream.shutdown(Shutdown::Both));
            return;
        }
    }
}

fn answer(request: &Request, shared: &Shared) -> Answer {
    if let Some(forced) = lock(&shared.forced).pop_front() {
        return forced;
    }
    let required = lock(&shared.authorization).clone();
    if required.is_some() && required != request.authorization {
        return Answer {
            status: 401,
            headers: Vec::new(),
            body: "Unauthorized".into(),
        };
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let is = |name: &str| request.parameter(name) == Some("true");
    let options: BTreeMap<&str, bool> = [
        "deleted",
        "permanent",
        "verbose",
        "normalize",
        "defaultToGlobal",
    ]
    .into_iter()
    .map(|name| (name, is(name)))
    .collect();
    let (status, body) = lock(&shared.subjects).answer(&request.method, &path, &options, &body);
    Answer {
        status,
        headers: vec![(
            "content-type".into(),
            "application/vnd.schemaregistry.v1+json".into(),
        )],
        body: body.to_string(),
    }
}
