//! Expression → value, as HCL's own evaluator does it. Pure: files come through [`Files`](super::files::Files).
//!
//! Start with [`evaluate`]. Every error has a span; where an expression holds several mistakes, all
//! of them are reported. Nesting is limited by the parser (64 levels, 128 operators in a chain), so
//! that recursion here is too.

mod call;
mod collection;
mod conditional;
mod for_expr;
mod limits;
mod operators;
mod references;
mod scope;
mod template;
mod traversal;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::number::{Number, NumberError};
use super::value::{Type, Value, normalise};

pub(super) use self::limits::{ELEMENTS as TOO_MANY_ELEMENTS, TEXT as TOO_LONG_TEXT};
pub(super) use self::operators::equal;
pub use self::references::{Reference, ReferenceStep, references, template_references};
pub use self::scope::{FileAccess, ReadLog, Scope, Variables};
pub use self::template::evaluate_template;

/// Evaluates an expression.
pub fn evaluate(expr: &Expression, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    match expr {
        Expression::Null(_) => Ok(Value::Null),
        Expression::Bool(value) => Ok(Value::Bool(*value.value())),
        Expression::Number(number) => {
            let text = number
                .as_repr()
                .map(|repr| &**repr)
                .filter(|text| !text.is_empty());
            literal_number(text, *number.value(), expr, scope)
        }
        Expression::String(text) => literal_string(text.value(), expr, scope),
        Expression::Array(array) => collection::array(array, expr, scope),
        Expression::Object(object) => collection::object(object, expr, scope),
        Expression::StringTemplate(template) => template::quoted(template, expr, scope),
        Expression::HeredocTemplate(heredoc) => template::heredoc(heredoc, expr, scope),
        Expression::Parenthesis(inner) => evaluate(inner.inner(), scope),
        Expression::Variable(name) => traversal::variable(name.as_str(), expr, scope),
        Expression::Conditional(conditional) => conditional::evaluate(conditional, scope),
        Expression::FuncCall(call) => call::evaluate(call, expr, scope),
        Expression::Traversal(traversal) => traversal::evaluate(traversal, scope),
        Expression::UnaryOp(operation) => operators::unary(operation, expr, scope),
        Expression::BinaryOp(operation) => operators::binary(operation, expr, scope),
        Expression::ForExpr(for_expr) => for_expr::evaluate(for_expr, expr, scope),
    }
}

/// Returns the place of an expression.
pub fn span_of(expr: &Expression, scope: &Scope<'_>) -> Option<Span> {
    scope.span(expr.span())
}

/// Reads a number from its source text: the parser's own number has only a float's precision.
fn literal_number(
    text: Option<&str>,
    parsed: hcl_edit::Number,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let number = match text {
        Some(text) => exact_number(text),
        None => match parsed.as_i64() {
            Some(small) => Ok(Number::Int(small)),
            None => Number::from_f64(parsed.as_f64().unwrap_or(f64::NAN)),
        },
    };
    number.map(Value::Number).map_err(|error| {
        Diagnostic::error("invalid-number", "Invalid number")
            .detail(error.to_string())
            .at(span_of(expr, scope))
            .into()
    })
}

fn exact_number(text: &str) -> Result<Number, NumberError> {
    let Some(digits) = text.strip_prefix('-') else {
        return text.parse();
    };
    // White space and comments may stand between the sign and the digits.
    let digits = digits
        .rsplit_once("*/")
        .map_or(digits, |(_, digits)| digits);
    Ok(digits.trim_start().parse::<Number>()?.neg())
}

fn literal_string(text: &str, expr: &Expression, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    if text.contains('\n')
        && scope
            .text_of(expr.span())
            .is_some_and(|source| source.contains('\n'))
    {
        return Err(template::line_break(expr, scope).into());
    }
    Ok(Value::String(normalise(text)))
}

/// Returns the error that a secret's value was needed, where the value is or contains a secret.
fn refuse_secret(value: &Value, needed: &str, span: Option<Span>) -> Option<Diagnostic> {
    value.contains_secret().then(|| secret_error(needed, span))
}

/// Returns the error that a secret's value was needed: `a template`, `an operator`.
pub(super) fn secret_error(needed: &str, span: Option<Span>) -> Diagnostic {
    Diagnostic::error("secret-value", "The value of a secret is not known here")
        .detail(format!(
            "{needed} needs the value, but a secret is a reference until the driver's call: \
             neither plan nor state may hold it."
        ))
        .hint("pass the secret on alone, or keep the whole text as one secret")
        .at(span)
}

/// What stands in for a value that could not be evaluated, so that others can be looked at.
fn failed() -> Value {
    Value::Unknown(Type::Any)
}

#[cfg(test)]
mod tests;
