//! A project's files: a folder on disk, or one commit's tree read without a checkout. Does I/O.
//!
//! Both are [`Files`](crate::config::files::Files), and follow one set of rules:
//!
//! - the root is the repository, not the project's folder in it, so that projects share modules;
//! - symbolic links are followed by [`links`], component by component, and never leave the root;
//! - [`RESERVED`] names do not exist, so that a tree on disk reads like the same tree in git;
//! - a file has at most [`MAX_FILE_BYTES`], a tree at most [`MAX_FILES`] files.

pub mod directory;
pub mod git;
mod links;

/// The most bytes that one file may have: 64 MiB.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// The most names that one listing may see. A tree of trees that repeat each other names more files
/// than any memory holds.
pub const MAX_FILES: usize = 100_000;

/// The deepest nesting of folders that a listing goes into.
const MAX_DEPTH: usize = 64;

/// Names that are never a part of a project: git's own data, which may hold credentials, and local state.
const RESERVED: [&str; 2] = [".git", ".streamform"];
