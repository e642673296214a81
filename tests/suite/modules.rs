//! The modules that come with Streamform, and the example that uses them.

use std::fs;
use std::path::Path;

use crate::support::estate::Estate;
use crate::support::project::Project;

/// Copies a folder of the repository into a project.
fn copy(project: &Project, folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{folder}/{}", path.file_name().unwrap().display());
        if path.is_dir() {
            copy(project, &name);
        } else {
            project.write(&name, &fs::read_to_string(path).unwrap());
        }
    }
}

const MODULE: &str = "modules/topic-with-dead-letter";

#[test]
fn the_example_is_valid_and_laid_out() {
    let project = Project::new();
    // Modules beside the project's folder are reached within a repository only.
    project.write(".git/HEAD", "ref: refs/heads/main\n");
    copy(&project, "modules");
    copy(&project, "examples/dead-letter");
    let run = project.run(&["validate", "--path", "examples/dead-letter"]);
    assert_eq!(run.expect(0).stdout, "The project is valid in dev.\n");
    let folders = ["fmt", "--check", "--recursive", "modules", "examples"];
    project.run(&folders).expect(0);
}

#[test]
fn a_topic_has_a_dead_letter_topic_beside_it() {
    let Some(estate) = Estate::new("dead-letter") else {
        return;
    };
    copy(&estate.project, MODULE);
    estate.declare(&format!(
        "module \"orders\" {{\n  source = \"./{MODULE}\"\n  name = \"P.orders\"\n  retention = \"1h\"\n  \
         config = {{ \"max.message.bytes\" = 2000000 }}\n  dead_letter = {{ suffix = \"-failed\" }}\n}}\n"
    ));
    estate.apply(&[]).expect(0);
    estate.expect_empty_plan();
    assert_eq!(estate.partitions("orders"), Some(3));
    assert_eq!(estate.partitions("orders-failed"), Some(1));
    let value = |topic, key| estate.value(topic, key).unwrap_or_default();
    assert_eq!(value("orders", "retention.ms"), "3600000");
    assert_eq!(value("orders-failed", "retention.ms"), "2592000000");
    assert_eq!(value("orders-failed", "max.message.bytes"), "2065536");
}

#[test]
fn a_module_says_what_it_cannot_take() {
    let project = Project::new();
    copy(&project, MODULE);
    project.write(
        "main.hcl",
        &format!(
            "provider \"kafka\" {{ bootstrap_servers = \"localhost:1\" }}\n\
             module \"orders\" {{\n  source = \"./{MODULE}\"\n  name = \"shop orders\"\n  retention = \"90d\"\n  \
             config = {{ \"retention.ms\" = 1 }}\n}}\n"
        ),
    );
    let said = project.run(&["validate"]).expect(1).stderr;
    for part in [
        "a topic's name holds letters",
        "dead_letter.retention must not be shorter than retention",
        "the variable retention sets retention.ms",
    ] {
        assert!(said.contains(part), "{said}");
    }
}
