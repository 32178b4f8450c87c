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
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::ServeSettings;
use super::exchange::{Alarm, Exchange, Phase};
use super::request_body::{Progress, TimedBody};
use super::socket::{self, Socket};
use super::upgrade::{Seat, Upgrade};
use crate::base::clock::Clock;

/// Bytes that the system takes for a peer beyond what is on its way to it; then the peer is waited for.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

/// What all connections of a listener share.
pub(super) struct Edge<E> {
    pub(super) endpoint: E,
    pub(super) settings: ServeSettings,
    pub(super) clock: Clock,
    /// Finish what runs and take nothing new.
    pub(super) shutdown: CancellationToken,
    /// End now.
    pub(super) cut: CancellationToken,
}

/// Serves one connection. After an upgrade it returns at once: what HTTP needed is freed, the stream lives on in the
/// task that awaits the [`Upgrade`].
pub(super) async fn run<E>(edge: Arc<Edge<E>>, stream: TcpStream, peer: SocketAddr, seat: Seat)
where
    E: Endpoint + 'static,
{
    prepare(&stream, edge.settings.write_timeout);
    let Ok(local) = stream.local_addr() else { return };
    let exchange = Arc::new(Exchange::default());
    let place = Place { peer, local, seat, exchange: Arc::clone(&exchange) };
    let io = TokioIo::new(Socket::new(stream, Arc::clone(&exchange), edge.settings.entropy));
    let service = service_fn(|request| answer(Arc::clone(&edge), place.clone(), request));

    let connection = http1::Builder::new()
        // Time is watched by `Watched`, which follows our clock and tells a stalled head from an idle connection.
        .header_read_timeout(None)
        .max_header_size(edge.settings.header_bytes)
        .serve_connection(io, service)
        .with_upgrades();
    let mut watched = Watched::new(Box::pin(connection), exchange, &edge.settings, &edge.clock);

    let end = tokio::select! {
        end = &mut watched => end,
        () = edge.shutdown.cancelled() => {
            // A peer that has said nothing yet loses nothing; hyper would wait for its first request.
            if watched.exchange.phase() == Phase::Fresh {
                return;
            }
            watched.connection.as_mut().graceful_shutdown();
            tokio::select! {
                end = &mut watched => end,
                () = edge.cut.cancelled() => End::Cut,
            }
        }
    };
    tracing::trace!(%peer, ?end, "connection ended");
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

/// Where a request came in.
#[derive(Clone)]
struct Place {
    peer: SocketAddr,
    local: SocketAddr,
    seat: Seat,
    exchange: Arc<Exchange>,
}

async fn answer<E: Endpoint>(
    edge: Arc<Edge<E>>,
    place: Place,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answer>, Infallible> {
    place.exchange.enter(Phase::Busy);
    // Dropped with the future when the peer goes away in mid-request.
    let until = Answered(place.exchange);
    // Must be taken before poem takes it and hides the stream behind its own type.
    if let Some(promise) = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>() {
        request.extensions_mut().insert(Upgrade::new(promise, place.seat));
    }
    let local = LocalAddr(Addr::SocketAddr(place.local));
    let remote = RemoteAddr(Addr::SocketAddr(place.peer));
    let mut request = Request::from((request, local, remote, http::uri::Scheme::HTTP));
    time_body(&mut request, &edge.settings, &edge.clock);

    let response: hyper::Response<BoxBody<Bytes, io::Error>> =
        edge.endpoint.get_response(request).await.into();
    Ok(response.map(|body| Answer { body, _until: until }))
}

fn time_body(request: &mut Request, settings: &ServeSettings, clock: &Clock) {
    let body = request.take_body();
    if body.is_empty() {
        return;
    }
    let progress = Progress::default();
    let timed = TimedBody::new(body.into(), progress.clone(), settings.body_timeout, clock.clone());
    request.set_data(progress);
    request.set_body(poem::Body::from(BoxBody::new(timed)));
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
    settings: ServeSettings,
    reading: Alarm,
    writing: Alarm,
}

impl<C> Watched<C> {
    fn new(
        connection: Pin<Box<C>>,
        exchange: Arc<Exchange>,
        settings: &ServeSettings,
        clock: &Clock,
    ) -> Self {
        Self {
            connection,
            exchange,
            settings: settings.clone(),
            reading: Alarm::new(clock.clone()),
            writing: Alarm::new(clock.clone()),
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
        self.poll_limits(cx)
    }
}
