//! Value → the text that the console shows, as Terraform's does. Pure.

use std::fmt::Write as _;

use crate::config::value::Value;

/// Returns a value's text, without a line feed at its end.
pub(super) fn shown(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        // Writing to a String cannot fail.
        Value::Number(number) => drop(write!(out, "{number}")),
        Value::String(text) => string(out, text, indent),
        Value::Tuple(elements) => list(out, ["[", "]"], elements.iter(), indent),
        Value::List(elements) => list(out, ["tolist([", "])"], elements.iter(), indent),
        Value::Set(elements) => list(out, ["toset([", "])"], elements.iter(), indent),
        Value::Object(attributes) => map(out, ["{", "}"], attributes.iter(), indent),
        Value::Map(elements) => map(out, ["tomap({", "})"], elements.iter(), indent),
        Value::Unknown(_) => out.push_str("(known after apply)"),
        Value::Sensitive(_) => out.push_str("(sensitive value)"),
        Value::Secret(secret) => drop(write!(out, "(secret {secret})")),
    }
}

fn list<'v>(
    out: &mut String,
    [open, close]: [&str; 2],
    elements: impl ExactSizeIterator<Item = &'v Value>,
    indent: usize,
) {
    out.push_str(open);
    let any = elements.len() > 0;
    for element in elements {
        new_line(out, indent + 2);
        write(out, element, indent + 2);
        out.push(',');
    }
    if any {
        new_line(out, indent);
    }
    out.push_str(close);
}

fn map<'v>(
    out: &mut String,
    [open, close]: [&str; 2],
    elements: impl ExactSizeIterator<Item = (&'v std::sync::Arc<str>, &'v Value)>,
    indent: usize,
) {
    out.push_str(open);
    let any = elements.len() > 0;
    for (name, element) in elements {
        new_line(out, indent + 2);
        quoted(out, name);
        out.push_str(" = ");
        write(out, element, indent + 2);
    }
    if any {
        new_line(out, indent);
    }
    out.push_str(close);
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Writes a text over several lines as a heredoc, unless a line of it would end one.
fn string(out: &mut String, text: &str, indent: usize) {
    if !text.contains('\n') || text.lines().any(|line| line.trim() == "EOT") {
        return quoted(out, text);
    }
    out.push_str(if indent == 0 { "<<EOT" } else { "<<-EOT" });
    for line in text.split('\n') {
        new_line(out, if line.is_empty() { 0 } else { indent });
        out.push_str(line);
    }
    new_line(out, indent);
    out.push_str("EOT");
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // A terminal must not take a text for its own commands.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::console::evaluate_text;

    use super::*;

    fn text(expression: &str) -> String {
        let value = evaluate_text(expression, &BTreeMap::new(), None);
        shown(&value.expect("an expression"))
    }

    #[test]
    fn collections_say_what_they_are() {
        insta::assert_snapshot!(text(
            r#"{ a = [1, true, null, []], "b c" = tolist(["x"]), d = toset([]), e = tomap({ f = sensitive(1) }) }"#
        ), @r#"
        {
          "a" = [
            1,
            true,
            null,
            [],
          ]
          "b c" = tolist([
            "x",
          ])
          "d" = toset([])
          "e" = tomap({
            "f" = (sensitive value)
          })
        }
        "#);
    }

    #[test]
    fn lines_make_a_heredoc() {
        assert_eq!(text(r#""a\nb\n""#), "<<EOT\na\nb\n\nEOT");
        assert_eq!(text(r#"["a\nb"]"#), "[\n  <<-EOT\n  a\n  b\n  EOT,\n]");
        assert_eq!(text(r#""a\nEOT\n""#), r#""a\nEOT\n""#);
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(text(r#""é \"\\\t $${x}""#), r#""é \"\\\t ${x}""#);
        assert_eq!(shown(&Value::string("\u{1b}[2J")), r#""\u001b[2J""#);
        assert_eq!(text(r#"secret("env:X")"#), "(secret env:X)");
    }
}
