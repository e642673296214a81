//! A real Kafka and a schema registry on loopback, without Docker: to try things out, and for tests. I/O throughout.
//!
//! The path of [`Sandbox::up`], top to bottom: [`toolchain`] finds java and mvn, [`jars`] fetches what
//! is run once per user, [`record`] plans servers and ports and remembers them in the sandbox's folder,
//! [`certificates`] and [`settings`] write what a broker reads, [`broker`] formats, starts and awaits it,
//! [`registry`] starts and awaits the schema registry. Servers outlive the command that started them;
//! [`process`] knows them again by id *and* start time.

mod broker;
mod certificates;
mod jars;
mod log;
mod ports;
mod process;
mod record;
mod registry;
mod settings;
mod tool;
mod toolchain;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

pub use log::Tail;
pub use process::{Process, Stop};
pub use settings::{Credential, USERS};
pub use tool::{TOOLS, Tool};

use jars::{KAFKA, REGISTRY};
use record::{BrokerRecord, Folder, Record, RegistryRecord};
use toolchain::{Needs, Toolchain};

/// The Kafka that the sandbox runs.
pub const KAFKA_VERSION: &str = jars::KAFKA_VERSION;
/// The Apicurio Registry that the sandbox runs.
pub const REGISTRY_VERSION: &str = jars::REGISTRY_VERSION;

/// Why the sandbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Java or Maven is not there.
    #[error(transparent)]
    Toolchain(#[from] toolchain::Error),
    /// Kafka, or the schema registry, could not be fetched.
    #[error(transparent)]
    Jars(#[from] jars::Error),
    /// The sandbox's folder could not be read or written.
    #[error(transparent)]
    Folder(#[from] record::Error),
    /// A broker could not be formatted, started or stopped.
    #[error(transparent)]
    Broker(#[from] broker::Error),
    /// The schema registry could not be started or stopped.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// The certificates could not be made.
    #[error("cannot make the certificates in {}", folder.display())]
    Certificates {
        /// Where they should have gone.
        folder: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The folder holds a sandbox of another shape.
    #[error("the sandbox in {} has {found}, which differs from what was asked: {asked}", dir.display())]
    OtherShape {
        /// The sandbox's folder.
        dir: PathBuf,
        /// What is there.
        found: String,
        /// What was asked.
        asked: String,
    },
    /// The number of brokers is neither 1 nor 3.
    #[error("a sandbox has 1 or 3 brokers, not {0}")]
    BrokerCount(u16),
    /// There is no sandbox in the folder.
    #[error("there is no sandbox in {}", .0.display())]
    Absent(PathBuf),
    /// There is no broker of that id.
    #[error("the sandbox has no broker {0}")]
    NoSuchBroker(u16),
    /// The sandbox was made without a schema registry.
    #[error("the sandbox has no schema registry")]
    NoRegistry,
    /// No port was free, or loopback could not be used.
    #[error("cannot find free ports on 127.0.0.1")]
    Ports(#[source] std::io::Error),
    /// A log could not be read.
    #[error("cannot read {}", log.display())]
    Log {
        /// The log.
        log: PathBuf,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// None of Kafka's tools has that name.
    #[error("Kafka has no tool named {0:?}")]
    NoSuchTool(String),
    /// The tool could not be started.
    #[error("cannot run {name}")]
    Tool {
        /// The tool's name.
        name: String,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
}

/// What [`Sandbox::up`] is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of data, logs and the record of what runs.
    pub dir: PathBuf,
    /// How many brokers, 1 or 3; without it what the folder holds, or 1.
    pub brokers: Option<u16>,
    /// Whether to add listeners with SASL and TLS to a new sandbox; `false` takes an old one as it is.
    pub secure: bool,
    /// Whether to add a schema registry; `false` takes a sandbox as it is.
    pub registry: bool,
    /// The largest heap of each broker, as `java -Xmx` takes it.
    pub heap: String,
    /// JVM options instead of those that make a broker start fast.
    pub jvm_options: Option<Vec<String>>,
    /// How long the brokers may take to start, and then the registry.
    pub timeout: Duration,
}

impl Options {
    /// Returns the defaults for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            brokers: None,
            secure: false,
            registry: false,
            heap: "768m".to_owned(),
            jvm_options: None,
            timeout: Duration::from_mins(3),
        }
    }

    /// Returns the folder that is used where none is named: `sandbox` in the user's cache.
    pub fn default_dir() -> Result<PathBuf, Error> {
        Ok(jars::cache_dir()?.join("sandbox"))
    }

    fn jvm_options(&self) -> Vec<String> {
        self.jvm_options.clone().unwrap_or_else(|| {
            // Measured: these bring a broker's start from about 6 to 3.4 seconds. The quick compiler
            // alone is too slow for load tests, which pass options of their own.
            [
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
            ]
            .map(str::to_owned)
            .to_vec()
        })
    }
}

/// One broker as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broker {
    /// The broker's id, from 1.
    pub id: u16,
    /// Where it listens without encryption, `127.0.0.1:port`.
    pub address: String,
    /// Its process, absent where it does not run.
    pub pid: Option<u32>,
    /// Its log.
    pub log: PathBuf,
}

/// The schema registry as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registry {
    /// The version of Apicurio Registry.
    pub version: &'static str,
    /// The address of its API as Confluent's, for `provider "schema_registry"`.
    pub url: String,
    /// Its process, absent where it does not run.
    pub pid: Option<u32>,
    /// Its log.
    pub log: PathBuf,
}

/// The listeners with SASL and TLS, and what a client needs for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secure {
    /// `SASL_PLAINTEXT`, one address a broker, joined by commas: SCRAM and PLAIN.
    pub sasl_plaintext: String,
    /// `SSL`: a client certificate is required; its common name is the principal.
    pub ssl: String,
    /// `SASL_SSL`: SCRAM and PLAIN inside TLS, without a client certificate.
    pub sasl_ssl: String,
    /// The users that every secured sandbox has.
    pub users: &'static [Credential],
    /// The certificate authority's certificate.
    pub ca: PathBuf,
    /// The client's certificate.
    pub client_certificate: PathBuf,
    /// The client's key.
    pub client_key: PathBuf,
}

/// What is in a sandbox and which of it runs, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether every broker runs, and the schema registry if there is one.
    pub running: bool,
    /// Kafka's version.
    pub kafka: String,
    /// The sandbox's folder.
    pub dir: PathBuf,
    /// The addresses without encryption, joined by commas.
    pub bootstrap: String,
    /// The brokers, by id.
    pub brokers: Vec<Broker>,
    /// The secured listeners, absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure: Option<Secure>,
    /// The schema registry, absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
}

/// Receives a line of progress, meant for people.
pub type Progress<'a> = &'a dyn Fn(&str);

/// The servers of a sandbox that do not run, or that are to be started.
struct Servers {
    /// The brokers' ids.
    brokers: Vec<u16>,
    registry: bool,
}

impl Servers {
    fn is_empty(&self) -> bool {
        self.brokers.is_empty() && !self.registry
    }

    fn describe(&self) -> String {
        named(self.brokers.len(), self.registry)
    }
}

/// A sandbox in its folder, running or not.
#[derive(Debug)]
pub struct Sandbox {
    folder: Folder,
    record: Record,
}

impl Sandbox {
    /// Starts what does not run yet of the sandbox in `options.dir`, which is made where it is absent.
    ///
    /// Returns once every server answers; `false` means that all of them ran already. A second call
    /// on the same folder waits for the first.
    pub fn up(options: &Options, progress: Progress<'_>) -> Result<(Self, bool), Error> {
        if let Some(count) = options.brokers.filter(|count| !matches!(count, 1 | 3)) {
            return Err(Error::BrokerCount(count));
        }
        let folder = Folder::create(&options.dir)?;
        let _lock = folder.lock(progress)?;
        let mut record = match folder.load()? {
            Some(record) => check_shape(&folder, record, options)?,
            None => Record::new(options.brokers.unwrap_or(1), options.secure),
        };
        if options.registry {
            record.registry.get_or_insert_default();
        }
        let mut sandbox = Self { folder, record };
        let stopped = sandbox.stopped();
        if stopped.is_empty() {
            return Ok((sandbox, false));
        }
        sandbox.start(&stopped, options, progress)?;
        Ok((sandbox, true))
    }

    /// Opens the sandbox in a folder; `None` where there is none.
    pub fn open(dir: &Path) -> Result<Option<Self>, Error> {
        let folder = Folder::at(dir)?;
        let record = folder.load()?;
        Ok(record.map(|record| Self { folder, record }))
    }

    /// Returns the addresses without encryption, joined by commas.
    pub fn bootstrap(&self) -> String {
        self.addresses(|broker| broker.ports.plaintext)
    }

    /// Returns what the sandbox holds and which of it runs now.
    pub fn status(&self) -> Status {
        let brokers: Vec<Broker> = self
            .record
            .brokers
            .iter()
            .map(|b| self.describe(b))
            .collect();
        let registry = self.registry();
        Status {
            running: brokers.iter().all(|broker| broker.pid.is_some())
                && registry.iter().all(|registry| registry.pid.is_some()),
            kafka: KAFKA_VERSION.to_owned(),
            dir: self.folder.path().to_owned(),
            bootstrap: self.bootstrap(),
            brokers,
            secure: self.secure(),
            registry,
        }
    }

    /// Returns the secured listeners, `None` where the sandbox has none.
    pub fn secure(&self) -> Option<Secure> {
        let certificates = certificates::Paths::in_folder(&self.folder.certificates());
        self.record.secure.then(|| Secure {
            sasl_plaintext: self.addresses(|broker| broker.ports.sasl_plaintext),
            ssl: self.addresses(|broker| broker.ports.ssl),
            sasl_ssl: self.addresses(|broker| broker.ports.sasl_ssl),
            users: USERS,
            ca: certificates.ca,
            client_certificate: certificates.client,
            client_key: certificates.client_key,
        })
    }

    /// Returns the schema registry, `None` where the sandbox has none.
    pub fn registry(&self) -> Option<Registry> {
        let record = self.record.registry.as_ref()?;
        Some(Registry {
            version: REGISTRY_VERSION,
            url: record.url(),
            pid: running(record.process.as_ref()).map(|process| process.pid),
            log: registry::log(&self.folder),
        })
    }

    /// Stops one broker and leaves the others alone.
    pub fn stop_broker(&mut self, id: u16, how: Stop) -> Result<(), Error> {
        let _lock = self.folder.lock(&|_| ())?;
        self.reload()?;
        let broker = self.broker(id)?;
        if let Some(process) = &broker.process {
            broker::stop(&[(id, process)], how)?;
        }
        self.record.set_process(id, None);
        Ok(self.folder.store(&self.record)?)
    }

    /// Starts one broker that was stopped, on its old ports, and waits until it answers.
    pub fn start_broker(&mut self, id: u16, options: &Options) -> Result<(), Error> {
        let _lock = self.folder.lock(&|_| ())?;
        self.reload()?;
        self.broker(id)?;
        if self.stopped().brokers.contains(&id) {
            let one = Servers {
                brokers: vec![id],
                registry: false,
            };
            self.start(&one, options, &|_| ())?;
        }
        Ok(())
    }

    /// Stops every server; `wipe` also deletes the folder. Returns how many of them ran.
    pub fn down(mut self, wipe: bool, progress: Progress<'_>) -> Result<usize, Error> {
        let lock = self.folder.lock(progress)?;
        self.reload()?;
        let brokers: Vec<(u16, &Process)> = self
            .record
            .brokers
            .iter()
            .filter_map(|broker| Some((broker.id, running(broker.process.as_ref())?)))
            .collect();
        let registry = self.record.registry.as_ref();
        let registry = registry.and_then(|registry| running(registry.process.as_ref()));
        let count = brokers.len() + usize::from(registry.is_some());
        if count > 0 {
            let servers = named(brokers.len(), registry.is_some());
            progress(&format!("stopping {servers}"));
        }
        if let Some(process) = registry {
            registry::stop(process)?;
        }
        // Data that is about to be deleted needs no orderly shutdown.
        let how = if wipe { Stop::Kill } else { Stop::Gracefully };
        broker::stop(&brokers, how)?;
        if wipe {
            self.folder.wipe()?;
        } else {
            self.record.forget_processes();
            self.folder.store(&self.record)?;
        }
        drop(lock);
        Ok(count)
    }

    fn stopped(&self) -> Servers {
        let brokers = self.record.brokers.iter();
        Servers {
            brokers: brokers
                .filter(|broker| running(broker.process.as_ref()).is_none())
                .map(|broker| broker.id)
                .collect(),
            registry: (self.record.registry.as_ref())
                .is_some_and(|registry| running(registry.process.as_ref()).is_none()),
        }
    }

    /// Writes what brokers read, starts those servers, and waits for them. The caller holds the lock.
    fn start(
        &mut self,
        servers: &Servers,
        options: &Options,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let tools = toolchain::find(Needs {
            maven: jars::needs_maven(&KAFKA)?
                || (servers.registry && jars::needs_maven(&REGISTRY)?),
            registry: servers.registry,
        })?;
        let jars = jars::fetch(&KAFKA, &tools, progress)?;
        self.assign_ports(servers)?;
        self.write_settings()?;
        // Recorded before anything runs: whatever happens from here on, `down` finds the sandbox.
        self.folder.store(&self.record)?;
        // Started first and awaited last: it takes longer than a broker does.
        let registry = if servers.registry {
            self.launch_registry(&tools, progress)?
        } else {
            None
        };
        let java = broker::Java {
            program: tools.java,
            jars,
            heap: options.heap.clone(),
            options: options.jvm_options(),
        };
        broker::format(
            &java,
            &self.folder,
            &self.record,
            &servers.brokers,
            progress,
        )?;
        let mut started = Vec::new();
        for &id in &servers.brokers {
            let launched = broker::launch(&java, &self.folder, id)?;
            self.record.set_process(id, Some(launched.process.clone()));
            self.folder.store(&self.record)?;
            started.push(launched.at(self.broker(id)?.address()));
        }
        progress(&format!("starting {}", servers.describe()));
        broker::wait_until_ready(started, options.timeout, progress)?;
        if let Some(launched) = registry {
            registry::wait_until_ready(launched, options.timeout, progress)?;
        }
        Ok(())
    }

    /// Chooses the ports of what is to be started.
    fn assign_ports(&mut self, servers: &Servers) -> Result<(), Error> {
        // Every broker names the ports of the others, so they can move only together.
        let all_stopped = servers.brokers.len() == self.record.brokers.len();
        let brokers = self.record.brokers.iter_mut().filter(|_| all_stopped);
        let registry = self.record.registry.iter_mut().filter(|_| servers.registry);
        let ports = brokers
            .flat_map(|broker| broker.ports.all_mut())
            .chain(registry.flat_map(RegistryRecord::ports_mut));
        ports::assign(ports).map_err(Error::Ports)
    }

    /// Fetches the schema registry and starts it; `None` where the sandbox has none.
    fn launch_registry(
        &mut self,
        tools: &Toolchain,
        progress: Progress<'_>,
    ) -> Result<Option<registry::Launched>, Error> {
        let (Some(record), Some(java)) = (&mut self.record.registry, &tools.registry_java) else {
            return Ok(None);
        };
        let files = jars::fetch(&REGISTRY, tools, progress)?;
        let launched = registry::launch(java, &files, &self.folder, record)?;
        record.process = Some(launched.process.clone());
        self.folder.store(&self.record)?;
        Ok(Some(launched))
    }

    fn write_settings(&self) -> Result<(), Error> {
        if self.record.secure {
            let folder = self.folder.certificates();
            certificates::make(&folder).map_err(|source| Error::Certificates { folder, source })?;
        }
        self.folder.write("logging.properties", settings::LOGGING)?;
        self.folder
            .write("tool-logging.properties", settings::TOOL_LOGGING)?;
        for broker in &self.record.brokers {
            let text = settings::server_properties(&self.record, broker);
            self.folder
                .write(&format!("broker-{}/server.properties", broker.id), &text)?;
        }
        Ok(())
    }

    fn reload(&mut self) -> Result<(), Error> {
        let absent = || Error::Absent(self.folder.path().to_owned());
        self.record = self.folder.load()?.ok_or_else(absent)?;
        Ok(())
    }

    fn broker(&self, id: u16) -> Result<&BrokerRecord, Error> {
        self.record.broker(id).ok_or(Error::NoSuchBroker(id))
    }

    fn describe(&self, broker: &BrokerRecord) -> Broker {
        Broker {
            id: broker.id,
            address: broker.address(),
            pid: running(broker.process.as_ref()).map(|process| process.pid),
            log: self.folder.log(broker.id),
        }
    }

    fn addresses(&self, port: impl Fn(&BrokerRecord) -> u16) -> String {
        let each = self
            .record
            .brokers
            .iter()
            .map(|broker| format!("127.0.0.1:{}", port(broker)));
        each.collect::<Vec<_>>().join(",")
    }
}

/// Refuses to take a sandbox of one shape for one of another.
fn check_shape(folder: &Folder, record: Record, options: &Options) -> Result<Record, Error> {
    let count = record.brokers.len();
    let same_count = options
        .brokers
        .is_none_or(|asked| usize::from(asked) == count);
    if same_count && (record.secure || !options.secure) {
        return Ok(record);
    }
    let shape = |count: usize, secure: bool| {
        format!(
            "{}{}",
            brokers(count),
            if secure {
                " with secured listeners"
            } else {
                ""
            }
        )
    };
    Err(Error::OtherShape {
        dir: folder.path().to_owned(),
        found: shape(count, record.secure),
        asked: shape(options.brokers.map_or(count, usize::from), options.secure),
    })
}

fn brokers(count: usize) -> String {
    format!("{count} broker{}", if count == 1 { "" } else { "s" })
}

/// Names servers for people; there is at least one.
fn named(count: usize, registry: bool) -> String {
    match (count, registry) {
        (0, _) => "the schema registry".to_owned(),
        (_, false) => brokers(count),
        (_, true) => format!("{} and the schema registry", brokers(count)),
    }
}

/// Returns the process if it runs now.
fn running(process: Option<&Process>) -> Option<&Process> {
    process.filter(|process| process.is_running())
}
