//! A job that counts the records of a topic, its project, and what it wrote: of n records exactly 1 to n.

use std::cell::Cell;
use std::fs;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::program::Run;
use crate::support::project::Project;
use crate::support::servers;

use super::gate;

/// The versions of the program.
const VERSIONS: [&str; 4] = ["v1", "v2", "v3", "failing"];

/// A project of one job.
pub(super) struct Counter {
    pub(super) project: Project,
    pub(super) flink: String,
    pub(super) gateway: String,
    pub(super) kafka: Kafka,
    bootstrap: String,
    /// The job's name, and the beginning of its topics'.
    pub(super) name: String,
    produced: Cell<usize>,
}

/// What is said about the job beyond its program.
#[derive(Default)]
pub(super) struct Said<'a> {
    /// Attributes of the job.
    pub(super) job: &'a str,
    /// Attributes of its `upgrade` block.
    pub(super) upgrade: &'a str,
    /// How many tasks; one where it is 0.
    pub(super) parallelism: u32,
    /// How often a checkpoint is begun, where that is not each 500 ms. Of `0ms` there is none that the job's output
    /// would wait for.
    pub(super) interval: &'a str,
    /// Settings of the provider.
    pub(super) provider: &'a str,
    /// Where the jar is had and its hash, where it is no file of the project.
    pub(super) jar: &'a str,
    /// Where Flink is reached, and its gateway, where that is elsewhere.
    pub(super) at: [&'a str; 2],
}

impl Counter {
    /// Makes the project and its topics, or says that the test is skipped.
    #[track_caller]
    pub(super) fn new(test: &str) -> Option<Self> {
        let (flink, gateway) = (servers::flink()?, servers::sql_gateway()?);
        let bootstrap = servers::kafka()?;
        let project = Project::new();
        fs::create_dir(project.path("jobs")).unwrap();
        for version in VERSIONS {
            let jar = format!("counter-{version}.jar");
            fs::copy(servers::jar(&jar)?, project.path(&format!("jobs/{jar}"))).unwrap();
        }
        let kafka = Kafka::connect(&bootstrap);
        let name = format!("{}job", unique_prefix(test));
        for topic in ["in", "out"] {
            kafka.create_topic(&format!("{name}-{topic}"), 1, &[]);
        }
        Some(Self {
            project,
            flink,
            kafka,
            bootstrap,
            gateway,
            name,
            produced: Cell::new(0),
        })
    }

    /// Declares a version of the jar.
    pub(super) fn declare(&self, version: &str, said: &Said<'_>) {
        let parallelism = said.parallelism.max(1);
        let jar = if said.jar.is_empty() {
            format!("jar = \"jobs/counter-{version}.jar\"")
        } else {
            said.jar.to_owned()
        };
        let interval = or(said.interval, "500ms");
        let mut args = self.arguments("out", &self.name);
        if interval == "0ms" {
            args.extend(["--delivery", "at-least-once"].map(str::to_owned));
        }
        let args = serde_json::json!(args);
        self.write(
            &format!(
                "flink_jar {{\n    {jar}\n    parallelism = {parallelism}\n    args        = {args}\n    \
                 settings    = {{ \"execution.checkpointing.interval\" = \"{interval}\" }}\n  }}"
            ),
            said,
        );
    }

    /// Returns the arguments of the jar's `main`, with the end of the name of the topic that it writes.
    pub(super) fn arguments(&self, out: &str, group: &str) -> Vec<String> {
        let (name, bootstrap) = (&self.name, &self.bootstrap);
        let options = [
            ("bootstrap", bootstrap.clone()),
            ("in", format!("{name}-in")),
            ("out", format!("{name}-{out}")),
            ("name", name.clone()),
            ("group", group.to_owned()),
        ];
        let options = options.into_iter();
        options
            .flat_map(|(option, value)| [format!("--{option}"), value])
            .collect()
    }

    /// Declares SQL that counts what a condition lets through.
    pub(super) fn declare_sql(&self, condition: &str, said: &Said<'_>) {
        let (name, bootstrap) = (&self.name, &self.bootstrap);
        self.project.write(
            "count.sql",
            &format!(
                "-- Counts.\nCREATE TABLE records (v STRING) WITH ('connector' = 'kafka', 'topic' = '{name}-in', \
                 'properties.bootstrap.servers' = '{bootstrap}', 'properties.group.id' = '{name}', \
                 'scan.startup.mode' = 'earliest-offset', 'format' = 'raw');\n\
                 CREATE TABLE counts (v STRING, n BIGINT, PRIMARY KEY (v) NOT ENFORCED) WITH ('connector' = \
                 'upsert-kafka', 'topic' = '{name}-out', 'properties.bootstrap.servers' = '{bootstrap}', \
                 'key.format' = 'raw', 'value.format' = 'json');\n\
                 INSERT INTO counts SELECT v, COUNT(*) FROM records WHERE {condition} GROUP BY v;\n"
            ),
        );
        self.write(
            &format!(
                "flink_sql {{\n    files       = [\"count.sql\"]\n    parallelism = {}\n    \
                 settings    = {{ \"execution.checkpointing.interval\" = \"500ms\" }}\n  }}",
                said.parallelism.max(1)
            ),
            said,
        );
    }

    fn write(&self, program: &str, said: &Said<'_>) {
        let (name, bootstrap) = (&self.name, &self.bootstrap);
        let Said {
            job,
            upgrade,
            provider,
            at: [flink, gateway],
            ..
        } = said;
        let (flink, gateway) = (or(flink, &self.flink), or(gateway, &self.gateway));
        self.project.write(
            "main.hcl",
            &format!(
                "provider \"kafka\" {{\n  bootstrap_servers = \"{bootstrap}\"\n}}\n\
                 provider \"flink\" {{\n  url             = \"{flink}\"\n  sql_gateway_url = \"{gateway}\"\n  \
                 {provider}\n}}\n\
                 environment \"dev\" {{}}\njob \"counter\" {{\n  name = \"{name}\"\n  {job}\n  {program}\n  \
                 upgrade {{\n    timeout = \"60s\"\n    {upgrade}\n  }}\n}}\n"
            ),
        );
    }

    /// Applies without a question.
    pub(super) fn apply(&self, more: &[&str]) -> Run {
        self.project.run(&Self::apply_arguments(more))
    }

    /// Returns the arguments of an apply without a question.
    pub(super) fn apply_arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["apply", "--env", "dev", "--auto-approve"];
        arguments.extend(more);
        arguments
    }

    /// Plans, and checks whether there is something to do.
    #[track_caller]
    pub(super) fn plan(&self, code: i32) -> String {
        let arguments = ["plan", "--env", "dev", "--detailed-exitcode"];
        self.project.run(&arguments).expect(code).stdout
    }

    /// Writes records.
    pub(super) fn produce(&self, records: usize) {
        let before = self.produced.get();
        let topic = format!("{}-in", self.name);
        self.kafka.produce_equal(&topic, records, "x");
        self.produced.set(before + records);
    }

    /// Checks that each record was counted once, in whatever version, and returns the version of the last one.
    #[track_caller]
    pub(super) fn expect_exact(&self) -> String {
        self.expect_counted(1)
    }

    /// The same, where all was counted several times, each time from the beginning.
    #[track_caller]
    pub(super) fn expect_counted(&self, times: usize) -> String {
        let wanted = self.produced.get();
        let lines = self.output(|lines| lines.len() >= wanted * times);
        let mut counts: Vec<usize> = lines
            .iter()
            .map(|line| field(line, 1).parse().unwrap())
            .collect();
        counts.sort_unstable();
        let expected: Vec<usize> = (1..=wanted)
            .flat_map(|count| std::iter::repeat_n(count, times))
            .collect();
        assert_eq!(counts, expected, "lost or doubled");
        field(lines.last().unwrap(), 2).to_owned()
    }

    /// Waits until the SQL job's newest count is that of all records.
    #[track_caller]
    pub(super) fn expect_count(&self) {
        let wanted = format!("\"n\":{}}}", self.produced.get());
        let lines = self.output(|lines| lines.last().is_some_and(|line| line.ends_with(&wanted)));
        let last = lines.last().unwrap();
        assert!(last.ends_with(&wanted), "{last}, and not {wanted}");
    }

    /// Reads what the job wrote, and was committed, until there is enough of it.
    fn output(&self, is_enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", format!("{}-reader", self.name))
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let topic = format!("{}-out", self.name);
        let mut partitions = rdkafka::TopicPartitionList::new();
        let start = rdkafka::Offset::Beginning;
        partitions.add_partition_offset(&topic, 0, start).unwrap();
        consumer.assign(&partitions).unwrap();
        let begin = Instant::now();
        let mut lines = Vec::new();
        let mut settled = None;
        while begin.elapsed() < Duration::from_mins(1) {
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                let message = message.unwrap();
                let payload = message.payload().unwrap_or_default().to_vec();
                lines.push(String::from_utf8(payload).unwrap());
                continue;
            }
            // What is written twice would come a moment later.
            match settled {
                None if is_enough(&lines) => settled = Some(Instant::now()),
                Some(at) if Instant::now().duration_since(at) > Duration::from_millis(1500) => {
                    break;
                }
                _ => {}
            }
        }
        lines
    }

    /// Returns the ids of the jobs that run under the name.
    pub(super) fn running(&self) -> Vec<String> {
        let overview = gate::get(&self.flink, "/jobs/overview");
        let jobs = overview["jobs"].as_array().unwrap().iter();
        let ended = ["FINISHED", "CANCELED", "FAILED"];
        jobs.filter(|job| job["name"] == self.name.as_str())
            .filter(|job| !ended.contains(&job["state"].as_str().unwrap()))
            .map(|job| job["jid"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the path of the file that the job that runs was restored from.
    #[track_caller]
    pub(super) fn restored_from(&self) -> String {
        let path = format!("/jobs/{}/checkpoints", self.expect_one());
        let checkpoints = gate::get(&self.flink, &path);
        let restored = &checkpoints["latest"]["restored"]["external_path"];
        let restored = restored.as_str().unwrap_or_default();
        restored.trim_start_matches("file:").to_owned()
    }

    /// Checks that one job runs, and returns its id.
    #[track_caller]
    pub(super) fn expect_one(&self) -> String {
        let running = self.running();
        assert_eq!(running.len(), 1, "{running:?}");
        running.into_iter().next().unwrap()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        for id in self.running() {
            gate::cancel(&self.flink, &id);
        }
        if !std::thread::panicking() {
            self.kafka
                .delete_topics(&["in", "out"].map(|topic| format!("{}-{topic}", self.name)));
        }
    }
}

/// Returns what is said, or what holds where nothing is.
fn or(given: &str, own: &str) -> String {
    if given.is_empty() { own } else { given }.to_owned()
}

fn field(line: &str, at: usize) -> &str {
    line.split(' ').nth(at).unwrap()
}
