//! The site on a loopback port: throttling, conditional requests and the count of hits around pure answers.
//! A fixture for the demo. It trusts its visitors and is never reachable from another machine.

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

use super::answer::{Answer, Site};
use super::conditional::{etag, names};
use super::hits::{Hit, Hits, Page};
use crate::app::demo::catalogue::Catalogue;
use crate::app::demo::virtual_date::VirtualDate;

/// How the site behaves beyond its pages.
#[derive(Clone, Copy, Debug)]
pub struct SiteSettings {
    /// One request in so many is refused with 429 (robots.txt excepted); `None` refuses none.
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

/// How long a request under way may still take when the site stops.
const GRACE: Duration = Duration::from_secs(5);

/// Opens the site of `catalogue` on a free loopback port, showing each day what `date` says.
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
    let desk = Desk {
        site: Site { catalogue, origin: format!("http://{address}") },
        date,
        refuse_every: settings.refuse_every,
        seen: Mutex::new(0),
        hits: hits.clone(),
    };
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?);
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let stopped = shutdown.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = server.run_with_graceful_shutdown(desk, stopped, Some(GRACE)).await {
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

    /// Closes the port and waits for the last answers.
    pub async fn stop(self) {
        drop(self.shutdown);
        self.tasks.wait().await;
    }
}

/// Where requests come in.
struct Desk {
    site: Site,
    date: VirtualDate,
    refuse_every: Option<NonZeroU64>,
    /// Requests that count towards the next refusal.
    seen: Mutex<u64>,
    hits: Arc<Mutex<Hits>>,
}

impl Endpoint for Desk {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (hit, response) = self.respond(&request);
        self.hits.lock().count(hit);
        Ok(response)
    }
}

impl Desk {
    fn respond(&self, request: &Request) -> (Hit, Response) {
        let method = request.method();
        if method != Method::GET && method != Method::HEAD {
            return (Hit::BadMethod, bad_method());
        }
        let uri = request.uri();
        // A refused robots.txt is a 4xx like any other and would tell the crawler that everything is allowed (RFC 9309).
        if uri.path() != "/robots.txt" && self.is_refused() {
            return (Hit::Refused, refused());
        }
        let answer = self.site.answer(uri.path(), uri.query().unwrap_or_default(), self.date.today());
        match answer {
            Answer::Page(page, body) => {
                let known = request.header(header::IF_NONE_MATCH).unwrap_or_default();
                conditional(page, body, known)
            }
            Answer::NotFound(body) => (Hit::NotFound, html(StatusCode::NOT_FOUND, body)),
            Answer::Gone(body) => (Hit::Gone, html(StatusCode::GONE, body)),
            Answer::Forbidden(body) => (Hit::Forbidden, html(StatusCode::OK, body)),
        }
    }

    /// Counts a request; the same number of requests always meets the same number of refusals.
    fn is_refused(&self) -> bool {
        let mut seen = self.seen.lock();
        *seen += 1;
        self.refuse_every.is_some_and(|every| *seen % every == 0)
    }
}

/// The page, or 304 when the tag in `known` says that the caller has it.
fn conditional(page: Page, body: String, known: &str) -> (Hit, Response) {
    let tag = etag(&body);
    let fresh = names(known, &tag);
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

fn html(status: StatusCode, body: String) -> Response {
    Response::builder().status(status).content_type("text/html; charset=utf-8").body(body)
}

fn refused() -> Response {
    Response::builder()
        .status(StatusCode::TOO_MANY_REQUESTS)
        .header(header::RETRY_AFTER, "1")
        .content_type("text/plain; charset=utf-8")
        .body("Too many requests. Try again in a second.\n")
}

fn bad_method() -> Response {
    Response::builder().status(StatusCode::METHOD_NOT_ALLOWED).header(header::ALLOW, "GET, HEAD").finish()
}
