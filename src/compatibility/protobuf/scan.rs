//! Reads a text just far enough to see that parsing it is cheap, and which edition it is. Pure.
//!
//! Nesting is bounded here since options' values are parsed, and decoded, by recursion; the length
//! of a name is bounded since it is looked up once for each of its parts.

use std::ops::Range;

use super::parse::Fault;

/// How deep brackets may nest; protoc itself allows messages to nest 31 deep.
const DEEPEST: usize = 64;

/// How long a name with its dots may be, in bytes.
const LONGEST_NAME: usize = 1_000;

/// A piece of the text that matters to the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword or a number, with its dots.
    Word,
    /// A quoted string, its quotes included.
    Quoted,
    /// Any other character.
    Sign(u8),
}

/// Iterates over the tokens of a text, without comments and white space.
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.text.get(self.at).is_some_and(|byte| wanted(*byte)) {
            self.at += 1;
        }
    }

    /// Moves behind the comment that starts here; false if none does.
    fn skip_comment(&mut self) -> bool {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"//") {
            self.skip_while(|byte| byte != b'\n');
        } else if rest.starts_with(b"/*") {
            let end = rest[2..].windows(2).position(|pair| pair == b"*/");
            self.at = end.map_or(self.text.len(), |end| self.at + 2 + end + 2);
        } else {
            return false;
        }
        true
    }

    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                b'\n' => return,
                _ => 1,
            };
            if *byte == quote {
                return;
            }
        }
        self.at = self.text.len();
    }
}

impl Iterator for Tokens<'_> {
    type Item = (Token, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace());
            if !self.skip_comment() {
                break;
            }
        }
        let start = self.at;
        let token = match *self.text.get(start)? {
            quote @ (b'"' | b'\'') => {
                self.skip_quoted(quote);
                Token::Quoted
            }
            byte if is_word(byte) => {
                self.skip_while(is_word);
                Token::Word
            }
            byte => {
                self.at += 1;
                Token::Sign(byte)
            }
        };
        Some((token, start..self.at))
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

/// Refuses a text whose parsing would take a deep stack or very long.
pub(super) fn check_bounds(text: &str) -> Result<(), Fault> {
    let mut depth = 0_usize;
    for (token, span) in Tokens::new(text) {
        match token {
            Token::Sign(b'{' | b'[' | b'(' | b'<') => depth += 1,
            Token::Sign(b'}' | b']' | b')' | b'>') => depth = depth.saturating_sub(1),
            Token::Word if span.len() > LONGEST_NAME => {
                let message = format!("a name is longer than {LONGEST_NAME} characters");
                return Err(Fault::at(span.start, message));
            }
            _ => {}
        }
        if depth > DEEPEST {
            let message = format!("brackets nest more than {DEEPEST} deep");
            return Err(Fault::at(span.start, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        Tokens::new(text).map(|(_, span)| &text[span]).collect()
    }

    #[test]
    fn comments_and_strings_hide_what_is_in_them() {
        assert_eq!(
            words("a /* { */ b.c // {\n= 'it\\'s {' \"x\"; /* open"),
            ["a", "b.c", "=", "'it\\'s {'", "\"x\"", ";"]
        );
    }

    #[test]
    fn deep_brackets_and_long_names_are_refused() {
        let deep = format!("option (x) = {}", "{ a: ".repeat(65));
        assert!(check_bounds(&deep).is_err());
        assert!(check_bounds(&"a.".repeat(501)).is_err());
        assert!(check_bounds(&"a[0]; ".repeat(1000)).is_ok());
    }
}
