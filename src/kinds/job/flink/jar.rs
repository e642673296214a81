//! The block `flink_jar`: a program in a jar. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use url::Url;

use crate::diagnostic::{Diagnostic, Span, capitalised};
use crate::document::ContentHash;
use crate::kinds::job::spec::Reader;

/// A program in a jar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlinkJar {
    /// Where the jar is had.
    pub jar: Origin,
    /// The hash of its content: what it is.
    pub sha256: ContentHash,
    /// The class with the main method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The arguments of the main method.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// How many tasks an operator has that does not say itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Flink's own settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// Where a jar is had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A file of the project, by its path from the root of the project's tree.
    File(String),
    /// An address.
    Url(String),
}

impl Origin {
    /// Returns the last part of the path or address: what the jar is called.
    pub fn name(&self) -> &str {
        let (Self::File(path) | Self::Url(path)) = self;
        let path = path.split(['?', '#']).next().unwrap_or(path);
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// Checks the address of a jar.
fn address(given: String, place: Span, reader: &mut Reader<'_>) -> Option<String> {
    let problem = match Url::parse(&given) {
        Ok(url) if url.username().is_empty() && url.password().is_none() => return Some(given),
        Ok(_) => "It holds a login, which Flink, plans and the state would show.".to_owned(),
        Err(error) => format!("{}.", capitalised(&error.to_string())),
    };
    let wrong = Diagnostic::error("invalid-value", "The jar's address cannot be used");
    reader.found.push(wrong.at(place).detail(problem));
    None
}

impl FlinkJar {
    pub(in crate::kinds::job) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let given = reader.text("jar");
        let sha256 = reader.text("sha256");
        let declared = sha256.and_then(|text| {
            let hash = format!("sha256:{}", text.to_ascii_lowercase()).parse().ok();
            if hash.is_none()
                && let Some(given) = reader.given("sha256")
            {
                return reader.wrong("sha256", "64 hexadecimal digits", &given);
            }
            hash
        });
        let file = reader.block.file("jar").cloned();
        let entry_class = reader.text("entry_class");
        let args = reader.texts("args").unwrap_or_default();
        let parallelism = reader.parallelism();
        let settings = reader.map("settings").unwrap_or_default();
        let place = reader.given("jar")?.value_span;
        let (jar, sha256) = match (file, declared) {
            (Some(file), None) => (Origin::File(file.path.to_string()), file.hash),
            (Some(file), Some(declared)) if declared == file.hash => {
                (Origin::File(file.path.to_string()), file.hash)
            }
            (Some(file), Some(_)) => {
                reader.found.push(
                    Diagnostic::error("wrong-hash", "The jar is not what sha256 says")
                        .at(place)
                        .detail(format!(
                            "The SHA-256 of {} is {}.",
                            file.path,
                            file.hash.hex()
                        ))
                        .hint("leave sha256 out: the hash of a file of the project is known"),
                );
                return None;
            }
            (None, Some(declared)) => (Origin::Url(address(given?, place, reader)?), declared),
            (None, None) => {
                reader.found.push(
                    Diagnostic::error("missing-hash", "A jar at an address needs sha256")
                        .at(place)
                        .detail("What an address gives may change; the hash says what is meant."),
                );
                return None;
            }
        };
        Some(Self {
            jar,
            sha256,
            entry_class,
            args,
            parallelism,
            settings,
        })
    }

    /// Returns the attributes as a plan shows them.
    pub(in crate::kinds::job) fn shown(&self) -> Vec<(&'static str, Json)> {
        let args = (!self.args.is_empty()).then(|| json!(self.args));
        vec![
            (
                "jar",
                json!(format!("{} ({})", self.jar.name(), self.sha256.short())),
            ),
            ("entry_class", json!(self.entry_class)),
            ("args", json!(args)),
            ("parallelism", json!(self.parallelism)),
            ("settings", json!(self.settings)),
        ]
    }
}
