//! Streamform: plan, apply, promotion and drift detection for streaming platforms.

pub mod address;
pub mod apply;
pub mod backend;
pub mod cli;
pub mod clients;
pub mod config;
pub mod diagnostic;
pub mod document;
pub mod gate;
pub mod graph;
pub mod kinds;
pub mod pipeline;
pub mod plan;
pub mod reconcile;
pub mod refresh;
pub mod sandbox;
pub mod source;
pub mod state;
