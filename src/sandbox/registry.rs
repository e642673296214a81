//! The schema registry's life: Apicurio Registry, which speaks Confluent's API, is started and awaited. I/O.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::Progress;
use super::broker::last_lines;
use super::jars::Jars;
use super::log::Tail;
use super::process::{self, Process, Stop};
use super::record::{Folder, RegistryRecord};

/// Where Apicurio Registry answers as Confluent's does.
const API: &str = "/apis/ccompat/v7";
const POLL: Duration = Duration::from_millis(100);

/// Options of its JVM. Measured: it is ready after 6 seconds of one core, and takes 260 MiB.
const JVM_OPTIONS: [&str; 6] = [
    "-Xmx384m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:-UsePerfData",
];

/// Why the schema registry could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Java could not be started, or a file of the registry not be used.
    #[error("cannot start the schema registry")]
    Start(#[source] io::Error),
    /// The registry ended while it was starting.
    #[error("the schema registry ended while it was starting; the end of {}:\n{tail}", log.display())]
    Died {
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The registry did not get ready in time.
    #[error("the schema registry was not ready after {} s; the end of {}:\n{tail}", waited.as_secs(), log.display())]
    NotReady {
        /// How long it was waited for.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The registry could not be stopped.
    #[error("cannot stop the schema registry")]
    Stop(#[source] io::Error),
}

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

/// A registry whose process has been started.
pub(super) struct Launched {
    /// The process.
    pub(super) process: Process,
    /// The log from where this start begins.
    log: Tail,
    port: u16,
}

/// Starts the registry's process, its log appended to `server.log`.
pub(super) fn launch(
    java: &Path,
    files: &Jars,
    folder: &Folder,
    record: &RegistryRecord,
) -> Result<Launched, Error> {
    let temporary = folder.registry().join("tmp");
    fs::create_dir_all(&temporary).map_err(Error::Start)?;
    let log = log(folder);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(Error::Start)?;
    let offset = file.metadata().map_err(Error::Start)?.len();
    let mut command = Command::new(java);
    command
        .current_dir(folder.registry())
        .args(JVM_OPTIONS)
        // What it unpacks there would otherwise stay behind in the system's folder.
        .arg(option("-Djava.io.tmpdir=", &temporary))
        .args(properties(record))
        .arg("-jar")
        .arg(files.file("quarkus-run.jar"));
    let process = Process::spawn_detached(&mut command, &file).map_err(Error::Start)?;
    Ok(Launched {
        process,
        log: Tail::starting_at(&log, offset),
        port: record.port,
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

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// Waits until the registry answers.
pub(super) fn wait_until_ready(
    mut launched: Launched,
    timeout: Duration,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let begin = Instant::now();
    let mut next_line = Duration::from_secs(5);
    loop {
        // Asked before the log is read, so that the last lines of one that ended are seen.
        let running = launched.process.is_running();
        // Only while it runs: another server may have taken the port of one that ended.
        if running && answers(launched.port).is_ok() {
            progress(&format!(
                "the schema registry is ready on 127.0.0.1:{}",
                launched.port
            ));
            return Ok(());
        }
        let waited = begin.elapsed();
        if !running || waited > timeout {
            let log = launched.log.path().to_owned();
            let lines = launched.log.read().unwrap_or_default();
            let tail = last_lines(&lines.join("\n"), 20);
            return Err(if running {
                Error::NotReady { waited, log, tail }
            } else {
                Error::Died { log, tail }
            });
        }
        if waited >= next_line {
            progress(&format!(
                "waiting for the schema registry ({} s)",
                waited.as_secs()
            ));
            next_line += Duration::from_secs(5);
        }
        thread::sleep(POLL);
    }
}

/// Asks for the subjects: the port is open, and the log says so, before the store is ready.
fn answers(port: u16) -> io::Result<()> {
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(10));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(TIMEOUT)?;
    stream.set_write_timeout(TIMEOUT)?;
    let host = format!("Host: 127.0.0.1:{port}\r\nConnection: close");
    stream.write_all(format!("GET {API}/subjects HTTP/1.1\r\n{host}\r\n\r\n").as_bytes())?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    match status.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Stops the registry. It keeps nothing, so that an orderly shutdown would save nothing.
pub(super) fn stop(process: &Process) -> Result<(), Error> {
    process::stop(&[process], Stop::Kill).map_err(|(_, source)| Error::Stop(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn only_a_list_of_subjects_counts_as_an_answer() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let server = thread::spawn(move || -> io::Result<()> {
            for answer in [
                "HTTP/1.1 200 OK\r\n\r\n[]",
                "HTTP/1.1 503 Not yet\r\n\r\n",
                "",
            ] {
                let (mut stream, _) = listener.accept()?;
                let mut lines = BufReader::new(&stream).lines();
                let first = lines.next().transpose()?.unwrap_or_default();
                assert!(first.starts_with("GET /apis/ccompat/v7/subjects "));
                lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
                stream.write_all(answer.as_bytes())?;
            }
            Ok(())
        });
        assert!(answers(port).is_ok());
        assert!(answers(port).is_err());
        assert!(answers(port).is_err());
        assert!(matches!(server.join(), Ok(Ok(()))));
        assert!(answers(port).is_err());
        Ok(())
    }

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
