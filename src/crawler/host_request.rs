//! What every request to a host does, that of a job and that of a preview: its robots.txt is requested and read first,
//! and its answers count for politeness.

use url::Url;

use super::crawl_deps::CrawlDeps;
use super::fetch::{FetchError, Fetched, RobotsResponse};
use super::hosts::FetchPermit;
use super::politeness::RequestOutcome;
use super::robots::Robots;
use crate::base::ids::TenantId;

/// How a request for robots.txt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RobotsRequest {
    /// What was answered; `None`: nothing.
    pub(super) status: Option<u16>,
    /// False: it could not be read and is requested again later.
    pub(super) is_final: bool,
}

/// Requests the robots.txt of `url`'s host, and keeps what it allows.
pub(super) async fn fetch_robots(
    deps: &CrawlDeps,
    tenant: TenantId,
    permit: FetchPermit,
    url: &Url,
) -> RobotsRequest {
    let answer = deps.fetcher.fetch_robots(url).await;
    let status = match answer {
        RobotsResponse::Text(_) => Some(200),
        RobotsResponse::Status(status) => Some(status),
        RobotsResponse::RedirectLoop => Some(302),
        RobotsResponse::Unreachable => None,
    };
    let robots = read_robots(deps, tenant, url, answer).await;
    let named = deps.fetcher.guard().is_allowed_private(url);
    let is_final = deps.hosts.store_robots(permit, url, robots, named, deps.jitter());
    RobotsRequest { status, is_final }
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

/// How a request of a page counts for its host.
pub(super) fn outcome(fetched: &Result<Fetched, FetchError>) -> RequestOutcome {
    match fetched {
        Ok(_) => RequestOutcome::Success,
        Err(error) if error.is_throttled() => RequestOutcome::Throttled(error.retry_after()),
        Err(
            FetchError::Status { code: 400..=499, .. }
            | FetchError::NotAPage(_)
            | FetchError::Coding(_)
            | FetchError::TooLarge(_),
        ) => RequestOutcome::Success,
        Err(_) => RequestOutcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_that_is_no_page_is_no_failure_of_its_host() {
        let status = |code, retry_after| Err(FetchError::Status { code, retry_after });
        let asked = Some(Duration::from_secs(7));

        assert_eq!(outcome(&status(404, None)), RequestOutcome::Success);
        assert_eq!(outcome(&Err(FetchError::NotAPage("image/png".to_owned()))), RequestOutcome::Success);
        assert_eq!(outcome(&status(429, asked)), RequestOutcome::Throttled(asked));
        assert_eq!(outcome(&status(503, None)), RequestOutcome::Throttled(None));
        assert_eq!(outcome(&status(500, None)), RequestOutcome::Failed);
        assert_eq!(outcome(&Err(FetchError::Timeout)), RequestOutcome::Failed);
    }
}
