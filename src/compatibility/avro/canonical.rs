//! The text that equal schemas share. Pure.
//!
//! It holds what Confluent's registry compares when it normalises (`AvroSchema.normalize`): names in
//! full, documentation, aliases, defaults, order and properties stay; white space, the order of keys,
//! the way a namespace is written and an empty documentation of a type do not count. Two things are
//! left as they are written: fields and symbols in their order, and a type of a reference as its name.
//! A registry that does not normalise tells apart two schemas whose properties stand in another order;
//! to a reader they are the same, and here too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document::Document;

use super::schema::{Enum, Field, Fixed, Named, Primitive, Record, Schema, Shape, Type, TypeId};

/// Returns the canonical text of a schema.
pub fn canonical(schema: &Schema) -> String {
    let writer = Writer {
        types: &schema.types,
        shallow: None,
    };
    Document::from(writer.value(schema.root, ""))
        .canonical()
        .to_owned()
}

/// Returns the canonical text of one named type, with the names of others in place of them.
pub(super) fn definition(types: &[Type], id: TypeId) -> String {
    let writer = Writer {
        types,
        shallow: Some(id),
    };
    Document::from(writer.value(id, "")).canonical().to_owned()
}

struct Writer<'a> {
    types: &'a [Type],
    /// The one named type to write out; absent for all that are written out in the text.
    shallow: Option<TypeId>,
}

impl Writer<'_> {
    /// Recurses as the text does, within a namespace: a name stays a name.
    fn value(&self, id: TypeId, space: &str) -> Value {
        let r#type = &self.types[id.0 as usize];
        if let (Some(only), Some(named)) = (self.shallow, r#type.shape.named())
            && only != id
        {
            return json!(named.name.0);
        }
        let object = match &r#type.shape {
            Shape::Primitive(primitive) if r#type.properties.is_empty() => {
                return json!(primitive.name());
            }
            Shape::Primitive(primitive) => object([("type", json!(primitive.name()))]),
            Shape::Array(items) => object([
                ("type", json!("array")),
                ("items", self.value(*items, space)),
            ]),
            Shape::Map(values) => object([
                ("type", json!("map")),
                ("values", self.value(*values, space)),
            ]),
            Shape::Union(branches) => {
                return branches
                    .iter()
                    .map(|branch| self.value(*branch, space))
                    .collect();
            }
            Shape::Record(record) => self.record(record, space),
            Shape::Enum(r#enum) => enum_object(r#enum, space),
            Shape::Fixed(fixed) => fixed_object(fixed, space),
            Shape::Reference(target) => {
                let named = self.types[target.0 as usize].shape.named();
                return json!(named.map(|named| &named.name.0));
            }
            Shape::Wrapper(inner) => return self.value(*inner, space),
        };
        with_properties(object, &r#type.properties)
    }

    fn record(&self, record: &Record, space: &str) -> Map<String, Value> {
        let mut object = named_object(record.keyword, &record.named, space);
        let space = record.named.name.namespace();
        let fields = record
            .fields
            .iter()
            .map(|field| self.field(field, space))
            .collect();
        object.insert("fields".to_owned(), fields);
        object
    }

    fn field(&self, field: &Field, space: &str) -> Value {
        let mut object = object([
            ("name", json!(field.name)),
            ("type", self.value(field.r#type, space)),
        ]);
        if let Some(doc) = &field.doc {
            object.insert("doc".to_owned(), json!(doc));
        }
        insert_aliases(&mut object, &field.aliases);
        if let Some(order) = &field.order {
            object.insert("order".to_owned(), json!(order));
        }
        if let Some(default) = &field.default {
            let default = self.default(field.r#type, default);
            object.insert("default".to_owned(), default);
        }
        with_properties(object, &field.properties)
    }

    /// Returns a default as its type has it: 1 and 1.0 are the same `double`.
    fn default(&self, id: TypeId, value: &Value) -> Value {
        let shape = &self.types[id.0 as usize].shape;
        match (shape, value) {
            (Shape::Primitive(Primitive::Float | Primitive::Double), Value::Number(number)) => {
                number.as_f64().map_or_else(|| value.clone(), Value::from)
            }
            _ => value.clone(),
        }
    }
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn named_object(keyword: &str, named: &Named, space: &str) -> Map<String, Value> {
    let mut object = object([("type", json!(keyword)), ("name", json!(named.name.0))]);
    // Without it the name would be in the namespace around it.
    if !space.is_empty() && named.name.namespace().is_empty() {
        object.insert("namespace".to_owned(), json!(""));
    }
    if let Some(doc) = named.doc.as_ref().filter(|doc| !doc.is_empty()) {
        object.insert("doc".to_owned(), json!(doc));
    }
    insert_aliases(&mut object, &named.aliases);
    object
}

fn enum_object(r#enum: &Enum, space: &str) -> Map<String, Value> {
    let mut object = named_object("enum", &r#enum.named, space);
    object.insert("symbols".to_owned(), json!(r#enum.symbols));
    if let Some(default) = &r#enum.default {
        object.insert("default".to_owned(), json!(default));
    }
    object
}

fn fixed_object(fixed: &Fixed, space: &str) -> Map<String, Value> {
    let mut object = named_object("fixed", &fixed.named, space);
    object.insert("size".to_owned(), json!(fixed.size));
    object
}

/// Aliases are a set.
fn insert_aliases(object: &mut Map<String, Value>, aliases: &[String]) {
    if !aliases.is_empty() {
        let mut aliases = aliases.to_vec();
        aliases.sort();
        aliases.dedup();
        object.insert("aliases".to_owned(), json!(aliases));
    }
}

fn with_properties(mut object: Map<String, Value>, properties: &BTreeMap<String, Value>) -> Value {
    for (key, value) in properties {
        // A decimal without a scale has the scale 0.
        let is_default = key == "scale"
            && value.as_i64() == Some(0)
            && properties.get("logicalType").and_then(Value::as_str) == Some("decimal");
        if !is_default {
            object.insert(key.clone(), value.clone());
        }
    }
    Value::Object(object)
}
