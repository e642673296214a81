//! An evaluated block: what a kind's `decode` and the loader of settings read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Span;

use super::value::Value;

/// An attribute's value and the places to point at.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The evaluated value.
    pub value: Value,
    /// Where the name stands.
    pub key_span: Span,
    /// Where the expression stands.
    pub value_span: Span,
}

/// A block after evaluation: `dynamic` is expanded, `for_each`, `count` and the other
/// meta-arguments are taken out, names are checked against the kind's [`BlockSchema`](super::schema::BlockSchema).
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The keyword: `topic`.
    pub keyword: Arc<str>,
    /// The labels: `["orders"]`.
    pub labels: Vec<Arc<str>>,
    /// The attributes by name.
    pub attributes: BTreeMap<Arc<str>, Attribute>,
    /// The nested blocks, in the order of the source.
    pub blocks: Vec<Block>,
    /// The block's header: keyword and labels.
    pub span: Span,
}
