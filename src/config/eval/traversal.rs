//! Names, attributes, indexes and splats: `topic.orders.config["retention.ms"]`, `list[*].name`. Pure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::{Decorated, Span as _};

use crate::config::convert::{convert, unify};
use crate::config::number::Number;
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};

use super::{Scope, failed, secret_error, span_of};

type Operator = Decorated<TraversalOperator>;

/// Evaluates a root name.
pub(super) fn variable(
    name: &str,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    if let Some(value) = scope.bound(name) {
        return Ok(value.clone());
    }
    scope.variables().get(name).ok_or_else(|| {
        let names = scope.names();
        Diagnostic::error("unknown-variable", format!("There is no {name:?} here"))
            .detail(match names.as_slice() {
                [] => "No references can be used here.".to_owned(),
                names => format!("The names that can be used here: {}.", list(names)),
            })
            .hint_opt(did_you_mean(name, names.iter().map(|n| &**n)))
            .at(span_of(expr, scope))
            .into()
    })
}

fn list(names: &[Arc<str>]) -> String {
    let mut names: Vec<&str> = names.iter().map(|name| &**name).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// Evaluates a traversal: a value and the operators behind it.
pub(super) fn evaluate(traversal: &Traversal, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    let walk = Walk { traversal, scope };
    walk.check_legacy_indexes()?;
    if let Expression::Variable(root) = &traversal.expr
        && let Some((first, rest)) = traversal.operators.split_first()
        && let TraversalOperator::GetAttr(name) = first.value()
        && scope.bound(root.as_str()).is_none()
        && let Some(value) = scope.variables().member(root.as_str(), name.as_str())
    {
        return walk.apply(value, rest);
    }
    walk.apply(
        super::evaluate(&traversal.expr, scope)?,
        &traversal.operators,
    )
}

struct Walk<'a> {
    traversal: &'a Traversal,
    scope: &'a Scope<'a>,
}

impl Walk<'_> {
    fn apply(&self, mut value: Value, operators: &[Operator]) -> Result<Value, Diagnostics> {
        let mut rest = operators;
        while let Some((operator, after)) = rest.split_first() {
            rest = after;
            match operator.value() {
                TraversalOperator::FullSplat(_) => {
                    // Everything behind a full splat is applied to each element.
                    return self.splat(value, rest, operator);
                }
                TraversalOperator::AttrSplat(_) => {
                    let each = rest.iter().take_while(|o| is_attribute(o)).count();
                    let (each, after) = rest.split_at(each);
                    if let Some(nested) = after.first()
                        && matches!(nested.value(), TraversalOperator::AttrSplat(_))
                    {
                        return Err(self.nested_splat(nested).into());
                    }
                    value = self.splat(value, each, operator)?;
                    rest = after;
                }
                TraversalOperator::GetAttr(name) => {
                    value = self.attribute(value, name.as_str(), operator)?;
                }
                TraversalOperator::Index(index) => {
                    let key = super::evaluate(index, self.scope)?;
                    value = self.index(value, key, operator)?;
                }
                TraversalOperator::LegacyIndex(index) => {
                    value =
                        self.index(value, Value::Number(Number::from(*index.value())), operator)?;
                }
            }
        }
        Ok(value)
    }

    fn span(&self, operator: &Operator) -> Option<Span> {
        // The operator's own span begins with the dot.
        let range = match operator.value() {
            TraversalOperator::GetAttr(name) => name.span(),
            _ => operator.span(),
        };
        self.scope.span(range)
    }

    fn error(&self, summary: impl Into<String>, operator: &Operator) -> Diagnostic {
        Diagnostic::error("invalid-reference", summary).at(self.span(operator))
    }

    fn nested_splat(&self, operator: &Operator) -> Diagnostic {
        self.error("A splat with .* cannot follow another", operator)
            .hint("write [*] to go through the elements of the elements")
    }

    /// `.0.0` is a decimal number for HCL's own parser.
    fn check_legacy_indexes(&self) -> Result<(), Diagnostics> {
        let is_legacy =
            |operator: &Operator| matches!(operator.value(), TraversalOperator::LegacyIndex(_));
        let mut pairs = self.traversal.operators.windows(2);
        let Some([first, second]) = pairs.find(|pair| pair.iter().all(is_legacy)) else {
            return Ok(());
        };
        let range: Option<Range<usize>> =
            first.span().zip(second.span()).map(|(a, b)| a.start..b.end);
        Err(Diagnostic::error(
            "invalid-reference",
            "Two indexes cannot be written as a decimal number",
        )
        .hint("write the indexes in brackets: [0][0]")
        .at(self.scope.span(range))
        .into())
    }

    /// Returns the text of what stands before an operator, for messages.
    fn before(&self, operator: &Operator) -> Option<&str> {
        let start = self.traversal.span()?.start;
        // An operator's span begins behind its dot or bracket, or with it.
        let text = self.scope.text_of(Some(start..operator.span()?.start))?;
        let text = text.trim_end_matches(['.', '[']).trim();
        (!text.contains('\n') && text.len() <= 80).then_some(text)
    }

    fn attribute(
        &self,
        value: Value,
        name: &str,
        operator: &Operator,
    ) -> Result<Value, Diagnostics> {
        let (value, sensitive) = value.unmark();
        let value = match &value {
            Value::Object(attributes) | Value::Map(attributes) => match attributes.get(name) {
                Some(found) => found.clone(),
                None => return Err(self.missing(&value, name, attributes, operator).into()),
            },
            Value::Unknown(r#type) => self.unknown_attribute(r#type, name, operator)?,
            Value::Secret(_) => {
                return Err(secret_error("An attribute", self.span(operator)).into());
            }
            Value::Null => {
                let what = self.before(operator).unwrap_or("the value");
                return Err(self
                    .error(format!("Null has no attribute {name:?}"), operator)
                    .detail(format!("{what} is null."))
                    .into());
            }
            Value::List(_) | Value::Tuple(_) | Value::Set(_) => {
                let noun = value.type_of().noun();
                return Err(self
                    .error(format!("A {noun} has no attribute {name:?}"), operator)
                    .hint(format!(
                        "for one element write [0].{name}, for all elements [*].{name}"
                    ))
                    .into());
            }
            other => {
                let noun = other.type_of().noun();
                return Err(self
                    .error(format!("A {noun} has no attributes"), operator)
                    .into());
            }
        };
        Ok(value.mark(sensitive))
    }

    fn missing(
        &self,
        value: &Value,
        name: &str,
        attributes: &BTreeMap<Arc<str>, Value>,
        operator: &Operator,
    ) -> Diagnostic {
        let what = self.before(operator).map_or_else(
            || format!("This {}", value.type_of().noun()),
            ToOwned::to_owned,
        );
        let word = if matches!(value, Value::Map(_)) {
            "element"
        } else {
            "attribute"
        };
        Diagnostic::error(
            "unknown-attribute",
            format!("{what} has no {word} {name:?}"),
        )
        .detail(known_names(word, attributes))
        .hint_opt(did_you_mean(name, attributes.keys().map(|key| &**key)))
        .at(self.span(operator))
    }

    fn unknown_attribute(
        &self,
        r#type: &Type,
        name: &str,
        operator: &Operator,
    ) -> Result<Value, Diagnostics> {
        match r#type {
            Type::Any => Ok(failed()),
            Type::Map(element) => Ok(Value::Unknown((**element).clone())),
            Type::Object(attributes) => match attributes.get(name) {
                Some(attribute) => Ok(Value::Unknown(attribute.r#type.clone())),
                None => Err(self
                    .error(format!("This object has no attribute {name:?}"), operator)
                    .hint_opt(did_you_mean(name, attributes.keys().map(|key| &**key)))
                    .into()),
            },
            other => Err(self
                .error(
                    format!("A {} has no attribute {name:?}", other.noun()),
                    operator,
                )
                .into()),
        }
    }

    fn index(&self, value: Value, key: Value, operator: &Operator) -> Result<Value, Diagnostics> {
        let (value, value_marked) = value.unmark();
        let (key, key_marked) = key.unmark();
        let result = self.index_unmarked(&value, key, operator)?;
        Ok(result.mark(value_marked || key_marked))
    }

    fn index_unmarked(
        &self,
        value: &Value,
        key: Value,
        operator: &Operator,
    ) -> Result<Value, Diagnostics> {
        if matches!(key, Value::Secret(_)) {
            return Err(secret_error("An index", self.span(operator)).into());
        }
        if key.is_null() {
            return Err(self.error("An index cannot be null", operator).into());
        }
        match value {
            Value::List(elements) | Value::Tuple(elements) => {
                let key = self.key(key, &Type::Number, operator)?;
                let Value::Number(index) = &key else {
                    return Ok(match value.type_of() {
                        Type::List(element) => Value::Unknown(*element),
                        _ => failed(),
                    });
                };
                let found = index.to_usize().and_then(|index| elements.get(index));
                found
                    .cloned()
                    .ok_or_else(|| self.outside(value, index, elements.len(), operator).into())
            }
            Value::Map(elements) | Value::Object(elements) => {
                let key = self.key(key, &Type::String, operator)?;
                let Value::String(name) = &key else {
                    return Ok(match value.type_of() {
                        Type::Map(element) => Value::Unknown(*element),
                        _ => failed(),
                    });
                };
                elements
                    .get(name)
                    .cloned()
                    .ok_or_else(|| self.missing(value, name, elements, operator).into())
            }
            Value::Unknown(r#type) => self.index_unknown(r#type, key, operator),
            Value::Set(_) => Err(self
                .error("The elements of a set have no index", operator)
                .hint("use a for expression, or tolist(…) to get a list in order")
                .into()),
            Value::Null => Err(self
                .error("Null cannot be indexed", operator)
                .detail(format!(
                    "{} is null.",
                    self.before(operator).unwrap_or("The value")
                ))
                .into()),
            Value::Secret(_) => Err(secret_error("An index", self.span(operator)).into()),
            other => Err(self
                .error(
                    format!("A {} cannot be indexed", other.type_of().noun()),
                    operator,
                )
                .into()),
        }
    }

    fn index_unknown(
        &self,
        r#type: &Type,
        key: Value,
        operator: &Operator,
    ) -> Result<Value, Diagnostics> {
        match r#type {
            Type::Any => Ok(failed()),
            Type::List(element) => {
                self.key(key, &Type::Number, operator)?;
                Ok(Value::Unknown((**element).clone()))
            }
            Type::Map(element) => {
                self.key(key, &Type::String, operator)?;
                Ok(Value::Unknown((**element).clone()))
            }
            Type::Tuple(elements) => match self.key(key, &Type::Number, operator)? {
                Value::Number(index) => {
                    match index.to_usize().and_then(|index| elements.get(index)) {
                        Some(element) => Ok(Value::Unknown(element.clone())),
                        None => Err(self
                            .outside(
                                &Value::Unknown(r#type.clone()),
                                &index,
                                elements.len(),
                                operator,
                            )
                            .into()),
                    }
                }
                _ => Ok(failed()),
            },
            Type::Object(_) => match self.key(key, &Type::String, operator)? {
                Value::String(name) => self.unknown_attribute(r#type, &name, operator),
                _ => Ok(failed()),
            },
            other => Err(self
                .error(format!("A {} cannot be indexed", other.noun()), operator)
                .into()),
        }
    }

    fn key(&self, key: Value, wanted: &Type, operator: &Operator) -> Result<Value, Diagnostics> {
        convert(key, wanted).map_err(|error| {
            self.error("Invalid index", operator)
                .detail(format!("Here {error}."))
                .into()
        })
    }

    fn outside(
        &self,
        value: &Value,
        index: &Number,
        length: usize,
        operator: &Operator,
    ) -> Diagnostic {
        let noun = value.type_of().noun();
        let detail = if index.is_negative() {
            "An index is not negative; it counts from 0.".to_owned()
        } else if !index.is_integer() {
            "An index is a whole number.".to_owned()
        } else if length == 0 {
            format!("The {noun} is empty.")
        } else {
            format!(
                "The {noun} has {length} elements: the last one is [{}].",
                length - 1
            )
        };
        self.error(format!("There is no element [{index}]"), operator)
            .detail(detail)
    }

    fn splat(
        &self,
        value: Value,
        each: &[Operator],
        operator: &Operator,
    ) -> Result<Value, Diagnostics> {
        let (value, sensitive) = value.unmark();
        let result = match &value {
            Value::Null => Value::tuple(Vec::new()),
            Value::Unknown(r#type) => self.splat_unknown(r#type, each)?,
            Value::List(elements) => to_list(self.each(elements.iter(), each)?),
            Value::Set(elements) => to_list(self.each(elements.iter(), each)?),
            Value::Tuple(elements) => Value::tuple(self.each(elements.iter(), each)?),
            Value::Secret(_) => return Err(secret_error("A splat", self.span(operator)).into()),
            // Any other value counts as a tuple of itself.
            single => Value::tuple(self.each(std::iter::once(single), each)?),
        };
        Ok(result.mark(sensitive))
    }

    fn each<'v>(
        &self,
        elements: impl Iterator<Item = &'v Value>,
        operators: &[Operator],
    ) -> Result<Vec<Value>, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let values = elements
            .filter_map(|element| diagnostics.take(self.apply(element.clone(), operators)))
            .collect();
        if diagnostics.has_errors() {
            Err(diagnostics)
        } else {
            Ok(values)
        }
    }

    fn splat_unknown(&self, r#type: &Type, each: &[Operator]) -> Result<Value, Diagnostics> {
        let element = |element: &Type| self.apply(Value::Unknown(element.clone()), each);
        Ok(match r#type {
            Type::Any => failed(),
            Type::List(inner) | Type::Set(inner) => {
                Value::Unknown(Type::list(element(inner)?.type_of()))
            }
            Type::Tuple(elements) => {
                let elements = elements
                    .iter()
                    .map(element)
                    .collect::<Result<Vec<_>, _>>()?;
                Value::Unknown(Type::Tuple(elements.iter().map(Value::type_of).collect()))
            }
            single => {
                // It may turn out to be null, and then there is no element; what follows is checked.
                element(single)?;
                failed()
            }
        })
    }
}

/// Makes a list where all elements are of one type; the elements of a nested splat may differ.
fn to_list(elements: Vec<Value>) -> Value {
    let types: Vec<_> = elements
        .iter()
        .filter(|e| !e.is_null())
        .map(Value::type_of)
        .collect();
    match types.as_slice() {
        [] => Value::list(elements),
        [first, rest @ ..]
            if rest.iter().all(|t| {
                t == first || unify(&[first.clone(), t.clone()]).as_ref() == Some(first)
            }) =>
        {
            Value::list(elements)
        }
        _ => Value::tuple(elements),
    }
}

fn is_attribute(operator: &Operator) -> bool {
    matches!(
        operator.value(),
        TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
    )
}

fn known_names(word: &str, attributes: &BTreeMap<Arc<str>, Value>) -> String {
    const SHOWN: usize = 10;
    if attributes.is_empty() {
        return format!("There are no {word}s.");
    }
    let mut names: Vec<&str> = attributes.keys().map(|key| &**key).take(SHOWN).collect();
    if attributes.len() > SHOWN {
        names.push("…");
    }
    format!("The {word}s: {}.", names.join(", "))
}
