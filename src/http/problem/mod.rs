//! Problems in poem: an error that a handler may return, a response, and a part of the API document.

mod middleware;
pub(in crate::http) mod oauth;
mod request_id;
mod trace;
mod translate;

use poem::error::ResponseError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;

use crate::protocol::problem::{Problem, ProblemBody};

pub use middleware::{ProblemEndpoint, ProblemLayer};
pub use request_id::RequestId;

pub(super) use translate::of_broken_body;

/// The media type of every refusal (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Used only where no `ProblemLayer` is around the endpoint: the layer knows the request's id.
    fn as_response(&self) -> Response {
        respond(self, "")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        respond(&self, "")
    }
}

/// The answer that refuses the request named `request_id`.
pub fn respond(problem: &Problem, request_id: &str) -> Response {
    // Strings and numbers always serialise.
    let body = serde_json::to_vec(&problem.to_body(request_id)).unwrap_or_default();
    let mut response = Response::builder()
        .status(problem.status())
        .header(header::CONTENT_TYPE, PROBLEM_JSON)
        .header(header::CACHE_CONTROL, "no-store")
        .body(body);
    let headers = response.headers_mut();
    if let Some(challenge) = oauth::challenge(problem).and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = retry_after(problem) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    for (name, value) in &problem.headers {
        // A value that is not a valid header would be an internal error; the refusal matters more than the header.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// 429 and 503 always have `Retry-After`.
fn retry_after(problem: &Problem) -> Option<u32> {
    let fallback = match problem.code.row().status {
        429 => Some(1),
        503 => Some(5),
        _ => None,
    };
    problem.retry_after.or(fallback)
}

/// The statuses that an operation may refuse with, and their descriptions in the API document, which drops from every
/// operation those that cannot occur there (`document/mod.rs`).
const DOCUMENTED: &[(u16, &str)] = &[
    (400, "The request cannot be read: no JSON, or two credentials at once."),
    (401, "A token is missing, or the one that was shown does not hold."),
    (403, "The caller may not do this."),
    (404, "The thing does not exist, or the caller may not see it."),
    (
        409,
        "The thing is in a state that does not allow this, or the name is taken, or a request with the same \
         `Idempotency-Key` is still being worked on.",
    ),
    (410, "The thing was here once, and is not any more."),
    (412, "The thing has changed since the version in `If-Match` was read."),
    (413, "The body is larger than the limit."),
    (415, "The body is of a type that is not taken here."),
    (416, "The asked range of bytes lies outside the content."),
    (
        422,
        "Fields are bad, missing or unknown; `errors` names every one of them. Or the `Idempotency-Key` was used for \
         another request.",
    ),
    (429, "More was sent than the limit allows."),
    (500, "The server failed."),
    (503, "The server cannot take this now."),
    (507, "The tenant's quota, or the disk, is full."),
];

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let responses = DOCUMENTED.iter().map(|(status, description)| MetaResponse {
            description,
            status: Some(*status),
            status_range: None,
            content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemBody::schema_ref() }],
            headers: documented_headers(*status),
        });
        MetaResponses { responses: responses.collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

fn documented_headers(status: u16) -> Vec<MetaHeader> {
    let header = |name: &str, ty, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        // A retry after a conflict is useful only if it is with a request that is still running.
        required: status != 409,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(ty))),
    };
    match status {
        401 => vec![header(
            "WWW-Authenticate",
            "string",
            "`Bearer`, with `error` and `error_description` when a credential was shown (RFC 6750).",
        )],
        409 | 429 | 503 => vec![header("Retry-After", "integer", "Seconds to wait before the next try.")],
        _ => Vec::new(),
    }
}
