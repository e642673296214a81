//! Functions of numbers. Pure.

use std::cmp::Ordering;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::Num as _;

use crate::config::convert::convert;
use crate::config::number::{Number, NumberError};
use crate::config::value::{Type, Value};

use super::{Call, Failure, Function, Parameter, Want};

const NUMBER: Parameter = Parameter::new("num", Want::Number);
const NUMBERS: Parameter = Parameter::new("numbers", Want::Number);

pub(super) const TABLE: &[Function] = &[
    Function::new("abs", &[NUMBER], Want::Number, |call| {
        Ok(call.number(0).abs().into())
    }),
    Function::new("ceil", &[NUMBER], Want::Number, |call| {
        Ok(call.number(0).ceil().into())
    }),
    Function::new("floor", &[NUMBER], Want::Number, |call| {
        Ok(call.number(0).floor().into())
    }),
    Function::new(
        "log",
        &[NUMBER, Parameter::new("base", Want::Number)],
        Want::Number,
        log,
    ),
    Function::new("max", &[], Want::Number, |call| {
        extreme(call, Ordering::Greater)
    })
    .and_more(NUMBERS),
    Function::new("min", &[], Want::Number, |call| {
        extreme(call, Ordering::Less)
    })
    .and_more(NUMBERS),
    Function::new(
        "parseint",
        &[
            Parameter::new("number", Want::String),
            Parameter::new("base", Want::Number),
        ],
        Want::Number,
        parse_int,
    ),
    Function::new(
        "pow",
        &[NUMBER, Parameter::new("power", Want::Number)],
        Want::Number,
        power,
    ),
    Function::new("signum", &[NUMBER], Want::Number, |call| Ok(signum(call))),
    Function::new(
        "sum",
        &[Parameter::new("list", Want::Known)],
        Want::Number,
        sum,
    ),
];

impl From<NumberError> for Failure {
    fn from(error: NumberError) -> Self {
        Self::call(error.to_string())
    }
}

fn log(call: &Call<'_>) -> Result<Value, Failure> {
    let (number, base) = (call.number(0).to_f64(), call.number(1).to_f64());
    if number <= 0.0 {
        return Err(Failure::argument(0, "a number above zero is required"));
    }
    if base <= 0.0 {
        return Err(Failure::argument(1, "a number above zero is required"));
    }
    Ok(Number::from_f64(number.ln() / base.ln())?.into())
}

fn extreme(call: &Call<'_>, wanted: Ordering) -> Result<Value, Failure> {
    let numbers = (0..call.args.len()).map(|index| call.number(index));
    numbers
        .reduce(|best, number| {
            if number.cmp(best) == wanted {
                number
            } else {
                best
            }
        })
        .map(|number| number.clone().into())
        .ok_or_else(|| Failure::call("at least one number is required"))
}

fn parse_int(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.text(0);
    let base = call
        .number(1)
        .to_i64()
        .filter(|base| (2..=62).contains(base));
    let base = base
        .and_then(|base| u32::try_from(base).ok())
        .ok_or_else(|| Failure::argument(1, "a whole number from 2 to 62 is required"))?;
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let wrong = || Failure::argument(0, format!("{text:?} is no whole number in base {base}"));
    if digits.is_empty() || digits.len() > 4096 {
        return Err(wrong());
    }
    let number = if base <= 36 {
        if !digits.iter().all(u8::is_ascii_alphanumeric) {
            return Err(wrong());
        }
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        BigInt::from_str_radix(digits, base).map_err(|_| wrong())?
    } else {
        digits
            .iter()
            .try_fold(BigInt::from(0), |number, digit| {
                Some(number * base + digit_62(*digit, base)?)
            })
            .ok_or_else(wrong)?
    };
    let number = if negative { -number } else { number };
    Ok(Number::try_from(&number)?.into())
}

/// The digits beyond base 36: 0-9, a-z, A-Z.
fn digit_62(digit: u8, base: u32) -> Option<u32> {
    let value = match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'z' => digit - b'a' + 10,
        b'A'..=b'Z' => digit - b'A' + 36,
        _ => return None,
    };
    Some(u32::from(value)).filter(|value| *value < base)
}

/// Whole exponents are computed exactly, others with a float's precision.
fn power(call: &Call<'_>) -> Result<Value, Failure> {
    let (base, exponent) = (call.number(0), call.number(1));
    let Some(steps) = exponent.to_i64() else {
        let result = base.to_f64().powf(exponent.to_f64());
        return Ok(Number::from_f64(result)?.into());
    };
    let mut result = Number::ONE;
    let mut square = base.clone();
    let mut left = steps.unsigned_abs();
    if *base == Number::ONE || *base == Number::ZERO {
        left = left.min(1);
    }
    while left > 0 {
        if left & 1 == 1 {
            result = result.mul(&square)?;
        }
        left >>= 1;
        if left > 0 {
            square = square.mul(&square)?;
        }
    }
    if steps < 0 {
        result = Number::ONE.div(&result)?;
    }
    Ok(result.into())
}

fn signum(call: &Call<'_>) -> Value {
    match call.number(0).cmp(&Number::ZERO) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
    .into()
}

fn sum(call: &Call<'_>) -> Result<Value, Failure> {
    let wrong = |error: String| Failure::argument(0, error);
    let list = convert(call.args[0].clone(), &Type::list(Type::Number))
        .map_err(|e| wrong(e.to_string()))?;
    let elements = list.as_elements().unwrap_or_default();
    if elements.is_empty() {
        return Err(wrong("the list is empty".into()));
    }
    elements
        .iter()
        .try_fold(Number::ZERO, |total, element| match element {
            Value::Number(number) => Ok(total.add(number)?),
            _ => Err(wrong("an element is null".into())),
        })
        .map(Value::Number)
}
