//! A project in a folder on disk. Does I/O.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::config::files::{FileError, Files};

use super::MAX_FILE_BYTES;
use super::links::{self, Entry, Tree};

/// A folder on disk, held open: what is read stays below it even when it is renamed meanwhile.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
}

impl Directory {
    /// Opens a folder as the root of a tree.
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())?;
        Ok(Self { root })
    }

    /// Opens the tree that a project's folder belongs to, and returns the folder's path in it: the
    /// work tree of a git repository where there is one around it, so that `../../modules` can be
    /// reached, else the folder itself.
    pub fn open_project(folder: &Path) -> io::Result<(Self, String)> {
        let folder = folder.canonicalize()?;
        let root = folder
            .ancestors()
            .find(|ancestor| ancestor.join(".git").exists())
            .unwrap_or(&folder);
        let below = folder.strip_prefix(root).unwrap_or(Path::new(""));
        let below = below
            .to_str()
            .ok_or_else(|| io::Error::other("the folder's path is not UTF-8"))?;
        Ok((Self::open(root)?, below.to_owned()))
    }
}

impl Files for Directory {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let Place { folder, name } = links::file(self, path)?;
        // Without NONBLOCK, a pipe that took the file's place would block for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&*folder, &*name, flags, Mode::empty()).map_err(told)?;
        read_limited(&File::from(file))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, FileError> {
        links::list(self, folder)
    }

    fn walk(&self, folder: &str) -> Result<Vec<String>, FileError> {
        links::walk(self, folder)
    }
}

/// A file's place: an open folder and a name in it.
pub(super) struct Place {
    folder: Arc<OwnedFd>,
    name: String,
}

impl Tree for Directory {
    type Folder = Arc<OwnedFd>;
    type File = Place;

    fn root(&self) -> Result<Arc<OwnedFd>, FileError> {
        self.root
            .try_clone()
            .map(Arc::new)
            .map_err(|e| FileError::Other(e.to_string()))
    }

    fn look(
        &self,
        folder: &Arc<OwnedFd>,
        name: &str,
    ) -> Result<Entry<Arc<OwnedFd>, Place>, FileError> {
        let stat =
            rustix::fs::statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW).map_err(told)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let child = rustix::fs::openat(folder.as_fd(), name, flags, Mode::empty());
                Entry::Folder(Arc::new(child.map_err(told)?))
            }
            FileType::RegularFile => Entry::File(Place {
                folder: Arc::clone(folder),
                name: name.to_owned(),
            }),
            FileType::Symlink => {
                let text =
                    rustix::fs::readlinkat(folder.as_fd(), name, Vec::new()).map_err(told)?;
                Entry::Link(
                    text.into_string().map_err(|_| {
                        FileError::Other("a symbolic link's text is not UTF-8".into())
                    })?,
                )
            }
            _ => Entry::Other,
        })
    }

    fn names(&self, folder: &Arc<OwnedFd>) -> Result<Vec<String>, FileError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder.as_fd()).map_err(told)? {
            if let Ok(name) = entry.map_err(told)?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

/// Reads a file whose size may change while it is read.
fn read_limited(file: &File) -> Result<Arc<[u8]>, FileError> {
    let other = |e: io::Error| FileError::Other(e.to_string());
    let metadata = file.metadata().map_err(other)?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile);
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge(MAX_FILE_BYTES));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(other)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(FileError::TooLarge(MAX_FILE_BYTES));
    }
    Ok(bytes.into())
}

/// Turns the system's error into the configuration's.
fn told(errno: Errno) -> FileError {
    match errno {
        Errno::NOENT | Errno::NOTDIR => FileError::NotFound,
        // Its type changed to a link between two calls.
        Errno::LOOP => FileError::Other("it was replaced while it was read".into()),
        errno => FileError::Other(io::Error::from(errno).to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with a secret beside the root.
    fn tree() -> (tempfile::TempDir, Directory) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        fs::write(root.join("main.hcl"), "main").unwrap();
        fs::write(root.join("sub/deep/x.txt"), "x").unwrap();
        let directory = Directory::open(&root).unwrap();
        (outer, directory)
    }

    fn text(directory: &Directory, path: &str) -> Result<String, FileError> {
        let bytes = directory.read(path)?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn links_inside_are_followed() {
        let (outer, directory) = tree();
        let root = outer.path().join("root");
        symlink("../main.hcl", root.join("sub/up")).unwrap();
        symlink("sub/deep", root.join("short")).unwrap();
        assert_eq!(text(&directory, "sub/up"), Ok("main".into()));
        assert_eq!(text(&directory, "short/x.txt"), Ok("x".into()));
        // `..` is the parent of where the link led, as for the system.
        assert_eq!(text(&directory, "short/../up"), Ok("main".into()));
    }

    #[test]
    fn nothing_outside_is_read() {
        let (outer, directory) = tree();
        let root = outer.path().join("root");
        symlink("../secret", root.join("a")).unwrap();
        symlink("sub/../../secret", root.join("b")).unwrap();
        symlink(outer.path().join("secret"), root.join("c")).unwrap();
        symlink("..", root.join("d")).unwrap();
        symlink("/proc/self/root", root.join("e")).unwrap();
        symlink("/", root.join("sub/f")).unwrap();
        for path in [
            "a",
            "b",
            "c",
            "d/secret",
            "e/etc/passwd",
            "sub/f/etc/passwd",
            "../secret",
            "/etc/passwd",
        ] {
            assert_eq!(directory.read(path), Err(FileError::Outside), "{path}");
        }
        // They are listed, so that they are not left out without a word; folders are not.
        assert_eq!(
            directory.list(""),
            Ok(["a", "b", "c", "d", "e", "main.hcl"].map(Into::into).into())
        );
    }

    #[test]
    fn circles_end() {
        let (outer, directory) = tree();
        let root = outer.path().join("root");
        symlink("loop", root.join("loop")).unwrap();
        symlink(".", root.join("here")).unwrap();
        assert_eq!(
            directory.read("loop"),
            Err(FileError::Other("too many symbolic links".into()))
        );
        assert_eq!(
            text(&directory, "here/here/here/main.hcl"),
            Ok("main".into())
        );
        assert_eq!(
            directory.walk(""),
            Ok(["loop", "main.hcl", "sub/deep/x.txt"]
                .map(Into::into)
                .into())
        );
    }

    #[test]
    fn only_files_of_the_project_are_read() {
        let (outer, directory) = tree();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::write(root.join(".git/config"), "token").unwrap();
        symlink(".git/config", root.join("config")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("pipe"),
            FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();
        assert_eq!(directory.read(".git/config"), Err(FileError::NotFound));
        assert_eq!(directory.read(".GIT/config"), Err(FileError::NotFound));
        assert_eq!(directory.read("config"), Err(FileError::NotFound));
        assert_eq!(directory.read("pipe"), Err(FileError::NotAFile));
        assert_eq!(directory.read("sub"), Err(FileError::NotAFile));
        assert_eq!(directory.read("main.hcl/x"), Err(FileError::NotFound));
        assert_eq!(directory.read("none"), Err(FileError::NotFound));
        assert_eq!(directory.list("none"), Err(FileError::NotFound));
        assert_eq!(
            directory.walk(""),
            Ok(["config", "main.hcl", "sub/deep/x.txt"]
                .map(Into::into)
                .into())
        );
    }

    #[test]
    fn a_huge_file_is_refused() {
        let (outer, directory) = tree();
        let file = File::create(outer.path().join("root/huge")).unwrap();
        file.set_len(MAX_FILE_BYTES).unwrap();
        assert_eq!(
            directory.read("huge").map(|b| b.len() as u64),
            Ok(MAX_FILE_BYTES)
        );
        file.set_len(MAX_FILE_BYTES + 1).unwrap();
        assert_eq!(
            directory.read("huge"),
            Err(FileError::TooLarge(MAX_FILE_BYTES))
        );
    }

    #[test]
    fn a_project_reaches_its_repository() {
        let (outer, _) = tree();
        let root = outer.path().join("root");
        let (alone, below) = Directory::open_project(&root.join("sub")).unwrap();
        assert_eq!(
            (below.as_str(), alone.walk("")),
            ("", Ok(vec!["deep/x.txt".into()]))
        );
        fs::create_dir(root.join(".git")).unwrap();
        let (within, below) = Directory::open_project(&root.join("sub/deep")).unwrap();
        assert_eq!(
            (below.as_str(), text(&within, "main.hcl")),
            ("sub/deep", Ok("main".into()))
        );
    }
}
