//! A room as its caller sees it.

use super::access::RoomAccess;
use crate::base::clock::rfc3339;
use crate::domain::error::Result;
use crate::protocol::problem::Problem;
use crate::protocol::room::{Room, Visibility};
use crate::storage::time;

pub fn view(room: &RoomAccess, unread_count: Option<u64>) -> Result<Room> {
    let row = &room.row;
    let visibility = Visibility::named(&row.visibility).ok_or_else(|| {
        tracing::error!(room.id = row.id, "the visibility of a room in the store is not readable");
        Problem::internal()
    })?;
    Ok(Room {
        room_id: row.slug.clone(),
        name: row.name.clone(),
        topic: row.topic.clone(),
        visibility,
        is_member: room.is_member(),
        is_owner: room.is_owner(),
        unread_count,
        created_by: row.created_by,
        created_at: rfc3339(time(row.created_at)),
        updated_at: rfc3339(time(row.updated_at)),
        archived_at: row.archived_at.map(|at| rfc3339(time(at))),
    })
}
