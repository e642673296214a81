//! Values and types of the language, as Terraform's: numbers of any size, null, unknown, sensitive. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::number::Number;

/// A type constraint, and the type of an unknown value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Not known, or any type (`any`, cty's dynamic pseudo-type).
    Any,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `list(T)`
    List(Box<Type>),
    /// `set(T)`
    Set(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// `tuple([…])`
    Tuple(Vec<Type>),
    /// `object({…})`
    Object(BTreeMap<Arc<str>, ObjectAttribute>),
}

/// One attribute of an object type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectAttribute {
    /// The attribute's type.
    pub r#type: Type,
    /// Whether it may be left out: `optional(T)`.
    pub optional: bool,
    /// What it is when left out: `optional(T, default)`; null otherwise.
    pub default: Option<Value>,
}

impl ObjectAttribute {
    /// Returns an attribute that must be there.
    pub fn required(r#type: Type) -> Self {
        Self {
            r#type,
            optional: false,
            default: None,
        }
    }
}

impl Type {
    /// Returns `list(element)`.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Returns `set(element)`.
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// Returns `map(element)`.
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// Whether it is `bool`, `number` or `string`.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Self::Bool | Self::Number | Self::String)
    }

    /// Returns the word for messages: `list`, `object`.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Any => "value of an unknown type",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::String => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Map(_) => "map",
            Self::Tuple(_) => "tuple",
            Self::Object(_) => "object",
        }
    }
}

impl fmt::Display for Type {
    /// Writes the constraint as it stands in HCL; defaults are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Bool | Self::Number | Self::String => f.write_str(self.noun()),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("])")
            }
            Self::Object(attributes) => {
                f.write_str("object({")?;
                for (index, (name, attribute)) in attributes.iter().enumerate() {
                    let separator = if index > 0 { ", " } else { "" };
                    let r#type = &attribute.r#type;
                    if attribute.optional {
                        write!(f, "{separator}{name} = optional({type})")?;
                    } else {
                        write!(f, "{separator}{name} = {type}")?;
                    }
                }
                f.write_str("})")
            }
        }
    }
}

/// Where a secret's value is found. The value itself is read only by a driver, at its call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// `secret("env:NAME")`: an environment variable.
    Env(Arc<str>),
    /// `secret("file:PATH")`: a file's text without its last end of line.
    File(Arc<str>),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// The text is not `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseSecretError {
    /// It begins with neither `env:` nor `file:`, or no path follows.
    #[error("it is written \"env:NAME\" or \"file:PATH\"")]
    Form,
    /// The name is not that of an environment variable.
    #[error("the name of an environment variable has letters, digits and _ only")]
    Name,
}

impl FromStr for SecretRef {
    type Err = ParseSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_letter = |c: u8| c.is_ascii_alphabetic() || c == b'_';
        match text.split_once(':') {
            Some(("env", name)) => {
                let valid = name.bytes().next().is_some_and(is_letter)
                    && name.bytes().all(|c| is_letter(c) || c.is_ascii_digit());
                if valid {
                    Ok(Self::Env(name.into()))
                } else {
                    Err(ParseSecretError::Name)
                }
            }
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => {
                Ok(Self::File(path.into()))
            }
            _ => Err(ParseSecretError::Form),
        }
    }
}

/// A value of the language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`, of any type.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text, in Unicode's normal form C.
    String(Arc<str>),
    /// A list: all elements are of one type.
    List(Arc<Vec<Value>>),
    /// A set: all elements are of one type, none twice.
    Set(Arc<BTreeSet<Value>>),
    /// A tuple, which is what `[…]` makes.
    Tuple(Arc<Vec<Value>>),
    /// A map: all values are of one type.
    Map(Arc<BTreeMap<Arc<str>, Value>>),
    /// An object, which is what `{…}` makes.
    Object(Arc<BTreeMap<Arc<str>, Value>>),
    /// Not known until apply.
    Unknown(Type),
    /// A value that may not be shown. Never nested directly in itself.
    Sensitive(Box<Value>),
    /// A reference to a secret. It can be passed on whole, and nothing else.
    Secret(SecretRef),
}

/// Returns a text in Unicode's normal form C, in which all strings of the language are.
pub fn normalise(text: &str) -> Arc<str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text.into();
    }
    text.nfc().collect::<String>().into()
}

impl Value {
    /// Returns a string, normalised.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(normalise(text.as_ref()))
    }

    /// Returns a tuple.
    pub fn tuple(elements: Vec<Self>) -> Self {
        Self::Tuple(Arc::new(elements))
    }

    /// Returns a list. The elements are of one type.
    pub fn list(elements: Vec<Self>) -> Self {
        Self::List(Arc::new(elements))
    }

    /// Returns a set. The elements are of one type; marks of elements go to the set.
    pub fn set(elements: impl IntoIterator<Item = Self>) -> Self {
        let mut sensitive = false;
        let elements = elements
            .into_iter()
            .map(|element| {
                let (element, marked) = element.unmark_deep();
                sensitive |= marked;
                element
            })
            .collect();
        Self::Set(Arc::new(elements)).mark(sensitive)
    }

    /// Returns an object.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(Arc::new(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        ))
    }

    /// Returns a map. The values are of one type.
    pub fn map<K: Into<Arc<str>>>(elements: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(Arc::new(
            elements
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        ))
    }

    /// Returns the value's type. Null and an empty list's elements are [`Type::Any`]; a secret is a string.
    pub fn type_of(&self) -> Type {
        let first = |element: Option<&Self>| element.map_or(Type::Any, Self::type_of);
        match self {
            Self::Null => Type::Any,
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) | Self::Secret(_) => Type::String,
            // All elements are of one type; a null does not tell it.
            Self::List(elements) => Type::list(first(elements.iter().find(|e| !e.is_null()))),
            Self::Set(elements) => Type::set(first(elements.iter().find(|e| !e.is_null()))),
            Self::Map(elements) => Type::map(first(elements.values().find(|e| !e.is_null()))),
            Self::Tuple(elements) => Type::Tuple(elements.iter().map(Self::type_of).collect()),
            Self::Object(attributes) => Type::Object(
                attributes
                    .iter()
                    .map(|(name, value)| (name.clone(), ObjectAttribute::required(value.type_of())))
                    .collect(),
            ),
            Self::Unknown(r#type) => r#type.clone(),
            Self::Sensitive(inner) => inner.type_of(),
        }
    }

    /// Whether it is null, marked or not.
    pub fn is_null(&self) -> bool {
        matches!(self.unmarked(), Self::Null)
    }

    /// Whether it is known; its elements may not be.
    pub fn is_known(&self) -> bool {
        !matches!(self.unmarked(), Self::Unknown(_))
    }

    /// Whether it and all its elements are known.
    pub fn is_wholly_known(&self) -> bool {
        !self.any(&mut |value| matches!(value, Self::Unknown(_)))
    }

    /// Whether it is marked itself.
    pub fn is_sensitive(&self) -> bool {
        matches!(self, Self::Sensitive(_))
    }

    /// Whether it or one of its elements is marked.
    pub fn contains_sensitive(&self) -> bool {
        self.any(&mut Self::is_sensitive)
    }

    /// Whether it is or contains a secret.
    pub fn contains_secret(&self) -> bool {
        self.any(&mut |value| matches!(value, Self::Secret(_)))
    }

    /// Whether it or one of its elements, at any depth, is so.
    fn any(&self, test: &mut impl FnMut(&Self) -> bool) -> bool {
        if test(self) {
            return true;
        }
        match self {
            Self::List(elements) | Self::Tuple(elements) => elements.iter().any(|e| e.any(test)),
            Self::Set(elements) => elements.iter().any(|e| e.any(test)),
            Self::Map(elements) | Self::Object(elements) => elements.values().any(|e| e.any(test)),
            Self::Sensitive(inner) => inner.any(test),
            _ => false,
        }
    }

    /// Returns the value below its mark.
    pub fn unmarked(&self) -> &Self {
        match self {
            Self::Sensitive(inner) => inner,
            value => value,
        }
    }

    /// Takes the value's own mark off, and tells whether there was one.
    pub fn unmark(self) -> (Self, bool) {
        match self {
            Self::Sensitive(inner) => (*inner, true),
            value => (value, false),
        }
    }

    /// Takes all marks off, and tells whether there was one.
    pub fn unmark_deep(self) -> (Self, bool) {
        if !self.contains_sensitive() {
            return (self, false);
        }
        let strip = |value: &Self| value.clone().unmark_deep().0;
        let strip_all = |elements: &BTreeMap<Arc<str>, Self>| {
            Arc::new(
                elements
                    .iter()
                    .map(|(name, value)| (name.clone(), strip(value)))
                    .collect(),
            )
        };
        let value = match self {
            Self::Sensitive(inner) => inner.unmark_deep().0,
            Self::List(elements) => Self::list(elements.iter().map(strip).collect()),
            Self::Tuple(elements) => Self::tuple(elements.iter().map(strip).collect()),
            Self::Set(elements) => Self::Set(Arc::new(elements.iter().map(strip).collect())),
            Self::Map(elements) => Self::Map(strip_all(&elements)),
            Self::Object(elements) => Self::Object(strip_all(&elements)),
            value => value,
        };
        (value, true)
    }

    /// Marks the value where asked to.
    #[must_use]
    pub fn mark(self, sensitive: bool) -> Self {
        match self {
            value if !sensitive => value,
            Self::Sensitive(inner) => Self::Sensitive(inner),
            value => Self::Sensitive(Box::new(value)),
        }
    }

    /// Returns the JSON that the value stands for: marks are taken off, a secret is
    /// `{"$secret": "env:NAME"}`, an unknown value `{"$unknown": "TYPE"}`. A number that is neither an
    /// integer of 64 bits nor exact as a float is the nearest float.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Value as Json, json};
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => json!(value),
            Self::Number(number) => match (number.to_i64(), number.to_u64()) {
                (Some(small), _) => json!(small),
                (None, Some(large)) => json!(large),
                (None, None) => json!(number.to_f64()),
            },
            Self::String(text) => Json::String(text.to_string()),
            Self::List(elements) | Self::Tuple(elements) => {
                elements.iter().map(Self::to_json).collect()
            }
            Self::Set(elements) => elements.iter().map(Self::to_json).collect(),
            Self::Map(elements) | Self::Object(elements) => Json::Object(
                elements
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_json()))
                    .collect(),
            ),
            Self::Unknown(r#type) => json!({ "$unknown": r#type.to_string() }),
            Self::Sensitive(inner) => inner.to_json(),
            Self::Secret(secret) => json!({ "$secret": secret.to_string() }),
        }
    }

    /// Returns the text of a string, marked or not.
    pub fn as_str(&self) -> Option<&str> {
        match self.unmarked() {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a boolean, marked or not.
    pub fn as_bool(&self) -> Option<bool> {
        match self.unmarked() {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns a number, marked or not.
    pub fn as_number(&self) -> Option<&Number> {
        match self.unmarked() {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the elements of a list or tuple, marked or not.
    pub fn as_elements(&self) -> Option<&[Self]> {
        match self.unmarked() {
            Self::List(elements) | Self::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns the attributes of an object or the elements of a map, marked or not.
    pub fn as_attributes(&self) -> Option<&BTreeMap<Arc<str>, Self>> {
        match self.unmarked() {
            Self::Object(attributes) | Self::Map(attributes) => Some(attributes),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::string(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::string(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_in_normal_form_c() {
        assert_eq!(Value::string("e\u{301}"), Value::string("é"));
    }

    #[test]
    fn marks_of_a_sets_elements_go_to_the_set() {
        let set = Value::set([Value::from("a"), Value::from("a").mark(true)]);
        assert_eq!(set, Value::set([Value::from("a")]).mark(true));
    }

    #[test]
    fn marks_come_off_at_any_depth() {
        let value = Value::object([("a", Value::tuple(vec![Value::from(1).mark(true)]))]);
        assert!(!value.is_sensitive() && value.contains_sensitive());
        let (plain, marked) = value.unmark_deep();
        assert!(marked && !plain.contains_sensitive());
    }

    #[test]
    fn types_are_written_as_in_hcl() {
        let value = Value::object([
            ("a", Value::tuple(vec![Value::from(1), Value::from("x")])),
            ("b", Value::list(vec![Value::Null, Value::from(true)])),
        ]);
        assert_eq!(
            value.type_of().to_string(),
            "object({a = tuple([number, string]), b = list(bool)})"
        );
    }
}
