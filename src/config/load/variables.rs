//! The variables of all modules: values, defaults, types and validations.

use hcl_edit::expr::Expression;

use crate::config::convert::convert;
use crate::config::eval::{Scope, evaluate, references};
use crate::config::parse::parse_expression;
use crate::config::types::parse_type;
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, sentence};

use super::dependencies::Deps;
use super::engine::{Cell, Engine};
use super::index::Header;
use super::inputs::{GivenValue, NoVariables};
use super::module::{Item, Variable};
use super::source::span;
use super::tree::NodeId;
use super::view::{Local, Site};

/// A value that is given to a variable, and where.
struct Raw {
    value: Value,
    span: Option<Span>,
    origin: Option<String>,
    deps: Deps,
}

/// A mistake that has been reported.
struct Reported;

impl<'a> Engine<'_, 'a> {
    /// Evaluates a variable in all instances of its module.
    pub(super) fn variable(&mut self, node: NodeId, variable: &Variable<'a>) {
        let header = self.tree.header(node);
        let (branch, _) = self.tree.nodes[node];
        let instances = self.instances[branch].len();
        self.cells[node] = vec![None; instances];
        let mut errors = Diagnostics::new();
        let wanted = errors.take(self.variable_type(header, variable));
        if let Some(wanted) = wanted
            && let Ok(default) = self.default(header, variable, &wanted, &mut errors)
        {
            for instance in 0..instances {
                let raw = self.raw(
                    node,
                    instance,
                    header,
                    default.as_ref(),
                    &wanted,
                    &mut errors,
                );
                let cell = raw.and_then(|raw| {
                    typed(
                        header,
                        variable,
                        &wanted,
                        default.as_ref(),
                        raw,
                        &mut errors,
                    )
                });
                self.cells[node][instance] = cell;
                if self
                    .validate(node, instance, variable, &mut errors)
                    .is_none()
                {
                    self.cells[node][instance] = None;
                }
            }
        }
        self.diagnostics.extend(errors);
    }

    fn scope<'s>(&'s self, header: &'s Header<'a>) -> Scope<'s> {
        let piece = header.piece;
        Scope::new(&NoVariables, &piece.file, piece.text(self.sources)).at(piece.base)
    }

    fn variable_type(
        &self,
        header: &Header<'a>,
        variable: &Variable<'a>,
    ) -> Result<Type, Diagnostics> {
        match variable.r#type {
            None => Ok(Type::Any),
            Some(expression) => parse_type(expression, &self.scope(header)),
        }
    }

    /// Evaluates the default, where there is one. The error has been reported.
    fn default(
        &self,
        header: &Header<'a>,
        variable: &Variable<'a>,
        wanted: &Type,
        errors: &mut Diagnostics,
    ) -> Result<Option<Value>, Reported> {
        let Some(expression) = variable.default else {
            return Ok(None);
        };
        if let Some(used) = references(expression).into_iter().next() {
            errors.push(
                Diagnostic::error("reference", format!("{} cannot be used here", used.root))
                    .detail("A default is a constant.")
                    .at(header.piece.span(used.range))
                    .hint("compute it in locals, from a variable whose default is null"),
            );
            return Err(Reported);
        }
        let value = errors
            .take(evaluate(expression, &self.scope(header)))
            .ok_or(Reported)?;
        match convert(value, wanted) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                errors.push(
                    Diagnostic::error(
                        "invalid-default",
                        format!("The default of {:?} is not of its type", header.name),
                    )
                    .detail(sentence(&error))
                    .at(span(header.piece, expression)),
                );
                Err(Reported)
            }
        }
    }

    /// Finds the value that is given; the errors say where none is, and one is needed.
    fn raw(
        &self,
        node: NodeId,
        instance: usize,
        header: &Header<'a>,
        default: Option<&Value>,
        wanted: &Type,
        errors: &mut Diagnostics,
    ) -> Option<Raw> {
        let (branch, _) = self.tree.nodes[node];
        let otherwise = |value: Value| Raw {
            value,
            span: Some(header.span.clone()),
            origin: None,
            deps: None,
        };
        if let Some((parent, item)) = self.tree.branches[branch].parent {
            let call = self.tree.node(parent, item);
            let argument = match self.tree.item(call) {
                Item::Call(call) => call.arguments.get(header.name),
                _ => None,
            };
            let Some(argument) = argument else {
                // That an argument is missing is reported at the call.
                return default.cloned().map(otherwise);
            };
            let local = &self.instances[branch][instance].local;
            let outer = self.instances[branch][instance].parent;
            let site = self.site(parent, outer, call);
            let value = errors.take(site.eval(argument, local))?;
            return Some(Raw {
                value,
                span: Some(argument.span(site.piece)),
                origin: None,
                deps: self.deps(parent, outer, &argument.refs, local.key.as_ref()),
            });
        }
        let Some(given) = self.given.get(header.name) else {
            return match default {
                Some(default) => Some(otherwise(default.clone())),
                None if self.allow_unset => Some(otherwise(Value::Unknown(wanted.clone()))),
                None => {
                    errors.push(no_value(header));
                    None
                }
            };
        };
        let value = match &given.value {
            GivenValue::Value(value) => value.clone()?,
            GivenValue::Text(text) => from_text(header, text, wanted, &given.origin, errors)?,
        };
        Some(Raw {
            value,
            span: given.span.clone(),
            origin: Some(given.origin.clone()),
            deps: None,
        })
    }

    /// Checks the validations of a variable that has a value.
    fn validate(
        &self,
        node: NodeId,
        instance: usize,
        variable: &Variable<'a>,
        errors: &mut Diagnostics,
    ) -> Option<()> {
        let (branch, _) = self.tree.nodes[node];
        let header = self.tree.header(node);
        self.cells[node][instance].as_ref()?;
        let site: Site<'_, '_, 'a> = self.site(branch, instance, node);
        let mut valid = Some(());
        for validation in &variable.validations {
            match site.condition("validation", validation, &Local::default(), errors) {
                Some(result) if result.passed == Some(false) => {
                    let origin = self.given.get(header.name).filter(|_| branch == 0);
                    let from = origin.map_or(String::new(), |given| {
                        format!("\nThe value comes from {}.", given.origin)
                    });
                    errors.push(
                        Diagnostic::error(
                            "validation",
                            format!("Invalid value of the variable {:?}", header.name),
                        )
                        .detail(format!("{}{from}", result.message))
                        .at(result.span),
                    );
                    valid = None;
                }
                Some(_) => {}
                None => valid = None,
            }
        }
        valid
    }
}

/// Converts a value to the variable's type.
fn typed(
    header: &Header<'_>,
    variable: &Variable<'_>,
    wanted: &Type,
    default: Option<&Value>,
    raw: Raw,
    errors: &mut Diagnostics,
) -> Option<Cell> {
    let invalid = |detail: String| {
        let from = raw
            .origin
            .as_ref()
            .map_or(String::new(), |origin| format!("\nIt comes from {origin}."));
        Diagnostic::error(
            "invalid-value",
            format!("Invalid value of the variable {:?}", header.name),
        )
        .detail(detail + &from)
        .at(raw.span.clone().unwrap_or_else(|| header.span.clone()))
    };
    let value = match raw.value {
        Value::Null if !variable.nullable => {
            let Some(default) = default else {
                errors.push(invalid("It may not be null.".to_owned()));
                return None;
            };
            default.clone()
        }
        value => value,
    };
    match convert(value, wanted) {
        Ok(value) => Some(Cell {
            value: value.mark(variable.sensitive),
            deps: raw.deps,
        }),
        Err(error) => {
            errors.push(invalid(sentence(&error)));
            None
        }
    }
}

fn no_value(header: &Header<'_>) -> Diagnostic {
    Diagnostic::error("missing-variable", format!("The variable {:?} has no value", header.name))
        .at(header.span.clone())
        .hint(format!(
            "give it with --var {0}=VALUE, in a file of values, as STREAMFORM_VAR_{0}, or with a default",
            header.name
        ))
}

/// Reads a text of the command line: a string's value as it is, else an expression.
fn from_text(
    header: &Header<'_>,
    text: &str,
    wanted: &Type,
    origin: &str,
    errors: &mut Diagnostics,
) -> Option<Value> {
    if matches!(wanted, Type::String | Type::Any) {
        return Some(Value::string(text));
    }
    let failed = |detail: String| {
        Diagnostic::error(
            "invalid-value",
            format!("Invalid value of the variable {:?}", header.name),
        )
        .detail(format!("{detail}\nIt comes from {origin}."))
        .at(header.span.clone())
    };
    let parsed = match parse_expression(text, &header.piece.file) {
        Ok(parsed) => parsed,
        Err(found) => {
            for error in found {
                errors.push(failed(format!("It is no expression: {}", error.detail)));
            }
            return None;
        }
    };
    if let Expression::Variable(word) = &parsed.expression {
        let word = word.as_str();
        errors.push(failed(format!("It is the bare word {word}.")));
        return None;
    }
    match evaluate(&parsed.expression, &Scope::bare()) {
        Ok(value) => Some(value),
        Err(found) => {
            for error in found {
                errors.push(failed(format!("{}: {}", error.summary, error.detail)));
            }
            None
        }
    }
}
