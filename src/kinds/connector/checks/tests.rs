use std::collections::BTreeMap;

use crate::kinds::Delta;

use super::super::spec::tests::{connector, decoded};
use super::super::{ConnectorFacts, ConnectorLive, FieldErrors, NoPlugin, Position, Shown, Target};
use super::*;

fn position(topic: &str, offset: i64) -> Position {
    let object = |entries: &[(&str, Json)]| {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        entries.collect()
    };
    Position {
        partition: object(&[("kafka_topic", topic.into()), ("kafka_partition", 0.into())]),
        offset: Some(object(&[("kafka_offset", offset.into())])),
    }
}

fn live(way: Way) -> ConnectorLive {
    ConnectorLive {
        way: Some(way),
        settings: BTreeMap::<String, Shown>::new(),
        state: Some(Target::Running),
        failed: Vec::new(),
        digests: BTreeMap::new(),
        stepped: false,
    }
}

fn found(
    action: Action,
    body: &str,
    live: Option<&ConnectorLive>,
    facts: &ConnectorFacts,
) -> String {
    let spec = decoded(&connector(body));
    let deltas: Vec<Delta> = match live {
        Some(_) => super::super::diff::diff(&spec, &[], &self::live(Way::Sink)),
        None => Vec::new(),
    };
    let input = CheckInput::<Connector> {
        action,
        remote_id: "orders",
        spec: (action != Action::Delete).then_some(&spec),
        prior: None,
        live,
        deltas: &deltas,
        facts,
        around: &crate::kinds::Around::default(),
    };
    let findings = CHECKS.iter().flat_map(|check| (check.run)(&input));
    let lines = findings.map(|finding| {
        let head = format!("{:?} {}: {}", finding.weight, finding.code, finding.summary);
        let place = finding.path.map(|path| format!("@ {path}"));
        let detail = Some(finding.detail).filter(|detail| !detail.is_empty());
        let parts = [Some(head), place, detail, finding.hint];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

const SINK: &str = "class = \"S\"\nconfig = { topics = \"a\", file = \"/x\" }";

#[test]
fn what_the_plugin_refuses_stands_at_the_attribute() {
    let errors = [
        ("file", "Invalid value (secret)"),
        ("tasks.max", "Not a number"),
    ];
    let errors = errors.map(|(key, message)| {
        let errors = FieldErrors {
            messages: vec![message.to_owned()],
            permitted: Vec::new(),
        };
        (key.to_owned(), errors)
    });
    let facts = ConnectorFacts {
        errors: BTreeMap::from(errors),
        unknown: BTreeMap::from([("fiel".to_owned(), "did you mean \"file\"?".to_owned())]),
        plain_passwords: vec!["password".to_owned()],
        no_topic: vec!["a".to_owned()],
        offsets: Some(Vec::new()),
        ..ConnectorFacts::default()
    };
    insta::assert_snapshot!(found(Action::Create, SINK, None, &facts), @r#"
    Error connector-config: The plugin refuses config["file"] | @ config["file"] | Invalid value (secret)
    Error connector-config: The plugin refuses tasks_max | @ tasks_max | Not a number
    Warning unknown-key: The plugin does not know config["fiel"] | @ config["fiel"] | Kafka Connect says nothing about such keys and ignores them. | did you mean "file"?
    Warning plain-password: config["password"] is a password in plain text | @ config["password"] | The project, the state and plans hold it. | write secret("env:NAME"), or "$${provider:path:key}" for a config provider of the workers
    Warning no-topic: There is no topic "a", which the connector reads | @ config["topics"] | It waits for the topic, and reads nothing until somebody makes it.
    "#);
}

#[test]
fn a_plugin_that_is_missing_or_cannot_say_is_told_apart() {
    let facts = ConnectorFacts {
        no_plugin: Some(NoPlugin {
            similar: Some("did you mean \"FileStreamSink\"?".into()),
            known: vec!["x.FileStreamSinkConnector".into()],
        }),
        offsets: Some(Vec::new()),
        ..ConnectorFacts::default()
    };
    insta::assert_snapshot!(found(Action::Create, SINK, None, &facts), @r#"Error no-plugin: The workers have no plugin "S" | @ class | They have: x.FileStreamSinkConnector. | did you mean "FileStreamSink"?"#);
    let facts = ConnectorFacts {
        unvalidated: Some("PUT /x: Kafka Connect answers 500: Cannot invoke".into()),
        offsets: Some(Vec::new()),
        ..ConnectorFacts::default()
    };
    insta::assert_snapshot!(found(Action::Create, SINK, None, &facts), @"Warning not-validated: The plugin could not say whether it takes this configuration | PUT /x: Kafka Connect answers 500: Cannot invoke | plugins fail so where they cannot reach their own system, as Debezium where it does not reach its database: look whether the workers reach it. An apply may be refused for the same reason");
}

#[test]
fn offsets_follow_the_name() {
    let kept = ConnectorFacts {
        offsets: Some(vec![position("a", 7)]),
        ..ConnectorFacts::default()
    };
    let nothing = ConnectorFacts::default();
    insta::assert_snapshot!(found(Action::Create, SINK, None, &kept), @r#"Warning offsets-resumed: The connector goes on from where the group "connect-orders" is | @ name | Offsets follow the name. They are: a[0]: 7. | to begin anew, write offsets { reset = true }, or take another name"#);
    insta::assert_snapshot!(found(Action::Create, "class = \"S\"", None, &nothing), @r#"Note offsets-resumed: If there was a connector "orders" before, this one goes on from its offsets | Kafka Connect keeps the offsets of deleted sources and shows them for none that is not there. | a plan reads them where provider "connect" sets offset_storage_topic; to be sure to begin anew, write offsets { reset = true }"#);
    insta::assert_snapshot!(found(Action::Create, "class = \"S\"", None, &kept), @r#"Warning offsets-resumed: There was a connector "orders" before, and this one goes on from its offsets | @ name | Offsets follow the name. They are: a[0]: 7. | to begin anew, write offsets { reset = true }, or take another name"#);
    insta::assert_snapshot!(found(Action::Create, "class = \"S\"\noffsets { reset = true }", None, &kept), @"");
    let step = |partition: u32| {
        format!(
            "class = \"S\"\noffsets {{\n  position {{\n    partition = {{ kafka_topic = \"a\", kafka_partition = {partition} }}\n  }}\n}}"
        )
    };
    // What the step sets is not resumed; what it leaves is.
    assert_eq!(found(Action::Create, &step(0), None, &kept), "");
    assert!(found(Action::Create, &step(1), None, &kept).contains("a[0]: 7"));
    assert_eq!(found(Action::Create, &step(1), None, &nothing), "");
    insta::assert_snapshot!(found(Action::Delete, SINK, Some(&live(Way::Sink)), &kept), @r#"Note offsets-stay: The offsets of the sink "orders" stay in its group | A connector of the same name goes on from there while the group keeps them. It is at a[0]: 7."#);
    insta::assert_snapshot!(found(Action::Delete, SINK, Some(&live(Way::Source)), &nothing), @r#"Warning offsets-stay: Kafka Connect keeps the offsets of "orders" | A connector of the same name goes on from there, however much later. What it has set up in its own system, such as a replication slot of a database, stays there too and may hold disk space. | to forget them, apply offsets { reset = true } before the block is removed"#);
    let step = format!("{SINK}\noffsets {{ reset = true }}");
    insta::assert_snapshot!(found(Action::Update, &step, Some(&live(Way::Sink)), &kept), @"Warning offsets-set: The connector forgets how far it has come, and handles everything again | @ offsets | Before: a[0]: 7. After: reset: from the beginning.");
}

#[test]
fn a_step_that_an_earlier_run_did_is_only_recorded() {
    let stepped = ConnectorLive {
        stepped: true,
        ..live(Way::Sink)
    };
    let step = format!("{SINK}\noffsets {{ reset = true }}");
    insta::assert_snapshot!(found(Action::Update, &step, Some(&stepped), &ConnectorFacts::default()), @"Note offsets-set: The offsets were set by an earlier run, which was ended before it could record that | @ offsets | They are not set again.");
}

#[test]
fn a_name_that_becomes_another_plugins_keeps_its_offsets() {
    let facts = |way| ConnectorFacts {
        way: Some(way),
        other_class: Some("x.Old".into()),
        offsets: Some(vec![position("a", 7)]),
        ..ConnectorFacts::default()
    };
    insta::assert_snapshot!(found(Action::Update, "class = \"S\"", Some(&live(Way::Source)), &facts(Way::Source)), @"Warning other-class: The connector becomes another plugin, to which its offsets may mean nothing | @ class | It was x.Old. Kafka Connect keeps its offsets under the name: a plugin that calls its places by other names begins anew. They are: a[0]: 7. | to keep the old one until the new one has taken over, give the new one another name; to forget its offsets, write offsets { reset = true }");
    insta::assert_snapshot!(found(Action::Update, SINK, Some(&live(Way::Sink)), &facts(Way::Sink)), @"Note other-class: The connector becomes another plugin, which reads on where its group is | @ class | It was x.Old.");
    let none = ConnectorFacts {
        offsets: Some(Vec::new()),
        ..facts(Way::Source)
    };
    assert_eq!(
        found(
            Action::Update,
            "class = \"S\"",
            Some(&live(Way::Source)),
            &none
        ),
        ""
    );
}

#[test]
fn a_source_cannot_become_a_sink() {
    let facts = ConnectorFacts {
        way: Some(Way::Sink),
        ..ConnectorFacts::default()
    };
    insta::assert_snapshot!(found(Action::Update, SINK, Some(&live(Way::Source)), &facts), @"Error other-way: A source cannot become a sink | @ class | give the connector another name: it is another one");
}
