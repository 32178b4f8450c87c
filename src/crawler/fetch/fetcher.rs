//! The HTTP client of the crawler: one request, its redirects, and the page as received.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;

use super::charset::{self, DeclaredCharset};
use super::error::FetchError;
use super::{body, retry};
use crate::base::clock::Clock;
use crate::crawler::guard::{Guard, GuardedResolver, Reach, Resolver, SystemResolver};
use crate::crawler::reader::byte_budget::{PagePermit, TenantBudget};
use crate::crawler::settings::CrawlerSettings;

/// Redirects that are followed in one fetch (RFC 9309 asks for at least five for robots.txt).
const MAX_REDIRECTS: usize = 5;

/// robots.txt is read up to here (RFC 9309 section 2.5); what follows is ignored.
const ROBOTS_BYTES: usize = 500 * 1024;

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
}

/// What a fetch gave.
#[derive(Debug)]
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
    /// What the header says of the body's charset.
    pub charset: DeclaredCharset,
    /// The bytes that the body takes of its tenant's budget.
    pub permit: PagePermit,
    /// To be sent at the next visit.
    pub validators: Validators,
    /// The `X-Robots-Tag` headers, joined.
    pub robots_tag: Option<String>,
}

/// The result of fetching robots.txt; [`crate::crawler::robots::Robots`] interprets it.
#[derive(Clone, Debug)]
pub enum RobotsResponse {
    Text(Vec<u8>),
    Status(u16),
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

    /// Fetches a page of HTML.
    pub async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let begun = self.clock.steady();
        let (url, response) = match with_timeout(self.total_timeout, self.follow(request)).await? {
            FollowResult::Response(url, response) => (url, response),
            FollowResult::Redirect(url) => return Ok(Fetched::Redirected(url)),
        };
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::NotModified);
        }
        self.check_status(&response)?;
        let charset = charset::html_charset(response.headers()).ok_or(FetchError::NotHtml)?;
        let announced = body::announced_length(&response, self.max_page_bytes)?;
        let spent = (self.clock.steady() - begun).to_std().unwrap_or_default();
        // Waiting for room is not the host's fault, so the total timeout does not run meanwhile.
        let permit = request.budget.reserve(announced as u64).await;
        let left = self.total_timeout.saturating_sub(spent);
        with_timeout(left, self.receive(url, response, charset, permit)).await.map(Fetched::Page)
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
            Ok(Err(_)) | Err(_) => RobotsResponse::Unreachable,
        }
    }

    async fn receive(
        &self,
        url: Url,
        response: Response,
        charset: DeclaredCharset,
        mut permit: PagePermit,
    ) -> Result<FetchedPage, FetchError> {
        let validators = Validators {
            etag: text(response.headers(), &header::ETAG),
            last_modified: text(response.headers(), &header::LAST_MODIFIED),
        };
        let robots_tag = robots_tag(response.headers());
        let body = body::read(response, self.max_page_bytes).await?;
        permit.shrink_to(body.len() as u64);
        Ok(FetchedPage { url, body, charset, permit, validators, robots_tag })
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
        match self.follow_redirects(url, None, &may_follow).await? {
            FollowResult::Response(_, response) => {
                self.check_status(&response)?;
                body::read_prefix(response, ROBOTS_BYTES).await
            }
            // As after more than five hops: there is no robots.txt to be had.
            FollowResult::Redirect(_) => Err(FetchError::TooManyRedirects),
        }
    }

    async fn follow(&self, request: FetchRequest<'_>) -> Result<FollowResult, FetchError> {
        self.follow_redirects(request.url, request.conditional, request.may_follow).await
    }

    async fn follow_redirects(
        &self,
        url: &Url,
        conditional: Option<&Validators>,
        may_follow: RedirectFilter<'_>,
    ) -> Result<FollowResult, FetchError> {
        let mut url = url.clone();
        url.set_fragment(None);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&url, conditional).await?;
            let Some(target) = redirect_target(&url, &response) else {
                return Ok(FollowResult::Response(url, response));
            };
            self.guard.check(&target)?;
            if !may_follow(&target) {
                return Ok(FollowResult::Redirect(target));
            }
            url = target;
        }
        Err(FetchError::TooManyRedirects)
    }

    async fn send(&self, url: &Url, conditional: Option<&Validators>) -> Result<Response, FetchError> {
        let client = match self.guard.check(url)? {
            Reach::Public => &self.public_client,
            Reach::AllowedPrivate => &self.private_client,
        };
        let mut request = client
            .get(url.clone())
            .header(header::ACCEPT, ACCEPT)
            .header(header::ACCEPT_ENCODING, body::ACCEPT_ENCODING);
        if let Some(known) = conditional {
            if let Some(etag) = &known.etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            }
            if let Some(last_modified) = &known.last_modified {
                request = request.header(header::IF_MODIFIED_SINCE, last_modified);
            }
        }
        Ok(request.send().await?)
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

const ACCEPT: &str = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1";

enum FollowResult {
    Response(Url, Response),
    Redirect(Url),
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
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        // No `timeout`: it would also run while a page waits for room. `Fetcher` measures the time itself.
        .pool_max_idle_per_host(settings.requests_per_host)
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}

async fn with_timeout<T>(
    time: Duration,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(time, work).await.map_err(|_| FetchError::Timeout)?
}

/// Where a redirect leads, its fragment dropped; `None` when the answer is none, or leads nowhere.
fn redirect_target(url: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?;
    // Some servers send raw UTF-8 here, which `to_str` would refuse.
    let location = std::str::from_utf8(location.as_bytes()).ok()?;
    let mut target = url.join(location).ok()?;
    target.set_fragment(None);
    Some(target)
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    // A validator that is longer is not worth a row in the frontier.
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= 256).then(|| value.to_owned())
}

fn robots_tag(headers: &HeaderMap) -> Option<String> {
    let tags: Vec<_> = headers.get_all("x-robots-tag").iter().filter_map(|tag| tag.to_str().ok()).collect();
    (!tags.is_empty()).then(|| tags.join(","))
}
