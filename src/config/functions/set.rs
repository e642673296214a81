//! Functions of sets. Pure.

use std::collections::BTreeSet;

use crate::config::convert::{convert, unify};
use crate::config::eval::TOO_MANY_ELEMENTS;
use crate::config::value::{Type, Value};

use super::collection::elements;
use super::{Call, Failure, Function, Parameter, Want};

const SET: Parameter = Parameter::new("sets", Want::Known);

pub(super) const TABLE: &[Function] = &[
    Function::new("setintersection", &[SET], Want::Value, |call| {
        fold(call, |all, next| all.intersection(&next).cloned().collect())
    })
    .and_more(SET),
    Function::new("setproduct", &[], Want::Value, product)
        .and_more(Parameter::new("sets", Want::Sequence)),
    Function::new("setsubtract", &[SET, SET], Want::Value, |call| {
        fold(call, |all, next| all.difference(&next).cloned().collect())
    }),
    Function::new("setunion", &[SET], Want::Value, |call| {
        fold(call, |all, next| all.union(&next).cloned().collect())
    })
    .and_more(SET),
];

/// Combines the sets from left to right, all of the type that they share.
fn fold(
    call: &Call<'_>,
    combine: fn(BTreeSet<Value>, BTreeSet<Value>) -> BTreeSet<Value>,
) -> Result<Value, Failure> {
    let sets = call
        .args
        .iter()
        .enumerate()
        .map(|(index, value)| to_set(value, &Type::Any, index))
        .collect::<Result<Vec<_>, _>>()?;
    let types: Vec<Type> = sets
        .iter()
        .flat_map(|set| set.iter().filter(|e| !e.is_null()).map(Value::type_of))
        .collect();
    let element = unify(&types)
        .ok_or_else(|| Failure::call("all sets must have elements of the same type"))?;
    let mut sets = call
        .args
        .iter()
        .enumerate()
        .map(|(index, value)| to_set(value, &element, index));
    let first = sets.next().expect("the first parameter is not variadic")?;
    let result = sets.try_fold(first, |all, next| Ok::<_, Failure>(combine(all, next?)))?;
    Ok(Value::Set(result.into()))
}

fn to_set(value: &Value, element: &Type, index: usize) -> Result<BTreeSet<Value>, Failure> {
    match convert(value.clone(), &Type::set(element.clone())) {
        Ok(Value::Set(set)) => Ok(std::sync::Arc::unwrap_or_clone(set)),
        Ok(_) => Err(Failure::argument(index, "a set is required")),
        Err(error) => Err(Failure::argument(index, error.to_string())),
    }
}

/// All combinations; a set where one of the arguments is a set.
fn product(call: &Call<'_>) -> Result<Value, Failure> {
    if call.args.len() < 2 {
        return Err(Failure::call("at least two sets are required"));
    }
    let is_set = call.args.iter().any(|value| matches!(value, Value::Set(_)));
    let lists: Vec<Vec<Value>> = call.args.iter().map(elements).collect();
    let total = lists
        .iter()
        .try_fold(1_usize, |total, list| total.checked_mul(list.len()));
    if total.is_none_or(|total| total > TOO_MANY_ELEMENTS) {
        return Err(Failure::call("the product has too many elements"));
    }
    let mut combinations = vec![Vec::new()];
    for list in &lists {
        combinations = combinations
            .into_iter()
            .flat_map(|combination: Vec<Value>| {
                list.iter().map(move |element| {
                    let mut longer = combination.clone();
                    longer.push(element.clone());
                    longer
                })
            })
            .collect();
    }
    let combinations = combinations.into_iter().map(Value::tuple);
    Ok(if is_set {
        Value::set(combinations)
    } else {
        Value::list(combinations.collect())
    })
}
