//! A JSON Schema as comparison and lint see it: all subschemas in one list, references resolved. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bigdecimal::BigDecimal;
use serde_json::Value;

/// A schema that was read, with all that it refers to.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) documents: Vec<Document>,
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// The subschemas that a `$ref` names.
    pub(super) referenced: BTreeSet<NodeId>,
}

impl Schema {
    /// Returns the schema's own text, as a value.
    pub(super) fn text(&self) -> &Value {
        &self.documents[0].value
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Returns where a subschema is: a JSON pointer, after its document's name if it is a reference.
    pub(super) fn place(&self, id: NodeId) -> String {
        let node = self.node(id);
        match &self.documents[node.document].name {
            None => node.pointer.clone(),
            Some(name) => format!("{name}#{}", node.pointer),
        }
    }

    /// Says whether both say the same in the same words.
    pub(super) fn is_same_text(&self, other: &Self) -> bool {
        self.documents.len() == other.documents.len()
            && self
                .documents
                .iter()
                .zip(&other.documents)
                .all(|(mine, theirs)| mine.name == theirs.name && mine.value == theirs.value)
    }
}

/// One text: the schema's own, or that of a reference.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// The reference's name; absent for the schema itself.
    pub(super) name: Option<String>,
    pub(super) value: Value,
    pub(super) draft: Draft,
}

/// A version of the language, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    Of2019,
    Of2020,
}

impl Draft {
    /// Reads what `$schema` names; a text that names none is draft 7, as registries read it.
    pub(super) fn of(schema: &Value) -> Self {
        let named = schema.get("$schema").and_then(Value::as_str).unwrap_or("");
        [
            ("draft-04", Self::Four),
            ("draft-06", Self::Six),
            ("2019-09", Self::Of2019),
            ("2020-12", Self::Of2020),
        ]
        .into_iter()
        .find(|(part, _)| named.contains(part))
        .map_or(Self::Seven, |(_, draft)| draft)
    }

    /// Says whether keywords beside `$ref` count.
    pub(super) fn reads_beside_ref(self) -> bool {
        self >= Self::Of2019
    }

    /// Says whether `format` restricts values rather than describes them.
    pub(super) fn asserts_format(self) -> bool {
        self <= Self::Seven
    }
}

/// A subschema's number in its schema's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u32);

/// One subschema.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) document: usize,
    pub(super) pointer: String,
    pub(super) shape: Shape,
    /// What `definitions` and `$defs` of this subschema hold.
    pub(super) definitions: Vec<NodeId>,
}

/// What a subschema says.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// `true` or `false`.
    Literal(bool),
    /// An object of keywords.
    Keywords(Box<Keywords>),
}

/// The keywords of a subschema, older spellings brought to the newer ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Keywords {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) has_default: bool,

    /// `$ref`, and `$recursiveRef` and `$dynamicRef` read as if nothing overrode their targets.
    pub(super) reference: Option<NodeId>,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Vec<NodeId>,
    pub(super) one_of: Vec<NodeId>,
    pub(super) not: Option<NodeId>,
    pub(super) condition: Option<Condition>,

    pub(super) types: Option<Types>,
    /// Whether `type` is a list of several.
    pub(super) lists_types: bool,
    /// What `enum` or `const` lists, by canonical text.
    pub(super) values: Option<BTreeMap<String, Value>>,

    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<BigDecimal>,

    pub(super) min_length: u64,
    pub(super) max_length: Option<u64>,
    pub(super) pattern: Option<String>,
    pub(super) format: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_media_type: Option<String>,

    /// The schemas of the first items, where these have their own: a tuple.
    pub(super) prefix: Option<Vec<NodeId>>,
    /// The schema of all items, or of those after the prefix.
    pub(super) rest: Option<NodeId>,
    pub(super) unevaluated_items: Option<NodeId>,
    pub(super) min_items: u64,
    pub(super) max_items: Option<u64>,
    pub(super) unique_items: bool,
    pub(super) contains: Option<NodeId>,
    pub(super) min_contains: Option<u64>,
    pub(super) max_contains: Option<u64>,

    pub(super) properties: BTreeMap<String, NodeId>,
    pub(super) patterns: BTreeMap<String, NodeId>,
    pub(super) additional: Option<NodeId>,
    pub(super) unevaluated: Option<NodeId>,
    pub(super) property_names: Option<NodeId>,
    pub(super) required: BTreeSet<String>,
    pub(super) min_properties: u64,
    pub(super) max_properties: Option<u64>,
    pub(super) dependent_required: BTreeMap<String, BTreeSet<String>>,
    pub(super) dependent_schemas: BTreeMap<String, NodeId>,
}

/// `if`, `then` and `else`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    pub(super) test: NodeId,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,
}

/// A limit of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) limit: BigDecimal,
    /// Whether the limit itself is outside.
    pub(super) exclusive: bool,
}

impl Bound {
    /// Returns the name of the keyword that says it, given that of the inclusive one.
    pub(super) fn keyword(&self, inclusive: &'static str) -> &'static str {
        match (self.exclusive, inclusive) {
            (true, "minimum") => "exclusiveMinimum",
            (true, _) => "exclusiveMaximum",
            (false, _) => inclusive,
        }
    }
}

impl Keywords {
    /// Says whether it restricts documents by itself, apart from what it combines or refers to.
    pub(super) fn asserts(&self) -> bool {
        self.types.is_some()
            || self.values.is_some()
            || !self.families().is_empty()
            || self.not.is_some()
            || self.condition.is_some()
    }

    /// Says whether it restricts documents at all.
    pub(super) fn restricts(&self) -> bool {
        self.asserts()
            || self.reference.is_some()
            || !self.all_of.is_empty()
            || !self.any_of.is_empty()
            || !self.one_of.is_empty()
    }

    /// Returns the types that its keywords speak of, `type` aside.
    pub(super) fn families(&self) -> Types {
        let mut found = Types::NONE;
        if self.minimum.is_some() || self.maximum.is_some() || self.multiple_of.is_some() {
            found = found.or(Types::NUMBER);
        }
        if self.min_length > 0
            || self.max_length.is_some()
            || self.pattern.is_some()
            || self.format.is_some()
            || self.content_encoding.is_some()
            || self.content_media_type.is_some()
        {
            found = found.or(Types::STRING);
        }
        if self.speaks_of_items() {
            found = found.or(Types::ARRAY);
        }
        if self.speaks_of_properties() {
            found = found.or(Types::OBJECT);
        }
        found
    }

    fn speaks_of_items(&self) -> bool {
        self.prefix.is_some()
            || self.rest.is_some()
            || self.unevaluated_items.is_some()
            || self.min_items > 0
            || self.max_items.is_some()
            || self.unique_items
            || self.contains.is_some()
    }

    fn speaks_of_properties(&self) -> bool {
        !self.properties.is_empty()
            || !self.patterns.is_empty()
            || self.additional.is_some()
            || self.unevaluated.is_some()
            || self.property_names.is_some()
            || !self.required.is_empty()
            || self.min_properties > 0
            || self.max_properties.is_some()
            || !self.dependent_required.is_empty()
            || !self.dependent_schemas.is_empty()
    }
}

/// A set of JSON types, whole numbers apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const OBJECT: Self = Self(4);
    pub(super) const ARRAY: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const INTEGER: Self = Self(32);
    pub(super) const NUMBER: Self = Self(32 | 64);
    pub(super) const ALL: Self = Self(127);

    /// The words of the language, and what each holds; `number` before `integer`, which it includes.
    pub(super) const NAMES: [(&'static str, Self); 7] = [
        ("null", Self::NULL),
        ("boolean", Self::BOOLEAN),
        ("object", Self::OBJECT),
        ("array", Self::ARRAY),
        ("string", Self::STRING),
        ("number", Self::NUMBER),
        ("integer", Self::INTEGER),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(word, _)| *word == name)
            .map(|(_, types)| *types)
    }

    /// Returns the type of a value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Object(_) => Self::OBJECT,
            Value::Array(_) => Self::ARRAY,
            Value::String(_) => Self::STRING,
            Value::Number(number) if is_whole(number) => Self::INTEGER,
            Value::Number(_) => Self(64),
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns its members as the language names them.
    pub(super) fn members(self) -> Vec<(&'static str, Self)> {
        let mut left = self;
        let mut members = Vec::new();
        for (name, types) in Self::NAMES {
            if !left.is_empty() && left.includes(types) {
                members.push((name, types));
                left = left.without(types);
            }
        }
        if !left.is_empty() {
            members.push(("number", left));
        }
        members
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("any type");
        }
        let names: Vec<_> = self.members().into_iter().map(|(name, _)| name).collect();
        f.write_str(&names.join(" or "))
    }
}

fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|value| value.fract() == 0.0)
}
