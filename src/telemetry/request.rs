//! The span of one request, with tenant, user and connection ids as fields so that logs can be searched by them.

use std::net::IpAddr;

use http::Method;
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use super::redact;
use crate::base::ids::{ConnectionId, TenantId, UserId};

/// What is known when a request arrives.
#[derive(Clone, Copy, Debug)]
pub struct RequestStart<'r> {
    pub method: &'r Method,
    /// Path and query as received; the span shows them without secrets.
    pub target: &'r str,
    pub request_id: &'r str,
    pub client: Option<IpAddr>,
    /// The `traceparent` header; anything malformed is ignored.
    pub traceparent: Option<&'r str>,
}

/// Opens the span of all log events of this request.
pub fn request_span(start: &RequestStart<'_>) -> Span {
    let span = info_span!(
        "request",
        request.id = start.request_id,
        http.method = %start.method,
        http.target = %redact::url(start.target),
        http.status = Empty,
        client.address = Empty,
        trace.id = Empty,
        tenant.id = Empty,
        user.id = Empty,
        connection.id = Empty,
    );
    if let Some(client) = start.client {
        span.record("client.address", display(client));
    }
    if let Some(trace) = start.traceparent.and_then(trace_id) {
        span.record("trace.id", trace);
    }
    span
}

/// Records the tenant and the user of the request.
pub fn record_caller(span: &Span, tenant: Option<TenantId>, user: Option<UserId>) {
    if let Some(tenant) = tenant {
        span.record("tenant.id", tenant.0);
    }
    if let Some(user) = user {
        span.record("user.id", user.0);
    }
}

/// Records the id of the socket or stream that the request became.
pub fn record_connection(span: &Span, connection: ConnectionId) {
    span.record("connection.id", display(connection));
}

/// Records the response status.
pub fn record_status(span: &Span, status: u16) {
    span.record("http.status", status);
}

/// The trace that a `traceparent` header names (W3C Trace Context, section 3.2); `None` when it is malformed.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    // Version 00 ends here; later ones may have more parts. All zeros mean "none".
    let ends = version != "00" || parts.next().is_none();
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    (well_formed && ends && version != "ff" && some(trace) && some(parent)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_parent_names_its_trace() {
        assert_eq!(trace_id(&format!("00-{TRACE}-00f067aa0ba902b7-01")), Some(TRACE));
        assert_eq!(trace_id(&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-holds")), Some(TRACE));
    }

    #[test]
    fn a_malformed_trace_parent_is_ignored() {
        let zero = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{zero}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}%0a-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(trace_id(&text), None, "{text}");
        }
    }
}
