//! Text → syntax tree, for texts that stand alone: expressions of the command line, templates. Pure.
//!
//! An expression that stands alone may have white space around it and line breaks between its parts.
//! The text is therefore parsed as an attribute's value in parentheses, where line breaks mean nothing.

use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::template::Template;

use super::syntax;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};

/// A parsed expression, whose spans are those of [`Parsed::text`].
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The expression.
    pub expression: Expression,
    /// The text that was parsed: the given one as an attribute's value, in parentheses.
    pub text: String,
    length: usize,
}

impl Parsed {
    /// Moves spans from [`Parsed::text`] to the text that was given.
    pub fn restore(&self, diagnostics: &mut Diagnostics) {
        for span in diagnostics
            .0
            .iter_mut()
            .filter_map(|diagnostic| diagnostic.span.as_mut())
        {
            (span.start, span.end) = (given(span.start, self.length), given(span.end, self.length));
        }
    }
}

const OPEN: &str = "x=(";

/// The line break ends a comment in the last line, and a heredoc.
const CLOSE: &str = "\n)";

/// Returns the offset in the given text of one in the text that is parsed.
fn given(offset: usize, length: usize) -> usize {
    offset.saturating_sub(OPEN.len()).min(length)
}

/// Parses an expression that stands alone. Errors carry the file's name.
pub fn parse_expression(text: &str, file: &Arc<str>) -> Result<Parsed, Diagnostics> {
    // A byte order mark becomes a blank of the same length.
    let readable = match text.strip_prefix('\u{feff}') {
        Some(rest) => format!("   {rest}"),
        None => text.to_owned(),
    };
    let wrapped = format!("{OPEN}{readable}{CLOSE}");
    let error =
        |message: &str, offset: usize| syntax_error(message, given(offset, text.len()), file, text);
    let body = syntax::parse(&wrapped).map_err(|e| error(&e.message, e.offset))?;
    let whole = OPEN.len() - 1..wrapped.len();
    // "1) + (2" is an expression in parentheses, but not on its own.
    match body.get_attribute("x").map(|attribute| &attribute.value) {
        Some(Expression::Parenthesis(inner)) if body.len() == 1 && inner.span() == Some(whole) => {
            Ok(Parsed {
                expression: inner.inner().clone(),
                text: wrapped,
                length: text.len(),
            })
        }
        _ => {
            let offset = readable.find(')').unwrap_or(0);
            Err(error("unexpected token", offset + OPEN.len()))
        }
    }
}

/// Parses a template, such as a template file's text. Errors carry the file's name.
pub fn parse_template(text: &str, file: &Arc<str>) -> Result<Template, Diagnostics> {
    text.parse().map_err(|parse: hcl_edit::parser::Error| {
        let directives = wrong_directives(text, file);
        if directives.has_errors() {
            return directives;
        }
        syntax_error(parse.message(), parse.location().offset(), file, text)
    })
}

/// Finds directives that are unknown, not opened or not closed: the parser only says that it stopped.
fn wrong_directives(text: &str, file: &Arc<str>) -> Diagnostics {
    const KEYWORDS: [&str; 5] = ["if", "else", "endif", "for", "endfor"];
    let mut diagnostics = Diagnostics::new();
    let mut open: Vec<(&str, Span)> = Vec::new();
    for (start, _) in text.match_indices("%{") {
        // "%%{" is a text.
        if text[..start].ends_with('%') {
            continue;
        }
        let inner = text[start + 2..].trim_start_matches('~').trim_start();
        let length = inner
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(inner.len());
        let keyword = &inner[..length];
        let offset = text.len() - inner.len();
        let span = Span::new(file.clone(), offset..offset + length.max(1));
        let wrong =
            |summary: String| Diagnostic::error("invalid-directive", summary).at(span.clone());
        match keyword {
            "if" | "for" => open.push((keyword, span)),
            "else" if open.last().is_some_and(|(opener, _)| *opener == "if") => {}
            "endif" | "endfor"
                if open
                    .last()
                    .is_some_and(|(opener, _)| keyword[3..] == **opener) =>
            {
                open.pop();
            }
            "else" | "endif" => {
                diagnostics.push(wrong(format!("There is no %{{ if }} for this {keyword}")));
            }
            "endfor" => diagnostics.push(wrong("There is no %{ for } for this endfor".to_owned())),
            other => diagnostics.push(
                wrong(format!("There is no directive {other:?}"))
                    .hint_opt(did_you_mean(other, KEYWORDS)),
            ),
        }
    }
    for (opener, span) in open {
        let summary = format!("There is no %{{ end{opener} }} for this {opener}");
        diagnostics.push(Diagnostic::error("invalid-directive", summary).at(span));
    }
    diagnostics
}

fn syntax_error(message: &str, offset: usize, file: &Arc<str>, text: &str) -> Diagnostics {
    let offset = offset.min(text.len());
    let letter = text.get(offset..).and_then(|rest| rest.chars().next());
    let end = offset + letter.map_or(0, char::len_utf8);
    Diagnostic::error("invalid-syntax", "The expression cannot be read")
        .detail(format!("{message}."))
        .at(Span::new(file.clone(), offset..end))
        .into()
}
