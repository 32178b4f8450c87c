//! What the jobs of a node share about hosts: when each may be asked, and what its robots.txt allows. Two jobs that
//! crawl one host are as polite together as one.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use url::Url;

use super::fetch::backoff;
use super::politeness::{HostAvailability, HostKey, Pace, Politeness, RequestOutcome};
use super::robots::{self, Robots, RobotsCache};
use super::settings::CrawlerSettings;
use super::weighted::WeightedMap;
use crate::base::clock::Clock;

/// Attempts to get a robots.txt that cannot be read before its host is given up for some minutes.
const ROBOTS_TRIES: u32 = 3;
/// Bytes of remembered hosts with an unreadable robots.txt; beyond them the oldest are asked as if never before.
const MAX_ROBOTS_RETRY_BYTES: usize = 4 * 1024 * 1024;

/// The hosts as this node knows them.
pub(super) struct Hosts {
    clock: Clock,
    state: Mutex<State>,
    request_ended: Notify,
}

struct State {
    politeness: Politeness,
    robots: RobotsCache,
    /// Hosts with a request for robots.txt in flight.
    fetching_robots: HashSet<String>,
    robots_retries: WeightedMap<String, RobotsRetry>,
}

/// A robots.txt that could not be read so far.
#[derive(Clone, Copy)]
struct RobotsRetry {
    tries: u32,
    retry_at: DateTime<Utc>,
}

/// What may be done about a page now.
pub(super) enum FetchDecision {
    /// It may be fetched.
    FetchPage(FetchPermit, Robots),
    /// Its host's robots.txt must be fetched first.
    FetchRobots(FetchPermit),
    /// Nothing before this time; without one, nothing before [`Hosts::request_ended`] is notified.
    Wait(Option<DateTime<Utc>>),
    /// The host's robots.txt forbids it.
    Forbidden,
    /// The host's robots.txt cannot be read, which counts as forbidden (RFC 9309 section 2.3.1.4).
    RobotsUnreadable,
}

/// A request in flight. Dropping it frees the host.
pub(super) struct FetchPermit {
    hosts: Arc<Hosts>,
    host: HostKey,
    outcome: RequestOutcome,
    robots_origin: Option<String>,
}

impl Hosts {
    pub(super) fn new(settings: &CrawlerSettings, clock: Clock) -> Self {
        let state = State {
            politeness: Politeness::new(settings),
            robots: RobotsCache::default(),
            fetching_robots: HashSet::new(),
            robots_retries: WeightedMap::new(MAX_ROBOTS_RETRY_BYTES),
        };
        Self { clock, state: Mutex::new(state), request_ended: Notify::new() }
    }

    /// Notified when a request ends, from this call on, even before it is polled.
    pub(super) fn request_ended(&self) -> Notified<'_> {
        self.request_ended.notified()
    }

    /// What may be done about `url` on `host` by a job of this pace. `allowed_private`: the operator allowed the host.
    pub(super) fn try_acquire(
        self: &Arc<Self>,
        url: &Url,
        host: &HostKey,
        allowed_private: bool,
        pace: Pace,
    ) -> FetchDecision {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let known = state.robots.get(url, now).cloned();
        if let Some(robots) = &known
            && !robots.allows(url)
        {
            return if robots.is_unavailable() {
                FetchDecision::RobotsUnreadable
            } else {
                FetchDecision::Forbidden
            };
        }
        let key = robots::origin(url);
        if known.is_none() {
            if state.fetching_robots.contains(&key) {
                return FetchDecision::Wait(None);
            }
            if let Some(doubt) = state.robots_retries.peek(&key).filter(|doubt| doubt.retry_at > now) {
                return FetchDecision::Wait(Some(doubt.retry_at));
            }
        }
        state.politeness.demand(host, pace, now);
        match state.politeness.availability(host, now) {
            HostAvailability::Now => {}
            HostAvailability::At(at) => return FetchDecision::Wait(Some(at)),
            HostAvailability::Busy => return FetchDecision::Wait(None),
        }
        let permit = |asking| FetchPermit {
            hosts: self.clone(),
            host: host.clone(),
            outcome: RequestOutcome::Failed,
            robots_origin: asking,
        };
        let Some(robots) = known else {
            // Before the file is read, so that the operator's own host does not wait for the default delay.
            state.politeness.set_crawl_delay(host, None, allowed_private, now);
            state.politeness.begin(host, now);
            state.fetching_robots.insert(key.clone());
            return FetchDecision::FetchRobots(permit(Some(key)));
        };
        state.politeness.begin(host, now);
        FetchDecision::FetchPage(permit(None), robots)
    }

    /// Stores the robots.txt of `url`'s host. False: it could not be read and is asked for again later. `jitter` is
    /// in `0.0..1.0`.
    pub(super) fn store_robots(
        &self,
        permit: FetchPermit,
        url: &Url,
        robots: Robots,
        allowed_private: bool,
        jitter: f64,
    ) -> bool {
        let now = self.clock.now();
        let key = robots::origin(url);
        let mut state = self.state.lock();
        let tries = 1 + state.robots_retries.peek(&key).map_or(0, |doubt| doubt.tries);
        let unread = robots.is_unavailable();
        let settled = !unread || tries >= ROBOTS_TRIES;
        if settled {
            state.robots_retries.remove(&key);
            state.politeness.set_crawl_delay(&permit.host, robots.crawl_delay, allowed_private, now);
            state.robots.put(url, robots, now);
        } else {
            let bytes = 2 * key.len() + size_of::<RobotsRetry>();
            let doubt = RobotsRetry { tries, retry_at: now + backoff(tries, None, jitter) };
            state.robots_retries.insert(key, doubt, bytes, |doubt| doubt.retry_at <= now);
        }
        drop(state);
        permit.finish(if unread { RequestOutcome::Failed } else { RequestOutcome::Success });
        settled
    }
}

impl FetchPermit {
    /// Ends the request with this outcome.
    pub(super) fn finish(mut self, outcome: RequestOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for FetchPermit {
    fn drop(&mut self) {
        let now = self.hosts.clock.now();
        let mut state = self.hosts.state.lock();
        state.politeness.end(&self.host, self.outcome, now);
        if let Some(key) = &self.robots_origin {
            state.fetching_robots.remove(key);
        }
        drop(state);
        self.hosts.request_ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hosts() -> (Arc<Hosts>, Clock, Url, HostKey) {
        let clock = Clock::manual(DateTime::from_timestamp(1_000_000, 0).unwrap());
        let hosts = Arc::new(Hosts::new(&CrawlerSettings::default(), clock.clone()));
        let url: Url = "https://homes.example.com/h/1".parse().unwrap();
        (hosts, clock, url, ("homes.example.com".to_owned(), 443))
    }

    fn ask(hosts: &Arc<Hosts>, url: &Url, host: &HostKey, allowed_private: bool) -> FetchDecision {
        hosts.try_acquire(url, host, allowed_private, Pace::default())
    }

    fn decision_name(leave: &FetchDecision) -> &'static str {
        match leave {
            FetchDecision::FetchPage(..) => "page",
            FetchDecision::FetchRobots(_) => "robots",
            FetchDecision::Wait(Some(_)) => "later",
            FetchDecision::Wait(None) => "busy",
            FetchDecision::Forbidden => "forbidden",
            FetchDecision::RobotsUnreadable => "unreadable",
        }
    }

    #[test]
    fn robots_txt_comes_first_and_once() {
        let (hosts, clock, url, host) = hosts();
        let FetchDecision::FetchRobots(permit) = ask(&hosts, &url, &host, true) else { unreachable!() };
        assert_eq!(decision_name(&ask(&hosts, &url, &host, true)), "busy");

        assert!(hosts.store_robots(
            permit,
            &url,
            Robots::from_rules(robots::parse_rules(b"User-agent: *\nDisallow: /no"), clock.now()),
            true,
            0.0
        ));

        assert_eq!(decision_name(&ask(&hosts, &url.join("/no").unwrap(), &host, true)), "forbidden");
        let FetchDecision::FetchPage(permit, _) = ask(&hosts, &url, &host, true) else { unreachable!() };
        assert_eq!(decision_name(&ask(&hosts, &url, &host, true)), "busy");
        permit.finish(RequestOutcome::Success);
        assert_eq!(decision_name(&ask(&hosts, &url, &host, true)), "page");
    }

    #[test]
    fn a_request_that_is_dropped_frees_its_host() {
        let (hosts, clock, url, host) = hosts();
        drop(ask(&hosts, &url, &host, false));
        clock.advance(Duration::from_secs(1));

        assert_eq!(decision_name(&ask(&hosts, &url, &host, false)), "robots");
    }

    #[test]
    fn a_robots_txt_that_cannot_be_read_is_asked_for_three_times() {
        let (hosts, clock, url, host) = hosts();
        for last in [false, false, true] {
            let FetchDecision::FetchRobots(permit) = ask(&hosts, &url, &host, false) else { unreachable!() };
            assert_eq!(hosts.store_robots(permit, &url, Robots::unavailable(clock.now()), false, 1.0), last);
            assert_eq!(
                decision_name(&ask(&hosts, &url, &host, false)),
                if last { "unreadable" } else { "later" }
            );
            clock.advance(Duration::from_secs(8));
        }
    }

    #[test]
    fn jobs_share_a_host_at_the_pace_of_the_strictest() {
        let (hosts, clock, url, host) = hosts();
        let fast = Pace { crawl_delay: Some(Duration::ZERO), requests_per_host: Some(3) };
        let FetchDecision::FetchRobots(permit) = hosts.try_acquire(&url, &host, false, fast) else {
            unreachable!()
        };
        let rules = robots::parse_rules(b"User-agent: *\nDisallow: /no");
        hosts.store_robots(permit, &url, Robots::from_rules(rules, clock.now()), false, 0.0);

        let pages: Vec<_> = (0..4).map(|_| hosts.try_acquire(&url, &host, false, fast)).collect();
        assert_eq!(pages.iter().map(decision_name).collect::<Vec<_>>(), ["page", "page", "page", "busy"]);
        drop(pages);
        let first = ask(&hosts, &url, &host, false);
        assert_eq!(decision_name(&first), "later", "a second is the pause of a job that wants nothing");
        assert_eq!(decision_name(&hosts.try_acquire(&url, &host, false, fast)), "later");
        clock.advance(Duration::from_secs(1));
        let page = hosts.try_acquire(&url, &host, false, fast);
        assert_eq!(decision_name(&page), "page");
        assert_eq!(decision_name(&hosts.try_acquire(&url, &host, false, fast)), "busy");
    }
}
