//! `consumer_group` on a real Kafka: what is declared is recorded, and what it asks for once is done once.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rustix::process::Signal;

use crate::support::estate::{Estate, topic};
use crate::support::gate::Side;
use crate::support::proxy::Proxy;
use crate::support::servers::{self, SecureKafka};

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

const FOREVER: &str = "\"retention.ms\" = -1";

/// A group that reads one topic and asks for something once.
fn asking(group: &str, step: &str) -> String {
    format!(
        "consumer_group \"{group}\" {{\n  name = \"P.{group}\"\n  reads = [topic.orders]\n{step}\n}}\n"
    )
}

fn offsets(to: &str) -> String {
    asking("app", &format!("  offsets {{ to = {to} }}"))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

const HOURS: i64 = 3_600_000;

#[test]
fn every_form_of_a_reset_is_shown_done_once_and_read_back() {
    let Some(estate) = Estate::new("reset") else {
        return;
    };
    let orders = topic("orders", 1, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    let (app, name) = (estate.name("app"), estate.name("orders"));
    estate.kafka.produce(&name, 6, Some(now() - 3 * HOURS));
    estate.kafka.produce(&name, 4, None);
    estate.kafka.commit(&app, &name, 8);
    let moment = jiff::Timestamp::from_millisecond(now() - HOURS).unwrap();
    let milliseconds = (now() - 4 * HOURS).to_string();
    for (to, after, said) in [
        ("\"earliest\"".to_owned(), 0, "will read 8 records again"),
        ("\"latest\"".to_owned(), 10, "will never read 10 records"),
        (format!("\"{moment}\""), 6, "will read 4 records again"),
        (
            "{ \"P.orders\" = { \"0\" = 3 } }".to_owned(),
            3,
            "will read 3 records again",
        ),
        ("\"2h\"".to_owned(), 6, "will never read 3 records"),
        (milliseconds, 0, "will read 6 records again"),
        ("\"30m\"".to_owned(), 6, "will never read 6 records"),
    ] {
        estate.declare(&format!("{orders}{}", offsets(&to)));
        let plan = estate.run("plan", &[]).stdout;
        assert!(plan.contains(said), "{to}: {plan}");
        assert!(plan.contains(&format!("-> {after}")), "{to}: {plan}");
        if said.contains("never") {
            let run = estate.apply(&[]).expect(3);
            let permission = "--allow-destroy 'consumer_group.app'";
            assert!(run.stderr.contains(permission), "{}", run.stderr);
            estate
                .apply(&["--allow-destroy", "consumer_group.app"])
                .expect(0);
        } else {
            estate.apply(&[]).expect(0);
        }
        assert_eq!(estate.kafka.committed(&app, &name), [Some(after)], "{to}");
        estate.expect_empty_plan();
    }
    // Done is done: what the group reads afterwards is its own affair, and so is the block's end.
    estate.kafka.commit(&app, &name, 9);
    estate.expect_empty_plan();
    estate.declare(&format!("{orders}{}", asking("app", "")));
    estate.apply(&[]).expect(0);
    assert_eq!(estate.kafka.committed(&app, &name), [Some(9)]);
    estate.expect_empty_plan();
}

/// The number of `OffsetCommit` in Kafka's protocol.
const OFFSET_COMMIT: i16 = 8;

/// Applies through a proxy that holds the commit, and kills the apply while it waits.
fn kill_at_commit(estate: &Estate, blocks: &str, side: Side) {
    let proxy = Proxy::start(estate.bootstrap(), Duration::ZERO).unwrap();
    estate.declare_at(proxy.bootstrap(), blocks);
    let held = proxy.hold(OFFSET_COMMIT, side);
    let apply = estate
        .project
        .program(&Estate::apply_arguments(&[]))
        .start();
    held.recv_timeout(Duration::from_mins(1)).unwrap();
    apply.signal(Signal::KILL);
    apply.wait();
    estate.declare(blocks);
}

/// Makes a topic of ten records, of which the group `app` has read eight. Returns the topic's block, too.
#[track_caller]
fn eight_of_ten(test: &str) -> Option<(Estate, String)> {
    let estate = Estate::new(test)?;
    let orders = topic("orders", 1, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    let name = estate.name("orders");
    estate.kafka.produce(&name, 10, None);
    estate.kafka.commit(&estate.name("app"), &name, 8);
    Some((estate, orders))
}

#[test]
fn a_reset_that_is_killed_is_finished_once() {
    let Some((estate, orders)) = eight_of_ten("reset-killed") else {
        return;
    };
    let (app, name) = (estate.name("app"), estate.name("orders"));
    let blocks = format!("{orders}{}", offsets("\"earliest\""));
    kill_at_commit(&estate, &blocks, Side::Before);
    assert_eq!(estate.kafka.committed(&app, &name), [Some(8)]);
    let run = estate.apply(&[]).expect(0);
    assert!(
        run.stdout.contains("read 8 records again"),
        "{}",
        run.stdout
    );
    assert_eq!(estate.kafka.committed(&app, &name), [Some(0)]);
    estate.expect_empty_plan();

    // Kafka took the offsets, and the application has gone on from there since: it is not sent back again, and
    // not stopped for what only has to be recorded.
    estate.kafka.commit(&app, &name, 8);
    let to = "{ \"P.orders\" = { \"0\" = 2 } }";
    let blocks = format!("{orders}{}", offsets(to));
    kill_at_commit(&estate, &blocks, Side::After);
    assert_eq!(estate.kafka.committed(&app, &name), [Some(2)]);
    assert_eq!(estate.kafka.consume(&app, &name, "classic", 3).len(), 3);
    let _member = estate.kafka.join(&app, &name, "classic");
    let run = estate.apply(&[]).expect(0);
    assert!(
        run.stdout.contains("were set by an earlier run"),
        "{}",
        run.stdout
    );
    assert_eq!(estate.kafka.committed(&app, &name), [Some(5)]);
    estate.expect_empty_plan();
}

#[test]
fn a_reset_whose_answer_is_lost_is_not_done_twice() {
    let Some((estate, orders)) = eight_of_ten("reset-lost") else {
        return;
    };
    let (app, name) = (estate.name("app"), estate.name("orders"));
    let blocks = format!("{orders}{}", offsets("\"earliest\""));
    // Kafka takes the offsets, its answer is lost, and then it is away.
    let proxy = Proxy::start(estate.bootstrap(), Duration::ZERO).unwrap();
    estate.declare_at(proxy.bootstrap(), &blocks);
    let held = proxy.hold(OFFSET_COMMIT, Side::After);
    let apply = estate
        .project
        .program(&Estate::apply_arguments(&[]))
        .start();
    held.recv_timeout(Duration::from_mins(1)).unwrap();
    drop(proxy);
    apply.wait().expect(1);
    assert_eq!(estate.kafka.committed(&app, &name), [Some(0)]);
    // The application went on from there, and ended.
    assert_eq!(estate.kafka.consume(&app, &name, "classic", 3).len(), 3);
    estate.declare(&blocks);
    let run = estate.apply(&[]).expect(0);
    let said = "were set by an earlier run";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    assert_eq!(estate.kafka.committed(&app, &name), [Some(3)]);
    estate.expect_empty_plan();
}

#[test]
fn a_step_is_done_for_each_name_that_the_group_is_given() {
    let Some(estate) = Estate::new("renamed") else {
        return;
    };
    let orders = topic("orders", 1, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    let name = estate.name("orders");
    estate.kafka.produce(&name, 10, None);
    estate.kafka.commit(&estate.name("old"), &name, 7);
    let named = |group: &str, step: &str| {
        format!(
            "{orders}consumer_group \"app\" {{\n  name = \"P.{group}\"\n  reads = [topic.orders]\n{step}\n}}\n"
        )
    };
    for (step, at) in [
        ("  offsets { to = \"earliest\" }", 0),
        ("  hand_over { from = \"P.old\" }", 7),
    ] {
        // The first name was a slip; the block is the same apart from it.
        for group in [format!("slip-{at}"), format!("right-{at}")] {
            estate.declare(&named(&group, step));
            estate.apply(&[]).expect(0);
            let committed = estate.kafka.committed(&estate.name(&group), &name);
            assert_eq!(committed, [Some(at)], "{group}");
            estate.expect_empty_plan();
        }
    }
}

#[test]
fn a_group_that_is_not_there_yet_begins_where_it_is_told_to() {
    let Some(estate) = Estate::new("begin") else {
        return;
    };
    let orders = topic("orders", 2, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    let (app, name) = (estate.name("app"), estate.name("orders"));
    estate.kafka.produce_numbers(&name, 0..40);
    estate.declare(&format!("{orders}{}", offsets("\"earliest\"")));
    let run = estate.apply(&[]).expect(0);
    assert!(
        run.stdout.contains("will begin there: 40 records to read"),
        "{}",
        run.stdout
    );
    assert_eq!(estate.kafka.committed(&app, &name), [Some(0), Some(0)]);
    assert_eq!(estate.kafka.consume(&app, &name, "consumer", 40).len(), 40);
    estate.expect_empty_plan();
}

#[test]
fn a_step_is_refused_while_somebody_is_in_the_group() {
    let Some(estate) = Estate::new("busy") else {
        return;
    };
    let orders = topic("orders", 1, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    let (app, name) = (estate.name("app"), estate.name("orders"));
    estate.kafka.produce(&name, 5, None);
    for protocol in ["classic", "consumer"] {
        estate.kafka.commit(&app, &name, 2);
        estate.declare(&format!("{orders}{}", offsets("\"earliest\"")));
        let member = estate.kafka.join(&app, &name, protocol);
        let run = estate.apply(&[]).expect(1);
        assert!(
            run.stderr
                .contains("is active (Stable, 1 member): its offsets are its members'"),
            "{}",
            run.stderr
        );
        assert_eq!(estate.kafka.committed(&app, &name), [Some(2)]);
        drop(member);
        // Planned while nobody was there, applied when somebody is.
        estate.run("plan", &["--out", "saved.plan"]).expect(0);
        let member = estate.kafka.join(&app, &name, protocol);
        let run = estate.run("apply", &["saved.plan"]).expect(1);
        assert!(
            run.stderr.contains("changed since the plan"),
            "{}",
            run.stderr
        );
        assert_eq!(estate.kafka.committed(&app, &name), [Some(2)]);
        drop(member);
        estate.apply(&[]).expect(0);
        assert_eq!(estate.kafka.committed(&app, &name), [Some(0)]);
        estate.declare(&format!("{orders}{}", asking("app", "")));
        estate.apply(&[]).expect(0);
    }
}

#[test]
fn what_cannot_be_is_said_at_the_plan() {
    let Some(estate) = Estate::new("cannot") else {
        return;
    };
    let orders = topic("orders", 1, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    estate.kafka.produce(&estate.name("orders"), 5, None);
    for (to, said) in [
        (
            "{ \"P.orders\" = { \"0\" = 6 } }",
            "begins at 0 and ends at 5: 6 is not in it",
        ),
        ("{ \"P.orders\" = { \"1\" = 0 } }", "has no partition 1"),
        ("\"yesterday\"", "to is no place in a topic"),
        ("{ \"P.audit\" = { \"0\" = 0 } }", "The group does not read"),
    ] {
        estate.declare(&format!("{orders}{}", offsets(to)));
        let run = estate.apply(&[]).expect(1);
        assert!(run.stderr.contains(said), "{to}: {}", run.stderr);
    }

    // A pattern is no topic: what cannot be read at all is not left out without a word.
    estate
        .kafka
        .commit(&estate.name("old"), &estate.name("orders"), 2);
    for step in [
        "offsets { to = \"earliest\" }",
        "hand_over { from = \"P.old\" }",
    ] {
        estate.declare(&format!(
            "{orders}consumer_group \"app\" {{\n  reads = [\"P.orders*\"]\n  {step}\n}}\n"
        ));
        let run = estate.apply(&[]).expect(1);
        let said = "orders*\" cannot be read: ";
        assert!(run.stderr.contains(said), "{step}: {}", run.stderr);
        assert!(!run.stdout.contains("hold no records"), "{}", run.stdout);
    }
}

/// The payloads that are there once; fails where one is there twice.
fn exactly(payloads: impl IntoIterator<Item = String>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    for payload in payloads {
        let number = payload.parse().unwrap();
        assert!(seen.insert(number), "{number} was read twice");
    }
    seen
}

#[test]
fn one_group_goes_on_exactly_where_another_stopped() {
    let Some(estate) = Estate::new("handover") else {
        return;
    };
    let orders = topic("orders", 4, FOREVER);
    let old = asking("old", "");
    estate.declare(&format!("{orders}{old}"));
    estate.apply(&[]).expect(0);
    let (was, is, name) = (
        estate.name("old"),
        estate.name("new"),
        estate.name("orders"),
    );
    estate.kafka.produce_numbers(&name, 0..400);
    estate.declare(&format!(
        "{orders}{}",
        asking("old", "  offsets { to = \"earliest\" }")
    ));
    estate.apply(&[]).expect(0);
    let mut read = estate.kafka.consume(&was, &name, "classic", 150);

    let new = asking("new", "  hand_over { from = consumer_group.old }");
    estate.declare(&format!("{orders}{old}{new}"));
    let member = estate.kafka.join(&was, &name, "classic");
    let run = estate.apply(&[]).expect(1);
    assert!(
        run.stderr
            .contains("which hands over, is active (Stable, 1 member)"),
        "{}",
        run.stderr
    );
    drop(member);
    let run = estate.apply(&[]).expect(0);
    assert!(
        run.stdout.contains(": 250 records to read"),
        "{}",
        run.stdout
    );
    assert_eq!(
        estate.kafka.committed(&is, &name),
        estate.kafka.committed(&was, &name)
    );
    estate.expect_empty_plan();
    estate.run("drift", &[]).expect(0);

    estate.kafka.produce_numbers(&name, 400..500);
    read.extend(estate.kafka.consume(&is, &name, "consumer", 350));
    assert_eq!(exactly(read).len(), 500);
    // Done is done, though the new group has gone on.
    estate.expect_empty_plan();
    // The old application was started again by mistake.
    estate.kafka.consume(&was, &name, "classic", 10);
    let run = estate.run("drift", &[]).expect(2);
    assert!(
        run.stdout
            .contains("the group that handed over went on reading")
            || run.stdout.contains("hand_over.from"),
        "{}",
        run.stdout
    );
    estate.declare(&format!("{orders}{}", asking("new", "")));
    estate.apply(&[]).expect(0);
    estate.run("drift", &[]).expect(0);
}

#[test]
fn a_hand_over_waits_for_the_other_application_to_stop() {
    let Some(estate) = Estate::new("wait") else {
        return;
    };
    let orders = topic("orders", 2, FOREVER);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    let (was, is, name) = (
        estate.name("old"),
        estate.name("new"),
        estate.name("orders"),
    );
    estate.kafka.produce_numbers(&name, 0..100);
    let begin = asking("old", "  offsets { to = \"earliest\" }");
    estate.declare(&format!("{orders}{begin}"));
    estate.apply(&[]).expect(0);
    let member = estate.kafka.join(&was, &name, "consumer");
    let new = asking(
        "new",
        "  hand_over {\n    from = \"P.old\"\n    within = \"60s\"\n  }",
    );
    estate.declare(&format!("{orders}{}{new}", asking("old", "")));
    let stopping = thread::spawn(move || {
        thread::sleep(Duration::from_secs(3));
        drop(member);
    });
    let run = estate.apply(&[]).expect(0);
    stopping.join().unwrap();
    assert!(
        run.stdout.contains("The apply waits up to 1 min"),
        "{}",
        run.stdout
    );
    assert_eq!(estate.kafka.committed(&is, &name), [Some(0), Some(0)]);
    estate.expect_empty_plan();

    // One that never stops.
    let _member = estate.kafka.join(&was, &name, "classic");
    let late = asking(
        "late",
        "  hand_over {\n    from = \"P.old\"\n    within = \"1s\"\n  }",
    );
    estate.declare(&format!("{orders}{}{new}{late}", asking("old", "")));
    let run = estate.apply(&[]).expect(1);
    assert!(
        run.stderr.contains("no offset was changed"),
        "{}",
        run.stderr
    );
    assert!(
        estate
            .kafka
            .committed(&estate.name("late"), &name)
            .iter()
            .all(Option::is_none)
    );
}

#[test]
fn a_slip_in_the_name_of_the_group_that_hands_over_is_refused() {
    let Some(estate) = Estate::new("slip") else {
        return;
    };
    let orders = topic("orders", 1, FOREVER);
    let new = asking("new", "  hand_over { from = \"P.biling\" }");
    // Nothing to lose in a new environment.
    estate.declare(&format!("{orders}{new}"));
    estate.apply(&[]).expect(0);
    estate.declare(&orders);
    estate.apply(&[]).expect(0);
    estate.kafka.produce(&estate.name("orders"), 3, None);
    estate
        .kafka
        .commit(&estate.name("billing"), &estate.name("orders"), 1);
    estate.declare(&format!("{orders}{new}"));
    let run = estate.apply(&[]).expect(1);
    let said = format!("did you mean {:?}?", estate.name("billing"));
    assert!(run.stderr.contains(&said), "{}", run.stderr);
}

#[test]
fn the_lag_of_a_group_is_judged_by_its_trend() {
    let Some(estate) = Estate::new("lag") else {
        return;
    };
    let orders = topic("orders", 2, FOREVER);
    let group = |name: &str, max_lag: u64| asking(name, &format!("  max_lag = {max_lag}"));
    estate.declare(&format!("{orders}{}{}", group("idle", 5), group("busy", 5)));
    estate.apply(&[]).expect(0);
    let name = estate.name("orders");
    estate.kafka.produce_numbers(&name, 0..20);
    estate.kafka.commit(&estate.name("idle"), &name, 0);
    estate
        .kafka
        .commit(&estate.name("busy"), &name, estate.kafka.end(&name, 0));
    let run = estate
        .run("status", &["--json", "--watch-for", "17s"])
        .expect(2);
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let text = status.to_string();
    assert!(text.contains("is stalled: it commits nothing in"), "{text}");
    let only = ["--target", "consumer_group.busy"];
    estate.run("status", &only).expect(0);
}

/// Replaces the project by one whose provider logs in.
fn log_in(estate: &Estate, address: &str, user: &str, blocks: &str) {
    let blocks = blocks.replace("\"P.", &format!("\"{}", estate.prefix));
    let text = format!(
        "provider \"kafka\" {{\n  bootstrap_servers = \"{address}\"\n  security_protocol = \"SASL_PLAINTEXT\"\n  \
         sasl_mechanism = \"SCRAM-SHA-256\"\n  sasl_username = \"{user}\"\n  sasl_password = \"{user}-secret\"\n}}\n\
         environment \"dev\" {{}}\n{blocks}\n"
    );
    estate.project.write("main.hcl", &text);
}

#[test]
fn a_group_that_may_not_be_seen_is_not_taken_for_absent() {
    let Some(SecureKafka { bootstrap, secure }) = servers::secure() else {
        return;
    };
    let estate = Estate::at(&bootstrap, "hidden");
    let declare = |user, blocks: String| log_in(&estate, &secure.sasl_plaintext, user, &blocks);
    let group = |name: &str, step: &str| {
        format!(
            "consumer_group \"app\" {{\n  name = \"P.{name}\"\n  reads = [\"P.orders\"]\n  {step}\n}}\n"
        )
    };
    declare("admin", group("app", ""));
    estate.apply(&[]).expect(0);
    estate.run("status", &[]).expect(0);

    declare("alice", group("app", ""));
    let shown = estate.run("status", &[]).expect(1);
    let said = "GROUP_AUTHORIZATION_FAILED";
    assert!(shown.stdout.contains(said), "{}", shown.stdout);
    declare("alice", group("other", ""));
    let plan = estate.run("plan", &[]).expect(0);
    let said = format!("The group {:?} cannot be seen", estate.name("other"));
    assert!(plan.stdout.contains(&said), "{}", plan.stdout);
    declare("alice", group("app", "hand_over { from = \"P.old\" }"));
    let refused = estate.apply(&[]).expect(1);
    let said = format!("The group {:?} cannot be seen", estate.name("old"));
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
}

#[test]
fn who_waits_for_a_transaction_is_not_stalled() {
    let Some(estate) = Estate::new("transaction") else {
        return;
    };
    let group = asking("app", "  max_lag = 2");
    estate.declare(&format!("{}{group}", topic("orders", 1, FOREVER)));
    estate.apply(&[]).expect(0);
    let name = estate.name("orders");
    estate.kafka.produce(&name, 3, None);
    estate.kafka.commit(&estate.name("app"), &name, 3);
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", estate.bootstrap())
        .set("transactional.id", &estate.prefix);
    let producer: BaseProducer = config.create().unwrap();
    let patience = Duration::from_secs(20);
    producer.init_transactions(patience).unwrap();
    producer.begin_transaction().unwrap();
    for _ in 0..5 {
        let record = BaseRecord::<(), str>::to(&name).payload("x").partition(0);
        producer.send(record).unwrap();
    }
    producer.flush(patience).unwrap();
    let watch = ["--json", "--watch-for", "16s"];
    let shown = estate.run("status", &watch).expect(0);
    let status: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let lag = &status["objects"]["consumer_group.app"]["measures"]["lag"];
    assert_eq!(
        (&lag["records"], &lag["trend"]),
        (&5.into(), &"steady".into())
    );
    producer.commit_transaction(patience).unwrap();
    let shown = estate.run("status", &watch).expect(2);
    assert!(shown.stdout.contains("is stalled"), "{}", shown.stdout);
}

#[test]
fn what_a_group_does_not_read_any_more_is_no_lag() {
    let Some(estate) = Estate::new("left-topic") else {
        return;
    };
    let topics = topic("orders", 1, FOREVER) + &topic("audit", 1, FOREVER);
    let reading = |reads: &str| {
        format!("{topics}consumer_group \"app\" {{\n  name = \"P.app\"\n  reads = [{reads}]\n}}\n")
    };
    estate.declare(&reading("topic.orders"));
    estate.apply(&[]).expect(0);
    let (app, orders, audit) = (
        estate.name("app"),
        estate.name("orders"),
        estate.name("audit"),
    );
    estate.kafka.produce(&audit, 5, None);
    let records = || {
        let shown = estate.run("status", &["--json", "--watch-for", "0s"]);
        let status: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        status["objects"]["consumer_group.app"]["measures"]["lag"]["records"].clone()
    };
    for protocol in ["classic", "consumer"] {
        estate.kafka.commit(&app, &audit, 0);
        estate.kafka.commit(&app, &orders, 0);
        // Nobody is there to say what it reads.
        assert_eq!(records(), 5, "{protocol}");
        let _member = estate.kafka.join(&app, &orders, protocol);
        assert_eq!(records(), 0, "{protocol}");
    }
    // What its block says it reads counts, whoever reads it at the moment.
    let _member = estate.kafka.join(&app, &orders, "classic");
    estate.declare(&reading("topic.orders, topic.audit"));
    estate.apply(&[]).expect(0);
    assert_eq!(records(), 5);
}
