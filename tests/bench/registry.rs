//! The floor of plans on a schema registry: the bare requests, and a registry that answers at once. Does I/O.
//!
//! ```text
//! registry serve                     answers as a registry with any subject of five versions; prints its address
//! registry fill URL PREFIX COUNT     registers five versions of each subject, with a level of its own
//! registry plan URL PREFIX COUNT     asks for each subject's newest version and level
//! ```
//!
//! `plan` asks the same two questions a subject as Streamform, over as many kept connections as Streamform has
//! requests under way, and does nothing else: no answer is parsed or compared, nothing is encoded that need not
//! be. Subjects are called `PREFIX0000`, `PREFIX0001` and so on. Any answer but 200 ends the program.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many requests are under way at once: Streamform's default.
const AT_ONCE: usize = 16;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many versions a subject has.
const VERSIONS: usize = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments[..] {
            ["serve"] => serve().await,
            ["fill", url, prefix, count] => each(url, prefix, count.parse()?, fill).await,
            ["plan", url, prefix, count] => each(url, prefix, count.parse()?, ask).await,
            _ => {
                Err("usage: registry serve | fill URL PREFIX COUNT | plan URL PREFIX COUNT".into())
            }
        }
    })
}

/// Runs a function for each subject, over kept connections.
async fn each<F, R>(url: &str, prefix: &str, count: usize, run: F) -> Result<()>
where
    F: Fn(Connection, String) -> R + Copy + Send + 'static,
    R: Future<Output = Result<Connection>> + Send + 'static,
{
    let rest = url.strip_prefix("http://").ok_or("expected http://")?;
    let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
    let base = match base.trim_end_matches('/') {
        "" => String::new(),
        base => format!("/{base}"),
    };
    let mut running = JoinSet::new();
    for first in 0..AT_ONCE {
        let (host, base, prefix) = (host.to_owned(), base.clone(), prefix.to_owned());
        running.spawn(async move {
            let mut connection = Connection::open(host, base).await?;
            for index in (first..count).step_by(AT_ONCE) {
                connection = run(connection, format!("{prefix}{index:04}")).await?;
            }
            Ok::<(), Box<dyn Error + Send + Sync>>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

async fn ask(mut connection: Connection, subject: String) -> Result<Connection> {
    let latest = format!("/subjects/{subject}/versions/latest");
    connection.call("GET", &latest, "").await?;
    let level = format!("/config/{subject}");
    connection.call("GET", &level, "").await?;
    Ok(connection)
}

async fn fill(mut connection: Connection, subject: String) -> Result<Connection> {
    for version in 1..=VERSIONS {
        let schema = serde_json::Value::from(schema(version));
        let path = format!("/subjects/{subject}/versions");
        let body = format!("{{\"schema\": {schema}}}");
        connection.call("POST", &path, &body).await?;
    }
    let path = format!("/config/{subject}");
    let body = "{\"compatibility\": \"FULL\"}";
    connection.call("PUT", &path, body).await?;
    Ok(connection)
}

/// Returns an Avro record of a few fields, one more with each version. `run.sh` writes the last one.
fn schema(version: usize) -> String {
    let mut fields = String::new();
    for field in 0..version + 7 {
        let comma = if field == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(
            fields,
            "{comma}{{\"name\":\"f{field}\",\"type\":[\"null\",\"string\"],\"default\":null}}"
        );
    }
    format!("{{\"type\":\"record\",\"name\":\"R\",\"fields\":[{fields}]}}")
}

/// A kept connection.
struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    base: String,
    body: Vec<u8>,
}

impl Connection {
    async fn open(host: String, base: String) -> Result<Self> {
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            host,
            base,
            body: Vec::new(),
        })
    }

    /// Sends a request and reads the answer. One that never comes, as a registry under load owes now and then,
    /// is an error.
    async fn call(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let answered = tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await;
        answered.map_err(|_| format!("{method} {path}: no answer"))?
    }

    async fn exchange(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let mut request = format!(
            "{method} {}{path} HTTP/1.1\r\nhost: {}\r\n",
            self.base, self.host
        );
        if !body.is_empty() {
            let length = body.len();
            // Writing to a String cannot fail.
            let _ = write!(
                request,
                "content-type: application/json\r\ncontent-length: {length}\r\n"
            );
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let status = self.line().await?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let header = self.line().await?.to_ascii_lowercase();
            match header.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(("transfer-encoding", value)) => is_chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        self.body.clear();
        while is_chunked {
            let size = usize::from_str_radix(self.line().await?.trim(), 16)?;
            self.take(size + 2).await?;
            is_chunked = size > 0;
        }
        self.take(length).await?;
        if status.split(' ').nth(1) != Some("200") {
            let said = String::from_utf8_lossy(&self.body);
            return Err(format!("{method} {path}: {status}: {said}").into());
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err("the server hung up".into());
        }
        Ok(line.trim_end().to_owned())
    }

    async fn take(&mut self, length: usize) -> Result<()> {
        let start = self.body.len();
        self.body.resize(start + length, 0);
        self.stream.read_exact(&mut self.body[start..]).await?;
        Ok(())
    }
}

/// Answers until it is stopped.
async fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "http://{}", listener.local_addr()?)?;
    out.flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // Ends with its client.
            drop(answer(BufReader::new(stream)).await);
        });
    }
}

async fn answer(mut stream: BufReader<TcpStream>) -> Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while !matches!(&*line, "\r\n" | "") {
            line.clear();
            stream.read_line(&mut line).await?;
        }
        let parts: Vec<&str> = target.split('/').collect();
        let (status, body) = match parts[..] {
            ["", "subjects", subject, "versions", "latest"] => (200, latest(subject)),
            ["", "config", _] => (200, "{\"compatibilityLevel\":\"FULL\"}".to_owned()),
            _ => (
                404,
                "{\"error_code\":404,\"message\":\"not here\"}".to_owned(),
            ),
        };
        let answer = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
}

fn latest(subject: &str) -> String {
    let schema = serde_json::Value::from(schema(VERSIONS));
    format!("{{\"subject\":\"{subject}\",\"version\":{VERSIONS},\"id\":7,\"schema\":{schema}}}")
}
