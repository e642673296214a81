//! Numbers of any size, with the common ones kept small.

use bigdecimal::BigDecimal;

/// A number: a decimal of any size, kept as an integer of 64 bits where it is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// Any other number; never one that [`Number::Int`] could hold.
    Big(Box<BigDecimal>),
}
