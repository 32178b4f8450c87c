//! Serves a listener until shutdown, then drains.

use std::sync::Arc;

use poem::Endpoint;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{self, Accept};
use super::connection::Shared;
use super::listener::Listener;
use super::registry::HttpConnections;
use super::settings::ServeSettings;
use crate::base::clock::Clock;

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
pub(super) async fn serve_from<A, E>(
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
