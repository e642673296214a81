//! SQL through Flink's SQL gateway: sessions, statements and their results, by its REST API of Flink 2.x.
//! Does I/O.
//!
//! A statement's mistakes are told by its operation, not by the answer to the statement. A session that
//! is closed or was forgotten answers 500.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use crate::clients::http::{self, Method, Request};

use super::FlinkError;

/// The version of the API: the newest that has all that is used here has it since Flink 1.17.
const VERSION: &str = "v2";

/// The first pause between two looks at a statement.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// The longest one.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// A client of one gateway. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: http::Client,
}

/// A session: what its statements set and declare goes with it.
#[derive(Debug)]
pub struct Session {
    http: http::Client,
    handle: String,
}

/// What a statement gave, its first page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    result_type: String,
    #[serde(default, rename = "jobID")]
    job: Option<String>,
    #[serde(default)]
    results: Rows,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rows {
    data: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    fields: Vec<Json>,
}

/// Why a statement was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] FlinkError),
    /// The statement is wrong, or what it began failed.
    #[error("{0}")]
    Refused(String),
    /// It was still under way.
    #[error("the SQL gateway did not carry the statement out within {} s", .0.as_secs())]
    Late(Duration),
}

impl Client {
    /// Returns a client that connects at its first call.
    pub(super) fn new(settings: http::Settings) -> Result<Self, FlinkError> {
        Ok(Self {
            http: http::Client::new(settings)?,
        })
    }

    /// Opens a session with settings of its own.
    pub async fn open(&self, name: &str) -> Result<Session, FlinkError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            session_handle: String,
        }
        let request = Request::new(Method::POST, [VERSION, "sessions"])
            .body(json!({ "sessionName": name }))
            .repeatable();
        let answer: Answer = self.http.call(&request).await?;
        Ok(Session {
            http: self.http.clone(),
            handle: answer.session_handle,
        })
    }
}

impl Session {
    /// Carries a statement out and returns the id of the job that it began, where it began one. Waits
    /// until the statement is done, which for an `INSERT` is when its job was accepted.
    pub async fn run(
        &self,
        statement: &str,
        within: Duration,
    ) -> Result<Option<String>, StatementError> {
        Ok(self.carry_out(statement, within).await?.job)
    }

    /// Carries a statement out that shows something, such as `EXPLAIN`, and returns the first field of its first
    /// row.
    pub async fn show(&self, statement: &str, within: Duration) -> Result<String, StatementError> {
        let shown = self.carry_out(statement, within).await?;
        let row = shown.results.data.into_iter().next();
        let field = row.and_then(|row| row.fields.into_iter().next());
        Ok(match field {
            Some(Json::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        })
    }

    async fn carry_out(&self, statement: &str, within: Duration) -> Result<Shown, StatementError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            operation_handle: String,
        }
        let request = Request::new(
            Method::POST,
            [VERSION, "sessions", &self.handle, "statements"],
        )
        .body(json!({ "statement": statement }));
        let answer: Answer = self.call(&request).await?;
        let operation = answer.operation_handle;
        self.wait(&operation, within).await?;
        let shown = self.result(&operation).await;
        let close = ["operations", &operation, "close"];
        let close = Request::new(Method::DELETE, self.path(&close)).repeatable();
        // It would be closed with the session.
        let _closed: Result<Json, _> = self.call(&close).await;
        shown
    }

    /// Closes the session. One that is closed already is no error.
    pub async fn close(&self) {
        let request =
            Request::new(Method::DELETE, [VERSION, "sessions", &self.handle]).repeatable();
        // The gateway closes it by itself after a time.
        let closed: Result<Json, FlinkError> = self.call(&request).await;
        if let Err(error) = closed {
            tracing::debug!(%error, "a session of the SQL gateway was not closed");
        }
    }

    async fn wait(&self, operation: &str, within: Duration) -> Result<(), StatementError> {
        #[derive(Deserialize)]
        struct Answer {
            status: String,
        }
        let begin = Instant::now();
        let mut pause = FIRST_LOOK;
        let request = Request::get(self.path(&["operations", operation, "status"]));
        loop {
            let answer: Answer = self.call(&request).await?;
            match answer.status.as_str() {
                // Of one in error the result tells why.
                "FINISHED" | "ERROR" => return Ok(()),
                "CANCELED" | "CLOSED" | "TIMEOUT" => {
                    return Err(StatementError::Refused(format!(
                        "the SQL gateway says that the statement is {}",
                        answer.status
                    )));
                }
                _ if begin.elapsed() >= within => return Err(StatementError::Late(within)),
                _ => sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    async fn result(&self, operation: &str) -> Result<Shown, StatementError> {
        let request = Request::get(self.path(&["operations", operation, "result", "0"]))
            .parameter("rowFormat", "JSON");
        let mut pause = FIRST_LOOK;
        loop {
            match self.call::<Shown>(&request).await {
                Ok(shown) if shown.result_type == "NOT_READY" => sleep(pause).await,
                Ok(shown) => return Ok(shown),
                Err(FlinkError::Refused { message, .. }) => {
                    return Err(StatementError::Refused(message));
                }
                Err(error) => return Err(error.into()),
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec![VERSION, "sessions", &self.handle];
        path.extend(rest);
        path
    }

    async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, FlinkError> {
        self.http.call(request).await
    }
}
