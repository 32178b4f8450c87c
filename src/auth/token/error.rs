//! Why a token or a key is refused. Callers get one text for all reasons why a token is; the reason is for the log and
//! for choosing a close code.

use std::sync::Arc;

/// The response to every refused token: any detail would help a forger.
pub const INVALID_TOKEN: &str = "Invalid token";

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is longer than 4 KiB")]
    TooLong,
    #[error("the token is not three parts of base64url with a JSON object in the first two")]
    Malformed,
    #[error("the header's `{0}` is missing, not of its type or not accepted")]
    Header(&'static str),
    #[error("the algorithm is not accepted for this key")]
    Algorithm,
    #[error("no key has this kid")]
    UnknownKey,
    /// The foreign issuer with this index has no such key at present: its key set may have changed.
    #[error("no key of the token's issuer has this kid")]
    UnknownForeignKey(usize),
    /// The key set of the foreign issuer with this index was never fetched, so the token cannot be judged.
    #[error("the keys of the token's issuer are not known yet")]
    KeysNotLoaded(usize),
    #[error("the signature does not match")]
    Signature,
    #[error("the issuer is not known")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the claim `{0}` is missing or not of its type")]
    Claim(&'static str),
    #[error("the claim `{0}`, which this issuer must state, is missing")]
    MissingClaim(Arc<str>),
    #[error("the token's times contradict each other, or it lives too long")]
    Lifetime,
    #[error("the issuer may not speak for this tenant")]
    Tenant,
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Reported only if the signature is good: the client may get a new token without asking the user.
    #[error("the token has expired")]
    Expired,
}

impl TokenError {
    /// Whether the token was good once.
    pub fn is_expired(&self) -> bool {
        *self == Self::Expired
    }
}

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
