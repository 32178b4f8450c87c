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

use super::exchange::{Alarm, Exchange, Phase};
use super::framing;
use super::head_refusal::HeadRefusals;
use super::host;
use super::registry::{Activity, Begun, ConnectionRegistry, Place};
use super::request_body::{Progress, TimedBody};
use super::socket::{self, Socket};
use super::upgrade::{Granted, Seat, Upgrade};
use super::{LiveAnswer, ServeSettings};
use crate::base::clock::Clock;
use crate::http::cors::allow_refusal;
use crate::http::problem::{RequestId, respond};
use crate::http::security_headers::protect;
use crate::protocol::problem::{Code, Problem};

/// Bytes that the system takes for a peer beyond what is on its way to it; then the peer is waited for.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

/// What all connections of a listener share.
pub(super) struct Edge<E> {
    pub(super) endpoint: E,
    pub(super) settings: ServeSettings,
    pub(super) clock: Clock,
    pub(super) registry: Arc<ConnectionRegistry>,
    /// Finish what runs and take nothing new.
    pub(super) shutdown: CancellationToken,
    /// End now.
    pub(super) cut: CancellationToken,
}

/// Serves one connection. After an upgrade it returns at once: what HTTP needed is freed, the stream lives on in the
/// task that awaits the [`Upgrade`].
pub(super) async fn run<E>(edge: Arc<Edge<E>>, stream: TcpStream, peer: SocketAddr, place: Place)
where
    E: Endpoint + 'static,
{
    prepare(&stream, edge.settings.write_timeout);
    let Ok(local) = stream.local_addr() else { return };
    let exchange = Arc::new(Exchange::default());
    let arrival = Arrival { peer, local, place: place.clone(), exchange: Arc::clone(&exchange) };
    let told = HeadRefusals { entropy: edge.settings.entropy, origins: edge.settings.origins.clone() };
    let io = TokioIo::new(Socket::new(stream, Arc::clone(&exchange), told));
    let service = service_fn(|request| answer(Arc::clone(&edge), arrival.clone(), request));

    let connection = http1::Builder::new()
        // Time is watched by `Watched`, which follows our clock and tells a stalled head from an idle connection.
        .header_read_timeout(None)
        .max_header_size(edge.settings.header_bytes)
        .serve_connection(io, service)
        .with_upgrades();
    let mut watched = Watched::new(Box::pin(connection), exchange, place, &edge.settings, &edge.clock);

    let place = watched.place.clone();
    let last = tokio::select! {
        // First: a request that has come in time is answered.
        biased;
        end = &mut watched => return tracing::trace!(%peer, ?end, "connection ended"),
        () = place.chosen() => Last::MakesRoom,
        () = edge.shutdown.cancelled() => Last::Drains,
    };
    // A peer that has said nothing yet loses nothing; hyper would wait for its first request. A head that has begun is
    // waited for at shutdown, and is no reason to refuse a newcomer.
    let phase = watched.exchange.phase();
    if phase == Phase::Fresh || (phase == Phase::Head && last == Last::MakesRoom) {
        return;
    }
    if phase == Phase::Idle {
        // Its last request is long over: there is no rest of a body to wait for.
        watched.exchange.leaves_a_body(false);
    }
    watched.connection.as_mut().graceful_shutdown();
    let end = tokio::select! {
        end = &mut watched => end,
        () = edge.cut.cancelled() => End::Cut,
    };
    tracing::trace!(%peer, ?end, ?last, "connection ended");
}

/// Sets what every connection's stream is to be like. One that refuses an option works without it.
fn prepare(stream: &TcpStream, write_timeout: Duration) {
    // Answers and frames are written whole, so waiting for more to send (Nagle) only adds latency.
    let _ = stream.set_nodelay(true);
    socket::expect_acknowledgement(stream, Some(write_timeout));
    // Without it the system takes up to four megabytes for a peer that does not read, outside of every bound of ours,
    // and each frame for such a peer is copied there first.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
}

/// Why a connection takes no further request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// Its place goes to a newcomer.
    MakesRoom,
    /// The server goes down.
    Drains,
}

/// Where a request came in.
#[derive(Clone)]
struct Arrival {
    peer: SocketAddr,
    local: SocketAddr,
    place: Place,
    exchange: Arc<Exchange>,
}

async fn answer<E: Endpoint>(
    edge: Arc<Edge<E>>,
    arrival: Arrival,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answer>, Infallible> {
    let Arrival { peer, local, place, exchange } = arrival;
    exchange.enter(Phase::Busy);
    // Dropped with the future when the peer goes away in mid-request.
    let until = Answered(Arc::clone(&exchange));
    let begun = place.begin();
    if let Err(refusal) = may_be_served(begun, &request, &edge.settings) {
        let had_body = !request.body().is_end_stream();
        exchange.leaves_a_body(had_body);
        return Ok(told(&refusal, request.headers(), &edge.settings, until));
    }
    let granted = Granted::default();
    // Must be taken before poem takes it and hides the stream behind its own type.
    if let Some(promise) = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>() {
        request.extensions_mut().insert(Upgrade::new(promise, Seat::new(place.clone()), granted.clone()));
    }
    let id = RequestId::accept_or_make(request.headers(), edge.settings.entropy);
    let addresses = (LocalAddr(Addr::SocketAddr(local)), RemoteAddr(Addr::SocketAddr(peer)));
    let mut request = Request::from((request, addresses.0, addresses.1, http::uri::Scheme::HTTP));
    let progress = time_body(&mut request, &edge.settings, &edge.clock);
    let asked = origin_fields(request.headers());

    let mut response = edge.endpoint.get_response(request).await;
    if is_live(&response) && !place.go_live() {
        response = refusal(&no_room_for_live(), &id);
        allow_pages(&edge.settings, &asked, response.headers_mut());
        // Whatever waits for the raw stream hears of the refusal when the connection ends.
        response.headers_mut().insert(header::CONNECTION, CLOSE);
    }
    granted.say(response.status() == StatusCode::SWITCHING_PROTOCOLS);
    exchange.leaves_a_body(progress.is_some_and(|progress| !progress.has_ended()));
    if begun == Begun::Reserved {
        response.headers_mut().insert(header::CONNECTION, CLOSE);
    }
    let response: hyper::Response<BoxBody<Bytes, io::Error>> = response.into();
    Ok(response.map(|body| Answer { body, _until: until }))
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether a request gets as far as the endpoint.
fn may_be_served(
    begun: Begun,
    request: &hyper::Request<Incoming>,
    settings: &ServeSettings,
) -> Result<(), Problem> {
    let (method, path) = (request.method(), request.uri().path());
    let is_probe = matches!(*method, Method::GET | Method::HEAD) && settings.probes.contains(&path);
    match begun {
        Begun::Reserved if !is_probe => {
            let words = "The server has as many connections as it can take; try again later.";
            return Err(Problem::new(Code::Unavailable, words).retry_after(1));
        }
        Begun::TooMany => {
            let words = "Your address has as many requests in progress as it may have; try again later.";
            return Err(Problem::new(Code::Unavailable, words).retry_after(1));
        }
        Begun::Reserved | Begun::Served => {}
    }
    host::check(request.version(), request.uri(), request.headers())?;
    framing::check(request.headers())
}

fn no_room_for_live() -> Problem {
    let words = "The server has as many sockets and streams as it can take; try again later.";
    Problem::new(Code::Unavailable, words).retry_after(5)
}

/// Whether the connection is a socket or a stream from here on.
fn is_live(response: &Response) -> bool {
    response.data::<LiveAnswer>().is_some()
}

/// The refusal of a request that no route has seen. The connection ends with it: what made the server refuse it may be
/// true of the next request too.
fn told(
    problem: &Problem,
    headers: &HeaderMap,
    settings: &ServeSettings,
    until: Answered,
) -> hyper::Response<Answer> {
    let mut response = refusal(problem, &RequestId::accept_or_make(headers, settings.entropy));
    allow_pages(settings, headers, response.headers_mut());
    response.headers_mut().insert(header::CONNECTION, CLOSE);
    let response: hyper::Response<BoxBody<Bytes, io::Error>> = response.into();
    response.map(|body| Answer { body, _until: until })
}

/// The fields by which a page's origin is judged; a request without an origin has none to copy.
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
fn allow_pages(settings: &ServeSettings, asked: &HeaderMap, headers: &mut HeaderMap) {
    if let Some(origins) = &settings.origins {
        allow_refusal(origins, asked, headers);
    }
}

/// A refusal that no layer of the router adds its fields to.
fn refusal(problem: &Problem, id: &RequestId) -> Response {
    let mut response = respond(problem, id.as_str());
    protect(response.headers_mut());
    // Visible ASCII is always a header value.
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, id);
    }
    response
}

/// Puts limits on the time of a request's body. None: it has none.
fn time_body(request: &mut Request, settings: &ServeSettings, clock: &Clock) -> Option<Progress> {
    let body = request.take_body();
    if body.is_empty() {
        return None;
    }
    let progress = Progress::default();
    let timed = TimedBody::new(body.into(), progress.clone(), settings.body_timeout, clock.clone());
    request.set_data(progress.clone());
    request.set_body(poem::Body::from(BoxBody::new(timed)));
    Some(progress)
}

/// An answer's body; the exchange is over when it is dropped.
struct Answer {
    body: BoxBody<Bytes, io::Error>,
    _until: Answered,
}

struct Answered(Arc<Exchange>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.enter(Phase::Idle);
    }
}

impl Body for Answer {
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
enum End {
    /// By the peer, by HTTP's own rules, or by an upgrade.
    Closed,
    /// A request's head was not complete in time.
    HeadTimeout,
    /// The next request did not come in time.
    IdleTimeout,
    /// The peer left our bytes unread.
    WriteTimeout,
    /// The drain's deadline passed.
    Cut,
}

/// A connection under the limits on time. Dropping it closes the stream.
struct Watched<C> {
    connection: Pin<Box<C>>,
    exchange: Arc<Exchange>,
    place: Place,
    settings: ServeSettings,
    reading: Alarm,
    writing: Alarm,
}

impl<C> Watched<C> {
    fn new(
        connection: Pin<Box<C>>,
        exchange: Arc<Exchange>,
        place: Place,
        settings: &ServeSettings,
        clock: &Clock,
    ) -> Self {
        Self {
            connection,
            exchange,
            place,
            settings: settings.clone(),
            reading: Alarm::new(clock.clone()),
            writing: Alarm::new(clock.clone()),
        }
    }

    /// What the connection does after this poll. An answer of which bytes are not taken yet is still being given.
    fn activity(&self) -> Activity {
        match self.exchange.phase() {
            Phase::Head => Activity::Head,
            Phase::Fresh => Activity::Idle,
            Phase::Idle if !self.exchange.is_write_blocked() => Activity::Idle,
            Phase::Idle | Phase::Busy => Activity::Request,
        }
    }

    /// Asked after the connection has been polled, so that what it did in this poll counts.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let (span, end) = match self.exchange.phase() {
            Phase::Fresh | Phase::Head => (Some(self.settings.header_timeout), End::HeadTimeout),
            Phase::Idle => (Some(self.settings.keep_alive), End::IdleTimeout),
            Phase::Busy => (None, End::Closed),
        };
        if self.reading.poll(self.exchange.turn(), span, cx).is_ready() {
            return Poll::Ready(end);
        }
        let span = self.exchange.is_write_blocked().then_some(self.settings.write_timeout);
        self.writing.poll(self.exchange.writes(), span, cx).map(|()| End::WriteTimeout)
    }
}

impl<C> Future for Watched<C>
where
    C: Future<Output = hyper::Result<()>>,
{
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        if self.connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Closed);
        }
        self.place.note(self.activity());
        self.poll_limits(cx)
    }
}
