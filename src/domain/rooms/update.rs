//! Changing what a room is called and is about.

use super::access::{Met, caller, lock};
use super::create::{MAX_NAME, MAX_TOPIC, NAME_WORDS, deed};
use super::get::unread;
use super::members::notice;
use super::view::view;
use crate::auth::permission::Permission;
use crate::base::text::{fits, is_line};
use crate::domain::error::Result;
use crate::domain::jobs::check::{Faults, refuse};
use crate::domain::op::Op;
use crate::protocol::event::Event;
use crate::protocol::message::RoomEvent;
use crate::protocol::problem::{FieldError, Problem};
use crate::protocol::room::Room;
use crate::storage::{micros, rooms};

/// What is to change; absent fields stay.
pub struct RoomChange {
    pub name: Option<String>,
    /// `Some(None)` empties it.
    pub topic: Option<Option<String>>,
}

/// Changes a room. `unchanged` refuses when the caller read another state. For owners of the room and admins.
pub async fn update(
    op: &Op,
    room_id: &str,
    wanted: RoomChange,
    unchanged: &(dyn Fn(&Room) -> Result<()> + Sync),
) -> Result<Room> {
    op.require(Permission::ReadRooms)?;
    refuse(judge(&wanted))?;
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    room.require_steward(op)?;
    room.require_open()?;
    let count = unread(op, &change.tx, &room).await?;
    let before = view(&room, count)?;
    unchanged(&before)?;
    let name = wanted.name.unwrap_or_else(|| room.row.name.clone());
    let topic = wanted.topic.unwrap_or_else(|| room.row.topic.clone());
    if name == room.row.name && topic == room.row.topic {
        // Nothing is written, and the room's tag stays.
        return Ok(before);
    }
    rooms::update(&change.tx, room.id(), &name, topic.as_deref(), micros(op.now())).await?;
    let message = notice(&room, RoomEvent::RoomUpdated, caller(op)?);
    change.tell(Event::Room { place: room.place(), message });
    op.audit(&change.tx, deed("room.updated", room_id)).await?;
    let row = rooms::find(&change.tx, room_id).await?.ok_or_else(Problem::not_found)?;
    op.commit(change).await?;
    view(&Met { row, member: room.member }, count)
}

/// Every bad field of a change.
pub fn judge(wanted: &RoomChange) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let name = wanted.name.as_deref();
    faults.unless(name.is_none_or(|name| is_line(name, MAX_NAME)), "name", "length", NAME_WORDS);
    let topic = wanted.topic.as_ref().and_then(Option::as_deref);
    faults.unless(
        topic.is_none_or(|topic| fits(topic, 0, MAX_TOPIC)),
        "topic",
        "length",
        "must have at most 500 characters",
    );
    faults.into_errors()
}
