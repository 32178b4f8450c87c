//! How the hash of a secret is written in the store: base64url, the same for every kind.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::secret::SecretHash;

pub(super) fn to_store(hash: &SecretHash) -> String {
    URL_SAFE_NO_PAD.encode(hash.as_bytes())
}

pub(super) fn from_store(text: &str) -> Option<SecretHash> {
    SecretHash::from_bytes(&URL_SAFE_NO_PAD.decode(text).ok()?)
}
