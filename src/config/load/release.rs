//! The content hash of a release: what the definitions say, not how they are laid out. Pure.
//!
//! White space, comments, line endings, the notation of objects (`=` or `:`, commas or line feeds)
//! and the delimiter of a here-document do not count. The values of an environment are no part of a
//! release: the same release goes from environment to environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hcl_edit::Ident;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey, TraversalOperator};
use hcl_edit::structure::{Block, Body, Structure};
use hcl_edit::template::{Directive, Element, Strip, Template};

use crate::document::ContentHash;

/// The first line of what is hashed. It changes with the rules of this module.
const VERSION: &str = "streamform release 1\n";

/// Returns the hash of a list of parts by path: definitions and files that functions read.
pub(super) fn hash(
    definitions: &BTreeMap<String, ContentHash>,
    read: &BTreeMap<String, ContentHash>,
) -> ContentHash {
    let mut text = VERSION.to_owned();
    for (path, hash) in definitions {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "definition {path:?} {hash}");
    }
    for (path, hash) in read {
        let _ = writeln!(text, "file {path:?} {hash}");
    }
    ContentHash::of(text.as_bytes())
}

/// Returns a path of the project's tree as seen from one of its folders: `../modules/a`; `.` for the
/// folder itself.
pub(super) fn relative(from: &str, path: &str) -> String {
    let parts = |path: &'_ str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let (from, path) = (parts(from), parts(path));
    let common = from.iter().zip(&path).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| "..");
    let down = path[common..].iter().map(String::as_str);
    let relative: Vec<&str> = up.chain(down).collect();
    if relative.is_empty() {
        ".".to_owned()
    } else {
        relative.join("/")
    }
}

/// Returns the hash of a block.
pub(super) fn hash_block(block: &Block) -> ContentHash {
    let mut writer = Writer(Vec::new());
    writer.block(block);
    ContentHash::of(&writer.0)
}

/// Returns the hash of an attribute or a block.
pub(super) fn hash_structure(structure: &Structure) -> ContentHash {
    let mut writer = Writer(Vec::new());
    writer.structure(structure);
    ContentHash::of(&writer.0)
}

/// Returns the hash of a file from those of what it holds, in its order.
pub(super) fn hash_file(structures: impl IntoIterator<Item = ContentHash>) -> ContentHash {
    let mut text = String::new();
    for hash in structures {
        text.push_str(&hash.hex());
    }
    ContentHash::of(text.as_bytes())
}

/// Writes a syntax tree so that two trees have the same bytes only if they are the same: each node
/// begins with a byte of its own, and texts and lists with their length.
struct Writer(Vec<u8>);

impl Writer {
    fn tag(&mut self, tag: u8) {
        self.0.push(tag);
    }

    fn len(&mut self, len: usize) {
        self.0.extend((len as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.len(text.len());
        self.0.extend(text.as_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.tag(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn body(&mut self, body: &Body) {
        self.len(body.len());
        for structure in body {
            self.structure(structure);
        }
    }

    fn structure(&mut self, structure: &Structure) {
        match structure {
            Structure::Attribute(attribute) => {
                self.tag(b'=');
                self.text(&attribute.key);
                self.expression(&attribute.value);
            }
            Structure::Block(block) => self.block(block),
        }
    }

    fn block(&mut self, block: &Block) {
        self.tag(b'{');
        self.text(&block.ident);
        self.len(block.labels.len());
        for label in &block.labels {
            self.text(label.as_str());
        }
        self.body(&block.body);
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Null(_) => self.tag(b'0'),
            Expression::Bool(value) => self.tag(if *value.value() { b't' } else { b'f' }),
            Expression::Number(number) => {
                self.tag(b'#');
                match number.as_repr() {
                    Some(repr) => self.text(repr),
                    None => self.text(&number.value().to_string()),
                }
            }
            Expression::String(text) => {
                self.tag(b'"');
                self.text(text);
            }
            Expression::Array(array) => {
                self.tag(b'[');
                self.len(array.len());
                for element in array {
                    self.expression(element);
                }
            }
            Expression::Object(object) => {
                self.tag(b'o');
                self.len(object.len());
                for (key, value) in object {
                    self.object_key(key);
                    self.expression(value.expr());
                }
            }
            Expression::StringTemplate(template) => {
                self.tag(b'T');
                self.template(template);
            }
            Expression::HeredocTemplate(heredoc) => {
                self.tag(b'H');
                self.optional(heredoc.indent(), Self::len);
                self.template(&heredoc.template);
            }
            Expression::Parenthesis(parenthesis) => {
                self.tag(b'(');
                self.expression(parenthesis.inner());
            }
            Expression::Variable(name) => {
                self.tag(b'v');
                self.text(name);
            }
            Expression::Conditional(conditional) => {
                self.tag(b'?');
                self.expression(&conditional.cond_expr);
                self.expression(&conditional.true_expr);
                self.expression(&conditional.false_expr);
            }
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => {
                self.tag(b'.');
                self.expression(&traversal.expr);
                self.len(traversal.operators.len());
                for operator in &traversal.operators {
                    self.operator(operator);
                }
            }
            Expression::UnaryOp(operation) => {
                self.tag(b'u');
                self.text(operation.operator.as_str());
                self.expression(&operation.expr);
            }
            Expression::BinaryOp(operation) => {
                self.tag(b'b');
                self.text(operation.operator.as_str());
                self.expression(&operation.lhs_expr);
                self.expression(&operation.rhs_expr);
            }
            Expression::ForExpr(repetition) => {
                self.tag(b'r');
                self.names(
                    repetition.intro.key_var.as_deref(),
                    &repetition.intro.value_var,
                );
                self.expression(&repetition.intro.collection_expr);
                self.optional(repetition.key_expr.as_ref(), Self::expression);
                self.expression(&repetition.value_expr);
                self.tag(u8::from(repetition.grouping));
                self.optional(repetition.cond.as_ref(), |w, cond| w.expression(&cond.expr));
            }
        }
    }

    fn names(&mut self, key: Option<&Ident>, value: &Ident) {
        self.optional(key, |w, key| w.text(key));
        self.text(value);
    }

    fn object_key(&mut self, key: &ObjectKey) {
        match key {
            ObjectKey::Ident(ident) => {
                self.tag(b'i');
                self.text(ident);
            }
            ObjectKey::Expression(expression) => {
                self.tag(b'e');
                self.expression(expression);
            }
        }
    }

    fn call(&mut self, call: &FuncCall) {
        self.tag(b'c');
        self.len(call.name.namespace.len());
        for part in &call.name.namespace {
            self.text(part);
        }
        self.text(&call.name.name);
        self.len(call.args.len());
        for argument in &call.args {
            self.expression(argument);
        }
        self.tag(u8::from(call.args.expand_final()));
    }

    fn operator(&mut self, operator: &TraversalOperator) {
        match operator {
            TraversalOperator::AttrSplat(_) => self.tag(b'a'),
            TraversalOperator::FullSplat(_) => self.tag(b'*'),
            TraversalOperator::GetAttr(name) => {
                self.tag(b'.');
                self.text(name);
            }
            TraversalOperator::Index(index) => {
                self.tag(b'[');
                self.expression(index);
            }
            TraversalOperator::LegacyIndex(index) => {
                self.tag(b'l');
                self.text(&index.value().to_string());
            }
        }
    }

    fn template(&mut self, template: &Template) {
        self.len(template.len());
        for element in template {
            match element {
                Element::Literal(text) => {
                    self.tag(b'"');
                    // A file's line endings are layout, also those inside a here-document.
                    self.text(&text.replace("\r\n", "\n"));
                }
                Element::Interpolation(interpolation) => {
                    self.tag(b'$');
                    self.strip(interpolation.strip);
                    self.expression(&interpolation.expr);
                }
                Element::Directive(directive) => self.directive(directive),
            }
        }
    }

    fn directive(&mut self, directive: &Directive) {
        match directive {
            Directive::If(directive) => {
                self.tag(b'?');
                self.strip(directive.if_expr.strip);
                self.expression(&directive.if_expr.cond_expr);
                self.template(&directive.if_expr.template);
                self.optional(directive.else_expr.as_ref(), |w, branch| {
                    w.strip(branch.strip);
                    w.template(&branch.template);
                });
                self.strip(directive.endif_expr.strip);
            }
            Directive::For(directive) => {
                let head = &directive.for_expr;
                self.tag(b'r');
                self.strip(head.strip);
                self.names(head.key_var.as_deref(), &head.value_var);
                self.expression(&head.collection_expr);
                self.template(&head.template);
                self.strip(directive.endfor_expr.strip);
            }
        }
    }

    fn strip(&mut self, strip: Strip) {
        self.tag(u8::from(strip.strip_start()) | u8::from(strip.strip_end()) << 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(text: &str) -> ContentHash {
        let body = crate::config::syntax::parse(text).expect("HCL");
        hash_file(body.iter().map(hash_structure))
    }

    const TEXT: &str = "a \"x\" {\n  b = { c = 1, \"d\" = [x.y[0], f(g...)] }\n  e = <<-EOT\n    %{ if q ~}\n    z ${v}\n    %{ endif }\n  EOT\n}\n";

    #[test]
    fn layout_does_not_move_the_hash() {
        let other = "# note\na   x{\r\n\r\n  b = {\n    c: 1 // one\n    \"d\": [\n      x.y[ 0 ],\n      f( g... ),\n    ]\n  }\n  e = <<-END\n    %{if q~}\n    z ${ v }\n    %{endif}\n  END\n}";
        assert_eq!(hash_of(TEXT), hash_of(other));
        assert_eq!(hash_of(TEXT), hash_of(&TEXT.replace('\n', "\r\n")));
    }

    #[test]
    fn every_change_of_content_moves_the_hash() {
        for (from, to) in [
            ("a \"x\"", "a \"y\""),
            ("b =", "bb ="),
            ("1", "2"),
            ("\"d\" =", "d ="),
            ("[0]", "[1]"),
            ("x.y", "x.z"),
            ("g...", "g"),
            ("q ~}", "q }"),
            ("z ", "zz "),
            ("if q", "if !q"),
            ("<<-EOT", "<<EOT"),
        ] {
            let changed = TEXT.replacen(from, to, 1);
            assert_ne!(changed, TEXT, "{from}");
            assert_ne!(hash_of(TEXT), hash_of(&changed), "{from} → {to}");
        }
    }

    #[test]
    fn paths_are_seen_from_the_root_module() {
        assert_eq!(relative("", "modules/a"), "modules/a");
        assert_eq!(relative("a/b", "a/c/d.hcl"), "../c/d.hcl");
        assert_eq!(relative("a", "a"), ".");
    }

    #[test]
    fn the_format_is_fixed() {
        // A release that one version of the tool recorded must be the same for the next one.
        insta::assert_snapshot!(hash_of(TEXT), @"sha256:ef346797a6f19c04f2c8a4690ebac5e3e753ae6650f7feef991dfe489b2be2f5");
        let parts = BTreeMap::from([("main.hcl".to_owned(), hash_of(TEXT))]);
        let read = BTreeMap::from([("a.avsc".into(), ContentHash::of(b"{}"))]);
        insta::assert_snapshot!(hash(&parts, &read), @"sha256:d4d920de9fb922db08b3d92ce677757c02c4d510b97a68eb6fe5895501f4f6c9");
    }
}
