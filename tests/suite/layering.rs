//! Dependencies point one way: what decides is pure, and only what acts reaches the outside.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The modules that map values to values.
const PURE: &[&str] = &[
    "address.rs",
    "diagnostic.rs",
    "document.rs",
    "compatibility",
    "config",
    "graph",
    "kinds",
    "plan",
    "gate",
    "state",
];

/// What those modules may not name, and what it stands for.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        r"\btokio\b|\basync (fn|move)\b|\.await\b",
        "an async runtime",
    ),
    (
        r"\b(rdkafka|kafka_protocol|reqwest|git2|rustls)\b",
        "a transport",
    ),
    (
        r"\bcrate::(apply|backend|cli|clients|pipeline|reconcile|refresh|sandbox|server|source)\b",
        "a layer above",
    ),
    (
        r"\b(SystemTime|Instant|Timestamp::now|Zoned::now)\b",
        "the clock",
    ),
    (
        r"\bstd::env\b|\benv::(var|args|current_dir)",
        "the process's environment",
    ),
    (
        r"\bstd::(fs|process|thread)\b|\bstd::\{[^}]*\b(fs|process|thread)\b",
        "the system",
    ),
    (
        r"\b(TcpStream|TcpListener|UdpSocket|ToSocketAddrs)\b",
        "the network",
    ),
    (r"\brand::|\bnew_v4\b", "chance"),
];

/// The one file of a kind that reaches its system.
const DRIVER: &str = "driver.rs";

#[test]
fn what_decides_reaches_nothing_outside() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for module in PURE {
        collect(&source.join(module), &mut files);
    }
    assert!(
        files.len() > 20,
        "the pure modules are not where they were: {files:?}"
    );
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&source).unwrap().display().to_string();
        found.extend(
            violations(&text)
                .into_iter()
                .map(|(line, what)| format!("{name}:{line}: {what}")),
        );
    }
    assert!(
        found.is_empty(),
        "pure modules name what they may not:\n{}",
        found.join("\n")
    );
}

/// Adds the Rust files of a module, but for tests and drivers.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    if name == DRIVER || name == "driver" || name == "tests" || name == "tests.rs" {
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
}

/// Returns the lines that name something forbidden, but for comments and the unit tests at the end.
fn violations(text: &str) -> Vec<(usize, String)> {
    let patterns: Vec<(Regex, &str)> = FORBIDDEN
        .iter()
        .map(|(pattern, what)| (Regex::new(pattern).unwrap(), *what))
        .collect();
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line == "#[cfg(test)]" {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        for (pattern, what) in &patterns {
            if let Some(hit) = pattern.find(code) {
                found.push((index + 1, format!("`{}` is {what}", hit.as_str())));
            }
        }
    }
    found
}

#[test]
fn a_violation_is_seen_and_a_comment_or_test_is_none() {
    let text = "use std::fs;\n// tokio\nlet now = Instant::now();\n#[cfg(test)]\nmod tests { use std::env; }\n";
    let found = violations(text);
    assert_eq!(
        found,
        [
            (1, "`std::fs` is the system".to_owned()),
            (3, "`Instant` is the clock".to_owned()),
        ]
    );
}
