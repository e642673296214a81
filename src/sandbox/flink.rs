//! Flink: how a session cluster is started, a `JobManager`, one `TaskManager` and the SQL gateway. I/O.
//!
//! The distribution's shell scripts are not used: they are no part of what Maven fetches. So what they
//! would work out, the memory of the `TaskManager` above all, is written out here.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::http;
use super::jars::{FLINK_VERSION, Jars};
use super::record::{FlinkRecord, Folder};
use super::server::Server;
use super::service::Service;

/// Options of each of the three JVMs.
const JVM_OPTIONS: [&str; 4] = [
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
];

/// What Flink reaches into, as its own `config.yaml` lists it for Java 17 and newer.
const OPENED: [&str; 12] = [
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.lang.reflect",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
];
const EXPORTED: [&str; 2] = [
    "java.rmi/sun.rmi.registry",
    "java.security.jgss/sun.security.krb5",
];

/// The log4j 2 configuration: everything to standard output, which is the log file.
const LOGGING: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = CONSOLE
appender.console.name = CONSOLE
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
";

impl FlinkRecord {
    /// Returns the address of the `JobManager`'s REST API.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.rest)
    }

    /// Returns the address of the SQL gateway.
    pub(super) fn sql_gateway_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.sql_gateway)
    }
}

/// Returns where savepoints go that name no other place.
pub(super) fn savepoints(folder: &Folder) -> PathBuf {
    folder.flink().join("savepoints")
}

/// Returns where checkpoints go.
pub(super) fn checkpoints(folder: &Folder) -> PathBuf {
    folder.flink().join("checkpoints")
}

/// Returns the log of one of Flink's servers.
pub(super) fn log(folder: &Folder, server: Server) -> PathBuf {
    let name = match server {
        Server::TaskManager => "taskmanager.log",
        Server::SqlGateway => "sql-gateway.log",
        _ => "jobmanager.log",
    };
    folder.flink().join(name)
}

/// Writes what all three read.
pub(super) fn write_settings(folder: &Folder, record: &FlinkRecord) -> io::Result<()> {
    let home = folder.flink();
    for name in ["conf", "upload", "tmp", "plugins"] {
        fs::create_dir_all(home.join(name))?;
    }
    fs::create_dir_all(savepoints(folder))?;
    fs::create_dir_all(checkpoints(folder))?;
    fs::write(home.join("conf/logging.properties"), LOGGING)?;
    fs::write(home.join("conf/config.yaml"), settings(folder, record))
}

/// Returns how one of Flink's servers is started.
pub(super) fn service(
    server: Server,
    java: &Path,
    jars: &Jars,
    folder: &Folder,
    record: &FlinkRecord,
) -> Service {
    let home = folder.flink();
    let mut command = Command::new(java);
    command
        .current_dir(&home)
        .env("FLINK_CONF_DIR", home.join("conf"))
        .env("FLINK_PLUGINS_DIR", home.join("plugins"))
        .args(JVM_OPTIONS)
        .args(OPENED.map(|package| format!("--add-opens={package}=ALL-UNNAMED")))
        .args(EXPORTED.map(|package| format!("--add-exports={package}=ALL-UNNAMED")))
        // Relative, like `io.tmp.dirs`, for which it stands in where the settings are not read.
        .arg("-Djava.io.tmpdir=tmp")
        .arg("-Dlog4j2.configurationFile=conf/logging.properties")
        // Every submitted job brings classes of its own, and a test submits many.
        .args(match server {
            Server::TaskManager => ["-Xmx448m", "-XX:MaxMetaspaceSize=384m"],
            _ => ["-Xmx384m", "-XX:MaxMetaspaceSize=384m"],
        })
        .arg("-cp")
        .arg(jars.classpath());
    let rest = record.ports.rest;
    let sql_gateway = record.ports.sql_gateway;
    let (port, ready): (u16, Box<dyn Fn() -> io::Result<()>>) = match server {
        Server::TaskManager => {
            // Of its own at each start: the JobManager keeps one that was killed for a while.
            let id = format!("taskmanager-{}", uuid::Uuid::new_v4().simple());
            command
                .args([
                    "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                    "--configDir",
                    "conf",
                ])
                .arg(format!("-Dtaskmanager.resource-id={id}"));
            let registered = move || {
                contains(&http::get(rest, "/taskmanagers")?, &id)?;
                // It is known a moment before its slots are.
                if http::get(rest, "/overview")?.contains("\"slots-total\":0,") {
                    return Err(io::ErrorKind::NotFound.into());
                }
                Ok(())
            };
            (rest, Box::new(registered))
        }
        Server::SqlGateway => {
            command.arg("org.apache.flink.table.gateway.SqlGateway");
            let answers = move || contains(&http::get(sql_gateway, "/v1/info")?, FLINK_VERSION);
            (sql_gateway, Box::new(answers))
        }
        _ => {
            command.args([
                "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                "--configDir",
                "conf",
                "--executionMode",
                "cluster",
            ]);
            let answers = move || contains(&http::get(rest, "/overview")?, FLINK_VERSION);
            (rest, Box::new(answers))
        }
    };
    Service {
        server,
        command,
        log: log(folder, server),
        address: format!("127.0.0.1:{port}"),
        ready,
    }
}

fn contains(answer: &str, wanted: &str) -> io::Result<()> {
    if answer.contains(wanted) {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// Returns Flink's `config.yaml`. Its keys: <https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/deployment/config/>.
fn settings(folder: &Folder, record: &FlinkRecord) -> String {
    let home = folder.flink();
    // JSON's strings are strings of YAML, whatever a path holds.
    let path = |path: PathBuf| serde_json::Value::from(path.to_string_lossy()).to_string();
    let file =
        |path: PathBuf| serde_json::Value::from(format!("file://{}", path.display())).to_string();
    let (ports, slots) = (&record.ports, record.slots);
    let settings = [
        ("jobmanager.rpc.address", "127.0.0.1".to_owned()),
        ("jobmanager.rpc.port", ports.rpc.to_string()),
        ("jobmanager.bind-host", "127.0.0.1".to_owned()),
        ("blob.server.port", ports.blob.to_string()),
        ("rest.address", "127.0.0.1".to_owned()),
        ("rest.bind-address", "127.0.0.1".to_owned()),
        ("rest.port", ports.rest.to_string()),
        // Milliseconds; so old may an answer about a job be.
        ("web.refresh-interval", "300".to_owned()),
        ("web.upload.dir", path(home.join("upload"))),
        ("metrics.fetcher.update-interval", "1000".to_owned()),
        ("taskmanager.host", "127.0.0.1".to_owned()),
        ("taskmanager.bind-host", "127.0.0.1".to_owned()),
        ("taskmanager.numberOfTaskSlots", slots.to_string()),
        ("taskmanager.cpu.cores", "2.0".to_owned()),
        ("taskmanager.memory.framework.heap.size", "128m".to_owned()),
        ("taskmanager.memory.task.heap.size", "320m".to_owned()),
        (
            "taskmanager.memory.framework.off-heap.size",
            "64m".to_owned(),
        ),
        ("taskmanager.memory.task.off-heap.size", "0b".to_owned()),
        ("taskmanager.memory.managed.size", "64m".to_owned()),
        ("taskmanager.memory.network.min", "96m".to_owned()),
        ("taskmanager.memory.network.max", "96m".to_owned()),
        ("taskmanager.memory.jvm-metaspace.size", "384m".to_owned()),
        ("taskmanager.memory.jvm-overhead.min", "64m".to_owned()),
        ("taskmanager.memory.jvm-overhead.max", "64m".to_owned()),
        // Milliseconds: one that was killed is noticed within a few seconds.
        ("heartbeat.interval", "1000".to_owned()),
        ("parallelism.default", "1".to_owned()),
        ("execution.checkpointing.interval", "1s".to_owned()),
        ("execution.checkpointing.dir", file(checkpoints(folder))),
        (
            "execution.checkpointing.savepoint-dir",
            file(savepoints(folder)),
        ),
        (
            "execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION".to_owned(),
        ),
        ("state.backend.type", "hashmap".to_owned()),
        // A job that fails again and again ends FAILED; its own settings may say otherwise.
        ("restart-strategy.type", "fixed-delay".to_owned()),
        ("restart-strategy.fixed-delay.attempts", "5".to_owned()),
        ("restart-strategy.fixed-delay.delay", "1s".to_owned()),
        // Rescales in place, and does so after 1 s, not after 30 to 60. It restores a job after it has taken
        // it: a savepoint that does not fit, or is not there, is no error of the submission, but a job FAILED.
        ("jobmanager.scheduler", "adaptive".to_owned()),
        (
            "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling",
            "1s".to_owned(),
        ),
        (
            "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout",
            "1s".to_owned(),
        ),
        (
            "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout",
            "1s".to_owned(),
        ),
        (
            "web.adaptive-scheduler.rescale-history.size",
            "20".to_owned(),
        ),
        // Relative, since Flink splits it at commas and colons.
        ("io.tmp.dirs", "tmp".to_owned()),
        ("classloader.check-leaked-classloader", "false".to_owned()),
        ("sql-gateway.endpoint.rest.address", "127.0.0.1".to_owned()),
        (
            "sql-gateway.endpoint.rest.bind-address",
            "127.0.0.1".to_owned(),
        ),
        (
            "sql-gateway.endpoint.rest.port",
            ports.sql_gateway.to_string(),
        ),
    ];
    let mut out = String::new();
    for (key, value) in settings {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{key}: {value}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_on_loopback_and_paths_are_quoted() -> Result<(), Box<dyn std::error::Error>>
    {
        let mut record = FlinkRecord::new(4);
        for (number, port) in (20_001..).zip(record.ports_mut()) {
            *port = number;
        }
        let settings = settings(&Folder::at(Path::new("/x/a: \"b\""))?, &record);
        for line in [
            "rest.bind-address: 127.0.0.1",
            "jobmanager.bind-host: 127.0.0.1",
            "taskmanager.bind-host: 127.0.0.1",
            "sql-gateway.endpoint.rest.bind-address: 127.0.0.1",
            "taskmanager.numberOfTaskSlots: 4",
            r#"web.upload.dir: "/x/a: \"b\"/flink/upload""#,
            r#"execution.checkpointing.savepoint-dir: "file:///x/a: \"b\"/flink/savepoints""#,
        ] {
            assert!(settings.lines().any(|l| l == line), "{line}\n{settings}");
        }
        Ok(())
    }
}
