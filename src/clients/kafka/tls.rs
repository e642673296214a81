//! TLS to brokers: whom we trust, which certificate we show, and what failures mean. Reads PEM files; does I/O.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{Cause, KafkaError};
use super::settings::{Address, Identity, TlsSettings};

/// What is needed to speak TLS.
pub(super) struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files that the settings name.
    pub(super) fn new(settings: &TlsSettings) -> Result<Self, KafkaError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (trusted_by, roots) = roots(settings)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| security(trusted_by, error))?;
        let verifier: Arc<dyn ServerCertVerifier> = if settings.any_host_name {
            Arc::new(AnyHostName(verifier))
        } else {
            verifier
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| security(trusted_by, error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = read_identity(identity)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| security(identity.key.0, error))?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Makes a TCP connection a TLS one.
    pub(super) async fn handshake(
        &self,
        broker: &Address,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Cause> {
        let name = ServerName::try_from(broker.host.clone())
            .map_err(|_| Cause::Tls("the host name cannot be one of a certificate".into()))?;
        self.0.connect(name, stream).await.map_err(|error| {
            let inner = error
                .get_ref()
                .and_then(|e| e.downcast_ref::<rustls::Error>());
            match inner {
                Some(error) => explain(error),
                None => Cause::Closed {
                    during: "the TLS handshake".into(),
                },
            }
        })
    }
}

/// Says what a TLS error means and what to set.
pub(super) fn explain(error: &rustls::Error) -> Cause {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let text = match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the broker's certificate is not trusted: set ssl.ca.location to the certificate of the authority \
             that issued it"
                .to_owned()
        }
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "the broker's certificate is for another host name; where that is right, set \
             ssl.endpoint.identification.algorithm to an empty text"
                .to_owned()
        }
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the broker's certificate has expired".to_owned()
        }
        InvalidCertificate(other) => format!("the broker's certificate is not valid: {other}"),
        AlertReceived(AlertDescription::CertificateRequired) => {
            "the broker asks for a client certificate: set ssl.certificate.location and ssl.key.location"
                .to_owned()
        }
        AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::HandshakeFailure,
        ) => format!(
            "the broker does not accept our certificate, or wants one ({error}): see ssl.certificate.location \
             and ssl.key.location"
        ),
        InvalidMessage(_) => {
            "the port does not speak TLS: is security.protocol right?".to_owned()
        }
        other => format!("TLS failed: {other}"),
    };
    Cause::Tls(text.into())
}

fn security(setting: &'static str, problem: impl std::fmt::Display) -> KafkaError {
    KafkaError::Security {
        setting,
        problem: problem.to_string().into(),
    }
}

/// Returns whom we trust, and the setting that said so.
fn roots(settings: &TlsSettings) -> Result<(&'static str, RootCertStore), KafkaError> {
    let mut roots = RootCertStore::empty();
    let Some((setting, path)) = &settings.trust else {
        // The system's store may hold certificates that rustls cannot read: the others count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let problem = "it is not set, and the system has no trusted certificates";
            return Err(security("ssl.ca.location", problem));
        }
        return Ok(("ssl.ca.location", roots));
    };
    for certificate in read_certificates(setting, path)? {
        roots
            .add(certificate)
            .map_err(|error| security(setting, format!("{}: {error}", path.display())))?;
    }
    Ok((setting, roots))
}

fn read_identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), KafkaError> {
    let chain = read_certificates(identity.certificate.0, &identity.certificate.1)?;
    let (setting, path) = &identity.key;
    let pem = read_pem(setting, path)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let encrypted = pem.windows(9).any(|window| window == b"ENCRYPTED");
        let problem = if encrypted {
            "holds an encrypted private key, which is not supported; decrypt it with `openssl pkey`"
        } else {
            "holds no private key in PEM (PKCS#8, SEC1 or PKCS#1)"
        };
        security(setting, format!("{} {problem}", path.display()))
    })?;
    Ok((chain, key))
}

fn read_certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
    let pem = read_pem(setting, path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| security(setting, format!("{}: {error}", path.display())))?;
    if certificates.is_empty() {
        let problem = format!("{} holds no certificate in PEM", path.display());
        return Err(security(setting, problem));
    }
    Ok(certificates)
}

fn read_pem(setting: &'static str, path: &Path) -> Result<Vec<u8>, KafkaError> {
    let read = std::fs::read(path);
    read.map_err(|error| {
        security(
            setting,
            format!("{} cannot be read: {error}", path.display()),
        )
    })
}

/// Verifies all but the host name: `ssl.endpoint.identification.algorithm` is an empty text.
#[derive(Debug)]
struct AnyHostName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHostName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The name is checked last, so that this error means that everything else is right.
        match self
            .0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
