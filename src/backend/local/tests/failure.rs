//! Folders that refuse: full, read-only, a rename that fails. On real mounts, which need root.

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
    assert_eq!(
        backend
            .verify()
            .await
            .expect("readable")
            .expect("stored")
            .fault,
        None
    );
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
    let (small, elsewhere) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=256k", "none"], small.path()) else {
        return;
    };
    let backend = LocalBackend::new(
        small.path(),
        environment(),
        vec![elsewhere.path().to_owned()],
    );
    apply(&backend, &["a"]).await;
    let before = backend.pull().await.expect("whole");
    let mut writer = backend.acquire(&request("apply")).await.expect("free");
    writer.begin(plan()).await.expect("begun");
    writer.append(&[create("b")]).await.expect("written");
    let filler = small.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).expect_err("it is full");

    let error = writer
        .append(&[applied("b"), big("c")])
        .await
        .expect_err("full");
    let rescue = rescue_of(&error);
    assert!(rescue.starts_with(elsewhere.path()), "{}", rescue.display());
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
    fs::remove_file(&filler).expect("there");
    drop(writer);
    assert_eq!(
        pushed(&backend, &rescue).await,
        ["topic.a", "topic.b", "topic.c"]
    );
}

#[tokio::test]
async fn a_disk_full_at_the_end_leaves_the_journal_too() {
    let (small, elsewhere) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=256k", "none"], small.path()) else {
        return;
    };
    let backend = LocalBackend::new(
        small.path(),
        environment(),
        vec![elsewhere.path().to_owned()],
    );
    let mut writer = backend.acquire(&request("apply")).await.expect("free");
    writer.begin(plan()).await.expect("begun");
    writer
        .append(&[big("a"), applied("a")])
        .await
        .expect("written");
    let filler = small.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).expect_err("it is full");
    rescue_of(&writer.persist().await.expect_err("full"));
    // Whoever does nothing but make room loses nothing either.
    fs::remove_file(&filler).expect("there");
    drop(writer);
    let writer = backend.acquire(&request("apply")).await.expect("free");
    assert_eq!(writer.state().objects[&topic("a")].pending, None);
    assert_eq!(writer.state().serial, 1);
}

#[tokio::test]
async fn a_read_only_folder_is_an_error_before_anything_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path());
    apply(&backend, &["a"]).await;
    let root = folder.path().to_str().expect("UTF-8");
    let Some(mount) = Mount::new(&["--bind", root], folder.path()) else {
        return;
    };
    let remounted = Command::new("mount")
        .args(["-o", "remount,bind,ro", root])
        .status();
    assert!(remounted.is_ok_and(|status| status.success()));
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
    assert_eq!(
        backend
            .acquire(&request("apply"))
            .await
            .expect("free")
            .state()
            .serial,
        1
    );
}

#[tokio::test]
async fn a_history_that_became_read_only_leaves_a_rescue_file_beside_the_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path());
    apply(&backend, &["a"]).await;
    let mut writer = backend.acquire(&request("apply")).await.expect("free");
    writer.begin(plan()).await.expect("begun");
    writer
        .append(&[create("b"), applied("b")])
        .await
        .expect("written");
    let history = backend.folder().join("history");
    let Some(mount) = Mount::new(&["--bind", history.to_str().expect("UTF-8")], &history) else {
        return;
    };
    let remounted = Command::new("mount")
        .args(["-o", "remount,bind,ro"])
        .arg(&history)
        .status();
    assert!(remounted.is_ok_and(|status| status.success()));
    let rescue = rescue_of(&writer.persist().await.expect_err("read-only"));
    assert_eq!(rescue.parent(), Some(backend.folder()));
    drop((writer, mount));
    assert_eq!(pushed(&backend, &rescue).await, ["topic.a", "topic.b"]);
}

#[tokio::test]
async fn a_rename_that_fails_leaves_the_old_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path());
    apply(&backend, &["a"]).await;
    let before = backend.pull().await.expect("whole");
    let mut writer = backend.acquire(&request("apply")).await.expect("free");
    writer.begin(plan()).await.expect("begun");
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
    let left: Vec<_> = fs::read_dir(backend.folder())
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().ends_with(".tmp")),
        "{left:?}"
    );
    assert_eq!(pushed(&backend, &rescue).await, ["topic.a", "topic.b"]);
}

#[tokio::test]
async fn a_folder_whose_locks_exclude_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path());
    backend.init().await.expect("a local file system");
    let left: Vec<_> = fs::read_dir(backend.folder())
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(left, ["history"], "the probe cleans up");
}
