//! The files of one commit, read from git's objects. Does I/O.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ErrorCode, Oid, Repository};

use crate::config::files::{FileError, Files};
use crate::source::MAX_FILE_BYTES;
use crate::source::links::{self, Entry, MAX_LINK_BYTES, Tree};

/// How a file begins whose content is kept outside git (Git LFS specification, "The Pointer").
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// One commit's tree.
pub struct GitTree {
    /// A handle of libgit2 may move between threads, but not be used by two at once.
    repository: Mutex<Repository>,
    root: Oid,
    /// The folders that were looked into: reading one anew for each of its files is slow where it has many.
    folders: Mutex<BTreeMap<Oid, Arc<Folder>>>,
}

/// What a folder holds: name → object and mode. Names that are not UTF-8 cannot be asked for.
type Folder = BTreeMap<String, (Oid, i32)>;

impl GitTree {
    pub(super) fn new(repository: Repository, root: Oid) -> Self {
        Self {
            repository: Mutex::new(repository),
            root,
            folders: Mutex::default(),
        }
    }

    /// Whether a symbolic link leads to a path: it is one, or is below one.
    pub fn has_link(&self, path: &str) -> bool {
        let mut folder = self.root;
        for name in path.split('/') {
            match self.look(&folder, name) {
                Ok(Entry::Folder(next)) => folder = next,
                Ok(Entry::Link(_)) => return true,
                _ => return false,
            }
        }
        false
    }

    fn repository(&self) -> MutexGuard<'_, Repository> {
        // It is only read from: a panic elsewhere leaves nothing half-done in it.
        self.repository
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a folder, once.
    fn folder(&self, id: Oid) -> Result<Arc<Folder>, FileError> {
        // What is kept is whole: a panic elsewhere leaves nothing half-done in it.
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = folders.get(&id) {
            return Ok(known.clone());
        }
        let repository = self.repository();
        let tree = repository.find_tree(id).map_err(|e| told(&e))?;
        let entries = tree.iter().filter_map(|entry| {
            let name = entry.name().ok()?.to_owned();
            Some((name, (entry.id(), entry.filemode())))
        });
        let folder = Arc::new(entries.collect::<Folder>());
        folders.insert(id, folder.clone());
        Ok(folder)
    }

    /// Reads a blob after a look at its size.
    fn blob(&self, id: Oid, limit: u64) -> Result<Arc<[u8]>, FileError> {
        let repository = self.repository();
        let (size, _) = repository
            .odb()
            .and_then(|odb| odb.read_header(id))
            .map_err(|e| told(&e))?;
        if size as u64 > limit {
            return Err(FileError::TooLarge(limit));
        }
        let blob = repository.find_blob(id).map_err(|e| told(&e))?;
        Ok(blob.content().into())
    }
}

impl Files for GitTree {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let content = self.blob(links::file(self, path)?, MAX_FILE_BYTES)?;
        if content.starts_with(LFS_POINTER) {
            return Err(FileError::Other(
                "its content is in Git LFS, not in the repository".into(),
            ));
        }
        Ok(content)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, FileError> {
        links::list(self, folder)
    }

    fn walk(&self, folder: &str) -> Result<Vec<String>, FileError> {
        links::walk(self, folder)
    }
}

impl Tree for GitTree {
    type Folder = Oid;
    type File = Oid;

    fn root(&self) -> Result<Oid, FileError> {
        Ok(self.root)
    }

    fn look(&self, folder: &Oid, name: &str) -> Result<Entry<Oid, Oid>, FileError> {
        let entries = self.folder(*folder)?;
        let (id, mode) = *entries.get(name).ok_or(FileError::NotFound)?;
        // The modes that a tree can hold: gitformat-index(5), "mode".
        Ok(match mode & 0o170_000 {
            0o040_000 => Entry::Folder(id),
            0o100_000 => Entry::File(id),
            0o120_000 => {
                let text = self.blob(id, MAX_LINK_BYTES as u64)?;
                let text = std::str::from_utf8(&text);
                Entry::Link(
                    text.map(str::to_owned).map_err(|_| {
                        FileError::Other("a symbolic link's text is not UTF-8".into())
                    })?,
                )
            }
            // A submodule is a commit of another repository.
            _ => Entry::Other,
        })
    }

    fn names(&self, folder: &Oid) -> Result<Vec<String>, FileError> {
        Ok(self.folder(*folder)?.keys().cloned().collect())
    }
}

/// Turns libgit2's error into the configuration's. A missing object is damage, not a missing file.
fn told(error: &git2::Error) -> FileError {
    match error.code() {
        ErrorCode::NotFound => {
            FileError::Other(format!("the repository is damaged: {}", error.message()))
        }
        _ => FileError::Other(error.message().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use proptest::prelude::*;

    use crate::source::MAX_FILES;
    use crate::source::directory::Directory;

    use super::*;

    /// Commits nothing, but writes a folder as a tree.
    fn written(folder: &Path) -> GitTree {
        let repository = Repository::init(folder).unwrap();
        let mut index = repository.index().unwrap();
        index
            .add_all(["*"], git2::IndexAddOption::FORCE, None)
            .unwrap();
        let root = index.write_tree().unwrap();
        drop(index);
        GitTree::new(repository, root)
    }

    /// Writes a tree of entries that no folder on disk could hold.
    fn made(
        entries: impl Fn(&Repository) -> Vec<(&'static str, Oid, i32)>,
    ) -> (tempfile::TempDir, GitTree) {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let mut builder = repository.treebuilder(None).unwrap();
        for (name, id, mode) in entries(&repository) {
            builder.insert(name, id, mode).unwrap();
        }
        let root = builder.write().unwrap();
        drop(builder);
        (folder, GitTree::new(repository, root))
    }

    #[test]
    fn a_submodule_and_a_pointer_are_not_files() {
        let somewhere = Oid::from_str("0123456789abcdef0123456789abcdef01234567").unwrap();
        let (_folder, tree) = made(|repository| {
            let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
            vec![
                ("module", somewhere, 0o160_000),
                ("job.jar", repository.blob(pointer).unwrap(), 0o100_644),
            ]
        });
        assert_eq!(tree.read("module"), Err(FileError::NotAFile));
        assert_eq!(tree.read("module/x"), Err(FileError::NotAFile));
        assert_eq!(tree.walk(""), Ok(vec!["job.jar".into()]));
        let lfs = "its content is in Git LFS, not in the repository";
        assert_eq!(tree.read("job.jar"), Err(FileError::Other(lfs.into())));
    }

    #[test]
    fn a_missing_object_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "x").unwrap();
        let tree = written(folder.path());
        let blob = links::file(&tree, "x").unwrap().to_string();
        fs::remove_file(
            folder
                .path()
                .join(".git/objects")
                .join(&blob[..2])
                .join(&blob[2..]),
        )
        .unwrap();
        assert!(matches!(tree.read("x"), Err(FileError::Other(why)) if why.contains("damaged")));
    }

    #[test]
    fn a_huge_blob_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("huge")).unwrap();
        file.set_len(MAX_FILE_BYTES + 1).unwrap();
        let tree = written(folder.path());
        assert_eq!(tree.read("huge"), Err(FileError::TooLarge(MAX_FILE_BYTES)));
    }

    /// Ten trees of ten times the same tree name 10^10 files in a few hundred bytes.
    #[test]
    fn a_tree_that_repeats_itself_is_refused() {
        let (_folder, tree) = made(|repository| {
            let mut id = repository.blob(b"x").unwrap();
            let mut mode = 0o100_644;
            for _ in 0..10 {
                let mut builder = repository.treebuilder(None).unwrap();
                for name in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
                    builder.insert(name, id, mode).unwrap();
                }
                (id, mode) = (builder.write().unwrap(), 0o040_000);
            }
            vec![("bomb", id, mode)]
        });
        let message = format!("more than {MAX_FILES} names");
        assert_eq!(tree.walk(""), Err(FileError::Other(message)));
    }

    #[test]
    fn a_link_of_endless_text_is_refused() {
        let (_folder, tree) = made(|repository| {
            let text = vec![b'a'; MAX_LINK_BYTES + 1];
            vec![("link", repository.blob(&text).unwrap(), 0o120_000)]
        });
        assert_eq!(
            tree.read("link"),
            Err(FileError::TooLarge(MAX_LINK_BYTES as u64))
        );
    }

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    fn path() -> impl Strategy<Value = String> {
        let part =
            prop_oneof![4 => prop::sample::select(&NAMES[..]), 1 => Just(".."), 1 => Just(".")];
        prop::collection::vec(part, 1..5).prop_map(|parts| parts.join("/"))
    }

    fn place() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(&NAMES[..]), 1..4)
            .prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        /// A folder and its tree in git agree on everything, and with the system where the path stays inside.
        #[test]
        fn a_folder_and_its_tree_agree(
            files in prop::collection::btree_set(place(), 1..5),
            links in prop::collection::btree_map(place(), path(), 0..6),
            wanted in prop::collection::vec(path(), 8),
        ) {
            let outer = tempfile::tempdir().unwrap();
            let root = outer.path().join("root");
            fs::create_dir(&root).unwrap();
            for file in &files {
                // Where a name is both a file and a folder, the first one stays.
                let at = root.join(file);
                drop(fs::create_dir_all(at.parent().unwrap()));
                drop(fs::write(&at, file));
            }
            for (link, target) in &links {
                let at = root.join(link);
                if at.parent().unwrap().is_dir() {
                    drop(symlink(target, &at));
                }
            }
            let tree = written(&root);
            let directory = Directory::open(&root).unwrap();
            prop_assert_eq!(directory.walk(""), tree.walk(""));
            for path in &wanted {
                let read = directory.read(path);
                prop_assert_eq!(&read, &tree.read(path), "read {}", path);
                let folders = matches!(read, Err(FileError::NotAFile));
                if folders {
                    prop_assert_eq!(directory.list(path), tree.list(path), "list {}", path);
                    prop_assert_eq!(directory.walk(path), tree.walk(path), "walk {}", path);
                }
                let real = root.join(path).canonicalize();
                match (read, real) {
                    (Ok(bytes), real) => {
                        let real = real.unwrap();
                        prop_assert!(real.starts_with(root.canonicalize().unwrap()));
                        prop_assert_eq!(&*bytes, &fs::read(real).unwrap()[..]);
                    }
                    (Err(FileError::NotFound), Ok(real)) => {
                        prop_assert!(real.ends_with(".git"), "{:?} exists", real);
                    }
                    _ => {}
                }
            }
        }
    }
}
