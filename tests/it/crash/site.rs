//! A listings site on loopback: per round an index in pages of twenty and a page for each home, with a few
//! milliseconds of latency.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lotline::base::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

const PER_LIST: usize = 20;
const LATENCY: Duration = Duration::from_millis(3);

pub struct Site {
    /// A port per round. The crawler visits a host's known pages again; with its own port each round's site is a new
    /// host.
    addresses: Vec<SocketAddr>,
    asked: watch::Receiver<u64>,
}

impl Site {
    /// Opens the sites of all rounds on free ports; they stay open for the whole test.
    pub async fn open(homes: usize, rounds: u64) -> Self {
        let (count, asked) = watch::channel(0);
        let count = Arc::new(count);
        let tasks = TaskTracker::new();
        let mut addresses = Vec::new();
        for _ in 0..rounds {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let (visitors, count) = (tasks.clone(), Arc::clone(&count));
            tasks.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    visitors.spawn(visit(stream, homes, Arc::clone(&count)));
                }
            });
        }
        Self { addresses, asked }
    }

    /// The start URL of each round's crawl.
    pub fn front_pages(&self) -> Vec<String> {
        let pages = self.addresses.iter().enumerate();
        pages.map(|(round, address)| format!("http://{address}/{round}/list/0")).collect()
    }

    /// The hosts, as the configuration has them.
    pub fn hosts(&self) -> String {
        self.addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
    }

    pub fn request_count(&self) -> u64 {
        *self.asked.borrow()
    }

    /// Waits until `count` pages have been requested in total.
    pub async fn wait_for_requests(&self, count: u64) {
        self.asked.clone().wait_for(|asked| *asked >= count).await.unwrap();
    }
}

/// One request per connection. The crawler may be killed at any moment, which is no error.
async fn visit(mut stream: TcpStream, homes: usize, count: Arc<watch::Sender<u64>>) {
    let (mut head, mut buffer) = (Vec::new(), [0; 2048]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    Clock::system().sleep(LATENCY).await;
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let answer = match page(path, homes) {
        None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
        Some(html) => {
            count.send_modify(|count| *count += 1);
            let length = html.len();
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{html}"
            )
        }
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn page(path: &str, homes: usize) -> Option<String> {
    let mut parts = path.trim_start_matches('/').split('/');
    let (round, kind, number) = (parts.next()?, parts.next()?, parts.next()?.parse::<usize>().ok()?);
    match kind {
        "list" => Some(list(round, number, homes)),
        "home" if number < homes => Some(home(round, number)),
        _ => None,
    }
}

fn list(round: &str, list: usize, homes: usize) -> String {
    let first = list * PER_LIST;
    let shown = first..homes.min(first + PER_LIST);
    let mut html: String = shown.map(|home| format!("<a href=/{round}/home/{home}>{home}</a>")).collect();
    if first + PER_LIST < homes {
        html.push_str(&format!("<a rel=next href=/{round}/list/{}>next</a>", list + 1));
    }
    html
}

fn home(round: &str, home: usize) -> String {
    let price = 100_000 + home;
    format!(
        r#"<script type="application/ld+json">{{"@type": "House", "name": "Home {home}",
            "identifier": "R{round}-H{home}", "numberOfBedrooms": 3,
            "address": {{"addressLocality": "Sacramento", "streetAddress": "{home} Oak St"}},
            "offers": {{"@type": "Offer", "price": {price}, "priceCurrency": "USD"}}}}</script>"#
    )
}
