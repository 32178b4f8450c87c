//! Which pages may use this server: the same origin, loopback while bound to loopback, and those that the
//! configuration names (`cors.allowed_origins`). One rule for REST, streams and sockets.

use std::sync::Arc;

use parking_lot::RwLock;
use poem::http::{HeaderMap, header};
use url::{Host, Url};

/// The rule. Clones share it, and a change applies to all of them.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    allowed: Arc<RwLock<Vec<String>>>,
    /// The public URL's origin, if it is configured.
    public: Option<WebOrigin>,
    bound_to_loopback: bool,
}

impl OriginPolicy {
    /// `allowed`: origins as browsers write them; `public_url`: the address of the server for clients, if it is
    /// known; `bound_to_loopback`: only this machine can reach the server.
    pub fn new(allowed: &[String], public_url: Option<&str>, bound_to_loopback: bool) -> Self {
        let public = public_url.and_then(WebOrigin::parse);
        let policy = Self { allowed: Arc::default(), public, bound_to_loopback };
        policy.replace(allowed);
        policy
    }

    /// Replaces the list; open sockets and streams stay open.
    pub fn replace(&self, allowed: &[String]) {
        *self.allowed.write() = allowed.iter().map(|origin| origin.to_ascii_lowercase()).collect();
    }

    /// Whether a request may come from its `Origin`. No `Origin` means no browser: allowed.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| self.allows_origin(origin, headers)),
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether a page of this origin may read an answer, as far as that needs no other header of the request.
    pub fn is_listed(&self, origin: &str) -> bool {
        self.allowed.read().iter().any(|listed| listed == origin)
    }

    fn allows_origin(&self, origin: &str, headers: &HeaderMap) -> bool {
        if self.is_listed(origin) {
            return true;
        }
        let Some(page) = WebOrigin::of_header(origin) else { return false };
        let any_listed = !self.allowed.read().is_empty();
        self.is_same(&page, headers) || (self.bound_to_loopback && !any_listed && is_loopback(origin))
    }

    /// Whether the page came from this very server: from the public URL, or from the host of this request with the
    /// server's scheme.
    fn is_same(&self, page: &WebOrigin, headers: &HeaderMap) -> bool {
        if self.public.as_ref() == Some(page) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.requested_origin(host, headers).as_ref() == Some(page))
    }

    /// The origin that the request was sent to.
    fn requested_origin(&self, host: &str, headers: &HeaderMap) -> Option<WebOrigin> {
        if let Some(public) = &self.public {
            let with_its_scheme = WebOrigin::parse(&format!("{}://{host}", public.scheme));
            if with_its_scheme.as_ref() == Some(public) {
                return with_its_scheme;
            }
        }
        WebOrigin::parse(&format!("{}://{host}", forwarded_scheme(headers).unwrap_or("http")))
    }
}

/// The scheme before a proxy that terminates TLS. No page can send this field without a preflight, so it is trusted
/// from any peer: it only determines which pages are our own.
fn forwarded_scheme(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("x-forwarded-proto")?.to_str().ok()?;
    let first = text.split(',').next()?.trim();
    ["https", "http"].into_iter().find(|scheme| first.eq_ignore_ascii_case(scheme))
}

/// Scheme, host and port; the scheme's default port is the same as none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WebOrigin {
    scheme: String,
    host: String,
    port: u16,
}

impl WebOrigin {
    /// The origin in a header: the text must be a serialised origin and nothing else (RFC 6454 section 6.2), except
    /// that the scheme's default port may be written out. The parser accepts any URL.
    fn of_header(text: &str) -> Option<Self> {
        let whole = Url::parse(text).ok()?.origin().ascii_serialization();
        let origin = Self::parse(text)?;
        let is_origin = text == whole || text == format!("{whole}:{}", origin.port);
        is_origin.then_some(origin)
    }

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let (host, port) = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        Some(Self { scheme: url.scheme().to_owned(), host, port })
    }
}

fn is_loopback(origin: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    match origin.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "api.example.com:8001".parse().unwrap());
        if !origin.is_empty() {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn without_configuration_only_the_same_origin_and_loopback_pages_are_let_in() {
        let at_home = OriginPolicy::new(&[], None, true);
        let in_public = OriginPolicy::new(&[], None, false);

        for origin in ["", "http://api.example.com:8001"] {
            assert!(at_home.allows(&headers(origin)) && in_public.allows(&headers(origin)), "{origin:?}");
        }
        for origin in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5"] {
            assert!(at_home.allows(&headers(origin)) && !in_public.allows(&headers(origin)), "{origin:?}");
        }
        for origin in
            ["null", "http://evil.example", "http://api.example.com", "http://localhost.evil.example"]
        {
            assert!(!at_home.allows(&headers(origin)) && !in_public.allows(&headers(origin)), "{origin:?}");
        }
    }

    #[test]
    fn the_same_origin_has_the_same_scheme_and_default_ports_are_no_difference() {
        let plain = OriginPolicy::new(&[], None, false);
        let public = OriginPolicy::new(&[], Some("https://api.example.com"), false);
        let asked = |host: &str, origin: &str, proto: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            if !proto.is_empty() {
                headers.insert("x-forwarded-proto", proto.parse().unwrap());
            }
            headers
        };

        for (host, origin, proto) in [
            ("api.example.com", "http://api.example.com", ""),
            ("api.example.com:80", "http://api.example.com", ""),
            ("api.example.com", "http://api.example.com:80", ""),
            ("API.example.com", "https://api.example.com", "https"),
            ("api.example.com:443", "https://api.example.com", "https"),
            ("[0:0::1]:8001", "http://[::1]:8001", ""),
        ] {
            assert!(plain.allows(&asked(host, origin, proto)), "{host} {origin} {proto}");
        }
        for (host, origin, proto) in [
            ("api.example.com", "https://api.example.com", ""),
            ("api.example.com", "http://api.example.com", "https"),
            ("api.example.com", "https://api.example.com:8443", "https"),
            ("api.example.com:443", "http://api.example.com", ""),
            ("api.example.com", "ftp://api.example.com", ""),
        ] {
            assert!(!plain.allows(&asked(host, origin, proto)), "{host} {origin} {proto}");
        }
        assert!(public.allows(&asked("10.0.0.5:8001", "https://api.example.com", "")));
        assert!(public.allows(&asked("api.example.com", "https://api.example.com:443", "")));
        assert!(!public.allows(&asked("api.example.com", "http://api.example.com", "")));
    }

    #[test]
    fn what_is_no_serialised_origin_is_not_let_in() {
        let loopback = OriginPolicy::new(&[], None, true);
        let listed = OriginPolicy::new(&["https://app.example.com".to_owned()], None, true);

        for rest in ["/", "/a", "?", "?a", "#", "#a", ":", " "] {
            assert!(!loopback.allows(&headers(&format!("http://localhost{rest}"))), "{rest:?}");
            assert!(!listed.allows(&headers(&format!("https://app.example.com{rest}"))), "{rest:?}");
        }
        for origin in [
            "http://user@localhost",
            "http://@localhost",
            "http://:@localhost",
            "HTTP://localhost",
            "http://LOCALHOST",
            "http:localhost",
            "http:/localhost",
            "http:\\\\localhost",
            "http:///localhost",
            "http://local\thost",
            "http://127.1",
            "http://localhost:0080",
            "http://localhost:080",
            "http://user@api.example.com:8001",
            "http://api.example.com:8001/",
        ] {
            assert!(!loopback.allows(&headers(origin)), "{origin:?}");
        }
        for origin in ["HTTPS://app.example.com", "https://APP.example.com", "https://ann@app.example.com"] {
            assert!(!listed.allows(&headers(origin)) && !listed.is_listed(origin), "{origin}");
        }
        assert!(
            loopback.allows(&headers("http://localhost:80")) && listed.is_listed("https://app.example.com")
        );
    }

    #[test]
    fn a_configured_list_replaces_loopback() {
        let policy = OriginPolicy::new(&["https://App.example.com".to_owned()], None, true);

        assert!(policy.allows(&headers("https://app.example.com")));
        assert!(!policy.allows(&headers("http://localhost:3000")));
    }

    #[test]
    fn a_change_of_the_list_is_for_every_clone() {
        let policy = OriginPolicy::new(&[], None, true);
        let clone = policy.clone();

        policy.replace(&["https://app.example.com".to_owned()]);

        assert!(clone.allows(&headers("https://app.example.com")));
        assert!(!clone.allows(&headers("http://localhost:3000")));
    }

    #[test]
    fn two_origins_are_none() {
        let mut two = headers("http://localhost:1");
        two.append(header::ORIGIN, "http://localhost:1".parse().unwrap());

        assert!(!OriginPolicy::new(&[], None, true).allows(&two));
    }
}
