//! The project's files as the configuration sees them. Reading is the source's work; paths are checked here.

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
}
