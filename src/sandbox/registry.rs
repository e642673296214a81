//! The schema registry: how Apicurio Registry, which speaks Confluent's API, is started. I/O.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::http;
use super::jars::Jars;
use super::record::{Folder, RegistryRecord};
use super::server::Server;
use super::service::{Error, Service};

/// Where Apicurio Registry answers as Confluent's does.
const API: &str = "/apis/ccompat/v7";

/// Options of its JVM. Measured: it is ready after 6 seconds of one core, and takes 260 MiB.
const JVM_OPTIONS: [&str; 6] = [
    "-Xmx384m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:-UsePerfData",
];

impl RegistryRecord {
    /// Returns the address of the API that is as Confluent's.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{API}", self.port)
    }
}

/// Returns the log of the registry.
pub(super) fn log(folder: &Folder) -> PathBuf {
    folder.registry().join("server.log")
}

/// Returns how the registry is started.
pub(super) fn service(
    java: &Path,
    files: &Jars,
    folder: &Folder,
    record: &RegistryRecord,
) -> Result<Service, Error> {
    let temporary = folder.registry().join("tmp");
    fs::create_dir_all(&temporary).map_err(Error::start(Server::Registry))?;
    let mut command = Command::new(java);
    command
        .current_dir(folder.registry())
        .args(JVM_OPTIONS)
        .arg(temporary_folder(&temporary))
        .args(properties(record))
        .arg("-jar")
        .arg(files.file("quarkus-run.jar"));
    let port = record.port;
    Ok(Service {
        server: Server::Registry,
        command,
        log: log(folder),
        address: format!("127.0.0.1:{port}"),
        // The port is open, and the log says so, before the store is ready.
        ready: Box::new(move || http::get(port, &format!("{API}/subjects")).map(drop)),
    })
}

/// Returns its settings. Everything is kept in memory, which is the registry's own default.
fn properties(record: &RegistryRecord) -> [String; 6] {
    [
        "quarkus.http.host=127.0.0.1".to_owned(),
        format!("quarkus.http.port={}", record.port),
        "quarkus.management.host=127.0.0.1".to_owned(),
        format!("quarkus.management.port={}", record.management),
        // Confluent's default; Apicurio's own is NONE.
        "apicurio.rules.global.compatibility=BACKWARD".to_owned(),
        "quarkus.banner.enabled=false".to_owned(),
    ]
    .map(|property| format!("-D{property}"))
}

/// Returns the JVM option that names where a server unpacks things, which would otherwise stay behind
/// in the system's folder.
pub(super) fn temporary_folder(path: &Path) -> OsString {
    let mut option = OsString::from("-Djava.io.tmpdir=");
    option.push(path);
    option
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_its_listeners_are_on_loopback() {
        let record = RegistryRecord {
            port: 20_001,
            management: 20_002,
            process: None,
        };
        let properties = properties(&record);
        for wanted in [
            "-Dquarkus.http.host=127.0.0.1",
            "-Dquarkus.http.port=20001",
            "-Dquarkus.management.host=127.0.0.1",
            "-Dquarkus.management.port=20002",
        ] {
            assert!(properties.iter().any(|p| p == wanted), "{properties:?}");
        }
        assert_eq!(record.url(), "http://127.0.0.1:20001/apis/ccompat/v7");
    }
}
