//! A listings site on loopback: lists of a hundred homes, and a page for each home with JSON-LD and text around it.
//! The same pages as those of `bench/crawl.py`.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Outcome;

const PER_LIST: u32 = 100;
/// Bytes of text around the data of a home.
const TEXT_BYTES: usize = 30 * 1_024;

/// Answers until it is dropped.
pub struct Site {
    pub address: SocketAddr,
    _accepting: JoinSet<()>,
}

struct Pages {
    homes: u32,
    text: String,
}

impl Site {
    pub async fn start(homes: u32) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::new(Pages { homes, text: filler() })));
        Ok(Self { address, _accepting: accepting })
    }
}

async fn accept(listener: TcpListener, pages: Arc<Pages>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let pages = Arc::clone(&pages);
        connections.spawn(async move {
            // A crawler may close the connection in the middle of a page, which is no error.
            let _ = answer_all(stream, &pages).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers all requests of a persistent connection.
async fn answer_all(stream: TcpStream, pages: &Pages) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(path) = request(&mut stream).await? {
        let (status, body) = match pages.page(&path) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", String::new()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
    }
    Ok(())
}

/// The path of the next request; none when the connection has ended. Requests have no body.
async fn request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let (mut path, mut line) = (None, String::new());
    while stream.read_line(&mut line).await? > 0 {
        if line.trim_end().is_empty() {
            return Ok(path);
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        line.clear();
    }
    Ok(None)
}

impl Pages {
    fn page(&self, path: &str) -> Option<String> {
        if path == "/" {
            return Some(links("list", 0..self.homes.div_ceil(PER_LIST)));
        }
        let (kind, number) = path.strip_prefix('/')?.split_once('/')?;
        let number: u32 = number.parse().ok()?;
        match kind {
            "list" => {
                let first = number.checked_mul(PER_LIST)?;
                Some(links("home", first..self.homes.min(first.saturating_add(PER_LIST))))
            }
            "home" => Some(self.home(number)),
            _ => None,
        }
    }

    fn home(&self, number: u32) -> String {
        let data = json!({
            "@context": "https://schema.org", "@type": "SingleFamilyResidence", "@id": format!("home-{number}"),
            "url": format!("/home/{number}"), "numberOfBedrooms": number % 6 + 1,
            "floorSize": { "@type": "QuantitativeValue", "value": 900 + number, "unitCode": "FTK" },
            "address": { "@type": "PostalAddress", "streetAddress": format!("{number} Main Street"),
                "addressLocality": "Springfield", "postalCode": "62701" },
            "offers": { "@type": "Offer", "price": 100_000 + number, "priceCurrency": "USD" },
        });
        let text = &self.text;
        format!("<title>Home {number}</title><script type=\"application/ld+json\">{data}</script>{text}")
    }
}

fn links(kind: &str, numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("<a href=\"/{kind}/{number}\">{number}</a>")).collect()
}

fn filler() -> String {
    let row =
        |number| format!("<div class=row><p>A room with a view number {number}</p><span>x</span></div>");
    let mut text: String = (0..1_000).map(row).collect();
    text.truncate(TEXT_BYTES);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_home_is_on_a_list() {
        let pages = Pages { homes: 101, text: filler() };

        assert_eq!(pages.page("/").unwrap().matches("/list/").count(), 2);
        assert_eq!(pages.page("/list/0").unwrap().matches("/home/").count(), 100);
        assert_eq!(pages.page("/list/1").unwrap(), "<a href=\"/home/100\">100</a>");
        assert!(pages.page("/home/100").unwrap().contains("100 Main Street"));
    }

    #[test]
    fn other_paths_are_not_found() {
        let pages = Pages { homes: 1, text: String::new() };

        assert_eq!(pages.page("/robots.txt"), None);
        assert_eq!(pages.page("/other/1"), None);
    }

    #[tokio::test]
    async fn a_connection_is_kept_for_the_next_request() {
        let site = Site::start(1).await.unwrap();
        let mut stream = BufReader::new(TcpStream::connect(site.address).await.unwrap());

        for _ in 0..2 {
            stream.write_all(b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut status = String::new();
            stream.read_line(&mut status).await.unwrap();
            assert_eq!(status, "HTTP/1.1 404 Not Found\r\n");
            while stream.read_line(&mut status).await.unwrap() > 2 {}
        }
    }
}
