//! Canonical JSON and its SHA-256: the only place that hashes. Pure.
//!
//! What travels between kinds is a [`Document`]: plain JSON whose text is the same for the same
//! content. Keys are sorted by their bytes, there is no white space, strings carry only the escapes
//! that JSON demands, and numbers are integers wherever the content is one. The rules are those of
//! RFC 8785 except for numbers beyond 2^53, which keep all their digits.
//!
//! A document is kept as that text: a run holds tens of thousands of them, and as a tree of values each
//! would take ten times the memory.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

/// A JSON value with one canonical text.
#[derive(Clone)]
pub struct Document(Box<RawValue>);

impl Document {
    /// Returns the document of a serialisable value.
    ///
    /// # Panics
    /// Never for the types of this crate: their maps have text keys and their numbers are finite.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        // By way of a value, whose keys are sorted; a type's own fields come in the order of its source.
        let value = serde_json::to_value(value);
        Self::from(value.expect("our types serialise: text keys, finite numbers"))
    }

    /// Returns the document of a JSON text. One that is canonical, as all are that this program wrote, is kept as it is.
    pub fn from_text(text: Box<RawValue>) -> Result<Self, serde_json::Error> {
        if is_plainly_canonical(text.get()) {
            return Ok(Self(text));
        }
        let value: Value = serde_json::from_str(text.get())?;
        Ok(Self::from(value))
    }

    /// Reads the document as a type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.canonical())
    }

    /// Returns the JSON value.
    ///
    /// # Panics
    /// Never: a document is made from a value.
    pub fn to_value(&self) -> Value {
        self.to().expect("the text was written from a value")
    }

    /// Returns the canonical text.
    pub fn canonical(&self) -> &str {
        self.0.get()
    }

    /// Returns the hash of the canonical text.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(self.canonical().as_bytes())
    }
}

/// Whether a JSON text is surely canonical. One with escapes, or with numbers that are no short integers, may be all
/// the same.
fn is_plainly_canonical(text: &str) -> bool {
    plain_value(text.as_bytes(), 0).is_some_and(<[u8]>::is_empty)
}

/// The depth at which nothing is plain any more.
const DEEP: u32 = 64;

/// Returns what follows a plainly canonical value at the start of a text; the text is JSON.
fn plain_value(text: &[u8], depth: u32) -> Option<&[u8]> {
    match *text.first()? {
        b'"' => plain_string(text).map(|(_, rest)| rest),
        b'{' if depth < DEEP => {
            let mut last: Option<&[u8]> = None;
            plain_items(&text[1..], b'}', |item| {
                let (key, rest) = plain_string(item)?;
                let is_next = last.replace(key).is_none_or(|last| last < key);
                let value = rest.strip_prefix(b":").filter(|_| is_next)?;
                plain_value(value, depth + 1)
            })
        }
        b'[' if depth < DEEP => plain_items(&text[1..], b']', |item| plain_value(item, depth + 1)),
        b't' | b'f' | b'n' => {
            let words: [&[u8]; 3] = [b"true", b"false", b"null"];
            words.iter().find_map(|word| text.strip_prefix(*word))
        }
        _ => plain_integer(text),
    }
}

/// Returns what follows a list of items, of which nothing but the opening bracket was read yet.
fn plain_items<'t>(
    text: &'t [u8],
    end: u8,
    mut item: impl FnMut(&'t [u8]) -> Option<&'t [u8]>,
) -> Option<&'t [u8]> {
    if let Some(rest) = text.strip_prefix(&[end]) {
        return Some(rest);
    }
    let mut rest = item(text)?;
    loop {
        match rest.split_first()? {
            (b',', more) => rest = item(more)?,
            (byte, after) if *byte == end => return Some(after),
            _ => return None,
        }
    }
}

/// Returns the content of a string without escapes, and what follows.
fn plain_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (content, rest) = text.split_at(end);
    Some((content, rest.strip_prefix(b"\"")?))
}

/// Returns what follows an integer that every number type of JSON readers holds.
fn plain_integer(text: &[u8]) -> Option<&[u8]> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let count = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let rest = &digits[count..];
    let is_plain = match digits.first()? {
        b'0' => count == 1 && digits.len() == text.len(),
        _ => (1..=15).contains(&count),
    };
    let goes_on = matches!(rest.first(), Some(b'.' | b'e' | b'E'));
    (is_plain && !goes_on).then_some(rest)
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        // serde_json's map is ordered by key (its `preserve_order` feature is off, see the test below),
        // and its compact writer adds no white space.
        Self(to_raw_value(&value).expect("a value has text keys and finite numbers"))
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::from(Value::Null)
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Document {}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.canonical())
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// A SHA-256, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Returns the hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the hash of a text that is given piece by piece.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
        }
        Self(digest.finalize().into())
    }

    /// Returns the first 12 digits, for people.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }

    /// Returns the 64 digits without the prefix.
    pub fn hex(&self) -> String {
        self.0
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                for nibble in [byte >> 4, byte & 15] {
                    hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
                }
                hex
            })
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `sha256:` followed by 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected \"sha256:\" and 64 lower-case hexadecimal digits")]
pub struct ParseHashError;

impl FromStr for ContentHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text
            .strip_prefix("sha256:")
            .ok_or(ParseHashError)?
            .as_bytes();
        let nibble = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(ParseHashError),
        };
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return Err(ParseHashError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_text_does_not_depend_on_the_order_of_keys() {
        let one = Document::from(json!({"b": 1, "a": {"z": null, "y": [true, "ü\n"]}}));
        let two: Document = serde_json::from_str(
            "{ \"a\": {\"y\": [true, \"\\u00fc\\n\"], \"z\": null}, \"b\": 1 }",
        )
        .expect("JSON");
        assert_eq!(
            one.canonical(),
            r#"{"a":{"y":[true,"ü\n"],"z":null},"b":1}"#
        );
        assert_eq!(one.hash(), two.hash());
    }

    /// Returns JSON texts: most of them canonical, some not, by a little.
    fn plain_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("true".to_owned()),
            Just("null".to_owned()),
            prop_oneof![Just(""), Just("-")].prop_flat_map(|sign| {
                "0|[1-9][0-9]{0,20}|0\\.50|1e3|1E3"
                    .prop_map(move |digits| format!("{sign}{digits}"))
            }),
            "[ -~ü]{0,4}".prop_map(|text| json!(text).to_string()),
            Just("\"\\u0041\"".to_owned()),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let space = prop_oneof![9 => Just(""), 1 => Just(" ")];
            prop_oneof![
                (prop::collection::vec(inner.clone(), 0..4), space.clone())
                    .prop_map(|(items, space)| format!("[{}{space}]", items.join(","))),
                (
                    prop::collection::vec(("[a-c]{0,2}", inner), 0..3),
                    any::<bool>(),
                    space
                )
                    .prop_map(|(mut entries, sorted, space)| {
                        if sorted {
                            entries.sort();
                            entries.dedup_by(|a, b| a.0 == b.0);
                        }
                        let entries = entries.iter();
                        let entries = entries.map(|(key, value)| format!("\"{key}\":{value}"));
                        format!("{{{}{space}}}", entries.collect::<Vec<_>>().join(","))
                    }),
            ]
        })
    }

    #[test]
    fn only_what_is_surely_canonical_is_kept() {
        let plain = r#"{"a":[1,-2,0,{}],"b":{"c":"ü","d":null},"e":[],"f":false}"#;
        assert!(is_plainly_canonical(plain));
        for other in [
            r#"{"b":1,"a":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a": 1}"#,
            r#"["\u0041"]"#,
            "-0",
            "1.0",
            "10000000000000000",
            "1e2",
        ] {
            assert!(!is_plainly_canonical(other), "{other}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_of_the_text() {
        assert_eq!(
            Document::from(json!({})).hash().to_string(),
            // printf '{}' | sha256sum
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }

    proptest! {
        #[test]
        fn hashes_round_trip(bytes in any::<Vec<u8>>()) {
            let hash = ContentHash::of(&bytes);
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        }

        #[test]
        fn a_text_that_is_kept_is_the_one_that_would_be_written(text in plain_json()) {
            let raw = || RawValue::from_string(text.clone()).expect("JSON");
            let written = Document::from(serde_json::from_str::<Value>(&text).expect("JSON"));
            let read = Document::from_text(raw()).expect("JSON");
            prop_assert_eq!(read.canonical(), written.canonical());
            if is_plainly_canonical(&text) {
                prop_assert_eq!(text.as_str(), written.canonical());
            }
        }

        #[test]
        fn documents_round_trip_and_their_hash_sees_every_change(entries in prop::collection::btree_map(".{0,4}", prop_oneof![
            any::<i64>().prop_map(Value::from), any::<bool>().prop_map(Value::from), ".{0,6}".prop_map(Value::from),
        ], 0..5), key in ".{0,4}") {
            let document = Document::of(&entries);
            let read: Document = serde_json::from_str(document.canonical()).expect("JSON");
            prop_assert_eq!(&read, &document);
            prop_assert_eq!(read.hash(), document.hash());
            let mut other = entries;
            other.insert(key, json!(["another"]));
            prop_assert_ne!(Document::of(&other).hash(), document.hash());
        }
    }
}
