//! Rooms as their readers see them: one room, and the list of those that a caller may know of.

use super::access::{RoomAccess, load, require_user};
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::ids::RoomId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::room::{Room, Visibility};
use crate::storage::rooms::{self, RoomFilter};
use crate::storage::{TenantTx, messages, room_members, room_reads, time};

pub async fn get(op: &Op, room_id: &str) -> Result<Room> {
    op.require(Permission::ReadRooms)?;
    let tx = op.read().await?;
    let room = load(op, &tx, room_id).await?;
    let unread = unread(op, &tx, &room).await?;
    view(&room, unread)
}

/// Public rooms and the caller's own, in the order of creation; all rooms for admins. `archived`: the archived ones.
pub async fn list(op: &Op, archived: bool, page: PageRequest<i64>) -> Result<Page<Room, i64>> {
    op.require(Permission::ReadRooms)?;
    let reader = require_user(op)?;
    let tx = op.read().await?;
    let own: Vec<RoomId> =
        room_members::rooms_of(&tx, reader).await?.into_iter().map(|(room, _)| room).collect();
    let every_private = op.may(Permission::ManageRooms);
    let filter = RoomFilter { own: &own, every_private, archived };
    let rows = rooms::list(&tx, &filter, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let mut listed = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        let member = room_members::find(&tx, RoomId(row.id), reader).await?;
        let room = RoomAccess { row, member };
        let unread = unread(op, &tx, &room).await?;
        listed.push(view(&room, unread)?);
    }
    Ok(Page { rows: listed, next: page.next })
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

/// A room as its caller sees it.
pub(super) fn view(room: &RoomAccess, unread_count: Option<u64>) -> Result<Room> {
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
