//! A site on loopback with pages from a test: each path has a body, all other paths are not found.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

type Pages = Arc<BTreeMap<&'static str, Vec<u8>>>;

pub(super) struct Site {
    pub(super) address: SocketAddr,
    asked: watch::Receiver<Vec<String>>,
}

impl Site {
    pub(super) async fn open(pages: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages: Pages = Arc::new(pages.into_iter().collect());
        let (note, asked) = watch::channel(Vec::new());
        let (note, tasks) = (Arc::new(note), TaskTracker::new());
        let visitors = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                visitors.spawn(visit(stream, Arc::clone(&pages), Arc::clone(&note)));
            }
        });
        Self { address, asked }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until this path has been requested.
    pub(super) async fn wait_for_request(&self, path: &str) {
        self.asked.clone().wait_for(|paths| paths.iter().any(|asked| asked == path)).await.unwrap();
    }

    pub(super) fn requested_paths(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

/// One request per connection: the crawler may be killed at any moment.
async fn visit(mut stream: TcpStream, pages: Pages, note: Arc<watch::Sender<Vec<String>>>) {
    let (mut head, mut buffer) = (Vec::new(), [0; 2048]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, body) = pages.get(path).map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
    let length = body.len();
    // RFC 1952: gzip begins with these bytes.
    let coding = if body.starts_with(&[0x1f, 0x8b]) { "content-encoding: gzip\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\n{coding}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    note.send_modify(|asked| asked.push(path.to_owned()));
    if stream.write_all(head.as_bytes()).await.is_ok() {
        let _ = stream.write_all(body).await;
    }
}
