//! Jobs on a real Flink, with exact counts through a real Kafka.

mod counter;
mod kills;
mod lifecycle;
mod restart;
mod shelf;
mod takeover;
mod waits;

use crate::support::gate;
