//! Requests one page as a job with it as its only target does: past the guard and the host's robots.txt, at the host's
//! pace, and through redirects within the site.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use crate::base::ids::TenantId;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::fetch::{FetchError, FetchRequest, Fetched, FetchedPage, RequestProfile};
use crate::crawler::host_request;
use crate::crawler::hosts::{FetchDecision, FetchPermit};
use crate::crawler::links::{AllowedHosts, is_same_site};
use crate::crawler::page_url;
use crate::crawler::politeness::Pace;
use crate::crawler::robots::{self, Robots};
use crate::domain::error::Result;
use crate::protocol::preview::RobotsVerdict;
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};

/// For how long a host is waited for at most.
const MOST_WAIT: TimeDelta = TimeDelta::seconds(40);
/// Hosts, or parts of one with rules of their own, that redirects may pass.
const MAX_HOPS: usize = 5;

/// What requesting a page gave.
pub(super) struct Requested {
    /// As it was asked for.
    pub(super) url: Url,
    pub(super) robots: RobotsVerdict,
    pub(super) crawl_delay: Option<Duration>,
    pub(super) page: Option<FetchedPage>,
    /// A redirect that was not followed.
    pub(super) redirected_to: Option<Url>,
    /// Why there is no page.
    pub(super) failure: Option<String>,
}

/// Requests pages for one preview.
pub(super) struct PageRequester<'a> {
    pub(super) deps: &'a CrawlDeps,
    pub(super) tenant: TenantId,
    pub(super) profile: RequestProfile,
    pub(super) pace: Pace,
    pub(super) hosts: AllowedHosts,
}

/// Whether a page may be requested now.
enum Access {
    Granted(FetchPermit, Robots),
    Refused(RobotsVerdict),
}

/// One request of a page.
enum Hop {
    Page(Box<FetchedPage>),
    Redirect(Url),
    Failure(String),
}

impl PageRequester<'_> {
    /// Requests the page. Also gives the hosts of the site, to which a redirect of the page may have added one. Fails
    /// where the URL must not be requested, and where its host may not be asked soon.
    pub(super) async fn request(mut self, asked: &Url) -> Result<(Requested, AllowedHosts)> {
        let url = page_url::normalise(asked.clone()).ok_or_else(|| bad_url("is no URL of a page"))?;
        self.deps.fetcher.guard().check(&url).map_err(|refusal| bad_url(&refusal.to_string()))?;
        let mut requested = Requested {
            url: url.clone(),
            robots: RobotsVerdict::Allowed,
            crawl_delay: None,
            page: None,
            redirected_to: None,
            failure: None,
        };
        let deadline = self.deps.services.clock.now() + MOST_WAIT;
        let mut next = url;
        for _ in 0..MAX_HOPS {
            let (permit, robots) = match self.access(&next, deadline).await? {
                Access::Granted(permit, robots) => (permit, robots),
                Access::Refused(verdict) => {
                    requested.robots = verdict;
                    requested.redirected_to = (next != requested.url).then_some(next);
                    return Ok((requested, self.hosts));
                }
            };
            requested.crawl_delay = robots.crawl_delay;
            match self.fetch(&next, permit, &robots).await {
                Hop::Page(page) => {
                    requested.page = Some(*page);
                    return Ok((requested, self.hosts));
                }
                Hop::Failure(reason) => {
                    requested.failure = Some(reason);
                    return Ok((requested, self.hosts));
                }
                Hop::Redirect(target) => {
                    let is_here = self.hosts.allows(&target) || is_same_site(&next, &target);
                    let Some(page) = page_url::normalise(target.clone()).filter(|_| is_here) else {
                        requested.redirected_to = Some(target);
                        return Ok((requested, self.hosts));
                    };
                    // What the site calls its own is adopted, as a job does with a target.
                    self.hosts.add(&page);
                    next = page;
                }
            }
        }
        requested.redirected_to = Some(next);
        Ok((requested, self.hosts))
    }

    /// Waits until the host may be asked for the page.
    async fn access(&self, url: &Url, deadline: DateTime<Utc>) -> Result<Access> {
        let CrawlDeps { services, hosts, fetcher, .. } = self.deps;
        let host = host_of(url).ok_or_else(|| bad_url("has no host"))?;
        let named = fetcher.guard().is_allowed_private(url);
        loop {
            // Listening begins before the look, so that a request that ends in between is noticed.
            let ended = hosts.request_ended();
            let until = match hosts.try_acquire(url, &host, named, self.pace) {
                FetchDecision::FetchPage(permit, robots) => return Ok(Access::Granted(permit, robots)),
                FetchDecision::Forbidden => return Ok(Access::Refused(RobotsVerdict::Forbidden)),
                FetchDecision::RobotsUnreadable => return Ok(Access::Refused(RobotsVerdict::Unavailable)),
                FetchDecision::FetchRobots(permit) => {
                    host_request::fetch_robots(self.deps, self.tenant, permit, url).await;
                    continue;
                }
                FetchDecision::Wait(until) => until,
            };
            let now = services.clock.now();
            if now >= deadline || until.is_some_and(|until| until > deadline) {
                return Err(busy(until, now));
            }
            tokio::select! {
                () = ended => {}
                () = services.clock.sleep_until(until.unwrap_or(deadline)) => {}
            }
        }
    }

    async fn fetch(&self, url: &Url, permit: FetchPermit, robots: &Robots) -> Hop {
        let origin = robots::origin(url);
        // Another host's robots.txt is not known here.
        let may_follow = |target: &Url| {
            self.hosts.allows(target) && robots::origin(target) == origin && robots.allows(target)
        };
        let budget = self.deps.readers.budget(self.tenant);
        let request = FetchRequest {
            url,
            conditional: None,
            may_follow: &may_follow,
            budget: &budget,
            profile: &self.profile,
        };
        let fetched = self.deps.fetcher.fetch(request).await;
        permit.finish(host_request::outcome(&fetched));
        match fetched {
            Ok(Fetched::Page(page)) => Hop::Page(Box::new(page)),
            Ok(Fetched::Redirected(target)) => Hop::Redirect(target),
            // Nothing was asked conditionally.
            Ok(Fetched::NotModified) => {
                Hop::Failure(FetchError::Status { code: 304, retry_after: None }.to_string())
            }
            Err(error) => Hop::Failure(error.to_string()),
        }
    }
}

fn host_of(url: &Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

fn bad_url(words: &str) -> Problem {
    let path = [PathSegment::Name("url".to_owned())];
    Problem::validation(vec![FieldError::in_body(&path, "refused", words)])
}

fn busy(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Problem {
    let seconds = until.map_or(0, |until| (until - now).num_seconds()).clamp(1, 3_600);
    let words = "The host may not be asked yet: others are asking it, or it wants a longer pause.";
    Problem::new(Code::Unavailable, words).retry_after(u32::try_from(seconds).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_wants_a_pause_says_when_to_try_again() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();

        assert_eq!(busy(Some(now + TimeDelta::seconds(90)), now).retry_after, Some(90));
        assert_eq!(busy(Some(now + TimeDelta::days(3)), now).retry_after, Some(3_600));
        assert_eq!(busy(None, now).retry_after, Some(1));
    }

    #[test]
    fn two_ports_are_two_hosts() {
        let host = |url: &str| host_of(&url.parse().unwrap());

        assert_eq!(host("https://homes.example/"), Some(("homes.example".to_owned(), 443)));
        assert_eq!(host("https://homes.example:8443/"), Some(("homes.example".to_owned(), 8443)));
    }
}
