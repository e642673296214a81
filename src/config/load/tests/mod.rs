//! The loader on projects in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod errors;
mod files;
mod modules;
mod performance;
mod project;
mod properties;
mod values;

use std::fmt::Write as _;

use crate::address::{Address, EnvironmentName};
use crate::config::block::ProjectFile;
use crate::config::files::MemoryFiles;
use crate::config::project::{InputArgument, Inputs, Project};
use crate::config::schema::{
    AttributeSchema, BlockSchema, KindSchema, NestedBlockSchema, ProviderSchema,
};
use crate::config::value::Value;
use crate::diagnostic::Diagnostics;

use super::{Head, LoadRequest, UnsetVariables, load, locate};

const fn attribute(name: &'static str, required: bool) -> AttributeSchema {
    AttributeSchema {
        name,
        required,
        doc: "One of the test's attributes.",
    }
}

const RULE: BlockSchema = BlockSchema::flat(&[attribute("pattern", true)]);

const KINDS: &[KindSchema] = &[
    KindSchema {
        keyword: "topic",
        provider: "kafka",
        name_attribute: Some("name"),
        files: &[],
        body: BlockSchema {
            attributes: &[
                attribute("name", false),
                attribute("partitions", true),
                attribute("replication_factor", false),
                attribute("config", false),
            ],
            blocks: &[
                NestedBlockSchema {
                    keyword: "rule",
                    labels: 1,
                    repeatable: true,
                    body: RULE,
                },
                NestedBlockSchema::once("owner", RULE),
            ],
        },
    },
    KindSchema {
        keyword: "schema",
        provider: "registry",
        name_attribute: None,
        files: &[],
        body: BlockSchema::flat(&[attribute("subject", true), attribute("definition", false)]),
    },
    KindSchema {
        keyword: "job",
        provider: "kafka",
        name_attribute: None,
        files: &["scripts", "code.jar"],
        body: BlockSchema {
            attributes: &[attribute("scripts", false)],
            blocks: &[NestedBlockSchema::once(
                "code",
                BlockSchema::flat(&[attribute("jar", true)]),
            )],
        },
    },
];

const PROVIDERS: &[ProviderSchema] = &[
    ProviderSchema {
        name: "kafka",
        settings: &[
            attribute("bootstrap_servers", true),
            attribute("password", false),
        ],
    },
    ProviderSchema {
        name: "registry",
        settings: &[attribute("url", true)],
    },
];

/// A project in memory, and what it is loaded with.
#[derive(Default)]
struct Case {
    files: MemoryFiles,
    root: &'static str,
    environment: Option<EnvironmentName>,
    inputs: Inputs,
    unset: UnsetVariables,
}

impl Case {
    /// A project of one file, with a provider.
    fn new(text: &str) -> Self {
        Self::default().file("main.hcl", text).file(
            "provider.hcl",
            "provider \"kafka\" { bootstrap_servers = \"localhost:9092\" }\n",
        )
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path, text);
        self
    }

    fn environment(mut self, name: &str) -> Self {
        self.environment = Some(name.parse().unwrap());
        self
    }

    fn var(mut self, name: &str, text: &str) -> Self {
        let argument = InputArgument::Variable(name.to_owned(), text.to_owned());
        self.inputs.arguments.push(argument);
        self
    }

    fn load(&self) -> Result<Project, Diagnostics> {
        self.load_telling(None)
    }

    fn load_telling(&self, on_head: Option<&dyn Fn(&Head<'_>)>) -> Result<Project, Diagnostics> {
        load(&self.request(on_head))
    }

    fn request<'a>(&'a self, on_head: Option<&'a dyn Fn(&Head<'_>)>) -> LoadRequest<'a> {
        LoadRequest {
            files: &self.files,
            root: self.root,
            environment: self.environment.as_ref(),
            inputs: &self.inputs,
            kinds: KINDS,
            providers: PROVIDERS,
            tool_version: "0.1.0",
            unset_variables: self.unset,
            on_head,
        }
    }

    /// The project, of which the same objects are known without evaluating them.
    #[track_caller]
    fn project(&self) -> Project {
        match (self.load(), locate(&self.request(None))) {
            (Ok(project), Ok(located)) => {
                let addresses: Vec<&Address> = project.resources.keys().collect();
                assert_eq!(located.addresses.iter().collect::<Vec<_>>(), addresses);
                project
            }
            (Err(errors), _) | (_, Err(errors)) => {
                unreachable!("the project loads:\n{}", errors.render())
            }
        }
    }

    /// The messages of a project that does not load.
    #[track_caller]
    fn errors(&self) -> String {
        self.load()
            .map(|project| project.resources.len())
            .unwrap_err()
            .render()
    }
}

/// An output's value.
#[track_caller]
fn output(project: &Project, name: &str) -> Value {
    project.outputs[name].value.clone()
}

/// `ADDRESS NAME ATTRIBUTES → DEPENDENCIES`, a line for each object.
fn summary(project: &Project) -> String {
    let mut lines = String::new();
    for (address, resource) in &project.resources {
        write!(lines, "{address} ({})", resource.provider).unwrap();
        for (name, attribute) in resource.body.attributes.iter() {
            write!(lines, " {name}={}", show(&attribute.value)).unwrap();
        }
        for block in &resource.body.blocks {
            write!(lines, " {}{:?}", block.keyword, block.labels).unwrap();
        }
        for dependency in &resource.depends_on {
            write!(lines, "\n  after {dependency}").unwrap();
        }
        lines.push('\n');
    }
    lines
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null => "null".into(),
        Value::List(elements) | Value::Tuple(elements) => {
            format!(
                "[{}]",
                elements.iter().map(show).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Set(elements) => {
            format!(
                "{{{}}}",
                elements.iter().map(show).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Map(entries) | Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", show(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Sensitive(inner) => format!("sensitive({})", show(inner)),
        other => format!("{other:?}"),
    }
}
