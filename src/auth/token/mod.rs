//! Access tokens (RFC 7519, RFC 9068): issuing our own, and the one strict way to verify tokens of all issuers.

pub mod error;
pub mod issuers;
pub mod jwks;
pub mod key_ring;
pub mod mint;
pub mod verified;
pub mod verify;

mod algorithm;
mod claims;
mod compact;
mod header;
mod jwk;
mod signing_key;
mod strict_json;
mod verifying_key;

#[cfg(test)]
#[path = "../../../tests/it/support/jwt_corpus.rs"]
mod jwt_corpus;
#[cfg(test)]
mod tests;
