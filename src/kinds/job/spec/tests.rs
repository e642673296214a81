use crate::config::files::MemoryFiles;
use crate::config::load::{LoadRequest, UnsetVariables, load};
use crate::config::project::Inputs;
use crate::{clients, kinds};

use super::*;

/// Reads a project's text with two files beside it, and returns its one job or what is wrong.
fn read(text: &str) -> Result<JobSpec, String> {
    let mut files = MemoryFiles::default();
    files.insert("jobs/a.jar", "one");
    files.insert("sql/a.sql", "INSERT INTO a SELECT 1");
    files.insert(
        "provider.hcl",
        "provider \"flink\" { url = \"http://localhost:8081\" }\n",
    );
    files.insert("main.hcl", text);
    let project = load(&LoadRequest {
        files: &files,
        root: "",
        environment: None,
        inputs: &Inputs::default(),
        kinds: &kinds::schemas(),
        providers: clients::PROVIDERS,
        tool_version: "0.1.0",
        unset_variables: UnsetVariables::Refuse,
        on_head: None,
    });
    let project = project.map_err(|found| found.render())?;
    let desired = kinds::decode(&project).map_err(|found| found.render())?;
    let job = desired
        .iter()
        .find(|(address, _)| &*address.kind == "job")
        .map(|(_, desired)| desired.spec.to().expect("a description of this kind"));
    Ok(job.expect("the project has a job"))
}

/// Returns a job with the settings that nothing is said about.
pub(in crate::kinds::job) fn job() -> JobSpec {
    read("job \"a\" {\n  flink_jar { jar = \"jobs/a.jar\" }\n}\n").expect("the block is right")
}

fn problems(text: &str) -> String {
    read(text).expect_err("refused")
}

#[test]
fn a_jar_of_the_project_is_known_by_its_content() {
    let Program::FlinkJar(jar) = job().program else {
        unreachable!("the block is flink_jar");
    };
    assert_eq!(jar.sha256, crate::document::ContentHash::of(b"one"));
    assert_eq!(jar.jar.name(), "a.jar");
    assert_eq!(job().upgrade, Upgrade::default());
}

#[test]
fn all_of_a_block_is_read() {
    let hash = "0".repeat(64);
    let spec = read(&format!(
        r#"
        job "a" {{
          name  = "fraud"
          state = "suspended"
          reads = ["in"]
          group = "fraud"
          flink_jar {{
            jar         = "https://example.com/a.jar?x=1"
            sha256      = "{hash}"
            entry_class = "com.example.Fraud"
            args        = ["--rate", 20]
            parallelism = 4
            settings    = {{ "execution.checkpointing.interval" = "30s", "a" = 1 }}
          }}
          upgrade {{
            mode                     = "last_checkpoint"
            allow_non_restored_state = true
            savepoint_directory      = "s3://bucket/sp"
            timeout                  = "90s"
            keep_savepoints          = 1
            final_savepoint          = false
          }}
          restore {{
            from = "s3://bucket/sp/savepoint-1/_metadata"
          }}
          healthy {{
            max_lag = 10
          }}
        }}
        "#
    ))
    .expect("the block is right");
    assert_eq!((&*spec.name, spec.state), ("fraud", WantedState::Suspended));
    assert_eq!(spec.upgrade.mode, Mode::LastCheckpoint);
    assert_eq!(
        (spec.upgrade.timeout_ms, spec.upgrade.keep_savepoints),
        (90_000, 1)
    );
    assert_eq!(
        spec.restore.map(|restore| restore.from).as_deref(),
        Some("s3://bucket/sp/savepoint-1")
    );
    assert_eq!(spec.program.parallelism(), Some(4));
    let Program::FlinkJar(jar) = &spec.program else {
        unreachable!("the block is flink_jar");
    };
    assert_eq!(jar.args, ["--rate", "20"]);
    assert_eq!(jar.jar.name(), "a.jar");
    assert_eq!(jar.settings["a"], "1");
}

#[test]
fn sql_is_had_from_statements_or_files() {
    let files = read("job \"a\" {\n  flink_sql { files = [\"sql/a.sql\"] }\n}\n")
        .expect("the block is right");
    let statements = read(
        "job \"a\" {\n  flink_sql { statements = [\"SET 'a' = 'b'\", \"INSERT INTO a SELECT 1\"] }\n}\n",
    );
    assert_eq!(files.program.keyword(), "flink_sql");
    assert_ne!(
        files.program.content(),
        statements.expect("the block is right").program.content()
    );
}

#[test]
fn mistakes_are_told_where_they_are() {
    insta::assert_snapshot!(problems("job \"a\" {\n}\n"), @r#"
    Error: The job does not say what it runs
     --> main.hcl:1:1
      |
    1 | job "a" {
      | ^^^^^^^
      on job.a
      hint: write one block of flink_jar, flink_sql
    "#);
    insta::assert_snapshot!(problems("job \"a\" {\n  flink_jar { jar = \"https://example.com/a.jar\" }\n}\n"), @r#"
    Error: A jar at an address needs sha256
     --> main.hcl:2:21
      |
    2 |   flink_jar { jar = "https://example.com/a.jar" }
      |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      on job.a
      What an address gives may change; the hash says what is meant.
    "#);
    insta::assert_snapshot!(problems("job \"a\" {\n  flink_jar {\n    jar    = \"jobs/a.jar\"\n    sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n  }\n}\n"), @r#"
    Error: The jar is not what sha256 says
     --> main.hcl:3:14
      |
    3 |     jar    = "jobs/a.jar"
      |              ^^^^^^^^^^^^
      on job.a
      The SHA-256 of jobs/a.jar is 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed.
      hint: leave sha256 out: the hash of a file of the project is known
    "#);
    insta::assert_snapshot!(problems("job \"a\" {\n  state = \"paused\"\n  flink_jar {\n    jar  = \"jobs/a.jar\"\n    args = [secret(\"env:A\")]\n  }\n  healthy { max_lag = 1 }\n}\n"), @r#"
    Error: each of args must be a string
     --> main.hcl:5:12
      |
    5 |     args = [secret("env:A")]
      |            ^^^^^^^^^^^^^^^^^
      on job.a
      It is a secret.
      hint: a cluster shows a job's arguments and settings to everybody who may look at it: they are no place for a secret

    Error: state must be one of "running", "suspended"
     --> main.hcl:2:11
      |
    2 |   state = "paused"
      |           ^^^^^^^^
      on job.a
      It is "paused".

    Error: max_lag needs group
     --> main.hcl:1:1
      |
    1 | job "a" {
      | ^^^^^^^
      on job.a
      Lag is counted for a consumer group, and the block names none.
      hint: set group to the group.id that the job's source commits its offsets under
    "#);
    insta::assert_snapshot!(problems("job \"a\" {\n  flink_sql { statements = [\"SELECT 1\"] }\n}\n"), @r#"
    Error: These statements are no job
     --> main.hcl:2:28
      |
    2 |   flink_sql { statements = ["SELECT 1"] }
      |                            ^^^^^^^^^^^^
      on job.a
      None of them is an INSERT or an EXECUTE STATEMENT SET.
    "#);
}

#[test]
fn an_address_is_one_and_holds_no_login() {
    let hash = "0".repeat(64);
    let problem = |jar: &str| {
        problems(&format!(
            "job \"a\" {{\n  flink_jar {{\n    jar    = \"{jar}\"\n    sha256 = \"{hash}\"\n  }}\n}}\n"
        ))
    };
    let login = problem("https://user:word@example.com/a.jar");
    assert!(login.contains("It holds a login"), "{login}");
    let wrong = problem("http://exa mple.com/a.jar");
    assert!(wrong.contains("cannot be used"), "{wrong}");
}
