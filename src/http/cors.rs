//! Cross-origin answers (Fetch standard, section 3.2): the origin policy decides which pages may read. Credentials
//! are sent in the `Authorization` header, never in cookies, so cookies are not allowed.

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response};

use super::web_origin::OriginPolicy;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// Headers that are allowed when a preflight names none.
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, \
                       Range, X-Request-Id, traceparent";
const EXPOSED: &str = "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Idempotent-Replayed, Link, \
                       Location, Lotline-Position, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id";
/// Seconds that a browser caches a preflight's answer.
const MAX_AGE: &str = "600";

/// Adds what the policy allows to every answer and answers preflights itself.
#[derive(Clone)]
pub struct Cors(pub OriginPolicy);

impl<E: Endpoint> Middleware<E> for Cors {
    type Output = CorsEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        CorsEndpoint { inner, policy: self.0.clone() }
    }
}

pub struct CorsEndpoint<E> {
    inner: E,
    policy: OriginPolicy,
}

impl<E: Endpoint> Endpoint for CorsEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let admitted = origin.filter(|_| self.policy.allows(request.headers()));
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = if preflight {
            preflight_answer(admitted.is_some(), request.headers())
        } else {
            match self.inner.call(request).await {
                Ok(output) => output.into_response(),
                Err(error) => error.into_response(),
            }
        };
        allow(response.headers_mut(), admitted);
        Ok(response)
    }
}

/// A page of an allowed origin may send any header that its libraries add: a header is checked where it is read, and
/// most are not read at all.
fn preflight_answer(admitted: bool, asked: &HeaderMap) -> Response {
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    if admitted {
        let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).filter(|wanted| is_list(wanted));
        let wanted = wanted.cloned().unwrap_or(HeaderValue::from_static(HEADERS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
    response
}

/// Whether it is a list of field names, of a length that browsers send.
fn is_list(wanted: &HeaderValue) -> bool {
    const LONGEST: usize = 4096;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(byte);
    (1..=LONGEST).contains(&wanted.len()) && wanted.as_bytes().iter().all(is_name)
}

/// Adds the CORS headers to a refusal that no layer of the router has seen.
pub fn allow_refusal(policy: &OriginPolicy, asked: &HeaderMap, headers: &mut HeaderMap) {
    let origin = asked.get(header::ORIGIN).cloned();
    allow(headers, origin.filter(|_| policy.allows(asked)));
}

fn allow(headers: &mut HeaderMap, admitted: Option<HeaderValue>) {
    // The answer differs by origin, so a cache in between must vary by it.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = admitted {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
