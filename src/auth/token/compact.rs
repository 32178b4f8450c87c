//! The outer form of a token: its size, its three parts, their encoding. Nothing here trusts what it reads.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::error::TokenError;
use super::header::Header;
use super::strict_json::parse_object;

/// The longest accepted token. Ours are under 700 bytes; a request line must have room for the rest, too.
pub(super) const MAX_TOKEN_BYTES: usize = 4096;

/// A token split into its parts; not verified.
pub(super) struct CompactJws<'a> {
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
    /// What was signed: header, dot, claims, exactly as received.
    pub(super) message: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> CompactJws<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, TokenError> {
        // Checked before anything is decoded or scanned.
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        // A further dot in the claims and padding anywhere are outside the alphabet and fail to decode.
        if signature.is_empty() || URL_SAFE_NO_PAD.decode(signature).is_err() {
            return Err(TokenError::Malformed);
        }
        let header = Header::read(&object(header)?)?;
        Ok(Self { header, claims: object(claims)?, message, signature })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    parse_object(&bytes).ok_or(TokenError::Malformed)
}
