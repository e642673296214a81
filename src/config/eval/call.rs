//! Function calls: `max(list...)`, `try(…)`. Pure.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall};

use crate::config::functions::{self, Argument};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};

use super::{Scope, failed, limits, span_of};

/// Functions that evaluate their arguments themselves, or that only the console has.
const SPECIAL: [&str; 2] = ["can", "try"];

/// Evaluates a call.
pub(super) fn evaluate(
    call: &FuncCall,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let name = function_name(call, scope)?;
    match name {
        "try" => return first_that_works(call, expr, scope),
        "can" => return can(call, expr, scope),
        "type" if scope.is_console() => return type_name(call, expr, scope),
        _ => {}
    }
    let Some(function) = functions::find(name) else {
        return Err(unknown_function(name, call, scope).into());
    };
    let Some(arguments) = arguments(call, scope)? else {
        return Ok(failed());
    };
    let span = span_of(expr, scope);
    let value = functions::run(function, arguments.values, span.clone(), scope)?;
    limits::check(value.mark(arguments.sensitive), span)
}

/// Returns the function's name; `core::upper` is `upper`, as in Terraform.
fn function_name<'c>(call: &'c FuncCall, scope: &Scope<'_>) -> Result<&'c str, Diagnostics> {
    match call.name.namespace.as_slice() {
        [] => Ok(call.name.name.as_str()),
        [core] if core.as_str() == "core" => Ok(call.name.name.as_str()),
        [first, ..] => Err(Diagnostic::error(
            "unknown-function",
            "There are no functions of providers",
        )
        .detail(format!(
            "The only namespace of functions is core, and this is {:?}.",
            first.as_str()
        ))
        .at(scope.span(first.span()))
        .into()),
    }
}

fn unknown_function(name: &str, call: &FuncCall, scope: &Scope<'_>) -> Diagnostic {
    let span = scope.span(call.name.name.span());
    if let Some(instead) = functions::instead_of(name) {
        return Diagnostic::error("impure-function", format!("{name}() cannot be used"))
            .detail(
                "A plan is a function of its inputs: the same files and values make the same plan.",
            )
            .hint(instead)
            .at(span);
    }
    if name == "type" {
        return Diagnostic::error("unknown-function", "type() is there in the console only")
            .at(span);
    }
    Diagnostic::error("unknown-function", format!("There is no function {name:?}"))
        .hint_opt(did_you_mean(name, functions::names().chain(SPECIAL)))
        .at(span)
}

/// The evaluated arguments of a call.
struct Arguments {
    values: Vec<Argument>,
    /// Whether a list that was expanded is marked.
    sensitive: bool,
}

/// Evaluates the arguments; `None` where a list that is to be expanded is unknown.
fn arguments(call: &FuncCall, scope: &Scope<'_>) -> Result<Option<Arguments>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut values = Vec::with_capacity(call.args.len());
    for arg in &call.args {
        if let Some(value) = diagnostics.take(super::evaluate(arg, scope)) {
            values.push(Argument {
                value,
                span: span_of(arg, scope),
            });
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let mut sensitive = false;
    if call.args.expand_final()
        && let Some(last) = values.pop()
    {
        let (list, marked) = last.value.unmark();
        sensitive = marked;
        let elements = match list {
            Value::List(elements) | Value::Tuple(elements) => elements.to_vec(),
            Value::Set(elements) => elements.iter().cloned().collect(),
            Value::Unknown(r#type) if !r#type.is_primitive() => return Ok(None),
            _ => {
                return Err(Diagnostic::error("invalid-expansion", "The last argument cannot be expanded")
                    .detail("A list, set or tuple stands before the ... that makes arguments of its elements.")
                    .at(last.span)
                    .into());
            }
        };
        values.extend(elements.into_iter().map(|value| Argument {
            value,
            span: last.span.clone(),
        }));
    }
    Ok(Some(Arguments { values, sensitive }))
}

/// Evaluates `try`: the first argument that evaluates without an error.
fn first_that_works(
    call: &FuncCall,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let mut problems = Vec::new();
    for arg in &call.args {
        match super::evaluate(arg, scope) {
            Ok(value) => return Ok(value),
            Err(errors) => problems.extend(errors.into_iter().map(|error| {
                if error.detail.is_empty() {
                    error.summary
                } else {
                    format!("{}: {}", error.summary, error.detail)
                }
            })),
        }
    }
    let detail = if problems.is_empty() {
        "At least one argument is required.".to_owned()
    } else {
        problems.join("\n")
    };
    Err(
        Diagnostic::error("try-failed", "No argument of try() can be evaluated")
            .detail(detail)
            .at(span_of(expr, scope))
            .into(),
    )
}

fn can(call: &FuncCall, expr: &Expression, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    let arg = only_argument(call, expr, scope)?;
    Ok(Value::Bool(super::evaluate(arg, scope).is_ok()))
}

fn type_name(call: &FuncCall, expr: &Expression, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    let arg = only_argument(call, expr, scope)?;
    Ok(Value::from(
        super::evaluate(arg, scope)?.type_of().to_string(),
    ))
}

fn only_argument<'c>(
    call: &'c FuncCall,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<&'c Expression, Diagnostics> {
    match call.args.get(0) {
        Some(arg) if call.args.len() == 1 && !call.args.expand_final() => Ok(arg),
        _ => Err(Diagnostic::error(
            "argument-count",
            format!("{}() takes one argument", call.name.name.as_str()),
        )
        .at(span_of(expr, scope))
        .into()),
    }
}
