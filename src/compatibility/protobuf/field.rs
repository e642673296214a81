//! How a field looks on the wire, and how fields, messages and types are called in messages. Pure.

use prost_reflect::{
    EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};

use super::Schema;

/// The scalars that can take each other's place.
///
/// Source: "Updating A Message Type" of the Protocol Buffers language guide, which the registry's
/// compatibility rules take over; enums go with the integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    /// Varints: `int32`, `int64`, `uint32`, `uint64`, `bool` and enums.
    Varint,
    /// `sint32` and `sint64`.
    ZigZag,
    /// `string` and `bytes`.
    Text,
    /// `fixed32` and `sfixed32`.
    Fixed32,
    /// `fixed64` and `sfixed64`.
    Fixed64,
    /// `float`.
    Float,
    /// `double`.
    Double,
}

impl Scalar {
    /// The types that belong together, for messages.
    pub(super) const fn members(self) -> &'static str {
        match self {
            Self::Varint => "int32, int64, uint32, uint64, bool and enums",
            Self::ZigZag => "sint32 and sint64",
            Self::Text => "string and bytes",
            Self::Fixed32 => "fixed32 and sfixed32",
            Self::Fixed64 => "fixed64 and sfixed64",
            Self::Float => "float alone",
            Self::Double => "double alone",
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Scalar(Scalar),
    Message(MessageDescriptor),
    /// A group of proto2, or a message with the feature `DELIMITED`.
    Group(MessageDescriptor),
    Map(Box<(FieldDescriptor, FieldDescriptor)>),
}

impl Shape {
    /// What the shape is called when two of them differ.
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "a scalar",
            Self::Message(_) => "a message",
            Self::Group(_) => "a group",
            Self::Map(_) => "a map",
        }
    }
}

/// How many values a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cardinality {
    /// One or none.
    Singular,
    /// Exactly one.
    Required,
    /// Any number.
    Repeated,
}

impl Cardinality {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Singular => "singular",
            Self::Required => "required",
            Self::Repeated => "repeated",
        }
    }
}

impl From<prost_reflect::Cardinality> for Cardinality {
    fn from(cardinality: prost_reflect::Cardinality) -> Self {
        match cardinality {
            prost_reflect::Cardinality::Optional => Self::Singular,
            prost_reflect::Cardinality::Required => Self::Required,
            prost_reflect::Cardinality::Repeated => Self::Repeated,
        }
    }
}

/// A field of a message, or an extension of one.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    pub(super) cardinality: Cardinality,
    /// Where it is, such as `Order.Item[3] (price)`.
    pub(super) path: String,
}

impl Field {
    pub(super) fn new(schema: &Schema, field: &FieldDescriptor) -> Self {
        let owner = field.parent_message();
        Self {
            shape: shape(schema, field.full_name(), field.is_group(), &field.kind()),
            kind: field.kind(),
            cardinality: field.cardinality().into(),
            path: field_path(schema, owner, field.number(), field.name()),
        }
    }

    pub(super) fn extension(schema: &Schema, field: &ExtensionDescriptor) -> Self {
        let owner = field.containing_message();
        Self {
            shape: shape(schema, field.full_name(), field.is_group(), &field.kind()),
            kind: field.kind(),
            cardinality: field.cardinality().into(),
            path: field_path(schema, &owner, field.number(), field.full_name()),
        }
    }

    /// One half of a map, `key` or `value`.
    pub(super) fn of_map(schema: &Schema, map: &Self, half: &FieldDescriptor) -> Self {
        Self {
            cardinality: Cardinality::Singular,
            path: format!("{} {}", map.path, half.name()),
            ..Self::new(schema, half)
        }
    }

    /// Its type as a schema spells it.
    pub(super) fn type_name(&self, schema: &Schema) -> String {
        match &self.shape {
            Shape::Map(halves) => {
                let (key, value) = &**halves;
                let (key, value) = (key.kind(), value.kind());
                format!(
                    "map<{}, {}>",
                    kind_name(schema, &key),
                    kind_name(schema, &value)
                )
            }
            Shape::Group(_) => format!("group {}", kind_name(schema, &self.kind)),
            _ => kind_name(schema, &self.kind),
        }
    }
}

fn shape(schema: &Schema, name: &str, is_group: bool, kind: &Kind) -> Shape {
    match kind {
        Kind::Message(entry) if entry.is_map_entry() => Shape::Map(Box::new((
            entry.map_entry_key_field(),
            entry.map_entry_value_field(),
        ))),
        Kind::Message(message) if is_group || schema.features.is_delimited(name) => {
            Shape::Group(message.clone())
        }
        Kind::Message(message) => Shape::Message(message.clone()),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => {
            Shape::Scalar(Scalar::Varint)
        }
        Kind::Sint32 | Kind::Sint64 => Shape::Scalar(Scalar::ZigZag),
        Kind::String | Kind::Bytes => Shape::Scalar(Scalar::Text),
        Kind::Fixed32 | Kind::Sfixed32 => Shape::Scalar(Scalar::Fixed32),
        Kind::Fixed64 | Kind::Sfixed64 => Shape::Scalar(Scalar::Fixed64),
        Kind::Float => Shape::Scalar(Scalar::Float),
        Kind::Double => Shape::Scalar(Scalar::Double),
    }
}

/// A type as a schema spells it.
pub(super) fn kind_name(schema: &Schema, kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message_path(schema, message),
        Kind::Enum(enumeration) => enum_path(schema, enumeration),
        Kind::Double => "double".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Int32 => "int32".to_owned(),
        Kind::Int64 => "int64".to_owned(),
        Kind::Uint32 => "uint32".to_owned(),
        Kind::Uint64 => "uint64".to_owned(),
        Kind::Sint32 => "sint32".to_owned(),
        Kind::Sint64 => "sint64".to_owned(),
        Kind::Fixed32 => "fixed32".to_owned(),
        Kind::Fixed64 => "fixed64".to_owned(),
        Kind::Sfixed32 => "sfixed32".to_owned(),
        Kind::Sfixed64 => "sfixed64".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
    }
}

/// A name without its package.
pub(super) fn local_name<'a>(package: &str, full_name: &'a str) -> &'a str {
    full_name
        .strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('.'))
        .filter(|_| !package.is_empty())
        .unwrap_or(full_name)
}

/// How a message is called: without its package in the schema's own file, in full elsewhere.
pub(super) fn message_path(schema: &Schema, message: &MessageDescriptor) -> String {
    if message.parent_file() == schema.file {
        local_name(message.package_name(), message.full_name()).to_owned()
    } else {
        message.full_name().to_owned()
    }
}

/// How an enum is called, like [`message_path`].
pub(super) fn enum_path(schema: &Schema, enumeration: &EnumDescriptor) -> String {
    if enumeration.parent_file() == schema.file {
        local_name(enumeration.package_name(), enumeration.full_name()).to_owned()
    } else {
        enumeration.full_name().to_owned()
    }
}

/// Where a field is, such as `Order.Item[3] (price)`.
fn field_path(schema: &Schema, owner: &MessageDescriptor, number: u32, name: &str) -> String {
    format!("{}[{number}] ({name})", message_path(schema, owner))
}
