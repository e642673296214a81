//! Schemas beside the topics whose records they describe: a real broker and a stand-in for a registry.

use crate::support::estate::{Estate, topic};
use crate::support::registry::StandIn;

use super::record;

const ONE: &[(&str, Option<&str>)] = &[("id", None)];
/// A field without a default: readers of it cannot read what was written before.
const BROKEN: &[(&str, Option<&str>)] = &[("id", None), ("owner", None)];

/// A project with the topic `orders` and what else is given, and with its schema where that is wanted.
fn declare(estate: &Estate, registry: &StandIn, topics: &str, schema: bool) {
    let url = registry.url();
    let schema = if schema {
        "schema \"order\" {\n  topic = topic.orders\n  format = \"avro\"\n  \
         definition = file(\"order.avsc\")\n  compatibility = \"BACKWARD\"\n}\n"
    } else {
        ""
    };
    let provider = format!("provider \"schema_registry\" {{ url = \"{url}\" }}");
    estate.declare(&format!("{provider}\n{topics}{schema}"));
}

#[test]
fn an_incompatible_schema_keeps_the_topics_of_its_plan_from_changing() {
    let Some(estate) = Estate::new("gated") else {
        return;
    };
    let registry = StandIn::start();
    let before = topic("orders", 1, "\"retention.ms\" = 3600000");
    estate.project.write("order.avsc", &record(ONE));
    declare(&estate, &registry, &before, true);
    estate.apply(&[]).expect(0);
    let state = estate.state();

    estate.project.write("order.avsc", &record(BROKEN));
    let after = topic("orders", 2, "\"retention.ms\" = 7200000") + &topic("refunds", 1, "");
    declare(&estate, &registry, &after, true);
    let plan = estate.run("plan", &[]).expect(3);
    assert!(
        plan.stderr.contains("avro-field-without-default"),
        "{}",
        plan.stderr
    );
    estate.apply(&[]).expect(3);
    assert_eq!(estate.partitions("orders"), Some(1));
    assert_eq!(
        estate.value("orders", "retention.ms").as_deref(),
        Some("3600000")
    );
    assert_eq!(estate.partitions("refunds"), None);
    let subject = format!("{}-value", estate.name("orders"));
    assert_eq!(registry.client().versions(&subject), [1]);
    assert_eq!(estate.state(), state);
}

#[test]
fn a_subject_stays_while_its_topic_holds_records() {
    let Some(estate) = Estate::new("kept") else {
        return;
    };
    let registry = StandIn::start();
    let orders = topic("orders", 1, "");
    estate.project.write("order.avsc", &record(ONE));
    declare(&estate, &registry, &orders, true);
    estate.apply(&[]).expect(0);
    estate.kafka.produce(&estate.name("orders"), 5, None);

    declare(&estate, &registry, &orders, false);
    let permission = ["--allow-destroy", "schema.order"];
    let run = estate.apply(&permission).expect(1);
    assert!(run.stderr.contains("holds 5 records"), "{}", run.stderr);
    let subject = format!("{}-value", estate.name("orders"));
    assert_eq!(registry.client().versions(&subject), [1]);

    // With the topic it goes, in one plan.
    declare(&estate, &registry, "", false);
    let permission = [
        "--allow-destroy",
        "schema.order",
        "--allow-destroy",
        "topic.orders",
    ];
    estate.apply(&permission).expect(0);
    assert!(registry.client().kept(&subject).is_empty());
    assert_eq!(estate.partitions("orders"), None);
}
