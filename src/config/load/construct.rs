//! One instance of a block: its body, its `lifecycle` and its conditions, evaluated.

use std::ops::Range;
use std::sync::Arc;

use crate::config::block::{Attribute, Attributes, Block};
use crate::config::convert::convert;
use crate::config::project::{CheckResult, Lifecycle};
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::body::{AttributeDecl, BlockDecl, BodyDecl, Dynamic, Labels};
use super::expression::Expr;
use super::module::{self, Condition};
use super::view::{Local, Site};

/// The attributes and the nested blocks of a body.
pub(super) type Content = (Attributes, Vec<Block>);

impl Site<'_, '_, '_> {
    fn span(&self, range: &Range<usize>) -> Span {
        self.piece.span(range.clone())
    }

    /// Evaluates a body. `None` where a part of it failed; the other parts are looked at all the same.
    pub(super) fn content(
        &self,
        declared: &BodyDecl<'_>,
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<Content> {
        let mut complete = true;
        let mut attributes = Attributes::default();
        for attribute in &declared.attributes {
            match self.attribute(attribute, local, errors) {
                // An attribute that is null is one that is not set.
                Some(Value::Null) => {}
                Some(value) => {
                    let evaluated = Attribute {
                        value,
                        key_span: self.span(&attribute.key),
                        value_span: attribute.expr.span(self.piece),
                    };
                    attributes.insert(Arc::clone(&attribute.name), evaluated);
                }
                None => complete = false,
            }
        }
        let mut blocks = Vec::new();
        for block in &declared.blocks {
            let before = blocks.len();
            complete &= match &block.dynamic {
                None => self.block(block, local, &mut blocks, errors).is_some(),
                Some(dynamic) => self
                    .dynamic(block, dynamic, local, &mut blocks, errors)
                    .is_some(),
            };
            if block.dynamic.is_some() && blocks.len() > before {
                self.refuse_repetition(block, &blocks, errors);
            }
        }
        complete.then_some((attributes, blocks))
    }

    fn attribute(
        &self,
        attribute: &AttributeDecl<'_>,
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<Value> {
        let value = errors.take(self.eval(&attribute.expr, local))?;
        if attribute.required && value.is_null() {
            errors.push(
                Diagnostic::error(
                    "missing-attribute",
                    format!("The attribute {:?} is null", attribute.name),
                )
                .detail("It must have a value.")
                .at(attribute.expr.span(self.piece)),
            );
            return None;
        }
        Some(value)
    }

    fn refuse_repetition(&self, block: &BlockDecl<'_>, blocks: &[Block], errors: &mut Diagnostics) {
        let same = blocks
            .iter()
            .filter(|other| other.keyword == block.keyword)
            .count();
        if same > 1 && !block.repeatable {
            errors.push(
                Diagnostic::error(
                    "repeated-block",
                    format!("More than one {} block", block.keyword),
                )
                .detail(format!("This block may stand once, and there are {same}."))
                .at(self.span(&block.range)),
            );
        }
    }

    fn block(
        &self,
        block: &BlockDecl<'_>,
        local: &Local,
        blocks: &mut Vec<Block>,
        errors: &mut Diagnostics,
    ) -> Option<()> {
        let labels = match &block.labels {
            Labels::Fixed(labels) => Some(labels.clone()),
            Labels::Computed(labels) => self.labels(block, labels, local, errors),
        };
        let content = self.content(&block.body, local, errors);
        let (attributes, nested) = content?;
        blocks.push(Block {
            keyword: Arc::clone(&block.keyword),
            labels: labels?,
            attributes,
            blocks: nested,
            files: Vec::new(),
            span: self.span(&block.range),
        });
        Some(())
    }

    fn labels(
        &self,
        block: &BlockDecl<'_>,
        labels: &[Expr<'_>],
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<Vec<Arc<str>>> {
        let expected = block.dynamic.as_ref().map_or(0, |dynamic| dynamic.labels);
        if labels.len() != expected {
            errors.push(
                Diagnostic::error(
                    "labels",
                    format!("Wrong number of labels of a {} block", block.keyword),
                )
                .detail(format!("It has {expected}, not {}.", labels.len()))
                .at(self.span(&block.range)),
            );
            return None;
        }
        labels
            .iter()
            .map(|label| {
                let value = errors.take(self.eval(label, local))?;
                if let Ok(Value::String(text)) = convert(value, &Type::String) {
                    return Some(text);
                }
                errors.push(
                    Diagnostic::error("labels", "A label must be a known text")
                        .at(label.span(self.piece)),
                );
                None
            })
            .collect()
    }

    /// Makes one block for each element of a `dynamic` block's collection.
    fn dynamic(
        &self,
        block: &BlockDecl<'_>,
        dynamic: &Dynamic<'_>,
        local: &Local,
        blocks: &mut Vec<Block>,
        errors: &mut Diagnostics,
    ) -> Option<()> {
        let value = errors.take(self.eval(&dynamic.for_each, local))?;
        let Some(elements) = elements(&value) else {
            let noun = value.type_of().noun();
            errors.push(
                Diagnostic::error("dynamic", "Invalid for_each of a dynamic block")
                    .detail(format!(
                        "It must be a known collection that is not sensitive; its type is {noun}."
                    ))
                    .at(dynamic.for_each.span(self.piece)),
            );
            return None;
        };
        let mut complete = Some(());
        for (key, value) in elements {
            let mut inside = local.clone();
            let element = Value::object([("key", key), ("value", value)]);
            inside
                .iterators
                .push((Arc::clone(&dynamic.iterator), element));
            if self.block(block, &inside, blocks, errors).is_none() {
                complete = None;
            }
        }
        complete
    }

    /// Evaluates a `lifecycle` block apart from its conditions.
    pub(super) fn lifecycle(
        &self,
        declared: &module::Lifecycle<'_>,
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<Lifecycle> {
        let prevent_destroy = self.flag(declared.prevent_destroy.as_ref(), local, errors);
        let allow_destroy = self.flag(declared.allow_destroy.as_ref(), local, errors);
        let allow_breaking = self.flag(declared.allow_breaking.as_ref(), local, errors);
        Some(Lifecycle {
            prevent_destroy: prevent_destroy?,
            allow_destroy: allow_destroy?,
            allow_breaking: allow_breaking?,
            ignore_changes: declared.ignore_changes.clone(),
            ignore_all_changes: declared.ignore_all_changes,
            postconditions: Vec::new(),
        })
    }

    fn flag(
        &self,
        expr: Option<&Expr<'_>>,
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<bool> {
        let Some(expr) = expr else {
            return Some(false);
        };
        let value = errors.take(self.eval(expr, local))?;
        match convert(value.unmark().0, &Type::Bool) {
            Ok(Value::Bool(flag)) => Some(flag),
            Ok(Value::Null) => Some(false),
            _ => {
                errors.push(
                    Diagnostic::error("invalid-value", "true or false is needed here")
                        .at(expr.span(self.piece)),
                );
                None
            }
        }
    }

    /// Evaluates a condition and its message.
    pub(super) fn condition(
        &self,
        name: &str,
        condition: &Condition<'_>,
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<CheckResult> {
        let held = errors.take(self.eval(&condition.condition, local));
        let message = errors.take(self.eval(&condition.message, local));
        let passed = match convert(held?.unmark_deep().0, &Type::Bool) {
            Ok(Value::Bool(passed)) => Some(passed),
            Ok(Value::Unknown(_)) => None,
            _ => {
                errors.push(
                    Diagnostic::error("invalid-condition", "A condition is true or false")
                        .at(condition.condition.span(self.piece)),
                );
                return None;
            }
        };
        let message = match convert(message?, &Type::String) {
            Ok(Value::String(text)) => text,
            Ok(Value::Sensitive(_)) => "(the message holds a sensitive value)".into(),
            Ok(Value::Unknown(_)) => "(the message is not known yet)".into(),
            _ => {
                errors.push(
                    Diagnostic::error("invalid-message", "An error_message is a text")
                        .at(condition.message.span(self.piece)),
                );
                return None;
            }
        };
        Some(CheckResult {
            name: name.into(),
            passed,
            message,
            span: condition.condition.span(self.piece),
        })
    }

    /// Reports the conditions that do not hold.
    pub(super) fn preconditions(
        &self,
        what: &str,
        name: &str,
        conditions: &[Condition<'_>],
        local: &Local,
        errors: &mut Diagnostics,
    ) -> Option<()> {
        let mut all = Some(());
        for condition in conditions {
            match self.condition("precondition", condition, local, errors) {
                Some(result) if result.passed == Some(false) => {
                    errors.push(
                        Diagnostic::error(
                            "precondition",
                            format!("A precondition of {what} {name:?} does not hold"),
                        )
                        .detail(&*result.message)
                        .at(result.span),
                    );
                    all = None;
                }
                Some(_) => {}
                None => all = None,
            }
        }
        all
    }
}

/// Returns the keys and values of a collection, as `dynamic` and `for` count them.
fn elements(value: &Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::Map(elements) | Value::Object(elements) => Some(
            elements
                .iter()
                .map(|(key, value)| (Value::String(Arc::clone(key)), value.clone()))
                .collect(),
        ),
        Value::Set(elements) => Some(elements.iter().map(|e| (e.clone(), e.clone())).collect()),
        Value::List(elements) | Value::Tuple(elements) => Some(
            (0_u64..)
                .zip(elements.iter())
                .map(|(at, value)| (Value::Number(at.into()), value.clone()))
                .collect(),
        ),
        _ => None,
    }
}
