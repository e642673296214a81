//! How far a group of consumers is behind, and whether it comes nearer: offsets over time → a [`Trend`]. Pure.
//!
//! # Why not one number
//!
//! A lag of 10,000 records is an outage for one group and a second's work for another, and a consumer that
//! commits every few seconds has one that goes up and down like a saw. So one look gives a number whose trend
//! is unknown; it takes several looks to say more, and the rules are those that Burrow found to hold in practice
//! (<https://github.com/linkedin/Burrow/wiki/Consumer-Lag-Evaluation-Rules>), of each partition by itself:
//!
//! 1. no lag: **caught up**. One record at an end that does not move is no lag either: the last entry of a
//!    transaction is a marker, which takes an offset and which some consumers (Flink's) do not commit past;
//! 2. nothing committed for the rule's *patience* while there was something to read at every look: **stalled**. What
//!    stands behind a transaction that is open is not to be read by who leaves out what is not committed, and lag of
//!    it counts towards no `max_lag`: it is the producer's, who will end it;
//! 3. less lag than at first: **falling**;
//! 4. a look without lag among them, and commits since: **steady**, since it keeps up;
//! 5. over a patience, lag that grew from commit to commit, of which there were at least three: **growing**;
//! 6. over a patience, but none of these: **steady**;
//! 7. looks that span less than the patience: **unknown**. Offsets move only when the consumer commits, so that
//!    neither their standing still nor the growth of the lag means anything before several commits were due.
//!
//! Where a consumer commits more seldom than we look, its lag falls at the looks that follow a commit and rises at
//! all others. So the looks that are compared are those that follow one, where there are two of them.
//!
//! What happened before an offset moved back (a reset, a topic made anew) is left out. A group is stalled where a
//! partition is, else growing where one is, else falling where all partitions together are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::kinds::quantity::{grouped, span};

use super::{Groups, Health, Look, Value};

/// How often a consumer commits by itself: the default of `auto.commit.interval.ms`.
pub const CONSUMER_COMMITS: Duration = Duration::from_secs(5);

/// How many commits must be seen before lag is said to grow.
const COMMITS: usize = 3;

/// How many partitions are named.
const NAMED: usize = 3;

/// A group at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLook {
    /// Its state in Kafka's words, such as `Stable` or `Empty`.
    pub state: Arc<str>,
    /// How many members it has, where that is known.
    pub members: Option<u32>,
    /// Whether consumers have been members of it; else somebody only commits offsets there, as Flink's jobs do.
    pub was_joined: bool,
    /// The partitions that it committed offsets of.
    pub partitions: Vec<PartitionLook>,
}

/// A partition at one look: what a group committed, and where the partition ended at about the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLook {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub index: i32,
    /// The next offset to read.
    pub committed: i64,
    /// The offset that the next record will have.
    pub end: i64,
    /// How far a consumer can read that leaves out what is not committed: up to the first transaction that is open,
    /// else to the end.
    pub readable: i64,
}

impl PartitionLook {
    fn name(&self) -> (&str, i32) {
        (&self.topic, self.index)
    }

    fn lag(&self) -> u64 {
        apart(self.committed, self.end)
    }

    fn readable_lag(&self) -> u64 {
        apart(self.committed, self.end.min(self.readable))
    }
}

impl GroupLook {
    /// Returns how many records it is behind, in all partitions.
    pub fn lag(&self) -> u64 {
        self.partitions.iter().map(PartitionLook::lag).sum()
    }

    /// Returns how many records it is behind and can read, whatever it makes of transactions that are open.
    fn readable_lag(&self) -> u64 {
        let each = self.partitions.iter();
        each.map(PartitionLook::readable_lag).sum()
    }

    /// Returns its partitions in the order of others, which mostly is their own.
    fn in_order_of(&self, others: &[PartitionLook]) -> Vec<Option<&PartitionLook>> {
        let own = &self.partitions;
        if own.len() == others.len() && own.iter().zip(others).all(|(a, b)| a.name() == b.name()) {
            return own.iter().map(Some).collect();
        }
        let by_name: BTreeMap<_, _> = own.iter().map(|part| (part.name(), part)).collect();
        let others = others.iter();
        others
            .map(|part| by_name.get(&part.name()).copied())
            .collect()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        is_empty(&self.state)
    }

    /// Whether consumers were members of it, and none of them is any more.
    pub fn was_left(&self) -> bool {
        self.was_joined && self.is_empty()
    }

    /// Returns a group that does not exist.
    pub fn absent() -> Self {
        Self {
            state: "Dead".into(),
            members: Some(0),
            was_joined: false,
            partitions: Vec::new(),
        }
    }
}

/// Whether a group's state says that nobody is in it.
pub fn is_empty(state: &str) -> bool {
    matches!(state, "Empty" | "Dead")
}

/// Where a lag goes. The order is the order of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trend {
    /// There is none.
    CaughtUp,
    /// It becomes less.
    Falling,
    /// It stays about the same.
    Steady,
    /// It was looked at once, or for too short a time.
    Unknown,
    /// It becomes more.
    Growing,
    /// Nothing is committed any more.
    Stalled,
}

impl Trend {
    fn word(self) -> &'static str {
        match self {
            Self::CaughtUp => "caught-up",
            Self::Falling => "falling",
            Self::Steady => "steady",
            Self::Unknown => "unknown",
            Self::Growing => "growing",
            Self::Stalled => "stalled",
        }
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What several looks say about a group's lag.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// How many records the group was behind at the last look.
    pub records: u64,
    /// How many it was behind at the best look of the last patience, of those that can be read: a consumer that
    /// commits seldom is behind between its commits, however fast it reads.
    pub least: u64,
    /// Where that goes.
    pub trend: Trend,
    /// The partitions in which nothing is committed any more.
    pub stalled: Vec<String>,
    /// How long the looks span.
    pub window: Duration,
    /// How many records were committed in that time.
    pub consumed: u64,
    /// How many records were written in that time.
    pub produced: u64,
}

impl Lag {
    /// Judges looks at one group, the earliest first; `None` without any. See the module for the rules.
    pub fn of(looks: &[(Duration, &GroupLook)], patience: Duration) -> Option<Self> {
        let (last_at, last) = looks.last()?;
        let mut lag = Self {
            records: last.lag(),
            least: looks
                .iter()
                .filter(|(at, _)| last_at.saturating_sub(*at) <= patience)
                .map(|(_, look)| look.readable_lag())
                .min()
                .unwrap_or_default(),
            trend: Trend::CaughtUp,
            stalled: Vec::new(),
            window: last_at.saturating_sub(looks[0].0),
            consumed: 0,
            produced: 0,
        };
        let mut before = 0;
        let each: Vec<(Duration, Vec<Option<&PartitionLook>>)> = looks
            .iter()
            .map(|(at, look)| (*at, look.in_order_of(&last.partitions)))
            .collect();
        let mut track = Track::default();
        for (index, partition) in last.partitions.iter().enumerate() {
            track.follow(
                each.iter()
                    .filter_map(|(at, look)| Some((*at, look[index]?))),
            );
            let (first, last) = (track.first(), track.last());
            before += first.lag();
            lag.consumed += apart(first.committed, last.committed);
            lag.produced += apart(first.end, last.end);
            let trend = track.trend(patience);
            if trend == Trend::Stalled {
                let (topic, index) = partition.name();
                lag.stalled.push(format!("{topic}-{index}"));
            }
            lag.trend = lag.trend.max(trend);
        }
        // That some partitions say nothing yet is no matter where all together fall.
        if lag.trend == Trend::Unknown && lag.records < before {
            lag.trend = Trend::Falling;
        }
        Some(lag)
    }

    /// Returns how long it will take until there is no lag, if all goes on as it went between the looks.
    pub fn catches_up_in(&self) -> Option<Duration> {
        let gained = u128::from(self.consumed.checked_sub(self.produced)?);
        if gained == 0 || self.trend != Trend::Falling {
            return None;
        }
        let milliseconds = self.window.as_millis() * u128::from(self.records) / gained;
        u64::try_from(milliseconds).ok().map(Duration::from_millis)
    }

    /// Returns a number of records of the window as records per second.
    fn per_second(&self, records: u64) -> Option<u64> {
        let window = self.window.as_millis();
        (window > 0)
            .then(|| u64::try_from(u128::from(records) * 1000 / window).ok())
            .flatten()
    }
}

/// One partition over time.
#[derive(Default)]
struct Track {
    samples: Vec<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    committed: i64,
    end: i64,
    readable: i64,
}

impl Sample {
    fn lag(&self) -> u64 {
        apart(self.committed, self.end)
    }

    fn can_read(&self) -> bool {
        self.committed < self.end.min(self.readable)
    }
}

fn apart(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

impl Track {
    /// Takes in what looks saw of a partition since its offsets last moved back, instead of what it held before.
    fn follow<'p>(&mut self, looks: impl Iterator<Item = (Duration, &'p PartitionLook)>) {
        self.samples.clear();
        for (at, part) in looks {
            self.samples.push(Sample {
                at,
                committed: part.committed,
                end: part.end,
                readable: part.readable,
            });
            self.forget_before_reset();
        }
    }

    /// Leaves only the last sample where an offset moved back since the one before.
    fn forget_before_reset(&mut self) {
        if let [.., before, now] = self.samples[..]
            && (now.committed < before.committed || now.end < before.end)
        {
            self.samples.drain(..self.samples.len() - 1);
        }
    }

    fn first(&self) -> Sample {
        *self.samples.first().expect("a track has a sample")
    }

    fn last(&self) -> Sample {
        *self.samples.last().expect("a track has a sample")
    }

    fn trend(&self, patience: Duration) -> Trend {
        let (first, last) = (self.first(), self.last());
        let looked_twice = self.samples.len() > 1;
        let at_rest = looked_twice && first.end == last.end && last.lag() == 1;
        if last.lag() == 0 || at_rest {
            return Trend::CaughtUp;
        }
        if looked_twice && self.stands_for(patience) {
            return Trend::Stalled;
        }
        let at_commits = self.at_commits();
        let fell = match (at_commits.first(), at_commits.last()) {
            (Some(first), Some(last)) if at_commits.len() > 1 => last < first,
            _ => last.lag() < first.lag(),
        };
        if fell {
            return Trend::Falling;
        }
        if !at_commits.is_empty() && self.samples.iter().any(|sample| sample.lag() == 0) {
            return Trend::Steady;
        }
        if !looked_twice || last.at.saturating_sub(first.at) < patience {
            return Trend::Unknown;
        }
        let grew = at_commits.windows(2).all(|pair| pair[0] < pair[1]);
        if grew && at_commits.len() >= COMMITS {
            Trend::Growing
        } else {
            Trend::Steady
        }
    }

    /// Returns the lag at the looks before which something was committed.
    fn at_commits(&self) -> Vec<u64> {
        let pairs = self.samples.windows(2);
        pairs
            .filter(|pair| pair[0].committed < pair[1].committed)
            .map(|pair| pair[1].lag())
            .collect()
    }

    /// Whether nothing was committed for so long, up to now, although there was something to read at every look.
    fn stands_for(&self, patience: Duration) -> bool {
        let last = self.last();
        let still = self.samples.iter().rev();
        let still =
            still.take_while(|sample| sample.committed == last.committed && sample.can_read());
        let since = still.last().map_or(last.at, |sample| sample.at);
        last.at.saturating_sub(since) >= patience
    }
}

/// What a group's lag is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many records it may be behind.
    pub max_lag: Option<u64>,
    /// How long a consumer may commit nothing: several times the interval at which it commits.
    pub patience: Duration,
}

/// Returns what looks say about one group's lag; `None` where it had committed nothing at the last one.
pub fn of_group<V>(group: &str, looks: &[Look<V>], patience: Duration) -> Option<Lag> {
    let last = looks.last()?.groups.get(group)?;
    let series = looks
        .iter()
        .filter_map(|look| Some((look.at, look.groups.get(group)?)));
    let series: Vec<(Duration, &GroupLook)> = series.collect();
    let has_committed = !last.partitions.is_empty();
    has_committed.then(|| Lag::of(&series, patience)).flatten()
}

/// Adds to an object's health what looks at one of its groups say: the measure `lag`, and symptoms.
///
/// A group is more than `max_lag` behind where it was so at every look of the last patience, or is so and its
/// lag grows. A stalled group is unhealthy. One that is more than `max_lag` behind is unhealthy where that is known not to
/// become less, and progressing while it catches up or while its trend is unknown. Growth below `max_lag`, or
/// where none is set, is only noted. Returns the lag, where there is one to be told.
pub fn judge<V>(health: &mut Health, group: &str, looks: &[Look<V>], rule: Rule) -> Option<Lag> {
    let last = looks.last()?;
    if let Groups::Unread(why) = &last.groups {
        let text = format!("the lag of the group {group:?} is not known: {why}");
        match rule.max_lag {
            Some(_) => health.unknown(text),
            None => health.note(text),
        }
        return None;
    }
    let Some(lag) = of_group(group, looks, rule.patience) else {
        let text = format!("the group {group:?} has committed no offsets so far");
        match rule.max_lag {
            Some(_) => health.progressing(text),
            None => health.note(text),
        }
        return None;
    };
    measure(health, &lag);
    symptoms(health, group, &lag, rule);
    Some(lag)
}

fn measure(health: &mut Health, lag: &Lag) {
    let text = match lag.trend {
        Trend::CaughtUp => grouped(lag.records),
        Trend::Unknown => format!("{}, trend unknown", grouped(lag.records)),
        trend => format!("{}, {trend}", grouped(lag.records)),
    };
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).ok();
    let numbers = Numbers {
        catches_up_in_ms: lag.catches_up_in().and_then(milliseconds),
        consumed_per_second: lag.per_second(lag.consumed),
        produced_per_second: lag.per_second(lag.produced),
        records: lag.records,
        trend: lag.trend.word(),
        window_ms: milliseconds(lag.window),
    };
    health.measure("lag", Value::Lag(numbers), text);
}

/// A lag for programs: the fields stand in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Numbers {
    catches_up_in_ms: Option<u64>,
    consumed_per_second: Option<u64>,
    produced_per_second: Option<u64>,
    records: u64,
    trend: &'static str,
    window_ms: Option<u64>,
}

fn symptoms(health: &mut Health, group: &str, lag: &Lag, rule: Rule) {
    let records = grouped(lag.records);
    if lag.trend == Trend::Stalled {
        let mut named = lag.stalled.iter().take(NAMED).cloned().collect::<Vec<_>>();
        if lag.stalled.len() > NAMED {
            named.push(format!("and {} more", lag.stalled.len() - NAMED));
        }
        health.unhealthy(format!(
            "the group {group:?} is stalled: it commits nothing in {}, and is {records} records behind",
            named.join(", ")
        ));
        return;
    }
    let speed = || match (lag.per_second(lag.consumed), lag.per_second(lag.produced)) {
        (Some(consumed), Some(produced)) => format!(
            " ({} records/s read, {} records/s written)",
            grouped(consumed),
            grouped(produced)
        ),
        _ => String::new(),
    };
    let records_that_count = match lag.trend {
        Trend::CaughtUp => 0,
        Trend::Growing => lag.records,
        _ => lag.least,
    };
    let behind = rule.max_lag.filter(|most| records_that_count > *most);
    let Some(most) = behind else {
        if lag.trend == Trend::Growing {
            health.note(format!("the lag of the group {group:?} grows{}", speed()));
        }
        return;
    };
    let text = format!(
        "the group {group:?} is {records} records behind, max_lag is {}",
        grouped(most)
    );
    match lag.trend {
        Trend::Growing => health.unhealthy(format!("{text}: the lag grows{}", speed())),
        Trend::Steady => health.unhealthy(format!("{text}: it does not catch up{}", speed())),
        Trend::Falling => health.progressing(match lag.catches_up_in() {
            Some(time) => {
                let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                format!("{text}: it catches up in about {}", span(milliseconds))
            }
            None => format!("{text}: it catches up"),
        }),
        _ => health.progressing(format!("{text}: its trend is not known yet")),
    }
}

#[cfg(test)]
mod tests;
