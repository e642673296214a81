//! A project's files: a folder on disk, or one commit's tree read without a checkout. Does I/O.
//!
//! Both are [`Files`], and follow one set of rules:
//!
//! - the root is the repository, not the project's folder in it, so that projects share modules;
//! - symbolic links are followed by [`links`], component by component, and never leave the root;
//! - [`RESERVED`] names do not exist, so that a tree on disk reads like the same tree in git;
//! - a file has at most [`MAX_FILE_BYTES`], a tree at most [`MAX_FILES`] files.

pub mod directory;
pub mod git;
mod links;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::files::{FileError, Files, join};
use crate::diagnostic::Diagnostic;

use self::directory::Directory;
use self::git::{Commit, GitError, Repository};

/// The most bytes that one file may have: 64 MiB.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// The most names that one listing may see. A tree of trees that repeat each other names more files
/// than any memory holds.
pub const MAX_FILES: usize = 100_000;

/// The deepest nesting of folders that a listing goes into.
const MAX_DEPTH: usize = 64;

/// Names that are never a part of a project: git's own data, which may hold credentials, and local state.
const RESERVED: [&str; 2] = [".git", ".streamform"];

/// A project's files as they were at one moment, or as they are on disk.
#[derive(Clone)]
pub struct Snapshot {
    /// The tree that the project is in.
    pub files: Arc<dyn Files>,
    /// The project's folder in the tree; `""` is the root.
    pub folder: String,
    /// The commit, where the tree is one of git.
    pub commit: Option<Commit>,
}

/// Why a project's folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The folder on disk cannot be opened.
    #[error("project folder {folder} cannot be opened")]
    Directory {
        /// The folder, as the user wrote it.
        folder: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The repository has no such folder.
    #[error("project folder {folder:?} of commit {commit} cannot be opened")]
    Folder {
        /// The folder, as the user wrote it.
        folder: String,
        /// The commit's first digits.
        commit: String,
        /// The cause.
        #[source]
        source: FileError,
    },
    /// The repository cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Snapshot {
    /// Opens a project's folder on disk.
    pub fn of_directory(folder: &Path) -> Result<Self, SnapshotError> {
        let (files, below) =
            Directory::open_project(folder).map_err(|source| SnapshotError::Directory {
                folder: folder.display().to_string(),
                source,
            })?;
        Ok(Self {
            files: Arc::new(files),
            folder: below,
            commit: None,
        })
    }

    /// Opens a project's folder in a commit.
    pub fn of_commit(
        repository: &Repository,
        commit: Commit,
        folder: &str,
    ) -> Result<Self, SnapshotError> {
        let files = repository.tree(commit.id)?;
        let absent = |source| SnapshotError::Folder {
            folder: folder.to_owned(),
            commit: commit.id.short(),
            source,
        };
        let below = join("", folder).map_err(absent)?;
        files.list(&below).map_err(|error| match error {
            FileError::NotFound => absent(FileError::Other("there is no such folder".into())),
            error => absent(error),
        })?;
        Ok(Self {
            files: Arc::new(files),
            folder: below,
            commit: Some(commit),
        })
    }
}

impl From<SnapshotError> for Diagnostic {
    fn from(error: SnapshotError) -> Self {
        let error = match error {
            SnapshotError::Git(error) => return error.into(),
            error => error,
        };
        let detail = std::error::Error::source(&error).map_or(String::new(), ToString::to_string);
        let summary = error.to_string().replacen("project", "Project", 1);
        Self::error("project-folder", summary)
            .detail(detail)
            .hint("--path names the folder with the project's *.hcl files")
    }
}
