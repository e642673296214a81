mod chain;
mod crash;
mod failure;
mod fencing;

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::address::Address;
use crate::backend::JournalInfo;
use crate::backend::lease::{Moment, Process};
use crate::document::{ContentHash, Document};
use crate::state::ObjectState;
use crate::state::journal::{Operation, Record};

/// A machine whose clock stands until it is turned.
#[derive(Clone, Default)]
struct Turned(Arc<Mutex<u64>>);

impl Turned {
    fn turn(&self, seconds: u64) {
        *self.0.lock().expect("no panic while turning") += seconds * 1000;
    }
}

impl Machine for Turned {
    fn now(&self) -> Moment {
        let since_boot_ms = *self.0.lock().expect("no panic while turning");
        let wall = jiff::Timestamp::from_second(1_700_000_000).expect("in range");
        Moment {
            boot: "boot".into(),
            since_boot_ms,
            wall: wall.to_string(),
        }
    }
    fn namespace(&self) -> Option<&str> {
        Some("namespace")
    }
    fn is_alive(&self, _: &Process) -> bool {
        true
    }
}

fn environment() -> EnvironmentName {
    "dev".parse().expect("valid")
}

fn backend(folder: &Path) -> LocalBackend {
    LocalBackend::new(folder, environment(), Vec::new())
}

/// A backend in a folder that goes away with the first value.
fn fresh() -> (tempfile::TempDir, LocalBackend) {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path());
    (folder, backend)
}

fn request(operation: &str) -> LeaseRequest {
    LeaseRequest {
        operation: operation.into(),
        who: "tester".into(),
        commit: None,
        wait: Duration::ZERO,
    }
}

fn topic(name: &str) -> Address {
    Address::root("topic", name)
}

fn object(version: u64) -> ObjectState {
    ObjectState {
        provider: "kafka".parse().expect("valid"),
        remote_id: "orders".into(),
        spec: Document::from(json!({ "version": version })),
        protected: false,
        depends_on: BTreeSet::new(),
        outcome: None,
        pending: None,
    }
}

fn create(name: &str) -> Record {
    Record::Intent {
        address: topic(name),
        operation: Operation::Create,
        object: Some(Box::new(object(1))),
        from: None,
    }
}

fn applied(name: &str) -> Record {
    Record::Applied {
        address: topic(name),
        outcome: None,
    }
}

fn plan() -> ContentHash {
    ContentHash::of(b"plan")
}

/// Takes the lease of an environment that nobody holds.
async fn acquired(backend: &LocalBackend) -> Writer {
    backend.acquire(&request("apply")).await.expect("free")
}

/// Takes the lease and begins an apply.
async fn begun(backend: &LocalBackend) -> Writer {
    let mut writer = acquired(backend).await;
    writer.begin(plan()).await.expect("begun");
    writer
}

/// Walks the chain: how many states of it are whole, and what is wrong.
async fn verified(backend: &LocalBackend) -> (usize, Option<ChainFault>) {
    let verification = backend.verify().await.expect("readable").expect("stored");
    (verification.verified, verification.fault)
}

async fn apply(backend: &LocalBackend, names: &[&str]) {
    let mut writer = begun(backend).await;
    for name in names {
        writer.append(&[create(name)]).await.expect("written");
        writer.append(&[applied(name)]).await.expect("written");
    }
    writer.persist().await.expect("stored");
    writer.release().await.expect("released");
}

#[tokio::test]
async fn an_apply_is_stored_and_read_back() {
    let (_folder, backend) = fresh();
    let before = backend.read().await.expect("nothing there");
    assert_eq!((before.stored, before.state.serial), (false, 0));
    assert!(!backend.folder().exists(), "reading writes nothing");
    apply(&backend, &["a", "b"]).await;
    let after = backend.read().await.expect("whole");
    assert_eq!(after.state.serial, 1);
    assert_eq!(after.state.objects.len(), 2);
    assert_eq!(after.holder, None);
    assert_eq!(after.journal, JournalInfo::default());
    assert_eq!(verified(&backend).await, (2, None));
}

#[tokio::test]
async fn a_saved_plan_s_binding_survives_until_the_apply() {
    let (_folder, backend) = fresh();
    let first = backend.read().await.expect("nothing there").hash;
    let mut writer = acquired(&backend).await;
    assert_eq!(writer.stored_hash(), first);
    writer.begin(plan()).await.expect("begun");
    writer.append(&[create("a")]).await.expect("written");
    drop(writer);
    // Killed here: the plan made now sees what the next holder will store.
    let second = backend.read().await.expect("whole");
    assert_eq!(second.journal.records, 2);
    let writer = acquired(&backend).await;
    assert_eq!(writer.stored_hash(), second.hash);
    assert_eq!(*writer.state(), second.state);
    assert_eq!(writer.recovered().expect("a journal was there").records, 2);
}
