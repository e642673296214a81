//! Workers in this process, for what real ones do only now and then, and for counting requests.

use std::collections::VecDeque;
use std::io::BufReader;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;

use super::super::registry::http::{self, Request};
use super::workers::Workers;

/// The server; stops with the value.
pub(crate) struct StandIn {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    workers: Mutex<Workers>,
    /// Requests by method and path, in the order in which they came.
    requests: Mutex<Vec<String>>,
    /// Answers that are given instead of the right ones: to which requests, the status and the body.
    forced: Mutex<VecDeque<(String, u16, String)>>,
    connections: Mutex<Vec<TcpStream>>,
}

impl StandIn {
    /// Starts workers without connectors.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = serving.clone();
                lock(&shared.connections).push(stream.try_clone().unwrap());
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, shared }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers the next requests that begin so (`PUT /connectors`) with this instead.
    pub(crate) fn force(&self, times: usize, begins: &str, status: u16, message: &str) {
        let body = serde_json::json!({ "error_code": status, "message": message }).to_string();
        let answer = (begins.to_owned(), status, body);
        lock(&self.shared.forced).extend(std::iter::repeat_n(answer, times));
    }

    /// Returns the requests since the last call: method and path.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared.requests))
    }

    /// Lets the workers be as the function makes them.
    pub(crate) fn arrange(&self, arrange: impl FnOnce(&mut Workers)) {
        arrange(&mut lock(&self.shared.workers));
    }

    /// Returns what is set of a connector, unmasked.
    pub(crate) fn config(&self, name: &str) -> Value {
        lock(&self.shared.workers).config(name)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        for stream in lock(&self.shared.connections).drain(..) {
            // It may be closed already.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = http::read(&mut reader) {
        let label = format!("{} /{}", request.method, request.path.join("/"));
        lock(&shared.requests).push(label.clone());
        let (status, body) = forced(shared, &label).unwrap_or_else(|| answer(shared, &request));
        if http::write(&mut stream, status, &[], &body).is_err() || request.is_last {
            // To let go of it would leave it open: it is kept for the end of the server, too.
            drop(stream.shutdown(Shutdown::Both));
            return;
        }
    }
}

fn forced(shared: &Shared, label: &str) -> Option<(u16, String)> {
    let mut forced = lock(&shared.forced);
    let at = forced
        .iter()
        .position(|(begins, ..)| label.starts_with(begins.as_str()))?;
    let (_, status, body) = forced.remove(at)?;
    Some((status, body))
}

fn answer(shared: &Shared, request: &Request) -> (u16, String) {
    let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let expanded = request.parameter("expand").is_some();
    let mut workers = lock(&shared.workers);
    let (status, body) = workers.answer(&request.method, &path, expanded, &body);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    (status, body)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
