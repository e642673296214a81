//! Combined schemas: alternatives on either side, `not`, and conditions. Pure.
//!
//! Alternatives follow the registry's rules for sum types rather than plain inclusion: each of the
//! writer's needs one of the reader's for itself, found by bipartite matching along augmenting paths.

use super::super::schema::{Condition, Keywords, NodeId};
use super::rule::Rule;
use super::writer::{Alternatives, Writer};
use super::{At, Comparison, Mismatch, shortened};

/// How many alternatives are looked at to say why one fits none.
const MOST_NEAR: usize = 16;

impl<'a> Comparison<'a> {
    /// Compares alternative by alternative where a writer has alternatives and what they share does
    /// not fit; nothing where it has none, or where no more needs to be known.
    pub(super) fn by_alternative(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
        shared: &[Mismatch],
    ) -> Option<Vec<Mismatch>> {
        if !keywords.asserts() {
            return None;
        }
        let has_alternatives = keywords.lists_types
            || [&keywords.any_of, &keywords.one_of]
                .iter()
                .any(|ids| !ids.is_empty());
        let mut best: Option<Vec<Mismatch>> = None;
        for alternatives in self.open_alternatives(writer) {
            if alternatives.keyword == "type" {
                continue;
            }
            let loses_them = alternatives.is_all && !has_alternatives;
            if shared.is_empty() && !loses_them {
                continue;
            }
            let mut found = Vec::new();
            for part in alternatives.parts.iter() {
                found.extend(self.with_part(writer, *part, reader));
            }
            if found.is_empty() && loses_them {
                found.push(self.lost_alternatives(&alternatives, reader));
            }
            if best.as_ref().is_none_or(|best| found.len() < best.len()) {
                best = Some(found);
            }
        }
        best
    }

    /// Finds what does not fit if one of a writer's alternatives holds.
    fn with_part(&mut self, writer: &Writer, part: At, reader: At) -> Vec<Mismatch> {
        let mut nodes = writer.facts.clone();
        nodes.push(part);
        self.fit(part, &nodes, reader)
    }

    fn lost_alternatives(&self, alternatives: &Alternatives, reader: At) -> Mismatch {
        self.mismatch(
            Rule::CombinedTypeChanged,
            (reader, ""),
            (alternatives.of, alternatives.keyword),
            format!(
                "the writer has {} alternatives in {}, the reader has one schema without: registries do not compare the two, even if all fit",
                alternatives.parts.len(),
                alternatives.keyword
            ),
        )
    }

    /// Compares with the reader's `anyOf` and `oneOf`.
    pub(super) fn alternatives(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let mut found = self.sum(writer, reader, "anyOf", &keywords.any_of);
        found.extend(self.sum(writer, reader, "oneOf", &keywords.one_of));
        found
    }

    fn sum(
        &mut self,
        writer: &Writer,
        reader: At,
        keyword: &'static str,
        ids: &'a [NodeId],
    ) -> Vec<Mismatch> {
        let accepted = self.distinct(reader, ids);
        if accepted.is_empty() {
            return Vec::new();
        }
        if let [only] = *accepted
            && self
                .keywords(only)
                .is_some_and(|inner| !inner.any_of.is_empty() || !inner.one_of.is_empty())
        {
            return self.fit(writer.from, &writer.facts, only);
        }
        let mut open = self.open_alternatives(writer);
        if open.is_empty() {
            return self.one_of_all(writer, reader, keyword, &accepted);
        }
        if let [only] = *accepted
            && !open.iter().any(|written| written.is_all)
        {
            return self.fit(writer.from, &writer.facts, only);
        }
        // A writer with `allOf` may have several, and each may lead to all others: the likely ones first.
        if open.len() > 1 {
            open.sort_by_cached_key(|written| {
                (
                    written.keyword != keyword,
                    self.likeness(written, reader, keyword),
                )
            });
        }
        let mut first = None;
        for written in &open {
            let found = self.sum_of(writer, written, reader, keyword, &accepted);
            if found.is_empty() {
                return found;
            }
            first = first.or(Some(found));
        }
        first.unwrap_or_default()
    }

    /// Says how far from the reader's a writer's alternatives are: in the same words, at the same place, or
    /// neither.
    fn likeness(&self, written: &Alternatives, reader: At, keyword: &str) -> u8 {
        let words = |at: At, keyword: &str| {
            let schema = self.schema(at.side);
            let node = schema.node(at.id);
            let text = schema.documents[node.document].value.pointer(&node.pointer);
            (&node.pointer, text.and_then(|value| value.get(keyword)))
        };
        let (place, text) = words(reader, keyword);
        let (other_place, other_text) = words(written.of, written.keyword);
        if text == other_text {
            0
        } else if place == other_place {
            1
        } else {
            2
        }
    }

    /// Compares alternatives of the writer with those of the reader.
    fn sum_of(
        &mut self,
        writer: &Writer,
        written: &Alternatives,
        reader: At,
        keyword: &'static str,
        accepted: &[At],
    ) -> Vec<Mismatch> {
        if written.is_all && written.parts.len() > accepted.len() {
            return vec![self.mismatch(
                Rule::SumTypeNarrowed,
                (reader, keyword),
                (written.of, written.keyword),
                format!(
                    "the writer has {} alternatives, the reader {}",
                    written.parts.len(),
                    accepted.len()
                ),
            )];
        }
        if written.keyword == "anyOf" && keyword == "oneOf" {
            return vec![self.mismatch(
                Rule::CombinedTypeChanged,
                (reader, keyword),
                (written.of, written.keyword),
                "anyOf became oneOf, which refuses what several alternatives accept".to_owned(),
            )];
        }
        self.matched(writer, written, reader, keyword, accepted)
    }

    /// Finds an alternative that accepts all that is written.
    fn one_of_all(
        &mut self,
        writer: &Writer,
        reader: At,
        keyword: &'static str,
        accepted: &[At],
    ) -> Vec<Mismatch> {
        let mut near = Vec::new();
        for part in accepted {
            let found = self.fit(writer.from, &writer.facts, *part);
            if found.is_empty() {
                return found;
            }
            let is_near = self
                .keywords(*part)
                .and_then(|keywords| keywords.types)
                .is_none_or(|types| types.overlaps(writer.types));
            if is_near {
                near.push(found);
            }
        }
        // Where one alternative alone is for the type, what it refuses says more.
        if near.len() == 1 {
            return near.remove(0);
        }
        vec![self.mismatch(
            Rule::CombinedSubschemasChanged,
            (reader, keyword),
            (writer.from, ""),
            format!(
                "none of the reader's {} alternatives accepts all that is written ({})",
                accepted.len(),
                writer.types
            ),
        )]
    }

    /// Finds an alternative of the reader for each of the writer's.
    fn matched(
        &mut self,
        writer: &Writer,
        written: &Alternatives,
        reader: At,
        keyword: &'static str,
        accepted: &[At],
    ) -> Vec<Mismatch> {
        let mut taken: Vec<Option<usize>> = vec![None; accepted.len()];
        let mut left = Vec::new();
        for index in 0..written.parts.len() {
            let mut tried = vec![false; accepted.len()];
            if !self.place_part(writer, written, index, accepted, &mut taken, &mut tried) {
                left.push(index);
            }
        }
        if left.is_empty() {
            return Vec::new();
        }
        if !written.is_all
            && accepted
                .iter()
                .any(|part| self.fits(writer.from, &writer.facts, *part))
        {
            return Vec::new();
        }
        left.into_iter()
            .map(|index| {
                let part = (index, written.parts[index]);
                self.unmatched(writer, part, reader, keyword, accepted)
            })
            .collect()
    }

    /// Gives one of the writer's alternatives one of the reader's, moving earlier ones if need be.
    fn place_part(
        &mut self,
        writer: &Writer,
        written: &Alternatives,
        index: usize,
        accepted: &[At],
        taken: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        // The one at the same position first: most schemas keep their order.
        let others = (0..accepted.len()).filter(|place| *place != index);
        let order = (index < accepted.len())
            .then_some(index)
            .into_iter()
            .chain(others);
        for place in order {
            if tried[place]
                || !self
                    .with_part(writer, written.parts[index], accepted[place])
                    .is_empty()
            {
                continue;
            }
            tried[place] = true;
            let is_free = match taken[place] {
                None => true,
                Some(other) => self.place_part(writer, written, other, accepted, taken, tried),
            };
            if is_free {
                taken[place] = Some(index);
                return true;
            }
        }
        false
    }

    fn unmatched(
        &mut self,
        writer: &Writer,
        (index, part): (usize, At),
        reader: At,
        keyword: &'static str,
        accepted: &[At],
    ) -> Mismatch {
        let mut closest: Option<Vec<Mismatch>> = None;
        let near = accepted.iter().skip(index).chain(accepted).take(MOST_NEAR);
        for candidate in near {
            let found = self.with_part(writer, part, *candidate);
            if found.is_empty() {
                let message =
                    "an alternative of the writer fits only where another of its own is needed";
                return self.mismatch(
                    Rule::CombinedSubschemasChanged,
                    (reader, keyword),
                    (part, ""),
                    message.to_owned(),
                );
            }
            if closest.as_ref().is_none_or(|best| found.len() < best.len()) {
                closest = Some(found);
            }
        }
        let reasons = closest.unwrap_or_default();
        let reason = reasons
            .first()
            .map_or_else(String::new, |one| shortened(&one.message));
        self.mismatch(
            Rule::CombinedSubschemasChanged,
            (reader, keyword),
            (part, ""),
            format!(
                "an alternative of the writer fits none of the reader's; of the closest: {reason}"
            ),
        )
    }

    /// Compares with the reader's `not`: what it excludes has to be excluded already.
    pub(super) fn exclusion(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let Some(excluded) = keywords.not.map(|id| reader.to(id)) else {
            return Vec::new();
        };
        let Some(refused) = self.written(excluded, &[excluded]) else {
            return Vec::new();
        };
        if self.declares_other_types(writer, &refused) {
            return Vec::new();
        }
        let mut other = None;
        for (at, said) in self.facts(writer) {
            if let Some(not) = said.not.map(|id| at.to(id)) {
                if self.fits(excluded, &[excluded], not) {
                    return Vec::new();
                }
                other = Some(at);
            }
        }
        vec![match other {
            Some(at) => self.mismatch(
                Rule::NotExtended,
                (reader, "not"),
                (at, "not"),
                "the reader excludes more than the writer does".to_owned(),
            ),
            None => self.mismatch(
                Rule::NotAdded,
                (reader, "not"),
                (writer.from, ""),
                "the reader excludes what the writer does not".to_owned(),
            ),
        }]
    }

    /// Says whether both are declared to be of types that have nothing in common.
    fn declares_other_types(&self, writer: &Writer, other: &Writer) -> bool {
        let declared = |comparison: &Self, of: &Writer| {
            comparison
                .facts(of)
                .iter()
                .any(|(_, keywords)| keywords.types.is_some())
        };
        declared(self, writer) && declared(self, other) && !writer.types.overlaps(other.types)
    }

    /// Compares with the reader's `if`: the same condition, or both its outcomes for all documents.
    pub(super) fn condition(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let Some(asked) = keywords.condition else {
            return Vec::new();
        };
        let mut other = None;
        for (at, said) in self.facts(writer) {
            let Some(said) = said.condition else {
                continue;
            };
            other = Some(at);
            if self.is_same_test((at, said), (reader, asked)) {
                let mut found = self.outcome(writer, (at, said.then), reader, asked.then);
                found.extend(self.outcome(writer, (at, said.otherwise), reader, asked.otherwise));
                return found;
            }
        }
        let outcomes = [asked.then, asked.otherwise];
        let fit_all = outcomes
            .into_iter()
            .flatten()
            .all(|id| self.fits(writer.from, &writer.facts, reader.to(id)));
        if fit_all {
            return Vec::new();
        }
        vec![match other {
            Some(at) => self.mismatch(
                Rule::ConditionChanged,
                (reader, "if"),
                (at, "if"),
                "the conditions differ, so that then and else are asked of other documents"
                    .to_owned(),
            ),
            None => self.mismatch(
                Rule::ConditionAdded,
                (reader, "if"),
                (writer.from, ""),
                "the reader has a condition that the writer does not".to_owned(),
            ),
        }]
    }

    fn is_same_test(&mut self, one: (At, Condition), other: (At, Condition)) -> bool {
        let (one, other) = (one.0.to(one.1.test), other.0.to(other.1.test));
        self.fits(one, &[one], other) && self.fits(other, &[other], one)
    }

    fn outcome(
        &mut self,
        writer: &Writer,
        said: (At, Option<NodeId>),
        reader: At,
        asked: Option<NodeId>,
    ) -> Vec<Mismatch> {
        let Some(asked) = asked else {
            return Vec::new();
        };
        let mut nodes = writer.facts.clone();
        nodes.extend(said.1.map(|id| said.0.to(id)));
        let from = said.1.map_or(writer.from, |id| said.0.to(id));
        self.fit(from, &nodes, reader.to(asked))
    }
}
