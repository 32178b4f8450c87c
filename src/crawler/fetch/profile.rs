//! How a job's requests look: its user agent, its spider's headers and its cookies. Headers are secrets of the tenant:
//! they go to the spider's own hosts only.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::cookies::CookieJar;
use crate::crawler::guard::Reach;
use crate::crawler::links::AllowedHosts;

/// Fields that belong to the connection or to the fetcher; a spider with one of them is refused when it is saved.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "accept-encoding",
    "range",
];

/// Proxies, and conditions.
const RESERVED_KINDS: &[&str] = &["proxy-", "if-"];

/// How a job's requests look. The default is the node's own. Cheap to clone.
#[derive(Clone, Default)]
pub struct RequestProfile {
    /// Instead of the node's.
    pub user_agent: Option<String>,
    /// Names and values. A value replaces the fetcher's own, such as `Accept`.
    pub headers: Arc<[(String, String)]>,
    /// Where the headers go, over https or to a private host that the operator named.
    pub own_hosts: Arc<AllowedHosts>,
    pub cookies: Option<Arc<CookieJar>>,
}

/// Which request of a fetch it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    First,
    /// It follows a redirect.
    Redirected,
}

impl RequestProfile {
    /// Adds what this profile sends to `url`.
    pub(super) fn apply(&self, headers: &mut HeaderMap, url: &Url, reach: Reach, hop: Hop) {
        if let Some(agent) = self.user_agent.as_ref().and_then(|agent| HeaderValue::from_str(agent).ok()) {
            headers.insert(header::USER_AGENT, agent);
        }
        if hop == Hop::First && self.may_send_headers(url, reach) {
            for (name, value) in self.headers.iter().filter_map(|(name, value)| field(name, value)) {
                headers.insert(name, value);
            }
        }
        let jar = self.cookies.as_ref().and_then(|jar| jar.header(url));
        if let Some(cookies) = jar {
            let both = headers.get(header::COOKIE).and_then(|own| joined(own, &cookies));
            headers.insert(header::COOKIE, both.unwrap_or(cookies));
        }
    }

    /// Keeps the cookies of an answer.
    pub(super) fn store_cookies(&self, url: &Url, headers: &HeaderMap) {
        if let Some(jar) = &self.cookies {
            jar.store(url, headers);
        }
    }

    fn may_send_headers(&self, url: &Url, reach: Reach) -> bool {
        let is_private = matches!(reach, Reach::AllowedPrivate);
        (url.scheme() == "https" || is_private) && self.own_hosts.allows(url)
    }
}

/// A field of a spider; `None` for what no request may have.
fn field(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let is_of_kind = |start: &&str| name.as_str().starts_with(*start);
    if RESERVED.contains(&name.as_str()) || RESERVED_KINDS.iter().any(is_of_kind) {
        return None;
    }
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

fn joined(own: &HeaderValue, others: &HeaderValue) -> Option<HeaderValue> {
    let both = [own.as_bytes(), b"; ", others.as_bytes()].concat();
    let mut both = HeaderValue::from_bytes(&both).ok()?;
    both.set_sensitive(true);
    Some(both)
}

impl fmt::Debug for RequestProfile {
    /// Without the values of headers and cookies.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("RequestProfile")
            .field("user_agent", &self.user_agent)
            .field("header_names", &names)
            .field("own_hosts", &self.own_hosts)
            .field("cookies", &self.cookies)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(headers: &[(&str, &str)]) -> RequestProfile {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let own: Url = "https://homes.example.com/".parse().unwrap();
        RequestProfile {
            headers,
            own_hosts: Arc::new(AllowedHosts::of([&own], &[])),
            ..RequestProfile::default()
        }
    }

    fn sent(profile: &RequestProfile, url: &str, reach: Reach, hop: Hop) -> HeaderMap {
        let mut headers = HeaderMap::new();
        profile.apply(&mut headers, &url.parse().unwrap(), reach, hop);
        headers
    }

    #[test]
    fn headers_go_to_the_own_hosts_over_a_safe_way_and_never_behind_a_redirect() {
        let profile = profile(&[("X-Api-Key", "secret")]);
        let has = |url, reach, hop| sent(&profile, url, reach, hop).contains_key("x-api-key");

        assert!(has("https://homes.example.com/1", Reach::Public, Hop::First));
        assert!(has("http://homes.example.com/1", Reach::AllowedPrivate, Hop::First));
        assert!(!has("http://homes.example.com/1", Reach::Public, Hop::First));
        assert!(!has("https://homes.example.com/1", Reach::Public, Hop::Redirected));
        assert!(!has("https://other.example.com/1", Reach::Public, Hop::First));
        assert!(!has("https://homes.example.com:8443/1", Reach::Public, Hop::First));
    }

    #[test]
    fn fields_of_the_connection_are_not_a_spiders() {
        let profile = profile(&[
            ("Host", "a"),
            ("Proxy-Authorization", "a"),
            ("Accept-Encoding", "a"),
            ("Bad Name", "a"),
            ("X-Line", "a\r\nb: c"),
            ("Accept-Language", "de"),
        ]);

        let headers = sent(&profile, "https://homes.example.com/", Reach::Public, Hop::First);

        assert_eq!(headers.len(), 1);
        assert_eq!(headers["accept-language"], "de");
    }

    #[test]
    fn a_spiders_cookies_and_those_of_the_jar_are_one_header() {
        let jar = Arc::new(CookieJar::default());
        let set = HeaderMap::from_iter([(header::SET_COOKIE, HeaderValue::from_static("id=7"))]);
        let profile = RequestProfile {
            cookies: Some(jar),
            user_agent: Some("Own/1".to_owned()),
            ..profile(&[("Cookie", "consent=yes")])
        };
        let url: Url = "https://homes.example.com/".parse().unwrap();
        profile.store_cookies(&url, &set);

        let first = sent(&profile, url.as_str(), Reach::Public, Hop::First);
        let next = sent(&profile, url.as_str(), Reach::Public, Hop::Redirected);

        assert_eq!(first["cookie"], "consent=yes; id=7");
        assert_eq!(next["cookie"], "id=7");
        assert_eq!(next["user-agent"], "Own/1");
    }

    #[test]
    fn no_value_is_in_the_debug_text() {
        let text = format!("{:?}", profile(&[("X-Api-Key", "secret")]));

        assert!(text.contains("X-Api-Key") && !text.contains("secret"), "{text}");
    }
}
