//! The project's files as the configuration sees them. Reading is the source's work; paths are checked here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why a file of the project cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The path leads out of the project, by `..`, an absolute path or a symbolic link.
    #[error("the path leads out of the project")]
    Outside,
    /// It is a folder, a device or a submodule.
    #[error("not a regular file")]
    NotAFile,
    /// It is larger than the limit, in bytes.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The system's or git's own words.
    #[error("{0}")]
    Other(String),
}

/// A snapshot of a project's tree: a directory, or one commit's tree.
///
/// Paths are relative to the project's root, with `/`, without `.` and `..` (see [`join`]).
/// Implementations resolve symbolic links and refuse those that lead out of the tree.
pub trait Files: Send + Sync {
    /// Reads one file.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError>;

    /// Lists the names of the files (not the folders) directly in a folder, sorted. The root is `""`.
    fn list(&self, folder: &str) -> Result<Vec<String>, FileError>;

    /// Lists all files below a folder, sorted, as paths relative to it: for `fileset`.
    fn walk(&self, folder: &str) -> Result<Vec<String>, FileError>;
}

/// Joins a relative path to a folder of the project and resolves `.` and `..`.
///
/// An absolute path and one that climbs above the root are [`FileError::Outside`].
pub fn join(folder: &str, path: &str) -> Result<String, FileError> {
    if path.starts_with('/') || path.contains('\0') {
        return Err(FileError::Outside);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(FileError::Outside)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// A tree that is held in memory: what tests and editors give to the loader.
///
/// ```
/// use streamform::config::files::{Files, MemoryFiles};
/// let files = MemoryFiles::from_iter([("main.hcl", ""), ("modules/a/main.hcl", "")]);
/// assert_eq!(files.list("modules/a"), Ok(vec!["main.hcl".to_owned()]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<String, Arc<[u8]>>);

impl MemoryFiles {
    /// Adds a file or replaces it.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.insert(path.into(), bytes.as_ref().into());
    }

    /// Whether a path is a folder: the root, or a part of a file's path.
    fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }

    /// The paths of all files below a folder, relative to it.
    fn below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        self.0
            .keys()
            .filter_map(move |path| path.strip_prefix(&*prefix))
    }
}

impl<P: Into<String>, B: AsRef<[u8]>> FromIterator<(P, B)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        let mut tree = Self::default();
        for (path, bytes) in files {
            tree.insert(path, bytes);
        }
        tree
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        match self.0.get(path) {
            Some(bytes) => Ok(Arc::clone(bytes)),
            None if self.is_folder(path) => Err(FileError::NotAFile),
            None => Err(FileError::NotFound),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, FileError> {
        if !self.is_folder(folder) {
            return Err(FileError::NotFound);
        }
        let names: BTreeSet<&str> = self
            .below(folder)
            .filter(|path| !path.contains('/'))
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn walk(&self, folder: &str) -> Result<Vec<String>, FileError> {
        if !self.is_folder(folder) {
            return Err(FileError::NotFound);
        }
        Ok(self.below(folder).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_project() {
        assert_eq!(
            join("modules/a", "../b/./c.txt"),
            Ok("modules/b/c.txt".into())
        );
        assert_eq!(join("", "../x"), Err(FileError::Outside));
        assert_eq!(join("a", "../../x"), Err(FileError::Outside));
        assert_eq!(join("a", "/etc/passwd"), Err(FileError::Outside));
    }

    #[test]
    fn a_tree_in_memory_has_folders() {
        let files = MemoryFiles::from_iter([("a.hcl", "x"), ("m/b.hcl", ""), ("m/n/c.hcl", "")]);
        assert_eq!(files.list(""), Ok(vec!["a.hcl".into()]));
        assert_eq!(files.walk("m"), Ok(vec!["b.hcl".into(), "n/c.hcl".into()]));
        assert_eq!(files.list("x"), Err(FileError::NotFound));
        assert_eq!(files.read("m"), Err(FileError::NotAFile));
        assert_eq!(files.read("a.hcl").as_deref(), Ok(&b"x"[..]));
    }
}
