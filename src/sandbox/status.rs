//! What a sandbox holds and which of it runs, as people and `--json` are told. I/O: it looks at processes.

use std::path::PathBuf;

use serde::Serialize;

use super::record::BrokerRecord;
use super::server::Server;
use super::settings::{Credential, USERS};
use super::{
    FLINK_VERSION, KAFKA_VERSION, REGISTRY_VERSION, Sandbox, certificates, connect, flink, jars,
    postgres, registry,
};

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

/// The Connect worker as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connect {
    /// The version of Kafka Connect.
    pub version: &'static str,
    /// The address of its REST API, for `provider "connect"`.
    pub url: String,
    /// Its process, absent where it does not run.
    pub pid: Option<u32>,
    /// Its log.
    pub log: PathBuf,
}

/// Flink as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flink {
    /// The version of Flink.
    pub version: &'static str,
    /// The address of the `JobManager`'s REST API, for `provider "flink"`.
    pub url: String,
    /// The address of the SQL gateway, likewise.
    pub sql_gateway_url: String,
    /// How many slots there are.
    pub slots: u16,
    /// Where checkpoints go.
    pub checkpoint_dir: PathBuf,
    /// Where savepoints go that name no other place.
    pub savepoint_dir: PathBuf,
    /// Where its jars are, for compiling a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lib_dir: Option<PathBuf>,
    /// The `JobManager`.
    pub job_manager: Part,
    /// The `TaskManager`.
    pub task_manager: Part,
    /// The SQL gateway.
    pub sql_gateway: Part,
}

/// One of Flink's servers as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its process, absent where it does not run.
    pub pid: Option<u32>,
    /// Its log.
    pub log: PathBuf,
}

/// `PostgreSQL` as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Postgres {
    /// The address with user, password and database.
    pub url: String,
    /// The address alone, `127.0.0.1:port`.
    pub address: String,
    /// The super user.
    pub username: &'static str,
    /// The super user's password. It is no secret: the server listens on loopback only.
    pub password: &'static str,
    /// The database.
    pub database: &'static str,
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
    /// Whether every server runs.
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
    /// The Connect worker, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
    /// Flink, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink: Option<Flink>,
    /// `PostgreSQL`, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,
}

impl Sandbox {
    /// Returns the addresses without encryption, joined by commas.
    pub fn bootstrap(&self) -> String {
        self.record.bootstrap()
    }

    /// Returns what the sandbox holds and which of it runs now.
    pub fn status(&self) -> Status {
        let brokers = self.record.brokers.iter();
        Status {
            running: self.stopped().is_empty(),
            kafka: KAFKA_VERSION.to_owned(),
            dir: self.folder.path().to_owned(),
            bootstrap: self.bootstrap(),
            brokers: brokers.map(|broker| self.describe(broker)).collect(),
            secure: self.secure(),
            registry: self.registry(),
            connect: self.connect(),
            flink: self.flink(),
            postgres: self.postgres(),
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
            pid: self.record.pid(Server::Registry),
            log: registry::log(&self.folder),
        })
    }

    /// Returns the Connect worker, `None` where the sandbox has none.
    pub fn connect(&self) -> Option<Connect> {
        let record = self.record.connect.as_ref()?;
        Some(Connect {
            version: KAFKA_VERSION,
            url: record.url(),
            pid: self.record.pid(Server::Connect),
            log: connect::log(&self.folder),
        })
    }

    /// Returns Flink, `None` where the sandbox has none.
    pub fn flink(&self) -> Option<Flink> {
        let record = self.record.flink.as_ref()?;
        let part = |server| Part {
            pid: self.record.pid(server),
            log: flink::log(&self.folder, server),
        };
        Some(Flink {
            version: FLINK_VERSION,
            url: record.url(),
            sql_gateway_url: record.sql_gateway_url(),
            slots: record.slots,
            checkpoint_dir: flink::checkpoints(&self.folder),
            savepoint_dir: flink::savepoints(&self.folder),
            lib_dir: jars::folder(&jars::FLINK),
            job_manager: part(Server::JobManager),
            task_manager: part(Server::TaskManager),
            sql_gateway: part(Server::SqlGateway),
        })
    }

    /// Returns `PostgreSQL`, `None` where the sandbox has none.
    pub fn postgres(&self) -> Option<Postgres> {
        let record = self.record.postgres.as_ref()?;
        Some(Postgres {
            url: record.url(),
            address: format!("127.0.0.1:{}", record.port),
            username: postgres::NAME,
            password: postgres::NAME,
            database: postgres::NAME,
            pid: self.record.pid(Server::Postgres),
            log: postgres::log(&self.folder),
        })
    }

    fn describe(&self, broker: &BrokerRecord) -> Broker {
        Broker {
            id: broker.id,
            address: broker.address(),
            pid: self.record.pid(Server::Broker(broker.id)),
            log: self.folder.log(broker.id),
        }
    }

    fn addresses(&self, port: impl Fn(&BrokerRecord) -> u16) -> String {
        let brokers = self.record.brokers.iter();
        let each = brokers.map(|broker| format!("127.0.0.1:{}", port(broker)));
        each.collect::<Vec<_>>().join(",")
    }
}
