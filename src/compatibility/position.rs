//! Where something stands in a text, as people count: lines and characters from 1. Pure.

/// Returns the line and the column of a byte.
pub fn of_byte(text: &str, byte: usize) -> (usize, usize) {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// Returns the line and the column where a text is no JSON; `serde_json` counts the bytes of the line, up to
/// and with the one that it stumbled over.
pub fn of_error(text: &str, error: &serde_json::Error) -> (usize, usize) {
    let line = error.line().max(1);
    let bytes = text
        .split('\n')
        .nth(line - 1)
        .unwrap_or_default()
        .as_bytes();
    let before = &bytes[..error.column().saturating_sub(1).min(bytes.len())];
    (line, String::from_utf8_lossy(before).chars().count() + 1)
}

/// Returns what `serde_json` says, without its own mention of the place.
pub fn words(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        assert_eq!(of_byte("é\nüb", 0), (1, 1));
        assert_eq!(of_byte("é\nüb", 5), (2, 2));
        assert_eq!(of_byte("é", 1), (1, 1), "inside a character");
        assert_eq!(of_byte("a", 99), (1, 2));
    }

    #[test]
    fn what_is_no_json_is_found_by_characters() {
        let found = |text: &str| {
            let error = serde_json::from_str::<serde_json::Value>(text).expect_err("no JSON");
            (of_error(text, &error), words(&error))
        };
        let expected = |line, column, words: &str| ((line, column), words.to_owned());
        assert_eq!(found("[\n\"éü\" x]"), expected(2, 6, "expected `,` or `]`"));
        assert_eq!(found("[\n"), expected(2, 1, "EOF while parsing a list"));
        assert_eq!(found(""), expected(1, 1, "EOF while parsing a value"));
    }
}
