//! The client address of a request. `X-Forwarded-For` is trusted only from the proxies that the configuration names.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use poem::Request;

use super::problem::RequestId;
use crate::base::text::truncate;
use crate::config::network::Network;
use crate::domain::op::Origin;

/// The proxies that may set `X-Forwarded-For`; part of the application's data. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<RwLock<Vec<Network>>>);

impl TrustedProxies {
    pub fn new(networks: &[Network]) -> Self {
        let proxies = Self::default();
        proxies.replace(networks);
        proxies
    }

    /// Replaces the list.
    pub fn replace(&self, networks: &[Network]) {
        *self.0.write() = networks.to_vec();
    }

    pub(in crate::http) fn trusts(&self, address: IpAddr) -> bool {
        self.0.read().iter().any(|network| network.contains(address))
    }
}

/// Longest user agent that is kept, in bytes.
const USER_AGENT_BYTES: usize = 300;

/// The request's origin, for audit, throttling and logs.
pub fn request_origin(request: &Request) -> Origin {
    Origin {
        request_id: request.data::<RequestId>().map(|id| id.as_str().to_owned()),
        address: address(request).map(|address| address.to_string()),
        user_agent: request.header("user-agent").map(|agent| truncate(agent, USER_AGENT_BYTES).to_owned()),
    }
}

/// The client's address: the peer's, or the last hop before the trusted proxies.
pub fn address(request: &Request) -> Option<IpAddr> {
    let peer = request.remote_addr().as_socket_addr()?.ip();
    let Some(proxies) = request.data::<TrustedProxies>().filter(|proxies| proxies.trusts(peer)) else {
        return Some(peer);
    };
    // Each hop appends the address that it saw; any client may forge the entries further left.
    let lines = request.headers().get_all("x-forwarded-for").iter();
    let hops: Vec<&str> =
        lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).collect();
    let mut client = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address;
        if !proxies.trusts(address) {
            break;
        }
    }
    Some(client)
}
