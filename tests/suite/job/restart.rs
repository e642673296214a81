//! A `JobManager` that is killed: without high availability it forgets jobs and uploaded jars.

use std::fs;
use std::path::Path;

use streamform::sandbox::{Options, Sandbox, Server, Stop};

use crate::support::servers;

use super::counter::{Counter, Said};

#[test]
fn jobs_that_were_forgotten_go_on_from_what_they_left_or_not_at_all() {
    let (Some(job), Some(other)) = (Counter::new("forgotten"), Counter::new("lost")) else {
        return;
    };
    let Some(dir) = servers::kafka_dir() else {
        return;
    };
    let _alone = servers::flink_alone();
    for version in ["v1", "v2"] {
        job.declare(version, &Said::default());
        job.apply(&[]).expect(0);
        job.produce(20);
        assert_eq!(job.expect_exact(), version);
    }
    other.declare("v1", &Said::default());
    other.apply(&[]).expect(0);
    let lost = other.expect_one();

    let mut sandbox = Sandbox::open(&dir).unwrap().unwrap();
    sandbox.stop_server(Server::JobManager, Stop::Kill).unwrap();
    let away = ["plan", "--env", "dev"];
    let away = job.project.run(&away).expect(1).stderr;
    assert!(away.contains("annot reach"), "{away}");
    job.apply(&[]).expect(1);
    let options = Options::new(&dir);
    sandbox
        .stop_server(Server::TaskManager, Stop::Kill)
        .unwrap();
    for server in [Server::JobManager, Server::TaskManager] {
        sandbox.start_server(server, &options).unwrap();
    }
    assert!(job.running().is_empty() && other.running().is_empty());

    // Its checkpoints are newer than the savepoint of its upgrade, and counts are exact.
    let plan = job.plan(2);
    for part in [
        "The job is missing; it is started again from file:",
        "/chk-",
        "newest state that is in the job's folders",
    ] {
        assert!(plan.contains(part), "{part}:\n{plan}");
    }
    job.apply(&[]).expect(0);
    job.produce(20);
    assert_eq!(job.expect_exact(), "v2");
    job.expect_one();
    job.plan(0);

    // One of which nothing is left starts empty, and only with permission.
    fs::remove_dir_all(dir.join("flink/checkpoints").join(&lost)).unwrap();
    let refused = other.apply(&[]).expect(3);
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(told.contains("The job starts empty"), "{told}");
    assert!(other.running().is_empty());
    other.apply(&["--allow-destroy", "job.counter"]).expect(0);
    other.expect_one();
    // A JobManager that comes back knows no jar either: the way to another version uploads it again.
    job.declare("v1", &Said::default());
    job.apply(&[]).expect(0);
    job.produce(5);
    assert_eq!(job.expect_exact(), "v1");
    is_gone(&dir, &lost);
}

fn is_gone(dir: &Path, id: &str) {
    let folder = dir.join("flink/checkpoints").join(id);
    assert!(!folder.exists(), "{}", folder.display());
}
