//! `kafka_streams` with a real Kafka Streams application: what is its own, what breaks it, how far it is.

use crate::support::estate::{Estate, topic};
use crate::support::streams;

const FOREVER: &str = "\"retention.ms\" = -1";

/// An application that reads one topic and writes another one.
const COUNTS: &str = "kafka_streams \"counts\" {\n  application_id = \"P.counts\"\n  reads = [topic.words]\n  \
                      writes = [topic.counted]\n  owner = \"team-words\"\n}\n";

fn blocks(partitions: usize) -> String {
    topic("words", partitions, FOREVER) + &topic("counted", 1, FOREVER) + COUNTS
}

/// A topic block for one of the application's own topics.
fn own(name: &str, partitions: usize, internal: bool) -> String {
    format!(
        "topic \"own\" {{\n  name = \"P.{name}\"\n  partitions = {partitions}\n  internal = {internal}\n}}\n"
    )
}

const CHANGELOG: &str = "counts-counts-changelog";

#[test]
fn an_application_s_topics_are_its_own_and_its_inputs_do_not_grow() {
    check("classic");
}

#[test]
fn an_application_by_the_new_protocol_is_known_as_well() {
    check("streams");
}

fn check(protocol: &str) {
    let Some(estate) = Estate::new(&format!("streams-{protocol}")) else {
        return;
    };
    estate.declare(&blocks(2));
    let run = estate.apply(&[]).expect(0);
    assert!(
        run.stdout.contains("Kafka has neither a group"),
        "{}",
        run.stdout
    );
    estate.expect_empty_plan();
    let (app, words, counted) = (
        estate.name("counts"),
        estate.name("words"),
        estate.name("counted"),
    );
    let start = || streams::counts(estate.bootstrap(), &app, [&words, &counted], protocol);
    let Some(mut running) = start() else {
        return;
    };
    running.says("RUNNING");
    estate.kafka.produce_numbers(&words, 0..50);
    estate.kafka.wait(|| estate.kafka.records(&counted) >= 50);
    // What it made is nobody's drift.
    estate.expect_empty_plan();
    estate.run("drift", &[]).expect(0);

    // Its inputs: refused, with its name and whom to ask.
    estate.declare(&blocks(4));
    let run = estate.apply(&[]).expect(3);
    let said =
        format!("More partitions than 2 break kafka_streams.counts ({app:?}; owner team-words)");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert!(
        run.stderr.contains("--allow-breaking 'topic.words'"),
        "{}",
        run.stderr
    );
    assert_eq!(estate.partitions("words"), Some(2));

    // Its own topics: nobody declares them by mistake, changes their partitions or deletes them.
    estate.declare(&(blocks(2) + &own(CHANGELOG, 2, false)));
    let run = estate.apply(&[]).expect(1);
    assert!(
        run.stderr.contains("belongs to kafka_streams.counts"),
        "{}",
        run.stderr
    );
    let id = estate.name(CHANGELOG);
    let taken = own(CHANGELOG, 2, true);
    estate.declare(&(blocks(2) + &taken));
    estate.run("import", &["topic.own", &id]).expect(0);
    estate.expect_empty_plan();
    estate.declare(&(blocks(2) + &own(CHANGELOG, 3, true)));
    let run = estate.apply(&["--allow-breaking", "topic.own"]).expect(1);
    assert!(
        run.stderr.contains("which chose its partitions"),
        "{}",
        run.stderr
    );
    estate.declare(&blocks(2));
    let run = estate.apply(&["--allow-destroy", "topic.own"]).expect(1);
    assert!(
        run.stderr.contains("deleting it loses its state"),
        "{}",
        run.stderr
    );
    assert_eq!(estate.partitions(CHANGELOG), Some(2));
    estate.declare(&format!(
        "{}removed {{\n  from = topic.own\n  lifecycle {{ destroy = false }}\n}}\n",
        blocks(2)
    ));
    estate.apply(&[]).expect(0);

    // Its group: not while it runs.
    let reset = "consumer_group \"reset\" {\n  name = \"P.counts\"\n  reads = [topic.words]\n  \
                 offsets { to = \"earliest\" }\n}\n";
    estate.declare(&(blocks(2) + reset));
    let run = estate.apply(&[]).expect(1);
    assert!(run.stderr.contains("is active (Stable"), "{}", run.stderr);
    let said = format!("name the same group {app:?}");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    let run = estate.project.run(&["validate"]).expect(0);
    assert!(run.stderr.contains(&said), "{}", run.stderr);

    // The break that was foretold, wanted by a person.
    drop(running);
    estate.declare(&blocks(4));
    estate.apply(&["--allow-breaking", "topic.words"]).expect(0);
    assert_eq!(estate.partitions("words"), Some(4));
    let mut broken = start().unwrap();
    let said = broken.says("FAILED");
    assert!(said.contains("partitions"), "{said}");
}
