//! A project in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::program::{Program, Run};

/// A folder of `*.hcl` files that goes away with the value.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// Makes an empty project.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Adds or replaces a file; folders on the way are made.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// Adds or replaces a file of a project that is in use.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Returns the path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the project's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the program, to be run in the project.
    pub(crate) fn program(&self, arguments: &[&str]) -> Program {
        Program::new(arguments).current_dir(self.folder())
    }

    /// Runs the program in the project to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.program(arguments).run()
    }
}
