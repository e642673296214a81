//! Jobs on a real Flink, with exact counts through a real Kafka.

mod counter;
mod gate;
mod kills;
mod lifecycle;
mod restart;
mod shelf;
mod takeover;
mod waits;
