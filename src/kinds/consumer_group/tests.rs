use std::sync::Arc;
use std::time::Duration;

use super::super::health::{GroupLook, Groups, PartitionLook, Verdict};
use super::super::kafka_streams::{KafkaStreams, KafkaStreamsSpec};
use super::*;

/// A look after so many seconds: who was in the group, which nobody ever joined without a number, and how far it
/// was behind.
fn look(seconds: u64, members: Option<u32>, lag: i64) -> Look<NoVitals> {
    let group = GroupLook {
        state: match members {
            Some(0) | None => "Empty",
            Some(_) => "Stable",
        }
        .into(),
        members: Some(members.unwrap_or(0)),
        was_joined: members.is_some(),
        partitions: vec![PartitionLook {
            topic: "orders".into(),
            index: 0,
            committed: 100,
            end: 100 + lag,
            readable: 100 + lag,
        }],
    };
    Look {
        at: Duration::from_secs(seconds),
        vitals: None,
        groups: Groups::Read(vec![("app".into(), Arc::new(group))]),
    }
}

fn told(max_lag: Option<u64>, looks: &[Look<NoVitals>]) -> String {
    let healthy = Healthy {
        max_lag,
        ..Healthy::default()
    };
    shown(&judge_group("app", rule(&healthy, CONSUMER_COMMITS), looks))
}

fn shown(health: &Health) -> String {
    let measures: Vec<String> = health
        .measures
        .iter()
        .map(|measure| format!("{} {}", measure.name, measure.text))
        .collect();
    let reasons: Vec<&str> = health.symptoms.iter().map(|it| it.text.as_str()).collect();
    let (measures, reasons) = (measures.join("; "), reasons.join("; "));
    format!("{} [{measures}] {reasons}", health.verdict)
}

#[test]
fn a_group_that_was_left_with_something_to_read_is_unhealthy() {
    insta::assert_snapshot!(told(None, &[look(0, Some(0), 7)]), @r#"unhealthy [members 0; lag 7, trend unknown] nobody is in the group "app" any more to read the 7 records that it is behind"#);
    insta::assert_snapshot!(told(Some(10), &[look(0, Some(0), 11)]), @r#"unhealthy [members 0; lag 11, trend unknown] the group "app" is 11 records behind, max_lag is 10: its trend is not known yet; nobody is in the group "app" any more to read the 11 records that it is behind"#);
}

#[test]
fn a_group_that_is_not_there_or_cannot_be_read_is_told_apart() {
    let mut gone = look(0, None, 0);
    gone.groups = Groups::default();
    insta::assert_snapshot!(told(None, &[gone]), @r#"healthy [members 0] the group "app" has committed no offsets so far; nobody is in the group "app""#);
    let mut away = look(0, None, 0);
    away.groups = Groups::Unread("Cannot reach Kafka".into());
    insta::assert_snapshot!(told(None, &[away]), @"unknown [] Cannot reach Kafka");
}

#[test]
fn a_group_is_stalled_after_three_of_its_own_intervals() {
    // It commits every half minute, all that was written until then, and was looked at for one and a half.
    let looks = |seconds: u64| -> Vec<Look<NoVitals>> {
        let each = (0..=seconds).map(|at| {
            let mut look = look(at, Some(1), 0);
            let written = 100 + i64::try_from(at).expect("a small number");
            let Groups::Read(groups) = &mut look.groups else {
                unreachable!("it was read");
            };
            let group = Arc::get_mut(&mut groups[0].1).expect("not shared yet");
            group.partitions[0].committed = written - (written - 100) % 30;
            group.partitions[0].end = written;
            group.partitions[0].readable = written;
            look
        });
        each.collect()
    };
    let judged = |seconds, interval| {
        let healthy = Healthy {
            commit_interval_ms: interval,
            ..Healthy::default()
        };
        judge_group("app", rule(&healthy, CONSUMER_COMMITS), &looks(seconds)).verdict
    };
    assert_eq!(judged(80, None), Verdict::Unhealthy);
    assert_eq!(judged(80, Some(30_000)), Verdict::Healthy);
    // One that reads nothing is stalled all the same, only later.
    let stands = |seconds| [look(0, Some(1), 7), look(seconds, Some(1), 7)];
    let slow = Healthy {
        commit_interval_ms: Some(30_000),
        ..Healthy::default()
    };
    let judged =
        |seconds| judge_group("app", rule(&slow, CONSUMER_COMMITS), &stands(seconds)).verdict;
    assert_eq!(
        (judged(89), judged(90)),
        (Verdict::Healthy, Verdict::Unhealthy)
    );
    // As often as that an application of Kafka Streams commits which says nothing else.
    let spec = KafkaStreamsSpec {
        application_id: "app".into(),
        reads: BTreeSet::new(),
        writes: BTreeSet::new(),
        owner: None,
        max_lag: None,
        commit_interval_ms: None,
    };
    let streams = KafkaStreams::judge(&spec, None, &looks(80));
    assert_eq!(streams.verdict, Verdict::Healthy);
}

#[test]
fn a_group_that_was_left_may_be_as_it_should_be() {
    // It is at the end; or its application runs now and then.
    insta::assert_snapshot!(told(None, &[look(0, Some(0), 0)]), @r#"healthy [members 0; lag 0] nobody is in the group "app""#);
    insta::assert_snapshot!(told(Some(10), &[look(0, Some(0), 10)]), @r#"healthy [members 0; lag 10, trend unknown] nobody is in the group "app""#);
    // Nobody joined it yet; or whoever reads commits without joining, as Flink does.
    insta::assert_snapshot!(told(None, &[look(0, None, 7)]), @r#"healthy [members 0; lag 7, trend unknown] nobody is in the group "app""#);
    // Its application was started anew between two looks.
    insta::assert_snapshot!(told(None, &[look(0, Some(2), 7), look(3, Some(0), 7)]), @r#"healthy [members 0; lag 7, trend unknown] nobody is in the group "app""#);
    insta::assert_snapshot!(told(None, &[look(0, Some(0), 7), look(3, Some(2), 7)]), @"healthy [members 2; lag 7, trend unknown] ");
    // A marker of a transaction is no record.
    insta::assert_snapshot!(told(None, &[look(0, Some(0), 1), look(3, Some(0), 1)]), @r#"healthy [members 0; lag 1] nobody is in the group "app""#);
}
