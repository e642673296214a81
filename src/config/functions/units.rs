//! Ours, not Terraform's: `duration_ms("7d")` and `bytes("10GiB")`, for Kafka's settings. Pure.

use crate::config::amount::{self, AmountError};
use crate::config::value::Value;

use super::{Call, Failure, Function, Parameter, Want};

pub(super) const TABLE: &[Function] = &[
    Function::new(
        "bytes",
        &[Parameter::new("size", Want::String)],
        Want::Number,
        |call| amount(call, amount::bytes),
    ),
    Function::new(
        "duration_ms",
        &[Parameter::new("duration", Want::String)],
        Want::Number,
        |call| amount(call, amount::milliseconds),
    ),
];

fn amount(call: &Call<'_>, read: fn(&str) -> Result<i64, AmountError>) -> Result<Value, Failure> {
    let text = call.text(0).trim();
    let wrong = |error| Failure::argument(0, format!("{text:?}: {error}"));
    read(text).map(Value::from).map_err(wrong)
}
