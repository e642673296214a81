//! Reads and parses the files of a project's folder. Files come through [`Files`]; pure otherwise.

use std::sync::Arc;

use hcl_edit::structure::Body;

use crate::config::files::{FileError, Files, join};
use crate::config::syntax::{self, SyntaxError};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span};

use super::check::sentence;
use super::split;

/// A parsed file.
#[derive(Debug)]
pub(super) struct Source {
    /// The path, relative to the project's tree.
    pub(super) file: Arc<str>,
    /// What it holds.
    pub(super) body: Body,
}

/// The parsed files of one folder: a project or a module.
#[derive(Debug)]
pub(super) struct Folder {
    /// The path, relative to the project's tree; `""` for its root.
    pub(super) path: Arc<str>,
    /// The files, by name.
    pub(super) sources: Vec<Source>,
}

/// Whether a name is that of a file with definitions: `*.hcl`, but neither values nor tests.
fn is_definition(name: &str) -> bool {
    name.ends_with(".hcl") && !name.ends_with(".vars.hcl") && !name.ends_with(".test.hcl")
}

/// Returns the span of a part of a file.
pub(super) fn span(file: &Arc<str>, node: &impl hcl_edit::Span) -> Span {
    Span::new(Arc::clone(file), node.span().unwrap_or(0..0))
}

/// Reads and parses all definitions of a folder. An error of one file does not hide another's.
pub(super) fn read_folder(
    files: &dyn Files,
    path: &str,
    sources: &mut SourceMap,
) -> Result<Folder, Diagnostics> {
    let names = files.list(path).map_err(|error| {
        let shown = if path.is_empty() { "." } else { path };
        Diagnostic::error("folder", format!("Cannot read the folder {shown:?}"))
            .detail(sentence(&error))
    })?;
    let mut diagnostics = Diagnostics::new();
    let mut parsed = Vec::new();
    for name in names.iter().filter(|name| is_definition(name)) {
        let file = join(path, name).unwrap_or_else(|_| name.clone());
        if let Some(source) = diagnostics.take(read_file(files, &file, sources)) {
            parsed.push(source);
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    Ok(Folder {
        path: path.into(),
        sources: parsed,
    })
}

/// Reads and parses one file.
pub(super) fn read_file(
    files: &dyn Files,
    path: &str,
    sources: &mut SourceMap,
) -> Result<Source, Diagnostics> {
    let bytes = files.read(path).map_err(|error| unreadable(path, &error))?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => return Err(not_utf8(path, &bytes, error.valid_up_to()).into()),
    };
    parse(path, text, sources)
}

/// Parses a text and keeps it in `sources`. A byte order mark is taken off.
pub(super) fn parse(
    path: &str,
    text: &str,
    sources: &mut SourceMap,
) -> Result<Source, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: Arc<str> = path.into();
    sources.insert(Arc::clone(&file), text);
    match syntax::parse(text) {
        Ok(body) => Ok(Source { file, body }),
        Err(first) => Err(syntax_errors(&file, text, &first)),
    }
}

/// Returns the errors of all pieces of a text that does not parse as a whole.
fn syntax_errors(file: &Arc<str>, text: &str, first: &SyntaxError) -> Diagnostics {
    let mut diagnostics: Diagnostics = split::pieces(text)
        .into_iter()
        .filter_map(|range| {
            let error = syntax::parse(&text[range.clone()]).err()?;
            Some(syntax_error(file, range.start, &text[range], &error))
        })
        .collect();
    if diagnostics.is_empty() {
        // Only the whole is wrong, such as an attribute that stands twice.
        diagnostics.push(syntax_error(file, 0, text, first));
    }
    diagnostics
}

fn syntax_error(file: &Arc<str>, base: usize, piece: &str, error: &SyntaxError) -> Diagnostic {
    let offset = error.offset.min(piece.len());
    // At the end of the input the place is the last line that says something.
    let offset = if piece[offset..].trim().is_empty() {
        piece.trim_end().len()
    } else {
        offset
    };
    let start = base + offset;
    if error.message.ends_with("redefined attribute") {
        let end = piece[offset..].find(|c: char| c.is_whitespace() || c == '=');
        let end = end.map_or(piece.len(), |end| offset + end);
        return Diagnostic::error(
            "duplicate",
            format!("The attribute {:?} is set twice", &piece[offset..end]),
        )
        .at(Span::new(Arc::clone(file), start..base + end));
    }
    let diagnostic = Diagnostic::error("syntax", "Invalid syntax")
        .detail(sentence(&error.message))
        .at(Span::new(Arc::clone(file), start..start + 1));
    if offset == piece.trim_end().len() {
        return diagnostic.hint("the block may lack its closing brace");
    }
    diagnostic
}

fn unreadable(path: &str, error: &FileError) -> Diagnostic {
    Diagnostic::error("file", format!("Cannot read {path:?}")).detail(sentence(error))
}

fn not_utf8(path: &str, bytes: &[u8], at: usize) -> Diagnostic {
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    Diagnostic::error("not-utf8", format!("{path:?} is not UTF-8 text"))
        .detail(format!(
            "Byte {:#04x} in line {line} begins no character.",
            bytes[at]
        ))
        .hint("save the file as UTF-8")
}
