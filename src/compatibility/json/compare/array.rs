//! Arrays: lists of one kind of item, tuples, and how many items there are. Pure.

use super::super::schema::Keywords;
use super::rule::Rule;
use super::writer::{Writer, rest};
use super::{At, Comparison, Mismatch};

impl<'a> Comparison<'a> {
    pub(super) fn array(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let mut found = self.items(writer, reader, keywords);
        found.extend(self.at_least(
            (Rule::MinItemsAdded, Rule::MinItemsIncreased),
            "minItems",
            writer,
            reader,
            keywords.min_items,
            |said| said.min_items,
        ));
        found.extend(self.at_most(
            (Rule::MaxItemsAdded, Rule::MaxItemsDecreased),
            "maxItems",
            writer,
            reader,
            keywords.max_items,
            |said| said.max_items,
        ));
        let facts = self.facts(writer);
        let is_unique = facts
            .iter()
            .any(|(_, said)| said.unique_items || said.max_items.is_some_and(|most| most < 2));
        if keywords.unique_items && !is_unique {
            found.push(self.mismatch(
                Rule::UniqueItemsAdded,
                (reader, "uniqueItems"),
                (writer.from, ""),
                "the reader refuses items that are repeated, the writer does not".to_owned(),
            ));
        }
        found.extend(self.contained(writer, reader, keywords));
        found
    }

    fn items(&mut self, writer: &Writer, reader: At, keywords: &'a Keywords) -> Vec<Mismatch> {
        let facts = self.facts(writer);
        let prefixes = facts.iter().filter_map(|(_, said)| said.prefix.as_ref());
        let written = prefixes.map(Vec::len).max();
        let is_list = written.is_none() && !self.is_open(&self.other_items(writer));
        let says_list = facts
            .iter()
            .any(|(_, said)| said.prefix.is_none() && said.rest.is_some());
        let others = rest(keywords).map(|id| reader.to(id));
        let closing = others.filter(|at| !self.is_anything(*at));
        match (&keywords.prefix, written) {
            (None, Some(_)) if closing.is_some() && !says_list => vec![self.kind(
                Rule::TupleBecameList,
                writer,
                reader,
                "the writer has a schema for each of the first items, the reader one for all",
            )],
            (Some(prefix), None)
                if is_list && prefix.iter().any(|id| !self.is_anything(reader.to(*id))) =>
            {
                vec![self.kind(
                    Rule::ListBecameTuple,
                    writer,
                    reader,
                    "the writer has one schema for all items, the reader one for each of the first",
                )]
            }
            (prefix, written) => {
                let prefix = prefix.as_deref().unwrap_or_default();
                let mut found = Vec::new();
                for index in 0..prefix.len().max(written.unwrap_or(0)) {
                    let asked = prefix.get(index).map(|id| reader.to(*id));
                    let is_said = index < written.unwrap_or(0);
                    found.extend(self.position(writer, index, is_said, asked, others));
                }
                if let Some(closing) = closing {
                    found.extend(self.further_items(writer, keywords, closing));
                }
                found
            }
        }
    }

    fn kind(&self, rule: Rule, writer: &Writer, reader: At, message: &str) -> Mismatch {
        self.mismatch(rule, (reader, ""), (writer.from, ""), message.to_owned())
    }

    /// Compares one position of which either side has a schema.
    fn position(
        &mut self,
        writer: &Writer,
        index: usize,
        is_said: bool,
        asked: Option<At>,
        others: Option<At>,
    ) -> Vec<Mismatch> {
        let said = self.item(writer, index);
        let from = said.first().copied().unwrap_or(writer.from);
        match asked {
            Some(asked) if is_said => self.fit(from, &said, asked),
            Some(asked) if self.is_open(&said) => {
                if self.is_anything(asked) {
                    return Vec::new();
                }
                vec![self.mismatch(
                    Rule::ItemAddedToOpen,
                    (asked, ""),
                    (writer.from, ""),
                    format!("the reader has a schema for item {index}, where the writer may write anything"),
                )]
            }
            Some(asked) => {
                let found = self.fit(from, &said, asked);
                let what = format!(
                    "item {index} is new to the reader and narrower than what the writer may write there"
                );
                self.covered(
                    Rule::ItemAddedNotCovered,
                    (asked, ""),
                    (from, ""),
                    &what,
                    &found,
                )
            }
            None => {
                let Some(others) = others else {
                    return Vec::new();
                };
                let found = self.fit(from, &said, others);
                if found.is_empty() {
                    return found;
                }
                if self.is_nothing(others) {
                    return vec![self.mismatch(
                        Rule::ItemRemovedFromClosed,
                        (others, ""),
                        (from, ""),
                        format!("the reader's tuple ends before item {index}"),
                    )];
                }
                let what = format!(
                    "item {index} has no schema of its own in the reader, whose schema for further items refuses it"
                );
                self.covered(
                    Rule::ItemRemovedNotCovered,
                    (others, ""),
                    (from, ""),
                    &what,
                    &found,
                )
            }
        }
    }

    /// Compares the items without a position of their own.
    fn further_items(
        &mut self,
        writer: &Writer,
        keywords: &Keywords,
        closing: At,
    ) -> Vec<Mismatch> {
        let said = self.other_items(writer);
        let from = said.first().copied().unwrap_or(writer.from);
        if !self.is_open(&said) {
            return self.fit(from, &said, closing);
        }
        let (rule, message) = if keywords.prefix.is_none() {
            (
                Rule::ItemsAdded,
                "the reader restricts items, the writer may write any",
            )
        } else if self.is_nothing(closing) {
            (
                Rule::AdditionalItemsRemoved,
                "the reader refuses items after the last position, the writer may write any",
            )
        } else {
            (
                Rule::AdditionalItemsNarrowed,
                "the reader restricts items after the last position, the writer may write any",
            )
        };
        vec![self.mismatch(rule, (closing, ""), (from, ""), message.to_owned())]
    }

    /// Compares with `contains` and how often it has to hold.
    fn contained(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Option<Mismatch> {
        let asked = reader.to(keywords.contains?);
        let least = keywords.min_contains.unwrap_or(1);
        let mut other = None;
        for (at, said) in self.facts(writer) {
            let Some(contains) = said.contains.map(|id| at.to(id)) else {
                continue;
            };
            other = Some(at);
            let enough = least == 0
                || said.min_contains.unwrap_or(1) >= least
                    && self.fits(contains, &[contains], asked);
            let not_too_many = keywords.max_contains.is_none_or(|most| {
                said.max_contains.is_some_and(|said| said <= most)
                    && self.fits(asked, &[asked], contains)
            });
            if enough && not_too_many {
                return None;
            }
        }
        if least == 0 && keywords.max_contains.is_none() {
            return None;
        }
        Some(match other {
            None => self.mismatch(
                Rule::ContainsAdded,
                (reader, "contains"),
                (writer.from, ""),
                "the reader asks for certain items, the writer does not".to_owned(),
            ),
            Some(at) => self.mismatch(
                Rule::ContainsNarrowed,
                (reader, "contains"),
                (at, "contains"),
                "the reader asks for other items, or another number of them, than the writer"
                    .to_owned(),
            ),
        })
    }
}
