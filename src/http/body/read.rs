//! Reading a body up to a limit.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::http::header;
use poem::{Request, RequestBody};

use super::reservation::{BodyReservation, BodySettings, BodySize};
use crate::base::clock::Clock;
use crate::http::problem::of_broken_body;
use crate::http::serve::BodyProgress;
use crate::protocol::problem::{Code, Problem};

/// At most this much of a body that is too large is read and dropped before it is refused: a peer that is still
/// sending when we close gets a reset, and with it loses the answer that explains why.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// The body of a request, which must have the content type `wanted`.
pub(super) async fn body_of_type<S: BodySize>(
    request: &Request,
    body: &mut RequestBody,
    wanted: &str,
) -> Result<Bytes, Problem> {
    let body = body.take().map_err(|_| Problem::internal())?;
    let content_type = request.content_type();
    // No body and no type is a missing body; the schema decides whether one is needed.
    let is_missing = body.is_empty() && content_type.is_none();
    if !is_missing && !content_type.is_some_and(|given| has_essence(given, wanted)) {
        let detail = format!("The body must be sent as {wanted}.");
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    read_whole::<S>(request, body).await
}

/// Whether a content type is `wanted`, whatever its parameters. Of the JSON-based types only a merge patch (RFC 7396)
/// means what our bodies mean; a JSON patch (RFC 6902) is a list of operations.
pub fn has_essence(given: &str, wanted: &str) -> bool {
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == wanted || (wanted == "application/json" && essence == "application/merge-patch+json")
}

/// Reads a whole body with the size limit of its kind, and counts it among the bodies in memory. A body that was read
/// before is not read or counted again.
pub async fn read_whole<S: BodySize>(request: &Request, body: poem::Body) -> Result<Bytes, Problem> {
    let Some(account) = BodyReservation::of(request) else {
        return read(request, body, S::max_bytes(&BodySettings::default()), None).await;
    };
    if let Some(kept) = account.buffered() {
        return Ok(kept.clone());
    }
    let reading = read(request, body, account.max_bytes::<S>(), Some(account));
    let (clock, pace) = account.read_timeout();
    let progress = request.data::<BodyProgress>().cloned().unwrap_or_default();
    tokio::select! {
        bytes = reading => bytes,
        () = wait_until_too_slow(clock, pace, &progress) => Err(too_slow(pace)),
    }
}

async fn read(
    request: &Request,
    body: poem::Body,
    limit: usize,
    account: Option<&BodyReservation>,
) -> Result<Bytes, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut is_too_large = announced.is_some_and(|length| length > limit as u64);
    // With `Expect: 100-continue` none of the body was sent yet; an anonymous body is not read any further.
    let stops_at_once =
        request.headers().contains_key(header::EXPECT) || account.is_some_and(BodyReservation::is_anonymous);
    let expected = announced.map_or(limit, |length| usize::try_from(length).unwrap_or(limit).min(limit));
    let mut pieces = pin!(body.into_bytes_stream());
    let mut whole = Buffer { bytes: BytesMut::new(), expected, account };
    let mut dropped = 0;
    loop {
        if is_too_large && (stops_at_once || dropped > DRAIN_BYTES) {
            break;
        }
        let Some(piece) = pieces.next().await else { break };
        let piece = piece.map_err(|error| of_broken_body(&error))?;
        is_too_large |= whole.bytes.len() + piece.len() > limit;
        if is_too_large {
            whole.bytes = BytesMut::new();
            dropped += piece.len();
        } else {
            whole.add(&piece)?;
        }
    }
    if is_too_large { Err(too_large(limit)) } else { Ok(whole.bytes.freeze()) }
}

/// A body while it arrives. Its memory is counted before it is allocated.
struct Buffer<'a> {
    bytes: BytesMut,
    /// The most bytes that will arrive.
    expected: usize,
    account: Option<&'a BodyReservation>,
}

impl Buffer<'_> {
    fn add(&mut self, piece: &[u8]) -> Result<(), Problem> {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        let needed = length + piece.len();
        if needed > capacity {
            let capacity_then = needed.max((capacity * 2).max(FIRST_BYTES).min(self.expected));
            if let Some(account) = self.account {
                account.charge(capacity_then - capacity)?;
            }
            let mut larger = BytesMut::with_capacity(capacity_then);
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

/// The first allocation for a body.
const FIRST_BYTES: usize = 4 * 1024;

/// Bytes per second that a body must bring on average after its first interval: memory may not be held idly.
pub(super) const LEAST_RATE: u64 = 8 * 1024;

/// Waits until the body is slower than allowed.
async fn wait_until_too_slow(clock: &Clock, pace: Duration, progress: &BodyProgress) {
    let mut due = 0;
    loop {
        clock.sleep(pace).await;
        due += LEAST_RATE * pace.as_secs().max(1);
        if progress.bytes() < due {
            return;
        }
    }
}

fn too_slow(pace: Duration) -> Problem {
    let (seconds, kib) = (pace.as_secs(), LEAST_RATE / 1024);
    let detail = format!(
        "The body came too slowly; send it within {seconds} seconds, or {kib} KiB a second and more."
    );
    Problem::new(Code::RequestTimeout, detail)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("The body is larger than {limit} bytes."))
}
