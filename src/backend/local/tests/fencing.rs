//! Who may write: races, leases that run out, holders that wake up late.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn turned(folder: &Path, machine: &Turned) -> LocalBackend {
    LocalBackend::on_machine(
        folder,
        environment(),
        Vec::new(),
        LEASE_TTL,
        Box::new(machine.clone()),
    )
}

fn fenced(result: Result<(), BackendError>) -> String {
    match result {
        Err(BackendError::Fenced { reason }) => reason,
        other => unreachable!("not fenced: {other:?}"),
    }
}

#[tokio::test]
async fn of_many_that_ask_at_once_one_wins() {
    const ASKERS: usize = 8;
    let (_folder, backend) = fresh();
    let barrier = Barrier::new(ASKERS);
    let won = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ASKERS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .expect("a runtime");
                for round in 1..=25 {
                    barrier.wait();
                    let result = runtime.block_on(backend.acquire(&request("apply")));
                    match &result {
                        Ok(writer) => {
                            won.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(writer.epoch(), round);
                        }
                        Err(error) => {
                            assert!(matches!(error, BackendError::LeaseHeld { .. }), "{error:?}");
                        }
                    }
                    barrier.wait();
                    assert_eq!(won.load(Ordering::SeqCst) as u64, round);
                    drop(result);
                }
            });
        }
    });
}

#[tokio::test]
async fn a_held_lease_is_named() {
    let (_folder, backend) = fresh();
    let first = LeaseRequest {
        commit: Some("8843d7f".into()),
        ..request("apply")
    };
    let writer = backend.acquire(&first).await.expect("free");
    let error = backend
        .acquire(&request("state mv"))
        .await
        .err()
        .expect("held");
    let filters = vec![
        (
            r"on \S+ \(process \d+\) since \S+,",
            "on HOST (process PID) since TIME,",
        ),
        (r"[0-9a-f-]{36}", "LEASE"),
    ];
    insta::with_settings!({filters => filters}, {
        insta::assert_snapshot!(error, @r#"environment "dev" is being changed: apply by tester on HOST (process PID) since TIME, commit 8843d7f"#);
        insta::assert_snapshot!(error.hint().expect("a hint"), @"wait for it with --lock-timeout 5m; if it is surely gone: streamform state unlock LEASE");
    });
    // Readers are not kept out, and are told.
    let snapshot = backend.read().await.expect("readable");
    assert_eq!(snapshot.holder.as_ref(), Some(writer.holder()));
    drop(writer);
    backend
        .acquire(&request("apply"))
        .await
        .expect("free again");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_lease_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = Turned::default();
    let backend = turned(folder.path(), &machine);
    let writer = acquired(&backend).await;
    let patient = LeaseRequest {
        wait: Duration::from_secs(40),
        ..request("apply")
    };
    let start = tokio::time::Instant::now();
    let waited = backend.acquire(&patient).await.err();
    assert!(
        matches!(waited, Some(BackendError::LeaseHeld { .. })),
        "{waited:?}"
    );
    assert_eq!(start.elapsed().as_secs(), 40);
    let waiting = backend.acquire(&patient);
    let releasing = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(writer);
    };
    let (second, ()) = tokio::join!(waiting, releasing);
    assert_eq!(second.expect("released").epoch(), 2);
}

#[tokio::test]
async fn a_holder_that_wakes_up_late_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = Turned::default();
    let backend = turned(folder.path(), &machine);
    let mut late = begun(&backend).await;
    late.append(&[create("a")]).await.expect("written");
    machine.turn(30);
    // Even though nobody took the lease.
    assert_eq!(
        fenced(late.append(&[applied("a")]).await),
        "our lease ran out: it was renewed last at 2023-11-14T22:13:20Z"
    );
    let mut next = backend.acquire(&request("apply")).await.expect("run out");
    assert_eq!(next.epoch(), 2);
    assert_eq!(next.recovered().expect("a journal").records, 2);
    next.begin(plan()).await.expect("begun");
    next.append(&[create("b")]).await.expect("written");
    assert!(
        fenced(late.append(&[create("x")]).await).starts_with("the lease went to another: apply")
    );
    assert!(fenced(late.persist().await).starts_with("the lease went to another: apply"));
    late.release().await.expect("it is not ours to give back");
    next.append(&[applied("b")]).await.expect("still ours");
    next.persist().await.expect("stored");
    assert_eq!(next.state().objects[&topic("b")].pending, None);
}

#[tokio::test]
async fn a_state_that_somebody_replaced_is_not_written_over() {
    let (_folder, backend) = fresh();
    apply(&backend, &["a"]).await;
    let mut writer = acquired(&backend).await;
    let copy = backend.folder().join("copy");
    std::fs::copy(backend.folder().join("state.json"), &copy).expect("copied");
    std::fs::rename(&copy, backend.folder().join("state.json")).expect("replaced");
    assert!(fenced(writer.begin(plan()).await).ends_with("was replaced by somebody else"));
}

#[tokio::test]
async fn a_broken_lease_is_lost_at_once_and_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path()).with_lease_ttl(Duration::from_millis(300));
    let never = backend
        .break_lease("any", "me")
        .await
        .expect_err("never applied");
    insta::assert_snapshot!(never, @r#"no lease any is held on environment "dev""#);
    let mut writer = begun(&backend).await;
    let id = writer.holder().id.clone();
    let wrong = backend
        .break_lease("other", "me")
        .await
        .expect_err("no such lease");
    assert!(wrong.to_string().contains(&id), "{wrong}");
    backend.break_lease(&id, "me").await.expect("held");
    assert_eq!(
        fenced(writer.append(&[create("a")]).await),
        "the lease was taken from us"
    );
    let mut lost = writer.lost();
    let waited = tokio::time::timeout(Duration::from_secs(10), lost.wait_for(|lost| *lost)).await;
    assert!(waited.is_ok_and(|lost| lost.is_ok()));
    assert!(writer.is_lost());
    // The epoch went on with the break.
    assert_eq!(acquired(&backend).await.epoch(), 3);
    let log = std::fs::read_to_string(backend.folder().join("unlocks.jsonl")).expect("written");
    assert!(log.contains(&id) && log.contains("\"by\":\"me\""), "{log}");
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = backend(folder.path()).with_lease_ttl(Duration::from_secs(1));
    let mut writer = acquired(&backend).await;
    // Blocks the runtime's only thread on purpose.
    std::thread::sleep(Duration::from_secs(3));
    assert!(backend.acquire(&request("apply")).await.is_err());
    writer.begin(plan()).await.expect("still ours");
    assert!(!writer.is_lost());
}

#[tokio::test]
async fn a_killed_process_frees_its_lease() {
    let (_folder, backend) = fresh();
    let writer = acquired(&backend).await;
    let path = backend.folder().join("lease.json");
    let mut lease: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("there")).expect("JSON");
    drop(writer);
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("sleep");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("Linux");
    let started: u64 = stat
        .split(' ')
        .nth(21)
        .and_then(|f| f.parse().ok())
        .expect("field 22");
    lease["holder"]["process"]["pid"] = child.id().into();
    lease["holder"]["process"]["started"] = started.into();
    std::fs::write(&path, lease.to_string()).expect("written");
    assert!(matches!(
        backend.acquire(&request("apply")).await,
        Err(BackendError::LeaseHeld { .. })
    ));
    child.kill().expect("ours");
    // Not waited for: it is a zombie, as a killed job of a busy parent is.
    let mut writer = backend.acquire(&request("apply")).await;
    for _ in 0..100 {
        if writer.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        writer = backend.acquire(&request("apply")).await;
    }
    assert_eq!(writer.expect("its holder is dead").epoch(), 2);
    child.wait().expect("ours");
}
