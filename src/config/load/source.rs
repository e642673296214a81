//! Reads and parses the files of a project's folder. Files come through [`Files`]; pure otherwise.
//!
//! A syntax tree is forty times as large as its text. A project may hold ten thousand topics, so the
//! tree of an object's block is not kept: the block's header is enough to know its name, and the
//! block is parsed when it is declared, and again when it is evaluated.

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::structure::{Block, Body, Structure};

use crate::address::is_identifier;
use crate::config::files::{FileError, Files, join};
use crate::config::schema::KindSchema;
use crate::config::syntax::{self, SyntaxError};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, sentence};

use super::split;

/// A range of a file that is parsed on its own. Places in its tree count from its first byte.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The file's path, relative to the project's tree.
    pub(super) file: Arc<str>,
    /// The first byte.
    pub(super) base: usize,
    len: usize,
}

impl Piece {
    /// Returns the span of a range of this piece.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(
            Arc::clone(&self.file),
            self.base + range.start..self.base + range.end,
        )
    }

    /// Returns the piece's text.
    pub(super) fn text<'s>(&self, sources: &'s SourceMap) -> &'s str {
        let text = sources.text(&self.file);
        text.and_then(|text| text.get(self.base..self.base + self.len))
            .unwrap_or_default()
    }

    /// Parses the piece, which must hold one block and nothing else.
    pub(super) fn parse_block(&self, sources: &SourceMap) -> Result<Block, Diagnostic> {
        let text = self.text(sources);
        let body = syntax::parse(text).map_err(|error| self.syntax_error(text, &error))?;
        let mut structures = body.into_iter();
        if let (Some(Structure::Block(block)), None) = (structures.next(), structures.next()) {
            return Ok(block);
        }
        let error = SyntaxError {
            offset: 0,
            message: "one block was expected".to_owned(),
        };
        Err(self.syntax_error(text, &error))
    }

    fn syntax_error(&self, text: &str, error: &SyntaxError) -> Diagnostic {
        let offset = text.floor_char_boundary(error.offset);
        // At the end of the text the place is the last line that says something.
        let said = text.trim_end().len();
        let offset = if text[offset..].trim().is_empty() {
            said
        } else {
            offset
        };
        if error.message.ends_with("redefined attribute") {
            let end = text[offset..].find(|c: char| c.is_whitespace() || c == '=');
            let end = end.map_or(text.len(), |end| offset + end);
            let name = &text[offset..end];
            return Diagnostic::error("duplicate", format!("The attribute {name:?} is set twice"))
                .at(self.span(offset..end));
        }
        let diagnostic =
            Diagnostic::error("syntax", "Invalid syntax")
                .detail(sentence(&error.message))
                .at(self.span(
                    offset..offset + text[offset..].chars().next().map_or(1, char::len_utf8),
                ));
        if offset == said {
            return diagnostic.hint("the block may lack its closing brace");
        }
        diagnostic
    }
}

/// A piece and what is kept of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) piece: Piece,
    pub(super) content: Content,
}

/// What is kept of a piece.
#[derive(Debug)]
pub(super) enum Content {
    Tree(Body),
    /// The block of an object, not parsed yet.
    Object {
        keyword: String,
        label: String,
        /// The keyword and the label, in the piece.
        header: Range<usize>,
    },
}

impl Part {
    /// The blocks of the tree that is kept.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        let body = match &self.content {
            Content::Tree(body) => Some(body),
            Content::Object { .. } => None,
        };
        body.into_iter()
            .flat_map(|body| body.iter().filter_map(Structure::as_block))
    }
}

/// A file.
#[derive(Debug)]
pub(super) struct Source {
    /// The path, relative to the project's tree.
    pub(super) file: Arc<str>,
    /// What it holds, in its order.
    pub(super) parts: Vec<Part>,
}

/// The parsed files of one folder: a project or a module.
#[derive(Debug)]
pub(super) struct Folder {
    /// The path, relative to the project's tree; `""` for its root.
    pub(super) path: Arc<str>,
    /// The files, by name.
    pub(super) sources: Vec<Source>,
}

impl Folder {
    /// Parses what was not parsed yet for its mistakes.
    pub(super) fn look_for_syntax_errors(
        &self,
        sources: &SourceMap,
        diagnostics: &mut Diagnostics,
    ) {
        for part in self.sources.iter().flat_map(|source| &source.parts) {
            if matches!(part.content, Content::Object { .. }) {
                diagnostics.take(part.piece.parse_block(sources).map(drop));
            }
        }
    }
}

/// How files are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) files: &'r dyn Files,
    pub(super) look: Look<'r>,
    /// Whether files are parsed as a whole: where a cut into pieces went wrong.
    pub(super) whole: bool,
}

/// What is looked at in a file.
#[derive(Clone, Copy)]
pub(super) enum Look<'r> {
    /// Everything; the blocks of these kinds are parsed later.
    All(&'r [KindSchema]),
    /// Only the blocks that begin with one of these keywords.
    Only(&'r [&'r str]),
}

/// Whether a name is that of a file with definitions: `*.hcl`, but neither values nor tests.
fn is_definition(name: &str) -> bool {
    let mut parts = name.rsplit('.');
    parts.next() == Some("hcl") && !matches!(parts.next(), Some("vars" | "test") | None)
}

/// Returns the span of a part of a piece.
pub(super) fn span(piece: &Piece, node: &impl hcl_edit::Span) -> Span {
    piece.span(node.span().unwrap_or(0..0))
}

impl Reading<'_> {
    /// Reads all definitions of a folder. An error of one file does not hide another's.
    pub(super) fn folder(
        &self,
        path: &str,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Folder> {
        let names = diagnostics.take(self.files.list(path).map_err(|error| {
            let shown = if path.is_empty() { "." } else { path };
            Diagnostic::error("folder", format!("Cannot read the folder {shown:?}"))
                .detail(sentence(&error))
        }))?;
        let mut folder = Folder {
            path: path.into(),
            sources: Vec::new(),
        };
        for name in names.iter().filter(|name| is_definition(name)) {
            let path = join(path, name).unwrap_or_else(|_| name.clone());
            if let Some(file) = diagnostics.take(read(self.files, &path, sources)) {
                folder.sources.push(self.source(file, sources, diagnostics));
            }
        }
        Some(folder)
    }

    /// Cuts a file into its pieces and parses those that are not the blocks of objects.
    fn source(&self, file: Arc<str>, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Source {
        let text = sources.text(&file).map_or("", |text| text);
        let whole = || Piece {
            file: Arc::clone(&file),
            base: 0,
            len: text.len(),
        };
        let mut parts = Vec::new();
        let mut errors = Diagnostics::new();
        let ranges = if self.whole {
            std::iter::once(0..text.len()).collect()
        } else {
            split::pieces(text)
        };
        for range in ranges {
            let piece = Piece {
                base: range.start,
                len: range.len(),
                ..whole()
            };
            let text = &text[range];
            if !self.is_looked_at(text) {
                continue;
            }
            let content = match self.object(text) {
                Some(object) if !self.whole => object,
                _ => match syntax::parse(text) {
                    Ok(body) => Content::Tree(body),
                    Err(error) => {
                        errors.push(piece.syntax_error(text, &error));
                        continue;
                    }
                },
            };
            parts.push(Part { piece, content });
        }
        if errors.has_errors()
            && !self.whole
            && let Ok(body) = syntax::parse(text)
        {
            // The text is right, and the cut was not.
            let piece = whole();
            let content = Content::Tree(body);
            parts = vec![Part { piece, content }];
            errors = Diagnostics::new();
        }
        diagnostics.extend(errors);
        Source { file, parts }
    }

    fn is_looked_at(&self, text: &str) -> bool {
        match self.look {
            Look::All(_) => true,
            Look::Only(keywords) => {
                word(skip_blank(text)).is_some_and(|(keyword, _)| keywords.contains(&keyword))
            }
        }
    }

    /// Whether a piece is the block of an object, as far as its header tells.
    fn object(&self, text: &str) -> Option<Content> {
        let Look::All(kinds) = self.look else {
            return None;
        };
        let start = text.len() - skip_blank(text).len();
        let (keyword, rest) = word(&text[start..])?;
        if !kinds.iter().any(|kind| kind.keyword == keyword) {
            return None;
        }
        let rest = rest.trim_start_matches([' ', '\t']);
        let (label, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (label, rest) = quoted.split_once('"')?;
                is_identifier(label).then_some((label, rest))?
            }
            None => word(rest)?,
        };
        let header = start..text.len() - rest.len();
        rest.trim_start_matches([' ', '\t'])
            .starts_with('{')
            .then(|| Content::Object {
                keyword: keyword.to_owned(),
                label: label.to_owned(),
                header,
            })
    }
}

/// Returns the text behind white space and comments.
fn skip_blank(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = if rest.starts_with('#') || rest.starts_with("//") {
            rest.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
}

/// Splits an identifier from the start of a text.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    is_identifier(word).then_some((word, rest))
}

/// Reads a file and keeps its text, without a byte order mark, in `sources`.
fn read(files: &dyn Files, path: &str, sources: &mut SourceMap) -> Result<Arc<str>, Diagnostic> {
    let bytes = files.read(path).map_err(|error| unreadable(path, &error))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(keep(path, text, sources)),
        Err(error) => Err(not_utf8(path, &bytes, error.valid_up_to())),
    }
}

fn keep(path: &str, text: &str, sources: &mut SourceMap) -> Arc<str> {
    let file: Arc<str> = path.into();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    sources.insert(Arc::clone(&file), text);
    file
}

/// Reads and parses a file of values.
pub(super) fn read_values(
    files: &dyn Files,
    path: &str,
    sources: &mut SourceMap,
) -> Result<(Piece, Body), Diagnostics> {
    let file = read(files, path, sources)?;
    parse_whole(&file, sources)
}

/// Parses the text of a file of values that the command line gave.
pub(super) fn parse_values(
    path: &str,
    text: &str,
    sources: &mut SourceMap,
) -> Result<(Piece, Body), Diagnostics> {
    let file = keep(path, text, sources);
    parse_whole(&file, sources)
}

fn parse_whole(file: &Arc<str>, sources: &SourceMap) -> Result<(Piece, Body), Diagnostics> {
    let text = sources.text(file).map_or("", |text| text);
    let piece = |range: Range<usize>| Piece {
        file: Arc::clone(file),
        base: range.start,
        len: range.len(),
    };
    let error = match syntax::parse(text) {
        Ok(body) => return Ok((piece(0..text.len()), body)),
        Err(error) => error,
    };
    let mut diagnostics = Diagnostics::new();
    for range in split::pieces(text) {
        let text = &text[range.clone()];
        if let Err(error) = syntax::parse(text) {
            diagnostics.push(piece(range).syntax_error(text, &error));
        }
    }
    if diagnostics.is_empty() {
        // Only the whole is wrong, such as a name that stands twice.
        diagnostics.push(piece(0..text.len()).syntax_error(text, &error));
    }
    Err(diagnostics)
}

fn unreadable(path: &str, error: &FileError) -> Diagnostic {
    Diagnostic::error("file", format!("Cannot read {path:?}")).detail(sentence(error))
}

fn not_utf8(path: &str, bytes: &[u8], at: usize) -> Diagnostic {
    let line = bytes[..at].split(|byte| *byte == b'\n').count();
    Diagnostic::error("not-utf8", format!("{path:?} is not UTF-8 text"))
        .detail(format!(
            "Byte {:#04x} in line {line} begins no character.",
            bytes[at]
        ))
        .hint("save the file as UTF-8")
}
