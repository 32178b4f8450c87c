//! Our own accept loop around a poem endpoint: HTTP/1.1, every wait bounded, connections counted, a clean drain. It
//! knows bytes, time and connections; never a route, a caller or a tenant.

mod accept;
mod connection;
mod connection_state;
mod framing;
mod head_refusal;
mod host;
mod listener;
mod pool;
mod registry;
mod request_body;
#[cfg(test)]
mod tests;
mod time_limit;
mod tracked_stream;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use poem::Endpoint;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::http::client_ip::TrustedProxies;
use crate::http::web_origin::OriginPolicy;

use accept::Accept;
use connection::Shared;
use registry::{Capacity, HttpConnections};

pub use listener::{BindError, Listener};
pub use request_body::BodyProgress;
pub use time_limit::TimeLimit;
pub use upgrade::{Upgrade, UpgradeError, UpgradePermit, Upgraded};

/// File descriptors that are reserved for requests.
const PLAIN_DESCRIPTORS: usize = 64;

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

    fn capacity(&self) -> Capacity {
        Capacity {
            plain: self.max_connections,
            // Requests keep some of the descriptors, whatever else is open.
            live: self.max_connections.min(self.descriptors.saturating_sub(PLAIN_DESCRIPTORS).max(1)),
            reserve: self.reserved,
            total: self.descriptors,
        }
    }
}

/// Added to the response's data by a socket or stream that has a connection guard: its connection counts as live from
/// then on. Any other response, whatever it looks like, is an ordinary one.
#[derive(Clone, Copy, Debug)]
pub struct LiveResponse;

/// The result of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline, and were aborted.
    pub aborted: usize,
}

/// Serves until `shutdown`, then drains: accepts no more, ends idle connections, lets running requests finish until
/// the deadline. Upgraded sockets are closed by their handlers; they are not waited for.
pub async fn serve<E>(
    listener: Listener,
    endpoint: E,
    settings: ServeSettings,
    clock: Clock,
    shutdown: CancellationToken,
) -> Drained
where
    E: Endpoint + 'static,
{
    serve_from(listener, endpoint, settings, clock, shutdown).await
}

/// [`serve`] with any source of connections: a test passes one that fails.
async fn serve_from<A, E>(
    source: A,
    endpoint: E,
    settings: ServeSettings,
    clock: Clock,
    shutdown: CancellationToken,
) -> Drained
where
    A: Accept,
    E: Endpoint + 'static,
{
    let (drain, abort_drain) = (settings.drain, settings.abort_drain.clone());
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let edge = Arc::new(Shared {
        endpoint,
        registry: HttpConnections::new(settings.capacity()),
        settings,
        clock: clock.clone(),
        shutdown: shutdown.clone(),
        abort: cut.clone(),
    });

    accept::run(source, &edge, &connections).await;

    connections.close();
    tokio::select! {
        () = connections.wait() => return Drained { aborted: 0 },
        () = clock.sleep(drain) => {}
        () = abort_drain.cancelled() => {}
    }
    let left = connections.len();
    cut.cancel();
    // Every task ends at its next poll, so this wait is short.
    connections.wait().await;
    Drained { aborted: left }
}
