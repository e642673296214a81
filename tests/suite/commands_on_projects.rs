//! `validate` and `console`, as a user runs them.

use crate::support::project::Project;

const PROJECT: &str = r#"
variable "partitions" {
  type = number
}

locals {
  names = ["a", "b"]
}

provider "kafka" {
  bootstrap_servers = "localhost:9092"
}

topic "orders" {
  partitions = var.partitions
}
"#;

const ENVIRONMENTS: &str = r#"
environment "dev" {
  values = "dev.vars.hcl"
}

environment "prod" {
  values = "prod.vars.hcl"
}
"#;

fn project() -> Project {
    Project::new().file("main.hcl", PROJECT)
}

fn with_environments(prod: &str) -> Project {
    project()
        .file("environments.hcl", ENVIRONMENTS)
        .file("dev.vars.hcl", "partitions = 3\n")
        .file("prod.vars.hcl", prod)
}

#[test]
fn the_starter_project_is_valid() {
    let project = Project::new();
    project.run(&["init", "-q"]).expect(0);
    let run = project.run(&["validate"]).expect(0);
    assert_eq!(run.stdout, "The project is valid in dev.\n");
    project.run(&["fmt", "--check", "--recursive"]).expect(0);
}

#[test]
fn every_environment_is_checked() {
    let project = with_environments("partitions = 0\n");
    project.run(&["validate", "--env", "dev"]).expect(0);
    let run = project.run(&["validate"]).expect(1);
    assert!(run.stderr.contains("main.hcl:15"), "{}", run.stderr);
    let run = project.run(&["validate", "--json"]).expect(1);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["environments"], serde_json::json!(["dev", "prod"]));
    assert_eq!(report["errors"], 1);
    assert_eq!(report["diagnostics"][0]["excerpt"]["line"], 15);
}

#[test]
fn a_variable_without_a_value_may_be_anything() {
    let project = project();
    assert_eq!(
        project.run(&["validate"]).expect(0).stdout,
        "The project is valid.\n"
    );
    project
        .run(&["validate", "--var", "partitions=many"])
        .expect(1);
    let run = project.run(&["validate", "--var", "partition=3"]).expect(1);
    assert!(run.stderr.contains("\"partitions\""), "{}", run.stderr);
}

#[test]
fn a_mistake_of_all_environments_is_told_once() {
    let project = with_environments("partitions = 6\n")
        .file("more.hcl", "topic \"x\" {\n  partition = 1\n}\n");
    let run = project.run(&["validate"]).expect(1);
    insta::assert_snapshot!(run.stderr, @r#"
    Error: Unknown attribute "partition"
     --> more.hcl:2:3
      |
    2 |   partition = 1
      |   ^^^^^^^^^
      hint: did you mean "partitions"?
    "#);
}

#[test]
fn the_console_knows_the_projects_names() {
    let project = with_environments("partitions = 6\n");
    let run = project
        .program(&["console", "--env", "prod"])
        .input("topic.orders.partitions\n[for name in local.names :\nupper(name)\n]\nenvironment.name\n")
        .run()
        .expect(0);
    insta::assert_snapshot!(run.stdout, @r#"
    6
    [
      "A",
      "B",
    ]
    "prod"
    "#);
    project.program(&["console"]).input("1\n").run().expect(1);
}

#[test]
fn the_console_goes_on_after_a_mistake_and_tells_of_it() {
    let run = Project::new()
        .program(&["console"])
        .input("1 +\nfoo\n2\nexit\n3\n")
        .run()
        .expect(1);
    assert_eq!(run.stdout, "2\n");
    assert_eq!(run.stderr.matches("Error: ").count(), 2, "{}", run.stderr);
}

#[test]
fn the_console_answers_in_json() {
    let project = project();
    let questions = "{\"expression\": \"var.partitions + x\", \"scope\": {\"x\": 1}}\n{\"expression\": \"1 +\"}\n";
    let run = project
        .program(&["console", "--json", "--var", "partitions=2"])
        .input(questions)
        .run()
        .expect(0);
    let answers: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers[0], serde_json::json!({ "value": 3 }));
    assert_eq!(answers[1]["errors"].as_array().map(Vec::len), Some(1));
}
