//! Takes out of a text what differs from run to run, so that it can be compared with a snapshot.

use std::path::Path;

use regex::Regex;

/// What is replaced, in this order: a more special pattern before a more general one.
const PATTERNS: &[(&str, &str)] = &[
    (r"\b127\.0\.0\.1:\d+(,127\.0\.0\.1:\d+)*", "[BOOTSTRAP]"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "[UUID]"),
    (r"\b[0-9a-f]{40}([0-9a-f]{24})?\b", "[HASH]"),
    (
        r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?",
        "[TIME]",
    ),
    (r"\b\d+(\.\d+)? ?(ms|µs|s)\b", "[DURATION]"),
    (r"\bpid \d+", "pid [PID]"),
];

/// Returns the text with paths below `folder`, addresses, hashes, ids, times and durations replaced.
pub(crate) fn redact(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&folder.display().to_string(), "[PROJECT]");
    for (pattern, replacement) in PATTERNS {
        let pattern = Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

#[test]
fn what_differs_from_run_to_run_is_replaced_and_nothing_else() {
    let text = "/tmp/x/main.hcl: 127.0.0.1:20001,127.0.0.1:20002 at 2026-11-24T10:00:00.5Z \
                state 3fa85f64-5717-4562-b3fc-2c963f66afa6 took 1.5 s, pid 42, partitions 12, 7d";
    assert_eq!(
        redact(text, Path::new("/tmp/x")),
        "[PROJECT]/main.hcl: [BOOTSTRAP] at [TIME] state [UUID] took [DURATION], pid [PID], partitions 12, 7d"
    );
    let commit = "a".repeat(40);
    assert_eq!(redact(&commit, Path::new("/tmp/x")), "[HASH]");
}
