//! One request of a crawl, from leave to reading.

use std::sync::Arc;

use url::Url;

use super::shelf::Stop;
use crate::crawler::fetch::{FetchError, FetchRequest, Fetched, FetchedPage, RobotsAnswer};
use crate::crawler::hosts::Permit;
use crate::crawler::links::AllowedHosts;
use crate::crawler::politeness::Answer;
use crate::crawler::reading::{self, Reading};
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
    /// Reading it went wrong, which is a defect of ours.
    Unreadable,
}

/// Asks for the robots.txt of `url`'s host.
pub(super) async fn ask_robots(tools: Tools, permit: Permit, url: Url) -> Visit {
    let answer = tools.fetcher.fetch_robots(&url).await;
    let named = tools.fetcher.guard().is_named(&url);
    let settled = tools.hosts.learn(permit, &url, &answer, named, tools.jitter());
    let status = match answer {
        RobotsAnswer::Text(_) => Some(200),
        RobotsAnswer::Status(status) => Some(status),
        RobotsAnswer::Unreachable => None,
    };
    Visit::Robots { url, status, settled }
}

/// Asks for a page and reads it.
pub(super) async fn ask_page(
    tools: Tools,
    permit: Permit,
    robots: Robots,
    stop: Stop,
    allowed: Arc<AllowedHosts>,
) -> Visit {
    let host = robots::key(&stop.url);
    // What another host's robots.txt says is not known here: such a target goes through the frontier.
    let may_follow =
        |target: &Url| allowed.allows(target) && robots::key(target) == host && robots.allows(target);
    let request = FetchRequest { url: &stop.url, conditional: None, may_follow: &may_follow };
    let fetched = tools.fetcher.fetch(request).await;
    // The host is free for the next request while this page is read.
    permit.answered(politely(&fetched));
    let result = match fetched {
        Ok(Fetched::Page(page)) => Ok(read(&tools, page, allowed.clone()).await),
        Ok(Fetched::Redirected(target)) => Ok(Found::Elsewhere(target)),
        // Only a conditional request is answered so.
        Ok(Fetched::NotModified) => Ok(Found::Unreadable),
        Err(error) => Err(error),
    };
    tools.kernel.metrics.crawled_pages.of(outcome(&result)).one();
    Visit::Page { stop: Box::new(stop), result }
}

fn outcome(result: &Result<Found, FetchError>) -> PageOutcome {
    match result {
        Ok(Found::Page { .. }) => PageOutcome::Read,
        Ok(Found::Elsewhere(_)) => PageOutcome::Elsewhere,
        Ok(Found::Unreadable) => PageOutcome::Unreadable,
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

async fn read(tools: &Tools, page: FetchedPage, allowed: Arc<AllowedHosts>) -> Found {
    let settings = tools.settings.clone();
    let (url, body_bytes) = (page.url.clone(), page.body_bytes);
    let reading = tokio::task::spawn_blocking(move || reading::read(&page, &allowed, &settings)).await;
    match reading {
        Ok(reading) => Found::Page { url, body_bytes, reading: Box::new(reading) },
        Err(error) => {
            tracing::error!(%error, "a page could not be read");
            Found::Unreadable
        }
    }
}
