//! Functions that read the project's files, and templates. Pure: files come through the scope.
//!
//! Paths are relative to the module's folder. What is read is recorded with its hash, since it decides
//! the outcome as the HCL files do.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use crate::config::eval::{FileAccess, evaluate_template};
use crate::config::files::{FileError, join};
use crate::config::parse::parse_template;
use crate::config::value::Value;
use crate::diagnostic::Diagnostics;
use crate::document::{ContentHash, Document};

use super::{Call, Failure, Function, Parameter, Want};

const PATH: &[Parameter] = &[Parameter::new("path", Want::String)];
const VARS: Parameter = Parameter::new("vars", Want::Mapping);

pub(super) const TABLE: &[Function] = &[
    Function::new("basename", PATH, Want::String, |call| {
        Ok(base_name(call.text(0)).into())
    }),
    Function::new("dirname", PATH, Want::String, |call| {
        Ok(dir_name(call.text(0)).into())
    }),
    Function::new("file", PATH, Want::String, |call| {
        Ok(read_text(call)?.into())
    }),
    Function::new("filebase64", PATH, Want::String, |call| {
        Ok(STANDARD.encode(read(call, 0)?).into())
    }),
    Function::new("fileexists", PATH, Want::Bool, file_exists),
    Function::new(
        "fileset",
        &[
            Parameter::new("path", Want::String),
            Parameter::new("pattern", Want::String),
        ],
        Want::Value,
        file_set,
    ),
    Function::new(
        "templatefile",
        &[Parameter::new("path", Want::String), VARS],
        Want::Value,
        template_file,
    ),
    Function::new(
        "templatestring",
        &[Parameter::new("template", Want::String), VARS],
        Want::Value,
        template_string,
    ),
];

fn access<'a>(call: &'a Call<'_>) -> Result<&'a FileAccess<'a>, Failure> {
    call.scope
        .files()
        .ok_or_else(|| Failure::call("files cannot be read here"))
}

/// Returns the path within the project.
fn resolve(call: &Call<'_>, index: usize) -> Result<String, Failure> {
    let path = call.text(index);
    join(access(call)?.folder, path).map_err(|error| problem(index, path, &error))
}

/// Says what is wrong with a path, and nothing of any content.
fn problem(index: usize, path: &str, error: &FileError) -> Failure {
    let advice = match error {
        FileError::Outside => "; only files of the project can be read",
        _ => "",
    };
    Failure::argument(index, format!("{path:?}: {error}{advice}"))
}

/// Reads the file that an argument names.
pub(super) fn read(call: &Call<'_>, index: usize) -> Result<Arc<[u8]>, Failure> {
    let path = resolve(call, index)?;
    let access = access(call)?;
    let bytes = access
        .files
        .read(&path)
        .map_err(|error| problem(index, call.text(index), &error))?;
    access.log.record(&path, ContentHash::of(&bytes));
    Ok(bytes)
}

fn read_text(call: &Call<'_>) -> Result<String, Failure> {
    let bytes = read(call, 0)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::argument(
            0,
            format!(
                "{:?} is not a text in UTF-8; filebase64() reads any file",
                call.text(0)
            ),
        )
    })?;
    Ok(text.to_owned())
}

/// Whether a file exists decides the outcome too: its absence is recorded as the hash of nothing.
fn file_exists(call: &Call<'_>) -> Result<Value, Failure> {
    let path = resolve(call, 0)?;
    let access = access(call)?;
    match access.files.read(&path) {
        Ok(bytes) => {
            access.log.record(&path, ContentHash::of(&bytes));
            Ok(true.into())
        }
        Err(FileError::NotFound) => {
            access.log.record(&path, ContentHash::of(&[]));
            Ok(false.into())
        }
        Err(error) => Err(problem(0, call.text(0), &error)),
    }
}

fn file_set(call: &Call<'_>) -> Result<Value, Failure> {
    let folder = resolve(call, 0)?;
    let pattern = glob(call.text(1))
        .ok_or_else(|| Failure::argument(1, "not a pattern: a bracket is not closed"))?;
    let access = access(call)?;
    let files = access
        .files
        .walk(&folder)
        .map_err(|error| problem(0, call.text(0), &error))?;
    let found: Vec<String> = files
        .into_iter()
        .filter(|file| pattern.is_match(file))
        .collect();
    let names = Document::of(&found);
    access
        .log
        .record(&format!("{folder}//{}", call.text(1)), names.hash());
    Ok(Value::set(found.into_iter().map(Value::from)))
}

/// Makes a regular expression of a pattern: `*`, `**`, `?`, `[…]`, `{a,b}`.
fn glob(pattern: &str) -> Option<Regex> {
    let mut regex = String::from("^");
    let mut rest = pattern;
    let mut alternatives = 0;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.starts_with("**/") {
            regex.push_str("(?:.*/)?");
            3
        } else if rest.starts_with("**") {
            regex.push_str(".*");
            2
        } else if c == '[' {
            let end = rest[1..].find(']')? + 1;
            let class = rest[1..end].replace('\\', "\\\\").replace('[', "\\[");
            let class = class
                .strip_prefix('!')
                .map_or(class.clone(), |not| format!("^{not}"));
            regex.extend(["[", &class, "&&[^/]]"]);
            end + 1
        } else {
            match c {
                '*' => regex.push_str("[^/]*"),
                '?' => regex.push_str("[^/]"),
                '{' => {
                    alternatives += 1;
                    regex.push_str("(?:");
                }
                '}' if alternatives > 0 => {
                    alternatives -= 1;
                    regex.push(')');
                }
                ',' if alternatives > 0 => regex.push('|'),
                c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    regex.push('$');
    Regex::new(&regex).ok()
}

/// The last part of a path, as Go's `filepath.Base`.
fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        "/"
    } else {
        trimmed.rsplit('/').next().unwrap_or(trimmed)
    }
}

/// The path without its last part, cleaned, as Go's `filepath.Dir`.
fn dir_name(path: &str) -> String {
    let folder = path.rfind('/').map_or("", |end| &path[..=end]);
    let absolute = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn template_file(call: &Call<'_>) -> Result<Value, Failure> {
    refuse_nesting(call)?;
    let path = resolve(call, 0)?;
    let text = read_text(call)?;
    render(call, &text, Some(&Arc::from(path)))
}

fn template_string(call: &Call<'_>) -> Result<Value, Failure> {
    refuse_nesting(call)?;
    // The text has no file of its own; errors in it are pointed at from the call.
    render(call, call.text(0), None)
}

/// A template cannot render templates: so it cannot go on for ever.
fn refuse_nesting(call: &Call<'_>) -> Result<(), Failure> {
    if call.scope.in_template() {
        return Err(Failure::call("a template cannot render another template"));
    }
    Ok(())
}

fn render(call: &Call<'_>, text: &str, file: Option<&Arc<str>>) -> Result<Value, Failure> {
    let unnamed = Arc::from("");
    let template = parse_template(text, file.unwrap_or(&unnamed)).map_err(|mut errors| {
        if file.is_none() {
            errors.0.iter_mut().for_each(|error| error.span = None);
        }
        Failure::Nested(errors)
    })?;
    let variables: BTreeMap<Arc<str>, Value> =
        call.args[1].as_attributes().cloned().unwrap_or_default();
    evaluate_template(&template, &call.scope.for_template(&variables, file, text))
        .map_err(|errors: Diagnostics| Failure::Nested(errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_terraform() {
        let matches = |pattern: &str, path: &str| glob(pattern).expect("a pattern").is_match(path);
        assert!(matches("*.avsc", "a.avsc") && !matches("*.avsc", "x/a.avsc"));
        assert!(matches("**/*.avsc", "a.avsc") && matches("**/*.avsc", "x/y/a.avsc"));
        assert!(matches("{a,b}/[!x]?.txt", "b/yz.txt") && !matches("{a,b}/[!x]?.txt", "b/xz.txt"));
        assert!(matches("a+(b)", "a+(b)") && !matches("a.c", "abc"));
        assert!(glob("[a").is_none());
    }

    #[test]
    fn paths_are_taken_apart_as_in_go() {
        for (path, base, dir) in [
            ("", ".", "."),
            ("/", "/", "/"),
            ("a", "a", "."),
            ("a/b/", "b", "a/b"),
            ("../a/../b.txt", "b.txt", ".."),
            ("/a//b/c", "c", "/a/b"),
        ] {
            assert_eq!(
                (base_name(path), dir_name(path).as_str()),
                (base, dir),
                "{path}"
            );
        }
    }
}
