//! The public corpus of HCL's own tests, and the differential test against Terraform.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use super::*;
use serde_json::json;

fn ask(json: &serde_json::Value) -> serde_json::Value {
    serde_json::to_value(answer_line(&json.to_string(), &Names::new(), None))
        .expect("an answer is JSON")
}

#[test]
fn answers_hide_what_is_sensitive_and_say_what_is_unknown() {
    let scope = json!({
        "s": {"$sensitive": "x"},
        "u": {"$unknown": "list(string)"},
        "p": {"$secret": "env:P"},
        "n": 12.5,
    });
    for (expression, value) in [
        (
            "[s, u, u[0], p, n + 1]",
            json!([
                {"$sensitive": true}, {"$unknown": "list(string)"}, {"$unknown": "string"}, {"$secret": "env:P"}, 13.5,
            ]),
        ),
        ("\"${s}!\"", json!({"$sensitive": true})),
        ("type(u)", json!("list(string)")),
        ("secret(\"file:a/b\")", json!({"$secret": "file:a/b"})),
        ("nonsensitive(s)", json!("x")),
        (" \n # comment\n 1 +\n 2 # end", json!(3)),
        ("<<EOT\na\nEOT\n", json!("a\n")),
    ] {
        let answer = ask(&json!({"expression": expression, "scope": scope}));
        assert_eq!(answer, json!({ "value": value }), "{expression}");
    }
    assert_eq!(
        ask(&json!({"expression": "a ${1}", "template": true})),
        json!({"value": "a 1"})
    );
}

#[test]
fn errors_have_a_line_and_a_column() {
    assert_eq!(
        ask(&json!({"expression": "[\n  1,\n  upper(nope)]"})),
        json!({"errors": [{
            "summary": "There is no \"nope\" here",
            "detail": "No references can be used here.",
            "line": 3,
            "column": 9,
        }]})
    );
    for (expression, line, column) in [
        ("1 +", 1, 4),
        ("(1", 1, 3),
        ("1) + (2", 1, 2),
        ("true true", 1, 6),
    ] {
        let answer = ask(&json!({ "expression": expression }));
        let error = &answer["errors"][0];
        assert_eq!(
            (&error["line"], &error["column"]),
            (&json!(line), &json!(column)),
            "{expression}: {answer}"
        );
    }
    for template in [
        "%{ if x }",
        "%{ endfor }",
        "%{ iff }",
        "%{ for x in [] }%{ endif }",
    ] {
        let answer = ask(&json!({"expression": template, "template": true}));
        assert!(
            answer["errors"][0]["summary"]
                .as_str()
                .is_some_and(|s| s.starts_with("There is no")),
            "{answer}"
        );
    }
    assert_eq!(
        ask(&json!({"expresion": "1"}))["errors"][0]["summary"],
        json!("The line is not a question")
    );
    assert_eq!(
        ask(&json!({"expression": "1", "scope": {"a": {"$unknown": 1}}}))["errors"][0]["line"],
        json!(1)
    );
}

/// One line of the corpus.
#[derive(Deserialize)]
struct Case {
    input: String,
    kind: String,
    note: String,
    varnote: String,
    diags: usize,
    want: serde_json::Value,
    vars: BTreeMap<String, serde_json::Value>,
}

/// Lines that cannot come out as in the corpus, with the reason.
const EXCEPTIONS: [(&str, &str); 6] = [
    (
        "foo::upper(\"foo\")",
        "a function that only the corpus's own harness has",
    ),
    (
        "[\"hello\"][negate(0)]",
        "a function that only the corpus's own harness has",
    ),
    (
        "double::::upper(\"foo\")",
        "the parser stops at its first error, HCL's own finds a second one",
    ),
    (
        "listofobj[*].scalar[*]",
        "the corpus does not say that the variable is a list; of a tuple it is no error",
    ),
    (
        "[for v in unk: v]",
        "the corpus does not say that the unknown value is no collection",
    ),
    (
        "unknown ? al : bl",
        "the corpus does not say that the empty tuples are lists, which are decided",
    ),
];

fn or_unknown(value: serde_json::Value, note: &str) -> serde_json::Value {
    if value.is_null() && note.contains("unknown") {
        json!({"$unknown": true})
    } else {
        value
    }
}

#[test]
fn the_corpus_of_hcl_evaluates_as_in_hcl() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/corpora/hcl-expressions.jsonl"
    );
    let Ok(corpus) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: the corpus hcl-expressions.jsonl is not there");
        return;
    };
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in corpus.lines() {
        let case: Case = serde_json::from_str(line).expect("a case");
        let question = Question {
            expression: case.input.clone(),
            template: case.kind == "template",
            // The corpus leaves out values that are unknown, and their types.
            scope: case
                .vars
                .into_iter()
                .map(|(name, value)| (name, or_unknown(value, &case.varnote)))
                .collect(),
        };
        let problem = match answer(&question, &Names::new(), None) {
            Answer::Errors(errors) if errors.len() == case.diags => None,
            Answer::Errors(errors) => Some(format!(
                "{} errors instead of {}: {errors:?}",
                errors.len(),
                case.diags
            )),
            Answer::Value(value) if case.diags > 0 => Some(format!("{value} instead of an error")),
            Answer::Value(value) if value == case.want => None,
            Answer::Value(value)
                if case.note.contains("unknown") && value.to_string().contains("$unknown") =>
            {
                None
            }
            Answer::Value(value) => Some(format!("{value} instead of {}", case.want)),
        };
        checked += 1;
        let excepted = EXCEPTIONS.iter().any(|(input, _)| *input == case.input);
        match problem {
            Some(problem) if !excepted => wrong.push(format!("{:?}: {problem}", case.input)),
            None if excepted => wrong.push(format!(
                "{:?} is right, and is no exception any more",
                case.input
            )),
            _ => {}
        }
    }
    assert!(checked > 130, "{checked}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Expressions that must be the same in Terraform, where it is installed.
const SAME_IN_TERRAFORM: &str = include_str!("same_in_terraform.txt");

/// Runs `terraform console` once; `None` where it is not installed.
fn terraform(expression: &str) -> Option<String> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new("terraform")
        .args(["console", "-no-color"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("piped");
    stdin
        .write_all(expression.as_bytes())
        .expect("terraform reads");
    drop(stdin);
    let output = child.wait_with_output().expect("terraform ends");
    let text = String::from_utf8(output.stdout).expect("text");
    Some(format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn functions_give_what_terraform_gives() {
    let expressions: Vec<&str> = SAME_IN_TERRAFORM
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let tried: Vec<String> = expressions
        .iter()
        .map(|e| format!("try(jsonencode({e}), \"an error\")"))
        .collect();
    let all = format!("base64encode(jsonencode([{}]))\n", tried.join(", "));
    let Some(printed) = terraform(&all) else {
        eprintln!("SKIPPED: terraform is not installed");
        return;
    };
    let encoded = printed
        .lines()
        .find_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    let encoded = encoded.unwrap_or_else(|| unreachable!("terraform: {printed}"));
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded)
        .expect("base64");
    let theirs: Vec<String> = serde_json::from_slice(&decoded).expect("a list of texts");
    assert_eq!(theirs.len(), expressions.len());
    let mut different = Vec::new();
    for ((expression, tried), theirs) in expressions.iter().zip(tried).zip(theirs) {
        let question = Question {
            expression: tried,
            template: false,
            scope: BTreeMap::new(),
        };
        let ours = match answer(&question, &Names::new(), None) {
            Answer::Value(serde_json::Value::String(ours)) => ours,
            other => format!("{other:?}"),
        };
        if ours != theirs {
            different.push(format!(
                "{expression}\n   ours   {ours}\n   theirs {theirs}"
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

proptest::proptest! {
    #[test]
    fn no_question_panics(
        expression in "([-a-z0-9 ${}%~()\\[\\]\"<>=!&|?:.,*#/\\\\\n\r]|é|\u{feff}|EOT\n|<<-?EOT\n|%\\{ (if|for|endif) ){0,20}",
        template in proptest::bool::ANY,
    ) {
        drop(answer(&Question { expression, template, scope: BTreeMap::new() }, &Names::new(), None));
    }
}
