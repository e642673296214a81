//! `[for …]`, `{for …}` and the iteration that templates share with them. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::expr::{Expression, ForExpr};

use crate::config::convert::convert;
use crate::config::number::Number;
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::collection::key_of;
use super::scope::Bindings;
use super::{Scope, failed, limits, refuse_secret, span_of};

/// What a `for` iterates over.
pub(super) enum Items {
    /// Keys and values in order.
    Known(Vec<(Value, Value)>),
    /// How many there are is not known.
    Unknown,
}

/// Returns the items of a collection without its mark.
pub(super) fn items(collection: &Value, span: Option<Span>) -> Result<Items, Diagnostics> {
    let keyed = |elements: &BTreeMap<Arc<str>, Value>| {
        elements
            .iter()
            .map(|(k, v)| (Value::String(k.clone()), v.clone()))
            .collect()
    };
    let invalid = |detail: String| {
        Diagnostic::error("invalid-iteration", "Cannot iterate over this value")
            .detail(detail)
            .at(span.clone())
    };
    match collection {
        Value::List(elements) | Value::Tuple(elements) => Ok(Items::Known(
            elements
                .iter()
                .enumerate()
                .map(|(index, value)| (Value::Number(Number::from(index)), value.clone()))
                .collect(),
        )),
        Value::Set(elements) => Ok(Items::Known(
            elements.iter().map(|e| (e.clone(), e.clone())).collect(),
        )),
        Value::Map(elements) | Value::Object(elements) => Ok(Items::Known(keyed(elements))),
        Value::Unknown(r#type) if !r#type.is_primitive() => Ok(Items::Unknown),
        Value::Null => Err(invalid("The collection is null.".into()).into()),
        Value::Secret(_) => Err(super::secret_error("A for", span).into()),
        other => Err(invalid(format!(
            "A {} is not a collection; a list, set, tuple, map or object is required.",
            other.type_of().noun()
        ))
        .into()),
    }
}

/// The names that a `for` binds.
pub(super) struct Names<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) value: &'a str,
}

impl Names<'_> {
    /// Runs `body` with the names bound to one item.
    pub(super) fn bind<T>(
        &self,
        item: (Value, Value),
        scope: &Scope<'_>,
        body: impl FnOnce(&Scope<'_>) -> T,
    ) -> T {
        let bindings = Bindings {
            value: (self.value, item.1),
            key: self.key.map(|name| (name, item.0)),
            parent: scope.bindings(),
        };
        body(&scope.within(&bindings))
    }
}

/// Evaluates a `for` expression.
pub(super) fn evaluate(
    for_expr: &ForExpr,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let source = &for_expr.intro.collection_expr;
    let (collection, sensitive) = super::evaluate(source, scope)?.unmark();
    let Items::Known(items) = items(&collection, span_of(source, scope))? else {
        return Ok(failed().mark(sensitive));
    };
    let names = Names {
        key: for_expr.intro.key_var.as_ref().map(|name| name.as_str()),
        value: for_expr.intro.value_var.as_str(),
    };
    let mut result = Collected::new(for_expr, sensitive);
    for item in items {
        names.bind(item, scope, |scope| result.add(scope));
    }
    limits::check(result.finish()?, span_of(expr, scope))
}

/// The result of a `for` expression so far.
struct Collected<'a> {
    for_expr: &'a ForExpr,
    elements: Vec<Value>,
    attributes: BTreeMap<Arc<str>, Vec<Value>>,
    known: bool,
    sensitive: bool,
    diagnostics: Diagnostics,
}

impl<'a> Collected<'a> {
    fn new(for_expr: &'a ForExpr, sensitive: bool) -> Self {
        Self {
            elements: Vec::new(),
            attributes: BTreeMap::new(),
            for_expr,
            known: true,
            sensitive,
            diagnostics: Diagnostics::new(),
        }
    }

    /// Adds the item that is bound in the scope.
    fn add(&mut self, scope: &Scope<'_>) {
        match self.try_add(scope) {
            Ok(()) => {}
            // All items are evaluated by one expression: what fails for one often fails for all alike.
            Err(errors) => {
                for error in errors {
                    if !self.diagnostics.0.contains(&error) {
                        self.diagnostics.push(error);
                    }
                }
            }
        }
    }

    fn try_add(&mut self, scope: &Scope<'_>) -> Result<(), Diagnostics> {
        let for_expr = self.for_expr;
        if let Some(condition) = &for_expr.cond
            && !self.included(&condition.expr, scope)?
        {
            return Ok(());
        }
        let Some(key_expr) = &for_expr.key_expr else {
            self.elements
                .push(super::evaluate(&for_expr.value_expr, scope)?);
            return Ok(());
        };
        let span = span_of(key_expr, scope);
        let key = key_of(super::evaluate(key_expr, scope)?, span.clone())?;
        self.sensitive |= key.sensitive;
        let Some(name) = key.name else {
            self.known = false;
            return Ok(());
        };
        let value = super::evaluate(&for_expr.value_expr, scope)?;
        let values = self.attributes.entry(name.clone()).or_default();
        values.push(value);
        if values.len() > 1 && !for_expr.grouping {
            return Err(Diagnostic::error("duplicate-key", "Duplicate object key")
                .detail(format!("Two items have the key {name:?}."))
                .hint("write ... behind the value to collect the values of a key in a list")
                .at(span)
                .into());
        }
        Ok(())
    }

    /// Whether the condition includes the item; an unknown condition makes the result unknown.
    fn included(&mut self, condition: &Expression, scope: &Scope<'_>) -> Result<bool, Diagnostics> {
        let span = span_of(condition, scope);
        let (value, sensitive) = super::evaluate(condition, scope)?.unmark();
        self.sensitive |= sensitive;
        if let Some(error) = refuse_secret(&value, "A condition", span.clone()) {
            return Err(error.into());
        }
        match convert(value, &Type::Bool) {
            Ok(Value::Bool(include)) => Ok(include),
            Ok(Value::Unknown(_)) => {
                self.known = false;
                Ok(false)
            }
            Ok(_) => Err(invalid_condition(
                "The condition is null; it must be true or false.",
                span,
            )
            .into()),
            Err(_) => Err(invalid_condition("The condition must be a bool.", span).into()),
        }
    }

    fn finish(self) -> Result<Value, Diagnostics> {
        if self.diagnostics.has_errors() {
            return Err(self.diagnostics);
        }
        let value = if !self.known {
            failed()
        } else if self.for_expr.key_expr.is_none() {
            Value::tuple(self.elements)
        } else if self.for_expr.grouping {
            Value::object(
                self.attributes
                    .into_iter()
                    .map(|(k, values)| (k, Value::tuple(values))),
            )
        } else {
            Value::object(
                self.attributes
                    .into_iter()
                    .filter_map(|(k, mut values)| Some((k, values.pop()?))),
            )
        };
        Ok(value.mark(self.sensitive))
    }
}

fn invalid_condition(detail: &str, span: Option<Span>) -> Diagnostic {
    Diagnostic::error("invalid-condition", "Invalid condition")
        .detail(detail)
        .at(span)
}
