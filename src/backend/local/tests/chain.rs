//! The history: what verification finds, and how a state comes back.

use std::fs;

use super::*;
use crate::backend::local::Pushed;
use crate::state::State;
use crate::state::format;

/// A backend whose history holds the empty state and three more.
async fn three() -> (tempfile::TempDir, LocalBackend, Vec<HistoryEntry>) {
    let (folder, backend) = fresh();
    for name in ["a", "b", "c"] {
        apply(&backend, &[name]).await;
    }
    let history = backend.history().await.expect("readable");
    assert_eq!(history.len(), 4);
    (folder, backend, history)
}

async fn load(entry: &HistoryEntry) -> State {
    format::decode(&fs::read(&entry.path).expect("there")).expect("whole")
}

#[tokio::test]
async fn a_whole_chain_is_verified_to_its_beginning() {
    let (_folder, backend, history) = three().await;
    assert_eq!(verified(&backend).await, (4, None));
    let serials: Vec<_> = history
        .iter()
        .map(|e| e.content.as_ref().map(|c| (c.serial, c.objects)))
        .collect();
    assert_eq!(serials, [Ok((0, 0)), Ok((1, 1)), Ok((2, 2)), Ok((3, 3))]);
}

#[tokio::test]
async fn removed_edited_and_added_states_are_told_apart() {
    let (_folder, backend, history) = three().await;
    let path = &history[1].path;
    let bytes = fs::read(path).expect("there");

    fs::remove_file(path).expect("there");
    let (verified_states, fault) = verified(&backend).await;
    assert!(
        matches!(fault, Some(ChainFault::Removed { serial: 2, .. })),
        "{fault:?}"
    );
    assert_eq!(verified_states, 2);

    let mut edited = bytes.clone();
    edited[bytes.len() / 2] ^= 1;
    fs::write(path, edited).expect("written");
    let fault = verified(&backend).await.1;
    assert!(
        matches!(&fault, Some(ChainFault::Edited { path: at, .. }) if at == path),
        "{fault:?}"
    );

    fs::write(path, &bytes).expect("written");
    let mut foreign = load(&history[2]).await;
    foreign.parent = Some(ContentHash::of(b"elsewhere"));
    let name = format!("000002-{}.json", foreign.content_hash().short());
    let added = backend.folder().join("history").join(name);
    fs::write(&added, format::encode(&foreign)).expect("written");
    let fault = verified(&backend).await.1;
    assert!(
        matches!(&fault, Some(ChainFault::Added { path, .. }) if *path == added),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_damaged_state_is_refused_with_the_way_back() {
    let (_folder, backend, history) = three().await;
    let path = backend.folder().join("state.json");
    let text = fs::read_to_string(&path).expect("there");
    fs::write(&path, text.replacen("\"version\":1", "\"version\":9", 1)).expect("edited");
    let error = backend.read().await.expect_err("edited");
    let hint = error.hint().expect("a way back");
    assert_eq!(
        hint,
        format!(
            "put the last whole copy back: streamform state push {}",
            history[3].path.display()
        )
    );
    assert!(error.to_string().contains("state.json"), "{error}");
    let source = std::error::Error::source(&error).expect("why").to_string();
    assert_eq!(source.matches("sha256:").count(), 2, "{source}");

    let pushed = backend
        .push(load(&history[3]).await, false, &request("state push"))
        .await;
    assert_eq!(
        pushed.expect("the last whole copy"),
        Pushed::Stored { serial: 3 }
    );
    assert_eq!(fs::read_to_string(&path).expect("there"), text);
    assert_eq!(verified(&backend).await, (4, None));
}

#[tokio::test]
async fn an_older_state_needs_force_and_becomes_the_next_serial() {
    let (_folder, backend, history) = three().await;
    let push = async |state, force| backend.push(state, force, &request("state push")).await;
    let current = load(&history[3]).await;
    assert_eq!(
        push(current.clone(), false).await.expect("the same"),
        Pushed::Unchanged
    );
    let older = load(&history[1]).await;
    let refused = push(older.clone(), false).await.expect_err("older");
    assert!(
        refused.to_string().contains("the stored state is serial 3"),
        "{refused}"
    );
    let other = State {
        lineage: "6b1ad2b8-62c3-4bb9-8d2c-9f6a3f0c7a11".into(),
        ..current
    };
    let refused = push(other, false).await.expect_err("another lineage");
    assert!(
        refused
            .to_string()
            .contains("never were the same environment"),
        "{refused}"
    );
    let prod = State {
        environment: "prod".parse().expect("valid"),
        ..older.clone()
    };
    let refused = push(prod, true).await.expect_err("another environment");
    insta::assert_snapshot!(refused, @r#"the pushed state was refused: it belongs to environment "prod", not "dev""#);

    assert_eq!(
        push(older.clone(), true).await.expect("forced"),
        Pushed::Stored { serial: 4 }
    );
    let now = backend.read().await.expect("whole").state;
    assert_eq!((now.objects, now.serial), (older.objects, 4));
    assert_eq!(verified(&backend).await, (5, None));
}

#[tokio::test]
async fn a_copied_state_of_another_environment_is_refused() {
    let (folder, backend, _) = three().await;
    let prod = LocalBackend::new(folder.path(), "prod".parse().expect("valid"), Vec::new());
    prod.init().await.expect("a folder");
    fs::copy(
        backend.folder().join("state.json"),
        prod.folder().join("state.json"),
    )
    .expect("copied");
    let error = prod.read().await.expect_err("dev's");
    assert!(
        matches!(error, BackendError::OtherEnvironment { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn pull_gives_the_file_as_it_is() {
    let (_folder, backend, _) = three().await;
    let bytes = backend.pull().await.expect("whole").expect("stored");
    assert_eq!(
        bytes,
        fs::read(backend.folder().join("state.json")).expect("there")
    );
}

#[tokio::test]
async fn what_changes_nothing_stores_nothing() {
    let (_folder, backend, _) = three().await;
    let mut writer = begun(&backend).await;
    writer.persist().await.expect("nothing to store");
    writer.release().await.expect("ours");
    assert_eq!(verified(&backend).await, (4, None));
    assert_eq!(backend.history().await.expect("readable").len(), 4);
    assert!(!backend.folder().join("journal.jsonl").exists());
}
