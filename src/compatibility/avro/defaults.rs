//! Whether a JSON value can be the default of a type. Pure.
//!
//! The rules are those of the specification ("Complex Types", the table of defaults) as Java 1.12
//! applies them: a union's default may be of any branch, and a text is no default of `bytes` only
//! when it is no text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::parse::noun;
use super::schema::{Primitive, Shape, Type, TypeId};

/// Checks defaults against the types of one schema.
pub(super) struct Defaults<'a> {
    types: &'a [Type],
    /// What was found of a value, by its address, as a type: a value below nested unions would
    /// otherwise be tried once for every way to it.
    known: BTreeMap<(TypeId, usize), bool>,
}

impl<'a> Defaults<'a> {
    pub(super) fn new(types: &'a [Type]) -> Self {
        Self {
            types,
            known: BTreeMap::new(),
        }
    }

    /// Says what the value is instead of what it has to be.
    pub(super) fn check(&mut self, id: TypeId, value: &'a Value) -> Result<(), String> {
        if self.fits(id, value) {
            return Ok(());
        }
        let shape = self.shape(id);
        let expected = match shape {
            Shape::Union(branches) => {
                let names: Vec<String> = branches
                    .iter()
                    .map(|branch| self.shape(*branch).to_string())
                    .collect();
                format!("one of {}", names.join(", "))
            }
            other => format!("of type {other}"),
        };
        Err(format!("is {}, and has to be {expected}", noun(value)))
    }

    fn shape(&self, mut id: TypeId) -> &'a Shape {
        loop {
            match &self.types[id.0 as usize].shape {
                Shape::Reference(target) | Shape::Wrapper(target) => id = *target,
                shape => return shape,
            }
        }
    }

    /// Recurses over the value, which the JSON reader has bounded.
    fn fits(&mut self, id: TypeId, value: &'a Value) -> bool {
        match self.shape(id) {
            Shape::Primitive(primitive) => primitive_fits(*primitive, value),
            Shape::Enum(_) | Shape::Fixed(_) => value.is_string(),
            Shape::Reference(_) | Shape::Wrapper(_) => false,
            compound => {
                let key = (id, std::ptr::from_ref(value).addr());
                if let Some(known) = self.known.get(&key) {
                    return *known;
                }
                let fits = self.compound_fits(compound, value);
                self.known.insert(key, fits);
                fits
            }
        }
    }

    fn compound_fits(&mut self, shape: &'a Shape, value: &'a Value) -> bool {
        match (shape, value) {
            (Shape::Array(items), Value::Array(elements)) => {
                elements.iter().all(|element| self.fits(*items, element))
            }
            (Shape::Map(values), Value::Object(entries)) => {
                entries.values().all(|entry| self.fits(*values, entry))
            }
            (Shape::Union(branches), value) => {
                branches.iter().any(|branch| self.fits(*branch, value))
            }
            (Shape::Record(record), Value::Object(object)) => {
                record
                    .fields
                    .iter()
                    .all(|field| match object.get(&field.name) {
                        Some(value) => self.fits(field.r#type, value),
                        // Its own default is checked where it stands.
                        None => field.default.is_some(),
                    })
            }
            _ => false,
        }
    }
}

fn primitive_fits(primitive: Primitive, value: &Value) -> bool {
    match primitive {
        Primitive::Null => value.is_null(),
        Primitive::Boolean => value.is_boolean(),
        Primitive::Int => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        Primitive::Long => value.is_i64() || value.as_i64().is_some(),
        // Java reads a text with a number in it, such as "NaN", as that number.
        Primitive::Float | Primitive::Double => match value {
            Value::String(text) => text.trim().parse::<f64>().is_ok(),
            other => other.is_number(),
        },
        Primitive::Bytes | Primitive::String => value.is_string(),
    }
}
