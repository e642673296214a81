use insta::assert_snapshot;

use super::*;

const JOB: &str = r#"
job "fraud" {
  scripts = ["sql/a.sql", "https://files.test/b.sql", "sql/c.sql"]
  code { jar = "jobs/fraud.jar" }
}
"#;

fn case(jar: &str) -> Case {
    Case::new(JOB)
        .file("jobs/fraud.jar", jar)
        .file("sql/a.sql", "SELECT 1")
        .file("sql/c.sql", "SELECT 3")
}

#[test]
fn files_that_attributes_name_come_with_path_hash_and_length() {
    let project = case("bytes").project();
    let (_, job) = project.resources.first_key_value().unwrap();
    let shown = |file: &ProjectFile| format!("{} {} {}", file.path, file.hash.short(), file.bytes);
    let scripts: Vec<String> = job.body.files_of("scripts").map(shown).collect();
    assert_snapshot!(scripts.join("\n"), @r#"
    sql/a.sql e004ebd5b553 8
    sql/c.sql 1d6a12252ca5 8
    "#);
    assert_snapshot!(shown(job.body.blocks[0].file("jar").unwrap()), @"jobs/fraud.jar 277089d91c0b 5");
}

#[test]
fn the_release_follows_the_content_of_such_files() {
    let release = |jar: &str| case(jar).project().release;
    assert_eq!(release("bytes"), release("bytes"));
    assert_ne!(release("bytes"), release("other"));
}

#[test]
fn a_file_that_cannot_be_read_is_told_at_its_attribute() {
    let missing = Case::new(&JOB.replace("sql/c.sql", "../c.sql")).file("sql/a.sql", "SELECT 1");
    assert_snapshot!(missing.errors(), @r#"
    Error: The file "../c.sql" of scripts cannot be read
     --> main.hcl:3:13
      |
    3 |   scripts = ["sql/a.sql", "https://files.test/b.sql", "../c.sql"]
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      on job.fraud
      The path leads out of the project.
      hint: only files of the project can be read

    Error: The file "jobs/fraud.jar" of jar cannot be read
     --> main.hcl:4:16
      |
    4 |   code { jar = "jobs/fraud.jar" }
      |                ^^^^^^^^^^^^^^^^
      on job.fraud
      No such file.
      hint: the path starts from the project's folder
    "#);
}
