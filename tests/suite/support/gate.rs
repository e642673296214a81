//! A way to a server that speaks HTTP which stops at the n-th request with an effect, before it or after it, so
//! that a test can kill whoever waits for the answer, or which is late to tell how a job of Flink's is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) use super::proxy::Side;

/// A way to a server that holds one request for ever, or has old answers.
pub(crate) struct Gate {
    url: String,
    held: Receiver<String>,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    cut: (usize, Side),
    effects: AtomicUsize,
    held: Mutex<Sender<String>>,
    /// The first line of each request so far.
    passed: Mutex<Vec<String>>,
    /// What was last heard of each of Flink's jobs, where answers are late.
    late: Option<Mutex<BTreeMap<String, Vec<u8>>>>,
}

/// A message of HTTP/1.1: the first line, the headers that matter, the body.
struct Message {
    line: String,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Gate {
    /// Opens a way to `server`, an address such as `http://127.0.0.1:8081`.
    pub(crate) fn open(server: &str, cut: (usize, Side)) -> Self {
        Self::start(server, cut, None)
    }

    /// Opens a way that tells of each of Flink's jobs what it heard the last time it was asked about it, as Flink
    /// does for a while.
    pub(crate) fn late(server: &str) -> Self {
        Self::start(server, (usize::MAX, Side::Before), Some(Mutex::default()))
    }

    fn start(
        server: &str,
        cut: (usize, Side),
        late: Option<Mutex<BTreeMap<String, Vec<u8>>>>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, held) = channel();
        let shared = Arc::new(Shared {
            server: server
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            cut,
            effects: AtomicUsize::new(0),
            held: Mutex::new(sender),
            passed: Mutex::default(),
            late,
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&own);
                thread::spawn(move || pass(stream, &shared));
            }
        });
        Self { url, held, shared }
    }

    /// Opens a way that holds nothing and only listens.
    pub(crate) fn listen(server: &str) -> Self {
        Self::open(server, (usize::MAX, Side::Before))
    }

    /// Returns the first lines of all requests so far.
    pub(crate) fn passed(&self) -> Vec<String> {
        self.shared.passed.lock().unwrap().clone()
    }

    /// Returns the address of this end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the request that is held, once one is.
    pub(crate) fn held(&self) -> Option<String> {
        self.held.try_recv().ok()
    }
}

fn pass(mut client: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let line = request.line.clone();
        shared.passed.lock().unwrap().push(line);
        let number = has_effect(&request).then(|| shared.effects.fetch_add(1, Ordering::SeqCst));
        let is_cut = |side| number == Some(shared.cut.0) && shared.cut.1 == side;
        if is_cut(Side::Before) {
            return hold(&request, shared);
        }
        let Some((status, mut body)) = forward(&shared.server, &request) else {
            return;
        };
        if let Some(late) = shared.late.as_ref().filter(|_| asks_for_job(&request)) {
            let heard = late
                .lock()
                .unwrap()
                .insert(request.line.clone(), body.clone());
            body = heard.unwrap_or(body);
        }
        if is_cut(Side::After) {
            return hold(&request, shared);
        }
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // The client may be gone.
        if client
            .write_all(&[head.as_bytes(), &body].concat())
            .is_err()
        {
            return;
        }
    }
}

/// Whether a request changes something: of the statements for the SQL gateway only those do that begin a job, and
/// neither does asking Flink for a job's plan, nor Connect what it thinks of settings.
fn has_effect(request: &Message) -> bool {
    if request.line.contains("/sessions") {
        let body = String::from_utf8_lossy(&request.body);
        return body.contains("\"statement\":\"INSERT");
    }
    let asks = ["/plan ", "/validate "];
    !request.line.starts_with("GET ") && !asks.iter().any(|path| request.line.contains(path))
}

/// Whether a request asks how one of Flink's jobs is.
fn asks_for_job(request: &Message) -> bool {
    let path = request.line.split(' ').nth(1).unwrap_or_default();
    let id = path.strip_prefix("/jobs/").unwrap_or_default();
    request.line.starts_with("GET ") && id.len() == 32 && !id.contains('/')
}

fn hold(request: &Message, shared: &Shared) {
    let held = shared.held.lock().unwrap();
    // The test may be over.
    drop(held.send(request.line.clone()));
    drop(held);
    loop {
        thread::park();
    }
}

/// Sends a request on a connection of its own; the status and the body of the answer.
fn forward(server: &str, request: &Message) -> Option<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(server).ok()?;
    let content_type = request
        .content_type
        .as_deref()
        .unwrap_or("application/json");
    let head = format!(
        "{}\r\nhost: {server}\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        request.line,
        request.body.len()
    );
    stream
        .write_all(&[head.as_bytes(), &request.body].concat())
        .ok()?;
    let answer = read(&mut BufReader::new(stream))?;
    let status = answer.line.split_once(' ')?.1.to_owned();
    Some((status, answer.body))
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Message> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (mut length, mut content_type, mut is_chunked) = (0, None, false);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().ok()?,
            ("content-type", value) => content_type = Some(value.to_owned()),
            ("transfer-encoding", value) => is_chunked = value.contains("chunked"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    while is_chunked {
        let mut size = String::new();
        stream.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
        is_chunked = size > 0;
    }
    Some(Message {
        line: line.trim_end().to_owned(),
        content_type,
        body,
    })
}

/// Asks a server for JSON.
pub(crate) fn get(server: &str, path: &str) -> serde_json::Value {
    call(server, &format!("GET {path}"), None, Vec::new())
}

/// Runs a jar as somebody else would, and returns the job's id.
pub(crate) fn submit(server: &str, jar: &Path, arguments: &[String]) -> String {
    let head = "--part\r\ncontent-disposition: form-data; name=\"jarfile\"; filename=\"theirs.jar\"\r\n\
                content-type: application/x-java-archive\r\n\r\n";
    let jar = fs::read(jar).unwrap();
    let form = [head.as_bytes(), &jar, b"\r\n--part--\r\n"].concat();
    let kind = "multipart/form-data; boundary=part";
    let uploaded = call(server, "POST /jars/upload", Some(kind), form);
    let id = uploaded["filename"].as_str().unwrap().rsplit('/').next();
    let run = serde_json::json!({
        "programArgsList": arguments,
        "flinkConfiguration": { "execution.checkpointing.interval": "500ms" },
    });
    let path = format!("POST /jars/{}/run", id.unwrap());
    let started = call(server, &path, None, run.to_string().into_bytes());
    started["jobid"].as_str().unwrap().to_owned()
}

fn call(
    server: &str,
    request: &str,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> serde_json::Value {
    let request = Message {
        line: format!("{request} HTTP/1.1"),
        content_type: content_type.map(str::to_owned),
        body,
    };
    let (status, body) = forward(server.trim_start_matches("http://"), &request).unwrap();
    let text = String::from_utf8_lossy(&body);
    // What is begun and not done yet is accepted.
    let is_done = ["200", "202"].iter().any(|code| status.starts_with(code));
    assert!(is_done, "{}: {status} {text}", request.line);
    serde_json::from_slice(&body).unwrap()
}

/// Stops a job with a savepoint as somebody else would.
pub(crate) fn stop(server: &str, id: &str) {
    let path = format!("POST /jobs/{id}/stop");
    call(server, &path, None, b"{}".to_vec());
}

/// Ends a job as somebody else would.
pub(crate) fn cancel(server: &str, id: &str) {
    let request = Message {
        line: format!("PATCH /jobs/{id}?mode=cancel HTTP/1.1"),
        content_type: None,
        body: Vec::new(),
    };
    forward(server.trim_start_matches("http://"), &request).unwrap();
}
