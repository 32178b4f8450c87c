//! One request of a crawl, from its permit to reading the page.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::keep::{self, PageToKeep};
use super::kept_reading::{self, KeptResult, KeptScope};
use super::url_queue::PendingPage;
use crate::base::ids::TenantId;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::fetch::{FetchError, FetchRequest, Fetched, FetchedPage, RequestProfile, Validators};
use crate::crawler::host_request::{self, RobotsRequest};
use crate::crawler::hosts::FetchPermit;
use crate::crawler::links::AllowedHosts;
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::crawler::robots::{self, Robots};
use crate::domain::op::Op;
use crate::protocol::spider_rules::SpiderRules;
use crate::telemetry::metrics::PageOutcome;

/// What a request brought.
pub(super) enum CompletedRequest {
    Robots {
        url: Url,
        status: Option<u16>,
        is_final: bool,
    },
    Page {
        page: Box<PendingPage>,
        result: Result<ReadResult, FetchError>,
    },
    /// A kept page, without a request.
    Kept {
        page: Box<PendingPage>,
        result: KeptResult,
    },
}

/// What is at a page's URL.
pub(super) enum ReadResult {
    /// `url` is where the page was in the end.
    Page {
        url: Url,
        body_bytes: usize,
        validators: Validators,
        reading: Box<Reading>,
        /// Compressed, if it is to be kept.
        kept: Option<Box<PageToKeep>>,
    },
    /// The page is as it was at its visit.
    NotModified,
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
    let RobotsRequest { status, is_final } = host_request::fetch_robots(&deps, tenant, permit, &url).await;
    CompletedRequest::Robots { url, status, is_final }
}

/// What a job takes of its pages.
#[derive(Clone)]
pub(super) struct ReadScope {
    pub(super) allowed: Arc<AllowedHosts>,
    pub(super) limits: ReadingLimits,
    /// What the spider's rules read of them.
    pub(super) rules: Arc<SpiderRules>,
    pub(super) profile: RequestProfile,
    /// What is known of the page from its visit.
    pub(super) conditional: Option<Validators>,
    /// The spider that the pages are kept for; `None`: they are not kept.
    pub(super) kept: Option<Arc<str>>,
}

/// Asks for a page and reads it.
pub(super) async fn fetch_page(
    deps: CrawlDeps,
    tenant: TenantId,
    permit: FetchPermit,
    robots: Robots,
    mut page: PendingPage,
    scope: ReadScope,
) -> CompletedRequest {
    let host = robots::origin(&page.url);
    // Another host's robots.txt is not known here: such a target goes through the frontier.
    let may_follow = |target: &Url| {
        scope.allowed.allows(target) && robots::origin(target) == host && robots.allows(target)
    };
    let budget = deps.readers.budget(tenant);
    let request = FetchRequest {
        url: &page.url,
        conditional: scope.conditional.as_ref(),
        may_follow: &may_follow,
        budget: &budget,
        profile: &scope.profile,
    };
    let fetched = deps.fetcher.fetch(request).await;
    // The host is free for the next request while this page is read.
    permit.finish(host_request::outcome(&fetched));
    page.fetched_at = Some(deps.services.clock.now().timestamp_micros());
    let result = match fetched {
        Ok(Fetched::Page(fetched)) => Ok(read_page(&deps, tenant, &page, fetched, &scope).await),
        Ok(Fetched::Redirected(target)) => Ok(ReadResult::Redirected(target)),
        Ok(Fetched::NotModified) if scope.conditional.is_some() => Ok(ReadResult::NotModified),
        // Only a conditional request is answered so.
        Ok(Fetched::NotModified) => Err(FetchError::Status { code: 304, retry_after: None }),
        Err(error) => Err(error),
    };
    deps.services.metrics.crawled_pages.of(page_outcome(&result)).inc();
    CompletedRequest::Page { page: Box::new(page), result }
}

/// Reads a kept page again, without a request. It is a task of its own: nothing that holds a connection of the store may
/// depend on being polled by the crawl, which itself waits for the store.
pub(super) async fn read_kept(
    deps: CrawlDeps,
    op: Op,
    page: PendingPage,
    scope: KeptScope,
) -> CompletedRequest {
    let mut read = page.clone();
    #[expect(clippy::disallowed_methods, reason = "it is awaited here, and ends when this is dropped")]
    let task = tokio::spawn(async move {
        let result = kept_reading::read(&deps, &op, &mut read, &scope).await;
        (read, result)
    });
    match AbortOnDropHandle::new(task).await {
        Ok((page, result)) => CompletedRequest::Kept { page: Box::new(page), result },
        Err(error) => {
            tracing::error!(%error, "reading a kept page broke off");
            let failure = ReadFailure::Broke;
            CompletedRequest::Kept { page: Box::new(page), result: KeptResult::Unreadable(failure) }
        }
    }
}

fn page_outcome(result: &Result<ReadResult, FetchError>) -> PageOutcome {
    match result {
        Ok(ReadResult::Page { .. }) => PageOutcome::Read,
        Ok(ReadResult::NotModified) => PageOutcome::NotModified,
        Ok(ReadResult::Redirected(_)) => PageOutcome::Elsewhere,
        Ok(ReadResult::Unreadable { .. }) => PageOutcome::Unreadable,
        Err(FetchError::Refused(_)) => PageOutcome::Refused,
        Err(FetchError::Status { .. }) => PageOutcome::Status,
        Err(FetchError::Timeout) => PageOutcome::Timeout,
        Err(_) => PageOutcome::Failed,
    }
}

async fn read_page(
    deps: &CrawlDeps,
    tenant: TenantId,
    requested: &PendingPage,
    page: FetchedPage,
    scope: &ReadScope,
) -> ReadResult {
    let body_bytes = page.body.len();
    let read = deps.readers.read_page(tenant, &page, &scope.allowed, scope.limits, &scope.rules, false).await;
    match read {
        Ok(reading) => {
            let (url, validators) = (page.url.clone(), page.validators.clone());
            let kept = keep::pack(deps, tenant, requested, page, scope.kept.as_deref()).await.map(Box::new);
            ReadResult::Page { url, body_bytes, validators, reading: Box::new(reading), kept }
        }
        Err(failure) => ReadResult::Unreadable { body_bytes, failure },
    }
}
