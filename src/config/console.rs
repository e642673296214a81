//! The console's core: a line of JSON with an expression in, a line with its value or errors out. Pure.
//!
//! In a scope and in an answer, what plain JSON cannot say is an object with one key:
//! `{"$unknown": "list(string)"}` is an unknown value of that type, `{"$secret": "env:NAME"}` a secret,
//! and `{"$sensitive": VALUE}` a value that is marked; an answer never shows it: `{"$sensitive": true}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::expr::Expression;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};

use super::eval::{FileAccess, Scope, evaluate, evaluate_template};
use super::parse::{parse_expression, parse_template};
use super::types::parse_type;
use super::value::{SecretRef, Type, Value, normalise};

/// The root names of an expression and their values, such as those of a project's root module.
pub type Names = BTreeMap<Arc<str>, Value>;

/// One question to the console.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The expression, or the template.
    pub expression: String,
    /// Whether it is a template as in a template file.
    #[serde(default)]
    pub template: bool,
    /// The variables; arrays are tuples, objects are objects.
    #[serde(default)]
    pub scope: BTreeMap<String, serde_json::Value>,
}

/// The console's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// What the expression evaluates to.
    Value(serde_json::Value),
    /// Why it cannot be evaluated.
    Errors(Vec<AnswerError>),
}

/// One error of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerError {
    /// One line, a sentence without a full stop.
    pub summary: String,
    /// What was found and what was expected.
    pub detail: String,
    /// The line in the expression, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Answers one line. What is no question is answered with an error.
pub fn answer_line(line: &str, names: &Names, files: Option<&FileAccess<'_>>) -> Answer {
    match serde_json::from_str(line) {
        Ok(question) => answer(&question, names, files),
        Err(error) => Answer::Errors(vec![AnswerError {
            summary: "The line is not a question".to_owned(),
            detail: format!(
                "It is written {{\"expression\": \"…\", \"template\": false, \"scope\": {{}}}}: {error}."
            ),
            line: 1,
            column: 1,
        }]),
    }
}

/// Answers one question. Its own variables come before those of `names`.
pub fn answer(question: &Question, names: &Names, files: Option<&FileAccess<'_>>) -> Answer {
    match evaluate_question(question, names, files) {
        Ok(value) => Answer::Value(shown(&value)),
        Err(errors) => Answer::Errors(locate(errors, &question.expression)),
    }
}

/// The name that errors in the expression carry.
const FILE: &str = "console";

fn evaluate_question(
    question: &Question,
    names: &Names,
    files: Option<&FileAccess<'_>>,
) -> Result<Value, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut variables = names.clone();
    for (name, json) in &question.scope {
        match given(json) {
            Ok(value) => {
                variables.insert(normalise(name), value);
            }
            Err(problem) => diagnostics.push(
                Diagnostic::error("invalid-scope", format!("The variable {name:?} is invalid"))
                    .detail(problem),
            ),
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let text = question.expression.as_str();
    if question.template {
        let file = Arc::from(FILE);
        let scope = scope(&variables, &file, text, files);
        return evaluate_template(&parse_template(text, &file)?, &scope);
    }
    evaluate_plain(text, &variables, files)
}

/// Evaluates an expression that somebody typed. Errors carry excerpts of it.
pub fn evaluate_text(
    text: &str,
    names: &Names,
    files: Option<&FileAccess<'_>>,
) -> Result<Value, Diagnostics> {
    evaluate_plain(text, names, files).map_err(|errors| {
        let mut sources = SourceMap::default();
        sources.insert(FILE, text);
        sources.attach(errors)
    })
}

fn evaluate_plain(
    text: &str,
    names: &Names,
    files: Option<&FileAccess<'_>>,
) -> Result<Value, Diagnostics> {
    let file = Arc::from(FILE);
    let parsed = parse_expression(text, &file)?;
    let scope = scope(names, &file, &parsed.text, files);
    evaluate(&parsed.expression, &scope).map_err(|mut errors| {
        parsed.restore(&mut errors);
        errors
    })
}

fn scope<'a>(
    names: &'a Names,
    file: &'a Arc<str>,
    text: &'a str,
    files: Option<&'a FileAccess<'a>>,
) -> Scope<'a> {
    let scope = Scope::new(names, file, text).for_console();
    match files {
        Some(files) => scope.with_files(files),
        None => scope,
    }
}

fn locate(errors: Diagnostics, text: &str) -> Vec<AnswerError> {
    let mut sources = SourceMap::default();
    sources.insert(FILE, text);
    errors
        .into_iter()
        .map(|error| {
            let excerpt = error.span.as_ref().and_then(|span| sources.excerpt(span));
            let detail = match (error.detail, error.hint) {
                (detail, None) => detail,
                (detail, Some(hint)) if detail.is_empty() => format!("Hint: {hint}"),
                (detail, Some(hint)) => format!("{detail}\nHint: {hint}"),
            };
            AnswerError {
                summary: error.summary,
                detail,
                line: excerpt.as_ref().map_or(1, |excerpt| excerpt.line),
                column: excerpt.as_ref().map_or(1, |excerpt| excerpt.column),
            }
        })
        .collect()
}

/// Reads a variable of a question.
fn given(json: &serde_json::Value) -> Result<Value, String> {
    let all = |elements: &Vec<serde_json::Value>| {
        elements.iter().map(given).collect::<Result<Vec<_>, _>>()
    };
    match json {
        serde_json::Value::Array(elements) => Ok(Value::tuple(all(elements)?)),
        serde_json::Value::Object(attributes) => {
            if let Some((key, inner)) = attributes.iter().next()
                && attributes.len() == 1
                && let Some(special) = special(key, inner)
            {
                return special;
            }
            let attributes = attributes
                .iter()
                .map(|(name, value)| Ok::<_, String>((normalise(name), given(value)?)))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Value::object(attributes))
        }
        plain => Value::from_json(plain).map_err(|error| error.to_string()),
    }
}

fn special(key: &str, inner: &serde_json::Value) -> Option<Result<Value, String>> {
    Some(match key {
        "$sensitive" => given(inner).map(|value| value.mark(true)),
        "$unknown" => match inner {
            serde_json::Value::Bool(true) => Ok(Value::Unknown(Type::Any)),
            serde_json::Value::String(text) => unknown(text),
            _ => Err("behind \"$unknown\" stands a type or true".to_owned()),
        },
        "$secret" => match inner
            .as_str()
            .and_then(|text| text.parse::<SecretRef>().ok())
        {
            Some(secret) => Ok(Value::Secret(secret)),
            None => Err("behind \"$secret\" stands \"env:NAME\" or \"file:PATH\"".to_owned()),
        },
        _ => return None,
    })
}

fn unknown(text: &str) -> Result<Value, String> {
    let expr: Expression = text
        .parse()
        .map_err(|_| format!("{text:?} is not a type"))?;
    match parse_type(&expr, &Scope::bare()) {
        Ok(r#type) => Ok(Value::Unknown(r#type)),
        Err(_) => Err(format!("{text:?} is not a type")),
    }
}

/// Returns the JSON that may be shown.
fn shown(value: &Value) -> serde_json::Value {
    let all = |elements: &mut dyn Iterator<Item = &Value>| elements.map(shown).collect();
    match value {
        Value::Sensitive(_) => serde_json::json!({ "$sensitive": true }),
        Value::List(elements) | Value::Tuple(elements) => {
            serde_json::Value::Array(all(&mut elements.iter()))
        }
        Value::Set(elements) => serde_json::Value::Array(all(&mut elements.iter())),
        Value::Map(elements) | Value::Object(elements) => serde_json::Value::Object(
            elements
                .iter()
                .map(|(name, value)| (name.to_string(), shown(value)))
                .collect(),
        ),
        plain => plain.to_json(),
    }
}

#[cfg(test)]
mod tests;
