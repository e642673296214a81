//! The reconciler: follows a branch and keeps one environment as its commits say. Does I/O.
//!
//! Open [`watch()`](watch::watch) first, which is the loop; then `turn`, which is one turn of it:
//!
//! ```text
//! head (I/O) → rewritten? → plan (I/O) → decide (pure) → apply (I/O) → report
//! ```
//!
//! A turn takes what it needs from a `World`, so that what it decides is tested without a broker.
//! Webhooks only wake the loop up; what they say is not believed, but fetched.

mod backoff;
mod decide;
mod report;
mod stop;
mod turn;
mod watch;

pub use report::{Outcome, Reason, Report};
pub use stop::Stop;
