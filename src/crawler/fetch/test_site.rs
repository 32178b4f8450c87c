//! A web site on loopback for tests: each connection gets one scripted answer, byte for byte.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Answers a request line and head with raw bytes; `None` keeps the connection open and silent.
type Handler = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// A running site; it stops when dropped.
pub(crate) struct TestSite {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
}

impl TestSite {
    /// Serves `answer(head)` where the head is the request as it came.
    pub(crate) async fn serve(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::serve_at("127.0.0.1".parse().unwrap(), answer).await
    }

    pub(crate) async fn serve_at(
        host: IpAddr,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let serving = accept_loop(listener, Arc::new(answer), requests.clone());
        let stopped = stop.clone();
        TaskTracker::new().spawn(async move { stopped.run_until_cancelled(serving).await });
        Self { address, requests, _stop: stop.drop_guard() }
    }

    /// An absolute URL on this site.
    pub(crate) fn url(&self, path: &str) -> url::Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

async fn accept_loop(listener: TcpListener, answer: Arc<Handler>, requests: Arc<Mutex<Vec<String>>>) {
    let connections = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(handle_connection(stream, answer.clone(), requests.clone()));
    }
}

async fn handle_connection(mut stream: TcpStream, answer: Arc<Handler>, requests: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let reply = answer(&head);
    requests.lock().push(head);
    match reply {
        Some(bytes) => {
            // The peer may hang up early: that is what the size tests are about.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        // Silent until the peer gives up.
        None => {
            let _ = stream.read(&mut [0]).await;
        }
    }
}

/// An answer with a length and `Connection: close`; `headers` are whole lines without their ends.
pub(crate) fn http_response(status: u16, headers: &[&str], body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for line in headers {
        bytes.push_str(line);
        bytes.push_str("\r\n");
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    Some(bytes)
}

/// A page of HTML.
pub(crate) fn html_page(body: &str) -> Option<Vec<u8>> {
    http_response(200, &["Content-Type: text/html; charset=utf-8"], body.as_bytes())
}
