//! The schemas of a command line: files on disk or in a commit, with the schemas they refer to.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::compatibility::{Definition, Format, ParseError, Schema, pointer};
use crate::config::files::{FileError, Files};
use crate::diagnostic::{Diagnostic, Diagnostics, Excerpt, SourceMap, Span};
use crate::source::git::GitTree;

use super::super::source;

/// What the schemas of a command are written in, and what they refer to.
#[derive(Debug, clap::Args)]
pub(super) struct LanguageArgs {
    /// The language: avro, protobuf or json [default: by the file's suffix .avsc, .proto or .json].
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// A schema that the others refer to, by the name that they use. May be repeated.
    #[arg(long = "reference", value_name = "NAME=FILE", value_parser = reference)]
    references: Vec<(String, PathBuf)>,
}

fn reference(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(file)))
        }
        _ => Err("expected NAME=FILE".to_owned()),
    }
}

/// A schema and the text that it was read from.
pub(super) struct Source {
    /// What messages call it: its path, or its path in a commit.
    pub(super) name: String,
    pub(super) schema: Schema,
    definition: Definition,
    /// What messages call the references.
    references: BTreeMap<String, String>,
}

impl LanguageArgs {
    /// Reads a schema from a file.
    pub(super) fn read(&self, path: &Path) -> Result<Source, Diagnostics> {
        let text = read_file(path)?;
        let mut references = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (name, path) in &self.references {
            references.insert(name.clone(), read_file(path)?);
            names.insert(name.clone(), path.display().to_string());
        }
        let name = path.display().to_string();
        self.parse(path, name, Definition { text, references }, names)
    }

    /// Reads the schema that a file held in a commit; `None` where it was not there.
    pub(super) fn read_base(
        &self,
        path: &Path,
        base: &mut Base,
    ) -> Result<Option<Source>, Diagnostics> {
        let Some(text) = base.read(path)? else {
            return Ok(None);
        };
        let mut references = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (name, path) in &self.references {
            // A schema that was not there then is taken as it is now.
            let (text, label) = match base.read(path)? {
                Some(text) => (text, base.name(path)),
                None => (read_file(path)?, path.display().to_string()),
            };
            references.insert(name.clone(), text);
            names.insert(name.clone(), label);
        }
        let name = base.name(path);
        self.parse(path, name, Definition { text, references }, names)
            .map(Some)
    }

    fn parse(
        &self,
        path: &Path,
        name: String,
        definition: Definition,
        references: BTreeMap<String, String>,
    ) -> Result<Source, Diagnostics> {
        let format = self.format_of(path)?;
        match Schema::parse_registered(format, &definition) {
            Ok(schema) => Ok(Source {
                name,
                schema,
                definition,
                references,
            }),
            Err(error) => {
                let summary = format!("The {format} schema {name} cannot be read");
                let diagnostic = Diagnostic::error("schema-invalid", summary);
                let texts = Texts {
                    schema: None,
                    name: &name,
                    definition: &definition,
                    references: &references,
                };
                Err(texts.explain(diagnostic, &error).into())
            }
        }
    }

    fn format_of(&self, path: &Path) -> Result<Format, Diagnostic> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("avsc") => Ok(Format::Avro),
            Some("proto") => Ok(Format::Protobuf),
            Some("json") => Ok(Format::Json),
            _ => {
                let summary = format!("The format of {} is not known", path.display());
                Err(Diagnostic::error("schema-format", summary)
                    .hint("name it with --format: avro, protobuf or json"))
            }
        }
    }
}

impl Source {
    /// Adds the place that a path into the schema names, with its line.
    pub(super) fn at(&self, diagnostic: Diagnostic, path: &str) -> Diagnostic {
        self.texts().at(diagnostic, path)
    }

    /// Returns the line and the column of a path into the schema, where they are known.
    pub(super) fn position(&self, path: &str) -> Option<(usize, usize)> {
        let excerpt = self.texts().excerpt(path)?;
        Some((excerpt.line, excerpt.column))
    }

    /// Returns what registries refuse in it.
    pub(super) fn refused(&self) -> Diagnostics {
        let faults = self.schema.faults().iter();
        faults
            .map(|fault| {
                let summary = format!("Registries refuse {} as a new schema", self.name);
                self.texts()
                    .explain(Diagnostic::warning("schema-refused", summary), fault)
            })
            .collect()
    }

    fn texts(&self) -> Texts<'_> {
        Texts {
            schema: Some(&self.schema),
            name: &self.name,
            definition: &self.definition,
            references: &self.references,
        }
    }
}

/// The texts of one schema, to show lines of.
struct Texts<'a> {
    /// What tells where a path is; none where it could not be read.
    schema: Option<&'a Schema>,
    name: &'a str,
    definition: &'a Definition,
    references: &'a BTreeMap<String, String>,
}

impl Texts<'_> {
    /// Adds what is wrong and where.
    fn explain(&self, diagnostic: Diagnostic, error: &ParseError) -> Diagnostic {
        let (file, text) = self.text(error.reference.as_deref());
        let diagnostic = diagnostic.detail(error.message.clone());
        let range = error
            .position
            .map(|(line, column)| from_position(text, line, column))
            .or_else(|| self.locate(text, error.path.as_deref()?));
        with_excerpt(diagnostic, file, text, range)
    }

    fn at(&self, diagnostic: Diagnostic, path: &str) -> Diagnostic {
        let (file, text, path) = self.split(path);
        let range = self.locate(text, path);
        with_excerpt(diagnostic, file, text, range)
    }

    fn excerpt(&self, path: &str) -> Option<Excerpt> {
        let (file, text, path) = self.split(path);
        excerpt(file, text, self.locate(text, path)?)
    }

    fn locate(&self, text: &str, path: &str) -> Option<Range<usize>> {
        match self.schema {
            Some(schema) => schema.locate(text, path),
            None => pointer::locate(text, path),
        }
    }

    /// Returns the file's name and text of a path, which may begin with `REFERENCE#`.
    fn split<'b>(&'b self, path: &'b str) -> (&'b str, &'b str, &'b str) {
        match path.split_once('#') {
            Some((reference, rest)) if self.definition.references.contains_key(reference) => {
                let (file, text) = self.text(Some(reference));
                (file, text, rest)
            }
            _ => {
                let (file, text) = self.text(None);
                (file, text, path)
            }
        }
    }

    fn text<'b>(&'b self, reference: Option<&str>) -> (&'b str, &'b str) {
        let found = reference.and_then(|name| {
            let text = self.definition.references.get(name)?;
            let file = self.references.get(name)?;
            Some((file.as_str(), text.as_str()))
        });
        found.unwrap_or((self.name, &self.definition.text))
    }
}

fn with_excerpt(
    mut diagnostic: Diagnostic,
    file: &str,
    text: &str,
    range: Option<Range<usize>>,
) -> Diagnostic {
    diagnostic.excerpt = range.clone().and_then(|range| excerpt(file, text, range));
    diagnostic.at(Span::new(file, range.unwrap_or(0..0)))
}

fn excerpt(file: &str, text: &str, range: Range<usize>) -> Option<Excerpt> {
    let mut sources = SourceMap::default();
    sources.insert(file, text);
    sources.excerpt(&Span::new(file, range))
}

/// Returns the range of the one character at a line and column.
fn from_position(text: &str, line: usize, column: usize) -> Range<usize> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = &text[start..];
    let offset = rest
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(rest.len(), |(offset, _)| offset);
    start + offset..start + offset + 1
}

fn read_file(path: &Path) -> Result<String, Diagnostic> {
    fs::read_to_string(path).map_err(|error| {
        let summary = format!("The schema {} cannot be read", path.display());
        Diagnostic::error("no-file", summary).detail(error.to_string())
    })
}

/// A commit whose files are the earlier versions, in the repository that a file lies in.
pub(super) struct Base<'a> {
    revision: &'a str,
    /// The repository's working tree and the commit's files, once the first file is known.
    opened: Option<(PathBuf, GitTree)>,
}

impl<'a> Base<'a> {
    pub(super) fn new(revision: &'a str) -> Self {
        Self {
            revision,
            opened: None,
        }
    }

    /// What messages call a file of the commit.
    fn name(&self, path: &Path) -> String {
        format!("{}:{}", self.revision, path.display())
    }

    /// Returns a file's text in the commit; `None` where it was not there.
    fn read(&mut self, path: &Path) -> Result<Option<String>, Diagnostics> {
        let full = fs::canonicalize(path).map_err(|error| {
            let summary = format!("The schema {} cannot be read", path.display());
            Diagnostic::error("no-file", summary).detail(error.to_string())
        })?;
        let (root, tree) = match self.opened.take() {
            Some((root, tree)) if full.starts_with(&root) => (root, tree),
            _ => open(&full, self.revision)?,
        };
        let (root, tree) = self.opened.insert((root, tree));
        let inside = full.strip_prefix(root).unwrap_or(&full);
        let read = match inside.to_str() {
            Some(inside) => tree.read(inside),
            None => Err(FileError::NotFound),
        };
        match read {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(FileError::NotFound) => Ok(None),
            Err(error) => {
                let summary = format!("The schema {} cannot be read", self.name(path));
                let diagnostic = Diagnostic::error("no-file", summary);
                Err(diagnostic.detail(error.to_string()).into())
            }
        }
    }
}

/// Opens the repository that a file lies in.
fn open(file: &Path, revision: &str) -> Result<(PathBuf, GitTree), Diagnostics> {
    let (root, repository) = source::around(file)?;
    let commit = repository.resolve(revision).map_err(Diagnostic::from)?;
    let tree = repository.tree(commit.id).map_err(Diagnostic::from)?;
    Ok((root, tree))
}
