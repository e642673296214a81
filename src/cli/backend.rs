//! How commands reach an environment's state and ask for its lease. Reads the environment for who asks.

use std::time::Duration;

use crate::address::EnvironmentName;
use crate::backend::{self, LeaseRequest, LocalBackend};
use crate::config::{amount, load};
use crate::diagnostic::{Diagnostics, SourceMap};

use super::SourceArgs;

/// How long to wait for the lease.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LeaseArgs {
    /// Wait this long for somebody else's lease on the environment, such as 5m.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s", hide_default_value = true)]
    lock_timeout: Duration,
}

impl LeaseArgs {
    /// Returns what to ask the backend for.
    pub(super) fn request(&self, operation: &str, commit: Option<String>) -> LeaseRequest {
        LeaseRequest {
            operation: operation.to_owned(),
            who: who(),
            commit,
            wait: self.lock_timeout,
        }
    }
}

/// Reads a duration of the command line.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    amount::duration(text).map_err(|error| error.to_string())
}

/// Returns the backend of an environment of a project whose definitions need not be in order.
pub(super) async fn open(
    source: &SourceArgs,
    environment: Option<&EnvironmentName>,
) -> Result<LocalBackend, Diagnostics> {
    let snapshot = source.open().await?;
    let version = env!("CARGO_PKG_VERSION");
    let (name, settings) =
        load::settings(&*snapshot.files, &snapshot.folder, environment, version)?;
    backend::open(&settings, source.state_base(), name).map_err(|errors| {
        let mut sources = SourceMap::default();
        for file in errors.iter().filter_map(|error| error.span.as_ref()) {
            let text = snapshot.files.read(&file.file).ok();
            if let Some(text) = text.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()) {
                sources.insert(file.file.clone(), text);
            }
        }
        sources.attach(errors)
    })
}

/// Returns who runs the command: the user's name where the environment says it, else the number.
pub(super) fn who() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}
