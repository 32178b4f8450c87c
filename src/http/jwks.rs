//! `/.well-known/jwks.json`: the public keys of our own tokens (RFC 7517), for services that verify them. Empty when
//! a shared secret signs.

use std::sync::Arc;

use poem::http::header;
use poem::web::Data;
use poem::{IntoResponse, Response, handler};

use crate::domain::identity::Identity;

/// How long caches may keep it, in seconds. A new key should be published for longer than this before it signs.
const MAX_AGE: u32 = 300;

#[handler]
pub fn jwks(identity: Data<&Arc<Identity>>) -> Response {
    Response::builder()
        .content_type("application/jwk-set+json")
        .header(header::CACHE_CONTROL, format!("public, max-age={MAX_AGE}"))
        .body(identity.ring().public_keys().to_string())
        .into_response()
}
