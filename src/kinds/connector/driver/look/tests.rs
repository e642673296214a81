use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::clients::Secrets;

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
    let reason = format!("{}{secret}", "ä".repeat(LONGEST - 3));
    let told = told(&reason, &BTreeSet::from([secret]));
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

/// Returns a connector whose configuration is this, and whose only task failed with these words.
fn found(config: &[(&str, &str)], words: &str) -> connect::Connector {
    let config = config.iter();
    let part = |state: &str, trace: Option<&str>| Part {
        state: state.to_owned(),
        trace: trace.map(str::to_owned),
        ..Part::default()
    };
    connect::Connector {
        info: Some(Info {
            config: config
                .map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())))
                .collect(),
            r#type: "sink".into(),
        }),
        status: Some(Status {
            connector: part("RUNNING", None),
            tasks: vec![part("FAILED", Some(words))],
        }),
    }
}

fn wanted(settings: &[&str]) -> Wanted<Connector> {
    let specs = settings.iter().map(|settings| {
        crate::kinds::connector::spec::tests::decoded(&format!(
            "connector \"c\" {{\n class = \"S\"\n config = {{ {settings} }}\n}}\n"
        ))
    });
    Wanted {
        remote_id: "c".into(),
        specs: specs.collect(),
        owned: true,
        unwanted: false,
        outcome: None,
        notes: None,
    }
}

fn secrets_of_nobody() -> Secrets {
    crate::clients::Connections::new(&BTreeMap::new(), std::path::Path::new("/")).secrets()
}

#[test]
fn keys_of_nobody_do_not_leave_the_driver() {
    let config = [
        ("file", "/x"),
        ("password", "hunter2"),
        ("connector.class", "S"),
    ];
    let (wanted, found) = (wanted(&["file = \"/x\""]), found(&config, "no space"));
    let secrets = secrets_of_nobody();
    let live = live(&wanted, &found, &Sent::default(), &mut Known::new(&secrets)).expect("there");
    let text = serde_json::to_string(&live).expect("serialises");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(live.settings.len(), 2);
}

#[test]
fn a_trace_is_told_without_the_secret_that_is_set_whatever_the_reference_gives() {
    let secrets = secrets_of_nobody();
    let told = |wanted: &Wanted<Connector>, value: &str, words: &str| {
        let found = found(&[("password", value)], words);
        let mut known = Known::new(&secrets);
        let live = live(wanted, &found, &Sent::default(), &mut known).expect("there");
        let vitals = vitals(wanted, &found, &mut known);
        assert_eq!(vitals.failed, live.failed);
        live.failed[0].reason.clone()
    };
    // The reference gives nothing here.
    let secret = "password = secret(\"env:STREAMFORM_TEST_SET_NOWHERE\")";
    let words = "wrong password hunter2";
    for settings in [
        &[secret][..],
        &["password = \"plain\"", secret],
        &["", secret],
    ] {
        let told = told(&wanted(settings), "hunter2", words);
        assert_eq!(told, "wrong password (secret)", "{settings:?}");
    }
    // Stars are no secret, and nothing is none.
    assert_eq!(told(&wanted(&[secret]), "****", "a ****"), "a ****");
    assert_eq!(told(&wanted(&[secret]), "", "no password"), "no password");
}

#[test]
fn a_step_that_was_begun_tells_what_was_before_it() {
    let step = OffsetStep::Reset;
    let notes = |state: Json| {
        let note = json!({ "step": mark(&step), "done": false, "state": state });
        Document::from(json!({ "offsets": note }))
    };
    let paused = notes(json!("paused"));
    assert_eq!(noted(Some(&paused), &step), Some(false));
    assert_eq!(noted_state(Some(&paused), &step), Some(Target::Paused));
    // Those of earlier versions do not say it; another step is none of ours.
    assert_eq!(noted_state(Some(&notes(Json::Null)), &step), None);
    assert_eq!(
        noted_state(Some(&paused), &OffsetStep::Set(Vec::new())),
        None
    );
    assert_eq!(noted_state(None, &step), None);
}
