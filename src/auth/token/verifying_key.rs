//! A key that verifies tokens: a secret that is shared with an issuer, or a public key. An algorithm belongs to a key;
//! a token can only name one that its key already has.

use std::fmt;

use jsonwebtoken::{DecodingKey, crypto};
use sha2::{Digest, Sha256};

use super::algorithm::{Algorithm, KeyFamily};
use super::error::KeyError;
use super::jwk::PublicKey;

/// The longest accepted `kid`.
pub const MAX_KID_BYTES: usize = 128;
/// The shortest secret that our own tokens are signed with: as long as the hash (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// A verifying key. Each accepts only algorithms of its own family, so that a public key can never be used as a
/// shared secret.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    family: KeyFamily,
    decoding: DecodingKey,
    pub(super) digest: [u8; 32],
    is_weak: bool,
}

impl VerifyingKey {
    /// A secret that is shared with a foreign issuer.
    pub fn shared_secret(
        kid: Option<String>,
        secret: &[u8],
        algorithms: Vec<Algorithm>,
    ) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::EmptySecret);
        }
        if algorithms.is_empty() {
            return Err(KeyError::NoAlgorithm);
        }
        if kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
            return Err(KeyError::Kid);
        }
        Ok(Self {
            kid,
            algorithms,
            family: KeyFamily::Hmac,
            decoding: DecodingKey::from_secret(secret),
            digest: digest(secret),
            is_weak: secret.len() < MIN_SECRET_BYTES,
        })
    }

    /// A public key. Only algorithms of its own family can be among `algorithms`.
    pub(super) fn public(
        kid: Option<String>,
        key: &PublicKey,
        algorithms: Vec<Algorithm>,
    ) -> Result<Self, KeyError> {
        if algorithms.is_empty() {
            return Err(KeyError::NoAlgorithm);
        }
        if kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
            return Err(KeyError::Kid);
        }
        Ok(Self {
            kid,
            algorithms,
            family: key.family(),
            decoding: key.decoding(),
            digest: digest(key.jwk().to_string().as_bytes()),
            is_weak: false,
        })
    }

    /// Whether the secret is shorter than its hash. An existing back end's may be; the start warns about it.
    pub fn is_weak(&self) -> bool {
        self.is_weak
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(super) fn accepts(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm) && self.family == algorithm.family()
    }

    /// Whether `signature` over `message` was made with this key. Secrets are compared in constant time.
    pub(super) fn verifies(&self, message: &str, signature: &str, algorithm: Algorithm) -> bool {
        self.accepts(algorithm)
            && crypto::verify(signature, message.as_bytes(), &self.decoding, algorithm.to_jsonwebtoken())
                .unwrap_or(false)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// A label goes first, so that the digest differs from a plain SHA-256 of the secret that may exist elsewhere.
fn digest(secret: &[u8]) -> [u8; 32] {
    // HMAC pads its key with zeros, so secrets that differ only in trailing zeros are the same key.
    let end = secret.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let secret = &secret[..end];
    Sha256::new().chain_update(b"lotline key digest\0").chain_update(secret).finalize().into()
}

fn is_kid(text: &str) -> bool {
    (1..=MAX_KID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
