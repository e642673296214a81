//! `condition ? a : b`. Pure.

use hcl_edit::expr::Conditional;

use crate::config::convert::{convert, unify};
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::{Scope, failed, refuse_secret, span_of};

/// One branch: its value, or what went wrong, and its place.
pub(super) struct Branch {
    value: Value,
    diagnostics: Diagnostics,
    span: Option<Span>,
}

impl Branch {
    pub(super) fn new(result: Result<Value, Diagnostics>, span: Option<Span>) -> Self {
        let mut diagnostics = Diagnostics::new();
        Self {
            value: diagnostics.take(result).unwrap_or_else(failed),
            diagnostics,
            span,
        }
    }
}

/// Evaluates a conditional.
pub(super) fn evaluate(conditional: &Conditional, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    let branch = |expr| Branch::new(super::evaluate(expr, scope), span_of(expr, scope));
    choose(
        super::evaluate(&conditional.cond_expr, scope),
        span_of(&conditional.cond_expr, scope).as_ref(),
        branch(&conditional.true_expr),
        branch(&conditional.false_expr),
    )
}

/// Chooses a branch. Both were evaluated, because both decide the result's type and marks; only the
/// chosen one's errors count.
pub(super) fn choose(
    condition: Result<Value, Diagnostics>,
    condition_span: Option<&Span>,
    yes: Branch,
    no: Branch,
) -> Result<Value, Diagnostics> {
    let r#type = result_type(&yes, &no)?;
    let (condition, sensitive) = condition?.unmark();
    let (yes_value, yes_marked) = yes.value.unmark();
    let (no_value, no_marked) = no.value.unmark();
    let sensitive = sensitive || yes_marked || no_marked;
    let invalid = |detail: &str| {
        Diagnostic::error("invalid-condition", "Invalid condition")
            .detail(detail)
            .at(condition_span.cloned())
    };
    if let Some(error) = refuse_secret(&condition, "A condition", condition_span.cloned()) {
        return Err(error.into());
    }
    let (value, diagnostics, span) = match convert(condition, &Type::Bool) {
        Ok(Value::Bool(true)) => (yes_value, yes.diagnostics, yes.span),
        Ok(Value::Bool(false)) => (no_value, no.diagnostics, no.span),
        Ok(Value::Null) => {
            return Err(invalid("The condition is null; it must be true or false.").into());
        }
        Ok(_) => return Ok(either(yes_value, &no_value, r#type).mark(sensitive)),
        Err(_) => return Err(invalid("The condition must be a bool.").into()),
    };
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let value = convert(value, &r#type).map_err(|error| {
        Diagnostic::error("inconsistent-types", "Inconsistent types of a conditional")
            .detail(format!("The result has the wrong type: {error}."))
            .at(span)
    })?;
    Ok(value.mark(sensitive))
}

fn result_type(yes: &Branch, no: &Branch) -> Result<Type, Diagnostics> {
    let (a, b) = (yes.value.type_of(), no.value.type_of());
    if yes.value.is_null() {
        return Ok(b);
    }
    if no.value.is_null() {
        return Ok(a);
    }
    unify(&[a.clone(), b.clone()]).ok_or_else(|| {
        let span = match (&yes.span, &no.span) {
            (Some(yes), Some(no)) => Some(Span::new(
                yes.file.clone(),
                yes.start..no.end.max(yes.start),
            )),
            _ => None,
        };
        Diagnostic::error("inconsistent-types", "Inconsistent types of a conditional")
            .detail(format!(
                "Both results must have one type, and these are {a} and {b}."
            ))
            .at(span)
            .into()
    })
}

/// The result under an unknown condition: known only where both branches leave no choice.
fn either(yes: Value, no: &Value, r#type: Type) -> Value {
    let empty = |value: &Value| match value {
        Value::List(elements) => elements.is_empty(),
        Value::Set(elements) => elements.is_empty(),
        Value::Map(elements) => elements.is_empty(),
        _ => false,
    };
    let decided = match &yes {
        Value::Null | Value::Number(_) => yes == *no,
        collection => empty(collection) && yes == *no,
    };
    if decided { yes } else { Value::Unknown(r#type) }
}
