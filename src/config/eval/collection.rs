//! `[…]` and `{…}`. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Array, Expression, Object, ObjectKey};

use crate::config::convert::convert;
use crate::config::value::{Type, Value, normalise};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::{Scope, evaluate, failed, limits, refuse_secret, span_of};

/// Evaluates `[…]`.
pub(super) fn array(
    array: &Array,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut elements = Vec::with_capacity(array.len());
    for element in array {
        elements.extend(diagnostics.take(evaluate(element, scope)));
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    limits::check(Value::tuple(elements), span_of(expr, scope))
}

/// Evaluates `{…}`. A key that is unknown makes the object unknown; a key's mark is the object's.
pub(super) fn object(
    object: &Object,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut attributes = BTreeMap::new();
    let (mut known, mut sensitive) = (true, false);
    for (key, value) in object {
        let key = diagnostics.take(object_key(key, scope));
        let value = diagnostics.take(evaluate(value.expr(), scope));
        let (Some(key), Some(value)) = (key, value) else {
            continue;
        };
        sensitive |= key.sensitive;
        match key.name {
            Some(name) => {
                attributes.insert(name, value);
            }
            None => known = false,
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    if !known {
        return Ok(failed().mark(sensitive));
    }
    let value = Value::Object(Arc::new(attributes)).mark(sensitive);
    limits::check(value, span_of(expr, scope))
}

/// A key: a name, or unknown.
pub(super) struct Key {
    pub(super) name: Option<Arc<str>>,
    pub(super) sensitive: bool,
}

fn object_key(key: &ObjectKey, scope: &Scope<'_>) -> Result<Key, Diagnostics> {
    let expr = match key {
        ObjectKey::Ident(name) => {
            return Ok(Key {
                name: Some(normalise(name)),
                sensitive: false,
            });
        }
        // Keywords are names here: { null = 1 }.
        ObjectKey::Expression(Expression::Null(_)) => {
            return Ok(Key {
                name: Some("null".into()),
                sensitive: false,
            });
        }
        ObjectKey::Expression(expr) => expr,
    };
    let span = scope.span(key.span());
    if let Expression::Traversal(_) = expr {
        return Err(Diagnostic::error("ambiguous-key", "Ambiguous attribute key")
            .detail("Without parentheses it is not clear whether a name or the value of a reference is meant.")
            .hint("write (…) around a reference, or \"…\" around a name with dots")
            .at(span)
            .into());
    }
    key_of(evaluate(expr, scope)?, span)
}

/// Makes a key of a value.
pub(super) fn key_of(value: Value, span: Option<Span>) -> Result<Key, Diagnostics> {
    let (value, sensitive) = value.unmark();
    if let Some(error) = refuse_secret(&value, "An object's key", span.clone()) {
        return Err(error.into());
    }
    let invalid = |detail: String| {
        Diagnostic::error("invalid-key", "Invalid object key")
            .detail(detail)
            .at(span)
    };
    if value.is_null() {
        return Err(invalid("A key cannot be null.".into()).into());
    }
    match convert(value, &Type::String) {
        Ok(Value::String(name)) => Ok(Key {
            name: Some(name),
            sensitive,
        }),
        Ok(_) => Ok(Key {
            name: None,
            sensitive,
        }),
        Err(error) => Err(invalid(format!("A key is a text, and here {error}.")).into()),
    }
}
