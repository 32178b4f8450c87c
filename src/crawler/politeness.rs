//! How fast a host is asked. Pure state: the time comes in with each call, and nothing here waits.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::settings::CrawlerSettings;
use super::weighted::WeightedMap;

/// A host and port; two ports are two hosts.
pub type HostKey = (String, u16);

/// Bytes of the hosts that are remembered: some 30,000. Beyond them the ones that could be asked right now are
/// forgotten first, because remembering them changes nothing, then those that were asked longest ago.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The longest pause for a host that throttles without a `Retry-After`.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The first pause after 429 or 503.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The shortest pause, whatever little a host asks for.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Good answers in a row that halve a pause again.
const SUCCESSES_TO_RELAX: u32 = 5;
/// How long a job counts as one that asks a host after it last wanted to: longer than any pause between two requests.
const DEMAND_TTL: Duration = Duration::from_secs(120);
/// Different paces of one host that are remembered; beyond them the strictest of two stands for both.
const MAX_DEMANDS: usize = 16;

/// Whether a host may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostAvailability {
    Now,
    /// Not before this time.
    At(DateTime<Utc>),
    /// As many requests as allowed are in flight; ask again when one has ended.
    Busy,
}

/// How a request went, as far as politeness cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    Success,
    /// 429 or 503, with the host's `Retry-After`.
    Throttled(Option<Duration>),
    /// No answer, or an error that says nothing about load.
    Failed,
}

/// How a job wants its hosts to be asked. What robots.txt asks for and the operator's bound hold beside it, and of the
/// jobs that ask a host at one time the strictest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// The pause between two requests, at most a minute; `None`: the node's own.
    pub crawl_delay: Option<Duration>,
    /// Requests at the same time; `None`: the node's own.
    pub requests_per_host: Option<usize>,
}

/// The schedule of all hosts that one worker asks.
#[derive(Debug)]
pub struct Politeness {
    limits: PoliteLimits,
    hosts: WeightedMap<HostKey, Host>,
}

/// The node's own pace, and what jobs may ask for.
#[derive(Clone, Copy, Debug)]
struct PoliteLimits {
    default_delay: Duration,
    max_delay: Duration,
    requests_per_host: usize,
    requests_per_host_max: usize,
}

#[derive(Debug, Default)]
struct Host {
    /// What robots.txt asks for.
    crawl_delay: Option<Duration>,
    /// The operator's own host: no default delay.
    allowed_private: bool,
    /// What we add because the host struggled.
    pause: Duration,
    successes_in_a_row: u32,
    /// When the last request began.
    begun_at: Option<DateTime<Utc>>,
    next_at: Option<DateTime<Utc>>,
    in_flight: usize,
    /// What the jobs that ask it want, each pace once.
    demands: Vec<Demand>,
}

#[derive(Clone, Copy, Debug)]
struct Demand {
    pace: Pace,
    until: DateTime<Utc>,
}

impl Politeness {
    pub fn new(settings: &CrawlerSettings) -> Self {
        let requests_per_host = settings.requests_per_host.max(1);
        let limits = PoliteLimits {
            default_delay: settings.crawl_delay,
            max_delay: settings.max_crawl_delay,
            requests_per_host,
            requests_per_host_max: settings.requests_per_host_max.max(requests_per_host),
        };
        Self { limits, hosts: WeightedMap::new(MAX_BYTES) }
    }

    /// A job of this pace wants to ask `host`: from now on the host is asked as slowly as it wants, for as long as the
    /// job comes back.
    pub fn demand(&mut self, host: &HostKey, pace: Pace, now: DateTime<Utc>) {
        let until = now + DEMAND_TTL;
        // Most calls are by a job that waits, and come again at once.
        let renew_after = until - DEMAND_TTL / 8;
        let is_known = |host: &Host| {
            host.demands.iter().any(|demand| demand.pace == pace && demand.until >= renew_after)
        };
        if !self.hosts.peek(host).is_some_and(is_known) {
            let limits = self.limits;
            self.update_host(host, now, |host| host.add_demand(Demand { pace, until }, limits, now));
        }
    }

    /// Sets the crawl delay of robots.txt. The default delay does not apply to a private host (`allowed_private`).
    pub fn set_crawl_delay(
        &mut self,
        host: &HostKey,
        crawl_delay: Option<Duration>,
        named: bool,
        now: DateTime<Utc>,
    ) {
        let crawl_delay = crawl_delay.map(|delay| delay.min(self.limits.max_delay));
        self.update_host(host, now, |host| {
            host.crawl_delay = crawl_delay;
            host.allowed_private = named;
        });
    }

    /// Whether `host` may be asked at `now`.
    pub fn availability(&self, host: &HostKey, now: DateTime<Utc>) -> HostAvailability {
        let Some(host) = self.hosts.peek(host) else { return HostAvailability::Now };
        if host.in_flight >= host.requests(self.limits, now) {
            return HostAvailability::Busy;
        }
        match host.next_at {
            Some(at) if at > now => HostAvailability::At(at),
            _ => HostAvailability::Now,
        }
    }

    /// A request to `host` begins. The delay to the next one counts from here.
    pub fn begin(&mut self, host: &HostKey, now: DateTime<Utc>) {
        let limits = self.limits;
        self.update_host(host, now, |host| {
            host.in_flight += 1;
            host.begun_at = Some(now);
            host.next_at = Some(now + host.delay(limits, now));
        });
    }

    /// A request to `host` has ended.
    pub fn end(&mut self, host: &HostKey, answer: RequestOutcome, now: DateTime<Utc>) {
        self.update_host(host, now, |host| {
            host.in_flight = host.in_flight.saturating_sub(1);
            match answer {
                RequestOutcome::Success => host.relax(),
                RequestOutcome::Throttled(asked) => host.back_off(asked, now),
                RequestOutcome::Failed => host.successes_in_a_row = 0,
            }
        });
    }

    /// The earliest time at which one of `hosts` may be asked; `None` when one may be asked now, or all are busy.
    pub fn earliest<'a>(
        &self,
        hosts: impl IntoIterator<Item = &'a HostKey>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let mut earliest = None;
        for host in hosts {
            match self.availability(host, now) {
                HostAvailability::Now => return None,
                HostAvailability::At(at) => {
                    earliest = Some(earliest.map_or(at, |best: DateTime<Utc>| best.min(at)));
                }
                HostAvailability::Busy => {}
            }
        }
        earliest
    }

    fn update_host(&mut self, key: &HostKey, now: DateTime<Utc>, change: impl FnOnce(&mut Host)) {
        let mut host = self.hosts.remove(key).unwrap_or_default();
        change(&mut host);
        let demands = host.demands.capacity() * size_of::<Demand>();
        let bytes = 2 * (key.0.len() + size_of::<HostKey>()) + size_of::<Host>() + demands;
        self.hosts.insert(key.clone(), host, bytes, |host| host.is_idle(now));
    }
}

impl Host {
    /// Whether it could be asked as if it were not known.
    fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.in_flight == 0 && self.next_at.is_none_or(|at| at <= now)
    }

    /// The pause between two requests: the longest that a job wants, never shorter than what robots.txt asks for.
    fn delay(&self, limits: PoliteLimits, now: DateTime<Utc>) -> Duration {
        let usual = self.demands_at(now).map(|pace| self.delay_of(pace, limits)).max();
        usual.unwrap_or_else(|| self.delay_of(Pace::default(), limits)).max(self.pause)
    }

    fn delay_of(&self, pace: Pace, limits: PoliteLimits) -> Duration {
        match (self.crawl_delay, pace.crawl_delay) {
            (asked, Some(wanted)) => asked.unwrap_or_default().max(wanted.min(limits.max_delay)),
            (Some(asked), None) => asked,
            (None, None) if self.allowed_private => Duration::ZERO,
            (None, None) => limits.default_delay,
        }
    }

    /// How many requests may be in flight: the fewest that a job wants, never more than the operator allows.
    fn requests(&self, limits: PoliteLimits, now: DateTime<Utc>) -> usize {
        let wanted = self.demands_at(now).map(|pace| requests_of(pace, limits)).min();
        wanted.unwrap_or(limits.requests_per_host)
    }

    fn demands_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = Pace> {
        self.demands.iter().filter(move |demand| demand.until > now).map(|demand| demand.pace)
    }

    fn add_demand(&mut self, new: Demand, limits: PoliteLimits, now: DateTime<Utc>) {
        // A job that comes while the host waits for the next request of another one waits as long as it wants itself.
        if !self.demands_at(now).any(|pace| pace == new.pace) {
            let wanted = self.begun_at.map(|begun| begun + self.delay_of(new.pace, limits));
            self.next_at = self.next_at.max(wanted);
        }
        self.demands.retain(|demand| demand.until > now && demand.pace != new.pace);
        if self.demands.len() < MAX_DEMANDS {
            return self.demands.push(new);
        }
        let delay = |host: &Self, demand: &Demand| host.delay_of(demand.pace, limits);
        let Some(last) = self.demands.last().copied() else { return };
        let strictest = Pace {
            crawl_delay: Some(delay(self, &last).max(delay(self, &new))),
            requests_per_host: Some(requests_of(last.pace, limits).min(requests_of(new.pace, limits))),
        };
        self.demands.pop();
        self.demands.push(Demand { pace: strictest, until: last.until.max(new.until) });
    }

    fn back_off(&mut self, asked: Option<Duration>, now: DateTime<Utc>) {
        self.successes_in_a_row = 0;
        // A host's `Retry-After` is better than our guess; being refused again doubles both.
        let first = asked.map_or(FIRST_PAUSE, |asked| asked.clamp(SHORTEST_PAUSE, FIRST_PAUSE));
        self.pause = self.pause.saturating_mul(2).clamp(first, LONGEST_PAUSE);
        let wait = asked.unwrap_or_default().max(self.pause);
        let at = now + wait;
        self.next_at = Some(self.next_at.map_or(at, |before| before.max(at)));
    }

    fn relax(&mut self) {
        self.successes_in_a_row += 1;
        if self.successes_in_a_row >= SUCCESSES_TO_RELAX {
            self.successes_in_a_row = 0;
            self.pause /= 2;
            if self.pause < FIRST_PAUSE / 2 {
                self.pause = Duration::ZERO;
            }
        }
    }
}

fn requests_of(pace: Pace, limits: PoliteLimits) -> usize {
    pace.requests_per_host.unwrap_or(limits.requests_per_host).clamp(1, limits.requests_per_host_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn host(name: &str) -> HostKey {
        (name.to_owned(), 443)
    }

    fn politeness() -> Politeness {
        Politeness::new(&CrawlerSettings::default())
    }

    #[test]
    fn a_host_is_asked_once_in_a_delay_and_by_one_request() {
        let (mut politeness, home) = (politeness(), host("a"));
        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::Now);

        politeness.begin(&home, at(0));
        assert_eq!(politeness.availability(&home, at(9)), HostAvailability::Busy);
        politeness.end(&home, RequestOutcome::Success, at(0));

        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::At(at(1)));
        assert_eq!(politeness.availability(&home, at(1)), HostAvailability::Now);
        assert_eq!(politeness.availability(&host("b"), at(0)), HostAvailability::Now);
    }

    #[test]
    fn robots_txt_sets_the_delay_up_to_a_minute() {
        let (mut politeness, slow, greedy) = (politeness(), host("slow"), host("greedy"));
        politeness.set_crawl_delay(&slow, Some(seconds(7)), false, at(0));
        politeness.set_crawl_delay(&greedy, Some(seconds(86_400)), false, at(0));

        for host in [&slow, &greedy] {
            politeness.begin(host, at(0));
            politeness.end(host, RequestOutcome::Success, at(0));
        }

        assert_eq!(politeness.availability(&slow, at(0)), HostAvailability::At(at(7)));
        assert_eq!(politeness.availability(&greedy, at(0)), HostAvailability::At(at(60)));
        assert_eq!(politeness.earliest([&slow, &greedy], at(0)), Some(at(7)));
        assert_eq!(politeness.earliest([&slow, &greedy], at(7)), None);
    }

    fn pace(delay_seconds: Option<u64>, requests: Option<usize>) -> Pace {
        Pace { crawl_delay: delay_seconds.map(seconds), requests_per_host: requests }
    }

    #[test]
    fn a_job_may_ask_for_more_requests_up_to_the_operators_bound() {
        for (wanted, allowed) in [(None, 1), (Some(1), 1), (Some(3), 3), (Some(8), 4)] {
            let (mut politeness, home) = (politeness(), host("a"));
            politeness.demand(&home, pace(Some(0), wanted), at(0));
            let begun = (0..10)
                .take_while(|_| {
                    let is_free = politeness.availability(&home, at(0)) == HostAvailability::Now;
                    politeness.begin(&home, at(0));
                    is_free
                })
                .count();
            assert_eq!(begun, allowed, "{wanted:?}");
        }
    }

    #[test]
    fn a_jobs_delay_is_never_shorter_than_that_of_robots_txt() {
        for (asked, wanted, waits_until) in [
            (None, None, 1),
            (None, Some(9), 9),
            (None, Some(0), 0),
            (Some(5), None, 5),
            (Some(5), Some(2), 5),
            (Some(5), Some(7), 7),
            (None, Some(600), 60),
        ] {
            let (mut politeness, home) = (politeness(), host("a"));
            politeness.set_crawl_delay(&home, asked.map(seconds), false, at(0));
            politeness.demand(&home, pace(wanted, None), at(0));
            politeness.begin(&home, at(0));
            politeness.end(&home, RequestOutcome::Success, at(0));

            let expected =
                if waits_until > 0 { HostAvailability::At(at(waits_until)) } else { HostAvailability::Now };
            assert_eq!(politeness.availability(&home, at(0)), expected, "{asked:?} {wanted:?}");
        }
    }

    #[test]
    fn the_strictest_of_the_jobs_that_ask_now_counts() {
        let (mut politeness, home) = (politeness(), host("a"));
        politeness.demand(&home, pace(Some(0), Some(3)), at(0));
        politeness.demand(&home, pace(Some(10), None), at(0));
        politeness.begin(&home, at(0));
        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::Busy);
        politeness.end(&home, RequestOutcome::Success, at(0));
        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::At(at(10)));

        // The slow job came last at 0, the other one comes back.
        for second in [60, 119, 121] {
            politeness.demand(&home, pace(Some(0), Some(3)), at(second));
        }
        politeness.begin(&home, at(121));
        assert_eq!(politeness.availability(&home, at(121)), HostAvailability::Now);
    }

    #[test]
    fn many_paces_of_a_host_are_bounded_and_stay_strict() {
        let (mut politeness, home) = (politeness(), host("a"));
        for delay in 0..50 {
            politeness.demand(&home, pace(Some(delay), Some(4)), at(0));
        }
        politeness.demand(&home, pace(Some(0), Some(2)), at(0));
        for request in 0..2 {
            politeness.begin(&home, at(-100 * (2 - request)));
        }

        assert!(politeness.hosts.peek(&home).unwrap().demands.len() <= MAX_DEMANDS);
        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::Busy);
        politeness.end(&home, RequestOutcome::Success, at(0));
        politeness.begin(&home, at(0));
        politeness.end(&home, RequestOutcome::Success, at(0));
        politeness.end(&home, RequestOutcome::Success, at(0));
        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::At(at(49)));
    }

    #[test]
    fn a_named_host_is_not_slowed_down_unless_it_asks() {
        let (mut politeness, own, asking) = (politeness(), host("own"), host("asking"));
        politeness.set_crawl_delay(&own, None, true, at(0));
        politeness.set_crawl_delay(&asking, Some(seconds(2)), true, at(0));

        for host in [&own, &asking] {
            politeness.begin(host, at(0));
            politeness.end(host, RequestOutcome::Success, at(0));
        }

        assert_eq!(politeness.availability(&own, at(0)), HostAvailability::Now);
        assert_eq!(politeness.availability(&asking, at(0)), HostAvailability::At(at(2)));
    }

    #[test]
    fn a_throttling_host_is_paused_longer_each_time_and_relaxes_again() {
        let (mut politeness, home) = (politeness(), host("a"));
        let mut ask = |answer, now| {
            politeness.begin(&home, at(now));
            politeness.end(&home, answer, at(now));
            politeness.availability(&home, at(now))
        };

        assert_eq!(ask(RequestOutcome::Throttled(None), 0), HostAvailability::At(at(5)));
        assert_eq!(ask(RequestOutcome::Throttled(None), 10), HostAvailability::At(at(20)));
        assert_eq!(ask(RequestOutcome::Throttled(Some(seconds(100))), 20), HostAvailability::At(at(120)));
        assert_eq!(
            ask(RequestOutcome::Success, 200),
            HostAvailability::At(at(220)),
            "one good answer is not yet a good host"
        );
        for turn in 0..20 {
            ask(RequestOutcome::Success, 300 + turn);
        }
        assert_eq!(ask(RequestOutcome::Success, 400), HostAvailability::At(at(401)));
    }

    #[test]
    fn pauses_never_pass_five_minutes() {
        let (mut politeness, home) = (politeness(), host("a"));
        for _ in 0..100 {
            politeness.end(&home, RequestOutcome::Throttled(None), at(0));
        }

        assert_eq!(politeness.availability(&home, at(0)), HostAvailability::At(at(300)));
    }

    #[test]
    fn memory_is_bounded_and_a_host_that_was_refused_is_remembered() {
        let mut politeness = politeness();
        let struggling = host("struggling");
        politeness.end(&struggling, RequestOutcome::Throttled(None), at(0));
        for number in 0..60_000 {
            let host = host(&number.to_string());
            politeness.begin(&host, at(number - 100_000));
            politeness.end(&host, RequestOutcome::Success, at(number - 100_000));
        }

        assert!(politeness.hosts.bytes() <= MAX_BYTES && politeness.hosts.len() > 10_000);
        assert_eq!(politeness.availability(&struggling, at(0)), HostAvailability::At(at(5)));
    }

    #[test]
    fn memory_is_bounded_also_where_every_host_is_waited_for() {
        let mut politeness = politeness();
        for number in 0..60_000 {
            politeness.end(&host(&number.to_string()), RequestOutcome::Throttled(None), at(0));
        }

        assert!(politeness.hosts.bytes() <= MAX_BYTES);
        assert_eq!(politeness.availability(&host("59999"), at(0)), HostAvailability::At(at(5)));
    }
}
