//! How a spider's shape makes the requests of its jobs look, and how fast they come.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::fetch::{CookieJar, RequestProfile};
use super::links::AllowedHosts;
use super::politeness::Pace;
use crate::domain::previews::OwnHosts;
use crate::domain::spiders::SpiderShape;

/// The hosts that a spider names itself: those of its start URLs and its allowed hosts. A job's other targets are not
/// among them, so that no job carries a spider's headers elsewhere.
fn own_hosts(named: &OwnHosts) -> AllowedHosts {
    let start_urls: Vec<Url> = named.start_urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
    AllowedHosts::of(&start_urls, &named.allowed_hosts)
}

/// The requests of one job, with a cookie jar of its own.
pub(super) fn request_profile(shape: &SpiderShape) -> RequestProfile {
    RequestProfile {
        user_agent: shape.rules.user_agent.clone(),
        headers: shape.headers.iter().cloned().collect(),
        own_hosts: Arc::new(own_hosts(&shape.own_hosts)),
        cookies: Some(Arc::new(CookieJar::default())),
    }
}

/// How fast one job wants its hosts to be asked.
pub(super) fn pace(shape: &SpiderShape) -> Pace {
    let requests = shape.rules.requests_per_host.and_then(|requests| usize::try_from(requests).ok());
    Pace {
        crawl_delay: shape.rules.crawl_delay_ms.map(|delay| Duration::from_millis(delay.into())),
        requests_per_host: requests,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::spider_rules::SpiderRules;

    #[test]
    fn a_shape_without_rules_asks_for_nothing() {
        let shape = SpiderShape::default();
        let profile = request_profile(&shape);

        assert_eq!(pace(&shape), Pace::default());
        assert!(profile.user_agent.is_none() && profile.headers.is_empty() && profile.cookies.is_some());
    }

    #[test]
    fn a_spiders_rules_become_the_requests_of_its_jobs() {
        let rules = SpiderRules {
            crawl_delay_ms: Some(250),
            requests_per_host: Some(3),
            user_agent: Some("Own/1".to_owned()),
            ..SpiderRules::default()
        };
        let headers = vec![("X-Api-Key".to_owned(), "secret".to_owned())];
        let own_hosts =
            OwnHosts { start_urls: Vec::new(), allowed_hosts: vec!["homes.example.com".to_owned()] };
        let shape = SpiderShape { rules, headers: headers.clone(), own_hosts, ..SpiderShape::default() };

        let profile = request_profile(&shape);

        let wanted = Pace { crawl_delay: Some(Duration::from_millis(250)), requests_per_host: Some(3) };
        assert_eq!(pace(&shape), wanted);
        assert_eq!((profile.user_agent.as_deref(), &*profile.headers), (Some("Own/1"), headers.as_slice()));
        assert!(profile.own_hosts.allows(&"https://homes.example.com/".parse().unwrap()));
    }
}
