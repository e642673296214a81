//! Opens a repository and turns names into commits. Does I/O.

use std::path::PathBuf;

use git2::{ErrorCode, ObjectType, Oid, RepositoryOpenFlags};

use super::commit::{Commit, CommitId, Update};
use super::credentials::Credentials;
use super::error::{GitError, Libgit2Error};
use super::location::Location;
use super::mirror::{self, FetchLimits};
use super::tree::GitTree;

/// The fewest digits that name a commit: git's own smallest default abbreviation.
const MIN_DIGITS: usize = 7;

/// What fetching needs besides the location.
#[derive(Debug, Clone)]
pub struct Access {
    /// How to log in.
    pub credentials: Credentials,
    /// The folder of all mirrors.
    pub mirrors: PathBuf,
    /// When a fetch is given up.
    pub limits: FetchLimits,
}

impl Access {
    /// Reads the credentials and the cache's place, `$XDG_CACHE_HOME/streamform/git`, from environment
    /// variables.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, GitError> {
        // A relative path is to be ignored: XDG Base Directory Specification.
        let absolute = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let cache = absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .ok_or(GitError::NoCache)?;
        Ok(Self {
            mirrors: cache.join("streamform").join("git"),
            credentials: Credentials::from_environment(variable),
            limits: FetchLimits::default(),
        })
    }
}

/// A repository on this machine: the user's own, or the mirror of a remote one.
#[derive(Debug, Clone)]
pub struct Repository {
    location: Location,
    folder: PathBuf,
    access: Access,
}

impl Repository {
    /// Names a repository; nothing is read or fetched yet.
    pub fn new(location: Location, access: Access) -> Self {
        let folder = match &location {
            Location::Local(path) => path.clone(),
            Location::Remote(remote) => mirror::folder(&access.mirrors, remote),
        };
        Self {
            location,
            folder,
            access,
        }
    }

    /// Opens a local repository in place, or fetches a remote one.
    pub async fn open(location: Location, access: Access) -> Result<Self, GitError> {
        let repository = Self::new(location, access);
        repository.fetch().await?;
        repository.git()?;
        Ok(repository)
    }

    /// Returns where the repository is, for messages.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Brings a mirror up to date. A local repository always is.
    pub async fn fetch(&self) -> Result<(), GitError> {
        match &self.location {
            Location::Local(_) => Ok(()),
            Location::Remote(remote) => {
                let Access {
                    credentials,
                    limits,
                    ..
                } = &self.access;
                mirror::fetch(remote, credentials, &self.folder, *limits).await
            }
        }
    }

    /// Finds the commit of a branch, a tag, `HEAD`, a full name such as `refs/heads/main`, or the first
    /// seven or more digits of a commit.
    ///
    /// It is a name and nothing more: git's expressions (`main~3`, `:/text`, `@{upstream}`) are refused.
    pub fn resolve(&self, revision: &str) -> Result<Commit, GitError> {
        check_revision(revision)?;
        let git = self.git()?;
        // As in git, a full number wins over a branch of that name, which somebody may have made to
        // mislead.
        if let Ok(id) = revision.parse::<CommitId>()
            && git.find_commit(id.oid()).is_ok()
        {
            return self.commit(&git, id.oid(), revision);
        }
        let found: Vec<Oid> = candidates(revision)
            .iter()
            .filter_map(|name| peeled(&git, name))
            .collect();
        match found[..] {
            [] => self.by_digits(&git, revision),
            // A branch and a tag of one name at different commits: nobody can know which is meant.
            [first, ref others @ ..] if others.iter().any(|other| *other != first) => {
                Err(self.ambiguous(revision))
            }
            [first, ..] => self.commit(&git, first, revision),
        }
    }

    /// Finds the commit of a branch.
    pub fn branch(&self, name: &str) -> Result<Commit, GitError> {
        check_revision(name)?;
        let git = self.git()?;
        let full = if name.starts_with("refs/") {
            name.to_owned()
        } else {
            format!("refs/heads/{name}")
        };
        match git.refname_to_id(&full) {
            Ok(id) => self.commit(&git, id, name),
            Err(_) => Err(self.not_found(&git, name)),
        }
    }

    /// Says how a branch moved from a commit that was seen to its commit now.
    pub fn compare(&self, from: CommitId, to: CommitId) -> Result<Update, GitError> {
        if from == to {
            return Ok(Update::Unchanged);
        }
        let git = self.git()?;
        let unreadable = |source| self.unreadable(to, source);
        let known = git.odb().map_err(unreadable)?.exists(from.oid());
        // Where the old commit is no longer there at all, history was replaced too.
        if known
            && git
                .graph_descendant_of(to.oid(), from.oid())
                .map_err(unreadable)?
        {
            return Ok(Update::FastForward { from, to });
        }
        Ok(Update::Rewritten { from, to })
    }

    /// Returns the files of a commit.
    pub fn tree(&self, commit: CommitId) -> Result<GitTree, GitError> {
        let git = self.git()?;
        let tree = git
            .find_commit(commit.oid())
            .map(|found| found.tree_id())
            .map_err(|source| self.unreadable(commit, source))?;
        Ok(GitTree::new(git, tree))
    }

    /// Opened anew each time: a handle of libgit2 is of one thread, and cheap.
    pub(super) fn git(&self) -> Result<git2::Repository, GitError> {
        let no_ceilings: [&str; 0] = [];
        git2::Repository::open_ext(&self.folder, RepositoryOpenFlags::NO_SEARCH, no_ceilings)
            .map_err(|source| GitError::Open {
                location: self.location.to_string(),
                source: Libgit2Error(source),
            })
    }

    fn commit(&self, git: &git2::Repository, id: Oid, revision: &str) -> Result<Commit, GitError> {
        let object = git
            .find_object(id, None)
            .map_err(|source| self.unreadable(id.into(), source))?;
        match object
            .peel(ObjectType::Commit)
            .map(git2::Object::into_commit)
        {
            Ok(Ok(commit)) => Ok(Commit::of(&commit)),
            _ => Err(GitError::NotACommit {
                location: self.location.to_string(),
                revision: revision.to_owned(),
            }),
        }
    }

    fn by_digits(&self, git: &git2::Repository, revision: &str) -> Result<Commit, GitError> {
        let digits = (MIN_DIGITS..=40).contains(&revision.len())
            && revision.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits {
            return Err(self.not_found(git, revision));
        }
        match git.find_commit_by_prefix(revision) {
            Ok(commit) => Ok(Commit::of(&commit)),
            Err(error) if error.code() == ErrorCode::Ambiguous => Err(self.ambiguous(revision)),
            Err(_) => Err(self.not_found(git, revision)),
        }
    }

    fn not_found(&self, git: &git2::Repository, revision: &str) -> GitError {
        let mut known: Vec<String> = ["refs/heads/*", "refs/tags/*"]
            .into_iter()
            .filter_map(|glob| git.references_glob(glob).ok())
            .flatten()
            .filter_map(|reference| Some(reference.ok()?.shorthand().ok()?.to_owned()))
            .collect();
        known.sort_unstable();
        known.dedup();
        GitError::NotFound {
            location: self.location.to_string(),
            revision: revision.to_owned(),
            known,
        }
    }

    fn ambiguous(&self, revision: &str) -> GitError {
        GitError::Ambiguous {
            location: self.location.to_string(),
            revision: revision.to_owned(),
        }
    }

    pub(super) fn unreadable(&self, commit: CommitId, source: git2::Error) -> GitError {
        GitError::Read {
            location: self.location.to_string(),
            commit,
            source: Libgit2Error(source),
        }
    }
}

/// The full names that a short one may stand for.
fn candidates(revision: &str) -> Vec<String> {
    if revision == "HEAD" || revision.starts_with("refs/") {
        return vec![revision.to_owned()];
    }
    ["refs/heads", "refs/tags", "refs/remotes"]
        .map(|folder| format!("{folder}/{revision}"))
        .into()
}

/// The commit that a full name leads to; what it leads to, where that is no commit.
fn peeled(git: &git2::Repository, name: &str) -> Option<Oid> {
    let reference = git.find_reference(name).ok()?.resolve().ok()?;
    match reference.peel_to_commit() {
        Ok(commit) => Some(commit.id()),
        Err(_) => reference.target(),
    }
}

fn check_revision(revision: &str) -> Result<(), GitError> {
    let refuse = |reason| {
        Err(GitError::Revision {
            revision: revision.to_owned(),
            reason,
        })
    };
    if revision.is_empty() {
        return refuse("it is empty");
    }
    if revision.starts_with('-') {
        return refuse("it begins with '-', like an option");
    }
    if revision.chars().any(char::is_control) {
        return refuse("it has control characters");
    }
    // git-check-ref-format(1)
    if !git2::Reference::is_valid_name(&format!("refs/heads/{revision}")) {
        return refuse("expected a branch, a tag or a commit, and no expression");
    }
    Ok(())
}
