//! A registered connection. Dropping the guard ends it for the node: it gives back what it has taken of the limits, and
//! is found no more.

use std::sync::Arc;

use super::connection::Connection;
use super::registry::ConnectionRegistry;
use crate::protocol::problem::CloseCode;

pub struct ConnectionGuard {
    pub connection: Arc<Connection>,
    registry: Arc<ConnectionRegistry>,
}

impl ConnectionGuard {
    /// Registers a connection. Only [`super::connecting`] does, which looks at its principal once more afterwards.
    pub(super) fn register(registry: &Arc<ConnectionRegistry>, connection: Connection) -> Self {
        let connection = Arc::new(connection);
        registry.services.metrics.opened.of(connection.carrier.into()).inc();
        registry.index.insert(&connection);
        // All connections may have been closed since this one was admitted.
        if registry.stopping.is_cancelled() {
            connection.close(CloseCode::Restart, "restart;retry_after=1");
        }
        Self { connection, registry: Arc::clone(registry) }
    }

    /// The registry that the connection is in.
    pub(super) fn registry(&self) -> &Arc<ConnectionRegistry> {
        &self.registry
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let Self { connection, registry } = self;
        connection.traffic.record_close(connection.control.mailbox().as_deref());
        registry.services.metrics.closed.of(connection.close_code()).inc();
        connection.permit.release();
        connection.release_ticket();
        if registry.index.remove(connection) {
            registry.emptied.notify_waiters();
        }
    }
}
