//! What an apply tells while it runs. Rendering is the command line's work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::address::Address;
use crate::graph::Skip;
use crate::kinds::Action;
use crate::kinds::driver::ProgressSink;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// An operation was begun.
    Started {
        /// The object.
        address: &'a Address,
        /// What is done.
        action: Action,
    },
    /// A driver tells how far it is.
    Progress {
        /// The object.
        address: &'a Address,
        /// In its own words.
        text: &'a str,
    },
    /// An operation succeeded and was read back.
    Applied {
        /// The object.
        address: &'a Address,
        /// What was done.
        action: Action,
        /// How long it took.
        took: Duration,
    },
    /// An operation failed.
    Failed {
        /// The object.
        address: &'a Address,
        /// Why.
        message: &'a str,
    },
    /// An operation was not begun.
    Skipped {
        /// The object.
        address: &'a Address,
        /// Why.
        skip: &'a Skip,
    },
    /// The user asked to stop: what is under way is finished, nothing more is begun.
    Interrupted {
        /// How many operations are under way.
        under_way: usize,
    },
}

/// Where events go.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(&Event<'_>) + Send + Sync>);

impl Events {
    /// Returns a sink that calls a function for every event.
    pub fn new(sink: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Returns a sink that drops them.
    pub fn ignore() -> Self {
        Self::new(|_| {})
    }

    /// Hands an event on.
    pub fn send(&self, event: &Event<'_>) {
        (self.0)(event);
    }

    /// Returns the function that drivers tell their progress to.
    pub(super) fn progress(&self) -> ProgressSink {
        let events = self.clone();
        Arc::new(move |address, text| {
            events.send(&Event::Progress {
                address,
                text: &text,
            });
        })
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
