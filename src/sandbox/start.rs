//! Starts servers of a sandbox: what they run is fetched, ports are chosen, settings written; then the
//! brokers and all that needs none of them come up together, and Connect after its brokers. I/O.

use std::path::PathBuf;

use super::jars::{self, Component, FLINK, Jars, KAFKA, REGISTRY};
use super::process::Stop;
use super::record::{BrokerRecord, FlinkRecord, PostgresRecord, RegistryRecord};
use super::server::{self, Server};
use super::service::{self, Launched, Service};
use super::toolchain::{self, Needs, Toolchain};
use super::{
    Error, Options, Progress, Sandbox, broker, certificates, connect, flink, ports, postgres,
    registry, settings,
};

/// The files of what is started, each absent where it is not.
struct Files {
    kafka: Option<Jars>,
    registry: Option<Jars>,
    flink: Option<Jars>,
    connect: Option<connect::Files>,
}

impl Sandbox {
    /// Starts those servers and waits for them. The caller holds the lock.
    pub(super) fn start(
        &mut self,
        servers: &[Server],
        options: &Options,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let servers = &self.with_task_manager(servers)?[..];
        let tools = toolchain::find(Needs {
            maven: any_to_fetch(servers)?,
            registry: servers.contains(&Server::Registry),
            postgres: servers.contains(&Server::Postgres),
        })?;
        let files = fetch(servers, &tools, progress)?;
        self.assign_ports(servers)?;
        self.write_settings(servers)?;
        // Recorded before anything runs: whatever happens from here on, `down` finds the sandbox.
        self.folder.store(&self.record)?;
        // Started first and awaited last: they take longer than a broker does.
        let mut pending = Vec::new();
        for &server in servers {
            if let Some(service) = self.service(server, &tools, &files, progress)? {
                pending.push(self.launch(service)?);
            }
        }
        self.start_brokers(servers, tools.java.clone(), files.kafka, options, progress)?;
        if let (Some(own), Some(files), true) = (
            &self.record.connect,
            &files.connect,
            servers.contains(&Server::Connect),
        ) {
            let service = connect::service(&tools.java, files, &self.folder, &self.record, own)?;
            pending.push(self.launch(service)?);
        }
        service::wait_until_ready(pending, options.timeout, progress)?;
        Ok(())
    }

    /// Adds the `TaskManager` to a `JobManager` that is started while it runs, and stops it: only after most of
    /// a minute would it notice that its `JobManager` is another one, and the jobs are gone anyway.
    fn with_task_manager(&self, servers: &[Server]) -> Result<Vec<Server>, Error> {
        let mut servers = servers.to_vec();
        if servers.contains(&Server::JobManager)
            && let Some(process) = self.record.running(Server::TaskManager)
        {
            service::stop(&[(Server::TaskManager, process)], Stop::Kill)?;
            servers.push(Server::TaskManager);
        }
        Ok(servers)
    }

    /// Returns how a server is started that needs no broker; `None` for the others.
    fn service(
        &self,
        server: Server,
        tools: &Toolchain,
        files: &Files,
        progress: Progress<'_>,
    ) -> Result<Option<Service>, Error> {
        let (record, folder) = (&self.record, &self.folder);
        let service = match server {
            Server::Broker(_) | Server::Connect => None,
            Server::Registry => {
                let of = (&tools.registry_java, &files.registry, &record.registry);
                let (Some(java), Some(jars), Some(own)) = of else {
                    return Ok(None);
                };
                Some(registry::service(java, jars, folder, own)?)
            }
            Server::Postgres => {
                let (Some(programs), Some(own)) = (&tools.postgres, &record.postgres) else {
                    return Ok(None);
                };
                Some(postgres::service(programs, folder, own, progress)?)
            }
            Server::JobManager | Server::TaskManager | Server::SqlGateway => {
                let (Some(jars), Some(own)) = (&files.flink, &record.flink) else {
                    return Ok(None);
                };
                Some(flink::service(server, &tools.java, jars, folder, own))
            }
        };
        Ok(service)
    }

    /// Starts a server's process and records it.
    fn launch(&mut self, service: Service) -> Result<Launched, Error> {
        let launched = service::launch(service)?;
        self.record
            .set_process(launched.server, Some(launched.process.clone()));
        self.folder.store(&self.record)?;
        Ok(launched)
    }

    /// Formats, starts and awaits the brokers among the servers.
    fn start_brokers(
        &mut self,
        servers: &[Server],
        program: PathBuf,
        jars: Option<Jars>,
        options: &Options,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let brokers = brokers_of(servers);
        let Some(jars) = jars else {
            progress(&format!("starting {}", server::names(servers)));
            return Ok(());
        };
        let java = broker::Java {
            program,
            jars,
            heap: options.heap.clone(),
            options: options.jvm_options(),
        };
        broker::format(&java, &self.folder, &self.record, &brokers, progress)?;
        let mut started = Vec::new();
        for &id in &brokers {
            let launched = broker::launch(&java, &self.folder, id)?;
            self.record
                .set_process(Server::Broker(id), Some(launched.process.clone()));
            self.folder.store(&self.record)?;
            started.push(launched.at(self.broker(id)?.address()));
        }
        progress(&format!("starting {}", server::names(servers)));
        Ok(broker::wait_until_ready(
            started,
            options.timeout,
            progress,
        )?)
    }

    /// Chooses the ports of what is to be started.
    fn assign_ports(&mut self, servers: &[Server]) -> Result<(), Error> {
        let record = &mut self.record;
        if let Some(postgres) = &mut record.postgres {
            postgres.settle();
        }
        // Every broker names the ports of the others, so they can move only together; so do Flink's.
        let all_brokers = brokers_of(servers).len() == record.brokers.len();
        let all_flink = servers.iter().filter(|server| server.is_flink()).count() == 3;
        let has = |server| servers.contains(&server);
        let brokers = record.brokers.iter_mut().filter(|_| all_brokers);
        let registry = record.registry.iter_mut().filter(|_| has(Server::Registry));
        let flink = record.flink.iter_mut().filter(|_| all_flink);
        let postgres = record.postgres.iter_mut().filter(|_| has(Server::Postgres));
        let connect = record.connect.iter_mut().filter(|_| has(Server::Connect));
        let ports = brokers
            .flat_map(|broker: &mut BrokerRecord| broker.ports.all_mut())
            .chain(registry.flat_map(RegistryRecord::ports_mut))
            .chain(flink.flat_map(FlinkRecord::ports_mut))
            .chain(postgres.map(|postgres: &mut PostgresRecord| &mut postgres.port))
            .chain(connect.map(|connect| &mut connect.port));
        ports::assign(ports).map_err(Error::Ports)
    }

    fn write_settings(&self, servers: &[Server]) -> Result<(), Error> {
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
        if let (Some(own), Some(&server)) = (
            &self.record.flink,
            servers.iter().find(|server| server.is_flink()),
        ) {
            flink::write_settings(&self.folder, own).map_err(service::Error::start(server))?;
        }
        Ok(())
    }
}

fn brokers_of(servers: &[Server]) -> Vec<u16> {
    let ids = servers.iter().filter_map(|server| match server {
        Server::Broker(id) => Some(*id),
        _ => None,
    });
    ids.collect()
}

/// Returns what Maven fetches for a server.
fn components(server: Server) -> Vec<&'static Component> {
    match server {
        Server::Broker(_) => vec![&KAFKA],
        Server::Registry => vec![&REGISTRY],
        Server::JobManager | Server::TaskManager | Server::SqlGateway => vec![&FLINK],
        Server::Connect => connect::components(),
        Server::Postgres => Vec::new(),
    }
}

fn any_to_fetch(servers: &[Server]) -> Result<bool, jars::Error> {
    for component in servers.iter().flat_map(|&server| components(server)) {
        if jars::needs_maven(component)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn fetch(
    servers: &[Server],
    tools: &Toolchain,
    progress: Progress<'_>,
) -> Result<Files, jars::Error> {
    let one = |wanted: bool, component| {
        wanted
            .then(|| jars::fetch(component, tools, progress))
            .transpose()
    };
    let connect = servers.contains(&Server::Connect);
    Ok(Files {
        kafka: one(!brokers_of(servers).is_empty(), &KAFKA)?,
        registry: one(servers.contains(&Server::Registry), &REGISTRY)?,
        flink: one(servers.iter().any(|server| server.is_flink()), &FLINK)?,
        connect: connect
            .then(|| connect::fetch(tools, progress))
            .transpose()?,
    })
}
