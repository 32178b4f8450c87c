//! A problem as an error that a handler may return, and as a response.

use poem::error::ResponseError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};

use super::oauth;
use crate::protocol::problem::Problem;

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
