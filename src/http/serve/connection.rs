//! One connection, from its accept to its end or its upgrade.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request, Response};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::connection_state::{ConnectionState, IdleTimer, Phase};
use super::framing;
use super::head_refusal::HeadRefusalContext;
use super::host;
use super::pool::Activity;
use super::registry::{ConnectionPermit, HttpConnections, RequestAdmission};
use super::request_body::{BodyProgress, TimedBody};
use super::settings::ServeSettings;
use super::tracked_stream::{self, TrackedStream};
use super::upgrade::{Granted, Upgrade, UpgradePermit, live_capacity_exceeded};
use crate::base::clock::Clock;
use crate::http::cors::allow_refusal;
use crate::http::problem::{RequestId, respond};
use crate::http::security_headers::protect;
use crate::protocol::problem::{Code, Problem};

/// Unsent bytes that the system buffers for a peer; beyond it writes wait for the peer.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

/// What all connections of a listener share.
pub(super) struct Shared<E> {
    pub(super) endpoint: E,
    pub(super) settings: ServeSettings,
    pub(super) clock: Clock,
    pub(super) registry: Arc<HttpConnections>,
    /// Finish running requests and accept no new ones.
    pub(super) shutdown: CancellationToken,
    /// End at once.
    pub(super) abort: CancellationToken,
}

/// Serves one connection. After an upgrade it returns at once: the HTTP state is freed, the stream lives on in the
/// task that awaits the [`Upgrade`].
pub(super) async fn run<E>(
    edge: Arc<Shared<E>>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
) where
    E: Endpoint + 'static,
{
    prepare(&stream, edge.settings.write_timeout);
    let Ok(local) = stream.local_addr() else { return };
    let exchange = Arc::new(ConnectionState::default());
    let arrival = RequestSource { peer, local, permit: permit.clone(), exchange: Arc::clone(&exchange) };
    let refusals =
        HeadRefusalContext { entropy: edge.settings.entropy, origins: edge.settings.origins.clone() };
    let io = TokioIo::new(TrackedStream::new(stream, Arc::clone(&exchange), refusals));
    let service = service_fn(|request| handle_request(Arc::clone(&edge), arrival.clone(), request));

    let connection = http1::Builder::new()
        // `TimedConnection` limits the time: by our clock, and differently for a stalled head and an idle connection.
        .header_read_timeout(None)
        .max_header_size(edge.settings.header_bytes)
        .serve_connection(io, service)
        .with_upgrades();
    let mut watched =
        TimedConnection::new(Box::pin(connection), exchange, permit, &edge.settings, &edge.clock);

    let permit = watched.permit.clone();
    let reason = tokio::select! {
        // First: a request that has come in time is answered.
        biased;
        end = &mut watched => return tracing::trace!(%peer, ?end, "connection ended"),
        () = permit.evicted() => DrainReason::Evicted,
        () = edge.shutdown.cancelled() => DrainReason::Shutdown,
    };
    // A peer that has sent nothing yet loses nothing; hyper would wait for its first request. An incomplete head is
    // waited for at shutdown, but does not prevent an eviction.
    let phase = watched.exchange.phase();
    if phase == Phase::Fresh || (phase == Phase::Head && reason == DrainReason::Evicted) {
        return;
    }
    if phase == Phase::Idle {
        // Its last request is long over: there is no rest of a body to wait for.
        watched.exchange.set_body_unread(false);
    }
    watched.connection.as_mut().graceful_shutdown();
    let end = tokio::select! {
        end = &mut watched => end,
        () = edge.abort.cancelled() => ConnectionEnd::Aborted,
    };
    tracing::trace!(%peer, ?end, ?reason, "connection ended");
}

/// Sets the options of every connection's stream. A stream that refuses an option works without it.
fn prepare(stream: &TcpStream, write_timeout: Duration) {
    // Answers and frames are written whole, so waiting for more data (Nagle) only adds latency.
    let _ = stream.set_nodelay(true);
    tracked_stream::set_user_timeout(stream, Some(write_timeout));
    // Without it the system buffers up to four megabytes for a peer that does not read, beyond all our limits, and
    // each frame for such a peer is copied there first.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
}

/// Why a connection accepts no further request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DrainReason {
    /// It is evicted for a new connection.
    Evicted,
    /// The server shuts down.
    Shutdown,
}

/// The connection of a request.
#[derive(Clone)]
struct RequestSource {
    peer: SocketAddr,
    local: SocketAddr,
    permit: ConnectionPermit,
    exchange: Arc<ConnectionState>,
}

async fn handle_request<E: Endpoint>(
    edge: Arc<Shared<E>>,
    arrival: RequestSource,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<TrackedBody>, Infallible> {
    let RequestSource { peer, local, permit, exchange } = arrival;
    exchange.enter(Phase::Busy);
    // Dropped with the future when the peer disconnects during the request.
    let guard = ResponseGuard(Arc::clone(&exchange));
    let begun = permit.begin_request();
    if let Err(refusal) = check_request(begun, &request, &edge.settings) {
        let had_body = !request.body().is_end_stream();
        exchange.set_body_unread(had_body);
        return Ok(early_refusal(&refusal, request.headers(), &edge.settings, guard));
    }
    let granted = Granted::default();
    // Must be taken before poem takes it and hides the stream behind its own type.
    if let Some(promise) = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>() {
        request.extensions_mut().insert(Upgrade::new(
            promise,
            UpgradePermit::new(permit.clone()),
            granted.clone(),
        ));
    }
    let id = RequestId::accept_or_make(request.headers(), edge.settings.entropy);
    let addresses = (LocalAddr(Addr::SocketAddr(local)), RemoteAddr(Addr::SocketAddr(peer)));
    let mut request = Request::from((request, addresses.0, addresses.1, http::uri::Scheme::HTTP));
    let progress = limit_body_time(&mut request, &edge.settings, &edge.clock);
    let asked = origin_fields(request.headers());

    let mut response = edge.endpoint.get_response(request).await;
    if is_live(&response) && !permit.become_live() {
        response = refusal(&live_capacity_exceeded(), &id);
        add_cors_headers(&edge.settings, &asked, response.headers_mut());
        // The task that waits for the raw stream gets the refusal when the connection ends.
        response.headers_mut().insert(header::CONNECTION, CLOSE);
    }
    granted.set(response.status() == StatusCode::SWITCHING_PROTOCOLS);
    exchange.set_body_unread(progress.is_some_and(|progress| !progress.has_ended()));
    if begun == RequestAdmission::ProbesOnly {
        response.headers_mut().insert(header::CONNECTION, CLOSE);
    }
    let response: hyper::Response<BoxBody<Bytes, io::Error>> = response.into();
    Ok(response.map(|body| TrackedBody { body, _guard: guard }))
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether a request is passed to the endpoint.
fn check_request(
    begun: RequestAdmission,
    request: &hyper::Request<Incoming>,
    settings: &ServeSettings,
) -> Result<(), Problem> {
    let (method, path) = (request.method(), request.uri().path());
    let is_probe = matches!(*method, Method::GET | Method::HEAD) && settings.probes.contains(&path);
    match begun {
        RequestAdmission::ProbesOnly if !is_probe => {
            let words = "The server has as many connections as it can take; try again later.";
            return Err(Problem::new(Code::Unavailable, words).retry_after(1));
        }
        RequestAdmission::TooMany => {
            let words = "Your address has as many requests in progress as it may have; try again later.";
            return Err(Problem::new(Code::Unavailable, words).retry_after(1));
        }
        RequestAdmission::ProbesOnly | RequestAdmission::Allowed => {}
    }
    host::check(request.version(), request.uri(), request.headers())?;
    framing::check(request.headers())
}

/// Added to the response's data by a socket or stream that has a connection guard: its connection counts as live from
/// then on. Any other response, whatever it looks like, is an ordinary one.
#[derive(Clone, Copy, Debug)]
pub struct LiveResponse;

/// Whether the connection is a socket or a stream from here on.
fn is_live(response: &Response) -> bool {
    response.data::<LiveResponse>().is_some()
}

/// The refusal of a request that no route has seen. The connection ends with it: the reason may apply to the next
/// request too.
fn early_refusal(
    problem: &Problem,
    headers: &HeaderMap,
    settings: &ServeSettings,
    until: ResponseGuard,
) -> hyper::Response<TrackedBody> {
    let mut response = refusal(problem, &RequestId::accept_or_make(headers, settings.entropy));
    add_cors_headers(settings, headers, response.headers_mut());
    response.headers_mut().insert(header::CONNECTION, CLOSE);
    let response: hyper::Response<BoxBody<Bytes, io::Error>> = response.into();
    response.map(|body| TrackedBody { body, _guard: until })
}

/// The fields that determine a page's origin; a request without an origin has none to copy.
fn origin_fields(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    if headers.contains_key(header::ORIGIN) {
        for name in ["origin", "host", "x-forwarded-proto"] {
            headers.get_all(name).iter().for_each(|value| _ = kept.append(name, value.clone()));
        }
    }
    kept
}

/// Lets pages of allowed origins read a refusal.
fn add_cors_headers(settings: &ServeSettings, asked: &HeaderMap, headers: &mut HeaderMap) {
    if let Some(origins) = &settings.origins {
        allow_refusal(origins, asked, headers);
    }
}

/// A refusal with the fields that the router's layers would add.
fn refusal(problem: &Problem, id: &RequestId) -> Response {
    let mut response = respond(problem, id.as_str());
    protect(response.headers_mut());
    // Visible ASCII is always a header value.
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, id);
    }
    response
}

/// Limits the time of a request's body. `None`: the request has no body.
fn limit_body_time(request: &mut Request, settings: &ServeSettings, clock: &Clock) -> Option<BodyProgress> {
    let body = request.take_body();
    if body.is_empty() {
        return None;
    }
    let progress = BodyProgress::default();
    let timed = TimedBody::new(body.into(), progress.clone(), settings.body_timeout, clock.clone());
    request.set_data(progress.clone());
    request.set_body(poem::Body::from(BoxBody::new(timed)));
    Some(progress)
}

/// An answer's body; the exchange is over when it is dropped.
struct TrackedBody {
    body: BoxBody<Bytes, io::Error>,
    _guard: ResponseGuard,
}

struct ResponseGuard(Arc<ConnectionState>);

impl Drop for ResponseGuard {
    fn drop(&mut self) {
        self.0.enter(Phase::Idle);
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionEnd {
    /// By the peer, by HTTP's own rules, or by an upgrade.
    Closed,
    /// A request's head was not complete in time.
    HeadTimeout,
    /// The next request did not come in time.
    IdleTimeout,
    /// The peer did not read our bytes in time.
    WriteTimeout,
    /// The drain's deadline passed.
    Aborted,
}

/// A connection with time limits. Dropping it closes the stream.
struct TimedConnection<C> {
    connection: Pin<Box<C>>,
    exchange: Arc<ConnectionState>,
    permit: ConnectionPermit,
    settings: ServeSettings,
    reading: IdleTimer,
    writing: IdleTimer,
}

impl<C> TimedConnection<C> {
    fn new(
        connection: Pin<Box<C>>,
        exchange: Arc<ConnectionState>,
        permit: ConnectionPermit,
        settings: &ServeSettings,
        clock: &Clock,
    ) -> Self {
        Self {
            connection,
            exchange,
            permit,
            settings: settings.clone(),
            reading: IdleTimer::new(clock.clone()),
            writing: IdleTimer::new(clock.clone()),
        }
    }

    /// The connection's activity after this poll. An answer with unwritten bytes is still in progress.
    fn activity(&self) -> Activity {
        match self.exchange.phase() {
            Phase::Head => Activity::Head,
            Phase::Fresh => Activity::Idle,
            Phase::Idle if !self.exchange.is_write_blocked() => Activity::Idle,
            Phase::Idle | Phase::Busy => Activity::Request,
        }
    }

    /// Called after the connection has been polled, so that what it did in this poll counts.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        let (span, end) = match self.exchange.phase() {
            Phase::Fresh | Phase::Head => (Some(self.settings.header_timeout), ConnectionEnd::HeadTimeout),
            Phase::Idle => (Some(self.settings.keep_alive), ConnectionEnd::IdleTimeout),
            Phase::Busy => (None, ConnectionEnd::Closed),
        };
        if self.reading.poll(self.exchange.phase_version(), span, cx).is_ready() {
            return Poll::Ready(end);
        }
        let span = self.exchange.is_write_blocked().then_some(self.settings.write_timeout);
        self.writing.poll(self.exchange.write_version(), span, cx).map(|()| ConnectionEnd::WriteTimeout)
    }
}

impl<C> Future for TimedConnection<C>
where
    C: Future<Output = hyper::Result<()>>,
{
    type Output = ConnectionEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        if self.connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(ConnectionEnd::Closed);
        }
        self.permit.set_activity(self.activity());
        self.poll_limits(cx)
    }
}
