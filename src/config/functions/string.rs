//! Functions of texts. Pure.

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::config::eval::TOO_LONG_TEXT;
use crate::config::value::Value;

use super::{Call, Failure, Function, Parameter, Want};

const STR: Parameter = Parameter::new("str", Want::String);
const PATTERN: Parameter = Parameter::new("pattern", Want::String);
const STRING: &[Parameter] = &[STR];

const fn two(second: &'static str) -> [Parameter; 2] {
    [STR, Parameter::new(second, Want::String)]
}

pub(super) const TABLE: &[Function] = &[
    Function::new("chomp", STRING, Want::String, |call| {
        Ok(call.text(0).trim_end_matches(['\r', '\n']).into())
    }),
    Function::new("endswith", &two("suffix"), Want::Bool, |call| {
        Ok(call.text(0).ends_with(call.text(1)).into())
    }),
    Function::new(
        "indent",
        &[Parameter::new("spaces", Want::Number), STR],
        Want::String,
        indent,
    ),
    Function::new(
        "join",
        &[Parameter::new("separator", Want::String)],
        Want::String,
        join,
    )
    .and_more(Parameter::new("lists", Want::Strings)),
    Function::new("lower", STRING, Want::String, |call| {
        Ok(call
            .text(0)
            .chars()
            .map(|c| single(c, c.to_lowercase()))
            .collect::<String>()
            .into())
    }),
    Function::new(
        "regex",
        &[PATTERN, Parameter::new("string", Want::String)],
        Want::Value,
        find,
    ),
    Function::new(
        "regexall",
        &[PATTERN, Parameter::new("string", Want::String)],
        Want::Value,
        find_all,
    ),
    Function::new(
        "replace",
        &[
            STR,
            Parameter::new("substr", Want::String),
            Parameter::new("replace", Want::String),
        ],
        Want::String,
        replace,
    ),
    Function::new(
        "split",
        &[Parameter::new("separator", Want::String), STR],
        Want::Strings,
        |call| Ok(split(call)),
    ),
    Function::new("startswith", &two("prefix"), Want::Bool, |call| {
        Ok(call.text(0).starts_with(call.text(1)).into())
    }),
    Function::new("strcontains", &two("substr"), Want::Bool, |call| {
        Ok(call.text(0).contains(call.text(1)).into())
    }),
    Function::new("strrev", STRING, Want::String, |call| {
        Ok(call
            .text(0)
            .graphemes(true)
            .rev()
            .collect::<String>()
            .into())
    }),
    Function::new(
        "substr",
        &[
            STR,
            Parameter::new("offset", Want::Number),
            Parameter::new("length", Want::Number),
        ],
        Want::String,
        substr,
    ),
    Function::new("title", STRING, Want::String, |call| {
        Ok(title(call.text(0)).into())
    }),
    Function::new("trim", &two("cutset"), Want::String, |call| {
        let cut = call.text(1);
        Ok(call.text(0).trim_matches(|c| cut.contains(c)).into())
    }),
    Function::new("trimprefix", &two("prefix"), Want::String, |call| {
        let text = call.text(0);
        Ok(text.strip_prefix(call.text(1)).unwrap_or(text).into())
    }),
    Function::new("trimspace", STRING, Want::String, |call| {
        Ok(call.text(0).trim().into())
    }),
    Function::new("trimsuffix", &two("suffix"), Want::String, |call| {
        let text = call.text(0);
        Ok(text.strip_suffix(call.text(1)).unwrap_or(text).into())
    }),
    Function::new("upper", STRING, Want::String, |call| {
        Ok(call
            .text(0)
            .chars()
            .map(|c| single(c, c.to_uppercase()))
            .collect::<String>()
            .into())
    }),
];

/// Maps a letter to one letter only, as Go does: ß stays ß.
fn single(letter: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    match (mapped.len(), mapped.next()) {
        (1, Some(mapped)) => mapped,
        _ => letter,
    }
}

fn title(text: &str) -> String {
    let mut begins_word = true;
    text.chars()
        .map(|c| {
            let mapped = if begins_word {
                single(c, c.to_uppercase())
            } else {
                c
            };
            begins_word = !(c.is_alphanumeric() || c == '_') && (c.is_ascii() || c.is_whitespace());
            mapped
        })
        .collect()
}

fn indent(call: &Call<'_>) -> Result<Value, Failure> {
    let spaces = call.count(0)?;
    let lines = call.text(1).matches('\n').count();
    if spaces.saturating_mul(lines) > TOO_LONG_TEXT {
        return Err(Failure::argument(0, "the text becomes too long"));
    }
    Ok(call
        .text(1)
        .replace('\n', &format!("\n{}", " ".repeat(spaces)))
        .into())
}

fn join(call: &Call<'_>) -> Result<Value, Failure> {
    let mut texts = Vec::new();
    for index in 1..call.args.len() {
        texts.extend(call.texts(index)?);
    }
    if call.args.len() < 2 {
        return Err(Failure::call("at least one list is required"));
    }
    let separators = call.text(0).len().saturating_mul(texts.len());
    let length = texts
        .iter()
        .map(|text| text.len())
        .sum::<usize>()
        .saturating_add(separators);
    if length > TOO_LONG_TEXT {
        return Err(Failure::call("the text becomes too long"));
    }
    Ok(texts.join(call.text(0)).into())
}

fn split(call: &Call<'_>) -> Value {
    let (separator, text) = (call.text(0), call.text(1));
    let parts: Vec<Value> = if separator.is_empty() {
        text.chars().map(|c| Value::from(c.to_string())).collect()
    } else {
        text.split(separator).map(Value::from).collect()
    };
    Value::list(parts)
}

fn compile(pattern: &str, index: usize) -> Result<Regex, Failure> {
    Regex::new(pattern).map_err(|error| {
        // The last line of the parser's message says what is wrong; the ones above draw it.
        let message = error.to_string();
        let last = message
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        Failure::argument(index, format!("not a regular expression: {last}"))
    })
}

/// A text between two slashes is a regular expression.
fn replace(call: &Call<'_>) -> Result<Value, Failure> {
    let (text, wanted, new) = (call.text(0), call.text(1), call.text(2));
    let matches = text.len().saturating_add(1);
    if new.len().saturating_mul(matches) > 16 * TOO_LONG_TEXT {
        return Err(Failure::argument(2, "the text may become too long"));
    }
    if let Some(pattern) = wanted
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'))
    {
        return Ok(compile(pattern, 1)?
            .replace_all(text, new)
            .into_owned()
            .into());
    }
    Ok(text.replace(wanted, new).into())
}

/// Returns the text of a match, or its groups: an object where they have names, else a tuple.
fn groups(pattern: &Regex, captures: &regex::Captures<'_>) -> Result<Value, Failure> {
    let value =
        |group: Option<regex::Match<'_>>| group.map_or(Value::Null, |group| group.as_str().into());
    if captures.len() == 1 {
        return Ok(value(captures.get(0)));
    }
    let names: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
    if names.iter().all(Option::is_none) {
        return Ok(Value::tuple(captures.iter().skip(1).map(value).collect()));
    }
    let complete: Option<Vec<&str>> = names.into_iter().collect();
    let complete =
        complete.ok_or_else(|| Failure::argument(0, "either all groups have names or none has"))?;
    Ok(Value::object(
        complete
            .into_iter()
            .map(|name| (name, value(captures.name(name)))),
    ))
}

fn find(call: &Call<'_>) -> Result<Value, Failure> {
    let pattern = compile(call.text(0), 0)?;
    match pattern.captures(call.text(1)) {
        Some(captures) => groups(&pattern, &captures),
        None => Err(Failure::argument(1, "the pattern does not match")),
    }
}

fn find_all(call: &Call<'_>) -> Result<Value, Failure> {
    let pattern = compile(call.text(0), 0)?;
    let found = pattern
        .captures_iter(call.text(1))
        .map(|captures| groups(&pattern, &captures));
    Ok(Value::list(found.collect::<Result<_, _>>()?))
}

/// Counts in characters as people do; a negative offset counts from the end, the length -1 is "all".
fn substr(call: &Call<'_>) -> Result<Value, Failure> {
    let letters: Vec<&str> = call.text(0).graphemes(true).collect();
    let whole = |index: usize| {
        call.number(index)
            .to_i64()
            .ok_or_else(|| Failure::argument(index, "a whole number is required"))
    };
    let (offset, length) = (whole(1)?, whole(2)?);
    let count = i64::try_from(letters.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 {
        offset.saturating_add(count).max(0)
    } else {
        offset.min(count)
    };
    let end = if length < 0 {
        count
    } else {
        start.saturating_add(length).min(count)
    };
    let index = |position: i64| usize::try_from(position).unwrap_or(0);
    Ok(letters[index(start)..index(end)].concat().into())
}
