//! Editions: reads a file of an edition as proto3, and its features into what descriptors say. Pure.
//!
//! The parser knows proto2 and proto3 alone. A file of edition 2023 differs from proto3 in its first
//! statement, in reserved names without quotes, and in that it may have defaults: these are
//! rewritten, and offsets into the rewritten text lead back to the original. Features replace
//! labels and groups; what they default to is the table "Feature Settings for Editions" of the
//! Protocol Buffers documentation.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use prost_reflect::prost_types::field_descriptor_proto::Label;
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    UninterpretedOption,
};

use super::parse::Fault;
use super::scan::{Token, Tokens};

/// The editions whose grammar and defaults this module knows.
const KNOWN: [&str; 1] = ["2023"];

/// What `default` is called in the rewritten text, since proto3 has no defaults.
const DEFAULT: &str = "edition_default";

/// A text that the parser can read.
pub(super) struct Source<'a> {
    pub(super) text: Cow<'a, str>,
    /// The edition, if the text is of one.
    pub(super) edition: Option<String>,
    /// What was replaced: the bytes of the original, and the length of what stands there now.
    edits: Vec<(Range<usize>, usize)>,
}

impl Source<'_> {
    /// The offset in the original text.
    pub(super) fn original(&self, offset: usize) -> usize {
        // Where the rewritten text is, as the edits before are gone through.
        let mut written = 0;
        let mut original = 0;
        for (range, length) in &self.edits {
            let start = written + (range.start - original);
            if offset < start {
                break;
            }
            if offset < start + length {
                return range.start;
            }
            written = start + length;
            original = range.end;
        }
        original + (offset - written)
    }
}

/// Rewrites a text of an edition to proto3; leaves any other as it is.
pub(super) fn as_proto3(text: &str) -> Result<Source<'_>, Fault> {
    let Some((edition, keyword, value)) = edition(text) else {
        return Ok(Source {
            text: Cow::Borrowed(text),
            edition: None,
            edits: Vec::new(),
        });
    };
    if !KNOWN.contains(&edition) {
        let message = format!("the edition {edition:?} is not known: use 2023, or proto3");
        return Err(Fault::at(value.start, message));
    }
    let mut replacements = vec![
        (keyword, "syntax".to_owned()),
        (value.clone(), "\"proto3\"".to_owned()),
    ];
    replacements.extend(reserved_names(text));
    replacements.extend(defaults(text));
    replacements.sort_by_key(|(range, _)| range.start);
    let mut rewritten = String::with_capacity(text.len() + 64);
    let mut edits = Vec::new();
    let mut end = 0;
    for (range, replacement) in replacements {
        rewritten.push_str(&text[end..range.start]);
        rewritten.push_str(&replacement);
        end = range.end;
        edits.push((range, replacement.len()));
    }
    rewritten.push_str(&text[end..]);
    Ok(Source {
        text: Cow::Owned(rewritten),
        edition: Some(edition.to_owned()),
        edits,
    })
}

/// The edition that a text declares, the place of the keyword and that of the value.
fn edition(text: &str) -> Option<(&str, Range<usize>, Range<usize>)> {
    let mut tokens = Tokens::new(text).skip_while(|(token, _)| *token == Token::Sign(b';'));
    let (Token::Word, keyword) = tokens.next()? else {
        return None;
    };
    if &text[keyword.clone()] != "edition" || tokens.next()?.0 != Token::Sign(b'=') {
        return None;
    }
    let (Token::Quoted, value) = tokens.next()? else {
        return None;
    };
    let edition = text[value.clone()].trim_matches(['"', '\'']);
    Some((edition, keyword, value))
}

/// The names of `reserved` statements, which proto3 wants quoted.
fn reserved_names(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut statement_starts = true;
    let mut reserving = false;
    for (token, span) in Tokens::new(text) {
        let starts = std::mem::replace(
            &mut statement_starts,
            matches!(token, Token::Sign(b';' | b'{' | b'}')),
        );
        // Signs may be parts of characters, words and strings are not.
        match token {
            Token::Sign(b';' | b'{' | b'}' | b'[') => reserving = false,
            Token::Word if starts && &text[span.clone()] == "reserved" => reserving = true,
            Token::Word if reserving && names_something(&text[span.clone()]) => {
                let quoted = format!("\"{}\"", &text[span.clone()]);
                found.push((span, quoted));
            }
            _ => {}
        }
    }
    found
}

fn names_something(word: &str) -> bool {
    !word.starts_with(|first: char| first.is_ascii_digit()) && word != "to" && word != "max"
}

/// The keyword `default` among the options of fields.
fn defaults(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut in_options = false;
    let mut before = Token::Sign(b';');
    for (token, span) in Tokens::new(text) {
        match token {
            Token::Sign(b'[') => in_options = true,
            Token::Sign(b']' | b'{' | b'}' | b';') => in_options = false,
            Token::Word
                if in_options
                    && matches!(before, Token::Sign(b'[' | b','))
                    && &text[span.clone()] == "default" =>
            {
                found.push((span, DEFAULT.to_owned()));
            }
            _ => {}
        }
        before = token;
    }
    found
}

/// Turns the options that stood for `default` back into defaults.
pub(super) fn restore_defaults(file: &mut FileDescriptorProto) {
    restore_in_fields(&mut file.extension);
    file.message_type.iter_mut().for_each(restore_in_message);
}

/// Recurses as deep as messages nest, which the parser bounds.
fn restore_in_message(message: &mut DescriptorProto) {
    restore_in_fields(&mut message.field);
    restore_in_fields(&mut message.extension);
    message.nested_type.iter_mut().for_each(restore_in_message);
}

fn restore_in_fields(fields: &mut [FieldDescriptorProto]) {
    for field in fields {
        let Some(options) = &mut field.options else {
            continue;
        };
        let stands_for_default = |option: &UninterpretedOption| matches!(&option.name[..], [part] if part.name_part == DEFAULT);
        if let Some(option) = options
            .uninterpreted_option
            .iter()
            .find(|o| stands_for_default(o))
        {
            field.default_value = Some(default_text(option));
        }
        options
            .uninterpreted_option
            .retain(|option| !stands_for_default(option));
    }
}

/// The default as `FieldDescriptorProto.default_value` spells it.
fn default_text(option: &UninterpretedOption) -> String {
    if let Some(text) = &option.string_value {
        String::from_utf8_lossy(text).into_owned()
    } else if let Some(number) = option.positive_int_value {
        number.to_string()
    } else if let Some(number) = option.negative_int_value {
        number.to_string()
    } else if let Some(number) = option.double_value {
        number.to_string()
    } else {
        option.identifier_value.clone().unwrap_or_default()
    }
}

/// What features say that no descriptor of proto2 does, by full name.
#[derive(Debug, Clone, Default)]
pub(super) struct Features {
    /// Fields whose message is written between two tags, as a group is.
    delimited: BTreeSet<String>,
    /// Messages and enums whose JSON is best effort.
    loose_json: BTreeSet<String>,
}

/// The features in force at one place of the file.
#[derive(Debug, Clone, Copy, Default)]
struct InForce {
    required: bool,
    delimited: bool,
    loose_json: bool,
}

impl Features {
    /// Whether the field's message is written between two tags.
    pub(super) fn is_delimited(&self, field: &str) -> bool {
        self.delimited.contains(field)
    }

    /// Whether the JSON of the message or enum is best effort.
    pub(super) fn has_loose_json(&self, name: &str) -> bool {
        self.loose_json.contains(name)
    }

    /// Makes a file of edition 2023 one of proto2 with the same meaning, and remembers the rest.
    pub(super) fn lower(&mut self, file: &mut FileDescriptorProto) {
        // proto2: presence is explicit and enums may start anywhere, the defaults of the edition.
        file.syntax = None;
        let scope = file.package.clone().unwrap_or_default();
        let options = file.options.as_mut().map(|o| &mut o.uninterpreted_option);
        let in_force = InForce::default().with(options);
        for enumeration in &mut file.enum_type {
            self.lower_enum(enumeration, &scope, in_force);
        }
        for field in &mut file.extension {
            self.lower_field(field, &scope, in_force);
        }
        for message in &mut file.message_type {
            self.lower_message(message, &scope, in_force);
        }
    }

    /// Recurses as deep as messages nest, which the parser bounds.
    fn lower_message(&mut self, message: &mut DescriptorProto, scope: &str, outer: InForce) {
        let options = message
            .options
            .as_mut()
            .map(|o| &mut o.uninterpreted_option);
        let in_force = outer.with(options);
        let name = joined(scope, message.name());
        if in_force.loose_json {
            self.loose_json.insert(name.clone());
        }
        for oneof in &mut message.oneof_decl {
            strip(oneof.options.as_mut().map(|o| &mut o.uninterpreted_option));
        }
        for field in message.field.iter_mut().chain(&mut message.extension) {
            self.lower_field(field, &name, in_force);
        }
        for enumeration in &mut message.enum_type {
            self.lower_enum(enumeration, &name, in_force);
        }
        for nested in &mut message.nested_type {
            self.lower_message(nested, &name, in_force);
        }
    }

    fn lower_enum(&mut self, enumeration: &mut EnumDescriptorProto, scope: &str, outer: InForce) {
        let options = enumeration
            .options
            .as_mut()
            .map(|o| &mut o.uninterpreted_option);
        if outer.with(options).loose_json {
            self.loose_json.insert(joined(scope, enumeration.name()));
        }
        for value in &mut enumeration.value {
            strip(value.options.as_mut().map(|o| &mut o.uninterpreted_option));
        }
    }

    fn lower_field(&mut self, field: &mut FieldDescriptorProto, scope: &str, outer: InForce) {
        let options = field.options.as_mut().map(|o| &mut o.uninterpreted_option);
        let in_force = outer.with(options);
        let may_be_required = field.label() == Label::Optional
            && field.oneof_index.is_none()
            && field.extendee.is_none();
        if in_force.required && may_be_required {
            field.set_label(Label::Required);
        }
        if in_force.delimited {
            self.delimited.insert(joined(scope, field.name()));
        }
    }
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

impl InForce {
    /// These features, overridden by those among the options, which are taken out.
    fn with(mut self, options: Option<&mut Vec<UninterpretedOption>>) -> Self {
        for option in strip(options) {
            match &option.name[..] {
                [_, feature] => self.set(&feature.name_part, option.identifier_value()),
                _ => self.set_all(option.aggregate_value()),
            }
        }
        self
    }

    /// Takes the features of `features = { field_presence: IMPLICIT … }`.
    fn set_all(&mut self, aggregate: &str) {
        let words: Vec<&str> = aggregate
            .split_whitespace()
            .filter(|word| !matches!(*word, ":" | "," | ";"))
            .collect();
        for pair in words.windows(2) {
            self.set(pair[0], pair[1]);
        }
    }

    fn set(&mut self, feature: &str, value: &str) {
        match feature {
            "field_presence" => self.required = value == "LEGACY_REQUIRED",
            "message_encoding" => self.delimited = value == "DELIMITED",
            "json_format" => self.loose_json = value == "LEGACY_BEST_EFFORT",
            // What the others set shows neither on the wire nor in JSON.
            _ => {}
        }
    }
}

/// Takes the options that set features out, and returns them.
fn strip(options: Option<&mut Vec<UninterpretedOption>>) -> Vec<UninterpretedOption> {
    let Some(options) = options else {
        return Vec::new();
    };
    let (features, others) = std::mem::take(options).into_iter().partition(|option| {
        option
            .name
            .first()
            .is_some_and(|part| !part.is_extension && part.name_part == "features")
    });
    *options = others;
    features
}
