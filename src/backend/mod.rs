//! Where state and lease live: reads and writes them (I/O). The first backend is a folder.
//!
//! - [`LocalBackend::read`](local::LocalBackend::read) takes no lease and gives a [`Snapshot`]: the
//!   stored state with the journal folded in.
//! - [`LocalBackend::acquire`](local::LocalBackend::acquire) takes the environment's lease and gives a
//!   [`Writer`], the only way to write. What an apply that was killed left in its
//!   journal is folded and stored first.
//!
//! Every write is a compare-and-swap on lineage, serial and the lease's epoch: a lock alone does not
//! exclude a holder that was paused and wakes up late.

pub mod error;
pub mod lease;
pub mod local;
mod settings;

use crate::document::ContentHash;
use crate::state::State;

pub use error::BackendError;
pub use lease::{Holder, LeaseRequest};
pub use local::{LocalBackend, Writer};
pub use settings::open;

/// An environment's state as it was read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The stored state with the journal folded in, as the next holder of the lease will store it:
    /// what a plan is bound to.
    pub state: State,
    /// The content hash of `state`.
    pub hash: ContentHash,
    /// Whether anything was ever stored.
    pub stored: bool,
    /// What was found beside the stored state.
    pub journal: JournalInfo,
    /// Who holds the lease, if somebody does: an apply is under way.
    pub holder: Option<Holder>,
}

/// What was found in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalInfo {
    /// Records folded into the stored state.
    pub records: usize,
    /// Bytes of a last record that was not written to its end: it never took effect.
    pub torn_bytes: u64,
}
