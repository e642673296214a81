//! A smart HTTP server on loopback: `git http-backend` behind a few lines of HTTP/1.1.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Mode {
    /// Serves to everybody.
    Open,
    /// Serves to those who send this `user:password`.
    Password(&'static str),
    /// Sends everybody to another place.
    Redirect(String),
    /// Takes the request and never answers.
    Silent,
}

/// A running server. Its threads end with the test's process.
pub(crate) struct Server {
    port: u16,
    mode: Arc<Mutex<Mode>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

impl Server {
    /// Serves the repositories in a folder.
    pub(crate) fn start(root: &Path, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = Self {
            port: listener.local_addr().expect("it is bound").port(),
            mode: Arc::new(Mutex::new(mode)),
            requests: Arc::default(),
        };
        let (root, mode, requests) = (
            root.to_owned(),
            server.mode.clone(),
            server.requests.clone(),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, mode) = (root.clone(), mode.lock().expect("no panic").clone());
                let requests = requests.clone();
                std::thread::spawn(move || serve(stream, &root, &mode, &requests));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The URL with `user:password@`.
    pub(crate) fn url_as(&self, user: &str, path: &str) -> String {
        format!("http://{user}@127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().expect("no panic") = mode;
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// Answers one request; each connection has one.
fn serve(
    mut stream: TcpStream,
    root: &Path,
    mode: &Mode,
    requests: &Mutex<Vec<Request>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers = read_headers(&mut reader)?;
    let authorization = headers.get("authorization").cloned();
    requests.lock().ok()?.push(Request {
        path: target.clone(),
        authorization: authorization.clone(),
    });
    match mode {
        Mode::Silent => {
            std::thread::sleep(std::time::Duration::from_mins(10));
            return None;
        }
        Mode::Redirect(to) => {
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: {to}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            return stream.write_all(answer.as_bytes()).ok();
        }
        Mode::Password(wanted) if !is_user(authorization.as_deref(), wanted) => {
            return stream
                .write_all(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .ok();
        }
        Mode::Password(_) | Mode::Open => {}
    }
    let body = read_body(&mut reader, &headers)?;
    let output = backend(root, &method, &target, &headers, &body)?;
    let split = output.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..split]).into_owned();
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let body = &output[split + 4..];
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).ok()?;
    stream.write_all(body).ok()
}

fn is_user(authorization: Option<&str>, wanted: &str) -> bool {
    let expected = base64::engine::general_purpose::STANDARD.encode(wanted);
    authorization == Some(&format!("Basic {expected}"))
}

fn read_headers(reader: &mut impl BufRead) -> Option<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            return Some(headers);
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
}

fn read_body(reader: &mut impl BufRead, headers: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    if headers
        .get("transfer-encoding")
        .is_some_and(|e| e == "chunked")
    {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = u64::from_str_radix(line.trim(), 16).ok()?;
            reader.take(size).read_to_end(&mut body).ok()?;
            reader.read_line(&mut line).ok()?;
            if size == 0 {
                return Some(body);
            }
        }
    }
    let length = headers
        .get("content-length")
        .map_or(Some(0), |l| l.parse().ok())?;
    reader.take(length).read_to_end(&mut body).ok()?;
    Some(body)
}

/// Runs `git http-backend` as a CGI program (git-http-backend(1)).
fn backend(
    root: &Path,
    method: &str,
    target: &str,
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> Option<Vec<u8>> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", PathBuf::from(root))
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let body = body.to_vec();
    std::thread::spawn(move || stdin.write_all(&body));
    Some(child.wait_with_output().ok()?.stdout)
}

/// Listens with a certificate that nobody knows, answers no request, and returns its port.
pub(crate) fn untrusted() -> u16 {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .expect("the key that was made");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's own versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they belong together");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut session = rustls::ServerConnection::new(config.clone()).expect("a session");
            // The client hangs up in the middle.
            drop(session.complete_io(&mut stream));
        }
    });
    port
}
