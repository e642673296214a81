//! TLS in front of a server on loopback: asks for a client certificate, and hands what comes on.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An authority, and what it issued, as PEM files in a folder.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let common_name = rcgen::DnType::CommonName;
        parameters.distinguished_name.push(common_name, name);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(parameters, key),
            pem,
        }
    }

    /// Returns a certificate and its key.
    fn issue(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.extended_key_usages = vec![usage];
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// The front; ends with the value.
pub(crate) struct TlsFront {
    port: u16,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl TlsFront {
    /// Listens in front of `host:port`. The server's certificate is for `127.0.0.1`; a client must show one of the
    /// same authority.
    pub(crate) fn start(behind: &str) -> Self {
        let (authority, stranger) = (Authority::new("ours"), Authority::new("a stranger's"));
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &authority.pem);
        write("stranger-ca.pem", &stranger.pem);
        for (name, issuer) in [("client", &authority), ("stranger", &stranger)] {
            let (certificate, key) = issuer.issue(&[], ExtendedKeyUsagePurpose::ClientAuth);
            write(&format!("{name}.pem"), &certificate);
            write(&format!("{name}.key"), &key);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config(&authority)));
        runtime.spawn(relay(listener, acceptor, behind.to_owned()));
        Self {
            port,
            folder,
            _runtime: runtime,
        }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Returns the path of one of its files: `ca.pem`, `client.pem`, `client.key`, and those of a stranger.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

fn config(authority: &Authority) -> ServerConfig {
    let usage = ExtendedKeyUsagePurpose::ServerAuth;
    let (certificate, key) = authority.issue(&["127.0.0.1"], usage);
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.pem)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![der(&certificate)],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap()
}

async fn relay(listener: TcpListener, acceptor: TlsAcceptor, behind: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, behind) = (acceptor.clone(), behind.clone());
        tokio::spawn(async move {
            // Whom it does not trust is told so by the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut server = TcpStream::connect(behind).await.unwrap();
            // Ends with either side.
            drop(tokio::io::copy_bidirectional(&mut stream, &mut server).await);
        });
    }
}
