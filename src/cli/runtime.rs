//! The async runtime, for the commands that need one.

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Runs async work to its end on a runtime of its own.
///
/// # Errors
///
/// The system gives no threads.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Diagnostics> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let summary = "The runtime cannot start";
            Diagnostic::error("runtime", summary).detail(error.to_string())
        })?;
    Ok(runtime.block_on(work))
}
