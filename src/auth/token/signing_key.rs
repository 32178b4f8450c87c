//! Our own signing keys: a shared secret (HS256), or a key pair (EdDSA, RS256) with a public half that may be published.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::error::KeyError;
use super::jwk::PublicKey;
use super::verifying_key::{MIN_SECRET_BYTES, VerifyingKey};
use crate::auth::fingerprint::FingerprintKey;
use crate::base::entropy::Entropy;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// The secret part of a key.
#[derive(Clone)]
enum Secret {
    Hmac(EncodingKey),
    Ed25519(Arc<Ed25519KeyPair>),
    Rsa(Arc<RsaKeyPair>),
}

/// A key that signs our own tokens from a given time on.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    signs_from: DateTime<Utc>,
    secret: Secret,
    public: Option<PublicKey>,
    verifying: VerifyingKey,
    fingerprint_key: FingerprintKey,
}

/// The key could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key could not sign")]
pub struct SigningError;

impl SigningKey {
    /// A shared secret from its stored parts. It verifies at once but signs only from `signs_from`: every node must
    /// have a new key before the first token that is signed with it.
    pub fn new(kid: &str, secret: &[u8], signs_from: DateTime<Utc>) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret);
        }
        let verifying = VerifyingKey::shared_secret(Some(kid.to_owned()), secret, vec![Algorithm::Hs256])?;
        let fingerprint_key = FingerprintKey::derive(secret);
        let secret = Secret::Hmac(EncodingKey::from_secret(secret));
        Ok(Self { kid: kid.to_owned(), signs_from, secret, public: None, verifying, fingerprint_key })
    }

    /// A key pair from PEM (PKCS#8, unencrypted): Ed25519 or RSA of 2,048 bits or more. Its id is its thumbprint, so
    /// that it is the same on every node.
    pub fn from_pem(pem: &str, signs_from: DateTime<Utc>) -> Result<Self, KeyError> {
        let body = pem.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let body: String = body.ok_or(KeyError::Pem)?.split_whitespace().collect();
        Self::from_pkcs8(&STANDARD.decode(body).map_err(|_| KeyError::Pem)?, signs_from)
    }

    fn from_pkcs8(der: &[u8], signs_from: DateTime<Utc>) -> Result<Self, KeyError> {
        let (secret, public, algorithm) = if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let public = PublicKey::Ed25519 { x: pair.public_key().as_ref().to_vec() };
            (Secret::Ed25519(Arc::new(pair)), public, Algorithm::EdDsa)
        } else {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Pem)?;
            let key = pair.public_key();
            let n = key.modulus().big_endian_without_leading_zero().to_vec();
            let public = PublicKey::rsa(n, key.exponent().big_endian_without_leading_zero().to_vec())?;
            (Secret::Rsa(Arc::new(pair)), public, Algorithm::Rs256)
        };
        let kid = public.thumbprint();
        let verifying = VerifyingKey::public(Some(kid.clone()), &public, vec![algorithm])?;
        // The bytes of the whole file, which contain the private half.
        let fingerprint_key = FingerprintKey::derive(der);
        Ok(Self { kid, signs_from, secret, public: Some(public), verifying, fingerprint_key })
    }

    /// The parts of a new shared secret: its id and 32 random bytes, for the caller to store.
    pub fn generate(entropy: Entropy) -> (String, [u8; 32]) {
        (URL_SAFE_NO_PAD.encode(entropy.bytes::<12>()), entropy.bytes())
    }

    /// A new key pair as PEM, for the caller to store.
    pub fn generate_pem(kind: KeyPairKind) -> Result<String, KeyError> {
        let der = match kind {
            KeyPairKind::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
                pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?.as_ref().to_vec()
            }
            KeyPairKind::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?;
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> =
                    pair.as_der().map_err(|_| KeyError::Generate)?;
                der.as_ref().to_vec()
            }
        };
        let body = STANDARD.encode(der);
        let lines: Vec<&str> =
            body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        Ok(format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", lines.join("\n")))
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that it signs with, and the only one that it verifies.
    pub fn algorithm(&self) -> Algorithm {
        match self.secret {
            Secret::Hmac(_) => Algorithm::Hs256,
            Secret::Ed25519(_) => Algorithm::EdDsa,
            Secret::Rsa(_) => Algorithm::Rs256,
        }
    }

    /// The same key, which never signs again: tokens that it signed stay valid.
    pub fn verifying_only(mut self) -> Self {
        self.signs_from = DateTime::<Utc>::MAX_UTC;
        self
    }

    /// Its public half as a member of a key set; `None` for a shared secret.
    pub(super) fn public_jwk(&self) -> Option<Value> {
        let mut jwk = self.public.as_ref()?.jwk();
        jwk["kid"] = self.kid.as_str().into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm().name().into();
        Some(jwk)
    }

    pub(super) fn signs_from(&self) -> DateTime<Utc> {
        self.signs_from
    }

    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    pub(super) fn fingerprint_key(&self) -> &FingerprintKey {
        &self.fingerprint_key
    }

    /// The signature part of a token.
    pub(super) fn sign(&self, message: &str) -> Result<String, SigningError> {
        let message = message.as_bytes();
        match &self.secret {
            Secret::Hmac(key) => {
                crypto::sign(message, key, Algorithm::Hs256.to_jsonwebtoken()).map_err(|_| SigningError)
            }
            Secret::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(|_| SigningError)?;
                Ok(URL_SAFE_NO_PAD.encode(signature))
            }
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| SigningError)?;
                Ok(URL_SAFE_NO_PAD.encode(signature))
            }
        }
    }
}

/// The kinds of key pairs that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPairKind {
    Ed25519,
    Rsa,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("signs_from", &self.signs_from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(kind: KeyPairKind) -> SigningKey {
        SigningKey::from_pem(&SigningKey::generate_pem(kind).unwrap(), DateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_generated_pair_verifies_what_it_signs_and_nothing_else() {
        for (kind, algorithm) in
            [(KeyPairKind::Ed25519, Algorithm::EdDsa), (KeyPairKind::Rsa, Algorithm::Rs256)]
        {
            let (key, other) = (pair(kind), pair(kind));
            let signature = key.sign("message").unwrap();

            assert_eq!(key.algorithm(), algorithm);
            assert!(key.verifying().verifies("message", &signature, algorithm));
            assert!(!key.verifying().verifies("another", &signature, algorithm));
            assert!(!other.verifying().verifies("message", &signature, algorithm));
            for wrong in [Algorithm::Hs256, Algorithm::Hs512, Algorithm::Es256] {
                assert!(!key.verifying().accepts(wrong));
            }
        }
    }

    #[test]
    fn a_public_jwk_has_no_secret_in_it() {
        let key = pair(KeyPairKind::Ed25519);
        let jwk = key.public_jwk().unwrap();

        let names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
        assert_eq!(SigningKey::new("k", &[7; 32], DateTime::UNIX_EPOCH).unwrap().public_jwk(), None);
    }

    #[test]
    fn what_is_no_pkcs8_key_is_refused() {
        for text in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert_eq!(
                SigningKey::from_pem(text, DateTime::UNIX_EPOCH).map(|_| ()),
                Err(KeyError::Pem),
                "{text}"
            );
        }
    }
}
