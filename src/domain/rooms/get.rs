//! One room.

use super::access::{RoomAccess, load, require_user};
use super::view::view;
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::room::Room;
use crate::storage::{TenantTx, messages, room_reads};

pub async fn get(op: &Op, room_id: &str) -> Result<Room> {
    op.require(Permission::ReadRooms)?;
    let tx = op.read().await?;
    let room = load(op, &tx, room_id).await?;
    let unread = unread(op, &tx, &room).await?;
    view(&room, unread)
}

/// Number of messages that a member has not read.
pub(super) async fn unread(op: &Op, tx: &TenantTx, room: &RoomAccess) -> Result<Option<u64>> {
    if !room.is_member() {
        return Ok(None);
    }
    let reader = require_user(op)?;
    let read = room_reads::of_user(tx, reader, &[room.id()]).await?;
    let last = read.first().map_or(0, |(_, last)| *last);
    Ok(Some(messages::unread(tx, room.id(), reader, last).await?))
}
