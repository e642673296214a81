//! The files that may be imported without a reference, since every registry knows them. Pure.
//!
//! Google's come with the descriptors of the library. Confluent's are written here from what is
//! public of them: the names, the numbers and the types.

use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::FileDescriptorProto;

/// `google/protobuf/*.proto`, as protoc brings them along.
const GOOGLE: [&str; 11] = [
    "google/protobuf/any.proto",
    "google/protobuf/api.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/type.proto",
    "google/protobuf/wrappers.proto",
];

/// What has to be parsed.
const TEXTS: [(&str, &str); 3] = [
    ("confluent/meta.proto", META),
    ("confluent/type/decimal.proto", DECIMAL),
    ("confluent/type/variant.proto", VARIANT),
];

/// Descriptions, tags and rules of files, messages, fields, enums and their values.
const META: &str = r#"
syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta {
  string doc = 1;
  map<string, string> params = 2;
  repeated string tags = 3;
  repeated Rule rules = 4;
}
message Rule {
  string name = 1;
  string doc = 2;
  string expr = 3;
  string sql = 4;
}
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
"#;

/// A decimal number: the unscaled value as big-endian two's complement, its precision and scale.
const DECIMAL: &str = r#"
syntax = "proto3";
package confluent.type;
message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
"#;

/// A semi-structured value.
const VARIANT: &str = r#"
syntax = "proto3";
package confluent.type;
message Variant {
  bytes metadata = 1;
  bytes value = 2;
}
"#;

/// The names by which the files are imported.
pub(super) fn names<'a>() -> impl Iterator<Item = &'a str> {
    GOOGLE.into_iter().chain(TEXTS.map(|(name, _)| name))
}

/// The file that is imported by this name.
pub(super) fn file(name: &str) -> Option<FileDescriptorProto> {
    if GOOGLE.contains(&name) {
        let file = DescriptorPool::global().get_file_by_name(name)?;
        return Some(file.file_descriptor_proto().clone());
    }
    let (_, text) = TEXTS.iter().find(|(known, _)| *known == name)?;
    protox_parse::parse(name, text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_file() {
        for name in names() {
            assert!(file(name).is_some(), "{name}");
        }
    }
}
