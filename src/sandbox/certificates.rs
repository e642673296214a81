//! Makes the certificates of a secured sandbox: an authority, the broker's and a client's. I/O: it writes PEM files.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// The common name of the client's certificate, which the broker takes for the principal's name; a super user.
const CLIENT: &str = "tls-user";

/// Where the files are.
pub(super) struct Paths {
    /// The authority's certificate.
    pub(super) ca: PathBuf,
    /// The client's certificate.
    pub(super) client: PathBuf,
    /// The client's key, PKCS#8.
    pub(super) client_key: PathBuf,
    /// The broker's key and certificate in one file, as Kafka reads a PEM key store.
    broker: PathBuf,
}

impl Paths {
    /// Returns the paths in a folder.
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            client: folder.join("client.pem"),
            client_key: folder.join("client.key"),
            broker: folder.join("broker.pem"),
        }
    }
}

/// Makes the certificates unless they are there. The authority's key is not kept.
pub(super) fn make(folder: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let paths = Paths::in_folder(folder);
    // The authority's certificate is written last, so it stands for all of them.
    if paths.ca.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let ca_key = KeyPair::generate()?;
    let mut ca = parameters("streamform sandbox", &[])?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let (broker_key, broker) = leaf(
        parameters("broker", &["localhost", "127.0.0.1"])?,
        ExtendedKeyUsagePurpose::ServerAuth,
        &issuer,
    )?;
    write_private(&paths.broker, &format!("{broker_key}{broker}"))?;
    let (client_key, client) = leaf(
        parameters(CLIENT, &[])?,
        ExtendedKeyUsagePurpose::ClientAuth,
        &issuer,
    )?;
    write_private(&paths.client_key, &client_key)?;
    fs::write(&paths.client, client)?;
    fs::write(&paths.ca, ca_pem)?;
    Ok(())
}

fn parameters(common_name: &str, names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2049, 12, 31);
    Ok(parameters)
}

/// Returns key and certificate as PEM.
fn leaf(
    mut parameters: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![usage];
    let certificate = parameters.signed_by(&key, issuer)?;
    Ok((key.serialize_pem(), certificate.pem()))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_are_private_and_made_once() -> Result<(), Box<dyn Error + Send + Sync>> {
        let folder = tempfile::tempdir()?;
        make(folder.path())?;
        let paths = Paths::in_folder(folder.path());
        let broker = fs::read_to_string(&paths.broker)?;
        assert!(
            broker.starts_with("-----BEGIN PRIVATE KEY-----"),
            "Kafka wants PKCS#8, key first"
        );
        assert!(broker.contains("-----BEGIN CERTIFICATE-----"));
        for path in [&paths.broker, &paths.client_key] {
            assert_eq!(fs::metadata(path)?.permissions().mode() & 0o777, 0o600);
        }
        make(folder.path())?;
        assert_eq!(fs::read_to_string(&paths.broker)?, broker);
        Ok(())
    }
}
