//! A page as an answer.

use bytes::Bytes;
use poem::http::{StatusCode, header};
use poem::{Endpoint, Response};

/// What our pages may do.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self' ws: wss:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An endpoint that answers with a page.
pub fn endpoint(html: impl Into<Bytes>) -> impl Endpoint<Output = Response> {
    let html = html.into();
    poem::endpoint::make_sync(move |_| html_response(html.clone()))
}

/// A page as an answer.
pub(super) fn html_response(html: Bytes) -> Response {
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::REFERRER_POLICY, "no-referrer")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .content_type("text/html; charset=utf-8")
        .body(html)
}
