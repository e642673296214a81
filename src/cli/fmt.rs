//! `streamform fmt`: rewrites files to the canonical layout.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::ArgAction;
use similar::TextDiff;

use crate::config::format::format;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};

use super::project::{decode, read_text};
use super::{Exit, Output};

/// Rewrite files to the canonical layout.
///
/// Prints the names of the files that change. The layout is that of `terraform fmt`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Args {
    /// Files, folders, or `-` for standard input; the current folder where none is given.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing and exit with code 3 if a file is not formatted.
    #[arg(long)]
    check: bool,
    /// Print the changes.
    #[arg(long)]
    diff: bool,
    /// Format the files in subfolders too.
    #[arg(long)]
    recursive: bool,
    /// Whether to write the files.
    #[arg(
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        require_equals = true,
        num_args = 0..=1,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    write: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return standard_input(args, output);
    }
    let mut diagnostics = Diagnostics::new();
    let mut changed = false;
    for path in targets(&args.paths, args.recursive, &mut diagnostics) {
        let outcome = file(&path, args, output);
        changed |= diagnostics.take(outcome).unwrap_or(false);
    }
    diagnostics.finish(exit(args, changed), &mut Diagnostics::new())
}

fn exit(args: &Args, changed: bool) -> Exit {
    if args.check && changed {
        Exit::Refused
    } else {
        Exit::Done
    }
}

/// Formats standard input to standard output.
fn standard_input(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    if args.paths.len() > 1 {
        let summary = "Standard input cannot be formatted together with files";
        return Err(Diagnostic::error("usage", summary).into());
    }
    let mut bytes = Vec::new();
    io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| failed("Cannot read standard input", &error))?;
    let name = "<stdin>";
    let before = decode(bytes, name)?;
    let after = formatted(&before, name)?;
    if args.diff {
        output.result(&difference(name, &before, &after));
    } else if !args.check {
        output.result(&after);
    }
    Ok(exit(args, before != after))
}

/// Formats one file; whether it changes.
fn file(path: &Path, args: &Args, output: &Output) -> Result<bool, Diagnostics> {
    let name = path.display().to_string();
    let before = read_text(path)?;
    let after = formatted(&before, &name)?;
    if before == after {
        return Ok(false);
    }
    if args.write && !args.check {
        let summary = format!("Cannot write {name}");
        replace(path, &after).map_err(|error| failed(&summary, &error))?;
    }
    output.result(&format!("{name}\n"));
    if args.diff {
        output.result(&difference(&name, &before, &after));
    }
    Ok(true)
}

/// Returns the formatted text, or errors with the lines that they are about.
fn formatted(text: &str, name: &str) -> Result<String, Diagnostics> {
    format(text, name).map_err(|diagnostics| {
        let mut sources = SourceMap::default();
        sources.insert(name, text);
        sources.attach(diagnostics)
    })
}

fn difference(name: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .header(&format!("old/{name}"), &format!("new/{name}"))
        .to_string()
}

/// Puts a new text in a file's place, so that a crash leaves the old text or the new one. A link
/// stays one: the file that it leads to is replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    // Opened for its permission only: a rename would replace a read-only file too.
    let permissions = OpenOptions::new()
        .write(true)
        .open(&path)?
        .metadata()?
        .permissions();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    });
    written.inspect_err(|_| {
        // The first error is the one to tell.
        fs::remove_file(&temporary).ok();
    })
}

/// Returns the files to format, each once and in the order of the arguments.
fn targets(paths: &[PathBuf], recursive: bool, diagnostics: &mut Diagnostics) -> Vec<PathBuf> {
    if paths.is_empty() {
        return diagnostics
            .take(folder(Path::new(""), recursive))
            .unwrap_or_default();
    }
    let mut files = Vec::new();
    for path in paths {
        let found = if path.is_dir() {
            folder(path, recursive)
        } else {
            single(path)
        };
        for file in diagnostics.take(found).unwrap_or_default() {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    files
}

fn single(path: &Path) -> Result<Vec<PathBuf>, Diagnostics> {
    if !path.exists() {
        let summary = format!("No file or folder at {}", path.display());
        return Err(Diagnostic::error("no-file", summary).into());
    }
    if path.extension().is_none_or(|extension| extension != "hcl") {
        let summary = format!("{} is not an HCL file", path.display());
        let diagnostic = Diagnostic::error("not-hcl", summary);
        return Err(diagnostic
            .detail("Only files whose names end in .hcl are formatted.")
            .into());
    }
    Ok(vec![path.to_owned()])
}

/// Returns the HCL files of a folder, sorted. Hidden files and folders are left out, and links to
/// folders are not followed. The current folder is `""`.
fn folder(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, Diagnostics> {
    let current = path.as_os_str().is_empty();
    let read = if current { Path::new(".") } else { path };
    let summary = || format!("Cannot read the folder {}", read.display());
    let entries = fs::read_dir(read).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|error| failed(&summary(), &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let entry_path = path.join(&name);
        let kind = entry
            .file_type()
            .map_err(|error| failed(&summary(), &error))?;
        if kind.is_dir() {
            if recursive {
                files.extend(folder(&entry_path, recursive)?);
            }
        } else if entry_path.extension().is_some_and(|e| e == "hcl") && entry_path.is_file() {
            files.push(entry_path);
        }
    }
    Ok(files)
}

fn failed(summary: &str, error: &io::Error) -> Diagnostics {
    Diagnostic::error("io", summary)
        .detail(error.to_string())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UGLY: &str = "a=1\nbb   = 2\n";
    const TIDY: &str = "a  = 1\nbb = 2\n";

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in [
            "b.hcl",
            "a.vars.hcl",
            "sub/c.hcl",
            ".hidden/d.hcl",
            "e.txt",
            ".f.hcl",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
            fs::write(path, UGLY).expect("a file is written");
        }
        folder
    }

    fn names(folder: &Path, recursive: bool) -> Vec<String> {
        let mut diagnostics = Diagnostics::new();
        let files = targets(&[folder.to_owned()], recursive, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{}", diagnostics.render());
        let relative = |path: &PathBuf| path.strip_prefix(folder).map(|p| p.display().to_string());
        files
            .iter()
            .filter_map(|path| relative(path).ok())
            .collect()
    }

    #[test]
    fn a_folder_is_its_own_files_unless_recursive() {
        let folder = project();
        assert_eq!(names(folder.path(), false), ["a.vars.hcl", "b.hcl"]);
        assert_eq!(
            names(folder.path(), true),
            ["a.vars.hcl", "b.hcl", "sub/c.hcl"]
        );
    }

    #[test]
    fn a_file_is_replaced_and_a_link_stays_one() {
        let folder = project();
        let (file, link) = (folder.path().join("b.hcl"), folder.path().join("link.hcl"));
        std::os::unix::fs::symlink(&file, &link).expect("a link is made");
        let before = fs::metadata(&file).expect("a file").permissions();
        replace(&link, TIDY).expect("a file is replaced");
        assert_eq!(fs::read_to_string(&file).expect("a file"), TIDY);
        assert_eq!(fs::metadata(&file).expect("a file").permissions(), before);
        assert!(link.is_symlink());
        assert_eq!(
            names(folder.path(), false),
            ["a.vars.hcl", "b.hcl", "link.hcl"]
        );
    }

    #[test]
    fn a_diff_names_the_file_twice() {
        insta::assert_snapshot!(difference("a.hcl", UGLY, TIDY), @r"
        --- old/a.hcl
        +++ new/a.hcl
        @@ -1,2 +1,2 @@
        -a=1
        -bb   = 2
        +a  = 1
        +bb = 2
        ");
    }

    #[test]
    fn what_is_no_hcl_file_is_refused() {
        let mut diagnostics = Diagnostics::new();
        let folder = project();
        let paths = ["nowhere.hcl", "e.txt"].map(|name| folder.path().join(name));
        assert!(targets(&paths, false, &mut diagnostics).is_empty());
        let codes: Vec<_> = diagnostics.iter().map(|d| d.code.as_ref()).collect();
        assert_eq!(codes, ["no-file", "not-hcl"]);
    }
}
