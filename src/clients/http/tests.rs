//! The client against a server that answers what each test wants.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Answers each request with the next of some raw answers; counts requests and connections.
struct Server {
    url: Url,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        answers.reverse();
        let answers = Arc::new(Mutex::new(answers));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (record, count) = (seen.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().expect("not poisoned") += 1;
                tokio::spawn(serve(stream, answers.clone(), record.clone()));
            }
        });
        let url = format!("http://127.0.0.1:{port}/base/");
        Self {
            url: Url::parse(&url).expect("an address"),
            seen,
            connections,
        }
    }

    fn client(&self) -> Client {
        Client::new(Settings::new(vec![self.url.clone()])).expect("a client")
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Mutex<Vec<String>>>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut buffer = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        while !buffer.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
            }
        }
        let head = String::from_utf8_lossy(&buffer).into_owned();
        buffer.clear();
        seen.lock().expect("not poisoned").push(head);
        let Some(answer) = answers.lock().expect("not poisoned").pop() else {
            return;
        };
        if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const EMPTY_429: &str =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n";
const EMPTY_503: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn one_connection_serves_many_requests_and_paths_are_encoded() {
    let server = Server::start(&[&ok("a"), &ok("b")]).await;
    let client = server.client();
    let request = Request::get(["subjects", "a/b c%"]).query("deleted", true);
    for expected in [b"a", b"b"] {
        let answer = client.send(&request).await.expect("an answer");
        assert_eq!(answer.body, expected);
    }
    let first = &server.requests()[0];
    assert!(
        first.starts_with("GET /base/subjects/a%2Fb%20c%25?deleted=true HTTP/1.1"),
        "{first}"
    );
    assert_eq!(*server.connections.lock().expect("not poisoned"), 1);
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_asked_again_after_that() {
    let server = Server::start(&[EMPTY_429, &ok("")]).await;
    let begin = Instant::now();
    let put = Request::new(Method::PUT, ["config"]);
    let answer = server.client().send(&put).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(begin.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn what_may_have_been_carried_out_is_not_repeated() {
    let server = Server::start(&["", EMPTY_503, &ok("")]).await;
    let post = Request::new(Method::POST, ["a"]);
    let error = server.client().send(&post).await.expect_err("cut off");
    assert!(!error.is_unsent() && error.is_away(), "{error}");
    let answer = server.client().send(&post).await.expect("an answer");
    assert_eq!(answer.status, 503);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_only_reads_is_repeated() {
    let server = Server::start(&["", EMPTY_503, &ok("x")]).await;
    let answer = server.client().send(&Request::get(["a"])).await;
    assert_eq!(answer.expect("an answer").body, b"x");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn the_next_address_is_asked_where_one_is_away() {
    let server = Server::start(&[&ok("x")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let away = listener.local_addr().expect("an address");
    drop(listener);
    let away = Url::parse(&format!("http://{away}")).expect("an address");
    let client = Client::new(Settings::new(vec![away.clone(), server.url.clone()]));
    let post = Request::new(Method::POST, ["a"]);
    let answer = client.expect("a client").send(&post).await;
    assert_eq!(answer.expect("an answer").body, b"x");
    let alone = Settings {
        retries: 0,
        ..Settings::new(vec![away.clone()])
    };
    let error = Client::new(alone).expect("a client").send(&post).await;
    let error = error.expect_err("nobody listens").to_string();
    assert!(
        error.starts_with(&format!("cannot reach {away}: ")),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let server = Server::start(&[&ok(""), &ok("")]).await;
    for auth in [
        Auth::Basic {
            user: "alice".into(),
            password: "hunter2".into(),
        },
        Auth::Bearer("hunter2".into()),
    ] {
        let settings = Settings {
            auth,
            ..Settings::new(vec![server.url.clone()])
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let client = Client::new(settings).expect("a client");
        assert!(!format!("{client:?}").contains("hunter2"));
        client.send(&Request::get(["a"])).await.expect("an answer");
    }
    let [basic, bearer] = &server.requests()[..] else {
        unreachable!("two requests")
    };
    assert!(
        basic.contains("authorization: Basic YWxpY2U6aHVudGVyMg=="),
        "{basic}"
    );
    assert!(bearer.contains("authorization: Bearer hunter2"), "{bearer}");
}
