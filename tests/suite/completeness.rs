//! No test file is forgotten: one that no `mod` line names would never run.

use std::fs;
use std::path::Path;

#[test]
fn every_file_is_a_declared_module() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    check(&suite, "main.rs");
}

/// Checks that the file `root` of a folder declares every module that lies in the folder.
fn check(folder: &Path, root: &str) {
    let text = fs::read_to_string(folder.join(root)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let module = match path.extension() {
            Some(extension) if extension == "rs" => name.trim_end_matches(".rs"),
            // A folder without Rust in it holds data.
            None if path.join("mod.rs").exists() => name,
            _ => continue,
        };
        if name == root {
            continue;
        }
        let declared = text.lines().any(|line| {
            let line = line
                .trim()
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            line == format!("mod {module};")
        });
        let (folder, root) = (folder.display(), Path::new(root).display());
        assert!(
            declared,
            "{folder}/{root} lacks `mod {module};`: its tests never run"
        );
        if path.is_dir() {
            check(&path, "mod.rs");
        }
    }
}
