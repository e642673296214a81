//! Streamform: plan, apply and drift detection for streaming platforms.
//!
//! A good place to start is [`pipeline`], the main path that every command on a project takes:
//!
//! ```text
//! files ─ config::load ─ kinds::decode ─ graph::infer ─ plan::survey ─ refresh::observe ─ plan::propose
//!       ─ past::recall ─ refresh::investigate ─ refresh::users ─ plan::conclude ─ plan::impact ─ gate::review ─ apply::apply
//! ```
//!
//! Dependencies point one way: cli, reconcile → pipeline → I/O → pure. A test reads the pure modules and
//! fails when one of them names a runtime, a transport, the clock or the process's environment.
//!
//! What the rest of the program speaks of:
//! - [`address`]: addresses, environment and provider names
//! - [`diagnostic`]: what the user is told
//! - [`document`]: canonical JSON and its hash
//!
//! Pure: values in, values out.
//! - [`config`]: HCL text → desired resources
//! - [`compatibility`]: can one schema follow others: Avro, Protobuf, JSON Schema
//! - [`graph`]: edges, cycles, the schedule of an apply
//! - [`kinds`]: one folder a kind of object; each kind's `driver` is the one part that does I/O
//! - [`plan`]: desired × prior × live → plan, its file and its renderings
//! - [`gate`]: may this plan be applied
//! - [`state`]: what was last applied, its file format and its journal
//!
//! I/O:
//! - [`source`]: a project's files, from a folder or from a git commit
//! - [`clients`]: transports, shared by the kinds' drivers
//! - [`backend`]: where state and lease live
//! - [`refresh`]: reads what a plan needs, in batches
//! - [`past`]: what a project said at earlier commits
//! - [`apply`]: runs an approved plan
//! - [`health`]: looks at how what was applied does
//! - [`reconcile`]: follows a branch
//! - [`sandbox`]: a real Kafka on loopback
//! - [`cli`]: one file a command

pub mod address;
pub mod apply;
pub mod backend;
pub mod cli;
pub mod clients;
pub mod compatibility;
pub mod config;
pub mod diagnostic;
pub mod document;
pub mod gate;
pub mod graph;
pub mod health;
pub mod kinds;
pub mod past;
pub mod pipeline;
pub mod plan;
pub mod reconcile;
pub mod refresh;
pub mod sandbox;
pub mod source;
pub mod state;
