//! Schemas through the program itself: what holds on every registry, on a real one and on the stand-in;
//! and what only the stand-in answers as Confluent documents.

mod agreement;
mod both;
mod history;
mod own_settings;
mod secured;
mod stand_in;
mod with_topics;

use crate::support::kafka::unique_prefix;
use crate::support::program::Run;
use crate::support::project::Project;
use crate::support::registry::Registry;

/// A project and the registry that it describes, under names that no other test uses. Its subjects are
/// deleted with the value.
pub(super) struct Office {
    pub(super) project: Project,
    pub(super) registry: Registry,
    pub(super) prefix: String,
    /// What stands in front of the blocks besides the registry's provider.
    pub(super) head: String,
    /// A further setting of the registry's provider.
    pub(super) settings: String,
}

impl Office {
    pub(super) fn at(url: &str, test: &str) -> Self {
        Self {
            project: Project::new(),
            registry: Registry::at(url),
            prefix: unique_prefix(test),
            head: "environment \"dev\" {}".into(),
            settings: String::new(),
        }
    }

    /// Replaces the project's blocks; `P.` in front of a name stands for the prefix.
    pub(super) fn declare(&self, blocks: &str) {
        let text = format!(
            "provider \"schema_registry\" {{\n  url = \"{}\"\n  retries = 0\n  {}\n}}\n{}\n{}\n",
            self.registry.url,
            self.settings,
            self.head,
            blocks.replace("\"P.", &format!("\"{}", self.prefix))
        );
        self.project.write("main.hcl", &text);
    }

    pub(super) fn name(&self, subject: &str) -> String {
        format!("{}{subject}", self.prefix)
    }

    pub(super) fn run(&self, command: &str, more: &[&str]) -> Run {
        let mut arguments = vec![command, "--env", "dev"];
        arguments.extend(more);
        self.project.run(&arguments)
    }

    pub(super) fn apply(&self, more: &[&str]) -> Run {
        let mut arguments = vec!["--auto-approve"];
        arguments.extend(more);
        self.run("apply", &arguments)
    }

    /// Checks that there is nothing left to do.
    #[track_caller]
    pub(super) fn expect_empty_plan(&self) {
        self.run("plan", &["--detailed-exitcode"]).expect(0);
    }

    /// Returns the state of one object.
    pub(super) fn state(&self, address: &str) -> serde_json::Value {
        let text = self.project.read(".streamform/dev/state.json");
        let state: serde_json::Value = serde_json::from_str(&text).unwrap();
        state["body"]["objects"][address].clone()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // What refers to others goes first, in whatever order that is.
        for _ in 0..3 {
            for subject in self.registry.subjects(&self.prefix) {
                self.registry.delete(&subject);
            }
        }
    }
}

/// A record of Avro with these fields: name, and a default where there is one.
pub(super) fn record(fields: &[(&str, Option<&str>)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, default)| match default {
            Some(default) => {
                format!(r#"{{"name": "{name}", "type": "string", "default": "{default}"}}"#)
            }
            None => format!(r#"{{"name": "{name}", "type": "string"}}"#),
        })
        .collect();
    format!(
        r#"{{"type": "record", "name": "Order", "namespace": "shop", "fields": [{}]}}"#,
        fields.join(", ")
    )
}

/// A block for one subject of Avro, whose definition is a file of the same name.
pub(super) fn schema(name: &str, more: &str) -> String {
    format!(
        "schema \"{name}\" {{\n  subject = \"P.{name}\"\n  format = \"avro\"\n  \
         definition = file(\"{name}.avsc\")\n{more}\n}}\n"
    )
}
