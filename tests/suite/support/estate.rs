//! A project of topics on the single broker, under names that no other test uses.

use std::path::PathBuf;

use super::kafka::{Kafka, unique_prefix};
use super::program::Run;
use super::project::Project;
use super::servers;

/// The beginning of every test's `apply`.
const APPLY: [&str; 4] = ["apply", "--env", "dev", "--auto-approve"];

/// A project and the broker that it describes. Its topics are deleted with the value.
pub(crate) struct Estate {
    /// The project.
    pub(crate) project: Project,
    /// A client of the broker.
    pub(crate) kafka: Kafka,
    /// What every topic's name begins with.
    pub(crate) prefix: String,
    bootstrap: String,
}

impl Estate {
    /// Makes an empty project, or says that the test is skipped.
    #[track_caller]
    pub(crate) fn new(test: &str) -> Option<Self> {
        Some(Self::at(&servers::kafka()?, test))
    }

    /// Makes an empty project on another cluster.
    pub(crate) fn at(bootstrap: &str, test: &str) -> Self {
        Self {
            project: Project::new(),
            kafka: Kafka::connect(bootstrap),
            prefix: unique_prefix(test),
            bootstrap: bootstrap.to_owned(),
        }
    }

    /// Returns the brokers' addresses.
    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Replaces the project's blocks; `P.` in front of a name stands for the prefix.
    pub(crate) fn declare(&self, blocks: &str) {
        self.declare_at(&self.bootstrap, blocks);
    }

    /// Replaces the project's blocks and the broker's address.
    pub(crate) fn declare_at(&self, bootstrap: &str, blocks: &str) {
        let text = format!(
            "provider \"kafka\" {{ bootstrap_servers = \"{bootstrap}\" }}\n\
             environment \"dev\" {{}}\n{}\n",
            blocks.replace("\"P.", &format!("\"{}", self.prefix))
        );
        self.project.write("main.hcl", &text);
    }

    /// Returns a topic's whole name.
    pub(crate) fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// Runs a command on the environment.
    pub(crate) fn run(&self, command: &str, more: &[&str]) -> Run {
        let mut arguments = vec![command, "--env", "dev"];
        arguments.extend(more);
        self.project.run(&arguments)
    }

    /// Applies without a question.
    pub(crate) fn apply(&self, more: &[&str]) -> Run {
        self.project.run(&Self::apply_arguments(more))
    }

    /// Returns the arguments of an apply without a question.
    pub(crate) fn apply_arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = APPLY.to_vec();
        arguments.extend(more);
        arguments
    }

    /// Checks that there is nothing left to do.
    #[track_caller]
    pub(crate) fn expect_empty_plan(&self) {
        self.run("plan", &["--detailed-exitcode"]).expect(0);
    }

    /// Returns the value that was set on a topic itself.
    pub(crate) fn value(&self, topic: &str, key: &str) -> Option<String> {
        self.kafka.overrides(&self.name(topic)).remove(key)
    }

    /// Returns how many partitions a topic has; `None` where there is no such topic.
    pub(crate) fn partitions(&self, topic: &str) -> Option<usize> {
        let name = self.name(topic);
        self.kafka.topics(&name).get(&name).copied()
    }

    /// Returns every file of the state and what it holds, but for the lease.
    pub(crate) fn state(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = self.project.path(".streamform/dev");
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = paths
            .filter(|path| path.is_file() && !path.ends_with("lease.json"))
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        // A test that failed has said why; a broker that is gone is no second reason.
        if !std::thread::panicking() {
            let names: Vec<String> = self.kafka.topics(&self.prefix).into_keys().collect();
            self.kafka.delete_topics(&names);
        }
    }
}

/// One topic, as HCL, under its own name, with one replica and these settings.
pub(crate) fn topic(name: &str, partitions: usize, config: &str) -> String {
    format!(
        "topic \"{name}\" {{\n  name = \"P.{name}\"\n  partitions = {partitions}\n  \
         replication_factor = 1\n  config = {{ {config} }}\n}}\n"
    )
}
