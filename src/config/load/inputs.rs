//! The values that the root module's variables are given, from all the places where they may stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::structure::{Body, Structure};

use crate::config::eval::{FileAccess, Scope, Variables, evaluate, references};
use crate::config::files::{Files, join};
use crate::config::project::{InputArgument, Inputs};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean, sentence};

use super::index::{Index, header_span};
use super::source::{self, Piece, span};

/// A variable's value before its type is looked at.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) value: GivenValue,
    /// Where it stands, for values of files.
    pub(super) span: Option<Span>,
    /// Who gave it: `--var`, `STREAMFORM_VAR_x`, a file's path.
    pub(super) origin: String,
}

/// What was given.
#[derive(Debug, Clone)]
pub(super) enum GivenValue {
    /// A value of a file; `None` where it could not be evaluated, which has been reported.
    Value(Option<Value>),
    /// A text of the command line: a string's value as it is, or else an expression.
    Text(String),
}

/// Collects the values of variables; what comes later wins.
pub(super) struct Collector<'r> {
    pub(super) index: &'r Index<'r>,
    pub(super) files: &'r dyn Files,
    pub(super) access: &'r FileAccess<'r>,
    pub(super) sources: &'r mut SourceMap,
    pub(super) diagnostics: &'r mut Diagnostics,
    pub(super) given: BTreeMap<String, Given>,
}

/// No names at all: values of files are constants.
pub(super) struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _name: &str) -> Option<Value> {
        None
    }

    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

impl Collector<'_> {
    /// Collects from everywhere, weakest first: environment variables, `*.auto.vars.hcl` by name, the
    /// environment's file, then `--var-file` and `--var` in the order of the command line. This is
    /// Terraform's order, with the environment's file between its automatic files and its options.
    pub(super) fn collect(
        mut self,
        root: &str,
        environment: Option<&(Arc<str>, Span)>,
        inputs: &Inputs,
    ) -> BTreeMap<String, Given> {
        for (name, text) in &inputs.environment_variables {
            // Those of no variable are for another project.
            if self.index.variables.contains_key(name.as_str()) {
                self.text(name, text, format!("STREAMFORM_VAR_{name}"));
            }
        }
        for name in self.files.list(root).unwrap_or_default() {
            if name.ends_with(".auto.vars.hcl") {
                self.file(root, &name, None);
            }
        }
        if let Some((path, at)) = environment {
            self.file(root, path, Some(at));
        }
        for argument in &inputs.arguments {
            match argument {
                InputArgument::Variable(name, text) => self.argument(name, text),
                InputArgument::IfDeclared(name, text) => {
                    if self.index.variables.contains_key(name.as_str()) {
                        self.argument(name, text);
                    }
                }
                InputArgument::File(path, text) => {
                    let parsed = source::parse_values(path, text, self.sources);
                    if let Some((piece, body)) = self.diagnostics.take(parsed) {
                        self.values(&piece, &body);
                    }
                }
            }
        }
        self.given
    }

    fn text(&mut self, name: &str, text: &str, origin: String) {
        let given = Given {
            value: GivenValue::Text(text.to_owned()),
            span: None,
            origin,
        };
        self.given.insert(name.to_owned(), given);
    }

    fn argument(&mut self, name: &str, text: &str) {
        if self.index.variables.contains_key(name) {
            return self.text(name, text, format!("--var {name}=…"));
        }
        self.diagnostics.push(
            Diagnostic::error(
                "unknown-variable",
                format!("--var: there is no variable {name:?}"),
            )
            .hint_opt(did_you_mean(name, self.index.variables.keys().copied())),
        );
    }

    /// Reads a file of the project. `at` is where its path stands.
    fn file(&mut self, root: &str, path: &str, at: Option<&Span>) {
        let read = match join(root, path) {
            Ok(path) => source::read_values(self.files, &path, self.sources),
            Err(error) => Err(Diagnostic::error("file", format!("Cannot read {path:?}"))
                .detail(sentence(&error))
                .into()),
        };
        match read {
            Ok((piece, body)) => self.values(&piece, &body),
            Err(errors) => self.diagnostics.extend(
                errors
                    .into_iter()
                    .map(|error| {
                        let at = error.span.clone().or(at.cloned());
                        error.at(at)
                    })
                    .collect(),
            ),
        }
    }

    fn values(&mut self, piece: &Piece, body: &Body) {
        for structure in body {
            let attribute = match structure {
                Structure::Attribute(attribute) => attribute,
                Structure::Block(block) => {
                    self.diagnostics.push(
                        Diagnostic::error("unknown-block", "A file of values holds no blocks")
                            .at(header_span(piece, block))
                            .hint("write NAME = VALUE"),
                    );
                    continue;
                }
            };
            let name = attribute.key.as_str();
            if !self.index.variables.contains_key(name) {
                self.diagnostics.push(
                    Diagnostic::warning(
                        "unknown-variable",
                        format!("There is no variable {name:?}"),
                    )
                    .detail("The value is not used.")
                    .at(span(piece, &attribute.key))
                    .hint_opt(did_you_mean(name, self.index.variables.keys().copied())),
                );
                continue;
            }
            let given = Given {
                value: GivenValue::Value(self.constant(piece, &attribute.value)),
                span: Some(span(piece, &attribute.value)),
                origin: piece.file.to_string(),
            };
            self.given.insert(name.to_owned(), given);
        }
    }

    fn constant(
        &mut self,
        piece: &Piece,
        expression: &hcl_edit::expr::Expression,
    ) -> Option<Value> {
        let used = references(expression);
        if let Some(used) = used.first() {
            self.diagnostics.push(
                Diagnostic::error("reference", format!("{} cannot be used here", used.root))
                    .detail("A file of values holds constants and calls of functions.")
                    .at(piece.span(used.range.clone())),
            );
            return None;
        }
        let scope = Scope::new(&NoVariables, &piece.file, piece.text(self.sources))
            .at(piece.base)
            .with_files(self.access);
        self.diagnostics.take(evaluate(expression, &scope))
    }
}
