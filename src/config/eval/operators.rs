//! Unary and binary operators. Pure.

use std::cmp::Ordering;

use hcl_edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOp, UnaryOperator};

use crate::config::convert::convert;
use crate::config::number::{Number, NumberError};
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::{Scope, evaluate, failed, secret_error, span_of};

/// Evaluates `!x` and `-x`.
pub(super) fn unary(
    operation: &UnaryOp,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let wanted = match *operation.operator.value() {
        UnaryOperator::Neg => Type::Number,
        UnaryOperator::Not => Type::Bool,
    };
    let value = evaluate(&operation.expr, scope)?;
    let span = span_of(&operation.expr, scope);
    let (value, sensitive) = operand(value, &wanted, span)?.unmark();
    let result = match value {
        Value::Number(number) => Value::Number(number.neg()),
        Value::Bool(value) => Value::Bool(!value),
        Value::Null => return Err(null_operand(span_of(expr, scope)).into()),
        _ => Value::Unknown(wanted),
    };
    Ok(result.mark(sensitive))
}

/// Converts an operand to the type that its operator takes.
fn operand(value: Value, wanted: &Type, span: Option<Span>) -> Result<Value, Diagnostics> {
    if matches!(value.unmarked(), Value::Secret(_)) {
        return Err(secret_error("An operator", span).into());
    }
    convert(value, wanted).map_err(|error| {
        Diagnostic::error("invalid-operand", "Invalid operand")
            .detail(format!("Here {error}."))
            .at(span)
            .into()
    })
}

fn null_operand(span: Option<Span>) -> Diagnostic {
    Diagnostic::error("invalid-operand", "Invalid operand")
        .detail("An operand is null.")
        .at(span)
}

/// Evaluates a binary operation. Both sides are evaluated; where `&&` and `||` are decided by one
/// side, the other side's errors do not count.
pub(super) fn binary(
    operation: &BinaryOp,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let operator = *operation.operator.value();
    let lhs = Side::new(&operation.lhs_expr, operator, scope);
    let rhs = Side::new(&operation.rhs_expr, operator, scope);
    let mut diagnostics = Diagnostics::new();
    for error in [&lhs.invalid, &rhs.invalid].into_iter().flatten() {
        diagnostics.extend(error.clone());
    }
    let sensitive = lhs.sensitive || rhs.sensitive;
    if !diagnostics.has_errors() && matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
        return logical(
            operator == BinaryOperator::Or,
            lhs,
            rhs,
            span_of(expr, scope),
        )
        .map(|value| value.mark(sensitive));
    }
    diagnostics.extend(lhs.diagnostics);
    diagnostics.extend(rhs.diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let value = match operator {
        BinaryOperator::Eq => equality(&lhs.value, &rhs.value, true, span_of(expr, scope))?,
        BinaryOperator::NotEq => equality(&lhs.value, &rhs.value, false, span_of(expr, scope))?,
        operator => arithmetic(operator, &lhs.value, &rhs.value, expr, scope)?,
    };
    Ok(value.mark(sensitive))
}

/// One side of an operator.
struct Side {
    value: Value,
    sensitive: bool,
    /// What its evaluation said.
    diagnostics: Diagnostics,
    /// Set where the value is not of the operator's type.
    invalid: Option<Diagnostics>,
}

impl Side {
    fn new(expr: &Expression, operator: BinaryOperator, scope: &Scope<'_>) -> Self {
        let mut diagnostics = Diagnostics::new();
        let value = diagnostics
            .take(evaluate(expr, scope))
            .unwrap_or_else(failed);
        let mut invalid = None;
        let value = match operator {
            BinaryOperator::Eq | BinaryOperator::NotEq => value.unmark_deep(),
            operator => {
                let wanted = match operator {
                    BinaryOperator::And | BinaryOperator::Or => Type::Bool,
                    _ => Type::Number,
                };
                operand(value, &wanted, span_of(expr, scope))
                    .unwrap_or_else(|error| {
                        invalid = Some(error);
                        failed()
                    })
                    .unmark()
            }
        };
        Self {
            value: value.0,
            sensitive: value.1,
            diagnostics,
            invalid,
        }
    }
}

/// `||` where `decisive` is true, `&&` where it is false: a side with that value decides alone.
fn logical(decisive: bool, lhs: Side, rhs: Side, span: Option<Span>) -> Result<Value, Diagnostics> {
    let outcome = |value: Value, diagnostics: Diagnostics| {
        if diagnostics.has_errors() {
            Err(diagnostics)
        } else {
            Ok(value)
        }
    };
    let unknown = Value::Unknown(Type::Bool);
    match (&lhs.value, &rhs.value) {
        (Value::Bool(side), _) if *side == decisive => return outcome(lhs.value, lhs.diagnostics),
        (_, Value::Bool(side)) if *side == decisive => return outcome(rhs.value, rhs.diagnostics),
        (Value::Unknown(_), Value::Unknown(_)) if !lhs.diagnostics.has_errors() => {
            return Ok(unknown);
        }
        (Value::Unknown(_), Value::Bool(_)) => return outcome(unknown, lhs.diagnostics),
        (Value::Bool(_), Value::Unknown(_)) => return outcome(unknown, rhs.diagnostics),
        _ => {}
    }
    let mut diagnostics = lhs.diagnostics;
    diagnostics.extend(rhs.diagnostics);
    if !diagnostics.has_errors() && (lhs.value.is_null() || rhs.value.is_null()) {
        diagnostics.push(null_operand(span));
    }
    // Both are booleans and neither decides, or one is null.
    outcome(Value::Bool(!decisive), diagnostics)
}

fn equality(
    lhs: &Value,
    rhs: &Value,
    wanted: bool,
    span: Option<Span>,
) -> Result<Value, Diagnostics> {
    // Whether a secret is null can be said without its value.
    if !lhs.is_null() && !rhs.is_null() && (lhs.contains_secret() || rhs.contains_secret()) {
        return Err(secret_error("A comparison", span).into());
    }
    Ok(match equal(lhs, rhs) {
        Some(same) => Value::Bool(same == wanted),
        None => Value::Unknown(Type::Bool),
    })
}

/// Whether two values without marks are equal; `None` where unknown parts decide.
pub(in crate::config) fn equal(lhs: &Value, rhs: &Value) -> Option<bool> {
    match (lhs, rhs) {
        (Value::Unknown(Type::Any), _) | (_, Value::Unknown(Type::Any)) => None,
        (Value::Unknown(r#type), other) | (other, Value::Unknown(r#type)) => {
            let other = other.type_of();
            let comparable = *r#type == other || !r#type.is_primitive() || other == Type::Any;
            if comparable { None } else { Some(false) }
        }
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            all_equal(a.iter().zip(b.iter()))
        }
        (Value::Map(a), Value::Map(b)) | (Value::Object(a), Value::Object(b)) => {
            if a.len() != b.len() || a.keys().ne(b.keys()) {
                return Some(false);
            }
            all_equal(a.values().zip(b.values()))
        }
        (Value::Set(a), Value::Set(b)) => {
            let known =
                |set: &std::collections::BTreeSet<Value>| set.iter().all(Value::is_wholly_known);
            (known(a) && known(b)).then(|| a == b)
        }
        (a, b) => Some(a == b),
    }
}

fn all_equal<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut result = Some(true);
    for (a, b) in pairs {
        match equal(a, b) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

fn arithmetic(
    operator: BinaryOperator,
    lhs: &Value,
    rhs: &Value,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let compares = matches!(
        operator,
        BinaryOperator::Less
            | BinaryOperator::LessEq
            | BinaryOperator::Greater
            | BinaryOperator::GreaterEq
    );
    let (lhs, rhs) = match (lhs, rhs) {
        (Value::Number(lhs), Value::Number(rhs)) => (lhs, rhs),
        (Value::Null, _) | (_, Value::Null) => {
            return Err(null_operand(span_of(expr, scope)).into());
        }
        _ => {
            return Ok(Value::Unknown(if compares {
                Type::Bool
            } else {
                Type::Number
            }));
        }
    };
    if compares {
        return Ok(Value::Bool(holds(operator, lhs.cmp(rhs))));
    }
    compute(operator, lhs, rhs)
        .map(Value::Number)
        .map_err(|error| {
            Diagnostic::error("invalid-operation", "The operation has no result")
                .detail(format!("{lhs} {} {rhs}: {error}.", operator.as_str()))
                .at(span_of(expr, scope))
                .into()
        })
}

fn compute(operator: BinaryOperator, lhs: &Number, rhs: &Number) -> Result<Number, NumberError> {
    match operator {
        BinaryOperator::Plus => lhs.add(rhs),
        BinaryOperator::Minus => lhs.sub(rhs),
        BinaryOperator::Mul => lhs.mul(rhs),
        BinaryOperator::Div => lhs.div(rhs),
        _ => lhs.rem(rhs),
    }
}

fn holds(operator: BinaryOperator, ordering: Ordering) -> bool {
    match operator {
        BinaryOperator::Less => ordering.is_lt(),
        BinaryOperator::LessEq => ordering.is_le(),
        BinaryOperator::Greater => ordering.is_gt(),
        _ => ordering.is_ge(),
    }
}
