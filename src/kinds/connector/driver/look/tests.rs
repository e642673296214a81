use std::collections::BTreeMap;

use super::*;
use crate::clients::connect::Info;

fn standing(value: &str, now: Option<&str>, sent: Option<&str>) -> Standing {
    let sent = sent.map(|sent| digest("c", "k", sent));
    Secret {
        connector: "c",
        key: "k",
        value,
        now,
        sent: sent.as_deref(),
    }
    .standing()
}

#[test]
fn a_secret_is_compared_by_what_is_shown_or_by_what_was_sent() {
    use Standing::{Current, Foreign, Stale, Unknown};
    for (value, now, sent, expected) in [
        ("a", Some("a"), Some("a"), Current),
        ("a", Some("a"), None, Current),
        ("a", Some("b"), Some("a"), Stale),
        ("x", Some("b"), Some("a"), Foreign),
        ("x", Some("b"), None, Foreign),
        // The reference gives nothing here.
        ("a", None, Some("a"), Unknown),
        ("x", None, Some("a"), Foreign),
        ("x", None, None, Unknown),
        // A service that shows stars.
        ("****", Some("a"), Some("a"), Current),
        ("****", Some("b"), Some("a"), Stale),
        ("****", Some("b"), None, Unknown),
        ("[hidden]", None, Some("a"), Unknown),
    ] {
        assert_eq!(
            standing(value, now, sent),
            expected,
            "{value} {now:?} {sent:?}"
        );
    }
}

#[test]
fn a_trace_is_told_by_its_first_line_and_its_cause() {
    let part = |trace: &str| Part {
        trace: Some(trace.to_owned()),
        ..Part::default()
    };
    let trace = "org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file '/no/x' for FileStreamSinkTask\n\tat a.b(C.java:1)\nCaused by: java.nio.file.NoSuchFileException: /no/x\n\tat sun\n\t... 8 more\n";
    insta::assert_snapshot!(reason(&part(trace)), @"ConnectException: Couldn't find or create file '/no/x' for FileStreamSinkTask (NoSuchFileException: /no/x)");
    insta::assert_snapshot!(reason(&part("plain words: more\n\tat x")), @"plain words: more");
    insta::assert_snapshot!(reason(&Part::default()), @"it gives no reason");
}

#[test]
fn a_reason_is_cut_once_it_holds_no_secret() {
    let secret = "hunter2".to_owned();
    let told = told(&format!("{}{secret}", "ä".repeat(LONGEST - 3)), &[secret]);
    assert!(told.ends_with("ä(se…"), "{told}");
    assert_eq!(told.chars().count(), LONGEST + 1);
}

#[test]
fn transient_states_are_none() {
    let status = |own: &str, tasks: usize| Status {
        connector: Part {
            state: own.into(),
            ..Part::default()
        },
        tasks: vec![Part::default(); tasks],
    };
    for (own, tasks, expected) in [
        ("RUNNING", 1, Some(Target::Running)),
        ("FAILED", 0, Some(Target::Running)),
        ("PAUSED", 1, Some(Target::Paused)),
        ("STOPPED", 0, Some(Target::Stopped)),
        ("STOPPED", 1, None),
        ("UNASSIGNED", 1, None),
        ("RESTARTING", 1, None),
        ("", 0, None),
    ] {
        assert_eq!(state(&status(own, tasks)), expected, "{own} {tasks}");
    }
}

#[test]
fn keys_of_nobody_do_not_leave_the_driver() {
    let spec = crate::kinds::connector::spec::tests::decoded(
        "connector \"c\" {\n class = \"S\"\n config = { file = \"/x\" }\n}\n",
    );
    let config = [
        ("file", "/x"),
        ("password", "hunter2"),
        ("connector.class", "S"),
    ];
    let config: BTreeMap<String, Option<String>> = config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())))
        .collect();
    let found = connect::Connector {
        info: Some(Info {
            config,
            r#type: "sink".into(),
        }),
        status: None,
    };
    let wanted = Wanted {
        remote_id: "c".into(),
        specs: vec![spec],
        owned: true,
        unwanted: false,
        outcome: None,
        notes: None,
    };
    let connections = crate::clients::Connections::new(&BTreeMap::new(), std::path::Path::new("/"));
    let secrets = connections.secrets();
    let live = live(&wanted, &found, &Sent::default(), &mut Known::new(&secrets)).expect("there");
    let text = serde_json::to_string(&live).expect("serialises");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(live.settings.len(), 2);
}
