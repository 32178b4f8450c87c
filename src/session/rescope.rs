//! Carries a change of role into open connections, in place: between two deliveries the reader becomes another. What
//! the new role may not see is neither delivered nor replayed from there on; what it may see is not lost.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::supervisor::Sessions;
use crate::auth::principal::Principal;
use crate::domain::revocation::Revocation;
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::subscription::Reader;

/// Re-scopes connections as roles change, until `stop`. One after the other: two changes of one user must not
/// overtake each other.
pub fn run(sessions: Arc<Sessions>, stop: CancellationToken) -> impl Future<Output = ()> + Send {
    // Before the future is polled first: a change in between must be heard.
    let mut words = sessions.kernel.revocations.subscribe();
    async move {
        loop {
            let heard = tokio::select! {
                () = stop.cancelled() => return,
                heard = words.recv() => heard,
            };
            let concerned = match heard {
                // The user's own connections and those of their keys.
                Ok(Revocation::Role { tenant, user }) => sessions.connections(|one| {
                    one.scope.tenant_id() == tenant && one.principal().owner_id() == Some(user)
                }),
                Ok(_) => continue,
                // Whose roles changed is not known any more, so everybody's is asked for.
                Err(RecvError::Lagged(_)) => sessions.connections(|one| one.principal().owner_id().is_some()),
                Err(RecvError::Closed) => return,
            };
            for connection in concerned {
                rescope(&sessions, &connection).await;
            }
        }
    }
}

/// Asks who the connection's user is now, and goes on as that; ends the connection when it may not.
pub(super) async fn rescope(sessions: &Sessions, connection: &Connection) {
    loop {
        let before = connection.principal();
        match sessions.identity.again(&before).await {
            Ok(now) if connection.replace_principal(&before, &now) => break,
            // A newer token came meanwhile: it is asked again.
            Ok(_) => {}
            Err(problem) => return end(connection, &problem),
        }
    }
    sync(sessions, connection);
}

/// Makes the mailbox's reader the one that the connection speaks for. Called after either of them has changed, so that
/// whichever comes last sees the other.
pub(super) fn sync(sessions: &Sessions, connection: &Connection) {
    let Some(mailbox) = connection.mailbox() else { return };
    sessions.kernel.hub.change(&connection.scope, &mailbox, |interest, _| {
        let connection_id = interest.reader.connection;
        interest.reader = Reader { connection: connection_id, ..reader(&connection.principal()) };
        None
    });
}

/// As whom a principal reads.
pub(super) fn reader(principal: &Principal) -> Reader {
    let role = match principal {
        Principal::User(user) => Some(user.role()),
        Principal::Key(_) | Principal::Operator(_) => None,
    };
    Reader::unconnected(principal.user_id(), role)
}

/// A connection whose user cannot be vouched for ends; when the store could not be asked, the client comes back and is
/// judged anew.
fn end(connection: &Connection, problem: &Problem) {
    match problem.code {
        Code::Unauthenticated => connection.close(CloseCode::SessionRevoked, "session revoked"),
        Code::Forbidden => connection.close(CloseCode::Forbidden, "scope taken away"),
        Code::InactiveUser => connection.close(CloseCode::Forbidden, "User not found or inactive"),
        _ => connection.close(CloseCode::Restart, "restart;retry_after=1"),
    }
}
