//! The rules on plain values.

use serde_json::json;

use crate::kinds::{Around, Delta};

use super::super::{LiveEntry, Sample, TopicLive};
use super::*;

fn spec(partitions: u32, config: &[(&str, &str)]) -> TopicSpec {
    TopicSpec {
        name: "orders".into(),
        partitions: Some(partitions),
        replication_factor: Some(1),
        config: config
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        placement: None,
        reassignment: None,
        internal: false,
    }
}

fn live(partitions: u32, config: &[(&str, &str)]) -> TopicLive {
    let entry = |value: &str| LiveEntry {
        value: Some(value.into()),
        overridden: true,
        ..LiveEntry::default()
    };
    TopicLive {
        partitions,
        replication_factor: 1,
        uneven_up_to: None,
        moving: false,
        misplaced: Vec::new(),
        config: config
            .iter()
            .map(|(k, v)| ((*k).to_owned(), entry(v)))
            .collect(),
    }
}

fn find(
    action: Action,
    spec: Option<&TopicSpec>,
    live: Option<&TopicLive>,
    facts: &TopicFacts,
) -> String {
    let deltas = match (spec, live) {
        (Some(spec), Some(live)) => super::super::diff::diff(spec, &[], live),
        (Some(_), None) => vec![Delta {
            path: "partitions".into(),
            before: json!(null),
            after: json!(1),
            note: None,
            drift: false,
        }],
        (None, _) => Vec::new(),
    };
    let input = CheckInput {
        action,
        remote_id: "orders",
        spec,
        prior: None,
        live,
        deltas: &deltas,
        facts,
        around: &Around::default(),
    };
    let findings = CHECKS.iter().flat_map(|check| {
        let found = (check.run)(&input);
        assert!(
            found.iter().all(|finding| finding.code == check.code),
            "{}",
            check.code
        );
        found
    });
    let lines: Vec<String> = findings
        .map(|f| format!("{:?}: {}. {}", f.weight, f.summary, f.detail))
        .collect();
    lines.join("\n")
}

#[test]
fn partitions_never_shrink() {
    let text = find(
        Action::Update,
        Some(&spec(3, &[])),
        Some(&live(6, &[])),
        &TopicFacts::default(),
    );
    insta::assert_snapshot!(text, @"Error: Partitions cannot shrink from 6 to 3. Kafka only adds partitions; fewer of them would be another topic, and this one would be lost.");
}

#[test]
fn a_name_that_metrics_confuse_is_refused() {
    let facts = TopicFacts {
        collides_with: Some("or.ders".into()),
        ..TopicFacts::default()
    };
    let text = find(Action::Create, Some(&spec(3, &[])), None, &facts);
    insta::assert_snapshot!(text, @r#"Error: The name "orders" collides with that of the topic "or.ders". Both have one name in metrics, where "." and "_" are the same: Kafka refuses that."#);
}

#[test]
fn an_internal_topic_has_the_partitions_that_its_owner_chose() {
    let mut internal = spec(6, &[]);
    internal.internal = true;
    let facts = TopicFacts {
        records: Some(0),
        ..TopicFacts::default()
    };
    let text = find(Action::Update, Some(&internal), Some(&live(3, &[])), &facts);
    insta::assert_snapshot!(text, @"Breaking: Partitions grow from 3 to 6. The topic is internal: Kafka Streams and Kafka Connect chose its partitions, and refuse to start when there are others.");
}

#[test]
fn growth_is_graded_by_what_it_breaks() {
    let grow = |facts: TopicFacts| {
        find(
            Action::Update,
            Some(&spec(6, &[])),
            Some(&live(3, &[])),
            &facts,
        )
        .split_once(':')
        .map(|(weight, _)| weight.to_owned())
    };
    let records = Some(10);
    assert_eq!(
        grow(TopicFacts {
            records: Some(0),
            ..TopicFacts::default()
        })
        .as_deref(),
        Some("Note")
    );
    let sample = |having| Some(Sample { seen: 10, having });
    let unkeyed = TopicFacts {
        records,
        keyed: sample(0),
        ..TopicFacts::default()
    };
    assert_eq!(grow(unkeyed).as_deref(), Some("Warning"));
    let keyed = TopicFacts {
        records,
        keyed: sample(3),
        ..TopicFacts::default()
    };
    assert_eq!(grow(keyed).as_deref(), Some("Breaking"));
    let compacted = TopicFacts {
        records,
        cleanup_policy: Some("compact".into()),
        ..TopicFacts::default()
    };
    assert_eq!(grow(compacted).as_deref(), Some("Breaking"));
    assert_eq!(grow(TopicFacts::default()).as_deref(), Some("Breaking"));
}

#[test]
fn a_retention_cut_is_destructive_only_where_records_are_lost() {
    let (spec, live) = (
        spec(1, &[("retention.ms", "60000")]),
        live(1, &[("retention.ms", "604800000")]),
    );
    let facts = TopicFacts {
        records: Some(12),
        records_expiring: Some(0),
        ..TopicFacts::default()
    };
    insta::assert_snapshot!(find(Action::Update, Some(&spec), Some(&live), &facts), @"Note: Retention is cut to 1 min. No record is older than that.");
    let facts = TopicFacts {
        records: Some(12_000),
        records_expiring: Some(11_000),
        oldest_age_ms: Some(90_000_000),
        ..TopicFacts::default()
    };
    insta::assert_snapshot!(find(Action::Update, Some(&spec), Some(&live), &facts), @"Destructive: Retention is cut to 1 min. 11,000 of 12,000 records are older and will be deleted soon; the oldest is 1 d 1 h old.");
    let facts = TopicFacts {
        unmeasured: vec!["partition 0: no leader".into()],
        ..TopicFacts::default()
    };
    insta::assert_snapshot!(find(Action::Update, Some(&spec), Some(&live), &facts), @"Destructive: Retention is cut to 1 min. How many records are older could not be measured (partition 0: no leader).");
}

#[test]
fn a_longer_retention_loses_nothing() {
    let (spec, live) = (
        spec(1, &[("retention.ms", "-1")]),
        live(1, &[("retention.ms", "60000")]),
    );
    assert_eq!(
        find(
            Action::Update,
            Some(&spec),
            Some(&live),
            &TopicFacts::default()
        ),
        ""
    );
}

#[test]
fn a_deletion_says_what_is_lost() {
    let facts = TopicFacts {
        records: Some(1234),
        bytes: Some(5 << 20),
        oldest_age_ms: Some(7_200_000),
        ..TopicFacts::default()
    };
    insta::assert_snapshot!(find(Action::Delete, None, Some(&live(1, &[])), &facts), @r#"Destructive: The topic "orders" is deleted with its records. It holds 1,234 records (5.0 MiB), the oldest 2 h old."#);
    let empty = TopicFacts {
        records: Some(0),
        ..TopicFacts::default()
    };
    insta::assert_snapshot!(find(Action::Delete, None, Some(&live(1, &[])), &empty), @"Note: The topic is empty.");
}

#[test]
fn compacting_and_deleting_by_age_lose_records() {
    let facts = TopicFacts {
        records: Some(5),
        cleanup_policy: Some("delete".into()),
        ..TopicFacts::default()
    };
    let wanted = spec(1, &[("cleanup.policy", "compact")]);
    let text = find(
        Action::Update,
        Some(&wanted),
        Some(&live(1, &[("cleanup.policy", "delete")])),
        &facts,
    );
    insta::assert_snapshot!(text, @r"
    Breaking: The topic becomes compacted. Records without a key are refused from then on, and of each key only the newest record is kept.
    Destructive: The new cleanup policy deletes records. Older records of a key are deleted by compaction. The topic holds 5 records.
    ");
}

#[test]
fn replicas_need_brokers() {
    let mut wanted = spec(1, &[("min.insync.replicas", "4")]);
    wanted.replication_factor = Some(3);
    let facts = TopicFacts {
        brokers: Some(1),
        ..TopicFacts::default()
    };
    insta::assert_snapshot!(find(Action::Create, Some(&wanted), None, &facts), @r"
    Error: 3 replicas cannot stand on 1 broker. 
    Breaking: min.insync.replicas is 4, and a partition has 3 replicas. Every write with acks=all will fail.
    ");
}

fn application(fits_partitions: bool) -> Neighbour {
    Neighbour {
        address: "kafka_streams.fraud".parse().expect("an address"),
        name: "fraud-app".into(),
        owner: Some("team-fraud".into()),
        fits_partitions,
    }
}

fn find_around(
    action: Action,
    spec: Option<&TopicSpec>,
    live: &TopicLive,
    around: &Around,
) -> Vec<String> {
    let deltas = spec.map(|spec| super::super::diff::diff(spec, &[], live));
    let input = CheckInput {
        action,
        remote_id: "fraud-app-counts-changelog",
        spec,
        prior: None,
        live: Some(live),
        deltas: &deltas.unwrap_or_default(),
        facts: &TopicFacts::default(),
        around,
    };
    let found = breaks_readers(&input).into_iter().chain(belongs_to(&input));
    found
        .map(|f| format!("{:?}: {}", f.weight, f.summary))
        .collect()
}

#[test]
fn growth_breaks_only_readers_that_fit_themselves_to_partitions() {
    let around = |fits| Around {
        readers: vec![application(fits)],
        ..Around::default()
    };
    let grown = |fits| {
        find_around(
            Action::Update,
            Some(&spec(4, &[])),
            &live(2, &[]),
            &around(fits),
        )
    };
    assert_eq!(grown(false), Vec::<String>::new());
    insta::assert_snapshot!(grown(true).join("\n"), @r#"Breaking: More partitions than 2 break kafka_streams.fraud ("fraud-app"; owner team-fraud)"#);
    let same = find_around(
        Action::Update,
        Some(&spec(2, &[])),
        &live(2, &[]),
        &around(true),
    );
    assert_eq!(same, Vec::<String>::new());
}

#[test]
fn an_application_s_own_topic_is_its_own() {
    let around = Around {
        belongs_to: Some(application(true)),
        ..Around::default()
    };
    let own = TopicSpec {
        internal: true,
        ..spec(2, &[])
    };
    let grown = TopicSpec {
        internal: true,
        ..spec(4, &[])
    };
    let mut found = Vec::new();
    for (action, spec) in [
        (Action::Delete, None),
        (Action::Forget, None),
        (Action::Adopt, Some(&spec(2, &[]))),
        (Action::Update, Some(&grown)),
        (Action::Adopt, Some(&own)),
    ] {
        found.extend(find_around(action, spec, &live(2, &[]), &around));
    }
    insta::assert_snapshot!(found.join("\n"), @r#"
    Error: The topic "fraud-app-counts-changelog" belongs to kafka_streams.fraud ("fraud-app"; owner team-fraud): deleting it loses its state
    Error: The topic "fraud-app-counts-changelog" belongs to kafka_streams.fraud ("fraud-app"; owner team-fraud), which makes it itself
    Error: The topic "fraud-app-counts-changelog" belongs to kafka_streams.fraud ("fraud-app"; owner team-fraud), which chose its partitions
    Note: The topic "fraud-app-counts-changelog" belongs to kafka_streams.fraud ("fraud-app"; owner team-fraud)
    "#);
}
