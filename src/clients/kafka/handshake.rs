//! The first question on a connection: which versions of which requests the broker offers (KIP-35, KIP-511).

use kafka_protocol::messages::ApiVersionsRequest;

use super::connection::{Connection, Failure};
use super::error::{BrokerError, Cause};
use super::versions::Versions;
use super::wire::text;

use kafka_protocol::error::ResponseError;

/// The newest version that we speak; a broker that does not know it answers in version 0 that it does not.
const NEWEST: i16 = 4;

/// How long the whole set-up may take is limited by the caller, so that each step needs no limit of its own.
pub(super) const NO_LIMIT: std::time::Duration = std::time::Duration::from_hours(1);

/// Asks for the versions, in version 4 and then, where the broker does not know it, in version 0.
pub(super) async fn versions(connection: &Connection) -> Result<Versions, Cause> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("streamform"))
        .with_client_software_version(text(env!("CARGO_PKG_VERSION")));
    let mut last = None;
    for version in [NEWEST, 0] {
        let answer = connection.attempt(&request, version, NO_LIMIT).await;
        // A broker that does not know our version answers in version 0, which is shorter.
        let response = match answer {
            Ok(response) => response,
            Err(failure) => return Err(cause(failure)),
        };
        match BrokerError::from_code(response.error_code, None) {
            None => return Ok(Versions::from_response(&response)),
            Some(error) if error.is(ResponseError::UnsupportedVersion) => last = Some(error),
            Some(error) => return Err(answer_cause(error)),
        }
    }
    Err(answer_cause(
        last.expect("the loop ends only after an error"),
    ))
}

fn answer_cause(error: BrokerError) -> Cause {
    Cause::Answer {
        api: "ApiVersions",
        error,
    }
}

/// Returns why the set-up of a connection failed.
pub(super) fn cause(failure: Failure) -> Cause {
    match failure {
        Failure::Lost(cause) => cause,
        Failure::TimedOut(after) => Cause::TimedOut(after),
        Failure::Malformed(problem) => Cause::NotKafka(
            format!(
                "the answer is not one of a Kafka broker ({problem}): is security.protocol right?"
            )
            .into(),
        ),
        Failure::Unsendable(problem) => Cause::NotKafka(problem.into()),
    }
}
