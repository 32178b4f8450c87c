//! Applies a change of role or name to open connections, in place, between two deliveries. From then on what the new
//! role may not see is neither delivered nor replayed; what it may see is not lost.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::registry::ConnectionRegistry;
use crate::auth::principal::Principal;
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::reader::Reader;

/// Updates connections as roles change, until `stop`. One after the other: two changes of one user must not overtake
/// each other.
pub async fn run(registry: Arc<ConnectionRegistry>, stop: CancellationToken) {
    loop {
        let wanted = tokio::select! {
            () = stop.cancelled() => return,
            wanted = registry.role_changes.next() => wanted,
        };
        for connection in wanted.into_iter().filter_map(|id| registry.find(id)) {
            refresh_principal(&registry, &connection).await;
            tokio::task::yield_now().await;
        }
    }
}

/// Reloads the connection's principal and applies it; closes the connection if its credential is no longer valid.
pub(super) async fn refresh_principal(registry: &ConnectionRegistry, connection: &Connection) {
    match reload_principal(registry, connection).await {
        Ok(()) => sync_reader(registry, connection),
        Err(problem) => close_for(connection, &problem),
    }
}

/// Replaces the connection's principal by the same user or key as it is now; the error is why its credential is no
/// longer valid, or that the store could not be read.
pub(super) async fn reload_principal(
    registry: &ConnectionRegistry,
    connection: &Connection,
) -> Result<(), Problem> {
    loop {
        let before = connection.principal();
        let now = registry.identity.reload_principal(&before).await?;
        if registry.index.replace_principal(connection, &before, &now) {
            return Ok(());
        }
        // A newer token came meanwhile: its principal is loaded.
    }
}

/// Sets the mailbox's reader from the connection's principal. Called after either of them has changed, so that the
/// later call sees both.
pub(super) fn sync_reader(registry: &ConnectionRegistry, connection: &Connection) {
    let Some(mailbox) = connection.mailbox() else { return };
    registry.services.hub.update_interest(&connection.scope, &mailbox, |interest, _| {
        let connection_id = interest.reader.connection;
        interest.reader = Reader { connection: connection_id, ..reader_of(&connection.principal()) };
        None
    });
}

/// The reader of a principal.
pub(super) fn reader_of(principal: &Principal) -> Reader {
    let role = match principal {
        Principal::User(user) => Some(user.role()),
        Principal::Key(_) | Principal::Operator(_) => None,
    };
    Reader::unconnected(principal.user_id(), role)
}

/// Closes a connection after its principal could not be loaded; if the store could not be read, the client reconnects
/// and is authenticated again.
fn close_for(connection: &Connection, problem: &Problem) {
    let (code, reason) =
        close_reason(connection, problem).unwrap_or((CloseCode::Restart, "restart;retry_after=1"));
    connection.close(code, reason);
}

/// How a connection with a refused credential is closed; `None`: the store could not be read.
pub(super) fn close_reason(connection: &Connection, problem: &Problem) -> Option<(CloseCode, &'static str)> {
    match problem.code {
        Code::Unauthenticated if connection.principal().key_id().is_some() => {
            Some((CloseCode::SessionRevoked, "key revoked"))
        }
        Code::Unauthenticated => Some((CloseCode::SessionRevoked, "session revoked")),
        Code::Forbidden if connection.principal().key_id().is_some() => {
            Some((CloseCode::Forbidden, "scope taken away"))
        }
        Code::Forbidden => Some((CloseCode::Forbidden, "role changed")),
        Code::InactiveUser => Some((CloseCode::Forbidden, "User not found or inactive")),
        _ => None,
    }
}
