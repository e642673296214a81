//! JSON Schema, drafts 4 to 2020-12: may a reader's schema refuse what a writer's allows? Pure.
//!
//! [`parse()`] reads a definition with all that it refers to, [`compare()`] asks whether every document
//! that the writer's schema allows is accepted by the reader's. The question is answered by inclusion
//! of the two schemas, keyword by keyword, with the content models of Confluent's documentation
//! ("JSON Schema Compatibility Rules"): to add a property to an open object restricts what could be
//! written under its name before, to remove one from a closed object refuses it.
//!
//! Where a registry's rules and plain inclusion differ, the registry's are followed, since it decides
//! in the end:
//!
//! - a property that becomes required is no mismatch where it has a `default`;
//! - a schema without `type` whose keywords all speak of one type is one of that type;
//! - `anyOf` and `oneOf` may gain alternatives even where these overlap, but each of the writer's
//!   needs one of the reader's for itself, `anyOf` never becomes `oneOf`, and alternatives never
//!   become one plain schema;
//! - a list (one schema for all items) and a tuple are different types;
//! - the literal `true` as a whole schema is an object's (Karapace; `{}` accepts anything).
//!
//! Not seen, and taken as accepted: names that match two `patternProperties` of the two schemas that
//! are written differently, and what `unevaluatedProperties` means beside alternatives.

mod compare;
mod instance;
mod keywords;
mod lint;
mod parse;
mod pattern;
mod reference;
mod schema;
#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;

pub use compare::compare;
pub use lint::lint;
pub use parse::parse;
pub use schema::Schema;

use crate::document::Document;

/// Returns the text that equal schemas share: keys sorted, no white space.
///
/// Confluent's own canonical string keeps the order of keys unless the subject is registered with
/// `normalize`, which sorts them as this does; neither looks into references, and both keep the order
/// of lists such as `required`.
pub fn canonical(schema: &Schema) -> String {
    Document::of(schema.text()).canonical().to_owned()
}
