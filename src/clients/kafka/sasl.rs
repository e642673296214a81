//! The login on a connection: `SaslHandshake`, then `SaslAuthenticate` for each step of the mechanism (KIP-152).

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Request, StrBytes};
use rand::Rng as _;
use tokio::time::Instant;

use super::connection::Connection;
use super::error::{BrokerError, Cause, KafkaError};
use super::handshake::{NO_LIMIT, cause};
use super::scram::{Hash, Scram};
use super::settings::{Mechanism, SaslSettings};
use super::wire::{api_name, text};

/// Logs in. Returns when the login should be renewed, where the broker limits its life (KIP-368).
pub(super) async fn authenticate(
    connection: &Connection,
    login: &SaslSettings,
) -> Result<Option<Instant>, Cause> {
    agree(connection, login.mechanism).await?;
    let last = match login.mechanism {
        Mechanism::Plain => step(connection, plain(login)).await?,
        Mechanism::ScramSha256 => scram(connection, login, Hash::Sha256).await?,
        Mechanism::ScramSha512 => scram(connection, login, Hash::Sha512).await?,
    };
    let lifetime = u64::try_from(last.session_lifetime_ms).unwrap_or(0);
    // Renewed at 85 % of its life, as Kafka's own clients do at 85 to 95 %.
    Ok((lifetime > 0).then(|| Instant::now() + Duration::from_millis(lifetime).mul_f64(0.85)))
}

/// Asks for the mechanism.
async fn agree(connection: &Connection, mechanism: Mechanism) -> Result<(), Cause> {
    let request = SaslHandshakeRequest::default().with_mechanism(text(mechanism.name()));
    let response = send(connection, &request, 1).await?;
    match BrokerError::from_code(response.error_code, None) {
        None => Ok(()),
        Some(error) if error.is(ResponseError::UnsupportedSaslMechanism) => {
            let offered: Vec<&str> = response.mechanisms.iter().map(StrBytes::as_str).collect();
            let wanted = mechanism.name();
            let problem = format!(
                "it does not offer {wanted} but {}; see sasl.mechanism",
                offered.join(", ")
            );
            Err(Cause::Login(problem.into()))
        }
        Some(error) if error.is(ResponseError::IllegalSaslState) => Err(Cause::Login(
            "this port takes no login: is security.protocol right?".into(),
        )),
        Some(error) => Err(Cause::Login(error.to_string().into())),
    }
}

/// RFC 4616: no authorization identity, the user, the password, apart by NUL.
fn plain(login: &SaslSettings) -> String {
    format!("\0{}\0{}", login.username, login.password.reveal())
}

async fn scram(
    connection: &Connection,
    login: &SaslSettings,
    hash: Hash,
) -> Result<SaslAuthenticateResponse, Cause> {
    let nonce: [u8; 24] = rand::rng().random();
    let scram = Scram::new(hash, &login.username, login.password.reveal(), &nonce);
    let first = step(connection, scram.first_message()).await?;
    let challenge = message(&first)?;
    // The password is stretched by thousands of rounds, which would hold up the other tasks of this thread.
    let proved = tokio::task::spawn_blocking(move || scram.prove(&challenge));
    let proof = proved
        .await
        .map_err(|error| Cause::Login(error.to_string().into()))?
        .map_err(|problem| Cause::Login(problem.into()))?;
    let last = step(connection, proof.message.clone()).await?;
    proof
        .verify(&message(&last)?)
        .map_err(|problem| Cause::Login(problem.into()))?;
    Ok(last)
}

fn message(response: &SaslAuthenticateResponse) -> Result<String, Cause> {
    String::from_utf8(response.auth_bytes.to_vec())
        .map_err(|_| Cause::Login("the broker's message of the login is not UTF-8".into()))
}

/// Sends one message of the mechanism.
async fn step(connection: &Connection, bytes: String) -> Result<SaslAuthenticateResponse, Cause> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(bytes));
    let response = send(connection, &request, 0).await?;
    let said = response.error_message.as_ref().map(StrBytes::as_str);
    match BrokerError::from_code(response.error_code, said) {
        None => Ok(response),
        Some(error) => Err(Cause::Login(
            error.message.clone().unwrap_or_else(|| error.name().into()),
        )),
    }
}

async fn send<R: Request>(
    connection: &Connection,
    request: &R,
    least: i16,
) -> Result<R::Response, Cause> {
    let version = connection
        .version_of::<R>(least)
        .map_err(|error: KafkaError| Cause::Login(error.to_string().into()))?;
    let answer = connection.attempt(request, version, NO_LIMIT).await;
    answer.map_err(|failure| match cause(failure) {
        Cause::Closed { .. } => Cause::Closed {
            during: format!("the login ({})", api_name::<R>()).into(),
        },
        other => other,
    })
}
