//! The body of a kind's block: declared once, evaluated for each instance.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block as Syntax, Body, Structure};

use crate::config::schema::{BlockSchema, NestedBlockSchema};
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::expression::{Expr, Place, Ref, Resolver};
use super::index::header_range;
use super::source::{Piece, span};

/// The body of a block, checked, with its names resolved.
#[derive(Debug, Default)]
pub(super) struct BodyDecl<'a> {
    pub(super) attributes: Vec<AttributeDecl<'a>>,
    pub(super) blocks: Vec<BlockDecl<'a>>,
}

/// `name = expression`
#[derive(Debug)]
pub(super) struct AttributeDecl<'a> {
    pub(super) name: Arc<str>,
    pub(super) required: bool,
    pub(super) key: Range<usize>,
    pub(super) expr: Expr<'a>,
}

/// A nested block, or the `dynamic` block that makes some.
#[derive(Debug)]
pub(super) struct BlockDecl<'a> {
    pub(super) keyword: Arc<str>,
    pub(super) repeatable: bool,
    /// The keyword and the labels.
    pub(super) range: Range<usize>,
    pub(super) labels: Labels<'a>,
    pub(super) dynamic: Option<Dynamic<'a>>,
    pub(super) body: BodyDecl<'a>,
}

/// The labels of a nested block.
#[derive(Debug)]
pub(super) enum Labels<'a> {
    Fixed(Vec<Arc<str>>),
    Computed(Vec<Expr<'a>>),
}

/// What a `dynamic` block repeats.
#[derive(Debug)]
pub(super) struct Dynamic<'a> {
    pub(super) for_each: Expr<'a>,
    pub(super) iterator: Arc<str>,
    /// How many labels the blocks need.
    pub(super) labels: usize,
}

/// The names of attributes and blocks as shared texts, so that a name is kept once in a project.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<&'static str, Arc<str>>);

impl Names {
    /// Returns the shared text of a name.
    pub(super) fn get(&mut self, name: &'static str) -> Arc<str> {
        Arc::clone(self.0.entry(name).or_insert_with(|| name.into()))
    }
}

/// Declares a body. What its schema does not name has been reported and is passed over.
pub(super) fn declare<'a>(
    piece: &Piece,
    body: &'a Body,
    schema: &BlockSchema,
    place: &Place<'a>,
    resolver: &Resolver<'_, 'a>,
    names: &mut Names,
    diagnostics: &mut Diagnostics,
) -> BodyDecl<'a> {
    let mut declare = Declare {
        piece,
        resolver,
        names,
        diagnostics,
    };
    declare.body(body, schema, place)
}

struct Declare<'r, 'd, 'a> {
    piece: &'d Piece,
    resolver: &'d Resolver<'r, 'a>,
    names: &'d mut Names,
    diagnostics: &'d mut Diagnostics,
}

impl<'a> Declare<'_, '_, 'a> {
    fn body(&mut self, body: &'a Body, schema: &BlockSchema, place: &Place<'a>) -> BodyDecl<'a> {
        let mut declared = BodyDecl::default();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let name = attribute.key.as_str();
                    let Some(schema) = schema.attributes.iter().find(|a| a.name == name) else {
                        continue;
                    };
                    declared.attributes.push(AttributeDecl {
                        name: self.names.get(schema.name),
                        required: schema.required,
                        key: attribute.key.span().unwrap_or(0..0),
                        expr: self.expr(&attribute.value, place),
                    });
                }
                Structure::Block(block) => {
                    let dynamic = block.has_ident("dynamic");
                    let keyword = match block.labels.first() {
                        Some(label) if dynamic => label.as_str(),
                        _ => block.ident.as_str(),
                    };
                    let Some(schema) = schema.blocks.iter().find(|b| b.keyword == keyword) else {
                        continue;
                    };
                    declared.blocks.extend(if dynamic {
                        self.dynamic(block, schema, place)
                    } else {
                        Some(self.block(block, schema, place))
                    });
                }
            }
        }
        declared
    }

    fn expr(&mut self, ast: &'a Expression, place: &Place<'a>) -> Expr<'a> {
        self.resolver
            .resolve(self.piece, ast, place, self.diagnostics)
    }

    fn block(
        &mut self,
        block: &'a Syntax,
        schema: &NestedBlockSchema,
        place: &Place<'a>,
    ) -> BlockDecl<'a> {
        BlockDecl {
            keyword: self.names.get(schema.keyword),
            repeatable: schema.repeatable,
            range: header_range(block),
            labels: Labels::Fixed(block.labels.iter().map(|l| l.as_str().into()).collect()),
            dynamic: None,
            body: self.body(&block.body, &schema.body, place),
        }
    }

    /// Declares a `dynamic` block; one that lacks a part has been reported.
    fn dynamic(
        &mut self,
        block: &'a Syntax,
        schema: &NestedBlockSchema,
        place: &Place<'a>,
    ) -> Option<BlockDecl<'a>> {
        let for_each = block.body.get_attribute("for_each")?;
        let content = block.body.iter().find_map(Structure::as_block)?;
        let iterator = match block.body.get_attribute("iterator").map(|a| &a.value) {
            None => block.labels.first()?.as_str(),
            Some(Expression::Variable(name)) => name.as_str(),
            Some(other) => {
                self.diagnostics.push(
                    Diagnostic::error("dynamic", "A dynamic block's iterator is a plain name")
                        .at(span(self.piece, other))
                        .hint("write it without quotes"),
                );
                return None;
            }
        };
        let for_each = self.expr(&for_each.value, place);
        let mut inside = place.clone();
        inside.iterators.push(iterator);
        let labels = match block.body.get_attribute("labels").map(|a| &a.value) {
            None => Vec::new(),
            Some(Expression::Array(labels)) => labels
                .iter()
                .map(|label| self.expr(label, &inside))
                .collect(),
            Some(other) => {
                self.diagnostics.push(
                    Diagnostic::error("dynamic", "A dynamic block's labels are a list")
                        .at(span(self.piece, other)),
                );
                return None;
            }
        };
        Some(BlockDecl {
            keyword: self.names.get(schema.keyword),
            repeatable: schema.repeatable,
            range: header_range(block),
            labels: Labels::Computed(labels),
            dynamic: Some(Dynamic {
                for_each,
                iterator: iterator.into(),
                labels: schema.labels,
            }),
            body: self.body(&content.body, &schema.body, &inside),
        })
    }
}

impl BodyDecl<'_> {
    /// Calls `visit` with every use of a name in this body.
    pub(super) fn each_ref(&self, visit: &mut dyn FnMut(&Ref)) {
        for attribute in &self.attributes {
            attribute.expr.refs.iter().for_each(&mut *visit);
        }
        for block in &self.blocks {
            if let Some(dynamic) = &block.dynamic {
                dynamic.for_each.refs.iter().for_each(&mut *visit);
            }
            if let Labels::Computed(labels) = &block.labels {
                for label in labels {
                    label.refs.iter().for_each(&mut *visit);
                }
            }
            block.body.each_ref(visit);
        }
    }
}
