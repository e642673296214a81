//! `PostgreSQL`: how a database server with logical decoding is made and started. I/O.
//!
//! Its programs are the system's own. They refuse to run as root: for root the server runs as `nobody`,
//! and its data are where `nobody` can reach them, which the home folder of root is not.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::Progress;
use super::broker::last_lines;
use super::record::{Folder, PostgresRecord};
use super::server::Server;
use super::service::{Error, Service};

/// The super user, the database and, since this is a sandbox on loopback, the password too.
pub(super) const NAME: &str = "postgres";
/// The user and group ids of `nobody`.
const NOBODY: u32 = 65_534;

/// Settings of the server: `logical` is what a connector that reads its log needs.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "wal_level=logical",
    "max_connections=60",
    "shared_buffers=32MB",
    // The data of a sandbox need not survive the machine's own crash.
    "fsync=off",
    "full_page_writes=off",
];

impl PostgresRecord {
    /// Returns the address with user, password and database.
    pub(super) fn url(&self) -> String {
        format!("postgres://{NAME}:{NAME}@127.0.0.1:{}/{NAME}", self.port)
    }

    /// Returns the folder of its data.
    fn home(&self, folder: &Folder) -> PathBuf {
        self.elsewhere.clone().unwrap_or_else(|| folder.postgres())
    }

    /// Chooses where the data will be.
    pub(super) fn settle(&mut self) {
        if rustix::process::geteuid().is_root() && self.elsewhere.is_none() {
            let name = format!("streamform-postgres-{}", uuid::Uuid::new_v4().simple());
            self.elsewhere = Some(env::temp_dir().join(name));
        }
    }

    /// Deletes data that are not in the sandbox's folder.
    pub(super) fn wipe(&self) -> io::Result<()> {
        match &self.elsewhere {
            Some(folder) if folder.exists() => fs::remove_dir_all(folder),
            _ => Ok(()),
        }
    }
}

/// Returns the server's log.
pub(super) fn log(folder: &Folder) -> PathBuf {
    folder.postgres().join("server.log")
}

/// Makes the database where there is none yet, and returns how the server is started.
pub(super) fn service(
    programs: &Path,
    folder: &Folder,
    record: &PostgresRecord,
    progress: Progress<'_>,
) -> Result<Service, Error> {
    let home = record.home(folder);
    if !home.join("data").exists() {
        progress("making a PostgreSQL database");
        initialize(programs, &home).map_err(Error::start(Server::Postgres))?;
    }
    forget_killed(&home.join("data/postmaster.pid")).map_err(Error::start(Server::Postgres))?;
    let port = record.port;
    let mut command = as_nobody(&programs.join("postgres"), &home);
    command.args(["-D", "data", "-p", &port.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    Ok(Service {
        server: Server::Postgres,
        command,
        log: log(folder),
        address: format!("127.0.0.1:{port}"),
        ready: Box::new(move || answers(port)),
    })
}

/// Deletes the lock file of a server that was killed, which the caller knows not to run.
///
/// The next one would not start while the process is still in the system's table, as it is where nobody
/// asks how it ended. The moment is for its helpers, which see that it is gone, and go.
fn forget_killed(lock: &Path) -> io::Result<()> {
    if !lock.exists() {
        return Ok(());
    }
    thread::sleep(Duration::from_secs(1));
    fs::remove_file(lock)
}

/// Returns a command in `home`, which for root runs as `nobody`.
fn as_nobody(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home).env("HOME", home);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Makes the database in a folder beside its own, then renames it: half of one is never started.
fn initialize(programs: &Path, home: &Path) -> io::Result<()> {
    let building = home.join("data.new");
    fs::create_dir_all(home)?;
    fs::set_permissions(home, fs::Permissions::from_mode(0o700))?;
    if building.exists() {
        fs::remove_dir_all(&building)?;
    }
    let password = home.join("password");
    fs::write(&password, NAME)?;
    if rustix::process::geteuid().is_root() {
        for path in [home, &password] {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
    }
    let mut option = OsString::from("--pwfile=");
    option.push(&password);
    let output = as_nobody(&programs.join("initdb"), home)
        .args(["-D", "data.new", "-U", NAME, "-A", "scram-sha-256"])
        .args(["--no-sync", "-E", "UTF8", "--locale=C"])
        .arg(option)
        .stdin(Stdio::null())
        .output()?;
    fs::remove_file(&password)?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        let tail = last_lines(&String::from_utf8_lossy(&text), 15);
        return Err(io::Error::other(format!("initdb failed:\n{tail}")));
    }
    fs::rename(&building, home.join("data"))
}

/// Begins a session: a server that is not ready yet answers with an error instead of asking for the
/// password (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
fn answers(port: u16) -> io::Result<()> {
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(5));
    // Protocol 3.0, then names and values, each ended by a zero byte, and one more at the end.
    let parameters = format!("\0\u{3}\0\0user\0{NAME}\0database\0{NAME}\0\0");
    let length = u32::try_from(parameters.len() + 4).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(TIMEOUT)?;
    stream.set_write_timeout(TIMEOUT)?;
    stream.write_all(&[&length.to_be_bytes(), parameters.as_bytes()].concat())?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    match &kind {
        b"R" => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
