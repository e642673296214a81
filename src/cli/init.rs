//! `streamform init`: writes a starter project and checks that its state can be kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::address::EnvironmentName;
use crate::backend::LocalBackend;
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::runtime::block_on;
use super::{Exit, Output};

/// Start a project in a folder: one topic, one environment, state on the disk.
///
/// Nothing is overwritten: a folder with `*.hcl` files in it is refused.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The project's folder; it is made if it is not there.
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    folder: PathBuf,
}

/// The files of the starter project.
const FILES: [(&str, &str); 4] = [
    ("streamform.hcl", include_str!("starter/streamform.hcl")),
    ("topics.hcl", include_str!("starter/topics.hcl")),
    ("env/dev.vars.hcl", include_str!("starter/dev.vars.hcl")),
    (".gitignore", include_str!("starter/gitignore")),
];

/// The starter project's environment, and where it keeps its state.
const ENVIRONMENT: &str = "dev";
const STATE: &str = ".streamform";

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let folder = &args.folder;
    let taken = taken(folder).map_err(|error| failed("Cannot read", folder, &error))?;
    if !taken.is_empty() {
        let detail = format!("It holds {}. Nothing was written.", taken.join(", "));
        return Err(
            Diagnostic::error("project-exists", "The folder holds a project already")
                .detail(detail)
                .hint("`streamform init DIR` starts one in another folder")
                .into(),
        );
    }
    check_state(folder)?;
    for (name, text) in FILES {
        let path = folder.join(name);
        let shown = path.strip_prefix(".").unwrap_or(&path).display();
        if name == ".gitignore" && path.exists() {
            output.progress(&format!("{shown} stays as it is: add {STATE}/ to it"));
            continue;
        }
        write(&path, text).map_err(|error| failed("Cannot write", &path, &error))?;
        output.result(&format!("{shown}\n"));
    }
    output
        .progress("Set the Kafka cluster in env/dev.vars.hcl, then run: streamform plan --env dev");
    Ok(Exit::Done)
}

/// Returns the names in a folder that speak against starting a project there.
fn taken(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if Path::new(&name).extension().is_some_and(|e| e == "hcl") {
                    names.push(name);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let written = FILES.iter().map(|(name, _)| *name);
    names.extend(
        written
            .filter(|name| *name != ".gitignore" && folder.join(name).exists())
            .map(str::to_owned),
    );
    names.sort();
    names.dedup();
    Ok(names)
}

/// Proves that the folder for the state can be written and locked.
fn check_state(folder: &Path) -> Result<(), Diagnostics> {
    let environment: EnvironmentName = ENVIRONMENT.parse().expect("the starter's name is valid");
    let root = folder.join(STATE);
    fs::create_dir_all(&root).map_err(|error| failed("Cannot make", &root, &error))?;
    let backend = LocalBackend::new(&root, environment, Vec::new());
    block_on(backend.init())?.map_err(|error| {
        let summary = "The project's state cannot be kept here";
        let diagnostic = Diagnostic::error("backend", summary).hint_opt(error.hint());
        diagnostic.caused_by(&error).into()
    })
}

/// Writes a file that must not be there yet.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Diagnostics {
    let summary = format!("{what} {}", path.display());
    Diagnostic::error("io", summary)
        .detail(error.to_string())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_project_is_formatted() {
        for (name, text) in FILES {
            if name == ".gitignore" {
                continue;
            }
            let formatted = crate::config::format::format(text, name);
            assert_eq!(formatted.as_deref(), Ok(text));
        }
    }

    #[test]
    fn any_hcl_file_and_any_file_of_the_starter_is_in_the_way() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let there = |name: &str| {
            let path = folder.path().join(name);
            write(&path, "").expect("a file is written");
            let names = taken(folder.path()).expect("the folder is read");
            fs::remove_file(path).expect("a file is removed");
            names
        };
        assert_eq!(there("other.hcl"), ["other.hcl"]);
        assert_eq!(there("env/dev.vars.hcl"), ["env/dev.vars.hcl"]);
        assert!(there(".gitignore").is_empty());
        assert!(there("README.md").is_empty());
        let nowhere = taken(&folder.path().join("nowhere"));
        assert!(nowhere.expect("a new folder is fine").is_empty());
    }

    #[test]
    fn a_file_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.hcl");
        write(&path, "first").expect("a file is written");
        assert!(write(&path, "second").is_err());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "first");
    }
}
