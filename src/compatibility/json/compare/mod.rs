//! Whether every document that one schema allows is accepted by another. Pure.
//!
//! A question is about a set of the writer's subschemas that all hold (a place in a document may be
//! described by several) and one of the reader's. Questions about recursive schemas come back to
//! themselves: one that is being answered is taken to be fine, and what was concluded from that is
//! forgotten if it is not. What was refused stays refused, as fewer assumptions never help.

mod array;
mod combined;
mod object;
mod rule;
mod scalar;
mod writer;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use crate::compatibility::{Direction, Mismatch};

use super::instance::{Steps, accepts};
use super::pattern::Patterns;
use super::schema::{Keywords, NodeId, Schema, Shape, Types};
use rule::Rule;
use writer::{TypeNames, Writer};

/// How many subschemas a comparison may look at: alternatives of alternatives multiply.
const MOST_LOOKS: usize = 400_000;

/// How deep questions may nest, which bounds the stack.
const MOST_LEVELS: usize = 128;

/// Finds everything that a reader's schema may refuse in what a writer's allows.
///
/// The direction says which of the two is the new schema, as the advice is for its author.
pub fn compare(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Mismatch> {
    if reader.is_same_text(writer) {
        return Vec::new();
    }
    let names = TypeNames::new();
    let mut comparison = Comparison {
        reader,
        writer,
        names: &names,
        direction,
        patterns: Patterns::default(),
        steps: Steps::default(),
        refused: BTreeMap::new(),
        assumed: BTreeSet::new(),
        trail: Vec::new(),
        alternatives: RefCell::default(),
        level: 0,
        looks: 0,
    };
    let from = At::new(Side::Writer, writer.root);
    let to = At::new(Side::Reader, reader.root);
    let mut found = comparison.whole_schema_true(from, to);
    if found.is_empty() {
        found = comparison.fit(from, &[from], to);
    }
    found.sort();
    found.dedup();
    found
}

/// Whose list a subschema is in. Below `not` the reader's are what has to fit the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Reader,
    Writer,
    /// A schema of one type, to take apart lists of types.
    TypeNames,
}

/// A subschema of one of the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    side: Side,
    id: NodeId,
}

impl At {
    fn new(side: Side, id: NodeId) -> Self {
        Self { side, id }
    }

    /// Returns another subschema of the same side.
    fn to(self, id: NodeId) -> Self {
        Self { id, ..self }
    }
}

type Question = Rc<(Vec<At>, At)>;

struct Comparison<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    names: &'a TypeNames,
    direction: Direction,
    patterns: Patterns,
    steps: Steps,
    refused: BTreeMap<Question, Rc<[Mismatch]>>,
    /// The questions that are being answered or were answered with yes, and the order they came in.
    assumed: BTreeSet<Question>,
    trail: Vec<Question>,
    /// Alternatives without repetitions, by the first.
    alternatives: RefCell<BTreeMap<At, Rc<[At]>>>,
    level: usize,
    looks: usize,
}

impl<'a> Comparison<'a> {
    fn schema(&self, side: Side) -> &'a Schema {
        match side {
            Side::Reader => self.reader,
            Side::Writer => self.writer,
            Side::TypeNames => self.names.schema(),
        }
    }

    fn shape(&self, at: At) -> &'a Shape {
        &self.schema(at.side).node(at.id).shape
    }

    fn keywords(&self, at: At) -> Option<&'a Keywords> {
        match self.shape(at) {
            Shape::Literal(_) => None,
            Shape::Keywords(keywords) => Some(keywords),
        }
    }

    /// Returns where a subschema leads that says nothing but `$ref`; nothing where it leads to itself.
    fn target(&self, mut at: At) -> Option<At> {
        let mut seen = BTreeSet::new();
        while let Some(keywords) = self.keywords(at)
            && let Some(next) = keywords.reference
            && !keywords.asserts()
            && keywords.all_of.is_empty()
            && keywords.any_of.is_empty()
            && keywords.one_of.is_empty()
        {
            if !seen.insert(at) {
                return None;
            }
            at = at.to(next);
        }
        Some(at)
    }

    /// Says whether a subschema accepts anything.
    fn is_anything(&self, at: At) -> bool {
        match self.target(at).map(|at| self.shape(at)) {
            None | Some(Shape::Literal(true)) => true,
            Some(Shape::Literal(false)) => false,
            Some(Shape::Keywords(keywords)) => !keywords.restricts(),
        }
    }

    /// Says whether a subschema is written so as to accept nothing: `false`, or `not` anything.
    fn is_nothing(&self, at: At) -> bool {
        match self.target(at).map(|at| (at, self.shape(at))) {
            Some((_, Shape::Literal(accepts))) => !accepts,
            Some((at, Shape::Keywords(keywords))) => {
                keywords.not.is_some_and(|not| self.is_anything(at.to(not)))
            }
            None => false,
        }
    }

    /// Finds what a reader's subschema may refuse in what holds for a writer's subschemas together.
    ///
    /// `from` is the place to show for them, which may be the parent's where nothing is said.
    fn fit(&mut self, from: At, nodes: &[At], reader: At) -> Vec<Mismatch> {
        if self.is_anything(reader) {
            return Vec::new();
        }
        let Some(reader) = self.target(reader) else {
            return Vec::new();
        };
        if self.level >= MOST_LEVELS || self.looks >= MOST_LOOKS {
            return vec![self.too_complex(from, reader)];
        }
        let Some(writer) = self.written(from, nodes) else {
            return Vec::new();
        };
        // To remember takes a look too, as alternatives ask the same again and again.
        self.looks += 1;
        let question = Rc::new((writer.facts.clone(), reader));
        if let Some(found) = self.refused.get(&question) {
            return found.to_vec();
        }
        if self.assumed.contains(&question) {
            return Vec::new();
        }
        self.looks += writer.facts.len();
        let mark = self.trail.len();
        self.trail.push(Rc::clone(&question));
        self.assumed.insert(Rc::clone(&question));
        self.level += 1;
        let mut found = self.answer(&writer, reader);
        self.level -= 1;
        // One definition may be reached in many ways, each of which brings the same.
        found.sort();
        found.dedup();
        if !found.is_empty() {
            for forgotten in self.trail.drain(mark..) {
                self.assumed.remove(&forgotten);
            }
            self.refused.insert(question, found.as_slice().into());
        }
        found
    }

    fn too_complex(&self, from: At, reader: At) -> Mismatch {
        self.mismatch(
            Rule::TooComplex,
            (reader, ""),
            (from, ""),
            format!(
                "the schemas nest or branch too much to be compared: the limits are {MOST_LEVELS} levels and {MOST_LOOKS} subschemas"
            ),
        )
    }

    /// Says whether subschemas that hold together allow anything.
    fn is_open(&self, nodes: &[At]) -> bool {
        nodes.iter().all(|at| self.is_anything(*at))
    }

    /// Says whether a subschema accepts a value, where that is known.
    fn accepts(&self, at: At, value: &Value) -> Option<bool> {
        accepts(
            self.schema(at.side),
            &self.patterns,
            &self.steps,
            at.id,
            value,
        )
    }

    fn fits(&mut self, from: At, nodes: &[At], reader: At) -> bool {
        self.fit(from, nodes, reader).is_empty()
    }

    fn answer(&mut self, writer: &Writer, reader: At) -> Vec<Mismatch> {
        let Some(keywords) = self.keywords(reader) else {
            // `true` was dealt with before.
            return vec![self.mismatch(
                Rule::NothingAccepted,
                (reader, ""),
                (writer.from, ""),
                "the reader accepts nothing here, and the writer may write something".to_owned(),
            )];
        };
        if let Some(found) = self.listed_values(writer, reader, keywords) {
            return found;
        }
        let mut found = self.own(writer, reader, keywords);
        if let Some(decided) = self.by_alternative(writer, reader, keywords, &found) {
            return decided;
        }
        for part in keywords.reference.iter().chain(&keywords.all_of) {
            found.extend(self.fit(writer.from, &writer.facts, reader.to(*part)));
        }
        found.extend(self.alternatives(writer, reader, keywords));
        found.extend(self.exclusion(writer, reader, keywords));
        found.extend(self.condition(writer, reader, keywords));
        found
    }

    /// Compares what a reader's subschema says itself, apart from what it combines.
    fn own(&mut self, writer: &Writer, reader: At, keywords: &'a Keywords) -> Vec<Mismatch> {
        let mut found = self.types(writer, reader, keywords);
        found.extend(self.values(writer, reader, keywords));
        let both = writer.types.and(keywords.types.unwrap_or(Types::ALL));
        if both.overlaps(Types::NUMBER) {
            found.extend(self.numbers(writer, reader, keywords));
        }
        if both.overlaps(Types::STRING) {
            found.extend(self.strings(writer, reader, keywords));
        }
        if both.overlaps(Types::ARRAY) {
            found.extend(self.array(writer, reader, keywords));
        }
        if both.overlaps(Types::OBJECT) {
            found.extend(self.object(writer, reader, keywords));
        }
        found
    }

    /// Returns a mismatch; a place is a subschema and the path below it.
    fn mismatch(
        &self,
        rule: Rule,
        reader: (At, &str),
        writer: (At, &str),
        message: String,
    ) -> Mismatch {
        Mismatch {
            rule: rule.name().to_owned(),
            reader: self.place(reader),
            writer: self.place(writer),
            message,
            advice: rule.advice(self.direction).to_owned(),
        }
    }

    fn place(&self, (at, below): (At, &str)) -> String {
        let place = self.schema(at.side).place(at.id);
        if below.is_empty() {
            place
        } else {
            format!("{place}/{below}")
        }
    }

    /// Returns one mismatch for all that was found below, as one rule is broken.
    fn covered(
        &self,
        rule: Rule,
        reader: (At, &str),
        writer: (At, &str),
        what: &str,
        found: &[Mismatch],
    ) -> Vec<Mismatch> {
        if found.is_empty() {
            return Vec::new();
        }
        let reasons: BTreeSet<_> = found.iter().map(|one| one.message.as_str()).collect();
        let shown: Vec<_> = reasons.into_iter().take(3).map(shortened).collect();
        let message = format!("{what}: {}", shown.join("; "));
        vec![self.mismatch(rule, reader, writer, message)]
    }
}

/// The longest reason in a message about a place above, in characters.
const LONGEST_REASON: usize = 160;

/// Returns a reason that may be one of many in a reason of a reason.
fn shortened(reason: &str) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        None => reason.to_owned(),
        Some((end, _)) => format!("{}…", &reason[..end]),
    }
}
