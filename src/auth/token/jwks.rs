//! The keys of a foreign issuer: from the configuration, or from a key set (RFC 7517 section 5) that a caller fetches
//! and stores here. This layer does not fetch.

use std::sync::Arc;

use parking_lot::RwLock;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::jwk::{PublicKey, text};
use super::strict_json::parse_object;
use super::verifying_key::VerifyingKey;

/// The most keys of one set that are read; an issuer has a handful.
const MAX_KEYS: usize = 64;

/// A key set that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    #[error("it is not a JSON object with a list `keys`")]
    Form,
    #[error("it has more than 64 keys")]
    TooMany,
    #[error("none of its keys is a public key for one of the issuer's algorithms")]
    NoUsableKey,
}

/// The current keys of an issuer; clones share them.
#[derive(Clone, Debug)]
pub struct IssuerKeys(Arc<RwLock<Option<Arc<[VerifyingKey]>>>>);

impl IssuerKeys {
    /// Keys that are still to be fetched: until then no token can be judged.
    pub fn not_loaded() -> Self {
        Self(Arc::default())
    }

    /// The keys; `None` until they are first fetched.
    pub fn get(&self) -> Option<Arc<[VerifyingKey]>> {
        self.0.read().clone()
    }

    /// Replaces the keys: tokens signed with removed keys become invalid.
    pub fn replace(&self, keys: Vec<VerifyingKey>) {
        *self.0.write() = Some(keys.into());
    }
}

impl From<Vec<VerifyingKey>> for IssuerKeys {
    fn from(keys: Vec<VerifyingKey>) -> Self {
        Self(Arc::new(RwLock::new(Some(keys.into()))))
    }
}

/// The keys of a set that verify one of `allowed`. Keys for other purposes or of other kinds are skipped, as the
/// standard requires; symmetric keys are never taken from a set.
pub fn parse_jwks(bytes: &[u8], allowed: &[Algorithm]) -> Result<Vec<VerifyingKey>, JwksError> {
    let set = parse_object(bytes).ok_or(JwksError::Form)?;
    let Some(Value::Array(keys)) = set.get("keys") else { return Err(JwksError::Form) };
    if keys.len() > MAX_KEYS {
        return Err(JwksError::TooMany);
    }
    let usable: Vec<_> =
        keys.iter().filter_map(Value::as_object).filter_map(|jwk| usable_key(jwk, allowed)).collect();
    if usable.is_empty() { Err(JwksError::NoUsableKey) } else { Ok(usable) }
}

fn usable_key(jwk: &Map<String, Value>, allowed: &[Algorithm]) -> Option<VerifyingKey> {
    let for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"))
    };
    if !for_signatures || !jwk.get("key_ops").is_none_or(verifies) {
        return None;
    }
    let named = match jwk.get("alg") {
        None => None,
        Some(name) => Some(name.as_str()?.parse::<Algorithm>().ok()?),
    };
    let key = PublicKey::from_jwk(jwk).ok()?;
    let fits = |algorithm: &&Algorithm| {
        algorithm.family() == key.family() && named.is_none_or(|named| named == **algorithm)
    };
    let algorithms: Vec<_> = allowed.iter().filter(fits).copied().collect();
    let kid = match jwk.get("kid") {
        None => None,
        Some(_) => Some(text(jwk, "kid")?.to_owned()),
    };
    // With an invalid id or without an algorithm of ours, the key is unusable.
    VerifyingKey::public(kid, &key, algorithms).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALLOWED: [Algorithm; 2] = [Algorithm::EdDsa, Algorithm::Es256];
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn parsed(keys: Value) -> Result<Vec<Option<String>>, JwksError> {
        let set = json!({ "keys": keys }).to_string();
        let keys = parse_jwks(set.as_bytes(), &ALLOWED)?;
        Ok(keys.iter().map(|key| key.kid().map(str::to_owned)).collect())
    }

    fn ed(more: Value) -> Value {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "a"});
        for (name, value) in more.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    #[test]
    fn usable_keys_are_read_and_others_skipped() {
        let keys = json!([
            ed(json!({})),
            ed(json!({"kid": "b", "use": "sig", "alg": "EdDSA", "key_ops": ["verify"]})),
            ed(json!({"kid": "enc", "use": "enc"})),
            ed(json!({"kid": "other-alg", "alg": "ES256"})),
            ed(json!({"kid": "signs-only", "key_ops": ["sign"]})),
            ed(json!({"kid": 7})),
            ed(json!({"kid": "a b"})),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"},
            "no key",
        ]);

        assert_eq!(parsed(keys), Ok(vec![Some("a".to_owned()), Some("b".to_owned())]));
    }

    #[test]
    fn sets_without_a_usable_key_are_refused() {
        assert_eq!(parsed(json!([])), Err(JwksError::NoUsableKey));
        assert_eq!(parsed(json!({})), Err(JwksError::Form));
        assert_eq!(parsed(json!(vec![ed(json!({})); 65])), Err(JwksError::TooMany));
        let rsa_only = json!([{"kty": "RSA", "n": "gA", "e": "AQAB"}]);
        assert_eq!(parsed(rsa_only), Err(JwksError::NoUsableKey));
        for text in ["", "[]", "{\"keys\": 1}", "not json"] {
            assert_eq!(parse_jwks(text.as_bytes(), &ALLOWED).map(|_| ()), Err(JwksError::Form), "{text}");
        }
    }
}
