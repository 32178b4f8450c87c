//! What the jobs of a node share about hosts: whose turn it is, and what their robots.txt allows. Two jobs that crawl
//! one host are as polite together as one.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use url::Url;

use super::fetch::backoff;
use super::politeness::{Answer, HostKey, Politeness, Turn};
use super::robots::{self, Robots, RobotsCache};
use super::settings::CrawlerSettings;
use super::weighted::WeightedMap;
use crate::base::clock::Clock;

/// How often a robots.txt that cannot be read is asked for before its host is given up for some minutes.
const ROBOTS_TRIES: u32 = 3;
/// Bytes of the hosts in doubt that are remembered; beyond them the oldest are asked again as if for the first time.
const MAX_DOUBT_BYTES: usize = 4 * 1024 * 1024;

/// The hosts as this node knows them.
pub(super) struct Hosts {
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    politeness: Politeness,
    robots: RobotsCache,
    /// Hosts whose robots.txt is being asked for at this moment.
    asking: HashSet<String>,
    doubts: WeightedMap<String, Doubt>,
}

/// A robots.txt that could not be read so far.
#[derive(Clone, Copy)]
struct Doubt {
    tries: u32,
    ask_at: DateTime<Utc>,
}

/// What may be done about a page now.
pub(super) enum Leave {
    /// It may be asked for.
    Page(Permit, Robots),
    /// Its host's robots.txt is to be asked for first.
    Robots(Permit),
    /// Nothing before this time; without one, nothing before [`Hosts::changed`] rings.
    Wait(Option<DateTime<Utc>>),
    /// The host does not want it asked for.
    Forbidden,
    /// The host's wishes cannot be read, which counts as forbidden (RFC 9309 section 2.3.1.4).
    Unreadable,
}

/// A request on its way. When it is dropped, the host is free again.
pub(super) struct Permit {
    hosts: Arc<Hosts>,
    host: HostKey,
    answer: Answer,
    asking: Option<String>,
}

impl Hosts {
    pub(super) fn new(settings: &CrawlerSettings, clock: Clock) -> Self {
        let state = State {
            politeness: Politeness::new(settings),
            robots: RobotsCache::default(),
            asking: HashSet::new(),
            doubts: WeightedMap::new(MAX_DOUBT_BYTES),
        };
        Self { clock, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Rings when a request ended. Hears every ring from this call on, even before it is polled.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// What may be done about `url` on `host`. `named`: the operator named the host.
    pub(super) fn leave(self: &Arc<Self>, url: &Url, host: &HostKey, named: bool) -> Leave {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let known = state.robots.get(url, now).cloned();
        if let Some(robots) = &known
            && !robots.allows(url)
        {
            return if robots.is_unknown() { Leave::Unreadable } else { Leave::Forbidden };
        }
        let key = robots::key(url);
        if known.is_none() {
            if state.asking.contains(&key) {
                return Leave::Wait(None);
            }
            if let Some(doubt) = state.doubts.peek(&key).filter(|doubt| doubt.ask_at > now) {
                return Leave::Wait(Some(doubt.ask_at));
            }
        }
        match state.politeness.turn(host, now) {
            Turn::Now => {}
            Turn::At(at) => return Leave::Wait(Some(at)),
            Turn::Busy => return Leave::Wait(None),
        }
        let permit =
            |asking| Permit { hosts: self.clone(), host: host.clone(), answer: Answer::Failed, asking };
        let Some(robots) = known else {
            // Before the file is read, so that the operator's own host does not wait for the default delay.
            state.politeness.introduce(host, None, named, now);
            state.politeness.begin(host, now);
            state.asking.insert(key.clone());
            return Leave::Robots(permit(Some(key)));
        };
        state.politeness.begin(host, now);
        Leave::Page(permit(None), robots)
    }

    /// Takes in what the robots.txt of `url`'s host says. False: it could not be read and is asked for again later.
    /// `jitter` is in `0.0..1.0`.
    pub(super) fn learn(&self, permit: Permit, url: &Url, robots: Robots, named: bool, jitter: f64) -> bool {
        let now = self.clock.now();
        let key = robots::key(url);
        let mut state = self.state.lock();
        let tries = 1 + state.doubts.peek(&key).map_or(0, |doubt| doubt.tries);
        let unread = robots.is_unknown();
        let settled = !unread || tries >= ROBOTS_TRIES;
        if settled {
            state.doubts.remove(&key);
            state.politeness.introduce(&permit.host, robots.crawl_delay, named, now);
            state.robots.put(url, robots, now);
        } else {
            let bytes = 2 * key.len() + size_of::<Doubt>();
            let doubt = Doubt { tries, ask_at: now + backoff(tries, None, jitter) };
            state.doubts.insert(key, doubt, bytes, |doubt| doubt.ask_at <= now);
        }
        drop(state);
        permit.answered(if unread { Answer::Failed } else { Answer::Fine });
        settled
    }
}

impl Permit {
    /// The request has ended like this.
    pub(super) fn answered(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.hosts.clock.now();
        let mut state = self.hosts.state.lock();
        state.politeness.end(&self.host, self.answer, now);
        if let Some(key) = &self.asking {
            state.asking.remove(key);
        }
        drop(state);
        self.hosts.changed.notify_waiters();
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

    fn said(leave: &Leave) -> &'static str {
        match leave {
            Leave::Page(..) => "page",
            Leave::Robots(_) => "robots",
            Leave::Wait(Some(_)) => "later",
            Leave::Wait(None) => "busy",
            Leave::Forbidden => "forbidden",
            Leave::Unreadable => "unreadable",
        }
    }

    #[test]
    fn robots_txt_comes_first_and_once() {
        let (hosts, clock, url, host) = hosts();
        let Leave::Robots(permit) = hosts.leave(&url, &host, true) else { unreachable!() };
        assert_eq!(said(&hosts.leave(&url, &host, true)), "busy");

        assert!(hosts.learn(
            permit,
            &url,
            Robots::of_rules(robots::parse_rules(b"User-agent: *\nDisallow: /no"), clock.now()),
            true,
            0.0
        ));

        assert_eq!(said(&hosts.leave(&url.join("/no").unwrap(), &host, true)), "forbidden");
        let Leave::Page(permit, _) = hosts.leave(&url, &host, true) else { unreachable!() };
        assert_eq!(said(&hosts.leave(&url, &host, true)), "busy");
        permit.answered(Answer::Fine);
        assert_eq!(said(&hosts.leave(&url, &host, true)), "page");
    }

    #[test]
    fn a_request_that_is_dropped_frees_its_host() {
        let (hosts, clock, url, host) = hosts();
        drop(hosts.leave(&url, &host, false));
        clock.advance(Duration::from_secs(1));

        assert_eq!(said(&hosts.leave(&url, &host, false)), "robots");
    }

    #[test]
    fn a_robots_txt_that_cannot_be_read_is_asked_for_three_times() {
        let (hosts, clock, url, host) = hosts();
        for last in [false, false, true] {
            let Leave::Robots(permit) = hosts.leave(&url, &host, false) else { unreachable!() };
            assert_eq!(hosts.learn(permit, &url, Robots::unknown(clock.now()), false, 1.0), last);
            assert_eq!(said(&hosts.leave(&url, &host, false)), if last { "unreadable" } else { "later" });
            clock.advance(Duration::from_secs(8));
        }
    }
}
