//! Extends a connection beyond its token with a newer one of the same user: on the socket itself, or over REST for a
//! stream, which accepts no messages.

use chrono::{DateTime, Utc};

use super::connection::Connection;
use super::connection_limits::Carrier;
use super::registry::ConnectionRegistry;
use super::role_change;
use crate::auth::principal::Principal;
use crate::base::clock::rfc3339;
use crate::base::ids::ConnectionId;
use crate::domain::identity::authenticate::{Authenticated, Credential};
use crate::protocol::message::{ServerMessage, TokenRefreshed};
use crate::protocol::problem::{Code, Problem};

/// Checks the token like a new connection's and moves the connection's expiry. Subscriptions stay.
pub async fn refresh(
    registry: &ConnectionRegistry,
    connection: &Connection,
    token: &str,
) -> Result<DateTime<Utc>, Problem> {
    let authenticated = registry.identity.authenticate(Credential::Query(token)).await?;
    if !(authenticated.principal.user_id().is_some()
        && is_same_principal(connection, &authenticated.principal))
    {
        return Err(Problem::new(
            Code::WrongUser,
            "The token is not one of the user that opened this connection.",
        ));
    }
    apply_credential(registry, connection, authenticated).await
}

/// Moves the expiry of a stream to that of the request's credential, and notifies the stream. A stream of another
/// user is reported as not found.
pub async fn refresh_stream(
    registry: &ConnectionRegistry,
    id: ConnectionId,
    authenticated: Authenticated,
) -> Result<DateTime<Utc>, Problem> {
    let found = registry.find(id).filter(|one| one.carrier == Carrier::Stream);
    let stream = found
        .filter(|one| is_same_principal(one, &authenticated.principal))
        .ok_or_else(Problem::not_found)?;
    let expires_at = apply_credential(registry, &stream, authenticated).await?;
    let message = TokenRefreshed { expires_at: rfc3339(expires_at), reply_to: None };
    stream.offer(&ServerMessage::TokenRefreshed(message));
    Ok(expires_at)
}

/// Whether both are the same user, or the same key.
fn is_same_principal(connection: &Connection, principal: &Principal) -> bool {
    let own = connection.principal();
    principal.scope() == Some(connection.scope)
        && own.user_id() == principal.user_id()
        && own.key_id() == principal.key_id()
}

/// Ties the connection to the newer token: from now on it ends with that token's session.
async fn apply_credential(
    registry: &ConnectionRegistry,
    connection: &Connection,
    authenticated: Authenticated,
) -> Result<DateTime<Utc>, Problem> {
    let Authenticated { principal, expires_at } = authenticated;
    while !registry.index.replace_principal(connection, &connection.principal(), &principal) {}
    connection.extend(expires_at);
    // The newer session may have ended before the connection belonged to it; that revocation is not repeated.
    role_change::refresh_principal(registry, connection).await;
    Ok(expires_at)
}
