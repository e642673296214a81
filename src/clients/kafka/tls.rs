//! TLS to brokers. Does I/O.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::clients::tls;

use super::error::{Cause, KafkaError};
use super::settings::{Address, TlsSettings};

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
        let config = tls::client_config(settings).map_err(|error| KafkaError::Security {
            setting: error.setting,
            problem: error.problem.into(),
        })?;
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
    let text = match error {
        rustls::Error::InvalidMessage(_) => {
            "the port does not speak TLS: is security.protocol right?".to_owned()
        }
        error => tls::explain(error, "broker"),
    };
    Cause::Tls(text.into())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use std::path::Path;

    use rustls::pki_types::PrivateKeyDer;

    use super::*;
    use crate::clients::tls::Identity;

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
