//! Enough of HTTP/1.1 for a server on loopback: kept connections, bodies of a known length.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A request.
#[derive(Debug, Clone)]
pub(in crate::support) struct Request {
    pub(in crate::support) method: String,
    /// The parts of the path, decoded.
    pub(in crate::support) path: Vec<String>,
    /// The parameters, as they stand.
    pub(in crate::support) query: Vec<(String, String)>,
    pub(in crate::support) authorization: Option<String>,
    pub(in crate::support) body: Vec<u8>,
    /// Whether the connection ends with the answer.
    pub(in crate::support) is_last: bool,
}

impl Request {
    /// Returns a parameter.
    pub(in crate::support) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads the next request of a connection; `None` at its end.
pub(in crate::support) fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut authorization, mut is_last) = (0, None, false);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "connection" => is_last = value.trim().eq_ignore_ascii_case("close"),
            "authorization" => authorization = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    Some(Request {
        method,
        path: path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decoded)
            .collect(),
        query: query.collect(),
        authorization,
        body,
        is_last,
    })
}

fn decoded(part: &str) -> String {
    let bytes = part.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits = part.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Writes an answer.
pub(in crate::support) fn write(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        // Writing to a String cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())
}
