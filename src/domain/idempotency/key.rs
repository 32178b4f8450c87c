//! A caller's protection against repeated work: the `Idempotency-Key` of a request.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::auth::fingerprint::FingerprintSet;
use crate::auth::principal::Principal;
use crate::auth::token::key_ring::KeyRing;

/// A key, the scope in which it is valid, and a fingerprint of all that was sent with it. The same key in
/// another scope is another key.
#[derive(Clone)]
pub struct IdempotencyKey {
    scope_digest: [u8; 32],
    pub(super) fingerprints: FingerprintSet,
}

/// A request as received. `key` is its `Idempotency-Key`.
pub struct SentRequest<'a> {
    pub key: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
}

/// Separates these fingerprints from others made with the same keys.
const PURPOSE: &str = "idempotency";

impl IdempotencyKey {
    /// The key of a request: valid for its principal, method and path.
    pub fn of_request(ring: &KeyRing, now: DateTime<Utc>, sent: &SentRequest<'_>) -> Self {
        // The first part is in every stored digest: without it no key that was used before would be found.
        let scope_digest = digest(&["request", sent.method, sent.path, sent.key].map(str::as_bytes));
        // With the scope in it, equal bodies of two scopes are not recognisable as equal in the store.
        let message = digest(&[&scope_digest, &digest(&[sent.query.as_bytes(), sent.body])]);
        let fingerprints = ring.keyed_fingerprints(now, PURPOSE, &message);
        Self { scope_digest, fingerprints }
    }

    /// What the answer is stored under: the scope and the principal.
    pub(super) fn key_digest(&self, principal: &Principal) -> [u8; 32] {
        let (kind, tenant, id) = match principal {
            Principal::User(user) => ("user", user.tenant_id().to_string(), user.user_id().to_string()),
            Principal::Key(key) => ("key", key.tenant_id().to_string(), key.key_id().to_string()),
            Principal::Operator(operator) => ("operator", String::new(), operator.operator_id().to_string()),
        };
        digest(&[kind.as_bytes(), tenant.as_bytes(), id.as_bytes(), &self.scope_digest])
    }
}

/// One digest of several parts. Each is prefixed by its length, so that different lists of parts differ.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_parts_read_alike() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"a", b""]), digest(&[b"a"]));
    }
}
