//! The use cases of typing: a command of a socket, and the end of what got no update.

pub mod tracker;

use self::tracker::TypingState;
use super::error::Result;
use super::op::{Op, Services};
use super::rooms::access::{self, require_user};
use crate::auth::permission::Permission;
use crate::base::ids::ConnectionId;
use crate::cluster::presence_store::TenantUser;

/// Records that the caller begins, continues or stops typing in a room, and publishes the change.
pub async fn show(op: &Op, connection: ConnectionId, room_id: &str, is_typing: bool) -> Result<()> {
    op.require(Permission::Chat)?;
    let typist = TenantUser { tenant: op.scope.tenant_id(), user: require_user(op)? };
    let (typing, steady) = (&op.services.ephemeral.typing, op.services.clock.steady());
    if !is_typing && typing.end(&op.services.publisher, typist, room_id) {
        return Ok(());
    }
    if is_typing && typing.is_throttled(typist, room_id, steady) {
        op.services.metrics.typing_dropped.inc();
        return Ok(());
    }
    let tx = op.read().await?;
    let room = access::load(op, &tx, room_id).await?;
    room.require_member()?;
    room.require_open()?;
    if is_typing {
        let state = TypingState {
            room: room.id(),
            everyone: room.row.everyone,
            slug: room.row.slug,
            connection,
            updated_at: steady,
            is_published: true,
        };
        typing.begin(&op.services.publisher, typist, state);
    }
    Ok(())
}

/// Ends states without a recent update. To be called a few times a second.
pub fn expire(services: &Services) {
    services.ephemeral.typing.expire(&services.publisher, services.clock.steady());
}
