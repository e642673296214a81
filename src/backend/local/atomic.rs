//! Files that are replaced whole or not at all: temporary file in the same folder, fsync, rename,
//! fsync of the folder (I/O).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Temporary files older than this are left-overs of killed programs.
const LEFT_OVER: Duration = Duration::from_hours(1);

/// A file's new content, written beside it; removed again unless committed.
#[must_use]
pub(super) struct Staged {
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
}

/// Whether the content must survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// It must: fsync.
    Disk,
    /// It is worthless after one.
    Memory,
}

impl Staged {
    /// Writes the content beside its target, for the owner's eyes only (0600).
    pub(super) fn write(target: &Path, bytes: &[u8], durability: Durability) -> io::Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary =
            target.with_file_name(format!(".{name}.{}.{unique}.tmp", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        let staged = Self {
            temporary,
            target: target.to_owned(),
            committed: false,
        };
        file.write_all(bytes)?;
        if durability == Durability::Disk {
            file.sync_all()?;
        }
        Ok(staged)
    }

    /// Puts the content in the place of its target. The folder is not synced yet.
    pub(super) fn commit(mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.target)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // A left-over is swept later.
            drop(fs::remove_file(&self.temporary));
        }
    }
}

/// Writes a file whole or not at all, for the owner's eyes only (0600), so that it survives a power cut.
pub fn write_private(target: &Path, bytes: &[u8]) -> io::Result<()> {
    Staged::write(target, bytes, Durability::Disk)?.commit()?;
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

/// Makes renames, creations and removals in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder and those around it, for the owner's eyes only (0700).
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Returns a file's bytes, `None` if there is no such file.
pub(super) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file if it is there.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes temporary files that killed programs left; what cannot be removed stays.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_OVER));
        if old && name.starts_with('.') && name.ends_with(".tmp") {
            drop(fs::remove_file(entry.path()));
        }
    }
}
