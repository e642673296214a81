//! What a writer's subschemas say together about one place in a document. Pure.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::super::schema::{Bound, Document, Draft, Keywords, Node, NodeId, Schema, Shape, Types};
use super::{At, Comparison, Side};

/// The subschemas that hold for a place, with all that they refer to and all of their `allOf`.
pub(super) struct Writer {
    /// The place to show.
    pub(super) from: At,
    /// The subschemas that hold, sorted.
    pub(super) facts: Vec<At>,
    /// The types that may be written.
    pub(super) types: Types,
}

/// Schemas of one type each.
pub(super) struct TypeNames(Schema);

impl TypeNames {
    pub(super) fn new() -> Self {
        let nodes = Types::NAMES
            .into_iter()
            .map(|(_, types)| Node {
                document: 0,
                pointer: String::new(),
                shape: Shape::Keywords(Box::new(Keywords {
                    types: Some(types),
                    ..Keywords::default()
                })),
                definitions: Vec::new(),
            })
            .collect();
        Self(Schema {
            documents: vec![Document {
                name: None,
                value: Value::Bool(true),
                draft: Draft::Seven,
            }],
            nodes,
            root: NodeId(0),
            referenced: BTreeSet::new(),
        })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.0
    }

    /// Returns the schema of a type that has a name.
    pub(super) fn named(name: &str) -> Option<At> {
        let index = Types::NAMES.iter().position(|(word, _)| *word == name)?;
        let id = NodeId(u32::try_from(index).ok()?);
        Some(At::new(Side::TypeNames, id))
    }
}

impl<'a> Comparison<'a> {
    /// Collects what holds for a place; nothing where nothing can be written there.
    pub(super) fn written(&self, from: At, nodes: &[At]) -> Option<Writer> {
        let mut facts = BTreeSet::new();
        let mut waiting = nodes.to_vec();
        while let Some(at) = waiting.pop() {
            // What only refers is left out, so that two references to one subschema are one fact.
            let Some(at) = self.target(at).filter(|at| !facts.contains(at)) else {
                continue;
            };
            match self.shape(at) {
                Shape::Literal(true) => {
                    facts.insert(at);
                }
                Shape::Literal(false) => return None,
                Shape::Keywords(_) if self.is_nothing(at) => return None,
                Shape::Keywords(keywords) => {
                    facts.insert(at);
                    waiting.extend(keywords.reference.map(|id| at.to(id)));
                    waiting.extend(keywords.all_of.iter().map(|id| at.to(*id)));
                    for single in [&keywords.any_of, &keywords.one_of] {
                        if let [only] = *self.distinct(at, single) {
                            waiting.push(only);
                        }
                    }
                }
            }
        }
        let facts: Vec<_> = facts.into_iter().collect();
        let types = self.types_of(&facts);
        let from = match self.target(from) {
            Some(target) if facts.contains(&target) => target,
            _ => from,
        };
        Some(Writer { from, facts, types })
    }

    /// Returns the types that may be written: those declared, else those that keywords speak of, if
    /// they speak of one alone.
    fn types_of(&self, facts: &[At]) -> Types {
        let said: Vec<_> = facts.iter().filter_map(|at| self.keywords(*at)).collect();
        let declared: Vec<_> = said.iter().filter_map(|keywords| keywords.types).collect();
        if !declared.is_empty() {
            return declared.into_iter().fold(Types::ALL, Types::and);
        }
        let has_alternatives =
            |keywords: &&Keywords| keywords.any_of.len() > 1 || keywords.one_of.len() > 1;
        let spoken = said
            .iter()
            .map(|keywords| keywords.families())
            .fold(Types::NONE, Types::or);
        let is_one = [Types::NUMBER, Types::STRING, Types::ARRAY, Types::OBJECT].contains(&spoken);
        if is_one && !said.iter().any(has_alternatives) {
            spoken
        } else {
            Types::ALL
        }
    }

    /// Returns the subschemas with keywords that hold.
    pub(super) fn facts(&self, writer: &Writer) -> Vec<(At, &'a Keywords)> {
        writer
            .facts
            .iter()
            .filter_map(|at| self.keywords(*at).map(|keywords| (*at, keywords)))
            .collect()
    }

    /// Returns the strictest of what the subschemas say, and which says it.
    pub(super) fn strictest<T>(
        &self,
        writer: &Writer,
        said: impl Fn(&'a Keywords) -> Option<T>,
        stricter: impl Fn(&T, &T) -> bool,
    ) -> Option<(At, T)> {
        let mut strictest: Option<(At, T)> = None;
        for (at, keywords) in self.facts(writer) {
            if let Some(value) = said(keywords)
                && strictest
                    .as_ref()
                    .is_none_or(|(_, other)| stricter(&value, other))
            {
                strictest = Some((at, value));
            }
        }
        strictest
    }

    pub(super) fn minimum(&self, writer: &Writer) -> Option<(At, &'a Bound)> {
        self.strictest(
            writer,
            |keywords| keywords.minimum.as_ref(),
            |one, other| one.limit > other.limit || one.limit == other.limit && one.exclusive,
        )
    }

    pub(super) fn maximum(&self, writer: &Writer) -> Option<(At, &'a Bound)> {
        self.strictest(
            writer,
            |keywords| keywords.maximum.as_ref(),
            |one, other| one.limit < other.limit || one.limit == other.limit && one.exclusive,
        )
    }

    /// Returns the subschemas that hold for what is written under a name.
    pub(super) fn property(&self, writer: &Writer, name: &str) -> Vec<At> {
        let mut held = Vec::new();
        for (at, keywords) in self.facts(writer) {
            let mut covered = false;
            if let Some(id) = keywords.properties.get(name) {
                covered = true;
                held.push(at.to(*id));
            }
            for (pattern, id) in &keywords.patterns {
                match self.patterns.matches(pattern, name) {
                    Some(true) => {
                        covered = true;
                        held.push(at.to(*id));
                    }
                    Some(false) => {}
                    // It may match, so that additionalProperties may not hold.
                    None => covered = true,
                }
            }
            if covered {
                continue;
            }
            if let Some(id) = keywords.additional {
                held.push(at.to(id));
            } else if let Some(id) = keywords.unevaluated
                && !self.evaluated(at).covers(self, name)
            {
                held.push(at.to(id));
            }
        }
        held
    }

    /// Returns the subschemas that hold for what is written under a name that none declares.
    pub(super) fn unknown_properties(&self, writer: &Writer) -> Vec<At> {
        self.facts(writer)
            .into_iter()
            .filter_map(|(at, keywords)| {
                let closing = keywords.additional.or_else(|| {
                    keywords
                        .unevaluated
                        .filter(|_| !self.evaluated(at).everything)
                });
                closing.map(|id| at.to(id))
            })
            .collect()
    }

    /// Collects the names that a subschema evaluates, wherever in it: `unevaluatedProperties` is for
    /// the others. What alternatives evaluate counts as evaluated.
    pub(super) fn evaluated(&self, at: At) -> Evaluated<'a> {
        let mut evaluated = Evaluated::default();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(at, true)];
        while let Some((at, is_top)) = waiting.pop() {
            let Some(keywords) = self.keywords(at).filter(|_| seen.insert(at)) else {
                continue;
            };
            evaluated
                .names
                .extend(keywords.properties.keys().map(String::as_str));
            evaluated
                .patterns
                .extend(keywords.patterns.keys().map(String::as_str));
            evaluated.everything |=
                keywords.additional.is_some() || keywords.unevaluated.is_some() && !is_top;
            let condition = keywords
                .condition
                .into_iter()
                .flat_map(|condition| [Some(condition.test), condition.then, condition.otherwise]);
            waiting.extend(
                [&keywords.all_of, &keywords.any_of, &keywords.one_of]
                    .into_iter()
                    .flatten()
                    .copied()
                    .chain(keywords.reference)
                    .chain(condition.flatten())
                    .chain(keywords.dependent_schemas.values().copied())
                    .map(|id| (at.to(id), false)),
            );
        }
        evaluated
    }

    /// Returns the subschemas that hold for an item.
    pub(super) fn item(&self, writer: &Writer, index: usize) -> Vec<At> {
        self.facts(writer)
            .into_iter()
            .filter_map(|(at, keywords)| {
                let own = keywords.prefix.as_ref().and_then(|ids| ids.get(index));
                own.copied().or_else(|| rest(keywords)).map(|id| at.to(id))
            })
            .collect()
    }

    /// Returns the subschemas that hold for the items after all that have their own.
    pub(super) fn other_items(&self, writer: &Writer) -> Vec<At> {
        self.facts(writer)
            .into_iter()
            .filter_map(|(at, keywords)| rest(keywords).map(|id| at.to(id)))
            .collect()
    }
}

/// Returns the schema of the items that have none of their own.
pub(super) fn rest(keywords: &Keywords) -> Option<NodeId> {
    let alone = keywords.reference.is_none()
        && keywords.contains.is_none()
        && keywords.condition.is_none()
        && [&keywords.all_of, &keywords.any_of, &keywords.one_of]
            .iter()
            .all(|parts| parts.is_empty());
    keywords
        .rest
        .or_else(|| keywords.unevaluated_items.filter(|_| alone))
}

/// The names that a subschema evaluates.
#[derive(Default)]
pub(super) struct Evaluated<'a> {
    pub(super) names: BTreeSet<&'a str>,
    pub(super) patterns: BTreeSet<&'a str>,
    pub(super) everything: bool,
}

impl Evaluated<'_> {
    /// Says whether a name is evaluated; one that may match an expression is.
    pub(super) fn covers(&self, comparison: &Comparison<'_>, name: &str) -> bool {
        self.everything
            || self.names.contains(name)
            || self
                .patterns
                .iter()
                .any(|pattern| comparison.patterns.matches(pattern, name) != Some(false))
    }
}

/// The alternatives of a writer, one of which holds.
pub(super) struct Alternatives {
    /// The keyword: `anyOf`, `oneOf`, or `type` for a list of types.
    pub(super) keyword: &'static str,
    /// The subschema that has the keyword.
    pub(super) of: At,
    pub(super) parts: Rc<[At]>,
    /// Whether the subschema and all others say nothing else.
    pub(super) is_all: bool,
}

impl Comparison<'_> {
    /// Returns the alternatives of a writer that are not decided yet: of a decided one, an alternative
    /// is among what holds.
    pub(super) fn open_alternatives(&self, writer: &Writer) -> Vec<Alternatives> {
        let mut found = Vec::new();
        let asserting = self
            .facts(writer)
            .into_iter()
            .filter(|(_, keywords)| keywords.asserts())
            .count();
        let mut sums = 0;
        for (at, keywords) in self.facts(writer) {
            for (keyword, ids) in [("oneOf", &keywords.one_of), ("anyOf", &keywords.any_of)] {
                let parts = self.distinct(at, ids);
                sums += usize::from(parts.len() == 1);
                if parts.len() < 2 || parts.iter().any(|part| writer.facts.contains(part)) {
                    continue;
                }
                sums += 1;
                found.push(Alternatives {
                    keyword,
                    of: at,
                    parts,
                    is_all: asserting == 0,
                });
            }
        }
        for one in &mut found {
            one.is_all &= sums == 1;
        }
        if found.is_empty()
            && let Some((of, _)) = self
                .facts(writer)
                .into_iter()
                .find(|(_, keywords)| keywords.lists_types)
        {
            let members = writer.types.members();
            let parts: Rc<[At]> = members
                .iter()
                .filter_map(|(name, _)| TypeNames::named(name))
                .collect();
            if parts.len() > 1 {
                found.push(Alternatives {
                    keyword: "type",
                    of,
                    parts,
                    is_all: false,
                });
            }
        }
        found
    }

    /// Returns where alternatives lead, those that are written alike once.
    pub(super) fn distinct(&self, at: At, ids: &[NodeId]) -> Rc<[At]> {
        let Some(first) = ids.first() else {
            return Rc::new([]);
        };
        if let Some(known) = self.alternatives.borrow().get(&at.to(*first)) {
            return Rc::clone(known);
        }
        let mut texts = BTreeSet::new();
        let mut parts = Vec::new();
        for id in ids {
            let part = self.target(at.to(*id)).unwrap_or(at.to(*id));
            let schema = self.schema(part.side);
            let node = schema.node(part.id);
            let text = schema.documents[node.document].value.pointer(&node.pointer);
            if texts.insert(text.map(ToString::to_string)) {
                parts.push(part);
            }
        }
        let parts: Rc<[At]> = parts.into();
        self.alternatives
            .borrow_mut()
            .insert(at.to(*first), Rc::clone(&parts));
        parts
    }
}
