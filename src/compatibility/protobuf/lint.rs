//! Finds what is allowed in a schema and hurts later. Pure.
//!
//! The rules are those of the Protocol Buffers style guide and "Best Practices".

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    UninterpretedOption,
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor};

use super::Schema;
use super::field::{Field, enum_path, message_path};
use crate::compatibility::Lint;

/// Finds what will hurt later; the schema's own file alone is looked at.
pub fn lint(schema: &Schema) -> Vec<Lint> {
    let mut search = Search {
        schema,
        commented: commented(&schema.written),
        found: Vec::new(),
    };
    search.file();
    for enumeration in schema.file.enums() {
        search.enumeration(&enumeration);
    }
    for message in schema.file.messages() {
        search.message(&message);
    }
    search.found
}

/// The source paths that have a comment, before or behind.
fn commented(file: &FileDescriptorProto) -> BTreeSet<&[i32]> {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations
        .filter(|location| {
            location.leading_comments.is_some() || location.trailing_comments.is_some()
        })
        .map(|location| &location.path[..])
        .collect()
}

struct Search<'a> {
    schema: &'a Schema,
    commented: BTreeSet<&'a [i32]>,
    found: Vec<Lint>,
}

impl Search<'_> {
    fn add(&mut self, rule: &str, path: &str, message: &str, advice: &str) {
        self.found.push(Lint {
            rule: rule.to_owned(),
            path: path.to_owned(),
            message: message.to_owned(),
            advice: advice.to_owned(),
        });
    }

    fn file(&mut self) {
        if self.schema.file.package_name().is_empty() {
            self.add(
                "protobuf-missing-package",
                "",
                "the file has no package: its names clash with those of any other such file",
                "add a package, with a version such as orders.v1",
            );
        }
        for import in unused_imports(self.schema) {
            self.add(
                "protobuf-unused-import",
                &import,
                "nothing of the import is used",
                "remove the import",
            );
        }
        for name in &self.schema.unused_references {
            self.found.push(Lint {
                rule: "protobuf-unused-reference".to_owned(),
                path: name.clone(),
                message: "no file imports the reference".to_owned(),
                advice: "remove the reference".to_owned(),
            });
        }
    }

    /// Recurses as deep as messages nest, which the parser bounds.
    fn message(&mut self, message: &MessageDescriptor) {
        if message.is_map_entry() {
            return;
        }
        let path = message_path(self.schema, message);
        if !self.commented.contains(message.path()) {
            self.add(
                "protobuf-missing-comment",
                &path,
                "the message has no comment",
                "say what a message stands for, and when it is written",
            );
        }
        for field in message.fields() {
            self.field(&field);
        }
        for enumeration in message.child_enums() {
            self.enumeration(&enumeration);
        }
        for nested in message.child_messages() {
            self.message(&nested);
        }
    }

    fn field(&mut self, field: &FieldDescriptor) {
        let path = Field::new(self.schema, field).path;
        if !self.commented.contains(field.path()) {
            self.add(
                "protobuf-missing-comment",
                &path,
                "the field has no comment",
                "say what the field holds, its unit and what it means that it is not set",
            );
        }
        // The name of a group's field is its type's in lower case, and not chosen.
        if !field.is_group() && !is_lower_snake_case(field.name()) {
            self.add(
                "protobuf-field-name",
                &path,
                "the field's name is not lower_snake_case: generated code and JSON differ by language",
                "rename the field before it is registered; later the name is in JSON and in code",
            );
        }
        if field.is_required() {
            self.add(
                "protobuf-required-field",
                &path,
                "a required field can never be removed, nor be read by what does not know of it",
                "declare it optional, and check it where it is used",
            );
        }
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptor) {
        let has_zero = enumeration
            .values()
            .any(|value| value.number() == 0 && value.name().ends_with("_UNSPECIFIED"));
        if !has_zero {
            let path = enum_path(self.schema, enumeration);
            self.add(
                "protobuf-enum-without-unspecified",
                &path,
                "the enum has no value 0 named *_UNSPECIFIED: a field that is not set seems to say something",
                "add a value 0 whose name ends with _UNSPECIFIED",
            );
        }
    }
}

/// Source: "Field Names" of the style guide.
fn is_lower_snake_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.ends_with('_')
        && !name.contains("__")
}

/// The imports of which neither a type nor an option is used; a public one is there for others.
fn unused_imports(schema: &Schema) -> Vec<String> {
    let file = &schema.written;
    let used = Used::of(file);
    let public: BTreeSet<i32> = file.public_dependency.iter().copied().collect();
    let imports: BTreeMap<_, _> = schema
        .file
        .dependencies()
        .map(|import| (import.name().to_owned(), import))
        .collect();
    file.dependency
        .iter()
        .enumerate()
        .filter(|(index, _)| !i32::try_from(*index).is_ok_and(|index| public.contains(&index)))
        .filter_map(|(_, name)| imports.get(name))
        .filter(|import| !used.anything_of(import))
        .map(|import| import.name().to_owned())
        .collect()
}

/// The names that a file refers to.
#[derive(Default)]
struct Used<'a> {
    /// Full names of types, with a leading dot.
    types: BTreeSet<&'a str>,
    /// Names of option extensions, as they are written.
    options: BTreeSet<&'a str>,
}

impl<'a> Used<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let mut used = Self::default();
        used.options(file.options.iter().flat_map(|o| &o.uninterpreted_option));
        used.fields(&file.extension);
        for message in &file.message_type {
            used.message(message);
        }
        for enumeration in &file.enum_type {
            used.enumeration(enumeration);
        }
        for service in &file.service {
            used.options(service.options.iter().flat_map(|o| &o.uninterpreted_option));
            for method in &service.method {
                used.types
                    .extend([method.input_type(), method.output_type()]);
                used.options(method.options.iter().flat_map(|o| &o.uninterpreted_option));
            }
        }
        used
    }

    fn options(&mut self, options: impl Iterator<Item = &'a UninterpretedOption>) {
        for part in options.flat_map(|option| &option.name) {
            if part.is_extension {
                self.options.insert(&part.name_part);
            }
        }
    }

    fn fields(&mut self, fields: &'a [FieldDescriptorProto]) {
        for field in fields {
            self.types.extend([field.type_name(), field.extendee()]);
            self.options(field.options.iter().flat_map(|o| &o.uninterpreted_option));
        }
    }

    /// Recurses as deep as messages nest, which the parser bounds.
    fn message(&mut self, message: &'a DescriptorProto) {
        self.options(message.options.iter().flat_map(|o| &o.uninterpreted_option));
        self.fields(&message.field);
        self.fields(&message.extension);
        for oneof in &message.oneof_decl {
            self.options(oneof.options.iter().flat_map(|o| &o.uninterpreted_option));
        }
        for nested in &message.nested_type {
            self.message(nested);
        }
        for enumeration in &message.enum_type {
            self.enumeration(enumeration);
        }
    }

    fn enumeration(&mut self, enumeration: &'a EnumDescriptorProto) {
        self.options(
            enumeration
                .options
                .iter()
                .flat_map(|o| &o.uninterpreted_option),
        );
        for value in &enumeration.value {
            self.options(value.options.iter().flat_map(|o| &o.uninterpreted_option));
        }
    }

    /// Whether something is used that the file declares, or that it imports for others.
    fn anything_of(&self, import: &FileDescriptor) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![import.clone()];
        while let Some(file) = waiting.pop() {
            if !seen.insert(file.name().to_owned()) {
                continue;
            }
            if self.declared_in(file.file_descriptor_proto()) {
                return true;
            }
            waiting.extend(file.public_dependencies());
        }
        false
    }

    fn declared_in(&self, file: &FileDescriptorProto) -> bool {
        let scope = match file.package() {
            "" => String::new(),
            package => format!(".{package}"),
        };
        let messages = file.message_type.iter().map(DescriptorProto::name);
        let enums = file.enum_type.iter().map(EnumDescriptorProto::name);
        let types = messages.chain(enums).any(|name| {
            let (full, nested) = (format!("{scope}.{name}"), format!("{scope}.{name}."));
            // What is nested in the type follows it in the order of names.
            self.types.contains(full.as_str())
                || self
                    .types
                    .range(nested.as_str()..)
                    .next()
                    .is_some_and(|used| used.starts_with(&nested))
        });
        types || self.extends_options(file, &scope)
    }

    /// Options are named relative to where they stand, so that only the end of the name is sure.
    fn extends_options(&self, file: &FileDescriptorProto, scope: &str) -> bool {
        let nested = file
            .message_type
            .iter()
            .flat_map(|message| &message.extension);
        file.extension.iter().chain(nested).any(|extension| {
            let full = format!("{scope}.{}", extension.name());
            self.options
                .iter()
                .any(|used| full.ends_with(&format!(".{}", used.trim_start_matches('.'))))
                || self
                    .options
                    .iter()
                    .any(|used| used.ends_with(&format!(".{}", extension.name())))
        })
    }
}
