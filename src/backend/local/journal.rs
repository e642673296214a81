//! The journal file: one record a line, each chained to the one before it (I/O in [`JournalFile`]).
//!
//! ```text
//! {"chain":"sha256:…","record":{"record":"begin","lineage":"…","serial":7,…}}
//! ```
//!
//! A line's chain is the SHA-256 of the chain before it and the record's canonical text; the first
//! one starts from the content hash of the stored state. So a journal fits exactly one state, and a
//! line that was changed, removed or added anywhere but at the end is found. What stands behind the
//! last line feed is a record that was not written to its end: its effect was never sent (an intent
//! is on disk before that), so it is dropped and reported.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::document::{ContentHash, Document};
use crate::state::journal::Record;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<R> {
    chain: ContentHash,
    record: R,
}

/// Returns a record's line and its chain.
fn line(before: ContentHash, record: &Record) -> (String, ContentHash) {
    let record = Document::of(record);
    let text = record.canonical();
    let chain = ContentHash::of(format!("{before}\n{text}").as_bytes());
    (
        format!("{{\"chain\":\"{chain}\",\"record\":{text}}}\n"),
        chain,
    )
}

/// A journal's text, verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) records: Vec<Record>,
    /// The bytes behind the last whole line.
    pub(super) torn_bytes: u64,
}

/// A line that does not follow from the ones before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// From 1.
    pub(super) line: usize,
    pub(super) reason: String,
}

/// Reads the first record without verifying it, to find the state that the journal belongs to.
pub(super) fn peek(bytes: &[u8]) -> Option<Record> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line: Line<Record> = serde_json::from_slice(&bytes[..end]).ok()?;
    Some(line.record)
}

/// Verifies a journal that starts from the state whose hash is `base`.
pub(super) fn parse(bytes: &[u8], base: ContentHash) -> Result<Parsed, Damage> {
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let mut records = Vec::new();
    let mut chain = base;
    for (index, text) in bytes[..whole]
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
    {
        let damage = |reason: String| Damage {
            line: index + 1,
            reason,
        };
        let read: Line<Record> = serde_json::from_slice(text)
            .map_err(|error| damage(format!("it is not a record: {error}")))?;
        let (expected, next) = line(chain, &read.record);
        if expected.as_bytes() != text {
            return Err(damage(format!(
                "its chain is {}, the lines before it and its record make {next}",
                read.chain
            )));
        }
        let begins = matches!(read.record, Record::Begin { .. });
        if begins != (index == 0) {
            return Err(damage(
                "\"begin\" must be the first record and no other".into(),
            ));
        }
        chain = next;
        records.push(read.record);
    }
    Ok(Parsed {
        records,
        torn_bytes: (bytes.len() - whole) as u64,
    })
}

/// A journal that is being written.
pub(super) struct JournalFile {
    file: File,
    length: u64,
    chain: ContentHash,
}

impl JournalFile {
    /// Makes the file, which must not be there; nothing is in it yet.
    pub(super) fn create(path: &Path, base: ContentHash) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file,
            length: 0,
            chain: base,
        })
    }

    /// Whether the file at `path` is this one, as long as we left it.
    pub(super) fn is_untouched(&self, path: &Path) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        Ok(match std::fs::metadata(path) {
            Ok(there) => {
                there.ino() == ours.ino() && there.dev() == ours.dev() && there.len() == self.length
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        })
    }

    /// Adds records in one write; they are on disk after [`sync`](Self::sync).
    pub(super) fn write(&mut self, records: &[Record]) -> io::Result<()> {
        let mut chain = self.chain;
        let mut text = String::new();
        for record in records {
            let (line, next) = line(chain, record);
            text.push_str(&line);
            chain = next;
        }
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // Half a record at the end would be dropped by a reader; cutting it is tidier only.
            drop(self.file.set_len(self.length));
            return Err(error);
        }
        self.length += text.len() as u64;
        self.chain = chain;
        Ok(())
    }

    /// Waits until what was written is on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests;
