//! Killed at any moment: the next one goes on.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Leaves a journal behind, as a killed apply does; returns its bytes.
async fn killed(backend: &LocalBackend) -> Vec<u8> {
    apply(backend, &["a"]).await;
    let mut writer = begun(backend).await;
    writer
        .append(&[create("b"), create("c")])
        .await
        .expect("written");
    writer.append(&[applied("b")]).await.expect("written");
    drop(writer);
    fs::read(backend.folder().join("journal.jsonl")).expect("there")
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_is_read_as_far_as_it_goes() {
    let (_folder, backend) = fresh();
    let journal = killed(&backend).await;
    let mut seen = BTreeSet::new();
    for length in 0..=journal.len() {
        fs::write(backend.folder().join("journal.jsonl"), &journal[..length]).expect("cut");
        let snapshot = backend.read().await.expect("a prefix");
        let b = snapshot.state.objects.get(&topic("b"));
        seen.insert((
            snapshot.journal.records,
            b.map(|object| object.pending.is_some()),
        ));
    }
    let steps = [
        (0, None),
        (1, None),
        (2, Some(true)),
        (3, Some(true)),
        (4, Some(false)),
    ];
    assert_eq!(seen, BTreeSet::from(steps));
}

#[tokio::test]
async fn a_torn_journal_is_stored_without_its_last_record() {
    let (_folder, backend) = fresh();
    let journal = killed(&backend).await;
    let path = backend.folder().join("journal.jsonl");
    fs::write(&path, &journal[..journal.len() - 5]).expect("cut");
    let writer = acquired(&backend).await;
    let recovered = writer.recovered().expect("a journal");
    assert_eq!(recovered.records, 3);
    assert!(recovered.torn_bytes > 0);
    assert!(!path.exists());
    assert_eq!(writer.state().serial, 2);
    drop(writer);
    assert_eq!(verified(&backend).await.1, None);
}

#[tokio::test]
async fn a_journal_damaged_in_the_middle_is_refused() {
    let (_folder, backend) = fresh();
    let mut journal = killed(&backend).await;
    let middle = journal.len() / 2;
    journal[middle] ^= 1;
    let path = backend.folder().join("journal.jsonl");
    fs::write(&path, &journal).expect("damaged");
    let error = backend.read().await.expect_err("damaged");
    assert!(matches!(error, BackendError::Journal { .. }), "{error:?}");
    assert!(backend.acquire(&request("apply")).await.is_err());
    assert_eq!(fs::read(&path).expect("kept"), journal);
    assert_eq!(
        backend.holder().await.expect("readable"),
        None,
        "the lease was given back"
    );
}

#[tokio::test]
async fn a_journal_that_was_stored_already_is_void() {
    let (_folder, backend) = fresh();
    let journal = killed(&backend).await;
    drop(backend.acquire(&request("apply")).await.expect("stores it"));
    let stored = backend.read().await.expect("whole");
    // Killed between the new state and the removal of the journal.
    fs::write(backend.folder().join("journal.jsonl"), journal).expect("put back");
    let again = backend.read().await.expect("whole");
    assert_eq!((again.hash, again.journal.records), (stored.hash, 0));
    let writer = acquired(&backend).await;
    assert_eq!(
        (writer.stored_hash(), writer.recovered()),
        (stored.hash, None)
    );
    assert!(!backend.folder().join("journal.jsonl").exists());
}

#[tokio::test]
async fn a_state_that_vanished_is_not_started_anew() {
    let (_folder, backend) = fresh();
    apply(&backend, &["a"]).await;
    fs::remove_file(backend.folder().join("state.json")).expect("there");
    let error = backend.read().await.expect_err("vanished");
    assert!(matches!(error, BackendError::Vanished { .. }), "{error:?}");
    assert!(backend.acquire(&request("apply")).await.is_err());
}

#[tokio::test]
async fn killed_before_the_first_state_is_as_if_nothing_was() {
    let (_folder, backend) = fresh();
    let writer = begun(&backend).await;
    drop(writer);
    // As killed between the copy and the state.
    fs::remove_file(backend.folder().join("journal.jsonl")).expect("there");
    fs::remove_file(backend.folder().join("state.json")).expect("there");
    assert!(!backend.read().await.expect("nothing stored").stored);
    apply(&backend, &["a"]).await;
    let verification = backend.verify().await.expect("readable").expect("stored");
    assert_eq!((verification.fault, verification.aside.len()), (None, 1));
}

#[test]
fn readers_see_whole_states_while_somebody_writes() {
    let (_folder, backend) = fresh();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reads, mut most) = (0, 0);
            while !done.load(Ordering::SeqCst) {
                let snapshot = backend.shared.read().expect("whole");
                let objects = snapshot.state.objects.len();
                assert!(objects >= most, "{objects} after {most}");
                (reads, most) = (reads + 1, objects);
            }
            (reads, most)
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        for n in 0..40 {
            let names = [format!("a{n}"), format!("b{n}")];
            runtime.block_on(apply(&backend, &[&names[0], &names[1]]));
        }
        done.store(true, Ordering::SeqCst);
        let (reads, most) = reader.join().expect("no failed read");
        assert!(reads > 40, "only {reads} reads");
        assert!(most > 0);
    });
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, backend) = fresh();
    killed(&backend).await;
    let mut seen = 0;
    let mut folders = vec![backend.folder().to_owned()];
    while let Some(next) = folders.pop() {
        let mode = fs::metadata(&next).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", next.display());
        for entry in fs::read_dir(&next).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
            seen += 1;
        }
    }
    assert_eq!(seen, 6, "state, journal, lease, guard and two copies");
}
