//! `yamlencode` and `yamldecode`. Pure.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_yaml_ng::Value as Yaml;

use crate::config::number::Number;
use crate::config::value::{Value, normalise};

use super::{Call, Failure, Function, Parameter, Want};

pub(super) const TABLE: &[Function] = &[
    Function::new(
        "yamldecode",
        &[Parameter::new("src", Want::String)],
        Want::Value,
        yaml_decode,
    ),
    Function::new(
        "yamlencode",
        &[Parameter::new("value", Want::Known).nullable()],
        Want::String,
        |call| {
            let mut yaml = String::new();
            write_yaml(&call.args[0], 0, false, &mut yaml);
            if matches!(
                call.args[0],
                Value::Null | Value::Bool(_) | Value::Number(_)
            ) {
                // A bare scalar ends with the mark of a document's end, as in Terraform.
                yaml.push_str("...\n");
            }
            Ok(yaml.into())
        },
    ),
];

fn yaml_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let wrong = |message: String| Failure::argument(0, format!("not YAML: {message}"));
    let mut yaml: Yaml =
        serde_yaml_ng::from_str(call.text(0)).map_err(|error| wrong(error.to_string()))?;
    yaml.apply_merge()
        .map_err(|error| wrong(error.to_string()))?;
    from_yaml(yaml).map_err(wrong)
}

fn from_yaml(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => number
            .to_string()
            .parse::<Number>()
            .map(Value::Number)
            .map_err(|e| e.to_string())?,
        Yaml::String(text) => Value::from(text),
        Yaml::Sequence(elements) => Value::tuple(
            elements
                .into_iter()
                .map(from_yaml)
                .collect::<Result<_, _>>()?,
        ),
        Yaml::Mapping(attributes) => {
            let attributes = attributes
                .into_iter()
                .map(|(name, value)| Ok::<_, String>((key(name)?, from_yaml(value)?)))
                .collect::<Result<Vec<_>, _>>()?;
            Value::object(attributes)
        }
        Yaml::Tagged(tagged) => return Err(format!("the tag {} is not supported", tagged.tag)),
    })
}

fn key(yaml: Yaml) -> Result<Arc<str>, String> {
    match yaml {
        Yaml::String(name) => Ok(normalise(&name)),
        Yaml::Number(number) => Ok(number.to_string().into()),
        Yaml::Bool(flag) => Ok(flag.to_string().into()),
        Yaml::Null => Ok("null".into()),
        _ => Err("a key is a text".to_owned()),
    }
}

/// Writes a value in block style as Terraform does: texts and keys always in quotes, texts of several
/// lines as literal blocks. `inline` says that something stands on the line already.
fn write_yaml(value: &Value, indent: usize, inline: bool, yaml: &mut String) {
    match value {
        Value::List(elements) | Value::Tuple(elements) => {
            write_sequence(&elements.iter().collect::<Vec<_>>(), indent, inline, yaml);
        }
        Value::Set(elements) => {
            write_sequence(&elements.iter().collect::<Vec<_>>(), indent, inline, yaml);
        }
        Value::Map(elements) | Value::Object(elements) => {
            if elements.is_empty() {
                yaml.push_str("{}\n");
                return;
            }
            for (index, (name, value)) in elements.iter().enumerate() {
                if index > 0 || !inline {
                    yaml.push_str(&" ".repeat(indent));
                }
                write_text(name, yaml);
                yaml.push(':');
                write_nested(value, indent, yaml);
            }
        }
        Value::String(text) if is_block(text) => write_block(text, indent, yaml),
        Value::String(text) => {
            write_text(text, yaml);
            yaml.push('\n');
        }
        Value::Bool(flag) => {
            let _ = writeln!(yaml, "{flag}");
        }
        Value::Number(number) => {
            let _ = writeln!(yaml, "{number}");
        }
        Value::Sensitive(inner) => write_yaml(inner, indent, inline, yaml),
        // The parameter lets neither unknown values nor secrets through.
        Value::Null | Value::Unknown(_) | Value::Secret(_) => yaml.push_str("null\n"),
    }
}

/// Writes what follows a key.
fn write_nested(value: &Value, indent: usize, yaml: &mut String) {
    let is_sequence = matches!(value, Value::List(e) | Value::Tuple(e) if !e.is_empty())
        || matches!(value, Value::Set(e) if !e.is_empty());
    let is_mapping = value
        .as_attributes()
        .is_some_and(|attributes| !attributes.is_empty());
    if is_sequence {
        yaml.push('\n');
        write_yaml(value, indent, false, yaml);
    } else if is_mapping {
        yaml.push('\n');
        write_yaml(value, indent + 2, false, yaml);
    } else {
        yaml.push(' ');
        write_yaml(value, indent + 2, true, yaml);
    }
}

fn write_sequence(elements: &[&Value], indent: usize, inline: bool, yaml: &mut String) {
    if elements.is_empty() {
        yaml.push_str("[]\n");
        return;
    }
    for (index, element) in elements.iter().enumerate() {
        if index > 0 || !inline {
            yaml.push_str(&" ".repeat(indent));
        }
        yaml.push_str("- ");
        write_yaml(element, indent + 2, true, yaml);
    }
}

/// Whether a text is written as a literal block: several lines, and nothing that needs an escape.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && text
            .chars()
            .all(|c| c == '\n' || c == '\t' || !c.is_control())
        && !text.starts_with([' ', '\n', '\t'])
}

fn write_block(text: &str, indent: usize, yaml: &mut String) {
    yaml.push('|');
    let body = match text.strip_suffix('\n') {
        None => {
            yaml.push('-');
            text
        }
        Some(body) if body.ends_with('\n') => {
            yaml.push('+');
            body
        }
        Some(body) => body,
    };
    yaml.push('\n');
    for line in body.split('\n') {
        if !line.is_empty() {
            yaml.push_str(&" ".repeat(indent));
            yaml.push_str(line);
        }
        yaml.push('\n');
    }
}

fn write_text(text: &str, yaml: &mut String) {
    yaml.push('"');
    for c in text.chars() {
        match c {
            '"' => yaml.push_str("\\\""),
            '\\' => yaml.push_str("\\\\"),
            '\n' => yaml.push_str("\\n"),
            '\r' => yaml.push_str("\\r"),
            '\t' => yaml.push_str("\\t"),
            c if c.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(yaml, "\\x{:02X}", u32::from(c));
            }
            c => yaml.push(c),
        }
    }
    yaml.push('"');
}
