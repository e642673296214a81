//! The project's files, for drivers that hand them over: read when they are needed, and held against the
//! hash that the plan saw (I/O through [`Files`]).

use std::fmt;
use std::sync::Arc;

use crate::config::files::{FileError, Files};
use crate::document::ContentHash;

/// Why a file of the project cannot be handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadFile {
    /// It cannot be read.
    #[error("the project's file {path:?} cannot be read: {error}")]
    Unreadable {
        /// Its path from the root of the project's tree.
        path: String,
        /// Why.
        error: FileError,
    },
    /// It is not what the plan saw.
    #[error(
        "the project's file {path:?} was changed since it was planned (it was {planned}, it is {now}): plan again"
    )]
    Changed {
        /// Its path from the root of the project's tree.
        path: String,
        /// The start of the hash that the plan saw.
        planned: String,
        /// The start of its hash now.
        now: String,
    },
}

/// A handle on the project's files. Cheap to copy.
#[derive(Clone, Default)]
pub struct ProjectFiles(Option<Arc<dyn Files>>);

impl fmt::Debug for ProjectFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectFiles")
    }
}

impl ProjectFiles {
    /// Returns a handle on these files.
    pub(super) fn of(files: Arc<dyn Files>) -> Self {
        Self(Some(files))
    }

    /// Reads the file at a path from the root of the project's tree, which must have this content still.
    pub fn read(&self, path: &str, planned: ContentHash) -> Result<Arc<[u8]>, UnreadFile> {
        // Without a project there are no files: objects that only the state holds.
        let read = match &self.0 {
            Some(files) => files.read(path),
            None => Err(FileError::NotFound),
        };
        let bytes = read.map_err(|error| UnreadFile::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let now = ContentHash::of(&bytes);
        if now != planned {
            return Err(UnreadFile::Changed {
                path: path.to_owned(),
                planned: planned.short(),
                now: now.short(),
            });
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::files::MemoryFiles;

    use super::*;

    #[test]
    fn a_file_is_handed_over_as_it_was_planned_or_not_at_all() {
        let files = ProjectFiles::of(Arc::new(MemoryFiles::from_iter([("jobs/a.jar", "one")])));
        let planned = ContentHash::of(b"one");
        assert_eq!(&*files.read("jobs/a.jar", planned).expect("read"), b"one");
        let changed = files.read("jobs/a.jar", ContentHash::of(b"two"));
        insta::assert_snapshot!(changed.expect_err("another content"), @r#"
    the project's file "jobs/a.jar" was changed since it was planned (it was 3fc4ccfe7458, it is 7692c3ad3540): plan again
    "#);
        let missing = files.read("jobs/b.jar", planned).expect_err("no such file");
        insta::assert_snapshot!(missing, @r#"
    the project's file "jobs/b.jar" cannot be read: no such file
    "#);
        let none = ProjectFiles::default().read("jobs/b.jar", planned);
        assert_eq!(none.expect_err("no project, no files"), missing);
    }
}
