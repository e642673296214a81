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
/// The folder of the single broker's sandbox, in which the further servers are, too.
const ONE_DIR: &str = "STREAMFORM_TEST_KAFKA_DIR";
/// A Connect worker: the address of its REST API.
const CONNECT: &str = "STREAMFORM_TEST_CONNECT";
/// Flink: the address of its `JobManager`'s REST API.
const FLINK: &str = "STREAMFORM_TEST_FLINK";
/// Flink's SQL gateway: its address.
const SQL_GATEWAY: &str = "STREAMFORM_TEST_SQL_GATEWAY";
/// `PostgreSQL`: its address with user, password and database.
const POSTGRES: &str = "STREAMFORM_TEST_POSTGRES";
/// The folder of the jars that `tests/java/build.sh` builds.
const JARS: &str = "STREAMFORM_TEST_JARS";
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

/// Returns the folder of the single broker's sandbox, or says that the test is skipped. A test that stops a
/// server of it takes [`Sandbox::stop_server`](streamform::sandbox::Sandbox::stop_server), and sees to it
/// that no other test is disturbed: [`connect_alone`], [`flink_alone`].
#[track_caller]
pub(crate) fn kafka_dir() -> Option<PathBuf> {
    required(ONE_DIR).map(PathBuf::from)
}

/// Returns the address of the Connect worker, or says that the test is skipped.
#[track_caller]
pub(crate) fn connect() -> Option<String> {
    required(CONNECT)
}

/// Returns the address of Flink, or says that the test is skipped.
#[track_caller]
pub(crate) fn flink() -> Option<String> {
    required(FLINK)
}

/// Returns the address of Flink's SQL gateway, or says that the test is skipped.
#[track_caller]
pub(crate) fn sql_gateway() -> Option<String> {
    required(SQL_GATEWAY)
}

/// Returns a jar that `tests/java/build.sh` built, such as `counter-v1.jar`, or says that the test is skipped.
#[track_caller]
pub(crate) fn jar(name: &str) -> Option<PathBuf> {
    required(JARS).map(|folder| PathBuf::from(folder).join(name))
}

/// Returns the address of a real schema registry, or says that there is none. A run does not fail without
/// it, since its Java 21 cannot be had everywhere; `tests/run.sh` sees to it wherever there is one.
pub(crate) fn registry() -> Option<String> {
    wherever_it_is(REGISTRY)
}

/// Returns the address of a real `PostgreSQL`, `postgres://user:password@host:port/database`, or says that
/// there is none. A run does not fail without it, since it cannot be installed everywhere.
pub(crate) fn postgres() -> Option<String> {
    wherever_it_is(POSTGRES)
}

fn wherever_it_is(variable: &str) -> Option<String> {
    let url = env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        say_skipped(&format!("{variable} is not set: there is no such server"));
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

/// Keeps other tests off the Connect worker while it is stopped; ends with the value.
pub(crate) fn connect_alone() -> RwLockWriteGuard<'static, ()> {
    CONNECT_USE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the Connect worker running; ends with the value.
pub(crate) fn connect_shared() -> RwLockReadGuard<'static, ()> {
    CONNECT_USE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps other tests off Flink while one of its servers is stopped, or all its slots are needed; ends with
/// the value.
pub(crate) fn flink_alone() -> RwLockWriteGuard<'static, ()> {
    FLINK_USE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps Flink running; ends with the value. Each test leaves as many slots free as it found.
pub(crate) fn flink_shared() -> RwLockReadGuard<'static, ()> {
    FLINK_USE.read().unwrap_or_else(PoisonError::into_inner)
}

static CLUSTER_USE: RwLock<()> = RwLock::new(());
static CONNECT_USE: RwLock<()> = RwLock::new(());
static FLINK_USE: RwLock<()> = RwLock::new(());
