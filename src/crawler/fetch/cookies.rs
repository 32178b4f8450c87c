//! The cookies of one job. They go back only to the host and port that set them, whatever their `Domain` says, and are
//! forgotten with the job. RFC 6265 is the crate's part; the bounds and the host are ours.

use std::fmt;

use cookie_store::{Cookie, CookieDomain};
use parking_lot::Mutex;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

/// Cookies of a job, the bytes of one as it was set, and of all. At a bound the oldest ones go.
const MAX_COOKIES: usize = 300;
const MAX_COOKIE_BYTES: usize = 4 * 1024;
const MAX_JAR_BYTES: usize = 64 * 1024;
/// `Set-Cookie` lines of one answer that are read.
const MAX_LINES: usize = 50;
/// Bytes of a `Cookie` header; servers refuse longer ones.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// The cookies of a job. Shared by its requests.
#[derive(Default)]
pub struct CookieJar(Mutex<Vec<StoredCookie>>);

struct StoredCookie {
    /// Two ports are two hosts; http and https of a host are one.
    host: (String, Option<u16>),
    cookie: Cookie<'static>,
    bytes: usize,
}

impl CookieJar {
    /// Keeps what an answer from `url` sets, and forgets what it lets expire.
    pub(super) fn store(&self, url: &Url, headers: &HeaderMap) {
        let lines = headers.get_all(header::SET_COOKIE).iter().take(MAX_LINES);
        let set = lines.filter_map(|line| StoredCookie::parse(line, url));
        let mut jar = self.0.lock();
        for new in set {
            if let Some(at) = jar.iter().position(|stored| stored.is_same(&new)) {
                // A cookie that is set again keeps its place in the order (RFC 6265 section 5.3, step 11).
                if new.cookie.is_expired() {
                    jar.remove(at);
                } else {
                    jar[at] = new;
                }
            } else if !new.cookie.is_expired() {
                jar.push(new);
            }
        }
        let mut bytes: usize = jar.iter().map(|stored| stored.bytes).sum();
        while jar.len() > MAX_COOKIES || bytes > MAX_JAR_BYTES {
            bytes -= jar.remove(0).bytes;
        }
    }

    /// What a request for `url` sends: longer paths first, then older cookies.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let host = host_of(url)?;
        let jar = self.0.lock();
        let is_for = |stored: &&StoredCookie| {
            stored.host == host && !stored.cookie.is_expired() && stored.cookie.matches(url)
        };
        let mut cookies: Vec<_> = jar.iter().filter(is_for).collect();
        cookies.sort_by_key(|stored| std::cmp::Reverse(stored.cookie.path.len()));
        let mut text = String::new();
        for stored in cookies {
            let (name, value) = stored.cookie.name_value();
            if text.len() + name.len() + value.len() + 3 > MAX_HEADER_BYTES {
                break;
            }
            if !text.is_empty() {
                text.push_str("; ");
            }
            // A cookie without a name is sent as its value (RFC 6265bis section 5.8.3).
            if !name.is_empty() {
                text.push_str(name);
                text.push('=');
            }
            text.push_str(value);
        }
        let mut value = HeaderValue::from_bytes(text.as_bytes()).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl StoredCookie {
    fn parse(line: &HeaderValue, url: &Url) -> Option<Self> {
        let text = std::str::from_utf8(line.as_bytes()).ok()?;
        if text.len() > MAX_COOKIE_BYTES {
            return None;
        }
        let mut cookie = Cookie::parse(text.to_owned(), url).ok()?;
        cookie.domain = CookieDomain::host_only(url).ok()?;
        Some(Self { host: host_of(url)?, cookie, bytes: text.len() })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.host == other.host
            && *self.cookie.path == *other.cookie.path
            && self.cookie.name() == other.cookie.name()
    }
}

fn host_of(url: &Url) -> Option<(String, Option<u16>)> {
    Some((url.host_str()?.to_owned(), url.port()))
}

impl fmt::Debug for CookieJar {
    /// Without the cookies: they are secrets of the site and the tenant.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CookieJar").field("cookies", &self.0.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn set(jar: &CookieJar, from: &str, lines: &[&str]) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::SET_COOKIE, HeaderValue::from_str(line).unwrap());
        }
        jar.store(&url(from), &headers);
    }

    fn sent(jar: &CookieJar, to: &str) -> Option<String> {
        jar.header(&url(to)).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn cookies_go_back_to_the_host_that_set_them_and_to_no_other() {
        let jar = CookieJar::default();
        set(&jar, "https://www.example.com/a/b", &["id=1; Path=/", "x=2; Domain=example.com; Path=/"]);
        set(&jar, "https://www.example.com/", &["y=3; Domain=other.example"]);

        assert_eq!(sent(&jar, "https://www.example.com/c").as_deref(), Some("id=1; x=2"));
        assert_eq!(sent(&jar, "http://www.example.com/c").as_deref(), Some("id=1; x=2"));
        for other in ["https://example.com/", "https://a.www.example.com/", "https://www.example.com:8443/"] {
            assert_eq!(sent(&jar, other), None, "{other}");
        }
    }

    #[test]
    fn paths_secure_and_expiry_are_respected() {
        let jar = CookieJar::default();
        let from = "https://a.example/homes/1";
        set(&jar, from, &["root=1; Path=/", "near=2", "safe=3; Secure; Path=/"]);

        assert_eq!(sent(&jar, "https://a.example/homes/9").as_deref(), Some("near=2; root=1; safe=3"));
        assert_eq!(sent(&jar, "http://a.example/").as_deref(), Some("root=1"));
        set(
            &jar,
            from,
            &["root=; Path=/; Max-Age=0", "near=5", "old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
        );
        assert_eq!(sent(&jar, "https://a.example/homes/9").as_deref(), Some("near=5; safe=3"));
    }

    #[test]
    fn a_jar_is_bounded_and_the_oldest_cookies_go() {
        let jar = CookieJar::default();
        set(&jar, "https://a.example/", &[&format!("long={}", "x".repeat(MAX_COOKIE_BYTES))]);
        assert_eq!(sent(&jar, "https://a.example/"), None);
        for number in 0..MAX_COOKIES + 10 {
            set(&jar, &format!("https://h{number}.example/"), &["a=1"]);
        }
        assert_eq!(jar.0.lock().len(), MAX_COOKIES);
        assert_eq!(sent(&jar, "https://h9.example/"), None);
        assert_eq!(sent(&jar, "https://h10.example/").as_deref(), Some("a=1"));

        for number in 0..40 {
            let line = format!("c{number}={}", "x".repeat(4_000));
            set(&jar, "https://a.example/", &[&line]);
        }
        assert!(jar.0.lock().iter().map(|stored| stored.bytes).sum::<usize>() <= MAX_JAR_BYTES);
        assert!(sent(&jar, "https://a.example/").unwrap().len() <= MAX_HEADER_BYTES);
        set(&jar, "https://b.example/", &["a=1"; 60]);
        assert_eq!(format!("{jar:?}"), format!("CookieJar {{ cookies: {} }}", jar.0.lock().len()));
    }
}
