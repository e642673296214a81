//! `status` and `apply --wait` on a real Kafka, with real consumers that catch up, lag and stand still.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::estate::{Estate, topic};

const HOUR: &str = "\"retention.ms\" = 3600000";

/// A topic `orders` and the group `app` that reads it.
fn estate(test: &str) -> Option<Estate> {
    let estate = Estate::new(test)?;
    let group = "consumer_group \"app\" {\n  name = \"P.app\"\n  reads = [topic.orders]\n  max_lag = 100\n}\n";
    estate.declare(&(topic("orders", 1, HOUR) + group));
    estate.apply(&[]).expect(0);
    Some(estate)
}

fn lag(estate: &Estate, more: &[&str], code: i32) -> (Json, String) {
    let run = estate
        .run("status", &[&["--json"], more].concat())
        .expect(code);
    let document: Json = serde_json::from_str(&run.stdout).unwrap();
    let group = &document["objects"]["consumer_group.app"];
    let symptoms = group["symptoms"].to_string();
    (group["measures"]["lag"].clone(), symptoms)
}

#[test]
fn a_group_that_catches_up_is_on_its_way_and_then_healthy() {
    let Some(estate) = estate("catches-up") else {
        return;
    };
    let (app, orders) = (estate.name("app"), estate.name("orders"));
    // There is nothing to read: that nothing was committed is as it should be.
    assert_eq!(lag(&estate, &[], 0).0["records"], 0);
    estate.kafka.produce(&orders, 3000, None);
    let (seen, symptoms) = lag(&estate, &[], 0);
    assert!(seen.is_null(), "{seen}");
    assert!(
        symptoms.contains("has committed no offsets so far"),
        "{symptoms}"
    );
    estate.kafka.commit(&app, &orders, 0);
    let reader = estate.kafka.read(&app, &orders, Duration::from_millis(2));
    let (seen, symptoms) = lag(&estate, &["--watch-for", "2s"], 0);
    assert_eq!(seen["trend"], "falling", "{seen} {symptoms}");
    assert!(symptoms.contains("it catches up in about"), "{symptoms}");
    let begin = Instant::now();
    while lag(&estate, &["--watch-for", "0s"], 0).0["records"] != 0 {
        assert!(
            begin.elapsed() < Duration::from_mins(1),
            "it never catches up"
        );
    }
    drop(reader);
    let run = estate.run("status", &[]).expect(0);
    assert!(run.stdout.contains("2 healthy"), "{}", run.stdout);
}

#[test]
fn a_group_that_stands_still_is_stalled_after_a_while() {
    let Some(estate) = estate("stands") else {
        return;
    };
    let (app, orders) = (estate.name("app"), estate.name("orders"));
    estate.kafka.produce(&orders, 500, None);
    estate.kafka.commit(&app, &orders, 20);
    // Nobody has joined it so far.
    let symptoms = lag(&estate, &["--watch-for", "0s"], 0).1;
    assert!(symptoms.contains("nobody is in the group"), "{symptoms}");
    // Its consumer left it with something to read.
    drop(estate.kafka.join(&app, &orders, "classic"));
    let (seen, symptoms) = lag(&estate, &["--watch-for", "0s"], 2);
    assert_eq!(seen["records"], 480, "{seen}");
    assert!(
        symptoms.contains("any more to read the 480 records that it is behind"),
        "{symptoms}"
    );
    // Somebody is there again, and does not read: a look or two do not condemn it.
    let _member = estate.kafka.join(&app, &orders, "classic");
    let run = estate.run("status", &["--format", "markdown"]).expect(0);
    assert!(run.stdout.contains("480, trend unknown"), "{}", run.stdout);
    let (seen, symptoms) = lag(&estate, &["--watch-for", "16s"], 2);
    assert_eq!(seen["trend"], "stalled", "{seen}");
    assert!(symptoms.contains("commits nothing in"), "{symptoms}");
}

#[test]
fn a_group_that_is_too_slow_is_found() {
    let Some(estate) = estate("slow") else {
        return;
    };
    let (app, orders) = (estate.name("app"), estate.name("orders"));
    estate.kafka.produce(&orders, 500, None);
    estate.kafka.commit(&app, &orders, 0);
    let _reader = estate.kafka.read(&app, &orders, Duration::from_millis(50));
    let (seen, symptoms) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| lag(&estate, &["--watch-for", "17s"], 2));
        while !looking.is_finished() {
            estate.kafka.produce(&orders, 20, None);
            std::thread::sleep(Duration::from_millis(100));
        }
        looking.join().unwrap()
    });
    assert_eq!(seen["trend"], "growing", "{seen} {symptoms}");
    assert!(symptoms.contains("the lag grows"), "{symptoms}");
}

#[test]
fn a_topic_that_is_gone_is_unhealthy_and_a_broker_that_is_away_unknown() {
    let Some(estate) = Estate::new("gone") else {
        return;
    };
    let topics = topic("orders", 1, HOUR) + &topic("audit", 2, HOUR);
    estate.declare(&topics);
    let run = estate.run("status", &[]).expect(0);
    assert!(
        run.stdout.contains("Not applied yet: 2 objects"),
        "{}",
        run.stdout
    );
    estate.apply(&[]).expect(0);
    estate.kafka.delete_topic(&estate.name("orders"));
    let run = estate.run("status", &[]).expect(2);
    assert!(run.stdout.contains("it is not there"), "{}", run.stdout);
    assert!(
        run.stdout.contains("topic: 1 more healthy"),
        "{}",
        run.stdout
    );
    estate.run("status", &["--target", "topic.audit"]).expect(0);
    estate.run("status", &["--target", "topic.odit"]).expect(1);
    estate.declare_at("127.0.0.1:1", &topics);
    let run = estate.run("status", &[]).expect(1);
    assert!(run.stdout.contains("2 unknown"), "{}", run.stdout);
}

#[test]
fn an_apply_that_waits_says_how_what_it_changed_does() {
    let Some(estate) = Estate::new("waits") else {
        return;
    };
    estate.declare(&(topic("orders", 1, HOUR) + &topic("audit", 2, HOUR)));
    let run = estate.apply(&["--wait", "--format", "json"]).expect(0);
    let document: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["applied"]["topic.orders"], "create");
    assert_eq!(document["health"]["healthy"], true);
    assert_eq!(document["health"]["objects"].as_object().unwrap().len(), 2);
    assert!(
        run.stderr.contains("Looking how what was changed does"),
        "{}",
        run.stderr
    );
    // Nothing is changed, so that there is nothing to wait for.
    let run = estate.apply(&["--wait=1s", "--format", "json"]).expect(0);
    let document: Json = serde_json::from_str(&run.stdout).unwrap();
    assert!(document["health"].is_null() && document["complete"] == true);
    estate.declare(&(topic("orders", 3, HOUR) + &topic("audit", 2, HOUR)));
    let run = estate.apply(&["--wait=10s"]).expect(0);
    assert!(run.stdout.contains("Healthy after"), "{}", run.stdout);
    assert!(run.stdout.contains("1 object."), "{}", run.stdout);
    // Nobody could approve what is not shown.
    let arguments = ["apply", "--env", "dev", "--format", "markdown"];
    let run = estate.project.run(&arguments).expect(1);
    assert!(run.stderr.contains("--auto-approve"), "{}", run.stderr);
}
