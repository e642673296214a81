//! `tostring`, `tolist` and their like, `sensitive`, `secret`, `type`. Pure.

use crate::config::convert::convert;
use crate::config::value::{SecretRef, Type, Value};

use super::{Call, Failure, Function, Parameter, Want};

const V: &[Parameter] = &[Parameter::new("v", Want::Raw)];

pub(super) const TABLE: &[Function] = &[
    // There are no ephemeral values here that it could take out.
    Function::new("ephemeralasnull", V, Want::Value, |call| {
        Ok(call.args[0].clone())
    }),
    Function::new("issensitive", V, Want::Bool, |call| {
        // Whether an unknown value will be sensitive is not known yet.
        Ok(match &call.args[0] {
            Value::Unknown(_) => Value::Unknown(Type::Bool),
            value => Value::Bool(value.is_sensitive()),
        })
    }),
    Function::new("nonsensitive", V, Want::Value, |call| {
        Ok(call.args[0].clone().unmark().0)
    }),
    Function::new(
        "secret",
        &[Parameter::new("reference", Want::String)],
        Want::Value,
        secret,
    ),
    Function::new("sensitive", V, Want::Value, |call| {
        Ok(call.args[0].clone().mark(true))
    }),
    Function::new("tobool", V, Want::Bool, |call| to(call, &Type::Bool)),
    Function::new("tolist", V, Want::Value, |call| {
        to(call, &Type::list(Type::Any))
    }),
    Function::new("tomap", V, Want::Value, |call| {
        to(call, &Type::map(Type::Any))
    }),
    Function::new("tonumber", V, Want::Number, |call| to(call, &Type::Number)),
    Function::new("toset", V, Want::Value, |call| {
        to(call, &Type::set(Type::Any))
    }),
    Function::new("tostring", V, Want::String, |call| to(call, &Type::String)),
];

fn to(call: &Call<'_>, wanted: &Type) -> Result<Value, Failure> {
    convert(call.args[0].clone(), wanted).map_err(|error| Failure::argument(0, error.to_string()))
}

/// `secret("env:NAME")`, `secret("file:PATH")`: a reference that a driver resolves at its call.
fn secret(call: &Call<'_>) -> Result<Value, Failure> {
    call.text(0)
        .parse::<SecretRef>()
        .map(Value::Secret)
        .map_err(|error| Failure::argument(0, error.to_string()))
}
