//! Protocol Buffers: parses a schema with its imports and compares two by the registry's rules. Pure.
//!
//! A schema is one file, the subject's, and the files it imports. What the file's own text says is
//! checked by protoc's rules; how two files are compared is [`compare()`]'s, what the registry lets
//! through although it hurts is [`cautions()`]'s.
//!
//! Start with [`parse()`] and [`compare()`].

mod canonical;
mod cautions;
mod compare;
mod editions;
mod field;
mod lint;
mod locate;
mod parse;
mod rule;
mod scan;
mod well_known;

#[cfg(test)]
mod tests;

use prost_reflect::FileDescriptor;
use prost_reflect::prost_types::FileDescriptorProto;

use editions::Features;

pub use canonical::canonical;
pub use cautions::cautions;
pub use compare::compare;
pub use lint::lint;
pub use locate::locate;
pub use parse::parse;

/// A Protobuf file, its names resolved.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The subject's own file; the files it imports are in its pool.
    file: FileDescriptor,
    /// The same file as it is written, options uninterpreted, but with the full names of its types.
    written: FileDescriptorProto,
    /// The edition it is written in; absent for proto2 and proto3.
    edition: Option<String>,
    /// What the features of editions say and descriptors do not.
    features: Features,
    /// References that nothing imports.
    unused_references: Vec<String>,
}
