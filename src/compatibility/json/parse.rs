//! Reads a definition into a [`Schema`]: its text, the texts it refers to, and every subschema. Pure.
//!
//! Subschemas are found from the roots down; what only a `$ref` leads to is read when the reference
//! is resolved. Nesting is bounded by `serde_json`, which refuses more than 127 levels.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;
use url::Url;

use crate::compatibility::{Definition, ParseError, position};

use super::keywords;
use super::reference::{self, Pending, Resources};
use super::schema::{Document, Draft, Node, NodeId, Schema, Shape};

/// Reads a definition.
///
/// # Errors
/// With line and column where a text is no JSON, with a path where a keyword's value is not what the
/// language asks for, and with the reference's name where a `$ref` leads nowhere.
pub fn parse(definition: &Definition) -> Result<Schema, ParseError> {
    let mut documents = vec![document(None, &definition.text)?];
    for (name, text) in &definition.references {
        documents.push(document(Some(name), text)?);
    }
    let mut reading = Reading {
        documents: &documents,
        nodes: Vec::new(),
        found: BTreeMap::new(),
        waiting: Vec::new(),
        pending: Vec::new(),
        resources: Resources::default(),
    };
    let mut root = NodeId(0);
    for (index, document) in documents.iter().enumerate() {
        let base = Rc::new(reference::base(document.name.as_deref()));
        reading
            .resources
            .add(Url::clone(&base), index, String::new());
        let node = reading.subschema(index, &document.value, "", &base)?;
        if index == 0 {
            root = node;
        }
    }
    reading.read()?;
    let referenced = reading.resolve()?;
    let nodes = reading.nodes;
    Ok(Schema {
        documents,
        nodes,
        root,
        referenced,
    })
}

fn document(name: Option<&String>, text: &str) -> Result<Document, ParseError> {
    let value: Value = serde_json::from_str(text).map_err(|error| ParseError {
        message: format!("it is no JSON: {}", position::words(&error)),
        reference: name.cloned(),
        position: Some(position::of_error(text, &error)),
        path: None,
    })?;
    let draft = Draft::of(&value);
    Ok(Document {
        name: name.cloned(),
        value,
        draft,
    })
}

/// What is read so far.
pub(super) struct Reading<'d> {
    documents: &'d [Document],
    nodes: Vec<Node>,
    /// The subschemas by document and pointer.
    found: BTreeMap<(usize, String), NodeId>,
    /// The subschemas that have a number and are not read.
    waiting: Vec<(NodeId, &'d Value, Rc<Url>)>,
    pending: Vec<Pending>,
    resources: Resources,
}

impl<'d> Reading<'d> {
    /// Gives the subschema at a place its number; it is read later, so that nesting costs no stack.
    pub(super) fn subschema(
        &mut self,
        document: usize,
        value: &'d Value,
        pointer: &str,
        base: &Rc<Url>,
    ) -> Result<NodeId, ParseError> {
        let id = NodeId(u32::try_from(self.nodes.len()).map_err(|_| {
            self.wrong(
                document,
                pointer,
                "the schema has more than 2^32 subschemas",
            )
        })?);
        self.found.insert((document, pointer.to_owned()), id);
        self.nodes.push(Node {
            document,
            pointer: pointer.to_owned(),
            shape: Shape::Literal(true),
            definitions: Vec::new(),
        });
        self.waiting.push((id, value, Rc::clone(base)));
        Ok(id)
    }

    /// Reads the subschemas that have a number, and all below them.
    fn read(&mut self) -> Result<(), ParseError> {
        while let Some((id, value, base)) = self.waiting.pop() {
            let node = &self.nodes[id.0 as usize];
            let (document, pointer) = (node.document, node.pointer.clone());
            match value {
                Value::Bool(accepts) => {
                    self.nodes[id.0 as usize].shape = Shape::Literal(*accepts);
                }
                Value::Object(object) => {
                    let base = self.identify(document, object, &pointer, base, id);
                    let read = keywords::read(self, document, object, &pointer, &base)?;
                    for reference in read.references {
                        self.pending.push(Pending {
                            from: id,
                            document,
                            pointer: pointer.clone(),
                            base: Rc::clone(&base),
                            reference,
                        });
                    }
                    let node = &mut self.nodes[id.0 as usize];
                    node.shape = Shape::Keywords(Box::new(read.keywords));
                    node.definitions = read.definitions;
                }
                _ => {
                    let message = "a schema is an object, `true` or `false`";
                    return Err(self.wrong(document, &pointer, message));
                }
            }
        }
        Ok(())
    }

    /// Notes the names that a subschema gives itself, and returns the base of its references.
    fn identify(
        &mut self,
        document: usize,
        object: &serde_json::Map<String, Value>,
        pointer: &str,
        base: Rc<Url>,
        id: NodeId,
    ) -> Rc<Url> {
        let keyword = match self.draft(document) {
            Draft::Four => "id",
            _ => "$id",
        };
        let mut base = base;
        // Beside a `$ref`, drafts up to 7 read nothing, an identifier no more than the rest.
        let counts = self.draft(document).reads_beside_ref() || !object.contains_key("$ref");
        if let Some(name) = object
            .get(keyword)
            .and_then(Value::as_str)
            .filter(|_| counts)
        {
            if let Some(anchor) = name.strip_prefix('#') {
                self.resources.anchor(&base, anchor, id);
            } else if let Ok(mut joined) = base.join(name) {
                joined.set_fragment(None);
                base = Rc::new(joined);
                self.resources
                    .add(Url::clone(&base), document, pointer.to_owned());
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = object.get(keyword).and_then(Value::as_str) {
                self.resources.anchor(&base, anchor, id);
            }
        }
        base
    }

    pub(super) fn draft(&self, document: usize) -> Draft {
        self.documents[document].draft
    }

    /// Returns the error of a place in a document.
    pub(super) fn wrong(
        &self,
        document: usize,
        pointer: &str,
        message: impl Into<String>,
    ) -> ParseError {
        ParseError {
            message: message.into(),
            reference: self.documents[document].name.clone(),
            position: None,
            path: Some(pointer.to_owned()),
        }
    }

    /// Resolves every `$ref`, reading what only references lead to, and returns their targets.
    fn resolve(&mut self) -> Result<BTreeSet<NodeId>, ParseError> {
        let mut targets = BTreeSet::new();
        while let Some(pending) = self.pending.pop() {
            let target = self.target(&pending)?;
            self.read()?;
            targets.insert(target);
            if let Shape::Keywords(keywords) = &mut self.nodes[pending.from.0 as usize].shape {
                keywords.reference = Some(target);
            }
        }
        Ok(targets)
    }

    fn target(&mut self, pending: &Pending) -> Result<NodeId, ParseError> {
        let unresolved = |reading: &Self, why: String| {
            let message = format!("$ref {:?} leads nowhere: {why}", pending.reference);
            reading.wrong(pending.document, &pending.pointer, message)
        };
        let (address, fragment) = pending
            .reference
            .split_once('#')
            .unwrap_or((&pending.reference, ""));
        let names = self.documents.iter().map(|document| &document.name);
        let Some((document, start, base)) = self.resources.find(address, &pending.base, names)
        else {
            let given: Vec<_> = self.documents[1..]
                .iter()
                .filter_map(|document| document.name.as_deref())
                .collect();
            let given = match given.as_slice() {
                [] => "the schema has no references".to_owned(),
                names => format!("its references are {}", names.join(", ")),
            };
            return Err(unresolved(
                self,
                format!("nothing is called {address:?}, {given}"),
            ));
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return self
                .resources
                .anchored(&base, fragment)
                .ok_or_else(|| unresolved(self, format!("no anchor is called {fragment:?}")));
        }
        let fragment = reference::percent_decoded(fragment);
        let documents = self.documents;
        for spelling in reference::spellings(&fragment) {
            let pointer = format!("{start}{spelling}");
            if let Some(id) = self.found.get(&(document, pointer.clone())) {
                return Ok(*id);
            }
            if let Some(value) = documents[document].value.pointer(&pointer) {
                return self.subschema(document, value, &pointer, &Rc::new(base));
            }
        }
        Err(unresolved(
            self,
            format!("there is nothing at {fragment:?}"),
        ))
    }
}
