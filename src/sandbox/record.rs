//! The sandbox's folder and what it remembers: servers, ports, processes, in `sandbox.json`. I/O.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::Progress;
use super::process::Process;
use super::server::Server;

/// The format of `sandbox.json`.
const FORMAT: u32 = 1;

/// Why the folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The record is damaged.
    #[error("{} is damaged; delete the folder to start afresh", path.display())]
    Damaged {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A newer Streamform wrote the record.
    #[error("{} was written by a newer Streamform (format {found})", path.display())]
    Newer {
        /// The record.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

/// What a sandbox consists of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    format: u32,
    /// Kafka's id of the cluster: 16 bytes in URL-safe base64.
    pub(super) cluster_id: String,
    /// Whether there are listeners with SASL and TLS.
    pub(super) secure: bool,
    /// The brokers, by id.
    pub(super) brokers: Vec<BrokerRecord>,
    /// The schema registry, absent where the sandbox has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registry: Option<RegistryRecord>,
    /// The Connect worker, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) connect: Option<ConnectRecord>,
    /// Flink, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flink: Option<FlinkRecord>,
    /// `PostgreSQL`, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) postgres: Option<PostgresRecord>,
}

/// The schema registry of a sandbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistryRecord {
    /// The port of its API, 0 where none was chosen yet.
    pub(super) port: u16,
    /// The port of its management, likewise.
    pub(super) management: u16,
    /// The process that was started last, unless it was seen to end.
    pub(super) process: Option<Process>,
}

/// The Connect worker of a sandbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectRecord {
    /// The port of its REST API, 0 where none was chosen yet.
    pub(super) port: u16,
    /// The process that was started last, unless it was seen to end.
    pub(super) process: Option<Process>,
    /// The folders of plugins that somebody else made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) plugins: Vec<PathBuf>,
}

/// Flink of a sandbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlinkRecord {
    /// How many slots the `TaskManager` has.
    pub(super) slots: u16,
    /// The ports, 0 where none was chosen yet.
    pub(super) ports: FlinkPorts,
    /// The processes that were started last, unless they were seen to end.
    pub(super) job_manager: Option<Process>,
    pub(super) task_manager: Option<Process>,
    pub(super) sql_gateway: Option<Process>,
}

/// The ports that Flink's servers know of each other, and that clients know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlinkPorts {
    pub(super) rest: u16,
    pub(super) rpc: u16,
    pub(super) blob: u16,
    pub(super) sql_gateway: u16,
}

/// `PostgreSQL` of a sandbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostgresRecord {
    /// The port, 0 where none was chosen yet.
    pub(super) port: u16,
    /// Its data, where they cannot be in the sandbox's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) elsewhere: Option<PathBuf>,
    /// The process that was started last, unless it was seen to end.
    pub(super) process: Option<Process>,
}

/// One broker of a sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrokerRecord {
    /// The id, from 1.
    pub(super) id: u16,
    /// Its ports, 0 where none was chosen yet.
    pub(super) ports: Ports,
    /// The process that was started last, unless it was seen to end.
    pub(super) process: Option<Process>,
}

/// The ports of a broker's listeners.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ports {
    pub(super) plaintext: u16,
    pub(super) controller: u16,
    pub(super) sasl_plaintext: u16,
    pub(super) ssl: u16,
    pub(super) sasl_ssl: u16,
}

impl Ports {
    /// Returns every port, to be changed.
    pub(super) fn all_mut(&mut self) -> [&mut u16; 5] {
        let Self {
            plaintext,
            controller,
            sasl_plaintext,
            ssl,
            sasl_ssl,
        } = self;
        [plaintext, controller, sasl_plaintext, ssl, sasl_ssl]
    }
}

impl BrokerRecord {
    /// Returns where it listens without encryption.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.plaintext)
    }
}

impl RegistryRecord {
    /// Returns both ports, to be changed.
    pub(super) fn ports_mut(&mut self) -> [&mut u16; 2] {
        [&mut self.port, &mut self.management]
    }
}

impl FlinkRecord {
    /// Returns a Flink that is still to be made.
    pub(super) fn new(slots: u16) -> Self {
        Self {
            slots,
            ..Self::default()
        }
    }

    /// Returns every port, to be changed.
    pub(super) fn ports_mut(&mut self) -> [&mut u16; 4] {
        let FlinkPorts {
            rest,
            rpc,
            blob,
            sql_gateway,
        } = &mut self.ports;
        [rest, rpc, blob, sql_gateway]
    }
}

impl Record {
    /// Returns the record of a sandbox that is still to be made.
    pub(super) fn new(brokers: u16, secure: bool) -> Self {
        let broker = |id| BrokerRecord {
            id,
            ports: Ports::default(),
            process: None,
        };
        Self {
            format: FORMAT,
            cluster_id: cluster_id(),
            secure,
            brokers: (1..=brokers).map(broker).collect(),
            registry: None,
            connect: None,
            flink: None,
            postgres: None,
        }
    }

    /// Returns the addresses without encryption, joined by commas.
    pub(super) fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self.brokers.iter().map(BrokerRecord::address).collect();
        addresses.join(",")
    }

    /// Returns the servers, in the order in which they are started.
    pub(super) fn servers(&self) -> Vec<Server> {
        let mut servers: Vec<Server> = self.brokers.iter().map(|b| Server::Broker(b.id)).collect();
        servers.extend(self.registry.iter().map(|_| Server::Registry));
        servers.extend(self.postgres.iter().map(|_| Server::Postgres));
        if self.flink.is_some() {
            servers.extend([Server::JobManager, Server::TaskManager, Server::SqlGateway]);
        }
        servers.extend(self.connect.iter().map(|_| Server::Connect));
        servers
    }

    /// Returns the process of a server, if it runs now.
    pub(super) fn running(&self, server: Server) -> Option<&Process> {
        let process = match server {
            Server::Broker(id) => self.broker(id)?.process.as_ref(),
            Server::Registry => self.registry.as_ref()?.process.as_ref(),
            Server::Postgres => self.postgres.as_ref()?.process.as_ref(),
            Server::JobManager => self.flink.as_ref()?.job_manager.as_ref(),
            Server::TaskManager => self.flink.as_ref()?.task_manager.as_ref(),
            Server::SqlGateway => self.flink.as_ref()?.sql_gateway.as_ref(),
            Server::Connect => self.connect.as_ref()?.process.as_ref(),
        };
        process.filter(|process| process.is_running())
    }

    /// Returns the id of a server's process, if it runs now.
    pub(super) fn pid(&self, server: Server) -> Option<u32> {
        self.running(server).map(|process| process.pid)
    }

    /// Returns the broker of an id.
    pub(super) fn broker(&self, id: u16) -> Option<&BrokerRecord> {
        self.brokers.iter().find(|broker| broker.id == id)
    }

    /// Notes the process of a server, or that it has ended.
    pub(super) fn set_process(&mut self, server: Server, process: Option<Process>) {
        let place = match server {
            Server::Broker(id) => (self.brokers.iter_mut())
                .find(|broker| broker.id == id)
                .map(|broker| &mut broker.process),
            Server::Registry => self.registry.as_mut().map(|server| &mut server.process),
            Server::Postgres => self.postgres.as_mut().map(|server| &mut server.process),
            Server::JobManager => self.flink.as_mut().map(|flink| &mut flink.job_manager),
            Server::TaskManager => self.flink.as_mut().map(|flink| &mut flink.task_manager),
            Server::SqlGateway => self.flink.as_mut().map(|flink| &mut flink.sql_gateway),
            Server::Connect => self.connect.as_mut().map(|server| &mut server.process),
        };
        if let Some(place) = place {
            *place = process;
        }
    }

    /// Notes that nothing runs any more.
    pub(super) fn forget_processes(&mut self) {
        for server in self.servers() {
            self.set_process(server, None);
        }
    }
}

/// Returns a new id of a cluster. One that begins with a dash would be taken for an option.
fn cluster_id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes());
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// The folder of one sandbox.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Returns the folder at a path, which need not exist.
    pub(super) fn at(path: &Path) -> Result<Self, Error> {
        Ok(Self(std::path::absolute(path).map_err(file_error(path))?))
    }

    /// Returns the folder at a path, made where it is absent.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let folder = Self::at(path)?;
        fs::create_dir_all(&folder.0).map_err(file_error(&folder.0))?;
        Ok(folder)
    }

    /// Returns the folder's absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the folder of the certificates.
    pub(super) fn certificates(&self) -> PathBuf {
        self.0.join("certificates")
    }

    /// Returns the folder of a broker.
    pub(super) fn broker(&self, id: u16) -> PathBuf {
        self.0.join(format!("broker-{id}"))
    }

    /// Returns the log of a broker.
    pub(super) fn log(&self, id: u16) -> PathBuf {
        self.broker(id).join("server.log")
    }

    /// Returns the folder of the schema registry.
    pub(super) fn registry(&self) -> PathBuf {
        self.0.join("registry")
    }

    /// Returns the folder of the Connect worker.
    pub(super) fn connect(&self) -> PathBuf {
        self.0.join("connect")
    }

    /// Returns the folder of Flink.
    pub(super) fn flink(&self) -> PathBuf {
        self.0.join("flink")
    }

    /// Returns the folder of `PostgreSQL`.
    pub(super) fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// Waits until no other run changes the sandbox; the lock goes with the returned file.
    pub(super) fn lock(&self, progress: Progress<'_>) -> Result<File, Error> {
        let path = self.0.join("sandbox.lock");
        let file = File::create(&path).map_err(file_error(&path))?;
        if file.try_lock().is_err() {
            progress(&format!(
                "waiting for another run that uses {}",
                self.0.display()
            ));
            file.lock().map_err(file_error(&path))?;
        }
        Ok(file)
    }

    /// Reads the record; `None` where there is none.
    pub(super) fn load(&self) -> Result<Option<Record>, Error> {
        let path = self.record();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { path, source }),
        };
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|source| Error::Damaged {
                path: path.clone(),
                source,
            })?;
        let found = value["format"]
            .as_u64()
            .and_then(|found| u32::try_from(found).ok());
        if let Some(found) = found.filter(|&found| found > FORMAT) {
            return Err(Error::Newer { path, found });
        }
        serde_json::from_value(value)
            .map(Some)
            .map_err(|source| Error::Damaged { path, source })
    }

    /// Writes the record, atomically.
    pub(super) fn store(&self, record: &Record) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(record).expect("a record is plain data");
        self.write("sandbox.json.new", &format!("{text}\n"))?;
        let path = self.record();
        fs::rename(self.0.join("sandbox.json.new"), &path).map_err(file_error(&path))
    }

    /// Writes a file of the folder, and the folder that it is in.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.0.join(name);
        let parent = path.parent().expect("a file of the folder has a parent");
        fs::create_dir_all(parent).map_err(file_error(parent))?;
        fs::write(&path, text).map_err(file_error(&path))
    }

    /// Deletes what belongs to the sandbox, and the folder itself if nothing else is in it.
    ///
    /// The record goes last, so that an interrupted run can be repeated.
    pub(super) fn wipe(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.0).map_err(file_error(&self.0))? {
            let path = entry.map_err(file_error(&self.0))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let ours = ["certificates", "registry", "connect", "flink", "postgres"];
            if name.starts_with("broker-") || ours.contains(&name) {
                fs::remove_dir_all(&path).map_err(file_error(&path))?;
            }
        }
        for name in [
            "logging.properties",
            "tool-logging.properties",
            "sandbox.json",
            "sandbox.lock",
        ] {
            let path = self.0.join(name);
            if let Err(source) = fs::remove_file(&path)
                && source.kind() != io::ErrorKind::NotFound
            {
                return Err(Error::File { path, source });
            }
        }
        // Fails where the user keeps other files there, which stay.
        drop(fs::remove_dir(&self.0));
        Ok(())
    }

    fn record(&self) -> PathBuf {
        self.0.join("sandbox.json")
    }
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_written_and_a_newer_one_is_refused() -> Result<(), Error> {
        let temporary = tempfile::tempdir().map_err(file_error(Path::new("temporary folder")))?;
        let folder = Folder::create(&temporary.path().join("box"))?;
        assert!(folder.load()?.is_none());
        let record = Record::new(3, true);
        folder.store(&record)?;
        let loaded = folder
            .load()?
            .map(|record| (record.cluster_id, record.brokers.len()));
        assert_eq!(loaded, Some((record.cluster_id.clone(), 3)));
        folder.write("sandbox.json", r#"{"format": 2, "news": true}"#)?;
        assert!(matches!(folder.load(), Err(Error::Newer { found: 2, .. })));
        folder.write("sandbox.json", r#"{"format": 1"#)?;
        assert!(matches!(folder.load(), Err(Error::Damaged { .. })));
        Ok(())
    }

    #[test]
    fn wiping_leaves_files_of_others_alone() -> Result<(), Error> {
        let temporary = tempfile::tempdir().map_err(file_error(Path::new("temporary folder")))?;
        let folder = Folder::create(temporary.path())?;
        folder.store(&Record::new(1, false))?;
        folder.write("broker-1/data/meta.properties", "")?;
        folder.write("registry/server.log", "")?;
        folder.write("flink/savepoints/1/_metadata", "")?;
        folder.write("notes.txt", "mine")?;
        folder.wipe()?;
        let left: Vec<_> = fs::read_dir(temporary.path())
            .map_err(file_error(temporary.path()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
            .collect();
        assert_eq!(left, ["notes.txt"]);
        Ok(())
    }
}
