//! What an Avro schema allows and its owner will regret. Pure.
//!
//! Each rule is a function in the table; a rule says nothing about what it cannot know, such as which
//! fields a later version will want to remove.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::compatibility::Lint;

use super::schema::{Field, Primitive, Schema, Shape, Step, TypeId};

/// Returns what is found in the schema's own text, in the order of the text; unused references last.
pub fn lint(schema: &Schema) -> Vec<Lint> {
    let mut found: Vec<Lint> = schema.faults.iter().map(refused).collect();
    for index in 0..schema.types.len() {
        let Ok(index) = u32::try_from(index) else {
            break;
        };
        let id = TypeId(index);
        if !is_own(schema, id) {
            continue;
        }
        for rule in TYPE_RULES {
            found.extend(rule(schema, id));
        }
        if let Shape::Record(record) = &schema.get(id).shape {
            for (position, field) in record.fields.iter().enumerate() {
                for rule in FIELD_RULES {
                    found.extend(rule(
                        schema,
                        &InRecord {
                            id,
                            position,
                            field,
                        },
                    ));
                }
            }
        }
    }
    found.extend(unused_references(schema));
    found
}

const TYPE_RULES: &[fn(&Schema, TypeId) -> Option<Lint>] = &[
    without_doc,
    without_namespace,
    enum_without_default,
    ignored_logical_type,
];

const FIELD_RULES: &[fn(&Schema, &InRecord<'_>) -> Option<Lint>] = &[
    field_without_doc,
    unconventional_name,
    reserved_name,
    nullable_without_default,
    default_of_a_later_branch,
    logical_type_beside_type,
];

/// A field and the record it is in.
struct InRecord<'a> {
    id: TypeId,
    position: usize,
    field: &'a Field,
}

impl InRecord<'_> {
    fn lint(
        &self,
        schema: &Schema,
        rule: &str,
        within: &str,
        message: &str,
        advice: String,
    ) -> Lint {
        let spot = schema.field_spot(self.id, self.position);
        Lint {
            rule: rule.to_owned(),
            path: schema.field_pointer(self.id, self.position) + within,
            message: format!("{spot} {message}"),
            advice,
        }
    }
}

/// Whether a type is in the schema's own text.
fn is_own(schema: &Schema, id: TypeId) -> bool {
    text_of(schema, id) == schema.references.len()
}

/// Returns the number of the text that a type is in.
fn text_of(schema: &Schema, id: TypeId) -> usize {
    let mut place = schema.get(id).place;
    loop {
        if let Step::Text(text) = place.step {
            return text as usize;
        }
        place = schema.get(place.within).place;
    }
}

fn refused(fault: &crate::compatibility::ParseError) -> Lint {
    Lint {
        rule: "avro-invalid".to_owned(),
        path: fault.path.clone().unwrap_or_default(),
        message: fault.message.clone(),
        advice: "the specification forbids it, and registries refuse it for new schemas".to_owned(),
    }
}

fn without_doc(schema: &Schema, id: TypeId) -> Option<Lint> {
    let shape = &schema.get(id).shape;
    let named = shape.named()?;
    let missing = named.doc.as_ref().is_none_or(|doc| doc.trim().is_empty());
    missing.then(|| Lint {
        rule: "avro-doc-missing".to_owned(),
        path: schema.pointer(id),
        message: format!("{shape} has no \"doc\""),
        advice: "say in \"doc\" what it stands for".to_owned(),
    })
}

fn without_namespace(schema: &Schema, id: TypeId) -> Option<Lint> {
    let shape = &schema.get(id).shape;
    let named = shape.named()?;
    let is_outermost = matches!(schema.get(id).place.step, Step::Text(_));
    (is_outermost && named.name.namespace().is_empty()).then(|| Lint {
        rule: "avro-namespace-missing".to_owned(),
        path: schema.pointer(id),
        message: format!("{shape} has no namespace"),
        advice: "add a \"namespace\", such as that of the team: generated classes need one, and a \
                 later one would change the full name"
            .to_owned(),
    })
}

fn enum_without_default(schema: &Schema, id: TypeId) -> Option<Lint> {
    let shape @ Shape::Enum(r#enum) = &schema.get(id).shape else {
        return None;
    };
    r#enum.default.is_none().then(|| Lint {
        rule: "avro-enum-without-default".to_owned(),
        path: schema.pointer(id),
        message: format!("{shape} has no \"default\""),
        advice: "add a symbol such as UNKNOWN and make it the \"default\": readers need it when a \
                 later version adds symbols"
            .to_owned(),
    })
}

/// Logical types that do not apply are dropped without a word (specification, "Logical Types").
fn ignored_logical_type(schema: &Schema, id: TypeId) -> Option<Lint> {
    let r#type = schema.get(id);
    let logical = r#type.properties.get("logicalType")?.as_str()?;
    let reason = why_ignored(logical, &r#type.shape, &r#type.properties)?;
    Some(Lint {
        rule: "avro-logical-type-ignored".to_owned(),
        path: schema.pointer(id) + "/logicalType",
        message: format!(
            "{}: the logical type {logical:?} is ignored: {reason}",
            schema.spot(id)
        ),
        advice: format!("correct the type, or leave out \"logicalType\": {logical:?}"),
    })
}

fn why_ignored(
    logical: &str,
    shape: &Shape,
    properties: &std::collections::BTreeMap<String, Value>,
) -> Option<String> {
    let fixed_size = match shape {
        Shape::Fixed(fixed) => Some(fixed.size),
        _ => None,
    };
    let is = |wanted: Primitive| matches!(shape, Shape::Primitive(found) if *found == wanted);
    let wanted = match logical {
        "decimal" if is(Primitive::Bytes) || fixed_size.is_some() => {
            return why_no_decimal(properties);
        }
        "decimal" => "bytes or fixed",
        "uuid" if is(Primitive::String) || fixed_size == Some(16) => return None,
        "uuid" => "string or a fixed of 16 bytes",
        "date" | "time-millis" if is(Primitive::Int) => return None,
        "date" | "time-millis" => "int",
        "time-micros"
        | "timestamp-millis"
        | "timestamp-micros"
        | "timestamp-nanos"
        | "local-timestamp-millis"
        | "local-timestamp-micros"
        | "local-timestamp-nanos" => {
            if is(Primitive::Long) {
                return None;
            }
            "long"
        }
        "duration" if fixed_size == Some(12) => return None,
        "duration" => "a fixed of 12 bytes",
        // Others are an application's own.
        _ => return None,
    };
    Some(format!("it is for {wanted}, and this is {shape}"))
}

fn why_no_decimal(properties: &std::collections::BTreeMap<String, Value>) -> Option<String> {
    let Some(precision) = properties.get("precision").and_then(Value::as_i64) else {
        return Some("it has no whole number as \"precision\"".to_owned());
    };
    let scale = properties.get("scale").and_then(Value::as_i64).unwrap_or(0);
    if precision < 1 {
        Some("its \"precision\" is not positive".to_owned())
    } else if !(0..=precision).contains(&scale) {
        Some("its \"scale\" is not between 0 and its \"precision\"".to_owned())
    } else {
        None
    }
}

fn field_without_doc(schema: &Schema, at: &InRecord<'_>) -> Option<Lint> {
    let missing = at
        .field
        .doc
        .as_ref()
        .is_none_or(|doc| doc.trim().is_empty());
    missing.then(|| {
        at.lint(
            schema,
            "avro-doc-missing",
            "",
            "has no \"doc\"",
            "say in \"doc\" what it stands for, and in which unit".to_owned(),
        )
    })
}

/// Code generators expect `lowerCamelCase` or `snake_case`.
fn unconventional_name(schema: &Schema, at: &InRecord<'_>) -> Option<Lint> {
    let name = &at.field.name;
    let has_upper = name.contains(|c: char| c.is_ascii_uppercase());
    let reason = if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        "starts with a capital letter"
    } else if name.starts_with('_') || name.ends_with('_') {
        "starts or ends with an underscore"
    } else if has_upper && name.contains('_') {
        "mixes capital letters and underscores"
    } else {
        return None;
    };
    Some(at.lint(
        schema,
        "avro-field-name",
        "/name",
        reason,
        "use lowerCamelCase or snake_case; rename with an alias, so that earlier data is still read"
            .to_owned(),
    ))
}

/// Words of Java, Python or C# that generated classes cannot have as names.
const RESERVED: &[&str] = &[
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "def",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "final",
    "finally",
    "float",
    "for",
    "from",
    "global",
    "goto",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "int",
    "interface",
    "is",
    "lambda",
    "long",
    "namespace",
    "native",
    "new",
    "null",
    "package",
    "pass",
    "private",
    "protected",
    "public",
    "return",
    "schema",
    "short",
    "static",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "true",
    "false",
    "try",
    "void",
    "volatile",
    "while",
    "with",
    "yield",
];

fn reserved_name(schema: &Schema, at: &InRecord<'_>) -> Option<Lint> {
    RESERVED.contains(&at.field.name.as_str()).then(|| {
        at.lint(
            schema,
            "avro-reserved-name",
            "/name",
            "is a reserved word in generated code",
            "choose another name, with the present one as an alias".to_owned(),
        )
    })
}

fn nullable_without_default(schema: &Schema, at: &InRecord<'_>) -> Option<Lint> {
    let Shape::Union(branches) = schema.shape(at.field.r#type) else {
        return None;
    };
    let nullable = branches
        .iter()
        .any(|branch| schema.shape(*branch).is_null());
    (nullable && at.field.default.is_none()).then(|| {
        at.lint(
            schema,
            "avro-nullable-without-default",
            "",
            "may be null and has no default",
            "add \"default\": null, with \"null\" as the first branch: without it the field can be \
             neither added to nor removed from data that is read already"
                .to_owned(),
        )
    })
}

/// Before Avro 1.12 a union's default had to be of its first branch, and older readers insist on it.
fn default_of_a_later_branch(schema: &Schema, at: &InRecord<'_>) -> Option<Lint> {
    let Shape::Union(branches) = schema.shape(at.field.r#type) else {
        return None;
    };
    let default = at.field.default.as_ref()?;
    let first = *branches.first()?;
    let fits = |id: TypeId| {
        super::defaults::Defaults::new(&schema.types)
            .check(id, default)
            .is_ok()
    };
    let fits_later = branches.iter().skip(1).any(|branch| fits(*branch));
    (!fits(first) && fits_later).then(|| {
        at.lint(
            schema,
            "avro-default-of-later-branch",
            "/default",
            &format!(
                "has a default that is not of the first branch, {}",
                schema.shape(first)
            ),
            "put the default's type first in the union: readers before Avro 1.12 take no other"
                .to_owned(),
        )
    })
}

/// `logicalType` belongs into the type; beside it, it is a property without meaning.
fn logical_type_beside_type(schema: &Schema, at: &InRecord<'_>) -> Option<Lint> {
    let logical = at.field.properties.get("logicalType")?.as_str()?;
    Some(at.lint(
        schema,
        "avro-logical-type-ignored",
        "/logicalType",
        &format!("has the logical type {logical:?} beside its type, where it is ignored"),
        format!("write \"type\": {{\"type\": …, \"logicalType\": {logical:?}}}"),
    ))
}

/// References none of whose types the schema uses, directly or through others.
fn unused_references(schema: &Schema) -> Vec<Lint> {
    let mut reached = BTreeSet::from([schema.root]);
    let mut open = vec![schema.root];
    let mut texts = BTreeSet::new();
    while let Some(id) = open.pop() {
        texts.insert(text_of(schema, id));
        for part in parts(&schema.get(id).shape) {
            if reached.insert(part) {
                open.push(part);
            }
        }
    }
    let each = schema.references.iter().enumerate();
    each.filter(|(index, _)| !texts.contains(index))
        .map(|(_, name)| Lint {
            rule: "avro-reference-unused".to_owned(),
            path: String::new(),
            message: format!("the reference {name:?} is not used"),
            advice: "remove it: while it is there, the schema it names cannot be deleted"
                .to_owned(),
        })
        .collect()
}

fn parts(shape: &Shape) -> Vec<TypeId> {
    match shape {
        Shape::Array(id) | Shape::Map(id) | Shape::Reference(id) | Shape::Wrapper(id) => vec![*id],
        Shape::Union(branches) => branches.clone(),
        Shape::Record(record) => record.fields.iter().map(|field| field.r#type).collect(),
        Shape::Primitive(_) | Shape::Enum(_) | Shape::Fixed(_) => Vec::new(),
    }
}
