//! `streamform sandbox`: a real Kafka, and what works with one, on loopback for trying things out. See [`crate::sandbox`].

#![expect(
    clippy::doc_markdown,
    reason = "the doc of an option is its help text, which people read as it is"
)]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Subcommand;

use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::sandbox::{
    Error, FLINK_VERSION, KAFKA_VERSION, Options, REGISTRY_VERSION, Sandbox, Server, Status, TOOLS,
    Tail,
};

use super::{Exit, Output};

/// Run a real Kafka, and what works with one, on this machine, without Docker.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Up(UpArgs),
    Status(StatusArgs),
    Down(DownArgs),
    Logs(LogsArgs),
    Tool(ToolArgs),
}

/// Which sandbox.
#[derive(Debug, clap::Args)]
struct Place {
    /// The sandbox's folder [default: `sandbox` in Streamform's cache].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Start what does not run yet, and print the values to paste.
///
/// What is run, Maven fetches the first time. Servers listen on free ports of 127.0.0.1 and go on
/// running until `streamform sandbox down`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct UpArgs {
    #[command(flatten)]
    place: Place,
    /// How many brokers, 1 or 3 [default: what the folder holds, or 1].
    #[arg(long, value_name = "COUNT")]
    brokers: Option<u16>,
    /// Add listeners with SASL (SCRAM, PLAIN) and TLS, with users and certificates.
    #[arg(long)]
    secure: bool,
    /// Add a schema registry: Apicurio Registry, which speaks Confluent's API and needs Java 21 or newer.
    ///
    /// It keeps its schemas in memory, and so only until it stops.
    #[arg(long)]
    registry: bool,
    /// Add a Kafka Connect worker: connectors from and to files, from and to PostgreSQL, and between clusters.
    ///
    /// These are FileStream, Debezium's for PostgreSQL and its sink for JDBC, and MirrorMaker.
    #[arg(long)]
    connect: bool,
    /// Add a plugin to the Connect worker: a folder of jars, with the service files that name its classes.
    #[arg(long, value_name = "DIR", requires = "connect")]
    connect_plugin: Vec<PathBuf>,
    /// Add Flink: a session cluster, and a SQL gateway with Kafka, JSON and Avro.
    ///
    /// Its jobs are gone when it stops; checkpoints and savepoints stay in the sandbox's folder.
    #[arg(long)]
    flink: bool,
    /// How many slots a Flink that is added has.
    #[arg(long, value_name = "COUNT", default_value_t = 8, requires = "flink", value_parser = clap::value_parser!(u16).range(1..))]
    flink_slots: u16,
    /// Add a database with logical decoding: PostgreSQL, whose programs have to be installed.
    #[arg(long)]
    postgres: bool,
    /// The largest heap of each broker.
    #[arg(long, value_name = "SIZE", default_value = "768m")]
    heap: String,
    /// Options of the brokers' JVM, instead of those that make them start fast.
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    jvm_options: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Show what runs: exit code 0 if all of it does, 1 if not.
#[derive(Debug, clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Stop every server.
#[derive(Debug, clap::Args)]
struct DownArgs {
    #[command(flatten)]
    place: Place,
    /// Delete the data, too.
    #[arg(long)]
    wipe: bool,
}

/// Print the logs of the servers.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct LogsArgs {
    #[command(flatten)]
    place: Place,
    /// Go on printing what is added.
    #[arg(long, short)]
    follow: bool,
    /// Only this broker's log.
    #[arg(long, value_name = "ID")]
    broker: Option<u16>,
    /// Only the schema registry's log.
    #[arg(long, conflicts_with = "broker")]
    registry: bool,
    /// Only the Connect worker's log.
    #[arg(long, conflicts_with_all = ["broker", "registry"])]
    connect: bool,
    /// Only Flink's logs.
    #[arg(long, conflicts_with_all = ["broker", "registry", "connect"])]
    flink: bool,
    /// Only the log of PostgreSQL.
    #[arg(long, conflicts_with_all = ["broker", "registry", "connect", "flink"])]
    postgres: bool,
    /// How many of the last lines of each log.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50)]
    lines: usize,
}

/// Run one of Kafka's own tools against the sandbox.
///
/// For example `streamform sandbox tool kafka-topics -- --list`. `--bootstrap-server` is filled in.
#[derive(Debug, clap::Args)]
struct ToolArgs {
    #[command(flatten)]
    place: Place,
    /// The tool's name, such as kafka-topics or kafka-configs.
    name: String,
    /// The tool's arguments.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    match &args.action {
        Action::Up(args) => up(args, output),
        Action::Status(args) => status(args, output),
        Action::Down(args) => down(args, output),
        Action::Logs(args) => logs(args, output),
        Action::Tool(args) => tool(args),
    }
    .map_err(|error| explain(&error).into())
}

impl Place {
    fn dir(&self) -> Result<PathBuf, Error> {
        self.dir.clone().map_or_else(Options::default_dir, Ok)
    }

    fn open(&self) -> Result<Sandbox, Error> {
        let dir = self.dir()?;
        Sandbox::open(&dir)?.ok_or(Error::Absent(dir))
    }
}

fn up(args: &UpArgs, output: &Output) -> Result<Exit, Error> {
    let options = Options {
        brokers: args.brokers,
        secure: args.secure,
        registry: args.registry,
        connect: args.connect,
        connect_plugins: args.connect_plugin.clone(),
        flink_slots: args.flink.then_some(args.flink_slots),
        postgres: args.postgres,
        heap: args.heap.clone(),
        jvm_options: args
            .jvm_options
            .as_ref()
            .map(|options| options.split_whitespace().map(str::to_owned).collect()),
        ..Options::new(args.place.dir()?)
    };
    let (sandbox, started) = Sandbox::up(&options, &|line| output.progress(line))?;
    if !started {
        output.progress("the sandbox is running already");
    }
    let status = sandbox.status();
    output.result(&if args.json {
        json(&status)
    } else {
        values(&status)
    });
    Ok(Exit::Done)
}

fn status(args: &StatusArgs, output: &Output) -> Result<Exit, Error> {
    let status = args.place.open()?.status();
    output.result(&if args.json {
        json(&status)
    } else {
        table(&status)
    });
    Ok(if status.running {
        Exit::Done
    } else {
        Exit::Error
    })
}

fn down(args: &DownArgs, output: &Output) -> Result<Exit, Error> {
    let dir = args.place.dir()?;
    let progress = |line: &str| output.progress(line);
    let stopped = match Sandbox::open(&dir)? {
        Some(sandbox) => sandbox.down(args.wipe, &progress)?,
        None => 0,
    };
    output.progress(match (stopped, args.wipe) {
        (0, false) => "nothing was running",
        (_, false) => "stopped; the data stays until `streamform sandbox down --wipe`",
        (_, true) => "stopped, and the data is deleted",
    });
    Ok(Exit::Done)
}

fn tool(args: &ToolArgs) -> Result<Exit, Error> {
    let status = args.place.open()?.run_tool(&args.name, &args.arguments)?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Error
    })
}

fn logs(args: &LogsArgs, output: &Output) -> Result<Exit, Error> {
    let chosen = chosen_logs(args, &args.place.open()?.status())?;
    let several = chosen.len() > 1;
    let mut tails = Vec::new();
    for (server, log) in chosen {
        let prefix = if several {
            format!("{server} | ")
        } else {
            String::new()
        };
        let mut tail = Tail::new(&log);
        let lines = tail.read()?;
        print(
            &lines[lines.len().saturating_sub(args.lines)..],
            &prefix,
            output,
        );
        tails.push((prefix, tail));
    }
    while args.follow && !output.is_lost() {
        for (prefix, tail) in &mut tails {
            print(&tail.read()?, prefix, output);
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(Exit::Done)
}

/// Returns the logs that were asked for, each with its server's name.
fn chosen_logs(args: &LogsArgs, status: &Status) -> Result<Vec<(String, PathBuf)>, Error> {
    let all = all_logs(status);
    let wanted = if let Some(id) = args.broker {
        Server::Broker(id)
    } else if args.registry {
        Server::Registry
    } else if args.connect {
        Server::Connect
    } else if args.flink {
        Server::JobManager
    } else if args.postgres {
        Server::Postgres
    } else {
        return Ok(all.into_iter().map(|(_, name, log)| (name, log)).collect());
    };
    let chosen: Vec<_> = (all.into_iter())
        .filter(|(server, ..)| *server == wanted)
        .map(|(_, name, log)| (name, log))
        .collect();
    match (chosen.is_empty(), wanted) {
        (false, _) => Ok(chosen),
        (true, Server::Broker(id)) => Err(Error::NoSuchBroker(id)),
        (true, server) => Err(Error::NoSuchServer(server)),
    }
}

/// Returns every log with its server and the server's short name; Flink's three count as one server.
fn all_logs(status: &Status) -> Vec<(Server, String, PathBuf)> {
    let mut logs = Vec::new();
    let mut add = |server, name: &str, log: &PathBuf| {
        logs.push((server, name.to_owned(), log.clone()));
    };
    for broker in &status.brokers {
        let name = format!("broker {}", broker.id);
        add(Server::Broker(broker.id), &name, &broker.log);
    }
    if let Some(registry) = &status.registry {
        add(Server::Registry, "registry", &registry.log);
    }
    if let Some(postgres) = &status.postgres {
        add(Server::Postgres, "postgres", &postgres.log);
    }
    if let Some(flink) = &status.flink {
        let flink_server = Server::JobManager;
        add(flink_server, "job manager", &flink.job_manager.log);
        add(flink_server, "task manager", &flink.task_manager.log);
        add(flink_server, "sql gateway", &flink.sql_gateway.log);
    }
    if let Some(connect) = &status.connect {
        add(Server::Connect, "connect", &connect.log);
    }
    logs
}

fn print(lines: &[String], prefix: &str, output: &Output) {
    for line in lines {
        output.result(&format!("{prefix}{line}\n"));
    }
}

fn json(status: &Status) -> String {
    let text = serde_json::to_string_pretty(status).expect("a status is plain data");
    format!("{text}\n")
}

/// Returns what to paste into a `*.vars.hcl` file; all else is a comment.
fn values(status: &Status) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "# Kafka {KAFKA_VERSION}, data in {}",
        status.dir.display()
    );
    let _ = writeln!(out, "bootstrap = {}", quoted(&status.bootstrap));
    if let Some(registry) = &status.registry {
        let _ = writeln!(
            out,
            "\n# Apicurio Registry {REGISTRY_VERSION}; its schemas are gone when it stops. In the project:\n\
             #   provider \"schema_registry\" {{ url = var.schema_registry }}\n\
             schema_registry = {}",
            quoted(&registry.url)
        );
    }
    if let Some(connect) = &status.connect {
        let _ = writeln!(
            out,
            "\n# Kafka Connect {KAFKA_VERSION}. In the project:\n\
             #   provider \"connect\" {{ url = var.connect }}\n\
             connect = {}",
            quoted(&connect.url)
        );
    }
    if let Some(flink) = &status.flink {
        let _ = writeln!(
            out,
            "\n# Flink {FLINK_VERSION} with {} slots, savepoints in {}. In the project:\n\
             #   provider \"flink\" {{\n\
             #     url             = var.flink\n\
             #     sql_gateway_url = var.flink_sql_gateway\n\
             #   }}\n\
             flink             = {}\n\
             flink_sql_gateway = {}",
            flink.slots,
            flink.savepoint_dir.display(),
            quoted(&flink.url),
            quoted(&flink.sql_gateway_url)
        );
    }
    if let Some(postgres) = &status.postgres {
        let _ = writeln!(out, "\n# PostgreSQL\npostgres = {}", quoted(&postgres.url));
    }
    let Some(secure) = &status.secure else {
        return out;
    };
    let _ = writeln!(out, "\n# With SASL and TLS:");
    for user in secure.users {
        let (mechanism, name, password) = (user.mechanism, user.username, user.password);
        let _ = writeln!(out, "#   {mechanism}: {name}, password {password}");
    }
    for (name, value) in [
        ("bootstrap_sasl_plaintext", &secure.sasl_plaintext),
        ("bootstrap_ssl", &secure.ssl),
        ("bootstrap_sasl_ssl", &secure.sasl_ssl),
    ] {
        let _ = writeln!(out, "{name} = {}", quoted(value));
    }
    for (name, path) in [
        ("ca", &secure.ca),
        ("client_certificate", &secure.client_certificate),
        ("client_key", &secure.client_key),
    ] {
        let _ = writeln!(out, "{name} = {}", quoted(&path.to_string_lossy()));
    }
    out
}

/// Returns a string as HCL writes it: as JSON does, and templates are escaped.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.replace("${", "$${").replace("%{", "%%{")
}

fn table(status: &Status) -> String {
    let mut out = String::new();
    let state =
        |pid: Option<u32>| pid.map_or("stopped".to_owned(), |pid| format!("running, pid {pid}"));
    // Writing to a String cannot fail.
    for broker in &status.brokers {
        let (id, address) = (broker.id, &broker.address);
        let _ = writeln!(out, "broker {id}  {address}  {}", state(broker.pid));
    }
    if let Some(registry) = &status.registry {
        let (url, state) = (&registry.url, state(registry.pid));
        let _ = writeln!(out, "registry  {url}  {state}");
    }
    if let Some(connect) = &status.connect {
        let (url, state) = (&connect.url, state(connect.pid));
        let _ = writeln!(out, "connect  {url}  {state}");
    }
    if let Some(flink) = &status.flink {
        let (url, gateway) = (&flink.url, &flink.sql_gateway_url);
        let _ = writeln!(out, "job manager  {url}  {}", state(flink.job_manager.pid));
        let (slots, tasks) = (flink.slots, state(flink.task_manager.pid));
        let _ = writeln!(out, "task manager  {slots} slots  {tasks}");
        let _ = writeln!(
            out,
            "sql gateway  {gateway}  {}",
            state(flink.sql_gateway.pid)
        );
    }
    if let Some(postgres) = &status.postgres {
        let (address, state) = (&postgres.address, state(postgres.pid));
        let _ = writeln!(out, "postgres  {address}  {state}");
    }
    let _ = writeln!(
        out,
        "Kafka {}, data in {}",
        status.kafka,
        status.dir.display()
    );
    out
}

/// Returns an error with its causes and, where there is one, the way out.
fn explain(error: &Error) -> Diagnostic {
    let mut diagnostic = Diagnostic::of("sandbox", error);
    diagnostic.summary.insert_str(0, "Sandbox: ");
    diagnostic.hint_opt(hint(error))
}

fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Absent(_) => Some("`streamform sandbox up` makes one".to_owned()),
        Error::NoSuchServer(server) => {
            let option = match server {
                // Its number decides: there is none to add.
                Server::Broker(_) => return None,
                Server::Registry => "--registry",
                Server::Connect => "--connect",
                Server::JobManager | Server::TaskManager | Server::SqlGateway => "--flink",
                Server::Postgres => "--postgres",
            };
            Some(format!("`streamform sandbox up {option}` adds it"))
        }
        Error::OtherShape { .. } => Some(
            "choose another folder with `--dir`, or delete this one by `streamform sandbox down --wipe`".to_owned(),
        ),
        Error::NoSuchTool(name) => {
            let names = TOOLS.iter().map(|tool| tool.name);
            let list = names.clone().collect::<Vec<_>>().join(", ");
            Some(did_you_mean(name, names).unwrap_or_else(|| format!("there are: {list}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: &Error) -> String {
        explain(error).render()
    }

    #[test]
    fn mistakes_are_answered_with_the_way_out() {
        insta::assert_snapshot!(message(&Error::Absent("box".into())), @"
        Error: Sandbox: There is no sandbox in box
          hint: `streamform sandbox up` makes one
        ");
        insta::assert_snapshot!(message(&Error::NoSuchTool("kafka-topic".to_owned())), @r#"
        Error: Sandbox: Kafka has no tool named "kafka-topic"
          hint: did you mean "kafka-topics"?
        "#);
        insta::assert_snapshot!(message(&Error::NoSuchServer(Server::Registry)), @"
        Error: Sandbox: The sandbox is without the schema registry
          hint: `streamform sandbox up --registry` adds it
        ");
        insta::assert_snapshot!(message(&Error::BrokerCount(2)), @"Error: Sandbox: A sandbox has 1 or 3 brokers, not 2");
    }

    #[test]
    fn values_are_strings_of_hcl() {
        assert_eq!(quoted(r#"/a "b"/${c}\d"#), r#""/a \"b\"/$${c}\\d""#);
    }
}
