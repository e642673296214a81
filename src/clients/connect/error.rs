//! Why Kafka Connect did not do what it was asked.

use serde::Deserialize;

use crate::clients::http::{Answer, CallError, Service, Words};
use crate::clients::stack_trace::cut;

/// The most characters of a worker's words that are shown: a plugin that is missing is answered with a list
/// of all there are.
const LONGEST: usize = 600;

/// Why a call failed.
pub type ConnectError = CallError<Connect>;

/// A cluster of Kafka Connect's workers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connect;

impl Service for Connect {
    const NAME: &'static str = "Kafka Connect";
    const CODE: &'static str = "connect";
    const LOGIN: &'static str =
        "set basic_auth_user_info, or bearer_auth_token, to what the workers ask for";

    fn words(answer: &Answer) -> Words {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            message: Option<String>,
        }
        let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = body
            .message
            .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
        Words {
            code: None,
            message: cut(text.trim(), LONGEST).into_owned(),
        }
    }

    /// Whether there is no such connector or task.
    fn is_absence(error: &ConnectError) -> bool {
        error.status() == Some(404)
    }

    fn hint(error: &ConnectError) -> Option<&'static str> {
        match error {
            CallError::Http(error) if error.is_away() => Some(
                "check url, and that a worker runs there: it answers GET /health once it has joined its group",
            ),
            CallError::Refused {
                status: 500,
                message,
                ..
            } if message.contains("timed out") => Some(
                "the workers were busy: look at their logs, and at whether the connector's own system answers",
            ),
            error if error.is_rebalance() => Some(
                "the workers were still sharing out their work: look at whether one comes and goes, and try again",
            ),
            _ => None,
        }
    }
}

impl ConnectError {
    /// Whether the workers are sharing out their work anew, and asking again later helps. What is only read is
    /// refused with 500 then, before anything is done (`DistributedHerder.checkRebalanceNeeded`).
    pub fn is_rebalance(&self) -> bool {
        match self {
            Self::Refused {
                status: 500,
                message,
                ..
            } => message.contains("rebalance is expected"),
            Self::Refused { status: 409, .. } => !self.is_taken(),
            _ => false,
        }
    }

    /// Whether a connector of that name is there already.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Refused { status: 409, message, .. } if message.contains("already exists"))
    }

    /// Whether the path or the method is one that these workers do not know: they are older.
    pub fn is_unknown_call(&self) -> bool {
        matches!(self.status(), Some(405 | 501))
            || matches!(self, Self::Refused { status: 404, message, .. } if message.starts_with("HTTP 404"))
    }

    /// Whether a request was not understood for a field that these workers do not know: they are older, and did
    /// nothing.
    pub fn is_unknown_field(&self, field: &str) -> bool {
        matches!(self, Self::Refused { status: 400 | 500, message, .. }
            if message.contains(&format!("Unrecognized field {field:?}")))
    }

    /// Whether the request was taken and something failed inside: of a plugin, or of a worker that was busy.
    pub fn is_inner(&self) -> bool {
        self.status() == Some(500) && !self.is_rebalance()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> ConnectError {
        let body = body.as_bytes().to_vec();
        ConnectError::refusal("PUT /connectors/a/config".into(), &Answer { status, body })
    }

    #[test]
    fn a_conflict_is_a_rebalance_or_a_name_that_is_taken() {
        let busy = refusal(
            409,
            r#"{"error_code":409,"message":"Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"}"#,
        );
        let taken = refusal(
            409,
            r#"{"error_code":409,"message":"Connector a already exists"}"#,
        );
        assert!(busy.is_rebalance() && !busy.is_taken() && busy.hint().is_some());
        let read = refusal(
            500,
            r#"{"message":"Request cannot be completed because a rebalance is expected"}"#,
        );
        assert!(read.is_rebalance() && !read.is_inner());
        assert!(taken.is_taken() && !taken.is_rebalance() && taken.hint().is_none());
    }

    #[test]
    fn a_bare_500_is_shown_as_it_is_and_may_have_done_something() {
        let error = refusal(
            500,
            r#"{"error_code":500,"message":"Cannot invoke \"ConfigValueInfo.errors()\""}"#,
        );
        insta::assert_snapshot!(error, @r#"PUT /connectors/a/config: Kafka Connect answers 500: Cannot invoke "ConfigValueInfo.errors()""#);
        assert!(error.is_inner() && !error.is_harmless() && !error.is_away());
        insta::assert_snapshot!(refusal(500, ""), @"PUT /connectors/a/config: Kafka Connect answers 500: without a reason");
    }

    #[test]
    fn long_words_are_cut_and_pages_are_borne() {
        let long = refusal(400, &format!(r#"{{"message":"{}"}}"#, "ä".repeat(2000)));
        assert_eq!(long.words().chars().count(), LONGEST + 1);
        assert!(refusal(503, "<html>").is_away());
    }

    #[test]
    fn older_workers_are_known_by_what_they_do_not_know() {
        assert!(refusal(405, "").is_unknown_call());
        assert!(
            refusal(404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#).is_unknown_call()
        );
        assert!(!refusal(404, r#"{"message":"Connector a not found"}"#).is_unknown_call());
        let words = r#"Unrecognized field \"initial_state\" (class org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest), not marked as ignorable (2 known properties: \"config\", \"name\"])"#;
        let unknown = |status| refusal(status, &format!("{{\"message\":\"{words}\"}}"));
        assert!(unknown(500).is_unknown_field("initial_state"));
        assert!(unknown(400).is_unknown_field("initial_state"));
        assert!(!unknown(500).is_unknown_field("config"));
        assert!(!unknown(503).is_unknown_field("initial_state"));
        let other = refusal(500, r#"{"message":"initial_state cannot be written"}"#);
        assert!(!other.is_unknown_field("initial_state"));
    }
}
