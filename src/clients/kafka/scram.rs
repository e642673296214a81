//! SCRAM, the client's side, without channel binding (RFC 5802, RFC 7677). Pure.
//!
//! [`Scram::first_message`], then [`Scram::prove`] on the server's challenge, then [`Proof::verify`] on its last word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};
use unicode_normalization::UnicodeNormalization as _;

/// The fewest rounds that are accepted, which are the fewest that Kafka stores (`ScramMechanism`).
const MIN_ITERATIONS: u32 = 4096;

/// The most rounds: a broker must not keep us busy for minutes. Kafka itself refuses more than 16,384.
const MAX_ITERATIONS: u32 = 1_000_000;

/// The header that says "no channel binding, no authorization identity".
const GS2: &str = "n,,";

/// A hash function that Kafka's SCRAM knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

/// A login that has begun.
pub(super) struct Scram {
    hash: Hash,
    password: String,
    nonce: String,
    first_bare: String,
}

/// A login that waits for the server's last word.
pub(super) struct Proof {
    /// What to send.
    pub(super) message: String,
    server_signature: Vec<u8>,
}

impl Scram {
    /// Begins a login with a fresh random nonce.
    pub(super) fn new(hash: Hash, username: &str, password: &str, nonce: &[u8]) -> Self {
        Self::with_nonce(hash, username, password, BASE64.encode(nonce))
    }

    fn with_nonce(hash: Hash, username: &str, password: &str, nonce: String) -> Self {
        let user = prepared(username).replace('=', "=3D").replace(',', "=2C");
        Self {
            hash,
            password: prepared(password),
            first_bare: format!("n={user},r={nonce}"),
            nonce,
        }
    }

    /// Returns the first message.
    pub(super) fn first_message(&self) -> String {
        format!("{GS2}{}", self.first_bare)
    }

    /// Answers the server's challenge.
    pub(super) fn prove(&self, challenge: &str) -> Result<Proof, String> {
        let (nonce, salt, iterations) = self.read(challenge)?;
        let salted = self
            .hash
            .stretch(self.password.as_bytes(), &salt, iterations);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let stored_key = self.hash.digest(&client_key);
        let without_proof = format!("c={},r={nonce}", BASE64.encode(GS2));
        let signed = format!("{},{challenge},{without_proof}", self.first_bare);
        let signature = self.hash.hmac(&stored_key, signed.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(a, b)| a ^ b)
            .collect();
        let server_key = self.hash.hmac(&salted, b"Server Key");
        Ok(Proof {
            message: format!("{without_proof},p={}", BASE64.encode(proof)),
            server_signature: self.hash.hmac(&server_key, signed.as_bytes()),
        })
    }

    /// Reads `r=nonce,s=salt,i=iterations`.
    fn read<'a>(&self, challenge: &'a str) -> Result<(&'a str, Vec<u8>, u32), String> {
        let mut parts = challenge.split(',');
        let mut part = |name: &str| {
            let part = parts.next().and_then(|part| part.strip_prefix(name));
            part.ok_or_else(|| "the broker's SCRAM challenge cannot be read".to_owned())
        };
        let nonce = part("r=")?;
        let salt = BASE64
            .decode(part("s=")?)
            .map_err(|_| "the salt of the broker's SCRAM challenge is not Base64".to_owned())?;
        let iterations: u32 = part("i=")?.parse().map_err(|_| {
            "the iterations of the broker's SCRAM challenge are no number".to_owned()
        })?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err("the broker's SCRAM nonce does not continue ours".into());
        }
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
            return Err(format!(
                "the broker asks for {iterations} SCRAM iterations; {MIN_ITERATIONS} to {MAX_ITERATIONS} are accepted"
            ));
        }
        Ok((nonce, salt, iterations))
    }
}

impl Proof {
    /// Checks that the server knows the password too.
    pub(super) fn verify(&self, last: &str) -> Result<(), String> {
        if let Some(error) = last.strip_prefix("e=") {
            return Err(error.to_owned());
        }
        let signature = last
            .strip_prefix("v=")
            .and_then(|rest| rest.split(',').next())
            .and_then(|text| BASE64.decode(text).ok());
        if signature.is_some_and(|signature| signature == self.server_signature) {
            Ok(())
        } else {
            Err("the broker could not prove that it knows the password".into())
        }
    }
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        const ANY_KEY: &str = "HMAC takes keys of any length";
        match self {
            Self::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY_KEY);
                mac.chain_update(bytes).finalize().into_bytes().to_vec()
            }
            Self::Sha512 => {
                let mac = Hmac::<Sha512>::new_from_slice(key).expect(ANY_KEY);
                mac.chain_update(bytes).finalize().into_bytes().to_vec()
            }
        }
    }

    fn stretch(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations).to_vec()
            }
            Self::Sha512 => {
                pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password, salt, iterations).to_vec()
            }
        }
    }
}

/// Normalizes a name or password as `SASLprep` does for the characters that people use (RFC 4013): form KC,
/// spaces of any kind to the plain one, characters that show nothing left out.
fn prepared(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'))
        .map(|c| if c.is_whitespace() && !c.is_control() { ' ' } else { c })
        .nfkc()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3.
    #[test]
    fn the_example_of_rfc_7677() {
        let scram = Scram::with_nonce(
            Hash::Sha256,
            "user",
            "pencil",
            "rOprNGfwEbeRWgbNEkqO".into(),
        );
        assert_eq!(scram.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let proof = scram
            .prove("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
            .expect("a good challenge");
        assert_eq!(
            proof.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(
            proof.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
            Ok(())
        );
        assert!(
            proof
                .verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=")
                .is_err()
        );
        assert!(proof.verify("v=").is_err());
        assert_eq!(proof.verify("e=other-error"), Err("other-error".into()));
    }

    /// PBKDF2 with HMAC-SHA-512 of one block, checked against the definition U1 xor U2.
    #[test]
    fn sha_512_is_wired_to_sha_512() {
        let first = Hash::Sha512.hmac(b"pencil", b"salt\0\0\0\x01");
        let second = Hash::Sha512.hmac(b"pencil", &first);
        let expected: Vec<u8> = first.iter().zip(&second).map(|(a, b)| a ^ b).collect();
        assert_eq!(Hash::Sha512.stretch(b"pencil", b"salt", 2), expected);
        // RFC 4231, test case 2.
        let mac = Hash::Sha512.hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(mac[..8], [0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2]);
    }

    #[test]
    fn a_challenge_that_is_not_for_us_is_refused() {
        let scram = Scram::with_nonce(Hash::Sha256, "a=b,c", "p", "nonce".into());
        assert_eq!(scram.first_message(), "n,,n=a=3Db=2Cc,r=nonce");
        for challenge in [
            "",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=nonce2,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "r=nonce2,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999",
            "r=nonce2,s=?,i=4096",
        ] {
            assert!(scram.prove(challenge).is_err(), "{challenge}");
        }
    }

    #[test]
    fn names_are_normalized() {
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("\u{aa}\u{a0}b"), "a b");
        assert_eq!(prepared("\u{2168}"), "IX");
    }
}
