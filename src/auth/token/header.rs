//! The header, read strictly. It is written by the maker of the token, so it may only select among our keys and
//! algorithms: never where a key comes from, nor how the token is interpreted.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::verifying_key::MAX_KID_BYTES;

/// Parameters that would supply a key, change what is signed or announce another kind of token (RFC 7515 section 4.1,
/// RFC 7516, RFC 7797). Extensions named by `crit` must be understood; we support none.
const REFUSED: [&str; 9] = ["crit", "jku", "x5u", "jwk", "x5c", "b64", "zip", "enc", "cty"];

pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) typ: Option<String>,
    pub(super) kid: Option<String>,
}

impl Header {
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, TokenError> {
        if let Some(name) = REFUSED.into_iter().find(|name| object.contains_key(*name)) {
            return Err(TokenError::Header(name));
        }
        let alg = text(object, "alg")?.ok_or(TokenError::Header("alg"))?;
        // `none` is not an algorithm, in any spelling: the set is closed.
        let algorithm = alg.parse().map_err(|_| TokenError::Algorithm)?;
        let kid = text(object, "kid")?;
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
            return Err(TokenError::Header("kid"));
        }
        Ok(Self { algorithm, typ: text(object, "typ")?.map(str::to_owned), kid: kid.map(str::to_owned) })
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, TokenError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Header(name)),
    }
}
