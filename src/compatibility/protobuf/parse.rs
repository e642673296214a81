//! Reads a file and all that it imports into one pool of descriptors. Pure.
//!
//! Imports are looked up among the references first, then among the files that every registry
//! knows (`well_known`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use prost_reflect::{DescriptorError, DescriptorPool};

use super::editions::{self, Features};
use super::{Schema, scan, well_known};
use crate::compatibility::{Definition, ParseError, position};
use crate::diagnostic::did_you_mean;

/// The name of the subject's own file, which has none. An import of that name is one of itself.
const OWN_FILE: &str = "<schema>";

/// The number of `FileDescriptorProto.dependency`, the first part of an import's source path.
const DEPENDENCY: i32 = 3;

/// What is wrong with one file's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where in the text, in bytes.
    offset: Option<usize>,
    message: String,
}

impl Fault {
    pub(super) fn at(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset: Some(offset),
            message: message.into(),
        }
    }
}

/// A file that is read, its imports not yet looked up.
struct File<'a> {
    /// Empty for the files that every registry knows.
    text: &'a str,
    written: FileDescriptorProto,
    edition: Option<String>,
}

/// Reads a schema: proto2, proto3, or the edition 2023, with its imports.
///
/// The sources are the Protocol Buffers language specifications and, for what is checked beyond
/// the grammar, protoc's own checks.
pub fn parse(definition: &Definition) -> Result<Schema, ParseError> {
    let files = read_all(definition)?;
    let order = import_order(&files)?;
    let mut pool = DescriptorPool::new();
    let mut features = Features::default();
    for name in order {
        let file = &files[name];
        let mut lowered = file.written.clone();
        // The resolver would look through all places for each of its errors.
        lowered.source_code_info = None;
        if file.edition.is_some() {
            features.lower(&mut lowered);
        }
        pool.add_file_descriptor_proto(lowered)
            .map_err(|error| unresolved(&error, &files))?;
    }
    let own = &files[OWN_FILE];
    let file = pool
        .get_file_by_name(OWN_FILE)
        .ok_or_else(|| ParseError::new("the schema's own file was not resolved"))?;
    let mut written = own.written.clone();
    adopt_types(&mut written, file.file_descriptor_proto());
    Ok(Schema {
        written,
        edition: own.edition.clone(),
        features,
        unused_references: definition
            .references
            .keys()
            .filter(|name| !files.contains_key(name.as_str()))
            .cloned()
            .collect(),
        file,
    })
}

/// Reads the schema's own file and every file that an import names, directly or through others.
fn read_all(definition: &Definition) -> Result<BTreeMap<String, File<'_>>, ParseError> {
    let mut files = BTreeMap::new();
    let mut seen = BTreeSet::from([OWN_FILE.to_owned()]);
    let mut waiting = vec![(OWN_FILE.to_owned(), read(OWN_FILE, &definition.text)?)];
    while let Some((name, file)) = waiting.pop() {
        for (index, import) in file.written.dependency.iter().enumerate() {
            if !seen.insert(import.clone()) {
                continue;
            }
            let imported = match definition.references.get(import) {
                Some(text) => read(import, text)?,
                None => well_known::file(import)
                    .map(File::well_known)
                    .ok_or_else(|| missing(definition, &name, &file, index))?,
            };
            waiting.push((import.clone(), imported));
        }
        files.insert(name, file);
    }
    Ok(files)
}

impl File<'_> {
    fn well_known(written: FileDescriptorProto) -> Self {
        Self {
            text: "",
            written,
            edition: None,
        }
    }
}

fn read<'a>(name: &str, text: &'a str) -> Result<File<'a>, ParseError> {
    let fail = |fault: Fault| ParseError {
        reference: reference(name),
        position: fault.offset.map(|offset| position::of_byte(text, offset)),
        ..ParseError::new(fault.message)
    };
    scan::check_bounds(text).map_err(fail)?;
    let source = editions::as_proto3(text).map_err(fail)?;
    let mut written = protox_parse::parse(name, &source.text).map_err(|error| {
        fail(Fault {
            offset: error
                .span()
                .map(|span: Range<usize>| source.original(span.start)),
            message: error.to_string(),
        })
    })?;
    if source.edition.is_some() {
        editions::restore_defaults(&mut written);
    }
    Ok(File {
        text,
        written,
        edition: source.edition,
    })
}

fn reference(name: &str) -> Option<String> {
    (name != OWN_FILE).then(|| name.to_owned())
}

/// Where the parser found what has this path, or else the nearest thing that it is in.
fn noted(file: &File<'_>, path: &[i32]) -> Option<(usize, usize)> {
    let locations = &file.written.source_code_info.as_ref()?.location;
    let nearest = locations
        .iter()
        .filter(|location| path.starts_with(&location.path))
        .max_by_key(|location| location.path.len())?;
    let line = usize::try_from(*nearest.span.first()?).ok()?;
    let column = usize::try_from(*nearest.span.get(1)?).ok()?;
    let line_text = file.text.split('\n').nth(line).unwrap_or_default();
    let (_, column) = position::of_byte(line_text, column);
    Some((line + 1, column))
}

fn import_position(file: &File<'_>, index: usize) -> Option<(usize, usize)> {
    noted(file, &[DEPENDENCY, i32::try_from(index).ok()?])
}

/// The error for an import that nothing declares.
fn missing(definition: &Definition, name: &str, file: &File<'_>, index: usize) -> ParseError {
    let import = &file.written.dependency[index];
    let mut message = format!(
        "nothing is known of the import {import:?}: add a reference of that name with the file's text"
    );
    // An edit distance takes the product of the lengths.
    if import.len() < 200 {
        let references = definition.references.keys().map(String::as_str);
        let known: Vec<&str> = references.chain(well_known::names()).collect();
        if let Some(hint) = did_you_mean(import, known) {
            message = format!("{message}; {hint}");
        }
    }
    ParseError {
        reference: reference(name),
        position: import_position(file, index),
        ..ParseError::new(message)
    }
}

/// The files, each behind those it imports.
fn import_order<'a>(files: &'a BTreeMap<String, File<'_>>) -> Result<Vec<&'a str>, ParseError> {
    let mut order = Vec::new();
    let mut done = BTreeSet::new();
    // The chain of imports that leads to the file in hand, each with the next of its imports.
    let mut chain: Vec<(&str, usize)> = vec![(OWN_FILE, 0)];
    while let Some((name, next)) = chain.last_mut() {
        let file = &files[*name];
        let Some(import) = file.written.dependency.get(*next) else {
            order.push(*name);
            done.insert(*name);
            chain.pop();
            continue;
        };
        let index = *next;
        *next += 1;
        if done.contains(import.as_str()) {
            continue;
        }
        if chain.iter().any(|(name, _)| name == import) {
            let name = chain.last().map_or(OWN_FILE, |(name, _)| name);
            return Err(ParseError {
                reference: reference(name),
                position: import_position(&files[name], index),
                ..ParseError::new(format!("the import {import:?} leads back to this file"))
            });
        }
        chain.push((import, 0));
    }
    Ok(order)
}

/// What the resolver found wrong first, at its place in the text.
fn unresolved(error: &DescriptorError, files: &BTreeMap<String, File<'_>>) -> ParseError {
    let name = error.file().unwrap_or(OWN_FILE);
    let position = files.get(name).and_then(|file| noted(file, error.path()?));
    ParseError {
        reference: reference(name),
        position,
        ..ParseError::new(error.to_string())
    }
}

/// Takes over the full names of types, which the parser does not know yet.
fn adopt_types(written: &mut FileDescriptorProto, resolved: &FileDescriptorProto) {
    for (written, resolved) in written.message_type.iter_mut().zip(&resolved.message_type) {
        adopt_message_types(written, resolved);
    }
    adopt_field_types(&mut written.extension, &resolved.extension);
    for (written, resolved) in written.service.iter_mut().zip(&resolved.service) {
        for (written, resolved) in written.method.iter_mut().zip(&resolved.method) {
            written.input_type.clone_from(&resolved.input_type);
            written.output_type.clone_from(&resolved.output_type);
        }
    }
}

/// Recurses as deep as messages nest, which the parser bounds.
fn adopt_message_types(written: &mut DescriptorProto, resolved: &DescriptorProto) {
    adopt_field_types(&mut written.field, &resolved.field);
    adopt_field_types(&mut written.extension, &resolved.extension);
    for (written, resolved) in written.nested_type.iter_mut().zip(&resolved.nested_type) {
        adopt_message_types(written, resolved);
    }
}

fn adopt_field_types(written: &mut [FieldDescriptorProto], resolved: &[FieldDescriptorProto]) {
    for (written, resolved) in written.iter_mut().zip(resolved) {
        written.r#type = resolved.r#type;
        written.type_name.clone_from(&resolved.type_name);
        written.extendee.clone_from(&resolved.extendee);
    }
}
