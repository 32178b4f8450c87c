//! One request of a crawl, from its permit to reading the page.

use std::sync::Arc;

use url::Url;

use super::url_queue::PendingPage;
use crate::base::ids::TenantId;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::fetch::{FetchError, FetchRequest, Fetched, FetchedPage, RobotsResponse};
use crate::crawler::hosts::FetchPermit;
use crate::crawler::links::AllowedHosts;
use crate::crawler::politeness::RequestOutcome;
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::crawler::robots::{self, Robots};
use crate::telemetry::metrics::PageOutcome;

/// What a request brought.
pub(super) enum CompletedRequest {
    Robots { url: Url, status: Option<u16>, is_final: bool },
    Page { page: Box<PendingPage>, result: Result<ReadResult, FetchError> },
}

/// What is at a page's URL.
pub(super) enum ReadResult {
    /// `url` is where the page was in the end.
    Page { url: Url, body_bytes: usize, reading: Box<Reading> },
    /// A redirect to a URL that this request may not follow.
    Redirected(Url),
    /// Reading it failed.
    Unreadable { body_bytes: usize, failure: ReadFailure },
}

/// Asks for the robots.txt of `url`'s host.
pub(super) async fn fetch_robots(
    deps: CrawlDeps,
    tenant: TenantId,
    permit: FetchPermit,
    url: Url,
) -> CompletedRequest {
    let answer = deps.fetcher.fetch_robots(&url).await;
    let status = match answer {
        RobotsResponse::Text(_) => Some(200),
        RobotsResponse::Status(status) => Some(status),
        RobotsResponse::Unreachable => None,
    };
    let robots = read_robots(&deps, tenant, &url, answer).await;
    let named = deps.fetcher.guard().is_allowed_private(&url);
    let settled = deps.hosts.store_robots(permit, &url, robots, named, deps.jitter());
    CompletedRequest::Robots { url, status, is_final: settled }
}

/// Reads a robots.txt. One that no reader can read counts as unavailable.
async fn read_robots(deps: &CrawlDeps, tenant: TenantId, url: &Url, answer: RobotsResponse) -> Robots {
    let now = deps.services.clock.now();
    let RobotsResponse::Text(text) = answer else { return Robots::from_response(&answer, now) };
    match deps.readers.read_robots(tenant, text).await {
        Ok(rules) => Robots::from_rules(rules, now),
        Err(failure) => {
            let host = url.host_str().unwrap_or_default();
            tracing::warn!(%failure, host, tenant.id = %tenant, "a robots.txt could not be read");
            Robots::unavailable(now)
        }
    }
}

/// What a job takes of its pages.
#[derive(Clone)]
pub(super) struct ReadScope {
    pub(super) allowed: Arc<AllowedHosts>,
    pub(super) limits: ReadingLimits,
}

/// Asks for a page and reads it.
pub(super) async fn fetch_page(
    deps: CrawlDeps,
    tenant: TenantId,
    permit: FetchPermit,
    robots: Robots,
    page: PendingPage,
    scope: ReadScope,
) -> CompletedRequest {
    let host = robots::origin(&page.url);
    // Another host's robots.txt is not known here: such a target goes through the frontier.
    let may_follow = |target: &Url| {
        scope.allowed.allows(target) && robots::origin(target) == host && robots.allows(target)
    };
    let budget = deps.readers.budget(tenant);
    let request =
        FetchRequest { url: &page.url, conditional: None, may_follow: &may_follow, budget: &budget };
    let fetched = deps.fetcher.fetch(request).await;
    // The host is free for the next request while this page is read.
    permit.finish(request_outcome(&fetched));
    let result = match fetched {
        Ok(Fetched::Page(page)) => Ok(read_page(&deps, tenant, page, &scope).await),
        Ok(Fetched::Redirected(target)) => Ok(ReadResult::Redirected(target)),
        // Only a conditional request is answered so.
        Ok(Fetched::NotModified) => Err(FetchError::Status { code: 304, retry_after: None }),
        Err(error) => Err(error),
    };
    deps.services.metrics.crawled_pages.of(page_outcome(&result)).inc();
    CompletedRequest::Page { page: Box::new(page), result }
}

fn page_outcome(result: &Result<ReadResult, FetchError>) -> PageOutcome {
    match result {
        Ok(ReadResult::Page { .. }) => PageOutcome::Read,
        Ok(ReadResult::Redirected(_)) => PageOutcome::Elsewhere,
        Ok(ReadResult::Unreadable { .. }) => PageOutcome::Unreadable,
        Err(FetchError::Refused(_)) => PageOutcome::Refused,
        Err(FetchError::Status { .. }) => PageOutcome::Status,
        Err(FetchError::Timeout) => PageOutcome::Timeout,
        Err(_) => PageOutcome::Failed,
    }
}

fn request_outcome(fetched: &Result<Fetched, FetchError>) -> RequestOutcome {
    match fetched {
        Ok(_) => RequestOutcome::Success,
        Err(error) if error.is_throttled() => RequestOutcome::Throttled(error.retry_after()),
        Err(FetchError::Status { code: 400..=499, .. } | FetchError::NotHtml | FetchError::TooLarge(_)) => {
            RequestOutcome::Success
        }
        Err(_) => RequestOutcome::Failed,
    }
}

async fn read_page(deps: &CrawlDeps, tenant: TenantId, page: FetchedPage, scope: &ReadScope) -> ReadResult {
    let body_bytes = page.body.len();
    match deps.readers.read_page(tenant, &page, &scope.allowed, scope.limits).await {
        Ok(reading) => ReadResult::Page { url: page.url, body_bytes, reading: Box::new(reading) },
        Err(failure) => ReadResult::Unreadable { body_bytes, failure },
    }
}
