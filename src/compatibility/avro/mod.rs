//! Apache Avro: schemas read with the place of every type, and one held against another. Pure.
//!
//! The rules are those of the specification ("Schema Resolution", version 1.12) as Java's
//! `SchemaCompatibility` applies them, since that is what Confluent's registry runs: named types match
//! by the name without its namespace or by an alias of the reader's, logical types do not count.
//! [`compare()`] is the function to read first.

mod canonical;
mod compare;
mod defaults;
mod explain;
mod lint;
mod parse;
mod resolve;
mod schema;

pub use canonical::canonical;
pub use compare::compare;
pub use lint::lint;
pub use parse::{parse, parse_registered};
pub use schema::Schema;

#[cfg(test)]
mod tests;
