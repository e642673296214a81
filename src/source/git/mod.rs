//! One commit of a git repository as a project's files, without a checkout. Does I/O.
//!
//! The path: [`Location::parse`] says what may be fetched at all, [`Repository::open`] opens a local
//! repository in place or fetches a remote one into a mirror in the user's cache,
//! [`Repository::resolve`] turns a revision into a [`Commit`], and [`Repository::tree`] gives its
//! files.
//!
//! Nothing of a repository runs: no hooks, no filters, no submodules, no credential helpers.

mod commit;
mod credentials;
mod error;
mod history;
mod location;
mod mirror;
mod repository;
mod tree;

pub use commit::{Commit, CommitId, ParseCommitIdError, Update};
pub use credentials::Credentials;
pub use error::{GitError, Libgit2Error};
pub use history::Line;
pub use location::{Location, Remote};
pub use mirror::FetchLimits;
pub use repository::{Access, Repository};
pub use tree::GitTree;
