//! The HTTP client of the crawler: one request, its redirects, and the page as received.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;

use super::charset::DeclaredCharset;
use super::coding::{ACCEPT_ENCODING, Packing};
use super::content::ContentType;
use super::error::FetchError;
use super::profile::{Hop, RequestProfile};
use super::{body, link_header, redirects, retry};
use crate::base::clock::Clock;
use crate::crawler::content_kind::ContentKind;
use crate::crawler::guard::{Guard, GuardedResolver, Reach, Resolver, SystemResolver};
use crate::crawler::page_url;
use crate::crawler::reader::byte_budget::{PagePermit, TenantBudget};
use crate::crawler::refresh;
use crate::crawler::settings::CrawlerSettings;

/// Redirects that are followed to a page, as browsers do.
const MAX_REDIRECTS: usize = 20;
/// Redirects that are followed to a robots.txt (RFC 9309 section 2.3.1.2).
const MAX_ROBOTS_REDIRECTS: usize = 5;
/// How often one address is asked for in one fetch. Twice is no loop: the first answer may set a cookie.
const MAX_VISITS: usize = 2;
/// Fields of an answer's head.
const MAX_HEADERS: usize = 256;
/// Bytes of all `X-Robots-Tag` lines that are read.
const MAX_ROBOTS_TAG_BYTES: usize = 16 * 1024;

/// robots.txt is read up to here (RFC 9309 section 2.5); what follows is ignored.
const ROBOTS_BYTES: usize = 500 * 1024;

const ACCEPT: &str =
    "text/html,application/xhtml+xml;q=0.9,application/xml;q=0.8,application/json;q=0.7,*/*;q=0.1";

/// What is known of a page from an earlier visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// Where a redirect may lead without asking the caller.
pub type RedirectFilter<'a> = &'a (dyn Fn(&Url) -> bool + Send + Sync);

/// One page to fetch.
#[derive(Clone, Copy)]
pub struct FetchRequest<'a> {
    pub url: &'a Url,
    pub conditional: Option<&'a Validators>,
    /// Called for each redirect, to check its host and robots.txt; `false` returns the target as
    /// [`Fetched::Redirected`].
    pub may_follow: RedirectFilter<'a>,
    /// Where the page's bytes are counted. It waits for them before its body is received.
    pub budget: &'a TenantBudget,
    /// How its requests look.
    pub profile: &'a RequestProfile,
}

/// What a fetch gave.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are pages, and each is moved a few times")]
pub enum Fetched {
    Page(FetchedPage),
    /// The page is as it was at the earlier visit.
    NotModified,
    /// A redirect that `may_follow` refused: its target is a link to consider.
    Redirected(Url),
}

/// A page as received; its content is not read here.
#[derive(Debug)]
pub struct FetchedPage {
    /// Where it was in the end, after redirects.
    pub url: Url,
    /// Decompressed.
    pub body: Vec<u8>,
    /// What kind of document the body is.
    pub content: ContentKind,
    /// What the header says of the body's charset.
    pub charset: DeclaredCharset,
    /// The bytes that the body takes of its tenant's budget.
    pub permit: PagePermit,
    /// To be sent at the next visit.
    pub validators: Validators,
    /// The `X-Robots-Tag` headers, one a line.
    pub robots_tag: Option<String>,
    /// Where the `Refresh` header leads, if that is another page.
    pub refresh: Option<Url>,
    /// The pages before and after this one, by the `Link` header.
    pub next_links: Vec<Url>,
}

/// The result of fetching robots.txt; [`crate::crawler::robots::Robots`] interprets it.
#[derive(Clone, Debug)]
pub enum RobotsResponse {
    Text(Vec<u8>),
    Status(u16),
    /// More redirects than are followed.
    RedirectLoop,
    Unreachable,
}

/// The crawler's HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    guard: Arc<Guard>,
    /// Connects to public addresses only.
    public_client: Client,
    /// Connects anywhere; used for private hosts that the operator allowed and for nothing else.
    private_client: Client,
    clock: Clock,
    total_timeout: Duration,
    max_page_bytes: usize,
}

/// A request with the redirects that follow it.
#[derive(Clone, Copy)]
struct Route<'a> {
    url: &'a Url,
    conditional: Option<&'a Validators>,
    may_follow: RedirectFilter<'a>,
    profile: &'a RequestProfile,
    most_redirects: usize,
}

enum FollowResult {
    Response(Url, Response),
    Redirect(Url),
}

/// An answer that may be a page, before its body.
struct PageHead {
    url: Url,
    response: Response,
    content: ContentType,
    packing: Packing,
}

impl Fetcher {
    /// A fetcher that asks the system's resolver.
    pub fn new(settings: &CrawlerSettings, clock: Clock) -> Result<Self, reqwest::Error> {
        Self::with_resolver(settings, clock, Arc::new(SystemResolver))
    }

    /// A fetcher that asks `resolver` for addresses.
    pub fn with_resolver(
        settings: &CrawlerSettings,
        clock: Clock,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            guard: Arc::new(Guard::new(settings.allowed_private_hosts.clone())),
            public_client: client(settings, GuardedResolver::new(resolver.clone(), Reach::Public))?,
            private_client: client(settings, GuardedResolver::new(resolver, Reach::AllowedPrivate))?,
            clock,
            total_timeout: settings.total_timeout,
            max_page_bytes: settings.max_page_bytes,
        })
    }

    /// The guard of this fetcher, to check a link before it is queued.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Fetches a page: HTML, XML or JSON.
    pub async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let begun = self.clock.steady();
        let route = Route {
            url: request.url,
            conditional: request.conditional,
            may_follow: request.may_follow,
            profile: request.profile,
            most_redirects: MAX_REDIRECTS,
        };
        let (url, response) = match with_timeout(self.total_timeout, self.follow_redirects(route)).await? {
            FollowResult::Response(url, response) => (url, response),
            FollowResult::Redirect(url) => return Ok(Fetched::Redirected(url)),
        };
        // The target of a redirect was not asked conditionally.
        let is_conditional = request.conditional.is_some() && url == *request.url;
        if is_conditional && response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::NotModified);
        }
        self.check_status(&response)?;
        let content = ContentType::of(response.headers());
        content.ensure_may_be_page()?;
        let packing = Packing::of(response.headers(), content.may_be_gzip_file())?;
        let announced = body::announced_length(&response, &packing, self.max_page_bytes)?;
        let spent = (self.clock.steady() - begun).to_std().unwrap_or_default();
        // Waiting for room is not the host's fault, so the total timeout does not run meanwhile.
        let permit = request.budget.reserve(announced as u64).await;
        let left = self.total_timeout.saturating_sub(spent);
        let head = PageHead { url, response, content, packing };
        with_timeout(left, self.receive(head, permit)).await.map(Fetched::Page)
    }

    /// Fetches the robots.txt of `url`'s host. Never fails: not getting one has a meaning of its own.
    pub async fn fetch_robots(&self, url: &Url) -> RobotsResponse {
        let mut robots = url.clone();
        robots.set_path("/robots.txt");
        robots.set_query(None);
        let answer = tokio::time::timeout(self.total_timeout, self.fetch_text(&robots)).await;
        match answer {
            Ok(Ok(text)) => RobotsResponse::Text(text),
            Ok(Err(FetchError::Status { code, .. })) => RobotsResponse::Status(code),
            Ok(Err(FetchError::TooManyRedirects)) => RobotsResponse::RedirectLoop,
            Ok(Err(_)) | Err(_) => RobotsResponse::Unreachable,
        }
    }

    async fn receive(&self, head: PageHead, mut permit: PagePermit) -> Result<FetchedPage, FetchError> {
        let PageHead { url, response, content, packing } = head;
        let headers = response.headers();
        let validators = Validators {
            etag: text(headers, &header::ETAG),
            last_modified: text(headers, &header::LAST_MODIFIED),
        };
        let robots_tag = robots_tag(headers);
        let refresh = refresh_target(headers, &url);
        let next_links = link_header::next_links(headers, &url);
        let charset = content.charset;
        let judge = |start: &[u8]| content.kind(start);
        let (body, content) = body::read(response, &packing, self.max_page_bytes, judge).await?;
        permit.shrink_to(body.len() as u64);
        Ok(FetchedPage { url, body, content, charset, permit, validators, robots_tag, refresh, next_links })
    }

    async fn fetch_text(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        // RFC 9309 section 2.3.1.2: a robots.txt may redirect to another host and still applies to this one. Not to
        // another private host that the operator allowed: the job decides which of them it may ask, and the site
        // chooses the path.
        let may_follow = |target: &Url| {
            let is_named = matches!(self.guard.check(target), Ok(Reach::AllowedPrivate));
            !is_named
                || (target.host() == url.host()
                    && target.port_or_known_default() == url.port_or_known_default())
        };
        // It is shared by all jobs: as the node, without any job's headers and cookies.
        let profile = RequestProfile::default();
        let route = Route {
            url,
            conditional: None,
            may_follow: &may_follow,
            profile: &profile,
            most_redirects: MAX_ROBOTS_REDIRECTS,
        };
        match self.follow_redirects(route).await? {
            FollowResult::Response(_, response) => {
                self.check_status(&response)?;
                body::read_prefix(response, ROBOTS_BYTES).await
            }
            // There is one, and it must not be asked for.
            FollowResult::Redirect(_) => Err(FetchError::Connect),
        }
    }

    async fn follow_redirects(&self, route: Route<'_>) -> Result<FollowResult, FetchError> {
        let mut url = route.url.clone();
        url.set_fragment(None);
        let mut visited = vec![url.clone()];
        for followed in 0..=route.most_redirects {
            let hop = if followed == 0 { Hop::First } else { Hop::Redirected };
            let response = self.send(&url, route, hop).await?;
            route.profile.store_cookies(&url, response.headers());
            let Some(target) = redirects::target(&url, response.status().as_u16(), response.headers()) else {
                return Ok(FollowResult::Response(url, response));
            };
            self.guard.check(&target)?;
            if !(route.may_follow)(&target) {
                return Ok(FollowResult::Redirect(target));
            }
            if visited.iter().filter(|before| **before == target).count() >= MAX_VISITS {
                break;
            }
            visited.push(target.clone());
            url = target;
        }
        Err(FetchError::TooManyRedirects)
    }

    async fn send(&self, url: &Url, route: Route<'_>, hop: Hop) -> Result<Response, FetchError> {
        let reach = self.guard.check(url)?;
        let client = match reach {
            Reach::Public => &self.public_client,
            Reach::AllowedPrivate => &self.private_client,
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING));
        // What is known of a page says nothing of another one that it redirects to.
        if let Some(known) = route.conditional.filter(|_| matches!(hop, Hop::First)) {
            let etag = known.etag.as_deref().map(|etag| (header::IF_NONE_MATCH, etag));
            let modified = known.last_modified.as_deref().map(|time| (header::IF_MODIFIED_SINCE, time));
            for (name, value) in etag.into_iter().chain(modified) {
                headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
            }
        }
        route.profile.apply(&mut headers, url, reach, hop);
        Ok(client.get(url.clone()).headers(headers).send().await?)
    }

    fn check_status(&self, response: &Response) -> Result<(), FetchError> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| retry::retry_after(value, self.clock.now()));
        Err(FetchError::Status { code: status.as_u16(), retry_after })
    }
}

fn client(settings: &CrawlerSettings, resolver: GuardedResolver) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(settings.user_agent())
        .dns_resolver(Arc::new(resolver))
        // A proxy would connect on our behalf, behind the guard's back.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // Heads that browsers read, too: folded lines (RFC 9112 section 5.2), `Name : value`, lines that are no fields.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS)
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        // No `timeout`: it would also run while a page waits for room. `Fetcher` measures the time itself.
        .pool_max_idle_per_host(settings.requests_per_host_max.max(settings.requests_per_host))
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}

async fn with_timeout<T>(
    time: Duration,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(time, work).await.map_err(|_| FetchError::Timeout)?
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    // A validator that is longer is not worth a row in the frontier.
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= 256).then(|| value.to_owned())
}

/// One line for each header: a name of a crawler in one of them says nothing of the others.
fn robots_tag(headers: &HeaderMap) -> Option<String> {
    let mut lines = String::new();
    for tag in headers.get_all("x-robots-tag") {
        let tag = String::from_utf8_lossy(tag.as_bytes());
        if lines.len() + tag.len() >= MAX_ROBOTS_TAG_BYTES {
            break;
        }
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(&tag);
    }
    (!lines.is_empty()).then_some(lines)
}

fn refresh_target(headers: &HeaderMap, url: &Url) -> Option<Url> {
    let value = String::from_utf8_lossy(headers.get(header::REFRESH)?.as_bytes());
    let own = page_url::normalise(url.clone());
    refresh::target(&value, url).filter(|target| own.as_ref() != Some(target))
}
