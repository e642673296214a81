//! Every state that was ever stored, and the chain that they make (I/O: reads).
//!
//! Each state names the hash of the one before it, and each is kept under a name that says its serial
//! and its hash. All are kept: at a few hundred bytes an object, a thousand applies of a thousand
//! objects are some hundred megabytes, and whoever finds that too much may remove the oldest files:
//! [`verify`] then says where the chain begins.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::document::ContentHash;
use crate::state::State;
use crate::state::format;

/// One state of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub content: Result<HistoryContent, String>,
}

/// What a whole state of the history says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryContent {
    /// Its serial.
    pub serial: u64,
    /// Its hash.
    pub hash: ContentHash,
    /// The hash of the state before it.
    pub parent: Option<ContentHash>,
    /// The commit that was applied last.
    pub commit: Option<String>,
    /// The release that was applied last.
    pub release: Option<ContentHash>,
    /// How many objects it holds.
    pub objects: usize,
}

/// What a walk along the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The current state's serial.
    pub serial: u64,
    /// The current state's hash.
    pub hash: ContentHash,
    /// How many states were whole and in their place, the current one included.
    pub verified: usize,
    /// The first fault on the way back.
    pub fault: Option<ChainFault>,
    /// Files that hold whole states of no place in the chain: written, but never made the current
    /// state, because the program was killed at that moment. Harmless.
    pub aside: Vec<PathBuf>,
}

/// How a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A state is missing.
    #[error("removed: no file holds the state {parent}, which serial {serial} names as its parent")]
    Removed {
        /// The serial of the state after it.
        serial: u64,
        /// The hash of the missing state.
        parent: ContentHash,
    },
    /// A file is not what was written.
    #[error("edited: {} is damaged: {reason}", path.display())]
    Edited {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file was put there by somebody else.
    #[error("added: {} was never stored by Streamform: {reason}", path.display())]
    Added {
        /// The file.
        path: PathBuf,
        /// How we know.
        reason: &'static str,
    },
    /// Serials do not grow.
    #[error("edited: the serial {serial} follows {parent}")]
    Order {
        /// A state's serial.
        serial: u64,
        /// Its parent's serial.
        parent: u64,
    },
}

/// Lists a history, oldest first.
pub(super) fn list(folder: &Path) -> io::Result<Vec<HistoryEntry>> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Temporary files and void journals are no states.
        !name.starts_with('.') && !name.ends_with(".journal.jsonl")
    });
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let content = content(&path)?;
            Ok(HistoryEntry { path, content })
        })
        .collect()
}

fn content(path: &Path) -> io::Result<Result<HistoryContent, String>> {
    let bytes = fs::read(path)?;
    let (state, hash) = match format::decode_with_hash(&bytes) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let content = HistoryContent::of(&state, hash);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name != format!("{:06}-{}.json", content.serial, content.hash.short()) {
        return Ok(Err(format!(
            "it holds serial {} with the hash {}, its name says otherwise",
            content.serial, content.hash
        )));
    }
    Ok(Ok(content))
}

impl HistoryContent {
    fn of(state: &State, hash: ContentHash) -> Self {
        Self {
            serial: state.serial,
            hash,
            parent: state.parent,
            commit: state.commit.clone(),
            release: state.release,
            objects: state.objects.len(),
        }
    }
}

/// Returns the newest whole state of a history.
pub(super) fn newest_intact(folder: &Path) -> Option<PathBuf> {
    let entries = list(folder).ok()?;
    entries
        .into_iter()
        .rev()
        .find(|entry| entry.content.is_ok())
        .map(|entry| entry.path)
}

/// Walks from the current state back to the first one.
pub(super) fn verify(current: &State, entries: &[HistoryEntry]) -> Verification {
    let mut by_hash = BTreeMap::new();
    for entry in entries {
        if let Ok(content) = &entry.content {
            by_hash.insert(content.hash, content);
        }
    }
    let mut result = Verification {
        serial: current.serial,
        hash: current.content_hash(),
        verified: 1,
        fault: None,
        aside: Vec::new(),
    };
    let mut chain = BTreeSet::from([result.hash]);
    let mut serial = current.serial;
    let mut parent = current.parent;
    while let Some(hash) = parent {
        let Some(content) = by_hash.get(&hash) else {
            result.fault = Some(missing(entries, serial, hash));
            return result;
        };
        if content.serial >= serial {
            result.fault = Some(ChainFault::Order {
                serial,
                parent: content.serial,
            });
            return result;
        }
        result.verified += 1;
        chain.insert(hash);
        (serial, parent) = (content.serial, content.parent);
    }
    if !by_hash.contains_key(&result.hash) {
        result.fault = Some(missing(entries, current.serial + 1, result.hash));
        return result;
    }
    (result.fault, result.aside) = outside(entries, &chain);
    result
}

/// Says why no whole file holds a state of the chain: the file of its name is damaged, or gone.
fn missing(entries: &[HistoryEntry], serial: u64, hash: ContentHash) -> ChainFault {
    let suffix = format!("-{}.json", hash.short());
    let damaged = entries.iter().find_map(|entry| match &entry.content {
        Err(reason) if entry.path.to_string_lossy().ends_with(&suffix) => {
            Some((entry.path.clone(), reason.clone()))
        }
        _ => None,
    });
    match damaged {
        Some((path, reason)) => ChainFault::Edited { path, reason },
        None => ChainFault::Removed {
            serial,
            parent: hash,
        },
    }
}

/// Looks at the files that are no part of the chain.
fn outside(
    entries: &[HistoryEntry],
    chain: &BTreeSet<ContentHash>,
) -> (Option<ChainFault>, Vec<PathBuf>) {
    let mut aside = Vec::new();
    let mut fault = None;
    for entry in entries {
        let path = entry.path.clone();
        let reason = match &entry.content {
            Ok(content) if chain.contains(&content.hash) => continue,
            Ok(content) if content.parent.is_none_or(|parent| chain.contains(&parent)) => {
                aside.push(path);
                continue;
            }
            Ok(_) => "no state of the chain is its parent",
            Err(_) => "it is not a state",
        };
        fault.get_or_insert(ChainFault::Added { path, reason });
    }
    (fault, aside)
}
