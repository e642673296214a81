use super::super::spec::OffsetStep;
use super::super::spec::tests::{connector, decoded};
use super::*;

const SINK: &str =
    "class = \"S\"\ntasks_max = 1\nconfig = {\n topics = \"a\"\n password = secret(\"env:P\")\n}";

fn sink() -> ConnectorSpec {
    decoded(&connector(SINK))
}

/// Returns a connector that is as wanted.
fn live(spec: &ConnectorSpec) -> ConnectorLive {
    let settings = spec.settings().into_iter().map(|(key, setting)| {
        let shown = match setting {
            Setting::Text(text) => Shown::Text(text),
            Setting::Secret { .. } => Shown::Secret(Standing::Current),
        };
        (key.to_owned(), shown)
    });
    ConnectorLive {
        way: None,
        settings: settings.collect(),
        state: Some(spec.state),
        failed: Vec::new(),
        digests: std::collections::BTreeMap::new(),
        stepped: false,
    }
}

fn told(deltas: &[Delta]) -> String {
    let lines = deltas.iter().map(|delta| {
        let drift = if delta.drift { " (drift)" } else { "" };
        let note = delta.note.as_deref().map(|note| format!(" # {note}"));
        format!(
            "{}: {} -> {}{drift}{}",
            delta.path,
            delta.before,
            delta.after,
            note.unwrap_or_default()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn between(spec: &ConnectorSpec, history: &[ConnectorSpec], live: &ConnectorLive) -> String {
    told(&diff(spec, history, live))
}

#[test]
fn what_is_as_wanted_differs_in_nothing() {
    let spec = sink();
    assert_eq!(between(&spec, &[], &live(&spec)), "");
    assert_eq!(
        between(&spec, std::slice::from_ref(&spec), &live(&spec)),
        ""
    );
    assert_eq!(drift(&spec, &live(&spec)), []);
}

#[test]
fn keys_that_are_not_set_are_not_managed_and_dropped_ones_are_removed() {
    let spec = sink();
    let mut before = spec.clone();
    before
        .config
        .insert("file".into(), Setting::Text("/tmp/x".into()));
    before.tasks_max = Some(4);
    let mut after = spec.clone();
    after.tasks_max = None;
    insta::assert_snapshot!(between(&after, std::slice::from_ref(&before), &live(&before)), @r#"
    config["file"]: "/tmp/x" -> null # no longer set
    tasks_max: "4" -> null # no longer set
    "#);
}

#[test]
fn masked_values_are_no_difference_as_long_as_the_same_is_wanted() {
    let mut spec = sink();
    spec.config
        .insert("token".into(), Setting::Text("plain".into()));
    let mut masked = live(&spec);
    masked.settings.insert("token".into(), Shown::Masked);
    masked
        .settings
        .insert("password".into(), Shown::Secret(Standing::Unknown));
    assert_eq!(between(&spec, std::slice::from_ref(&spec), &masked), "");
    assert_eq!(drift(&spec, &masked), []);
    let mut other = spec.clone();
    other
        .config
        .insert("token".into(), Setting::Text("other".into()));
    other.config.insert(
        "password".into(),
        Setting::Secret {
            secret: "env:Q".into(),
        },
    );
    insta::assert_snapshot!(between(&other, &[spec], &masked), @r#"
    config["password"]: "(not shown)" -> "(secret env:Q)"
    config["token"]: "(not shown)" -> "other"
    "#);
}

#[test]
fn a_secret_with_another_value_is_a_change_and_nobodys_drift() {
    let spec = sink();
    let mut rotated = live(&spec);
    rotated
        .settings
        .insert("password".into(), Shown::Secret(Standing::Stale));
    insta::assert_snapshot!(between(&spec, std::slice::from_ref(&spec), &rotated), @r#"config["password"]: "(not shown)" -> "(secret env:P)" # the secret has another value now"#);
    assert_eq!(drift(&spec, &rotated), []);
    rotated
        .settings
        .insert("password".into(), Shown::Secret(Standing::Foreign));
    insta::assert_snapshot!(between(&spec, std::slice::from_ref(&spec), &rotated), @r#"config["password"]: "(not shown)" -> "(secret env:P)" (drift) # it is not what was sent"#);
    assert_eq!(drift(&spec, &rotated).len(), 1);
}

#[test]
fn a_text_that_becomes_a_secret_is_nobodys_drift_and_is_not_shown() {
    let spec = sink();
    let mut before = spec.clone();
    before
        .config
        .insert("password".into(), Setting::Text("hunter2".into()));
    let seen = |standing| {
        let mut seen = live(&spec);
        seen.settings
            .insert("password".into(), Shown::Secret(standing));
        assert_eq!(drift(&before, &seen), []);
        between(&spec, std::slice::from_ref(&before), &seen)
    };
    assert_eq!(seen(Standing::Current), "");
    for other in [Standing::Foreign, Standing::Unknown] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(seen(other), @r#"config["password"]: "(not shown)" -> "(secret env:P)""#);
        }
    }
    // Back again it is a change, since what is set is not shown.
    let back = between(&before, std::slice::from_ref(&spec), &live(&spec));
    insta::assert_snapshot!(back, @r#"config["password"]: "(not shown)" -> "hunter2""#);
}

#[test]
fn what_failed_is_drift_and_what_is_on_its_way_is_none() {
    let spec = sink();
    let mut seen = live(&spec);
    seen.state = None;
    assert_eq!(between(&spec, std::slice::from_ref(&spec), &seen), "");
    seen.state = Some(Target::Running);
    seen.failed = vec![
        Failed {
            task: None,
            reason: "gone".into(),
        },
        Failed {
            task: Some(3),
            reason: "no such file".into(),
        },
    ];
    insta::assert_snapshot!(between(&spec, std::slice::from_ref(&spec), &seen), @r#"
    health.connector: "FAILED: gone" -> "RUNNING" (drift)
    health.task[3]: "FAILED: no such file" -> "RUNNING" (drift)
    "#);
    insta::assert_snapshot!(told(&drift(&spec, &seen)), @r#"
    health.connector: "RUNNING" -> "FAILED: gone" (drift)
    health.task[3]: "RUNNING" -> "FAILED: no such file" (drift)
    "#);
    let mut stopped = spec.clone();
    stopped.state = Target::Stopped;
    insta::assert_snapshot!(between(&stopped, &[spec], &seen), @r#"state: "running" -> "stopped""#);
}

#[test]
fn a_pause_by_hand_is_drift() {
    let spec = sink();
    let mut paused = live(&spec);
    paused.state = Some(Target::Paused);
    insta::assert_snapshot!(between(&spec, std::slice::from_ref(&spec), &paused), @r#"state: "paused" -> "running" (drift)"#);
}

#[test]
fn a_step_is_done_once_and_another_one_is_a_new_step() {
    let spec = sink();
    let mut step = spec.clone();
    step.offsets = Some(OffsetStep::Reset);
    let seen = live(&spec);
    insta::assert_snapshot!(between(&step, std::slice::from_ref(&spec), &seen), @r#"offsets: null -> "reset: from the beginning" # done once, while the connector is stopped"#);
    assert_eq!(between(&step, std::slice::from_ref(&step), &seen), "");
    assert_eq!(between(&spec, std::slice::from_ref(&step), &seen), "");
    let mut other = step.clone();
    other.offsets = Some(OffsetStep::Set(Vec::new()));
    assert_ne!(between(&other, std::slice::from_ref(&step), &seen), "");
    // What never settled may not have done it.
    assert_ne!(between(&step, &[step.clone(), spec], &seen), "");
}

#[test]
fn an_adoption_keeps_what_is_there() {
    let spec = sink();
    let mut there = live(&spec);
    there.settings.remove("topics");
    there
        .settings
        .insert("tasks.max".into(), Shown::Text("7".into()));
    there.state = Some(Target::Stopped);
    let adopted = adopt(&spec, &there);
    assert_eq!(
        (adopted.tasks_max, adopted.state, adopted.config.len()),
        (Some(7), Target::Stopped, 1)
    );
    assert_eq!(
        between(&adopted, std::slice::from_ref(&adopted), &there),
        ""
    );
}
