//! The state file's text: from a state to bytes and back, whatever version wrote them. Pure.
//!
//! ```text
//! {"format":2,"content_hash":"sha256:…","body":{"commit":null,"environment":"dev","lineage":"…","objects":{
//! "topic.a":{…},
//! "topic.b":{…}
//! },"parent":"sha256:…","release":null,"serial":7}}
//! ```
//!
//! One object a line, so that `diff` and git show what changed. The content hash is the SHA-256 of the
//! body's canonical text, which is the same without the line feeds. There is exactly one text for
//! a state and a reader accepts no other, so a byte that was changed anywhere is found: by the hash
//! where it changed the content, by comparison with the one text where it did not.
//!
//! A new version is a file `vN.rs` with its reader, a row in [`VERSIONS`], and a fixture; readers of
//! old versions return today's [`State`], so an upgrade happens in memory.

mod v1;
mod v2;

use serde::Deserialize;

use crate::document::ContentHash;

use super::State;

/// The version that this program writes.
pub const CURRENT: u64 = v2::NUMBER;

/// A version that this program reads.
struct Version {
    number: u64,
    read: fn(&[u8]) -> Result<Decoded, FormatError>,
}

/// A state and its content hash.
type Decoded = (State, ContentHash);

const VERSIONS: &[Version] = &[
    Version {
        number: 1,
        read: v1::read,
    },
    Version {
        number: v2::NUMBER,
        read: v2::read,
    },
];

/// Why the bytes are not a state.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Not the JSON that a state is: torn, emptied, or another file.
    #[error("not a state file, or a damaged one")]
    Syntax(#[source] serde_json::Error),
    /// Written by a newer program.
    #[error(
        "written by a newer Streamform: its format is {found}, this one reads up to {CURRENT}; upgrade Streamform"
    )]
    Newer {
        /// The file's format.
        found: u64,
    },
    /// No such format was ever written.
    #[error("format {found} does not exist; the file is damaged")]
    Unknown {
        /// The file's format.
        found: u64,
    },
    /// The content is not what the header says.
    #[error(
        "damaged or edited by hand: the header says {stated}, the content hashes to {computed}"
    )]
    Hash {
        /// The hash in the header.
        stated: ContentHash,
        /// The hash of the content.
        computed: ContentHash,
    },
    /// The content is right but the text is not the one that we write.
    #[error(
        "edited by hand: the content hashes to {hash} as the header says, but byte {at} is not as Streamform writes it"
    )]
    Text {
        /// The hash in the header, and of the content.
        hash: ContentHash,
        /// The first byte that differs, from 0.
        at: usize,
    },
}

/// Returns the file's bytes for a state, in the current version.
pub fn encode(state: &State) -> Vec<u8> {
    v2::write(state)
}

/// Reads a file's bytes, verifying them.
pub fn decode(bytes: &[u8]) -> Result<State, FormatError> {
    decode_with_hash(bytes).map(|(state, _)| state)
}

/// Reads a file's bytes, verifying them; returns the state's content hash too, which that takes anyway.
pub fn decode_with_hash(bytes: &[u8]) -> Result<(State, ContentHash), FormatError> {
    #[derive(Deserialize)]
    struct Header {
        format: u64,
    }
    // What does not begin as a version's files do is none that we wrote; its number helps to say why.
    let of_bytes = |version: &&Version| bytes.starts_with(beginning(version.number).as_bytes());
    if let Some(version) = VERSIONS.iter().find(of_bytes) {
        return (version.read)(bytes);
    }
    let Header { format } = serde_json::from_slice(bytes).map_err(FormatError::Syntax)?;
    match VERSIONS.iter().find(|version| version.number == format) {
        Some(version) => (version.read)(bytes),
        None if format > CURRENT => Err(FormatError::Newer { found: format }),
        None => Err(FormatError::Unknown { found: format }),
    }
}

/// Returns what every file of a version begins with.
fn beginning(format: u64) -> String {
    format!(r#"{{"format":{format},"#)
}

/// Returns the SHA-256 of a state's canonical body.
pub(super) fn hash(state: &State) -> ContentHash {
    v2::Body::of(state).hash()
}

#[cfg(test)]
mod tests;
