//! Where in a JSON text the value stands that a JSON pointer (RFC 6901) names. Pure.
//!
//! `serde_json` keeps no places, so the text is read again for the few values that a message is about.
//! The reader takes texts that are JSON already; on another it finds nothing.

use std::ops::Range;

/// Returns the byte range of the value; of a key that stands twice in one object, the last one's, as
/// parsers have it.
pub fn locate(text: &str, pointer: &str) -> Option<Range<usize>> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        match reader.peek()? {
            b'{' => reader.enter_object(&segment)?,
            b'[' => reader.enter_array(segment.parse().ok()?)?,
            _ => return None,
        }
    }
    let start = reader.at;
    reader.skip_value()?;
    Some(start..reader.at)
}

/// Writes a key as a segment of a pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes a byte that has to be here, and the white space behind it.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at += 1;
        self.skip_space();
        Some(())
    }

    /// Goes to the value of a key, from the object's brace.
    fn enter_object(&mut self, key: &str) -> Option<()> {
        let mut found = None;
        self.take(b'{')?;
        while self.peek()? != b'}' {
            let name = self.string()?;
            self.skip_space();
            self.take(b':')?;
            if name == key {
                found = Some(self.at);
            }
            self.next_member()?;
        }
        self.at = found?;
        Some(())
    }

    /// Goes to an element, from the array's bracket.
    fn enter_array(&mut self, index: usize) -> Option<()> {
        self.take(b'[')?;
        for _ in 0..index {
            (self.peek()? != b']').then_some(())?;
            self.next_member()?;
        }
        (self.peek()? != b']').then_some(())
    }

    /// Goes behind a value and the comma that may follow it.
    fn next_member(&mut self) -> Option<()> {
        self.skip_value()?;
        self.skip_space();
        if self.peek()? == b',' {
            self.take(b',')?;
        }
        Some(())
    }

    /// Takes a string and returns what it says.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.skip_string()?;
        serde_json::from_str(&self.text[start..self.at]).ok()
    }

    fn skip_string(&mut self) -> Option<()> {
        (self.peek()? == b'"').then_some(())?;
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Goes to the first byte behind a value, however deep it is.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => self.skip_word(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Goes behind a number, `true`, `false` or `null`.
    fn skip_word(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| !byte.is_ascii_whitespace() && !b",:]}[{\"".contains(&byte))
        {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(text: &'a str, pointer: &str) -> Option<&'a str> {
        locate(text, pointer).map(|range| &text[range])
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let text = r#" { "a" : [1, {"b\"": "x]}"}, true ], "c/d": {"": null}, "a~": -1e5 } "#;
        assert_eq!(found(text, ""), Some(text.trim()));
        assert_eq!(found(text, "/a/0"), Some("1"));
        assert_eq!(found(text, "/a/1/b\""), Some(r#""x]}""#));
        assert_eq!(found(text, "/a/2"), Some("true"));
        assert_eq!(found(text, "/c~1d/"), Some("null"));
        assert_eq!(found(text, "/a~0"), Some("-1e5"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let text = r#"{"a": [1], "b": 2}"#;
        for pointer in ["/a/1", "/a/x", "/b/0", "/c", "/a/0/x"] {
            assert_eq!(found(text, pointer), None, "{pointer}");
        }
        assert_eq!(locate("[1", "/1"), None);
        assert_eq!(locate("", ""), None);
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(found(r#"{"a": 1, "a": 2}"#, "/a"), Some("2"));
    }

    #[test]
    fn depth_costs_no_stack() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(locate(&text, ""), Some(0..text.len()));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in r#"[\[\]{}",:\\a1 é]{0,40}"#, pointer in "(/[a01~]{0,2}){0,3}") {
            let found = locate(&text, &pointer);
            prop_assert!(found.is_none_or(|range| text.get(range).is_some()));
        }
    }
}
