//! Addresses, kind and environment names: newtypes that round-trip through text. Pure.
//!
//! An address names one object of a project, as Terraform's do: `topic.transactions`,
//! `topic.audit["eu"]`, `module.orders["refunds"].topic.main`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not an address, an environment name or a provider reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}: {reason}")]
pub struct ParseAddressError {
    text: String,
    expected: &'static str,
    reason: String,
}

impl ParseAddressError {
    fn new(text: &str, expected: &'static str, reason: impl Into<String>) -> Self {
        Self {
            text: text.to_owned(),
            expected,
            reason: reason.into(),
        }
    }
}

/// The key of one instance of a block with `count` (a number) or `for_each` (a text).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceKey {
    /// From `count`.
    Index(u64),
    /// From `for_each`.
    Text(Arc<str>),
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Text(text) => {
                f.write_str("[\"")?;
                for c in text.chars() {
                    match c {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

/// One step of a module path: `module.orders["refunds"]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleStep {
    /// The module block's label.
    pub name: Arc<str>,
    /// The instance, where the block has `count` or `for_each`.
    pub key: Option<InstanceKey>,
}

/// The modules around an object, outermost first; empty for the root module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModulePath(pub Vec<ModuleStep>);

impl ModulePath {
    /// Returns the path of a module called from this one.
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>, key: Option<InstanceKey>) -> Self {
        let mut steps = self.0.clone();
        steps.push(ModuleStep {
            name: name.into(),
            key,
        });
        Self(steps)
    }

    /// Whether this is the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "module.{}", step.name)?;
            if let Some(key) = &step.key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

/// The name of one managed object: kind, label, instance key and the modules around it.
///
/// `Display` and `FromStr` are inverse to each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The modules around the object.
    pub module: ModulePath,
    /// The kind, which is the block's keyword: `topic`.
    pub kind: Arc<str>,
    /// The block's label.
    pub name: Arc<str>,
    /// The instance, where the block has `count` or `for_each`.
    pub key: Option<InstanceKey>,
}

impl Address {
    /// Returns the address of an object of the root module without an instance key.
    pub fn root(kind: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            module: ModulePath::default(),
            kind: kind.into(),
            name: name.into(),
            key: None,
        }
    }

    /// Returns the address of the whole block: this address without its instance key.
    #[must_use]
    pub fn block(&self) -> Self {
        Self {
            key: None,
            ..self.clone()
        }
    }

    /// Whether `self` is `pattern`, an instance of it, or inside the module that `pattern` names.
    ///
    /// This is what `--target` means: `topic.audit` selects every `topic.audit["…"]`.
    pub fn is_within(&self, pattern: &Self) -> bool {
        self == pattern || (pattern.key.is_none() && self.block() == *pattern)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "{}.{}", self.kind, self.name)?;
        match &self.key {
            Some(key) => write!(f, "{key}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps = parse_steps(text).map_err(|reason| {
            ParseAddressError::new(text, "an address such as topic.orders", reason)
        })?;
        let (module, rest) = split_modules(steps).map_err(|reason| {
            ParseAddressError::new(text, "an address such as topic.orders", reason)
        })?;
        match <[_; 2]>::try_from(rest) {
            Ok([(kind, None), (name, key)]) => Ok(Self {
                module,
                kind,
                name,
                key,
            }),
            _ => Err(ParseAddressError::new(
                text,
                "an address such as topic.orders",
                "expected a kind and a name, with an instance key after the name only",
            )),
        }
    }
}

/// What `--target` and `--exclude` take: an object, a block with all its instances, or a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressPattern {
    /// An object, or a block with all its instances.
    Object(Address),
    /// Everything inside a module (all its instances where the last step has no key).
    Module(ModulePath),
}

impl AddressPattern {
    /// Whether the pattern selects `address`.
    pub fn matches(&self, address: &Address) -> bool {
        match self {
            Self::Object(pattern) => address.is_within(pattern),
            Self::Module(path) => {
                address.module.0.len() >= path.0.len()
                    && path.0.iter().zip(&address.module.0).all(|(pattern, step)| {
                        pattern.name == step.name
                            && (pattern.key.is_none() || pattern.key == step.key)
                    })
            }
        }
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(address) => address.fmt(f),
            Self::Module(path) => path.fmt(f),
        }
    }
}

impl FromStr for AddressPattern {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "an address such as topic.orders or module.orders";
        let steps =
            parse_steps(text).map_err(|reason| ParseAddressError::new(text, expected, reason))?;
        let (module, rest) = split_modules(steps)
            .map_err(|reason| ParseAddressError::new(text, expected, reason))?;
        if rest.is_empty() {
            Ok(Self::Module(module))
        } else {
            text.parse().map(Self::Object)
        }
    }
}

type Step = (Arc<str>, Option<InstanceKey>);

fn split_modules(steps: Vec<Step>) -> Result<(ModulePath, Vec<Step>), String> {
    let mut module = ModulePath::default();
    let mut steps = steps.into_iter().peekable();
    while steps
        .peek()
        .is_some_and(|(name, key)| &**name == "module" && key.is_none())
    {
        steps.next();
        let (name, key) = steps
            .next()
            .ok_or("a module's name is missing after \"module.\"")?;
        module.0.push(ModuleStep { name, key });
    }
    Ok((module, steps.collect()))
}

/// Splits `a.b["k"].c[0]` into its identifiers and their keys.
fn parse_steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        if !is_identifier(name) {
            return Err(format!("{name:?} is not an identifier"));
        }
        let (key, tail) = match tail.strip_prefix('[') {
            Some(inside) => {
                let (key, tail) = parse_key(inside)?;
                (Some(key), tail)
            }
            None => (None, tail),
        };
        steps.push((Arc::from(name), key));
        match tail.strip_prefix('.') {
            Some(next) => rest = next,
            None if tail.is_empty() => return Ok(steps),
            None => return Err(format!("unexpected {tail:?}")),
        }
    }
}

/// Parses what follows `[`, returning the key and the text behind `]`.
fn parse_key(inside: &str) -> Result<(InstanceKey, &str), String> {
    let Some(quoted) = inside.strip_prefix('"') else {
        let end = inside.find(']').ok_or("\"]\" is missing")?;
        // A leading zero would make two texts of one address.
        let digits = &inside[..end];
        let index = digits
            .parse::<u64>()
            .map_err(|_| format!("{digits:?} is not an index"))?;
        if index.to_string() != digits {
            return Err(format!("{digits:?} is not an index in its shortest form"));
        }
        return Ok((InstanceKey::Index(index), &inside[end + 1..]));
    };
    let mut key = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let tail = quoted[at + 1..]
                    .strip_prefix(']')
                    .ok_or("\"]\" is missing after the key")?;
                return Ok((InstanceKey::Text(key.into()), tail));
            }
            '\\' => match chars.next() {
                Some((_, 'n')) => key.push('\n'),
                Some((_, 'r')) => key.push('\r'),
                Some((_, 't')) => key.push('\t'),
                Some((_, c @ ('"' | '\\'))) => key.push(c),
                _ => return Err("unknown escape in the key".into()),
            },
            c => key.push(c),
        }
    }
    Err("the key's closing quote is missing".into())
}

/// Whether a text is an HCL identifier: a letter or `_`, then letters, digits, `_` and `-`.
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

macro_rules! text_serde {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_serde!(Address, AddressPattern, EnvironmentName, ProviderAddress);

/// The name of an environment, safe as a folder's and as a branch's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(Arc<str>);

impl EnvironmentName {
    /// The environment of a project that declares none.
    pub fn default_environment() -> Self {
        Self(Arc::from("default"))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EnvironmentName {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = is_identifier(text) && text.is_ascii() && text.len() <= 64;
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(ParseAddressError::new(
                text,
                "an environment's name",
                "expected a letter, then at most 63 letters, digits, \"_\" and \"-\"",
            ))
        }
    }
}

/// A provider block: `kafka`, or `kafka.east` where it has `alias = "east"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderAddress {
    /// The provider's type, the block's label: `kafka`.
    pub kind: Arc<str>,
    /// The alias, where the block has one.
    pub alias: Option<Arc<str>>,
}

impl fmt::Display for ProviderAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        match &self.alias {
            Some(alias) => write!(f, ".{alias}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ProviderAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, alias) = match text.split_once('.') {
            Some((kind, alias)) => (kind, Some(alias)),
            None => (text, None),
        };
        if is_identifier(kind) && alias.is_none_or(is_identifier) {
            Ok(Self {
                kind: kind.into(),
                alias: alias.map(Arc::from),
            })
        } else {
            Err(ParseAddressError::new(
                text,
                "a provider such as kafka or kafka.east",
                "expected identifiers",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Option<InstanceKey>> {
        prop_oneof![
            Just(None),
            any::<u64>().prop_map(|i| Some(InstanceKey::Index(i))),
            ".*".prop_map(|t| Some(InstanceKey::Text(t.into()))),
        ]
    }

    proptest! {
        #[test]
        fn addresses_round_trip(
            modules in prop::collection::vec(("[a-z_][a-z0-9_-]{0,8}", key()), 0..3),
            kind in "[a-z][a-z_]{0,8}",
            name in "[a-z_][a-zA-Z0-9_-]{0,8}",
            key in key(),
        ) {
            prop_assume!(kind != "module");
            let module = ModulePath(modules.into_iter().map(|(name, key)| ModuleStep { name: name.into(), key }).collect());
            let address = Address { module, kind: kind.into(), name: name.into(), key };
            let module = AddressPattern::Module(address.module.clone());
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address.clone()));
            let pattern = AddressPattern::Object(address.clone());
            prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
            if !address.module.is_root() {
                prop_assert_eq!(module.to_string().parse(), Ok(module));
            }
        }

        #[test]
        fn names_of_environments_and_providers_round_trip(text in "[a-z][a-z0-9_-]{0,5}(\\.[a-z]{1,5})?|.{0,10}") {
            if let Ok(environment) = text.parse::<EnvironmentName>() {
                prop_assert_eq!(environment.to_string(), text.clone());
            }
            if let Ok(provider) = text.parse::<ProviderAddress>() {
                prop_assert_eq!(provider.to_string(), text);
            }
        }

        #[test]
        fn any_text_parses_or_is_refused(text in ".*") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string(), text);
            }
        }
    }

    #[test]
    fn a_pattern_selects_instances_and_modules() {
        let address: Address = "module.orders[\"refunds\"].topic.main[0]"
            .parse()
            .expect("valid");
        for (pattern, expected) in [
            ("module.orders", true),
            ("module.orders[\"refunds\"]", true),
            ("module.orders[\"other\"]", false),
            ("module.orders[\"refunds\"].topic.main", true),
            ("module.orders[\"refunds\"].topic.main[0]", true),
            ("module.orders[\"refunds\"].topic.main[1]", false),
            ("topic.main", false),
        ] {
            let pattern: AddressPattern = pattern.parse().expect("valid");
            assert_eq!(pattern.matches(&address), expected, "{pattern}");
        }
    }
}
