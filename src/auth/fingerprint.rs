//! Keyed fingerprints: equal for equal messages, and useless without the key, so that the store alone reveals
//! nothing. The keys are derived from the signing keys, so every node of a cluster makes the same fingerprints, also
//! after a rotation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A key for fingerprints. It cannot sign a token, and the signing key cannot be computed from it.
#[derive(Clone)]
pub(in crate::auth) struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    pub(in crate::auth) fn derive(secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(b"lotline marking key\0").chain_update(secret).finalize().into())
    }
}

/// The fingerprint of a message under one key.
#[derive(Clone)]
pub struct KeyedFingerprint {
    kid: String,
    bytes: [u8; 32],
}

impl KeyedFingerprint {
    pub(in crate::auth) fn new(kid: &str, key: &FingerprintKey, purpose: &str, message: &[u8]) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104 section 3)")]
        let mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("a key of 32 bytes is a key");
        let mac = mac.chain_update(purpose.as_bytes()).chain_update(b"\0").chain_update(message);
        Self { kid: kid.to_owned(), bytes: mac.finalize().into_bytes().into() }
    }

    /// The id of the key that made it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The fingerprint itself: 32 bytes that cannot be made without the key.
    pub fn bytes(&self) -> [u8; 32] {
        self.bytes
    }

    /// The key's id and the fingerprint, for the store.
    pub fn encode(&self) -> String {
        format!("{}.{}", self.kid, URL_SAFE_NO_PAD.encode(self.bytes))
    }
}

/// The fingerprints of one message under all keys of a ring.
#[derive(Clone)]
pub struct FingerprintSet {
    newest: KeyedFingerprint,
    older: Vec<KeyedFingerprint>,
}

/// The result of comparing a stored fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    Same,
    Different,
    /// The key that made it has left the ring, so the comparison is impossible.
    KeyRemoved,
}

impl FingerprintSet {
    pub(in crate::auth) fn new(
        newest: KeyedFingerprint,
        older: impl Iterator<Item = KeyedFingerprint>,
    ) -> Self {
        Self { newest, older: older.collect() }
    }

    /// The fingerprint to store: that of the current signing key.
    pub fn newest(&self) -> &KeyedFingerprint {
        &self.newest
    }

    pub fn iter(&self) -> impl Iterator<Item = &KeyedFingerprint> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Compares with a stored result of [`KeyedFingerprint::encode`], in constant time.
    pub fn compare(&self, stored: &str) -> Match {
        // The fingerprint has no dot; a key's id may have some.
        let Some((kid, mark)) = stored.rsplit_once('.') else { return Match::KeyRemoved };
        let Some(own) = self.iter().find(|own| own.kid == kid) else { return Match::KeyRemoved };
        let encoded = URL_SAFE_NO_PAD.decode(mark).unwrap_or_default();
        if bool::from(own.bytes.as_slice().ct_eq(&encoded)) { Match::Same } else { Match::Different }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(kid: &str, message: &[u8]) -> KeyedFingerprint {
        KeyedFingerprint::new(kid, &FingerprintKey::derive(kid.as_bytes()), "test", message)
    }

    fn fingerprints(newest: &str, older: &[&str], message: &[u8]) -> FingerprintSet {
        FingerprintSet::new(fingerprint(newest, message), older.iter().map(|kid| fingerprint(kid, message)))
    }

    #[test]
    fn a_fingerprint_matches_after_a_rotation_until_its_key_is_removed() {
        let stored = fingerprints("old.key", &[], b"body").newest().encode();

        assert_eq!(fingerprints("new", &["old.key"], b"body").compare(&stored), Match::Same);
        assert_eq!(fingerprints("new", &["old.key"], b"other").compare(&stored), Match::Different);
        assert_eq!(fingerprints("new", &[], b"body").compare(&stored), Match::KeyRemoved);
        assert_eq!(fingerprints("new", &[], b"body").compare("no mark of ours"), Match::KeyRemoved);
    }

    #[test]
    fn another_purpose_gives_another_fingerprint() {
        let key = FingerprintKey::derive(b"secret");

        assert_ne!(
            KeyedFingerprint::new("k", &key, "a", b"m").bytes(),
            KeyedFingerprint::new("k", &key, "b", b"m").bytes()
        );
    }
}
