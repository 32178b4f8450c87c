//! Which pages may talk to this server: the same origin, loopback while bound to loopback, and those that the
//! configuration names (`cors.allowed_origins`). One rule for REST, streams and sockets.

use std::sync::Arc;

use parking_lot::RwLock;
use poem::http::{HeaderMap, header};
use url::{Host, Url};

/// The rule. Clones share it, and a change of it is for all of them.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    allowed: Arc<RwLock<Vec<String>>>,
    bound_to_loopback: bool,
}

impl OriginPolicy {
    /// `allowed`: origins as browsers write them; `bound_to_loopback`: nobody but this machine reaches the server.
    pub fn new(allowed: &[String], bound_to_loopback: bool) -> Self {
        let policy = Self { allowed: Arc::default(), bound_to_loopback };
        policy.replace(allowed);
        policy
    }

    /// Goes on with another list; sockets and streams that are open stay so.
    pub fn replace(&self, allowed: &[String]) {
        *self.allowed.write() = allowed.iter().map(|origin| origin.to_ascii_lowercase()).collect();
    }

    /// Whether a request may come from where it says it does. No `Origin` means no browser: allowed.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| self.admits_origin(origin, headers)),
            (Some(_), Some(_)) => false,
        }
    }

    fn admits_origin(&self, origin: &str, headers: &HeaderMap) -> bool {
        let (listed, any_listed) = {
            let allowed = self.allowed.read();
            (allowed.contains(&origin.to_ascii_lowercase()), !allowed.is_empty())
        };
        if listed {
            return true;
        }
        let Ok(url) = Url::parse(origin) else { return false };
        is_same(&url, headers) || (self.bound_to_loopback && !any_listed && is_loopback(&url))
    }
}

/// Whether the page came from this very server, as the browser addressed it.
fn is_same(origin: &Url, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = match (origin.host_str(), origin.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return false,
    };
    host.is_some_and(|host| host.eq_ignore_ascii_case(&authority))
}

fn is_loopback(origin: &Url) -> bool {
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
        let at_home = OriginPolicy::new(&[], true);
        let in_public = OriginPolicy::new(&[], false);

        for origin in ["", "http://api.example.com:8001"] {
            assert!(at_home.admits(&headers(origin)) && in_public.admits(&headers(origin)), "{origin:?}");
        }
        for origin in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5"] {
            assert!(at_home.admits(&headers(origin)) && !in_public.admits(&headers(origin)), "{origin:?}");
        }
        for origin in
            ["null", "http://evil.example", "http://api.example.com", "http://localhost.evil.example"]
        {
            assert!(!at_home.admits(&headers(origin)) && !in_public.admits(&headers(origin)), "{origin:?}");
        }
    }

    #[test]
    fn a_configured_list_takes_the_place_of_loopback() {
        let policy = OriginPolicy::new(&["https://App.example.com".to_owned()], true);

        assert!(policy.admits(&headers("https://app.example.com")));
        assert!(!policy.admits(&headers("http://localhost:3000")));
    }

    #[test]
    fn a_change_of_the_list_is_for_every_clone() {
        let policy = OriginPolicy::new(&[], true);
        let clone = policy.clone();

        policy.replace(&["https://app.example.com".to_owned()]);

        assert!(clone.admits(&headers("https://app.example.com")));
        assert!(!clone.admits(&headers("http://localhost:3000")));
    }

    #[test]
    fn two_origins_are_none() {
        let mut two = headers("http://localhost:1");
        two.append(header::ORIGIN, "http://localhost:1".parse().unwrap());

        assert!(!OriginPolicy::new(&[], true).admits(&two));
    }
}
