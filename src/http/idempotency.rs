//! `Idempotency-Key`: with this header a retry is answered and not done again; a response header marks such an
//! answer.

use std::marker::PhantomData;

use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{MetaHeader, MetaParamIn, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};

use super::body::{BodyReservation, BodySize, REPLAYED, Single, read_whole};
use super::request_data::identity;
use super::validation::{bad_parameters, refuse_before_body};
use crate::domain::idempotency::{IdempotencyKey, IdempotentOperation, SentRequest};
use crate::domain::identity::Identity;
use crate::protocol::problem::Problem;

/// The request's idempotency key, if any, with its fingerprint. Must come before the body among a handler's
/// parameters: with a key it reads the body, of the kind `S`, and buffers it for the extractor that parses it.
pub struct IdempotencyKeyHeader<S = Single>(pub Option<IdempotencyKey>, PhantomData<S>);

const KEY: &str = "Idempotency-Key";

impl<'a, S: BodySize> ApiExtractor<'a> for IdempotencyKeyHeader<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(key_schema())
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        refuse_before_body(request)?;
        // A key that is used below is the only one, and visible ASCII; the reader of the body refuses a bad one.
        let is_good = bad_parameters(request).is_empty();
        let Some(key) = request.header(KEY).filter(|_| is_good) else { return Ok(Self(None, PhantomData)) };
        let taken = body.take().map_err(|_| Problem::internal())?;
        let bytes = read_whole::<S>(request, taken).await?;
        let uri = request.original_uri();
        let sent = SentRequest {
            key,
            method: request.method().as_str(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            body: &bytes,
        };
        let identity = identity(request)?;
        let presented = IdempotencyKey::of_request(&identity.ring(), identity.now(), &sent);
        if let Some(account) = BodyReservation::of(request) {
            account.buffer(bytes.clone());
        }
        *body = RequestBody::new(poem::Body::from_bytes(bytes));
        Ok(Self(Some(presented), PhantomData))
    }
}

/// The key of a request with a body too large to be read before the work; the body's representation is added later.
pub struct DeferredIdempotencyKey(Option<DeferredRequest>);

struct DeferredRequest {
    key: String,
    method: String,
    path: String,
    query: String,
}

impl DeferredIdempotencyKey {
    /// The key with the text that represents the body.
    pub fn idempotency_key(&self, identity: &Identity, body: &[u8]) -> Option<IdempotencyKey> {
        let DeferredRequest { key, method, path, query } = self.0.as_ref()?;
        let sent = SentRequest { key, method, path, query, body };
        Some(IdempotencyKey::of_request(&identity.ring(), identity.now(), &sent))
    }
}

impl<'a> ApiExtractor<'a> for DeferredIdempotencyKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(key_schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        refuse_before_body(request)?;
        let is_good = bad_parameters(request).is_empty();
        let Some(key) = request.header(KEY).filter(|_| is_good) else { return Ok(Self(None)) };
        let uri = request.original_uri();
        Ok(Self(Some(DeferredRequest {
            key: key.to_owned(),
            method: request.method().as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
        })))
    }
}

fn key_schema() -> MetaSchemaRef {
    let description = "Chosen by the caller, best at random. For 24 hours the same request under the same key is \
                       answered again with what was answered first, if that was a success, and nothing is done \
                       twice; another request under it is refused with 422. A request that comes while the first is \
                       still at work waits for it up to 10 seconds, and is refused with 409 and `Retry-After` then.";
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        description: Some(description),
        // Visible ASCII.
        pattern: Some("^[!-~]{1,255}$".to_owned()),
        ..MetaSchema::new("string")
    }))
}

/// A success that may be a replay; then its header says so.
#[derive(Debug)]
pub struct Replayable<R> {
    answer: R,
    replayed: bool,
}

impl<R> Replayable<R> {
    /// `operation`: the idempotent operation of the request, if it has a key.
    pub fn new(operation: Option<&IdempotentOperation>, answer: R) -> Self {
        Self { answer, replayed: operation.is_some_and(IdempotentOperation::was_replayed) }
    }
}

impl<R: IntoResponse> IntoResponse for Replayable<R> {
    fn into_response(self) -> Response {
        if self.replayed {
            return self.answer.with_header(REPLAYED, "true").into_response();
        }
        self.answer.into_response()
    }
}

impl<R: ApiResponse> ApiResponse for Replayable<R> {
    fn meta() -> MetaResponses {
        let mut meta = R::meta();
        for response in &mut meta.responses {
            response.headers.push(MetaHeader {
                name: REPLAYED.to_owned(),
                description: Some("`true`: this was answered before, under the same key.".to_owned()),
                required: false,
                deprecated: false,
                schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("boolean"))),
            });
        }
        meta
    }

    fn register(registry: &mut Registry) {
        R::register(registry);
    }
}
