//! Reading a body up to a limit.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::http::header;
use poem::{Request, RequestBody};

use crate::http::problem::of_broken_body;
use crate::protocol::problem::{Code, Problem};

/// So much of a body that is too large is read and dropped before it is refused: a peer that still sends when we
/// close gets a reset, and with it loses the answer that tells why.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// The body of a request that must say it is `wanted`.
pub(super) async fn body_of_type(
    request: &Request,
    body: &mut RequestBody,
    wanted: &str,
    limit: usize,
) -> Result<Bytes, Problem> {
    let body = body.take().map_err(|_| Problem::internal())?;
    let content_type = request.content_type();
    // No body and no type is a body that is missing; the schema tells whether one is needed.
    let is_missing = body.is_empty() && content_type.is_none();
    if !is_missing && !content_type.is_some_and(|given| has_essence(given, wanted)) {
        let detail = format!("The body must be sent as {wanted}.");
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    read_at_most(request, body, limit).await
}

/// Whether a content type is `wanted`, whatever its parameters; `application/merge+json` is `application/json` too.
pub fn has_essence(given: &str, wanted: &str) -> bool {
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let suffix = wanted.strip_prefix("application/").map(|name| format!("+{name}"));
    essence == wanted
        || suffix.is_some_and(|suffix| essence.starts_with("application/") && essence.ends_with(&suffix))
}

/// Reads a whole body of at most `limit` bytes.
pub async fn read_at_most(request: &Request, body: poem::Body, limit: usize) -> Result<Bytes, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut is_too_large = announced.is_some_and(|length| length > limit as u64);
    // Who asks for leave to send the body has sent none of it yet.
    if is_too_large && request.headers().contains_key(header::EXPECT) {
        return Err(too_large(limit));
    }
    let mut pieces = pin!(body.into_bytes_stream());
    let mut whole = BytesMut::new();
    let mut dropped = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| of_broken_body(&error))?;
        is_too_large |= whole.len() + piece.len() > limit;
        if !is_too_large {
            whole.extend_from_slice(&piece);
            continue;
        }
        whole = BytesMut::new();
        dropped += piece.len();
        if dropped > DRAIN_BYTES {
            break;
        }
    }
    if is_too_large { Err(too_large(limit)) } else { Ok(whole.freeze()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("The body is larger than {limit} bytes."))
}
