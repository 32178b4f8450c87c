//! Carries a change of role or name into open connections, in place: between two deliveries the reader becomes another.
//! What the new role may not see is neither delivered nor replayed from there on; what it may see is not lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::supervisor::ConnectionRegistry;
use crate::auth::principal::Principal;
use crate::base::ids::ConnectionId;
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::subscription::Reader;

/// Connections whose users' roles or names have changed. A set and no queue: bounded by the open connections, and however many
/// changes come, none is missed.
#[derive(Default)]
pub(super) struct RoleChangeQueue {
    pending: Mutex<BTreeSet<ConnectionId>>,
    changed: Notify,
}

impl RoleChangeQueue {
    pub(super) fn enqueue(&self, connections: &[Arc<Connection>]) {
        if !connections.is_empty() {
            self.pending.lock().extend(connections.iter().map(|one| one.id));
            self.changed.notify_one();
        }
    }

    async fn next(&self) -> BTreeSet<ConnectionId> {
        self.changed.notified().await;
        std::mem::take(&mut *self.pending.lock())
    }
}

/// Re-scopes connections as roles change, until `stop`. One after the other: two changes of one user must not
/// overtake each other.
pub async fn run(sessions: Arc<ConnectionRegistry>, stop: CancellationToken) {
    loop {
        let wanted = tokio::select! {
            () = stop.cancelled() => return,
            wanted = sessions.role_changes.next() => wanted,
        };
        for connection in wanted.into_iter().filter_map(|id| sessions.find(id)) {
            refresh_principal(&sessions, &connection).await;
            tokio::task::yield_now().await;
        }
    }
}

/// Asks who the connection's user is now, and goes on as that; ends the connection when it may not.
pub(super) async fn refresh_principal(sessions: &ConnectionRegistry, connection: &Connection) {
    loop {
        let before = connection.principal();
        match sessions.identity.reload_principal(&before).await {
            Ok(now) if sessions.index.replace_principal(connection, &before, &now) => break,
            // A newer token came meanwhile: it is asked again.
            Ok(_) => {}
            Err(problem) => return close_for(connection, &problem),
        }
    }
    sync_reader(sessions, connection);
}

/// Makes the mailbox's reader the one that the connection speaks for. Called after either of them has changed, so that
/// whichever comes last sees the other.
pub(super) fn sync_reader(sessions: &ConnectionRegistry, connection: &Connection) {
    let Some(mailbox) = connection.mailbox() else { return };
    sessions.services.hub.update_interest(&connection.scope, &mailbox, |interest, _| {
        let connection_id = interest.reader.connection;
        interest.reader = Reader { connection: connection_id, ..reader_of(&connection.principal()) };
        None
    });
}

/// As whom a principal reads.
pub(super) fn reader_of(principal: &Principal) -> Reader {
    let role = match principal {
        Principal::User(user) => Some(user.role()),
        Principal::Key(_) | Principal::Operator(_) => None,
    };
    Reader::unconnected(principal.user_id(), role)
}

/// A connection whose user cannot be vouched for ends; when the store could not be asked, the client comes back and is
/// judged anew.
fn close_for(connection: &Connection, problem: &Problem) {
    let (code, reason) =
        close_reason(connection, problem).unwrap_or((CloseCode::Restart, "restart;retry_after=1"));
    connection.close(code, reason);
}

/// How a connection ends whose credential the store does not admit; `None`: the store could not be asked.
pub(super) fn close_reason(connection: &Connection, problem: &Problem) -> Option<(CloseCode, &'static str)> {
    match problem.code {
        Code::Unauthenticated if connection.principal().key_id().is_some() => {
            Some((CloseCode::SessionRevoked, "key revoked"))
        }
        Code::Unauthenticated => Some((CloseCode::SessionRevoked, "session revoked")),
        Code::Forbidden => Some((CloseCode::Forbidden, "scope taken away")),
        Code::InactiveUser => Some((CloseCode::Forbidden, "User not found or inactive")),
        _ => None,
    }
}
