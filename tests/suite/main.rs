//! The integration tests: one binary, since linking it is the slow part. One module a topic.
//!
//! Live tests ask [`support::servers`] for a Kafka, which `tests/run.sh` starts.

#![expect(clippy::unwrap_used, reason = "a test's set-up may stop it")]

mod apply;
mod commands;
mod commands_on_projects;
mod compatibility_avro;
mod compatibility_json;
mod compatibility_protobuf;
mod completeness;
mod connector;
mod consumer_groups;
mod convergence;
mod format;
mod git_remote;
mod hardship;
mod impact;
mod job;
mod kafka_client;
mod kafka_streams;
mod kill;
mod layering;
mod modules;
mod provider_settings;
mod registry;
mod round_trip;
mod sandbox;
mod scenarios;
mod schema_command;
mod state_commands;
mod status;
#[allow(
    dead_code,
    reason = "each test takes what it needs, and tests come and go"
)]
mod support;
mod topic_driver;
mod watch;
