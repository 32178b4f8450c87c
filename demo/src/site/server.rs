//! The site on a loopback port: throttling, conditional requests and the count of hits around pure responses. A
//! fixture for the demo. It trusts its clients and is never reachable from another machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use parking_lot::Mutex;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, Request, Response, Server};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::conditional::{etag, etag_matches};
use super::hits::{Hit, Hits, Page};
use super::respond::SiteResponse;
use super::website::Site;
use crate::catalogue::Catalogue;
use crate::virtual_date::VirtualDate;

/// The behaviour of the site apart from its pages.
#[derive(Clone, Copy, Debug)]
pub struct SiteSettings {
    /// Every n-th request is refused with 429 (robots.txt excepted); `None` refuses none.
    pub refuse_every: Option<NonZeroU64>,
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self { refuse_every: NonZeroU64::new(701) }
    }
}

/// A running site. Dropping it shuts the site down without waiting for it.
pub struct SiteHandle {
    pub address: SocketAddr,
    hits: Arc<Mutex<Hits>>,
    shutdown: DropGuard,
    tasks: TaskTracker,
}

/// How long a running request may still take when the site stops.
const GRACE: Duration = Duration::from_secs(5);

/// Opens the site of `catalogue` on a free loopback port; it shows the day of `date`.
pub async fn start(
    catalogue: Catalogue,
    date: VirtualDate,
    settings: SiteSettings,
) -> io::Result<SiteHandle> {
    start_on(0, catalogue, date, settings).await
}

/// The same on this port.
pub async fn start_on(
    port: u16,
    catalogue: Catalogue,
    date: VirtualDate,
    settings: SiteSettings,
) -> io::Result<SiteHandle> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let hits = Arc::new(Mutex::new(Hits::default()));
    let endpoint = SiteEndpoint {
        site: Site { catalogue, origin: format!("http://{address}") },
        date,
        refuse_every: settings.refuse_every,
        counted: Mutex::new(0),
        hits: hits.clone(),
    };
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?);
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let stopped = shutdown.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = server.run_with_graceful_shutdown(endpoint, stopped, Some(GRACE)).await {
            tracing::warn!(%error, "the demo's listings site on {address} stopped");
        }
    });
    tasks.close();
    Ok(SiteHandle { address, hits, shutdown: shutdown.drop_guard(), tasks })
}

impl SiteHandle {
    /// The front page: where a crawl begins.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The hits so far.
    pub fn hits(&self) -> Hits {
        self.hits.lock().clone()
    }

    /// Closes the port and waits for running requests.
    pub async fn stop(self) {
        drop(self.shutdown);
        self.tasks.wait().await;
    }
}

/// Handles the requests.
struct SiteEndpoint {
    site: Site,
    date: VirtualDate,
    refuse_every: Option<NonZeroU64>,
    /// Requests that count towards the next refusal.
    counted: Mutex<u64>,
    hits: Arc<Mutex<Hits>>,
}

impl Endpoint for SiteEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (hit, response) = self.respond(&request);
        self.hits.lock().record(hit);
        Ok(response)
    }
}

impl SiteEndpoint {
    fn respond(&self, request: &Request) -> (Hit, Response) {
        let method = request.method();
        if method != Method::GET && method != Method::HEAD {
            return (Hit::BadMethod, method_not_allowed());
        }
        let uri = request.uri();
        // A refused robots.txt is a 4xx like any other, by which a crawler would take everything as allowed (RFC
        // 9309).
        if uri.path() != "/robots.txt" && self.refuse_next() {
            return (Hit::Refused, too_many_requests());
        }
        let answer = self.site.respond(uri.path(), uri.query().unwrap_or_default(), self.date.today());
        match answer {
            SiteResponse::Page(page, body) => {
                let if_none_match = request.header(header::IF_NONE_MATCH).unwrap_or_default();
                conditional_response(page, body, if_none_match)
            }
            SiteResponse::NotFound(body) => {
                let hit = if uri.path() == "/sitemap.xml" { Hit::NoSitemap } else { Hit::NotFound };
                (hit, html_response(StatusCode::NOT_FOUND, body))
            }
            SiteResponse::Gone(body) => (Hit::Gone, html_response(StatusCode::GONE, body)),
            SiteResponse::Forbidden(body) => (Hit::Forbidden, html_response(StatusCode::OK, body)),
        }
    }

    /// Counts a request; equal numbers of requests always have equal numbers of refusals.
    fn refuse_next(&self) -> bool {
        let mut seen = self.counted.lock();
        *seen += 1;
        self.refuse_every.is_some_and(|every| *seen % every == 0)
    }
}

/// The page, or 304 when a tag in `if_none_match` matches.
fn conditional_response(page: Page, body: String, if_none_match: &str) -> (Hit, Response) {
    let tag = etag(&body);
    let fresh = etag_matches(if_none_match, &tag);
    let response = Response::builder().header(header::ETAG, tag).header(header::CACHE_CONTROL, "no-cache");
    if fresh {
        return (Hit::NotModified(page), response.status(StatusCode::NOT_MODIFIED).finish());
    }
    (Hit::Served(page), response.content_type(content_type(page)).body(body))
}

fn content_type(page: Page) -> &'static str {
    match page {
        Page::Robots => "text/plain; charset=utf-8",
        Page::Listing(_) | Page::Index | Page::About => "text/html; charset=utf-8",
    }
}

fn html_response(status: StatusCode, body: String) -> Response {
    Response::builder().status(status).content_type("text/html; charset=utf-8").body(body)
}

fn too_many_requests() -> Response {
    Response::builder()
        .status(StatusCode::TOO_MANY_REQUESTS)
        .header(header::RETRY_AFTER, "1")
        .content_type("text/plain; charset=utf-8")
        .body("Too many requests. Try again in a second.\n")
}

fn method_not_allowed() -> Response {
    Response::builder().status(StatusCode::METHOD_NOT_ALLOWED).header(header::ALLOW, "GET, HEAD").finish()
}
