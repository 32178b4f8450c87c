//! Accepts connections from the listener: each gets a permit, and the loop never spins.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::Endpoint;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use super::connection::{self, Shared};
use super::pool::Group;

/// A source of connections. An `accept` that is dropped half-way must lose none.
pub(super) trait Accept: Send {
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

/// The first pause when the machine cannot accept (no descriptors, no memory), and the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Accepts until shutdown; the listener is closed on return.
pub(super) async fn run<A, E>(mut source: A, edge: &Arc<Shared<E>>, connections: &TaskTracker)
where
    A: Accept,
    E: Endpoint + 'static,
{
    tokio::select! {
        biased;
        () = edge.shutdown.cancelled() => {}
        () = accept_all(&mut source, edge, connections) => {}
    }
}

async fn accept_all<A, E>(source: &mut A, edge: &Arc<Shared<E>>, connections: &TaskTracker)
where
    A: Accept,
    E: Endpoint + 'static,
{
    let mut pause = PAUSE;
    loop {
        match source.accept().await {
            Ok((stream, peer)) => {
                pause = PAUSE;
                // The peer decides which connection is evicted for it, so it is accepted before it has a permit.
                let group = Group::of(peer.ip(), |peer| edge.settings.trusted.trusts(peer));
                let place = edge.registry.admit(group).await;
                connections.spawn(connection::run(Arc::clone(edge), stream, peer, place));
            }
            Err(error) if is_peer_error(&error) => {
                tracing::debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections, pausing");
                edge.clock.sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Whether only that one connection failed, so that the next can be accepted at once. Everything else (EMFILE,
/// ENFILE, ENOBUFS, ENOMEM) lasts, and retrying at once would burn a core until it passes.
fn is_peer_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
