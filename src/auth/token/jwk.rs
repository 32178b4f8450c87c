//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037): reading foreign ones strictly, writing our own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::algorithm::KeyFamily;
use super::error::KeyError;

/// An RSA modulus has 2,048 to 8,192 bits: shorter ones can be broken, longer ones cost the server too much.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Bytes of a P-256 coordinate and of an Ed25519 key.
const POINT_BYTES: usize = 32;

/// The numbers of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl PublicKey {
    /// Reads the members that define the key. A symmetric key is refused: once published, it would be no secret.
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyError> {
        match (text(jwk, "kty"), text(jwk, "crv")) {
            (Some("RSA"), None) => Self::rsa(number(jwk, "n")?, number(jwk, "e")?),
            (Some("EC"), Some("P-256")) => Ok(Self::P256 { x: point(jwk, "x")?, y: point(jwk, "y")? }),
            (Some("OKP"), Some("Ed25519")) => Ok(Self::Ed25519 { x: point(jwk, "x")? }),
            _ => Err(KeyError::PublicKey),
        }
    }

    /// An RSA key of a size and with an exponent that are safe.
    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, KeyError> {
        let odd = e.last().is_some_and(|last| last & 1 == 1);
        let usable = n.first().is_some_and(|first| *first != 0) && (1..=4).contains(&e.len()) && e != [1];
        if MODULUS_BYTES.contains(&n.len()) && odd && usable {
            Ok(Self::Rsa { n, e })
        } else {
            Err(KeyError::PublicKey)
        }
    }

    pub(super) fn family(&self) -> KeyFamily {
        match self {
            Self::Rsa { .. } => KeyFamily::Rsa,
            Self::P256 { .. } => KeyFamily::P256,
            Self::Ed25519 { .. } => KeyFamily::Ed25519,
        }
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        match self {
            Self::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
            // The uncompressed point (SEC 1 section 2.3.3), which is what the library verifies with.
            Self::P256 { x, y } => DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()),
            Self::Ed25519 { x } => DecodingKey::from_ed_der(x),
        }
    }

    /// The members that define the key, and no others.
    pub(super) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa { n, e } => json!({ "kty": "RSA", "n": text(n), "e": text(e) }),
            Self::P256 { x, y } => json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) }),
            Self::Ed25519 { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(x) }),
        }
    }

    /// The thumbprint of the key (RFC 7638): the hash of its members in the order of their names.
    pub(super) fn thumbprint(&self) -> String {
        // serde_json's maps are sorted by name, and these members need no escaping.
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.jwk().to_string()))
    }
}

pub(super) fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    let digits = text(jwk, name).and_then(|digits| URL_SAFE_NO_PAD.decode(digits).ok());
    digits.ok_or(KeyError::PublicKey)
}

fn point(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    number(jwk, name).ok().filter(|bytes| bytes.len() == POINT_BYTES).ok_or(KeyError::PublicKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(jwk: Value) -> Result<PublicKey, KeyError> {
        PublicKey::from_jwk(jwk.as_object().unwrap())
    }

    #[test]
    fn the_example_of_the_standard_has_the_thumbprint_of_the_standard() {
        // RFC 8037 appendix A.2 and A.3.
        let key = json!({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});

        assert_eq!(read(key).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn keys_that_are_no_public_keys_or_weak_ones_are_refused() {
        let long = URL_SAFE_NO_PAD.encode([0x80; 256]);
        let short = URL_SAFE_NO_PAD.encode([0x80; 128]);
        assert!(read(json!({"kty": "RSA", "n": long, "e": "AQAB"})).is_ok());
        for bad in [
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": "RSA", "n": short, "e": "AQAB"}),
            json!({"kty": "RSA", "n": long, "e": "AQ"}),
            json!({"kty": "RSA", "n": long, "e": "Ag"}),
            json!({"kty": "RSA", "n": long}),
            json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": short, "y": short}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": 7}),
            json!({}),
        ] {
            assert_eq!(read(bad.clone()), Err(KeyError::PublicKey), "{bad}");
        }
    }
}
