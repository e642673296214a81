//! Checks that a block holds what its schema names, nothing else, and all that is required. Pure.

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Body, Structure};

use crate::config::schema::{AttributeSchema, BlockSchema, NestedBlockSchema};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};

use super::index::header_span;
use super::source::{Piece, span};

/// A block that holds nothing.
pub(super) const EMPTY: BlockSchema = BlockSchema::flat(&[]);

/// Returns the schema of a nested block without labels.
pub(super) const fn nested(
    keyword: &'static str,
    repeatable: bool,
    body: BlockSchema,
) -> NestedBlockSchema {
    NestedBlockSchema {
        keyword,
        labels: 0,
        repeatable,
        body,
    }
}

/// What a `dynamic` block holds besides `content`.
const DYNAMIC: BlockSchema = BlockSchema::flat(&[
    AttributeSchema::required("for_each", "The collection that the blocks are made from"),
    AttributeSchema::optional("iterator", "The name of the current element"),
    AttributeSchema::optional("labels", "The labels of each block"),
]);

/// Checks a block's body. `meta` is what the language itself adds to the kind's schema; with
/// `dynamic`, blocks may also be written as `dynamic "KEYWORD"`.
pub(super) struct Checker<'c> {
    pub(super) piece: &'c Piece,
    pub(super) schema: &'c BlockSchema,
    pub(super) meta: &'c BlockSchema,
    pub(super) dynamic: bool,
}

impl<'c> Checker<'c> {
    /// Returns the checker of a block that the language itself defines.
    pub(super) fn of(piece: &'c Piece, schema: &'c BlockSchema) -> Self {
        Self {
            piece,
            schema,
            meta: &EMPTY,
            dynamic: false,
        }
    }

    fn attribute(&self, name: &str) -> Option<&'c AttributeSchema> {
        let mut all = self.schema.attributes.iter().chain(self.meta.attributes);
        all.find(|attribute| attribute.name == name)
    }

    fn nested(&self, keyword: &str) -> Option<&'c NestedBlockSchema> {
        let mut all = self.schema.blocks.iter().chain(self.meta.blocks);
        all.find(|block| block.keyword == keyword)
    }

    /// Checks the body of the block whose header is `header` and the bodies of its nested blocks.
    pub(super) fn check(&self, header: &Span, body: &Body, diagnostics: &mut Diagnostics) {
        self.check_attributes(header, body, diagnostics);
        let mut seen: Vec<&str> = Vec::new();
        for block in body.iter().filter_map(Structure::as_block) {
            if self.dynamic && block.has_ident("dynamic") {
                self.check_dynamic(block, diagnostics);
            } else {
                let again = seen.contains(&block.ident.as_str());
                self.check_nested(block, again, diagnostics);
                if !again {
                    seen.push(block.ident.as_str());
                }
            }
        }
    }

    fn check_attributes(&self, header: &Span, body: &Body, diagnostics: &mut Diagnostics) {
        let mut found = 0;
        let all = || self.schema.attributes.iter().chain(self.meta.attributes);
        for attribute in body.iter().filter_map(Structure::as_attribute) {
            match self.attribute(attribute.key.as_str()) {
                Some(schema) => found += usize::from(schema.required),
                None => diagnostics.push(self.unknown_attribute(attribute)),
            }
        }
        // The parser refuses an attribute that stands twice, so that the count tells.
        if found == all().filter(|attribute| attribute.required).count() {
            return;
        }
        for attribute in all().filter(|a| a.required && !body.has_attribute(a.name)) {
            diagnostics.push(missing_attribute(attribute, header));
        }
    }

    fn check_nested(&self, block: &Block, again: bool, diagnostics: &mut Diagnostics) {
        let keyword = block.ident.as_str();
        let at = header_span(self.piece, block);
        let Some(schema) = self.nested(keyword) else {
            diagnostics.push(self.unknown_block(keyword, at));
            return;
        };
        if again && !schema.repeatable {
            diagnostics.push(
                Diagnostic::error("repeated-block", format!("More than one {keyword} block"))
                    .detail("This block may stand once.")
                    .at(at.clone()),
            );
        }
        if block.labels.len() != schema.labels {
            diagnostics.push(
                Diagnostic::error(
                    "labels",
                    format!("Wrong number of labels of a {keyword} block"),
                )
                .detail(format!(
                    "It has {}, not {}.",
                    schema.labels,
                    block.labels.len()
                ))
                .at(at.clone()),
            );
        }
        self.inner(&schema.body)
            .check(&at, &block.body, diagnostics);
    }

    fn check_dynamic(&self, block: &Block, diagnostics: &mut Diagnostics) {
        let at = header_span(self.piece, block);
        let [label] = block.labels.as_slice() else {
            diagnostics.push(
                Diagnostic::error("labels", "A dynamic block has one label")
                    .detail("It is the keyword of the blocks that it makes.")
                    .at(at),
            );
            return;
        };
        let Some(schema) = self
            .schema
            .blocks
            .iter()
            .find(|b| b.keyword == label.as_str())
        else {
            diagnostics.push(self.unknown_block(label.as_str(), span(self.piece, label)));
            return;
        };
        Checker::of(self.piece, &DYNAMIC).check_attributes(&at, &block.body, diagnostics);
        let contents: Vec<&Block> = block.body.iter().filter_map(Structure::as_block).collect();
        match contents.as_slice() {
            [content] if content.has_ident("content") => {
                let at = header_span(self.piece, content);
                self.inner(&schema.body)
                    .check(&at, &content.body, diagnostics);
            }
            _ => diagnostics.push(
                Diagnostic::error("dynamic", "A dynamic block needs one content block").at(at),
            ),
        }
    }

    fn inner<'i>(&self, schema: &'i BlockSchema) -> Checker<'i>
    where
        'c: 'i,
    {
        Checker {
            piece: self.piece,
            schema,
            meta: &EMPTY,
            dynamic: self.dynamic,
        }
    }

    fn unknown_attribute(&self, attribute: &Attribute) -> Diagnostic {
        let name = attribute.key.as_str();
        let error = Diagnostic::error("unknown-attribute", format!("Unknown attribute {name:?}"))
            .at(span(self.piece, &attribute.key));
        if self.nested(name).is_some() {
            return error.hint(format!("{name} is a block: write {name} {{ … }}"));
        }
        let names = self.schema.attributes.iter().chain(self.meta.attributes);
        let names: Vec<&str> = names.map(|attribute| attribute.name).collect();
        error.hint_opt(did_you_mean(name, names.iter().copied()).or_else(|| expected(&names)))
    }

    fn unknown_block(&self, keyword: &str, at: Span) -> Diagnostic {
        let error = Diagnostic::error("unknown-block", format!("Unknown block {keyword:?}")).at(at);
        if self.attribute(keyword).is_some() {
            return error.hint(format!("{keyword} is an attribute: write {keyword} = …"));
        }
        let names = self.schema.blocks.iter().chain(self.meta.blocks);
        let names: Vec<&str> = names.map(|block| block.keyword).collect();
        error.hint_opt(did_you_mean(keyword, names.iter().copied()).or_else(|| expected(&names)))
    }
}

fn expected(names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| format!("expected one of {}", names.join(", ")))
}

/// Returns the error about an attribute that is not there.
pub(super) fn missing_attribute(attribute: &AttributeSchema, header: &Span) -> Diagnostic {
    Diagnostic::error(
        "missing-attribute",
        format!("The attribute {:?} is missing", attribute.name),
    )
    .detail(attribute.doc)
    .at(header.clone())
}

/// Returns the text of an attribute that must be a plain text in quotes.
pub(super) fn literal_text<'a>(
    piece: &Piece,
    attribute: &'a Attribute,
    diagnostics: &mut Diagnostics,
) -> Option<&'a str> {
    if let Expression::String(text) = &attribute.value {
        return Some(text.as_str());
    }
    diagnostics.push(not_literal(piece, attribute, "a plain text in quotes"));
    None
}

/// Returns the value of an attribute that must be `true` or `false`.
pub(super) fn literal_bool(
    piece: &Piece,
    attribute: &Attribute,
    diagnostics: &mut Diagnostics,
) -> Option<bool> {
    if let Expression::Bool(value) = &attribute.value {
        return Some(*value.value());
    }
    diagnostics.push(not_literal(piece, attribute, "true or false"));
    None
}

fn not_literal(piece: &Piece, attribute: &Attribute, wanted: &str) -> Diagnostic {
    let name = attribute.key.as_str();
    Diagnostic::error(
        "not-literal",
        format!("The attribute {name:?} must be {wanted}"),
    )
    .detail("It is read before anything is evaluated.")
    .at(span(piece, &attribute.value))
}
