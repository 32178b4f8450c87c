//! `Cache-Control`: an answer without the header belongs to one caller, and must be revalidated before it is used
//! again, which its `ETag` makes cheap.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response};

const PRIVATE: &str = "private, no-cache";

/// Adds `Cache-Control` to answers that have none.
#[derive(Clone, Copy)]
pub struct CacheControl;

pub struct CacheControlEndpoint<E>(E);

impl<E: Endpoint> Middleware<E> for CacheControl {
    type Output = CacheControlEndpoint<E>;

    fn transform(&self, inner: E) -> CacheControlEndpoint<E> {
        CacheControlEndpoint(inner)
    }
}

impl<E: Endpoint> Endpoint for CacheControlEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut response = self.0.call(request).await?.into_response();
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(PRIVATE));
        }
        Ok(response)
    }
}
