//! A parsed Avro schema: every type once, with the place where it stands. Pure.
//!
//! Types lie in one list and speak of each other by [`TypeId`], so that a schema that contains itself
//! is no special case and nothing has to follow it by recursion.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::compatibility::ParseError;

/// A schema whose names are resolved.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    pub(super) root: TypeId,
    /// The references, in the order of [`Step::Text`]; the schema itself comes behind them.
    pub(super) references: Vec<Arc<str>>,
    pub(super) faults: Vec<ParseError>,
}

/// A type's place in its schema's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TypeId(pub(super) u32);

/// One type, where it is written.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) place: Place,
    pub(super) shape: Shape,
    /// What the specification does not speak of, and logical types.
    pub(super) properties: BTreeMap<String, Value>,
}

/// The way to a type from the one that contains it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) within: TypeId,
    pub(super) step: Step,
}

/// One step of that way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// A text's outermost type; contained in nothing.
    Text(u32),
    /// The type of a record's field.
    Field(u32),
    /// The elements of an array.
    Items,
    /// The values of a map.
    Values,
    /// A branch of a union.
    Branch(u32),
    /// A type written as `{"type": {…}}`.
    Wrapped,
}

/// What a type is.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Primitive(Primitive),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Box<Record>),
    Enum(Box<Enum>),
    Fixed(Box<Fixed>),
    /// A named type, by its name.
    Reference(TypeId),
    /// A type in an object of its own.
    Wrapper(TypeId),
}

/// A type without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

/// What records, enums and fixed types share.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) name: Name,
    pub(super) doc: Option<String>,
    /// Full names.
    pub(super) aliases: Vec<String>,
}

/// A full name; empty for a record without one, which only old tools made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(pub(super) String);

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) named: Named,
    /// `record`, or `error` as protocols have it.
    pub(super) keyword: &'static str,
    pub(super) fields: Vec<Field>,
    /// The fields' positions by name.
    pub(super) index: BTreeMap<String, usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) r#type: TypeId,
    pub(super) default: Option<Value>,
    /// In lower case; absent for `ascending`.
    pub(super) order: Option<String>,
    pub(super) properties: BTreeMap<String, Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Enum {
    pub(super) named: Named,
    pub(super) symbols: Vec<String>,
    pub(super) default: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Fixed {
    pub(super) named: Named,
    /// In bytes.
    pub(super) size: i64,
}

impl Schema {
    /// Returns what the specification forbids and registries took all the same, at least in old
    /// versions; none after a strict [`parse`](super::parse()).
    pub fn faults(&self) -> &[ParseError] {
        &self.faults
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// Returns the type that a name or a wrapper stands for.
    pub(super) fn resolve(&self, mut id: TypeId) -> TypeId {
        while let Shape::Reference(target) | Shape::Wrapper(target) = self.get(id).shape {
            id = target;
        }
        id
    }

    /// Returns the shape of the type that a name or a wrapper stands for.
    pub(super) fn shape(&self, id: TypeId) -> &Shape {
        &self.get(self.resolve(id)).shape
    }

    /// Returns the JSON pointer to a type in its text, behind `NAME#` for one in a reference.
    pub(super) fn pointer(&self, id: TypeId) -> String {
        match locate(&self.types, &self.references, self.get(id).place) {
            (Some(reference), path) => format!("{reference}#{path}"),
            (None, path) => path,
        }
    }

    /// Returns the JSON pointer to a field of a record.
    pub(super) fn field_pointer(&self, record: TypeId, field: usize) -> String {
        format!("{}/fields/{field}", self.pointer(record))
    }

    /// Returns what people call the place of a type: the field that holds it, or its own name.
    pub(super) fn spot(&self, id: TypeId) -> String {
        let mut at = id;
        let mut inside = String::new();
        loop {
            let place = self.get(at).place;
            match place.step {
                Step::Text(_) => {
                    let name = match self.shape(at).named() {
                        Some(named) if !named.name.0.is_empty() => named.name.0.as_str(),
                        _ => "the schema",
                    };
                    return format!("{inside}{name}");
                }
                Step::Field(index) => {
                    let field = self.field_spot(place.within, index as usize);
                    return format!("{inside}{field}");
                }
                Step::Items => inside.push_str("elements of "),
                Step::Values => inside.push_str("values of "),
                Step::Branch(_) | Step::Wrapped => {}
            }
            at = place.within;
        }
    }

    /// Returns what people call a field: the record's name and its own.
    pub(super) fn field_spot(&self, record: TypeId, field: usize) -> String {
        match &self.get(record).shape {
            Shape::Record(record) if record.named.name.0.is_empty() => {
                record.fields[field].name.clone()
            }
            Shape::Record(record) => {
                format!("{}.{}", record.named.name.0, record.fields[field].name)
            }
            _ => String::new(),
        }
    }
}

/// Returns the JSON pointer to a place in its text, and the reference whose text it is.
pub(super) fn locate<'a>(
    types: &[Type],
    references: &'a [Arc<str>],
    mut place: Place,
) -> (Option<&'a str>, String) {
    let mut steps = Vec::new();
    let text = loop {
        match place.step {
            Step::Text(text) => break text as usize,
            Step::Field(index) => steps.push(format!("/fields/{index}/type")),
            Step::Items => steps.push("/items".to_owned()),
            Step::Values => steps.push("/values".to_owned()),
            Step::Branch(index) => steps.push(format!("/{index}")),
            Step::Wrapped => steps.push("/type".to_owned()),
        }
        place = types[place.within.0 as usize].place;
    };
    steps.reverse();
    (references.get(text).map(|name| &**name), steps.concat())
}

impl Shape {
    /// Returns what named types share.
    pub(super) fn named(&self) -> Option<&Named> {
        match self {
            Self::Record(record) => Some(&record.named),
            Self::Enum(r#enum) => Some(&r#enum.named),
            Self::Fixed(fixed) => Some(&fixed.named),
            _ => None,
        }
    }

    /// Returns the word that the specification has for it.
    pub(super) fn keyword(&self) -> &'static str {
        match self {
            Self::Primitive(primitive) => primitive.name(),
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
            Self::Reference(_) | Self::Wrapper(_) => "type",
        }
    }

    /// Whether it is the type `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Primitive(Primitive::Null))
    }
}

impl fmt::Display for Shape {
    /// Writes what messages call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.named() {
            Some(named) if !named.name.0.is_empty() => {
                write!(f, "{} {}", self.keyword(), named.name.0)
            }
            _ => f.write_str(self.keyword()),
        }
    }
}

impl Primitive {
    pub(super) const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Int,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Bytes,
        Self::String,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|primitive| primitive.name() == name)
    }

    /// Returns the types whose data it reads besides its own (specification, "Schema Resolution").
    pub(super) const fn reads(self) -> &'static [Self] {
        match self {
            Self::Null | Self::Boolean | Self::Int => &[],
            Self::Long => &[Self::Int],
            Self::Float => &[Self::Int, Self::Long],
            Self::Double => &[Self::Int, Self::Long, Self::Float],
            Self::Bytes => &[Self::String],
            Self::String => &[Self::Bytes],
        }
    }
}

impl Name {
    /// Returns the name without its namespace.
    pub(super) fn simple(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }

    /// Returns the namespace; empty for none.
    pub(super) fn namespace(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(space, _)| space)
    }
}

impl Record {
    /// Returns a field and its position.
    pub(super) fn field(&self, name: &str) -> Option<(usize, &Field)> {
        let position = *self.index.get(name)?;
        Some((position, &self.fields[position]))
    }
}
