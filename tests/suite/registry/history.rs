//! A plan without a registry: what the project said in its git history stands in for it.

use std::process::Command;

use crate::support::project::Project;

use super::record;

const ONE: &[(&str, Option<&str>)] = &[("id", None)];
const TWO: &[(&str, Option<&str>)] = &[("id", None), ("note", Some("-"))];
/// A field without a default: readers of it cannot read what was written before.
const BROKEN: &[(&str, Option<&str>)] = &[("id", None), ("owner", None)];

/// A project in a git repository, whose registry and broker nobody reaches.
struct Clone {
    project: Project,
}

impl Clone {
    fn new(schema: &str) -> Self {
        let clone = Self {
            project: Project::new(),
        };
        clone.git(&["init", "-q", "-b", "main"]);
        clone.declare(schema);
        clone
    }

    fn declare(&self, schema: &str) {
        let text = format!(
            "environment \"dev\" {{}}\n\
             provider \"kafka\" {{ bootstrap_servers = \"127.0.0.1:1\" }}\n\
             provider \"schema_registry\" {{\n  url = \"http://127.0.0.1:1\"\n  retries = 0\n  \
             basic_auth_user_info = secret(\"env:NOBODY_SETS_THIS\")\n}}\n\
             topic \"orders\" {{\n  partitions = 1\n  replication_factor = 1\n}}\n\
             consumer_group \"billing\" {{\n  reads = [topic.orders]\n  owner = \"team-billing\"\n}}\n\
             {schema}\n"
        );
        self.project.write("platform/main.hcl", &text);
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git")
            .arg("-C")
            .arg(self.project.folder())
            .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
            .args(arguments)
            .status()
            .unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "change"]);
    }

    fn write(&self, fields: &[(&str, Option<&str>)]) {
        self.project.write("schemas/order.avsc", &record(fields));
    }

    /// Plans against a revision, and returns everything that was said.
    #[track_caller]
    fn plan(&self, base: &str, exit: i32) -> String {
        let run = self
            .project
            .run(&["plan", "--path", "platform", "--env", "dev", "--base", base]);
        let run = run.expect(exit);
        format!("{}{}", run.stdout, run.stderr)
    }
}

fn order(level: &str, definition: &str) -> String {
    format!(
        "schema \"order\" {{\n  topic = topic.orders\n  format = \"avro\"\n  \
         definition = {definition}\n{level}\n}}\n"
    )
}

const FILE: &str = "file(\"../schemas/order.avsc\")";

#[test]
fn a_breaking_schema_is_refused_without_a_registry_and_without_a_broker() {
    let clone = Clone::new(&order("  compatibility = \"BACKWARD\"", FILE));
    clone.write(ONE);
    clone.commit();
    clone.git(&["checkout", "-q", "-b", "change"]);
    let same = clone.plan("main", 0);
    assert!(same.contains("? schema.order"), "{same}");

    clone.write(BROKEN);
    let broken = clone.plan("main", 3);
    assert!(broken.contains("INCOMPATIBLE"), "{broken}");
    assert!(
        broken.contains("the new version is held against the content of git commit"),
        "{broken}"
    );
    // Who reads it is known from the project; that there may be others is told as well.
    assert!(
        broken.contains("- consumer_group.billing (\"billing\"; owner team-billing)"),
        "{broken}"
    );
    assert!(
        broken.contains("The readers that topic \"orders\" has now could not be found out"),
        "{broken}"
    );
    // Committed or not: what counts is the base.
    clone.commit();
    clone.plan("main", 3);
    clone.plan("HEAD", 0);

    clone.write(TWO);
    let fine = clone.plan("main", 0);
    assert!(
        fine.contains("held against the content of git commit"),
        "{fine}"
    );
    let unknown = clone.plan("mian", 1);
    assert!(unknown.contains("has no revision \"mian\""), "{unknown}");
}

#[test]
fn another_file_another_address_and_a_text_in_place_are_the_same_subject() {
    let clone = Clone::new(&order("", FILE));
    clone.write(ONE);
    clone.commit();
    clone.git(&["mv", "schemas/order.avsc", "schemas/orders.avsc"]);
    clone.project.write("schemas/orders.avsc", &record(BROKEN));
    let moved = order("", "file(\"../schemas/orders.avsc\")");
    clone.declare(&moved.replace("\"order\"", "\"orders\""));
    let broken = clone.plan("main", 3);
    assert!(broken.contains("The level is not known here"), "{broken}");

    clone.declare(&order("", &format!("<<EOT\n{}\nEOT", record(BROKEN))));
    clone.plan("main", 3);
    clone.declare(&order("  compatibility = \"NONE\"", FILE));
    clone.project.write("schemas/order.avsc", &record(BROKEN));
    clone.plan("main", 0);
}

#[test]
fn a_level_for_all_versions_is_held_against_the_whole_history() {
    let level = "  compatibility = \"BACKWARD_TRANSITIVE\"";
    let clone = Clone::new(&order(level, FILE));
    // Each version gets along with the one before, the last one not with the first.
    let steps: [&[(&str, Option<&str>)]; 2] =
        [&[("id", None)], &[("id", None), ("owner", Some("-"))]];
    for fields in steps {
        clone.write(fields);
        clone.commit();
        clone.project.write("README", &record(fields));
        clone.commit();
    }
    clone.write(BROKEN);
    let broken = clone.plan("main", 3);
    assert!(broken.contains("the contents of git commits"), "{broken}");
    // The one before does not mind.
    clone.declare(&order("  compatibility = \"BACKWARD\"", FILE));
    clone.plan("main", 0);
}

#[test]
fn what_a_commit_did_not_have_is_new_and_what_it_cannot_say_is_told() {
    let clone = Clone::new("");
    clone.commit();
    clone.declare(&order("  compatibility = \"FULL\"", FILE));
    clone.write(BROKEN);
    let new = clone.plan("main", 0);
    assert!(new.contains("it is taken for a new one"), "{new}");

    clone.project.write("platform/main.hcl", "nonsense {");
    clone.commit();
    clone.declare(&order("  compatibility = \"FULL\"", FILE));
    let told = clone.plan("main", 0);
    assert!(told.contains("cannot be read"), "{told}");
}
