//! Finds and lists files in a tree whose symbolic links are followed but cannot leave it. Pure: a
//! [`Tree`] looks up one name in one folder, and never follows a link itself.
//!
//! Links are followed here, and not by the operating system, for two reasons: a directory and a
//! commit's tree then agree, and no name is looked up twice, which leaves no moment to swap a
//! checked folder for a link.

use std::collections::VecDeque;

use crate::config::files::FileError;

use super::{MAX_DEPTH, MAX_FILES, RESERVED};

/// The most links that one path may go through; the same as Linux's limit (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// The longest text of a link, in bytes: `PATH_MAX`.
pub(super) const MAX_LINK_BYTES: usize = 4096;

/// What stands at a name in a folder.
pub(super) enum Entry<Folder, File> {
    /// A folder.
    Folder(Folder),
    /// A regular file.
    File(File),
    /// A symbolic link, with its text.
    Link(String),
    /// A device, a socket or a submodule.
    Other,
}

/// A tree in which one name at a time can be looked up.
pub(super) trait Tree {
    /// A handle of a folder.
    type Folder;
    /// A handle of a file.
    type File;

    /// Returns the root folder.
    fn root(&self) -> Result<Self::Folder, FileError>;

    /// Looks up one name, which has no `/` and is neither `.` nor `..`.
    fn look(
        &self,
        folder: &Self::Folder,
        name: &str,
    ) -> Result<Entry<Self::Folder, Self::File>, FileError>;

    /// Lists the names in a folder, in any order. Names that are not UTF-8 are left out: no path of
    /// the language can name them.
    fn names(&self, folder: &Self::Folder) -> Result<Vec<String>, FileError>;
}

/// Where a path leads in the end.
enum Found<Folder, File> {
    Folder(Folder),
    File(File),
}

/// Finds a regular file.
pub(super) fn file<T: Tree>(tree: &T, path: &str) -> Result<T::File, FileError> {
    match resolve(tree, path)? {
        Found::File(file) => Ok(file),
        Found::Folder(_) => Err(FileError::NotAFile),
    }
}

/// Lists the names of the files directly in a folder, sorted.
///
/// A link that leads nowhere or out of the tree is listed: reading it then says why, where leaving it
/// out would change what the project means without a word.
pub(super) fn list<T: Tree>(tree: &T, path: &str) -> Result<Vec<String>, FileError> {
    let handle = folder(tree, path)?;
    let mut files = Vec::new();
    for name in project_names(tree, &handle)? {
        if is_file(tree, path, &name, &tree.look(&handle, &name)?) {
            files.push(name);
        }
    }
    Ok(files)
}

/// Lists all files below a folder, sorted, as paths relative to it. Links to folders are not entered.
pub(super) fn walk<T: Tree>(tree: &T, path: &str) -> Result<Vec<String>, FileError> {
    let root = folder(tree, path)?;
    let mut walk = Walk {
        tree,
        path,
        files: Vec::new(),
        budget: MAX_FILES,
    };
    walk.descend("", &root, 0)?;
    walk.files.sort_unstable();
    Ok(walk.files)
}

/// A walk under way. It goes into one folder at a time, so that few are open at once.
struct Walk<'a, T> {
    tree: &'a T,
    path: &'a str,
    files: Vec<String>,
    /// How many more names it may see. Folders count too: a tree of empty ones has no end either.
    budget: usize,
}

impl<T: Tree> Walk<'_, T> {
    fn descend(&mut self, below: &str, folder: &T::Folder, depth: usize) -> Result<(), FileError> {
        if depth > MAX_DEPTH {
            let message = format!("folders are nested more than {MAX_DEPTH} deep");
            return Err(FileError::Other(message));
        }
        let here = joined(self.path, below);
        for name in project_names(self.tree, folder)? {
            self.budget = self.budget.checked_sub(1).ok_or_else(too_many)?;
            let path = joined(below, &name);
            match self.tree.look(folder, &name)? {
                Entry::Folder(child) => self.descend(&path, &child, depth + 1)?,
                entry if is_file(self.tree, &here, &name, &entry) => self.files.push(path),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Follows a path from the root to its end.
fn resolve<T: Tree>(tree: &T, path: &str) -> Result<Found<T::Folder, T::File>, FileError> {
    if path.starts_with('/') {
        return Err(FileError::Outside);
    }
    let mut ahead: VecDeque<String> = path.split('/').map(str::to_owned).collect();
    // Real folders only, so that `..` after a link goes to the parent of where the link led.
    let mut behind: Vec<T::Folder> = Vec::new();
    let root = tree.root()?;
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                behind.pop().ok_or(FileError::Outside)?;
                continue;
            }
            name if is_reserved(name) => return Err(FileError::NotFound),
            _ => {}
        }
        match tree.look(behind.last().unwrap_or(&root), &name)? {
            Entry::Folder(folder) => behind.push(folder),
            Entry::File(file) if ahead.is_empty() => return Ok(Found::File(file)),
            Entry::File(_) => return Err(FileError::NotFound),
            Entry::Other => return Err(FileError::NotAFile),
            Entry::Link(target) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(FileError::Other("too many symbolic links".into()));
                }
                if target.starts_with('/') {
                    return Err(FileError::Outside);
                }
                for part in target.split('/').rev() {
                    ahead.push_front(part.to_owned());
                }
            }
        }
    }
    Ok(Found::Folder(behind.pop().unwrap_or(root)))
}

/// Finds a folder.
fn folder<T: Tree>(tree: &T, path: &str) -> Result<T::Folder, FileError> {
    match resolve(tree, path)? {
        Found::Folder(folder) => Ok(folder),
        Found::File(_) => Err(FileError::Other("not a folder".into())),
    }
}

/// Whether an entry counts as a file in a listing.
fn is_file<T: Tree>(tree: &T, folder: &str, name: &str, entry: &Entry<T::Folder, T::File>) -> bool {
    match entry {
        Entry::File(_) => true,
        Entry::Folder(_) | Entry::Other => false,
        Entry::Link(_) => !matches!(
            resolve(tree, &joined(folder, name)),
            Ok(Found::Folder(_)) | Err(FileError::NotAFile)
        ),
    }
}

/// The names in a folder that may be a part of a project, sorted.
fn project_names<T: Tree>(tree: &T, folder: &T::Folder) -> Result<Vec<String>, FileError> {
    let mut names = tree.names(folder)?;
    if names.len() > MAX_FILES {
        return Err(too_many());
    }
    names.retain(|name| !is_reserved(name) && is_component(name));
    names.sort_unstable();
    Ok(names)
}

/// Whether a name is one component of a path. A tree that was made by hand may hold others.
fn is_component(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// File systems that ignore case open `.git` under the name `.GIT` too.
fn is_reserved(name: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

fn too_many() -> FileError {
    FileError::Other(format!("more than {MAX_FILES} names"))
}
