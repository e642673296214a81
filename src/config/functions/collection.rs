//! Functions of lists, tuples, maps and objects. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::config::convert::{convert, unify};
use crate::config::eval::{equal, secret_error};
use crate::config::number::Number;
use crate::config::value::{Type, Value};

use super::{Call, Failure, Function, Parameter, Want};

const LIST: Parameter = Parameter::new("list", Want::Sequence);
const MAP: Parameter = Parameter::new("map", Want::Mapping);
const VALUE: Parameter = Parameter::new("value", Want::Value).nullable();
const BOOLS: &[Parameter] = &[Parameter::new("list", Want::Known)];

pub(super) const TABLE: &[Function] = &[
    Function::new("alltrue", BOOLS, Want::Bool, |call| {
        Ok(flags(call)?.iter().all(|f| *f).into())
    }),
    Function::new("anytrue", BOOLS, Want::Bool, |call| {
        Ok(flags(call)?.iter().any(|f| *f).into())
    }),
    Function::new(
        "chunklist",
        &[LIST, Parameter::new("size", Want::Number)],
        Want::Value,
        chunk_list,
    ),
    Function::new("coalesce", &[], Want::Value, coalesce)
        .and_more(Parameter::new("values", Want::Raw)),
    Function::new("coalescelist", &[], Want::Value, coalesce_list)
        .and_more(Parameter::new("lists", Want::Sequence).nullable()),
    Function::new(
        "compact",
        &[Parameter::new("list", Want::Strings)],
        Want::Strings,
        |call| Ok(compact(call)),
    ),
    Function::new("concat", &[], Want::Value, concat)
        .and_more(Parameter::new("lists", Want::Sequence)),
    Function::new("contains", &[LIST, VALUE], Want::Bool, contains),
    Function::new(
        "distinct",
        &[Parameter::new("list", Want::Known)],
        Want::Value,
        distinct,
    ),
    Function::new(
        "element",
        &[LIST, Parameter::new("index", Want::Number)],
        Want::Value,
        element,
    ),
    Function::new("flatten", &[LIST], Want::Value, |call| Ok(flatten(call))),
    Function::new("index", &[LIST, VALUE], Want::Number, index),
    Function::new("keys", &[MAP], Want::Value, |call| Ok(keys(call))),
    Function::new(
        "length",
        &[Parameter::new("value", Want::Value)],
        Want::Number,
        length,
    ),
    Function::new(
        "lookup",
        &[MAP, Parameter::new("key", Want::String)],
        Want::Value,
        lookup,
    )
    .and_more(Parameter::new("default", Want::Value).nullable()),
    Function::new(
        "matchkeys",
        &[
            Parameter::new("values", Want::Sequence),
            Parameter::new("keys", Want::Known),
            Parameter::new("searchset", Want::Known),
        ],
        Want::Value,
        match_keys,
    ),
    Function::new("merge", &[], Want::Value, |call| Ok(merge(call)))
        .and_more(Parameter::new("maps", Want::Mapping).nullable()),
    Function::new("one", &[LIST], Want::Value, one),
    Function::new("range", &[], Want::Value, range)
        .and_more(Parameter::new("params", Want::Number)),
    Function::new("reverse", &[LIST], Want::Value, |call| Ok(reverse(call))),
    Function::new(
        "slice",
        &[
            LIST,
            Parameter::new("start_index", Want::Number),
            Parameter::new("end_index", Want::Number),
        ],
        Want::Value,
        slice,
    ),
    Function::new(
        "sort",
        &[Parameter::new("list", Want::Strings)],
        Want::Strings,
        sort,
    ),
    Function::new(
        "transpose",
        &[Parameter::new("values", Want::Known)],
        Want::Value,
        transpose,
    ),
    Function::new("values", &[MAP], Want::Value, |call| Ok(values(call))),
    Function::new(
        "zipmap",
        &[
            Parameter::new("keys", Want::Strings),
            Parameter::new("values", Want::Sequence),
        ],
        Want::Value,
        zip_map,
    ),
];

/// The longest list that `range` makes, as in Terraform.
const RANGE: usize = 1024;

/// Returns the elements of a list, tuple or set.
pub(super) fn elements(value: &Value) -> Vec<Value> {
    match value {
        Value::List(elements) | Value::Tuple(elements) => elements.to_vec(),
        Value::Set(elements) => elements.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Makes a sequence of the same sort: of a tuple a tuple, of a list or set a list.
fn alike(model: &Value, elements: Vec<Value>) -> Value {
    match model {
        Value::Tuple(_) => Value::tuple(elements),
        _ => Value::list(elements),
    }
}

fn attributes(value: &Value) -> &BTreeMap<Arc<str>, Value> {
    value
        .as_attributes()
        .expect("the parameter takes maps and objects only")
}

fn wrong_type(index: usize, error: &crate::config::convert::ConvertError) -> Failure {
    Failure::argument(index, error.to_string())
}

fn to_list(call: &Call<'_>, index: usize, element: Type) -> Result<Vec<Value>, Failure> {
    let list = convert(call.args[index].clone(), &Type::list(element))
        .map_err(|e| wrong_type(index, &e))?;
    Ok(elements(&list))
}

/// Null counts as false.
fn flags(call: &Call<'_>) -> Result<Vec<bool>, Failure> {
    let flags = to_list(call, 0, Type::Bool)?;
    Ok(flags
        .iter()
        .map(|flag| flag.as_bool() == Some(true))
        .collect())
}

fn chunk_list(call: &Call<'_>) -> Result<Value, Failure> {
    let list = elements(&call.args[0]);
    let size = match call.count(1)? {
        0 => list.len().max(1),
        size => size,
    };
    Ok(Value::list(
        list.chunks(size)
            .map(|chunk| alike(&call.args[0], chunk.to_vec()))
            .collect(),
    ))
}

/// The first value that is neither null nor an empty text, of the type that all of them share.
fn coalesce(call: &Call<'_>) -> Result<Value, Failure> {
    let types: Vec<Type> = call
        .args
        .iter()
        .filter(|v| !v.is_null())
        .map(Value::type_of)
        .collect();
    let r#type =
        unify(&types).ok_or_else(|| Failure::call("all arguments must have the same type"))?;
    for (index, value) in call.args.iter().enumerate() {
        match value.unmarked() {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::Unknown(_) => return Ok(Value::Unknown(r#type).mark(value.is_sensitive())),
            _ => return convert(value.clone(), &r#type).map_err(|e| wrong_type(index, &e)),
        }
    }
    Err(Failure::call("all arguments are null or empty"))
}

fn coalesce_list(call: &Call<'_>) -> Result<Value, Failure> {
    call.args
        .iter()
        .find(|list| !elements(list).is_empty())
        .cloned()
        .ok_or_else(|| Failure::call("all arguments are null or empty"))
}

fn compact(call: &Call<'_>) -> Value {
    let list = elements(&call.args[0]);
    Value::list(
        list.into_iter()
            .filter(|e| e.as_str().is_some_and(|text| !text.is_empty()))
            .collect(),
    )
}

fn concat(call: &Call<'_>) -> Result<Value, Failure> {
    if call.args.is_empty() {
        return Err(Failure::call("at least one list is required"));
    }
    if let Some(set) = call
        .args
        .iter()
        .position(|list| matches!(list, Value::Set(_)))
    {
        return Err(Failure::argument(set, "a list or tuple is required"));
    }
    let joined: Vec<Value> = call.args.iter().flat_map(elements).collect();
    let types: Vec<Type> = call
        .args
        .iter()
        .filter(|l| !elements(l).is_empty())
        .map(Value::type_of)
        .collect();
    let lists = call.args.iter().all(|list| matches!(list, Value::List(_)));
    if lists && types.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(Value::list(joined));
    }
    Ok(Value::tuple(joined))
}

/// Whether two values are equal, marks aside; `None` where that is unknown.
fn same(a: &Value, b: &Value) -> Result<(Option<bool>, bool), Failure> {
    let (a, a_marked) = a.clone().unmark_deep();
    let (b, b_marked) = b.clone().unmark_deep();
    if !a.is_null() && !b.is_null() && (a.contains_secret() || b.contains_secret()) {
        return Err(Failure::Nested(secret_error("A comparison", None).into()));
    }
    Ok((equal(&a, &b), a_marked || b_marked))
}

fn contains(call: &Call<'_>) -> Result<Value, Failure> {
    let (mut known, mut sensitive) = (true, false);
    for element in elements(&call.args[0]) {
        let (equal, marked) = same(&element, &call.args[1])?;
        sensitive |= marked;
        match equal {
            Some(true) => return Ok(Value::Bool(true).mark(sensitive)),
            Some(false) => {}
            None => known = false,
        }
    }
    let result = if known {
        Value::Bool(false)
    } else {
        Value::Unknown(Type::Bool)
    };
    Ok(result.mark(sensitive))
}

fn distinct(call: &Call<'_>) -> Result<Value, Failure> {
    let mut seen = std::collections::BTreeSet::new();
    let list = to_list(call, 0, Type::Any)?;
    Ok(Value::list(
        list.into_iter()
            .filter(|element| seen.insert(element.clone()))
            .collect(),
    ))
}

/// An index beyond the end starts again from the first element.
fn element(call: &Call<'_>) -> Result<Value, Failure> {
    if matches!(call.args[0], Value::Set(_)) {
        return Err(Failure::argument(0, "a list or tuple is required"));
    }
    let list = elements(&call.args[0]);
    let index = call.count(1)?;
    if list.is_empty() {
        return Err(Failure::argument(0, "the list is empty"));
    }
    Ok(list[index % list.len()].clone())
}

fn flatten(call: &Call<'_>) -> Value {
    let mut flat = Vec::new();
    let (mut known, mut sensitive) = (true, false);
    let mut waiting: Vec<Value> = elements(&call.args[0]);
    waiting.reverse();
    while let Some(next) = waiting.pop() {
        match next.unmarked() {
            inner @ (Value::List(_) | Value::Tuple(_) | Value::Set(_)) => {
                sensitive |= next.is_sensitive();
                waiting.extend(elements(inner).into_iter().rev());
            }
            Value::Unknown(r#type) if !r#type.is_primitive() => known = false,
            _ => flat.push(next),
        }
    }
    let result = if known {
        Value::tuple(flat)
    } else {
        Value::Unknown(Type::Any)
    };
    result.mark(sensitive)
}

fn index(call: &Call<'_>) -> Result<Value, Failure> {
    for (index, element) in elements(&call.args[0]).iter().enumerate() {
        match same(element, &call.args[1])? {
            (Some(true), sensitive) => return Ok(Value::from(Number::from(index)).mark(sensitive)),
            (Some(false), _) => {}
            (None, sensitive) => return Ok(Value::Unknown(Type::Number).mark(sensitive)),
        }
    }
    Err(Failure::argument(0, "no element has this value"))
}

fn keys(call: &Call<'_>) -> Value {
    let keys = attributes(&call.args[0])
        .keys()
        .cloned()
        .map(Value::String)
        .collect();
    if matches!(call.args[0], Value::Map(_)) {
        Value::list(keys)
    } else {
        Value::tuple(keys)
    }
}

fn values(call: &Call<'_>) -> Value {
    let values = attributes(&call.args[0]).values().cloned().collect();
    if matches!(call.args[0], Value::Map(_)) {
        Value::list(values)
    } else {
        Value::tuple(values)
    }
}

/// A text's length is that in characters as people count them.
fn length(call: &Call<'_>) -> Result<Value, Failure> {
    let length = match &call.args[0] {
        Value::String(text) => text.graphemes(true).count(),
        Value::List(elements) | Value::Tuple(elements) => elements.len(),
        Value::Set(elements) if elements.len() > 1 && !call.args[0].is_wholly_known() => {
            return Ok(Value::Unknown(Type::Number));
        }
        Value::Set(elements) => elements.len(),
        Value::Map(elements) | Value::Object(elements) => elements.len(),
        Value::Secret(_) => {
            return Err(Failure::Nested(
                secret_error("The function length", None).into(),
            ));
        }
        _ => {
            return Err(Failure::argument(
                0,
                "a text, list, set, tuple, map or object is required",
            ));
        }
    };
    Ok(Number::from(length).into())
}

fn lookup(call: &Call<'_>) -> Result<Value, Failure> {
    let key = call.text(1);
    let found = attributes(&call.args[0]).get(key).cloned();
    match (found, call.args.as_slice()) {
        (_, [_, _, _, _, ..]) => Err(Failure::call("at most one default can be given")),
        (Some(value), _) => Ok(value),
        (None, [map, _, default]) => match map.type_of() {
            Type::Map(element) => convert(default.clone(), &element).map_err(|e| wrong_type(2, &e)),
            _ => Ok(default.clone()),
        },
        (None, _) => Err(Failure::argument(
            1,
            format!("the map has no element {key:?}, and there is no default"),
        )),
    }
}

fn match_keys(call: &Call<'_>) -> Result<Value, Failure> {
    let (values, keys) = (elements(&call.args[0]), elements(&call.args[1]));
    if values.len() != keys.len() {
        return Err(Failure::argument(1, "there must be as many keys as values"));
    }
    let wanted = elements(&call.args[2]);
    let matched = values
        .into_iter()
        .zip(keys)
        .filter(|(_, key)| wanted.contains(key))
        .map(|(value, _)| value);
    Ok(Value::list(matched.collect()))
}

fn merge(call: &Call<'_>) -> Value {
    let maps: Vec<&Value> = call.args.iter().filter(|map| !map.is_null()).collect();
    let mut merged = BTreeMap::new();
    for map in &maps {
        merged.extend(
            attributes(map)
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    let types: Vec<Type> = maps
        .iter()
        .filter(|m| !attributes(m).is_empty())
        .map(|m| m.type_of())
        .collect();
    let one_type = types.windows(2).all(|pair| pair[0] == pair[1]);
    let is_map =
        !maps.is_empty() && maps.iter().all(|map| matches!(map, Value::Map(_))) && one_type;
    if is_map {
        Value::Map(Arc::new(merged))
    } else {
        Value::Object(Arc::new(merged))
    }
}

fn one(call: &Call<'_>) -> Result<Value, Failure> {
    match elements(&call.args[0]).as_slice() {
        [] => Ok(Value::Null),
        [only] => Ok(only.clone()),
        more => Err(Failure::argument(
            0,
            format!("it must have no or one element, and it has {}", more.len()),
        )),
    }
}

fn range(call: &Call<'_>) -> Result<Value, Failure> {
    let (zero, one) = (Number::ZERO, Number::ONE);
    let number = |index| call.number(index).clone();
    let (start, end, step) = match call.args.len() {
        1 => (zero.clone(), number(0), None),
        2 => (number(0), number(1), None),
        3 => (number(0), number(1), Some(number(2))),
        _ => {
            return Err(Failure::call(
                "one to three numbers are required: range(end), range(start, end), range(start, end, step)",
            ));
        }
    };
    let down = end < start;
    let step = step.unwrap_or_else(|| if down { one.neg() } else { one });
    if step == zero {
        return Err(Failure::argument(2, "the step cannot be zero"));
    }
    if step.is_negative() != down && start != end {
        return Err(Failure::argument(2, "the step leads away from the end"));
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if down { next > end } else { next < end } {
        if numbers.len() == RANGE {
            return Err(Failure::call(format!(
                "the list has more than {RANGE} elements"
            )));
        }
        let after = next.add(&step)?;
        numbers.push(next.into());
        next = after;
    }
    Ok(Value::list(numbers))
}

fn reverse(call: &Call<'_>) -> Value {
    let mut list = elements(&call.args[0]);
    list.reverse();
    alike(&call.args[0], list)
}

fn slice(call: &Call<'_>) -> Result<Value, Failure> {
    if matches!(call.args[0], Value::Set(_)) {
        return Err(Failure::argument(
            0,
            "a list or tuple is required; tolist() makes one of a set",
        ));
    }
    let list = elements(&call.args[0]);
    let (start, end) = (call.count(1)?, call.count(2)?);
    if end > list.len() {
        return Err(Failure::argument(
            2,
            format!("the list has {} elements only", list.len()),
        ));
    }
    if start > end {
        return Err(Failure::argument(1, "the start lies behind the end"));
    }
    Ok(alike(&call.args[0], list[start..end].to_vec()))
}

fn sort(call: &Call<'_>) -> Result<Value, Failure> {
    let mut texts = call.texts(0)?;
    texts.sort_unstable();
    Ok(Value::list(texts.into_iter().map(Value::from).collect()))
}

fn transpose(call: &Call<'_>) -> Result<Value, Failure> {
    let wanted = Type::map(Type::list(Type::String));
    let map = convert(call.args[0].clone(), &wanted).map_err(|e| wrong_type(0, &e))?;
    let mut turned: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (name, list) in map.as_attributes().into_iter().flatten() {
        for element in elements(list) {
            let Value::String(element) = element else {
                return Err(Failure::argument(0, "an element is null"));
            };
            turned
                .entry(element)
                .or_default()
                .push(Value::String(name.clone()));
        }
    }
    Ok(Value::map(
        turned
            .into_iter()
            .map(|(name, names)| (name, Value::list(names))),
    ))
}

fn zip_map(call: &Call<'_>) -> Result<Value, Failure> {
    let keys = call.texts(0)?;
    let values = elements(&call.args[1]);
    if keys.len() != values.len() {
        return Err(Failure::argument(
            1,
            format!(
                "there must be as many values as keys, {}, and here are {}",
                keys.len(),
                values.len()
            ),
        ));
    }
    let pairs = keys.into_iter().map(Arc::from).zip(values);
    Ok(match &call.args[1] {
        Value::Tuple(_) => Value::object::<Arc<str>>(pairs),
        _ => Value::map::<Arc<str>>(pairs),
    })
}
