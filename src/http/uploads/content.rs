//! `GET /uploads/{upload_id}/content`. A browser never shows an uploaded file as a page of this server: it is always
//! an attachment, never another type than the stated one, and sandboxed if it is opened after all.

use futures_util::TryStreamExt;
use poem::http::{HeaderName, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use super::disposition::attachment;
use super::get::id;
use super::range::{RequestedRange, parse_range};
use crate::domain::op::Op;
use crate::domain::uploads::{self, Content};
use crate::protocol::examples::uploads::CONTENT;
use crate::protocol::problem::{Code, Problem};

const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The conditional headers of a request.
pub(super) struct ContentConditions<'a> {
    pub(super) range: Option<&'a str>,
    pub(super) if_range: Option<&'a str>,
    pub(super) if_none_match: Option<&'a str>,
}

/// The file, a part of it, or 304 if the client has it.
pub struct ContentResponse(Response);

pub(super) async fn content(
    op: &Op,
    upload_id: &str,
    asked: ContentConditions<'_>,
) -> Result<ContentResponse, Problem> {
    let content = uploads::content(op, id(upload_id)?).await?;
    // A file never changes, so its hash is a strong tag.
    let tag = format!("\"{}\"", content.sha256);
    if asked.if_none_match.is_some_and(|given| matches_tag(given, &tag)) {
        return Ok(ContentResponse(
            common(Response::builder().status(StatusCode::NOT_MODIFIED), &tag).finish(),
        ));
    }
    // A range for another file, or for a file that is identified by its date, does not apply.
    let range = asked.range.filter(|_| asked.if_range.is_none_or(|given| given.trim() == tag));
    match parse_range(range, content.size) {
        RequestedRange::Whole => answer(&content, &tag, 0..content.size, StatusCode::OK).await,
        RequestedRange::Part(range) => answer(&content, &tag, range, StatusCode::PARTIAL_CONTENT).await,
        RequestedRange::Unsatisfiable => {
            let size = content.size;
            let words = format!("The file has {size} bytes, and the asked range none of them.");
            let unsatisfied = format!("bytes */{size}");
            Err(Problem::new(Code::RangeNotSatisfiable, words).header("Content-Range", unsatisfied))
        }
    }
}

async fn answer(
    content: &Content,
    tag: &str,
    range: std::ops::Range<u64>,
    status: StatusCode,
) -> Result<ContentResponse, Problem> {
    let bytes = content.read(range.clone()).await?;
    let mut response = common(Response::builder().status(status), tag)
        .header(header::CONTENT_TYPE, &content.content_type)
        .header(header::CONTENT_LENGTH, range.end - range.start)
        .header(header::CONTENT_DISPOSITION, attachment(&content.filename));
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, content.size);
        response = response.header(header::CONTENT_RANGE, content_range);
    }
    let body = Body::from_bytes_stream(bytes.map_err(std::io::Error::other));
    Ok(ContentResponse(response.body(body)))
}

fn common(response: poem::ResponseBuilder, tag: &str) -> poem::ResponseBuilder {
    response
        .header(header::ETAG, tag)
        .header(header::ACCEPT_RANGES, "bytes")
        // The answer depends on the credential, so no shared cache may keep it.
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")
}

/// Whether `If-None-Match` contains the tag.
fn matches_tag(given: &str, tag: &str) -> bool {
    given.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == tag)
}

impl IntoResponse for ContentResponse {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for ContentResponse {
    fn meta() -> MetaResponses {
        let bytes = || {
            let example = Some(CONTENT.into());
            let schema = MetaSchema { format: Some("binary"), example, ..MetaSchema::new("string") };
            MetaMediaType { content_type: "*/*", schema: MetaSchemaRef::Inline(Box::new(schema)) }
        };
        let response = |status, description, content, names: &[(&str, &str)]| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: names.iter().map(|(name, words)| text_header(name, words)).collect(),
        };
        let tag = ("ETag", "Names the file's bytes.");
        let disposition = ("Content-Disposition", "Always an attachment, with the file's name.");
        let place = ("Content-Range", "Which bytes of how many.");
        MetaResponses {
            responses: vec![
                response(200, "The file.", vec![bytes()], &[tag, disposition]),
                response(206, "The asked range of it.", vec![bytes()], &[tag, disposition, place]),
                response(304, "The file is the one that `If-None-Match` names.", Vec::new(), &[tag]),
            ],
        }
    }

    fn register(_registry: &mut Registry) {}
}

fn text_header(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    }
}
