//! Changing a room: its name and topic, and archiving it. Messages of an archived room stay readable for its
//! members, and nothing can be added.

use super::access::{RoomAccess, lock, require_user};
use super::announcement::{audit_entry, system_message};
use super::create::{MAX_NAME, MAX_TOPIC, NAME_WORDS};
use super::members::refuse_lobby;
use super::read::{unread, view};
use crate::auth::permission::Permission;
use crate::base::text::{has_length, is_single_line};
use crate::domain::error::Result;
use crate::domain::jobs::validation::{FieldErrors, ensure_valid};
use crate::domain::op::Op;
use crate::protocol::event::Event;
use crate::protocol::message::RoomEvent;
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::room::Room;
use crate::storage::{micros, rooms};

/// What is to change; absent fields stay as they are.
pub struct RoomChange {
    pub name: Option<String>,
    /// `Some(None)` clears it.
    pub topic: Option<Option<String>>,
}

/// Changes a room. `precondition` refuses when the caller read another state. For owners of the room and admins.
pub async fn update(
    op: &Op,
    room_id: &str,
    patch: RoomChange,
    precondition: &(dyn Fn(&Room) -> Result<()> + Sync),
) -> Result<Room> {
    op.require(Permission::ReadRooms)?;
    ensure_valid(validate_change(&patch))?;
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    room.require_moderator(op)?;
    room.require_open()?;
    let count = unread(op, &change.tx, &room).await?;
    let before = view(&room, count)?;
    precondition(&before)?;
    let name = patch.name.unwrap_or_else(|| room.row.name.clone());
    let topic = patch.topic.unwrap_or_else(|| room.row.topic.clone());
    if name == room.row.name && topic == room.row.topic {
        // Nothing is written, and the room's ETag stays the same.
        return Ok(before);
    }
    rooms::update(&change.tx, room.id(), &name, topic.as_deref(), micros(op.now())).await?;
    let message = system_message(&room, RoomEvent::RoomUpdated, require_user(op)?);
    change.emit(Event::Room { conversation: room.conversation(), message });
    op.audit(&change.tx, audit_entry("room.updated", room_id)).await?;
    let row = rooms::find(&change.tx, room_id).await?.ok_or_else(Problem::not_found)?;
    op.commit(change).await?;
    view(&RoomAccess { row, member: room.member }, count)
}

/// All invalid fields of a change.
pub fn validate_change(patch: &RoomChange) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    let name = patch.name.as_deref();
    faults.require(name.is_none_or(|name| is_single_line(name, MAX_NAME)), "name", "length", NAME_WORDS);
    let topic = patch.topic.as_ref().and_then(Option::as_deref);
    faults.require(
        topic.is_none_or(|topic| has_length(topic, 0, MAX_TOPIC)),
        "topic",
        "length",
        "must have at most 500 characters",
    );
    faults.into_errors()
}

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
