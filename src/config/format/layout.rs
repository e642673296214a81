//! Sets the blanks between pieces: indentation, spaces inside a line, columns. Pure.
//!
//! It knows lines and brackets only, no syntax tree, as Terraform's formatter does: what a bracket
//! stands for decides nothing, how many are open at a line's end does.

use std::ops::Range;

use unicode_normalization::char::canonical_combining_class;
use unicode_segmentation::UnicodeSegmentation;

use crate::config::token::{TokenKind, ends_line};

use super::rewrite::Piece;

/// Sets the spaces before every piece.
pub(super) fn lay_out(pieces: &mut [Piece]) {
    let lines = lines(pieces);
    indent(pieces, &lines);
    for line in &lines {
        space(&mut pieces[line.head()]);
        space(&mut pieces[line.tail()]);
    }
    align(pieces, &lines, |line| line.assign);
    align(pieces, &lines, |line| line.comment);
}

/// One line: a head, `= …` where it sets one attribute, and the comment behind them.
#[derive(Debug)]
struct Line {
    start: usize,
    assign: Option<usize>,
    comment: Option<usize>,
    end: usize,
}

impl Line {
    fn code(&self) -> Range<usize> {
        self.start..self.comment.unwrap_or(self.end)
    }

    /// What stands before the `=`.
    fn head(&self) -> Range<usize> {
        self.start..self.assign.unwrap_or(self.code().end)
    }

    /// The `=` and what follows it.
    fn tail(&self) -> Range<usize> {
        self.head().end..self.code().end
    }
}

fn lines(pieces: &[Piece]) -> Vec<Line> {
    let mut start = 0;
    pieces
        .split_inclusive(|piece| ends_line(piece.kind, &piece.text))
        .map(|pieces| {
            let line = line(pieces, start);
            start = line.end;
            line
        })
        .collect()
}

fn line(pieces: &[Piece], start: usize) -> Line {
    let comment = match pieces {
        [.., _, last] if last.kind == TokenKind::Comment => Some(pieces.len() - 1),
        _ => None,
    };
    let code = &pieces[..comment.unwrap_or(pieces.len())];
    let assign = code
        .iter()
        .skip(1)
        .position(|piece| piece.kind == TokenKind::Assign)
        .map(|at| at + 1)
        // A value that goes on over the next lines takes no part in the columns.
        .filter(|at| balance(&code[*at..]) == 0);
    Line {
        start,
        assign: assign.map(|at| start + at),
        comment: comment.map(|at| start + at),
        end: start + pieces.len(),
    }
}

/// How many more brackets are opened than closed.
fn balance(pieces: &[Piece]) -> isize {
    let opened = pieces.iter().filter(|piece| piece.kind.opens()).count();
    let closed = pieces.iter().filter(|piece| piece.kind.closes()).count();
    opened.cast_signed() - closed.cast_signed()
}

/// Indents by two spaces for each line that left brackets open, however many they are.
fn indent(pieces: &mut [Piece], lines: &[Line]) {
    let mut open: Vec<usize> = Vec::new();
    for line in lines {
        let first = line.start;
        if pieces[first].kind == TokenKind::Newline {
            continue;
        }
        let balance = line_balance(pieces, line);
        close(&mut open, balance.min(0).unsigned_abs());
        pieces[first].spaces = 2 * open.len();
        if balance > 0 {
            open.push(balance.unsigned_abs());
        }
    }
}

/// The line's balance. Brackets inside a heredoc are not counted where it stands in the head, which
/// is where a heredoc with an interpolation over several lines does.
fn line_balance(pieces: &[Piece], line: &Line) -> isize {
    let head = &pieces[line.head()];
    let heredoc = head.iter().position(|p| p.kind == TokenKind::OpenHeredoc);
    balance(&head[..heredoc.unwrap_or(head.len())]) + balance(&pieces[line.tail()])
}

/// Closes brackets, innermost first; a line's indentation ends with its last one.
fn close(open: &mut Vec<usize>, mut count: usize) {
    while count > 0 {
        match open.last_mut() {
            Some(last) if *last > count => {
                *last -= count;
                return;
            }
            Some(last) => {
                count -= *last;
                open.pop();
            }
            None => return,
        }
    }
}

/// Sets the spaces between the pieces of one cell.
fn space(cell: &mut [Piece]) {
    for at in 1..cell.len() {
        let before = at.checked_sub(2).map(|before| cell[before].kind);
        let is_apart = are_apart(before, &cell[at - 1], &cell[at]);
        cell[at].spaces = usize::from(is_apart);
    }
}

/// Whether a space stands between two pieces. The rules are ordered: the first that speaks decides.
#[expect(
    clippy::match_same_arms,
    reason = "the order of the rules is their meaning"
)]
fn are_apart(before: Option<TokenKind>, left: &Piece, right: &Piece) -> bool {
    use TokenKind as K;
    match (left.kind, right.kind) {
        (_, K::Newline | K::Dot | K::Comma | K::Ellipsis) | (K::Dot, _) => false,
        (K::Identifier, K::OpenParen | K::DoubleColon) | (K::DoubleColon, K::Identifier) => false,
        (K::Comma, _) => true,
        // The text of a template is its content.
        (K::OpenQuote | K::QuotedText | K::OpenHeredoc | K::HeredocText, _)
        | (_, K::CloseQuote | K::QuotedText | K::CloseHeredoc | K::HeredocText) => false,
        // `for x in [1]`, which is no index.
        (K::Identifier, _) if left.text == "in" && before == Some(K::Identifier) => true,
        (K::Identifier | K::Number, K::OpenBracket) => false,
        (kind, K::OpenBracket) if kind.closes() => false,
        (K::Not, _) => false,
        (K::Minus, _) => before.is_some_and(ends_operand),
        (K::OpenBrace, K::CloseBrace) => false,
        (K::OpenBrace, _) | (_, K::CloseBrace) => true,
        // `${ { … } }`: the braces of an object are kept apart from the template's.
        (K::OpenInterpolation | K::OpenDirective, K::OpenBrace)
        | (K::CloseBrace, K::CloseTemplate) => true,
        (K::CloseTemplate, K::OpenInterpolation | K::OpenDirective) => false,
        (left, right) => !left.opens() && !right.closes(),
    }
}

/// Whether a minus behind it subtracts. What cannot stand before a value is counted as the end of
/// one too, as Terraform's formatter does: `${- 1}` and `=> - 1`.
fn ends_operand(kind: TokenKind) -> bool {
    use TokenKind as K;
    let is_bracket = matches!(kind, K::OpenParen | K::OpenBrace | K::OpenBracket);
    let is_separator = matches!(kind, K::Assign | K::Colon | K::Comma | K::Question);
    let is_operator = matches!(
        kind,
        K::Arithmetic | K::Minus | K::Comparison | K::Logic | K::Not
    );
    !(is_bracket || is_separator || is_operator)
}

/// Puts a cell of neighbouring lines into one column.
fn align(pieces: &mut [Piece], lines: &[Line], cell: impl Fn(&Line) -> Option<usize>) {
    let starts: Vec<(usize, Option<usize>)> =
        lines.iter().map(|line| (line.start, cell(line))).collect();
    for run in starts.chunk_by(|a, b| a.1.is_some() == b.1.is_some()) {
        let cells: Vec<(usize, usize)> = run
            .iter()
            .filter_map(|(start, cell)| cell.map(|cell| (cell, width(&pieces[*start..cell]))))
            .collect();
        let widest = cells.iter().map(|(_, width)| *width).max().unwrap_or(0);
        for (cell, width) in cells {
            pieces[cell].spaces = widest - width + 1;
        }
    }
}

fn width(pieces: &[Piece]) -> usize {
    let columns = |piece: &Piece| piece.spaces + columns(&piece.text);
    pieces.iter().map(columns).sum()
}

/// The number of columns of a text: its grapheme clusters as Unicode 15.0 divides them. Unicode 15.1
/// joined the consonants of Indic conjuncts, which are told apart here again.
fn columns(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    text.graphemes(true)
        .map(|cluster| 1 + conjuncts(cluster))
        .sum()
}

/// The number of consonants that a virama (combining class 9) joins to the one before it.
fn conjuncts(cluster: &str) -> usize {
    let mut joined = false;
    let mut count = 0;
    for character in cluster.chars() {
        match canonical_combining_class(character) {
            9 => joined = true,
            0 if character.is_alphabetic() => {
                count += usize::from(joined);
                joined = false;
            }
            _ => {}
        }
    }
    count
}
