//! The ring of keys that signs and verifies our own tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use super::algorithm::Algorithm;
use super::error::KeyError;
pub use super::signing_key::{KeyPairKind, SigningKey};
pub use super::verifying_key::VerifyingKey;
use crate::auth::fingerprint::{FingerprintSet, KeyedFingerprint};

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
