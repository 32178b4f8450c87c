//! The host of a request (RFC 9112 section 3.2). Two parties that read a request must agree on it: a missing,
//! duplicate, malformed or contradicting host is refused.

use std::net::Ipv6Addr;

use http::{HeaderMap, Uri, Version, header};

use crate::protocol::problem::{Code, Problem};

/// Refuses a request if its `Host` is malformed, or differs from the target's.
pub(super) fn check(version: Version, target: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |words: &'static str| Err(Problem::new(Code::BadRequest, words));
    let mut given = headers.get_all(header::HOST).iter();
    let host = match (given.next(), given.next()) {
        (None, _) if version <= Version::HTTP_10 => None,
        (None, _) => return refused("The request has no Host field; HTTP/1.1 needs exactly one."),
        (Some(_), Some(_)) => return refused("The request has more than one Host field; send exactly one."),
        (Some(host), None) => match Authority::parse(host.as_bytes()) {
            Some(host) => Some(host),
            None => return refused("The Host field is not a host with an optional port."),
        },
    };
    // Only the absolute form names a scheme; the target of CONNECT is an authority alone and not a route of ours.
    let (Some(scheme), Some(authority)) = (target.scheme_str(), target.authority()) else { return Ok(()) };
    let Some(target) = Authority::parse(authority.as_str().as_bytes()) else {
        return refused("The request's target is not an address of a host with an optional port.");
    };
    match host {
        Some(host) if !host.is_same(&target, default_port(scheme)) => {
            refused("The Host field and the request's target name different hosts.")
        }
        _ => Ok(()),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// A host with an optional port, without user information.
#[derive(Debug, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
                (address.to_string(), port)
            }
            None => {
                let (name, port) = text.split_once(':').unwrap_or((text, ""));
                (is_name(name).then(|| name.to_ascii_lowercase())?, port)
            }
        };
        let is_digits = port.bytes().all(|byte| byte.is_ascii_digit());
        // An empty port is the scheme's own (RFC 3986 section 3.2.3).
        let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
        is_digits.then_some(Self { host, port })
    }

    fn is_same(&self, other: &Self, default: Option<u16>) -> bool {
        self.host == other.host && self.port.or(default) == other.port.or(default)
    }
}

/// A registered name or an IPv4 address: unreserved characters and percent-encoded bytes. The other characters of RFC
/// 3986 occur in no DNS name; a comma would mean two values in one.
fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let encoded =
        |at: usize| bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    let allowed = |(at, byte): (usize, &u8)| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || (*byte == b'%' && encoded(at))
    };
    !bytes.is_empty() && bytes.iter().enumerate().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(version: Version, target: &str, hosts: &[&[u8]]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, http::HeaderValue::from_bytes(host).unwrap());
        }
        check(version, &target.parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn http_1_1_has_exactly_one_host_and_1_0_at_most_one() {
        let one: &[&[u8]] = &[b"x"];
        let two: &[&[u8]] = &[b"x", b"x"];

        assert!(is_accepted(Version::HTTP_11, "/", one) && is_accepted(Version::HTTP_10, "/", one));
        assert!(is_accepted(Version::HTTP_10, "/", &[]) && !is_accepted(Version::HTTP_11, "/", &[]));
        assert!(!is_accepted(Version::HTTP_11, "/", two) && !is_accepted(Version::HTTP_10, "/", two));
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port() {
        for good in [
            "example.com",
            "EXAMPLE.com:8001",
            "127.0.0.1",
            "[::1]",
            "[2001:db8::1]:80",
            "my_host",
            "x:",
            "a.b.",
            "xn--bcher-kva.example",
            "%C3%BC",
        ] {
            assert!(is_accepted(Version::HTTP_11, "/", &[good.as_bytes()]), "{good}");
        }
        for bad in [
            &b""[..],
            b"a b",
            b"a/b",
            b"user@host",
            b"a:b",
            b"a:1:2",
            b"[::1",
            b"::1",
            b"[x]",
            b"a:99999",
            b"a:-1",
            b"a:+1",
            b"http://a",
            b"a,b",
            b"a\xff",
            "bücher".as_bytes(),
            b"a?",
            b"a#",
            b"[::1]x",
            b"%zz",
            b"%2",
            b":80",
            b"a\\b",
            b"\"a\"",
        ] {
            assert!(!is_accepted(Version::HTTP_11, "/", &[bad]), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn an_absolute_target_and_the_host_agree() {
        for (target, host, is_good) in [
            ("http://a.example/x", "a.example", true),
            ("http://A.example:80/x", "a.EXAMPLE", true),
            ("https://a.example/x", "a.example:443", true),
            ("http://[::1]:8001/", "[0:0::1]:8001", true),
            ("http://evil.example/x", "a.example", false),
            ("http://a.example:81/x", "a.example", false),
            ("http://a.example/x", "a.example:443", false),
            ("http://user@a.example/x", "a.example", false),
        ] {
            assert_eq!(is_accepted(Version::HTTP_11, target, &[host.as_bytes()]), is_good, "{target} {host}");
        }
        assert!(is_accepted(Version::HTTP_10, "http://a.example/x", &[]));
        assert!(!is_accepted(Version::HTTP_10, "http://user@a.example/x", &[]));
    }
}
