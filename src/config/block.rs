//! An evaluated block: what a kind's `decode` and the loader of settings read.

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

/// A block's attributes by name, in the order of the names. A list, since a block has few, and a project
/// ten thousand blocks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes(Vec<(Arc<str>, Attribute)>);

impl Attributes {
    /// Returns an attribute.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.find(name).ok().map(|at| &self.0[at].1)
    }

    /// Whether there is such an attribute.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Adds an attribute or replaces it.
    pub fn insert(&mut self, name: Arc<str>, attribute: Attribute) {
        match self.find(&name) {
            Ok(at) => self.0[at].1 = attribute,
            Err(at) => self.0.insert(at, (name, attribute)),
        }
    }

    /// Returns the names and the attributes.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Attribute)> {
        self.0.iter().map(|(name, attribute)| (name, attribute))
    }

    /// Returns the attributes.
    pub fn values(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter().map(|(_, attribute)| attribute)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(name))
    }
}

impl FromIterator<(Arc<str>, Attribute)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Attribute)>>(attributes: I) -> Self {
        let mut all = Self::default();
        for (name, attribute) in attributes {
            all.insert(name, attribute);
        }
        all
    }
}

impl IntoIterator for Attributes {
    type Item = (Arc<str>, Attribute);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
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
    pub attributes: Attributes,
    /// The nested blocks, in the order of the source.
    pub blocks: Vec<Block>,
    /// The block's header: keyword and labels.
    pub span: Span,
}
