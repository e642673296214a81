//! Conversions between types, exactly as Terraform's. Pure.
//!
//! Strings, numbers and booleans convert into each other where the text allows it; tuples and sets
//! become lists, objects become maps, objects lose attributes that the wanted type does not name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::number::Number;
use super::value::{ObjectAttribute, Type, Value};

/// Why a value has not the wanted type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// The way from the value to the part that is wrong, outermost first.
    pub path: Vec<PathStep>,
    /// What is wanted there: `a number is required`.
    pub message: String,
}

/// One step from a value into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// An attribute of an object.
    Attribute(Arc<str>),
    /// An element of a map.
    Key(Arc<str>),
    /// An element of a list or tuple.
    Index(usize),
    /// An element of a set, which has no name.
    Element,
}

impl ConvertError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            message: message.into(),
        }
    }

    fn below(mut self, step: PathStep) -> Self {
        self.path.insert(0, step);
        self
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.path {
            match step {
                PathStep::Attribute(name) => write!(f, ".{name}")?,
                PathStep::Key(name) => write!(f, "[{name:?}]")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::Element => f.write_str("[…]")?,
            }
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConvertError {}

/// Converts a value to a type. Marks stay where they are; null is of every type.
pub fn convert(value: Value, wanted: &Type) -> Result<Value, ConvertError> {
    match value {
        Value::Sensitive(inner) => Ok(convert(*inner, wanted)?.mark(true)),
        Value::Null => Ok(Value::Null),
        Value::Unknown(actual) => convert_unknown(actual, wanted),
        value => match wanted {
            Type::Any => Ok(value),
            Type::Bool => to_bool(value),
            Type::Number => to_number(value),
            Type::String => to_string(value),
            Type::List(element) => to_list(&value, element),
            Type::Set(element) => to_set(&value, element),
            Type::Map(element) => to_map(&value, element),
            Type::Tuple(elements) => to_tuple(&value, elements),
            Type::Object(attributes) => to_object(&value, attributes),
        },
    }
}

fn convert_unknown(actual: Type, wanted: &Type) -> Result<Value, ConvertError> {
    if *wanted == Type::Any {
        return Ok(Value::Unknown(actual));
    }
    if converts(&actual, wanted) {
        return Ok(Value::Unknown(wanted.clone()));
    }
    Err(required(wanted))
}

/// Whether some values of one type convert to the other.
pub fn converts(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Any, _)
        | (_, Type::Any)
        | (Type::Bool | Type::Number, Type::String)
        | (Type::String, Type::Bool | Type::Number) => true,
        (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b))
        | (Type::Map(a), Type::Map(b)) => converts(a, b),
        (Type::Tuple(elements), Type::List(b) | Type::Set(b)) => {
            elements.iter().all(|a| converts(a, b))
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| converts(a, b))
        }
        (Type::Object(a), Type::Map(b)) => a.values().all(|a| converts(&a.r#type, b)),
        (Type::Map(a), Type::Object(b)) => b.values().all(|b| converts(a, &b.r#type)),
        (Type::Object(a), Type::Object(b)) => b.iter().all(|(name, b)| {
            a.get(name)
                .map_or(b.optional, |a| converts(&a.r#type, &b.r#type))
        }),
        (from, to) => from == to,
    }
}

/// Returns the error that says what type is wanted.
fn required(wanted: &Type) -> ConvertError {
    ConvertError::new(match wanted {
        Type::Object(_) => "an object is required".to_owned(),
        wanted => format!("a {wanted} is required"),
    })
}

fn to_bool(value: Value) -> Result<Value, ConvertError> {
    match &value {
        Value::Bool(_) => Ok(value),
        Value::String(text) => match &**text {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            other if other.eq_ignore_ascii_case("true") || other.eq_ignore_ascii_case("false") => {
                Err(ConvertError::new(format!(
                    "a bool is required; write {:?} in lower case",
                    other.to_ascii_lowercase()
                )))
            }
            _ => Err(required(&Type::Bool)),
        },
        Value::Secret(_) => Err(secret("a bool")),
        _ => Err(required(&Type::Bool)),
    }
}

fn to_number(value: Value) -> Result<Value, ConvertError> {
    match &value {
        Value::Number(_) => Ok(value),
        Value::String(text) => text
            .parse::<Number>()
            .map(Value::Number)
            .map_err(|_| required(&Type::Number)),
        Value::Secret(_) => Err(secret("a number")),
        _ => Err(required(&Type::Number)),
    }
}

fn to_string(value: Value) -> Result<Value, ConvertError> {
    match &value {
        // A secret stands for a text; it passes whole.
        Value::String(_) | Value::Secret(_) => Ok(value),
        Value::Bool(value) => Ok(Value::string(if *value { "true" } else { "false" })),
        Value::Number(number) => Ok(Value::String(number.to_string().into())),
        _ => Err(required(&Type::String)),
    }
}

fn secret(wanted: &str) -> ConvertError {
    ConvertError::new(format!(
        "{wanted} is required; a secret is a reference until the driver's call, and text only then"
    ))
}

/// Returns the elements of a sequence with the steps that lead to them.
fn sequence(value: &Value) -> Option<Vec<(PathStep, &Value)>> {
    match value {
        Value::List(elements) | Value::Tuple(elements) => Some(
            elements
                .iter()
                .enumerate()
                .map(|(index, e)| (PathStep::Index(index), e))
                .collect(),
        ),
        Value::Set(elements) => Some(elements.iter().map(|e| (PathStep::Element, e)).collect()),
        _ => None,
    }
}

/// Returns the one type of a collection's elements: the wanted one, or what they unify to.
fn element_type<'a>(
    elements: impl Iterator<Item = &'a Value>,
    wanted: &Type,
    noun: &str,
) -> Result<Type, ConvertError> {
    if !contains_any(wanted) {
        return Ok(wanted.clone());
    }
    let types: Vec<Type> = elements
        .filter(|e| !e.is_null())
        .map(Value::type_of)
        .collect();
    let unified = unify(&types)
        .ok_or_else(|| ConvertError::new(format!("all {noun} elements must have the same type")))?;
    Ok(fill(wanted, &unified))
}

/// Replaces `any` in a constraint by what stands at the same place of a type.
fn fill(wanted: &Type, actual: &Type) -> Type {
    match (wanted, actual) {
        (Type::Any, actual) => actual.clone(),
        (Type::List(wanted), Type::List(actual) | Type::Set(actual)) => {
            Type::list(fill(wanted, actual))
        }
        (Type::Set(wanted), Type::List(actual) | Type::Set(actual)) => {
            Type::set(fill(wanted, actual))
        }
        (Type::Map(wanted), Type::Map(actual)) => Type::map(fill(wanted, actual)),
        (wanted, _) => wanted.clone(),
    }
}

fn contains_any(wanted: &Type) -> bool {
    match wanted {
        Type::Any => true,
        Type::List(element) | Type::Set(element) | Type::Map(element) => contains_any(element),
        _ => false,
    }
}

fn convert_all(value: &Value, element: &Type, noun: &str) -> Result<Vec<Value>, ConvertError> {
    let Some(elements) = sequence(value) else {
        let article = if noun == "set" { "a set" } else { "a list" };
        return Err(ConvertError::new(match element {
            Type::Any => format!("{article} is required"),
            element => format!("{article} of {element} is required"),
        }));
    };
    let element = element_type(elements.iter().map(|(_, value)| *value), element, noun)?;
    elements
        .into_iter()
        .map(|(step, value)| convert(value.clone(), &element).map_err(|e| e.below(step)))
        .collect()
}

fn to_list(value: &Value, element: &Type) -> Result<Value, ConvertError> {
    Ok(Value::list(convert_all(value, element, "list")?))
}

fn to_set(value: &Value, element: &Type) -> Result<Value, ConvertError> {
    Ok(Value::set(convert_all(value, element, "set")?))
}

fn to_map(value: &Value, element: &Type) -> Result<Value, ConvertError> {
    let (Value::Object(elements) | Value::Map(elements)) = value else {
        return Err(ConvertError::new(match element {
            Type::Any => "a map is required".to_owned(),
            element => format!("a map of {element} is required"),
        }));
    };
    let element = element_type(elements.values(), element, "map")?;
    let elements = elements
        .iter()
        .map(|(name, value)| {
            let value = convert(value.clone(), &element)
                .map_err(|e| e.below(PathStep::Key(name.clone())))?;
            Ok((name.clone(), value))
        })
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(Value::Map(Arc::new(elements)))
}

fn to_tuple(value: &Value, wanted: &[Type]) -> Result<Value, ConvertError> {
    let Value::Tuple(elements) = value else {
        return Err(ConvertError::new("a tuple is required"));
    };
    if elements.len() != wanted.len() {
        return Err(ConvertError::new(format!(
            "a tuple of {} elements is required, and this has {}",
            wanted.len(),
            elements.len()
        )));
    }
    let elements = elements
        .iter()
        .zip(wanted)
        .enumerate()
        .map(|(index, (value, wanted))| {
            convert(value.clone(), wanted).map_err(|e| e.below(PathStep::Index(index)))
        })
        .collect::<Result<_, _>>()?;
    Ok(Value::tuple(elements))
}

fn to_object(
    value: &Value,
    wanted: &BTreeMap<Arc<str>, ObjectAttribute>,
) -> Result<Value, ConvertError> {
    let (Value::Object(given) | Value::Map(given)) = value else {
        return Err(ConvertError::new("an object is required"));
    };
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(name, attribute)| !attribute.optional && !given.contains_key(*name))
        .map(|(name, _)| format!("{name:?}"))
        .collect();
    match missing.as_slice() {
        [] => {}
        [name] => return Err(ConvertError::new(format!("attribute {name} is required"))),
        names => {
            return Err(ConvertError::new(format!(
                "attributes {} are required",
                names.join(", ")
            )));
        }
    }
    let attributes = wanted
        .iter()
        .map(|(name, attribute)| {
            let value = match given.get(name) {
                // A default stands in for null as well.
                Some(value) if !value.is_null() => convert(value.clone(), &attribute.r#type)
                    .map_err(|e| e.below(PathStep::Attribute(name.clone())))?,
                _ => attribute.default.clone().unwrap_or(Value::Null),
            };
            Ok((name.clone(), value))
        })
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(Value::Object(Arc::new(attributes)))
}

/// Returns the one type that values of all these types convert to, if there is one. Types of nulls
/// are left out by the caller, since null has every type.
pub fn unify(types: &[Type]) -> Option<Type> {
    let Some((first, rest)) = types.split_first() else {
        return Some(Type::Any);
    };
    rest.iter()
        .try_fold(first.clone(), |unified, next| unify_two(&unified, next))
}

fn unify_two(a: &Type, b: &Type) -> Option<Type> {
    if a == b {
        return Some(a.clone());
    }
    Some(match (a, b) {
        (Type::Any, _) | (_, Type::Any) => Type::Any,
        (Type::String, Type::Bool | Type::Number) | (Type::Bool | Type::Number, Type::String) => {
            Type::String
        }
        (Type::List(a), Type::List(b) | Type::Set(b)) | (Type::Set(a), Type::List(b)) => {
            Type::list(unify_elements(a, b)?)
        }
        (Type::Set(a), Type::Set(b)) => Type::set(unify_elements(a, b)?),
        (Type::Map(a), Type::Map(b)) => Type::map(unify_elements(a, b)?),
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => Type::Tuple(
            a.iter()
                .zip(b)
                .map(|(a, b)| unify_elements(a, b))
                .collect::<Option<_>>()?,
        ),
        (Type::Tuple(a), Type::Tuple(b)) => Type::list(unify_with(a.iter().chain(b), &Type::Any)?),
        (Type::Tuple(elements), Type::List(element))
        | (Type::List(element), Type::Tuple(elements)) => {
            Type::list(unify_with(elements.iter(), element)?)
        }
        (Type::Tuple(elements), Type::Set(element))
        | (Type::Set(element), Type::Tuple(elements)) => {
            Type::set(unify_with(elements.iter(), element)?)
        }
        (Type::Object(a), Type::Object(b)) => unify_objects(a, b)?,
        (Type::Object(attributes), Type::Map(element))
        | (Type::Map(element), Type::Object(attributes)) => {
            Type::map(unify_with(attributes.values().map(|a| &a.r#type), element)?)
        }
        _ => return None,
    })
}

/// Unifies types of elements. [`Type::Any`] is a null's or an empty list's here, so the other one holds.
fn unify_elements(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (Type::Any, other) | (other, Type::Any) => Some(other.clone()),
        (a, b) => unify_two(a, b),
    }
}

fn unify_with<'a>(mut types: impl Iterator<Item = &'a Type>, first: &Type) -> Option<Type> {
    types.try_fold(first.clone(), |unified, next| {
        unify_elements(&unified, next)
    })
}

fn unify_objects(
    a: &BTreeMap<Arc<str>, ObjectAttribute>,
    b: &BTreeMap<Arc<str>, ObjectAttribute>,
) -> Option<Type> {
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    if names.len() == a.len() && names.len() == b.len() {
        let attributes = a
            .iter()
            .map(|(name, attribute)| {
                let r#type = unify_elements(&attribute.r#type, &b.get(name)?.r#type)?;
                Some((name.clone(), ObjectAttribute::required(r#type)))
            })
            .collect::<Option<_>>()?;
        return Some(Type::Object(attributes));
    }
    let types = a
        .values()
        .chain(b.values())
        .map(|attribute| &attribute.r#type);
    Some(Type::map(unify_with(types, &Type::Any)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object_type(attributes: &[(&str, ObjectAttribute)]) -> Type {
        Type::Object(
            attributes
                .iter()
                .map(|(n, a)| ((*n).into(), a.clone()))
                .collect(),
        )
    }

    fn failure(value: Value, wanted: &Type) -> String {
        convert(value, wanted)
            .expect_err("no conversion")
            .to_string()
    }

    #[test]
    fn primitives_convert_where_the_text_allows() {
        assert_eq!(
            convert(Value::from("1.50"), &Type::Number),
            Ok(Value::from("1.5".parse::<Number>().expect("a number")))
        );
        assert_eq!(
            convert(Value::from(true), &Type::String),
            Ok(Value::from("true"))
        );
        assert_eq!(
            convert(Value::from("1"), &Type::Bool),
            Ok(Value::from(true))
        );
        assert_eq!(failure(Value::from(1), &Type::Bool), "a bool is required");
        assert_eq!(
            failure(Value::from("x"), &Type::Number),
            "a number is required"
        );
        assert_eq!(
            failure(Value::from("True"), &Type::Bool),
            "a bool is required; write \"true\" in lower case"
        );
    }

    #[test]
    fn errors_name_the_path() {
        let wanted = object_type(&[("tags", ObjectAttribute::required(Type::map(Type::Number)))]);
        let value = Value::object([("tags", Value::object([("x", Value::tuple(vec![]))]))]);
        assert_eq!(
            failure(value, &wanted),
            ".tags[\"x\"]: a number is required"
        );
        let value = Value::object([("tag", Value::Null)]);
        assert_eq!(failure(value, &wanted), "attribute \"tags\" is required");
        assert_eq!(
            failure(
                Value::tuple(vec![Value::from(1), Value::from("a")]),
                &Type::list(Type::Number)
            ),
            "[1]: a number is required"
        );
    }

    #[test]
    fn defaults_fill_what_is_missing_or_null() {
        let optional = ObjectAttribute {
            r#type: Type::Number,
            optional: true,
            default: Some(Value::from(3)),
        };
        let wanted = object_type(&[
            ("a", ObjectAttribute::required(Type::String)),
            ("b", optional),
        ]);
        let expected = Value::object([("a", Value::from("1")), ("b", Value::from(3))]);
        for value in [
            Value::object([("a", Value::from(1)), ("c", Value::from(9))]),
            Value::object([("a", Value::from(1)), ("b", Value::Null)]),
        ] {
            assert_eq!(convert(value, &wanted), Ok(expected.clone()));
        }
    }

    #[test]
    fn elements_of_any_unify() {
        let mixed = Value::tuple(vec![Value::from(1), Value::from("a"), Value::Null]);
        assert_eq!(
            convert(mixed, &Type::list(Type::Any)),
            Ok(Value::list(vec![
                Value::from("1"),
                Value::from("a"),
                Value::Null
            ]))
        );
        let wrong = Value::tuple(vec![Value::from(1), Value::from(true)]);
        assert_eq!(
            failure(wrong, &Type::list(Type::Any)),
            "all list elements must have the same type"
        );
    }

    #[test]
    fn a_secret_passes_whole_as_text_only() {
        let secret = Value::Secret(super::super::value::SecretRef::Env("X".into()));
        assert_eq!(convert(secret.clone(), &Type::String), Ok(secret.clone()));
        assert!(failure(secret, &Type::Number).contains("until the driver's call"));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z0-9é]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::tuple),
                proptest::collection::btree_map("[a-c]", inner, 0..3).prop_map(Value::object),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_of_its_own_type(value in values()) {
            let r#type = value.type_of();
            prop_assert_eq!(convert(value.clone(), &r#type), Ok(value));
        }

        #[test]
        fn numbers_and_booleans_round_trip_through_text(number in any::<i64>(), flag in any::<bool>()) {
            for (value, r#type) in [(Value::from(number), Type::Number), (Value::from(flag), Type::Bool)] {
                let text = convert(value.clone(), &Type::String).expect("text");
                prop_assert_eq!(convert(text, &r#type), Ok(value));
            }
        }

        #[test]
        fn values_convert_to_the_type_they_unify_to(values in proptest::collection::vec(values(), 1..4)) {
            let types: Vec<_> = values.iter().filter(|v| !v.is_null()).map(Value::type_of).collect();
            if let Some(unified) = unify(&types) {
                for value in values {
                    prop_assert!(convert(value, &unified).is_ok());
                }
            }
        }
    }
}
