//! What looks at a group mean, from the consumers that one meets.

use proptest::prelude::*;

use crate::kinds::NoVitals;

use super::*;

const PATIENCE: Duration = Duration::from_secs(15);

fn partition(index: i32, committed: i64, end: i64) -> PartitionLook {
    PartitionLook {
        topic: "orders".into(),
        index,
        committed,
        end,
        readable: end,
    }
}

fn group(partitions: Vec<PartitionLook>) -> GroupLook {
    GroupLook {
        state: "Stable".into(),
        members: Some(1),
        was_joined: true,
        partitions,
    }
}

fn lag(looks: &[(u64, GroupLook)]) -> Lag {
    let looks: Vec<_> = looks
        .iter()
        .map(|(at, look)| (Duration::from_secs(*at), look))
        .collect();
    Lag::of(&looks, PATIENCE).expect("there are looks")
}

/// Looks every second at a consumer that commits every so many seconds.
fn consumer(
    seconds: u64,
    backlog: i64,
    written_per_second: i64,
    read_per_second: i64,
    commits_every: i64,
) -> Vec<(u64, GroupLook)> {
    let (mut read, mut committed) = (0, 0);
    (0..=seconds)
        .map(|at| {
            let second = i64::try_from(at).expect("seconds are few");
            let end = backlog + second * written_per_second;
            if second > 0 {
                read = end.min(read + read_per_second);
            }
            if second % commits_every == 0 {
                committed = read;
            }
            (at, group(vec![partition(0, committed, end)]))
        })
        .collect()
}

fn trend(looks: &[(u64, GroupLook)]) -> Trend {
    lag(looks).trend
}

#[test]
fn what_is_not_committed_yet_is_not_to_be_read() {
    // A transaction is open from 100 on, and more and more is written in it.
    let looks = |readable: i64| -> Vec<(u64, GroupLook)> {
        let each = (0..=60).map(|at| {
            let end = 105 + i64::try_from(at).expect("seconds are few");
            let seen = PartitionLook {
                readable,
                ..partition(0, 100, end)
            };
            (at, group(vec![seen]))
        });
        each.collect()
    };
    let waits = lag(&looks(100));
    assert_eq!(
        (waits.trend, waits.records, waits.least),
        (Trend::Steady, 65, 0)
    );
    // One record before it could have been read.
    let stands = lag(&looks(101));
    assert_eq!((stands.trend, stands.least), (Trend::Stalled, 1));
}

#[test]
fn one_look_has_no_trend() {
    let one = lag(&[(0, group(vec![partition(0, 5, 12), partition(1, 7, 7)]))]);
    assert_eq!((one.records, one.trend), (7, Trend::Unknown));
    assert_eq!(
        trend(&[(0, group(vec![partition(0, 7, 7)]))]),
        Trend::CaughtUp
    );
}

#[test]
fn a_consumer_that_commits_nothing_is_stalled_after_a_patience_and_no_sooner() {
    assert_eq!(trend(&consumer(14, 100, 10, 0, 1)), Trend::Unknown);
    assert_eq!(trend(&consumer(15, 100, 10, 0, 1)), Trend::Stalled);
    // Also where nothing is written: the lag is fixed.
    assert_eq!(trend(&consumer(15, 100, 0, 0, 1)), Trend::Stalled);
}

#[test]
fn a_consumer_that_stops_on_its_way_is_stalled() {
    let mut looks = consumer(20, 1000, 0, 10, 5);
    assert_eq!(trend(&looks), Trend::Falling);
    let (_, stopped) = looks.last().cloned().expect("there are looks");
    looks.extend((21..=35).map(|at| (at, stopped.clone())));
    assert_eq!(trend(&looks), Trend::Stalled);
}

#[test]
fn a_saw_is_not_growth() {
    // Reads as fast as is written, but commits every five seconds only.
    assert_eq!(trend(&consumer(30, 100, 50, 50, 5)), Trend::Steady);
    assert_eq!(trend(&consumer(33, 100, 50, 50, 5)), Trend::Steady);
}

#[test]
fn between_two_commits_nobody_is_behind() {
    let looks = consumer(33, 0, 50, 50, 5);
    assert_eq!(lag(&looks).records, 150);
    assert_eq!(told(&looks, Some(100)), "healthy: 150, steady");
}

#[test]
fn a_slow_consumer_s_lag_grows() {
    assert_eq!(trend(&consumer(30, 100, 50, 40, 5)), Trend::Growing);
    assert_eq!(trend(&consumer(33, 100, 50, 40, 5)), Trend::Growing);
}

#[test]
fn the_marker_of_a_transaction_is_no_record() {
    let looks = [
        (0, group(vec![partition(0, 9, 10)])),
        (60, group(vec![partition(0, 9, 10)])),
    ];
    assert_eq!(trend(&looks), Trend::CaughtUp);
    let moving = [
        (0, group(vec![partition(0, 9, 10)])),
        (60, group(vec![partition(0, 9, 11)])),
    ];
    assert_eq!(trend(&moving), Trend::Stalled);
}

#[test]
fn one_partition_that_stands_still_is_enough() {
    let looks: Vec<_> = (0..=20)
        .map(|at| {
            let moved = i64::try_from(at).expect("seconds are few") * 10;
            (
                at,
                group(vec![partition(0, moved, 500), partition(1, 3, 50)]),
            )
        })
        .collect();
    let lag = lag(&looks);
    assert_eq!(lag.trend, Trend::Stalled);
    assert_eq!(lag.stalled, ["orders-1"]);
}

#[test]
fn what_was_before_a_reset_does_not_count() {
    let mut looks = consumer(20, 100, 0, 100, 1);
    assert_eq!(trend(&looks), Trend::CaughtUp);
    looks.push((21, group(vec![partition(0, 0, 100)])));
    assert_eq!(trend(&looks), Trend::Unknown);
}

#[test]
fn a_falling_lag_says_when_it_is_gone() {
    let lag = lag(&consumer(10, 1000, 10, 60, 1));
    assert_eq!(lag.records, 500);
    assert_eq!(lag.catches_up_in(), Some(Duration::from_secs(10)));
}

/// Returns what looks mean for an object that may be 400 records behind.
fn told(seconds: &[(u64, GroupLook)], max_lag: Option<u64>) -> String {
    let looks: Vec<Look<NoVitals>> = seconds
        .iter()
        .map(|(at, look)| Look {
            at: Duration::from_secs(*at),
            vitals: None,
            groups: Groups::Read(vec![("app".into(), Arc::new(look.clone()))]),
        })
        .collect();
    let mut health = Health::new();
    let rule = Rule {
        max_lag,
        patience: PATIENCE,
    };
    judge(&mut health, "app", &looks, rule);
    let symptoms = health.symptoms.iter().map(|symptom| &*symptom.text);
    let measures = health.measures.iter().map(|measure| &*measure.text);
    let all: Vec<&str> = measures.chain(symptoms).collect();
    format!("{}: {}", health.verdict, all.join("; "))
}

#[test]
fn what_is_said_about_a_lag() {
    let most = Some(400);
    let cases = [
        told(&consumer(0, 500, 0, 0, 1), most),
        told(&consumer(10, 1000, 10, 60, 1), most),
        told(&consumer(30, 500, 50, 40, 5), most),
        told(&consumer(30, 500, 50, 50, 5), most),
        told(&consumer(30, 500, 50, 0, 5), most),
        told(&consumer(30, 500, 50, 40, 5), None),
        told(&consumer(30, 500, 50, 0, 5), None),
        told(&consumer(30, 500, 50, 500, 1), most),
        told(&[(0, group(Vec::new()))], most),
        told(&[(0, group(Vec::new()))], None),
    ];
    insta::assert_snapshot!(cases.join("\n"), @r#"
    progressing: 500, trend unknown; the group "app" is 500 records behind, max_lag is 400: its trend is not known yet
    progressing: 500, falling; the group "app" is 500 records behind, max_lag is 400: it catches up in about 10 s
    unhealthy: 800, growing; the group "app" is 800 records behind, max_lag is 400: the lag grows (40 records/s read, 50 records/s written)
    unhealthy: 500, steady; the group "app" is 500 records behind, max_lag is 400: it does not catch up (50 records/s read, 50 records/s written)
    unhealthy: 2,000, stalled; the group "app" is stalled: it commits nothing in orders-0, and is 2,000 records behind
    healthy: 800, growing; the lag of the group "app" grows (40 records/s read, 50 records/s written)
    unhealthy: 2,000, stalled; the group "app" is stalled: it commits nothing in orders-0, and is 2,000 records behind
    healthy: 0
    progressing: the group "app" has committed no offsets so far
    healthy: the group "app" has committed no offsets so far
    "#);
}

proptest! {
    #[test]
    fn one_look_never_condemns(committed in 0_i64..1000, behind in 0_i64..1000) {
        let look = [(0, group(vec![partition(0, committed, committed + behind)]))];
        let expected = if behind == 0 { Trend::CaughtUp } else { Trend::Unknown };
        prop_assert_eq!(trend(&look), expected);
    }

    #[test]
    fn a_faster_consumer_is_never_said_to_be_slow(
        backlog in 0_i64..100_000,
        written in 0_i64..100,
        more in 1_i64..100,
        commits_every in 1_i64..=5,
        seconds in 0_u64..90,
    ) {
        let found = trend(&consumer(seconds, backlog, written, written + more, commits_every));
        prop_assert!(!matches!(found, Trend::Growing | Trend::Stalled), "{}", found);
    }

    #[test]
    fn a_slower_consumer_is_found_within_a_minute(
        backlog in 500_i64..100_000,
        written in 2_i64..100,
        commits_every in 1_i64..=5,
        seconds in 30_u64..60,
    ) {
        let found = trend(&consumer(seconds, backlog, written, written / 2, commits_every));
        prop_assert_eq!(found, Trend::Growing);
    }

    #[test]
    fn what_looks_say_depends_on_no_order_of_partitions(
        offsets in prop::collection::vec(prop::collection::vec((0_i64..50, 0_i64..50), 1..5), 1..8),
    ) {
        let looks = |reversed: bool| -> Vec<_> {
            offsets.iter().zip(0..).map(|(parts, at)| {
                let mut parts: Vec<_> = parts.iter().zip(0..)
                    .map(|((committed, behind), index)| partition(index, *committed, committed + behind))
                    .collect();
                if reversed {
                    parts.reverse();
                }
                (at * 7, group(parts))
            }).collect()
        };
        let (mut there, mut back) = (lag(&looks(false)), lag(&looks(true)));
        there.stalled.sort();
        back.stalled.sort();
        prop_assert_eq!(&there, &back);
        prop_assert_eq!(there.stalled.is_empty(), there.trend != Trend::Stalled);
        let last = &looks(false).pop().expect("there are looks").1;
        prop_assert_eq!(there.records, last.lag());
    }
}
