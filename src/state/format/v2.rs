//! Version 2 of the state file: objects have outcomes. Otherwise it is version 1, whose text and hash a
//! state without outcomes keeps, so that a chain of states goes on. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{ContentHash, Document};

use super::{Decoded, FormatError, State};
use crate::state::ObjectState;

/// The version's number.
pub(super) const NUMBER: u64 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(
        dead_code,
        reason = "read by the dispatch; named so that no other key is accepted"
    )]
    format: u64,
    content_hash: ContentHash,
    body: State,
}

/// A body's canonical text in three parts, between which the file has line feeds.
pub(super) struct Body {
    head: String,
    objects: Vec<String>,
    tail: String,
}

impl Body {
    pub(super) fn of(state: &State) -> Self {
        let State {
            lineage,
            serial,
            parent,
            environment,
            commit,
            release,
            objects,
        } = state;
        // The order of addresses is not that of their texts (`a[10]`, `a[2]`).
        let objects: BTreeMap<String, &_> = objects
            .iter()
            .map(|(address, object)| (address.to_string(), object))
            .collect();
        Self {
            head: format!(
                r#"{{"commit":{},"environment":{},"lineage":{},"objects":{{"#,
                json(commit),
                json(environment),
                json(lineage)
            ),
            objects: objects
                .iter()
                .map(|(address, object)| format!("{}:{}", json(address), in_order(object)))
                .collect(),
            tail: format!(
                r#"}},"parent":{},"release":{},"serial":{serial}}}"#,
                json(parent),
                json(release)
            ),
        }
    }

    pub(super) fn hash(&self) -> ContentHash {
        let (head, tail) = ([&*self.head], [&*self.tail]);
        ContentHash::of_parts(head.into_iter().chain(self.objects(",")).chain(tail))
    }

    /// The file's text, piece by piece: a copy of it would be as large as all objects.
    fn file<'b>(&'b self, header: &'b str) -> impl Iterator<Item = &'b str> {
        let (head, tail) = ([header, &self.head, "\n"], ["\n", &self.tail, "}\n"]);
        head.into_iter().chain(self.objects(",\n")).chain(tail)
    }

    fn objects<'b>(&'b self, between: &'b str) -> impl Iterator<Item = &'b str> {
        let objects = self.objects.iter().enumerate();
        objects.flat_map(move |(at, text)| [if at == 0 { "" } else { between }, text])
    }
}

fn header(format: u64, hash: ContentHash) -> String {
    format!(r#"{{"format":{format},"content_hash":"{hash}","body":"#)
}

pub(super) fn write(state: &State) -> Vec<u8> {
    let body = Body::of(state);
    body.file(&header(NUMBER, body.hash()))
        .collect::<String>()
        .into_bytes()
}

pub(super) fn read(bytes: &[u8]) -> Result<Decoded, FormatError> {
    read_as(NUMBER, bytes)
}

/// Reads a file whose header has another number and whose body is a part of this version's.
pub(super) fn read_as(format: u64, bytes: &[u8]) -> Result<Decoded, FormatError> {
    let file: File = serde_json::from_slice(bytes).map_err(FormatError::Syntax)?;
    let body = Body::of(&file.body);
    let computed = body.hash();
    if computed != file.content_hash {
        return Err(FormatError::Hash {
            stated: file.content_hash,
            computed,
        });
    }
    let header = header(format, computed);
    let expected = body.file(&header).flat_map(str::bytes);
    let same = expected.zip(bytes).take_while(|(a, b)| a == *b).count();
    let length: usize = body.file(&header).map(str::len).sum();
    if same < length || same < bytes.len() {
        return Err(FormatError::Text {
            hash: computed,
            at: same,
        });
    }
    Ok((file.body, computed))
}

/// Returns the canonical text of an object: its fields and those inside stand in the order of their names.
fn in_order(object: &ObjectState) -> String {
    serde_json::to_string(object).expect("text keys, finite numbers")
}

fn json<T: Serialize>(value: &T) -> String {
    Document::of(value).canonical().to_owned()
}
