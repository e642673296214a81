//! Connectors through the program itself: on a real Kafka Connect worker, and on a stand-in for what a real one
//! does only now and then.

mod failures;
mod lifecycle;
mod mirror;
mod offsets;
mod plans;
mod stand_in;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::RwLockReadGuard;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::connect::Connect;
use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::program::{Program, Run};
use crate::support::project::Project;
use crate::support::servers;

/// The secret of every test. Nothing may show it.
const SECRET: &str = "hunter2-7f3a";

/// A project, the workers and the cluster that it describes, under names that no other test uses. What it made
/// is deleted with the value.
struct Plant {
    project: Project,
    connect: Connect,
    kafka: Option<Kafka>,
    bootstrap: Option<String>,
    prefix: String,
    /// Keeps the worker running, where it is the real one.
    shared: Option<RwLockReadGuard<'static, ()>>,
}

impl Plant {
    /// Returns a plant on the real worker, where there is one, which no test may stop meanwhile.
    fn real(test: &str) -> Option<Self> {
        let mut plant = Self::real_alone(test)?;
        plant.shared = Some(servers::connect_shared());
        Some(plant)
    }

    /// Returns a plant on the real worker for a test that stops it.
    fn real_alone(test: &str) -> Option<Self> {
        let (url, bootstrap) = (servers::connect()?, servers::kafka()?);
        let mut plant = Self::at(&url, test);
        plant.kafka = Some(Kafka::connect(&bootstrap));
        plant.bootstrap = Some(bootstrap);
        Some(plant)
    }

    /// Returns a plant without a cluster.
    fn at(url: &str, test: &str) -> Self {
        Self {
            project: Project::new(),
            connect: Connect::at(url),
            kafka: None,
            bootstrap: None,
            prefix: unique_prefix(test),
            shared: None,
        }
    }

    fn kafka(&self) -> &Kafka {
        self.kafka.as_ref().unwrap()
    }

    /// Replaces the project's blocks; `P.` in front of a name stands for the prefix, `@/` for the folder of the
    /// test's files.
    fn declare(&self, blocks: &str) {
        self.declare_all(self.connect.url(), "", blocks);
    }

    /// Replaces the blocks and the workers' address.
    fn declare_at(&self, url: &str, blocks: &str) {
        self.declare_all(url, "", blocks);
    }

    /// Replaces the blocks, and adds settings to the workers' provider.
    fn declare_with(&self, settings: &str, blocks: &str) {
        self.declare_all(self.connect.url(), settings, blocks);
    }

    fn declare_all(&self, url: &str, settings: &str, blocks: &str) {
        use std::fmt::Write as _;

        let mut text = format!(
            "provider \"connect\" {{\n  url = \"{url}\"\n  retries = 0\n  ready_timeout_ms = 60000\n{settings}}}\nenvironment \"dev\" {{}}\n"
        );
        if let Some(bootstrap) = &self.bootstrap {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "provider \"kafka\" {{ bootstrap_servers = \"{bootstrap}\" }}"
            );
        }
        text.push_str(
            &blocks
                .replace("\"P.", &format!("\"{}", self.prefix))
                .replace("@/", &self.file("")),
        );
        fs::create_dir_all(self.project.path("data")).unwrap();
        self.project.write("main.hcl", &text);
    }

    /// Returns the path of a file of the test.
    fn file(&self, name: &str) -> String {
        format!("{}/data/{name}", self.project.folder().display())
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Runs a command with the secret in its environment, and checks that it is told to nobody.
    fn run(&self, command: &str, more: &[&str]) -> Run {
        self.run_with(command, more, SECRET)
    }

    fn run_with(&self, command: &str, more: &[&str], secret: &str) -> Run {
        let program = self.program(command, more);
        let run = program.env("TEST_CONNECT_SECRET", secret).run();
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(secret), "the secret is shown:\n{text}");
        }
        run
    }

    /// Returns the program with a command and the secret in its environment.
    fn program(&self, command: &str, more: &[&str]) -> Program {
        let mut arguments = vec![command, "--env", "dev"];
        arguments.extend(more);
        let program = self.project.program(&arguments);
        program.env("TEST_CONNECT_SECRET", SECRET)
    }

    fn apply(&self) -> Run {
        self.run("apply", &["--auto-approve"])
    }

    /// Checks that there is nothing left to do, and that no file of the state holds the secret.
    #[track_caller]
    fn expect_empty_plan(&self) {
        self.run("plan", &["--detailed-exitcode"]).expect(0);
        for file in files(self.project.path(".streamform")) {
            let text = fs::read(&file).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(
                !text.contains(SECRET),
                "{} holds the secret",
                file.display()
            );
        }
    }

    /// Returns the state of one object.
    fn state(&self, address: &str) -> serde_json::Value {
        let text = self.project.read(".streamform/dev/state.json");
        let state: serde_json::Value = serde_json::from_str(&text).unwrap();
        state["body"]["objects"][address].clone()
    }

    /// Appends lines to a file of the test.
    fn write_lines(&self, file: &str, lines: &[&str]) {
        use std::io::Write as _;

        let path = self.project.path(&format!("data/{file}"));
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
    }

    /// Waits until a file of the test holds these lines.
    #[track_caller]
    fn expect_lines(&self, file: &str, lines: &[&str]) {
        self.expect_text(file, lines, |text| text.lines().eq(lines.iter().copied()));
    }

    /// Waits until a file of the test holds each of these lines at least once, and first in their order: what a
    /// killed worker had not committed comes again.
    #[track_caller]
    fn expect_lines_at_least_once(&self, file: &str, lines: &[&str]) {
        self.expect_text(file, lines, |text| {
            let mut seen = BTreeSet::new();
            let first = text.lines().filter(|line| seen.insert(*line));
            first.eq(lines.iter().copied())
        });
    }

    #[track_caller]
    fn expect_text(&self, file: &str, lines: &[&str], is_expected: impl Fn(&str) -> bool) {
        let path = self.project.path(&format!("data/{file}"));
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if is_expected(&text) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{file} holds {text:?}, not {lines:?}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        if let Some(kafka) = &self.kafka {
            self.connect.delete_all(&self.prefix);
            let topics: Vec<String> = kafka.topics(&self.prefix).into_keys().collect();
            kafka.delete_topics(&topics);
        }
    }
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// A topic, a connector that writes a file's lines there, and one that writes them to another file.
const PIPE: &str = r#"
topic "lines" {
  name               = "P.lines"
  partitions         = 1
  replication_factor = 1
}
connector "in" {
  name      = "P.in"
  class     = "FileStreamSource"
  tasks_max = 1
  config = {
    "file"            = "@/in"
    "topic"           = topic.lines.name
    "value.converter" = "org.apache.kafka.connect.storage.StringConverter"
    "a.password"      = secret("env:TEST_CONNECT_SECRET")
  }
}
connector "out" {
  name  = "P.out"
  class = "org.apache.kafka.connect.file.FileStreamSinkConnector"
  config = {
    "file"            = "@/out"
    "topics"          = [topic.lines]
    "value.converter" = "org.apache.kafka.connect.storage.StringConverter"
  }
}
"#;
