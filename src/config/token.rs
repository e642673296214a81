//! HCL text → tokens that cover it but for blanks. Pure; takes any text, valid or not.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A line's end: `\n` or `\r\n`.
    Newline,
    /// `# …` and `// …` with their line's end, or `/* … */`.
    Comment,
    /// A name or a keyword.
    Identifier,
    /// A number.
    Number,
    /// The `"` that opens a template.
    OpenQuote,
    /// Text between quotes, escapes as they are written.
    QuotedText,
    /// The `"` that closes a template.
    CloseQuote,
    /// `<<NAME` or `<<-NAME` with the line's end.
    OpenHeredoc,
    /// Text of a heredoc, at most one line.
    HeredocText,
    /// A heredoc's last line without its end, indentation included.
    CloseHeredoc,
    /// `${` or `${~`
    OpenInterpolation,
    /// `%{` or `%{~`
    OpenDirective,
    /// The `}` or `~}` that closes an interpolation or a directive.
    CloseTemplate,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// `=`
    Assign,
    /// `=>`
    Arrow,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `...`
    Ellipsis,
    /// `:`
    Colon,
    /// `::`
    DoubleColon,
    /// `?`
    Question,
    /// `!`
    Not,
    /// `-`
    Minus,
    /// `+`, `*`, `/`, `%`
    Arithmetic,
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`
    Comparison,
    /// `&&`, `||`
    Logic,
    /// Anything that no HCL file holds.
    Invalid,
}

impl TokenKind {
    /// Whether it opens a bracket, an interpolation or a directive.
    pub fn opens(self) -> bool {
        matches!(
            self,
            Self::OpenBrace
                | Self::OpenBracket
                | Self::OpenParen
                | Self::OpenInterpolation
                | Self::OpenDirective
        )
    }

    /// Whether it closes what [`TokenKind::opens`] opens.
    pub fn closes(self) -> bool {
        matches!(
            self,
            Self::CloseBrace | Self::CloseBracket | Self::CloseParen | Self::CloseTemplate
        )
    }
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Its text.
    pub text: &'a str,
    /// Its first byte in the source.
    pub start: usize,
}

impl Token<'_> {
    /// Returns the byte behind its last one.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether the line ends with it: a line's end, or a comment that takes it along.
    pub fn ends_line(&self) -> bool {
        ends_line(self.kind, self.text)
    }
}

/// As [`Token::ends_line`].
pub(super) fn ends_line(kind: TokenKind, text: &str) -> bool {
    match kind {
        TokenKind::Newline => true,
        TokenKind::Comment => text.ends_with('\n'),
        _ => false,
    }
}

/// Splits a text into tokens. Between them are only spaces and tabs, and a byte order mark at the start.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        text,
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        modes: vec![Mode::Code { braces: 0 }],
        tokens: Vec::new(),
    };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.tokens
}

/// What the lexer is inside of.
enum Mode<'a> {
    /// Code, with the number of `{` that are open since it began.
    Code { braces: usize },
    /// A template in quotes.
    Quoted,
    /// A heredoc; only the start of a line can be its closing marker.
    Heredoc { marker: &'a str, line_start: bool },
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    modes: Vec<Mode<'a>>,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    /// Takes one token or a run of blanks.
    fn step(&mut self) {
        match self.modes.last() {
            Some(Mode::Quoted) => self.quoted(),
            Some(&Mode::Heredoc { marker, line_start }) => self.heredoc(marker, line_start),
            Some(Mode::Code { .. }) | None => self.code(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let end = self.at + length;
        self.tokens.push(Token {
            kind,
            text: &self.text[self.at..end],
            start: self.at,
        });
        self.at = end;
    }

    fn code(&mut self) {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if blanks > 0 {
            self.at += blanks;
            return;
        }
        match rest.as_bytes()[0] {
            b'"' => {
                self.push(TokenKind::OpenQuote, 1);
                self.modes.push(Mode::Quoted);
            }
            b'{' => {
                self.push(TokenKind::OpenBrace, 1);
                if let Some(Mode::Code { braces }) = self.modes.last_mut() {
                    *braces += 1;
                }
            }
            b'}' => self.closing_brace(1),
            b'~' if rest.starts_with("~}") => self.closing_brace(2),
            b'<' if rest.starts_with("<<") => self.open_heredoc(),
            b'#' => self.line_comment(),
            b'/' if rest.starts_with("//") => self.line_comment(),
            b'/' if rest.starts_with("/*") => match rest[2..].find("*/") {
                Some(length) => self.push(TokenKind::Comment, length + 4),
                None => self.push(TokenKind::Invalid, rest.len()),
            },
            b'0'..=b'9' => self.push(TokenKind::Number, number_length(rest.as_bytes())),
            first if is_identifier_start(first) => {
                let bytes = rest.bytes();
                let length = bytes.take_while(|byte| is_identifier_part(*byte));
                self.push(TokenKind::Identifier, length.count());
            }
            _ => self.symbol(),
        }
    }

    fn symbol(&mut self) {
        let rest = self.rest();
        let found = SYMBOLS.iter().find(|(text, _)| rest.starts_with(text));
        match found {
            Some((text, kind)) => self.push(*kind, text.len()),
            None => self.push(TokenKind::Invalid, 1),
        }
    }

    fn line_comment(&mut self) {
        let rest = self.rest();
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.push(TokenKind::Comment, length);
    }

    /// A brace closes the innermost `{` of its own template, or else that template's `${`.
    fn closing_brace(&mut self, length: usize) {
        let nested = self.modes.len() > 1;
        match self.modes.last_mut() {
            Some(Mode::Code { braces: 0 }) if nested => {
                self.modes.pop();
                self.push(TokenKind::CloseTemplate, length);
            }
            Some(Mode::Code { braces }) if length == 1 => {
                *braces = braces.saturating_sub(1);
                self.push(TokenKind::CloseBrace, length);
            }
            _ => self.push(TokenKind::Invalid, length),
        }
    }

    fn open_heredoc(&mut self) {
        let rest = self.rest();
        let dash = usize::from(rest[2..].starts_with('-'));
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        let marker = &line[2 + dash..];
        let marker = marker.strip_suffix('\n').unwrap_or_default();
        let marker = marker.strip_suffix('\r').unwrap_or(marker);
        let is_name = marker.bytes().next().is_some_and(is_identifier_start)
            && marker.bytes().all(is_identifier_part);
        if !is_name {
            self.push(TokenKind::Comparison, 1);
            return;
        }
        self.push(TokenKind::OpenHeredoc, line.len());
        self.modes.push(Mode::Heredoc {
            marker,
            line_start: true,
        });
    }

    fn quoted(&mut self) {
        let rest = self.rest();
        if rest.starts_with('"') {
            self.modes.pop();
            self.push(TokenKind::CloseQuote, 1);
        } else if rest.starts_with(['\n', '\r']) {
            // A template in quotes stays on its line. The mode is left so that one missing quote
            // does not turn the rest of the file around.
            self.modes.pop();
            self.push(TokenKind::Invalid, 1);
        } else if !self.template_sign(TokenKind::QuotedText) {
            self.push(TokenKind::QuotedText, quoted_length(rest));
        }
    }

    fn heredoc(&mut self, marker: &'a str, line_start: bool) {
        let rest = self.rest();
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        if line_start && line.trim() == marker {
            self.modes.pop();
            let content = line.trim_end_matches(['\n', '\r']);
            self.push(TokenKind::CloseHeredoc, content.len());
            return;
        }
        let sign = self.template_sign(TokenKind::HeredocText);
        if !sign {
            let length = line.find(['$', '%']).unwrap_or(line.len());
            self.push(TokenKind::HeredocText, length);
        }
        let ended = self.text[..self.at].ends_with('\n');
        for mode in self.modes.iter_mut().rev() {
            if let Mode::Heredoc { line_start, .. } = mode {
                *line_start = ended;
                break;
            }
        }
    }

    /// Takes what begins with `$` or `%`: an interpolation, a directive, an escape (`$${`), or the
    /// sign itself, which is text of its own.
    fn template_sign(&mut self, text_kind: TokenKind) -> bool {
        let rest = self.rest();
        let (sign, open) = match rest.as_bytes()[0] {
            b'$' => ('$', TokenKind::OpenInterpolation),
            b'%' => ('%', TokenKind::OpenDirective),
            _ => return false,
        };
        let after = &rest[1..];
        let strip = |text: &str| usize::from(text.starts_with('~'));
        if let Some(inside) = after.strip_prefix('{') {
            self.push(open, 2 + strip(inside));
            self.modes.push(Mode::Code { braces: 0 });
        } else if let Some(inside) = after.strip_prefix(sign).and_then(|t| t.strip_prefix('{')) {
            self.push(text_kind, 3 + strip(inside));
        } else {
            self.push(text_kind, 1);
        }
        true
    }
}

/// The symbols, a longer one before those that it begins with.
const SYMBOLS: &[(&str, TokenKind)] = &[
    ("\r\n", TokenKind::Newline),
    ("\n", TokenKind::Newline),
    ("...", TokenKind::Ellipsis),
    ("==", TokenKind::Comparison),
    ("!=", TokenKind::Comparison),
    (">=", TokenKind::Comparison),
    ("<=", TokenKind::Comparison),
    ("=>", TokenKind::Arrow),
    ("&&", TokenKind::Logic),
    ("||", TokenKind::Logic),
    ("::", TokenKind::DoubleColon),
    ("[", TokenKind::OpenBracket),
    ("]", TokenKind::CloseBracket),
    ("(", TokenKind::OpenParen),
    (")", TokenKind::CloseParen),
    ("=", TokenKind::Assign),
    (".", TokenKind::Dot),
    (",", TokenKind::Comma),
    (":", TokenKind::Colon),
    ("?", TokenKind::Question),
    ("!", TokenKind::Not),
    ("-", TokenKind::Minus),
    ("+", TokenKind::Arithmetic),
    ("*", TokenKind::Arithmetic),
    ("/", TokenKind::Arithmetic),
    ("%", TokenKind::Arithmetic),
    ("<", TokenKind::Comparison),
    (">", TokenKind::Comparison),
];

/// Names may hold letters of any script. Outside of templates and comments nothing else in a valid
/// file is beyond ASCII, so that there is no need to tell letters from the rest here.
fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_identifier_part(byte: u8) -> bool {
    is_identifier_start(byte) || byte.is_ascii_digit() || byte == b'-'
}

/// The length of a number: digits, dots between them and an exponent. A dot at the end is not a part.
fn number_length(bytes: &[u8]) -> usize {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    let mut end = 0;
    loop {
        match bytes.get(at) {
            Some(b'.') => at += 1,
            Some(b'0'..=b'9') => {
                at += 1;
                end = at;
            }
            Some(b'e' | b'E') => {
                let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                if !is_digit(at + 1 + sign) {
                    return end;
                }
                at += 2 + sign;
                end = at;
            }
            _ => return end,
        }
    }
}

/// The length of the text up to a quote, a sign of a template or the line's end; a backslash takes
/// the next character along.
fn quoted_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' | '$' | '%' | '\n' | '\r' => return at,
            '\\' => {
                let ahead = characters.clone().next();
                if matches!(ahead, Some((_, c)) if c != '\n' && c != '\r') {
                    characters.next();
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|token| token.text).collect()
    }

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokens(text).iter().map(|token| token.kind).collect()
    }

    #[test]
    fn numbers_keep_their_exponent_and_leave_a_dot_behind() {
        assert_eq!(texts("1.5e-3"), ["1.5e-3"]);
        assert_eq!(texts("a.0.b"), ["a", ".", "0", ".", "b"]);
        assert_eq!(texts("[1...]"), ["[", "1", "...", "]"]);
        assert_eq!(texts("5em"), ["5", "em"]);
    }

    #[test]
    fn an_identifier_takes_its_dashes() {
        assert_eq!(texts("a-b - c"), ["a-b", "-", "c"]);
        assert_eq!(texts("größe=1"), ["größe", "=", "1"]);
    }

    #[test]
    fn braces_in_a_template_are_told_apart() {
        use TokenKind::*;
        assert_eq!(
            kinds(r#""${ { a = "}" } }""#),
            [
                OpenQuote,
                OpenInterpolation,
                OpenBrace,
                Identifier,
                Assign,
                OpenQuote,
                QuotedText,
                CloseQuote,
                CloseBrace,
                CloseTemplate,
                CloseQuote
            ]
        );
    }

    #[test]
    fn escapes_open_nothing() {
        assert_eq!(
            texts(r#""\"$${a}%%{b}$$${c}""#),
            [
                "\"", "\\\"", "$${", "a}", "%%{", "b}", "$", "$${", "c}", "\""
            ]
        );
    }

    #[test]
    fn a_heredoc_ends_at_its_marker_alone_on_a_line() {
        assert_eq!(
            texts("<<-A\r\n x A\r\n ${b} A\r\n A \r\n"),
            [
                "<<-A\r\n", " x A\r\n", " ", "${", "b", "}", " A\r\n", " A ", "\r\n"
            ]
        );
        assert_eq!(kinds("<<A b")[0], TokenKind::Comparison);
    }

    #[test]
    fn comments_take_their_line_end() {
        assert_eq!(
            texts("# a\r\n/* b\n */c // d"),
            ["# a\r\n", "/* b\n */", "c", "// d"]
        );
    }

    proptest! {
        #[test]
        fn the_tokens_and_the_blanks_are_the_text(text in r#"([ \t\n"${}%~<A#/*a-z0-9.é=\\]|\r\n){0,60}"#) {
            let mut at = 0;
            for token in tokens(&text) {
                prop_assert!(text[at..token.start].bytes().all(|b| b == b' ' || b == b'\t'));
                prop_assert!(!token.text.is_empty());
                at = token.end();
            }
            prop_assert!(text[at..].bytes().all(|b| b == b' ' || b == b'\t'));
        }

        #[test]
        fn any_text_has_tokens(text in "\\PC*") {
            tokens(&text);
        }
    }
}
