//! Reads a body up to a limit that counts bytes after decompression: a small answer must not unpack into a large one.

use reqwest::Response;
use reqwest::header;

use super::FetchError;

/// How large the body may turn out: what the answer says, or `limit` when it says nothing. An error when it is larger.
pub(super) fn announced(response: &Response, limit: usize) -> Result<usize, FetchError> {
    match response.content_length().map(usize::try_from) {
        None => Ok(limit),
        Some(Ok(bytes)) if bytes <= limit => Ok(bytes),
        Some(_) => Err(FetchError::TooLarge(limit)),
    }
}

/// The whole body, or an error when it is larger than `limit`.
pub(super) async fn read(response: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    let (body, more) = collect(response, limit).await?;
    if more { Err(FetchError::TooLarge(limit)) } else { Ok(body) }
}

/// The body's first `limit` bytes.
pub(super) async fn read_prefix(response: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    collect(response, limit).await.map(|(body, _)| body)
}

async fn collect(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool), FetchError> {
    refuse_unknown_coding(&response)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, true));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, false))
}

/// The client takes gzip off and removes the header; a coding that is still named was never asked for.
fn refuse_unknown_coding(response: &Response) -> Result<(), FetchError> {
    match response.headers().get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(FetchError::Body),
        _ => Ok(()),
    }
}
