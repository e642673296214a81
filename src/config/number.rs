//! Numbers of any size, with the common ones kept small. Pure.
//!
//! Terraform computes with binary floats of 512 bits; here numbers are decimals, so that `0.1 + 0.2`
//! is exactly `0.3`. Results are rounded to 150 significant digits, quotients to 154: the four digits
//! more make `1 / 3 * 3` exactly 1, as it is there.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Signed as _, ToPrimitive as _, Zero as _};

/// Significant digits of a result.
const DIGITS: u64 = 150;

/// Significant digits of a quotient.
const QUOTIENT_DIGITS: u64 = 154;

/// Numbers are below 10^MAGNITUDE and, where not zero, above 10^-MAGNITUDE: a text of ten
/// characters must not become a number of gigabytes.
const MAGNITUDE: i64 = 4096;

/// A number: a decimal of any size, kept as an integer of 64 bits where it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// Any other number; never one that [`Number::Int`] could hold.
    Big(Box<BigDecimal>),
}

/// Why an operation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The divisor is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The result is beyond the numbers that are supported.
    #[error(
        "the number is too large or too close to zero: at most {MAGNITUDE} digits are supported"
    )]
    OutOfRange,
    /// The text is not a number.
    #[error("not a number")]
    Syntax,
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self::Int(0);

    /// One.
    pub const ONE: Self = Self::Int(1);

    /// Returns the number of a decimal, in its one normal form.
    pub fn from_decimal(decimal: &BigDecimal) -> Result<Self, NumberError> {
        if decimal.is_zero() {
            return Ok(Self::ZERO);
        }
        let (digits, scale) = decimal.as_bigint_and_scale();
        // 10^(length - 1 - scale) is the number's order; the length in bits bounds it cheaply.
        let length = i64::try_from(digits.bits() / 3 + 1).unwrap_or(i64::MAX);
        if scale.unsigned_abs() > 3 * MAGNITUDE.unsigned_abs() || length > 8 * MAGNITUDE {
            return Err(NumberError::OutOfRange);
        }
        let order = decimal.order_of_magnitude();
        if order.abs() >= MAGNITUDE {
            return Err(NumberError::OutOfRange);
        }
        Ok(Self::normal(decimal))
    }

    /// Returns the normal form of a decimal whose size was checked.
    fn normal(decimal: &BigDecimal) -> Self {
        let decimal = decimal.normalized();
        if decimal.order_of_magnitude() < 19
            && decimal.is_integer()
            && let Some(small) = decimal.to_i64()
        {
            return Self::Int(small);
        }
        Self::Big(Box::new(decimal))
    }

    /// Returns the number of a finite float: the shortest decimal that reads back as that float.
    pub fn from_f64(float: f64) -> Result<Self, NumberError> {
        if !float.is_finite() {
            return Err(NumberError::OutOfRange);
        }
        format!("{float:e}").parse()
    }

    /// Returns the decimal.
    pub fn to_decimal(&self) -> BigDecimal {
        match self {
            Self::Int(small) => BigDecimal::from(*small),
            Self::Big(decimal) => decimal.as_ref().clone(),
        }
    }

    /// Returns the nearest float.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest float is what is asked for"
    )]
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Int(small) => *small as f64,
            Self::Big(decimal) => decimal.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// Returns the number as an integer of 64 bits where it is one.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Int(small) => Some(*small),
            Self::Big(_) => None,
        }
    }

    /// Returns the number as an unsigned integer of 64 bits where it is one.
    pub fn to_u64(&self) -> Option<u64> {
        match self {
            Self::Int(small) => u64::try_from(*small).ok(),
            Self::Big(decimal) if decimal.is_integer() => decimal.to_u64(),
            Self::Big(_) => None,
        }
    }

    /// Returns the number as an index where it is a whole number that is not negative.
    pub fn to_usize(&self) -> Option<usize> {
        self.to_u64()
            .and_then(|number| usize::try_from(number).ok())
    }

    /// Returns the integer where it is a whole number.
    pub fn to_bigint(&self) -> Option<BigInt> {
        match self {
            Self::Int(small) => Some(BigInt::from(*small)),
            Self::Big(decimal) if decimal.is_integer() => {
                Some(decimal.with_scale(0).into_bigint_and_scale().0)
            }
            Self::Big(_) => None,
        }
    }

    /// Whether it is a whole number.
    pub fn is_integer(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Big(decimal) => decimal.is_integer(),
        }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            Self::Int(small) => *small < 0,
            Self::Big(decimal) => decimal.is_negative(),
        }
    }

    /// Returns the sum.
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(sum) = a.checked_add(*b)
        {
            return Ok(Self::Int(sum));
        }
        rounded(&(self.to_decimal() + other.to_decimal()))
    }

    /// Returns the difference.
    pub fn sub(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(difference) = a.checked_sub(*b)
        {
            return Ok(Self::Int(difference));
        }
        rounded(&(self.to_decimal() - other.to_decimal()))
    }

    /// Returns the product.
    pub fn mul(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(product) = a.checked_mul(*b)
        {
            return Ok(Self::Int(product));
        }
        rounded(&(self.to_decimal() * other.to_decimal()))
    }

    /// Returns the quotient, to 154 significant digits.
    pub fn div(&self, other: &Self) -> Result<Self, NumberError> {
        match (self, other) {
            (_, Self::Int(0)) => return Err(NumberError::DivisionByZero),
            (Self::Int(a), Self::Int(b)) if a.checked_rem(*b) == Some(0) => {
                return Ok(Self::Int(a / b));
            }
            _ => {}
        }
        let (a, a_scale) = self.to_decimal().into_bigint_and_scale();
        let (b, b_scale) = other.to_decimal().into_bigint_and_scale();
        // Enough zeros behind the dividend that the integer quotient has all digits and one to round.
        let missing = (b.bits() / 3 + QUOTIENT_DIGITS + 2).saturating_sub(a.bits() / 4);
        let zeros = u32::try_from(missing).map_err(|_| NumberError::OutOfRange)?;
        let quotient = a * BigInt::from(10).pow(zeros) / b;
        let quotient = BigDecimal::from_bigint(quotient, a_scale - b_scale + i64::from(zeros));
        round_to(&quotient, QUOTIENT_DIGITS)
    }

    /// Returns the remainder of the division that truncates: it has the dividend's sign.
    pub fn rem(&self, other: &Self) -> Result<Self, NumberError> {
        match (self, other) {
            (_, Self::Int(0)) => return Err(NumberError::DivisionByZero),
            (Self::Int(a), Self::Int(b)) => return Ok(Self::Int(a.checked_rem(*b).unwrap_or(0))),
            _ => {}
        }
        Self::from_decimal(&(self.to_decimal() % other.to_decimal()))
    }

    /// Returns the number with the other sign.
    #[must_use]
    pub fn neg(&self) -> Self {
        match self {
            Self::Int(small) => small
                .checked_neg()
                .map_or_else(|| Self::Big(Box::new(-BigDecimal::from(*small))), Self::Int),
            Self::Big(decimal) => Self::normal(&-decimal.as_ref().clone()),
        }
    }

    /// Returns the number without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }

    /// Returns the largest integer that is not above the number.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.to_integer(RoundingMode::Floor)
    }

    /// Returns the smallest integer that is not below the number.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.to_integer(RoundingMode::Ceiling)
    }

    fn to_integer(&self, mode: RoundingMode) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Big(decimal) => Self::normal(&decimal.with_scale_round(0, mode)),
        }
    }
}

fn rounded(decimal: &BigDecimal) -> Result<Number, NumberError> {
    if decimal.digits() <= DIGITS {
        return Number::from_decimal(decimal);
    }
    round_to(decimal, DIGITS)
}

fn round_to(decimal: &BigDecimal, digits: u64) -> Result<Number, NumberError> {
    let digits = NonZeroU64::new(digits).expect("the limits are above zero");
    Number::from_decimal(&decimal.with_precision_round(digits, RoundingMode::HalfEven))
}

impl From<i64> for Number {
    fn from(small: i64) -> Self {
        Self::Int(small)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        i64::try_from(number).map_or_else(
            |_| Self::Big(Box::new(BigDecimal::from(number as u64))),
            Self::Int,
        )
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        i64::try_from(number)
            .map_or_else(|_| Self::Big(Box::new(BigDecimal::from(number))), Self::Int)
    }
}

impl TryFrom<&BigInt> for Number {
    type Error = NumberError;

    fn try_from(integer: &BigInt) -> Result<Self, NumberError> {
        rounded(&BigDecimal::from(integer.clone()))
    }
}

impl FromStr for Number {
    type Err = NumberError;

    /// Reads a decimal number: `12`, `-0.5`, `1.5e-3`.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if digits.len() < 19 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Int).map_err(|_| NumberError::Syntax);
        }
        // BigDecimal also reads "_" between digits and "1." and ".5"; the language does not.
        let (mantissa, exponent) = digits
            .split_once(['e', 'E'])
            .map_or((digits, None), |(mantissa, exponent)| {
                (mantissa, Some(exponent))
            });
        let (whole, fraction) = mantissa
            .split_once('.')
            .map_or((mantissa, None), |(whole, fraction)| {
                (whole, Some(fraction))
            });
        let decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let exponent_digits = exponent.map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
        if !decimal(whole) || !fraction.is_none_or(decimal) || !exponent_digits.is_none_or(decimal)
        {
            return Err(NumberError::Syntax);
        }
        if exponent_digits.is_some_and(|e| e.len() > 6) || mantissa.len() > 65_536 {
            return Err(NumberError::OutOfRange);
        }
        let decimal = BigDecimal::from_str(text).map_err(|_| NumberError::Syntax)?;
        Self::from_decimal(&decimal)
    }
}

impl fmt::Display for Number {
    /// Writes all digits, without an exponent, as Terraform does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(small) => small.fmt(f),
            Self::Big(decimal) => {
                f.pad_integral(!decimal.is_negative(), "", &decimal.abs().to_plain_string())
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            _ => self.to_decimal().cmp(&other.to_decimal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        text.parse().expect("a number")
    }

    #[test]
    fn texts_are_read_exactly() {
        for text in [
            "0",
            "-1",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "0.1",
            "123456789012345678901234567890.123456789",
        ] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("1e30").to_string(), format!("1{}", "0".repeat(30)));
        assert_eq!(number("1.50").to_string(), "1.5");
        assert_eq!(number("1e3"), Number::Int(1000));
        assert_eq!(number("-0"), Number::ZERO);
        for text in [
            "", "-", "1.", ".5", "1_000", "0x10", "1e", " 1", "NaN", "inf",
        ] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::Syntax), "{text}");
        }
    }

    #[test]
    fn huge_numbers_are_refused() {
        for text in ["1e5000", "1e-5000", "1e999999999999"] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::OutOfRange));
        }
        let large = number("1e4000");
        assert_eq!(large.mul(&large), Err(NumberError::OutOfRange));
        assert_eq!(
            number("1e-4000").mul(&number("1e-4000")),
            Err(NumberError::OutOfRange)
        );
        assert!(large.add(&number("1e-4000")).is_ok());
    }

    #[test]
    fn arithmetic_is_exact_and_checked() {
        assert_eq!(number("0.1").add(&number("0.2")), Ok(number("0.3")));
        assert_eq!(
            number("18446744073709551615").add(&Number::ONE),
            Ok(number("18446744073709551616"))
        );
        let third = Number::ONE.div(&Number::Int(3)).expect("a third");
        assert_eq!(third.mul(&Number::Int(3)), Ok(Number::ONE));
        assert_eq!(
            Number::Int(i64::MIN).div(&Number::Int(-1)),
            Ok(number("9223372036854775808"))
        );
        assert_eq!(Number::Int(-7).rem(&Number::Int(3)), Ok(Number::Int(-1)));
        assert_eq!(number("5.5").rem(&Number::Int(2)), Ok(number("1.5")));
        assert_eq!(
            Number::ONE.div(&Number::ZERO),
            Err(NumberError::DivisionByZero)
        );
        assert_eq!(
            Number::ONE.rem(&Number::ZERO),
            Err(NumberError::DivisionByZero)
        );
        assert_eq!(number("-1.5").floor(), Number::Int(-2));
        assert_eq!(number("-1.5").ceil(), Number::Int(-1));
        let largest = number(&format!("{}.5", "9".repeat(4096)));
        assert!(largest.ceil() > largest && largest.neg().floor() < largest.neg());
    }

    proptest! {
        #[test]
        fn integers_agree_with_i128(a in any::<i64>(), b in any::<i64>()) {
            let (x, y) = (Number::Int(a), Number::Int(b));
            let wide = |n: i128| number(&n.to_string());
            prop_assert_eq!(x.add(&y), Ok(wide(i128::from(a) + i128::from(b))));
            prop_assert_eq!(x.sub(&y), Ok(wide(i128::from(a) - i128::from(b))));
            prop_assert_eq!(x.mul(&y), Ok(wide(i128::from(a) * i128::from(b))));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }

        #[test]
        fn texts_round_trip(whole in any::<i128>(), fraction in "[0-9]{0,20}[1-9]") {
            let text = format!("{whole}.{fraction}");
            prop_assert_eq!(number(&text).to_string(), text);
        }

        #[test]
        fn order_is_that_of_floats(a in -1e6..1e6, b in -1e6..1e6) {
            let float = |float| Number::from_f64(float).expect("a small float");
            let (x, y) = (float(a), float(b));
            prop_assert_eq!(x.partial_cmp(&y), f64::partial_cmp(&a, &b));
            prop_assert_eq!(x.to_f64().to_bits(), a.to_bits());
        }

        #[test]
        fn no_text_panics(text in "[-+.eE0-9_]{0,30}") {
            if let Ok(number) = text.parse::<Number>() {
                prop_assert_eq!(number.to_string().parse::<Number>(), Ok(number));
            }
        }
    }
}
