//! Which names an expression refers to, without evaluating it: the loader's dependency edges. Pure.

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ForExpr, Traversal, TraversalOperator};
use hcl_edit::template::{Directive, Element, Template};

use crate::config::number::Number;
use crate::config::value::Value;

/// A name and what follows it: `topic.orders["eu"].name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The first name.
    pub root: Arc<str>,
    /// What follows, up to the first thing that is not constant.
    pub steps: Vec<ReferenceStep>,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// One step of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceStep {
    /// `.name`
    Attribute(Arc<str>),
    /// `["key"]` or `[0]`: a constant string or number.
    Index(Value),
    /// `[…]` with an expression, or a splat. It is the last step.
    Dynamic,
}

/// Returns the references of an expression in the order of the source. Names that a `for` binds are
/// no references.
pub fn references(expr: &Expression) -> Vec<Reference> {
    let mut finder = Finder::default();
    finder.expression(expr);
    finder.found
}

/// Returns the references of a template.
pub fn template_references(template: &Template) -> Vec<Reference> {
    let mut finder = Finder::default();
    finder.template(template);
    finder.found
}

#[derive(Default)]
struct Finder<'a> {
    found: Vec<Reference>,
    bound: Vec<&'a str>,
}

impl<'a> Finder<'a> {
    fn expression(&mut self, expr: &'a Expression) {
        match expr {
            Expression::Null(_)
            | Expression::Bool(_)
            | Expression::Number(_)
            | Expression::String(_) => {}
            Expression::Array(array) => array.iter().for_each(|element| self.expression(element)),
            Expression::Object(object) => {
                for (key, value) in object {
                    if let Some(key) = key.as_expr() {
                        self.expression(key);
                    }
                    self.expression(value.expr());
                }
            }
            Expression::StringTemplate(template) => self.template(template),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template),
            Expression::Parenthesis(inner) => self.expression(inner.inner()),
            Expression::Variable(name) => self.add(name.as_str(), Vec::new(), expr.span()),
            Expression::Conditional(conditional) => {
                self.expression(&conditional.cond_expr);
                self.expression(&conditional.true_expr);
                self.expression(&conditional.false_expr);
            }
            Expression::FuncCall(call) => call.args.iter().for_each(|arg| self.expression(arg)),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.expression(&operation.expr),
            Expression::BinaryOp(operation) => {
                self.expression(&operation.lhs_expr);
                self.expression(&operation.rhs_expr);
            }
            Expression::ForExpr(for_expr) => self.for_expr(for_expr),
        }
    }

    fn add(&mut self, root: &str, steps: Vec<ReferenceStep>, range: Option<Range<usize>>) {
        if !self.bound.contains(&root) {
            self.found.push(Reference {
                root: root.into(),
                steps,
                range: range.unwrap_or_default(),
            });
        }
    }

    fn traversal(&mut self, traversal: &'a Traversal) {
        let mut steps = Vec::new();
        for operator in &traversal.operators {
            let step = step(operator.value());
            let last = step == ReferenceStep::Dynamic;
            steps.push(step);
            if last {
                break;
            }
        }
        match &traversal.expr {
            Expression::Variable(root) => self.add(root.as_str(), steps, traversal.span()),
            source => self.expression(source),
        }
        for operator in &traversal.operators {
            if let TraversalOperator::Index(index) = operator.value() {
                self.expression(index);
            }
        }
    }

    fn for_expr(&mut self, for_expr: &'a ForExpr) {
        self.expression(&for_expr.intro.collection_expr);
        let before = self.bound.len();
        self.bound
            .extend(for_expr.intro.key_var.as_ref().map(|name| name.as_str()));
        self.bound.push(for_expr.intro.value_var.as_str());
        if let Some(key) = &for_expr.key_expr {
            self.expression(key);
        }
        self.expression(&for_expr.value_expr);
        if let Some(condition) = &for_expr.cond {
            self.expression(&condition.expr);
        }
        self.bound.truncate(before);
    }

    fn template(&mut self, template: &'a Template) {
        for element in template {
            match element {
                Element::Literal(_) => {}
                Element::Interpolation(interpolation) => self.expression(&interpolation.expr),
                Element::Directive(directive) => self.directive(directive),
            }
        }
    }

    fn directive(&mut self, directive: &'a Directive) {
        match directive {
            Directive::If(directive) => {
                self.expression(&directive.if_expr.cond_expr);
                self.template(&directive.if_expr.template);
                if let Some(otherwise) = &directive.else_expr {
                    self.template(&otherwise.template);
                }
            }
            Directive::For(directive) => {
                let head = &directive.for_expr;
                self.expression(&head.collection_expr);
                let before = self.bound.len();
                self.bound
                    .extend(head.key_var.as_ref().map(|name| name.as_str()));
                self.bound.push(head.value_var.as_str());
                self.template(&head.template);
                self.bound.truncate(before);
            }
        }
    }
}

fn step(operator: &TraversalOperator) -> ReferenceStep {
    match operator {
        TraversalOperator::GetAttr(name) => ReferenceStep::Attribute(name.as_str().into()),
        TraversalOperator::LegacyIndex(index) => {
            ReferenceStep::Index(Value::Number(Number::from(*index.value())))
        }
        TraversalOperator::Index(Expression::String(key)) => {
            ReferenceStep::Index(Value::string(key.value()))
        }
        TraversalOperator::Index(Expression::Number(index)) => index
            .value()
            .as_u64()
            .map_or(ReferenceStep::Dynamic, |index| {
                ReferenceStep::Index(Value::Number(Number::from(index)))
            }),
        TraversalOperator::Index(_)
        | TraversalOperator::AttrSplat(_)
        | TraversalOperator::FullSplat(_) => ReferenceStep::Dynamic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let expr: Expression = text.parse().expect("HCL");
        references(&expr)
            .iter()
            .map(|r| text[r.range.clone()].to_owned())
            .collect()
    }

    #[test]
    fn all_names_but_the_bound_ones_are_found() {
        assert_eq!(
            found("[for t, c in topic.orders : \"${t}-${var.x}\" if c.size > local.min[each.key]]"),
            ["topic.orders", "var.x", "local.min[each.key]", "each.key"]
        );
        assert_eq!(
            found(
                "f({ a = module.m.x, (var.k) = 1, b = c }) ? -d : \"%{ for x in xs }${x}${y}%{ endfor }\""
            ),
            ["module.m.x", "var.k", "c", "d", "xs", "y"]
        );
    }

    #[test]
    fn steps_end_at_what_is_not_constant() {
        let expr: Expression = "a.b[\"c\"][0].d[e].f".parse().expect("HCL");
        let first = &references(&expr)[0];
        assert_eq!(first.root.as_ref(), "a");
        assert_eq!(
            first.steps,
            [
                ReferenceStep::Attribute("b".into()),
                ReferenceStep::Index("c".into()),
                ReferenceStep::Index(0.into()),
                ReferenceStep::Attribute("d".into()),
                ReferenceStep::Dynamic,
            ]
        );
    }
}
