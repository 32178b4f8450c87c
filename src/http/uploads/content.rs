//! `GET /uploads/{upload_id}/content`. A browser never shows an uploaded file as a page of this server: it is always
//! an attachment, never another type than the stated one, and sandboxed if it is opened after all.

use std::ops::Range;

use futures_util::TryStreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use poem::http::{HeaderName, StatusCode, header};
use poem::{Body, IntoResponse, Response, ResponseBuilder};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use crate::base::ids::UploadId;
use crate::domain::op::Op;
use crate::domain::uploads::{self, Content};
use crate::protocol::examples::uploads::CONTENT;
use crate::protocol::problem::{Code, Problem};

const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// All but the `attr-char` of RFC 8187.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

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
    upload_id: UploadId,
    asked: ContentConditions<'_>,
) -> Result<ContentResponse, Problem> {
    let content = uploads::content(op, upload_id).await?;
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
    range: Range<u64>,
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

fn common(response: ResponseBuilder, tag: &str) -> ResponseBuilder {
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

/// The requested part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RequestedRange {
    Whole,
    Part(Range<u64>),
    /// The range lies outside of the file.
    Unsatisfiable,
}

/// Reads `Range` (RFC 9110 section 14) for a file of `size` bytes: one range of bytes. A malformed range, and several
/// at once, mean the whole file.
fn parse_range(header: Option<&str>, size: u64) -> RequestedRange {
    let Some(header) = header else { return RequestedRange::Whole };
    let Some(spec) = header.trim().strip_prefix("bytes=") else { return RequestedRange::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return RequestedRange::Whole };
    match (number(first), number(last)) {
        (Some(first), _)
            if first >= size && (last.is_empty() || number(last).is_some_and(|last| last >= first)) =>
        {
            RequestedRange::Unsatisfiable
        }
        (Some(first), None) if last.is_empty() => RequestedRange::Part(first..size),
        (Some(first), Some(last)) if last >= first => {
            RequestedRange::Part(first..last.saturating_add(1).min(size))
        }
        (None, Some(0)) if first.is_empty() => RequestedRange::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => RequestedRange::Unsatisfiable,
        (None, Some(count)) if first.is_empty() => RequestedRange::Part(size.saturating_sub(count)..size),
        _ => RequestedRange::Whole,
    }
}

/// Digits only; a number beyond 64 bits counts as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The `Content-Disposition` of a download (RFC 6266): always an attachment; names that are not plain ASCII in both
/// forms.
fn attachment(filename: &str) -> String {
    let plain = |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '%');
    let fallback: String =
        filename.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    if fallback == filename {
        return format!("attachment; filename=\"{fallback}\"");
    }
    let exact = utf8_percent_encode(filename, ESCAPED);
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{exact}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ascii_name_is_written_plain_and_another_in_both_forms() {
        assert_eq!(attachment("a b.pdf"), "attachment; filename=\"a b.pdf\"");
        assert_eq!(
            attachment("Grundriß 1.pdf"),
            "attachment; filename=\"Grundri_ 1.pdf\"; filename*=UTF-8''Grundri%C3%9F%201.pdf"
        );
        assert_eq!(attachment("100%.txt"), "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt");
    }

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let of_ten = |header| parse_range(Some(header), 10);

        assert_eq!(of_ten("bytes=0-4"), RequestedRange::Part(0..5));
        assert_eq!(of_ten("bytes=5-"), RequestedRange::Part(5..10));
        assert_eq!(of_ten("bytes=5-100"), RequestedRange::Part(5..10));
        assert_eq!(of_ten("bytes=-3"), RequestedRange::Part(7..10));
        assert_eq!(of_ten("bytes=-100"), RequestedRange::Part(0..10));
        assert_eq!(of_ten("bytes=9-9"), RequestedRange::Part(9..10));
        assert_eq!(of_ten("bytes=10-"), RequestedRange::Unsatisfiable);
        assert_eq!(of_ten("bytes=10-20"), RequestedRange::Unsatisfiable);
        assert_eq!(of_ten("bytes=99999999999999999999-"), RequestedRange::Unsatisfiable);
        assert_eq!(of_ten("bytes=-0"), RequestedRange::Unsatisfiable);
        for header in
            ["bytes=4-2", "bytes=20-12", "bytes=a-b", "bytes=-", "bytes=1", "items=0-1", "bytes=0-1,3-4", ""]
        {
            assert_eq!(of_ten(header), RequestedRange::Whole, "{header}");
        }
        assert_eq!(parse_range(Some("bytes=0-"), 0), RequestedRange::Unsatisfiable);
        assert_eq!(parse_range(Some("bytes=-5"), 0), RequestedRange::Unsatisfiable);
        assert_eq!(parse_range(None, 10), RequestedRange::Whole);
    }
}
