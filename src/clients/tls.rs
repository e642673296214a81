//! TLS towards any server: whom we trust, which certificate we show, and what failures mean. Reads PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};

/// Which certificates we trust and which one we show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// The PEM file of trusted certificates and the setting that named it; the system's where it is not set.
    pub trust: Option<(&'static str, PathBuf)>,
    /// Our own certificate.
    pub identity: Option<Identity>,
    /// Whether a server's certificate may be for another host name.
    pub any_host_name: bool,
}

/// Our own certificate and key, as PEM files; both may be the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate with its chain, and the setting that named it.
    pub certificate: (&'static str, PathBuf),
    /// The private key, and the setting that named it.
    pub key: (&'static str, PathBuf),
}

impl TlsSettings {
    /// Resolves relative names of files against a folder.
    pub fn start_from(&mut self, folder: &Path) {
        let identity = self.identity.as_mut();
        let files = identity.map(|i| [&mut i.certificate.1, &mut i.key.1]);
        let trust = self.trust.as_mut().map(|trust| &mut trust.1);
        for path in files.into_iter().flatten().chain(trust) {
            *path = folder.join(&*path);
        }
    }
}

/// A setting of TLS that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct TlsError {
    /// The setting, with dots.
    pub setting: &'static str,
    /// What is wrong with what it names.
    pub problem: Box<str>,
}

/// Returns rustls's settings; reads the files that ours name.
pub fn client_config(settings: &TlsSettings) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (trusted_by, roots) = roots(settings)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| wrong(trusted_by, error))?;
    let verifier: Arc<dyn ServerCertVerifier> = if settings.any_host_name {
        Arc::new(AnyHostName(verifier))
    } else {
        verifier
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(trusted_by, error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match &settings.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = read_identity(identity)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| wrong(identity.key.0, error))
        }
    }
}

/// Returns rustls's settings for who speaks without TLS only: they trust nobody. Reads no file.
pub fn no_trust() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong("ssl.ca.location", error))?;
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// Says what a TLS error means and what to set; `peer` is the word for the other side: `broker`.
pub fn explain(error: &rustls::Error, peer: &str) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    match error {
        // The second is an authority of the same name with another key.
        InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            format!(
                "the {peer}'s certificate is not trusted: set ssl.ca.location to the certificate of the \
                 authority that issued it"
            )
        }
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!(
                "the {peer}'s certificate is for another host name; where that is right, set \
                 ssl.endpoint.identification.algorithm to an empty text"
            )
        }
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            format!("the {peer}'s certificate has expired")
        }
        InvalidCertificate(other) => format!("the {peer}'s certificate is not valid: {other}"),
        AlertReceived(AlertDescription::CertificateRequired) => {
            format!(
                "the {peer} asks for a client certificate: set ssl.certificate.location and ssl.key.location"
            )
        }
        AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::HandshakeFailure,
        ) => format!(
            "the {peer} does not accept our certificate, or wants one ({error}): see ssl.certificate.location \
             and ssl.key.location"
        ),
        InvalidMessage(_) => "the port does not speak TLS".to_owned(),
        other => format!("TLS failed: {other}"),
    }
}

fn wrong(setting: &'static str, problem: impl std::fmt::Display) -> TlsError {
    TlsError {
        setting,
        problem: problem.to_string().into(),
    }
}

/// Returns whom we trust, and the setting that said so.
fn roots(settings: &TlsSettings) -> Result<(&'static str, RootCertStore), TlsError> {
    let mut roots = RootCertStore::empty();
    let Some((setting, path)) = &settings.trust else {
        // The system's store may hold certificates that rustls cannot read: the others count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let problem = "it is not set, and the system has no trusted certificates";
            return Err(wrong("ssl.ca.location", problem));
        }
        return Ok(("ssl.ca.location", roots));
    };
    for certificate in read_certificates(setting, path)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(setting, format!("{}: {error}", path.display())))?;
    }
    Ok((setting, roots))
}

fn read_identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
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
        wrong(setting, format!("{} {problem}", path.display()))
    })?;
    Ok((chain, key))
}

fn read_certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read_pem(setting, path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(setting, format!("{}: {error}", path.display())))?;
    if certificates.is_empty() {
        let problem = format!("{} holds no certificate in PEM", path.display());
        return Err(wrong(setting, problem));
    }
    Ok(certificates)
}

fn read_pem(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = std::fs::read(path);
    read.map_err(|error| {
        wrong(
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
