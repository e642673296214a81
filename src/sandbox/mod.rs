//! A real Kafka on loopback, without Docker, and what works with one: a schema registry, Connect, Flink,
//! `PostgreSQL`. To try things out, and for tests. I/O throughout.
//!
//! The path of [`Sandbox::up`], top to bottom: [`record`] plans servers and remembers them in the sandbox's
//! folder; [`start`] finds java and mvn by [`toolchain`], lets [`jars`] fetch what is run once per user,
//! chooses ports, and has [`certificates`] and [`settings`] write what a broker reads; [`broker`] formats,
//! starts and awaits the brokers. [`registry`], [`connect`], [`flink`] and [`postgres`] say how their
//! servers are started, and [`service`] starts and awaits them. Servers outlive the command that started
//! them; [`process`] knows them again by id *and* start time. [`status`] tells what there is.
//!
//! A test that needs one server gone takes [`Sandbox::stop_server`] and [`Sandbox::start_server`].

mod broker;
mod certificates;
mod connect;
mod flink;
mod http;
mod jars;
mod log;
mod ports;
mod postgres;
mod process;
mod record;
mod registry;
mod server;
mod service;
mod settings;
mod start;
mod status;
mod tool;
mod toolchain;
mod wait;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use log::Tail;
pub use process::{Process, Stop};
pub use server::Server;
pub use settings::{Credential, USERS};
pub use status::{Broker, Connect, Flink, Part, Postgres, Registry, Secure, Status};
pub use tool::{TOOLS, Tool};

use record::{BrokerRecord, FlinkRecord, Folder, Record};

/// The Kafka that the sandbox runs.
pub const KAFKA_VERSION: &str = jars::KAFKA_VERSION;
/// The Apicurio Registry that the sandbox runs.
pub const REGISTRY_VERSION: &str = jars::REGISTRY_VERSION;

/// The Flink that the sandbox runs.
pub const FLINK_VERSION: &str = jars::FLINK_VERSION;

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
    /// A broker could not be formatted or started.
    #[error(transparent)]
    Broker(#[from] broker::Error),
    /// Another server could not be started, or any not be stopped.
    #[error(transparent)]
    Service(#[from] service::Error),
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
    /// A folder cannot be a plugin of Connect.
    #[error("{} cannot be a plugin of the Connect worker", plugin.display())]
    Plugin {
        /// The folder that was named.
        plugin: PathBuf,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// The worker that runs was started without a plugin.
    #[error("the Connect worker runs without {}; it looks for plugins only when it starts", .0.display())]
    PluginTooLate(PathBuf),
    /// The number of brokers is neither 1 nor 3.
    #[error("a sandbox has 1 or 3 brokers, not {0}")]
    BrokerCount(u16),
    /// There is no sandbox in the folder.
    #[error("there is no sandbox in {}", .0.display())]
    Absent(PathBuf),
    /// There is no broker of that id.
    #[error("the sandbox has no broker {0}")]
    NoSuchBroker(u16),
    /// The sandbox was made without that server.
    #[error("the sandbox is without {0}")]
    NoSuchServer(Server),
    /// Flink has slots from 1 on.
    #[error("Flink needs a slot at least")]
    NoSlots,
    /// Data outside the sandbox's folder could not be deleted.
    #[error("cannot delete PostgreSQL's data")]
    Wipe(#[source] std::io::Error),
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a server is added"
)]
pub struct Options {
    /// The folder of data, logs and the record of what runs.
    pub dir: PathBuf,
    /// How many brokers, 1 or 3; without it what the folder holds, or 1.
    pub brokers: Option<u16>,
    /// Whether to add listeners with SASL and TLS to a new sandbox; `false` takes an old one as it is.
    pub secure: bool,
    /// Whether to add a schema registry; `false` takes a sandbox as it is.
    pub registry: bool,
    /// Whether to add a Connect worker, likewise.
    pub connect: bool,
    /// Folders of jars that the Connect worker has as plugins, besides those that it has anyway.
    pub connect_plugins: Vec<PathBuf>,
    /// How many slots a Flink has that is to be added; `None` takes a sandbox as it is.
    pub flink_slots: Option<u16>,
    /// Whether to add `PostgreSQL`, likewise.
    pub postgres: bool,
    /// The largest heap of each broker, as `java -Xmx` takes it.
    pub heap: String,
    /// JVM options instead of those that make a broker start fast.
    pub jvm_options: Option<Vec<String>>,
    /// How long the brokers may take to start, and then the other servers.
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
            connect: false,
            connect_plugins: Vec::new(),
            flink_slots: None,
            postgres: false,
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

/// Receives a line of progress, meant for people.
pub type Progress<'a> = &'a dyn Fn(&str);

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
        if options.flink_slots == Some(0) {
            return Err(Error::NoSlots);
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
        if options.connect {
            record.connect.get_or_insert_default();
        }
        add_plugins(&mut record, &options.connect_plugins)?;
        if options.postgres {
            record.postgres.get_or_insert_default();
        }
        if let Some(slots) = options.flink_slots {
            record.flink.get_or_insert_with(|| FlinkRecord::new(slots));
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

    /// Stops one server and leaves the others alone.
    pub fn stop_server(&mut self, server: Server, how: Stop) -> Result<(), Error> {
        let _lock = self.folder.lock(&|_| ())?;
        self.reload()?;
        self.check_part(server)?;
        if let Some(process) = self.record.running(server) {
            service::stop(&[(server, process)], how)?;
        }
        self.record.set_process(server, None);
        Ok(self.folder.store(&self.record)?)
    }

    /// Starts one server that was stopped, on its old ports, and waits until it answers.
    pub fn start_server(&mut self, server: Server, options: &Options) -> Result<(), Error> {
        let _lock = self.folder.lock(&|_| ())?;
        self.reload()?;
        self.check_part(server)?;
        if self.record.running(server).is_none() {
            self.start(&[server], options, &|_| ())?;
        }
        Ok(())
    }

    /// Stops every server; `wipe` also deletes the folder. Returns how many of them ran.
    pub fn down(mut self, wipe: bool, progress: Progress<'_>) -> Result<usize, Error> {
        let lock = self.folder.lock(progress)?;
        self.reload()?;
        let running: Vec<(Server, &Process)> = (self.record.servers().into_iter())
            .filter_map(|server| Some((server, self.record.running(server)?)))
            .collect();
        let servers: Vec<Server> = running.iter().map(|&(server, _)| server).collect();
        if !servers.is_empty() {
            progress(&format!("stopping {}", server::names(&servers)));
        }
        let is_broker = |server| matches!(server, Server::Broker(_));
        // The brokers last: Connect writes to them while it stops.
        for brokers in [false, true] {
            for how in [Stop::Kill, Stop::Gracefully] {
                let group: Vec<_> = (running.iter().copied())
                    .filter(|&(server, _)| {
                        is_broker(server) == brokers && server.stopped_by(wipe) == how
                    })
                    .collect();
                service::stop(&group, how)?;
            }
        }
        if wipe {
            if let Some(postgres) = &self.record.postgres {
                postgres.wipe().map_err(Error::Wipe)?;
            }
            self.folder.wipe()?;
        } else {
            self.record.forget_processes();
            self.folder.store(&self.record)?;
        }
        drop(lock);
        Ok(servers.len())
    }

    /// Returns the servers that do not run.
    fn stopped(&self) -> Vec<Server> {
        let mut servers = self.record.servers();
        servers.retain(|&server| self.record.running(server).is_none());
        servers
    }

    fn reload(&mut self) -> Result<(), Error> {
        let absent = || Error::Absent(self.folder.path().to_owned());
        self.record = self.folder.load()?.ok_or_else(absent)?;
        Ok(())
    }

    fn broker(&self, id: u16) -> Result<&BrokerRecord, Error> {
        self.record.broker(id).ok_or(Error::NoSuchBroker(id))
    }

    fn check_part(&self, server: Server) -> Result<(), Error> {
        if self.record.servers().contains(&server) {
            return Ok(());
        }
        Err(match server {
            Server::Broker(id) => Error::NoSuchBroker(id),
            server => Error::NoSuchServer(server),
        })
    }
}

/// Notes the plugins that the Connect worker is to have when it starts.
fn add_plugins(record: &mut Record, plugins: &[PathBuf]) -> Result<(), Error> {
    let running = record.running(Server::Connect).is_some();
    for plugin in plugins {
        let error = |source| Error::Plugin {
            plugin: plugin.clone(),
            source,
        };
        let folder = connect::plugin(plugin).map_err(error)?;
        let Some(connect) = &mut record.connect else {
            return Err(Error::NoSuchServer(Server::Connect));
        };
        if connect.plugins.contains(&folder) {
            continue;
        }
        if running {
            return Err(Error::PluginTooLate(folder));
        }
        connect.plugins.push(folder);
    }
    Ok(())
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
            server::brokers(count),
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
