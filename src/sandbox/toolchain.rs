//! Finds the programs that the sandbox runs: java 17 or newer, 21 for the schema registry, mvn where
//! something is still to be fetched, and `PostgreSQL`'s. I/O.

use std::collections::BTreeSet;
use std::env;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kafka 4 runs on Java 17 and newer: <https://kafka.apache.org/43/operations/java-version/>. So does Flink.
const MIN_JAVA: u32 = 17;

/// Apicurio Registry 3.3 is compiled for Java 21.
const MIN_REGISTRY_JAVA: u32 = 21;
/// Where Linux distributions install each Java in a folder of its own.
const JVMS: &str = "/usr/lib/jvm";
/// Where Debian and its kin install each `PostgreSQL` in a folder of its own, which `PATH` does not name.
const POSTGRESQLS: &str = "/usr/lib/postgresql";

/// Which programs are looked for besides Kafka's java.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    /// Whether something is still to be fetched.
    pub(super) maven: bool,
    /// Whether the schema registry is to be started.
    pub(super) registry: bool,
    /// Whether `PostgreSQL` is to be started.
    pub(super) postgres: bool,
}

/// The programs, as absolute paths.
#[derive(Debug)]
pub(super) struct Toolchain {
    /// The `java` of a Java that is new enough.
    pub(super) java: PathBuf,
    /// `mvn`, absent where it was not asked for.
    pub(super) mvn: Option<PathBuf>,
    /// The `java` of the schema registry, absent where it was not asked for.
    pub(super) registry_java: Option<PathBuf>,
    /// The folder of `PostgreSQL`'s server programs, absent where it was not asked for.
    pub(super) postgres: Option<PathBuf>,
}

/// What is missing, all of it at once, and how to get it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox needs programs that are not here:{}", lines(.0))]
pub struct Error(Vec<Missing>);

/// One program that is not there, or not good enough.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    what: String,
    remedy: &'static str,
}

const INSTALL_JAVA: &str =
    "apt-get install openjdk-17-jre-headless (or a newer openjdk-*-jre-headless)";
const INSTALL_REGISTRY_JAVA: &str = "apt-get install openjdk-21-jre-headless (or openjdk-25-jre-headless; where neither is offered, \
     any Java 21 or newer named by JAVA_HOME)";
const INSTALL_POSTGRES: &str = "apt-get install postgresql";
const INSTALL_MAVEN: &str = "apt-get install maven";

fn lines(missing: &[Missing]) -> String {
    let mut out = String::new();
    for missing in missing {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n  {missing}");
    }
    out
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; on Debian and Ubuntu: {}", self.what, self.remedy)
    }
}

/// Finds java, and what else is needed.
pub(super) fn find(needs: Needs) -> Result<Toolchain, Error> {
    let mut missing = Vec::new();
    let java = java().map_err(|m| missing.push(m)).ok();
    let mut optional = |needed: bool, find: fn() -> Result<PathBuf, Missing>| {
        needed
            .then(find)
            .and_then(|found| found.map_err(|m| missing.push(m)).ok())
    };
    let registry_java = optional(needs.registry, registry_java);
    let mvn = optional(needs.maven, mvn);
    let postgres = optional(needs.postgres, postgres);
    match java {
        Some(java) if missing.is_empty() => Ok(Toolchain {
            java,
            mvn,
            registry_java,
            postgres,
        }),
        _ => Err(Error(missing)),
    }
}

/// Returns `$JAVA_HOME/bin/java`, or the first `java` in `PATH`, if it is new enough.
fn java() -> Result<PathBuf, Missing> {
    let missing = |what| Missing {
        what,
        remedy: INSTALL_JAVA,
    };
    let path = match env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => {
            let path = Path::new(&home).join("bin/java");
            if !is_program(&path) {
                let home = home.display();
                return Err(missing(format!(
                    "JAVA_HOME is {home}, which has no bin/java"
                )));
            }
            path
        }
        None => in_path("java")
            .ok_or_else(|| missing(format!("java {MIN_JAVA} or newer is not in PATH")))?,
    };
    let found = path.display();
    match version_of(&path) {
        Ok(Some(version)) if version >= MIN_JAVA => Ok(path),
        Ok(Some(version)) => Err(missing(format!(
            "{found} is Java {version}, and Kafka needs {MIN_JAVA} or newer"
        ))),
        Ok(None) => Err(missing(format!("{found} does not say which version it is"))),
        Err(error) => Err(missing(format!("{found} does not run ({error})"))),
    }
}

/// Returns the first Java that the schema registry runs on: `JAVA_HOME`, `PATH`, then each of the
/// system's, since the Java that is the default is often an older one.
fn registry_java() -> Result<PathBuf, Missing> {
    let program = |home: PathBuf| Some(home.join("bin/java")).filter(|program| is_program(program));
    let mut jvms: Vec<PathBuf> = fs::read_dir(JVMS)
        .into_iter()
        .flatten()
        .filter_map(|entry| program(entry.ok()?.path()))
        .collect();
    jvms.sort();
    let home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let named = home.and_then(|home| program(home.into()));
    let programs = named.into_iter().chain(in_path("java")).chain(jvms);
    first_of_version(programs, MIN_REGISTRY_JAVA, |program| {
        version_of(program).ok().flatten()
    })
    .map_err(|found| Missing {
        what: format!(
            "the schema registry needs Java {MIN_REGISTRY_JAVA} or newer, which is neither JAVA_HOME, nor in \
             PATH, nor in {JVMS} ({found})"
        ),
        remedy: INSTALL_REGISTRY_JAVA,
    })
}

/// Returns the first program whose version is at least `least`, or which versions there are instead.
fn first_of_version(
    programs: impl IntoIterator<Item = PathBuf>,
    least: u32,
    version: impl Fn(&Path) -> Option<u32>,
) -> Result<PathBuf, String> {
    let mut older = BTreeSet::new();
    for program in programs {
        match version(&program) {
            Some(found) if found >= least => return Ok(program),
            found => older.extend(found),
        }
    }
    let older: Vec<String> = older.iter().map(u32::to_string).collect();
    Err(if older.is_empty() {
        "there is no Java".to_owned()
    } else {
        format!("there is Java {}", older.join(", "))
    })
}

/// Asks a `java` for its feature release; `None` where it tells none.
fn version_of(java: &Path) -> io::Result<Option<u32>> {
    let output = Command::new(java).arg("-version").output()?;
    // The version goes to standard error, but for a few builds of Java.
    let text = [output.stderr, output.stdout].concat();
    Ok(major_version(&String::from_utf8_lossy(&text)))
}

fn mvn() -> Result<PathBuf, Missing> {
    in_path("mvn").ok_or_else(|| Missing {
        what: "mvn (it fetches what the sandbox runs, once) is not in PATH".to_owned(),
        remedy: INSTALL_MAVEN,
    })
}

/// Returns the folder of the `initdb` in `PATH`, or of the newest that the distribution installed.
fn postgres() -> Result<PathBuf, Missing> {
    // A link may stand in PATH; the server's other programs are beside what it points to.
    let in_path = in_path("initdb").and_then(|program| program.canonicalize().ok());
    let mut installed: Vec<(u32, PathBuf)> = fs::read_dir(POSTGRESQLS)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin/initdb")))
        })
        .collect();
    installed.sort();
    let installed = installed.into_iter().rev().map(|(_, program)| program);
    in_path
        .into_iter()
        .chain(installed)
        .filter(|program| is_program(program))
        .find_map(|program| Some(program.parent()?.to_owned()))
        .ok_or_else(|| Missing {
            what: format!("PostgreSQL's initdb is neither in PATH nor in {POSTGRESQLS}/*/bin"),
            remedy: INSTALL_POSTGRES,
        })
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Reads the feature release out of what `java -version` prints: 17 of `"17.0.15"`, 8 of `"1.8.0_402"`.
fn major_version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    let mut numbers = quoted.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        // Until Java 8 the number that people speak of was the second one.
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_java_old_and_new_are_read() {
        assert_eq!(
            major_version("openjdk version \"17.0.15\" 2025-04-15\n"),
            Some(17)
        );
        assert_eq!(major_version("java version \"1.8.0_402\"\n"), Some(8));
        assert_eq!(
            major_version("openjdk version \"25-ea\" 2025-09-16\n"),
            Some(25)
        );
        assert_eq!(major_version("Unrecognized option: -version"), None);
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let error = Error(vec![
            Missing {
                what: "java 17 or newer is not in PATH".to_owned(),
                remedy: INSTALL_JAVA,
            },
            Missing {
                what: "mvn (it fetches what the sandbox runs, once) is not in PATH".to_owned(),
                remedy: INSTALL_MAVEN,
            },
        ]);
        insta::assert_snapshot!(error, @r"
        the sandbox needs programs that are not here:
          java 17 or newer is not in PATH; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless (or a newer openjdk-*-jre-headless)
          mvn (it fetches what the sandbox runs, once) is not in PATH; on Debian and Ubuntu: apt-get install maven
        ");
    }

    #[test]
    fn the_first_java_that_is_new_enough_is_taken() {
        let version = |program: &Path| program.to_str()?.parse().ok();
        let first = |programs: &[&str]| {
            first_of_version(programs.iter().map(PathBuf::from), 21, version)
                .map(|program| program.display().to_string())
        };
        assert_eq!(first(&["17", "broken", "25", "21"]), Ok("25".to_owned()));
        assert_eq!(
            first(&["17", "broken", "11", "17"]),
            Err("there is Java 11, 17".to_owned())
        );
        assert_eq!(first(&["broken"]), Err("there is no Java".to_owned()));
    }
}
