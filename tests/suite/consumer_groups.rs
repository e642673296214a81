//! `consumer_group` on a real Kafka: what is declared is recorded, and nothing of it is anybody's to change.

use crate::support::estate::{Estate, topic};

const HOUR: &str = "\"retention.ms\" = 3600000";

fn declaration(name: &str, reads: &str) -> String {
    format!(
        "consumer_group \"billing\" {{\n  name = \"P.{name}\"\n  reads = [{reads}]\n  \
         owner = \"team-billing\"\n}}\n"
    )
}

#[test]
fn a_declaration_needs_no_group_and_takes_none_over() {
    let Some(estate) = Estate::new("declared") else {
        return;
    };
    let orders = topic("orders", 1, HOUR);
    let absent = format!("{orders}{}", declaration("none", "topic.orders"));
    estate.declare(&absent);
    let run = estate.apply(&[]).expect(0);
    assert!(run.stdout.contains("1 created"), "{}", run.stdout);
    assert!(run.stdout.contains("1 recorded"), "{}", run.stdout);
    estate.expect_empty_plan();
    estate.run("drift", &[]).expect(0);

    let member = estate
        .kafka
        .join(&estate.name("app"), &estate.name("orders"), "consumer");
    estate.declare(&format!("{orders}{}", declaration("app", "topic.orders")));
    let run = estate.apply(&[]).expect(0);
    assert!(run.stdout.contains("1 recorded"), "{}", run.stdout);
    estate.expect_empty_plan();
    drop(member);
    // Empty, but still there for its offsets: no drift either.
    estate.expect_empty_plan();
    estate.run("drift", &[]).expect(0);

    estate
        .kafka
        .commit(&estate.name("app"), &estate.name("orders"), 0);
    estate.declare(&orders);
    let run = estate.apply(&[]).expect(0);
    assert!(run.stdout.contains("1 forgotten"), "{}", run.stdout);
    estate.expect_empty_plan();
    assert!(
        estate
            .kafka
            .groups(&estate.prefix)
            .contains(&estate.name("app"))
    );
}

#[test]
fn a_slip_in_a_name_and_an_undeclared_topic_are_said() {
    let Some(estate) = Estate::new("slips") else {
        return;
    };
    let topics = topic("orders", 1, HOUR) + &topic("audit", 1, HOUR);
    estate.declare(&topics);
    estate.apply(&[]).expect(0);
    let (app, audit) = (estate.name("billing-app"), estate.name("audit"));
    estate.kafka.commit(&app, &audit, 0);
    estate.declare(&format!(
        "{topics}{}",
        declaration("biling-app", "topic.orders")
    ));
    let run = estate.run("plan", &[]).expect(0);
    let said = format!("did you mean {app:?}?");
    assert!(run.stdout.contains(&said), "{}", run.stdout);
    estate.declare(&format!(
        "{topics}{}",
        declaration("billing-app", "topic.orders")
    ));
    let run = estate.run("plan", &[]).expect(0);
    let said = format!("also reads {audit:?}");
    assert!(run.stdout.contains(&said), "{}", run.stdout);
}

#[test]
fn a_name_that_is_a_topic_makes_an_edge() {
    let Some(estate) = Estate::new("edges") else {
        return;
    };
    let orders = topic("orders", 1, HOUR);
    estate.declare(&format!("{orders}{}", declaration("app", "\"P.orders\"")));
    let run = estate.run("graph", &[]).expect(0);
    insta::assert_snapshot!(run.stdout, @r"
    consumer_group.billing
      needs topic.orders (inferred)
    topic.orders
    ");
}
