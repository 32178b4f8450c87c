//! The guard's check of a URL, before any name is resolved.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::{Verdict, classify};
use super::ports;
use super::ranges::SpecialRange;
use crate::crawler::settings::AllowedPrivateHosts;

/// The longest URL that is fetched; the wire's `source_url` has the same bound.
const MAX_URL_BYTES: usize = 2_000;

/// Why a URL or an address is not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only http and https are fetched")]
    Scheme,
    #[error("a URL with a user name or password is not fetched")]
    UserInfo,
    #[error("the URL is longer than {0} bytes")]
    TooLong(usize),
    #[error("the host is not a public name: {0}")]
    Host(&'static str),
    #[error("port {0} belongs to another protocol")]
    Port(u16),
    #[error("the address {address} is not public: {} ({})", .range.name, .range.rfc)]
    Address { address: IpAddr, range: &'static SpecialRange },
}

/// How a URL that passed may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// At public addresses only.
    Public,
    /// At whatever address it has: the operator allowed this host and port.
    AllowedPrivate,
}

/// Checks URLs. Holds the private hosts that the operator allowed; makes no network access.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed_private: AllowedPrivateHosts,
}

impl Guard {
    pub fn new(allowed_private: AllowedPrivateHosts) -> Self {
        Self { allowed_private }
    }

    /// Whether `url` may be fetched, and how. To be asked again for each redirect.
    pub fn check(&self, url: &Url) -> Result<Reach, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme);
        }
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(Refusal::TooLong(MAX_URL_BYTES));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        if self.is_allowed_private(url) {
            return Ok(Reach::AllowedPrivate);
        }
        check_port(url)?;
        check_host(url)?;
        Ok(Reach::Public)
    }

    /// Whether the operator allowed this host and port.
    pub fn is_allowed_private(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
        self.allowed_private.contains(&(host.to_owned(), port))
    }
}

fn check_port(url: &Url) -> Result<(), Refusal> {
    match url.port_or_known_default() {
        Some(port) if ports::is_blocked(port) => Err(Refusal::Port(port)),
        _ => Ok(()),
    }
}

fn check_host(url: &Url) -> Result<(), Refusal> {
    // The parser has already turned decimal, octal, hexadecimal and full-width spellings of IPv4 into an address.
    match url.host() {
        None => Err(Refusal::Host("it is missing")),
        Some(Host::Ipv4(address)) => check_address(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => check_address(IpAddr::V6(address)),
        Some(Host::Domain(name)) => check_name(name),
    }
}

/// Refuses an address that is not public.
pub(super) fn check_address(address: IpAddr) -> Result<(), Refusal> {
    match classify(address) {
        Verdict::Allowed => Ok(()),
        Verdict::Refused(range) => Err(Refusal::Address { address, range }),
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > 253 {
        return Err(Refusal::Host("its length"));
    }
    // `example.com.` is the same host to DNS and another one to caches, robots.txt and cookies.
    if name.ends_with('.') {
        return Err(Refusal::Host("it ends in a dot"));
    }
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(Refusal::Host("a label's length"));
    }
    let Some((_, last)) = name.rsplit_once('.') else {
        return Err(Refusal::Host("it has a single label"));
    };
    let special = SPECIAL_USE.contains(&last) || name == "home.arpa" || name.ends_with(".home.arpa");
    if special { Err(Refusal::Host("a special-use domain")) } else { Ok(()) }
}

/// Top-level domains that never name a public host (RFC 6761, 6762, 7686, 9476; `internal`: ICANN 2024).
const SPECIAL_USE: [&str; 9] =
    ["alt", "example", "internal", "invalid", "local", "localhost", "onion", "test", "localdomain"];

/// An entry that is not `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not host:port")]
pub struct InvalidPrivateHost(pub String);

/// Parses the comma list of `crawler.allowed_private_hosts`; the port is required, IPv6 is in brackets.
pub fn parse_allowed_private_hosts(list: &str) -> Result<AllowedPrivateHosts, InvalidPrivateHost> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| parse_allowed_private_host(entry).ok_or_else(|| InvalidPrivateHost(entry.to_owned())))
        .collect()
}

fn parse_allowed_private_host(entry: &str) -> Option<(String, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let port = port.parse().ok()?;
    // Through the same parser as the URLs it will be compared with, so that both spell a host alike.
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.port().is_none() && url.username().is_empty();
    bare.then(|| url.host_str().map(|host| (host.to_owned(), port))).flatten()
}
