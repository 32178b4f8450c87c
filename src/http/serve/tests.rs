//! The accept loop on real sockets, with a clock that the test moves.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use poem::endpoint::make;
use poem::http::StatusCode;
use poem::{Body, Endpoint, EndpointExt, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::Accept;
use super::server::serve_from;
use super::settings::PLAIN_DESCRIPTORS;
use super::*;
use crate::base::clock::Clock;

/// Everything that a test waits for must happen within this time of the wall clock.
const DEADLINE: Duration = Duration::from_secs(20);

async fn within_deadline<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, wait).await.expect("it happens soon")
}

fn clock() -> Clock {
    Clock::manual("2026-01-01T00:00:00Z".parse().unwrap())
}

struct Server {
    address: SocketAddr,
    clock: Clock,
    shutdown: CancellationToken,
    done: JoinHandle<Drained>,
}

impl Server {
    fn start(endpoint: impl Endpoint + 'static) -> Self {
        Self::with(endpoint, ServeSettings::default())
    }

    fn with(endpoint: impl Endpoint + 'static, settings: ServeSettings) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let (clock, shutdown) = (clock(), CancellationToken::new());
        let served = serve(listener, endpoint, settings, clock.clone(), shutdown.clone());
        Self { address, clock, shutdown, done: TaskTracker::new().spawn(served) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn drained(self) -> Drained {
        self.shutdown.cancel();
        within_deadline(self.done).await.unwrap()
    }

    /// Moves the clock a second at a time, with the server running in between, until the peer is closed. The server's
    /// own tasks arm their timers at moments that a test cannot see, so one large step could come before a timer.
    async fn seconds_until_closed(&self, peer: &mut TcpStream) -> u64 {
        let closed = async {
            let mut sink = Vec::new();
            // A reset is a close too.
            let _ = peer.read_to_end(&mut sink).await;
        };
        tokio::pin!(closed);
        for second in 0..600 {
            if tokio::time::timeout(Duration::from_millis(20), &mut closed).await.is_ok() {
                return second;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        unreachable!("the connection is closed within ten minutes")
    }
}

fn hello() -> impl Endpoint + 'static {
    make(|request: Request| async move { format!("hello from {}.", request.remote_addr()) })
}

async fn read_until(peer: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let read = async {
        while !text.ends_with(end.as_bytes()) {
            text.push(peer.read_u8().await.expect("more is coming"));
        }
    };
    within_deadline(read).await;
    String::from_utf8(text).unwrap()
}

async fn expect_hello(peer: &mut TcpStream) {
    let own = peer.local_addr().unwrap();
    let answer = read_until(peer, &format!("{own}.")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let server = Server::start(hello());
    let mut peer = server.connect().await;
    let own = peer.local_addr().unwrap();

    peer.write_all(GET).await.unwrap();
    let answer = read_until(&mut peer, &format!("hello from socket://{own}.")).await;

    assert!(answer.starts_with("HTTP/1.1 200"));
    assert_eq!(server.drained().await, Drained { aborted: 0 });
}

#[tokio::test]
async fn a_head_that_stalls_is_closed_at_its_deadline_however_it_trickles() {
    let server = Server::start(hello());
    let mut peer = server.connect().await;
    peer.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();

    // Bytes that keep coming do not extend the time.
    let mut trickled = 0;
    while trickled < 60 && peer.write_all(b"a").await.is_ok() {
        tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await.unwrap_err();
        server.clock.advance(Duration::from_secs(1));
        trickled += 1;
    }

    assert!((9..=14).contains(&trickled), "closed after {trickled} s, allowed are 10");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Server::start(hello());
    let mut peer = server.connect().await;

    let seconds = server.seconds_until_closed(&mut peer).await;

    assert!((9..=12).contains(&seconds), "closed after {seconds} s, allowed are 10");
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_its_next_request_and_then_closed() {
    let server = Server::start(hello());
    let mut peer = server.connect().await;
    for _ in 0..2 {
        peer.write_all(GET).await.unwrap();
        expect_hello(&mut peer).await;
    }

    let seconds = server.seconds_until_closed(&mut peer).await;

    assert!((74..=77).contains(&seconds), "closed after {seconds} s, allowed are 75");
}

#[tokio::test]
async fn a_slow_handler_is_not_idle() {
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let server = Server::start(make(move |_| {
        let wait = Arc::clone(&wait);
        async move {
            wait.notified().await;
            "late"
        }
    }));
    let mut peer = server.connect().await;
    peer.write_all(GET).await.unwrap();

    for _ in 0..300 {
        tokio::task::yield_now().await;
        server.clock.advance(Duration::from_secs(1));
    }
    go.notify_one();

    assert!(read_until(&mut peer, "late").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_stalled_body_fails_in_the_handler() {
    let server = Server::start(make(|mut request: Request| async move {
        match request.take_body().into_bytes().await {
            Ok(_) => "whole".to_owned(),
            Err(error) => format!("failed: {error}."),
        }
    }));
    let mut peer = server.connect().await;
    peer.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc").await.unwrap();

    let moving = async {
        loop {
            tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await.unwrap_err();
            server.clock.advance(Duration::from_secs(1));
        }
    };
    let answer = tokio::select! {
        () = moving => unreachable!(),
        answer = read_until(&mut peer, "seconds.") => answer,
    };

    assert!(answer.contains("stood still for 30 seconds"), "{answer}");
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_answer_is_cut() {
    let server = Server::start(make(|_| async {
        let piece = || Ok::<_, io::Error>(bytes::Bytes::from_static(&[b'x'; 65536]));
        Response::builder().body(Body::from_bytes_stream(futures_util::stream::repeat_with(piece)))
    }));
    let mut peer = server.connect().await;
    peer.write_all(GET).await.unwrap();

    // What the kernel has buffered arrives, and then the end.
    for _ in 0..60 {
        tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
        server.clock.advance(Duration::from_secs(1));
    }
    let limit = 64 * 1024 * 1024;
    let mut buffered = Vec::new();
    let _ = within_deadline(peer.take(limit).read_to_end(&mut buffered)).await;

    assert!((buffered.len() as u64) < limit, "the stream goes on");
    assert_eq!(server.drained().await, Drained { aborted: 0 });
}

/// A listener of a machine that has no descriptors left.
struct Exhausted {
    attempts: Arc<AtomicUsize>,
}

impl Accept for Exhausted {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        Err(io::Error::from_raw_os_error(24))
    }
}

#[tokio::test]
async fn exhausted_descriptors_do_not_make_the_loop_spin() {
    let (clock, shutdown) = (clock(), CancellationToken::new());
    let attempts = Arc::new(AtomicUsize::new(0));
    let source = Exhausted { attempts: Arc::clone(&attempts) };
    let served = serve_from(source, hello(), ServeSettings::default(), clock.clone(), shutdown.clone());
    let done = TaskTracker::new().spawn(served);

    for _ in 0..100 {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(100));
    }
    shutdown.cancel();
    within_deadline(done).await.unwrap();

    // Ten seconds: some quick tries, then one a second.
    let attempts = attempts.load(Ordering::SeqCst);
    assert!((5..=20).contains(&attempts), "{attempts} attempts in ten seconds");
}

fn small(max_connections: usize, reserved: usize) -> ServeSettings {
    ServeSettings { max_connections, reserved, probes: &["/livez"], ..ServeSettings::default() }
}

async fn is_ended(peer: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(within_deadline(peer.read(&mut byte)).await, Ok(0) | Err(_))
}

/// Signals that it was called, and answers when `go` is notified.
fn slow(running: &Arc<Notify>, go: &Arc<Notify>) -> impl Endpoint + 'static {
    let (reported, wait) = (Arc::clone(running), Arc::clone(go));
    make(move |request: Request| {
        let (reported, wait) = (Arc::clone(&reported), Arc::clone(&wait));
        async move {
            if request.uri().path() == "/slow" {
                reported.notify_one();
                wait.notified().await;
            }
            "done"
        }
    })
}

#[tokio::test]
async fn a_full_server_evicts_its_longest_idle_connection_for_a_new_one() {
    let server = Server::with(hello(), small(2, 0));
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for peer in [&mut first, &mut second] {
        peer.write_all(GET).await.unwrap();
        expect_hello(peer).await;
    }
    first.write_all(GET).await.unwrap();
    expect_hello(&mut first).await;

    let mut newcomer = server.connect().await;
    newcomer.write_all(GET).await.unwrap();
    expect_hello(&mut newcomer).await;

    assert!(is_ended(&mut second).await);
    first.write_all(GET).await.unwrap();
    expect_hello(&mut first).await;
}

#[tokio::test]
async fn a_request_in_progress_is_never_evicted_and_probes_are_still_answered() {
    let (running, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::with(slow(&running, &go), small(2, 2));
    let mut busy = [server.connect().await, server.connect().await];
    for peer in &mut busy {
        peer.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        within_deadline(running.notified()).await;
    }

    for _ in 0..5 {
        let mut probe = server.connect().await;
        probe.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        within_deadline(probe.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        let mut other = server.connect().await;
        other.write_all(GET).await.unwrap();
        let mut refusal = String::new();
        within_deadline(other.read_to_string(&mut refusal)).await.unwrap();
        assert!(refusal.starts_with("HTTP/1.1 503") && refusal.contains("retry-after: 1"), "{refusal}");
        assert!(refusal.contains("x-content-type-options: nosniff"), "{refusal}");
    }

    for peer in &mut busy {
        go.notify_one();
        assert!(read_until(peer, "done").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn stalled_reserve_connections_are_evicted_for_a_probe() {
    let (running, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::with(slow(&running, &go), small(1, 2));
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    within_deadline(running.notified()).await;
    let mut stalled = Vec::new();
    for bytes in [&b""[..], b"GET / HT", b"", b"G"] {
        let mut peer = server.connect().await;
        peer.write_all(bytes).await.unwrap();
        stalled.push(peer);
    }

    let mut probe = server.connect().await;
    probe.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();

    assert!(read_until(&mut probe, "done").await.starts_with("HTTP/1.1 200"));
    assert!(is_ended(&mut stalled[0]).await && is_ended(&mut stalled[1]).await);
}

/// A listener that reports remote addresses for its peers.
struct Elsewhere {
    listener: Listener,
    peers: std::collections::VecDeque<std::net::IpAddr>,
}

impl Accept for Elsewhere {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.listener.accept().await?;
        let seeming = self.peers.pop_front().expect("a peer for each connection");
        Ok((stream, SocketAddr::new(seeming, peer.port())))
    }
}

#[tokio::test]
async fn an_address_that_fills_the_server_does_not_lock_out_others() {
    let (attacker, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let peers = std::iter::repeat_n(attacker, 8).chain(std::iter::repeat_n(other, 4)).collect();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, shutdown) = (listener.local_addr(), CancellationToken::new());
    let served = serve_from(Elsewhere { listener, peers }, hello(), small(8, 1), clock(), shutdown.clone());
    TaskTracker::new().spawn(served);
    let mut held = Vec::new();
    for number in 0..8 {
        let mut peer = TcpStream::connect(address).await.unwrap();
        // Answered and idle, in the middle of a head, and before the first byte.
        peer.write_all([GET, b"GET / HTTP/1.1\r\nX", b""][number % 3]).await.unwrap();
        if number % 3 == 0 {
            let end = format!("{}.", peer.local_addr().unwrap().port());
            read_until(&mut peer, &end).await;
        }
        held.push(peer);
    }

    for _ in 0..4 {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(GET).await.unwrap();
        let end = format!("{}.", peer.local_addr().unwrap().port());
        assert!(read_until(&mut peer, &end).await.starts_with("HTTP/1.1 200"));
        held.push(peer);
    }
    shutdown.cancel();
}

#[tokio::test]
async fn a_drain_closes_idle_connections_and_lets_a_running_request_finish() {
    let (running, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (reported, wait) = (Arc::clone(&running), Arc::clone(&go));
    let server = Server::start(make(move |request: Request| {
        let (reported, wait) = (Arc::clone(&reported), Arc::clone(&wait));
        async move {
            if request.uri().path() == "/slow" {
                reported.notify_one();
                wait.notified().await;
            }
            "done"
        }
    }));
    let (mut fresh, mut idle, mut busy) =
        (server.connect().await, server.connect().await, server.connect().await);
    idle.write_all(GET).await.unwrap();
    read_until(&mut idle, "done").await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    within_deadline(running.notified()).await;

    server.shutdown.cancel();

    let mut nothing = Vec::new();
    within_deadline(idle.read_to_end(&mut nothing)).await.unwrap();
    within_deadline(fresh.read_to_end(&mut nothing)).await.unwrap();
    assert!(nothing.is_empty());
    assert!(TcpStream::connect(server.address).await.is_err(), "no new connections");
    go.notify_one();
    let mut rest = String::new();
    within_deadline(busy.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.ends_with("done"), "{rest}");
    assert_eq!(server.drained().await, Drained { aborted: 0 });
}

#[tokio::test]
async fn a_drain_aborts_busy_connections_at_the_deadline() {
    let running = Arc::new(Notify::new());
    let reported = Arc::clone(&running);
    let server = Server::start(make(move |_| {
        let reported = Arc::clone(&reported);
        async move {
            reported.notify_one();
            std::future::pending::<()>().await;
        }
    }));
    let mut peer = server.connect().await;
    peer.write_all(GET).await.unwrap();
    within_deadline(running.notified()).await;

    server.shutdown.cancel();
    let moving = async {
        loop {
            tokio::task::yield_now().await;
            server.clock.advance(Duration::from_secs(1));
        }
    };
    let drained = tokio::select! {
        () = moving => unreachable!(),
        drained = within_deadline(server.done) => drained.unwrap(),
    };

    assert_eq!(drained, Drained { aborted: 1 });
}

#[tokio::test]
async fn an_upgrade_yields_the_raw_stream_with_the_bytes_that_came_early() {
    let sockets = TaskTracker::new();
    let tracker = sockets.clone();
    let server = Server::start(make(move |request: Request| {
        let tracker = tracker.clone();
        async move {
            let upgrade = Upgrade::of(&request).expect("the request asks for an upgrade");
            tracker.spawn(async move {
                let Upgraded { mut stream, read_buf, permit: _seat } = upgrade.upgraded().await.unwrap();
                stream.write_all(&read_buf).await.unwrap();
                let mut more = [0; 4];
                stream.read_exact(&mut more).await.unwrap();
                stream.write_all(&more).await.unwrap();
            });
            Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header("connection", "upgrade")
                .header("upgrade", "echo")
                .finish()
        }
    }));
    let mut peer = server.connect().await;

    let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly!";
    peer.write_all(request).await.unwrap();
    let head = read_until(&mut peer, "early!").await;
    // The HTTP side is gone by now, so that a drain has nothing to wait for.
    assert!(head.starts_with("HTTP/1.1 101"));
    assert_eq!(server.drained().await, Drained { aborted: 0 });
    peer.write_all(b"late").await.unwrap();

    assert_eq!(read_until(&mut peer, "late").await, "late");
    sockets.close();
    within_deadline(sockets.wait()).await;
}

#[tokio::test]
async fn sockets_and_streams_have_their_own_connection_limit() {
    let (sockets, go) = (TaskTracker::new(), Arc::new(Notify::new()));
    let (tracker, wait) = (sockets.clone(), Arc::clone(&go));
    let endpoint = make(move |request: Request| {
        let (tracker, wait) = (tracker.clone(), Arc::clone(&wait));
        async move {
            let Some(upgrade) = Upgrade::of(&request) else { return Response::from("plain") };
            tracker.spawn(async move {
                let Ok(_upgraded) = upgrade.upgraded().await else { return };
                wait.notified().await;
            });
            let mut answer =
                Response::builder().status(StatusCode::SWITCHING_PROTOCOLS).header("upgrade", "x").finish();
            answer.set_data(LiveResponse);
            answer
        }
    });
    let server = Server::with(endpoint, small(1, 0));
    let upgrading = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let mut socket = server.connect().await;
    socket.write_all(upgrading).await.unwrap();
    assert!(read_until(&mut socket, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));

    let mut plain = server.connect().await;
    plain.write_all(GET).await.unwrap();
    assert!(read_until(&mut plain, "plain").await.starts_with("HTTP/1.1 200"));
    let mut second = server.connect().await;
    second.write_all(upgrading).await.unwrap();
    assert!(read_until(&mut second, "\r\n\r\n").await.starts_with("HTTP/1.1 503"));
    go.notify_one();
    sockets.close();
    within_deadline(sockets.wait()).await;

    let mut third = server.connect().await;
    third.write_all(upgrading).await.unwrap();
    assert!(read_until(&mut third, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));
}

/// An endless answer in the form of a stream.
fn event_stream() -> Response {
    let body = Body::from_bytes_stream(futures_util::stream::pending::<io::Result<bytes::Bytes>>());
    Response::builder().content_type("text/event-stream").body(body)
}

#[tokio::test]
async fn only_a_live_response_counts_against_the_live_limit() {
    let endpoint = make(|request: Request| async move {
        let mut answer = event_stream();
        if request.uri().path() == "/seated" {
            answer.set_data(LiveResponse);
        }
        answer
    });
    // Four plain connections; the descriptors leave one for sockets and streams.
    let settings = ServeSettings { descriptors: PLAIN_DESCRIPTORS + 1, ..small(4, 0) };
    assert_eq!(settings.max_live_connections(), 1);
    let server = Server::with(endpoint, settings);
    let ask = async |path: &str| {
        let mut peer = server.connect().await;
        peer.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let head = read_until(&mut peer, "\r\n\r\n").await;
        (peer, head)
    };
    let (refused, seated) = ("/refused", "/seated");

    let _open = [ask(refused).await, ask(refused).await];
    let first = ask(seated).await;
    let second = ask(seated).await;

    assert!(first.1.starts_with("HTTP/1.1 200"), "{}", first.1);
    assert!(second.1.starts_with("HTTP/1.1 503"), "{}", second.1);
}

#[tokio::test]
async fn a_refusal_before_a_body_is_read_reaches_a_peer_that_goes_on_sending() {
    let server = Server::start(make(|_| async { StatusCode::UNAUTHORIZED }));
    let mut peer = server.connect().await;
    peer.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();

    let answer = read_until(&mut peer, "\r\n\r\n").await;
    for _ in 0..3 {
        peer.write_all(&[b'x'; 50_000]).await.unwrap();
    }

    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(is_ended(&mut peer).await);
}

#[tokio::test]
async fn a_request_that_is_not_answered_in_time_is_refused() {
    let clock = clock();
    let limit = TimeLimit { clock: clock.clone(), span: Duration::from_secs(60) };
    let never = make(|_| async {
        std::future::pending::<()>().await;
    })
    .with(limit);

    let moving = async {
        loop {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        }
    };
    let answer = tokio::select! {
        () = moving => unreachable!(),
        answer = within_deadline(never.get_response(Request::default())) => answer,
    };

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_large_upload_that_keeps_coming_is_not_cut_by_the_time_limit() {
    let piece = vec![b'x'; 64 * 1024];
    let clock = clock();
    let limit = TimeLimit { clock: clock.clone(), span: Duration::from_secs(60) };
    let read = Arc::new(Notify::new());
    let reported = Arc::clone(&read);
    let upload = make(move |mut request: Request| {
        let reported = Arc::clone(&reported);
        async move {
            let mut pieces = std::pin::pin!(request.take_body().into_bytes_stream());
            let mut bytes = 0;
            while let Some(Ok(piece)) = futures_util::StreamExt::next(&mut pieces).await {
                bytes += piece.len();
                if bytes % (64 * 1024) == 0 {
                    reported.notify_one();
                }
            }
            format!("read {bytes}.")
        }
    });
    let settings = ServeSettings { body_timeout: Duration::from_secs(100), ..ServeSettings::default() };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr();
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(serve(listener, upload.with(limit), settings, clock.clone(), stop.clone()));
    let mut peer = TcpStream::connect(address).await.unwrap();
    let length = piece.len() * 5;
    peer.write_all(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").as_bytes())
        .await
        .unwrap();

    // Five pieces, fifty seconds apart.
    for _ in 0..5 {
        clock.advance(Duration::from_secs(50));
        peer.write_all(&piece).await.unwrap();
        within_deadline(read.notified()).await;
    }

    assert!(read_until(&mut peer, &format!("read {length}.")).await.starts_with("HTTP/1.1 200"));
    stop.cancel();
}

#[tokio::test]
async fn an_occupied_port_is_one_clear_error() {
    let first = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();

    let error = Listener::bind(first.local_addr()).unwrap_err();

    assert!(matches!(error, BindError::InUse(_)));
    assert!(error.to_string().contains("the port is in use by another process"));
}
