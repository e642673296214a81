//! A server of one file on loopback, as a repository of artefacts is one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A server that gives a file at `/job.jar`, and at `/latest.jar` leads there.
pub(super) struct Shelf {
    url: String,
}

impl Shelf {
    /// Begins to serve a file.
    pub(super) fn of(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let content: Arc<[u8]> = content.into();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The client may be gone.
                drop(answer(stream, &content));
            }
        });
        Self { url }
    }

    /// Returns the address of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

fn answer(mut stream: TcpStream, content: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let (status, body) = match request.split(' ').nth(1) {
        Some("/job.jar") => ("200 OK", content),
        Some("/latest.jar") => ("302 Found\r\nlocation: /job.jar", &[][..]),
        _ => ("404 Not Found", &[][..]),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
