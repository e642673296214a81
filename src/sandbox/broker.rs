//! How a broker comes up: its storage is formatted, it is started and awaited. I/O.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::jars::Jars;
use super::log::Tail;
use super::process::Process;
use super::record::{Folder, Record};
use super::wait::wait;
use super::{Progress, server, settings};

/// Why a broker could not be formatted or started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Java could not be started, or a file of the broker not be used.
    #[error("cannot start broker {id}")]
    Start {
        /// The broker's id.
        id: u16,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// Kafka's storage tool refused.
    #[error("broker {id}'s storage could not be formatted:\n{tail}")]
    Format {
        /// The broker's id.
        id: u16,
        /// The end of what the tool said.
        tail: String,
    },
    /// The broker ended while it was starting.
    #[error("broker {id} ended while it was starting; the end of {}:\n{tail}", log.display())]
    Died {
        /// The broker's id.
        id: u16,
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The broker did not get ready in time.
    #[error("broker {id} was not ready after {} s; the end of {}:\n{tail}", waited.as_secs(), log.display())]
    NotReady {
        /// The broker's id.
        id: u16,
        /// How long it was waited for.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
}

/// What it takes to run a class of Kafka.
pub(super) struct Java {
    /// The `java` program.
    pub(super) program: PathBuf,
    /// Kafka's jars.
    pub(super) jars: Jars,
    /// The largest heap of a broker, as `-Xmx` takes it.
    pub(super) heap: String,
    /// Further options of a broker's JVM.
    pub(super) options: Vec<String>,
}

impl Java {
    fn command(&self, folder: &Folder, id: u16, logging: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(folder.broker(id))
            .args(&self.options)
            .arg(log_option(&folder.path().join(logging)))
            .arg("-cp")
            .arg(self.jars.classpath());
        command
    }
}

/// Returns the JVM option that names a log4j 2 configuration: as a URI, since log4j splits a path at commas.
pub(super) fn log_option(path: &Path) -> String {
    let mut option = "-Dlog4j2.configurationFile=file://".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            option.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(option, "%{byte:02X}");
        }
    }
    option
}

/// Formats the storage of those brokers that have none yet, all at the same time.
pub(super) fn format(
    java: &Java,
    folder: &Folder,
    record: &Record,
    ids: &[u16],
    progress: Progress<'_>,
) -> Result<(), Error> {
    let fresh = |id: &&u16| !folder.broker(**id).join("data/meta.properties").exists();
    let fresh: Vec<u16> = ids.iter().filter(fresh).copied().collect();
    if fresh.is_empty() {
        return Ok(());
    }
    progress(&format!(
        "formatting the storage of {}",
        server::brokers(fresh.len())
    ));
    let mut running: Vec<(u16, Child)> = Vec::new();
    for id in fresh {
        let child =
            spawn_format(java, folder, record, id).map_err(|source| Error::Start { id, source })?;
        running.push((id, child));
    }
    for (id, child) in running {
        let output = child
            .wait_with_output()
            .map_err(|source| Error::Start { id, source })?;
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            return Err(Error::Format {
                id,
                tail: last_lines(&String::from_utf8_lossy(&text), 15),
            });
        }
    }
    Ok(())
}

fn spawn_format(java: &Java, folder: &Folder, record: &Record, id: u16) -> io::Result<Child> {
    let data = folder.broker(id).join("data");
    if data.exists() {
        // A run that was interrupted while formatting left something without its last file.
        fs::remove_dir_all(&data)?;
    }
    let mut command = java.command(folder, id, "tool-logging.properties");
    command.args([
        "-Xmx256m",
        "kafka.tools.StorageTool",
        "format",
        "--cluster-id",
        &record.cluster_id,
    ]);
    command.args(["--config", "server.properties"]);
    if record.secure {
        command.args(settings::scram_options());
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// A broker whose process has been started.
pub(super) struct Launched {
    id: u16,
    /// The process.
    pub(super) process: Process,
    /// The log from where this start begins.
    log: Tail,
    /// What it said so far.
    lines: Vec<String>,
    address: String,
}

impl Launched {
    /// Adds where the broker will answer.
    pub(super) fn at(mut self, address: String) -> Self {
        self.address = address;
        self
    }
}

/// Starts a broker's process, its log appended to `server.log`.
pub(super) fn launch(java: &Java, folder: &Folder, id: u16) -> Result<Launched, Error> {
    let start_error = |source| Error::Start { id, source };
    let log = folder.log(id);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(start_error)?;
    let offset = file.metadata().map_err(start_error)?.len();
    let mut command = java.command(folder, id, "logging.properties");
    command.args([
        "-Xms64m",
        &format!("-Xmx{}", java.heap),
        "kafka.Kafka",
        "server.properties",
    ]);
    let process = Process::spawn_detached(&mut command, &file).map_err(start_error)?;
    Ok(Launched {
        id,
        process,
        log: Tail::starting_at(&log, offset),
        lines: Vec::new(),
        address: String::new(),
    })
}

/// Waits until every broker says that it has started, and answers.
pub(super) fn wait_until_ready(
    pending: Vec<Launched>,
    timeout: Duration,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let is_ready = |broker: &mut Launched, waited| {
        // Asked before the log is read, so that the last lines of one that ended are seen.
        let running = broker.process.is_running();
        let id = broker.id;
        if broker.is_ready() {
            progress(&format!("broker {id} is ready on {}", broker.address));
            return Ok(true);
        }
        if running && waited <= timeout {
            return Ok(false);
        }
        let (log, tail) = (broker.path(), broker.tail());
        Err(if running {
            Error::NotReady {
                id,
                waited,
                log,
                tail,
            }
        } else {
            Error::Died { id, log, tail }
        })
    };
    let names = |pending: &[Launched]| server::brokers(pending.len());
    wait(pending, progress, is_ready, names)
}

impl Launched {
    /// An open port alone is not enough: the broker listens before it takes part in the cluster.
    fn is_ready(&mut self) -> bool {
        self.lines.extend(self.log.read().unwrap_or_default());
        let started = self
            .lines
            .iter()
            .any(|line| line.contains("Kafka Server started"));
        started && answers(&self.address).is_ok()
    }

    fn path(&self) -> PathBuf {
        self.log.path().to_owned()
    }

    fn tail(&self) -> String {
        last_lines(&self.lines.join("\n"), 20)
    }
}

/// Asks a broker for the versions that it speaks, the one request that each version of Kafka answers.
fn answers(address: &str) -> io::Result<()> {
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(2));
    // Length 10, key 18 (ApiVersions), version 0, correlation id 1, no client id.
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(TIMEOUT)?;
    stream.set_write_timeout(TIMEOUT)?;
    stream.write_all(&REQUEST)?;
    // Length, correlation id and error code.
    let mut head = [0; 10];
    stream.read_exact(&mut head)?;
    match head[4..] {
        [0, 0, 0, 1, 0, 0] => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Returns the last lines of a text, indented, for a message.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let tail = &lines[lines.len().saturating_sub(count)..];
    if tail.is_empty() {
        return "  (nothing)".to_owned();
    }
    tail.iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn only_a_broker_counts_as_an_answer() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let server = thread::spawn(move || -> io::Result<()> {
            for answer in [
                &[0, 0, 0, 6, 0, 0, 0, 1, 0, 0][..],
                b"HTTP/1.1 400 Bad Request\r\n",
            ] {
                let (mut stream, _) = listener.accept()?;
                stream.read_exact(&mut [0; 14])?;
                stream.write_all(answer)?;
            }
            Ok(())
        });
        assert!(answers(&address).is_ok());
        assert!(answers(&address).is_err());
        assert!(matches!(server.join(), Ok(Ok(()))));
        assert!(answers(&address).is_err());
        Ok(())
    }

    #[test]
    fn log4j_sees_one_path() {
        assert_eq!(
            log_option(Path::new("/x/a, b/log.properties")),
            "-Dlog4j2.configurationFile=file:///x/a%2C%20b/log.properties"
        );
    }

    #[test]
    fn the_end_of_a_log_skips_empty_lines() {
        assert_eq!(last_lines("a\n\nb\n  c\n", 2), "  b\n    c");
        assert_eq!(last_lines("\n", 2), "  (nothing)");
    }
}
