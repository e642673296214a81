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
        // The second is an authority of the same name with another key.
        InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Starts a TLS server for `host` and returns its address and its authority's certificate.
    async fn server(host: &str) -> (Address, String) {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).expect("signed");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &issuer).expect("signed");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(acceptor.accept(stream).await);
            }
        });
        (Address::new("127.0.0.1", port), authority_certificate.pem())
    }

    async fn handshake(address: &Address, ca: &Path, any_host_name: bool) -> Result<(), Cause> {
        let settings = TlsSettings {
            trust: Some(("ssl.ca.location", ca.to_owned())),
            identity: None,
            any_host_name,
        };
        let tls = Tls::new(&settings).expect("valid settings");
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
        let stream = stream.expect("the server listens");
        tls.handshake(address, stream).await.map(|_| ())
    }

    #[tokio::test]
    async fn only_the_host_name_can_go_unchecked() {
        let folder = tempfile::tempdir().expect("a folder");
        let (right, wrong) = (
            folder.path().join("ca.pem"),
            folder.path().join("other.pem"),
        );
        let (address, ca) = server("elsewhere.example").await;
        let (_, other) = server("127.0.0.1").await;
        std::fs::write(&right, ca).expect("written");
        std::fs::write(&wrong, other).expect("written");
        let error = handshake(&address, &right, false)
            .await
            .expect_err("another name");
        assert!(
            error.to_string().contains("for another host name"),
            "{error}"
        );
        assert_eq!(handshake(&address, &right, true).await, Ok(()));
        let error = handshake(&address, &wrong, true)
            .await
            .expect_err("another authority");
        assert!(error.to_string().contains("is not trusted"), "{error}");
    }

    #[test]
    fn files_that_hold_no_certificates_or_keys_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.pem");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        let read = |identity: bool| {
            let file = ("ssl.key.location", path.clone());
            let settings = TlsSettings {
                trust: (!identity).then(|| ("ssl.ca.location", path.clone())),
                identity: identity.then(|| Identity {
                    certificate: file.clone(),
                    key: file,
                }),
                any_host_name: false,
            };
            Tls::new(&settings)
                .expect_err("no such thing in it")
                .to_string()
        };
        write("");
        assert!(read(false).contains("ssl.ca.location: "), "{}", read(false));
        assert!(read(false).ends_with("holds no certificate in PEM"));
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("made");
        write(&made.cert.pem());
        assert!(
            read(true).contains("holds no private key"),
            "{}",
            read(true)
        );
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
        write(&(made.cert.pem() + encrypted));
        assert!(
            read(true).contains("an encrypted private key"),
            "{}",
            read(true)
        );
    }
}
