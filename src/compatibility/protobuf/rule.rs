//! The rules that two schemas can break, and what to do instead of breaking them. Pure.
//!
//! The rules are those that Confluent documents under "Schema Evolution and Compatibility" and that
//! its registry reports by name (`FIELD_KIND_CHANGED` and so on); the names here follow them.

use crate::compatibility::{Direction, Mismatch};

/// What a reader expects and the writer's data does not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    PackageChanged,
    MessageRemoved,
    FieldKindChanged,
    FieldScalarKindChanged,
    FieldNamedTypeChanged,
    FieldNumericLabelChanged,
    RequiredFieldAdded,
    RequiredFieldRemoved,
    OneofFieldRemoved,
    MultipleFieldsMovedToOneof,
    FieldMovedToExistingOneof,
}

impl Rule {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PackageChanged => "protobuf-package-changed",
            Self::MessageRemoved => "protobuf-message-removed",
            Self::FieldKindChanged => "protobuf-field-kind-changed",
            Self::FieldScalarKindChanged => "protobuf-field-scalar-kind-changed",
            Self::FieldNamedTypeChanged => "protobuf-field-named-type-changed",
            Self::FieldNumericLabelChanged => "protobuf-field-numeric-label-changed",
            Self::RequiredFieldAdded => "protobuf-required-field-added",
            Self::RequiredFieldRemoved => "protobuf-required-field-removed",
            Self::OneofFieldRemoved => "protobuf-oneof-field-removed",
            Self::MultipleFieldsMovedToOneof => "protobuf-multiple-fields-moved-to-oneof",
            Self::FieldMovedToExistingOneof => "protobuf-field-moved-to-existing-oneof",
        }
    }

    /// What to do instead, seen from whoever proposes the new schema.
    const fn advice(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (Self::PackageChanged, _) => {
                "keep the package, or register the schema under a subject of its own"
            }
            (Self::MessageRemoved, Direction::Backward) => {
                "keep the message and mark it deprecated"
            }
            (Self::MessageRemoved, Direction::Forward) => {
                "leave the new message out, or declare it in a file of its own and import it, or take \
                 the level BACKWARD_TRANSITIVE: for Protobuf no new message is forward compatible"
            }
            (
                Self::FieldKindChanged
                | Self::FieldScalarKindChanged
                | Self::FieldNamedTypeChanged
                | Self::FieldNumericLabelChanged,
                Direction::Backward,
            ) => {
                "keep the field as it was and mark it deprecated, and add a field with a new number; \
                 readers take whichever is set"
            }
            (
                Self::FieldKindChanged
                | Self::FieldScalarKindChanged
                | Self::FieldNamedTypeChanged
                | Self::FieldNumericLabelChanged,
                Direction::Forward,
            ) => {
                "keep the field as it was and mark it deprecated, and add a field with a new number; \
                 writers fill both until no reader needs the old one"
            }
            (Self::RequiredFieldAdded, Direction::Backward) => {
                "declare the field optional: what is written already does not have it"
            }
            (Self::RequiredFieldAdded, Direction::Forward) => {
                "keep the field required: readers that run the old schema refuse a message without it"
            }
            (Self::RequiredFieldRemoved, Direction::Backward) => {
                "keep the field: the registry holds every required field to be one for ever"
            }
            (Self::RequiredFieldRemoved, Direction::Forward) => "declare the new field optional",
            (Self::OneofFieldRemoved, Direction::Backward) => {
                "keep the member and mark it deprecated: to a reader without it the oneof seems unset"
            }
            (Self::OneofFieldRemoved, Direction::Forward) => {
                "add the field outside of the oneof: to readers that run the old schema the oneof would \
                 seem unset"
            }
            (Self::MultipleFieldsMovedToOneof, Direction::Backward) => {
                "leave the fields where they are: where several are set, the reader keeps the last \
                 alone; or add a oneof of new fields with new numbers"
            }
            (Self::MultipleFieldsMovedToOneof, Direction::Forward) => {
                "leave the fields in their oneof: of several that are set, readers that run the old \
                 schema keep the last alone"
            }
            (Self::FieldMovedToExistingOneof, Direction::Backward) => {
                "leave the field where it is, and add a member with a new number to the oneof: where the \
                 field and a member are set, the reader keeps the last alone"
            }
            (Self::FieldMovedToExistingOneof, Direction::Forward) => {
                "leave the field in its oneof: where it and a member are set, readers that run the old \
                 schema keep the last alone"
            }
        }
    }

    /// A mismatch between two places.
    pub(super) fn mismatch(
        self,
        direction: Direction,
        reader: String,
        writer: String,
        message: String,
    ) -> Mismatch {
        Mismatch {
            rule: self.name().to_owned(),
            reader,
            writer,
            message,
            advice: self.advice(direction).to_owned(),
        }
    }
}
