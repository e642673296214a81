//! `for_each` and `count`: which instances a block has.

use crate::address::InstanceKey;
use crate::config::convert::convert;
use crate::config::number::Number;
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, sentence};

use super::expression::Expr;
use super::module::Repeat;
use super::view::{Local, Site};

/// The most instances of one block.
const MOST_INSTANCES: u64 = 100_000;

/// The instances of a block.
#[derive(Debug)]
pub(super) enum Expansion {
    /// One, without a key.
    Once,
    /// One for each key, in their order.
    Keyed(Vec<Local>),
    /// Not known, which is allowed where variables without values are: the block is looked at once.
    Unknown(Local),
}

impl Expansion {
    /// Returns what each instance gives to its expressions.
    pub(super) fn into_locals(self) -> Vec<Local> {
        match self {
            Self::Once => vec![Local::default()],
            Self::Keyed(locals) => locals,
            Self::Unknown(local) => vec![local],
        }
    }
}

/// Evaluates `for_each` or `count`; errors are added to `errors`.
pub(super) fn expand(
    site: Site<'_, '_, '_>,
    repeat: &Repeat<'_>,
    errors: &mut Diagnostics,
) -> Option<Expansion> {
    match repeat {
        Repeat::Once => Some(Expansion::Once),
        Repeat::ForEach(expr) => {
            let value = errors.take(site.eval(expr, &Local::default()))?;
            errors.take(for_each(site, expr, value))
        }
        Repeat::Count(expr) => {
            let value = errors.take(site.eval(expr, &Local::default()))?;
            errors.take(count(site, expr, value))
        }
    }
}

fn invalid(site: Site<'_, '_, '_>, expr: &Expr<'_>, argument: &str, detail: &str) -> Diagnostic {
    Diagnostic::error("repeat", format!("Invalid {argument}"))
        .detail(detail)
        .at(expr.span(site.piece))
}

fn for_each(
    site: Site<'_, '_, '_>,
    expr: &Expr<'_>,
    value: Value,
) -> Result<Expansion, Diagnostic> {
    let refuse = |detail: &str| invalid(site, expr, "for_each", detail);
    let pairs: Vec<(Value, Value)> = match value {
        Value::Map(elements) | Value::Object(elements) => elements
            .iter()
            .map(|(key, value)| (Value::String(key.clone()), value.clone()))
            .collect(),
        Value::Set(elements) => elements
            .iter()
            .map(|key| (key.clone(), key.clone()))
            .collect(),
        Value::Unknown(_) if site.engine.allow_unset => {
            return Ok(Expansion::Unknown(Local {
                each: Some((Value::Unknown(Type::String), Value::Unknown(Type::Any))),
                ..Local::default()
            }));
        }
        Value::Unknown(_) => {
            return Err(refuse(
                "Which instances there are must be known before anything is applied.",
            ));
        }
        Value::Null => return Err(refuse("It is null.").hint("write {} for no instances")),
        Value::Sensitive(_) => {
            return Err(refuse(
                "It is sensitive, and its keys would be shown as parts of addresses.",
            )
            .hint("take the keys with nonsensitive() where they are no secrets"));
        }
        Value::List(_) | Value::Tuple(_) => {
            return Err(refuse("It is a list, whose elements have no keys.")
                .hint("write toset([…]), or a map whose keys are names"));
        }
        other => {
            let noun = other.type_of().noun();
            return Err(refuse(&format!(
                "Its type is {noun}, not a map or a set of strings."
            )));
        }
    };
    if pairs.len() as u64 > MOST_INSTANCES {
        return Err(refuse(&format!(
            "A block may have {MOST_INSTANCES} instances."
        )));
    }
    pairs
        .into_iter()
        .map(|(key, value)| match &key {
            Value::String(text) => Ok(Local {
                key: Some(InstanceKey::Text(text.clone())),
                each: Some((key, value)),
                ..Local::default()
            }),
            Value::Sensitive(_) => Err(refuse(
                "An element is sensitive, and would be shown as a part of an address.",
            )),
            Value::Unknown(_) => Err(refuse(
                "An element is not known before anything is applied.",
            )),
            other => Err(refuse(&format!(
                "A set must hold strings, and the type of one element is {}.",
                other.type_of().noun()
            ))),
        })
        .collect::<Result<_, _>>()
        .map(Expansion::Keyed)
}

fn count(site: Site<'_, '_, '_>, expr: &Expr<'_>, value: Value) -> Result<Expansion, Diagnostic> {
    let refuse = |detail: &str| invalid(site, expr, "count", detail);
    let number = match convert(value, &Type::Number).map_err(|error| refuse(&sentence(&error)))? {
        Value::Number(number) => number,
        Value::Unknown(_) if site.engine.allow_unset => {
            return Ok(Expansion::Unknown(Local {
                index: Some(Value::Unknown(Type::Number)),
                ..Local::default()
            }));
        }
        Value::Unknown(_) => {
            return Err(refuse(
                "How many instances there are must be known before anything is applied.",
            ));
        }
        Value::Sensitive(_) => {
            return Err(refuse(
                "It is sensitive, and would be shown by the addresses.",
            ));
        }
        _ => return Err(refuse("It is null.").hint("write 0 for no instances")),
    };
    let Some(count) = number.to_u64() else {
        return Err(refuse("It must be a whole number from 0 on."));
    };
    if count > MOST_INSTANCES {
        return Err(refuse(&format!(
            "A block may have {MOST_INSTANCES} instances."
        )));
    }
    let locals = (0..count).map(|index| Local {
        key: Some(InstanceKey::Index(index)),
        index: Some(Value::Number(Number::from(index))),
        ..Local::default()
    });
    Ok(Expansion::Keyed(locals.collect()))
}
