//! `streamform watch` on real repositories and a real Kafka.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use streamform::backend::{LeaseRequest, LocalBackend};

use crate::support::kafka::{Kafka, unique_prefix};
use crate::support::program::{Run, Running};
use crate::support::project::Project;
use crate::support::servers;

/// A repository whose commits are followed from the folder around it.
struct Followed {
    around: Project,
    bootstrap: String,
    prefix: String,
}

impl Followed {
    fn new(bootstrap: &str) -> Self {
        let followed = Self {
            around: Project::new(),
            bootstrap: bootstrap.to_owned(),
            prefix: unique_prefix("watch"),
        };
        followed.around.write("repo/README.md", "Topics.\n");
        followed.git(&["init", "-q", "-b", "main"]);
        followed
    }

    /// Makes one on the real broker, or says that the test is skipped.
    #[track_caller]
    fn on_kafka() -> Option<(Kafka, Self)> {
        let bootstrap = servers::kafka()?;
        Some((Kafka::connect(&bootstrap), Self::new(&bootstrap)))
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Dev", "-c", "user.email=dev@example.com"])
            .args(arguments)
            .current_dir(self.around.path("repo"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a project with these policies and topics, and returns the commit.
    fn commit(&self, policies: &str, topics: &str) -> String {
        let Self {
            bootstrap, prefix, ..
        } = self;
        let text = format!(
            "variable \"prefix\" {{ type = string }}\n\
             provider \"kafka\" {{ bootstrap_servers = \"{bootstrap}\" }}\n\
             environment \"dev\" {{\n  values = \"dev.vars.hcl\"\n  {policies}\n}}\n{topics}\n"
        );
        self.around.write("repo/kafka/main.hcl", &text);
        let values = format!("prefix = \"{prefix}\"\n");
        self.around.write("repo/kafka/dev.vars.hcl", &values);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Starts the loop with a beat of a second.
    fn start(&self, more: &[&str]) -> Running {
        let mut arguments = COMMAND.to_vec();
        arguments.extend(["--interval", "1s"]);
        arguments.extend(more);
        self.around.program(&arguments).start()
    }

    /// Makes one turn, which is to end with a code and to say something in its line. Returns the line.
    #[track_caller]
    fn turn(&self, more: &[&str], code: i32, says: &str) -> String {
        let mut arguments = COMMAND.to_vec();
        arguments.push("--once");
        arguments.extend(more);
        let line = self.around.run(&arguments).expect(code).stderr;
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains(says), "{line}");
        line
    }

    /// Ends a loop as an operator does.
    fn stop(running: Running) -> Run {
        running.signal(Signal::TERM);
        running.wait().expect(0)
    }
}

/// One topic, as HCL.
fn topic(name: &str, partitions: u32, retention_ms: u64) -> String {
    format!(
        "topic \"{name}\" {{\n  name = \"${{var.prefix}}{name}\"\n  partitions = {partitions}\n  \
         replication_factor = 1\n  config = {{ \"retention.ms\" = {retention_ms} }}\n}}\n"
    )
}

fn retention(kafka: &Kafka, topic: &str) -> Option<String> {
    kafka.overrides(topic).remove("retention.ms")
}

const COMMAND: [&str; 7] = ["watch", "--repo", "repo", "--path", "kafka", "--env", "dev"];
const HOUR: u64 = 3_600_000;
const FOLLOW: &str = "apply = \"auto\"\n  drift = \"revert\"";

fn until(what: &str, running: &Running, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        let said = running.said();
        assert!(
            begin.elapsed() < Duration::from_mins(1),
            "never {what}:\n{said}"
        );
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_branch_is_followed_and_drift_is_put_back() {
    let Some((kafka, followed)) = Followed::on_kafka() else {
        return;
    };
    let orders = followed.topic("orders");
    let first = followed.commit(FOLLOW, &topic("orders", 1, HOUR));
    let mut running = followed.start(&[]);
    running.wait_for(&format!("commit=\"{first}\" outcome=\"applied\""));
    running.wait_for("outcome=\"up-to-date\"");
    assert_eq!(kafka.partitions(&orders), Some(1));

    followed.commit(FOLLOW, &topic("orders", 3, HOUR));
    until("grown", &running, || kafka.partitions(&orders) == Some(3));

    // A commit that would lose records is refused, with the reason, and said at length once only.
    kafka.produce(&orders, 10, None);
    let deletion = followed.commit(FOLLOW, "");
    running.wait_for(&format!("commit=\"{deletion}\" outcome=\"refused\""));
    running.wait_for("reason=\"as before\"");
    assert_eq!(
        running.said().matches("10 records").count(),
        1,
        "{}",
        running.said()
    );
    assert_eq!(kafka.partitions(&orders), Some(3));

    // What was applied stays in force meanwhile.
    kafka.set_config(&orders, "retention.ms", Some("7200000"));
    until("put back", &running, || {
        retention(&kafka, &orders).as_deref() == Some("3600000")
    });
    running.wait_for("reverted=1");

    // The branch is repaired by a rewrite that drops what was never applied.
    followed.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let last = followed.commit(FOLLOW, &topic("orders", 4, HOUR));
    running.wait_for(&format!("commit=\"{last}\" outcome=\"applied\""));
    assert_eq!(kafka.partitions(&orders), Some(4));

    Followed::stop(running);
    kafka.delete_topic(&orders);
}

#[test]
fn rewritten_history_is_held_until_it_is_accepted() {
    let Some((kafka, followed)) = Followed::on_kafka() else {
        return;
    };
    let orders = followed.topic("orders");
    followed.commit(FOLLOW, &topic("orders", 1, HOUR));
    followed.git(&["branch", "old"]);
    followed.commit(FOLLOW, &topic("orders", 2, HOUR));
    followed.turn(&[], 0, "outcome=\"applied\"");
    followed.git(&["reset", "-q", "--hard", "old"]);
    let other = followed.commit(FOLLOW, &topic("orders", 3, HOUR));
    followed.turn(&[], 3, "outcome=\"held\"");
    assert_eq!(kafka.partitions(&orders), Some(2));
    followed.turn(&["--accept-rewrite", &other], 0, "outcome=\"applied\"");
    assert_eq!(kafka.partitions(&orders), Some(3));
    kafka.delete_topic(&orders);
}

#[test]
fn policies_decide_what_is_done() {
    let Some((kafka, followed)) = Followed::on_kafka() else {
        return;
    };
    let (orders, audit) = (followed.topic("orders"), followed.topic("audit"));
    let turn = |policies: &str, topics: &str, code: i32, says: &str| {
        followed.commit(policies, topics);
        followed.turn(&[], code, says);
    };
    let approval = "apply = \"approval\"\n  drift = \"report\"";
    let report = "apply = \"auto\"\n  drift = \"report\"";
    let both = |partitions| topic("orders", partitions, HOUR) + &topic("audit", 1, HOUR);
    turn(approval, &both(1), 2, "outcome=\"awaiting\" changes=2");
    assert_eq!(kafka.partitions(&orders), None);
    turn(report, &both(1), 0, "outcome=\"applied\"");

    // Drift that is only reported survives an apply of something else.
    kafka.set_config(&audit, "retention.ms", Some("7200000"));
    turn(report, &both(1), 2, "outcome=\"drifted\"");
    turn(report, &both(2), 0, "outcome=\"applied\" changes=1 drift=1");
    assert_eq!(kafka.partitions(&orders), Some(2));
    assert_eq!(retention(&kafka, &audit).as_deref(), Some("7200000"));
    turn(
        "apply = \"manual\"\n  drift = \"ignore\"",
        &both(2),
        0,
        "outcome=\"up-to-date\"",
    );
    turn(FOLLOW, &both(2), 0, "outcome=\"reverted\"");
    assert_eq!(retention(&kafka, &audit).as_deref(), Some("3600000"));
    kafka.delete_topic(&orders);
    kafka.delete_topic(&audit);
}

#[test]
fn what_is_unhealthy_is_told_at_length_once() {
    let Some((kafka, followed)) = Followed::on_kafka() else {
        return;
    };
    let orders = followed.topic("orders");
    let report = "apply = \"auto\"\n  drift = \"report\"";
    followed.commit(report, &topic("orders", 1, HOUR));
    let line = followed.turn(&[], 0, "outcome=\"applied\"");
    assert!(!line.contains("unhealthy"), "{line}");
    kafka.delete_topic(&orders);
    let mut running = followed.start(&[]);
    running.wait_for("unhealthy=1 illness=\"topic.orders: it is not there\"");
    running.wait_for("illness=\"as before\"");
    Followed::stop(running);
}

#[test]
fn a_lease_that_is_held_elsewhere_is_left_alone() {
    let Some((kafka, followed)) = Followed::on_kafka() else {
        return;
    };
    let orders = followed.topic("orders");
    followed.commit(FOLLOW, &topic("orders", 1, HOUR));
    let folder = followed.around.path(".streamform");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let backend = LocalBackend::new(&folder, "dev".parse().unwrap(), Vec::new());
    let request = LeaseRequest {
        operation: "apply".into(),
        who: "somebody else".into(),
        commit: None,
        wait: Duration::ZERO,
    };
    let writer = runtime.block_on(backend.acquire(&request)).unwrap();
    followed.turn(&[], 4, "apply by somebody else");
    assert_eq!(kafka.partitions(&orders), None);
    // A loop goes on at the next beat after the lease is free.
    let mut running = followed.start(&[]);
    running.wait_for("outcome=\"leased\"");
    runtime.block_on(writer.release()).unwrap();
    running.wait_for("outcome=\"applied\"");
    Followed::stop(running);
    kafka.delete_topic(&orders);
}

#[test]
fn a_broker_that_is_away_is_waited_for() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bootstrap = listener.local_addr().unwrap().to_string();
    drop(listener);
    let followed = Followed::new(&bootstrap);
    followed.commit(FOLLOW, &topic("orders", 1, HOUR));
    let mut running = followed.start(&["--log-format", "json"]);
    running.wait_for("\"outcome\":\"failed\"");
    running.wait_for("\"reason\":\"as before\"");
    let run = Followed::stop(running);
    for line in run.stderr.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["outcome"], "failed", "{line}");
        assert!(
            line["duration_ms"].is_u64() && line["commit"].is_string(),
            "{line}"
        );
    }
    assert!(!followed.around.path(".streamform").join("dev").exists());
}

#[test]
fn a_wrong_commit_is_named_with_its_place() {
    let followed = Followed::new("127.0.0.1:1");
    followed.commit(FOLLOW, "topic \"a\" {\n  partition = 1\n}");
    let line = followed.turn(&[], 1, "outcome=\"invalid\"");
    assert!(line.contains("kafka/main.hcl:9: "), "{line}");
    assert!(line.contains("did you mean"), "{line}");
}

#[test]
fn what_only_another_commit_can_mend_is_not_tried_again_and_again() {
    let Some((kafka, followed)) = Followed::on_kafka() else {
        return;
    };
    let orders = followed.topic("orders");
    followed.commit(FOLLOW, &topic("orders", 1, HOUR));
    followed.turn(&[], 0, "outcome=\"applied\"");
    // The block keeps its label and gets another name, which is another topic.
    let renamed = topic("orders", 1, HOUR).replace("}orders", "}invoices");
    let wrong = followed.commit(FOLLOW, &renamed);
    let mut running = followed.start(&[]);
    running.wait_for(&format!("commit=\"{wrong}\" outcome=\"invalid\""));
    running.wait_for("reason=\"as before\"");
    let said = running.said();
    // At the beat of a second, not with the back-off of a failure.
    assert!(
        said.contains("next_in=\"1.0s\"") && !said.contains("failed"),
        "{said}"
    );
    assert!(said.contains("cannot change its name"), "{said}");
    let mended = followed.commit(FOLLOW, &topic("orders", 2, HOUR));
    running.wait_for(&format!("commit=\"{mended}\" outcome=\"applied\""));
    Followed::stop(running);
    kafka.delete_topic(&orders);
}
