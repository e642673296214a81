use std::collections::BTreeMap;

use crate::kinds::Around;
use crate::kinds::schema::{Committed, Known, SchemaFacts, SchemaLive, VersionLive};

use super::*;

const OLD: &str = r#"{"type":"record","name":"A","fields":[{"name":"id","type":"string"}]}"#;
const BROKEN: &str = r#"{"type":"record","name":"A","fields":[{"name":"id","type":"string"},
    {"name":"owner","type":"string"}]}"#;

fn spec(text: &str) -> SchemaSpec {
    SchemaSpec {
        subject: "orders-value".into(),
        format: Format::Avro,
        definition: text.into(),
        references: BTreeMap::new(),
        normalize: false,
        compatibility: Some(Level::Backward),
        mode: None,
        metadata: None,
        rule_set: None,
    }
}

fn live() -> SchemaLive {
    SchemaLive {
        latest: Some(VersionLive {
            version: 1,
            id: 7,
            format: Format::Avro,
            schema: OLD.into(),
            references: BTreeMap::new(),
            metadata: None,
            rule_set: None,
        }),
        holds: None,
        compatibility: Some(Level::Backward),
        mode: None,
    }
}

fn facts(verdict: Option<Opinion>) -> SchemaFacts {
    SchemaFacts {
        level: Some(Level::Backward),
        versions: vec![Known {
            version: 1,
            format: Format::Avro,
            schema: OLD.into(),
            references: BTreeMap::new(),
        }],
        verdict,
        ..SchemaFacts::default()
    }
}

/// Returns what all rules find: code and weight.
fn found(
    action: Action,
    spec: Option<&SchemaSpec>,
    prior: Option<&SchemaSpec>,
    live: Option<&SchemaLive>,
    facts: &SchemaFacts,
) -> Vec<(String, Weight)> {
    let input = CheckInput {
        action,
        remote_id: "orders-value",
        spec,
        prior,
        live,
        deltas: &[],
        facts,
        around: &Around::default(),
    };
    let findings = CHECKS.iter().flat_map(|check| (check.run)(&input));
    findings
        .map(|finding| (finding.code, finding.weight))
        .collect()
}

fn opinion(compatible: bool) -> Opinion {
    Opinion {
        compatible,
        messages: Vec::new(),
    }
}

#[test]
fn the_registry_decides_where_the_verdicts_differ() {
    let judge = |text: &str, verdict| {
        let (spec, live) = (spec(text), live());
        let all = found(
            Action::Update,
            Some(&spec),
            None,
            Some(&live),
            &facts(verdict),
        );
        let all = all.into_iter().filter(|(code, _)| code != "new-version");
        all.map(|(code, weight)| format!("{code} {weight:?}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(judge(BROKEN, None), ["incompatible Incompatible"]);
    assert_eq!(judge(BROKEN, Some(opinion(true))), ["incompatible Warning"]);
    assert_eq!(
        judge(BROKEN, Some(opinion(false))),
        [
            "incompatible Incompatible",
            "refused-by-registry Incompatible"
        ]
    );
    let compatible = OLD.replace("\"name\":\"id\"", "\"name\":\"id\",\"doc\":\"x\"");
    assert_eq!(judge(&compatible, Some(opinion(true))), [""; 0]);
    assert_eq!(
        judge(&compatible, Some(opinion(false))),
        ["refused-by-registry Incompatible"]
    );
}

#[test]
fn without_a_registry_the_state_judges() {
    let (prior, broken) = (spec(OLD), spec(BROKEN));
    let facts = SchemaFacts::default();
    let all = found(Action::Update, Some(&broken), Some(&prior), None, &facts);
    let from = ("compared-without-registry".to_owned(), Weight::Note);
    let incompatible = ("incompatible".to_owned(), Weight::Incompatible);
    assert_eq!(all, [from, incompatible]);
    let all = found(Action::Update, Some(&prior), Some(&prior), None, &facts);
    assert_eq!(all, []);
    // A subject that is made where the registry answered is none of these.
    let all = found(Action::Create, Some(&prior), None, None, &facts);
    assert_eq!(all, []);
}

#[test]
fn without_a_registry_and_a_state_the_git_history_judges() {
    let committed = |commit: &str, text: &str| Committed {
        commit: commit.into(),
        content: spec(text).content(),
    };
    let facts = |level, committed| SchemaFacts {
        level: Some(level),
        base: Some("main (2222222222)".into()),
        committed,
        ..SchemaFacts::default()
    };
    let with_default = r#"{"type":"record","name":"A","fields":[{"name":"id","type":"string"},
        {"name":"owner","type":"string","default":""}]}"#;
    let past = vec![
        committed("2222222222", with_default),
        committed("1111111111", OLD),
    ];
    let judge = |prior: Option<&SchemaSpec>, facts: &SchemaFacts| {
        let broken = spec(BROKEN);
        let all = found(Action::Update, Some(&broken), prior, None, facts);
        all.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    let from = "compared-without-registry";
    assert_eq!(judge(None, &facts(Level::Backward, past.clone())), [from]);
    let all_versions = facts(Level::BackwardTransitive, past);
    assert_eq!(judge(None, &all_versions), [from, "incompatible"]);
    // What was applied is one of them, and is not told twice.
    let applied = spec(OLD);
    assert_eq!(judge(Some(&applied), &all_versions), [from, "incompatible"]);
    assert_eq!(judge(None, &facts(Level::Backward, Vec::new())), [from]);
    let nothing = SchemaFacts::default();
    assert_eq!(judge(None, &nothing), ["not-checked-offline"]);
}

#[test]
fn what_is_no_schema_is_an_error_unless_the_registry_takes_it() {
    let (spec, live) = (spec("{}"), live());
    let judge = |facts: &SchemaFacts| found(Action::Update, Some(&spec), None, Some(&live), facts);
    assert!(judge(&facts(None)).contains(&("invalid-schema".into(), Weight::Error)));
    assert!(
        judge(&facts(Some(opinion(true)))).contains(&("invalid-schema".into(), Weight::Warning))
    );
}

#[test]
fn a_subject_in_use_is_not_deleted() {
    let facts = SchemaFacts {
        count: 2,
        records: Some(3),
        referenced_by: vec!["b".into()],
        ..SchemaFacts::default()
    };
    let all = found(
        Action::Delete,
        None,
        Some(&spec(OLD)),
        Some(&live()),
        &facts,
    );
    assert_eq!(
        all,
        [
            ("deletion".to_owned(), Weight::Destructive),
            ("referenced".to_owned(), Weight::Error),
            ("topic-holds-records".to_owned(), Weight::Error),
        ]
    );
}
