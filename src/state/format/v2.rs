//! Version 2 of the state file: objects have outcomes. Otherwise it is version 1, whose text and hash a
//! state without outcomes keeps, so that a chain of states goes on. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::address::{Address, EnvironmentName, ProviderAddress};
use crate::document::{ContentHash, Document};

use super::{Decoded, FormatError, State};
use crate::state::{ObjectState, Pending};

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
    body: Content,
}

/// A state whose documents are not looked at yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    commit: Option<String>,
    environment: EnvironmentName,
    lineage: String,
    objects: Objects,
    parent: Option<ContentHash>,
    release: Option<ContentHash>,
    serial: u64,
}

/// A state's objects.
struct Objects(BTreeMap<Address, ObjectState>);

/// See [`ObjectState`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    #[serde(default)]
    depends_on: BTreeSet<Address>,
    #[serde(default)]
    outcome: Option<Box<RawValue>>,
    #[serde(default)]
    pending: Option<Pending>,
    #[serde(default)]
    protected: bool,
    provider: ProviderAddress,
    remote_id: String,
    spec: Box<RawValue>,
}

impl From<Content> for State {
    fn from(content: Content) -> Self {
        Self {
            lineage: content.lineage,
            serial: content.serial,
            parent: content.parent,
            environment: content.environment,
            commit: content.commit,
            release: content.release,
            objects: content.objects.0,
        }
    }
}

impl TryFrom<Object> for ObjectState {
    type Error = serde_json::Error;

    fn try_from(object: Object) -> Result<Self, serde_json::Error> {
        Ok(Self {
            depends_on: object.depends_on,
            outcome: object.outcome.map(Document::from_text).transpose()?,
            pending: object.pending,
            protected: object.protected,
            provider: object.provider,
            remote_id: object.remote_id,
            spec: Document::from_text(object.spec)?,
        })
    }
}

impl<'de> Deserialize<'de> for Objects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneByOne)
    }
}

/// Takes each object over before the next one is read.
struct OneByOne;

impl<'de> Visitor<'de> for OneByOne {
    type Value = Objects;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects by address")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Objects, A::Error> {
        let mut objects = BTreeMap::new();
        while let Some((address, object)) = map.next_entry::<Address, Object>()? {
            objects.insert(address, object.try_into().map_err(A::Error::custom)?);
        }
        Ok(Objects(objects))
    }
}

/// A body's canonical text, and where in it the file has line feeds.
pub(super) struct Body {
    text: Vec<u8>,
    breaks: Vec<usize>,
}

impl Body {
    pub(super) fn of(state: &State) -> Self {
        Self::sized(state, 0)
    }

    /// Returns the body of a state whose text takes about so many bytes.
    fn sized(state: &State, bytes: usize) -> Self {
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
        let objects: BTreeMap<String, &ObjectState> = objects
            .iter()
            .map(|(address, object)| (address.to_string(), object))
            .collect();
        let mut text = Vec::with_capacity(bytes);
        let mut breaks = Vec::with_capacity(objects.len() + 1);
        put(&mut text, r#"{"commit":"#, commit);
        put(&mut text, r#","environment":"#, environment);
        put(&mut text, r#","lineage":"#, lineage);
        text.extend(br#","objects":{"#);
        breaks.push(text.len());
        for (at, (address, object)) in objects.into_iter().enumerate() {
            if at > 0 {
                text.push(b',');
                breaks.push(text.len());
            }
            put(&mut text, "", &address);
            put(&mut text, ":", object);
        }
        breaks.push(text.len());
        put(&mut text, r#"},"parent":"#, parent);
        put(&mut text, r#","release":"#, release);
        put(&mut text, r#","serial":"#, serial);
        text.push(b'}');
        Self { text, breaks }
    }

    pub(super) fn hash(&self) -> ContentHash {
        ContentHash::of(&self.text)
    }

    /// The file's text, piece by piece: a copy of it would be as large as all objects.
    fn file<'b>(&'b self, header: &'b str) -> impl Iterator<Item = &'b [u8]> {
        let starts = std::iter::once(0).chain(self.breaks.iter().copied());
        let ends = self.breaks.iter().copied();
        let lines = starts.zip(ends.chain([self.text.len()]));
        let lines = lines.enumerate().flat_map(|(at, (start, end))| {
            let feed: &[u8] = if at == 0 { b"" } else { b"\n" };
            [feed, &self.text[start..end]]
        });
        let header = std::iter::once(header.as_bytes());
        header.chain(lines).chain([b"}\n".as_slice()])
    }
}

/// Appends a value, whose fields and those inside stand in the order of their names, behind what comes before it.
fn put<T: Serialize>(text: &mut Vec<u8>, before: &str, value: &T) {
    text.extend(before.as_bytes());
    serde_json::to_writer(text, value).expect("text keys, finite numbers");
}

fn header(format: u64, hash: ContentHash) -> String {
    format!(r#"{{"format":{format},"content_hash":"{hash}","body":"#)
}

pub(super) fn write(state: &State) -> Vec<u8> {
    let body = Body::of(state);
    let header = header(NUMBER, body.hash());
    let pieces: Vec<&[u8]> = body.file(&header).collect();
    pieces.concat()
}

pub(super) fn read(bytes: &[u8]) -> Result<Decoded, FormatError> {
    read_as(NUMBER, bytes)
}

/// Reads a file whose header has another number and whose body is a part of this version's.
pub(super) fn read_as(format: u64, bytes: &[u8]) -> Result<Decoded, FormatError> {
    let file: File = serde_json::from_slice(bytes).map_err(FormatError::Syntax)?;
    let state = State::from(file.body);
    let body = Body::sized(&state, bytes.len());
    let computed = body.hash();
    if computed != file.content_hash {
        return Err(FormatError::Hash {
            stated: file.content_hash,
            computed,
        });
    }
    let header = header(format, computed);
    match first_difference(body.file(&header), bytes) {
        Some(at) => Err(FormatError::Text { hash: computed, at }),
        None => Ok((state, computed)),
    }
}

/// Returns where bytes first differ from those that pieces make up; where one ends, if it goes on as the other.
fn first_difference<'p>(pieces: impl Iterator<Item = &'p [u8]>, bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    for piece in pieces {
        if let Some(after) = rest.strip_prefix(piece) {
            rest = after;
            continue;
        }
        let same = rest.iter().zip(piece).take_while(|(a, b)| a == b);
        return Some(bytes.len() - rest.len() + same.count());
    }
    (!rest.is_empty()).then_some(bytes.len() - rest.len())
}
