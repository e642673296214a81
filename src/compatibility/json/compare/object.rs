//! Objects: their properties, by content model, and what is asked of them together. Pure.
//!
//! A content model is closed where no other properties may be, partially open where others need to
//! fit a schema, open where anything may be. What a property may hold for a writer follows from all
//! that covers its name; an open model lets anything be written under any name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::schema::Keywords;
use super::rule::Rule;
use super::writer::Writer;
use super::{At, Comparison, Mismatch};

impl<'a> Comparison<'a> {
    pub(super) fn object(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let mut found = self.required(writer, reader, keywords);
        found.extend(self.properties(writer, reader, keywords));
        found.extend(self.pattern_properties(writer, reader, keywords));
        found.extend(self.additional_properties(writer, reader, keywords));
        found.extend(self.unevaluated_properties(writer, reader, keywords));
        found.extend(self.property_names(writer, reader, keywords));
        found.extend(self.dependencies(writer, reader, keywords));
        found.extend(self.at_least(
            (Rule::MinPropertiesAdded, Rule::MinPropertiesIncreased),
            "minProperties",
            writer,
            reader,
            keywords.min_properties,
            |said| said.min_properties,
        ));
        found.extend(self.at_most(
            (Rule::MaxPropertiesAdded, Rule::MaxPropertiesDecreased),
            "maxProperties",
            writer,
            reader,
            keywords.max_properties,
            |said| said.max_properties,
        ));
        found
    }

    fn required_names(&self, writer: &Writer) -> BTreeSet<&'a str> {
        self.facts(writer)
            .into_iter()
            .flat_map(|(_, said)| said.required.iter().map(String::as_str))
            .collect()
    }

    fn declared_names(&self, writer: &Writer) -> BTreeSet<&'a str> {
        self.facts(writer)
            .into_iter()
            .flat_map(|(_, said)| said.properties.keys().map(String::as_str))
            .collect()
    }

    /// A property may become required if the reader has a default for it, which the registry takes
    /// for granted to be filled in.
    fn required(&self, writer: &Writer, reader: At, keywords: &Keywords) -> Vec<Mismatch> {
        let given = self.required_names(writer);
        let mut found = Vec::new();
        for name in keywords
            .required
            .iter()
            .filter(|name| !given.contains(name.as_str()))
        {
            let has_default = keywords
                .properties
                .get(name)
                .is_some_and(|id| self.has_default(reader.to(*id)));
            if !has_default {
                found.push(self.mismatch(
                    Rule::RequiredAdded,
                    (reader, "required"),
                    (writer.from, ""),
                    format!("the reader requires {name:?}, the writer may leave it out"),
                ));
            }
        }
        found
    }

    fn has_default(&self, at: At) -> bool {
        let says = |at| self.keywords(at).is_some_and(|said| said.has_default);
        says(at) || self.target(at).is_some_and(says)
    }

    fn properties(&mut self, writer: &Writer, reader: At, keywords: &'a Keywords) -> Vec<Mismatch> {
        let declared = self.declared_names(writer);
        let mut found = Vec::new();
        for (name, id) in &keywords.properties {
            let asked = reader.to(*id);
            if declared.contains(name.as_str()) {
                let said = self.property(writer, name);
                let from = said.first().copied().unwrap_or(writer.from);
                found.extend(self.fit(from, &said, asked));
            } else {
                found.extend(self.added_property(writer, name, asked));
            }
        }
        for name in declared {
            found.extend(self.other_property(writer, name, reader, keywords));
        }
        found
    }

    /// Compares a property that the writer does not declare.
    fn added_property(&mut self, writer: &Writer, name: &str, asked: At) -> Vec<Mismatch> {
        let said = self.property(writer, name);
        let from = said.first().copied().unwrap_or(writer.from);
        if !self.is_open(&said) {
            let found = self.fit(from, &said, asked);
            let what = format!(
                "the reader declares {name:?} narrower than what the writer may write under the name"
            );
            return self.covered(
                Rule::PropertyAddedNotCovered,
                (asked, ""),
                (from, ""),
                &what,
                &found,
            );
        }
        if self.is_anything(asked) {
            return Vec::new();
        }
        vec![self.mismatch(
            Rule::PropertyAddedToOpen,
            (asked, ""),
            (writer.from, ""),
            format!("the reader declares {name:?}, under which the writer may write anything as its content model is open"),
        )]
    }

    /// Compares a property of the writer with what the reader asks of names it does not declare.
    fn other_property(
        &mut self,
        writer: &Writer,
        name: &str,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let is_declared = keywords.properties.contains_key(name);
        let mut asked: Vec<_> = keywords
            .patterns
            .iter()
            .filter(|(pattern, _)| self.patterns.matches(pattern, name) != Some(false))
            .map(|(_, id)| reader.to(*id))
            .collect();
        if !is_declared && asked.is_empty() {
            asked.extend(keywords.additional.map(|id| reader.to(id)));
        }
        if asked.is_empty() {
            return Vec::new();
        }
        let said = self.property(writer, name);
        let from = said.first().copied().unwrap_or(writer.from);
        let mut found = Vec::new();
        for asked in asked {
            let below = self.fit(from, &said, asked);
            if self.is_nothing(asked) {
                found.extend((!below.is_empty()).then(|| {
                    self.mismatch(
                        Rule::PropertyRemovedFromClosed,
                        (asked, ""),
                        (from, ""),
                        format!("the reader's content model is closed and has no {name:?}"),
                    )
                }));
            } else {
                let what = format!(
                    "the reader does not declare {name:?}, and its content model refuses it"
                );
                found.extend(self.covered(
                    Rule::PropertyRemovedNotCovered,
                    (asked, ""),
                    (from, ""),
                    &what,
                    &below,
                ));
            }
        }
        found
    }

    fn pattern_properties(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let mut found = Vec::new();
        for (pattern, id) in &keywords.patterns {
            let asked = reader.to(*id);
            let same: Vec<_> = self
                .facts(writer)
                .into_iter()
                .filter_map(|(at, said)| said.patterns.get(pattern).map(|id| at.to(*id)))
                .collect();
            if let Some(from) = same.first() {
                found.extend(self.fit(*from, &same, asked));
                continue;
            }
            let said = self.unknown_properties(writer);
            let from = said.first().copied().unwrap_or(writer.from);
            if !self.fits(from, &said, asked) {
                found.push(self.mismatch(
                    Rule::PatternPropertyAdded,
                    (asked, ""),
                    (from, ""),
                    format!("the reader restricts names that match {pattern:?}, under which the writer may write other values"),
                ));
            }
        }
        found
    }

    fn additional_properties(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let Some(asked) = keywords.additional.map(|id| reader.to(id)) else {
            return Vec::new();
        };
        if self.is_anything(asked) {
            return Vec::new();
        }
        let mut found = self.other_patterns(writer, keywords, asked);
        let said = self.unknown_properties(writer);
        let from = said.first().copied().unwrap_or(writer.from);
        if !self.fits(from, &said, asked) {
            let (rule, message) = if self.is_nothing(asked) {
                (
                    Rule::AdditionalPropertiesRemoved,
                    "the reader's content model is closed, the writer may write other properties"
                        .to_owned(),
                )
            } else if self.is_open(&said) {
                (
                    Rule::AdditionalPropertiesNarrowed,
                    "the reader restricts other properties, the writer may write any".to_owned(),
                )
            } else {
                found.extend(self.fit(from, &said, asked));
                return found;
            };
            found.push(self.mismatch(rule, (asked, ""), (from, ""), message));
        }
        found
    }

    /// Compares the writer's patterns that the reader does not have with its other properties.
    fn other_patterns(&mut self, writer: &Writer, keywords: &Keywords, asked: At) -> Vec<Mismatch> {
        let mut found = Vec::new();
        for (at, said) in self.facts(writer) {
            for (pattern, id) in &said.patterns {
                let from = at.to(*id);
                if keywords.patterns.contains_key(pattern) || self.fits(from, &[from], asked) {
                    continue;
                }
                found.push(self.mismatch(
                    Rule::PatternPropertyRemoved,
                    (asked, ""),
                    (from, ""),
                    format!("the reader has nothing for names that match {pattern:?}, and its content model refuses them"),
                ));
            }
        }
        found
    }

    fn unevaluated_properties(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let closing = keywords
            .unevaluated
            .filter(|_| keywords.additional.is_none());
        let Some(asked) = closing.map(|id| reader.to(id)) else {
            return Vec::new();
        };
        let evaluated = self.evaluated(reader);
        if evaluated.everything || self.is_anything(asked) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for name in self.declared_names(writer) {
            if evaluated.covers(self, name) {
                continue;
            }
            let said = self.property(writer, name);
            let from = said.first().copied().unwrap_or(writer.from);
            let below = self.fit(from, &said, asked);
            let what =
                format!("the reader evaluates no {name:?}, and its content model refuses it");
            found.extend(self.covered(
                Rule::PropertyRemovedFromClosed,
                (asked, ""),
                (from, ""),
                &what,
                &below,
            ));
        }
        let said = self.unknown_properties(writer);
        let from = said.first().copied().unwrap_or(writer.from);
        let below = self.fit(from, &said, asked);
        found.extend(self.covered(
            Rule::UnevaluatedPropertiesNarrowed,
            (asked, ""),
            (from, ""),
            "the reader restricts properties that nothing evaluates, and the writer may write others",
            &below,
        ));
        found
    }

    fn property_names(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Option<Mismatch> {
        let asked = reader.to(keywords.property_names?);
        let any_name = |said: &Keywords| {
            let rest = Keywords {
                pattern: None,
                ..said.clone()
            };
            !rest.restricts()
                && said
                    .pattern
                    .as_ref()
                    .is_none_or(|pattern| self.patterns.accepts_everything(pattern))
        };
        if self.keywords(asked).is_some_and(any_name) {
            return None;
        }
        let facts = self.facts(writer);
        let mut said: Vec<_> = facts
            .iter()
            .filter_map(|(at, said)| said.property_names.map(|id| at.to(id)))
            .collect();
        let from = said.first().copied().unwrap_or(writer.from);
        said.extend(super::writer::TypeNames::named("string"));
        if self.fits(from, &said, asked) {
            return None;
        }
        let others = self.unknown_properties(writer);
        let is_closed = others.iter().any(|at| self.is_nothing(*at))
            && facts.iter().all(|(_, said)| said.patterns.is_empty());
        let accepted = |name: &&str| {
            let name = Value::String((*name).to_owned());
            self.accepts(asked, &name) == Some(true)
        };
        if is_closed && self.declared_names(writer).iter().all(accepted) {
            return None;
        }
        Some(self.mismatch(
            Rule::PropertyNamesNarrowed,
            (reader, "propertyNames"),
            (from, ""),
            "the reader restricts the names of properties, the writer may use others".to_owned(),
        ))
    }

    fn dependencies(
        &mut self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let facts = self.facts(writer);
        for (name, asked) in &keywords.dependent_required {
            let mut given = self.required_names(writer);
            let said: Vec<_> = facts
                .iter()
                .filter_map(|(at, said)| {
                    said.dependent_required.get(name).map(|names| (*at, names))
                })
                .collect();
            given.extend(
                said.iter()
                    .flat_map(|(_, names)| names.iter().map(String::as_str)),
            );
            let missing: Vec<_> = asked
                .iter()
                .filter(|needed| !given.contains(needed.as_str()) && *needed != name)
                .map(String::as_str)
                .collect();
            if missing.is_empty() || self.is_never_written(writer, name) {
                continue;
            }
            let rule = if said.is_empty() {
                Rule::DependencyAdded
            } else {
                Rule::DependencyExtended
            };
            found.push(self.mismatch(
                rule,
                (reader, ""),
                (said.first().map_or(writer.from, |(at, _)| *at), ""),
                format!(
                    "the reader asks for {} beside {name:?}, the writer does not",
                    missing.join(", ")
                ),
            ));
        }
        for (name, id) in &keywords.dependent_schemas {
            if self.is_never_written(writer, name) {
                continue;
            }
            let mut nodes = writer.facts.clone();
            let said = facts
                .iter()
                .filter_map(|(at, said)| said.dependent_schemas.get(name).map(|id| at.to(*id)));
            nodes.extend(said);
            let from = nodes.last().copied().unwrap_or(writer.from);
            let below = self.fit(from, &nodes, reader.to(*id));
            let what = format!("the reader asks for more of documents that have {name:?}");
            found.extend(self.covered(
                Rule::DependencySchemaNarrowed,
                (reader.to(*id), ""),
                (from, ""),
                &what,
                &below,
            ));
        }
        found
    }

    /// Says whether a property cannot be in what is written.
    fn is_never_written(&self, writer: &Writer, name: &str) -> bool {
        self.property(writer, name)
            .iter()
            .any(|at| self.is_nothing(*at))
    }
}
