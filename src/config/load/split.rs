//! Cuts a text into its top-level blocks, so that one syntax error does not hide the next. Pure.
//!
//! The parser stops at the first error of its input. Where a file has one, its top-level blocks are
//! parsed one by one and each reports its own. This scan knows just enough of the language to find
//! where they begin: comments, quotes with interpolations, here-documents and brackets.

use std::ops::Range;

/// Returns the ranges of the pieces, which cover the text without gaps.
pub(super) fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut scan = Scan::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if scan.may_begin_here(line) {
            if at > 0 {
                starts.push(at);
            }
            scan = Scan::default();
        }
        scan.line(line);
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(a, b)| a..b)
        .collect()
}

/// Where the scan is at the end of a line.
#[derive(Debug, Default)]
struct Scan {
    /// Open `{`, `[` and `(`.
    depth: usize,
    /// The terminator of the here-document that is open.
    heredoc: Option<String>,
    /// Whether a `/* … */` comment is open.
    comment: bool,
}

impl Scan {
    /// Whether a new top-level block or attribute begins with this line: outside of everything, or at
    /// the left margin with the look of a block's header, since then a bracket was left open above.
    fn may_begin_here(&self, line: &str) -> bool {
        if self.comment || self.heredoc.is_some() {
            return false;
        }
        let begins = |line: &str| line.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if self.depth == 0 {
            begins(line.trim_start())
        } else {
            begins(line) && looks_like_header(line)
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(terminator) = &self.heredoc {
            if line.trim() == terminator {
                self.heredoc = None;
            }
            return;
        }
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if self.comment {
                let end = rest.find("*/");
                self.comment = end.is_none();
                rest = end.map_or("", |end| &rest[end + 2..]);
                continue;
            }
            match c {
                '#' => return,
                '/' if rest.starts_with("//") => return,
                '/' if rest.starts_with("/*") => {
                    self.comment = true;
                    rest = &rest[2..];
                    continue;
                }
                '"' => {
                    rest = &rest[quoted_len(rest)..];
                    continue;
                }
                '<' if rest.starts_with("<<") => {
                    let word = rest[2..].trim_start_matches('-').trim();
                    if crate::address::is_identifier(word) {
                        self.heredoc = Some(word.to_owned());
                        return;
                    }
                }
                '{' | '[' | '(' => self.depth += 1,
                '}' | ']' | ')' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// `topic "orders" {`: an identifier, labels and an opening brace, with nothing but a comment behind.
fn looks_like_header(line: &str) -> bool {
    let Some((head, tail)) = line.split_once('{') else {
        return false;
    };
    let tail = tail.trim();
    !head.contains(['=', '(', '[', ':'])
        && (tail.is_empty() || tail.starts_with(['#', '}']) || tail.starts_with("//"))
}

/// The length of the quoted text at the start of `text`, to its closing quote or the line's end.
/// Quotes inside an interpolation belong to the expression there.
fn quoted_len(text: &str) -> usize {
    let mut open = 0_usize; // interpolations around the current character
    let mut inner = false; // in quotes inside an interpolation
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if open == 0 || inner => {
                chars.next();
            }
            '$' | '%' if chars.peek().is_some_and(|(_, next)| *next == '{') => {
                chars.next();
                open += 1;
            }
            '{' if open > 0 && !inner => open += 1,
            '}' if open > 0 && !inner => open -= 1,
            '"' if open > 0 => inner = !inner,
            '"' => return at + 1,
            '\n' => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        pieces(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn top_level_blocks_are_pieces() {
        let text =
            "# head\na \"x\" {\n  b = \"}\" # }\n  c {\n  }\n}\n\nd {\n  e = <<EOT\nf {\nEOT\n}\n";
        assert_eq!(
            split(text),
            [
                "# head\n",
                "a \"x\" {\n  b = \"}\" # }\n  c {\n  }\n}\n\n",
                "d {\n  e = <<EOT\nf {\nEOT\n}\n",
            ]
        );
    }

    #[test]
    fn a_block_left_open_ends_where_the_next_header_stands() {
        assert_eq!(
            split("a \"x\" {\n  b = [1,\n\nc \"y\" {\n}\n"),
            ["a \"x\" {\n  b = [1,\n\n", "c \"y\" {\n}\n"]
        );
    }

    #[test]
    fn quotes_inside_interpolations_do_not_end_the_text() {
        assert_eq!(quoted_len(r#""a${f("}")}b" c"#), r#""a${f("}")}b""#.len());
        assert_eq!(quoted_len("\"open\n"), 5);
        assert_eq!(quoted_len(r#""a\"b" "#), 6);
    }

    proptest::proptest! {
        #[test]
        fn pieces_cover_any_text(text in ".*|[a-c{}\"\\[\\]#\n$<E ]*") {
            proptest::prop_assert_eq!(split(&text).concat(), text);
        }
    }
}
