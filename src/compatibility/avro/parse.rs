//! Text → types: what the specification demands of each, and where it is not met. Pure.
//!
//! Reading happens in two steps, since a name may be defined in another text: here every type is
//! listed as it is written, then [`resolve`](super::resolve) ties the names together. The JSON reader
//! gives up at 128 levels, so what recurses over the text is bounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::compatibility::{Definition, ParseError, pointer, position};

use super::schema::{
    Enum, Field, Fixed, Name, Named, Place, Primitive, Record, Schema, Shape, Step, Type, TypeId,
    locate,
};

/// Reads a new schema: nothing that the specification (Avro 1.12) forbids is let through.
pub fn parse(definition: &Definition) -> Result<Schema, ParseError> {
    let schema = parse_registered(definition)?;
    match schema.faults.first() {
        Some(fault) => Err(fault.clone()),
        None => Ok(schema),
    }
}

/// Reads a schema that a registry took at some time: what can be understood is, and what the
/// specification forbids is noted in [`Schema::faults`].
///
/// Registries were not always strict: defaults went unchecked by default in Avro before 1.9, and
/// Confluent's registry checks them for new schemas alone.
pub fn parse_registered(definition: &Definition) -> Result<Schema, ParseError> {
    let mut builder = Builder::new(definition);
    let built = builder.build(definition);
    let place = |mut error: ParseError| {
        let text = match &error.reference {
            Some(name) => definition.references.get(name),
            None => Some(&definition.text),
        };
        if let (Some(text), Some(path), None) = (text, &error.path, error.position) {
            error.position =
                pointer::locate(text, path).map(|range| position::of_byte(text, range.start));
        }
        error
    };
    let root = built.map_err(place)?;
    Ok(Schema {
        types: builder.types,
        root,
        references: builder.references,
        faults: builder.faults.into_iter().map(place).collect(),
    })
}

/// The types read so far.
pub(super) struct Builder {
    pub(super) types: Vec<Type>,
    pub(super) references: Vec<Arc<str>>,
    /// Where each full name is defined first.
    pub(super) definitions: BTreeMap<String, TypeId>,
    /// Further definitions of names.
    pub(super) redefinitions: Vec<TypeId>,
    /// Types that are names, with the name as it was written and the namespace around it.
    pub(super) names: Vec<(TypeId, String, String)>,
    pub(super) faults: Vec<ParseError>,
}

/// How many faults are noted: each is looked up in the text.
const MOST_FAULTS: usize = 100;

/// The keys of a schema object that mean something; others are properties. `default` is one of an enum.
const SCHEMA_KEYS: &[&str] = &[
    "doc",
    "fields",
    "items",
    "name",
    "namespace",
    "size",
    "symbols",
    "values",
    "type",
    "aliases",
];

/// The same for a field.
const FIELD_KEYS: &[&str] = &["default", "doc", "name", "order", "type", "aliases"];

impl Builder {
    fn new(definition: &Definition) -> Self {
        Self {
            types: Vec::new(),
            references: definition
                .references
                .keys()
                .map(|name| Arc::from(name.as_str()))
                .collect(),
            definitions: BTreeMap::new(),
            redefinitions: Vec::new(),
            names: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Reads all texts and ties them together; returns the schema's own outermost type.
    fn build(&mut self, definition: &Definition) -> Result<TypeId, ParseError> {
        for (index, (name, text)) in definition.references.iter().enumerate() {
            let read = self.read_text(text, index);
            read.map_err(|error| ParseError {
                reference: Some(name.clone()),
                ..error
            })?;
        }
        let root = self.read_text(&definition.text, definition.references.len())?;
        self.resolve()?;
        Ok(root)
    }

    fn read_text(&mut self, text: &str, index: usize) -> Result<TypeId, ParseError> {
        let value: Value = serde_json::from_str(text).map_err(|error| json_error(text, &error))?;
        let place = Place {
            within: TypeId(0),
            step: Step::Text(small(index)),
        };
        self.read(&value, place, "")
    }

    /// Returns an error at a place, or at something within it.
    pub(super) fn error(
        &self,
        place: Place,
        within: &str,
        message: impl Into<String>,
    ) -> ParseError {
        let (reference, path) = locate(&self.types, &self.references, place);
        ParseError {
            message: message.into(),
            reference: reference.map(ToOwned::to_owned),
            position: None,
            path: Some(path + within),
        }
    }

    /// Notes what is forbidden and can be understood all the same.
    pub(super) fn fault(&mut self, place: Place, within: &str, message: impl Into<String>) {
        if self.faults.len() >= MOST_FAULTS {
            return;
        }
        let fault = self.error(place, within, message);
        // What is wrong with a reference was for its own registration to see.
        if fault.reference.is_none() {
            self.faults.push(fault);
        }
    }

    fn push(&mut self, place: Place, shape: Shape, properties: BTreeMap<String, Value>) -> TypeId {
        let id = TypeId(small(self.types.len()));
        self.types.push(Type {
            place,
            shape,
            properties,
        });
        id
    }

    /// Lists a type whose parts need its place; its shape follows.
    fn reserve(&mut self, place: Place) -> TypeId {
        self.push(place, Shape::Primitive(Primitive::Null), BTreeMap::new())
    }

    fn fill(&mut self, id: TypeId, shape: Shape, object: &Map<String, Value>, keys: &[&str]) {
        let r#type = &mut self.types[id.0 as usize];
        r#type.shape = shape;
        r#type.properties = properties(object, keys);
    }

    fn read(&mut self, value: &Value, place: Place, space: &str) -> Result<TypeId, ParseError> {
        match value {
            Value::String(name) => Ok(self.read_name(name, place, space)),
            Value::Array(branches) => self.read_union(branches, place, space),
            Value::Object(object) => self.read_object(object, place, space),
            other => Err(self.error(
                place,
                "",
                format!(
                    "a type is a name, an object or a list of types, and this is {}",
                    noun(other)
                ),
            )),
        }
    }

    fn read_name(&mut self, name: &str, place: Place, space: &str) -> TypeId {
        if let Some(primitive) = Primitive::of(name) {
            return self.push(place, Shape::Primitive(primitive), BTreeMap::new());
        }
        let id = self.reserve(place);
        self.names.push((id, name.to_owned(), space.to_owned()));
        id
    }

    fn read_union(
        &mut self,
        branches: &[Value],
        place: Place,
        space: &str,
    ) -> Result<TypeId, ParseError> {
        let id = self.reserve(place);
        let mut types = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let place = Place {
                within: id,
                step: Step::Branch(small(index)),
            };
            types.push(self.read(branch, place, space)?);
        }
        self.types[id.0 as usize].shape = Shape::Union(types);
        Ok(id)
    }

    fn read_object(
        &mut self,
        object: &Map<String, Value>,
        place: Place,
        space: &str,
    ) -> Result<TypeId, ParseError> {
        let keyword = match object.get("type") {
            Some(Value::String(keyword)) => keyword.as_str(),
            Some(inner @ (Value::Object(_) | Value::Array(_))) => {
                return self.read_wrapped(inner, place, space);
            }
            Some(other) => {
                return Err(self.error(
                    place,
                    "/type",
                    format!(
                        "\"type\" is the name of a type, and this is {}",
                        noun(other)
                    ),
                ));
            }
            None => return Err(self.error(place, "", Self::untyped(object))),
        };
        match keyword {
            "record" | "error" => self.read_record(object, place, space),
            "enum" => self.read_enum(object, place, space),
            "fixed" => self.read_fixed(object, place, space),
            "array" => self.read_container(object, place, space, "items"),
            "map" => self.read_container(object, place, space, "values"),
            name => match Primitive::of(name) {
                Some(primitive) => {
                    let properties = properties(object, SCHEMA_KEYS);
                    Ok(self.push(place, Shape::Primitive(primitive), properties))
                }
                None => Ok(self.read_name(name, place, space)),
            },
        }
    }

    /// Says what an object without a type lacks.
    fn untyped(object: &Map<String, Value>) -> String {
        let meant = [
            ("fields", "record"),
            ("symbols", "enum"),
            ("items", "array"),
            ("values", "map"),
            ("size", "fixed"),
        ];
        match meant.iter().find(|(key, _)| object.contains_key(*key)) {
            Some((key, keyword)) => {
                format!("no \"type\"; with {key:?} it would be \"type\": {keyword:?}")
            }
            None => "no \"type\"".to_owned(),
        }
    }

    fn read_wrapped(
        &mut self,
        inner: &Value,
        place: Place,
        space: &str,
    ) -> Result<TypeId, ParseError> {
        let id = self.reserve(place);
        self.fault(
            place,
            "/type",
            "a type stands in an object of its own: write it in the place of that object",
        );
        let inner = self.read(
            inner,
            Place {
                within: id,
                step: Step::Wrapped,
            },
            space,
        )?;
        self.types[id.0 as usize].shape = Shape::Wrapper(inner);
        Ok(id)
    }

    fn read_container(
        &mut self,
        object: &Map<String, Value>,
        place: Place,
        space: &str,
        key: &str,
    ) -> Result<TypeId, ParseError> {
        let keyword = if key == "items" { "array" } else { "map" };
        let Some(inner) = object.get(key) else {
            return Err(self.error(place, "", format!("the {keyword} has no {key:?}")));
        };
        let id = self.reserve(place);
        let step = match key {
            "items" => Step::Items,
            _ => Step::Values,
        };
        let inner = self.read(inner, Place { within: id, step }, space)?;
        let shape = match key {
            "items" => Shape::Array(inner),
            _ => Shape::Map(inner),
        };
        self.fill(id, shape, object, SCHEMA_KEYS);
        Ok(id)
    }

    fn read_record(
        &mut self,
        object: &Map<String, Value>,
        place: Place,
        space: &str,
    ) -> Result<TypeId, ParseError> {
        let id = self.reserve(place);
        let named = self.read_named(id, object, place, space);
        let Some(Value::Array(list)) = object.get("fields") else {
            let message = format!("record {} has no list of \"fields\"", named.name.0);
            return Err(self.error(place, "", message));
        };
        let mut fields = Vec::with_capacity(list.len());
        let mut index = BTreeMap::new();
        for (position, field) in list.iter().enumerate() {
            let field = self.read_field(id, position, field, named.name.namespace())?;
            if index.insert(field.name.clone(), position).is_some() {
                let message = format!("record {} has two fields {:?}", named.name.0, field.name);
                return Err(self.error(place, &format!("/fields/{position}/name"), message));
            }
            fields.push(field);
        }
        let keyword = match object.get("type") {
            Some(Value::String(keyword)) if keyword == "error" => "error",
            _ => "record",
        };
        let record = Record {
            named,
            keyword,
            fields,
            index,
        };
        self.fill(id, Shape::Record(Box::new(record)), object, SCHEMA_KEYS);
        Ok(id)
    }

    fn read_field(
        &mut self,
        record: TypeId,
        position: usize,
        field: &Value,
        space: &str,
    ) -> Result<Field, ParseError> {
        let place = self.types[record.0 as usize].place;
        let at = format!("/fields/{position}");
        let Value::Object(object) = field else {
            let message = format!("a field is an object, and this is {}", noun(field));
            return Err(self.error(place, &at, message));
        };
        let Some(Value::String(name)) = object.get("name") else {
            return Err(self.error(place, &at, "the field has no \"name\""));
        };
        if !is_word(name) {
            let message = format!("the field name {name:?} {WORD_RULE}");
            self.fault(place, &format!("{at}/name"), message);
        }
        let Some(r#type) = object.get("type") else {
            return Err(self.error(place, &at, format!("the field {name:?} has no \"type\"")));
        };
        let inner = Place {
            within: record,
            step: Step::Field(small(position)),
        };
        let r#type = self.read(r#type, inner, space)?;
        Ok(Field {
            name: name.clone(),
            doc: self.text_of(object, "doc", place, &at),
            aliases: self.aliases(object, place, &at),
            r#type,
            default: object.get("default").cloned(),
            order: self.order(object, place, &at),
            properties: properties(object, FIELD_KEYS),
        })
    }

    fn order(&mut self, object: &Map<String, Value>, place: Place, at: &str) -> Option<String> {
        let order = self.text_of(object, "order", place, at)?.to_lowercase();
        match order.as_str() {
            "ascending" => None,
            "descending" | "ignore" => Some(order),
            other => {
                let message =
                    format!("the order {other:?} is none of ascending, descending and ignore");
                self.fault(place, &format!("{at}/order"), message);
                None
            }
        }
    }

    fn read_enum(
        &mut self,
        object: &Map<String, Value>,
        place: Place,
        space: &str,
    ) -> Result<TypeId, ParseError> {
        let id = self.reserve(place);
        let named = self.read_named(id, object, place, space);
        let Some(Value::Array(list)) = object.get("symbols") else {
            let message = format!("enum {} has no list of \"symbols\"", named.name.0);
            return Err(self.error(place, "", message));
        };
        let mut symbols: Vec<String> = Vec::with_capacity(list.len());
        let mut seen = std::collections::BTreeSet::new();
        for (position, symbol) in list.iter().enumerate() {
            let at = format!("/symbols/{position}");
            let Value::String(symbol) = symbol else {
                let message = format!("a symbol is a text, and this is {}", noun(symbol));
                return Err(self.error(place, &at, message));
            };
            if !is_word(symbol) {
                self.fault(place, &at, format!("the symbol {symbol:?} {WORD_RULE}"));
            }
            if seen.insert(symbol) {
                symbols.push(symbol.clone());
            } else {
                self.fault(place, &at, format!("the symbol {symbol:?} stands twice"));
            }
        }
        let default = self.text_of(object, "default", place, "");
        if let Some(default) = &default
            && !seen.contains(default)
        {
            let message = format!("the default {default:?} is not among the symbols");
            self.fault(place, "/default", message);
        }
        let keys: Vec<&str> = SCHEMA_KEYS.iter().copied().chain(["default"]).collect();
        let shape = Shape::Enum(Box::new(Enum {
            named,
            symbols,
            default,
        }));
        self.fill(id, shape, object, &keys);
        Ok(id)
    }

    fn read_fixed(
        &mut self,
        object: &Map<String, Value>,
        place: Place,
        space: &str,
    ) -> Result<TypeId, ParseError> {
        let id = self.reserve(place);
        let named = self.read_named(id, object, place, space);
        let Some(size) = object.get("size").and_then(Value::as_i64) else {
            let message = format!("fixed {} has no whole number as \"size\"", named.name.0);
            return Err(self.error(place, "", message));
        };
        if !(0..=i64::from(i32::MAX)).contains(&size) {
            self.fault(
                place,
                "/size",
                format!("a size of {size} bytes is not possible"),
            );
        }
        let shape = Shape::Fixed(Box::new(Fixed { named, size }));
        self.fill(id, shape, object, SCHEMA_KEYS);
        Ok(id)
    }

    /// Reads what named types share, and lists the name as defined.
    fn read_named(
        &mut self,
        id: TypeId,
        object: &Map<String, Value>,
        place: Place,
        space: &str,
    ) -> Named {
        let name = self.name(object, place, space);
        let named = Named {
            aliases: self
                .aliases(object, place, "")
                .into_iter()
                .map(|alias| qualify(&alias, name.namespace()))
                .collect(),
            doc: self.text_of(object, "doc", place, ""),
            name,
        };
        let name = &named.name.0;
        if !name.is_empty() {
            if self.definitions.contains_key(name) {
                self.redefinitions.push(id);
            } else {
                self.definitions.insert(name.clone(), id);
            }
        }
        named
    }

    fn name(&mut self, object: &Map<String, Value>, place: Place, space: &str) -> Name {
        let Some(Value::String(name)) = object.get("name") else {
            self.fault(place, "", "the type has no \"name\"");
            return Name::default();
        };
        let own_space = self.text_of(object, "namespace", place, "");
        let full = qualify(name, own_space.as_deref().unwrap_or(space));
        if !full.split('.').all(is_word) {
            let message = if name.is_empty() {
                "the name is empty".to_owned()
            } else {
                format!("the name {full:?}, or a part of it, {WORD_RULE}")
            };
            self.fault(place, "/name", message);
        }
        if Primitive::of(&full).is_some() {
            let message = format!("{full:?} is a primitive type, and cannot be defined anew");
            self.fault(place, "/name", message);
        }
        Name(full)
    }

    /// Returns the aliases as they are written.
    fn aliases(&mut self, object: &Map<String, Value>, place: Place, at: &str) -> Vec<String> {
        let at = format!("{at}/aliases");
        match object.get("aliases") {
            None => Vec::new(),
            Some(Value::Array(aliases)) => {
                let texts: Vec<String> = aliases
                    .iter()
                    .filter_map(|alias| alias.as_str().map(ToOwned::to_owned))
                    .collect();
                if texts.len() < aliases.len() {
                    self.fault(place, &at, "aliases are texts");
                }
                texts
            }
            Some(other) => {
                let message = format!("aliases are a list of texts, and this is {}", noun(other));
                self.fault(place, &at, message);
                Vec::new()
            }
        }
    }

    /// Returns the text under a key.
    fn text_of(
        &mut self,
        object: &Map<String, Value>,
        key: &str,
        place: Place,
        at: &str,
    ) -> Option<String> {
        match object.get(key)? {
            Value::String(text) => Some(text.clone()),
            other => {
                let message = format!("{key:?} is a text, and this is {}", noun(other));
                self.fault(place, &format!("{at}/{key}"), message);
                None
            }
        }
    }
}

const WORD_RULE: &str = "must consist of the letters A to Z and a to z, digits and underscores, and not start with a digit";

/// Whether a part of a name is one (specification, "Names").
fn is_word(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Returns the full name of a name in a namespace.
pub(super) fn qualify(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() {
        // A leading dot is the null namespace, written out.
        name.strip_prefix('.').unwrap_or(name).to_owned()
    } else {
        format!("{space}.{name}")
    }
}

fn properties(object: &Map<String, Value>, keys: &[&str]) -> BTreeMap<String, Value> {
    object
        .iter()
        .filter(|(key, _)| !keys.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Returns what a message calls a JSON value.
pub(super) fn noun(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let start: String = text.chars().take(40).collect();
            format!(
                "the text {start:?}{}",
                if start.len() < text.len() { "…" } else { "" }
            )
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A count or index of a text's parts; a text has fewer than 2^32.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn json_error(text: &str, error: &serde_json::Error) -> ParseError {
    let message = position::words(error);
    let message = if message.starts_with("recursion limit") {
        "nested more than 127 levels deep".to_owned()
    } else {
        format!("not JSON: {message}")
    };
    ParseError {
        position: Some(position::of_error(text, error)),
        ..ParseError::new(message)
    }
}
