//! What is remembered of a secret: enough to see that its value is another one, too little to find it. Pure.
//!
//! # Why
//! Some services show stars where a connector's password was set, so what was sent has to be remembered to
//! see that it changed. The digest is PBKDF2-HMAC-SHA256 (RFC 8018) keyed by the connector's and the setting's
//! name: the same password elsewhere has another digest, no table of passwords helps, and each guess costs as
//! much as our own look. It is the same at every look, so that plans and states do not move by themselves.

use sha2::Sha256;

/// How often the function is repeated: some milliseconds, since all connectors may have to be looked at.
const ITERATIONS: u32 = 20_000;

/// Returns the digest of a secret that a connector's key is set to.
pub(super) fn digest(connector: &str, key: &str, secret: &str) -> String {
    let salt = format!("streamform connector\0{connector}\0{key}");
    let bytes: [u8; 16] =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 16>(secret.as_bytes(), salt.as_bytes(), ITERATIONS);
    format!("pbkdf2:{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_same_again_and_another_elsewhere() {
        let one = digest("a", "password", "hunter2");
        assert_eq!(one, digest("a", "password", "hunter2"));
        for other in [
            digest("a", "password", "hunter3"),
            digest("b", "password", "hunter2"),
            digest("a", "token", "hunter2"),
        ] {
            assert_ne!(one, other);
        }
        assert!(!one.contains("hunter2"));
        assert_eq!(one.len(), "pbkdf2:".len() + 32);
    }
}
