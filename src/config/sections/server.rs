//! `[server]`: addresses, trusted proxies, connections and timeouts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

use super::rules::folder;
use crate::config::network::{Network, ParseNetworkError};
use crate::config::reader::ConfigReader;

/// The address after an unreadable one; there is always an error then.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8001);

/// The accepted values of `server.public_url`. Links begin with it, so it names one host that can be reached.
const PUBLIC_URL: &str = "an http or https address that people open, of one host: no `*`, 0.0.0.0 or [::]";

#[derive(Clone, Debug)]
pub struct ServerSettings {
    pub bind: SocketAddr,
    pub data_dir: PathBuf,
    /// Without a slash at its end.
    pub public_url: Option<String>,
    pub trusted_proxies: Vec<Network>,
    pub max_connections: usize,
    pub header_timeout_seconds: u64,
    pub body_timeout_seconds: u64,
    pub request_timeout_seconds: u64,
    pub keep_alive_seconds: u64,
    pub drain_delay_seconds: u64,
    pub shutdown_seconds: u64,
}

impl ServerSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let address = "an address and a port, such as 127.0.0.1:8001 or [::1]:8001";
        let network = ParseNetworkError.to_string();
        Self {
            bind: reader.text("server.bind", address, |text| text.parse().ok()).unwrap_or(LOOPBACK),
            data_dir: reader.text("server.data_dir", "a folder", folder).unwrap_or_default(),
            public_url: reader.optional_text("server.public_url", PUBLIC_URL, public_url),
            trusted_proxies: reader.list("server.trusted_proxies", &network, |text| text.parse().ok()),
            max_connections: reader.integer("server.max_connections", 16..=1_000_000),
            header_timeout_seconds: reader.integer("server.header_timeout_seconds", 1..=300),
            body_timeout_seconds: reader.integer("server.body_timeout_seconds", 1..=300),
            request_timeout_seconds: reader.integer("server.request_timeout_seconds", 1..=3_600),
            keep_alive_seconds: reader.integer("server.keep_alive_seconds", 1..=3_600),
            drain_delay_seconds: reader.integer("server.drain_delay_seconds", 0..=600),
            shutdown_seconds: reader.integer("server.shutdown_seconds", 0..=600),
        }
    }

    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_seconds)
    }

    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds)
    }

    /// The delay at shutdown between failing readiness and closing connections.
    pub fn drain_delay(&self) -> Duration {
        Duration::from_secs(self.drain_delay_seconds)
    }

    /// How long running work may take at shutdown.
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }

    /// Whether a request from `peer` may state another client address.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

fn public_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let web = matches!(url.scheme(), "http" | "https") && url.password().is_none();
    (plain && web && is_one_host(&url)).then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// Whether the address names one host: a pattern or "every address of the machine" does not.
fn is_one_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => !name.contains('*'),
        Some(Host::Ipv4(address)) => !address.is_unspecified(),
        Some(Host::Ipv6(address)) => !IpAddr::V6(address).to_canonical().is_unspecified(),
        None => false,
    }
}
