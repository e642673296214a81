//! Kafka Connect: how one distributed worker with a few real connectors is started. I/O.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::http;
use super::jars::{self, Component, Jars};
use super::record::{ConnectRecord, Folder, Record};
use super::registry::temporary_folder;
use super::server::Server;
use super::service::{Error, Service};
use super::toolchain::Toolchain;
use super::{Progress, broker};

/// Options of its JVM. Measured with the plugins found by their service files: 150 MiB after the start,
/// where a scan of every class takes 540.
const JVM_OPTIONS: [&str; 6] = [
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:-UsePerfData",
];

/// The plugins: each in a folder of its own, and so behind a class loader of its own.
const PLUGINS: [&Component; 3] = [
    &jars::FILE_STREAM,
    &jars::DEBEZIUM_POSTGRES,
    &jars::DEBEZIUM_JDBC,
];

/// The classes without which the worker is not ready.
const CONNECTORS: [&str; 5] = [
    "org.apache.kafka.connect.file.FileStreamSourceConnector",
    "org.apache.kafka.connect.file.FileStreamSinkConnector",
    "org.apache.kafka.connect.mirror.MirrorSourceConnector",
    "io.debezium.connector.postgresql.PostgresConnector",
    "io.debezium.connector.jdbc.JdbcSinkConnector",
];

impl ConnectRecord {
    /// Returns the address of its REST API.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Returns the worker's log.
pub(super) fn log(folder: &Folder) -> PathBuf {
    folder.connect().join("server.log")
}

/// Returns what has to be fetched.
pub(super) fn components() -> Vec<&'static Component> {
    [&[&jars::CONNECT], &PLUGINS[..]].concat()
}

/// The worker's own files, and its plugins'.
pub(super) struct Files {
    worker: Jars,
    plugins: Vec<(&'static str, Jars)>,
}

/// Fetches the worker and its plugins.
pub(super) fn fetch(tools: &Toolchain, progress: Progress<'_>) -> Result<Files, jars::Error> {
    Ok(Files {
        worker: jars::fetch(&jars::CONNECT, tools, progress)?,
        plugins: PLUGINS
            .iter()
            .map(|plugin| Ok((plugin.name(), jars::fetch(plugin, tools, progress)?)))
            .collect::<Result<_, jars::Error>>()?,
    })
}

/// Writes what the worker reads, and returns how it is started. The brokers have to run by then.
pub(super) fn service(
    java: &Path,
    files: &Files,
    folder: &Folder,
    record: &Record,
    own: &ConnectRecord,
) -> Result<Service, Error> {
    let home = folder.connect();
    let temporary = home.join("tmp");
    prepare(files, folder, record, own).map_err(Error::start(Server::Connect))?;
    let mut command = Command::new(java);
    command
        .current_dir(&home)
        .args(JVM_OPTIONS)
        .arg(temporary_folder(&temporary))
        .arg(broker::log_option(
            &folder.path().join("logging.properties"),
        ))
        .arg("-cp")
        .arg(files.worker.classpath())
        .args([
            "org.apache.kafka.connect.cli.ConnectDistributed",
            "connect.properties",
        ]);
    let port = own.port;
    Ok(Service {
        server: Server::Connect,
        command,
        log: log(folder),
        address: format!("127.0.0.1:{port}"),
        ready: Box::new(move || ready(port)),
    })
}

fn prepare(files: &Files, folder: &Folder, record: &Record, own: &ConnectRecord) -> io::Result<()> {
    let home = folder.connect();
    let plugins = home.join("plugins");
    fs::create_dir_all(home.join("tmp"))?;
    fs::create_dir_all(&plugins)?;
    for (name, jars) in &files.plugins {
        link(jars.path(), &plugins.join(name))?;
    }
    for (number, folder) in own.plugins.iter().enumerate() {
        link(folder, &plugins.join(format!("added-{number}")))?;
    }
    fs::write(home.join("connect.properties"), properties(record, own))
}

fn link(target: &Path, link: &Path) -> io::Result<()> {
    // One of an earlier version may point elsewhere.
    if let Err(error) = fs::remove_file(link)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    symlink(target, link)
}

/// Returns the full path of a folder that is to be a plugin. It holds a jar, or the worker would not
/// see it.
pub(super) fn plugin(folder: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        if entry?.path().extension().is_some_and(|kind| kind == "jar") {
            return fs::canonicalize(folder);
        }
    }
    Err(io::Error::other("there is no jar in it"))
}

/// Asks whether the worker has joined its group (`/health`, KIP-1017), and for the connectors and plugins.
fn ready(port: u16) -> io::Result<()> {
    http::get(port, "/health")?;
    http::get(port, "/connectors")?;
    let plugins = http::get(port, "/connector-plugins")?;
    if CONNECTORS.iter().all(|class| plugins.contains(class)) {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// Returns the worker's settings, read in its own folder.
fn properties(record: &Record, own: &ConnectRecord) -> String {
    let replicas = if record.brokers.len() >= 3 { 3 } else { 1 };
    let bootstrap = record.bootstrap();
    let port = own.port;
    format!(
        "\
bootstrap.servers={bootstrap}
group.id=connect
listeners=http://127.0.0.1:{port}
rest.advertised.host.name=127.0.0.1
rest.advertised.port={port}
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter.schemas.enable=false
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor={replicas}
offset.storage.replication.factor={replicas}
status.storage.replication.factor={replicas}
offset.storage.partitions=1
status.storage.partitions=1
# The defaults are a minute, and five minutes of waiting for a worker that left.
offset.flush.interval.ms=1000
scheduled.rebalance.max.delay.ms=0
connector.client.config.override.policy=All
# Secrets of connectors as references: `${{file:path:key}}` and `${{env:NAME}}`.
config.providers=file,env
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
# Relative, so that a comma in the path cannot be misread. Every plugin here has its service files.
plugin.path=plugins
plugin.discovery=service_load
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_is_on_loopback_and_its_topics_are_as_safe_as_the_cluster() {
        let own = ConnectRecord {
            port: 20_001,
            process: None,
            plugins: Vec::new(),
        };
        for (brokers, replicas) in [(1, "1"), (3, "3")] {
            let mut record = Record::new(brokers, false);
            for broker in &mut record.brokers {
                broker.ports.plaintext = 9000 + broker.id;
            }
            let properties = properties(&record, &own);
            let value = |key: &str| {
                let mut lines = properties.lines();
                lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            };
            assert_eq!(value("listeners"), Some("http://127.0.0.1:20001"));
            for topic in ["config", "offset", "status"] {
                let key = format!("{topic}.storage.replication.factor");
                assert_eq!(value(&key), Some(replicas));
            }
            let bootstrap = value("bootstrap.servers").map(|all| all.split(',').count());
            assert_eq!(bootstrap, Some(usize::from(brokers)));
        }
    }

    #[test]
    fn a_plugin_is_a_folder_with_a_jar() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(plugin(&folder.path().join("absent")).is_err());
        assert!(plugin(folder.path()).is_err());
        fs::write(folder.path().join("mine.jar"), "")?;
        assert_eq!(plugin(folder.path())?, fs::canonicalize(folder.path())?);
        Ok(())
    }
}
