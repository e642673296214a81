//! What Terraform has not, or does otherwise; the rest is compared with it in the console's tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::expr::Expression;

use crate::config::eval::{FileAccess, ReadLog, Scope, evaluate};
use crate::config::files::{FileError, Files};
use crate::config::value::{SecretRef, Value};
use crate::document::ContentHash;

/// A tree of files in memory.
struct Tree(BTreeMap<&'static str, &'static [u8]>);

impl Files for Tree {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        self.0
            .get(path)
            .map(|bytes| Arc::from(*bytes))
            .ok_or(FileError::NotFound)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, FileError> {
        Ok(self
            .walk(folder)?
            .into_iter()
            .filter(|path| !path.contains('/'))
            .collect())
    }

    fn walk(&self, folder: &str) -> Result<Vec<String>, FileError> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        Ok(self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .map(ToOwned::to_owned)
            .collect())
    }
}

fn tree() -> Tree {
    Tree(BTreeMap::from([
        ("schemas/a.avsc", b"{}".as_slice()),
        (
            "modules/m/greeting.tpl",
            b"Hi ${name}%{ for x in xs } ${x}%{ endfor }!".as_slice(),
        ),
        ("modules/m/bad.tpl", b"${nope}".as_slice()),
        (
            "modules/m/nested.tpl",
            b"${templatefile(\"greeting.tpl\", {})}".as_slice(),
        ),
        ("modules/m/image.png", b"\xff\xfe".as_slice()),
    ]))
}

fn run_with(text: &str, log: &ReadLog) -> Result<Value, String> {
    let expr: Expression = text.parse().expect("HCL");
    let variables = BTreeMap::from([(
        Arc::from("password"),
        Value::Secret(SecretRef::Env("P".into())),
    )]);
    let (file, tree) = (Arc::from("modules/m/main.hcl"), tree());
    let access = FileAccess {
        folder: "modules/m",
        files: &tree,
        log,
    };
    let scope = Scope::new(&variables, &file, text).with_files(&access);
    evaluate(&expr, &scope).map_err(|errors| errors.render())
}

fn run(text: &str) -> Result<Value, String> {
    run_with(text, &ReadLog::default())
}

#[test]
fn files_are_read_relative_to_the_module_and_recorded() {
    let log = ReadLog::default();
    assert_eq!(
        run_with("file(\"../../schemas/a.avsc\")", &log),
        Ok("{}".into())
    );
    assert_eq!(run_with("fileexists(\"none\")", &log), Ok(false.into()));
    assert_eq!(
        run_with(
            "fileset(\"\", \"*.{png,tpl}\") == toset([\"bad.tpl\", \"greeting.tpl\", \"image.png\", \"nested.tpl\"])",
            &log
        ),
        Ok(true.into())
    );
    assert_eq!(
        run_with(
            "filesha256(\"../../schemas/a.avsc\") == sha256(\"{}\")",
            &log
        ),
        Ok(true.into())
    );
    assert_eq!(
        run_with("filebase64(\"image.png\")", &log),
        Ok("//4=".into())
    );
    let hashes = log.into_hashes();
    let names: Vec<&str> = hashes.keys().map(|name| &**name).collect();
    assert_eq!(
        names,
        [
            "modules/m//*.{png,tpl}",
            "modules/m/image.png",
            "modules/m/none",
            "schemas/a.avsc"
        ]
    );
    assert_eq!(hashes["schemas/a.avsc"], ContentHash::of(b"{}"));
}

#[test]
fn files_outside_and_wrong_files_are_refused() {
    for (text, part) in [
        (
            "file(\"../../../etc/passwd\")",
            "the path leads out of the project",
        ),
        ("file(\"/etc/passwd\")", "only files of the project"),
        ("file(\"nope.txt\")", "no such file"),
        ("file(\"image.png\")", "not a text in UTF-8"),
        ("fileset(\"..\", \"[a\")", "bracket"),
    ] {
        let message = run(text).expect_err("refused");
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn templates_see_their_variables_only() {
    assert_eq!(
        run("templatefile(\"greeting.tpl\", { name = \"A\", xs = [1, 2] })"),
        Ok("Hi A 1 2!".into())
    );
    assert_eq!(
        run("templatestring(\"$${x}-%%%{\", { x = 1 })"),
        Ok("1-%{".into())
    );
    for (text, part) in [
        (
            "templatefile(\"greeting.tpl\", { name = \"A\" })",
            "There is no \"xs\"",
        ),
        (
            "templatefile(\"greeting.tpl\", { name = password, xs = [] })",
            "until the driver's call",
        ),
        ("templatefile(\"bad.tpl\", {})", "modules/m/bad.tpl"),
        ("templatefile(\"nested.tpl\", {})", "cannot render another"),
    ] {
        let message = run(text).expect_err(text);
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn durations_and_sizes() {
    for (text, expected) in [
        ("duration_ms(\"7d\")", 604_800_000),
        ("duration_ms(\"1h30m\")", 5_400_000),
        ("duration_ms(\"1.5s\")", 1_500),
        ("duration_ms(\"2w1d\")", 1_296_000_000),
        ("duration_ms(\"0ms\")", 0),
        ("bytes(\"10GiB\")", 10 << 30),
        ("bytes(\"1.5 kB\")", 1_500),
        ("bytes(\"1TB\")", 1_000_000_000_000),
    ] {
        assert_eq!(run(text), Ok(expected.into()), "{text}");
    }
    for (text, part) in [
        ("duration_ms(\"-1s\")", "cannot be negative"),
        ("duration_ms(\"7\")", "the unit is missing"),
        ("duration_ms(\"7y\")", "the units are ms, s, m, h, d, w"),
        ("duration_ms(\"1m1h\")", "the larger before the smaller"),
        ("duration_ms(\"0.5ms\")", "not a whole number"),
        ("duration_ms(\"99999999999999w\")", "too large"),
        ("duration_ms(\"\")", "a duration is required"),
        ("bytes(\"1GB1MB\")", "a size is required"),
        ("bytes(\"1gb\")", "\"gb\" is no unit"),
    ] {
        let message = run(text).expect_err(text);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn secrets_pass_through_functions_that_do_not_look_inside() {
    for text in [
        "merge({ a = password }, { b = 1 })",
        "concat([password], [1])",
        "coalesce(null, password)",
        "lookup({ a = password }, \"a\")",
        "values({ a = password })",
        "zipmap([\"a\"], [password])",
        "tomap({ a = password })",
        "sensitive(password)",
        "flatten([[password]])",
    ] {
        assert!(run(text).expect(text).contains_secret(), "{text}");
    }
    assert_eq!(run("length([password])"), Ok(1.into()));
    for text in [
        "jsonencode([password])",
        "length(password)",
        "upper(password)",
        "join(\",\", [password])",
        "contains([password], \"x\")",
        "toset([password]) == toset([\"x\"])",
        "sha256(password)",
        "format(\"%s\", password)",
        "tonumber(password)",
        "file(password)",
        "keys(password)",
        "zipmap([password], [1])",
    ] {
        let message = run(text).expect_err(text);
        assert!(
            message.contains("until the driver's call"),
            "{text}: {message}"
        );
    }
    for text in [
        "secret(\"P\")",
        "secret(\"env:A-B\")",
        "secret(\"file:\")",
        "secret(\"env:\")",
    ] {
        assert!(run(text).is_err(), "{text}");
    }
}

#[test]
fn functions_that_would_fill_the_memory_are_refused() {
    for text in [
        "format(\"%999999999d\", 1)",
        "indent(99999999, join(\"\\n\", range(1000)))",
        "pow(10, 99999)",
        "range(1e9)",
        "setproduct(range(1000), range(1000), range(1000))",
        "tonumber(\"1e4000\") * tonumber(\"1e4000\")",
        "parseint(join(\"\", [for i in range(1024) : \"99999\"]), 10)",
    ] {
        assert!(run(text).is_err(), "{text}");
    }
}

#[test]
fn gzip_round_trips() {
    assert_eq!(
        run("base64gunzip(base64gzip(\"hällo\"))"),
        Ok("hällo".into())
    );
}
