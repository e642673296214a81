//! Why a registry did not do what it was asked: by HTTP status first, then by its own code.

use serde::Deserialize;

use crate::clients::http::{Answer, CallError, Service, Words};

/// The registry's own codes, as Confluent's documentation lists them.
pub(super) mod code {
    /// The subject was deleted softly already.
    pub(in super::super) const SUBJECT_SOFT_DELETED: u32 = 40404;
    /// The conditions of a deletion: not deleted softly yet, or deleted softly already.
    pub(super) const DELETION: std::ops::RangeInclusive<u32> = 40404..=40407;
}

/// Why a call failed.
pub type RegistryError = CallError<Registry>;

/// A schema registry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Registry;

impl Service for Registry {
    const NAME: &'static str = "the registry";
    const CODE: &'static str = "registry";
    const LOGIN: &'static str =
        "set basic_auth_user_info, or bearer_auth_token, to what the registry asks for";

    fn words(answer: &Answer) -> Words {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            error_code: Option<u32>,
            message: Option<String>,
            // RFC 9457 problem details.
            detail: Option<String>,
            title: Option<String>,
        }
        let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
        let plain = || {
            let text = String::from_utf8_lossy(&answer.body);
            text.chars().take(500).collect()
        };
        let message = body.message.or(body.detail).or(body.title);
        Words {
            code: body.error_code.filter(|code| *code > 999),
            message: message.unwrap_or_else(plain),
        }
    }

    fn is_absence(error: &RegistryError) -> bool {
        match error {
            // A path that the server does not know is 404 as well, without a code.
            CallError::Refused {
                status: 404,
                code: Some(code),
                ..
            } => !code::DELETION.contains(code) || *code == 40404 || *code == 40406,
            _ => false,
        }
    }

    fn hint(error: &RegistryError) -> Option<&'static str> {
        match error {
            CallError::Refused {
                status: 404,
                code: None,
                ..
            } => Some(
                "the address may lack the path that the registry's API is under, such as \
                 /apis/ccompat/v7",
            ),
            _ => None,
        }
    }
}

impl RegistryError {
    /// Whether the registry's own code is this one.
    pub fn is(&self, wanted: u32) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if *code == wanted)
    }

    /// Whether content was refused because it is incompatible.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> RegistryError {
        let body = body.as_bytes().to_vec();
        RegistryError::refusal("GET /a".into(), &Answer { status, body })
    }

    #[test]
    fn the_status_counts_before_the_code() {
        let confluent = refusal(409, r#"{"error_code":40901,"message":"incompatible"}"#);
        let apicurio = refusal(409, r#"{"error_code":409,"message":"incompatible"}"#);
        assert!(confluent.is_conflict() && apicurio.is_conflict());
        insta::assert_snapshot!(confluent, @"GET /a: the registry answers 409 (code 40901): incompatible");
        insta::assert_snapshot!(apicurio, @"GET /a: the registry answers 409: incompatible");
    }

    #[test]
    fn bodies_that_are_no_json_are_borne() {
        insta::assert_snapshot!(refusal(400, ""), @"GET /a: the registry answers 400: without a reason");
        insta::assert_snapshot!(refusal(502, "<html>"), @"GET /a: the registry answers 502: <html>");
        insta::assert_snapshot!(
            refusal(500, r#"{"title":"Bad","detail":"Cannot invoke","status":500}"#),
            @"GET /a: the registry answers 500: Cannot invoke"
        );
        insta::assert_snapshot!(refusal(500, r#"{"message":"null","error_code":0}"#), @"GET /a: the registry answers 500: null");
    }

    #[test]
    fn an_unknown_path_is_no_absent_subject() {
        assert!(refusal(404, r#"{"error_code":40401}"#).is_absence());
        assert!(refusal(404, r#"{"error_code":40408}"#).is_absence());
        assert!(!refusal(404, "").is_absence());
        assert!(!refusal(404, r#"{"error_code":40405}"#).is_absence());
        assert!(refusal(404, "").hint().is_some());
    }
}
