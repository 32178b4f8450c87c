//! The limits of connections, as the configuration sets them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::registry::Capacity;
use crate::base::entropy::Entropy;
use crate::http::client_ip::TrustedProxies;
use crate::http::web_origin::OriginPolicy;

/// File descriptors that are reserved for requests.
pub(super) const PLAIN_DESCRIPTORS: usize = 64;

/// The limits of connections.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// A request's head must be complete this long after its first byte; a new connection's first byte must arrive
    /// within the same time.
    pub header_timeout: Duration,
    /// An idle connection is kept this long for its next request.
    pub keep_alive: Duration,
    /// A request's body may stall this long while it is read.
    pub body_timeout: Duration,
    /// A peer may leave our bytes unread this long.
    pub write_timeout: Duration,
    /// Maximum number of plain connections, and of sockets and streams. A new connection evicts an idle one.
    pub max_connections: usize,
    /// Connections beyond these, which may request only one of `probes`.
    pub reserved: usize,
    /// Paths that are answered when the server is full.
    pub probes: &'static [&'static str],
    /// Peers that connect for many clients and so have no share of their own; loopback is always one.
    pub trusted: TrustedProxies,
    /// Total number of connections for which there are descriptors.
    pub descriptors: usize,
    /// Maximum size of a request's head, in bytes.
    pub header_bytes: usize,
    /// Running requests get this long at shutdown.
    pub drain: Duration,
    /// The pages that may read the refusals that no route has seen.
    pub origins: Option<OriginPolicy>,
    /// Generates the request ids of refusals of unreadable heads.
    pub entropy: Entropy,
    /// Aborts what is still running, before that time is over.
    pub abort_drain: CancellationToken,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            max_connections: 16_384,
            reserved: 16,
            probes: &[],
            trusted: TrustedProxies::default(),
            descriptors: usize::MAX,
            header_bytes: 32 * 1024,
            drain: Duration::from_secs(20),
            origins: None,
            entropy: Entropy,
            abort_drain: CancellationToken::new(),
        }
    }
}

impl ServeSettings {
    /// Maximum number of sockets and streams at once.
    pub fn max_live_connections(&self) -> usize {
        self.capacity().live
    }

    pub(super) fn capacity(&self) -> Capacity {
        Capacity {
            plain: self.max_connections,
            // Requests keep some of the descriptors, whatever else is open.
            live: self.max_connections.min(self.descriptors.saturating_sub(PLAIN_DESCRIPTORS).max(1)),
            reserve: self.reserved,
            total: self.descriptors,
        }
    }
}
