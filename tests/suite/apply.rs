//! `plan`, `apply`, `drift` and `import` on a real Kafka.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::estate::{Estate, topic};
use crate::support::program::Running;
use crate::support::project::Project;

const HOUR: &str = "\"retention.ms\" = 3600000";
const DAY: &str = "\"retention.ms\" = 86400000";

#[test]
fn a_topic_is_created_changed_and_reset() {
    let Some(estate) = Estate::new("change") else {
        return;
    };
    let two_keys = format!("{HOUR}, \"max.message.bytes\" = 2000000");
    estate.declare(&topic("a", 1, &two_keys));
    estate.run("plan", &["--detailed-exitcode"]).expect(2);
    estate.apply(&[]).expect(0);
    estate.expect_empty_plan();
    assert_eq!(estate.partitions("a"), Some(1));
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("3600000")
    );

    // What the block does not name is nobody's business.
    let name = estate.name("a");
    estate
        .kafka
        .set_config(&name, "segment.bytes", Some("1048576"));
    estate.declare(&topic("a", 1, &two_keys.replace("3600000", "7200000")));
    estate.apply(&[]).expect(0);
    estate.expect_empty_plan();
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("7200000")
    );
    assert_eq!(
        estate.value("a", "segment.bytes").as_deref(),
        Some("1048576")
    );

    // A key that leaves the block goes back to the default.
    estate.declare(&topic("a", 1, "\"retention.ms\" = 7200000"));
    estate.apply(&[]).expect(0);
    estate.expect_empty_plan();
    assert_eq!(estate.value("a", "max.message.bytes"), None);
    assert_eq!(
        estate.value("a", "segment.bytes").as_deref(),
        Some("1048576")
    );
}

#[test]
fn partitions_grow_in_place_and_never_shrink() {
    let Some(estate) = Estate::new("grow") else {
        return;
    };
    estate.declare(&topic("a", 1, HOUR));
    estate.apply(&[]).expect(0);
    estate.kafka.produce(&estate.name("a"), 5, None);
    estate.declare(&topic("a", 4, HOUR));
    estate.apply(&[]).expect(0);
    assert_eq!(estate.partitions("a"), Some(4));
    assert_eq!(estate.kafka.records(&estate.name("a")), 5);
    estate.expect_empty_plan();

    let before = estate.state();
    estate.declare(&(topic("a", 2, DAY) + &topic("b", 1, HOUR)));
    let run = estate.apply(&[]).expect(1);
    assert!(run.stderr.contains("partitions"), "{}", run.stderr);
    assert_eq!(estate.partitions("a"), Some(4));
    assert_eq!(estate.partitions("b"), None);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("3600000")
    );
    assert_eq!(estate.state(), before);
}

#[test]
fn drift_is_seen_and_put_back() {
    let Some(estate) = Estate::new("drift") else {
        return;
    };
    estate.declare(&topic("a", 1, HOUR));
    estate.apply(&[]).expect(0);
    estate.run("drift", &[]).expect(0);
    let name = estate.name("a");
    estate
        .kafka
        .set_config(&name, "retention.ms", Some("7200000"));
    let run = estate.run("drift", &[]).expect(2);
    assert!(run.stdout.contains("7200000"), "{}", run.stdout);
    estate.apply(&[]).expect(0);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("3600000")
    );
    estate.run("drift", &[]).expect(0);
    estate.expect_empty_plan();
}

#[test]
fn records_are_lost_only_with_permission() {
    let Some(estate) = Estate::new("records") else {
        return;
    };
    estate.declare(&topic("a", 1, "\"retention.ms\" = 864000000"));
    estate.apply(&[]).expect(0);
    let name = estate.name("a");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let two_days_ago = now.checked_sub(Duration::from_hours(48)).unwrap();
    let timestamp = i64::try_from(two_days_ago.as_millis()).unwrap();
    estate.kafka.produce(&name, 10, Some(timestamp));

    estate.declare(&topic("a", 1, HOUR));
    let run = estate.apply(&[]).expect(3);
    assert!(run.stderr.contains("topic.a"), "{}", run.stderr);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("864000000")
    );
    estate.apply(&["--allow-destroy", "topic.a"]).expect(0);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("3600000")
    );

    estate.kafka.produce(&name, 10, None);
    estate.declare("");
    estate.apply(&[]).expect(3);
    assert_eq!(estate.partitions("a"), Some(1));
    estate.apply(&["--allow-destroy", "topic.a"]).expect(0);
    assert_eq!(estate.partitions("a"), None);
    estate.expect_empty_plan();
}

#[test]
fn what_must_not_be_destroyed_outlives_its_block() {
    let Some(estate) = Estate::new("prevent") else {
        return;
    };
    let block = topic("a", 1, HOUR);
    let end = block.rfind('}').unwrap();
    let kept = format!(
        "{}  lifecycle {{ prevent_destroy = true }}\n}}\n",
        &block[..end]
    );
    estate.declare(&kept);
    estate.apply(&[]).expect(0);
    estate.declare("");
    let run = estate
        .apply(&["--allow-destroy", "topic.a"])
        .expect(3)
        .stderr;
    assert!(run.contains("prevent_destroy"), "{run}");
    assert_eq!(estate.partitions("a"), Some(1));
}

#[test]
fn an_existing_topic_is_imported_not_taken() {
    let Some(estate) = Estate::new("import") else {
        return;
    };
    let name = estate.name("a");
    estate
        .kafka
        .create_topic(&name, 2, &[("retention.ms", "7200000")]);
    estate.declare(&topic("a", 2, HOUR));
    let run = estate.apply(&[]).expect(1);
    assert!(run.stderr.contains("import"), "{}", run.stderr);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("7200000")
    );
    estate.run("import", &["topic.a", &name]).expect(0);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("7200000")
    );
    estate.run("plan", &["--detailed-exitcode"]).expect(2);
    estate.apply(&[]).expect(0);
    estate.expect_empty_plan();
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("3600000")
    );
}

#[test]
fn blocks_move_and_go_without_touching_topics() {
    let Some(estate) = Estate::new("move") else {
        return;
    };
    estate.declare(&topic("a", 1, HOUR));
    estate.apply(&[]).expect(0);
    estate.kafka.produce(&estate.name("a"), 3, None);
    let renamed = topic("a", 1, HOUR).replace("topic \"a\"", "topic \"b\"");
    estate.declare(&format!(
        "{renamed}moved {{\n  from = topic.a\n  to = topic.b\n}}\n"
    ));
    estate.apply(&[]).expect(0);
    estate.declare(&renamed);
    estate.expect_empty_plan();
    estate.declare("removed {\n  from = topic.b\n  lifecycle { destroy = false }\n}\n");
    estate.apply(&[]).expect(0);
    estate.declare("");
    estate.expect_empty_plan();
    assert_eq!(estate.kafka.records(&estate.name("a")), 3);
}

#[test]
fn a_saved_plan_is_applied_once() {
    let Some(estate) = Estate::new("saved") else {
        return;
    };
    estate.declare(&topic("a", 1, HOUR));
    estate.run("plan", &["--out", "one.plan"]).expect(0);
    estate.run("plan", &["--out", "two.plan"]).expect(0);
    let bytes = |name| std::fs::read(estate.project.path(name)).unwrap();
    assert_eq!(bytes("one.plan"), bytes("two.plan"));
    estate.apply(&["one.plan"]).expect(0);
    let run = estate.apply(&["one.plan"]).expect(1);
    assert!(
        run.stderr.contains("can no longer be applied"),
        "{}",
        run.stderr
    );
    estate.expect_empty_plan();
}

#[test]
fn a_saved_plan_does_not_overrun_what_changed_since() {
    let Some(estate) = Estate::new("between") else {
        return;
    };
    let both = |config| topic("a", 1, config) + &topic("b", 1, config);
    estate.declare(&both(HOUR));
    estate.apply(&[]).expect(0);
    estate.declare(&both(DAY));
    estate.run("plan", &["--out", "saved.plan"]).expect(0);
    let name = estate.name("a");
    estate
        .kafka
        .set_config(&name, "retention.ms", Some("7200000"));
    let run = estate.apply(&["saved.plan"]).expect(1);
    assert!(run.stderr.contains("topic.a"), "{}", run.stderr);
    assert_eq!(
        estate.value("a", "retention.ms").as_deref(),
        Some("7200000")
    );
    estate.apply(&[]).expect(0);
    estate.expect_empty_plan();
}

#[test]
fn an_unknown_key_is_an_error_with_a_proposal() {
    let Some(estate) = Estate::new("unknown") else {
        return;
    };
    estate.declare(&topic("a", 1, "\"retention.mss\" = 1000"));
    let run = estate.apply(&[]).expect(1);
    assert!(
        run.stderr.contains("did you mean \"retention.ms\""),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("main.hcl"), "{}", run.stderr);
    assert_eq!(estate.partitions("a"), None);
}

#[test]
fn a_broker_that_is_away_is_one_error_soon() {
    let Some(estate) = Estate::new("away") else {
        return;
    };
    let both = topic("a", 1, HOUR) + &topic("b", 1, HOUR);
    estate.declare(&topic("a", 1, HOUR));
    estate.apply(&[]).expect(0);
    let before = estate.state();
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap().to_string();
    drop(listener);
    estate.declare_at(&nowhere, &both);
    let begin = Instant::now();
    let run = estate.apply(&[]).expect(1);
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
    let errors = run.stderr.lines().filter(|line| line.starts_with("Error"));
    assert_eq!(errors.count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains(&nowhere), "{}", run.stderr);
    assert_eq!(estate.state(), before);
}

#[test]
fn two_applies_at_once_take_turns() {
    let Some(estate) = Estate::new("turns") else {
        return;
    };
    let many: String = (0..40).map(|n| topic(&format!("t{n}"), 1, HOUR)).collect();
    estate.declare(&many);
    let arguments = Estate::apply_arguments(&[]);
    let patient = Estate::apply_arguments(&["--lock-timeout", "1m"]);
    let runs = [
        estate.project.program(&arguments).start(),
        estate.project.program(&arguments).start(),
        estate.project.program(&patient).start(),
    ];
    let [one, two, patient] = runs.map(Running::wait);
    patient.expect(0);
    for run in [one, two] {
        assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
    }
    assert_eq!(estate.kafka.topics(&estate.prefix).len(), 40);
    estate.expect_empty_plan();
}

#[test]
fn a_plan_in_json_names_what_it_does() {
    let Some(estate) = Estate::new("json") else {
        return;
    };
    estate.declare(&topic("a", 1, HOUR));
    let run = estate.run("plan", &["--format", "json"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let text = plan.to_string();
    assert!(
        text.contains("\"topic.a\"") && text.contains("\"create\""),
        "{plan:#}"
    );
    let again = estate.run("plan", &["--format", "json"]).expect(0);
    assert_eq!(run.stdout, again.stdout);
    assert!(estate.state().is_empty());
}

#[test]
fn a_name_that_kafka_would_confuse_is_refused_at_plan() {
    let Some(estate) = Estate::new("collide") else {
        return;
    };
    let (there, wanted) = (estate.name("a.b"), estate.name("a_b"));
    estate.kafka.create_topic(&there, 1, &[]);
    estate.declare(&topic("a_b", 1, HOUR));
    let run = estate.run("plan", &[]).expect(1);
    let said = format!("The name {wanted:?} collides with that of the topic {there:?}");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert!(run.stderr.contains("main.hcl:4:10"), "{}", run.stderr);
}

#[test]
fn a_saved_plan_is_refused_with_the_place() {
    let Some(estate) = Estate::new("refused") else {
        return;
    };
    let growing = topic("a", 1, "\"retention.ms\" = 864000000");
    estate.declare(&growing);
    estate.apply(&[]).expect(0);
    estate
        .kafka
        .produce(&estate.name("a"), 3, Some(1_000_000_000_000));
    estate.declare(&growing.replace("864000000", "3600000"));
    estate.run("plan", &["--out", "saved.plan"]).expect(3);
    let run = estate.apply(&["saved.plan"]).expect(3);
    assert!(run.stderr.contains("--> main.hcl:7:12"), "{}", run.stderr);
    assert!(run.stderr.contains("--allow-destroy"), "{}", run.stderr);
    estate
        .apply(&["saved.plan", "--allow-destroy", "topic.a"])
        .expect(0);
}

#[test]
fn drift_of_what_is_destroyed_is_not_what_the_project_wants() {
    let Some(estate) = Estate::new("destroy-drift") else {
        return;
    };
    estate.declare(&topic("a", 1, HOUR));
    estate.apply(&[]).expect(0);
    estate
        .kafka
        .set_config(&estate.name("a"), "retention.ms", Some("7200000"));
    let run = estate.run("plan", &["--destroy"]).expect(0);
    let said = "topic.a was changed (an apply deletes it)";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    estate.run("destroy", &["--auto-approve"]).expect(0);
}

#[test]
fn every_wrong_setting_of_a_provider_is_told() {
    let project = Project::new().file(
        "main.hcl",
        "provider \"kafka\" {\n  bootstrap_servers = \"localhost:1\"\n  security_protocol = \"TLS\"\n  \
         request_timeout_ms = \"soon\"\n}\ntopic \"a\" {}\n",
    );
    let run = project.run(&["plan"]).expect(1);
    let said = run.stderr;
    assert!(
        said.contains("main.hcl:3:") && said.contains("main.hcl:4:"),
        "{said}"
    );
    assert_eq!(said.matches("Error: ").count(), 2, "{said}");
}
