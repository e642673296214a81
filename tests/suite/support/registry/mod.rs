//! A schema registry for tests: a plain client that shares nothing with Streamform's own, and a
//! stand-in that answers as Confluent documents.

pub(crate) mod http;
mod stand_in;
mod subjects;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

pub(crate) use stand_in::{Answer, StandIn};

/// A plain client of a registry at `http://host:port/path`.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    /// The address, without a slash at the end.
    pub(crate) url: String,
}

impl Registry {
    /// Returns a client.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// Calls the registry; returns the status and the body.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let rest = self.url.strip_prefix("http://").unwrap();
        let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
        let base = if base.is_empty() {
            String::new()
        } else {
            format!("/{base}")
        };
        let body = body.map(ToString::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} {base}{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked {
            unchunked(body)
        } else {
            body.to_owned()
        };
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Registers an Avro schema and returns its id.
    pub(crate) fn register(&self, subject: &str, schema: &str) -> u64 {
        let body = json!({ "schema": schema });
        let path = format!("/subjects/{subject}/versions");
        let (status, answer) = self.call("POST", &path, Some(&body));
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_u64().unwrap()
    }

    /// Returns the numbers of a subject's versions, none where there is no such subject.
    pub(crate) fn versions(&self, subject: &str) -> Vec<u64> {
        let (_, answer) = self.call("GET", &format!("/subjects/{subject}/versions"), None);
        let numbers = answer.as_array().cloned().unwrap_or_default();
        numbers.iter().filter_map(Value::as_u64).collect()
    }

    /// Returns the numbers of all versions that are kept, softly deleted ones included.
    pub(crate) fn kept(&self, subject: &str) -> Vec<u64> {
        let path = format!("/subjects/{subject}/versions?deleted=true");
        let (_, answer) = self.call("GET", &path, None);
        let numbers = answer.as_array().cloned().unwrap_or_default();
        numbers.iter().filter_map(Value::as_u64).collect()
    }

    /// Returns a version, such as `latest`.
    pub(crate) fn version(&self, subject: &str, version: &str) -> Value {
        let path = format!("/subjects/{subject}/versions/{version}");
        self.call("GET", &path, None).1
    }

    /// Returns a subject's own level.
    pub(crate) fn level(&self, subject: &str) -> Option<String> {
        let (_, answer) = self.call("GET", &format!("/config/{subject}"), None);
        answer["compatibilityLevel"].as_str().map(str::to_owned)
    }

    /// Sets a subject's level.
    pub(crate) fn set_level(&self, subject: &str, level: &str) {
        let body = json!({ "compatibility": level });
        let (status, answer) = self.call("PUT", &format!("/config/{subject}"), Some(&body));
        assert_eq!(status, 200, "{answer}");
    }

    /// Deletes a subject, softly and for good, whether it is there or not.
    pub(crate) fn delete(&self, subject: &str) {
        self.call("DELETE", &format!("/subjects/{subject}"), None);
        self.call(
            "DELETE",
            &format!("/subjects/{subject}?permanent=true"),
            None,
        );
    }

    /// Returns the subjects whose names begin with a prefix, softly deleted ones included.
    pub(crate) fn subjects(&self, prefix: &str) -> Vec<String> {
        let (_, answer) = self.call("GET", "/subjects?deleted=true", None);
        let names = answer.as_array().cloned().unwrap_or_default();
        let names = names.iter().filter_map(Value::as_str);
        names
            .filter(|name| name.starts_with(prefix))
            .map(str::to_owned)
            .collect()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
