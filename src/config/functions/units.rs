//! Ours, not Terraform's: `duration_ms("7d")` and `bytes("10GiB")`, for Kafka's settings. Pure.

use crate::config::number::Number;
use crate::config::value::Value;

use super::{Call, Failure, Function, Parameter, Want};

pub(super) const TABLE: &[Function] = &[
    Function::new(
        "bytes",
        &[Parameter::new("size", Want::String)],
        Want::Number,
        |call| {
            let wrong = "a size is required, such as \"10GiB\" or \"500MB\"";
            amount(call, &SIZES, wrong, false)
        },
    ),
    Function::new(
        "duration_ms",
        &[Parameter::new("duration", Want::String)],
        Want::Number,
        |call| {
            let wrong = "a duration is required, such as \"7d\" or \"1h30m\"";
            amount(call, &DURATIONS, wrong, true)
        },
    ),
];

/// Units in milliseconds.
const DURATIONS: [(&str, i64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Units in bytes: those of 1000 as in the SI, those of 1024 as in IEC 80000-13.
const SIZES: [(&str, i64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Adds up numbers with units. The result is a whole number that fits Kafka's `long`.
fn amount(
    call: &Call<'_>,
    units: &[(&str, i64)],
    wrong: &str,
    combine: bool,
) -> Result<Value, Failure> {
    let text = call.text(0).trim();
    let failure = |message: &str| Failure::argument(0, format!("{text:?}: {message}"));
    let mut rest = text;
    let mut total = Number::ZERO;
    let mut largest = i64::MAX;
    if rest.starts_with('-') {
        return Err(failure("it cannot be negative"));
    }
    loop {
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let (number, after) = rest.split_at(length);
        let after = after.trim_start();
        let unit_length: usize = after
            .chars()
            .take_while(|c| c.is_alphabetic())
            .map(char::len_utf8)
            .sum();
        let (unit, after) = after.split_at(unit_length);
        let number: Number = number.parse().map_err(|_| failure(wrong))?;
        let Some((_, size)) = units.iter().find(|(name, _)| *name == unit) else {
            let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
            let found = if unit.is_empty() {
                "the unit is missing".to_owned()
            } else {
                format!("{unit:?} is no unit")
            };
            return Err(failure(&format!(
                "{found}; the units are {}",
                names.join(", ")
            )));
        };
        if *size >= largest {
            return Err(failure(
                "each unit stands once, the larger before the smaller",
            ));
        }
        largest = *size;
        total = total.add(&number.mul(&Number::Int(*size))?)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
        if !combine {
            return Err(failure(wrong));
        }
    }
    match total {
        Number::Int(_) => Ok(total.into()),
        total if total.is_integer() => Err(failure("it is too large")),
        Number::Big(_) => Err(failure("it is not a whole number of the smallest unit")),
    }
}
