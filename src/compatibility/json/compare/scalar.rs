//! Types, listed values, numbers and strings. Pure.

use serde_json::Value;

use super::super::instance::is_multiple;
use super::super::schema::{Keywords, Shape, Types};
use super::rule::Rule;
use super::writer::Writer;
use super::{At, Comparison, Mismatch};

/// How many refused values a message names.
const MOST_SHOWN: usize = 5;

impl<'a> Comparison<'a> {
    /// Refuses the literal `true` as a whole schema for what is no object.
    ///
    /// Karapace reads it as an object's schema without properties ("compatibility with schema
    /// registry" in its own tests); `{}` is read as accepting anything.
    pub(super) fn whole_schema_true(&self, writer: At, reader: At) -> Vec<Mismatch> {
        let is_true = matches!(self.shape(reader), Shape::Literal(true));
        let is_object = match self.target(writer).map(|at| self.shape(at)) {
            None | Some(Shape::Literal(_)) => true,
            Some(Shape::Keywords(keywords)) => {
                let is_combined = keywords.not.is_some()
                    || [&keywords.all_of, &keywords.any_of, &keywords.one_of]
                        .iter()
                        .any(|ids| !ids.is_empty());
                let types = keywords.types.unwrap_or_else(|| keywords.families());
                Types::OBJECT.includes(types) && !is_combined && keywords.values.is_none()
            }
        };
        if !is_true || is_object {
            return Vec::new();
        }
        vec![self.mismatch(
            Rule::WholeSchemaTrue,
            (reader, ""),
            (writer, ""),
            "the whole schema is the literal true, which registries read as an object's, and the writer writes something else".to_owned(),
        )]
    }

    /// Compares value by value where the writer lists its values; nothing where it does not, or where
    /// it is not known of one.
    pub(super) fn listed_values(
        &self,
        writer: &Writer,
        reader: At,
        keywords: &Keywords,
    ) -> Option<Vec<Mismatch>> {
        let facts = self.facts(writer);
        let (at, listed) = facts
            .iter()
            .find_map(|(at, said)| said.values.as_ref().map(|values| (*at, values)))?;
        let is_written = |value: &&Value| {
            facts
                .iter()
                .all(|(at, _)| self.accepts(*at, value) != Some(false))
        };
        let mut written: Vec<_> = listed.values().filter(is_written).collect();
        let refuses_itself = |value: &Value| self.accepts(at, value) == Some(false);
        if listed.values().all(refuses_itself) {
            // The writer contradicts itself; what it lists shows what is meant, and its types do where
            // the reader lists nothing.
            keywords.values.as_ref()?;
            written = listed.values().collect();
        }
        let mut refused = Vec::new();
        let mut is_known = true;
        for value in written {
            match self.accepts(reader, value) {
                Some(true) => {}
                Some(false) => refused.push(value),
                None => is_known = false,
            }
        }
        if refused.is_empty() {
            return is_known.then(Vec::new);
        }
        let of_types = refused
            .iter()
            .fold(Types::NONE, |types, value| types.or(Types::of(value)));
        let rule = if keywords.values.is_some() {
            Rule::EnumNarrowed
        } else if keywords
            .types
            .is_some_and(|types| !types.overlaps(of_types))
        {
            Rule::TypeChanged
        } else {
            Rule::ValueRefused
        };
        Some(vec![self.mismatch(
            rule,
            (reader, ""),
            (at, ""),
            format!("the reader refuses {}", shown(&refused)),
        )])
    }

    pub(super) fn types(&self, writer: &Writer, reader: At, keywords: &Keywords) -> Vec<Mismatch> {
        let Some(accepted) = keywords.types else {
            return Vec::new();
        };
        if accepted.includes(writer.types) {
            return Vec::new();
        }
        let rule = if accepted.overlaps(writer.types) {
            Rule::TypeNarrowed
        } else {
            Rule::TypeChanged
        };
        let said = self
            .facts(writer)
            .into_iter()
            .find(|(_, said)| said.types.is_some());
        let place = said.map_or((writer.from, ""), |(at, _)| (at, "type"));
        vec![self.mismatch(
            rule,
            (reader, "type"),
            place,
            format!(
                "the writer may write {}, the reader accepts {accepted}",
                writer.types
            ),
        )]
    }

    pub(super) fn values(&self, writer: &Writer, reader: At, keywords: &Keywords) -> Vec<Mismatch> {
        let Some(accepted) = &keywords.values else {
            return Vec::new();
        };
        let facts = self.facts(writer);
        let listed = facts
            .iter()
            .find_map(|(at, said)| said.values.as_ref().map(|values| (*at, values)));
        if let Some((at, listed)) = listed {
            let refused: Vec<_> = listed
                .iter()
                .filter(|(text, _)| !accepted.contains_key(*text))
                .map(|(_, value)| value)
                .collect();
            if refused.is_empty() {
                return Vec::new();
            }
            let message = format!("the reader does not list {}", shown(&refused));
            return vec![self.mismatch(Rule::EnumNarrowed, (reader, ""), (at, ""), message)];
        }
        let few = [Value::Null, Value::Bool(false), Value::Bool(true)];
        let counts = Types::NULL.or(Types::BOOLEAN).includes(writer.types);
        let lists_all = few
            .iter()
            .filter(|value| writer.types.overlaps(Types::of(value)))
            .all(|value| accepted.contains_key(&value.to_string()));
        if counts && lists_all {
            return Vec::new();
        }
        let of_types = accepted
            .values()
            .fold(Types::NONE, |types, value| types.or(Types::of(value)));
        if !accepted.is_empty() && !of_types.overlaps(writer.types) {
            return vec![self.mismatch(
                Rule::TypeChanged,
                (reader, ""),
                (writer.from, ""),
                format!(
                    "the writer may write {}, the reader lists values of {of_types}",
                    writer.types
                ),
            )];
        }
        vec![self.mismatch(
            Rule::EnumAdded,
            (reader, ""),
            (writer.from, ""),
            "the reader lists the values it accepts, the writer may write others".to_owned(),
        )]
    }

    pub(super) fn numbers(
        &self,
        writer: &Writer,
        reader: At,
        keywords: &Keywords,
    ) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if let Some(bound) = &keywords.minimum {
            let keyword = bound.keyword("minimum");
            match self.minimum(writer) {
                None => found.push(self.added(
                    Rule::MinimumAdded,
                    writer,
                    reader,
                    keyword,
                    &bound.limit,
                )),
                Some((at, said))
                    if said.limit < bound.limit
                        || said.limit == bound.limit && bound.exclusive && !said.exclusive =>
                {
                    found.push(self.mismatch(
                        Rule::MinimumIncreased,
                        (reader, keyword),
                        (at, said.keyword("minimum")),
                        format!(
                            "{keyword} is {} for the reader, {} is {} for the writer",
                            bound.limit,
                            said.keyword("minimum"),
                            said.limit
                        ),
                    ));
                }
                Some(_) => {}
            }
        }
        if let Some(bound) = &keywords.maximum {
            let keyword = bound.keyword("maximum");
            match self.maximum(writer) {
                None => found.push(self.added(
                    Rule::MaximumAdded,
                    writer,
                    reader,
                    keyword,
                    &bound.limit,
                )),
                Some((at, said))
                    if said.limit > bound.limit
                        || said.limit == bound.limit && bound.exclusive && !said.exclusive =>
                {
                    found.push(self.mismatch(
                        Rule::MaximumDecreased,
                        (reader, keyword),
                        (at, said.keyword("maximum")),
                        format!(
                            "{keyword} is {} for the reader, {} is {} for the writer",
                            bound.limit,
                            said.keyword("maximum"),
                            said.limit
                        ),
                    ));
                }
                Some(_) => {}
            }
        }
        found.extend(self.multiples(writer, reader, keywords));
        found
    }

    fn multiples(&self, writer: &Writer, reader: At, keywords: &Keywords) -> Option<Mismatch> {
        let step = keywords.multiple_of.as_ref()?;
        let one = bigdecimal::BigDecimal::from(1);
        let whole = Types::INTEGER.includes(writer.types.and(Types::NUMBER));
        if whole && is_multiple(&one, step) {
            return None;
        }
        let steps: Vec<_> = self
            .facts(writer)
            .into_iter()
            .filter_map(|(at, said)| said.multiple_of.as_ref().map(|step| (at, step)))
            .collect();
        if steps.iter().any(|(_, said)| is_multiple(said, step)) {
            return None;
        }
        Some(match steps.first() {
            None => self.added(Rule::MultipleOfAdded, writer, reader, "multipleOf", step),
            Some((at, said)) => self.mismatch(
                Rule::MultipleOfChanged,
                (reader, "multipleOf"),
                (*at, "multipleOf"),
                format!("multipleOf is {step} for the reader, and {said} for the writer is no multiple of it"),
            ),
        })
    }

    pub(super) fn strings(
        &self,
        writer: &Writer,
        reader: At,
        keywords: &'a Keywords,
    ) -> Vec<Mismatch> {
        let mut found = Vec::new();
        found.extend(self.at_least(
            (Rule::MinLengthAdded, Rule::MinLengthIncreased),
            "minLength",
            writer,
            reader,
            keywords.min_length,
            |said| said.min_length,
        ));
        found.extend(self.at_most(
            (Rule::MaxLengthAdded, Rule::MaxLengthDecreased),
            "maxLength",
            writer,
            reader,
            keywords.max_length,
            |said| said.max_length,
        ));
        found.extend(self.same_word(
            (Rule::PatternAdded, Rule::PatternChanged),
            "pattern",
            writer,
            reader,
            keywords.pattern.as_ref(),
            |said| said.pattern.as_ref(),
        ));
        found.extend(self.same_word(
            (Rule::FormatAdded, Rule::FormatChanged),
            "format",
            writer,
            reader,
            keywords.format.as_ref(),
            |said| said.format.as_ref(),
        ));
        found.extend(self.same_word(
            (Rule::ContentAdded, Rule::ContentChanged),
            "contentEncoding",
            writer,
            reader,
            keywords.content_encoding.as_ref(),
            |said| said.content_encoding.as_ref(),
        ));
        found.extend(self.same_word(
            (Rule::ContentAdded, Rule::ContentChanged),
            "contentMediaType",
            writer,
            reader,
            keywords.content_media_type.as_ref(),
            |said| said.content_media_type.as_ref(),
        ));
        found
    }

    /// Compares a keyword of which only the same word fits.
    fn same_word(
        &self,
        (added, changed): (Rule, Rule),
        keyword: &str,
        writer: &Writer,
        reader: At,
        asked: Option<&'a String>,
        said: impl Fn(&'a Keywords) -> Option<&'a String>,
    ) -> Option<Mismatch> {
        let asked = asked?;
        let words: Vec<_> = self
            .facts(writer)
            .into_iter()
            .filter_map(|(at, keywords)| said(keywords).map(|word| (at, word)))
            .collect();
        if words.iter().any(|(_, word)| *word == asked) {
            return None;
        }
        Some(match words.first() {
            None => self.added(added, writer, reader, keyword, &format!("{asked:?}")),
            Some((at, word)) => self.mismatch(
                changed,
                (reader, keyword),
                (*at, keyword),
                format!("{keyword} is {asked:?} for the reader, {word:?} for the writer"),
            ),
        })
    }

    /// Compares a lower limit of a size.
    pub(super) fn at_least(
        &self,
        (added, increased): (Rule, Rule),
        keyword: &str,
        writer: &Writer,
        reader: At,
        asked: u64,
        said: impl Fn(&'a Keywords) -> u64,
    ) -> Option<Mismatch> {
        let strictest = self.strictest(
            writer,
            |keywords| Some(said(keywords)).filter(|least| *least > 0),
            |one, other| one > other,
        );
        match strictest {
            _ if asked == 0 => None,
            None => Some(self.added(added, writer, reader, keyword, &asked)),
            Some((at, least)) if least < asked => {
                Some(self.limit(increased, keyword, (at, least), (reader, asked)))
            }
            Some(_) => None,
        }
    }

    /// Compares an upper limit of a size.
    pub(super) fn at_most(
        &self,
        (added, decreased): (Rule, Rule),
        keyword: &str,
        writer: &Writer,
        reader: At,
        asked: Option<u64>,
        said: impl Fn(&'a Keywords) -> Option<u64>,
    ) -> Option<Mismatch> {
        let asked = asked?;
        match self.strictest(writer, said, |one, other| one < other) {
            None => Some(self.added(added, writer, reader, keyword, &asked)),
            Some((at, most)) if most > asked => {
                Some(self.limit(decreased, keyword, (at, most), (reader, asked)))
            }
            Some(_) => None,
        }
    }

    fn limit(
        &self,
        rule: Rule,
        keyword: &str,
        (writer, said): (At, u64),
        (reader, asked): (At, u64),
    ) -> Mismatch {
        self.mismatch(
            rule,
            (reader, keyword),
            (writer, keyword),
            format!("{keyword} is {asked} for the reader, {said} for the writer"),
        )
    }

    /// Returns the mismatch of a keyword that the writer does not have.
    pub(super) fn added(
        &self,
        rule: Rule,
        writer: &Writer,
        reader: At,
        keyword: &str,
        asked: &impl std::fmt::Display,
    ) -> Mismatch {
        self.mismatch(
            rule,
            (reader, keyword),
            (writer.from, ""),
            format!("the reader has {keyword} {asked}, the writer has none"),
        )
    }
}

fn shown(values: &[&Value]) -> String {
    let texts: Vec<_> = values
        .iter()
        .take(MOST_SHOWN)
        .map(ToString::to_string)
        .collect();
    let more = values.len().saturating_sub(MOST_SHOWN);
    match more {
        0 => texts.join(", "),
        _ => format!("{} and {more} more", texts.join(", ")),
    }
}
