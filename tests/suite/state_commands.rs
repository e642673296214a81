//! `streamform state`, as a user runs it.

use std::time::Duration;

use streamform::backend::{LeaseRequest, LocalBackend};

use crate::support::project::Project;

const SETTINGS: &str = r#"
streamform {
  state "local" {
    path = "st"
  }
}

environment "dev" {}

topic "not_in_order" {
  partitions = nowhere.to_be.found
}
"#;

/// Returns a project whose state is the fixture of version 1: three objects, serial 7.
fn project() -> Project {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state/v1.json");
    let project = Project::new()
        .file("main.hcl", SETTINGS)
        .file("saved.json", &std::fs::read_to_string(fixture).unwrap());
    state(&project, &["push", "saved.json"], 0);
    project
}

/// Runs `streamform state` and returns both streams.
fn state(project: &Project, arguments: &[&str], code: i32) -> (String, String) {
    let command = [&["state"], arguments, &["--env", "dev"]].concat();
    let run = project.run(&command).expect(code);
    (run.stdout, run.stderr)
}

#[test]
fn objects_are_listed_shown_renamed_and_forgotten() {
    let project = project();
    let listed = state(&project, &["list", "topic.audit"], 0).0;
    assert_eq!(listed, "topic.audit[2]\ntopic.audit[10]\n");

    let (told, progress) = state(&project, &["mv", "topic.audit", "topic.log"], 0);
    insta::assert_snapshot!(told, @r"
    topic.audit[2] is now topic.log[2]
    topic.audit[10] is now topic.log[10]
    ");
    assert_eq!(progress, "Stored as serial 8.\n");
    let shown = state(
        &project,
        &["show", r#"module.orders["refunds"].topic.main"#],
        0,
    )
    .0;
    assert!(shown.contains("\"topic.log[2]\""), "{shown}");

    let refused = state(&project, &["rm", "topic.log", "topic.lgo"], 1).1;
    insta::assert_snapshot!(refused, @r"
    Error: The state holds nothing that topic.lgo names
      The environment dev owns 3 objects.
      hint: `streamform state list` shows them
    ");
    state(&project, &["rm", "topic.log", "--dry-run"], 0);
    assert_eq!(state(&project, &["list"], 0).0.lines().count(), 3);
    state(&project, &["rm", "topic.log"], 0);
    let left = state(&project, &["list"], 0).0;
    assert_eq!(left, "module.orders[\"refunds\"].topic.main\n");
    assert_eq!(state(&project, &["history"], 0).0.lines().count(), 3);
}

#[test]
fn an_edited_state_is_refused_and_the_hint_brings_it_back() {
    let project = project();
    let before = state(&project, &["pull"], 0).0;
    let path = project.path("st/dev/state.json");
    std::fs::write(
        &path,
        before.replacen("\"partitions\":3", "\"partitions\":6", 1),
    )
    .unwrap();
    let refused = state(&project, &["list"], 1).1;
    assert_eq!(refused.matches("sha256:").count(), 2, "{refused}");
    let copy = refused
        .split("streamform state push ")
        .nth(1)
        .unwrap()
        .trim();
    state(&project, &["push", copy], 0);
    assert_eq!(state(&project, &["pull"], 0).0, before);
}

#[test]
fn somebody_else_s_lease_is_exit_code_4_until_it_is_broken() {
    let project = project();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let root = project.path("st");
    let backend = LocalBackend::new(&root, "dev".parse().unwrap(), Vec::new());
    let request = LeaseRequest {
        operation: "apply".to_owned(),
        who: "somebody".to_owned(),
        commit: None,
        wait: Duration::ZERO,
    };
    let writer = runtime.block_on(backend.acquire(&request)).unwrap();
    let move_it = ["mv", "topic.audit[2]", "topic.audit[3]"];
    let refused = state(&project, &move_it, 4).1;
    assert!(refused.contains("apply by somebody on "), "{refused}");
    assert!(refused.contains(&writer.holder().id), "{refused}");
    let (_, progress) = state(&project, &["list"], 0);
    assert!(progress.contains("apply by somebody on "), "{progress}");
    state(&project, &["unlock", "another"], 1);
    state(&project, &["unlock", &writer.holder().id], 0);
    state(&project, &move_it, 0);
}
