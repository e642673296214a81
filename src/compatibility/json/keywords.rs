//! Reads the keywords of one subschema, in the spelling of any draft. Pure.
//!
//! A keyword of another draft than the text's is read all the same, as people forget `$schema`; only
//! `$id`, what stands beside `$ref` and `format` depend on the draft.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde_json::{Map, Value};
use url::Url;

use crate::compatibility::ParseError;
use crate::compatibility::pointer::escape;

use super::instance::identity;
use super::parse::Reading;
use super::schema::{Bound, Condition, Keywords, NodeId, Types};

/// What was read.
pub(super) struct Read {
    pub(super) keywords: Keywords,
    pub(super) definitions: Vec<NodeId>,
    /// The addresses of `$ref` and its relatives.
    pub(super) references: Vec<String>,
}

/// Reads a subschema's keywords.
pub(super) fn read<'d>(
    reading: &mut Reading<'d>,
    document: usize,
    object: &'d Map<String, Value>,
    pointer: &str,
    base: &Rc<Url>,
) -> Result<Read, ParseError> {
    let mut at = Place {
        reading,
        document,
        object,
        pointer,
        base,
    };
    let mut keywords = Keywords {
        title: at.text("title")?,
        description: at.text("description")?,
        has_default: object.contains_key("default"),
        ..Keywords::default()
    };
    let mut definitions = Vec::new();
    for keyword in ["definitions", "$defs"] {
        definitions.extend(at.schemas_by_name(keyword)?.into_values());
    }
    let references: Vec<_> = at.references()?;
    if references.is_empty() || at.reading.draft(document).reads_beside_ref() {
        at.combined(&mut keywords)?;
        at.types(&mut keywords)?;
        at.numbers(&mut keywords)?;
        at.strings(&mut keywords)?;
        at.arrays(&mut keywords)?;
        at.objects(&mut keywords)?;
    }
    Ok(Read {
        keywords,
        definitions,
        references,
    })
}

/// A subschema's place, to read its keywords from.
struct Place<'r, 'd> {
    reading: &'r mut Reading<'d>,
    document: usize,
    object: &'d Map<String, Value>,
    pointer: &'r str,
    base: &'r Rc<Url>,
}

impl<'d> Place<'_, 'd> {
    fn references(&self) -> Result<Vec<String>, ParseError> {
        for keyword in ["$ref", "$recursiveRef", "$dynamicRef"] {
            if let Some(reference) = self.text(keyword)? {
                return Ok(vec![reference]);
            }
        }
        Ok(Vec::new())
    }

    fn combined(&mut self, keywords: &mut Keywords) -> Result<(), ParseError> {
        keywords.all_of = self.schemas("allOf")?.unwrap_or_default();
        keywords.any_of = self.schemas("anyOf")?.unwrap_or_default();
        keywords.one_of = self.schemas("oneOf")?.unwrap_or_default();
        keywords.not = self.schema("not")?;
        let (then, otherwise) = (self.schema("then")?, self.schema("else")?);
        keywords.condition = self
            .schema("if")?
            .filter(|_| then.is_some() || otherwise.is_some())
            .map(|test| Condition {
                test,
                then,
                otherwise,
            });
        Ok(())
    }

    fn types(&mut self, keywords: &mut Keywords) -> Result<(), ParseError> {
        let named = match self.object.get("type") {
            None => None,
            Some(Value::String(name)) => Some(vec![name.as_str()]),
            Some(Value::Array(names)) => Some(
                names
                    .iter()
                    .map(|name| name.as_str().ok_or_else(|| self.wrong_type(name)))
                    .collect::<Result<_, _>>()?,
            ),
            Some(other) => return Err(self.wrong_type(other)),
        };
        if let Some(names) = named {
            keywords.lists_types = names.len() > 1;
            let mut types = Types::NONE;
            for name in names {
                let one = Types::named(name)
                    .ok_or_else(|| self.wrong_type(&Value::String(name.to_owned())))?;
                types = types.or(one);
            }
            keywords.types = Some(types);
        }
        keywords.values = match self.object.get("enum") {
            None => None,
            Some(Value::Array(values)) => Some(by_text(values)),
            Some(_) => return Err(self.wrong("enum", "a list of values")),
        };
        if let Some(constant) = self.object.get("const") {
            let mut values = by_text(std::slice::from_ref(constant));
            if let Some(listed) = &keywords.values {
                values.retain(|text, _| listed.contains_key(text));
            }
            keywords.values = Some(values);
        }
        Ok(())
    }

    fn wrong_type(&self, given: &Value) -> ParseError {
        let names = Types::NAMES.map(|(name, _)| name).join(", ");
        let pointer = format!("{}/type", self.pointer);
        let message = format!("{given} is no type: the types are {names}");
        self.reading.wrong(self.document, &pointer, message)
    }

    fn numbers(&mut self, keywords: &mut Keywords) -> Result<(), ParseError> {
        keywords.minimum = self.bound("minimum", "exclusiveMinimum", |a, b| a > b)?;
        keywords.maximum = self.bound("maximum", "exclusiveMaximum", |a, b| a < b)?;
        keywords.multiple_of = self.number("multipleOf")?;
        let zero = BigDecimal::from(0);
        if keywords
            .multiple_of
            .as_ref()
            .is_some_and(|step| *step <= zero)
        {
            return Err(self.wrong("multipleOf", "a number above 0"));
        }
        Ok(())
    }

    /// Reads a limit: draft 4 says with a boolean that the limit itself is outside, later drafts
    /// have a second limit; of two, the stricter counts.
    fn bound(
        &self,
        inclusive: &str,
        exclusive: &str,
        stricter: fn(&BigDecimal, &BigDecimal) -> bool,
    ) -> Result<Option<Bound>, ParseError> {
        let plain = self.number(inclusive)?;
        let outside = match self.object.get(exclusive) {
            Some(Value::Bool(outside)) => {
                return Ok(plain.map(|limit| Bound {
                    limit,
                    exclusive: *outside,
                }));
            }
            _ => self.number(exclusive)?,
        };
        Ok(match (plain, outside) {
            (Some(plain), Some(outside)) if stricter(&plain, &outside) => Some(Bound {
                limit: plain,
                exclusive: false,
            }),
            (_, Some(limit)) => Some(Bound {
                limit,
                exclusive: true,
            }),
            (plain, None) => plain.map(|limit| Bound {
                limit,
                exclusive: false,
            }),
        })
    }

    fn strings(&mut self, keywords: &mut Keywords) -> Result<(), ParseError> {
        keywords.min_length = self.count("minLength")?.unwrap_or(0);
        keywords.max_length = self.count("maxLength")?;
        keywords.pattern = self.text("pattern")?;
        keywords.format = self
            .text("format")?
            .filter(|_| self.reading.draft(self.document).asserts_format());
        keywords.content_encoding = self.text("contentEncoding")?;
        keywords.content_media_type = self.text("contentMediaType")?;
        Ok(())
    }

    fn arrays(&mut self, keywords: &mut Keywords) -> Result<(), ParseError> {
        let prefix = self.schemas("prefixItems")?;
        if let Some(Value::Array(_)) = self.object.get("items") {
            keywords.prefix = self.schemas("items")?;
            keywords.rest = self.schema("additionalItems")?;
        } else {
            keywords.prefix = prefix;
            keywords.rest = self.schema("items")?;
        }
        keywords.unevaluated_items = self.schema("unevaluatedItems")?;
        keywords.min_items = self.count("minItems")?.unwrap_or(0);
        keywords.max_items = self.count("maxItems")?;
        keywords.unique_items = match self.object.get("uniqueItems") {
            None => false,
            Some(Value::Bool(unique)) => *unique,
            Some(_) => return Err(self.wrong("uniqueItems", "`true` or `false`")),
        };
        keywords.contains = self.schema("contains")?;
        keywords.min_contains = self.count("minContains")?;
        keywords.max_contains = self.count("maxContains")?;
        Ok(())
    }

    fn objects(&mut self, keywords: &mut Keywords) -> Result<(), ParseError> {
        keywords.properties = self.schemas_by_name("properties")?;
        keywords.patterns = self.schemas_by_name("patternProperties")?;
        keywords.additional = self.schema("additionalProperties")?;
        keywords.unevaluated = self.schema("unevaluatedProperties")?;
        keywords.property_names = self.schema("propertyNames")?;
        // Draft 3 marked a property itself; later drafts give that no meaning.
        if !matches!(self.object.get("required"), Some(Value::Bool(_))) {
            keywords.required = self.names("required")?;
        }
        keywords.min_properties = self.count("minProperties")?.unwrap_or(0);
        keywords.max_properties = self.count("maxProperties")?;
        for (keyword, lists, schemas) in [
            ("dependencies", true, true),
            ("dependentRequired", true, false),
            ("dependentSchemas", false, true),
        ] {
            self.dependencies(keywords, keyword, lists, schemas)?;
        }
        Ok(())
    }

    fn dependencies(
        &mut self,
        keywords: &mut Keywords,
        keyword: &str,
        lists: bool,
        schemas: bool,
    ) -> Result<(), ParseError> {
        let Some(value) = self.object.get(keyword) else {
            return Ok(());
        };
        let Value::Object(members) = value else {
            return Err(self.wrong(keyword, "an object"));
        };
        for (name, value) in members {
            let below = format!("{keyword}/{}", escape(name));
            if let Value::Array(_) = value
                && lists
            {
                let names = self.names_in(&below, value)?;
                keywords.dependent_required.insert(name.clone(), names);
            } else if schemas {
                let schema = self.below(&below, value)?;
                keywords.dependent_schemas.insert(name.clone(), schema);
            } else {
                return Err(self.wrong(&below, "a list of names"));
            }
        }
        Ok(())
    }

    fn wrong(&self, keyword: &str, wanted: &str) -> ParseError {
        let pointer = format!("{}/{keyword}", self.pointer);
        let keyword = keyword.split('/').next().unwrap_or(keyword);
        let message = format!("{keyword} has to be {wanted}");
        self.reading.wrong(self.document, &pointer, message)
    }

    fn below(&mut self, path: &str, value: &'d Value) -> Result<NodeId, ParseError> {
        let pointer = format!("{}/{path}", self.pointer);
        self.reading
            .subschema(self.document, value, &pointer, self.base)
    }

    fn schema(&mut self, keyword: &str) -> Result<Option<NodeId>, ParseError> {
        match self.object.get(keyword) {
            None => Ok(None),
            Some(value) => self.below(keyword, value).map(Some),
        }
    }

    fn schemas(&mut self, keyword: &str) -> Result<Option<Vec<NodeId>>, ParseError> {
        match self.object.get(keyword) {
            None => Ok(None),
            Some(Value::Array(values)) => values
                .iter()
                .enumerate()
                .map(|(index, value)| self.below(&format!("{keyword}/{index}"), value))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(self.wrong(keyword, "a list of schemas")),
        }
    }

    fn schemas_by_name(&mut self, keyword: &str) -> Result<BTreeMap<String, NodeId>, ParseError> {
        match self.object.get(keyword) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(values)) => values
                .iter()
                .map(|(name, value)| {
                    let id = self.below(&format!("{keyword}/{}", escape(name)), value)?;
                    Ok((name.clone(), id))
                })
                .collect(),
            Some(_) => Err(self.wrong(keyword, "an object of schemas")),
        }
    }

    fn names(&self, keyword: &str) -> Result<BTreeSet<String>, ParseError> {
        match self.object.get(keyword) {
            None => Ok(BTreeSet::new()),
            Some(value) => self.names_in(keyword, value),
        }
    }

    fn names_in(&self, path: &str, value: &Value) -> Result<BTreeSet<String>, ParseError> {
        let wrong = || self.wrong(path, "a list of names");
        let names = value.as_array().ok_or_else(wrong)?;
        names
            .iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect()
    }

    fn text(&self, keyword: &str) -> Result<Option<String>, ParseError> {
        match self.object.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(keyword, "a text")),
        }
    }

    fn number(&self, keyword: &str) -> Result<Option<BigDecimal>, ParseError> {
        match self.object.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => BigDecimal::from_str(&number.to_string())
                .map(Some)
                .map_err(|_| self.wrong(keyword, "a number")),
            Some(_) => Err(self.wrong(keyword, "a number")),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the fraction is zero and the sign is checked; what is beyond 2^64 saturates"
    )]
    fn count(&self, keyword: &str) -> Result<Option<u64>, ParseError> {
        let Some(value) = self.object.get(keyword) else {
            return Ok(None);
        };
        let whole = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|number| *number >= 0.0 && number.fract() == 0.0)
                .map(|number| number as u64)
        });
        whole
            .map(Some)
            .ok_or_else(|| self.wrong(keyword, "a whole number, 0 or more"))
    }
}

fn by_text(values: &[Value]) -> BTreeMap<String, Value> {
    values
        .iter()
        .map(|value| (identity(value), value.clone()))
        .collect()
}
