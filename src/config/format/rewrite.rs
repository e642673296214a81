//! Tokens → pieces: the few places where the canonical style changes more than blanks. Pure.
//!
//! Labels get quotes, an interpolation that is a whole value loses its `"${…}"`, and the types of
//! variables are written in today's form.

use std::borrow::Cow;

use hcl_edit::expr::Expression;

use crate::config::token::{Token, TokenKind};

/// A token of the result, with the spaces that stand before it.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: Cow<'a, str>,
    pub(super) spaces: usize,
}

impl<'a> Piece<'a> {
    fn new(kind: TokenKind, text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            kind,
            text: text.into(),
            spaces: 0,
        }
    }
}

/// Where a body stands; the types of variables are special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    File,
    Variable,
    Block,
}

/// Rewrites the tokens of a valid file. Blanks are left out: the layout sets them all.
pub(super) fn rewrite<'a>(tokens: &[Token<'a>]) -> Vec<Piece<'a>> {
    let mut rewriter = Rewriter {
        tokens,
        at: 0,
        pieces: Vec::with_capacity(tokens.len()),
    };
    while rewriter.at < tokens.len() {
        rewriter.body(Place::File);
        // A brace that closes nothing: not in a valid file, and nothing to lose either.
        rewriter.copy(1);
    }
    rewriter.pieces
}

struct Rewriter<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    pieces: Vec<Piece<'a>>,
}

impl Rewriter<'_, '_> {
    /// Takes attributes and blocks up to the end or the brace that closes the body.
    fn body(&mut self, place: Place) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.kind {
                TokenKind::CloseBrace => return,
                TokenKind::Identifier => self.item(place, token.text),
                _ => self.copy(1),
            }
        }
    }

    fn item(&mut self, place: Place, name: &str) {
        let next = self.at + 1 + comments(&self.tokens[self.at + 1..]);
        match self.tokens.get(next).map(|token| token.kind) {
            Some(TokenKind::Assign) => {
                let after = next + 1;
                let value = after + comments(&self.tokens[after..]);
                self.copy(value - self.at);
                self.attribute(place == Place::Variable && name == "type");
            }
            _ => self.block(match (place, name) {
                (Place::File, "variable") => Place::Variable,
                _ => Place::Block,
            }),
        }
    }

    fn attribute(&mut self, is_type: bool) {
        let rest = &self.tokens[self.at..];
        let expression = &rest[..expression_length(rest)];
        self.at += expression.len();
        let rewritten = if is_type {
            type_constraint(expression)
        } else {
            value(expression)
        };
        match rewritten {
            Some(pieces) => self.pieces.extend(pieces),
            None => self.pieces.extend(expression.iter().map(piece)),
        }
    }

    /// Takes a block: its keyword, its labels and its body with the braces.
    fn block(&mut self, inside: Place) {
        self.copy(1);
        self.labels();
        let is_open = |token: &Token| token.kind == TokenKind::OpenBrace;
        while self
            .tokens
            .get(self.at)
            .is_some_and(|token| token.kind == TokenKind::Comment)
        {
            self.copy(1);
        }
        if self.tokens.get(self.at).is_some_and(is_open) {
            self.copy(1);
            self.body(inside);
            self.copy(1);
        }
    }

    /// Takes the labels. Comments before the last one go: Terraform's formatter keeps none there.
    fn labels(&mut self) {
        loop {
            let first = self.at + comments(&self.tokens[self.at..]);
            let rest = &self.tokens[first.min(self.tokens.len())..];
            let length = match rest.first().map(|token| token.kind) {
                Some(TokenKind::Identifier) => 1,
                Some(TokenKind::OpenQuote) => {
                    let close = rest.iter().position(|t| t.kind == TokenKind::CloseQuote);
                    close.map_or(rest.len(), |at| at + 1)
                }
                _ => return,
            };
            self.pieces.extend(label(&rest[..length]));
            self.at = first + length;
        }
    }

    fn copy(&mut self, count: usize) {
        let end = (self.at + count).min(self.tokens.len());
        self.pieces
            .extend(self.tokens[self.at..end].iter().map(piece));
        self.at = end;
    }
}

fn piece<'a>(token: &Token<'a>) -> Piece<'a> {
    Piece::new(token.kind, token.text)
}

/// The number of comments at the start.
fn comments(tokens: &[Token]) -> usize {
    let is_comment = |token: &&Token| token.kind == TokenKind::Comment;
    tokens.iter().take_while(is_comment).count()
}

/// The number of tokens of the expression at the start, comments behind it excluded.
fn expression_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    let mut end = tokens.len();
    for (at, token) in tokens.iter().enumerate() {
        if depth == 0 && (token.ends_line() || token.kind == TokenKind::CloseBrace) {
            end = at;
            break;
        }
        if token.kind.opens() {
            depth += 1;
        } else if token.kind.closes() {
            depth = depth.saturating_sub(1);
        }
    }
    let is_comment = |token: &&Token| token.kind == TokenKind::Comment;
    end - tokens[..end].iter().rev().take_while(is_comment).count()
}

/// Returns a label in quotes, with the usual escapes only.
fn label<'a>(tokens: &[Token<'a>]) -> Vec<Piece<'a>> {
    let text = match tokens {
        [name] => Cow::Borrowed(name.text),
        [_, text, _] if !text.text.starts_with(['$', '%']) => canonical_text(text.text),
        _ => return tokens.iter().map(piece).collect(),
    };
    vec![
        Piece::new(TokenKind::OpenQuote, "\""),
        Piece::new(TokenKind::QuotedText, text),
        Piece::new(TokenKind::CloseQuote, "\""),
    ]
}

/// Rewrites a text between quotes: what can be printed is written as itself.
fn canonical_text(raw: &str) -> Cow<'_, str> {
    if raw
        .bytes()
        .all(|byte| byte != b'\\' && matches!(byte, b' '..=b'~'))
    {
        return Cow::Borrowed(raw);
    }
    let Ok(Expression::String(text)) = hcl_edit::parser::parse_expr(&format!("\"{raw}\"")) else {
        return Cow::Borrowed(raw);
    };
    let mut out = String::with_capacity(raw.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => out.extend(['\\', character]),
            '$' | '%' if characters.peek() == Some(&'{') => out.extend([character, character]),
            _ if is_printable(character) => out.push(character),
            _ => out.push_str(&escape(character)),
        }
    }
    Cow::Owned(out)
}

fn escape(character: char) -> String {
    match u32::from(character) {
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Whether a character can be seen: no control, format, private or unassigned one and no separator
/// but the space. The standard library knows it for its own escapes; a letter in front keeps it from
/// escaping a combining mark for standing first.
fn is_printable(character: char) -> bool {
    format!("a{character}").escape_debug().count() == 2
}

/// Returns the inside of a value that is one interpolation and nothing else: `"${x}"` → `x`.
fn value<'a>(tokens: &[Token<'a>]) -> Option<Vec<Piece<'a>>> {
    use TokenKind::{CloseQuote, CloseTemplate, Newline, OpenInterpolation, OpenQuote};
    let [open, start, inside @ .., end, close] = tokens else {
        return None;
    };
    let kinds = [open.kind, start.kind, end.kind, close.kind];
    if kinds != [OpenQuote, OpenInterpolation, CloseTemplate, CloseQuote] || !is_one_part(inside) {
        return None;
    }
    let is_code = |token: &Token| token.kind != Newline;
    let first = inside.iter().position(is_code)?;
    let last = inside.iter().rposition(is_code)?;
    let inside = &inside[first..=last];
    let pieces = inside.iter().map(piece);
    if !needs_parens(inside) {
        return Some(pieces.collect());
    }
    let open = Piece::new(TokenKind::OpenParen, "(");
    let close = Piece::new(TokenKind::CloseParen, ")");
    Some(std::iter::once(open).chain(pieces).chain([close]).collect())
}

/// Whether the tokens between the first `"${` and the last `}"` belong together. A nested template
/// counts as code as long as its quotes enclose it.
fn is_one_part(inside: &[Token]) -> bool {
    let mut quotes = 0_usize;
    for token in inside {
        match token.kind {
            TokenKind::OpenQuote => quotes += 1,
            TokenKind::CloseQuote if quotes == 0 => return false,
            TokenKind::CloseQuote => quotes -= 1,
            TokenKind::OpenInterpolation | TokenKind::CloseTemplate | TokenKind::QuotedText
                if quotes == 0 =>
            {
                return false;
            }
            _ => {}
        }
    }
    true
}

/// Whether an expression over several lines needs parentheses to stand alone.
///
/// Terraform's formatter adds them wherever there is a line's end and no parenthesis at both ends
/// already. That breaks a file in which a comment ends a line, and one like `(a) \n + (b)`, whose
/// outer parentheses are no pair; there they are added all the same.
fn needs_parens(tokens: &[Token]) -> bool {
    use TokenKind::{CloseParen, Newline, OpenParen};
    let ends = (
        tokens.first().map(|t| t.kind),
        tokens.last().map(|t| t.kind),
    );
    let in_parens = ends == (Some(OpenParen), Some(CloseParen));
    let is_long = tokens.iter().any(|token| token.kind == Newline);
    (is_long && !in_parens) || breaks_off(tokens)
}

/// Whether a line ends outside of brackets before the last token.
fn breaks_off(tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    tokens.iter().enumerate().any(|(at, token)| {
        if token.kind.opens() {
            depth += 1;
        } else if token.kind.closes() {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.ends_line() && at + 1 < tokens.len()
    })
}

/// Returns a variable's type in today's form: `list` → `list(any)`, and of the quoted names of
/// Terraform 0.11 `"string"` → `string`, `"list"` → `list(string)`, `"map"` → `map(string)`.
fn type_constraint<'a>(tokens: &[Token<'a>]) -> Option<Vec<Piece<'a>>> {
    use TokenKind::{CloseQuote, Identifier, OpenQuote, QuotedText};
    let (name, element) = match tokens {
        [name] if name.kind == Identifier && matches!(name.text, "list" | "map" | "set") => {
            (name.text, "any")
        }
        [open, name, close]
            if [open.kind, name.kind, close.kind] == [OpenQuote, QuotedText, CloseQuote] =>
        {
            match name.text {
                "string" => return Some(vec![Piece::new(Identifier, name.text)]),
                "list" | "map" => (name.text, "string"),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(vec![
        Piece::new(Identifier, name),
        Piece::new(TokenKind::OpenParen, "("),
        Piece::new(Identifier, element),
        Piece::new(TokenKind::CloseParen, ")"),
    ])
}
