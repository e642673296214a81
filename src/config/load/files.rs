//! Reads the files that attributes of an object name, such as a job's program: path, hash and length. Pure:
//! files come through the scope.

use std::sync::Arc;

use crate::config::block::{Attribute, Block, ProjectFile};
use crate::config::eval::FileAccess;
use crate::config::files::{FileError, join};
use crate::config::value::Value;
use crate::diagnostic::{Diagnostic, Diagnostics, capitalised};
use crate::document::ContentHash;

/// Reads the files that the attributes `named` of a block hold; `None` where one cannot be read. Their content
/// decides the outcome, so it is recorded as what `file()` reads is.
pub(super) fn read(
    body: &mut Block,
    named: &[&str],
    access: &FileAccess<'_>,
    errors: &mut Diagnostics,
) -> Option<()> {
    let mut complete = Some(());
    for path in named {
        let read = match path.split_once('.') {
            None => read_attribute(body, path, access, errors),
            Some((keyword, name)) => {
                let nested = body.blocks.iter_mut();
                nested
                    .filter(|block| *block.keyword == *keyword)
                    .try_for_each(|block| read_attribute(block, name, access, errors))
            }
        };
        complete = complete.and(read);
    }
    complete
}

fn read_attribute(
    block: &mut Block,
    name: &str,
    access: &FileAccess<'_>,
    errors: &mut Diagnostics,
) -> Option<()> {
    let Some(attribute) = block.attributes.get(name) else {
        return Some(());
    };
    let mut found = Vec::new();
    let mut complete = Some(());
    for path in paths(&attribute.value).filter(|path| !is_url(path)) {
        match read_file(path, access) {
            Ok(file) => found.push((name.into(), file)),
            Err(error) => {
                errors.push(unread(name, attribute, path, &error));
                complete = None;
            }
        }
    }
    block.files.append(&mut found);
    complete
}

/// What is neither a text nor a list of texts is left to the kind's own reading, which says what it expects.
fn paths(value: &Value) -> impl Iterator<Item = &str> {
    let value = value.unmarked();
    let items = match value {
        Value::List(items) | Value::Tuple(items) => &items[..],
        one => std::slice::from_ref(one),
    };
    items.iter().filter_map(|item| match item.unmarked() {
        Value::String(text) => Some(&**text),
        _ => None,
    })
}

fn is_url(path: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| path.starts_with(scheme))
}

fn read_file(path: &str, access: &FileAccess<'_>) -> Result<ProjectFile, FileError> {
    let path: Arc<str> = join(access.folder, path)?.into();
    let bytes = access.files.read(&path)?;
    let hash = ContentHash::of(&bytes);
    access.log.record(&path, hash);
    Ok(ProjectFile {
        path,
        hash,
        bytes: bytes.len() as u64,
    })
}

fn unread(name: &str, attribute: &Attribute, path: &str, error: &FileError) -> Diagnostic {
    let hint = match error {
        FileError::Outside => "only files of the project can be read",
        FileError::TooLarge(_) => "give its URL instead, if the attribute takes one",
        _ => "the path starts from the project's folder",
    };
    let summary = format!("The file {path:?} of {name} cannot be read");
    Diagnostic::error("unreadable-file", summary)
        .detail(format!("{}.", capitalised(&error.to_string())))
        .at(attribute.value_span.clone())
        .hint(hint)
}
