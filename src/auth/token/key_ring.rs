//! Keys in memory: the ring that signs and verifies our own tokens, and the keys of foreign issuers. An algorithm
//! belongs to a key; a token can only name one that its key already has.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use super::algorithm::Algorithm;
use super::algorithm::KeyFamily;
use super::jwk::PublicKey;
pub use super::signing_key::{KeyPairKind, SigningKey};
use crate::auth::fingerprint::{FingerprintSet, KeyedFingerprint};

/// The longest accepted `kid`.
pub const MAX_KID_BYTES: usize = 128;
/// The shortest secret that our own tokens are signed with: as long as the hash (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("an algorithm is one of HS256, HS384, HS512, RS256, ES256, EdDSA")]
    Algorithm,
    #[error("a key id has 1 to 128 visible ASCII characters")]
    Kid,
    #[error("a signing secret has at least 32 bytes")]
    ShortSecret,
    #[error("a secret must not be empty")]
    EmptySecret,
    #[error("a key must have at least one algorithm")]
    NoAlgorithm,
    #[error("two keys have the same id")]
    DuplicateKid,
    #[error("there must be at least one signing key")]
    NoKey,
    #[error("a public key is RSA of 2,048 to 8,192 bits, EC on P-256 or OKP on Ed25519")]
    PublicKey,
    #[error("a private key is an unencrypted PKCS#8 PEM of Ed25519, or of RSA with 2,048 to 8,192 bits")]
    Pem,
    #[error("a key pair could not be made")]
    Generate,
}

/// A verifying key. Each accepts only algorithms of its own family, so that a public key can never be used as a
/// shared secret.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    family: KeyFamily,
    decoding: DecodingKey,
    digest: [u8; 32],
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

/// Our own keys: the newest one that is active signs, all of them verify. Immutable; a rotation makes a new ring.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// Oldest first by `signs_from`; never empty.
    keys: Vec<SigningKey>,
}

impl KeyRing {
    /// A ring of `keys`. Among keys of the same age the last one counts as the newest.
    pub fn new(mut keys: Vec<SigningKey>) -> Result<Self, KeyError> {
        if keys.is_empty() {
            return Err(KeyError::NoKey);
        }
        keys.sort_by_key(SigningKey::signs_from);
        let twin =
            |(index, key): (usize, &SigningKey)| keys[..index].iter().any(|other| other.kid() == key.kid());
        if keys.iter().enumerate().any(twin) {
            return Err(KeyError::DuplicateKid);
        }
        Ok(Self { keys })
    }

    /// The key that signs at `now`. If none is active yet, the oldest signs: a wrong clock must not stop all
    /// sign-ins.
    pub fn signing_key(&self, now: DateTime<Utc>) -> &SigningKey {
        // `new` refuses an empty ring, so there is a first key.
        self.keys.iter().rev().find(|key| key.signs_from() <= now).unwrap_or(&self.keys[0])
    }

    /// The fingerprints of `message` under the ring's keys, that of the signing key first. Fingerprints for different
    /// values of `purpose` never match.
    pub fn keyed_fingerprints(&self, now: DateTime<Utc>, purpose: &str, message: &[u8]) -> FingerprintSet {
        let first = self.signing_key(now);
        let others = self.keys.iter().filter(|key| key.kid() != first.kid());
        let fingerprint =
            |key: &SigningKey| KeyedFingerprint::new(key.kid(), key.fingerprint_key(), purpose, message);
        FingerprintSet::new(fingerprint(first), others.map(fingerprint))
    }

    pub(super) fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.kid() == kid).map(SigningKey::verifying)
    }

    /// Whether one of our own secrets equals `key`'s. The issuer could then sign as us: the start must refuse it.
    pub fn shares_secret_with(&self, key: &VerifyingKey) -> bool {
        self.keys.iter().any(|own| own.verifying().digest == key.digest)
    }

    /// The public keys, as a key set; empty when tokens are signed with a shared secret.
    pub fn public_keys(&self) -> Value {
        json!({ "keys": self.keys.iter().filter_map(SigningKey::public_jwk).collect::<Vec<_>>() })
    }

    /// A fingerprint of the ring's keys that does not reveal them, so that nodes can check that they have the same
    /// keys.
    pub fn fingerprint(&self) -> String {
        let mut parts: Vec<_> = self.keys.iter().map(|key| (key.kid(), key.verifying().digest)).collect();
        parts.sort();
        let mut hash = Sha256::new();
        for (kid, digest) in parts {
            hash.update(Sha256::digest(kid.as_bytes()));
            hash.update(digest);
        }
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn key(kid: &str, from: i64) -> SigningKey {
        SigningKey::new(kid, &Sha256::digest(kid.as_bytes()), at(from)).unwrap()
    }

    #[test]
    fn the_newest_key_signs_once_its_time_has_come() {
        let ring = KeyRing::new(vec![key("new", 200), key("old", 100)]).unwrap();

        assert_eq!(ring.signing_key(at(199)).kid(), "old");
        assert_eq!(ring.signing_key(at(200)).kid(), "new");
        assert_eq!(ring.signing_key(at(0)).kid(), "old");
    }

    #[test]
    fn among_keys_of_one_age_the_last_signs() {
        let ring = KeyRing::new(vec![key("a", 0), key("b", 0)]).unwrap();

        assert_eq!(ring.signing_key(at(1)).kid(), "b");
    }

    #[test]
    fn unusable_keys_and_rings_are_refused() {
        let short = SigningKey::new("k", &[1; 31], at(0));
        assert_eq!(short.map(|_| ()), Err(KeyError::ShortSecret));
        for kid in ["", "a b", "é", &"k".repeat(129)] {
            assert_eq!(SigningKey::new(kid, &[1; 32], at(0)).map(|_| ()), Err(KeyError::Kid), "{kid}");
        }
        assert_eq!(KeyRing::new(vec![]).map(|_| ()), Err(KeyError::NoKey));
        assert_eq!(
            KeyRing::new(vec![key("a", 0), key("b", 1), key("a", 2)]).map(|_| ()),
            Err(KeyError::DuplicateKid)
        );
        let secret =
            |secret: &[u8], algorithms| VerifyingKey::shared_secret(None, secret, algorithms).map(|_| ());
        assert_eq!(secret(b"", vec![Algorithm::Hs256]), Err(KeyError::EmptySecret));
        assert_eq!(secret(b"x", vec![]), Err(KeyError::NoAlgorithm));
    }

    #[test]
    fn equal_rings_have_equal_fingerprints_whatever_their_order() {
        let ring = |keys| KeyRing::new(keys).unwrap().fingerprint();

        assert_eq!(ring(vec![key("a", 1), key("b", 2)]), ring(vec![key("b", 1), key("a", 2)]));
        assert_ne!(ring(vec![key("a", 1)]), ring(vec![key("b", 1)]));
    }

    #[test]
    fn a_secret_that_is_also_a_foreign_issuers_is_noticed() {
        let ring = KeyRing::new(vec![key("a", 0)]).unwrap();
        let foreign =
            |secret: &[u8]| VerifyingKey::shared_secret(None, secret, vec![Algorithm::Hs512]).unwrap();

        assert!(ring.shares_secret_with(&foreign(&Sha256::digest(b"a"))));
        assert!(ring.shares_secret_with(&foreign(&[&Sha256::digest(b"a")[..], b"\0"].concat())));
        assert!(!ring.shares_secret_with(&foreign(b"another")));
        assert!(foreign(b"another").is_weak());
    }

    #[test]
    fn keys_do_not_show_their_secrets() {
        let secret = *b"0123456789abcdef0123456789abcdef";
        let ring = KeyRing::new(vec![SigningKey::new("k1", &secret, at(0)).unwrap()]).unwrap();

        let shown = format!("{ring:?} {:?}", ring.find("k1"));

        assert!(!shown.contains("0123456789") && !shown.contains("48, 49"), "{shown}");
    }
}
