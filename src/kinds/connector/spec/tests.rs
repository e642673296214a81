use std::collections::BTreeMap;
use std::time::Duration;

use crate::clients;
use crate::config::block::Block;
use crate::config::files::MemoryFiles;
use crate::config::load::{LoadRequest, UnsetVariables, load};
use crate::config::project::Inputs;

use super::*;

/// Returns a connector's block as text.
pub(crate) fn connector(body: &str) -> String {
    format!("connector \"orders\" {{\n{body}\n}}\n")
}

/// Returns the description that a project's one connector gives.
pub(crate) fn decoded(text: &str) -> ConnectorSpec {
    decode(&block(text)).expect("a connector")
}

fn block(text: &str) -> Block {
    let mut files = MemoryFiles::default();
    files.insert(
        "main.hcl",
        format!("provider \"connect\" {{ url = \"http://c\" }}\n{text}"),
    );
    let project = load(&LoadRequest {
        files: &files,
        root: "",
        environment: None,
        inputs: &Inputs::default(),
        kinds: &crate::kinds::schemas(),
        providers: clients::PROVIDERS,
        tool_version: "0.1.0",
        unset_variables: UnsetVariables::Refuse,
        on_head: None,
    });
    let project = project
        .map_err(|found| found.render())
        .expect("the project loads");
    let resource = project.resources.into_values().next();
    resource.expect("one resource").body
}

fn refused(body: &str) -> String {
    let found = decode(&block(&connector(body))).expect_err("refused");
    let lines = found.iter().map(|diagnostic| {
        let mut line = format!("{}: {}", diagnostic.code, diagnostic.summary);
        let detail = Some(&diagnostic.detail).filter(|detail| !detail.is_empty());
        for more in [detail, diagnostic.hint.as_ref()].into_iter().flatten() {
            line.push_str(" | ");
            line.push_str(more);
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn values_become_texts_and_secrets_stay_references() {
    let spec = decoded(&connector(
        "class = \"S\"\ntasks_max = 2\nconfig = {\n topics = [\"a\", \"b\"]\n n = 3\n on = true\n \
         unset = null\n password = secret(\"env:DB_PASSWORD\")\n user = \"$${file:/etc/db:user}\"\n}",
    ));
    insta::assert_snapshot!(
        serde_json::to_string(&spec).expect("serialises"),
        @r#"{"name":"orders","class":"S","tasks_max":2,"config":{"n":"3","on":"true","password":{"secret":"env:DB_PASSWORD"},"topics":"a,b","user":"${file:/etc/db:user}"},"state":"running"}"#
    );
    let again: ConnectorSpec =
        serde_json::from_str(&serde_json::to_string(&spec).expect("serialises")).expect("reads");
    assert_eq!(again, spec);
    assert_eq!(spec.group().as_deref(), Some("connect-orders"));
}

#[test]
fn dead_letters_write_the_keys_of_kafka_connect() {
    let spec = decoded(&connector(
        "class = \"S\"\nconfig = { topics = \"a\" }\ndead_letter {\n topic = \"dead\"\n replication_factor = 1\n}",
    ));
    let settings: BTreeMap<&str, String> = spec
        .settings()
        .into_iter()
        .map(|(key, setting)| (key, setting.text().unwrap_or_default().to_owned()))
        .collect();
    insta::assert_snapshot!(serde_json::to_string(&settings).expect("serialises"), @r#"{"connector.class":"S","errors.deadletterqueue.context.headers.enable":"true","errors.deadletterqueue.topic.name":"dead","errors.deadletterqueue.topic.replication.factor":"1","errors.tolerance":"all","topics":"a"}"#);
    assert_eq!(spec.path("errors.tolerance"), "dead_letter.tolerance");
    assert_eq!(spec.path("topics"), "config[\"topics\"]");
}

#[test]
fn a_step_is_a_reset_or_positions() {
    let reset = decoded(&connector("class = \"S\"\noffsets { reset = true }"));
    assert_eq!(reset.offsets, Some(OffsetStep::Reset));
    let set = decoded(&connector(
        "class = \"S\"\noffsets {\n position {\n partition = { filename = \"a\" }\n offset = { position = 6 }\n }\n \
         position {\n partition = { filename = \"b\" }\n }\n}",
    ));
    let step = set.offsets.expect("a step");
    insta::assert_snapshot!(step.words(), @"filename a: position 6; filename b: forgotten");
    insta::assert_snapshot!(serde_json::to_string(&step).expect("serialises"), @r#"{"set":[{"partition":{"filename":"a"},"offset":{"position":6}},{"partition":{"filename":"b"},"offset":null}]}"#);
}

#[test]
fn a_source_that_names_topics_is_no_sink() {
    let group = |class: &str| {
        let text = format!(
            "connector \"c\" {{\n class = \"{class}\"\n config = {{ topics = \"lines\" }}\n}}\n"
        );
        decoded(&text).group()
    };
    assert_eq!(group("FileStreamSink").as_deref(), Some("connect-c"));
    assert_eq!(group("com.example.Out").as_deref(), Some("connect-c"));
    assert_eq!(group("org.example.CamelAws2s3sourceSourceConnector"), None);
}

#[test]
fn a_sinks_positions_are_those_of_topics() {
    let sink = |partition: &str, offset: &str| {
        format!(
            "class = \"S\"\nconfig = {{ topics = \"a\" }}\noffsets {{\n position {{\n \
             partition = {{ {partition} }}\n offset = {offset}\n }}\n}}"
        )
    };
    let place = "kafka_topic = \"a\", kafka_partition = 0";
    for (partition, offset) in [
        (place, "{ kafka_offset = 0 }"),
        (place, "{ kafka_offset = \"7\" }"),
        (place, "null"),
    ] {
        decoded(&connector(&sink(partition, offset)));
    }
    insta::assert_snapshot!(refused(&sink("topic = \"a\", partition = 0", "{ offset = 3 }")), @r#"
    invalid-value: partition is none that Kafka Connect takes for a sink | A sink's offsets are those of its group: of a topic and the number of a partition. | write partition = { kafka_topic = "orders", kafka_partition = 0 }
    invalid-value: offset is none that Kafka Connect takes for a sink | A sink's offsets are those of its group: of a topic and the number of a partition. | write offset = { kafka_offset = 4711 }
    "#);
    let offset = "{ kafka_offset = 0 }";
    for (partition, offset) in [
        ("kafka_topic = \"a\"", offset),
        ("kafka_topic = \"a\", kafka_partition = \"first\"", offset),
        ("kafka_topic = \"a\", kafka_partition = -1", offset),
        ("kafka_topic = 1, kafka_partition = 0", offset),
        (
            "kafka_topic = \"a\", kafka_partition = 0, leader = 1",
            offset,
        ),
        (place, "{ kafka_offset = -1 }"),
        (place, "{ kafka_offset = 1.5 }"),
        (place, "{ kafka_offset = 1, epoch = 2 }"),
    ] {
        let told = refused(&sink(partition, offset));
        assert_eq!(told.lines().count(), 1, "{partition} {offset}: {told}");
    }
    // A source's are of its plugin's own making, and so may have these names.
    decoded(&connector(
        "class = \"S\"\noffsets {\n position {\n partition = { kafka_topic = 1 }\n }\n}",
    ));
}

#[test]
fn pauses_double_up_to_a_limit() {
    let restart = Restart {
        max_attempts: 9,
        backoff_ms: 30_000,
    };
    let pauses: Vec<u64> = (0..7).map(|n| restart.pause(n).as_secs()).collect();
    assert_eq!(pauses, [0, 30, 60, 120, 240, 300, 300]);
    let long = Restart {
        max_attempts: 99,
        backoff_ms: u64::MAX,
    };
    assert_eq!(long.pause(90), Duration::from_mins(5));
}

#[test]
fn every_mistake_is_told() {
    insta::assert_snapshot!(refused("class = \"S\"\nconfig = { \"connector.class\" = \"T\", \"tasks.max\" = 3, name = \"x\" }"), @r#"
    two-settings: config["name"] is written as an attribute | remove it, and set name, or the block's label
    two-settings: config["connector.class"] is written as an attribute | remove it, and set class
    two-settings: config["tasks.max"] is written as an attribute | remove it, and set tasks_max
    "#);
    insta::assert_snapshot!(refused("class = \"\"\ntasks_max = 0\nstate = \"Runing\""), @r#"
    wrong-type: class must be a text that is not empty | It is empty.
    invalid-value: tasks_max must be a whole number from 1
    invalid-value: state must be "running", "paused" or "stopped" | It is "Runing". | did you mean "running"?
    "#);
    insta::assert_snapshot!(refused("class = \"S\"\nconfig = { a = { b = 1 } }"), @r#"wrong-type: config["a"] must be a text, a number, a boolean, a secret or a list of texts | It is of type object."#);
    insta::assert_snapshot!(refused("class = \"S\"\nconfig = { topic = \"a\" }\ndead_letter { topic = \"d\" }"), @r#"dead-letter-of-source: dead_letter is for connectors that read topics | Kafka Connect writes dead letters for sinks alone (KIP-298), and config names neither "topics" nor "topics.regex". | for a source, set "errors.tolerance" and "errors.log.enable" in config: what it cannot handle is then left out and logged"#);
    insta::assert_snapshot!(refused("class = \"S\"\nconfig = { topics = \"a\", \"errors.tolerance\" = \"all\" }\ndead_letter {\n topic = \"d\"\n tolerance = \"some\"\n}"), @r#"
    invalid-value: tolerance must be "all" or "none" | It is "some".
    two-settings: config["errors.tolerance"] is written as an attribute | remove it, and set dead_letter.tolerance
    "#);
    insta::assert_snapshot!(refused("class = \"S\"\nrestart { backoff = \"soon\" }\noffsets { reset = false }"), @r#"
    invalid-value: backoff must be a duration such as "30s" | a duration is required, such as "7d" or "1h30m".
    invalid-value: offsets says nothing | write reset = true, or a position block for each place; else remove the block
    "#);
}
