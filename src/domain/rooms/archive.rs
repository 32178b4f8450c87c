//! Archiving a room: its messages stay readable for its members, and nothing can be added.

use super::access::{lock, require_user};
use super::create::audit_entry;
use super::get::unread;
use super::members::{refuse_lobby, system_message};
use super::view::view;
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::event::Event;
use crate::protocol::message::RoomEvent;
use crate::protocol::room::Room;
use crate::storage::{micros, rooms};

/// Archives a room; an archived one stays so. For owners of the room and admins. `precondition` refuses when the
/// caller read another state.
pub async fn archive(
    op: &Op,
    room_id: &str,
    precondition: &(dyn Fn(&Room) -> Result<()> + Sync),
) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    room.require_moderator(op)?;
    refuse_lobby(&room)?;
    let count = unread(op, &change.tx, &room).await?;
    precondition(&view(&room, count)?)?;
    if room.row.archived_at.is_none() {
        rooms::archive(&change.tx, room.id(), micros(op.now())).await?;
        let message = system_message(&room, RoomEvent::RoomArchived, require_user(op)?);
        change.emit(Event::Room { conversation: room.conversation(), message });
        op.audit(&change.tx, audit_entry("room.archived", room_id)).await?;
    }
    op.commit(change).await?;
    Ok(())
}
