//! The servers that `tests/run.sh` starts, and what happens to a live test without them.

use std::env;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::Deserialize;

/// One broker without encryption: its address.
const ONE: &str = "STREAMFORM_TEST_KAFKA";
/// Three brokers, each in a rack of its own: their addresses.
const CLUSTER: &str = "STREAMFORM_TEST_KAFKA_CLUSTER";
/// The folder of the cluster's sandbox, for tests that stop brokers.
const CLUSTER_DIR: &str = "STREAMFORM_TEST_KAFKA_CLUSTER_DIR";
/// A secured broker: what `streamform sandbox status --json` says of it.
const SECURE: &str = "STREAMFORM_TEST_KAFKA_SECURE";
/// A schema registry: the address of its API as Confluent's.
const REGISTRY: &str = "STREAMFORM_TEST_REGISTRY";
/// Set where a missing server is a failure.
const REQUIRE: &str = "STREAMFORM_TEST_REQUIRE";

/// A secured broker.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SecureKafka {
    /// The address without encryption, where everybody is a super user.
    pub(crate) bootstrap: String,
    /// The listeners and what a client needs for them.
    pub(crate) secure: Listeners,
}

/// The secured listeners.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listeners {
    /// SCRAM and PLAIN without encryption.
    pub(crate) sasl_plaintext: String,
    /// TLS with client certificates.
    pub(crate) ssl: String,
    /// SCRAM and PLAIN inside TLS.
    pub(crate) sasl_ssl: String,
    /// The authority's certificate.
    pub(crate) ca: PathBuf,
    /// The client's certificate.
    pub(crate) client_certificate: PathBuf,
    /// The client's key.
    pub(crate) client_key: PathBuf,
}

/// Returns the address of the single broker, or says that the test is skipped.
#[track_caller]
pub(crate) fn kafka() -> Option<String> {
    required(ONE)
}

/// Returns the addresses of the three brokers, or says that the test is skipped.
#[track_caller]
pub(crate) fn cluster() -> Option<String> {
    required(CLUSTER)
}

/// Returns the folder of the three brokers' sandbox, or says that the test is skipped.
#[track_caller]
pub(crate) fn cluster_dir() -> Option<PathBuf> {
    required(CLUSTER_DIR).map(PathBuf::from)
}

/// Returns the secured broker, or says that the test is skipped.
#[track_caller]
pub(crate) fn secure() -> Option<SecureKafka> {
    required(SECURE).map(|json| serde_json::from_str(&json).unwrap())
}

/// Returns the address of a real schema registry, or says that there is none. A run does not fail without
/// it, since its Java 21 cannot be had everywhere; `tests/run.sh` sees to it wherever there is one.
pub(crate) fn registry() -> Option<String> {
    let url = env::var(REGISTRY).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        say_skipped(&format!("{REGISTRY} is not set: no real schema registry"));
    }
    url
}

/// Returns whether a missing server is a failure, and so whether the run can afford live tests.
pub(crate) fn are_required() -> bool {
    env::var_os(REQUIRE).is_some_and(|value| value == "1")
}

/// Says that this test does not run for want of a server; under `tests/run.sh` it fails.
#[track_caller]
pub(crate) fn skip(why: &str) {
    assert!(!are_required(), "{REQUIRE}=1, but {why}");
    say_skipped(why);
}

/// Says that this test does not run, past the test runner, which would swallow it.
pub(crate) fn say_skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("SKIPPED: {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[track_caller]
fn required(variable: &str) -> Option<String> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        skip(&format!(
            "{variable} is not set: start the servers with tests/run.sh"
        ));
    }
    value
}

/// Keeps other tests off the three brokers while one of them is stopped; ends with the value.
pub(crate) fn cluster_alone() -> RwLockWriteGuard<'static, ()> {
    CLUSTER_USE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the three brokers running; ends with the value.
pub(crate) fn cluster_shared() -> RwLockReadGuard<'static, ()> {
    CLUSTER_USE.read().unwrap_or_else(PoisonError::into_inner)
}

static CLUSTER_USE: RwLock<()> = RwLock::new(());
