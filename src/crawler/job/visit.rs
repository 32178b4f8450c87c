//! One request of a crawl, from leave to reading.

use std::sync::Arc;

use url::Url;

use super::shelf::Stop;
use crate::base::ids::TenantId;
use crate::crawler::fetch::{FetchError, FetchRequest, Fetched, FetchedPage, RobotsAnswer};
use crate::crawler::hosts::Permit;
use crate::crawler::links::AllowedHosts;
use crate::crawler::politeness::Answer;
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::Reading;
use crate::crawler::robots::{self, Robots};
use crate::crawler::runner::Tools;
use crate::telemetry::metrics::PageOutcome;

/// What a request brought.
pub(super) enum Visit {
    Robots { url: Url, status: Option<u16>, settled: bool },
    Page { stop: Box<Stop>, result: Result<Found, FetchError> },
}

/// What is at a page's URL.
pub(super) enum Found {
    /// `url` is where the page was in the end.
    Page { url: Url, body_bytes: usize, reading: Box<Reading> },
    /// The page is elsewhere, where it is not ours to follow.
    Elsewhere(Url),
    /// Reading it was given up.
    Unreadable { body_bytes: usize, failure: ReadFailure },
}

/// Asks for the robots.txt of `url`'s host.
pub(super) async fn ask_robots(tools: Tools, tenant: TenantId, permit: Permit, url: Url) -> Visit {
    let answer = tools.fetcher.fetch_robots(&url).await;
    let status = match answer {
        RobotsAnswer::Text(_) => Some(200),
        RobotsAnswer::Status(status) => Some(status),
        RobotsAnswer::Unreachable => None,
    };
    let robots = read_robots(&tools, tenant, &url, answer).await;
    let named = tools.fetcher.guard().is_named(&url);
    let settled = tools.hosts.learn(permit, &url, robots, named, tools.jitter());
    Visit::Robots { url, status, settled }
}

/// Has a robots.txt read. One that no reader can read says as little as one that cannot be had.
async fn read_robots(tools: &Tools, tenant: TenantId, url: &Url, answer: RobotsAnswer) -> Robots {
    let now = tools.kernel.clock.now();
    let RobotsAnswer::Text(text) = answer else { return Robots::read(&answer, now) };
    match tools.readers.read_robots(tenant, text).await {
        Ok(rules) => Robots::of_rules(rules, now),
        Err(failure) => {
            let host = url.host_str().unwrap_or_default();
            tracing::warn!(%failure, host, tenant.id = %tenant, "a robots.txt could not be read");
            Robots::unknown(now)
        }
    }
}

/// Asks for a page and reads it.
pub(super) async fn ask_page(
    tools: Tools,
    tenant: TenantId,
    permit: Permit,
    robots: Robots,
    stop: Stop,
    allowed: Arc<AllowedHosts>,
) -> Visit {
    let host = robots::key(&stop.url);
    // What another host's robots.txt says is not known here: such a target goes through the frontier.
    let may_follow =
        |target: &Url| allowed.allows(target) && robots::key(target) == host && robots.allows(target);
    let budget = tools.readers.budget(tenant);
    let request =
        FetchRequest { url: &stop.url, conditional: None, may_follow: &may_follow, budget: &budget };
    let fetched = tools.fetcher.fetch(request).await;
    // The host is free for the next request while this page is read.
    permit.answered(politely(&fetched));
    let result = match fetched {
        Ok(Fetched::Page(page)) => Ok(read(&tools, tenant, page, &allowed).await),
        Ok(Fetched::Redirected(target)) => Ok(Found::Elsewhere(target)),
        // Only a conditional request is answered so.
        Ok(Fetched::NotModified) => Err(FetchError::Status { code: 304, retry_after: None }),
        Err(error) => Err(error),
    };
    tools.kernel.metrics.crawled_pages.of(outcome(&result)).one();
    Visit::Page { stop: Box::new(stop), result }
}

fn outcome(result: &Result<Found, FetchError>) -> PageOutcome {
    match result {
        Ok(Found::Page { .. }) => PageOutcome::Read,
        Ok(Found::Elsewhere(_)) => PageOutcome::Elsewhere,
        Ok(Found::Unreadable { .. }) => PageOutcome::Unreadable,
        Err(FetchError::Refused(_)) => PageOutcome::Refused,
        Err(FetchError::Status { .. }) => PageOutcome::Status,
        Err(FetchError::Timeout) => PageOutcome::Timeout,
        Err(_) => PageOutcome::Failed,
    }
}

fn politely(fetched: &Result<Fetched, FetchError>) -> Answer {
    match fetched {
        Ok(_) => Answer::Fine,
        Err(error) if error.asks_to_slow_down() => Answer::SlowDown(error.retry_after()),
        Err(FetchError::Status { code: 400..=499, .. } | FetchError::NotHtml | FetchError::TooLarge(_)) => {
            Answer::Fine
        }
        Err(_) => Answer::Failed,
    }
}

async fn read(tools: &Tools, tenant: TenantId, page: FetchedPage, allowed: &AllowedHosts) -> Found {
    let body_bytes = page.body.len();
    match tools.readers.read_page(tenant, &page, allowed, tools.settings.reading_limits()).await {
        Ok(reading) => Found::Page { url: page.url, body_bytes, reading: Box::new(reading) },
        Err(failure) => Found::Unreadable { body_bytes, failure },
    }
}
