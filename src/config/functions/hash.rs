//! Hashes of texts and files, and UUIDs made of names. Pure: files come through the scope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use crate::config::value::Value;

use super::filesystem::read;
use super::{Call, Failure, Function, Parameter, Want};

const STRING: &[Parameter] = &[Parameter::new("str", Want::String)];
const PATH: &[Parameter] = &[Parameter::new("path", Want::String)];

pub(super) const TABLE: &[Function] = &[
    Function::new("base64sha256", STRING, Want::String, |call| {
        Ok(base64::<Sha256>(call.text(0).as_bytes()))
    }),
    Function::new("base64sha512", STRING, Want::String, |call| {
        Ok(base64::<Sha512>(call.text(0).as_bytes()))
    }),
    Function::new("filebase64sha256", PATH, Want::String, |call| {
        Ok(base64::<Sha256>(&read(call, 0)?))
    }),
    Function::new("filebase64sha512", PATH, Want::String, |call| {
        Ok(base64::<Sha512>(&read(call, 0)?))
    }),
    Function::new("filemd5", PATH, Want::String, |call| {
        Ok(hex::<Md5>(&read(call, 0)?))
    }),
    Function::new("filesha1", PATH, Want::String, |call| {
        Ok(hex::<Sha1>(&read(call, 0)?))
    }),
    Function::new("filesha256", PATH, Want::String, |call| {
        Ok(hex::<Sha256>(&read(call, 0)?))
    }),
    Function::new("filesha512", PATH, Want::String, |call| {
        Ok(hex::<Sha512>(&read(call, 0)?))
    }),
    Function::new("md5", STRING, Want::String, |call| {
        Ok(hex::<Md5>(call.text(0).as_bytes()))
    }),
    Function::new("sha1", STRING, Want::String, |call| {
        Ok(hex::<Sha1>(call.text(0).as_bytes()))
    }),
    Function::new("sha256", STRING, Want::String, |call| {
        Ok(hex::<Sha256>(call.text(0).as_bytes()))
    }),
    Function::new("sha512", STRING, Want::String, |call| {
        Ok(hex::<Sha512>(call.text(0).as_bytes()))
    }),
    Function::new(
        "uuidv5",
        &[
            Parameter::new("namespace", Want::String),
            Parameter::new("name", Want::String),
        ],
        Want::String,
        uuid_v5,
    ),
];

fn hex<D: Digest>(bytes: &[u8]) -> Value {
    use std::fmt::Write as _;
    let digest = D::digest(bytes);
    let hex = digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    hex.into()
}

fn base64<D: Digest>(bytes: &[u8]) -> Value {
    STANDARD.encode(D::digest(bytes)).into()
}

/// RFC 9562, section 5.5; the names of the namespaces are those of its section 6.6.
fn uuid_v5(call: &Call<'_>) -> Result<Value, Failure> {
    let namespace = match call.text(0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        text => Uuid::parse_str(text)
            .map_err(|_| Failure::argument(0, "a UUID, dns, url, oid or x500 is required"))?,
    };
    Ok(Uuid::new_v5(&namespace, call.text(1).as_bytes())
        .to_string()
        .into())
}
