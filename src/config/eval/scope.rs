//! What an expression can see: variables, its source text, files. Pure.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::config::files::Files;
use crate::config::value::Value;
use crate::diagnostic::Span;
use crate::document::ContentHash;

/// The root names of an expression: `var`, `local`, `topic`, `each`.
pub trait Variables {
    /// Returns the value of a root name.
    fn get(&self, name: &str) -> Option<Value>;

    /// Returns all root names, for suggestions.
    fn names(&self) -> Vec<Arc<str>>;

    /// Returns `root.name` where that can be had without making the value of the whole root.
    /// `None` where it cannot, or where there is no such attribute: then [`Variables::get`] is asked.
    fn member(&self, _root: &str, _name: &str) -> Option<Value> {
        None
    }
}

impl Variables for BTreeMap<Arc<str>, Value> {
    fn get(&self, name: &str) -> Option<Value> {
        Self::get(self, name).cloned()
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.keys().cloned().collect()
    }

    fn member(&self, root: &str, name: &str) -> Option<Value> {
        match Self::get(self, root)? {
            Value::Object(attributes) => attributes.get(name).cloned(),
            _ => None,
        }
    }
}

/// No variables at all.
struct Nothing;

impl Variables for Nothing {
    fn get(&self, _name: &str) -> Option<Value> {
        None
    }

    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// The files and folders that functions read, with the hashes of what they found.
#[derive(Debug, Default)]
pub struct ReadLog(RefCell<BTreeMap<Arc<str>, ContentHash>>);

impl ReadLog {
    /// Records what stands under a name: a path, or `FOLDER//PATTERN` for the names that `fileset` found.
    pub fn record(&self, name: &str, hash: ContentHash) {
        self.0.borrow_mut().insert(name.into(), hash);
    }

    /// Returns what was recorded.
    pub fn into_hashes(self) -> BTreeMap<Arc<str>, ContentHash> {
        self.0.into_inner()
    }
}

/// How functions such as `file` reach the project's files.
#[derive(Clone, Copy)]
pub struct FileAccess<'a> {
    /// The module's folder within the project; `""` is the root.
    pub folder: &'a str,
    /// The project's files.
    pub files: &'a dyn Files,
    /// Where reads are recorded.
    pub log: &'a ReadLog,
}

/// Names that a `for` binds, on top of those around it.
pub(super) struct Bindings<'a> {
    /// The name of the value, and the value.
    pub(super) value: (&'a str, Value),
    /// The name of the key, and the key.
    pub(super) key: Option<(&'a str, Value)>,
    /// Those of the `for` around it.
    pub(super) parent: Option<&'a Bindings<'a>>,
}

/// What an expression can see. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    variables: &'a dyn Variables,
    bindings: Option<&'a Bindings<'a>>,
    file: Option<&'a Arc<str>>,
    text: &'a str,
    /// Where `text` begins in the file.
    base: usize,
    files: Option<&'a FileAccess<'a>>,
    in_template: bool,
    console: bool,
}

impl<'a> Scope<'a> {
    /// Returns a scope with these variables for expressions of one file, whose text is `text`.
    pub fn new(variables: &'a dyn Variables, file: &'a Arc<str>, text: &'a str) -> Self {
        Self {
            variables,
            bindings: None,
            file: Some(file),
            text,
            base: 0,
            files: None,
            in_template: false,
            console: false,
        }
    }

    /// Returns a scope without variables, file name and text: for constants, without spans in errors.
    pub fn bare() -> Scope<'static> {
        Scope {
            variables: &Nothing,
            bindings: None,
            file: None,
            text: "",
            base: 0,
            files: None,
            in_template: false,
            console: false,
        }
    }

    /// Returns the scope of a text that is a part of its file and begins at this byte.
    #[must_use]
    pub fn at(self, base: usize) -> Self {
        Self { base, ..self }
    }

    /// Returns the scope with functions that read files.
    #[must_use]
    pub fn with_files(self, files: &'a FileAccess<'a>) -> Self {
        Self {
            files: Some(files),
            ..self
        }
    }

    /// Returns the scope for an expression of another text of the same file.
    #[must_use]
    pub fn with_text(self, text: &'a str) -> Self {
        Self { text, ..self }
    }

    /// Returns the scope with the functions that only the console has: `type`.
    #[must_use]
    pub fn for_console(self) -> Self {
        Self {
            console: true,
            ..self
        }
    }

    /// Returns the scope of another text, such as a template's, with only these variables.
    pub(in crate::config) fn for_template(
        &self,
        variables: &'a dyn Variables,
        file: Option<&'a Arc<str>>,
        text: &'a str,
    ) -> Self {
        Self {
            variables,
            bindings: None,
            file,
            text,
            base: 0,
            in_template: true,
            ..*self
        }
    }

    /// Returns the scope within a `for`.
    pub(super) fn within<'b>(self, bindings: &'b Bindings<'b>) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope {
            bindings: Some(bindings),
            ..self
        }
    }

    /// Returns the bindings of the `for` expressions around.
    pub(super) fn bindings(&self) -> Option<&'a Bindings<'a>> {
        self.bindings
    }

    /// Returns how functions reach files, where they may.
    pub(in crate::config) fn files(&self) -> Option<&'a FileAccess<'a>> {
        self.files
    }

    /// Whether the expression stands in a template that a function renders.
    pub(in crate::config) fn in_template(&self) -> bool {
        self.in_template
    }

    /// Whether the functions of the console are there.
    pub(in crate::config) fn is_console(&self) -> bool {
        self.console
    }

    /// Returns the root variables.
    pub(super) fn variables(&self) -> &'a dyn Variables {
        self.variables
    }

    /// Returns the value that a `for` around has bound to a name.
    pub(super) fn bound(&self, name: &str) -> Option<&'a Value> {
        let mut bindings = self.bindings;
        while let Some(current) = bindings {
            // The value's name wins where both are the same.
            if current.value.0 == name {
                return Some(&current.value.1);
            }
            if let Some((key, value)) = &current.key
                && *key == name
            {
                return Some(value);
            }
            bindings = current.parent;
        }
        None
    }

    /// Returns all names that can be used, for suggestions.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let mut names = self.variables.names();
        let mut bindings = self.bindings;
        while let Some(current) = bindings {
            names.push(current.value.0.into());
            names.extend(current.key.iter().map(|(key, _)| Arc::from(*key)));
            bindings = current.parent;
        }
        names
    }

    /// Returns the span of a range of the source text.
    pub fn span(&self, range: Option<Range<usize>>) -> Option<Span> {
        let range = range?;
        let in_file = self.base + range.start..self.base + range.end;
        Some(Span::new(self.file?.clone(), in_file))
    }

    /// Returns the source text of a range.
    pub(super) fn text_of(&self, range: Option<Range<usize>>) -> Option<&'a str> {
        self.text.get(range?)
    }
}
