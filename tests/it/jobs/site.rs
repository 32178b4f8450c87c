//! A web site on loopback with answers from the test; it records the requests.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::support::wait::sleep_briefly;

/// The answer at a path.
pub enum Reply {
    Page(String),
    /// A page with an entity tag: a request that names the tag is answered 304.
    Tagged {
        html: String,
        etag: &'static str,
    },
    Robots(String),
    NotFound,
    /// No answer at all.
    Silence,
}

type Pages = dyn Fn(&str) -> Reply + Send + Sync;

/// A running site; it stops when it is dropped.
pub struct Site {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
}

impl Site {
    pub async fn open(pages: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::open_at("127.0.0.1:0", pages).await
    }

    /// The same at a given address.
    pub async fn open_at(address: &str, pages: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stop) = (Arc::default(), CancellationToken::new());
        let serving = serve(listener, Arc::new(pages), Arc::clone(&asked));
        let stopped = stop.clone();
        TaskTracker::new().spawn(async move { stopped.run_until_cancelled(serving).await });
        Self { address, asked, _stop: stop.drop_guard() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requested paths, in order.
    pub fn requested_paths(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    pub fn count(&self, path: &str) -> usize {
        self.asked.lock().iter().filter(|asked| *asked == path).count()
    }

    /// Waits until a path was requested this often.
    pub async fn wait_for_requests(&self, path: &str, count: usize) {
        while self.count(path) < count {
            sleep_briefly().await;
        }
    }
}

async fn serve(listener: TcpListener, pages: Arc<Pages>, asked: Arc<Mutex<Vec<String>>>) {
    let visitors = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        visitors.spawn(visit(stream, Arc::clone(&pages), Arc::clone(&asked)));
    }
}

async fn visit(mut stream: TcpStream, pages: Arc<Pages>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = pages(&path);
    asked.lock().push(path);
    let (status, kind, body) = match reply {
        Reply::Page(html) => (200, "text/html", html),
        Reply::Tagged { html, etag } => {
            let named = format!("if-none-match: {etag}\r\n").to_ascii_lowercase();
            let is_named = head.to_ascii_lowercase().contains(&named);
            let answer = if is_named { not_modified(etag) } else { tagged(etag, &html) };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
            return;
        }
        Reply::Robots(text) => (200, "text/plain", text),
        Reply::NotFound => (404, "text/plain", String::new()),
        Reply::Silence => {
            let _ = stream.read(&mut [0]).await;
            return;
        }
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    // The crawler may be killed at any moment.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn not_modified(etag: &str) -> String {
    format!("HTTP/1.1 304 X\r\nconnection: close\r\netag: {etag}\r\n\r\n")
}

fn tagged(etag: &str, html: &str) -> String {
    let length = html.len();
    format!(
        "HTTP/1.1 200 X\r\nconnection: close\r\netag: {etag}\r\ncontent-type: text/html\r\n\
         content-length: {length}\r\n\r\n{html}"
    )
}

/// A page with one listing and these links.
pub fn home(key: &str, links: &[String]) -> Reply {
    let links: String = links.iter().map(|link| format!("<a href={link}>{link}</a>")).collect();
    Reply::Page(format!(
        r#"{links}<script type="application/ld+json">{{"@type": "House", "name": "Home {key}", "identifier": "{key}",
            "numberOfBedrooms": 3, "address": {{"addressLocality": "Sacramento", "streetAddress": "{key} Oak St"}},
            "offers": {{"@type": "Offer", "price": 100000, "priceCurrency": "USD"}}}}</script>"#
    ))
}
