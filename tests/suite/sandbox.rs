//! The sandbox's own promises, on servers of its own.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use streamform::sandbox::{Options, Sandbox, Server, Stop};

use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::program::{Program, Run};
use crate::support::proxy::Proxy;
use crate::support::registry::Registry;
use crate::support::servers;

fn run_sandbox(action: &str, dir: &str, more: &[&str]) -> Run {
    let arguments = [&["sandbox", action, "--dir", dir], more].concat();
    Program::new(&arguments).run()
}

fn status(dir: &str) -> Value {
    serde_json::from_str(&run_sandbox("status", dir, &["--json"]).stdout).unwrap()
}

/// Takes a sandbox down when a test ends, however it ends.
struct Down(String);

impl Drop for Down {
    fn drop(&mut self) {
        run_sandbox("down", &self.0, &["--wipe"]);
    }
}

#[test]
fn up_is_repeatable_and_down_keeps_the_data() {
    if !servers::are_required() {
        return servers::skip("it starts a broker: run tests/run.sh");
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a, b").display().to_string();
    let _down = Down(dir.clone());
    let mut both =
        [(); 2].map(|()| Program::new(&["sandbox", "up", "--dir", &dir, "--json"]).start());
    // Two at once: the second waits, and finds the broker running.
    both[1].wait_for("bootstrap");
    let [first, second] = both.map(|running| running.wait().expect(0));
    let bootstrap =
        |run: &Run| serde_json::from_str::<Value>(&run.stdout).unwrap()["bootstrap"].clone();
    assert_eq!(bootstrap(&first), bootstrap(&second));
    let address = bootstrap(&first).as_str().unwrap().to_owned();
    Kafka::connect(&address).create_topic("kept", 2, &[]);

    // A kill -9 is seen, and repaired with the data still there.
    let pid = status(&dir)["brokers"][0]["pid"].as_i64().unwrap();
    kill_process(
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        Signal::KILL,
    )
    .unwrap();
    let begin = Instant::now();
    while run_sandbox("status", &dir, &[]).code != Some(1) {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "the end of broker {pid} is not seen"
        );
    }
    run_sandbox("up", &dir, &[]).expect(0);
    assert_eq!(Kafka::connect(&address).partitions("kept"), Some(2));

    let topics = run_sandbox("tool", &dir, &["kafka-topics", "--", "--list"]).expect(0);
    assert_eq!(topics.stdout, "kept\n");
    let logs = run_sandbox("logs", &dir, &["-n", "2"]).expect(0);
    assert_eq!(logs.stdout.lines().count(), 2, "{}", logs.stdout);

    run_sandbox("down", &dir, &[]).expect(0);
    let stopped = status(&dir);
    assert_eq!(stopped["running"], Value::Bool(false));
    assert_eq!(stopped["bootstrap"], bootstrap(&first));
    run_sandbox("up", &dir, &["--brokers", "3"]).expect(1);
    run_sandbox("down", &dir, &["--wipe"]).expect(0);
    assert!(!folder.path().join("a, b").exists());
}

#[test]
fn a_schema_registry_is_added_killed_repaired_and_wiped() {
    if servers::registry().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a, b").display().to_string();
    let _down = Down(dir.clone());
    run_sandbox("up", &dir, &[]).expect(0);
    let broker = status(&dir)["brokers"][0]["pid"].clone();
    assert_eq!(status(&dir)["registry"], Value::Null);
    let logs = run_sandbox("logs", &dir, &["--registry"]).expect(1);
    assert!(
        logs.stderr
            .contains("`streamform sandbox up --registry` adds it")
    );

    // It is added to brokers that run already, and they are left alone.
    let values = run_sandbox("up", &dir, &["--registry"]).expect(0).stdout;
    let added = status(&dir);
    assert_eq!(added["brokers"][0]["pid"], broker);
    let url = added["registry"]["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert!(
        values.contains("provider \"schema_registry\" { url = var.schema_registry }")
            && values.contains(&format!("schema_registry = \"{url}\"")),
        "{values}"
    );
    // Confluent's default, which is not Apicurio's own.
    let (_, config) = Registry::at(url).call("GET", "/config", None);
    assert_eq!(config["compatibilityLevel"], "BACKWARD");

    // A kill -9 is seen and repaired, at the same address.
    let process = |status: &Value| {
        let pid = status["registry"]["pid"].as_i64().unwrap();
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    };
    kill_process(process(&added), Signal::KILL).unwrap();
    let begin = Instant::now();
    while run_sandbox("status", &dir, &[]).code != Some(1) {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "its end is not seen"
        );
    }
    run_sandbox("up", &dir, &[]).expect(0);
    let repaired = status(&dir);
    assert_eq!(repaired["registry"]["url"], url);
    assert_eq!(repaired["brokers"][0]["pid"], broker);

    let log = run_sandbox("logs", &dir, &["--registry", "-n", "1"]).expect(0);
    assert_eq!(log.stdout.lines().count(), 1, "{}", log.stdout);
    let down = run_sandbox("down", &dir, &["--wipe"]).expect(0);
    assert!(
        down.stderr
            .contains("stopping 1 broker and the schema registry"),
        "{}",
        down.stderr
    );
    assert!(!folder.path().join("a, b").exists());
    // Its port may belong to somebody else by now; what has ended has no command line.
    let pid = process(&repaired).as_raw_nonzero();
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(command.is_empty(), "{}", String::from_utf8_lossy(&command));
}

/// Returns the ids of the processes of Connect and Flink, and their addresses.
fn further_servers(status: &Value) -> (Vec<Value>, Vec<Value>) {
    let flink = &status["flink"];
    let pids = [
        &status["connect"],
        &flink["job_manager"],
        &flink["task_manager"],
        &flink["sql_gateway"],
    ];
    let urls = [
        &status["connect"]["url"],
        &flink["url"],
        &flink["sql_gateway_url"],
    ];
    let pids = pids.iter().map(|server| server["pid"].clone()).collect();
    (pids, urls.into_iter().cloned().collect())
}

#[test]
fn connect_and_flink_are_added_stopped_alone_repaired_and_wiped() {
    if servers::connect().is_none() || servers::flink().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a, b").display().to_string();
    let _down = Down(dir.clone());
    let up = ["--connect", "--flink", "--flink-slots", "2", "--json"];
    let up = run_sandbox("up", &dir, &up).expect(0);
    let first: Value = serde_json::from_str(&up.stdout).unwrap();
    let (pids, urls) = further_servers(&first);
    assert!(pids.iter().all(Value::is_number), "{first:#}");
    let get = |url: &Value, path: &str| {
        let (status, answer) = Registry::at(url.as_str().unwrap()).call("GET", path, None);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    let plugins = get(&urls[0], "/connector-plugins").to_string();
    for class in [
        "FileStreamSinkConnector",
        "MirrorSourceConnector",
        "PostgresConnector",
        "JdbcSinkConnector",
    ] {
        assert!(plugins.contains(class), "{class} is not in {plugins}");
    }
    assert_eq!(get(&urls[1], "/overview")["slots-total"], 2);
    assert_eq!(get(&urls[2], "/v1/info")["version"], "2.3.0");

    // One that is stopped is seen, the others are left alone, and it comes back where it was.
    let mut sandbox = Sandbox::open(dir.as_ref()).unwrap().unwrap();
    for server in [Server::Connect, Server::JobManager] {
        sandbox.stop_server(server, Stop::Kill).unwrap();
    }
    let stopped = further_servers(&status(&dir)).0;
    let null = Value::Null;
    assert_eq!(
        stopped.iter().collect::<Vec<_>>(),
        [&null, &null, &pids[2], &pids[3]]
    );
    sandbox
        .start_server(Server::JobManager, &Options::new(&dir))
        .unwrap();
    // The TaskManager has come along, and belongs to the new one.
    assert_eq!(get(&urls[1], "/overview")["slots-total"], 2);
    run_sandbox("up", &dir, &[]).expect(0);
    let (again, same_urls) = further_servers(&status(&dir));
    assert_eq!(same_urls, urls);
    assert!(again.iter().all(Value::is_number), "{again:?}");
    assert_eq!(again[3], pids[3]);
    get(&urls[0], "/connectors");

    let logs = run_sandbox("logs", &dir, &["--flink", "-n", "1"]).expect(0);
    assert_eq!(logs.stdout.lines().count(), 3, "{}", logs.stdout);
    let down = run_sandbox("down", &dir, &["--wipe"]).expect(0);
    let stopping = "stopping 1 broker, Flink and the Connect worker";
    assert!(down.stderr.contains(stopping), "{}", down.stderr);
    // Nothing is beside the folder either, whose name holds a comma.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn postgres_is_killed_repaired_and_wiped() {
    if servers::postgres().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a, b").display().to_string();
    let _down = Down(dir.clone());
    run_sandbox("up", &dir, &["--postgres"]).expect(0);
    let first = status(&dir)["postgres"].clone();
    let mut sandbox = Sandbox::open(dir.as_ref()).unwrap().unwrap();
    sandbox.stop_server(Server::Postgres, Stop::Kill).unwrap();
    run_sandbox("status", &dir, &[]).expect(1);
    run_sandbox("up", &dir, &[]).expect(0);
    let second = status(&dir)["postgres"].clone();
    assert_eq!(second["url"], first["url"]);
    assert!(second["pid"].is_number() && second["pid"] != first["pid"]);
    // An orderly end is not waited for in vain.
    let begin = Instant::now();
    run_sandbox("down", &dir, &[]).expect(0);
    assert!(begin.elapsed() < Duration::from_secs(15));
    run_sandbox("up", &dir, &[]).expect(0);
    run_sandbox("down", &dir, &["--wipe"]).expect(0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_recycled_process_id_is_neither_running_nor_killed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display().to_string();
    // A record as a sandbox leaves it, whose process id now belongs to this very test.
    let record = serde_json::json!({
        "format": 1, "cluster_id": "MkU3OEVBNTcwNTJENDM2Qk", "secure": false,
        "brokers": [{
            "id": 1,
            "ports": { "plaintext": 1, "controller": 2, "sasl_plaintext": 3, "ssl": 4, "sasl_ssl": 5 },
            "process": { "pid": std::process::id(), "started": "another+1" },
        }],
    });
    fs::write(folder.path().join("sandbox.json"), record.to_string()).unwrap();
    run_sandbox("status", &dir, &[]).expect(1);
    let down = run_sandbox("down", &dir, &[]).expect(0);
    assert_eq!(down.stderr, "nothing was running\n");
}

#[test]
fn one_broker_of_three_is_stopped_and_started_alone() {
    let Some(dir) = servers::cluster_dir() else {
        return;
    };
    let _cluster = servers::cluster_alone();
    let mut sandbox = Sandbox::open(&dir).unwrap().unwrap();
    sandbox.stop_server(Server::Broker(2), Stop::Kill).unwrap();
    let running: Vec<bool> = sandbox
        .status()
        .brokers
        .iter()
        .map(|b| b.pid.is_some())
        .collect();
    assert_eq!(running, [true, false, true]);
    // The two that are left still agree on a new topic. Kafka's own client finds the controller
    // again where that was the one that is gone; librdkafka's may wait for it.
    let topic = format!("{}t", unique_prefix("two-of-three"));
    let folder = dir.to_str().unwrap();
    let tool = |more: &[&str]| {
        let topics = [&["kafka-topics", "--", "--topic", &topic], more].concat();
        run_sandbox("tool", folder, &topics).expect(0)
    };
    tool(&["--create", "--partitions", "1", "--replication-factor", "2"]);
    sandbox
        .start_server(Server::Broker(2), &Options::new(&dir))
        .unwrap();
    assert!(sandbox.status().running);
    tool(&["--delete"]);
}

#[test]
fn a_client_stays_behind_the_proxy() {
    const METADATA: i16 = 3;
    let Some(bootstrap) = servers::kafka() else {
        return;
    };
    let proxy = Proxy::start(&bootstrap, Duration::from_millis(10)).unwrap();
    let topic = format!("{}t", unique_prefix("proxy"));
    let kafka = Kafka::connect(proxy.bootstrap());
    kafka.create_topic(&topic, 3, &[("retention.ms", "1000")]);
    kafka.set_config(&topic, "retention.ms", Some("2000"));
    kafka.produce(&topic, 10, None);
    assert_eq!(kafka.records(&topic), 10);
    assert_eq!(
        kafka
            .overrides(&topic)
            .get("retention.ms")
            .map(String::as_str),
        Some("2000")
    );
    proxy.cut();
    kafka.delete_topic(&topic);
    // Each of them was asked through the proxy: metadata, create, alter, produce and delete.
    let requests = proxy.requests();
    for key in [METADATA, 19, 33, 0, 20] {
        assert!(requests.contains_key(&key), "{requests:?}");
    }
}
