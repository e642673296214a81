//! Folders that refuse: full, read-only, a rename that fails. On real mounts, which need root.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use super::*;
use crate::backend::local::Pushed;
use crate::state::format;

/// A mount, taken away again at the end.
struct Mount(PathBuf);

impl Mount {
    /// Mounts; `None`, said aloud, where that is not allowed.
    fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(arguments).arg(at).output();
        if mounted.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("SKIPPED: mount {arguments:?} is not possible here: {mounted:?}");
        }
        None
    }
}

impl Mount {
    /// Mounts a folder over itself so that it cannot be written.
    fn read_only(at: &Path) -> Option<Self> {
        let path = at.to_str().expect("UTF-8");
        let mount = Self::new(&["--bind", path], at)?;
        let options = ["-o", "remount,bind,ro", path];
        let remounted = Command::new("mount").args(options).status();
        assert!(remounted.is_ok_and(|status| status.success()));
        Some(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "{}",
            self.0.display()
        );
    }
}

/// A disk of 256 KiB for the state, and another folder for rescue files.
struct SmallDisk {
    // Taken away before the folder that it is mounted on.
    _mount: Mount,
    folder: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts the disk; `None`, said aloud, where that is not allowed.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let options = ["-t", "tmpfs", "-o", "size=256k", "none"];
        Some(Self {
            _mount: Mount::new(&options, folder.path())?,
            folder,
            elsewhere: tempfile::tempdir().expect("a folder"),
        })
    }

    fn backend(&self) -> LocalBackend {
        let rescues = vec![self.elsewhere.path().to_owned()];
        LocalBackend::new(self.folder.path(), environment(), rescues)
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    fn fill(&self) {
        fs::write(self.filler(), vec![0; 1 << 20]).expect_err("it is full");
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("there");
    }
}

/// Returns the names of what lies in the environment's folder.
fn left(backend: &LocalBackend) -> Vec<OsString> {
    let entries = fs::read_dir(backend.folder()).expect("a folder");
    entries.flatten().map(|entry| entry.file_name()).collect()
}

fn rescue_of(error: &BackendError) -> PathBuf {
    match error {
        BackendError::Unsaved {
            rescue: Some(path), ..
        } => path.clone(),
        other => unreachable!("no rescue file: {other:?}"),
    }
}

/// Pushes a rescue file, as its message says, and returns the objects that are there then.
async fn pushed(backend: &LocalBackend, rescue: &Path) -> Vec<String> {
    let state = format::decode(&fs::read(rescue).expect("there")).expect("whole");
    let serial = state.serial;
    let pushed = backend.push(state, false, &request("state push")).await;
    assert_eq!(pushed.expect("follows"), Pushed::Stored { serial });
    let snapshot = backend.read().await.expect("whole");
    assert_eq!(snapshot.journal, JournalInfo::default());
    assert_eq!(verified(backend).await.1, None);
    snapshot
        .state
        .objects
        .keys()
        .map(ToString::to_string)
        .collect()
}

fn big(name: &str) -> Record {
    Record::Intent {
        address: topic(name),
        operation: Operation::Create,
        object: Some(Box::new(ObjectState {
            spec: Document::from(json!({ "config": "x".repeat(20_000) })),
            ..object(1)
        })),
        from: None,
    }
}

#[tokio::test]
async fn a_full_disk_leaves_the_state_whole_and_a_rescue_file_elsewhere() {
    let Some(disk) = SmallDisk::new() else {
        return;
    };
    let backend = disk.backend();
    apply(&backend, &["a"]).await;
    let before = backend.pull().await.expect("whole");
    let mut writer = begun(&backend).await;
    writer.append(&[create("b")]).await.expect("written");
    disk.fill();

    let error = writer
        .append(&[applied("b"), big("c")])
        .await
        .expect_err("full");
    let rescue = rescue_of(&error);
    assert!(
        rescue.starts_with(disk.elsewhere.path()),
        "{}",
        rescue.display()
    );
    let filters = vec![(r"\S*/rescue-dev-\S+", "RESCUE")];
    insta::with_settings!({filters => filters}, {
        insta::assert_snapshot!(error, @r#"failed to store the state of environment "dev"; it was saved in RESCUE instead"#);
        insta::assert_snapshot!(error.hint().expect("what to do"), @"make room or repair the folder, then: streamform state push --env dev RESCUE");
    });
    assert_eq!(backend.pull().await.expect("whole"), before);
    let half = backend
        .read()
        .await
        .expect("the journal before that record");
    assert_eq!((half.journal.records, half.journal.torn_bytes), (2, 0));

    // The lease is given back once there is room for that, or runs out.
    disk.make_room();
    drop(writer);
    assert_eq!(
        pushed(&backend, &rescue).await,
        ["topic.a", "topic.b", "topic.c"]
    );
}

#[tokio::test]
async fn a_disk_full_at_the_end_leaves_the_journal_too() {
    let Some(disk) = SmallDisk::new() else {
        return;
    };
    let backend = disk.backend();
    let mut writer = begun(&backend).await;
    writer
        .append(&[big("a"), applied("a")])
        .await
        .expect("written");
    disk.fill();
    rescue_of(&writer.persist().await.expect_err("full"));
    // Whoever does nothing but make room loses nothing either.
    disk.make_room();
    drop(writer);
    let writer = acquired(&backend).await;
    assert_eq!(writer.state().objects[&topic("a")].pending, None);
    assert_eq!(writer.state().serial, 1);
}

#[tokio::test]
async fn a_read_only_folder_is_an_error_before_anything_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path());
    apply(&backend, &["a"]).await;
    let Some(mount) = Mount::read_only(folder.path()) else {
        return;
    };
    assert_eq!(
        backend
            .read()
            .await
            .expect("reading needs no writing")
            .state
            .serial,
        1
    );
    let error = backend
        .acquire(&request("apply"))
        .await
        .err()
        .expect("read-only");
    let source = std::error::Error::source(&error).expect("why").to_string();
    assert_eq!(source, "Read-only file system (os error 30)");
    drop(mount);
    assert_eq!(acquired(&backend).await.state().serial, 1);
}

#[tokio::test]
async fn a_history_that_became_read_only_leaves_a_rescue_file_beside_the_state() {
    let (_folder, backend) = fresh();
    apply(&backend, &["a"]).await;
    let mut writer = begun(&backend).await;
    writer
        .append(&[create("b"), applied("b")])
        .await
        .expect("written");
    let history = backend.folder().join("history");
    let Some(mount) = Mount::read_only(&history) else {
        return;
    };
    let rescue = rescue_of(&writer.persist().await.expect_err("read-only"));
    assert_eq!(rescue.parent(), Some(backend.folder()));
    drop((writer, mount));
    assert_eq!(pushed(&backend, &rescue).await, ["topic.a", "topic.b"]);
}

#[tokio::test]
async fn a_rename_that_fails_leaves_the_old_state() {
    let (_folder, backend) = fresh();
    apply(&backend, &["a"]).await;
    let before = backend.pull().await.expect("whole");
    let mut writer = begun(&backend).await;
    writer
        .append(&[create("b"), applied("b")])
        .await
        .expect("written");
    let state = backend.folder().join("state.json");
    // Nothing can be renamed over a file that something is mounted on.
    let Some(mount) = Mount::new(&["--bind", state.to_str().expect("UTF-8")], &state) else {
        return;
    };
    let rescue = rescue_of(&writer.persist().await.expect_err("EBUSY"));
    assert_eq!(backend.pull().await.expect("whole"), before);
    drop((writer, mount));
    let left = left(&backend);
    assert!(
        !left
            .iter()
            .any(|name| name.as_encoded_bytes().ends_with(b".tmp")),
        "{left:?}"
    );
    assert_eq!(pushed(&backend, &rescue).await, ["topic.a", "topic.b"]);
}

#[tokio::test]
async fn a_folder_whose_locks_exclude_is_accepted() {
    let (_folder, backend) = fresh();
    backend.init().await.expect("a local file system");
    let left = left(&backend);
    assert_eq!(left, ["history"], "the probe cleans up");
}
