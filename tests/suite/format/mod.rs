//! The formatter against Terraform's own, on documents that a generator writes.
//!
//! `FORMAT_FILES=5000 FORMAT_SEED=1` tries other documents and more of them.

mod generator;

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use streamform::config::format::format;

use crate::support::servers::say_skipped;

/// The seeds of the documents to try.
fn seeds() -> Range<u64> {
    let variable =
        |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let first = variable("FORMAT_SEED", 0);
    first..first + variable("FORMAT_FILES", 600)
}

/// Returns the documents that our parser takes, with their formatted text. It refuses some that
/// Terraform takes, such as an object with a key that stands twice; those are left alone.
fn documents() -> Vec<(u64, String, String)> {
    let all = seeds().count();
    let accepted: Vec<_> = seeds()
        .filter_map(|seed| {
            let source = generator::document(seed);
            let formatted = format(&source, "main.hcl").ok()?;
            Some((seed, source, formatted))
        })
        .collect();
    let refused = all - accepted.len();
    assert!(refused * 100 <= all, "{refused} of {all} were refused");
    accepted
}

/// Formats all files of a folder in one run; `None` where there is no Terraform.
fn terraform_fmt(folder: &Path) -> Option<()> {
    let output = Command::new("terraform")
        .args(["fmt", "-list=false", "-no-color"])
        .arg(folder)
        .env("TF_CLI_CONFIG_FILE", "/dev/null")
        .env("CHECKPOINT_DISABLE", "1")
        .output()
        .ok()?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "terraform refused: {complaints}");
    Some(())
}

#[test]
fn terraform_writes_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let documents = documents();
    let path = |seed| folder.path().join(format!("{seed}.tf"));
    for (seed, source, _) in &documents {
        std::fs::write(path(seed), source).expect("a file is written");
    }
    if terraform_fmt(folder.path()).is_none() {
        say_skipped("there is no terraform on PATH to compare with");
        return;
    }
    for (seed, source, ours) in &documents {
        let theirs = std::fs::read_to_string(path(seed)).expect("a file is read");
        // An unwrapped interpolation with a comment in it: Terraform breaks the file, we do not.
        let is_broken = format(&theirs, "main.hcl").is_err();
        assert!(
            *ours == theirs || is_broken,
            "seed {seed} differs\n== source\n{source}\n== terraform\n{theirs}\n== ours\n{ours}"
        );
    }
}

#[test]
fn twice_is_once() {
    for (seed, _, once) in documents() {
        let twice = format(&once, "main.hcl").unwrap_or_else(|_| "an error".into());
        assert!(
            once == twice,
            "seed {seed}\n== once\n{once}\n== twice\n{twice}"
        );
    }
}
