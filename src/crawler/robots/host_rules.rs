//! What one host's robots.txt allows, and how long that holds.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::rules::{RobotsRules, parse_rules};
use crate::crawler::fetch::RobotsResponse;

/// RFC 9309 section 2.4: an answer is not used for longer than a day.
const CACHE_TTL: TimeDelta = TimeDelta::hours(24);
/// A host that could not be asked is asked again sooner.
const UNREACHABLE_CACHE_TTL: TimeDelta = TimeDelta::minutes(10);

/// What one host's robots.txt allows us.
#[derive(Clone, Debug)]
pub struct Robots {
    access: Arc<Access>,
    pub crawl_delay: Option<Duration>,
    pub(super) fresh_until: DateTime<Utc>,
}

#[derive(Debug)]
enum Access {
    AllowAll,
    DisallowAll,
    Rules(RobotsRules),
}

impl Robots {
    /// What `answer` means. "Not there" (4xx) allows everything; "cannot say" (5xx, no connection) allows nothing.
    pub fn from_response(answer: &RobotsResponse, now: DateTime<Utc>) -> Self {
        match answer {
            RobotsResponse::Text(text) => Self::from_rules(parse_rules(text), now),
            // RFC 9309 lets 429 count as "not there"; a host that asks for fewer requests did not mean that.
            RobotsResponse::Status(429) => Self::unavailable(now),
            // RFC 9309 section 2.3.1.2: more than five redirects are a file that is not there.
            RobotsResponse::Status(400..=499) | RobotsResponse::RedirectLoop => {
                Self::of(Access::AllowAll, now + CACHE_TTL)
            }
            RobotsResponse::Status(_) | RobotsResponse::Unreachable => Self::unavailable(now),
        }
    }

    /// What `rules`, read from a robots.txt elsewhere, allow. Rules that no file could give allow nothing.
    pub fn from_rules(rules: RobotsRules, now: DateTime<Utc>) -> Self {
        if !rules.are_within_bounds() {
            return Self::unavailable(now);
        }
        let crawl_delay = rules.crawl_delay_ms().map(|delay| Duration::from_millis(delay.into()));
        Self { crawl_delay, ..Self::of(Access::Rules(rules), now + CACHE_TTL) }
    }

    /// The host's rules are not available: nothing is allowed, and it is asked again soon.
    pub fn unavailable(now: DateTime<Utc>) -> Self {
        Self::of(Access::DisallowAll, now + UNREACHABLE_CACHE_TTL)
    }

    fn of(access: Access, fresh_until: DateTime<Utc>) -> Self {
        Self { access: Arc::new(access), crawl_delay: None, fresh_until }
    }

    /// Whether we may fetch `url`, which is on this file's host.
    pub fn allows(&self, url: &Url) -> bool {
        match &*self.access {
            Access::AllowAll => true,
            Access::DisallowAll => url.path() == "/robots.txt",
            Access::Rules(rules) => rules.allows(&url[url::Position::BeforePath..]),
        }
    }

    /// The sitemaps that the file names, as they are written there.
    pub fn sitemaps(&self) -> &[String] {
        match &*self.access {
            Access::Rules(rules) => rules.sitemaps(),
            Access::AllowAll | Access::DisallowAll => &[],
        }
    }

    /// Whether the rules are only unavailable: the job may wait rather than give the host up.
    pub fn is_unavailable(&self) -> bool {
        matches!(*self.access, Access::DisallowAll)
    }

    /// Bytes that this takes in memory.
    pub(super) fn weight(&self) -> usize {
        let rules = match &*self.access {
            Access::Rules(rules) => rules.weight(),
            Access::AllowAll | Access::DisallowAll => 0,
        };
        size_of::<Self>() + size_of::<Access>() + rules
    }
}

/// The origin that a robots.txt applies to: scheme, host and port.
pub(in crate::crawler) fn origin(url: &Url) -> String {
    url[..url::Position::BeforePath].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::crawler::fetch::Fetcher;
    use crate::crawler::fetch::test_site::{TestSite, http_response};
    use crate::crawler::guard::parse_allowed_private_hosts;
    use crate::crawler::robots::RobotsCache;
    use crate::crawler::settings::CrawlerSettings;

    fn now() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn url(path: &str) -> Url {
        format!("https://homes.example.com{path}").parse().unwrap()
    }

    fn robots(text: &str) -> Robots {
        Robots::from_response(&RobotsResponse::Text(text.as_bytes().to_vec()), now())
    }

    #[test]
    fn our_group_wins_over_the_star_and_groups_are_joined() {
        let robots = robots(
            "User-agent: *\nDisallow: /\n\nUser-agent: lotline\nDisallow: /private\nUser-agent: other\n\
             Disallow: /\n\nUser-agent: Lotline/0.1 (+https://example.com)\nDisallow: /also # why\n",
        );

        assert!(robots.allows(&url("/house/1")));
        assert!(!robots.allows(&url("/private/1")));
        assert!(!robots.allows(&url("/also")));
    }

    #[test]
    fn the_longest_match_wins_and_allow_wins_a_tie() {
        let robots = robots(
            "user-agent: *\ndisallow: /house\nallow: /house/open\nallow: /tie\ndisallow: /tie\n\
             disallow: /*.php$\ndisallow: /*?sort=\n",
        );

        assert!(!robots.allows(&url("/house/1")));
        assert!(robots.allows(&url("/house/open/1")));
        assert!(robots.allows(&url("/tie")));
        assert!(!robots.allows(&url("/a/b.php")));
        assert!(robots.allows(&url("/a/b.php?x")));
        assert!(!robots.allows(&url("/list?sort=price")));
        assert!(robots.allows(&url("/robots.txt")));
    }

    #[test]
    fn sitemaps_are_named_for_all_crawlers() {
        let many: String =
            (0..60).map(|number| format!("Sitemap: https://a.example/{number}.xml\n")).collect();
        let named = robots(
            "SITEMAP : https://a.example/s.xml#x # ours\nUser-agent: lotline\nDisallow: /no\n\
             Sitemap:\nSitemap: /t.xml",
        );

        assert_eq!(named.sitemaps(), ["https://a.example/s.xml", "/t.xml"]);
        assert!(!named.allows(&url("/no")));
        assert_eq!(robots(&many).sitemaps().len(), 50);
        assert!(Robots::unavailable(now()).sitemaps().is_empty());
    }

    #[test]
    fn escapes_are_compared_in_one_form() {
        let robots =
            robots("User-agent: *\nDisallow: /%7euser\nDisallow: /caf%c3%a9\nDisallow: /stra\u{df}e\n");

        assert!(!robots.allows(&url("/~user/1")));
        assert!(!robots.allows(&url("/caf\u{e9}")));
        assert!(!robots.allows(&url("/stra%C3%9Fe")));
    }

    #[test]
    fn a_missing_file_allows_all_and_a_failing_host_nothing() {
        let read = |answer| Robots::from_response(&answer, now());

        assert!(read(RobotsResponse::Status(404)).allows(&url("/")));
        assert!(read(RobotsResponse::Status(403)).allows(&url("/")));
        assert!(read(RobotsResponse::RedirectLoop).allows(&url("/")));
        assert!(robots("").allows(&url("/")));
        for answer in [RobotsResponse::Status(503), RobotsResponse::Status(429), RobotsResponse::Unreachable]
        {
            let robots = read(answer);
            assert!(!robots.allows(&url("/")) && robots.is_unavailable());
        }
    }

    #[test]
    fn odd_files_are_read_line_by_line() {
        let robots = robots(
            "\u{feff}User-agent: *\r\nnonsense\r\n<html>\r\nDisallow: /a\rDisallow: /b\r\nSitemap: https://x/s.xml",
        );

        assert!(!robots.allows(&url("/a")));
        assert!(!robots.allows(&url("/b")));
        assert!(robots.allows(&url("/c")));
    }

    #[test]
    fn a_crawl_delay_is_honoured_up_to_a_minute() {
        let delay = |text: &str| robots(text).crawl_delay;

        assert_eq!(delay("User-agent: *\nCrawl-delay: 2.5\n"), Some(Duration::from_millis(2_500)));
        assert_eq!(delay("User-agent: *\nCrawl-delay: 86400\n"), Some(Duration::from_secs(60)));
        assert_eq!(delay("User-agent: *\nCrawl-delay: -1\n"), None);
        assert_eq!(delay("User-agent: *\nCrawl-delay: soon\n"), None);
        assert_eq!(delay("User-agent: *\nDisallow: /\n"), None);
    }

    #[test]
    fn rules_that_were_read_elsewhere_hold_as_those_read_here() {
        let text = b"User-agent: *\nDisallow: /no\nCrawl-delay: 3";
        let sent = serde_json::to_string(&parse_rules(text)).unwrap();

        let robots = Robots::from_rules(serde_json::from_str(&sent).unwrap(), now());

        assert!(robots.allows(&url("/yes")) && !robots.allows(&url("/no")) && !robots.is_unavailable());
        assert_eq!(robots.crawl_delay, Some(Duration::from_secs(3)));
    }

    #[test]
    fn an_answer_holds_for_a_day_and_a_failure_for_minutes() {
        let mut cache = RobotsCache::default();
        let (home, other) = (url("/house/1"), "http://homes.example.com/".parse().unwrap());
        cache.put(&home, robots(""), now());
        cache.put(&other, Robots::from_response(&RobotsResponse::Unreachable, now()), now());

        assert!(cache.get(&url("/x"), now() + TimeDelta::hours(23)).is_some());
        assert!(cache.get(&url("/x"), now() + TimeDelta::hours(24)).is_none());
        assert!(cache.get(&other, now() + TimeDelta::minutes(9)).is_some());
        assert!(cache.get(&other, now() + TimeDelta::minutes(10)).is_none());
    }

    #[test]
    fn hostile_files_are_bounded() {
        let stars = format!("User-agent: *\nDisallow: /{}$\n", "*a".repeat(900));
        let many = format!("User-agent: *\n{}", "Disallow: /x\n".repeat(40_000));

        assert!(robots(&stars).allows(&url("/b")) && !robots(&stars).allows(&url(&"/a".repeat(900))));
        assert!(!robots(&many).allows(&url("/x")));
    }

    #[tokio::test]
    async fn the_file_is_asked_for_at_the_root_and_through_redirects() {
        let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
            "/robots.txt" => http_response(301, &["Location: /r/2"], b""),
            "/r/2" => http_response(200, &["Content-Type: text/plain"], b"User-agent: *\nDisallow: /no"),
            _ => http_response(500, &[], b""),
        })
        .await;
        let settings = CrawlerSettings {
            allowed_private_hosts: parse_allowed_private_hosts(&site.address.to_string()).unwrap(),
            ..CrawlerSettings::default()
        };
        let fetcher = Fetcher::new(&settings, Clock::manual(now())).unwrap();

        let robots = Robots::from_response(&fetcher.fetch_robots(&site.url("/deep/page?x=1")).await, now());

        assert!(robots.allows(&site.url("/yes")));
        assert!(!robots.allows(&site.url("/no")));
    }

    #[tokio::test]
    async fn five_redirects_are_followed_and_a_loop_is_a_file_that_is_not_there() {
        let site = TestSite::serve(|head| match head.split(' ').nth(1).unwrap() {
            "/robots.txt" => http_response(302, &["Location: /r/1"], b""),
            "/r/5" => http_response(200, &[], b"User-agent: *\nDisallow: /no"),
            path => {
                let step: u32 = path.trim_start_matches("/r/").parse().unwrap();
                http_response(302, &[&format!("Location: /r/{}", step + 1)], b"")
            }
        })
        .await;
        let endless = TestSite::serve(|head| {
            let path = head.split(' ').nth(1).unwrap();
            http_response(302, &[&format!("Location: {path}x")], b"")
        })
        .await;
        let named = format!("{},{}", site.address, endless.address);
        let settings = CrawlerSettings {
            allowed_private_hosts: parse_allowed_private_hosts(&named).unwrap(),
            ..CrawlerSettings::default()
        };
        let fetcher = Fetcher::new(&settings, Clock::manual(now())).unwrap();

        let five = Robots::from_response(&fetcher.fetch_robots(&site.url("/")).await, now());
        let more = fetcher.fetch_robots(&endless.url("/")).await;

        assert!(five.allows(&site.url("/yes")) && !five.allows(&site.url("/no")));
        assert!(matches!(more, RobotsResponse::RedirectLoop), "{more:?}");
        assert_eq!(endless.requests().len(), 6);
        assert!(Robots::from_response(&more, now()).allows(&endless.url("/")));
    }

    #[tokio::test]
    async fn a_redirect_to_another_named_host_is_not_followed() {
        let other = TestSite::serve(|_| http_response(200, &[], b"")).await;
        let target = other.url("/admin/shutdown?now=1");
        let site = TestSite::serve(move |_| http_response(302, &[&format!("Location: {target}")], b"")).await;
        let named = format!("{},{}", site.address, other.address);
        let settings = CrawlerSettings {
            allowed_private_hosts: parse_allowed_private_hosts(&named).unwrap(),
            ..CrawlerSettings::default()
        };
        let fetcher = Fetcher::new(&settings, Clock::manual(now())).unwrap();

        let robots = fetcher.fetch_robots(&site.url("/")).await;

        assert!(matches!(robots, RobotsResponse::Unreachable), "{robots:?}");
        assert_eq!(other.requests(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_file_without_end_is_read_up_to_its_bound() {
        let mut body = b"User-agent: *\nDisallow: /no\n".to_vec();
        body.resize(700 * 1024, b'#');
        let site = TestSite::serve(move |_| http_response(200, &[], &body)).await;
        let settings = CrawlerSettings {
            allowed_private_hosts: parse_allowed_private_hosts(&site.address.to_string()).unwrap(),
            ..CrawlerSettings::default()
        };
        let fetcher = Fetcher::new(&settings, Clock::manual(now())).unwrap();

        let answer = fetcher.fetch_robots(&site.url("/")).await;

        assert!(matches!(&answer, RobotsResponse::Text(text) if text.len() == 500 * 1024));
        assert!(!Robots::from_response(&answer, now()).allows(&site.url("/no")));
    }

    proptest::proptest! {
        #[test]
        fn no_file_breaks_the_reader(
            text in "((user-agent|allow|disallow|crawl-delay|sitemap)?[: ]{0,2}[a-zA-Z*$/%0-9.#\u{e9}-]{0,20}[\r\n]?){0,20}",
            path in "[a-z*$/%0-9]{0,20}",
        ) {
            let robots = robots(&text);
            robots.allows(&url(&format!("/{path}")));
            assert!(robots.crawl_delay.is_none_or(|delay| delay <= Duration::from_secs(60)));
            assert!(robots.allows(&url("/robots.txt")));
        }
    }
}
