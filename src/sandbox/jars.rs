//! Fetches a component by Maven into the user's cache, once, safe against runs at the same time. I/O.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::Progress;
use super::toolchain::Toolchain;

pub(super) const KAFKA_VERSION: &str = "4.3.1";
pub(super) const REGISTRY_VERSION: &str = "3.3.3";
pub(super) const FLINK_VERSION: &str = "2.3.0";
const FLINK_KAFKA_VERSION: &str = "5.0.0-2.2";
const DEBEZIUM_VERSION: &str = "3.6.1.Final";
const DEBEZIUM_JDBC_VERSION: &str = "3.5.0.Final";
const LOG4J_VERSION: &str = "2.25.1";
const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin";
const DEPENDENCY_PLUGIN_VERSION: &str = "3.8.1";

/// A part of the sandbox that Maven fetches.
pub(super) struct Component {
    name: &'static str,
    /// What people call it.
    title: &'static str,
    version: &'static str,
    /// How much is downloaded, in MB.
    megabytes: u16,
    content: Content,
}

/// Group, artifact and version of a jar.
type Artifact = (&'static str, &'static str, &'static str);

/// What a component consists of.
enum Content {
    /// The jars that are needed; Maven adds what these depend on.
    Jars(&'static [Artifact]),
    /// The same for a plugin of Connect, without what the worker has itself, and without the artifacts
    /// of these names.
    Plugin(&'static [Artifact], &'static [&'static str]),
    /// An archive that holds all of it, in Maven's notation, to be unpacked.
    Archive(&'static str),
}

/// The broker, Kafka's own tools, and a logger: the broker logs nothing without one.
pub(super) const KAFKA: Component = Component {
    name: "kafka",
    title: "Kafka",
    version: KAFKA_VERSION,
    megabytes: 55,
    content: Content::Jars(&[
        ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        ("org.apache.kafka", "kafka-tools", KAFKA_VERSION),
        ("org.apache.logging.log4j", "log4j-core", LOG4J_VERSION),
        (
            "org.apache.logging.log4j",
            "log4j-slf4j-impl",
            LOG4J_VERSION,
        ),
        ("org.apache.logging.log4j", "log4j-1.2-api", LOG4J_VERSION),
    ]),
};

/// The schema registry.
pub(super) const REGISTRY: Component = Component {
    name: "apicurio-registry",
    title: "Apicurio Registry",
    version: REGISTRY_VERSION,
    megabytes: 160,
    content: Content::Archive("io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all"),
};

/// The Connect worker. `MirrorMaker`'s connectors are on its class path, as in Kafka's distribution.
pub(super) const CONNECT: Component = Component {
    name: "kafka-connect",
    title: "Kafka Connect",
    version: KAFKA_VERSION,
    megabytes: 50,
    content: Content::Jars(&[
        ("org.apache.kafka", "connect-runtime", KAFKA_VERSION),
        ("org.apache.kafka", "connect-json", KAFKA_VERSION),
        ("org.apache.kafka", "connect-transforms", KAFKA_VERSION),
        ("org.apache.kafka", "connect-mirror", KAFKA_VERSION),
        ("org.apache.logging.log4j", "log4j-core", LOG4J_VERSION),
        (
            "org.apache.logging.log4j",
            "log4j-slf4j-impl",
            LOG4J_VERSION,
        ),
    ]),
};

/// The connectors from and to a file.
pub(super) const FILE_STREAM: Component = Component {
    name: "connect-file",
    title: "the FileStream connectors",
    version: KAFKA_VERSION,
    megabytes: 1,
    content: Content::Plugin(&[("org.apache.kafka", "connect-file", KAFKA_VERSION)], &[]),
};

/// The connector from `PostgreSQL`'s log.
pub(super) const DEBEZIUM_POSTGRES: Component = Component {
    name: "debezium-connector-postgres",
    title: "Debezium's PostgreSQL connector",
    version: DEBEZIUM_VERSION,
    megabytes: 10,
    content: Content::Plugin(
        &[(
            "io.debezium",
            "debezium-connector-postgres",
            DEBEZIUM_VERSION,
        )],
        &[],
    ),
};

/// The connector to a database. Of the drivers only `PostgreSQL`'s: not every other one is free software.
pub(super) const DEBEZIUM_JDBC: Component = Component {
    name: "debezium-connector-jdbc",
    title: "Debezium's JDBC connector",
    version: DEBEZIUM_JDBC_VERSION,
    megabytes: 45,
    content: Content::Plugin(
        &[(
            "io.debezium",
            "debezium-connector-jdbc",
            DEBEZIUM_JDBC_VERSION,
        )],
        &[
            "ojdbc11",
            "mssql-jdbc",
            "mysql-connector-j",
            "mariadb-java-client",
            // The worker's own: Hibernate looks for modules of Jackson, and finds the worker's, which are
            // no modules of another copy.
            "jackson-annotations",
            "jackson-core",
            "jackson-databind",
        ],
    ),
};

/// A session cluster with the SQL gateway, and the connectors and formats that jobs can count on:
/// Kafka, datagen; JSON, Avro, and Avro with a schema registry.
pub(super) const FLINK: Component = Component {
    name: "flink",
    title: "Flink",
    version: FLINK_VERSION,
    megabytes: 200,
    content: Content::Jars(&[
        ("org.apache.flink", "flink-clients", FLINK_VERSION),
        ("org.apache.flink", "flink-runtime-web", FLINK_VERSION),
        ("org.apache.flink", "flink-rpc-akka-loader", FLINK_VERSION),
        ("org.apache.flink", "flink-streaming-java", FLINK_VERSION),
        (
            "org.apache.flink",
            "flink-table-planner-loader",
            FLINK_VERSION,
        ),
        ("org.apache.flink", "flink-table-runtime", FLINK_VERSION),
        (
            "org.apache.flink",
            "flink-table-api-java-uber",
            FLINK_VERSION,
        ),
        ("org.apache.flink", "flink-sql-gateway", FLINK_VERSION),
        ("org.apache.flink", "flink-json", FLINK_VERSION),
        ("org.apache.flink", "flink-sql-avro", FLINK_VERSION),
        (
            "org.apache.flink",
            "flink-sql-avro-confluent-registry",
            FLINK_VERSION,
        ),
        ("org.apache.flink", "flink-connector-base", FLINK_VERSION),
        ("org.apache.flink", "flink-connector-datagen", FLINK_VERSION),
        (
            "org.apache.flink",
            "flink-sql-connector-kafka",
            FLINK_KAFKA_VERSION,
        ),
        ("org.apache.logging.log4j", "log4j-core", LOG4J_VERSION),
        (
            "org.apache.logging.log4j",
            "log4j-slf4j-impl",
            LOG4J_VERSION,
        ),
    ]),
};

/// What a Connect worker has itself, and a plugin must not bring again.
const OF_THE_WORKER: [&str; 7] = [
    "connect-api",
    "kafka-clients",
    "jakarta.ws.rs-api",
    "lz4-java",
    "slf4j-api",
    "snappy-java",
    "zstd-jni",
];

/// Why the jars could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither `XDG_CACHE_HOME` nor `HOME` names a folder.
    #[error("neither XDG_CACHE_HOME nor HOME says where the cache is")]
    NoCache,
    /// The cache could not be used.
    #[error("cannot write the cache folder {}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// Maven could not be started.
    #[error("cannot run {}", program.display())]
    Start {
        /// Maven's program.
        program: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// Maven ended with an error.
    #[error("Maven could not fetch {component}; the end of what it said:\n{tail}")]
    Maven {
        /// What was being fetched.
        component: String,
        /// The last lines of Maven's output.
        tail: String,
    },
}

/// The files of one component, complete.
#[derive(Debug, Clone)]
pub(super) struct Jars(PathBuf);

impl Jars {
    /// Returns the value of `java -cp`: the JVM itself expands the star.
    pub(super) fn classpath(&self) -> OsString {
        self.0.join("*").into_os_string()
    }

    /// Returns the folder that holds them.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns one of the files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Component {
    /// Returns the name, which is one of a folder too.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

/// Returns the folder of Streamform's cache.
pub(super) fn cache_dir() -> Result<PathBuf, Error> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("streamform"))
        .ok_or(Error::NoCache)
}

/// Returns whether a component is still to be fetched.
pub(super) fn needs_maven(component: &Component) -> Result<bool, Error> {
    Ok(!home(component)?.is_dir())
}

/// Returns where a component's files are once they are fetched; `None` where no folder is the cache.
pub(super) fn folder(component: &Component) -> Option<PathBuf> {
    home(component).ok()
}

/// Returns a component's files, fetching them first where they are not in the cache.
pub(super) fn fetch(
    component: &Component,
    tools: &Toolchain,
    progress: Progress<'_>,
) -> Result<Jars, Error> {
    let home = home(component)?;
    if home.is_dir() {
        return Ok(Jars(home));
    }
    let parent = home
        .parent()
        .expect("a component's folder lies in the cache");
    create_dir(parent)?;
    let lock_path = home.with_extension("lock");
    let lock = File::create(&lock_path).map_err(cache_error(&lock_path))?;
    if lock.try_lock().is_err() {
        progress(&format!(
            "waiting for another run that fetches {}",
            component.title
        ));
        lock.lock().map_err(cache_error(&lock_path))?;
    }
    // Another run may have fetched them while this one waited for the lock.
    if !home.is_dir() {
        let mvn = tools.mvn.as_deref().unwrap_or(Path::new("mvn"));
        download(component, mvn, &home, progress)?;
    }
    Ok(Jars(home))
}

/// Returns the folder of a component. It exists only when it is complete.
fn home(component: &Component) -> Result<PathBuf, Error> {
    let hash = Sha256::digest(match component.content {
        Content::Jars(artifacts) => pom(component, artifacts),
        Content::Plugin(artifacts, without) => pom(component, artifacts) + &excluded(without),
        Content::Archive(coordinates) => coordinates.to_owned(),
    });
    let mut key = String::new();
    for byte in &hash[..6] {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    let name = format!(
        "{}-{}-{key}",
        component.name,
        component.version.replace('.', "_")
    );
    Ok(cache_dir()?.join("jars").join(name))
}

/// Lets Maven fill a folder beside `home`, then renames it: half a component is never seen.
fn download(
    component: &Component,
    mvn: &Path,
    home: &Path,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let title = format!("{} {}", component.title, component.version);
    progress(&format!(
        "fetching {title} by Maven: about {} MB, once",
        component.megabytes
    ));
    let building = home.with_extension("partial");
    if building.exists() {
        fs::remove_dir_all(&building).map_err(cache_error(&building))?;
    }
    create_dir(&building)?;
    let of_runtime = || "-DincludeScope=runtime".to_owned();
    let (artifacts, goal, options) = match component.content {
        Content::Jars(artifacts) => (artifacts, "copy-dependencies", vec![of_runtime()]),
        Content::Plugin(artifacts, without) => {
            let options = vec![of_runtime(), excluded(without)];
            (artifacts, "copy-dependencies", options)
        }
        Content::Archive(coordinates) => {
            (&[][..], "unpack", vec![format!("-Dartifact={coordinates}")])
        }
    };
    if !artifacts.is_empty() {
        let path = building.join("pom.xml");
        fs::write(&path, pom(component, artifacts)).map_err(cache_error(&path))?;
    }
    let mut command = Command::new(mvn);
    command
        .args(["-q", "-B", "--strict-checksums", "-Dstyle.color=never"])
        // By its full name: Maven would search for the short one, and hide why it cannot be reached.
        .arg(format!(
            "{DEPENDENCY_PLUGIN}:{DEPENDENCY_PLUGIN_VERSION}:{goal}"
        ))
        .arg("-DoutputDirectory=lib")
        .args(options);
    run_maven(&title, command, &building, progress)?;
    let jars = building.join("lib");
    fs::rename(&jars, home).map_err(cache_error(home))?;
    fs::remove_dir_all(&building).map_err(cache_error(&building))
}

fn run_maven(
    title: &str,
    mut command: Command,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let log_path = folder.join("maven.log");
    let log = File::create(&log_path).map_err(cache_error(&log_path))?;
    let log_too = log.try_clone().map_err(cache_error(&log_path))?;
    let program = PathBuf::from(command.get_program());
    let start_error = |source| Error::Start {
        program: program.clone(),
        source,
    };
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too)
        .spawn()
        .map_err(start_error)?;
    let begin = Instant::now();
    let mut next_line = Duration::from_secs(5);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(start_error)? {
            break status;
        }
        if begin.elapsed() >= next_line {
            progress(&format!(
                "fetching {title} ({} s)",
                begin.elapsed().as_secs()
            ));
            next_line += Duration::from_secs(5);
        }
        thread::sleep(Duration::from_millis(50));
    };
    if status.success() && folder.join("lib").is_dir() {
        return Ok(());
    }
    // Maven's launcher resets the terminal's colours whatever it is told.
    let text = fs::read_to_string(&log_path)
        .unwrap_or_default()
        .replace("\u{1b}[0m", "");
    Err(Error::Maven {
        component: title.to_owned(),
        tail: super::broker::last_lines(&text, 15),
    })
}

fn create_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(cache_error(path))
}

fn cache_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Cache { path, source }
}

/// Returns the option that leaves out what the worker has and what is not wanted.
fn excluded(without: &[&str]) -> String {
    let names = [&OF_THE_WORKER, without].concat();
    format!("-DexcludeArtifactIds={}", names.join(","))
}

/// Returns the Maven project whose dependencies are the component. Every version is pinned.
fn pom(component: &Component, artifacts: &[(&str, &str, &str)]) -> String {
    let Component { name, version, .. } = component;
    let mut dependencies = String::new();
    for (group, artifact, version) in artifacts {
        // Writing to a String cannot fail.
        let _ = writeln!(
            dependencies,
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        );
    }
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>streamform.sandbox</groupId>
  <artifactId>{name}</artifactId>
  <version>{version}</version>
  <packaging>pom</packaging>
  <dependencies>
{dependencies}  </dependencies>
</project>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pom_pins_every_version() {
        for component in [&KAFKA, &CONNECT, &FILE_STREAM, &DEBEZIUM_JDBC, &FLINK] {
            let (Content::Jars(artifacts) | Content::Plugin(artifacts, _)) = component.content
            else {
                unreachable!("{} comes as jars", component.title);
            };
            let pom = pom(component, artifacts);
            // One for each artifact, one for the project itself.
            assert_eq!(pom.matches("<version>").count(), artifacts.len() + 1);
            for (_, artifact, version) in artifacts {
                let pinned =
                    format!("<artifactId>{artifact}</artifactId><version>{version}</version>");
                assert!(pom.contains(&pinned), "{pom}");
            }
            assert!(
                !pom.contains("SNAPSHOT") && !pom.contains("LATEST"),
                "{pom}"
            );
        }
    }

    #[test]
    fn a_plugin_brings_neither_the_workers_classes_nor_unfree_drivers() {
        let Content::Plugin(_, without) = DEBEZIUM_JDBC.content else {
            unreachable!("it is a plugin");
        };
        let option = excluded(without);
        assert!(option.contains("connect-api,kafka-clients,"), "{option}");
        assert!(option.contains(",ojdbc11,"), "{option}");
    }

    #[test]
    fn the_archive_is_of_the_version_that_is_told() {
        let Content::Archive(coordinates) = REGISTRY.content else {
            unreachable!("the registry comes as an archive");
        };
        assert!(coordinates.contains(&format!(":{REGISTRY_VERSION}:")));
    }
}
