//! Changes that the registry lets through although they hurt later, or in JSON. Pure.
//!
//! The registry's rules hold for Protobuf's binary encoding and for the next reader. Whether a number
//! may be used again one day, and whether data survives the JSON mapping, is not among them; the
//! Protocol Buffers language guide and its "Best Practices" say what to keep to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use prost_reflect::{
    EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage,
    ServiceDescriptor, Value,
};

use super::Schema;
use super::compare::declared_extensions;
use super::field::{Cardinality, Field, Scalar, Shape, enum_path, local_name, message_path};
use crate::compatibility::Lint;

/// Finds what a new schema changes in an earlier one that [`compare`](super::compare()) has nothing
/// against.
///
/// Only what both files themselves declare is looked at; imported files are subjects of their own.
pub fn cautions(new: &Schema, old: &Schema) -> Vec<Lint> {
    let mut search = Search {
        new,
        old,
        found: Vec::new(),
    };
    search.messages(new.file.messages(), old.file.messages());
    search.enums(new.file.enums(), old.file.enums());
    search.extensions();
    search.services();
    search.found
}

struct Search<'a> {
    new: &'a Schema,
    old: &'a Schema,
    found: Vec<Lint>,
}

impl Search<'_> {
    fn add(&mut self, rule: &str, path: &str, message: String, advice: &str) {
        self.found.push(Lint {
            rule: rule.to_owned(),
            path: path.to_owned(),
            message,
            advice: advice.to_owned(),
        });
    }

    /// Recurses as deep as messages nest, which the parser bounds.
    fn messages(
        &mut self,
        new: impl Iterator<Item = MessageDescriptor>,
        old: impl Iterator<Item = MessageDescriptor>,
    ) {
        for (new, old) in pairs(new, old, |message| message.name().to_owned()) {
            if new.is_map_entry() || old.is_map_entry() {
                continue;
            }
            self.fields(&new, &old);
            self.message_reservations(&new, &old);
            let path = message_path(self.new, &new);
            let loosened = has_loose_json(self.new, new.full_name())
                && !has_loose_json(self.old, old.full_name());
            self.json_format(&path, loosened);
            self.messages(new.child_messages(), old.child_messages());
            self.enums(new.child_enums(), old.child_enums());
        }
    }

    fn json_format(&mut self, path: &str, loosened: bool) {
        if loosened {
            self.add(
                "protobuf-json-format-loosened",
                path,
                "its JSON was checked and is now best effort".to_owned(),
                "keep proto3, or features.json_format = ALLOW",
            );
        }
    }

    fn fields(&mut self, new: &MessageDescriptor, old: &MessageDescriptor) {
        for before in old.fields() {
            match new.get_field(before.number()) {
                Some(now) => self.field(&now, &before),
                None => self.removed(new, &before),
            }
        }
    }

    fn removed(&mut self, new: &MessageDescriptor, before: &FieldDescriptor) {
        let path = Field::new(self.old, before).path;
        let number = before.number();
        if !new.reserved_ranges().any(|range| range.contains(&number)) {
            self.add(
                "protobuf-field-number-not-reserved",
                &path,
                format!("the field is removed and its number {number} is free to be used again"),
                &format!("add reserved {number}; to the message"),
            );
        }
        if let Some(moved) = new.get_field_by_name(before.name()) {
            let moved = moved.number();
            self.add(
                "protobuf-field-renumbered",
                &path,
                format!(
                    "the field was number {number} and is now {moved}: no reader of the one version finds \
                     what the other wrote"
                ),
                &format!("keep the number {number}, or give the field of the number {moved} a name of its own"),
            );
        } else if !new.reserved_names().any(|name| name == before.name()) {
            self.add(
                "protobuf-field-name-not-reserved",
                &path,
                format!(
                    "the field is removed and its name {} is free to be used again",
                    before.name()
                ),
                &format!(
                    "add reserved {}; to the message",
                    self.reserved(before.name())
                ),
            );
        }
    }

    /// Returns a name as the new schema has it after `reserved`: a text before editions.
    fn reserved(&self, name: &str) -> String {
        match self.new.edition {
            None => format!("{name:?}"),
            Some(_) => name.to_owned(),
        }
    }

    fn field(&mut self, now: &FieldDescriptor, before: &FieldDescriptor) {
        let new = Field::new(self.new, now);
        let old = Field::new(self.old, before);
        self.names(&new.path, now, before);
        self.oneof(&new.path, now, before);
        self.presence(&new.path, now, before);
        self.cardinality(&new, &old);
        self.kind(&new, &old);
        let of = |field: &FieldDescriptor| {
            let written = field.field_descriptor_proto().default_value.clone();
            Unset::of(
                &field.kind(),
                field.is_list(),
                written,
                field.default_value(),
            )
        };
        self.default(&new.path, &of(now), &of(before));
    }

    /// What both files declare for the same number of the same message.
    fn extensions(&mut self) {
        let mut declared = declared_extensions(self.old);
        for (key, now) in declared_extensions(self.new) {
            let Some(before) = declared.remove(&key) else {
                continue;
            };
            let new = Field::extension(self.new, &now);
            let old = Field::extension(self.old, &before);
            let name = |extension: &ExtensionDescriptor| {
                local_name(extension.package_name(), extension.full_name()).to_owned()
            };
            let former = name(&before);
            if name(&now) != former {
                self.add(
                    "protobuf-field-renamed",
                    &new.path,
                    format!("the extension was called {former}: JSON and generated code change"),
                    "keep the name and the place, or add an extension with a new number",
                );
            }
            self.cardinality(&new, &old);
            self.kind(&new, &old);
            let of = |field: &ExtensionDescriptor| {
                let written = field.field_descriptor_proto().default_value.clone();
                Unset::of(
                    &field.kind(),
                    field.is_list(),
                    written,
                    field.default_value(),
                )
            };
            self.default(&new.path, &of(&now), &of(&before));
        }
    }

    fn names(&mut self, path: &str, now: &FieldDescriptor, before: &FieldDescriptor) {
        if now.name() != before.name() {
            self.add(
                "protobuf-field-renamed",
                path,
                format!(
                    "the field was called {}: JSON and generated code change",
                    before.name()
                ),
                "keep the name, or add a field with a new number",
            );
        } else if now.json_name() != before.json_name() {
            self.add(
                "protobuf-json-name-changed",
                path,
                format!(
                    "in JSON the field was called {} and is now {}",
                    before.json_name(),
                    now.json_name()
                ),
                "keep the json_name",
            );
        }
    }

    fn oneof(&mut self, path: &str, now: &FieldDescriptor, before: &FieldDescriptor) {
        let oneof = |field: &FieldDescriptor| {
            let oneof = field
                .containing_oneof()
                .filter(|oneof| !oneof.is_synthetic());
            oneof.map_or_else(
                || "no oneof".to_owned(),
                |oneof| format!("oneof {}", oneof.name()),
            )
        };
        let (now, before) = (oneof(now), oneof(before));
        if now != before {
            self.add(
                "protobuf-oneof-changed",
                path,
                format!("the field was in {before} and is now in {now}: generated code changes"),
                "leave the field where it is",
            );
        }
    }

    /// Where a field without a value is not told from one with its default, the reader of the other kind
    /// takes one for the other (Protocol Buffers documentation, "Application Note: Field Presence").
    fn presence(&mut self, path: &str, now: &FieldDescriptor, before: &FieldDescriptor) {
        let of_one_value = |field: &FieldDescriptor| !field.is_list() && !field.is_map();
        let in_oneof = |field: &FieldDescriptor| {
            let oneof = field.containing_oneof();
            oneof.is_some_and(|oneof| !oneof.is_synthetic())
        };
        let same_place =
            of_one_value(now) == of_one_value(before) && in_oneof(now) == in_oneof(before);
        if same_place && now.supports_presence() != before.supports_presence() {
            let change = if now.supports_presence() {
                "an absent value was the default and is now told from it"
            } else {
                "an absent value was told from the default and is no longer"
            };
            self.add(
                "protobuf-presence-changed",
                path,
                format!("{change}: readers of the other version take one for the other"),
                "keep the presence, or add a field with a new number",
            );
        }
    }

    fn cardinality(&mut self, new: &Field, old: &Field) {
        let let_through = match (&new.shape, &old.shape) {
            (Shape::Scalar(new), Shape::Scalar(old)) => new == old && *new == Scalar::Text,
            (Shape::Message(_), Shape::Message(_)) | (Shape::Group(_), Shape::Group(_)) => true,
            _ => false,
        };
        let turned_required = new.cardinality == Cardinality::Required;
        if let_through && !turned_required && new.cardinality != old.cardinality {
            self.add(
                "protobuf-cardinality-changed",
                &new.path,
                format!(
                    "the field was {} and is now {}: a reader of one value keeps the last alone",
                    old.cardinality.name(),
                    new.cardinality.name()
                ),
                "keep the label, or add a field with a new number",
            );
        }
    }

    /// Types that share an encoding without sharing all values.
    fn kind(&mut self, new: &Field, old: &Field) {
        let advice = "keep the type, or add a field with a new number";
        let (now, before) = (new.type_name(self.new), old.type_name(self.old));
        match (&new.kind, &old.kind) {
            (Kind::String, Kind::Bytes) => self.add(
                "protobuf-bytes-became-string",
                &new.path,
                "bytes that are no UTF-8 cannot be read as a string".to_owned(),
                advice,
            ),
            (Kind::Bytes, Kind::String) => self.add(
                "protobuf-string-became-bytes",
                &new.path,
                "in JSON the field is now Base64".to_owned(),
                advice,
            ),
            (Kind::Enum(now), Kind::Enum(before)) => self.enum_type(&new.path, now, before),
            (Kind::Enum(_), other) | (other, Kind::Enum(_)) if is_varint(other) => self.add(
                "protobuf-enum-exchanged",
                &new.path,
                format!("the field was {before} and is now {now}: not every number is a value of the enum"),
                advice,
            ),
            (new_kind, old_kind) if sizes_differ(new_kind, old_kind) => self.add(
                "protobuf-number-type-changed",
                &new.path,
                format!("the field was {before} and is now {now}: numbers may be cut, and JSON may change"),
                advice,
            ),
            _ => {}
        }
    }

    /// An enum of another name, which lacks a value of the former.
    fn enum_type(&mut self, path: &str, now: &EnumDescriptor, before: &EnumDescriptor) {
        if now.full_name() == before.full_name() {
            return;
        }
        let lacks = before.values().find(|value| {
            let same = now.get_value_by_name(value.name());
            same.is_none_or(|same| same.number() != value.number())
        });
        let renamed = now.name() != before.name();
        if lacks.is_some() || renamed {
            self.add(
                "protobuf-enum-type-changed",
                path,
                format!(
                    "the field was of enum {} and is now of {}",
                    before.full_name(),
                    now.full_name()
                ),
                "keep the enum, and add values to it",
            );
        }
    }

    fn default(&mut self, path: &str, now: &Unset, before: &Unset) {
        let comparable = match (&now.kind, &before.kind) {
            // Each schema has enums of its own; their values are numbers.
            (Kind::Enum(_), Kind::Enum(_)) => true,
            (now, before) => now == before,
        };
        if comparable && now.written != before.written && now.value != before.value {
            let spelt = |default: &Unset| {
                let written = default.written.clone();
                written.unwrap_or_else(|| "its type's zero".to_owned())
            };
            self.add(
                "protobuf-default-changed",
                path,
                format!(
                    "the default was {} and is now {}: a field that is not set changes its value",
                    spelt(before),
                    spelt(now)
                ),
                "keep the default",
            );
        }
    }

    fn message_reservations(&mut self, new: &MessageDescriptor, old: &MessageDescriptor) {
        let inclusive = |message: &MessageDescriptor| -> Vec<RangeInclusive<i64>> {
            let ranges = message.reserved_ranges();
            ranges
                .filter(|range| !range.is_empty())
                .map(|range| i64::from(range.start)..=i64::from(range.end) - 1)
                .collect()
        };
        let names =
            |message: &MessageDescriptor| message.reserved_names().map(str::to_owned).collect();
        self.reservations(
            "protobuf-message-reservation-dropped",
            &message_path(self.new, new),
            (&inclusive(new), &names(new)),
            (&inclusive(old), &names(old)),
        );
    }

    /// Numbers and names that were reserved and are no longer.
    fn reservations(
        &mut self,
        rule: &str,
        path: &str,
        new: (&[RangeInclusive<i64>], &BTreeSet<String>),
        old: (&[RangeInclusive<i64>], &BTreeSet<String>),
    ) {
        let kept = joined(new.0);
        let freed = old.0.iter().filter(|range| !covers(&kept, range));
        let freed = freed.map(|range| match (range.start(), range.end()) {
            (start, end) if start == end => start.to_string(),
            (start, end) => format!("{start} to {end}"),
        });
        let names = old.1.difference(new.1).map(|name| format!("{name:?}"));
        let freed: Vec<String> = freed.chain(names).collect();
        if !freed.is_empty() {
            self.add(
                rule,
                path,
                format!("{} is no longer reserved, all or in part", freed.join(", ")),
                "keep every reservation: data may still hold the number or the name",
            );
        }
    }

    fn enums(
        &mut self,
        new: impl Iterator<Item = EnumDescriptor>,
        old: impl Iterator<Item = EnumDescriptor>,
    ) {
        for (new, old) in pairs(new, old, |enumeration| enumeration.name().to_owned()) {
            let path = enum_path(self.new, &new);
            self.values(&path, &new, &old);
            let loosened = has_loose_json(self.new, new.full_name())
                && !has_loose_json(self.old, old.full_name());
            self.json_format(&path, loosened);
            let inclusive = |enumeration: &EnumDescriptor| -> Vec<RangeInclusive<i64>> {
                let ranges = enumeration.reserved_ranges();
                ranges
                    .map(|range| i64::from(*range.start())..=i64::from(*range.end()))
                    .collect()
            };
            let names = |enumeration: &EnumDescriptor| {
                enumeration.reserved_names().map(str::to_owned).collect()
            };
            self.reservations(
                "protobuf-enum-reservation-dropped",
                &path,
                (&inclusive(&new), &names(&new)),
                (&inclusive(&old), &names(&old)),
            );
        }
    }

    fn values(&mut self, path: &str, new: &EnumDescriptor, old: &EnumDescriptor) {
        let by_number = |enumeration: &EnumDescriptor| {
            let mut values: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
            for value in enumeration.values() {
                values
                    .entry(value.number())
                    .or_default()
                    .insert(value.name().to_owned());
            }
            values
        };
        let now = by_number(new);
        for (number, names) in by_number(old) {
            let listed = names.iter().cloned().collect::<Vec<_>>().join(", ");
            match now.get(&number) {
                Some(kept) if kept.is_disjoint(&names) => self.add(
                    "protobuf-enum-value-renamed",
                    path,
                    format!("value {number} was called {listed}: JSON and generated code change"),
                    "keep the name, or add an alias (option allow_alias = true)",
                ),
                Some(_) => {}
                None => self.removed_value(path, new, number, &names),
            }
        }
    }

    fn removed_value(
        &mut self,
        path: &str,
        new: &EnumDescriptor,
        number: i32,
        names: &BTreeSet<String>,
    ) {
        let listed = names.iter().cloned().collect::<Vec<_>>().join(", ");
        if !new.reserved_ranges().any(|range| range.contains(&number)) {
            self.add(
                "protobuf-enum-number-not-reserved",
                path,
                format!(
                    "value {listed} is removed and its number {number} is free to be used again"
                ),
                &format!("add reserved {number}; to the enum"),
            );
        }
        for name in names {
            if let Some(moved) = new.get_value_by_name(name) {
                let moved = moved.number();
                self.add(
                    "protobuf-enum-value-renumbered",
                    path,
                    format!(
                        "value {name} was number {number} and is now {moved}: readers of the other version \
                         take it for another value, or for none"
                    ),
                    &format!("keep the number {number}, or give the value of the number {moved} a name of its own"),
                );
            } else if !new.reserved_names().any(|reserved| reserved == name) {
                self.add(
                    "protobuf-enum-name-not-reserved",
                    path,
                    format!("value {name} is removed and its name is free to be used again"),
                    &format!("add reserved {}; to the enum", self.reserved(name)),
                );
            }
        }
    }

    fn services(&mut self) {
        let name = |service: &ServiceDescriptor| service.name().to_owned();
        for (new, old) in pairs(self.new.file.services(), self.old.file.services(), name) {
            let methods = pairs(new.methods(), old.methods(), |method| {
                method.name().to_owned()
            });
            for (now, before) in methods {
                let signature = |method: &prost_reflect::MethodDescriptor| {
                    let stream = |streams: bool| if streams { "stream " } else { "" };
                    let local = |message: MessageDescriptor| {
                        local_name(message.package_name(), message.full_name()).to_owned()
                    };
                    format!(
                        "({}{}) returns ({}{}){}",
                        stream(method.is_client_streaming()),
                        local(method.input()),
                        stream(method.is_server_streaming()),
                        local(method.output()),
                        idempotency(method)
                    )
                };
                let (is, was) = (signature(&now), signature(&before));
                if is != was {
                    self.add(
                        "protobuf-rpc-changed",
                        &format!("{}.{}", new.name(), now.name()),
                        format!("the method was {was} and is now {is}"),
                        "keep the method, and add another",
                    );
                }
            }
        }
    }
}

/// What a field is when it is not set.
struct Unset {
    kind: Kind,
    /// As the schema has it; none for a list, and where it has none.
    written: Option<String>,
    value: Value,
}

impl Unset {
    fn of(kind: &Kind, is_list: bool, written: Option<String>, value: Value) -> Self {
        Self {
            kind: kind.clone(),
            written: written.filter(|_| !is_list),
            value,
        }
    }
}

/// What a method says of its being called twice.
fn idempotency(method: &prost_reflect::MethodDescriptor) -> String {
    let options = method.options();
    let level = options
        .descriptor()
        .get_field_by_name("idempotency_level")
        .map(|field| options.get_field(&field).into_owned())
        .and_then(|value| value.as_enum_number());
    match level {
        Some(1) => ", without side effects".to_owned(),
        Some(2) => ", idempotent".to_owned(),
        _ => String::new(),
    }
}

/// What both sides declare under one name.
fn pairs<T>(
    new: impl Iterator<Item = T>,
    old: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
) -> Vec<(T, T)> {
    let mut old: BTreeMap<String, T> = old.map(|item| (name(&item), item)).collect();
    new.filter_map(|item| old.remove(&name(&item)).map(|old| (item, old)))
        .collect()
}

/// The ranges in order, those that touch as one.
fn joined(ranges: &[RangeInclusive<i64>]) -> Vec<(i64, i64)> {
    let mut ordered: Vec<(i64, i64)> = ranges.iter().map(|r| (*r.start(), *r.end())).collect();
    ordered.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (start, end) in ordered {
        match joined.last_mut() {
            Some(last) if start <= last.1 + 1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// Whether one of the joined ranges holds the whole of this one.
fn covers(joined: &[(i64, i64)], wanted: &RangeInclusive<i64>) -> bool {
    let behind = joined.partition_point(|(start, _)| start <= wanted.start());
    behind > 0 && joined[behind - 1].1 >= *wanted.end()
}

/// proto2 leaves JSON to each implementation, proto3 does not; an edition says it by a feature.
fn has_loose_json(schema: &Schema, name: &str) -> bool {
    match schema.edition {
        Some(_) => schema.features.has_loose_json(name),
        None => schema.written.syntax() != "proto3",
    }
}

fn is_varint(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool
    )
}

/// Whether two kinds share an encoding and differ in size, or one is a truth value.
fn sizes_differ(new: &Kind, old: &Kind) -> bool {
    let class = |kind: &Kind| match kind {
        Kind::Int32 | Kind::Uint32 => Some((0, 32)),
        Kind::Int64 | Kind::Uint64 => Some((0, 64)),
        Kind::Bool => Some((0, 1)),
        Kind::Sint32 => Some((1, 32)),
        Kind::Sint64 => Some((1, 64)),
        _ => None,
    };
    match (class(new), class(old)) {
        (Some((new_group, new_size)), Some((old_group, old_size))) => {
            new_group == old_group && new_size != old_size
        }
        _ => false,
    }
}
