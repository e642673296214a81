//! A commit's files, and what of them an evaluation looks at. Does I/O.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::files::{FileError, Files};
use crate::source::git::GitTree;

/// A commit's files, and what is read of them.
pub(super) struct Watched {
    tree: GitTree,
    seen: Mutex<Seen>,
}

/// Which files and folders were looked at.
#[derive(Debug, Default)]
pub(super) struct Seen {
    files: BTreeSet<String>,
    /// Those whose names were listed.
    folders: BTreeSet<String>,
    /// Those whose names were listed with all that is below.
    trees: BTreeSet<String>,
    /// Whether one was reached by a symbolic link, so that its path does not tell where it is.
    by_link: bool,
}

impl Seen {
    /// Whether one of some files was looked at, or listed.
    pub(super) fn is_touched(&self, changed: &[String]) -> bool {
        self.by_link && !changed.is_empty()
            || changed.iter().any(|path| {
                let (folder, _) = path.rsplit_once('/').unwrap_or(("", path));
                let mut above = path.match_indices('/').map(|(at, _)| &path[..at]);
                self.files.contains(path)
                    || self.folders.contains(folder)
                    || self.trees.contains("")
                    || above.any(|folder| self.trees.contains(folder))
            })
    }
}

impl Watched {
    pub(super) fn new(tree: GitTree) -> Self {
        Self {
            tree,
            seen: Mutex::default(),
        }
    }

    /// Returns what was looked at.
    pub(super) fn into_seen(self) -> Seen {
        self.seen
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &str, note: impl FnOnce(&mut Seen, String)) {
        let by_link = self.tree.has_link(path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.by_link |= by_link;
        note(&mut seen, path.to_owned());
    }
}

impl Files for Watched {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        self.note(path, |seen, path| {
            seen.files.insert(path);
        });
        self.tree.read(path)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, FileError> {
        self.note(folder, |seen, folder| {
            seen.folders.insert(folder);
        });
        self.tree.list(folder)
    }

    fn walk(&self, folder: &str) -> Result<Vec<String>, FileError> {
        self.note(folder, |seen, folder| {
            seen.trees.insert(folder);
        });
        self.tree.walk(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_counts_where_it_changes_what_is_read() {
        let seen = Seen {
            files: ["p/main.hcl".to_owned(), "schemas/a.avsc".to_owned()].into(),
            folders: ["p".to_owned()].into(),
            trees: ["lists".to_owned()].into(),
            by_link: false,
        };
        let touched = |path: &str| seen.is_touched(&[path.to_owned()]);
        for path in ["schemas/a.avsc", "p/new.hcl", "lists/deep/x"] {
            assert!(touched(path), "{path}");
        }
        for path in ["schemas/b.avsc", "p/deep/x", "readme", "list"] {
            assert!(!touched(path), "{path}");
        }
        let by_link = Seen {
            by_link: true,
            ..Seen::default()
        };
        assert!(by_link.is_touched(&["readme".to_owned()]));
        assert!(!by_link.is_touched(&[]));
    }
}
