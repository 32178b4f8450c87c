//! Reads a body up to a limit. It counts the bytes that come and the bytes that they unpack into: a small answer must
//! not become a large one, and a large one that becomes nothing must end too.

use reqwest::Response;

use super::coding::{Decoder, Packing};
use super::error::FetchError;
use super::sniff::SNIFFED_BYTES;

/// How large the body may be: its announced length where it is unpacked, else `limit`. An error beyond `limit`.
pub(super) fn announced_length(
    response: &Response,
    packing: &Packing,
    limit: usize,
) -> Result<usize, FetchError> {
    match response.content_length().map(usize::try_from) {
        Some(Ok(bytes)) if bytes <= limit => Ok(if packing.is_plain() { bytes } else { limit }),
        None => Ok(limit),
        Some(_) => Err(FetchError::TooLarge(limit)),
    }
}

/// The whole body, or an error when it is larger than `limit`. `judge` sees its beginning as soon as it is there, or
/// all of a shorter one; its error ends the download.
pub(super) async fn read<T>(
    mut response: Response,
    packing: &Packing,
    limit: usize,
    judge: impl Fn(&[u8]) -> Result<T, FetchError>,
) -> Result<(Vec<u8>, T), FetchError> {
    let mut decoder = Decoder::new(packing, limit)?;
    let mut verdict = None;
    let mut received = 0;
    while let Some(chunk) = response.chunk().await? {
        received += chunk.len();
        decoder.write(&chunk)?;
        if verdict.is_none() && decoder.body().len() >= SNIFFED_BYTES {
            verdict = Some(judge(decoder.body())?);
        }
        if received > limit || decoder.is_full() {
            return Err(FetchError::TooLarge(limit));
        }
    }
    decoder.end()?;
    if decoder.is_full() {
        return Err(FetchError::TooLarge(limit));
    }
    let body = decoder.into_body();
    let verdict = match verdict {
        Some(verdict) => verdict,
        None => judge(&body)?,
    };
    Ok((body, verdict))
}

/// The body's first `limit` bytes.
pub(super) async fn read_prefix(mut response: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut decoder = Decoder::new(&Packing::of(response.headers(), false)?, limit)?;
    let mut received = 0;
    while let Some(chunk) = response.chunk().await? {
        received += chunk.len();
        decoder.write(&chunk)?;
        if received > limit || decoder.is_full() {
            return Ok(decoder.into_body());
        }
    }
    decoder.end()?;
    Ok(decoder.into_body())
}
