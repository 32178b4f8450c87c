//! From a registered connection to the reader of its tenant's log, for every carrier that follows one.

use super::admission::Permit;
use super::connect_request::ConnectRequest;
use super::connection::Connection;
use super::connection_guard::ConnectionGuard;
use super::follower::Follower;
use super::registry::ConnectionRegistry;
use super::role_change;
use crate::auth::principal::Principal;
use crate::protocol::message::{ConnectionEstablished, ServerMessage};
use crate::protocol::position::Position;
use crate::protocol::reader::Reader;

/// Joins the tenant's log; the first message is `connection_established`. The permit is held until the first part of the
/// log is read. `None`: the log cannot be read now.
pub(super) async fn join_log(
    guard: &ConnectionGuard,
    join_permit: Option<Permit>,
    request: &ConnectRequest,
) -> Option<Follower> {
    let (registry, connection) = (guard.registry(), &guard.connection);
    // Not loaded again: since the connection is registered, every change of its user is applied to it.
    let reader =
        Reader { connection: Some(connection.id), ..role_change::reader_of(&connection.principal()) };
    let hello = |position| connection_established(registry, connection, position);
    let queue_bytes = registry.settings.queue_bytes;
    let joined =
        Follower::join(&registry.services, connection.scope, reader, request, queue_bytes, hello).await;
    match joined {
        Ok(mut follower) => {
            follower.store_admission_permit(join_permit);
            connection.attach(follower.mailbox());
            // A change of role while the log was joined found no mailbox.
            role_change::sync_reader(registry, connection);
            Some(follower)
        }
        Err(error) => {
            tracing::warn!(%error, connection.id = %connection.id, "a connection could not join its log");
            None
        }
    }
}

pub(super) fn connection_established(
    registry: &ConnectionRegistry,
    connection: &Connection,
    position: Position,
) -> ServerMessage {
    let principal = connection.principal();
    let (username, role) = match &principal {
        Principal::User(user) => (Some(user.username().to_owned()), Some(user.role())),
        Principal::Key(_) | Principal::Operator(_) => (None, None),
    };
    ServerMessage::ConnectionEstablished(ConnectionEstablished {
        user_id: principal.user_id().map(|user| user.0),
        key_id: principal.key_id().map(|key| key.to_string()),
        message: "Connected to real-time updates".to_owned(),
        connection_id: connection.id.to_string(),
        tenant_id: connection.scope.tenant_id().0,
        username,
        role,
        position: position.to_string(),
        heartbeat_seconds: registry.settings.heartbeat.as_secs(),
        server_time: registry.clock().epoch_seconds(),
        protocol: 1,
    })
}
