//! Finds what a job left in its folders that the cluster has forgotten, as a `JobManager` without high availability
//! does when it ends (I/O).
//!
//! Flink has no call for it. So the folders are read where they are files that this machine sees, too; of others it
//! is told where they are. Their names and what is in them:
//! <https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/ops/state/checkpoints/#directory-structure>.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use url::Url;

use crate::kinds::job::driver::engine::Source;
use crate::kinds::job::memory::Run;
use crate::kinds::job::program::Program;

/// The settings for where checkpoints go, the present name first.
const CHECKPOINTS: [&str; 2] = ["execution.checkpointing.dir", "state.checkpoints.dir"];
/// Those for where savepoints go.
const SAVEPOINTS: [&str; 2] = [
    "execution.checkpointing.savepoint-dir",
    "state.savepoints.dir",
];
/// The file that makes a folder a checkpoint: it is there once the checkpoint is complete.
const METADATA: &str = "_metadata";

/// The folders of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Folders {
    /// The one that only its checkpoints are in.
    checkpoints: Option<String>,
    /// The one that its savepoints are in, and others'.
    savepoints: Option<String>,
}

impl Folders {
    /// Returns the folders of a run: as its program sets them, and else as the cluster does.
    pub(super) fn of(
        run: &Run,
        savepoints: Option<&str>,
        cluster: &BTreeMap<String, String>,
    ) -> Self {
        let own = match run.version.as_ref().map(|version| &version.program) {
            Some(Program::FlinkJar(jar)) => Some(&jar.settings),
            Some(Program::FlinkSql(sql)) => Some(&sql.settings),
            None => None,
        };
        let set = |keys: [&str; 2]| {
            let found = own.into_iter().chain([cluster]);
            let mut found = found.flat_map(|map| keys.map(|key| map.get(key)));
            found.find_map(Option::<&String>::cloned)
        };
        Self {
            checkpoints: set(CHECKPOINTS)
                .map(|folder| format!("{}/{}", folder.trim_end_matches('/'), run.id)),
            savepoints: savepoints.map(str::to_owned).or_else(|| set(SAVEPOINTS)),
        }
    }

    /// Looks for the newest state that the run left.
    pub(super) fn source(&self, id: &str) -> Source {
        let mut newest: Option<(SystemTime, PathBuf)> = None;
        let mut unseen = None;
        // Savepoints have the beginning of the job's id in their name.
        let savepoint = format!("savepoint-{}-", &id[..id.len().min(6)]);
        for (folder, prefix) in [
            (&self.savepoints, savepoint.as_str()),
            (&self.checkpoints, "chk-"),
        ] {
            let Some(folder) = folder else { continue };
            match local(folder) {
                Some(path) if path.is_dir() => newest = newest.max(newest_in(&path, prefix)),
                // It is made with the first checkpoint or savepoint, in a folder that is there.
                Some(path) if path.parent().is_some_and(Path::is_dir) => {}
                // It may be a folder of another machine.
                _ => unseen = Some(folder.clone()),
            }
        }
        Source {
            at: newest.map(|(_, path)| format!("file:{}", path.display())),
            unseen,
        }
    }
}

/// Returns the newest folder of a name that is complete, and when it became so.
fn newest_in(folder: &Path, prefix: &str) -> Option<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let complete = named.filter_map(|entry| {
        let metadata = fs::metadata(entry.path().join(METADATA)).ok()?;
        let is_complete = metadata.is_file() && metadata.len() > 0;
        is_complete.then_some((metadata.modified().ok()?, entry.path()))
    });
    complete.max()
}

/// Returns the path of a place that is a file's on this machine.
fn local(place: &str) -> Option<PathBuf> {
    if place.starts_with('/') {
        return Some(place.into());
    }
    let url = Url::parse(place).ok()?;
    (url.scheme() == "file")
        .then(|| url.to_file_path().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn folders(root: &Path) -> Folders {
        let setting = |name: &str| format!("file://{}/{name}", root.display());
        let cluster = [
            (CHECKPOINTS[0].to_owned(), setting("checkpoints/")),
            (SAVEPOINTS[1].to_owned(), setting("savepoints")),
        ];
        let run = Run {
            id: ID.into(),
            generation: 1,
            version: None,
            from: None,
            restored: false,
        };
        Folders::of(&run, None, &cluster.into())
    }

    /// Makes a checkpoint that was completed so many seconds after others; `None` for one that was not.
    fn checkpoint(path: &Path, age: Option<u64>) {
        fs::create_dir_all(path).expect("made");
        if let Some(age) = age {
            let metadata = fs::File::create(path.join(METADATA)).expect("made");
            std::io::Write::write_all(&mut &metadata, b"state").expect("written");
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + age);
            metadata.set_modified(at).expect("set");
        }
    }

    #[test]
    fn the_newest_that_is_complete_is_found() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("checkpoints")).expect("made");
        let folders = folders(root.path());
        assert_eq!(folders.source(ID), Source::default());
        let own = root.path().join("checkpoints").join(ID);
        fs::create_dir_all(own.join("shared")).expect("made");
        checkpoint(&own.join("chk-9"), Some(9));
        checkpoint(&own.join("chk-10"), Some(10));
        checkpoint(&own.join("chk-11"), None);
        checkpoint(&root.path().join("checkpoints/other/chk-99"), Some(99));
        let found = |name: &str| Source {
            at: Some(format!("file:{}/{name}", root.path().display())),
            unseen: None,
        };
        assert_eq!(
            folders.source(ID),
            found(&format!("checkpoints/{ID}/chk-10"))
        );
        let savepoints = root.path().join("savepoints");
        checkpoint(&savepoints.join("savepoint-0123ff-1"), Some(98));
        checkpoint(&savepoints.join("savepoint-012345-1"), Some(12));
        assert_eq!(folders.source(ID), found("savepoints/savepoint-012345-1"));
    }

    #[test]
    fn a_folder_elsewhere_is_told() {
        let settings = |folder: &str| BTreeMap::from([(CHECKPOINTS[0].to_owned(), folder.into())]);
        let run = Run {
            id: ID.into(),
            generation: 1,
            version: None,
            from: None,
            restored: false,
        };
        let source = |folder: &str| Folders::of(&run, None, &settings(folder)).source(ID);
        let elsewhere = source("s3://bucket/checkpoints");
        assert_eq!(
            elsewhere.unseen,
            Some(format!("s3://bucket/checkpoints/{ID}"))
        );
        // What is no folder here may be one where the cluster is.
        let not_here = source("file:///no/such/folder");
        assert_eq!(
            not_here.unseen,
            Some(format!("file:///no/such/folder/{ID}"))
        );
        let here = tempfile::tempdir().expect("a folder");
        let empty = source(&here.path().display().to_string());
        assert_eq!(empty, Source::default());
    }
}
