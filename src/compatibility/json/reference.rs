//! What a `$ref` may name: texts and identified subschemas by their addresses, and anchors. Pure.

use std::collections::BTreeMap;
use std::rc::Rc;

use url::Url;

use super::schema::NodeId;

/// A `$ref` that is not resolved yet.
pub(super) struct Pending {
    pub(super) from: NodeId,
    pub(super) document: usize,
    pub(super) pointer: String,
    /// What its address is relative to.
    pub(super) base: Rc<Url>,
    pub(super) reference: String,
}

/// Everything that has an address.
#[derive(Default)]
pub(super) struct Resources {
    /// The document and the pointer, by address.
    found: BTreeMap<String, (usize, String)>,
    anchors: BTreeMap<(String, String), NodeId>,
}

impl Resources {
    /// Notes that a subschema has an address; the first of two keeps it.
    pub(super) fn add(&mut self, address: Url, document: usize, pointer: String) {
        self.found
            .entry(address.into())
            .or_insert((document, pointer));
    }

    /// Notes that a subschema has a name within what an address names.
    pub(super) fn anchor(&mut self, base: &Url, name: &str, id: NodeId) {
        self.anchors
            .entry((base.to_string(), name.to_owned()))
            .or_insert(id);
    }

    pub(super) fn anchored(&self, base: &Url, name: &str) -> Option<NodeId> {
        let key = (base.to_string(), name.to_owned());
        self.anchors.get(&key).copied()
    }

    /// Finds what an address names, seen from a base: document, pointer and new base.
    ///
    /// The registry's references are found by their bare names too, whatever the base, as they are
    /// registered under the words that `$ref` uses.
    pub(super) fn find<'n>(
        &self,
        address: &str,
        base: &Url,
        names: impl Iterator<Item = &'n Option<String>>,
    ) -> Option<(usize, String, Url)> {
        let joined = if address.is_empty() {
            Some(base.clone())
        } else {
            base.join(address).ok()
        };
        if let Some(joined) = joined
            && let Some((document, pointer)) = self.found.get(joined.as_str())
        {
            return Some((*document, pointer.clone(), joined));
        }
        let name_alone = address.strip_prefix("./").unwrap_or(address);
        names
            .enumerate()
            .find(|(_, name)| {
                name.as_deref().is_some_and(|name| {
                    name == address || name.strip_prefix("./").unwrap_or(name) == name_alone
                })
            })
            .map(|(document, name)| (document, String::new(), self::base(name.as_deref())))
    }
}

/// Returns the address of a text: that of its name, or a made-up one.
pub(super) fn base(name: Option<&str>) -> Url {
    let anonymous = Url::parse("schema:///").expect("a constant address is valid");
    match name {
        None => anonymous,
        Some(name) => anonymous.join(name).unwrap_or(anonymous),
    }
}

/// Returns a fragment with its percent signs resolved.
pub(super) fn percent_decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut left = fragment.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let decoded = (*first == b'%')
            .then(|| rest.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = decoded {
            bytes.push(byte);
            left = &rest[2..];
        } else {
            bytes.push(*first);
            left = rest;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the ways to read a pointer: registries find a definition in either of the two places.
pub(super) fn spellings(pointer: &str) -> Vec<String> {
    let mut spellings = vec![pointer.to_owned()];
    for (from, to) in [("/$defs/", "/definitions/"), ("/definitions/", "/$defs/")] {
        if let Some(name) = pointer.strip_prefix(from) {
            spellings.push(format!("{to}{name}"));
        }
    }
    spellings
}
