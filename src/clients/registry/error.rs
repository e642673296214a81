//! Why a registry did not do what it was asked: by HTTP status first, then by its own code.

use serde::Deserialize;

use crate::clients::http::{Answer, HttpError};

/// The registry's own codes, as Confluent's documentation lists them.
pub(super) mod code {
    /// The subject was deleted softly already.
    pub(in super::super) const SUBJECT_SOFT_DELETED: u32 = 40404;
    /// The conditions of a deletion: not deleted softly yet, or deleted softly already.
    pub(super) const DELETION: std::ops::RangeInclusive<u32> = 40404..=40407;
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There was no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The registry says no.
    #[error("{call}: the registry answers {status}{}: {message}", .code.map(|code| format!(" (code {code})")).unwrap_or_default())]
    Refused {
        /// The method and path.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own code, where it gave one.
        code: Option<u32>,
        /// The registry's words.
        message: String,
    },
    /// The answer is not what the documentation says.
    #[error("{call}: the answer cannot be read: {source}")]
    Unreadable {
        /// The method and path.
        call: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl RegistryError {
    /// Returns what an answer that is no success means.
    pub(super) fn refusal(call: String, answer: &Answer) -> Self {
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
        let text = String::from_utf8_lossy(&answer.body);
        let plain = || Some(text.chars().take(500).collect::<String>()).filter(|t| !t.is_empty());
        let message = body
            .message
            .or(body.detail)
            .or(body.title)
            .or_else(plain)
            .unwrap_or_else(|| reason(answer.status).to_owned());
        Self::Refused {
            call,
            status: answer.status,
            code: body.error_code.filter(|code| *code > 999),
            message,
        }
    }

    /// Whether the registry's own code is this one.
    pub fn is(&self, wanted: u32) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if *code == wanted)
    }

    /// Whether there is no such subject, version, content, level or mode.
    pub fn is_absence(&self) -> bool {
        match self {
            // A path that the server does not know is 404 as well, without a code.
            Self::Refused {
                status: 404,
                code: Some(code),
                ..
            } => !code::DELETION.contains(code) || *code == 40404 || *code == 40406,
            _ => false,
        }
    }

    /// Whether content was refused because it is incompatible.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// Whether nothing can have changed: the registry said no, or was not reached.
    pub fn is_harmless(&self) -> bool {
        match self {
            Self::Http(error) => error.is_unsent(),
            Self::Refused { status, .. } => *status < 500,
            Self::Unreadable { .. } => false,
        }
    }

    /// Whether the registry is away for now, rather than refusing us.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Http(error) => error.is_away(),
            Self::Refused { status, .. } => matches!(status, 429 | 502..=504),
            Self::Unreadable { .. } => false,
        }
    }

    /// Returns the registry's words, or the whole error where it gave none.
    pub fn words(&self) -> String {
        match self {
            Self::Refused { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// Returns what to do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { status: 401, .. } => Some(
                "set basic_auth_user_info, or bearer_auth_token, to what the registry asks for",
            ),
            Self::Refused { status: 403, .. } => {
                Some("these credentials do not permit it: use others, or grant them the right")
            }
            Self::Refused {
                status: 404,
                code: None,
                ..
            } => Some(
                "the address may lack the path that the registry's API is under, such as \
                 /apis/ccompat/v7",
            ),
            Self::Refused {
                status: 300..=399, ..
            } => Some("the address leads elsewhere: set url to where it leads"),
            _ => None,
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        401 => "not authenticated",
        403 => "not permitted",
        404 => "not found",
        429 => "too many requests",
        _ => "without a reason",
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
