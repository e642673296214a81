//! Limits on the size of values, so that a few lines cannot fill the memory or the stack. Pure.
//!
//! A list that holds the one before it twice, thirty times over, is a thousand million elements in
//! thirty lines. Every value that an expression makes is measured; since its parts were measured
//! before, the measuring itself stays short.

use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

/// The deepest nesting of a value.
const DEPTH: usize = 200;

/// The most elements of a value, those of its elements included.
pub(in crate::config) const ELEMENTS: usize = 4_000_000;

/// The longest text of a value, in bytes.
pub(in crate::config) const TEXT: usize = 64 << 20;

/// Returns the value, or an error where it is too large.
pub(super) fn check(value: Value, span: Option<Span>) -> Result<Value, Diagnostics> {
    let mut elements = 0;
    let problem = match measure(&value, 0, &mut elements) {
        Ok(()) => return Ok(value),
        Err(problem) => problem,
    };
    Err(
        Diagnostic::error("value-too-large", "The value is too large")
            .detail(problem)
            .at(span)
            .into(),
    )
}

fn measure(value: &Value, depth: usize, count: &mut usize) -> Result<(), String> {
    *count += 1;
    if depth > DEPTH {
        return Err(format!("It is nested more than {DEPTH} levels deep."));
    }
    if *count > ELEMENTS {
        return Err(format!("It has more than {ELEMENTS} elements."));
    }
    match value {
        Value::String(text) if text.len() > TEXT => {
            Err(format!("It is a text of more than {TEXT} bytes."))
        }
        Value::List(elements) | Value::Tuple(elements) => elements
            .iter()
            .try_for_each(|e| measure(e, depth + 1, count)),
        Value::Set(elements) => elements
            .iter()
            .try_for_each(|e| measure(e, depth + 1, count)),
        Value::Map(elements) | Value::Object(elements) => elements
            .values()
            .try_for_each(|e| measure(e, depth + 1, count)),
        Value::Sensitive(inner) => measure(inner, depth, count),
        _ => Ok(()),
    }
}
