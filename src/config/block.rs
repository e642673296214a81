//! An evaluated block: what a kind's `decode` and the loader of settings read.

use std::sync::Arc;

use crate::diagnostic::Span;
use crate::document::ContentHash;

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
    /// The files of the project that attributes name, as the kind's schema says which do: the attribute's
    /// name and the file, in the order of the list.
    pub files: Vec<(Arc<str>, ProjectFile)>,
    /// The block's header: keyword and labels.
    pub span: Span,
}

/// A file of the project that an attribute names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Its path from the root of the project's tree.
    pub path: Arc<str>,
    /// The hash of its content.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Block {
    /// Returns the first nested block of a keyword: the one there is, where it may stand once.
    pub fn nested(&self, keyword: &str) -> Option<&Self> {
        self.blocks.iter().find(|block| *block.keyword == *keyword)
    }

    /// Returns the first label; empty where there is none.
    pub fn label(&self) -> String {
        self.labels
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Returns the files that an attribute names.
    pub fn files_of<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = &'a ProjectFile> {
        let files = self.files.iter();
        files.filter_map(move |(name, file)| (**name == *attribute).then_some(file))
    }

    /// Returns the file that an attribute names, if it names one.
    pub fn file(&self, attribute: &str) -> Option<&ProjectFile> {
        self.files
            .iter()
            .find(|(name, _)| **name == *attribute)
            .map(|(_, file)| file)
    }
}
