//! Runs one of Kafka's own command-line tools from the sandbox's jars: the plain client beside Streamform. I/O.

use std::ffi::OsString;
use std::process::{Command, ExitStatus};

use super::jars::KAFKA;
use super::toolchain::Needs;
use super::{Error, Sandbox, jars, toolchain};

/// One of Kafka's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// The name of its script in Kafka's distribution, without `.sh`.
    pub name: &'static str,
    main_class: &'static str,
}

const fn tool(name: &'static str, main_class: &'static str) -> Tool {
    Tool { name, main_class }
}

/// The tools that speak to brokers, by name.
pub const TOOLS: &[Tool] = &[
    tool("kafka-acls", "org.apache.kafka.tools.AclCommand"),
    tool(
        "kafka-broker-api-versions",
        "org.apache.kafka.tools.BrokerApiVersionsCommand",
    ),
    tool("kafka-configs", "kafka.admin.ConfigCommand"),
    tool(
        "kafka-console-consumer",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ),
    tool(
        "kafka-console-producer",
        "org.apache.kafka.tools.ConsoleProducer",
    ),
    tool(
        "kafka-consumer-groups",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ),
    tool(
        "kafka-delete-records",
        "org.apache.kafka.tools.DeleteRecordsCommand",
    ),
    tool("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
    tool("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    tool("kafka-groups", "org.apache.kafka.tools.GroupsCommand"),
    tool(
        "kafka-leader-election",
        "org.apache.kafka.tools.LeaderElectionCommand",
    ),
    tool("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
    tool(
        "kafka-metadata-quorum",
        "org.apache.kafka.tools.MetadataQuorumCommand",
    ),
    tool(
        "kafka-reassign-partitions",
        "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    ),
    tool("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
    tool(
        "kafka-transactions",
        "org.apache.kafka.tools.TransactionsCommand",
    ),
];

impl Sandbox {
    /// Runs a tool against the sandbox, with this process's standard streams, and returns how it ended.
    ///
    /// `--bootstrap-server` is filled in unless `arguments` name one.
    pub fn run_tool(&self, name: &str, arguments: &[OsString]) -> Result<ExitStatus, Error> {
        let tool = TOOLS
            .iter()
            .find(|tool| tool.name == name.trim_end_matches(".sh"))
            .ok_or_else(|| Error::NoSuchTool(name.to_owned()))?;
        let tools = toolchain::find(Needs {
            maven: jars::needs_maven(&KAFKA)?,
            ..Needs::default()
        })?;
        let jars = jars::fetch(&KAFKA, &tools, &|_| ())?;
        let mut command = Command::new(&tools.java);
        command
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(super::broker::log_option(
                &self.folder.path().join("tool-logging.properties"),
            ))
            .arg("-cp")
            .arg(jars.classpath())
            .arg(tool.main_class);
        if !arguments
            .iter()
            .any(|argument| argument == "--bootstrap-server")
        {
            command.args(["--bootstrap-server", &self.bootstrap()]);
        }
        command
            .args(arguments)
            .status()
            .map_err(|source| Error::Tool {
                name: tool.name.to_owned(),
                source,
            })
    }
}
