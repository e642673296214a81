//! Prints a schema so that two that mean the same read the same. Pure.
//!
//! What is left out or set in order is what Confluent's registry leaves out and orders when it
//! normalises: comments and white space go, types get their full names, and these are sorted:
//! imports, options, fields and members of oneofs by number, reserved numbers before reserved names,
//! values of enums by number. Messages, enums, services and methods keep their order, since the
//! registry's serialisers find a message by its index. The text is a Protobuf file of its own, and
//! not byte for byte what a registry prints: it is compared with itself alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    ServiceDescriptorProto, UninterpretedOption,
};

use super::Schema;

/// Returns the text that schemas of the same meaning share.
pub fn canonical(schema: &Schema) -> String {
    let mut printer = Printer {
        text: String::new(),
        depth: 0,
        dialect: match (&schema.edition, schema.written.syntax()) {
            (Some(_), _) => Dialect::Edition,
            (None, "proto3") => Dialect::Proto3,
            _ => Dialect::Proto2,
        },
    };
    printer.header(schema);
    printer.declarations(&schema.written);
    printer.text
}

/// What the labels of fields look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Proto2,
    Proto3,
    Edition,
}

struct Printer {
    text: String,
    depth: usize,
    dialect: Dialect,
}

impl Printer {
    fn line(&mut self, line: &str) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    fn header(&mut self, schema: &Schema) {
        let file = &schema.written;
        match (&schema.edition, self.dialect) {
            (Some(edition), _) => self.line(&format!("edition = {};", quoted(edition.as_bytes()))),
            (None, Dialect::Proto3) => self.line("syntax = \"proto3\";"),
            (None, _) => self.line("syntax = \"proto2\";"),
        }
        if !file.package().is_empty() {
            self.line(&format!("package {};", file.package()));
        }
        let marked = |marks: &[i32], index: usize| {
            marks.iter().any(|mark| usize::try_from(*mark) == Ok(index))
        };
        let mut imports: Vec<String> = file
            .dependency
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let mark = if marked(&file.public_dependency, index) {
                    "public "
                } else if marked(&file.weak_dependency, index) {
                    "weak "
                } else {
                    ""
                };
                format!("import {mark}{};", quoted(name.as_bytes()))
            })
            .collect();
        imports.sort();
        for import in imports {
            self.line(&import);
        }
    }

    fn declarations(&mut self, file: &FileDescriptorProto) {
        self.options(file.options.as_ref().map(|o| &o.uninterpreted_option));
        for message in &file.message_type {
            self.block(&format!("message {}", message.name()), |body| {
                body.message(message);
            });
        }
        for enumeration in &file.enum_type {
            self.enumeration(enumeration);
        }
        let messages = file.message_type.iter().map(|m| (m.name(), m)).collect();
        self.extensions(&file.extension, &messages);
        for service in &file.service {
            self.service(service);
        }
    }

    fn options(&mut self, options: Option<&Vec<UninterpretedOption>>) {
        for option in sorted(options) {
            self.line(&format!("option {option};"));
        }
    }

    /// Recurses as deep as messages nest, which the parser bounds.
    fn message(&mut self, message: &DescriptorProto) {
        self.options(message.options.as_ref().map(|o| &o.uninterpreted_option));
        let mut ranges: Vec<(i32, i32)> = message
            .reserved_range
            .iter()
            .map(|range| (range.start(), range.end().saturating_sub(1)))
            .collect();
        self.reserved(&mut ranges, &message.reserved_name, MAX_FIELD);
        let nested: Nested<'_> = message.nested_type.iter().map(|m| (m.name(), m)).collect();
        let mut members = by_oneof(&message.field);
        for field in members.remove(&None).unwrap_or_default() {
            self.field(field, &nested);
        }
        for (oneof, index) in message.oneof_decl.iter().zip(0..) {
            let Some(members) = members.remove(&Some(index)) else {
                continue;
            };
            self.block(&format!("oneof {}", oneof.name()), |body| {
                body.options(oneof.options.as_ref().map(|o| &o.uninterpreted_option));
                for field in members {
                    body.field(field, &nested);
                }
            });
        }
        self.extension_ranges(message);
        let groups: BTreeSet<&str> = message
            .field
            .iter()
            .chain(&message.extension)
            .filter(|field| field.r#type() == Type::Group)
            .map(simple_type_name)
            .collect();
        for message in &message.nested_type {
            if !is_entry(message) && !groups.contains(message.name()) {
                self.block(&format!("message {}", message.name()), |body| {
                    body.message(message);
                });
            }
        }
        for enumeration in &message.enum_type {
            self.enumeration(enumeration);
        }
        self.extensions(&message.extension, &nested);
    }

    fn reserved(&mut self, ranges: &mut [(i32, i32)], names: &[String], most: i32) {
        ranges.sort_unstable();
        for (start, end) in ranges.iter() {
            match (start, end) {
                (start, end) if start == end => self.line(&format!("reserved {start};")),
                (start, end) if *end == most => self.line(&format!("reserved {start} to max;")),
                (start, end) => self.line(&format!("reserved {start} to {end};")),
            }
        }
        let mut names: Vec<&String> = names.iter().collect();
        names.sort();
        for name in names {
            match self.dialect {
                Dialect::Edition => self.line(&format!("reserved {name};")),
                _ => self.line(&format!("reserved {};", quoted(name.as_bytes()))),
            }
        }
    }

    fn extension_ranges(&mut self, message: &DescriptorProto) {
        let mut ranges: Vec<_> = message.extension_range.iter().collect();
        ranges.sort_by_key(|range| range.start());
        for range in ranges {
            let end = match range.end().saturating_sub(1) {
                MAX_FIELD => "max".to_owned(),
                end => end.to_string(),
            };
            let options = sorted(range.options.as_ref().map(|o| &o.uninterpreted_option));
            let options = bracketed(&options);
            self.line(&format!("extensions {} to {end}{options};", range.start()));
        }
    }

    /// Prints a field; entries of maps and groups are among the messages nested beside it.
    fn field(&mut self, field: &FieldDescriptorProto, nested: &Nested<'_>) {
        let beside = nested.get(simple_type_name(field)).copied();
        let entry = beside.filter(|message| is_entry(message) && field.label() == Label::Repeated);
        let group = beside.filter(|_| field.r#type() == Type::Group);
        let mut line = match entry {
            Some(entry) => {
                let halves: Vec<String> = entry.field.iter().map(type_name).collect();
                format!("map<{}> ", halves.join(", "))
            }
            None => format!("{}{} ", self.label(field), type_name(field)),
        };
        let name = group.map_or(field.name(), |group| group.name());
        let mut options = sorted(field.options.as_ref().map(|o| &o.uninterpreted_option));
        if let Some(default) = &field.default_value {
            options.insert(0, format!("default = {}", default_literal(field, default)));
        }
        if let Some(json_name) = field
            .json_name
            .as_ref()
            .filter(|_| field.extendee.is_none())
        {
            options.push(format!("json_name = {}", quoted(json_name.as_bytes())));
        }
        // A String takes all that is written to it.
        let _ = write!(line, "{name} = {}{}", field.number(), bracketed(&options));
        match group {
            Some(group) => self.block(&line, |body| body.message(group)),
            None => self.line(&format!("{line};")),
        }
    }

    fn label(&self, field: &FieldDescriptorProto) -> &'static str {
        let in_oneof = field.oneof_index.is_some() && !field.proto3_optional();
        match (field.label(), self.dialect) {
            (Label::Repeated, _) => "repeated ",
            (Label::Required, _) => "required ",
            (Label::Optional, Dialect::Proto2) if !in_oneof => "optional ",
            (Label::Optional, _) if field.proto3_optional() => "optional ",
            (Label::Optional, _) => "",
        }
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptorProto) {
        self.block(&format!("enum {}", enumeration.name()), |body| {
            body.options(
                enumeration
                    .options
                    .as_ref()
                    .map(|o| &o.uninterpreted_option),
            );
            let mut ranges: Vec<(i32, i32)> = enumeration
                .reserved_range
                .iter()
                .map(|range| (range.start(), range.end()))
                .collect();
            body.reserved(&mut ranges, &enumeration.reserved_name, i32::MAX);
            let mut values: Vec<_> = enumeration.value.iter().collect();
            // The first value is the default, and stays the first; aliases keep their order.
            if let Some((_, others)) = values.split_first_mut() {
                others.sort_by_key(|value| value.number());
            }
            for value in values {
                let options = sorted(value.options.as_ref().map(|o| &o.uninterpreted_option));
                body.line(&format!(
                    "{} = {}{};",
                    value.name(),
                    value.number(),
                    bracketed(&options)
                ));
            }
        });
    }

    /// Prints a block for each run of extensions of one message.
    fn extensions(&mut self, extensions: &[FieldDescriptorProto], nested: &Nested<'_>) {
        let mut extensions: Vec<_> = extensions.iter().collect();
        extensions.sort_by_key(|field| (field.extendee().to_owned(), field.number()));
        for run in extensions.chunk_by(|a, b| a.extendee() == b.extendee()) {
            self.block(&format!("extend {}", run[0].extendee()), |body| {
                for field in run {
                    body.field(field, nested);
                }
            });
        }
    }

    fn service(&mut self, service: &ServiceDescriptorProto) {
        self.block(&format!("service {}", service.name()), |body| {
            body.options(service.options.as_ref().map(|o| &o.uninterpreted_option));
            for method in &service.method {
                let stream = |streams: bool| if streams { "stream " } else { "" };
                let head = format!(
                    "rpc {}({}{}) returns ({}{})",
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type()
                );
                let options = method.options.as_ref().map(|o| &o.uninterpreted_option);
                if options.is_some_and(|options| !options.is_empty()) {
                    body.block(&head, |body| body.options(options));
                } else {
                    body.line(&format!("{head};"));
                }
            }
        });
    }
}

/// The highest number that a field may have.
const MAX_FIELD: i32 = 536_870_911;

/// The messages that are nested in one, by their simple names.
type Nested<'a> = BTreeMap<&'a str, &'a DescriptorProto>;

fn is_entry(message: &DescriptorProto) -> bool {
    let options = message.options.as_ref();
    options.is_some_and(prost_reflect::prost_types::MessageOptions::map_entry)
}

/// The fields by number, those of a oneof together; what `optional` stands for is no oneof.
fn by_oneof(fields: &[FieldDescriptorProto]) -> BTreeMap<Option<i32>, Vec<&FieldDescriptorProto>> {
    let mut members: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for field in fields {
        let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
        members.entry(oneof).or_default().push(field);
    }
    for members in members.values_mut() {
        members.sort_by_key(|field| field.number());
    }
    members
}

fn simple_type_name(field: &FieldDescriptorProto) -> &str {
    field.type_name().rsplit('.').next().unwrap_or_default()
}

fn type_name(field: &FieldDescriptorProto) -> String {
    let name = match field.r#type() {
        Type::Group => "group",
        Type::Message | Type::Enum => return field.type_name().to_owned(),
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
    };
    name.to_owned()
}

/// A default as it is written: descriptors hold strings as they are, and bytes escaped.
fn default_literal(field: &FieldDescriptorProto, default: &str) -> String {
    match field.r#type() {
        Type::String => quoted(default.as_bytes()),
        Type::Bytes => format!(
            "\"{}\"",
            default.replace('"', "\\\"").replace("\\\\\"", "\\\"")
        ),
        _ => default.to_owned(),
    }
}

fn bracketed(options: &[String]) -> String {
    if options.is_empty() {
        String::new()
    } else {
        format!(" [{}]", options.join(", "))
    }
}

/// The options by name; those of one name, which a repeated option has, keep their order.
fn sorted(options: Option<&Vec<UninterpretedOption>>) -> Vec<String> {
    let options = options.map(Vec::as_slice).unwrap_or_default();
    let mut options: Vec<(String, String)> = options
        .iter()
        .map(|option| (option_name(option), option_value(option)))
        .collect();
    options.sort_by(|(a, _), (b, _)| a.cmp(b));
    options
        .into_iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect()
}

fn option_name(option: &UninterpretedOption) -> String {
    let parts = option.name.iter().map(|part| {
        if part.is_extension {
            format!("({})", part.name_part)
        } else {
            part.name_part.clone()
        }
    });
    parts.collect::<Vec<_>>().join(".")
}

fn option_value(option: &UninterpretedOption) -> String {
    if let Some(name) = &option.identifier_value {
        name.clone()
    } else if let Some(number) = option.positive_int_value {
        number.to_string()
    } else if let Some(number) = option.negative_int_value {
        number.to_string()
    } else if let Some(number) = option.double_value {
        // Keeps a point, without which it would be read back as an integer.
        format!("{number:?}")
    } else if let Some(text) = &option.string_value {
        quoted(text)
    } else {
        format!("{{ {} }}", option.aggregate_value())
    }
}

/// A string literal, all but printable ASCII escaped.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b' '..=b'~' => text.push(char::from(*byte)),
            // A String takes all that is written to it.
            _ => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text.push('"');
    text
}
