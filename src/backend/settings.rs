//! A project's `state` block → its backend. Looks at the place for temporary files, no other I/O.

use std::path::Path;
use std::time::Duration;

use crate::address::EnvironmentName;
use crate::config::amount;
use crate::config::block::{Attribute, Block};
use crate::config::project::Settings;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};

use super::LocalBackend;
use super::local::LEASE_TTL;

/// Where the state is if the project does not say.
const DEFAULT_PATH: &str = ".streamform";

/// A shorter lease could be lost to a slow disk.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// Returns the backend that a project's settings name. A relative path starts from `base`.
///
/// The errors have spans; the project's sources add the excerpts.
pub fn open(
    settings: &Settings,
    base: &Path,
    environment: EnvironmentName,
) -> Result<LocalBackend, Diagnostics> {
    let local = match &settings.state {
        Some(block) => Local::decode(block)?,
        None => Local::default(),
    };
    let rescue = vec![base.to_owned(), std::env::temp_dir()];
    let backend = LocalBackend::new(&base.join(local.path), environment, rescue);
    Ok(backend.with_lease_ttl(local.lease_ttl))
}

/// `state "local" { path = "…" lease_ttl = "30s" }`
#[derive(Debug, PartialEq, Eq)]
struct Local {
    path: String,
    lease_ttl: Duration,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            path: DEFAULT_PATH.to_owned(),
            lease_ttl: LEASE_TTL,
        }
    }
}

impl Local {
    fn decode(block: &Block) -> Result<Self, Diagnostics> {
        let label = block.labels.first().map_or("", AsRef::as_ref);
        if label != "local" {
            return Err(Diagnostic::error(
                "state-backend",
                format!("Unknown state backend {label:?}"),
            )
            .at(block.span.clone())
            .detail("State can be kept in a folder: state \"local\" { path = \"…\" }.")
            .hint_opt(did_you_mean(label, ["local"]))
            .into());
        }
        let mut local = Self::default();
        let mut diagnostics = Diagnostics::new();
        for (name, attribute) in block.attributes.iter() {
            match &**name {
                "path" => {
                    let read = text(attribute, |text| {
                        (!text.is_empty()).then(|| text.to_owned())
                    });
                    set(&mut local.path, read, "a path", attribute, &mut diagnostics);
                }
                "lease_ttl" => {
                    let read = text(attribute, |text| {
                        amount::duration(text)
                            .ok()
                            .filter(|ttl| *ttl >= SHORTEST_LEASE)
                    });
                    let expected = "a duration of at least a second, such as 30s";
                    set(
                        &mut local.lease_ttl,
                        read,
                        expected,
                        attribute,
                        &mut diagnostics,
                    );
                }
                unknown => diagnostics.push(
                    Diagnostic::error(
                        "unknown-attribute",
                        format!("Unknown attribute {unknown:?}"),
                    )
                    .at(attribute.key_span.clone())
                    .detail("A local state has the attributes path and lease_ttl.")
                    .hint_opt(did_you_mean(unknown, ["path", "lease_ttl"])),
                ),
            }
        }
        for inner in &block.blocks {
            let summary = format!("Unknown block {:?}", &*inner.keyword);
            diagnostics.push(
                Diagnostic::error("unknown-block", summary)
                    .at(inner.span.clone())
                    .detail("A local state holds no blocks."),
            );
        }
        diagnostics.finish(local, &mut Diagnostics::new())
    }
}

fn text<T>(attribute: &Attribute, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    attribute.value.as_str().and_then(read)
}

fn set<T>(
    setting: &mut T,
    read: Option<T>,
    expected: &str,
    attribute: &Attribute,
    diagnostics: &mut Diagnostics,
) {
    match read {
        Some(read) => *setting = read,
        None => diagnostics.push(
            Diagnostic::error("bad-setting", "Invalid setting of the state")
                .at(attribute.value_span.clone())
                .detail(format!("It must be {expected}.")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::value::Value;
    use crate::diagnostic::Span;

    use super::*;

    fn block(label: &str, attributes: &[(&str, Value)]) -> Block {
        let span = Span::new("main.hcl", 0..1);
        let attribute = |value: &Value| Attribute {
            value: value.clone(),
            key_span: span.clone(),
            value_span: span.clone(),
        };
        Block {
            keyword: "state".into(),
            labels: vec![label.into()],
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).into(), attribute(value)))
                .collect(),
            blocks: Vec::new(),
            files: Vec::new(),
            span: span.clone(),
        }
    }

    fn errors(label: &str, attributes: &[(&str, Value)]) -> String {
        let errors = Local::decode(&block(label, attributes)).expect_err("wrong");
        errors.render()
    }

    #[test]
    fn a_local_state_has_a_path_and_a_lease() {
        let given = [
            ("path", Value::string("state")),
            ("lease_ttl", Value::string("5s")),
        ];
        let local = Local::decode(&block("local", &given)).expect("right");
        assert_eq!(
            (local.path.as_str(), local.lease_ttl.as_secs()),
            ("state", 5)
        );
    }

    #[test]
    fn mistakes_are_explained() {
        insta::assert_snapshot!(errors("locale", &[]), @r#"
        Error: Unknown state backend "locale"
          --> main.hcl
          State can be kept in a folder: state "local" { path = "…" }.
          hint: did you mean "local"?
        "#);
        let given = [
            ("lease_ttl", Value::string("10ms")),
            ("path", Value::Bool(true)),
            ("pth", Value::string("x")),
        ];
        insta::assert_snapshot!(errors("local", &given), @r#"
        Error: Invalid setting of the state
          --> main.hcl
          It must be a duration of at least a second, such as 30s.

        Error: Invalid setting of the state
          --> main.hcl
          It must be a path.

        Error: Unknown attribute "pth"
          --> main.hcl
          A local state has the attributes path and lease_ttl.
          hint: did you mean "path"?
        "#);
    }

    #[test]
    fn a_path_starts_from_the_project() {
        let environment: EnvironmentName = "dev".parse().expect("valid");
        let backend = open(&Settings::default(), Path::new("/p"), environment).expect("right");
        assert_eq!(backend.folder(), Path::new("/p/.streamform/dev"));
    }
}
