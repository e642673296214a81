//! What may befall an apply, as whole processes: stopped past its lease, two at once, a full disk, a
//! folder that cannot be written, a broker that is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use streamform::sandbox::{Options, Sandbox, Server, Stop};

use crate::support::estate::{Estate, topic};
use crate::support::program::{Run, Running};
use crate::support::proxy::Proxy;
use crate::support::servers;

const HOUR: &str = "\"retention.ms\" = 3600000";
const DAY: &str = "\"retention.ms\" = 86400000";

/// What a packet takes through [`slow`], in each direction.
const DELAY: Duration = Duration::from_millis(200);

/// Returns a way to the broker on which an apply takes seconds, so that a moment within it can be chosen.
fn slow(estate: &Estate) -> Proxy {
    Proxy::start(estate.bootstrap(), DELAY).unwrap()
}

fn topics(count: usize, config: &str) -> String {
    (0..count)
        .map(|number| topic(&format!("t{number}"), 1, config))
        .collect()
}

/// Starts an apply and returns once it has recorded what it is about to do.
fn begun(estate: &Estate) -> Running {
    let arguments = Estate::apply_arguments(&[]);
    let apply = estate.project.program(&arguments).start();
    let journal = estate.project.path(".streamform/dev/journal.jsonl");
    await_that(|| fs::read_to_string(&journal).is_ok_and(|text| text.contains("intent")));
    apply
}

#[track_caller]
fn await_that(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_mins(1), "it does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Checks that the state is whole and that nothing is left to do.
#[track_caller]
fn expect_settled(estate: &Estate) {
    estate
        .project
        .run(&["state", "verify", "--env", "dev"])
        .expect(0);
    estate.expect_empty_plan();
}

#[test]
fn an_apply_that_was_stopped_past_its_lease_is_refused_when_it_goes_on() {
    let Some(estate) = Estate::new("stopped") else {
        return;
    };
    let lease = "streamform {\n  state \"local\" { lease_ttl = \"1s\" }\n}\n";
    estate.project.write("state.hcl", lease);
    estate.declare(&topic("t0", 1, HOUR));
    estate.apply(&[]).expect(0);

    let proxy = slow(&estate);
    estate.declare_at(proxy.bootstrap(), &topics(20, HOUR));
    let stopped = begun(&estate);
    stopped.signal(Signal::STOP);
    estate.declare(&topics(20, DAY));
    let next = estate.apply(&["--lock-timeout", "30s"]).expect(0);
    expect_settled(&estate);
    let after = estate.state();

    stopped.signal(Signal::CONT);
    let late = stopped.wait().expect(1);
    assert!(
        late.stderr.contains("the write was refused"),
        "{late:?}\n{next:?}"
    );
    assert_eq!(estate.state(), after, "it wrote something all the same");
    for number in 0..20 {
        let value = estate.value(&format!("t{number}"), "retention.ms");
        assert_eq!(value.as_deref(), Some("86400000"));
    }
    expect_settled(&estate);
}

#[test]
fn of_two_applies_at_once_one_is_turned_away_or_waits() {
    let Some(estate) = Estate::new("two") else {
        return;
    };
    let proxy = slow(&estate);
    estate.declare_at(proxy.bootstrap(), &topics(5, HOUR));
    let first = begun(&estate);
    let second = estate.apply(&[]).expect(4);
    assert!(second.stderr.contains("is being changed"), "{second:?}");
    assert!(
        second.stderr.contains(&first.id().to_string()),
        "{second:?}"
    );
    let third = estate.apply(&["--lock-timeout", "1m"]).expect(0);
    assert!(third.stdout.contains("No changes"), "{third:?}");
    first.wait().expect(0);
    expect_settled(&estate);
}

/// A folder that is a small disk. It is gone with the value.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one; `None`, said aloud, where that is not allowed.
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let text = folder.to_str().unwrap();
        let mounted = ran("mount", &["-t", "tmpfs", "-o", "size=512k", "none", text]);
        if !mounted {
            servers::say_skipped("a file system can be mounted by root only");
            return None;
        }
        Some(Self(folder.to_owned()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn fill(&self) {
        fs::write(self.filler(), vec![0; 1 << 20]).unwrap_err();
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn read_only(&self, is: bool) {
        let options = if is { "remount,ro" } else { "remount,rw" };
        assert!(ran("mount", &["-o", options, self.0.to_str().unwrap()]));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        ran("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

fn ran(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program).args(arguments).output();
    run.is_ok_and(|run| run.status.success())
}

#[test]
fn a_disk_that_fills_up_during_an_apply_loses_nothing() {
    let Some(estate) = Estate::new("full") else {
        return;
    };
    let Some(disk) = Disk::mount(&estate.project.path(".streamform")) else {
        return;
    };
    let proxy = slow(&estate);
    estate.declare_at(proxy.bootstrap(), &topics(150, HOUR));
    let apply = begun(&estate);
    disk.fill();
    let run = apply.wait().expect(1);
    let command = recovery(&run);
    disk.make_room();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    estate.project.run(&words).expect(0);
    estate.declare(&topics(150, HOUR));
    // What the last records would have said is found out by looking.
    estate.apply(&[]).expect(0);
    assert_eq!(estate.kafka.topics(&estate.prefix).len(), 150);
    expect_settled(&estate);
}

/// Returns the command that a failed run names.
fn recovery(run: &Run) -> String {
    let at = run.stderr.find("streamform state push");
    let at = at.unwrap_or_else(|| unreachable!("no way out is named:\n{}", run.stderr));
    run.stderr[at..].lines().next().unwrap().to_owned()
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_before_anything_is_done() {
    let Some(estate) = Estate::new("read-only") else {
        return;
    };
    let Some(disk) = Disk::mount(&estate.project.path(".streamform")) else {
        return;
    };
    estate.declare(&topics(1, HOUR));
    estate.apply(&[]).expect(0);
    estate.declare(&topics(2, DAY));
    disk.read_only(true);
    estate.run("plan", &["--detailed-exitcode"]).expect(2);
    let run = estate.apply(&[]).expect(1);
    assert!(run.stderr.contains("Read-only file system"), "{run:?}");
    assert_eq!(estate.partitions("t1"), None);
    assert_eq!(
        estate.value("t0", "retention.ms").as_deref(),
        Some("3600000")
    );
    disk.read_only(false);
    estate.apply(&[]).expect(0);
    expect_settled(&estate);
}

/// How many topics are made while a broker dies.
const MANY: usize = 300;

#[test]
fn a_broker_killed_during_an_apply_costs_no_more_than_another_apply() {
    let (Some(bootstrap), Some(dir)) = (servers::cluster(), servers::cluster_dir()) else {
        return;
    };
    let _alone = servers::cluster_alone();
    let estate = Estate::at(&bootstrap, "broker");
    let replicated = |name: &str, factor: usize| {
        topic(name, 1, HOUR).replace(
            "replication_factor = 1",
            &format!("replication_factor = {factor}\n  reassignment {{ within = \"20s\" }}"),
        )
    };
    estate.declare(&replicated("moved", 1));
    estate.apply(&[]).expect(0);
    estate.kafka.produce(&estate.name("moved"), 2_000, None);

    let many: String = (0..MANY)
        .map(|number| replicated(&format!("t{number}"), 3))
        .collect();
    estate.declare(&(replicated("moved", 3) + &many));
    let mut apply = estate
        .project
        .program(&Estate::apply_arguments(&[]))
        .start();
    apply.wait_for("Plan: ");
    thread::sleep(Duration::from_millis(300));
    let mut sandbox = Sandbox::open(&dir).unwrap().unwrap();
    sandbox.stop_server(Server::Broker(2), Stop::Kill).unwrap();
    let run = apply.wait();
    sandbox
        .start_server(Server::Broker(2), &Options::new(&dir))
        .unwrap();
    assert!(matches!(run.code, Some(0 | 1)), "{run:?}");
    estate
        .project
        .run(&["state", "verify", "--env", "dev"])
        .expect(0);

    estate.apply(&[]).expect(0);
    expect_settled(&estate);
    assert_eq!(estate.kafka.topics(&estate.prefix).len(), MANY + 1);
    let moved = estate.kafka.replicas(&estate.name("moved"));
    assert!(
        moved.iter().all(|replicas| replicas.len() == 3),
        "{moved:?}"
    );
    assert_eq!(estate.kafka.records(&estate.name("moved")), 2_000);
}
