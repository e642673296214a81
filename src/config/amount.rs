//! Amounts with units: `7d`, `1h30m`, `10GiB`. Pure.
//!
//! Durations are written the same way everywhere: in `duration_ms("7d")`, in settings such as `within`
//! and on the command line.

use std::time::Duration;

use super::number::{Number, NumberError};

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is not made of numbers with units.
    #[error("{0}")]
    Syntax(&'static str),
    /// It begins with a minus sign.
    #[error("it cannot be negative")]
    Negative,
    /// A number has no unit.
    #[error("the unit is missing; the units are {0}")]
    NoUnit(String),
    /// A number has a unit of something else.
    #[error("{unit:?} is no unit; the units are {units}")]
    Unit {
        /// What stands there.
        unit: String,
        /// What may.
        units: String,
    },
    /// A unit stands twice, or behind a smaller one.
    #[error("each unit stands once, the larger before the smaller")]
    Order,
    /// There is a remainder.
    #[error("it is not a whole number of the smallest unit")]
    Fraction,
    /// It does not fit Kafka's `long`.
    #[error("it is too large")]
    TooLarge,
    /// A number is beyond those that are supported.
    #[error(transparent)]
    Number(#[from] NumberError),
}

/// What an amount is made of.
struct Measure {
    /// Name and size of each unit.
    units: &'static [(&'static str, i64)],
    /// What is required, with an example.
    wanted: &'static str,
    /// Whether several numbers add up, as in `1h30m`.
    combines: bool,
}

/// In milliseconds.
const DURATION: Measure = Measure {
    units: &[
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
    ],
    wanted: "a duration is required, such as \"7d\" or \"1h30m\"",
    combines: true,
};

/// In bytes: units of 1000 as in the SI, those of 1024 as in IEC 80000-13.
const SIZE: Measure = Measure {
    units: &[
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
    ],
    wanted: "a size is required, such as \"10GiB\" or \"500MB\"",
    combines: false,
};

/// Reads a duration.
pub fn duration(text: &str) -> Result<Duration, AmountError> {
    let milliseconds = milliseconds(text)?;
    // No part of an amount is negative.
    Ok(Duration::from_millis(milliseconds.unsigned_abs()))
}

/// Reads a duration as milliseconds, which fit Kafka's `long`.
pub fn milliseconds(text: &str) -> Result<i64, AmountError> {
    DURATION.read(text)
}

/// Reads a size as bytes, which fit Kafka's `long`.
pub fn bytes(text: &str) -> Result<i64, AmountError> {
    SIZE.read(text)
}

impl Measure {
    /// Adds up the numbers of a text.
    fn read(&self, text: &str) -> Result<i64, AmountError> {
        let mut rest = text.trim();
        if rest.starts_with('-') {
            return Err(AmountError::Negative);
        }
        let mut total = Number::ZERO;
        let mut largest = i64::MAX;
        loop {
            let number = front(&mut rest, |c| c.is_ascii_digit() || c == '.');
            rest = rest.trim_start();
            let unit = front(&mut rest, char::is_alphabetic);
            let wrong = |_| AmountError::Syntax(self.wanted);
            let number: Number = number.parse().map_err(wrong)?;
            let size = self.unit(unit)?;
            if size >= largest {
                return Err(AmountError::Order);
            }
            largest = size;
            total = total.add(&number.mul(&Number::Int(size))?)?;
            if rest.is_empty() {
                break;
            }
            if !self.combines {
                return Err(AmountError::Syntax(self.wanted));
            }
        }
        match total.to_i64() {
            Some(total) => Ok(total),
            None if total.is_integer() => Err(AmountError::TooLarge),
            None => Err(AmountError::Fraction),
        }
    }

    fn unit(&self, given: &str) -> Result<i64, AmountError> {
        let found = self.units.iter().find(|(name, _)| *name == given);
        found.map(|(_, size)| *size).ok_or_else(|| {
            let names: Vec<&str> = self.units.iter().map(|(name, _)| *name).collect();
            let units = names.join(", ");
            match given {
                "" => AmountError::NoUnit(units),
                unit => AmountError::Unit {
                    unit: unit.to_owned(),
                    units,
                },
            }
        })
    }
}

/// Takes the characters of a kind off the beginning of a text.
fn front<'a>(text: &mut &'a str, of_kind: impl Fn(char) -> bool) -> &'a str {
    let end = text.find(|c| !of_kind(c)).unwrap_or(text.len());
    let (front, rest) = text.split_at(end);
    *text = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_with_units() {
        for (text, expected) in [
            ("10m", Ok(600_000)),
            ("1d12h", Ok(129_600_000)),
            (" 1 s 500 ms ", Err(AmountError::Syntax(DURATION.wanted))),
            ("1s500ms", Ok(1500)),
            ("1.5h", Ok(5_400_000)),
            ("2w", Ok(1_209_600_000)),
            ("0s", Ok(0)),
            ("", Err(AmountError::Syntax(DURATION.wanted))),
            ("m", Err(AmountError::Syntax(DURATION.wanted))),
            ("1m1h", Err(AmountError::Order)),
            ("1m1m", Err(AmountError::Order)),
            ("0.5ms", Err(AmountError::Fraction)),
            ("-1s", Err(AmountError::Negative)),
            ("999999999999999999d", Err(AmountError::TooLarge)),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
        assert_eq!(bytes("1.5 kB"), Ok(1500));
        assert_eq!(bytes("1GB1MB"), Err(AmountError::Syntax(SIZE.wanted)));
    }

    #[test]
    fn an_amount_without_a_unit_is_told_the_units() {
        let message = |text| milliseconds(text).map_err(|error| error.to_string());
        assert_eq!(
            message("10"),
            Err("the unit is missing; the units are ms, s, m, h, d, w".into())
        );
        assert_eq!(
            message("10y"),
            Err("\"y\" is no unit; the units are ms, s, m, h, d, w".into())
        );
    }
}
