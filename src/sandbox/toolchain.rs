//! Finds the programs that the sandbox runs: java 17 or newer, and mvn where jars are still to be fetched. I/O.

use std::env;
use std::fmt::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kafka 4 runs on Java 17 and newer: <https://kafka.apache.org/43/operations/java-version/>.
const MIN_JAVA: u32 = 17;

/// The programs, as absolute paths.
#[derive(Debug)]
pub(super) struct Toolchain {
    /// The `java` of a Java that is new enough.
    pub(super) java: PathBuf,
    /// `mvn`, absent where it was not asked for.
    pub(super) mvn: Option<PathBuf>,
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

/// Finds java, and mvn too where `with_maven`.
pub(super) fn find(with_maven: bool) -> Result<Toolchain, Error> {
    let mut missing = Vec::new();
    let java = java().map_err(|m| missing.push(m)).ok();
    let mvn = with_maven
        .then(mvn)
        .and_then(|found| found.map_err(|m| missing.push(m)).ok());
    match java {
        Some(java) if missing.is_empty() => Ok(Toolchain { java, mvn }),
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
    let text = match Command::new(&path).arg("-version").output() {
        // The version goes to standard error, but for a few builds of Java.
        Ok(output) => [output.stderr, output.stdout].concat(),
        Err(error) => return Err(missing(format!("{found} does not run ({error})"))),
    };
    let text = String::from_utf8_lossy(&text);
    match major_version(&text) {
        Some(version) if version >= MIN_JAVA => Ok(path),
        Some(version) => Err(missing(format!(
            "{found} is Java {version}, and Kafka needs {MIN_JAVA} or newer"
        ))),
        None => Err(missing(format!("{found} does not say which version it is"))),
    }
}

fn mvn() -> Result<PathBuf, Missing> {
    in_path("mvn").ok_or_else(|| Missing {
        what: "mvn (it fetches Kafka, once) is not in PATH".to_owned(),
        remedy: INSTALL_MAVEN,
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
                what: "mvn (it fetches Kafka, once) is not in PATH".to_owned(),
                remedy: INSTALL_MAVEN,
            },
        ]);
        insta::assert_snapshot!(error, @r"
        the sandbox needs programs that are not here:
          java 17 or newer is not in PATH; on Debian and Ubuntu: apt-get install openjdk-17-jre-headless (or a newer openjdk-*-jre-headless)
          mvn (it fetches Kafka, once) is not in PATH; on Debian and Ubuntu: apt-get install maven
        ");
    }
}
