//! Values and types of the language, as Terraform's: numbers of any size, null, unknown, sensitive.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

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

/// Where a secret's value is found. The value itself is read only by a driver, at its call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// `secret("env:NAME")`: an environment variable.
    Env(Arc<str>),
    /// `secret("file:PATH")`: a file's text without its last line feed.
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
