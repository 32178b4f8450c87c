//! The outermost layer but CORS: every request gets an id and a span, and every failure inside, panics included,
//! leaves as `application/problem+json`.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tracing::{Instrument, Span};

use super::oauth;
use super::request_id::RequestId;
use super::response::{PROBLEM_JSON, respond};
use super::trace::TraceParent;
use super::translate::{RefusalContext, of_status, translate};
use crate::base::clock::Stopwatch;
use crate::base::entropy::Entropy;
use crate::http::validation::{BadParameters, OperationTable, ParameterCheck};
use crate::protocol::problem::{Code, Problem};
use crate::telemetry::metrics::{self, Metrics};

/// Turns every refusal below it into a problem. `operations` has the methods and parameters of each route.
#[derive(Clone)]
pub struct ProblemLayer {
    operations: Arc<OperationTable>,
    entropy: Entropy,
    metrics: Arc<Metrics>,
}

pub struct ProblemEndpoint<E> {
    inner: E,
    layer: ProblemLayer,
}

impl ProblemLayer {
    pub fn new(operations: Arc<OperationTable>, entropy: Entropy) -> Self {
        Self { operations, entropy, metrics: Arc::default() }
    }

    /// Counts requests and refusals in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        metrics.http_requests.set_patterns(self.operations.patterns());
        metrics.http_seconds.set_patterns(self.operations.patterns());
        self.metrics = metrics;
        self
    }
}

impl<E: Endpoint> Middleware<E> for ProblemLayer {
    type Output = ProblemEndpoint<E>;

    fn transform(&self, inner: E) -> ProblemEndpoint<E> {
        ProblemEndpoint { inner, layer: self.clone() }
    }
}

impl<E: Endpoint> Endpoint for ProblemEndpoint<E> {
    type Output = Response;

    /// Never an error: outer layers get a response in any case.
    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = RequestId::accept_or_make(request.headers(), self.layer.entropy);
        let span = span_of(&request, &id);
        request.set_data(id.clone());
        let route = self.layer.operations.route_index(request.original_uri().path());
        let (method, watch) = (metrics::Method::of(request.method()), Stopwatch::start());

        let answer = self.answer(request, &id).instrument(span).await;
        self.layer.metrics.record_response(route, method, answer.status().as_u16(), watch.elapsed());
        Ok(with_request_id(answer, &id))
    }
}

/// Removes the query, and replaces bad values in the path, of a request that its body's reader will refuse: otherwise
/// the reader of a bad parameter would refuse first, and the faults of the body would not be reported.
fn strip_bad_parameters(request: &mut Request, operations: &OperationTable, problem: &Problem) {
    if let Ok(path) = operations.readable_path(request, &problem.errors).parse() {
        *request.uri_mut() = path;
    }
}

impl<E: Endpoint> ProblemEndpoint<E> {
    async fn answer(&self, mut request: Request, id: &RequestId) -> Response {
        let path = request.original_uri().path().to_owned();
        if request.method() == Method::OPTIONS
            && let Some(methods) = self.methods_of(&path)
        {
            return options_response(&methods);
        }
        let bad = match self.layer.operations.check_parameters(&request) {
            ParameterCheck::Valid => None,
            ParameterCheck::Invalid(problem) => return self.refuse(&problem, id),
            ParameterCheck::InvalidAfterAuth { problem, has_body } => Some((Arc::new(problem), has_body)),
        };
        if let Some((problem, has_body)) = &bad {
            request.set_data(BadParameters { problem: Arc::clone(problem), has_body: *has_body });
            if *has_body {
                strip_bad_parameters(&mut request, &self.layer.operations, problem);
            }
        }

        // After a panic the handler's state is not used again: it is dropped here.
        let result = AssertUnwindSafe(self.inner.call(request)).catch_unwind().await;
        let error = match result {
            Ok(Ok(output)) => return into_problem(output.into_response(), id),
            Ok(Err(error)) if error.is_from_response() => return into_problem(error.into_response(), id),
            Ok(Err(error)) => error,
            Err(panic) => return self.refuse(&panic_problem(&*panic), id),
        };
        let allowed = || self.layer.operations.allowed_methods(&path);
        let facts = RefusalContext {
            allowed: (error.status() == 405).then(allowed).flatten(),
            bad_parameters: bad.as_ref().map(|(problem, _)| &**problem),
        };
        let problem = translate(&error, &facts);
        let problem = if oauth::is_token_endpoint(&path) { oauth::with_error(problem) } else { problem };
        if problem.code == Code::Internal {
            tracing::error!(%error, "a request failed");
        }
        self.refuse(&problem, id)
    }

    /// The methods of a path; `*` stands for the whole server.
    fn methods_of(&self, path: &str) -> Option<String> {
        match path {
            "*" => Some(self.layer.operations.all_methods()),
            path => self.layer.operations.allowed_methods(path),
        }
    }

    fn refuse(&self, problem: &Problem, id: &RequestId) -> Response {
        self.layer.metrics.count_refusal(problem.code);
        respond(problem, id.as_str())
    }
}

/// The answer to `OPTIONS` (RFC 9110 section 9.3.7); preflights of browsers are answered by an outer layer.
fn options_response(methods: &str) -> Response {
    Response::builder().status(StatusCode::NO_CONTENT).header(header::ALLOW, methods).finish()
}

/// The path without its query: a query may contain a token.
fn span_of(request: &Request, id: &RequestId) -> Span {
    let trace = TraceParent::of(request.headers());
    tracing::info_span!(
        "request",
        request.id = id.as_str(),
        request.method = request.method().as_str(),
        request.path = request.original_uri().path(),
        trace.id = trace.map(|trace| trace.trace_id),
        trace.parent_id = trace.map(|trace| trace.parent_id),
    )
}

fn panic_problem(panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
    Problem::internal()
}

/// A response of 400 and up that is not a problem yet becomes one; headers that explain it are kept.
fn into_problem(response: Response, id: &RequestId) -> Response {
    let status = response.status();
    if status.as_u16() < 400 || response.content_type() == Some(PROBLEM_JSON) {
        return response;
    }
    let mut refusal = respond(&of_status(status.as_u16()), id.as_str());
    // A status without a code of its own keeps its number.
    refusal.set_status(status);
    for (name, value) in response.headers() {
        let is_about_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::ETAG].contains(name);
        if !is_about_the_body {
            refusal.headers_mut().insert(name.clone(), value.clone());
        }
    }
    refusal
}

fn with_request_id(mut response: Response, id: &RequestId) -> Response {
    // Visible ASCII is always a header value.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, value);
    }
    response
}
