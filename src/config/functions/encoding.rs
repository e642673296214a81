//! JSON, CSV, base64, URLs and character sets. YAML is in `yaml`. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::config::eval::TOO_LONG_TEXT;
use crate::config::number::Number;
use crate::config::value::{Value, normalise};

use super::{Call, Failure, Function, Parameter, Want};

const STR: Parameter = Parameter::new("str", Want::String);
const STRING: &[Parameter] = &[STR];
const WITH_ENCODING: &[Parameter] = &[STR, Parameter::new("encoding", Want::String)];

pub(super) const TABLE: &[Function] = &[
    Function::new("base64decode", STRING, Want::String, |call| {
        Ok(text(decode(call)?)?.into())
    }),
    Function::new("base64encode", STRING, Want::String, |call| {
        Ok(STANDARD.encode(call.text(0)).into())
    }),
    Function::new("base64gunzip", STRING, Want::String, gunzip),
    Function::new("base64gzip", STRING, Want::String, gzip),
    Function::new("csvdecode", STRING, Want::Value, csv_decode),
    Function::new("jsondecode", STRING, Want::Value, json_decode),
    Function::new(
        "jsonencode",
        &[Parameter::new("val", Want::Known).nullable()],
        Want::String,
        |call| {
            let mut json = String::new();
            write_json(&call.args[0], &mut json);
            Ok(json.into())
        },
    ),
    Function::new("textdecodebase64", WITH_ENCODING, Want::String, text_decode),
    Function::new("textencodebase64", WITH_ENCODING, Want::String, text_encode),
    Function::new("urlencode", STRING, Want::String, |call| {
        Ok(url_encode(call.text(0)).into())
    }),
];

fn decode(call: &Call<'_>) -> Result<Vec<u8>, Failure> {
    STANDARD
        .decode(call.text(0))
        .map_err(|error| Failure::argument(0, format!("not base64: {error}")))
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes)
        .map_err(|_| Failure::argument(0, "what is encoded is not a text in UTF-8"))
}

fn gzip(call: &Call<'_>) -> Result<Value, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let bytes = encoder
        .write_all(call.text(0).as_bytes())
        .and_then(|()| encoder.finish());
    let bytes = bytes.map_err(|error| Failure::call(error.to_string()))?;
    Ok(STANDARD.encode(bytes).into())
}

fn gunzip(call: &Call<'_>) -> Result<Value, Failure> {
    let bytes = decode(call)?;
    let limit = TOO_LONG_TEXT as u64 + 1;
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(limit)
        .read_to_end(&mut content)
        .map_err(|error| Failure::argument(0, format!("not gzip: {error}")))?;
    if content.len() > TOO_LONG_TEXT {
        return Err(Failure::argument(0, "what is compressed is too long"));
    }
    Ok(text(content)?.into())
}

fn csv_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let wrong = |error: csv::Error| Failure::argument(0, format!("not CSV: {error}"));
    let mut reader = csv::Reader::from_reader(call.text(0).as_bytes());
    let header = reader.headers().map_err(wrong)?.clone();
    let names: Vec<Arc<str>> = header.iter().map(normalise).collect();
    if names.is_empty() {
        return Err(Failure::argument(
            0,
            "the line with the names of the columns is missing",
        ));
    }
    if let Some((index, name)) = names
        .iter()
        .enumerate()
        .find(|(index, name)| names[..*index].contains(name))
    {
        return Err(Failure::argument(
            0,
            format!(
                "two columns are called {name:?}, the second is number {}",
                index + 1
            ),
        ));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        rows.push(Value::object(
            names.iter().cloned().zip(record.iter().map(Value::from)),
        ));
    }
    Ok(Value::list(rows))
}

fn json_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let json: serde_json::Value = serde_json::from_str(call.text(0))
        .map_err(|error| Failure::argument(0, format!("not JSON: {error}")))?;
    Value::from_json(&json).map_err(|error| Failure::argument(0, error.to_string()))
}

/// Writes a value as Terraform does: keys in order, no white space, `<`, `>` and `&` escaped.
pub(super) fn write_json(value: &Value, json: &mut String) {
    match value {
        Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => json.push_str(&number.to_string()),
        Value::String(text) => write_json_text(text, json),
        Value::List(elements) | Value::Tuple(elements) => write_json_array(elements.iter(), json),
        Value::Set(elements) => write_json_array(elements.iter(), json),
        Value::Map(elements) | Value::Object(elements) => {
            json.push('{');
            for (index, (name, value)) in elements.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                write_json_text(name, json);
                json.push(':');
                write_json(value, json);
            }
            json.push('}');
        }
        Value::Sensitive(inner) => write_json(inner, json),
        // The parameter lets neither unknown values nor secrets through.
        Value::Null | Value::Unknown(_) | Value::Secret(_) => json.push_str("null"),
    }
}

fn write_json_array<'a>(elements: impl Iterator<Item = &'a Value>, json: &mut String) {
    json.push('[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            json.push(',');
        }
        write_json(element, json);
    }
    json.push(']');
}

/// Returns a text in quotes, with JSON's escapes.
pub(super) fn json_text(text: &str) -> String {
    let mut json = String::new();
    write_json_text(text, &mut json);
    json
}

fn write_json_text(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

/// As in the values of a query: a space is `+`.
fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            byte => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// What a character set's name means. `UTF-16` is big-endian with a mark in Go's library, as here.
enum Charset {
    Utf16 { big_endian: bool },
    Other(&'static encoding_rs::Encoding),
}

fn charset(call: &Call<'_>) -> Result<Charset, Failure> {
    let name = call.text(1);
    match name.to_ascii_uppercase().as_str() {
        "UTF-16LE" => return Ok(Charset::Utf16 { big_endian: false }),
        "UTF-16BE" => return Ok(Charset::Utf16 { big_endian: true }),
        _ => {}
    }
    encoding_rs::Encoding::for_label(name.as_bytes())
        .filter(|encoding| encoding.output_encoding() == *encoding)
        .map(Charset::Other)
        .ok_or_else(|| {
            Failure::argument(
                1,
                format!("{name:?} is not a character set that is supported"),
            )
        })
}

fn text_encode(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.text(0);
    let bytes = match charset(call)? {
        Charset::Utf16 { big_endian: true } => {
            text.encode_utf16().flat_map(u16::to_be_bytes).collect()
        }
        Charset::Utf16 { big_endian: false } => {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }
        Charset::Other(encoding) => match encoding.encode(text) {
            (bytes, _, false) => bytes.into_owned(),
            _ => {
                return Err(Failure::argument(
                    0,
                    format!("{} has not all of its characters", encoding.name()),
                ));
            }
        },
    };
    Ok(STANDARD.encode(bytes).into())
}

fn text_decode(call: &Call<'_>) -> Result<Value, Failure> {
    let bytes = decode(call)?;
    let wrong =
        |name: &str| Failure::argument(0, format!("what is encoded is not a text in {name}"));
    match charset(call)? {
        Charset::Utf16 { big_endian } => {
            let unit = if big_endian {
                u16::from_be_bytes
            } else {
                u16::from_le_bytes
            };
            let pairs = bytes.chunks_exact(2);
            if !pairs.remainder().is_empty() {
                return Err(wrong("UTF-16"));
            }
            let units: Vec<u16> = pairs.map(|pair| unit([pair[0], pair[1]])).collect();
            String::from_utf16(&units)
                .map(Value::from)
                .map_err(|_| wrong("UTF-16"))
        }
        Charset::Other(encoding) => encoding
            .decode_without_bom_handling_and_without_replacement(&bytes)
            .map(|text| text.into_owned().into())
            .ok_or_else(|| wrong(encoding.name())),
    }
}

impl Value {
    /// Returns the value that a JSON text stands for: arrays are tuples, objects are objects.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, crate::config::number::NumberError> {
        Ok(match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                Self::Number(number.to_string().parse::<Number>()?)
            }
            serde_json::Value::String(text) => Self::string(text),
            serde_json::Value::Array(elements) => Self::tuple(
                elements
                    .iter()
                    .map(Self::from_json)
                    .collect::<Result<_, _>>()?,
            ),
            serde_json::Value::Object(attributes) => {
                let attributes = attributes
                    .iter()
                    .map(|(name, value)| Ok((normalise(name), Self::from_json(value)?)))
                    .collect::<Result<BTreeMap<_, _>, _>>()?;
                Self::Object(Arc::new(attributes))
            }
        })
    }
}
