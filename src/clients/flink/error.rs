//! Why Flink did not do what it was asked: its words are whole Java stack traces, of which people need the
//! last cause.

use serde::Deserialize;

use crate::clients::http::{Answer, CallError, Service, Words};
use crate::clients::stack_trace::{StackTrace, cut};

/// The most characters of a cause that are shown.
const LONGEST: usize = 1000;

/// Why a call failed.
pub type FlinkError = CallError<Flink>;

/// A Flink cluster, its SQL gateway included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flink;

impl Service for Flink {
    const NAME: &'static str = "Flink";
    const CODE: &'static str = "flink";
    const LOGIN: &'static str =
        "set basic_auth_user_info, or bearer_auth_token, to what Flink's proxy asks for";

    fn words(answer: &Answer) -> Words {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            errors: Vec<String>,
        }
        let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
        // The first of two says only where it happened.
        let trace = body.errors.last();
        let text = trace.map_or_else(
            || String::from_utf8_lossy(&answer.body).into_owned(),
            Clone::clone,
        );
        Words {
            code: None,
            message: root_cause(&text),
        }
    }

    /// Whether there is no such job, jar or operation.
    fn is_absence(error: &FlinkError) -> bool {
        match error {
            // A jar that is not there is an internal error, by its words only.
            CallError::Refused {
                status, message, ..
            } => {
                *status == 404
                    || (message.contains("Jar file") && message.contains("does not exist"))
            }
            _ => false,
        }
    }

    fn hint(_error: &FlinkError) -> Option<&'static str> {
        None
    }
}

impl FlinkError {
    /// Whether the id was given to a job before: to one that runs, or to one that has ended.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if tells_duplicate(message))
    }

    /// Whether the cluster knows no job of the id. A path that it does not know is another matter.
    pub fn is_unknown_job(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains("FlinkJobNotFound"))
    }
}

/// Whether words of Flink's say that a job's id was given before.
pub fn tells_duplicate(words: &str) -> bool {
    words.contains("DuplicateApplicationSubmission")
        || words.contains("DuplicateJobSubmission")
        || words.contains("already been submitted")
}

/// Returns the innermost cause of a Java stack trace, of any other text its first line.
pub fn root_cause(trace: &str) -> String {
    cut(StackTrace::read(trace).root(), LONGEST).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stack_trace_the_last_cause_is_told() {
        let trace = "org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.\n\
             \tat org.apache.flink.A.b(A.java:1)\n\
             Caused by: java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint file:/sp. Cannot map it.\n\
             \t... 4 more\n";
        insta::assert_snapshot!(root_cause(trace), @"IllegalStateException: Failed to rollback to checkpoint/savepoint file:/sp. Cannot map it.");
        assert_eq!(root_cause(&"x".repeat(2000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_refusal_is_classed_by_status_and_words() {
        let refusal = |status, body: &str| {
            let body = body.as_bytes().to_vec();
            FlinkError::refusal("GET /a".into(), &Answer { status, body })
        };
        assert!(refusal(404, "").is_absence());
        let jar = r#"{"errors":["org.apache.flink.runtime.rest.handler.RestHandlerException: Jar file /a.jar does not exist"]}"#;
        assert!(refusal(500, jar).is_absence());
        let twice = r#"{"errors":["Internal server error.","x\nCaused by: org.apache.flink.runtime.client.DuplicateApplicationSubmissionException: Application has already been submitted."]}"#;
        assert!(refusal(400, twice).is_duplicate());
        insta::assert_snapshot!(refusal(400, twice), @"GET /a: Flink answers 400: DuplicateApplicationSubmissionException: Application has already been submitted.");
        let unknown = r#"{"errors":["Internal server error.","<Exception on server side:\norg.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (00)\n\tat a.B.c(B.java:1)"]}"#;
        assert!(refusal(500, unknown).is_unknown_job());
        let path = r#"{"errors":["Not found: /jobs/00/status"]}"#;
        assert!(!refusal(404, path).is_unknown_job());
        insta::assert_snapshot!(refusal(502, "<html>"), @"GET /a: Flink answers 502: <html>");
        assert!(refusal(502, "").is_away() && !refusal(500, "").is_away());
    }
}
