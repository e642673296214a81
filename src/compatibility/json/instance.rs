//! Whether a schema accepts one value, for values that a schema lists. Pure.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};
use serde_json::Value;

use super::pattern::Patterns;
use super::schema::{Bound, Condition, Keywords, NodeId, Schema, Shape, Types};

/// How many subschemas may be asked about one value before the answer is that it is unknown.
const MOST_STEPS: usize = 10_000;

/// How many subschemas may be asked about all values of a comparison: lists of values and of
/// alternatives multiply.
const MOST_STEPS_TOGETHER: usize = 20_000_000;

/// How deep the questions may nest.
const MOST_LEVELS: usize = 100;

/// How many subschemas were asked about values so far.
#[derive(Debug, Default)]
pub(super) struct Steps(Cell<usize>);

/// Says whether a subschema accepts a value; nothing where that is not known, as with an expression
/// that cannot be compiled, or after too many questions.
pub(super) fn accepts(
    schema: &Schema,
    patterns: &Patterns,
    steps: &Steps,
    id: NodeId,
    value: &Value,
) -> Option<bool> {
    let before = steps.0.get();
    if before >= MOST_STEPS_TOGETHER {
        return None;
    }
    let mut question = Question {
        schema,
        patterns,
        steps: 0,
        level: 0,
    };
    let answer = question.accepts(id, value);
    steps.0.set(before + question.steps);
    answer
}

struct Question<'a> {
    schema: &'a Schema,
    patterns: &'a Patterns,
    steps: usize,
    level: usize,
}

/// Joins answers of which all have to be yes.
fn all(answers: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut joined = Some(true);
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            None => joined = None,
            Some(true) => {}
        }
    }
    joined
}

impl Question<'_> {
    fn accepts(&mut self, id: NodeId, value: &Value) -> Option<bool> {
        if self.steps >= MOST_STEPS || self.level >= MOST_LEVELS {
            return None;
        }
        self.steps += 1;
        let schema = self.schema;
        match &schema.node(id).shape {
            Shape::Literal(accepts) => Some(*accepts),
            Shape::Keywords(keywords) => {
                self.level += 1;
                let answer = self.fits(keywords, value);
                self.level -= 1;
                answer
            }
        }
    }

    fn fits(&mut self, keywords: &Keywords, value: &Value) -> Option<bool> {
        if keywords
            .types
            .is_some_and(|types| !types.includes(Types::of(value)))
            || keywords
                .values
                .as_ref()
                .is_some_and(|values| !values.contains_key(&identity(value)))
        {
            return Some(false);
        }
        let own = match value {
            Value::Number(number) => BigDecimal::from_str(&number.to_string())
                .ok()
                .map(|number| fits_number(keywords, &number)),
            Value::String(text) => self.fits_text(keywords, text),
            Value::Array(items) => self.fits_items(keywords, items),
            Value::Object(members) => self.fits_members(keywords, members),
            Value::Null | Value::Bool(_) => Some(true),
        };
        if own == Some(false) {
            return own;
        }
        all([own, self.fits_combined(keywords, value)])
    }

    fn fits_combined(&mut self, keywords: &Keywords, value: &Value) -> Option<bool> {
        let mut answers = Vec::new();
        for id in keywords.reference.iter().chain(&keywords.all_of) {
            answers.push(self.accepts(*id, value));
        }
        if !keywords.any_of.is_empty() {
            let any: Vec<_> = self.each(&keywords.any_of, value);
            answers.push(all(any.into_iter().map(negated)).map(|none| !none));
        }
        if !keywords.one_of.is_empty() {
            let each = self.each(&keywords.one_of, value);
            answers.push(if each.contains(&None) {
                None
            } else {
                Some(each.iter().filter(|answer| **answer == Some(true)).count() == 1)
            });
        }
        if let Some(not) = keywords.not {
            answers.push(negated(self.accepts(not, value)));
        }
        if let Some(Condition {
            test,
            then,
            otherwise,
        }) = keywords.condition
        {
            answers.push(match self.accepts(test, value) {
                Some(true) => then.map_or(Some(true), |id| self.accepts(id, value)),
                Some(false) => otherwise.map_or(Some(true), |id| self.accepts(id, value)),
                None => None,
            });
        }
        all(answers)
    }

    fn each(&mut self, ids: &[NodeId], value: &Value) -> Vec<Option<bool>> {
        ids.iter().map(|id| self.accepts(*id, value)).collect()
    }

    fn fits_text(&mut self, keywords: &Keywords, text: &str) -> Option<bool> {
        let length = text.chars().count() as u64;
        if length < keywords.min_length || keywords.max_length.is_some_and(|most| length > most) {
            return Some(false);
        }
        let annotated = keywords.format.is_some()
            || keywords.content_encoding.is_some()
            || keywords.content_media_type.is_some();
        let matches = keywords
            .pattern
            .as_ref()
            .map_or(Some(true), |pattern| self.patterns.matches(pattern, text));
        all([matches, if annotated { None } else { Some(true) }])
    }

    fn fits_items(&mut self, keywords: &Keywords, items: &[Value]) -> Option<bool> {
        let length = items.len() as u64;
        if length < keywords.min_items
            || keywords.max_items.is_some_and(|most| length > most)
            || keywords.unique_items && has_twins(items)
        {
            return Some(false);
        }
        let prefix = keywords.prefix.as_deref().unwrap_or_default();
        let mut answers = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(id) = prefix.get(index).copied().or(keywords.rest) {
                answers.push(self.accepts(id, item));
            }
        }
        if let Some(id) = keywords.contains {
            let found: Vec<_> = items.iter().map(|item| self.accepts(id, item)).collect();
            let count = found.iter().filter(|answer| **answer == Some(true)).count() as u64;
            let enough = count >= keywords.min_contains.unwrap_or(1)
                && keywords.max_contains.is_none_or(|most| count <= most);
            answers.push(if found.contains(&None) {
                None
            } else {
                Some(enough)
            });
        }
        if keywords.unevaluated_items.is_some() {
            answers.push(None);
        }
        all(answers)
    }

    fn fits_members(
        &mut self,
        keywords: &Keywords,
        members: &serde_json::Map<String, Value>,
    ) -> Option<bool> {
        let size = members.len() as u64;
        let has = |name: &String| members.contains_key(name);
        if size < keywords.min_properties
            || keywords.max_properties.is_some_and(|most| size > most)
            || !keywords.required.iter().all(has)
            || keywords
                .dependent_required
                .iter()
                .any(|(name, needed)| has(name) && !needed.iter().all(has))
        {
            return Some(false);
        }
        let mut answers = Vec::new();
        for (name, value) in members {
            let mut covered = false;
            if let Some(id) = keywords.properties.get(name) {
                covered = true;
                answers.push(self.accepts(*id, value));
            }
            for (pattern, id) in &keywords.patterns {
                match self.patterns.matches(pattern, name) {
                    Some(true) => {
                        covered = true;
                        answers.push(self.accepts(*id, value));
                    }
                    Some(false) => {}
                    None => return None,
                }
            }
            if let Some(id) = keywords.additional.filter(|_| !covered) {
                answers.push(self.accepts(id, value));
            }
            if let Some(id) = keywords.property_names {
                answers.push(self.accepts(id, &Value::String(name.clone())));
            }
            if let Some(id) = keywords.dependent_schemas.get(name) {
                answers.push(self.accepts(*id, &Value::Object(members.clone())));
            }
        }
        if keywords.unevaluated.is_some() {
            answers.push(None);
        }
        all(answers)
    }
}

fn negated(answer: Option<bool>) -> Option<bool> {
    answer.map(|yes| !yes)
}

fn fits_number(keywords: &Keywords, number: &BigDecimal) -> bool {
    let above = |bound: &Bound| *number > bound.limit || !bound.exclusive && *number == bound.limit;
    let below = |bound: &Bound| *number < bound.limit || !bound.exclusive && *number == bound.limit;
    keywords.minimum.as_ref().is_none_or(above)
        && keywords.maximum.as_ref().is_none_or(below)
        && keywords
            .multiple_of
            .as_ref()
            .is_none_or(|step| is_multiple(number, step))
}

/// Says whether a number is a whole multiple of another.
pub(super) fn is_multiple(number: &BigDecimal, step: &BigDecimal) -> bool {
    !step.is_zero() && (number % step).is_zero()
}

/// Says whether two items are equal.
fn has_twins(items: &[Value]) -> bool {
    let texts: BTreeSet<_> = items.iter().map(identity).collect();
    texts.len() < items.len()
}

/// Returns the text that values share which JSON Schema takes for equal: 1 and 1.0 are.
pub(super) fn identity(value: &Value) -> String {
    // serde_json keeps members sorted, which `document` has a test for.
    whole_numbers(value).to_string()
}

fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => number
            .as_f64()
            .filter(|float| number.is_f64() && float.fract() == 0.0)
            .and_then(|float| format!("{float:.0}").parse::<i64>().ok())
            .map_or_else(|| value.clone(), Value::from),
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), whole_numbers(value)))
            .collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::schema;
    use super::*;

    #[test]
    fn after_too_many_questions_nothing_is_known() {
        let schema = schema(r#"{"oneOf": [{"const": 1}, {"const": 2}]}"#);
        let patterns = Patterns::default();
        let asked = |steps: &Steps| accepts(&schema, &patterns, steps, schema.root, &json!(2));
        let steps = Steps(Cell::new(MOST_STEPS_TOGETHER - 1));
        assert_eq!(asked(&steps), Some(true));
        assert_eq!(asked(&steps), None);
    }
}
