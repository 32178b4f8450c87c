//! Reads a body up to a limit. It counts the bytes that come and the bytes that they unpack into: a small answer must
//! not become a large one, and a large one that becomes nothing must end too.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use reqwest::Response;
use reqwest::header;

use super::error::FetchError;

/// The codings that are asked for.
pub(super) const ACCEPT_ENCODING: &str = "gzip";

/// How large the body may be: its announced length where it is uncompressed, else `limit`. An error beyond `limit`.
pub(super) fn announced_length(response: &Response, limit: usize) -> Result<usize, FetchError> {
    match response.content_length().map(usize::try_from) {
        Some(Ok(bytes)) if bytes <= limit => {
            let is_plain = matches!(coding(response)?, Coding::Identity);
            Ok(if is_plain { bytes } else { limit })
        }
        None => Ok(limit),
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

/// The body up to `limit` bytes, and whether there is more of it.
async fn collect(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool), FetchError> {
    let mut decoder = Decoder::new(coding(&response)?, limit);
    let mut received = 0;
    while let Some(chunk) = response.chunk().await? {
        received += chunk.len();
        decoder.write(&chunk)?;
        if received > limit || decoder.is_full() {
            return Ok((decoder.into_prefix(), true));
        }
    }
    decoder.finish().map(|body| (body, false))
}

/// How a body is packed (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
}

/// A coding that was not asked for is an error.
fn coding(response: &Response) -> Result<Coding, FetchError> {
    let mut named = response.headers().get_all(header::CONTENT_ENCODING).iter();
    let (first, second) = (named.next(), named.next());
    let is = |name: &str| first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(name.as_bytes()));
    match (first, second) {
        (None, _) => Ok(Coding::Identity),
        (Some(_), None) if is("identity") => Ok(Coding::Identity),
        (Some(_), None) if is("gzip") || is("x-gzip") => Ok(Coding::Gzip),
        _ => Err(FetchError::Body),
    }
}

enum Decoder {
    Identity(LimitedBuffer),
    /// RFC 1952; several members make one body. Boxed: it is larger than the other.
    Gzip {
        inner: Box<MultiGzDecoder<LimitedBuffer>>,
        is_empty: bool,
    },
}

impl Decoder {
    fn new(coding: Coding, limit: usize) -> Self {
        let body = LimitedBuffer { bytes: Vec::new(), limit, is_full: false };
        match coding {
            Coding::Identity => Self::Identity(body),
            Coding::Gzip => Self::Gzip { inner: Box::new(MultiGzDecoder::new(body)), is_empty: true },
        }
    }

    /// What fits of the chunk. An error when it cannot be decoded.
    fn write(&mut self, chunk: &[u8]) -> Result<(), FetchError> {
        let written = match self {
            Self::Identity(body) => body.write_all(chunk),
            Self::Gzip { inner, is_empty } => {
                *is_empty &= chunk.is_empty();
                // What was decoded is passed on at once, so that a limit that is reached is known.
                inner.write_all(chunk).and_then(|()| inner.flush())
            }
        };
        if written.is_err() && !self.is_full() { Err(FetchError::Body) } else { Ok(()) }
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Identity(body) => body.is_full,
            Self::Gzip { inner, .. } => inner.get_ref().is_full,
        }
    }

    fn into_prefix(mut self) -> Vec<u8> {
        match &mut self {
            Self::Identity(body) => std::mem::take(&mut body.bytes),
            Self::Gzip { inner, .. } => std::mem::take(&mut inner.get_mut().bytes),
        }
    }

    /// The whole body; an error when it breaks off.
    fn finish(mut self) -> Result<Vec<u8>, FetchError> {
        if let Self::Gzip { inner, is_empty: false } = &mut self {
            inner.try_finish().map_err(|_| FetchError::Body)?;
        }
        Ok(self.into_prefix())
    }
}

/// Keeps up to `limit` bytes, and fails at the first one beyond.
struct LimitedBuffer {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl Write for LimitedBuffer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let fits = data.len().min(self.limit - self.bytes.len());
        self.is_full |= fits < data.len();
        if fits == 0 && !data.is_empty() {
            return Err(io::Error::other("the body is larger than its limit"));
        }
        self.bytes.extend_from_slice(&data[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
