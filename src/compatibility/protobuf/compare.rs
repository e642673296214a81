//! Compares what a reader expects with what a writer wrote, field number by field number. Pure.
//!
//! The rules and their exceptions are the registry's, as Confluent documents and publishes them.
//! Names of fields, enums and their values, and the order of messages, do not matter; fields may come
//! and go unless they are required or members of a oneof. Where a registry is laxer by oversight
//! this is not: a label counts whether it is written or understood, a field that turns required is
//! refused whatever its type, and groups and extensions are compared like other fields.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, MessageDescriptor, OneofDescriptor};

use super::Schema;
use super::field::{Cardinality, Field, Scalar, Shape, local_name, message_path};
use super::rule::Rule;
use crate::compatibility::{Direction, Mismatch};

/// Finds everything that a reader of one schema expects and data of the other does not give.
///
/// Messages of the schemas' own files are compared by their names, those of imported files where
/// a field refers to them.
pub fn compare(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Mismatch> {
    let mut comparison = Comparison {
        reader,
        writer,
        direction,
        found: Vec::new(),
        compared: BTreeSet::new(),
        waiting: Vec::new(),
    };
    comparison.packages();
    let messages = |schema: &Schema| schema.file.messages().collect::<Vec<_>>();
    comparison.messages(&messages(reader), &messages(writer));
    comparison.extensions();
    while let Some((reader, writer)) = comparison.waiting.pop() {
        comparison.message(&reader, &writer);
    }
    comparison.found
}

struct Comparison<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    direction: Direction,
    found: Vec<Mismatch>,
    /// The pairs of messages that were compared, by their full names.
    compared: BTreeSet<(String, String)>,
    /// Imported messages that are still to be compared. A list, not recursion: imports may lead anywhere.
    waiting: Vec<(MessageDescriptor, MessageDescriptor)>,
}

impl Comparison<'_> {
    fn report(&mut self, rule: Rule, reader: &str, writer: &str, message: String) {
        let mismatch = rule.mismatch(
            self.direction,
            reader.to_owned(),
            writer.to_owned(),
            message,
        );
        self.found.push(mismatch);
    }

    fn packages(&mut self) {
        let named = |schema: &Schema| match schema.file.package_name() {
            "" => "no package".to_owned(),
            package => format!("package {package}"),
        };
        let (reader, writer) = (named(self.reader), named(self.writer));
        if reader != writer {
            let message = format!("the reader's schema has {reader}, the writer's {writer}");
            self.report(Rule::PackageChanged, &reader, &writer, message);
        }
    }

    /// Compares messages of the same name, and what is nested in them.
    fn messages(&mut self, reader: &[MessageDescriptor], writer: &[MessageDescriptor]) {
        let readers: BTreeMap<&str, _> = reader.iter().map(|m| (m.name(), m)).collect();
        for writer in writer.iter().filter(|message| !message.is_map_entry()) {
            if let Some(reader) = readers.get(writer.name()) {
                self.message(reader, writer);
            } else {
                let path = message_path(self.writer, writer);
                let message = format!("the reader's schema has no message {path}");
                self.report(Rule::MessageRemoved, &path, &path, message);
            }
        }
    }

    /// Recurses as deep as messages nest, which the parser bounds.
    fn message(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        let pair = (reader.full_name().to_owned(), writer.full_name().to_owned());
        if !self.compared.insert(pair) {
            return;
        }
        self.oneofs(reader, writer);
        let by_number = |message: &MessageDescriptor| -> BTreeMap<u32, FieldDescriptor> {
            message
                .fields()
                .map(|field| (field.number(), field))
                .collect()
        };
        let (readers, writers) = (by_number(reader), by_number(writer));
        for (number, theirs) in &writers {
            match readers.get(number) {
                Some(ours) => {
                    let ours = Field::new(self.reader, ours);
                    let theirs = Field::new(self.writer, theirs);
                    self.field(&ours, &theirs);
                }
                None => self.only_written(reader, theirs),
            }
        }
        for (_, ours) in readers
            .iter()
            .filter(|(number, _)| !writers.contains_key(number))
        {
            self.only_read(writer, ours);
        }
        let nested = |message: &MessageDescriptor| message.child_messages().collect::<Vec<_>>();
        self.messages(&nested(reader), &nested(writer));
    }

    /// A field that the reader's message does not have.
    fn only_written(&mut self, reader: &MessageDescriptor, field: &FieldDescriptor) {
        let path = Field::new(self.writer, field).path;
        let place = message_path(self.reader, reader);
        if let Some(oneof) = oneof(field) {
            if is_gone(reader, &oneof) {
                return;
            }
            let message = format!(
                "the reader's schema has no field {}, a member of the writer's oneof {}",
                field.number(),
                oneof.name()
            );
            self.report(Rule::OneofFieldRemoved, &place, &path, message);
        } else if field.is_required() {
            let message = format!(
                "the writer's required field {} is missing from the reader's schema",
                field.number()
            );
            self.report(Rule::RequiredFieldRemoved, &place, &path, message);
        }
    }

    /// A field that the writer's message does not have.
    fn only_read(&mut self, writer: &MessageDescriptor, field: &FieldDescriptor) {
        if field.is_required() {
            let path = Field::new(self.reader, field).path;
            let place = message_path(self.writer, writer);
            let message = format!(
                "the reader requires field {}, which the writer's schema does not have",
                field.number()
            );
            self.report(Rule::RequiredFieldAdded, &path, &place, message);
        }
    }

    /// Finds fields that exclude each other to the reader and did not to the writer.
    fn oneofs(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        for grouped in oneofs(reader) {
            let mut from_oneofs = BTreeSet::new();
            let mut from_outside = Vec::new();
            for member in grouped.fields() {
                let Some(theirs) = writer.get_field(member.number()) else {
                    continue;
                };
                match oneof(&theirs) {
                    Some(oneof) => {
                        from_oneofs.insert(oneof.name().to_owned());
                    }
                    None => from_outside.push(format!("{} ({})", theirs.number(), theirs.name())),
                }
            }
            if from_oneofs.len() + from_outside.len() <= 1 {
                continue;
            }
            let place = format!(
                "{} oneof {}",
                message_path(self.reader, reader),
                grouped.name()
            );
            let path = message_path(self.writer, writer);
            if from_outside.len() > 1 {
                let message = format!(
                    "the reader takes one of the fields {}, which the writer may all set",
                    from_outside.join(" and ")
                );
                self.report(Rule::MultipleFieldsMovedToOneof, &place, &path, message);
            } else {
                let from = from_oneofs.into_iter().map(|name| format!("oneof {name}"));
                let from_outside = from_outside.iter().map(|field| format!("field {field}"));
                let message = format!(
                    "the reader takes one of what the writer may set together: {}",
                    from.chain(from_outside).collect::<Vec<_>>().join(" and ")
                );
                self.report(Rule::FieldMovedToExistingOneof, &place, &path, message);
            }
        }
    }

    /// Compares extensions that the two files themselves declare, by what and where they extend.
    fn extensions(&mut self) {
        let ours = declared_extensions(self.reader);
        for (key, theirs) in declared_extensions(self.writer) {
            if let Some(ours) = ours.get(&key) {
                let ours = Field::extension(self.reader, ours);
                self.field(&ours, &Field::extension(self.writer, &theirs));
            }
        }
    }

    /// Compares two fields of one number.
    fn field(&mut self, reader: &Field, writer: &Field) {
        let turned_required = reader.cardinality == Cardinality::Required
            && writer.cardinality != Cardinality::Required;
        if turned_required {
            let message = format!(
                "the reader requires the field, which is {} to the writer",
                writer.cardinality.name()
            );
            self.report(
                Rule::RequiredFieldAdded,
                &reader.path,
                &writer.path,
                message,
            );
        }
        match (&reader.shape, &writer.shape) {
            (Shape::Scalar(ours), Shape::Scalar(theirs)) if ours == theirs => {
                if *ours != Scalar::Text && !turned_required {
                    self.labels(reader, writer);
                }
            }
            (Shape::Scalar(_), Shape::Scalar(theirs)) => {
                let message = format!(
                    "the reader takes {} for what the writer wrote as {}, which goes with {}",
                    reader.type_name(self.reader),
                    writer.type_name(self.writer),
                    theirs.members()
                );
                self.report(
                    Rule::FieldScalarKindChanged,
                    &reader.path,
                    &writer.path,
                    message,
                );
            }
            (Shape::Message(ours), Shape::Message(theirs))
            | (Shape::Group(ours), Shape::Group(theirs)) => {
                self.types(reader, writer, ours, theirs);
            }
            (Shape::Map(ours), Shape::Map(theirs)) => {
                for (ours, theirs) in [(&ours.0, &theirs.0), (&ours.1, &theirs.1)] {
                    let ours = Field::of_map(self.reader, reader, ours);
                    let theirs = Field::of_map(self.writer, writer, theirs);
                    self.field(&ours, &theirs);
                }
            }
            (ours, theirs) => {
                let message = format!(
                    "the reader takes {} ({}) for what the writer wrote as {} ({})",
                    ours.noun(),
                    reader.type_name(self.reader),
                    theirs.noun(),
                    writer.type_name(self.writer)
                );
                self.report(Rule::FieldKindChanged, &reader.path, &writer.path, message);
            }
        }
    }

    /// Numbers that repeat are packed into one value, which a singular field cannot read.
    fn labels(&mut self, reader: &Field, writer: &Field) {
        if reader.cardinality != writer.cardinality {
            let message = format!(
                "the field is {} to the reader and {} to the writer, which numbers cannot be ({})",
                reader.cardinality.name(),
                writer.cardinality.name(),
                writer.type_name(self.writer)
            );
            self.report(
                Rule::FieldNumericLabelChanged,
                &reader.path,
                &writer.path,
                message,
            );
        }
    }

    /// Compares the messages that two fields hold: by name, and by content where one is imported.
    fn types(
        &mut self,
        reader: &Field,
        writer: &Field,
        ours: &MessageDescriptor,
        theirs: &MessageDescriptor,
    ) {
        let our_name = local_name(ours.package_name(), ours.full_name());
        let their_name = local_name(theirs.package_name(), theirs.full_name());
        if our_name != their_name {
            let message = format!(
                "the reader takes message {our_name} for what the writer wrote as {their_name}"
            );
            self.report(
                Rule::FieldNamedTypeChanged,
                &reader.path,
                &writer.path,
                message,
            );
            return;
        }
        let both_own =
            ours.parent_file() == self.reader.file && theirs.parent_file() == self.writer.file;
        if !both_own {
            self.waiting.push((ours.clone(), theirs.clone()));
        }
    }
}

/// The oneof that a field is a member of, unless it is what `optional` stands for.
fn oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

fn oneofs(message: &MessageDescriptor) -> impl Iterator<Item = OneofDescriptor> {
    message.oneofs().filter(|oneof| !oneof.is_synthetic())
}

/// Whether a oneof went as a whole, which takes nothing from its readers.
fn is_gone(reader: &MessageDescriptor, oneof: &OneofDescriptor) -> bool {
    let kept = oneofs(reader).any(|kept| kept.name() == oneof.name());
    !kept
        && oneof
            .fields()
            .all(|field| reader.get_field(field.number()).is_none())
}

/// The extensions of data, options left out, by the extended message and the number.
pub(super) fn declared_extensions(schema: &Schema) -> BTreeMap<(String, u32), ExtensionDescriptor> {
    let pool = schema.file.parent_pool();
    pool.all_extensions()
        .filter(|extension| extension.parent_file() == schema.file)
        .filter(|extension| extension.containing_message().package_name() != "google.protobuf")
        .map(|extension| {
            let extended = extension.containing_message();
            let name = local_name(extended.package_name(), extended.full_name()).to_owned();
            ((name, extension.number()), extension)
        })
        .collect()
}
