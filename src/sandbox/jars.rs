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
const LOG4J_VERSION: &str = "2.25.1";
const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin";
const DEPENDENCY_PLUGIN_VERSION: &str = "3.8.1";

/// A part of the sandbox that Maven fetches. Connect and Flink will be further ones.
pub(super) struct Component {
    name: &'static str,
    /// What people call it.
    title: &'static str,
    version: &'static str,
    /// How much is downloaded, in MB.
    megabytes: u16,
    content: Content,
}

/// What a component consists of.
enum Content {
    /// Group, artifact and version of the jars that are needed; Maven adds what these depend on.
    Jars(&'static [(&'static str, &'static str, &'static str)]),
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

    /// Returns one of the files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
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
    let (goal, options) = match component.content {
        Content::Jars(artifacts) => {
            let path = building.join("pom.xml");
            fs::write(&path, pom(component, artifacts)).map_err(cache_error(&path))?;
            ("copy-dependencies", "-DincludeScope=runtime".to_owned())
        }
        Content::Archive(coordinates) => ("unpack", format!("-Dartifact={coordinates}")),
    };
    let mut command = Command::new(mvn);
    command
        .args(["-q", "-B", "--strict-checksums", "-Dstyle.color=never"])
        // By its full name: Maven would search for the short one, and hide why it cannot be reached.
        .arg(format!(
            "{DEPENDENCY_PLUGIN}:{DEPENDENCY_PLUGIN_VERSION}:{goal}"
        ))
        .args(["-DoutputDirectory=lib", &options]);
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
        let Content::Jars(artifacts) = KAFKA.content else {
            unreachable!("Kafka comes as jars");
        };
        let pom = pom(&KAFKA, artifacts);
        let artifacts = artifacts.len();
        // One for each artifact, one for the project itself.
        assert_eq!(pom.matches("<version>").count(), artifacts + 1);
        assert!(
            pom.contains("<artifactId>kafka_2.13</artifactId><version>4.3.1</version>"),
            "{pom}"
        );
        assert!(
            !pom.contains("SNAPSHOT") && !pom.contains("LATEST"),
            "{pom}"
        );
    }

    #[test]
    fn the_archive_is_of_the_version_that_is_told() {
        let Content::Archive(coordinates) = REGISTRY.content else {
            unreachable!("the registry comes as an archive");
        };
        assert!(coordinates.contains(&format!(":{REGISTRY_VERSION}:")));
    }
}
