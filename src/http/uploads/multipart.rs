//! A file that is sent as a form (RFC 7578): its part of the document, and the reader of its parts, with a bound on
//! its memory. The parser by itself reads whatever the network has, and that may be the whole file.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::json;

use super::filename;
use crate::domain::uploads::too_large;
use crate::http::body::BodyReservation;
use crate::http::problem::of_broken_body;
use crate::http::request_data::identity;
use crate::http::validation::bad_parameters;
use crate::protocol::examples::uploads::CONTENT;
use crate::protocol::problem::{Code, FieldError, Problem};

const FORM: &str = "multipart/form-data";

/// Bytes that may be read before the parser must return something: the head of a part, or a piece of it.
const AHEAD_BYTES: i64 = 64 * 1024;
/// How much is read and dropped after a refusal.
pub(super) const DRAIN_BYTES: usize = 16 * 1024 * 1024;
/// Maximum number of parts of a form.
const MOST_PARTS: usize = 8;
/// Maximum bytes of a part that is not a file.
const TEXT_BYTES: usize = 1024;
/// Bytes of a form around its file: the heads of its parts and the parts that are not files.
const AROUND_BYTES: u64 = 64 * 1024;

/// A form that has not been read yet. The use case that stores the file reads it, piece by piece.
pub struct FileForm {
    pub(super) parts: Parts,
    /// What is wrong with the parameters of its request: one refusal names it with the faults of the form.
    pub(super) bad_parameters: Vec<FieldError>,
}

impl<'a> ApiExtractor<'a> for FileForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let text = |description| MetaSchema { description: Some(description), ..MetaSchema::new("string") };
        let file = text("The file, with its name and, if known, its type.");
        let file = MetaSchema { format: Some("binary"), ..file };
        let sha256 = text("In hexadecimal; when it is given, the file must have it.");
        // The use case checks it: the form is read piece by piece.
        let sha256 = MetaSchema { pattern: Some("^[0-9a-fA-F]{64}$".to_owned()), ..sha256 };
        let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
        let schema = MetaSchema {
            required: vec!["file"],
            properties: vec![("file", inline(file)), ("sha256", inline(sha256))],
            example: Some(json!({ "file": CONTENT })),
            ..MetaSchema::new("object")
        };
        let schema = inline(schema);
        Some(MetaRequest {
            description: Some("One file."),
            content: vec![MetaMediaType { content_type: FORM, schema }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let boundary = request.content_type().and_then(|given| multer::parse_boundary(given).ok());
        let boundary = boundary.ok_or_else(|| {
            Problem::new(
                Code::UnsupportedMediaType,
                format!("The body must be sent as {FORM} with a boundary."),
            )
        })?;
        // Before the first byte is requested: a client that waits for 100 Continue sends nothing of a too large file.
        refuse_too_large(request)?;
        // The file is stored while it arrives: only the parser's read-ahead is in memory.
        if let Some(account) = BodyReservation::of(request) {
            account.charge(usize::try_from(AHEAD_BYTES).unwrap_or_default())?;
        }
        let body = body.take().map_err(|_| Problem::internal())?;
        Ok(Self { parts: Parts::new(body, boundary), bad_parameters: bad_parameters(request) })
    }
}

/// Refuses a form if its announced length exceeds the largest file.
fn refuse_too_large(request: &Request) -> Result<(), Problem> {
    let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let most = identity(request)?.services.uploads.max_bytes();
    match announced {
        Some(length) if length > most.saturating_add(AROUND_BYTES) => Err(too_large(most)),
        _ => Ok(()),
    }
}

pub(super) struct Parts {
    parser: multer::Multipart<'static>,
    body: Arc<Mutex<BodyStream>>,
    allowance: Arc<AtomicI64>,
    seen: usize,
}

type BodyStream = BoxStream<'static, io::Result<Bytes>>;

/// One part of a form.
pub(super) struct Part {
    name: Option<String>,
    field: multer::Field<'static>,
    allowance: Arc<AtomicI64>,
}

/// The body, a piece at a time.
struct Metered {
    /// Behind a lock only because the rest may be dropped without the parser; it is never contended.
    body: Arc<Mutex<BodyStream>>,
    allowance: Arc<AtomicI64>,
    gave: bool,
}

impl Parts {
    fn new(body: poem::Body, boundary: String) -> Self {
        let allowance = Arc::new(AtomicI64::new(AHEAD_BYTES));
        let body: Arc<Mutex<BodyStream>> = Arc::new(Mutex::new(Box::pin(body.into_bytes_stream())));
        let metered = Metered { body: Arc::clone(&body), allowance: Arc::clone(&allowance), gave: false };
        Self { parser: multer::Multipart::new(metered, boundary), body, allowance, seen: 0 }
    }

    /// Reads and drops some of the rest after a refusal: a peer that is still sending when we close gets a reset, and
    /// with it loses the answer that explains why.
    pub(super) async fn drain(&mut self) {
        let mut dropped = 0;
        while dropped < DRAIN_BYTES {
            match std::future::poll_fn(|cx| self.body.lock().as_mut().poll_next(cx)).await {
                Some(Ok(piece)) => dropped += piece.len(),
                Some(Err(_)) | None => return,
            }
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Part>, Problem> {
        self.allowance.store(AHEAD_BYTES, Ordering::Relaxed);
        let field = self.parser.next_field().await.map_err(|error| refused(&error))?;
        self.seen += usize::from(field.is_some());
        if self.seen > MOST_PARTS {
            return Err(Problem::new(Code::BadRequest, "The form has too many parts."));
        }
        Ok(field.map(|field| Part { name: name_of(&field), field, allowance: Arc::clone(&self.allowance) }))
    }
}

impl Part {
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name of its file; `None` when there is none that can be read.
    pub(super) fn file_name(&self) -> Option<String> {
        let field = self.field.headers().get(header::CONTENT_DISPOSITION)?;
        filename::of_disposition(field.as_bytes())
    }

    pub(super) fn content_type(&self) -> Option<String> {
        self.field.content_type().map(|kind| kind.as_ref().to_owned())
    }

    /// The next piece of its content.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        self.allowance.store(AHEAD_BYTES, Ordering::Relaxed);
        self.field.chunk().await.map_err(|error| refused(&error))
    }

    /// Reads and drops the rest of its content; false: that is more than `left` bytes.
    pub(super) async fn skip(&mut self, left: &mut usize) -> Result<bool, Problem> {
        while let Some(piece) = self.piece().await? {
            match left.checked_sub(piece.len()) {
                Some(rest) => *left = rest,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// All of its content, which is a short text.
    pub(super) async fn text(mut self) -> Result<String, Problem> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > TEXT_BYTES {
                let words = format!("A part of the form that is no file is longer than {TEXT_BYTES} bytes.");
                return Err(Problem::new(Code::PayloadTooLarge, words));
            }
            whole.extend_from_slice(&piece);
        }
        String::from_utf8(whole)
            .map_err(|_| Problem::new(Code::BadRequest, "A part of the form is not UTF-8."))
    }
}

/// The parser finds the name only if the parameter is written in lower case.
fn name_of(field: &multer::Field<'_>) -> Option<String> {
    let disposition = field.headers().get(header::CONTENT_DISPOSITION)?;
    filename::of_part(disposition.as_bytes())
}

impl Stream for Metered {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The parser reads until nothing is there: after each piece this returns nothing, until it asks again.
        if std::mem::take(&mut self.gave) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.allowance.load(Ordering::Relaxed) <= 0 {
            return Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a part's head has no end",
            ))));
        }
        let polled = self.body.lock().as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.allowance.fetch_sub(i64::try_from(piece.len()).unwrap_or(i64::MAX), Ordering::Relaxed);
            self.gave = true;
        }
        polled
    }
}

fn refused(error: &multer::Error) -> Problem {
    if let multer::Error::StreamReadFailed(cause) = error
        && let Some(cause) = cause.downcast_ref::<io::Error>()
        && cause.kind() != io::ErrorKind::InvalidData
    {
        return of_broken_body(cause);
    }
    Problem::new(Code::BadRequest, "The body is not a form as multipart/form-data (RFC 7578) has it.")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn parts(pieces: Vec<Bytes>) -> Parts {
        let body = poem::Body::from_bytes_stream(stream::iter(pieces.into_iter().map(Ok::<_, io::Error>)));
        Parts::new(body, "edge".to_owned())
    }

    #[tokio::test]
    async fn a_large_part_comes_in_pieces_as_they_were_sent() {
        let head = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let mut pieces = vec![Bytes::from_static(head.as_bytes())];
        pieces.extend((0..100).map(|number| Bytes::from(vec![number; 50_000])));
        pieces.push(Bytes::from_static(b"\r\n--edge--\r\n"));

        let mut parts = parts(pieces);
        let mut part = parts.next().await.unwrap().unwrap();
        let (mut length, mut longest) = (0, 0);
        while let Some(piece) = part.piece().await.unwrap() {
            length += piece.len();
            longest = longest.max(piece.len());
        }
        drop(part);

        assert_eq!(length, 5_000_000);
        assert!(longest <= 100_100, "{longest} bytes at once");
        assert!(parts.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_not_read_for_ever() {
        let endless = std::iter::once(Bytes::from_static(b"--edge\r\nx: "));
        let endless = endless.chain((0..10_000).map(|_| Bytes::from(vec![b'y'; 10_000])));

        let refused = parts(endless.collect()).next().await.map(|_| ()).unwrap_err();

        assert_eq!(refused.code, Code::BadRequest);
    }
}
