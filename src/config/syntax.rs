//! HCL text → syntax tree. Pure.
//!
//! The parser refuses some texts that Terraform takes, and takes one for something else. What it
//! reads is therefore a copy with some bytes blanked out: as long as the original, so that all
//! places in the tree are right, and with the same meaning.

use hcl_edit::structure::Body;

use super::token::{Token, TokenKind, tokens};

/// A mistake in the syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The byte at which the text goes wrong; the text's length where it ends too early.
    pub offset: usize,
    /// What was expected.
    pub message: String,
}

/// Parses a file. A byte order mark and either style of line ends may be in it.
pub fn parse(text: &str) -> Result<Body, SyntaxError> {
    let tokens = tokens(text);
    let parsed = hcl_edit::parser::parse_body(&readable(text, &tokens));
    let body = parsed.map_err(|error| SyntaxError {
        // The parser may stop inside of a letter.
        offset: text.floor_char_boundary(error.location().offset()),
        message: error.message().to_owned(),
    })?;
    // The parser lets quotes go on over several lines, which the language does not.
    match tokens.iter().find(|token| token.kind == TokenKind::Invalid) {
        None => Ok(body),
        Some(token) => Err(SyntaxError {
            offset: token.start,
            message: "a text in quotes ends on its line".to_owned(),
        }),
    }
}

/// Returns the text as the parser understands it.
///
/// - A line's end between brackets is a blank: the parser does not allow one everywhere there.
/// - A heredoc without a line is `""`: the parser looks for its end behind the next line.
fn readable(text: &str, tokens: &[Token]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut blank = |from: usize, to: usize| bytes[from..to].fill(b' ');
    if text.starts_with('\u{feff}') {
        blank(0, 3);
    }
    // Whether lines go on in the brackets that are open.
    let mut open: Vec<bool> = Vec::new();
    let mut empty_heredocs = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| tokens[before]);
        match token.kind {
            TokenKind::OpenBrace => open.push(is_for(&tokens[at + 1..])),
            kind if kind.opens() => open.push(true),
            kind if kind.closes() => {
                open.pop();
            }
            TokenKind::CloseHeredoc => match before {
                Some(start) if start.kind == TokenKind::OpenHeredoc => {
                    blank(start.start, token.end());
                    empty_heredocs.push(start.start);
                }
                _ => {}
            },
            _ if token.ends_line() && open.last() == Some(&true) => {
                blank(token.start, token.end());
            }
            _ => {}
        }
    }
    for at in empty_heredocs {
        bytes[at..at + 2].fill(b'"');
    }
    String::from_utf8(bytes).expect("whole tokens were replaced by ASCII")
}

/// Whether the tokens behind a `{` are those of `for k in` or `for k, v in`.
fn is_for(tokens: &[Token]) -> bool {
    let mut code = tokens
        .iter()
        .filter(|token| !token.ends_line() && token.kind != TokenKind::Comment)
        .map(|token| (token.kind, token.text));
    code.next() == Some((TokenKind::Identifier, "for"))
        && code
            .next()
            .is_some_and(|(kind, _)| kind == TokenKind::Identifier)
        && matches!(
            code.next(),
            Some((TokenKind::Comma, _) | (TokenKind::Identifier, "in"))
        )
}

#[cfg(test)]
mod tests {
    use hcl_edit::Span as _;
    use hcl_edit::expr::Expression;

    use super::*;

    fn value(text: &str) -> Expression {
        let body = parse(text).expect(text);
        let attribute = body.get_attribute("a").expect("an attribute");
        attribute.value.clone()
    }

    #[test]
    fn lines_go_on_between_brackets() {
        for text in [
            "a = (\n1\n+\n-\n1\n?\ntrue\n:\nfalse\n)",
            "a = {\nfor\nk\n,\nv\nin # c\nb\n&&\nc\n:\nk\n+\n1\n=>\nv\n-\n1\n...\nif\nk\n}",
            "a = \"${\nb\n? // c\nc\n:\nd\n}\"",
            "a = <<E\n%{ if\nb\n||\nc\n }x%{ endif }\nE\n",
            "a = f(\n!\nb\n,\n)",
        ] {
            value(text);
        }
    }

    #[test]
    fn lines_end_in_bodies_and_objects() {
        assert!(parse("a {\n  for = 1\n  b = 2\n}\n").is_ok());
        assert!(parse("a = {\n  b = 1 +\n  2\n}\n").is_err());
        assert!(parse("a = 1 +\n2\n").is_err());
    }

    #[test]
    fn an_empty_heredoc_ends_at_its_own_marker() {
        let value = value("a = <<E\n  E\nb = <<E\nx\nE\n");
        assert!(matches!(value, Expression::String(text) if text.value().is_empty()));
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "\u{feff}c = [\r\n# é\r\n1]\r\na = 12";
        let span = value(text).span().expect("a span");
        assert_eq!(&text[span], "12");
        let error = parse("\u{feff}a = 1\r\nb = = 2\r\n").expect_err("a mistake");
        assert_eq!(error.offset, 14);
    }
}
